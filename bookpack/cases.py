"""Cases and the names of their files: what a person, a typist and the receiving system know a case by."""

from __future__ import annotations

import re
from dataclasses import asdict

from book import Case, Identity
from bookpack.contents import BookContents, MinistryParams, PackedPage
from errors import BadConfig

SAFE = re.compile(r"[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*")
FINAL = re.compile(r"(?P<kind>[A-Z]+)\.(?P<year>\d{4})\.(?P<volume>\d+)\.(?P<date>\d{4}-\d\d-\d\d)\.(?P<number>\d+)")


def one_case_a_page(pages: tuple[str, ...]) -> tuple[Case, ...]:
    """The cases of a book of which nobody has said more: each page is one."""
    return tuple(Case((page,)) for page in pages)


def package_name(identity: Identity, params: MinistryParams) -> str:
    """Name of the zip and the workbook, without ending. Raises BadConfig for a pattern that gives no file name."""
    return _fill("package_name", params.package_name, **asdict(identity))


def case_names(contents: BookContents, params: MinistryParams) -> list[str]:
    """Names of the case PDFs, without ending, in order: the final name, or the scan-stage name before that is known.

    Raises BadConfig for a pattern that gives no file name, or the same name twice.
    """
    names = []
    for sequence, case in enumerate(contents.cases, 1):
        facts = asdict(contents.identity) | {"paper": _paper(contents, case), "sequence": sequence}
        if case.number and case.date:
            number = case.number.zfill(2)
            names.append(_fill("case_name", params.case_name, **facts, date=case.date, number=number))
        else:
            names.append(_fill("scan_name", params.scan_name, **facts, date="", number=""))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadConfig("pattern_not_unique", key="ministry", name=twice)
    return names


def parse_case_name(name: str) -> tuple[Identity, str, int] | None:
    """Book (its place unknown), date and number of a final name of the default pattern; None for any other."""
    match = FINAL.fullmatch(name)
    if match is None:
        return None
    identity = Identity(match["kind"], int(match["year"]), "", int(match["volume"]))
    return identity, match["date"], int(match["number"])


def _paper(contents: BookContents, case: Case) -> str:
    page: PackedPage = contents.page(case.pages[0])
    return page.paper


def _fill(key: str, pattern: str, **facts: object) -> str:
    try:
        name = pattern.format(**facts)
    except (KeyError, ValueError, IndexError) as error:
        raise BadConfig("pattern_wrong", key=f"ministry.{key}", pattern=pattern, reason=str(error)) from error
    if not SAFE.fullmatch(name):
        raise BadConfig("pattern_unsafe", key=f"ministry.{key}", pattern=pattern, name=name)
    return name
