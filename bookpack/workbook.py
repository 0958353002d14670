"""The ministry's workbook: one row a case, what is known and was typed before filled in, the rest left to typists.

Row 1 has the names of the columns as receiving systems read them. A hidden last column says which case a row is of,
so that rows may be sorted and copied (`columns.RowMark`). How rows are read back is `typed`'s and `casereading`'s.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from book import Case
from bookpack.caserows import shown
from bookpack.columns import DATE, LISTS, MARK, NUMBER, PAGES, PROGRAM, RowMark, columns, parts_of
from bookpack.contents import BookContents
from bookpack.typed import text_of
from originals.caselog import SAID, UNDONE
from texts import say

WIDTHS = {"so": 8, "quyenSo": 10, "trangSo": 9, "ngayDangKy": 13, "TenFile": 44, "NamMoSo": 10, "noiDangKy": 28}
OTHER_WIDTH = 18  # characters
LINKED = (PAGES, "TenFile")  # the first stays in sight while one types, the last is what systems read
WANTED = (NUMBER, PAGES, DATE)  # have to be filled in for every case
FROZEN = "D2"  # heading, and number, volume and page of the case
TEXT = "@"  # a spreadsheet would make a date of 01/2017, and 5 of 05
HEAD_COLOUR, WANTED_COLOUR, KNOWN_COLOUR = "FFDDE6F0", "FFFFF8DC", "FFEFEFEF"
FACE = {"name": "Calibri", "size": 11}  # what openpyxl writes other cells in
LINE, LINE_LETTERS = 15, 95  # points, and letters that fit into a line of the instructions
SPARE_ROWS = 300  # below the last case: rows that typists add are checked too
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
UNIX = 3
STEPS = ("step_links", "step_fill", "step_two_on_page", "step_two_pages", "step_no_case", "step_slip", "step_sort",
         "step_import")
COLOURS = {"colour_type": WANTED_COLOUR, "colour_free": None, "colour_known": KNOWN_COLOUR}


def workbook(contents: BookContents, names: Sequence[str], folder: str = "") -> bytes:
    """The XLSX, with a row for each case, whose PDFs have `names` (without ending); the same book, the same bytes.

    Rows are linked to the PDFs in `folder` beside the workbook, where the zip is unpacked. Raises OSError.
    """
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = contents.identity.kind
    heads, *rows = rows_of(contents, names)
    for row, texts in enumerate((heads, *rows), 1):
        for column, text in enumerate(texts, 1):
            if text:
                sheet.cell(row, column, text).data_type = "s"  # "=…" is what somebody typed, and no formula
    _dress(sheet, heads, len(rows))
    for row, name in enumerate(names, 2):
        _link(sheet, heads, row, f"{folder}/{name}.pdf" if folder else f"{name}.pdf")
    _validate(sheet, heads, len(rows) + 1 + SPARE_ROWS)
    _instruct(book.create_sheet(say("workbook", "instructions")), contents, folder)
    return _settled(book, contents)


def rows_of(contents: BookContents, names: Sequence[str]) -> Iterator[list[str]]:
    """The heading, and the texts of a row for each case."""
    heads = (*columns(contents.identity.kind), MARK)
    yield list(heads)
    numbers = {page.id: number for number, page in enumerate(contents.pages, 1)}
    events = sum(event["event"] in (SAID, UNDONE) for event in contents.log)
    for case, name in zip(contents.cases, names, strict=True):
        mark = RowMark.of(case.id, events, [page.id for page in contents.pages])
        texts = {**_known(contents, case, name), **shown(case, numbers), MARK: str(mark)}
        yield [text_of(texts.get(head)) for head in heads]


def _known(contents: BookContents, case: Case, name: str) -> dict[str, str]:
    identity = contents.identity
    return {
        "quyenSo": f"{identity.volume:02d}/{identity.year}",
        "noiDangKy": contents.place_name or identity.place,
        "TenFile": f"{name}.pdf",
        "NamMoSo": str(identity.year),
        "LoaiGiay": contents.page(case.pages[0]).paper,
    }


def _dress(sheet: Any, heads: Sequence[str], rows: int) -> None:
    """Widths, colours, a heading that stays and says what each column is, all cells as text, rows that can be sorted."""
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill

    for column, head in enumerate(heads, 1):
        cell = sheet.cell(1, column)
        cell.font, cell.alignment = Font(**FACE, bold=True), Alignment(horizontal="center")
        cell.fill = PatternFill("solid", fgColor=HEAD_COLOUR)
        dimension = sheet.column_dimensions[cell.column_letter]
        dimension.width, dimension.number_format, dimension.hidden = WIDTHS.get(head, OTHER_WIDTH), TEXT, head == MARK
        colour = WANTED_COLOUR if head in WANTED else KNOWN_COLOUR if head in (*PROGRAM, MARK) else None
        for row in range(2, rows + 2):
            sheet.cell(row, column).number_format = TEXT
            if colour:
                sheet.cell(row, column).fill = PatternFill("solid", fgColor=colour)
        if head != MARK:
            cell.comment = Comment(_explained(head), "sohoa", height=60, width=240)
    sheet.freeze_panes = FROZEN
    sheet.auto_filter.ref = sheet.dimensions


def _explained(head: str) -> str:
    """What a column asks for, in Vietnamese, as the form is."""
    person, part = parts_of(head)
    return say("column", part) + (f" – {say('column', person)}" if person else "")


def _link(sheet: Any, heads: Sequence[str], row: int, target: str) -> None:
    from openpyxl.styles import Font

    for head in LINKED:
        cell = sheet.cell(row, heads.index(head) + 1)
        cell.hyperlink, cell.font = target, Font(**FACE, color="FF0563C1", underline="single")


def _validate(sheet: Any, heads: Sequence[str], last: int) -> None:
    """The spreadsheet asks for numbers, dates as dd.mm.yyyy and the usual values, in Vietnamese as the form is."""
    from openpyxl.worksheet.datavalidation import DataValidation

    for head in heads:
        letter = sheet.cell(1, heads.index(head) + 1).column_letter
        rule = _rule(head, f"{letter}2")
        if rule:
            validation = DataValidation(allow_blank=True, showErrorMessage=True, **rule)
            validation.add(f"{letter}2:{letter}{last}")
            sheet.add_data_validation(validation)


def _rule(head: str, cell: str) -> dict[str, str] | None:
    if head == DATE:
        return {"type": "custom", "formula1": f'AND(LEN({cell})=10,MID({cell},3,1)=".",MID({cell},6,1)=".")',
                "errorTitle": say("workbook", "date"), "error": say("workbook", "date_form")}
    if head == NUMBER:
        return {"type": "custom", "formula1": f'OR({cell}="-",ISNUMBER(VALUE(SUBSTITUTE(LOWER({cell}),"cc","0"))))',
                "errorTitle": say("workbook", "number"), "error": say("workbook", "number_form")}
    if head in LISTS:
        return {"type": "list", "formula1": f'"{",".join(LISTS[head])}"', "errorStyle": "warning",
                "errorTitle": say("workbook", "list"),
                "error": say("workbook", "list_form", values=", ".join(LISTS[head]))}
    return None


def _instruct(sheet: Any, contents: BookContents, folder: str) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill

    sheet.column_dimensions["A"].width = LINE_LETTERS
    sheet.append([say("workbook", "about", title=contents.title)])
    sheet["A1"].font = Font(name=FACE["name"], bold=True, size=14)
    for code, colour in COLOURS.items():
        sheet.append([say("workbook", code)])
        if colour:
            sheet.cell(sheet.max_row, 1).fill = PatternFill("solid", fgColor=colour)
    for number, code in enumerate(STEPS, 1):
        sheet.append([f"{number}. " + say("workbook", code, folder=folder, book=contents.identity)])
    for cell in sheet["A"]:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[cell.row].height = LINE * (1 + len(cell.value) // LINE_LETTERS) + LINE // 3


def _settled(book, contents: BookContents) -> bytes:
    """The workbook's bytes with all times taken from the book, where openpyxl would put the time of saving."""
    moment = datetime.fromisoformat(contents.time).astimezone(UTC).replace(tzinfo=None)
    book.properties.creator = contents.author or contents.program
    book.properties.title = contents.title
    book.properties.created = moment
    written, settled = io.BytesIO(), io.BytesIO()
    _save(book, written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(settled, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename == "docProps/core.xml":
                data = _with_modified(data, f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode("ascii"))
            entry = zipfile.ZipInfo(item.filename, EPOCH)
            entry.create_system = UNIX
            target.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return settled.getvalue()


def _save(book, target: BinaryIO) -> None:
    """Save, by way of a temporary file of openpyxl's; where lxml writes that, a full disk is no OSError as it should be."""
    try:
        book.save(target)
    except Exception as error:
        number = getattr(errno, str(error).removeprefix("IO_"), None)
        if number is None:
            raise
        raise OSError(number, os.strerror(number)) from error


def content_digest(file: Path | BinaryIO) -> str:
    """SHA-256 of what a workbook's file holds, however it is packed: another digest means that somebody saved it.

    Raises BadZipFile and others for a damaged file.
    """
    hasher = hashlib.sha256()
    with zipfile.ZipFile(file) as archive:
        for name in sorted(archive.namelist()):
            hasher.update(f"{name}\n{hashlib.sha256(archive.read(name)).hexdigest()}\n".encode())
    return hasher.hexdigest()


def _with_modified(core: bytes, stamp: bytes) -> bytes:
    head, tag, rest = core.partition(b"<dcterms:modified")
    opening, close, tail = rest.partition(b">")
    _, end, after = tail.partition(b"</dcterms:modified>")
    return head + tag + opening + close + stamp + end + after
