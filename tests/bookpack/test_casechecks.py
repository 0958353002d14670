"""What typed rows say of cases, which rows are good, and what is told of the others; and what an undoing leaves."""

import ast
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from book import Case, Identity
from bookpack.casechecks import NOTES, check_rows, of_book, severity
from bookpack.casereading import read_rows
from bookpack.caserows import BadCell, Known, date_text, parse_date, parse_number, parse_pages, shown
from bookpack.cases import cases_of
from bookpack.columns import MARK, RowMark, columns
from bookpack.typed import TypedRow, TypedTable, letter_of
from originals.booklog import BookState
from texts import catalogue

ROOT = Path(__file__).parents[2]
BOOK = Identity("KS", 2009, "14800", 2)
PAGES = ("aaaaaaaa", "bbbbbbbb", "cccccccc")
HEADS = (*columns("KS"), MARK)
LETTERS = {head: letter_of(place) for place, head in enumerate(HEADS)}
SO, DAY, PAGE = LETTERS["so"], LETTERS["ngayDangKy"], LETTERS["trangSo"]


def known(*events, pages=PAGES, **facts):
    return Known(BOOK, pages, BookState(case_events=tuple(events), **facts), date(2020, 1, 1),
                 frozenset(("14800", "xã Mẫu")), {f"KS.2009.14800.02.A4.{number}": page
                                                  for number, page in enumerate(pages, 1)})


def said(*changes):
    return {"event": "cases", "changes": changes}


def exported(book):
    """The rows that a workbook written now would have: column → text."""
    return [{**shown(case, book.numbers), "quyenSo": "02/2009", "NamMoSo": "2009", "noiDangKy": "xã Mẫu",
             MARK: str(RowMark.of(case.id, len(book.state.case_events), book.pages))} for case in book.cases.values()]


def typed(rows, changes=()):
    """A table with some cells changed: (row from 0, column, text)."""
    rows = [dict(row) for row in rows]
    for row, column, text in changes:
        rows[row][column] = text
    filled = [{head: text for head, text in row.items() if text} for row in rows]
    return TypedTable("KS", LETTERS, tuple(TypedRow("KS", number, row) for number, row in enumerate(filled, 2)))


def check(book, rows, *changes, stated=None):
    table = typed(rows, changes)
    return check_rows(table, read_rows(table, book), book, stated)


def told(checked, kind="error"):
    return [(item.code, f"{item.column}{item.row}" if item.row else "") for item in checked.problems
            if severity(item) == kind]


def after(book, checked):
    """The book with the good rows taken."""
    return replace(book, state=replace(book.state, case_events=(*book.state.case_events, said(*checked.changes))))


FULL = [(0, "so", "1"), (0, "ngayDangKy", "05.01.2009"), (1, "so", "2"), (1, "ngayDangKy", "06.01.2009"),
        (2, "so", "3"), (2, "ngayDangKy", "07.01.2009")]


def test_good_rows_are_taken_with_all_that_was_typed():
    checked = check(known(), exported(known()), *FULL, (0, "nksHoTen", "Nguyễn Thị Mẫu"), stated=3)
    assert checked.changes[0] == {"case": "aaaaaaaa", "pages": ["aaaaaaaa"], "number": "1", "date": "2009-01-05",
                                  "values": {"nksHoTen": "Nguyễn Thị Mẫu"}}
    assert (checked.taken, checked.left_out, checked.waiting, checked.problems) == (3, 0, 0, ())


def test_an_untouched_workbook_says_nothing():
    book = after(known(), check(known(), exported(known()), *FULL, (0, "ghiChu", "x")))
    for rows in (exported(known()), exported(book)):
        assert check(book, rows).changes == ()
    assert check(known(), exported(known())).waiting == 3


def test_the_same_rows_again_say_nothing_new():
    first = check(known(), exported(known()), *FULL)
    again = check(after(known(), first), exported(known()), *FULL)
    assert (again.changes, told(again), told(again, "note")) == ((), [], [])


@pytest.mark.parametrize(("column", "text", "code"), [
    ("so", "", "number_missing"), ("so", "năm", "number_form"), ("so", "5/2009", "number_form"), ("so", "0", "number_form"),
    ("ngayDangKy", "", "date_missing"), ("ngayDangKy", "31.02.2009", "date_unreal"), ("ngayDangKy", "5.1.09", "date_form"),
    ("ngayDangKy", "31.12.2008", "date_before_book"), ("ngayDangKy", "02.01.2020", "date_future"),
    ("trangSo", "", "page_missing"), ("trangSo", "một", "page_form"), ("trangSo", "4", "page_none"),
    ("trangSo", "2-1", "page_none"), ("quyenSo", "03/2009", "other_volume"), ("quyenSo", "02/2010", "other_volume"),
    ("NamMoSo", "2010", "other_year"), ("TenFile", "KS.2009.03.2009-01-05.01.pdf", "other_file"),
    ("nksHoTen", "#REF!", "cell_error"), (MARK, "dddddddd@0/123456", "case_unknown"), ("so", "1", "number_double"),
])
def test_a_wrong_cell_is_named_and_its_row_alone_is_left_out(column, text, code):
    checked = check(known(), exported(known()), *FULL, (1, column, text))
    assert (code, f"{LETTERS[column]}3") in told(checked)
    left = {"bbbbbbbb", "aaaaaaaa"} if code == "number_double" else {"bbbbbbbb"}
    assert {change["case"] for change in checked.changes} == set(PAGES) - left
    assert checked.left_out == len(left)


def test_the_same_number_in_another_year_is_another_number():
    checked = check(known(), exported(known()), *FULL, (2, "so", "1"), (2, "ngayDangKy", "04.01.2010"))
    assert (checked.taken, told(checked)) == (3, [])


def test_numbers_may_change_places():
    book = after(known(), check(known(), exported(known()), *FULL))
    checked = check(book, exported(book), (0, "so", "2"), (1, "so", "1"))
    assert (checked.taken, told(checked)) == (2, [])
    assert [case.number for case in after(book, checked).cases.values()] == ["2", "1", "3"]
    assert told(checked, "note")[:2] == [("replaced", f"{SO}2"), ("replaced", f"{SO}3")]


def test_a_row_left_out_takes_down_those_that_counted_on_it():
    book = after(known(), check(known(), exported(known()), *FULL))
    checked = check(book, exported(book), (0, "so", "2"), (1, "so", "1"), (1, "ngayDangKy", "x"))
    assert told(checked) == [("number_double", f"{SO}2"), ("date_form", f"{DAY}3")]
    assert checked.changes == ()


def test_order_is_a_note():
    checked = check(known(), exported(known()), *FULL, (0, "so", "7"), (2, "so", "9"), (2, "ngayDangKy", "01.01.2009"))
    assert told(checked, "note") == [("number_back", f"{SO}3"), ("date_back", f"{DAY}4"), ("number_jump", f"{SO}4")]
    assert (checked.taken, told(checked)) == (3, [])


def test_a_number_is_no_jump_over_pages_that_are_still_to_be_typed():
    assert told(check(known(), exported(known()), FULL[0], FULL[1], FULL[4], FULL[5]), "note") == []


def test_a_second_case_on_a_page_is_a_row_put_in():
    rows = [*exported(known()), {"so": "4", "ngayDangKy": "06.01.2009", "trangSo": "2"}]
    checked = check(known(), rows, FULL[0], FULL[1])
    book = after(known(), checked)
    assert list(book.cases) == ["aaaaaaaa", "bbbbbbbb", "bbbbbbbb+2", "cccccccc"]
    assert book.cases["bbbbbbbb"] == Case(("bbbbbbbb",))
    assert ("new_case", f"{PAGE}5") in told(checked, "note")
    assert check(book, rows, FULL[0], FULL[1]).changes == ()


@pytest.mark.parametrize("original_first", [True, False])
def test_a_copied_row_is_another_case_and_stays_it(original_first):
    original, *others = exported(known())
    pair = [{**original, "so": "1", "ngayDangKy": "05.01.2009"}, {**original, "so": "2", "ngayDangKy": "05.01.2009"}]
    rows = [*(pair if original_first else pair[::-1]), *others]
    book = after(known(), check(known(), rows))
    assert sorted(case.number for case in book.cases.values() if case.pages == PAGES[:1]) == ["1", "2"]
    assert len(book.cases) == 4
    assert check(book, rows[::-1]).changes == ()


def test_rows_may_be_sorted_and_names_may_be_stale():
    book = after(known(), check(known(), exported(known()), *FULL))
    rows = [{**row, "TenFile": "KS.2009.14800.02.A4.9.pdf"} for row in exported(book)[::-1]]
    checked = check(book, rows, (0, "nksHoTen", "Lê Văn Mẫu"))
    assert checked.changes == ({"case": "cccccccc", "values": {"nksHoTen": "Lê Văn Mẫu"}},)


def test_a_case_over_two_pages_takes_the_empty_row_of_the_second():
    checked = check(known(), exported(known()), *FULL[:2], (0, "trangSo", "1, 2"))
    book = after(known(), checked)
    assert [case.pages for case in book.cases.values()] == [PAGES[:2], PAGES[2:]]
    assert check(book, exported(known()), *FULL[:2], (0, "trangSo", "1, 2")).changes == ()
    end = after(book, check(book, exported(known()), *FULL[:4], (0, "trangSo", "1-2")))
    assert [case.pages for case in end.cases.values()] == [PAGES[:2], PAGES[1:2], PAGES[2:]]


def test_a_page_may_have_no_case():
    book = after(known(), check(known(), exported(known()), (0, "so", "-")))
    assert list(book.cases) == ["bbbbbbbb", "cccccccc"]
    assert [(item.code, item.facts) for item in of_book(book, None)] == [("page_without_case", {"pages": "1"})]
    assert check(book, exported(known()), (0, "so", "-")).changes == ()
    back = after(book, check(book, exported(known()), *FULL[:2]))
    assert back.cases["aaaaaaaa"].number == "1"


def test_slips_stand_outside_the_numbering():
    checked = check(known(), exported(known()), *FULL, (1, "so", "1cc"), (2, "so", "cc"), (2, "ngayDangKy", ""), stated=1)
    assert (checked.taken, checked.problems) == (3, ())
    assert [(case.number, case.slip) for case in after(known(), checked).cases.values()] == [
        ("1", False), ("1", True), (None, True)]


def test_an_old_copy_takes_nothing_back():
    old = exported(known())
    book = after(known(), check(known(), old, *FULL))
    book = after(book, check(book, exported(book), (0, "so", "11"), (0, "ghiChu", "đã đối chiếu")))
    checked = check(book, old, (0, "nksHoTen", "Trần Mẫu"))
    assert checked.changes == ({"case": "aaaaaaaa", "values": {"nksHoTen": "Trần Mẫu"}},)


def test_what_is_emptied_in_a_new_copy_is_taken_back_and_in_an_old_one_it_is_not():
    book = after(known(), check(known(), exported(known()), *FULL, (0, "ghiChu", "nhầm")))
    assert check(book, exported(known())).changes == ()
    checked = check(book, exported(book), (0, "ghiChu", ""))
    assert checked.changes == ({"case": "aaaaaaaa", "values": {"ghiChu": None}},)
    assert after(book, checked).cases["aaaaaaaa"].values == {}


def test_the_place_that_the_program_writes_is_nothing_typed():
    rows = [{**row, "noiDangKy": "14800"} for row in exported(known())]
    assert check(known(), rows).changes == ()
    other, = check(known(), rows, *FULL[:2], (0, "noiDangKy", "Đại sứ quán")).changes
    assert other["values"] == {"noiDangKy": "Đại sứ quán"}


def test_what_is_typed_before_number_and_date_is_kept_too():
    checked = check(known(), exported(known()), (0, "loaiDangKy", "Đăng ký lại"))
    assert (checked.taken, checked.waiting, told(checked)) == (1, 3, [])
    assert told(checked, "note") == [("unfinished", f"{SO}2")]


def test_a_later_correction_of_a_further_case_stands_when_the_first_import_is_undone():
    rows = [*exported(known()), {"so": "4", "ngayDangKy": "06.01.2009", "trangSo": "2"}]
    book = after(known(), check(known(), rows))
    again = exported(book)
    book = after(book, check(book, again, (2, "so", "5")))
    events = (*book.state.case_events, {"event": "cases_undone", "undone": 1})
    left = known(*events).cases["bbbbbbbb+2"]
    assert (left.pages, left.number, left.date) == (("bbbbbbbb",), "5", None)


def test_odd_values_are_taken_with_a_note():
    checked = check(known(), exported(known()), *FULL, (0, "nksGioiTinh", "nam"), (0, "nksNgaySinh", "30.02.2009"),
                    (1, "nksNgaySinh", "1950"), (2, "quyenSo", "Feb-09"))
    assert sorted(told(checked, "note")) == [("value_date_unreal", f"{LETTERS['nksNgaySinh']}2"),
                                             ("value_unlisted", f"{LETTERS['nksGioiTinh']}2"),
                                             ("volume_unread", f"{LETTERS['quyenSo']}4")]
    assert checked.taken == 3


def test_page_numbers_of_an_older_state_of_the_book_are_not_believed():
    old = exported(known(pages=PAGES[1:]))
    checked = check(known(), [*old, {"so": "9", "ngayDangKy": "08.01.2009", "trangSo": "1"}], *FULL[:2])
    assert checked.changes == ({"case": "bbbbbbbb", "pages": ["bbbbbbbb"], "number": "1", "date": "2009-01-05"},)
    assert told(checked) == [("pages_changed", f"{PAGE}4")]
    assert ("pages_stale", "") in told(checked, "note")


def test_a_table_of_another_make_is_tied_by_file_name_or_page():
    rows = [{"so": "3", "ngayDangKy": "07.01.2009", "trangSo": "3"},
            {"so": "1", "ngayDangKy": "05.01.2009", "TenFile": "KS.2009.14800.02.A4.1.pdf"}]
    book = after(known(), check(known(), rows))
    assert [(case.id, case.number) for case in book.cases.values()] == [("aaaaaaaa", "1"), ("bbbbbbbb", None),
                                                                        ("cccccccc", "3")]
    assert check(book, rows).changes == ()
    assert told(check(book, [{"so": "4", "ngayDangKy": "08.01.2009"}])) == [("page_missing", f"{PAGE}2")]


def test_the_stated_total_and_rows_that_are_missing_are_told():
    checked = check(known(), exported(known())[:1], stated=5)
    assert [(item.code, item.facts) for item in checked.problems] == [
        ("cases_fewer", {"stated": 5, "found": 3, "number": 2}), ("rows_missing", {"number": 2, "pages": "2, 3"})]
    assert [item.code for item in check(known(), exported(known()), stated=2).problems] == ["cases_more"]


def test_blank_pages_are_no_cases_and_slips_come_as_slips():
    state = BookState(roles={"bbbbbbbb": "blank", "cccccccc": "slip"})
    assert cases_of(state, PAGES) == (Case(("aaaaaaaa",)), Case(("cccccccc",), slip=True))
    assert of_book(replace(known(), state=state), 1) == []


def test_cases_of_one_page_stand_from_top_to_bottom_where_it_is_said():
    lower = {"case": "aaaaaaaa", "pages": ["aaaaaaaa"], "regions": {"aaaaaaaa": [0, 0.5, 1, 1]}}
    upper = {"case": "aaaaaaaa+2", "pages": ["aaaaaaaa"], "regions": {"aaaaaaaa": [0, 0, 1, 0.5]}}
    assert list(known(said(lower, upper)).cases) == ["aaaaaaaa+2", "aaaaaaaa", *PAGES[1:]]


def test_a_case_stays_with_its_page_when_that_is_taken_again_or_split():
    events = (said({"case": "aaaaaaaa", "number": "1", "date": "2009-01-05", "regions": {"aaaaaaaa": [0, 0, 1, 0.5]}}),)
    again = known(*events, pages=("dddddddd", *PAGES[1:]), superseded={"aaaaaaaa": "dddddddd"})
    assert again.cases["aaaaaaaa"].pages == ("dddddddd",)
    assert again.cases["aaaaaaaa"].regions == {"dddddddd": (0, 0, 1, 0.5)}
    split = known(*events, pages=("aaaaaaaa-L", "aaaaaaaa-R", *PAGES[1:]))
    assert split.cases["aaaaaaaa"].pages == ("aaaaaaaa-L", "aaaaaaaa-R")
    gone = known(*events, pages=PAGES[1:])
    assert [item.code for item in of_book(gone, None)] == ["case_without_page"]
    old = exported(known())
    taken = check(known(pages=("dddddddd", *PAGES[1:]), superseded={"aaaaaaaa": "dddddddd"}), old, *FULL[:2])
    assert taken.changes[0]["case"] == "dddddddd"


def test_undoing_leaves_what_was_said_before_and_after():
    one = said({"case": "aaaaaaaa", "number": "1", "values": {"ghiChu": "x"}})
    two = said({"case": "aaaaaaaa", "number": "2"}, {"case": "bbbbbbbb", "number": "3"})
    undo_two, undo_one, undo_undo = ({"event": "cases_undone", "undone": number} for number in (2, 1, 3))

    def numbers(*events):
        return [case.number for case in known(*events).cases.values()]

    assert numbers(one, two) == ["2", "3", None]
    assert numbers(one, two, undo_two) == ["1", None, None]
    assert numbers(one, two, undo_one) == ["2", "3", None]
    assert known(one, two, undo_one).cases["aaaaaaaa"].values == {}
    assert numbers(one, two, undo_two, undo_undo) == ["2", "3", None]


@given(some.dates(date(1860, 1, 1), date(2100, 1, 1)), some.sampled_from(("{:%d.%m.%Y}", "{:%d/%m/%Y}", "{:%Y-%m-%d}")))
def test_dates_are_read_in_every_form(day, form):
    assert parse_date(form.format(day)) == day.isoformat()
    assert parse_date(date_text(day.isoformat())) == day.isoformat()


@given(some.integers(1, 99999), some.sampled_from(("{}", "00{}", "{}cc", "cc {}")))
def test_numbers_are_read_in_any_width(number, form):
    assert parse_number(form.format(number)) == (str(number), "cc" in form)


@given(some.text(max_size=12))
def test_any_text_is_read_or_refused(text):
    for read in (parse_number, parse_date, lambda cell: parse_pages(cell, 9)):
        try:
            assert read(text)
        except BadCell as bad:
            assert bad.code


ROW_EDITS = some.tuples(some.integers(0, 4), some.sampled_from(("so", "ngayDangKy", "trangSo", "ghiChu", MARK)),
                        some.sampled_from(("", "1", "2", "3", "1, 2", "3cc", "-", "05.01.2009", "x")))


@settings(deadline=None)
@given(some.lists(some.tuples(some.lists(some.integers(0, 2), max_size=2), some.lists(ROW_EDITS, max_size=6)), max_size=4),
       some.randoms())
def test_whatever_is_typed_a_second_import_changes_nothing_and_no_number_is_there_twice(rounds, random):
    book = known()
    for copies, edits in rounds:
        rows = exported(book)
        if not rows:
            break
        rows += [rows[row % len(rows)] for row in copies]
        random.shuffle(rows)
        edits = [(row % len(rows), column, text) for row, column, text in edits]
        checked = check(book, rows, *edits)
        book = after(book, checked)
        assert check(book, rows, *edits).changes == ()
        assert [item for item in of_book(book, None) if item.code == "number_double"] == []


def test_no_sentence_is_without_its_problem_and_no_note_without_its_sentence():
    sources = [ROOT / "bookpack" / f"{name}.py" for name in ("typed", "caserows", "casereading", "casechecks")]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources]
    texts = {node.value for tree in trees for node in ast.walk(tree)
             if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    sentences = catalogue("vi")["case_problem"].keys()
    assert sentences <= texts
    assert sentences >= NOTES
