"""The plan: a workbook or CSV of the register books that should exist, one a row. Read streaming; never written.

Forgiving about the order of columns, case, marks and words of headings. A row with a wrong cell is not of the plan, and
its cell is named; the other rows count.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from book import FIRST_YEAR, LAST_YEAR, Identity
from bookpack.typed import letter_of, text_of
from errors import NothingToDo, UnreadableTable

HEADINGS = {  # as `plain` leaves them
    "place": ("maxa", "madiaphuong", "manoidangky", "xa", "diaphuong", "noidangky", "place", "placecode", "commune"),
    "kind": ("loai", "loaiso", "maloai", "type", "kind"),
    "year": ("nam", "nammoso", "year"),
    "volume": ("quyen", "quyenso", "soquyen", "volume"),
    "pages": ("trang", "sotrang", "pages"),
    "cases": ("truonghop", "sotruonghop", "cases"),
    "district": ("huyen", "quanhuyen", "huyenquan", "district"),
    "name": ("tenxa", "tendiaphuong", "tennoidangky", "placename", "name"),
}
WANTED = ("place", "kind", "year", "volume")
HEADING_WITHIN = 20  # rows: titles may stand above
PLACE_DIGITS = 5
SEPARATORS = (",", ";", "\t")
VOLUME = re.compile(r"(\d{1,3})(?:\s*/\s*(\d{4}))?")


@dataclass(frozen=True)
class PlannedBook:
    """A book that should exist, with what the plan says of it; None where it says nothing."""

    identity: Identity
    pages: int | None = None
    cases: int | None = None


@dataclass(frozen=True)
class PlanProblem:
    """A cell that cannot be used, by sheet, row and column; its row is not of the plan."""

    code: str
    sheet: str
    row: int
    column: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Planned books by identity, districts and names of places by their code, and what could not be used."""

    books: Mapping[str, PlannedBook] = field(default_factory=dict)
    districts: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[PlanProblem, ...] = ()


class _WrongCell(Exception):
    """A cell of the column `about` says nothing that can be used."""

    def __init__(self, about: str, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.about, self.code, self.facts = about, code, facts


def plain(text: str) -> str:
    """Letters and digits alone, without case and marks, so that `Mã xã` and `ma_xa` are one."""
    split = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(sign for sign in split if sign.isascii() and sign.isalnum())


def read_plan(path: Path, kinds: Mapping[str, str], places: Mapping[str, str]) -> Plan:
    """The plan, with the tables of types and places of the settings to know their names by.

    Raises NothingToDo where there is no such file, UnreadableTable for one that is no workbook or CSV, or has no heading
    of a plan; OSError.
    """
    if not path.exists():
        raise NothingToDo("file_missing", file=path.name)
    reader = _Reader(kinds, places)
    for sheet, rows in _sheets(path):
        reader.read(sheet, rows)
    if not reader.found:
        raise UnreadableTable("plan_without_heading", file=path.name)
    return Plan(reader.books, reader.districts, reader.names, tuple(reader.problems))


class _Reader:
    """One plan being read, sheet after sheet."""

    def __init__(self, kinds: Mapping[str, str], places: Mapping[str, str]) -> None:
        self.kinds = {plain(word): code for code, name in kinds.items() for word in (name, code)}
        self.places = {plain(name): code for code, name in places.items()}
        self.books: dict[str, PlannedBook] = {}
        self.rows: dict[str, tuple[str, int]] = {}
        self.districts: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.problems: list[PlanProblem] = []
        self.found = False

    def read(self, sheet: str, rows: Iterable[Sequence[Any]]) -> None:
        columns: dict[str, int] = {}
        for number, values in enumerate(rows, 1):
            if columns:
                self.row(sheet, number, columns, values)
            elif number > HEADING_WITHIN:
                return
            else:
                columns = _columns(values)
                self.found |= bool(columns)

    def row(self, sheet: str, number: int, columns: Mapping[str, int], values: Sequence[Any]) -> None:
        cells = {name: text_of(values[at]) if at < len(values) else "" for name, at in columns.items()}
        if not any(cells[name] for name in WANTED):
            return
        try:
            book = self.book(cells)
            self.once(str(book.identity), (sheet, number))
        except _WrongCell as wrong:
            column = letter_of(columns[wrong.about])
            self.problems.append(PlanProblem(wrong.code, sheet, number, column, wrong.facts))
            return
        self.books[str(book.identity)] = book
        for known, name in ((self.districts, "district"), (self.names, "name")):
            if cells.get(name):
                known.setdefault(book.identity.place, cells[name])

    def book(self, cells: Mapping[str, str]) -> PlannedBook:
        place, kind = self.place(cells["place"]), self.kind(cells["kind"])
        year = _number("year", cells["year"], FIRST_YEAR, LAST_YEAR)
        identity = Identity(kind, year, place, _volume(cells["volume"], year))
        return PlannedBook(identity, _count("pages", cells), _count("cases", cells))

    def place(self, text: str) -> str:
        """A code, whose zeros a spreadsheet may have taken, or a name of the settings."""
        if text.isdecimal() and len(text) <= PLACE_DIGITS:
            return text.zfill(PLACE_DIGITS)
        if plain(text) in self.places:
            return self.places[plain(text)]
        raise _WrongCell("place", "plan_place", value=text)

    def kind(self, text: str) -> str:
        if plain(text) in self.kinds:
            return self.kinds[plain(text)]
        raise _WrongCell("kind", "plan_kind", value=text, kinds=", ".join(sorted(set(self.kinds.values()))))

    def once(self, identity: str, here: tuple[str, int]) -> None:
        first = self.rows.setdefault(identity, here)
        if first != here:
            raise _WrongCell("volume", "plan_twice", book=identity, sheet=first[0], row=str(first[1]))


def _columns(values: Sequence[Any]) -> dict[str, int]:
    """The place of each column that a heading names; nothing where a row is no heading."""
    known = {word: name for name, words in HEADINGS.items() for word in words}
    found: dict[str, int] = {}
    for at, value in enumerate(values):
        name = known.get(plain(text_of(value)))
        if name:
            found.setdefault(name, at)
    return found if all(name in found for name in WANTED) else {}


def _volume(text: str, year: int) -> int:
    match = VOLUME.fullmatch(text)
    if match is None or int(match[1]) == 0 or (match[2] and int(match[2]) != year):
        raise _WrongCell("volume", "plan_volume", value=text)
    return int(match[1])


def _count(about: str, cells: Mapping[str, str]) -> int | None:
    text = re.sub(r"(?<=\d)[., ](?=\d{3}\b)", "", cells.get(about, ""))
    return _number(about, text, 0, 1_000_000) if text else None


def _number(about: str, text: str, least: int, most: int) -> int:
    if not (text.isdecimal() and least <= int(text) <= most):
        raise _WrongCell(about, "plan_number", value=text, least=str(least), most=str(most))
    return int(text)


def _sheets(path: Path) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    read: Callable[[Path], Any] = _csv_sheet if path.suffix.lower() in (".csv", ".txt", ".tsv") else _xlsx_sheets
    return read(path)


def _csv_sheet(path: Path) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    """The text in the one of the separators that its lines hold most often."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        separator = max(SEPARATORS, key=text.count)
        yield path.stem, csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    except UnicodeError as error:
        raise UnreadableTable("table_not_utf8", file=path.name) from error
    except csv.Error as error:
        raise UnreadableTable("table_unreadable", file=path.name, reason=str(error)) from error


def _xlsx_sheets(path: Path) -> Iterator[tuple[str, Iterable[Sequence[Any]]]]:
    from openpyxl import load_workbook

    with open(path, "rb") as file:
        try:
            for sheet in load_workbook(file, read_only=True, data_only=True).worksheets:
                yield sheet.title, sheet.iter_rows(values_only=True)
        except Exception as error:  # openpyxl raises many things over a damaged file
            raise UnreadableTable("table_unreadable", file=path.name, reason=str(error)) from error
