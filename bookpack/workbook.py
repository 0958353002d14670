"""The ministry's workbook: one row a case, what is known filled in, the rest left to typists."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime

from bookpack.contents import BookContents

COMMON = ("so", "quyenSo", "trangSo", "ngayDangKy", "loaiDangKy", "noiDangKy", "nguoiKy", "chucVuNguoiKy",
          "nguoiThucHien", "ghiChu")
LAST = ("TenFile", "NamMoSo", "LoaiGiay")
PERSON = ("HoTen", "GioiTinh", "NgaySinh", "DanToc", "QuocTich", "NoiCuTru", "LoaiGiayToTuyThan", "SoGiayToTuyThan")
BY_KIND: dict[str, tuple[str, ...]] = {  # prefix of each person's columns, by type of register
    "KS": ("nks", "me", "cha", "nyc"),
    "KH": ("chong", "vo"),
    "KT": ("nkt", "gbt", "nyc"),
    "CMC": ("cm", "nc"),
}
WIDTHS = {"so": 8, "quyenSo": 10, "trangSo": 9, "ngayDangKy": 13, "TenFile": 44, "NamMoSo": 10, "noiDangKy": 28}
EPOCH = datetime(1980, 1, 1)  # the earliest time that a zip can hold


def columns(kind: str) -> tuple[str, ...]:
    """Names of the columns for a type of register."""
    people = tuple(prefix + part for prefix in BY_KIND.get(kind, ()) for part in PERSON)
    return COMMON + people + LAST


def workbook(contents: BookContents, names: Sequence[str], pages_of: Sequence[str]) -> bytes:
    """The XLSX, with a row for each case: `names` of the PDFs without ending, `pages_of` the page numbers in words."""
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
    for row, (case, name, pages) in enumerate(zip(contents.cases, names, pages_of, strict=True), 2):
        known = _known(contents, case, name, pages)
        for column, head in enumerate(heads, 1):
            cell = sheet.cell(row, column, known.get(head))
            cell.number_format = "@"  # text: a spreadsheet would make a date of 01/2017
            if head == "TenFile":
                cell.hyperlink = f"{name}.pdf"
    sheet.freeze_panes = "B2"
    for column, head in enumerate(heads, 1):
        sheet.column_dimensions[sheet.cell(1, column).column_letter].width = WIDTHS.get(head, 18)
    _validate_dates(sheet, heads)
    return _settled(book, contents)


def _known(contents: BookContents, case, name: str, pages: str) -> dict[str, str]:
    identity = contents.identity
    date = ".".join(reversed(case.date.split("-"))) if case.date else None
    return {
        "so": case.number, "quyenSo": f"{identity.volume:02d}/{identity.year}", "trangSo": pages, "ngayDangKy": date,
        "noiDangKy": contents.place_name or identity.place, "TenFile": f"{name}.pdf", "NamMoSo": str(identity.year),
        "LoaiGiay": contents.page(case.pages[0]).paper,
    }


def _validate_dates(sheet, heads: Sequence[str]) -> None:
    """Excel asks for dd.mm.yyyy where a date of registration is typed."""
    from openpyxl.worksheet.datavalidation import DataValidation

    letter = sheet.cell(1, heads.index("ngayDangKy") + 1).column_letter
    rule = DataValidation(type="custom", allow_blank=True, showErrorMessage=True, errorTitle="Ngày đăng ký",
                          error="Hãy nhập ngày dạng dd.mm.yyyy, ví dụ 03.02.2017.",
                          formula1=f'AND(LEN({letter}2)=10,MID({letter}2,3,1)=".",MID({letter}2,6,1)=".")')
    rule.add(f"{letter}2:{letter}{max(2, sheet.max_row)}")
    sheet.add_data_validation(rule)


def _settled(book, contents: BookContents) -> bytes:
    """The workbook's bytes with all times taken from the book, so that the same book gives the same bytes."""
    moment = datetime.fromisoformat(contents.time).replace(tzinfo=None)
    book.properties.creator = contents.author or contents.program
    book.properties.title = contents.title
    book.properties.created = moment
    written = io.BytesIO()
    book.save(written)
    stamp = f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode("ascii")
    settled = io.BytesIO()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(settled, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename == "docProps/core.xml":  # openpyxl puts the time of saving there
                data = _with_modified(data, stamp)
            target.writestr(zipfile.ZipInfo(item.filename, EPOCH.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    return settled.getvalue()


def _with_modified(core: bytes, stamp: bytes) -> bytes:
    head, tag, rest = core.partition(b"<dcterms:modified")
    opening, close, tail = rest.partition(b">")
    _, end, after = tail.partition(b"</dcterms:modified>")
    return head + tag + opening + close + stamp + end + after
