"""The ministry's workbook: one row a case, what is known filled in, the rest left to typists."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from book import Case
from bookpack.columns import columns
from bookpack.contents import BookContents
from texts import say

WIDTHS = {"so": 8, "quyenSo": 10, "trangSo": 9, "ngayDangKy": 13, "TenFile": 44, "NamMoSo": 10, "noiDangKy": 28}
OTHER_WIDTH = 18  # characters
LINKED = ("trangSo", "TenFile")  # the first stays in sight while one types, the last is what systems read
FROZEN = "D2"  # heading, and number, volume and page of the case
TEXT = "@"  # a spreadsheet would make a date of 01/2017, and 5 of 05
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
UNIX = 3


def workbook(contents: BookContents, names: Sequence[str]) -> bytes:
    """The XLSX, with a row for each case, whose PDFs have `names` (without ending); the same book, the same bytes.

    Raises OSError.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill

    book = Workbook()
    sheet = book.active
    sheet.title = contents.identity.kind
    heads = columns(contents.identity.kind)
    sheet.append(heads)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="FFDDE6F0")
        cell.alignment = Alignment(horizontal="center")
    link = Font(color="FF0563C1", underline="single")
    for row, (case, name) in enumerate(zip(contents.cases, names, strict=True), 2):
        known = _known(contents, case, name)
        for column, head in enumerate(heads, 1):
            cell = sheet.cell(row, column, known.get(head))
            cell.number_format = TEXT
            if head in LINKED:
                cell.hyperlink, cell.font = f"{name}.pdf", link
    sheet.freeze_panes = FROZEN
    for column, head in enumerate(heads, 1):
        sheet.column_dimensions[sheet.cell(1, column).column_letter].width = WIDTHS.get(head, OTHER_WIDTH)
    _validate_dates(sheet, heads)
    return _settled(book, contents)


def _known(contents: BookContents, case: Case, name: str) -> dict[str, str | None]:
    identity = contents.identity
    return {
        "so": case.number,
        "quyenSo": f"{identity.volume:02d}/{identity.year}",
        "trangSo": ", ".join(str(contents.number(page)) for page in case.pages),
        "ngayDangKy": ".".join(reversed(case.date.split("-"))) if case.date else None,
        "noiDangKy": contents.place_name or identity.place,
        "TenFile": f"{name}.pdf",
        "NamMoSo": str(identity.year),
        "LoaiGiay": contents.page(case.pages[0]).paper,
    }


def _validate_dates(sheet, heads: Sequence[str]) -> None:
    """The spreadsheet asks for dd.mm.yyyy where a date of registration is typed; in Vietnamese, as the form is."""
    from openpyxl.worksheet.datavalidation import DataValidation

    letter = sheet.cell(1, heads.index("ngayDangKy") + 1).column_letter
    rule = DataValidation(type="custom", allow_blank=True, showErrorMessage=True, errorTitle=say("workbook", "date"),
                          error=say("workbook", "date_form"),
                          formula1=f'AND(LEN({letter}2)=10,MID({letter}2,3,1)=".",MID({letter}2,6,1)=".")')
    rule.add(f"{letter}2:{letter}{max(2, sheet.max_row)}")
    sheet.add_data_validation(rule)


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
