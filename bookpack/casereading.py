"""What typed rows say of the cases of a book: which case each row is of, and what is new in it. Pure.

Only what a person changed counts: a cell that still holds what the workbook was written with says nothing, so that an
old copy takes nothing back. A row that cannot be taken says why, with its cell; checks across rows are `casechecks`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from book import Case
from bookpack.caserows import NONE, BadCell, Known, parse_date, parse_number, parse_pages, read_date, shown
from bookpack.cases import parse_case_name
from bookpack.columns import DATE, LISTS, MARK, NUMBER, PAGES, PROGRAM, RowMark, holds_date
from bookpack.typed import CaseProblem, TypedRow, TypedTable

PLACE, VOLUME, FILE, YEAR = "noiDangKy", "quyenSo", "TenFile", "NamMoSo"
OWN = (*PROGRAM, MARK)
VOLUME_FORM = re.compile(r"([0-9]{1,4})\s*/\s*([0-9]{4})")
SPOILT = frozenset(("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"))


@dataclass(frozen=True)
class RowSaid:
    """A row, the case it is of, and what it changes; no `change`: nothing. `waiting`: still to be filled in."""

    row: TypedRow
    case: str = ""
    change: Mapping[str, Any] = field(default_factory=dict)
    waiting: bool = False
    new: bool = False
    problems: tuple[CaseProblem, ...] = ()


def read_rows(table: TypedTable, known: Known) -> list[RowSaid]:
    """What each row says. A row that has a problem beside notes is not to be taken."""
    reading = _Reading(table, known)
    marked = [reading.marked(row, mark) for row, mark in reading.owners()]
    done = {said.row.number for said in marked}
    others = [row for row in table.rows if row.number not in done]
    others.sort(key=reading.has_wrong_date)  # a row that will not be taken must not take the case of one that is
    return marked + [reading.unmarked(row) for row in others]


class _Reading:
    """One table being read: which cases have their row already, and how the book stood when the rows were written."""

    def __init__(self, table: TypedTable, known: Known) -> None:
        self.table, self.known = table, known
        self.marks = {row.number: RowMark.parse(row.cells.get(MARK, "")) for row in table.rows}
        self.pages_changed = any(mark and self.stale(mark) for mark in self.marks.values())
        self.tied: set[str] = set()
        self._before: dict[int, Known] = {}

    def owners(self) -> Iterator[tuple[TypedRow, RowMark]]:
        """The row of each mark: of copies the one that has the case's number, or else the first."""
        rows: dict[str, list[TypedRow]] = {}
        for row in self.table.rows:
            if self.marks[row.number] is not None:
                rows.setdefault(self.marks[row.number].case, []).append(row)
        for name, copies in rows.items():
            case = self.known.case(name)
            same = [row for row in copies if case and _number_of(row) == (case.number, case.slip)]
            row = (same or copies)[0]
            yield row, self.marks[row.number]

    def marked(self, row: TypedRow, mark: RowMark) -> RowSaid:
        case = self.known.case(mark.case)
        if case is None:
            return RowSaid(row, problems=(self.problem(row, MARK, "case_unknown"),))
        self.tied.add(case.id)
        before = self._before.setdefault(mark.events, self.known.before(mark.events))
        then = before.case(mark.case)
        base = shown(then, self.known.numbers) if then else {}
        cleared = {column: "" for column in base if column in self.table.letters}
        typed = {column: text for column, text in {**cleared, **row.cells}.items() if text != base.get(column, "")}
        if self.stale(mark):
            typed.pop(PAGES, None)
        return self.said(row, case, typed)

    def stale(self, mark: RowMark) -> bool:
        """Whether the pages of the book are others than when the row was written, so that their numbers mislead."""
        return mark != RowMark.of(mark.case, mark.events, self.known.pages)

    def unmarked(self, row: TypedRow) -> RowSaid:
        """A row that was put in by a person, or is of a table of another make."""
        refused = self.refused(row)
        if refused is not None:
            return RowSaid(row, problems=(refused,))
        pages = self.pages_of(row)
        known = self.case_of(row, pages)
        if known is None and not row.cells.keys() - {PAGES, PLACE, *OWN}:
            return RowSaid(row)  # it waits to be filled in
        if known is None and not pages:
            return RowSaid(row, problems=(self.problem(row, PAGES, "page_missing"),))
        case = known or Case(pages, id=self.known.new_id(pages[0], self.tied))
        self.tied.add(case.id)
        base = shown(known, self.known.numbers) if known else {}
        typed = {column: text for column, text in row.cells.items() if text != base.get(column)}
        return self.said(row, case, typed, new=known is None)

    def refused(self, row: TypedRow) -> CaseProblem | None:
        """Why a row without a mark is not taken, whatever else it holds."""
        if self.pages_changed:
            return self.problem(row, PAGES, "pages_changed")
        if row.cells.get(NUMBER) in NONE:  # which of the page's cases is meant, only a mark can say
            return self.problem(row, NUMBER, "mark_missing")
        try:
            self.pages_of(row)
        except BadCell as bad:
            return self.problem(row, PAGES, bad.code, **bad.facts)
        return None

    def pages_of(self, row: TypedRow) -> tuple[str, ...]:
        return tuple(self.read_pages(row.cells[PAGES])["pages"]) if PAGES in row.cells else ()

    def has_wrong_date(self, row: TypedRow) -> bool:
        try:
            self.read_date(row.cells.get(DATE, ""))
        except BadCell:
            return True
        return False

    def case_of(self, row: TypedRow, pages: tuple[str, ...]) -> Case | None:
        """The case that an unmarked row is of, among those without a row: by file, by page and number, by page alone."""
        free = [case for case in self.known.cases.values() if case.id not in self.tied]
        typed, file = _number_of(row), row.cells.get(FILE, "").removesuffix(".pdf")
        named = [case for case in free if case.id == self.known.names.get(file)]
        here = [case for case in free if typed and pages and case.pages[0] == pages[0]]
        numbered = [case for case in here if typed == (case.number, case.slip)]
        return next(iter([*named, *numbered, *(case for case in here if not (case.number or case.slip))]), None)

    def said(self, row: TypedRow, case: Case, typed: dict[str, str], new: bool = False) -> RowSaid:
        """What the changed cells of a row come to."""
        typed = {column: text for column, text in typed.items() if column not in OWN}
        if typed.get(PLACE) in self.known.places:
            del typed[PLACE]
        problems = list(self.wrong(row))
        if not typed:
            waiting = case.id in self.known.cases and not case.slip and not (case.number and case.date)
            return RowSaid(row, case.id, waiting=waiting, problems=tuple(problems))
        change = self.values_of(case, typed)
        if typed.get(NUMBER) in NONE:
            change["removed"] = True
        else:
            problems += self.read_key(row, case, typed, change, new)
        problems += self.odd_values(row, typed)
        waiting = any(problem.code == "unfinished" for problem in problems)
        return RowSaid(row, case.id, self.news(case, change), waiting, new, tuple(problems))

    def values_of(self, case: Case, typed: Mapping[str, str]) -> dict[str, Any]:
        values = {column: text or None for column, text in typed.items() if column not in (NUMBER, DATE, PAGES)}
        changed = {column: text for column, text in values.items() if case.values.get(column) != text}
        return {"values": changed} if changed else {}

    def read_key(
        self, row: TypedRow, case: Case, typed: Mapping[str, str], change: dict[str, Any], new: bool
    ) -> list[CaseProblem]:
        """Put number, date and pages into `change`; what is wrong with them."""
        problems = []
        for column, read in ((NUMBER, self.read_number), (DATE, self.read_date), (PAGES, self.read_pages)):
            try:
                change |= read(typed[column]) if column in typed else {}
            except BadCell as bad:
                problems.append(self.problem(row, column, bad.code, **bad.facts))
        if problems or change.get("slip", case.slip):
            return problems
        number, date = change.get("number", case.number), change.get("date", case.date)
        if not (new or number or date or NUMBER in typed or DATE in typed):
            return [self.problem(row, NUMBER, "unfinished")]
        missing = [] if number else [self.problem(row, NUMBER, "number_missing")]
        return missing + ([] if date else [self.problem(row, DATE, "date_missing")])

    def read_number(self, text: str) -> dict[str, Any]:
        number, slip = parse_number(text) if text else (None, False)
        return {"number": number, "slip": slip}

    def read_date(self, text: str) -> dict[str, Any]:
        return {"date": read_date(text, self.known) if text else None}

    def read_pages(self, text: str) -> dict[str, Any]:
        if not text:
            raise BadCell("page_missing")
        return {"pages": [self.known.pages[number - 1] for number in parse_pages(text, len(self.known.pages))]}

    def news(self, case: Case, change: dict[str, Any]) -> dict[str, Any]:
        """What of a change is new to the case; with its pages, unless its id or what was said before tells them."""
        before = {"number": case.number, "date": case.date, "slip": case.slip, "pages": list(case.pages)}
        there, said = case.id in self.known.cases, case.id in self.known.said
        fresh = {key: value for key, value in change.items() if key not in before or value != before[key]}
        if change.get("removed"):
            fresh = {key: fresh[key] for key in ("removed", "values") if key in fresh and there}
        elif said and not there:
            fresh["removed"] = False
        if not fresh:
            return {}
        pages = {} if there and said and case.id in self.known.numbers else {"pages": list(case.pages)}
        return {"case": case.id, **pages, **fresh}

    def wrong(self, row: TypedRow) -> Iterator[CaseProblem]:
        """Cells that say the row is of another book, or that a spreadsheet could not compute."""
        book = self.known.identity
        volume = VOLUME_FORM.fullmatch(row.cells.get(VOLUME, ""))
        if volume and (int(volume[1]), int(volume[2])) != (book.volume, book.year):
            yield self.problem(row, VOLUME, "other_volume", text=volume[0], volume=f"{book.volume:02d}/{book.year}")
        elif VOLUME in row.cells and not volume:  # a spreadsheet makes a date of 01/2017 where it is let
            yield self.problem(row, VOLUME, "volume_unread", text=row.cells[VOLUME])
        if row.cells.get(YEAR, str(book.year)) != str(book.year):
            yield self.problem(row, YEAR, "other_year", text=row.cells[YEAR], year=str(book.year))
        name = parse_case_name(row.cells.get(FILE, "").removesuffix(".pdf"))
        if name is not None and not name.is_of(book):
            yield self.problem(row, FILE, "other_file", file=row.cells[FILE], book=str(book))
        for column, text in row.cells.items():
            if text in SPOILT:
                yield self.problem(row, column, "cell_error", text=text)

    def odd_values(self, row: TypedRow, typed: Mapping[str, str]) -> Iterator[CaseProblem]:
        """Notes on what is taken as it was typed."""
        for column, text in typed.items():
            if column in LISTS and text and text not in LISTS[column]:
                yield self.problem(row, column, "value_unlisted", known=", ".join(LISTS[column]))
            elif column != DATE and holds_date(column) and _unreal(text):
                yield self.problem(row, column, "value_date_unreal")

    def problem(self, row: TypedRow, column: str, code: str, **facts: Any) -> CaseProblem:
        return CaseProblem(code, facts, row.sheet, row.number, self.table.letters.get(column, ""))


def _number_of(row: TypedRow) -> tuple[str | None, bool] | None:
    try:
        return parse_number(row.cells.get(NUMBER, ""))
    except BadCell:
        return None


def _unreal(text: str) -> bool:
    """Whether a text has the form of a date and is none: 31.02.1990. Old papers also give a year alone, which is fine."""
    try:
        parse_date(text)
    except BadCell as bad:
        return bad.code == "date_unreal"
    return False
