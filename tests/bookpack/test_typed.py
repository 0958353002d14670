"""Filled-in tables read back: workbooks and CSV as spreadsheets write them, and whatever else comes under those names."""

import csv
import io
from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from openpyxl import Workbook

from bookpack.columns import columns
from bookpack.typed import letter_of, read_typed, text_of
from errors import UnreadableTable

COLUMNS = columns("KH")
HEADS = ("so", "trangSo", "ngayDangKy", "chongHoTen", "TenFile")
ROW = ("5", "1", "03.02.1994", "Nguyễn Văn Mẫu", "KH.1994.14800.03.A4.1.pdf")
SOME_TEXT = some.text(some.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)


def _xlsx(path, rows, title="KH"):
    book = Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return book


def _csv(path, rows, separator=",", encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def _codes(table):
    return [(problem.code, problem.column, problem.row) for problem in table.problems if problem.code != "columns_missing"]


def test_a_row_knows_its_sheet_its_number_and_its_columns(tmp_path):
    _xlsx(tmp_path / "a.xlsx", [HEADS, ROW, [None] * 5, ROW])
    table = read_typed(tmp_path / "a.xlsx", "KH", COLUMNS)
    assert [(row.sheet, row.number) for row in table.rows] == [("KH", 2), ("KH", 4)]
    assert table.rows[0].cells == dict(zip(HEADS, ROW, strict=True))
    assert table.letters["ngayDangKy"] == "C"


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_as_spreadsheets_write_it(tmp_path, separator, encoding):
    _csv(tmp_path / "ks.csv", [HEADS, ROW], separator, encoding)
    table = read_typed(tmp_path / "ks.csv", "KH", COLUMNS)
    assert [(row.sheet, row.number, row.cells) for row in table.rows] == [("ks", 2, dict(zip(HEADS, ROW, strict=True)))]
    assert _codes(table) == []


@pytest.mark.parametrize(("value", "text"), [
    (None, ""), ("  05 ", "05"), (5, "5"), (5.0, "5"), (5.5, "5.5"), (date(1994, 2, 3), "03.02.1994"),
    (datetime(1994, 2, 3), "03.02.1994"), (datetime(1994, 2, 3, 7, 5), "03.02.1994 07:05"), (time(7, 5), "07:05"),
    ("Nguye\u0302\u0303n", "Nguyễn"), ("a\r\nb\x00\x0bc", "a\nbc"), ("x\xa0", "x"), (True, "True"),
])
def test_cells_are_read_as_a_person_sees_them(value, text):
    assert text_of(value) == text


@settings(deadline=None, max_examples=60)
@given(rows=some.lists(some.lists(SOME_TEXT, min_size=5, max_size=5), max_size=5), separator=some.sampled_from(";,\t"))
def test_whatever_is_typed_comes_back_from_either_kind_of_file(tmp_path_factory, rows, separator):
    folder = tmp_path_factory.mktemp("typed")
    book = _xlsx(folder / "KH.xlsx", [HEADS])  # what looks like a formula is typed as text
    for number, row in enumerate(rows, 2):
        for column, text in enumerate(row, 1):
            if text:
                book.active.cell(number, column, text).data_type = "s"
    book.save(folder / "KH.xlsx")
    _csv(folder / "KH.csv", [HEADS, *rows], separator)
    expected = [(number, {head: text_of(text) for head, text in zip(HEADS, row, strict=True) if text_of(text)})
                for number, row in enumerate(rows, 2)]
    expected = [(number, cells) for number, cells in expected if cells]
    for name in ("KH.xlsx", "KH.csv"):
        assert [(row.number, row.cells) for row in read_typed(folder / name, "KH", COLUMNS).rows] == expected


@settings(deadline=None)
@given(some.one_of(some.binary(max_size=300), some.binary(max_size=60).map(lambda tail: b"PK\x03\x04" + tail),
                   some.text(max_size=200).map(lambda text: f"so,ngayDangKy\n{text}".encode("utf-8", "replace"))))
def test_whatever_the_bytes_it_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("odd") / "KH.xlsx"
    path.write_bytes(data)
    try:
        assert read_typed(path, "KH", COLUMNS).letters
    except UnreadableTable as error:
        assert error.facts["file"] == "KH.xlsx"


@pytest.mark.parametrize(("data", "code"), [
    (b"", "table_without_heading"), (b"a,b\n1,2\n", "table_without_heading"), (b"PK\x03\x04 broken", "table_unreadable"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1", "table_old"),
    ("so;ngàyđăngký".encode("cp1258", "replace") + b"\xd0\xff", "table_not_utf8"),
])
def test_what_is_no_table_of_cases_is_refused_with_its_reason(tmp_path, data, code):
    (tmp_path / "a.xlsx").write_bytes(data)
    with pytest.raises(UnreadableTable) as caught:
        read_typed(tmp_path / "a.xlsx", "KH", COLUMNS)
    assert caught.value.code == code


def test_a_heading_may_stand_lower_and_in_another_case(tmp_path):
    _xlsx(tmp_path / "a.xlsx", [["Sổ kết hôn"], [head.upper() for head in HEADS], ROW])
    row, = read_typed(tmp_path / "a.xlsx", "KH", COLUMNS).rows
    assert (row.number, row.cells["ngayDangKy"]) == (3, "03.02.1994")


def test_odd_headings_and_sheets_are_told(tmp_path):
    book = _xlsx(tmp_path / "a.xlsx", [[*HEADS, "lạ", "so", ""], ROW, ROW], "Sheet1")
    book.active.merge_cells("D2:D3")
    book.create_sheet("KH cũ").append(HEADS)
    book.create_sheet("Hướng dẫn").append(["đọc tôi"])
    book.save(tmp_path / "a.xlsx")
    table = read_typed(tmp_path / "a.xlsx", "KH", COLUMNS)
    assert _codes(table) == [("sheet_renamed", "", None), ("sheet_not_read", "", None), ("column_twice", "G", 1),
                             ("columns_unknown", "", 1), ("merged_cells", "", 2), ("merged_cells", "", 3)]


def test_columns_that_are_not_there_are_told(tmp_path):
    _csv(tmp_path / "a.csv", [["trangSo", "ngayDangKy"], ["1", "03.02.1994"]])
    problems = read_typed(tmp_path / "a.csv", "KH", COLUMNS).problems
    assert [(problem.code, problem.facts.get("name")) for problem in problems] == [("column_wanted", "so"),
                                                                                  ("columns_missing", None)]


def test_the_sheet_of_the_register_is_read_wherever_it_stands(tmp_path):
    book = _xlsx(tmp_path / "a.xlsx", [HEADS], "nháp")
    sheet = book.create_sheet("KH")
    sheet.append(HEADS)
    sheet.append(ROW)
    book.save(tmp_path / "a.xlsx")
    table = read_typed(tmp_path / "a.xlsx", "KH", COLUMNS)
    assert (table.sheet, len(table.rows)) == ("KH", 1)


def test_a_table_that_is_far_too_long_is_refused(tmp_path):
    book = _xlsx(tmp_path / "a.xlsx", [HEADS])
    book.active.cell(20_000, 1, "5")
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(UnreadableTable) as caught:
        read_typed(tmp_path / "a.xlsx", "KH", COLUMNS)
    assert caught.value.code == "table_too_long"


@pytest.mark.parametrize(("place", "letter"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")])
def test_columns_are_called_as_in_a_spreadsheet(place, letter):
    assert letter_of(place) == letter
