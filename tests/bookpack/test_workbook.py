"""The workbook: columns by type of register, a row a case, text that stays text, the same bytes again."""

import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace

import pytest
from openpyxl import load_workbook

from book import Case, Identity
from bookpack.cases import case_names
from bookpack.columns import RowMark, columns
from bookpack.contents import MinistryParams
from bookpack.typed import read_typed
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
        ("05", "03.02.1994", "1, 2", "KH.1994.03.1994-02-03.05.pdf"), (None, None, "3", "KH.1994.14800.03.A4.3.pdf")]
    assert {(row["quyenSo"], row["NamMoSo"], row["LoaiGiay"], row["noiDangKy"]) for row in rows} == {
        ("03/1994", "1994", "A4", "xã Thọ Xuân")}
    assert {row["chongHoTen"] for row in rows} == {None}


def test_it_is_made_for_typing(contents):
    sheet = _sheet(contents)
    assert sheet.freeze_panes == "D2"
    assert sheet.auto_filter.ref == sheet.dimensions
    assert {cell.number_format for row in sheet.iter_rows(min_row=2) for cell in row} == {"@"}
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    letter = {cell.value: cell.column_letter for cell in sheet[1]}
    date, number, kind = (rules[f"{letter[name]}2:{letter[name]}304"] for name in ("ngayDangKy", "so", "loaiDangKy"))
    assert "dd.mm.yyyy" in date.error and "chữ số" not in date.error
    assert number.type == "custom" and "5cc" in number.error
    assert kind.type == "list" and kind.errorStyle == "warning" and "Đăng ký lại" in kind.formula1


def test_every_column_says_in_words_what_it_is(contents):
    for kind in ("KS", "KH", "KT", "CMC", "GH"):
        heads = _sheet(replace(contents, identity=Identity(kind, 1994, "14800", 3)))[1]
        said = {cell.value: cell.comment.text for cell in heads if cell.comment}
        assert said.keys() == set(columns(kind))
        assert not [name for name, text in said.items() if name in text or text.split(" – ")[0] in name]
    assert said["so"] == "Số đăng ký"


def test_the_links_open_the_pdfs_once_the_zip_is_unpacked_beside_it(ministry):
    sheet = load_workbook(ministry.workbook).active
    links = {cell.hyperlink.target for row in sheet.iter_rows(min_row=2) for cell in row if cell.hyperlink}
    folder = ministry.workbook.parent / "KH.1994.03"
    for path in ministry.zips:
        zipfile.ZipFile(path).extractall(folder)
    assert len(links) == 3
    for link in links:
        assert (ministry.workbook.parent / link).read_bytes().startswith(b"%PDF")


def test_a_second_sheet_says_how_to_fill_it_in(contents):
    book = load_workbook(io.BytesIO(workbook(contents, case_names(contents, MinistryParams()), "KH.1994.03")))
    assert [sheet.title for sheet in book] == ["KH", "Hướng dẫn"]
    assert book.active.title == "KH"
    said = "\n".join(str(row[0].value) for row in book["Hướng dẫn"])
    assert "“KH.1994.03”" in said and "sohoa cases import KH.1994.14800.03" in said and "⟨" not in said


def test_a_row_tells_its_case_in_a_hidden_column_at_the_end(contents):
    first, second, third = (page.id for page in contents.pages)
    cases = (Case((first,)), Case((first,), id=f"{first}+2"), Case((second, third)))
    sheet = _sheet(replace(contents, cases=cases))
    last = sheet[1][-1]
    assert last.value == "MaTruongHop" and sheet.column_dimensions[last.column_letter].hidden
    marks = [RowMark.parse(row[-1].value) for row in sheet.iter_rows(min_row=2)]
    assert [mark.case for mark in marks] == [first, f"{first}+2", second]
    assert marks[0] == RowMark.of(first, 0, [first, second, third])
    assert marks[0] != RowMark.of(first, 0, [first, third, second])


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_libreoffice_saves_it_with_all_that_it_held(ministry, tmp_path):
    saved = tmp_path / "saved" / ministry.workbook.name
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(saved.parent),
                    str(ministry.workbook)], check=True, capture_output=True, timeout=200)
    before, after = load_workbook(ministry.workbook), load_workbook(saved)
    assert after.sheetnames == before.sheetnames
    rules = [{(str(rule.sqref), rule.type, rule.error) for rule in book.active.data_validations.dataValidation}
             for book in (before, after)]
    assert rules[0] == rules[1]
    assert after.active.column_dimensions[after.active[1][-1].column_letter].hidden
    assert after.active["A1"].comment.text == before.active["A1"].comment.text
    assert read_typed(saved, "KH", columns("KH")) == read_typed(ministry.workbook, "KH", columns("KH"))


def test_it_holds_what_was_typed_before_as_it_was_typed(contents):
    first, *_ = (page.id for page in contents.pages)
    odd = Case((first,), values={"voHoTen": "a\x00b\ud800"})
    assert _rows(_sheet(replace(contents, cases=(odd,))))[0]["voHoTen"] == "ab?"
    values = {"chongHoTen": "=HYPERLINK(\"x\")", "ghiChu": "dòng 1\ndòng 2", "noiDangKy": "Đại sứ quán"}
    row, = _rows(_sheet(replace(contents, cases=(Case((first,), "5", "1994-02-03", slip=True, values=values),))))
    assert {key: row[key] for key in values} == values
    assert row["so"] == "5cc"


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
