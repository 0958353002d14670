"""Which part of which pages a case stands on, told by a person: what to write down for it. Pure.

Changes are in the form of the log (`originals.caselog`). Rows of a ruled page are found by `imaging.rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from book import Case
from bookpack.caserows import Known
from errors import NothingToDo, Refused

Change = Mapping[str, Any]
Box = tuple[float, ...]  # left, top, right, bottom as fractions of a page
MOST_PARTS = 40
WHOLE = (0.0, 0.0, 1.0, 1.0)
SAME_ROW = 0.02  # of a page's height: edges of the same row differ no more


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
    """As many cases as there are rows on each page of a case, in place of all that stand on these pages now.

    Cases keep what was typed of them: in the rows where they stand, or else from top to bottom. The case may be on more
    pages (`across`) than it is now. What goes on on a page beside these keeps its row. Raises Refused where there are
    fewer rows than typed cases, or where a case on a further page is typed.
    """
    there, free = _replaced(known, case, rows)
    own = [other for other in there if other.pages[0] == case.pages[0]] or [case]
    kept, left = own[:len(free)], own[len(free):]
    if any(map(_typed, left)):
        raise Refused("split_typed", cases=len(own), parts=len(free))
    first = case.pages[0]
    places = _rows_of(own, first, rows[first], free) or free
    names = dict(zip(places, (other.id for other in kept), strict=False))
    for at in free:
        names[at] = names.get(at) or known.new_id(first, names.values())
    parted = [{"case": names[at], "pages": list(case.pages), "regions": _regions(case, rows, at)} for at in free]
    gone = [other for other in there if other not in own]
    return [*parted, *({"case": other.id, "removed": True} for other in left), *_swallowed(known, gone)]


def _replaced(known: Known, case: Case, rows: Mapping[str, Sequence[Box]]) -> tuple[list[Case], list[int]]:
    """What stands on the pages of a case alone, and the rows that are free for it. What goes on on another page keeps its
    row of a single one. Raises Refused where it has none.
    """
    parts, first = list(range(_parts(rows))), case.pages[0]
    there = [other for other in known.cases.values() if set(other.pages) & set(case.pages)]
    beyond = [other for other in there if not set(other.pages) <= set(case.pages)]
    kept = _rows_of(beyond, first, rows[first], parts) if len(case.pages) == 1 else []
    if len(kept) != len(beyond):
        raise Refused("page_goes_on", page=known.numbers[next(page for page in beyond[0].pages if page in case.pages)])
    return [other for other in there if other not in beyond], [at for at in parts if at not in kept]


def _parts(rows: Mapping[str, Sequence[Box]]) -> int:
    parts = min(map(len, rows.values()), default=0)
    _check_parts(parts)
    return parts


def _rows_of(cases: Sequence[Case], page: str, rows: Sequence[Box], free: Sequence[int]) -> list[int]:
    """In which of the rows each case stands on a page; none where one stands in no row that is there."""
    boxes = [case.regions.get(page, WHOLE) for case in cases]
    places = [at for box in boxes for at in free
              if abs(box[1] - rows[at][1]) < SAME_ROW and abs(box[3] - rows[at][3]) < SAME_ROW]
    return places if len(set(places)) == len(cases) else []


def _check_parts(parts: int) -> None:
    if not 1 <= parts <= MOST_PARTS:
        raise Refused("split_parts", most=MOST_PARTS)


def _regions(case: Case, rows: Mapping[str, Sequence[Box]], at: int) -> dict[str, list[float]]:
    return {page: list(rows[page][at]) for page in case.pages if tuple(rows[page][at]) != WHOLE}


def join(known: Known, case: Case, rows: Mapping[str, Sequence[Box]]) -> list[Change]:
    """A case goes on on the page after its last one; with it all rows beside it, where `rows` of the pages match.

    What stood there untyped as a case of its own is none any more. A case alone takes that page, or the first row where
    it is split. Raises Refused where something is typed there or goes on beyond, NothingToDo after the last page.
    """
    following = known.pages[known.numbers[case.pages[-1]]:]
    if not following:
        raise NothingToDo("case_at_end")
    page = following[0]
    there = [other for other in known.cases.values() if page in other.pages]
    boxes = _going_on(known, case, page, rows)
    if not boxes:
        there = there[:1]
        boxes = {case.id: there[0].regions.get(page, WHOLE) if there else WHOLE}
    return [*(_longer(known.cases[name], page, box) for name, box in boxes.items()), *_swallowed(known, there)]


def _going_on(known: Known, case: Case, page: str, rows: Mapping[str, Sequence[Box]]) -> dict[str, Box]:
    """Case → its row on the next page, of all rows beside a case; none where they do not match, or one goes on elsewhere."""
    cases, last = alike(known, case), case.pages[-1]
    here, there = rows.get(last, ()), rows.get(page, ())
    if len(cases) == 1 or any(last in other.pages and other not in cases for other in known.cases.values()):
        return {}
    places = _rows_of(cases, last, here, range(len(here))) if len(here) == len(there) else []
    if not places and len(cases) == len(there):
        places = list(range(len(there)))
    return {other.id: there[at] for other, at in zip(cases, places, strict=False)}


def _longer(case: Case, page: str, box: Box) -> Change:
    regions = {name: list(part) for name, part in {**case.regions, page: box}.items() if tuple(part) != WHOLE}
    return {"case": case.id, "pages": [*case.pages, page], "regions": regions}


def alike(known: Known, case: Case) -> list[Case]:
    """The rows of the same pages, from top to bottom, of which a case is one."""
    return [other for other in known.cases.values() if other.pages == case.pages]


def _swallowed(known: Known, cases: Iterable[Case]) -> list[Change]:
    """Cases are none any more, since others stand on their pages. Raises Refused where one is typed, or on several pages."""
    for case in cases:
        if _typed(case) or len(case.pages) > 1:
            raise Refused("next_page_typed" if _typed(case) else "page_goes_on", page=known.numbers[case.pages[-1]])
    return [{"case": case.id, "removed": True} for case in cases if case.id in known.said]


def part(known: Known, case: Case) -> list[Change]:
    """A case stands on its first page alone again, with all rows beside it, and what they took of each of the others is a
    case of its own. Raises NothingToDo.
    """
    if len(case.pages) == 1:
        raise NothingToDo("case_on_one_page")
    cases, back = alike(known, case), dict[str, Change]()
    for page in case.pages[1:]:
        for other in cases:
            name = _free_name(known, page, back)
            box = {page: list(other.regions[page])} if page in other.regions else {}
            back[name] = {"case": name, "pages": [page], "regions": box, "removed": False}
    first = case.pages[0]
    own = [{"case": other.id, "pages": [first], "regions": {page: list(box) for page, box in other.regions.items()
                                                            if page == first}} for other in cases]
    return [*own, *back.values()]


def _free_name(known: Known, page: str, besides: Iterable[str]) -> str:
    """The id of a page where it is that of no case, nor one under which something was typed; or else a new one."""
    said = known.said.get(page, {})
    taken = page in known.cases or page in besides or said.get("number") or said.get("date")
    return known.new_id(page, besides) if taken else page


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
