"""The cases of a book, and the names of their files: what a person, a typist and the receiving system know a case by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from book import Case, Identity
from bookpack.contents import BookContents, MinistryParams
from bookpack.manifest import bare
from errors import BadConfig
from originals.booklog import BookState
from originals.caselog import said_of_cases

SAFE = re.compile(r"[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*")
BOOK = r"(?P<kind>[A-Z]+)\.(?P<year>\d{4})\."
FINAL = re.compile(BOOK + r"(?P<volume>\d+)\.(?P<date>\d{4}-\d\d-\d\d)\.(?:cc)?(?P<number>\d+)(?:cc)?")
SCAN_STAGE = re.compile(BOOK + r"(?P<place>\d{5})\.(?P<volume>\d+)\.(?P<paper>\w+)\."
                        r"(?P<sequence>\d+)(?:x(?P<nth>\d+))?(?:cc)?")
SLIP = "cc"  # as practice marks an amendment slip
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
    nth: int | None = None  # 2 for the second case that begins on its page
    slip: bool = False

    def is_of(self, book: Identity) -> bool:
        """Whether this is the name of a case of that book, as far as it says."""
        same = (self.kind, self.year, self.volume) == (book.kind, book.year, book.volume)
        return same and self.place in (None, book.place)


def cases_of(
    state: BookState, pages: Sequence[str], said: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Case, ...]:
    """The cases of a book whose pages, in order, have those ids; in the order of their pages.

    A page of which nobody has said anything is a case of its own; a slip where it came as one, none where it came as a
    blank page. `said` is what its events about cases come to, for those who know.
    """
    said = said_of_cases(state.case_events) if said is None else said
    cases = [case for name, words in said.items() if not words.get("removed") and (case := _said(name, words, state, pages))]
    taken = {page for case in cases for page in case.pages} | said.keys()
    for page in pages:
        role = state.role_of(page)
        if page not in taken and role != "blank":
            cases.append(Case((page,), slip=role == "slip"))
    place = {page: number for number, page in enumerate(pages)}
    return tuple(sorted(cases, key=lambda case: (place[case.pages[0]], case.regions.get(case.pages[0], (0, 0))[1])))


def _said(name: str, words: Mapping[str, Any], state: BookState, pages: Sequence[str]) -> Case | None:
    """A case that something was said of; None where none of its pages is in the book any more."""
    stands = {old: standing(old, state, pages) for old in words.get("pages", (name,))}
    where = tuple(dict.fromkeys(page for new in stands.values() for page in new))
    if not where:
        return None
    regions = {new: tuple(box) for old, box in words.get("regions", {}).items() for new in stands.get(old, ())}
    values = {column: text for column, text in words.get("values", {}).items() if text}
    return Case(where, words.get("number"), words.get("date"), name, bool(words.get("slip")), values, regions)


def standing(page: str, state: BookState, pages: Sequence[str]) -> tuple[str, ...]:
    """The pages that stand for one today: itself, that of its retake, or those that its capture is split into now."""
    capture, dash, side = page.partition("-")
    capture = state.latest(capture)
    same = f"{capture}{dash}{side}"
    return (same,) if same in pages else tuple(other for other in pages if other.partition("-")[0] == capture)


def package_name(identity: Identity, params: MinistryParams) -> str:
    """Name of the zip and the workbook, without ending. Raises BadConfig for a pattern that gives no file name."""
    return _fill("package_name", params.package_name, **asdict(identity))


def part_name(identity: Identity, params: MinistryParams, part: int, parts: int) -> str:
    """Name of one zip of a package (from 1), without ending. Raises BadConfig for a pattern that names two alike."""
    package = package_name(identity, params)
    if parts == 1:
        return package
    first, second = (_fill("part_name", params.part_name, package=package, part=number, **asdict(identity))
                     for number in (part, part + 1))
    if bare(f"{first}.zip") == bare(f"{second}.zip"):
        raise BadConfig("pattern_not_unique", key="ministry.part_name", name=first)
    return first


def case_names(contents: BookContents, params: MinistryParams) -> list[str]:
    """Names of the case PDFs, without ending, in order: the final name, or the scan-stage name before that is known.

    Cases that would bear the same final name keep that of the scan stage (`double_names`). Raises BadConfig for a
    pattern that gives no file name, or two names that differ in punctuation alone.
    """
    finals, scans = _final_names(contents, params), _scan_names(contents, params)
    double = set(_alike(list(filter(None, finals))))
    names = [scan if final is None or final in double else final for final, scan in zip(finals, scans, strict=True)]
    twice = _alike(names)
    if twice:
        raise BadConfig("pattern_not_unique", key="ministry", name=twice[0])
    return names


def double_names(contents: BookContents, params: MinistryParams) -> list[str]:
    """Final names that more than one case would bear, with or without their punctuation. Raises BadConfig."""
    return _alike([name for name in _final_names(contents, params) if name])


def _alike(names: list[str]) -> list[str]:
    known = Counter(bared := [bare(f"{name}.pdf") for name in names])
    return sorted({name for name, without in zip(names, bared, strict=True) if known[without] > 1})


def _final_names(contents: BookContents, params: MinistryParams) -> list[str | None]:
    return [_final_name(contents, case, params) if case.number and case.date else None for case in contents.cases]


def _final_name(contents: BookContents, case: Case, params: MinistryParams) -> str:
    facts = _facts(contents, case) | {"date": case.date, "number": case.number.zfill(NUMBER_DIGITS)}
    return _fill("case_name", params.case_name, **facts) + SLIP * case.slip


def _scan_names(contents: BookContents, params: MinistryParams) -> list[str]:
    """A further case on a page is told by `x2`, so that those after it keep their names."""
    names: list[str] = []
    firsts: Counter[str] = Counter()
    for case in contents.cases:
        firsts[case.pages[0]] += 1
        nth = firsts[case.pages[0]]
        name = _fill("scan_name", params.scan_name, **_facts(contents, case), date="", number="")
        names.append(name + (f"x{nth}" if nth > 1 else "") + SLIP * case.slip)
    return names


def _facts(contents: BookContents, case: Case) -> dict[str, Any]:
    first = case.pages[0]
    return {**vars(contents.identity), "paper": contents.page(first).paper, "sequence": contents.number(first)}


def parse_case_name(name: str) -> CaseName | None:
    """What a name (without ending) of the default patterns says; None for any other."""
    match = FINAL.fullmatch(name) or SCAN_STAGE.fullmatch(name)
    if match is None:
        return None
    numbers = {"year", "volume", "number", "sequence", "nth"}
    said = {key: int(text) if key in numbers else text for key, text in match.groupdict().items() if text}
    return CaseName(**said, slip=SLIP in name)


def _fill(key: str, pattern: str, **facts: object) -> str:
    try:
        name = pattern.format(**facts)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        raise BadConfig("pattern_wrong", key=f"ministry.{key}", pattern=pattern, reason=str(error)) from error
    if not SAFE.fullmatch(name):
        raise BadConfig("pattern_unsafe", key=f"ministry.{key}", pattern=pattern, name=name)
    return name
