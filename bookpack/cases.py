"""Cases and the names of their files: what a person, a typist and the receiving system know a case by."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass

from book import Case, Identity
from bookpack.contents import BookContents, MinistryParams
from bookpack.manifest import bare
from errors import BadConfig

SAFE = re.compile(r"[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*")
BOOK = r"(?P<kind>[A-Z]+)\.(?P<year>\d{4})\."
FINAL = re.compile(BOOK + r"(?P<volume>\d+)\.(?P<date>\d{4}-\d\d-\d\d)\.(?P<number>\d+)")
SCAN_STAGE = re.compile(BOOK + r"(?P<place>\d{5})\.(?P<volume>\d+)\.(?P<paper>\w+)\.(?P<sequence>\d+)")
NUMBER_DIGITS = 2


@dataclass(frozen=True)
class CaseName:
    """What the name of a case's file says; numbers as numbers, whatever their width. None: the name does not say."""

    kind: str
    year: int
    volume: int
    place: str | None = None
    date: str | None = None
    number: int | None = None
    paper: str | None = None
    sequence: int | None = None

    def is_of(self, book: Identity) -> bool:
        """Whether this is the name of a case of that book, as far as it says."""
        same = (self.kind, self.year, self.volume) == (book.kind, book.year, book.volume)
        return same and self.place in (None, book.place)


def one_case_a_page(pages: tuple[str, ...]) -> tuple[Case, ...]:
    """The cases of a book of which nobody has said more: each page is one."""
    return tuple(Case((page,)) for page in pages)


def package_name(identity: Identity, params: MinistryParams) -> str:
    """Name of the zip and the workbook, without ending. Raises BadConfig for a pattern that gives no file name."""
    return _fill("package_name", params.package_name, **asdict(identity))


def case_names(contents: BookContents, params: MinistryParams) -> list[str]:
    """Names of the case PDFs, without ending, in order: the final name, or the scan-stage name before that is known.

    Raises BadConfig for a pattern that gives no file name, or two names that differ in punctuation alone.
    """
    names = []
    for sequence, case in enumerate(contents.cases, 1):
        facts = asdict(contents.identity) | {"paper": contents.page(case.pages[0]).paper, "sequence": sequence}
        if case.number and case.date:
            number = case.number.zfill(NUMBER_DIGITS)
            names.append(_fill("case_name", params.case_name, **facts, date=case.date, number=number))
        else:
            names.append(_fill("scan_name", params.scan_name, **facts, date="", number=""))
    known = Counter(bare(f"{name}.pdf") for name in names)
    twice = next((name for name in names if known[bare(f"{name}.pdf")] > 1), None)
    if twice is not None:
        raise BadConfig("pattern_not_unique", key="ministry", name=twice)
    return names


def parse_case_name(name: str) -> CaseName | None:
    """What a name (without ending) of the default patterns says; None for any other."""
    match = FINAL.fullmatch(name) or SCAN_STAGE.fullmatch(name)
    if match is None:
        return None
    numbers = {"year", "volume", "number", "sequence"}
    return CaseName(**{key: int(text) if key in numbers else text for key, text in match.groupdict().items()})


def _fill(key: str, pattern: str, **facts: object) -> str:
    try:
        name = pattern.format(**facts)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise BadConfig("pattern_wrong", key=f"ministry.{key}", pattern=pattern, reason=str(error)) from error
    if not SAFE.fullmatch(name):
        raise BadConfig("pattern_unsafe", key=f"ministry.{key}", pattern=pattern, name=name)
    return name
