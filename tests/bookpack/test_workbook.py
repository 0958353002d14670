"""The workbook: columns by type of register, a row a case, text that stays text, the same bytes again."""

import io
import re
import zipfile
from dataclasses import replace

import pytest
from openpyxl import load_workbook

from book import Case, Identity
from bookpack.cases import case_names
from bookpack.columns import columns
from bookpack.contents import MinistryParams
from bookpack.workbook import content_digest, workbook


def _sheet(contents):
    return load_workbook(io.BytesIO(workbook(contents, case_names(contents, MinistryParams())))).active


def _rows(sheet):
    heads = [cell.value for cell in sheet[1]]
    return [dict(zip(heads, [cell.value for cell in row], strict=True)) for row in sheet.iter_rows(min_row=2)]


@pytest.mark.parametrize(("kind", "own"), [
    ("KS", {"nksHoTen", "nksNoiSinh", "nksQueQuan", "meHoTen", "chaNoiCuTru", "nycQuanHe"}),
    ("KH", {"chongHoTen", "voHoTen", "chongNoiCuTru", "ngayXacLapQuanHeHonNhan"}),
    ("KT", {"nktHoTen", "nktNgayChet", "nktNguyenNhanChet", "gbtSo", "gbtCoQuanCap", "nycHoTen"}),
    ("CMC", {"cmHoTen", "ncHoTen", "quyetDinhSo"}),
    ("GH", set()),
])
def test_each_type_of_register_has_the_common_columns_and_its_own(kind, own):
    names = columns(kind)
    common = {"so", "quyenSo", "trangSo", "ngayDangKy", "loaiDangKy", "noiDangKy", "nguoiKy", "chucVuNguoiKy",
              "nguoiThucHien", "ghiChu"}
    assert common | own <= set(names)
    assert names[-3:] == ("TenFile", "NamMoSo", "LoaiGiay")
    assert len(set(names)) == len(names)
    assert own or len(names) == len(common) + 3


def test_a_row_a_case_with_what_is_known(contents):
    first, second, third = (page.id for page in contents.pages)
    known = replace(contents, cases=(Case((first, second), "05", "1994-02-03"), Case((third,))))
    rows = _rows(_sheet(known))
    assert [(row["so"], row["ngayDangKy"], row["trangSo"], row["TenFile"]) for row in rows] == [
        ("05", "03.02.1994", "1, 2", "KH.1994.03.1994-02-03.05.pdf"), (None, None, "3", "KH.1994.14800.03.A4.2.pdf")]
    assert {(row["quyenSo"], row["NamMoSo"], row["LoaiGiay"], row["noiDangKy"]) for row in rows} == {
        ("03/1994", "1994", "A4", "xã Thọ Xuân")}
    assert {row["chongHoTen"] for row in rows} == {None}


def test_it_is_made_for_typing(contents):
    sheet = _sheet(contents)
    assert sheet.freeze_panes == "D2"
    assert {cell.number_format for row in sheet.iter_rows(min_row=2) for cell in row} == {"@"}
    links = {cell.hyperlink.target for row in sheet.iter_rows(min_row=2) for cell in row if cell.hyperlink}
    assert links == {f"KH.1994.14800.03.A4.{number}.pdf" for number in (1, 2, 3)}
    rule, = sheet.data_validations.dataValidation
    date = next(cell.column_letter for cell in sheet[1] if cell.value == "ngayDangKy")
    assert str(rule.sqref) == f"{date}2:{date}4"
    assert "dd.mm.yyyy" in rule.error


def test_a_type_without_columns_of_its_own_is_written_too(contents):
    assert len(_rows(_sheet(replace(contents, identity=Identity("GH", 1994, "14800", 3))))) == 3


def test_no_time_in_it_is_that_of_writing(contents):
    data = workbook(contents, case_names(contents, MinistryParams()))
    assert workbook(contents, case_names(contents, MinistryParams())) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        times = re.findall(rb"\d{4}-\d\d-\d\dT[\d:]+Z", archive.read("docProps/core.xml"))
    assert times == [b"2026-11-23T01:00:00Z"] * 2  # 8 o'clock in Vietnam


def test_the_digest_is_of_what_it_holds(contents):
    names = case_names(contents, MinistryParams())
    data = workbook(contents, names)
    other = workbook(replace(contents, place_name="xã Xuân Hòa"), names)
    flipped = data[:10] + bytes([data[10] ^ 1]) + data[11:]  # the time of the first file in it
    assert content_digest(io.BytesIO(data)) == content_digest(io.BytesIO(flipped))
    assert content_digest(io.BytesIO(data)) != content_digest(io.BytesIO(other))
