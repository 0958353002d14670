"""A book from its workbook to its final names and back, through the commands, as a typist and an engineer use them."""

import json
import shutil
import subprocess
import sys
import threading
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from book import Identity
from bookwork import Work
from casework import change_cases
from originals.durable import locked
from settings import load
from workplace import Workplace

ROOT = Path(__file__).parents[2]
BOOK = "KS.1990.14800.02"


def work_on(store):
    return Work(Workplace(store), Identity.parse(BOOK), load())


@pytest.fixture(scope="module")
def packed(small_pages, tmp_path_factory):
    """A small book with both its packages, made once."""
    store = tmp_path_factory.mktemp("packed") / "store"
    done = subprocess.run([sys.executable, str(ROOT / "sohoa.py"), "process", str(small_pages), "--book", BOOK, "--out",
                           str(store), "--jobs", "2"], capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return store


@pytest.fixture
def store(packed, tmp_path):
    return shutil.copytree(packed, tmp_path / "store")


@pytest.fixture
def cases(sohoa, store):
    """`cases("list")` gives the exit code and what the command said as JSON."""

    def run(command, *arguments):
        done = sohoa("cases", command, BOOK, *arguments, "--store", store, "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def names(store):
    zips = sorted(store.glob(f"packages/{BOOK}/**/*.zip"))
    return [name.removesuffix(".pdf") for path in zips for name in zipfile.ZipFile(path).namelist() if name.endswith(".pdf")]


def log(store):
    return [json.loads(line) for line in (store / "books" / f"{BOOK}.jsonl").read_text(encoding="utf-8").splitlines()]


def exported(sohoa, store, tmp_path, name="typed.xlsx"):
    done = sohoa("cases", "export", BOOK, tmp_path / name, "--store", store)
    assert done.returncode == 0, done.stderr
    return tmp_path / name


class Typist:
    """A person with the workbook open: cells by row (from 1, as cases were written) and column name."""

    def __init__(self, path):
        self.path, self.book = path, load_workbook(path)
        self.sheet = self.book.active
        self.columns = {cell.value: cell.column for cell in self.sheet[1]}

    def type(self, row, **cells):
        for name, value in cells.items():
            self.sheet.cell(row + 1, self.columns[name]).value = value

    def rows(self):
        return [[cell.value for cell in row] for row in self.sheet.iter_rows(min_row=2, max_col=len(self.columns))]

    def lay(self, rows):
        for number, row in enumerate(rows, 2):
            for column, value in enumerate(row, 1):
                self.sheet.cell(number, column).value = value

    def cell(self, row, name):
        return f"{self.sheet.cell(1, self.columns[name]).column_letter}{row}"

    def save(self):
        self.book.save(self.path)


def filled(path):
    """As a typist leaves it: one date a real one, one wrong, a second case on page 3, and all rows sorted backwards."""
    typist = Typist(path)
    typist.type(1, so="07", ngayDangKy="03.02.1990", nksHoTen="Nguyễn Thị Mẫu", nksGioiTinh="Nữ")
    typist.type(2, so="8", ngayDangKy=datetime(1990, 2, 5))
    typist.type(3, so="9", ngayDangKy="6/2/1990")
    typist.type(4, so="11", ngayDangKy="31.02.1990", nksHoTen="Lê Văn Mẫu")
    rows = typist.rows()
    more = [None] * len(rows[0])
    more[typist.columns["so"] - 1], more[typist.columns["trangSo"] - 1] = 10, "3"
    more[typist.columns["ngayDangKy"] - 1] = "06.02.1990"
    typist.lay([*rows[:3], more, *rows[3:]][::-1])
    typist.save()
    return typist


def test_from_an_empty_workbook_to_final_names_and_back(sohoa, cases, store, tmp_path):
    before, start = names(store), log(store)
    number = len(before)
    path = exported(sohoa, store, tmp_path)
    typist = filled(path)

    code, tried = cases("import", path, "--dry-run")
    assert (code, tried["taken"], tried["event"], log(store)) == (1, 4, None, start)
    code, done = cases("import", path, "--by", "Lan")
    assert (code, done["taken"], done["left_out"], done["waiting"]) == (1, 4, 1, number - 4)
    wrong, = (item for item in done["problems"] if item["severity"] == "error")
    assert (wrong["code"], wrong["sheet"], wrong["cell"]) == (
        "date_unreal", "KS", typist.cell(number - 2, "ngayDangKy"))
    final = ["KS.1990.02.1990-02-03.07", "KS.1990.02.1990-02-05.08", "KS.1990.02.1990-02-06.09",
             "KS.1990.02.1990-02-06.10"]
    assert names(store) == [*final, *before[3:]]
    assert done["renamed"] == [[f"{old}.pdf", f"{new}.pdf"] for old, new in zip(before[:3], final, strict=False)]
    assert sohoa("verify", store / "packages" / BOOK).returncode == 0

    event, = (line for line in log(store) if line["event"] == "cases")
    assert (event["by"], event["source"]["name"], event["renamed"]) == ("Lan", "typed.xlsx", done["renamed"])
    held = log(store)
    code, again = cases("import", path)
    assert (code, again["event"], again["taken"], log(store)) == (1, None, 0, held)

    code, undone = cases("undo", "--by", "Minh")
    assert (code, names(store)) == (0, before)
    assert undone["renamed"] == [[new, old] for old, new in done["renamed"]]
    assert log(store)[:len(held)] == held
    assert log(store)[len(held)]["event"] == "cases_undone"
    assert sohoa("cases", "undo", BOOK, "--store", store).returncode == 66
    cases("import", path)
    assert names(store) == [*final, *before[3:]]


def test_what_was_typed_is_in_the_workbook_written_next(sohoa, store, cases, tmp_path):
    filled(exported(sohoa, store, tmp_path))
    cases("import", tmp_path / "typed.xlsx")
    sheet = Typist(exported(sohoa, store, tmp_path, "next.xlsx"))
    first, second, third, fourth, fifth, *_ = sheet.rows()
    shown = [row[sheet.columns[name] - 1] for row, name in (
        (first, "nksHoTen"), (first, "nksGioiTinh"), (second, "ngayDangKy"), (third, "so"), (fourth, "so"), (fifth, "so"))]
    assert shown == ["Nguyễn Thị Mẫu", "Nữ", "05.02.1990", "9", "10", None]
    package, = store.glob(f"packages/{BOOK}/**/*.xlsx")
    assert package.read_bytes() == (tmp_path / "next.xlsx").read_bytes()


def test_a_cell_that_is_corrected_is_taken_next_time(sohoa, store, cases, tmp_path):
    typist = filled(exported(sohoa, store, tmp_path))
    cases("import", tmp_path / "typed.xlsx")
    wrong = next(row for row in range(1, 20) if typist.sheet.cell(row + 1, typist.columns["so"]).value == "11")
    typist.type(wrong, ngayDangKy="28.02.1990")
    typist.save()
    code, done = cases("import", tmp_path / "typed.xlsx")
    assert (code, done["taken"]) == (0, 1)
    assert "KS.1990.02.1990-02-28.11" in names(store)
    code, listed = cases("list")
    assert (code, [event["event"] for event in listed["events"]]) == (0, [1, 2])
    assert cases("undo", "--event", 1)[0] == 0
    assert [name for name in names(store) if "1990-02" in name] == ["KS.1990.02.1990-02-28.11"]


def test_a_page_keeps_its_case_though_what_was_said_of_it_is_undone_after_a_further_case(sohoa, store, cases, tmp_path):
    first = cases("list")[1]["cases"][0]
    typist = Typist(exported(sohoa, store, tmp_path))
    typist.type(1, so="5", ngayDangKy="03.02.1990")
    typist.save()
    cases("import", tmp_path / "typed.xlsx")
    typist.type(len(names(store)) + 1, so="6", trangSo="1", ngayDangKy="04.02.1990")
    typist.save()
    cases("import", tmp_path / "typed.xlsx")
    cases("undo", "--event", 1)
    before, further, *_ = cases("list")[1]["cases"]
    assert (before["id"], before["number"], before["pages"]) == (first["id"], None, [1])
    assert (further["number"], further["pages"]) == ("6", [1])


def test_csv_goes_out_and_comes_in(sohoa, store, cases, tmp_path):
    path = exported(sohoa, store, tmp_path, "typed.csv")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("so,quyenSo,trangSo,ngayDangKy,")
    cells = lines[1].split(",")
    cells[0], cells[3] = "5", "03.02.1990"
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]).replace(",", ";"), encoding="utf-8")
    code, done = cases("import", path)
    assert (code, done["taken"]) == (0, 1)
    assert names(store)[0] == "KS.1990.02.1990-02-03.05"


def test_a_file_that_somebody_may_have_typed_into_is_not_written_over(sohoa, store, tmp_path):
    (tmp_path / "typed.xlsx").write_text("typed")
    done = sohoa("cases", "export", BOOK, tmp_path / "typed.xlsx", "--store", store)
    assert (done.returncode, (tmp_path / "typed.xlsx").read_text()) == (2, "typed")
    assert "Hãy chọn tên khác" in done.stderr


def test_the_list_tells_each_case_and_what_the_book_states(sohoa, store, cases, tmp_path):
    number = len(names(store))
    assert sohoa("books", "add", BOOK, "--store", store, "--cases", number + 2).returncode == 0
    code, listed = cases("list")
    assert code == 0
    assert [case["pages"] for case in listed["cases"]] == [[page] for page in range(1, number + 1)]
    assert [case["name"] for case in listed["cases"]] == [f"{name}.pdf" for name in names(store)]
    assert [(item["code"], item["facts"]["number"]) for item in listed["problems"]] == [("cases_fewer", 2)]
    words = sohoa("cases", "list", BOOK, "--store", store).stdout
    assert "còn thiếu 2" in words and f"{number} trường hợp" in words


def test_words_name_the_cell_and_say_what_is_safe(sohoa, store, packed, tmp_path):
    typist = filled(exported(sohoa, store, tmp_path))
    done = sohoa("cases", "import", BOOK, tmp_path / "typed.xlsx", "--store", store)
    assert f"Sheet KS, ô {typist.cell(len(names(packed)) - 2, 'ngayDangKy')}:" in done.stdout
    assert "31.02.1990" in done.stdout and "không mất gì" in done.stdout and "⟨" not in done.stdout
    assert "Lê Văn Mẫu" not in done.stdout


def test_what_hinders_is_told_before_what_is_only_odd(sohoa, store, tmp_path):
    typist = Typist(exported(sohoa, store, tmp_path))
    typist.type(1, so="5", ngayDangKy="03.02.1990", loaiDangKy="lạ")
    typist.type(2, so="6", ngayDangKy="31.02.1990")
    typist.sheet.cell(1, typist.columns["nksHoTen"]).value = "Tên"
    typist.save()
    told = sohoa("cases", "import", BOOK, tmp_path / "typed.xlsx", "--store", store).stdout.splitlines()
    assert [line.partition(" – ")[0] for line in told[:4]] == ["SAI", "Lưu ý", "Lưu ý", "Lưu ý"]
    assert "Tên" in told[1]


def test_an_import_into_a_closed_book_says_that_it_makes_a_new_version(sohoa, store, tmp_path):
    typist = Typist(exported(sohoa, store, tmp_path))
    typist.type(1, so="5", ngayDangKy="03.02.1990")
    typist.save()
    assert sohoa("close", BOOK, "--store", store, "--because", "thử").returncode == 0
    told = sohoa("cases", "import", BOOK, typist.path, "--store", store).stdout
    assert "phiên bản 2" in told and "Các phiên bản đã đóng vẫn nguyên" in told


def test_a_table_is_written_under_a_name_that_a_spreadsheet_opens(sohoa, store, tmp_path):
    assert sohoa("cases", "export", BOOK, tmp_path / "typed.xls", "--store", store).returncode == 2
    assert not list(tmp_path.glob("typed*"))


def test_a_file_that_is_not_there_is_told_in_words(sohoa, store, tmp_path):
    done = sohoa("cases", "import", BOOK, tmp_path / "none.xlsx", "--store", store)
    assert (done.returncode, done.stderr) == (66, "Không có tệp “none.xlsx”. Hãy kiểm tra lại tên.\n")


def test_two_cases_of_one_name_stop_no_packing(sohoa, store, cases):
    listed = cases("list")[1]["cases"]
    before = names(store)
    changes = [{"case": case["id"], "pages": case["page_ids"], "number": "5", "date": "1990-02-03"} for case in listed[:2]]
    done = change_cases(work_on(store), changes, "Lan", {"name": "web"})
    assert names(store) == before
    assert {item.code for item in done.checked.problems} == {"number_double"}
    packed = json.loads(sohoa("pack", BOOK, "--store", store, "--json").stdout)["packages"]
    assert packed["double_names"] == ["KS.1990.02.1990-02-03.05"]
    assert [item["problems"][0]["code"] for item in cases("list")[1]["cases"][:2]] == ["number_double"] * 2


def test_what_cannot_be_read_comes_into_no_log(store):
    before = log(store)
    with pytest.raises(KeyError):
        change_cases(work_on(store), [{"number": "5"}], "Lan", {"name": "web"})
    assert log(store) == before


def test_a_file_may_have_any_name(sohoa, store, cases, tmp_path):
    typist = filled(exported(sohoa, store, tmp_path))
    name = "bảng kê của tôi\udcff (1).xlsx" if sys.platform == "linux" else "bảng kê của tôi (1).xlsx"
    typist.path = tmp_path / name
    typist.save()
    done = sohoa("cases", "import", BOOK, tmp_path / name, "--store", store)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert any(line["event"] == "cases" for line in log(store))
    assert sohoa("cases", "list", BOOK, "--store", store).returncode == 0


def test_one_case_over_two_pages_and_a_slip(sohoa, store, cases, tmp_path):
    typist = Typist(exported(sohoa, store, tmp_path))
    typist.type(1, so="5", ngayDangKy="03.02.1990", trangSo="1, 2")
    typist.type(3, so="5cc", ngayDangKy="04.02.1990")
    typist.type(4, so="-")
    typist.save()
    before = names(store)
    assert cases("import", tmp_path / "typed.xlsx")[0] == 0
    assert names(store) == ["KS.1990.02.1990-02-03.05", "KS.1990.02.1990-02-04.05cc", *before[4:]]
    assert sohoa("verify", store / "packages" / BOOK).returncode == 0


def test_an_import_that_was_killed_before_packing_is_brought_to_its_end(sohoa, store, cases, tmp_path):
    filled(exported(sohoa, store, tmp_path))
    old = shutil.copytree(store / "packages", tmp_path / "old")
    cases("import", tmp_path / "typed.xlsx")
    final = names(store)
    path = store / "books" / f"{BOOK}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if '"event":"cases"' in line)
    path.write_text("".join(lines[:at + 1]), encoding="utf-8")
    shutil.rmtree(store / "packages")
    shutil.copytree(old, store / "packages")
    cases("import", tmp_path / "typed.xlsx")
    assert names(store) == final


def test_it_waits_for_nobody_who_packs(sohoa, store, tmp_path):
    path = exported(sohoa, store, tmp_path)
    held, done = threading.Event(), threading.Event()

    def hold():
        with locked(Workplace(store).packing_lock):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        assert sohoa("cases", "import", BOOK, path, "--store", store).returncode == 75
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(("name", "data", "code"), [("a.xlsx", b"PK\x03\x04", 65), ("a.csv", b"x,y\n", 65)])
def test_what_is_no_table_changes_nothing(sohoa, store, tmp_path, name, data, code):
    (tmp_path / name).write_bytes(data)
    before = log(store)
    done = sohoa("cases", "import", BOOK, tmp_path / name, "--store", store)
    assert (done.returncode, log(store)) == (code, before)
    assert "Chưa thay đổi gì" in done.stderr
