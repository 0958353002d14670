"""A workbook or CSV that people filled in, read back as text: each row knows its sheet, its number and its columns.

What the text means is left to `caserows`.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from bookpack.columns import DATE, LAST, MARK, NUMBER, PAGES
from errors import NothingToDo, UnreadableTable

TELLING = frozenset(name.casefold() for name in (NUMBER, DATE, PAGES, LAST[0]))  # two of them make a row the heading
HEADING_WITHIN = 10  # rows: a typist may have put a title above
MOST_ROWS = 10_000
XLSX, OLD_XLS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
BYTE_ORDER = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
SEPARATORS = (";", ",", "\t")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class CaseProblem:
    """Something to be said of a row, of a column or of the book: a code, facts, and the place in the table."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    sheet: str = ""
    row: int | None = None
    column: str = ""  # its letter
    case: str = ""


@dataclass(frozen=True)
class TypedRow:
    """One row as it was typed: text by column, empty cells left out."""

    sheet: str
    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class TypedTable:
    """The rows of the sheet that holds cases, its columns and their letters, and what is odd about the sheet itself."""

    sheet: str
    letters: Mapping[str, str]
    rows: tuple[TypedRow, ...]
    problems: tuple[CaseProblem, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """One sheet of any kind of file: cell values row by row, and the merged ranges (first row, last row, name)."""

    name: str
    rows: Sequence[Sequence[Any]]
    merged: tuple[tuple[int, int, str], ...] = ()


def read_typed(path: Path, expected: str, columns: Sequence[str]) -> TypedTable:
    """Read the sheet named `expected`, or another one whose heading has the columns of cases.

    Raises NothingToDo where there is no such file, UnreadableTable for one that is neither XLSX nor CSV text, or has no
    such heading; OSError.
    """
    if not path.exists():
        raise NothingToDo("file_missing", file=path.name)
    data = path.read_bytes()
    if data.startswith(OLD_XLS):
        raise UnreadableTable("table_old", file=path.name)
    is_xlsx = data.startswith(XLSX)
    sheets = _xlsx_sheets(data, path.name) if is_xlsx else _csv_sheets(data, path)
    found = [(sheet, at) for sheet in sheets if (at := _heading(sheet.rows)) is not None]
    if not found:
        raise UnreadableTable("table_without_heading", file=path.name, columns=", ".join((NUMBER, DATE, PAGES, LAST[0])))
    sheet, at = min(found, key=lambda item: item[0].name != expected)
    others = [CaseProblem("sheet_not_read", sheet=other.name) for other, _ in found if other is not sheet]
    renamed = [CaseProblem("sheet_renamed", {"expected": expected}, sheet.name)] * (is_xlsx and sheet.name != expected)
    return _table(sheet, at, columns, [*renamed, *others])


def text_of(value: Any) -> str:
    """A cell as a typist reads it: dates as dd.mm.yyyy, whole numbers without a decimal point, composed letters.

    What no workbook can hold, control characters and halves of letters, is left out.
    """
    if value is None:
        return ""
    if isinstance(value, datetime) and value.time() != time():
        return f"{value:%d.%m.%Y %H:%M}"
    if isinstance(value, date):
        return f"{value.day:02d}.{value.month:02d}.{value.year:04d}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    lines = str(value).replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", CONTROL.sub("", lines)).strip()


def _heading(rows: Sequence[Sequence[Any]]) -> int | None:
    for at, row in enumerate(rows[:HEADING_WITHIN]):
        if len(TELLING & {text_of(value).casefold() for value in row}) > 1:
            return at
    return None


def _table(sheet: Sheet, at: int, columns: Sequence[str], problems: list[CaseProblem]) -> TypedTable:
    heads, odd = _heads(sheet, at, columns)
    problems = [*problems, *odd]
    rows = []
    for number, values in enumerate(sheet.rows[at + 1:], at + 2):
        texts = {heads[place]: text for place, value in enumerate(values) if place in heads and (text := text_of(value))}
        if texts:
            rows.append(TypedRow(sheet.name, number, texts))
            problems += _merged(sheet, number)
    letters = {name: letter_of(place) for place, name in heads.items()}
    return TypedTable(sheet.name, letters, tuple(rows), tuple(problems))


def _heads(sheet: Sheet, at: int, columns: Sequence[str]) -> tuple[dict[int, str], list[CaseProblem]]:
    """Place → name of the columns that are known, and what is to be said of the heading."""
    known = {name.casefold(): name for name in (*columns, MARK)}
    heads: dict[int, str] = {}
    problems, unknown = [], []
    for place, text in enumerate(map(text_of, sheet.rows[at])):
        name = known.get(text.casefold())
        if name is None:
            unknown += [text] if text else []
        elif name in heads.values():
            problems.append(CaseProblem("column_twice", {"name": text}, sheet.name, at + 1, letter_of(place)))
        else:
            heads[place] = name
    if unknown:
        problems.append(CaseProblem("columns_unknown", {"names": ", ".join(unknown)}, sheet.name, at + 1))
    missing = [name for name in columns if name not in heads.values()]
    wanted = [name for name in missing if name in (NUMBER, DATE)]
    problems += [CaseProblem("column_wanted", {"name": name}, sheet.name, at + 1) for name in wanted]
    if len(missing) > len(wanted):
        names = ", ".join(name for name in missing if name not in wanted)
        problems.append(CaseProblem("columns_missing", {"names": names}, sheet.name, at + 1))
    return heads, problems


def _merged(sheet: Sheet, row: int) -> Iterator[CaseProblem]:
    for first, last, name in sheet.merged:
        if first <= row <= last:
            yield CaseProblem("merged_cells", {"range": name}, sheet.name, row)


def letter_of(place: int) -> str:
    """The letter of a column, from 0: A, …, Z, AA, …"""
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _xlsx_sheets(data: bytes, name: str) -> list[Sheet]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), data_only=True)
        return [_xlsx_sheet(sheet, name) for sheet in book.worksheets]
    except UnreadableTable:
        raise
    except Exception as error:  # openpyxl raises many things over a damaged file
        raise UnreadableTable("table_unreadable", file=name, reason=str(error)) from error


def _xlsx_sheet(sheet: Any, file: str) -> Sheet:
    if sheet.max_row > MOST_ROWS:
        raise UnreadableTable("table_too_long", file=file, rows=sheet.max_row, most=MOST_ROWS)
    merged = tuple((area.min_row, area.max_row, str(area)) for area in sheet.merged_cells.ranges)
    return Sheet(sheet.title, list(sheet.iter_rows(values_only=True)), merged)


def _csv_sheets(data: bytes, path: Path) -> Iterable[Sheet]:
    """The text once for each separator: the one that makes columns of its heading is right."""
    try:
        text = data.decode(BYTE_ORDER.get(data[:2], BYTE_ORDER.get(data[:3], "utf-8")))
    except UnicodeError as error:
        raise UnreadableTable("table_not_utf8", file=path.name) from error
    for separator in SEPARATORS:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        except csv.Error as error:
            raise UnreadableTable("table_unreadable", file=path.name, reason=str(error)) from error
        if _heading(rows) is not None:
            return [Sheet(path.stem, rows)]
    return []
