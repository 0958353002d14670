"""The report: a forgiving plan whose wrong cells are named, facts that count once, tables and a page that tell them."""

import csv
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from errors import NothingToDo, UnreadableTable
from originals.booklog import BookLog
from reporting.facts import gather
from reporting.plan import read_plan
from reporting.tables import problem_in_words
from reporting.totals import report_of
from workplace import Workplace

ROOT = Path(__file__).parents[2]
BOOK = "KH.1990.14800.01"
KINDS = {"KS": "khai sinh", "KH": "kết hôn", "CMC": "nhận cha, mẹ, con"}
PLACES = {"14800": "xã Thọ Xuân"}
NOON = "2026-03-01T12:00:00+07:00"
HEADING = ["Mã xã", "Loại sổ", "Năm mở sổ", "Quyển số", "Số trang", "Số trường hợp", "Huyện"]
PERSON = "Nguyễn Thị Hư Cấu"


@pytest.fixture(scope="module")
def station(small_book, tmp_path_factory):
    """A store with one finished book of six pages."""
    return shutil.copytree(small_book, tmp_path_factory.mktemp("report") / "station")


def _xlsx(path, *rows, title="Kế hoạch"):
    book = Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def _received(log, name, captures):
    for number in captures:
        log.append({"event": "received", "arrival": log.state().next_arrival, "sha256": f"{number:064x}"[::-1], "name": name,
                    "media": "image/jpeg", "frames": [{"frame": 0, "width": 10, "height": 10, "dpi": 300.0}]})


def _lines(report):
    return {str(line.identity): line for line in report.lines}


def test_a_plan_is_read_whatever_the_order_case_and_language_of_its_headings(tmp_path):
    wanted = {"KH.1994.14800.03", "KS.2009.01234.01"}
    vietnamese = _xlsx(tmp_path / "a.xlsx", ["KẾ HOẠCH CỦA TỈNH"], [], HEADING,
                       [14800, "Kết hôn", 1994, "03/1994", "1.200", None, "Thọ Xuân"], ["01234", "ks", "2009", 1, 90, 80])
    english = _xlsx(tmp_path / "b.xlsx", ["VOLUME", "year", "Type", "Commune", "remarks"], [3, 1994, "kh", "XÃ THỌ XUÂN"],
                    ["01", 2009.0, "KHAI SINH", 1234, "kept at the district"])
    (tmp_path / "c.csv").write_text("ma_xa;loai;nam;quyen\n14800;KH;1994;03\n1234;KS;2009;1\n", encoding="utf-8-sig")
    for path in (vietnamese, english, tmp_path / "c.csv"):
        plan = read_plan(path, KINDS, PLACES)
        assert set(plan.books) == wanted
        assert plan.problems == ()
    planned = read_plan(vietnamese, KINDS, PLACES)
    assert (planned.books["KH.1994.14800.03"].pages, planned.books["KH.1994.14800.03"].cases) == (1200, None)
    assert planned.districts == {"14800": "Thọ Xuân"}


@pytest.mark.parametrize(("cell", "value", "column", "code"), [
    (0, "xã Không Có", "A", "plan_place"), (1, "XYZ", "B", "plan_kind"), (2, "năm 94", "C", "plan_number"),
    (2, 1794, "C", "plan_number"), (3, "0", "D", "plan_volume"), (3, "03/1995", "D", "plan_volume"),
    (4, "khoảng 200", "E", "plan_number"), (5, -3, "F", "plan_number"),
])
def test_a_wrong_cell_is_named_and_the_other_rows_count(tmp_path, cell, value, column, code):
    row = ["14800", "KH", 1994, "03", 200, 180, ""]
    row[cell] = value
    plan = read_plan(_xlsx(tmp_path / "plan.xlsx", HEADING, row, ["14800", "KS", 1994, 1]), KINDS, PLACES)
    assert list(plan.books) == ["KS.1994.14800.01"]
    assert [(item.sheet, item.row, item.column, item.code) for item in plan.problems] == [("Kế hoạch", 2, column, code)]
    for language in ("vi", "en"):
        told = problem_in_words(plan.problems[0], language)
        assert f"{column}2" in told
        assert code not in told
        assert "⟨" not in told


def test_a_book_that_is_planned_twice_counts_once(tmp_path):
    plan = read_plan(_xlsx(tmp_path / "plan.xlsx", HEADING, ["14800", "KH", 1994, 3, 200], ["14800", "KH", 1994, "03", 100]),
                     KINDS, PLACES)
    assert plan.books["KH.1994.14800.03"].pages == 200
    assert [(item.row, item.code) for item in plan.problems] == [(3, "plan_twice")]


def test_what_is_no_plan_is_refused(tmp_path):
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 and nothing more")
    for path in (_xlsx(tmp_path / "list.xlsx", ["name", "date"], ["a", "b"]), tmp_path / "broken.xlsx"):
        with pytest.raises(UnreadableTable):
            read_plan(path, KINDS, PLACES)


def test_books_without_a_plan_and_plans_without_a_book_are_listed(tmp_path):
    _received(Workplace(tmp_path).log("KS.1990.14800.02"), "a.jpg", [1])
    plan = read_plan(_xlsx(tmp_path / "plan.xlsx", HEADING, ["14800", "KH", 1994, 3, 200]), KINDS, PLACES)
    report = report_of(plan, gather([Workplace(tmp_path)]), KINDS, PLACES, NOON)
    assert {(lack.code, str(lack.line.identity)) for lack in report.lacks()} == {
        ("not_begun", "KH.1994.14800.03"), ("unplanned", "KS.1990.14800.02")}
    assert [report.total[name] for name in ("planned", "begun", "undeveloped")] == [1, 1, 1]


def test_a_book_that_two_stations_have_counts_once(station, tmp_path):
    alone = gather([Workplace(station)]).books[0]
    shutil.copytree(station, tmp_path / "copy")
    other = Workplace(tmp_path / "copy")
    _received(other.log(BOOK), "late.jpg", [7])
    both = gather([Workplace(station), other]).books
    assert [(book.pages, book.originals_bytes, book.archive_bytes) for book in both] == [
        (alone.pages, alone.originals_bytes, alone.archive_bytes)]
    assert both[0].captures == alone.captures + 1
    assert gather([other, Workplace(station)]).books == both


def test_a_closed_book_is_open_again_where_another_station_has_more_of_it(tmp_path):
    one, other = Workplace(tmp_path / "one"), Workplace(tmp_path / "other")
    for store, captures in ((one, [1, 2]), (other, [2])):
        _received(store.log(BOOK), "a.jpg", captures)
    for event in ("closing", "closed"):
        one.log(BOOK).append({"event": event, "by": "A", "because": "", "gaps": [], "counts": {}, "stated": {}, "version": 1,
                              "sealed": {}})
    assert [book.state for book in gather([one, other]).books] == ["closed"]
    _received(other.log(BOOK), "b.jpg", [3])
    assert [book.state for book in gather([one, other]).books] == ["open"]


def test_figures_are_those_of_the_store(station):
    book = gather([Workplace(station)]).books[0]
    originals = sum(path.stat().st_size for path in (station / "originals").rglob("*.jpg"))
    packed = sum(path.stat().st_size for path in (station / "packages").rglob("*") if path.is_file())
    assert (book.captures, book.pages, book.cases, book.named, book.undeveloped) == (4, 6, 6, 0, 0)
    assert book.originals_bytes == originals
    assert book.ministry_bytes + book.archive_bytes == packed
    assert book.state == "packed"


def test_slips_are_neither_pages_nor_cases(station, tmp_path):
    store = Workplace(shutil.copytree(station, tmp_path / "copy"))
    before, state = gather([store]).books[0], store.log(BOOK).state()
    of_capture = {page.name.partition("-")[0]: len(json.loads(page.read_bytes()))
                  for page in store.pages.glob("*-*.json") if not page.name.startswith("doubles")}
    slip = state.current[0].id
    store.log(BOOK).append({"event": "role", "capture": slip, "role": "slip"})
    after = gather([store]).books[0]
    assert (after.pages, after.cases) == (before.pages - of_capture[slip], before.cases - of_capture[slip])


def test_pages_wait_until_somebody_has_accepted_them(station, tmp_path):
    shutil.copytree(station, tmp_path / "copy")
    store = Workplace(tmp_path / "copy")
    facts = next(path for path in sorted(store.pages.glob("*-*.json")) if not path.name.startswith("doubles"))
    pages = json.loads(facts.read_text(encoding="utf-8"))
    pages[0]["recipe"]["decisions"][0]["findings"] = [{"code": "glare", "severity": "warning"}]
    facts.write_text(json.dumps(pages), encoding="utf-8")
    before = gather([store]).books[0]
    store.log(BOOK).append({"event": "accepted", "by": PERSON, "pages": {pages[0]["id"]: "as seen"}})
    after = gather([store]).books[0]
    assert before.findings["glare"] == 1
    assert after.warned == before.warned > 0
    assert after.waiting == before.waiting - 1


def test_a_log_that_cannot_be_read_is_told_and_the_others_count(station, tmp_path, sohoa):
    shutil.copytree(station, tmp_path / "copy")
    (tmp_path / "copy" / "books" / "KS.1990.14800.01.jsonl").write_text('{"no": "event"}\n{}\n')
    ran = sohoa("report", "--store", tmp_path / "copy", "--out", tmp_path / "out", "--json")
    assert ran.returncode == 65, ran.stderr
    told = json.loads(ran.stdout)
    assert [item["book"] for item in told["unreadable"]] == ["KS.1990.14800.01"]
    assert told["total"]["pages"] == 6


def test_the_command_writes_workbook_table_and_page(station, tmp_path, sohoa):
    plan = _xlsx(tmp_path / "plan.xlsx", HEADING, ["14800", "KH", 1990, 1, 8, 8, "=1+1"], ["14800", "KS", 1991, 1, 5, 5],
                 ["14800", "KS", "?", 1])
    ran = sohoa("report", "--store", station, "--plan", plan, "--out", tmp_path / "out")
    assert ran.returncode == 65
    assert "ô C4" in ran.stdout
    book = load_workbook(tmp_path / "out" / "report.xlsx")
    assert book.sheetnames == ["Tổng hợp", "Theo xã", "Theo loại", "Theo năm", "Từng quyển", "Còn thiếu", "Lỗi"]
    missing = [row[3:] for row in book["Còn thiếu"].iter_rows(min_row=2, values_only=True)]
    assert missing == [(BOOK, "thiếu 2 trang"), (BOOK, "thiếu số và ngày của 8 trường hợp"),
                       ("KS.1991.14800.01", "chưa bắt đầu")]
    rows = list(csv.DictReader((tmp_path / "out" / "report.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["Mã quyển"], row["Tình trạng"], row["Trang đã có"]) for row in rows] == [
        (BOOK, "đã đóng gói", "6"), ("KS.1991.14800.01", "chưa bắt đầu", "0")]


def test_the_page_needs_no_net_and_runs_nothing_that_a_plan_says(station, tmp_path, sohoa):
    planted = "<script>alert(1)</script>"
    plan = _xlsx(tmp_path / "plan.xlsx", [*HEADING, "Tên xã"], ["14800", "KH", 1990, 1, 8, 8, planted, planted])
    for language, title in (("vi", "Báo cáo số hóa"), ("en", "Digitising")):
        ran = sohoa("--lang", language, "report", "--store", station, "--plan", plan, "--out", tmp_path / language)
        assert ran.returncode == 0, ran.stderr
        page = (tmp_path / language / "report.html").read_text(encoding="utf-8")
        assert title in page
        assert not re.search(r"<script|https?:|src=|url\(|@import", page)
        assert "⟨" not in page


def test_no_name_of_a_person_is_told(station, tmp_path, sohoa):
    shutil.copytree(station, tmp_path / "copy")
    log = Workplace(tmp_path / "copy").log(BOOK)
    page = log.state().captures[-1].id
    log.append({"event": "cases", "by": PERSON, "changes": [
        {"case": page, "number": "5", "date": "1990-02-03", "values": {"chongHoTen": PERSON, "voHoTen": PERSON}}]})
    ran = sohoa("report", "--store", tmp_path / "copy", "--out", tmp_path / "out", "--json")
    assert json.loads(ran.stdout)["total"]["named"] == 1
    load_workbook(tmp_path / "out" / "report.xlsx")
    shutil.unpack_archive(tmp_path / "out" / "report.xlsx", tmp_path / "out" / "xlsx", "zip")
    told = [ran.stdout, ran.stderr] + [path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*")
                                       if path.is_file() and path.suffix != ".xlsx"]
    assert not any(PERSON in text for text in told)


def test_a_folder_that_is_no_store_is_refused(tmp_path, sohoa):
    with pytest.raises(NothingToDo):
        gather([Workplace(tmp_path)])
    ran = sohoa("report", "--store", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert ran.returncode == 66
    assert not (tmp_path / "out").exists()


def test_every_finding_has_a_short_name():
    for language in ("vi", "en"):
        texts = tomllib.loads((ROOT / "texts" / f"{language}.toml").read_text(encoding="utf-8"))
        assert texts["finding"].keys() <= texts["fault"].keys()


def test_a_log_is_only_read(station, tmp_path):
    before = {path: path.read_bytes() for path in (station / "books").iterdir()}
    gather([Workplace(station)])
    assert {path: path.read_bytes() for path in (station / "books").iterdir()} == before
    assert BookLog(station / "books" / f"{BOOK}.jsonl").events()
