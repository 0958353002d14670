"""What must hold between the cases of a book: numbers and dates in order, none twice, no page left over. Pure.

What one row says by itself is `casereading`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from book import Case
from bookpack.casereading import RowSaid
from bookpack.caserows import Known, date_text, number_text, pages_text
from bookpack.columns import DATE, MARK, NUMBER, PAGES, RowMark
from bookpack.typed import CaseProblem, TypedTable

NOTES = frozenset((
    "case_without_page", "cases_fewer", "cases_more", "columns_missing", "columns_unknown", "date_back", "new_case",
    "number_back", "number_jump", "pages_stale", "page_without_case", "replaced", "rows_missing", "sheet_renamed",
    "unfinished", "value_date_unreal", "value_unlisted", "volume_unread",
))
KEY = frozenset(("number", "date", "slip", "pages", "removed"))


@dataclass(frozen=True)
class Checked:
    """What of a table is to be taken, in its changes; what was left out of it; what is to be said of both."""

    changes: tuple[Mapping[str, Any], ...]
    taken: int
    left_out: int
    waiting: int
    problems: tuple[CaseProblem, ...]


def severity(problem: CaseProblem) -> str:
    """`error`: the row was left out, or people have to do something; `note`: worth a look, and taken as it is."""
    return "note" if problem.code in NOTES else "error"


def check_rows(table: TypedTable, rows: Sequence[RowSaid], known: Known, stated: int | None) -> Checked:
    """Part the rows of a table into those to be taken and those that are wrong. `stated`: cases, as the book says."""
    problems = [*table.problems, *(problem for said in rows for problem in said.problems)]
    wrong = {problem.row for problem in problems if severity(problem) == "error"}
    good = [said for said in rows if said.change and said.row.number not in wrong]
    while double := _doubles(good, known, table):  # each one left out may change what the others come to
        problems += double.values()
        good = [said for said in good if said.row.number not in double]
    left_out = {problem.row for problem in problems if severity(problem) == "error"} - {said.row.number for said in good}
    left_out &= {said.row.number for said in rows}
    changes = _with_neighbours([said.change for said in good], known)
    after = known.after(changes) if changes else known
    problems += [*_news(good, known, after, table), *_stale(table, known)]
    problems += _placed([*of_book(after, stated), *_without_row(rows, known)], rows, table)
    ordered = sorted(problems, key=lambda item: (item.row is None, item.row or 0))
    return Checked(tuple(changes), len(good), len(left_out), sum(said.waiting for said in rows), tuple(ordered))


def of_book(known: Known, stated: int | None) -> list[CaseProblem]:
    """What is to be said of the cases of a book as they stand."""
    cases = list(known.cases.values())
    found = [CaseProblem("number_double", {"number": number_text(case), "pages": _pages_of(others, known)}, case=case.id)
             for case, others in doubles(cases)]
    return [*found, *_order(cases), *_pages_left(known), *_lost(known), *_total(cases, stated)]


def doubles(cases: Iterable[Case]) -> Iterator[tuple[Case, list[Case]]]:
    """Each case whose number another one of the same year has, and the others; of slips, number and date."""
    groups: dict[tuple[str, str | None, bool], list[Case]] = {}
    for case in cases:
        if case.number and (case.date or case.slip):
            groups.setdefault((case.number, case.date if case.slip else case.date[:4], case.slip), []).append(case)
    for group in groups.values():
        for case in group if len(group) > 1 else []:
            yield case, [other for other in group if other is not case]


def _doubles(good: Sequence[RowSaid], known: Known, table: TypedTable) -> dict[int, CaseProblem]:
    """Row → problem, of rows that would give a number twice."""
    rows = {said.case: said for said in good if KEY & said.change.keys()}
    after = known.after([said.change for said in good])
    return {rows[case.id].row.number: _at(rows[case.id], table, NUMBER, "number_double", number=number_text(case),
                                          pages=_pages_of(others, after))
            for case, others in doubles(after.cases.values()) if case.id in rows}


def _with_neighbours(changes: list[Mapping[str, Any]], known: Known) -> list[Mapping[str, Any]]:
    """A further case on a page takes nothing from those that are there: they are written down too, so that they stay
    whatever is undone later.
    """
    changed = {change["case"] for change in changes}
    shared = {page for change in changes if change["case"] not in known.cases for page in change.get("pages", ())}
    kept = [case for case in known.cases.values()
            if case.id not in changed and shared & set(case.pages)]
    return [*({"case": case.id, "pages": list(case.pages)} for case in kept), *changes]


def _news(good: Sequence[RowSaid], known: Known, after: Known, table: TypedTable) -> Iterator[CaseProblem]:
    for said in good:
        old, new = known.cases.get(said.case), after.cases.get(said.case)
        if said.new and new:
            yield _at(said, table, PAGES, "new_case", pages=pages_text(new, after.numbers))
        elif old and new:
            yield from _replaced(said, table, old, new, after.numbers)


def _replaced(said: RowSaid, table: TypedTable, old: Case, new: Case, numbers: Mapping[str, int]) -> Iterator[CaseProblem]:
    for column, before, after in ((NUMBER, number_text(old), number_text(new)),
                                  (DATE, date_text(old.date), date_text(new.date)),
                                  (PAGES, pages_text(old, numbers), pages_text(new, numbers))):
        if before and before != after:
            yield _at(said, table, column, "replaced", before=before, after=after)


def _stale(table: TypedTable, known: Known) -> list[CaseProblem]:
    marks = [mark for row in table.rows if (mark := RowMark.parse(row.cells.get(MARK, "")))]
    stale = any(mark != RowMark.of(mark.case, mark.events, known.pages) for mark in marks)
    return [CaseProblem("pages_stale", {}, table.sheet)] if stale else []


def _without_row(rows: Sequence[RowSaid], known: Known) -> list[CaseProblem]:
    here = {said.case for said in rows}
    missing = [case for case in known.cases.values() if case.id not in here]
    return [CaseProblem("rows_missing", {"number": len(missing), "pages": _pages_of(missing, known)})] if missing else []


def _order(cases: Sequence[Case]) -> Iterator[CaseProblem]:
    """Numbers that jump or go back and dates that go back, from page to page within a year."""
    numbered, untyped = [], 0
    for case in cases:
        if case.slip:
            continue
        if case.number and case.date:
            numbered.append((case, untyped))
            untyped = 0
        else:
            untyped += 1
    for (before, _), (case, between) in pairwise(numbered):
        facts = {"number": number_text(case), "before": number_text(before)}
        if case.date < before.date:
            dates = {"date": date_text(case.date), "before": date_text(before.date)}
            yield CaseProblem("date_back", dates, case=case.id)
        if case.date[:4] == before.date[:4] and int(case.number) < int(before.number):
            yield CaseProblem("number_back", facts, case=case.id)
        if case.date[:4] == before.date[:4] and int(case.number) > int(before.number) + 1 + between:
            yield CaseProblem("number_jump", facts, case=case.id)


def _pages_left(known: Known) -> list[CaseProblem]:
    used = {page for case in known.cases.values() for page in case.pages}
    left = [page for page in known.pages
            if page not in used and known.state.role_of(page) != "blank"]
    pages = ", ".join(str(known.numbers[page]) for page in left)
    return [CaseProblem("page_without_case", {"pages": pages})] if left else []


def _lost(known: Known) -> Iterator[CaseProblem]:
    """Cases that something was said of, and whose pages are not in the book any more."""
    for name, words in known.said.items():
        if not words.get("removed") and name not in known.cases and words.get("number"):
            yield CaseProblem("case_without_page", {"number": words["number"]}, case=name)


def _total(cases: Sequence[Case], stated: int | None) -> list[CaseProblem]:
    found = sum(not case.slip for case in cases)
    if stated in (None, found):
        return []
    facts = {"stated": stated, "found": found, "number": abs(stated - found)}
    return [CaseProblem("cases_fewer" if found < stated else "cases_more", facts)]


def _placed(problems: list[CaseProblem], rows: Sequence[RowSaid], table: TypedTable) -> Iterator[CaseProblem]:
    """The problems of cases, with the cell of their row where they have one."""
    of_case = {said.case: said for said in rows if said.case}
    for problem in problems:
        said = of_case.get(problem.case)
        letter = table.letters.get(DATE if problem.code == "date_back" else NUMBER, "")
        yield replace(problem, sheet=said.row.sheet, row=said.row.number, column=letter) if said else problem


def _at(said: RowSaid, table: TypedTable, column: str, code: str, **facts: Any) -> CaseProblem:
    return CaseProblem(code, facts, said.row.sheet, said.row.number, table.letters.get(column, ""), said.case)


def _pages_of(cases: Iterable[Case], known: Known) -> str:
    return ", ".join(dict.fromkeys(pages_text(case, known.numbers) for case in cases))
