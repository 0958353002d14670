"""Which part of which pages a case stands on, told by a person: what to write down for it. Pure.

Changes are in the form of the log (`originals.caselog`). Rows of a ruled page are found by `imaging.rows`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from book import Case
from bookpack.caserows import Known
from errors import NothingToDo, Refused

Change = Mapping[str, Any]
Box = tuple[float, ...]  # left, top, right, bottom as fractions of a page
MOST_PARTS = 40
WHOLE = (0.0, 0.0, 1.0, 1.0)


def even_rows(parts: int) -> tuple[Box, ...]:
    """So many equal rows over a whole page. Raises Refused for none, or more than a page can hold."""
    _check_parts(parts)
    return tuple((0.0, part / parts, 1.0, (part + 1) / parts) for part in range(parts))


def beside(rows: Sequence[Box], others: Sequence[Box]) -> tuple[Box, ...]:
    """The rows of a page as they go on on the next one: `others` found there, or at the same heights."""
    return tuple(others) if len(others) == len(rows) else tuple((0.0, row[1], 1.0, row[3]) for row in rows)


def across(known: Known, case: Case) -> Case:
    """The case on as many pages as the one before it, where that is a row over several: ledgers go on as they began.

    As it is where its page is another side of the book, or where something was typed of the pages that follow.
    """
    cases = list(known.cases.values())
    before = cases[max(0, cases.index(case) - 1)]
    first = known.numbers[case.pages[0]] - 1
    pages = known.pages[first:first + len(before.pages)]
    alike = [_side(page) for page in pages] == [_side(page) for page in before.pages]
    if not (before.regions and alike) or len(case.pages) > 1 or case.regions:
        return case
    there = [other for other in cases if other is not case and set(other.pages) & set(pages)]
    taken = any(_typed(other) or other.regions or len(other.pages) > 1 for other in there)
    return case if taken else replace(case, pages=pages)


def split(known: Known, case: Case, rows: Mapping[str, Sequence[Box]]) -> list[Change]:
    """As many cases as there are rows on each page of a case; those that it is split into already are split anew.

    Cases keep what was typed of them, from top to bottom. The case may be on more pages (`across`) than it is now.
    Raises Refused where there are fewer rows than typed cases.
    """
    parts = min(map(len, rows.values()), default=0)
    _check_parts(parts)
    there = [other for other in known.cases.values() if other.pages == case.pages] or [case]
    kept, left = there[:parts], there[parts:]
    if any(map(_typed, left)):
        raise Refused("split_typed", cases=len(there), parts=parts)
    names = [other.id for other in kept]
    while len(names) < parts:
        names.append(known.new_id(case.pages[0], names))
    parted = [{"case": name, "pages": list(case.pages), "regions": _regions(case, rows, at)}
              for at, name in enumerate(names)]
    return [*parted, *({"case": other.id, "removed": True} for other in left), *_swallowed(known, case, there)]


def _check_parts(parts: int) -> None:
    if not 1 <= parts <= MOST_PARTS:
        raise Refused("split_parts", most=MOST_PARTS)


def _regions(case: Case, rows: Mapping[str, Sequence[Box]], at: int) -> dict[str, list[float]]:
    return {page: list(rows[page][at]) for page in case.pages if tuple(rows[page][at]) != WHOLE}


def join(known: Known, case: Case) -> list[Change]:
    """A case goes on on the page after its last one. What stood there untyped as a case of its own is none any more;
    where that page is split into rows, its cases stay. Raises Refused where one is typed, NothingToDo after the last page.
    """
    following = known.pages[known.numbers[case.pages[-1]]:]
    if not following:
        raise NothingToDo("case_at_end")
    longer = replace(case, pages=(*case.pages, following[0]))
    return [{"case": case.id, "pages": list(longer.pages)}, *_swallowed(known, longer, [case])]


def _swallowed(known: Known, case: Case, own: Sequence[Case]) -> list[Change]:
    """What stood on the further pages of a case, beside its `own` ones, in whole, and is none any more. Raises Refused."""
    gone = []
    for page in case.pages[1:]:
        others = [other for other in known.cases.values() if page in other.pages and page not in other.regions
                  and other not in own]
        if any(_typed(other) or len(other.pages) > 1 for other in others):
            raise Refused("next_page_typed", page=known.numbers[page])
        gone += [{"case": other.id, "removed": True} for other in others if other.id in known.said]
    return gone


def part(known: Known, case: Case) -> list[Change]:
    """A case stands on its first page alone again, and each of the others has one of its own. Raises NothingToDo."""
    if len(case.pages) == 1:
        raise NothingToDo("case_on_one_page")
    back = [{"case": page, "pages": [page], "removed": False} for page in case.pages[1:]
            if page in known.said and page not in known.cases]
    return [{"case": case.id, "pages": [case.pages[0]]}, *back]


def remove(known: Known, case: Case) -> list[Change]:
    """There is no such case: its page is a cover, or stands empty."""
    return [{"case": case.id, "removed": True}]


def slip(known: Known, case: Case) -> list[Change]:
    """A case is an attached slip outside the numbering, or is none after all."""
    return [{"case": case.id, "pages": list(case.pages), "slip": not case.slip}]


def _side(page: str) -> str:
    return page.partition("-")[2]


def _typed(case: Case) -> bool:
    return bool(case.number or case.date)
