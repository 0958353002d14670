"""Cases typed one after another: what is suggested, taken, refused, put back, and typed again by a second person."""

import json
import shutil
import threading
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import pytest

import indexing
import secondcheck
from book import Case, Identity
from bookpack import caseshapes
from bookpack.caserows import BadCell, Known
from bookpack.caseshapes import beside, even_rows
from bookpack.suggest import suggest
from bookwork import Work
from casework import change_cases, list_cases
from errors import NothingToDo, Refused
from originals.booklog import BookState
from originals.durable import locked
from settings import load
from workplace import Workplace

ROOT = Path(__file__).parents[2]
BOOK = "KH.1990.14800.01"
LAN, MINH = "Trần Thị Mẫu", "Lê Văn Mẫu"


@pytest.fixture
def work(small_book, tmp_path):
    """The book as it was before anything was said of its cases."""
    return Work(Workplace(shutil.copytree(small_book, tmp_path / "store")), Identity.parse(BOOK), load(), develop=False)


def typed(work, number, text="5", date="3/2/1990", by=LAN):
    """Type the case with a place in the book, from 0."""
    case = indexing.open_cases(work).cases[number]
    return indexing.save(work, case.id, text, date, indexing.version(case), by)


def said(indexed, number):
    case = indexed.cases[number]
    return case.number, case.date


def codes(indexed):
    return [(problem.code, problem.case) for problem in indexed.problems]


def events(work, kind="cases"):
    return [event for event in work.log.events() if event["event"] == kind]


def case_of(number=None, date=None, slip=False):
    return Case((f"p{number}{date}{slip}",), number and str(number), date, slip=slip)


def after(*numbers, date="1997-03-02", kind="KS.1997.14800.01"):
    return suggest([case_of(number, number and date) for number in numbers], Identity.parse(kind))


def test_the_next_number_on_the_same_day_is_likely():
    found = after(5, 6, 7)
    assert (found.number, found.date, found.step) == ("8", "1997-03-02", 1)


@pytest.mark.parametrize(("numbers", "expected"), [
    ((7, 6, 5), "4"), ((2, 4, 6), "8"), ((5, 6, 8), "9"), ((6, 5), "6"), ((5, None), "7"), ((9, None, None), "12"),
    ((3, 2, 1), ""),
])
def test_numbers_that_go_down_or_skip_evenly_go_on_so_and_untyped_cases_have_theirs(numbers, expected):
    assert after(*numbers).number == expected


def test_a_book_begins_at_one_in_its_year_and_a_further_volume_nobody_knows_where():
    assert after() == suggest([case_of()], Identity.parse("KS.1997.14800.01"))
    assert (after().number, after().date, after().year) == ("1", "", 1997)
    assert after(kind="KS.1997.14800.02").number == ""


def test_a_year_that_begins_anew_has_no_rule_of_the_year_before():
    cases = [case_of(58, "1997-12-30"), case_of(59, "1997-12-31"), case_of(1, "1998-01-02")]
    found = suggest(cases, Identity.parse("KS.1997.14800.01"))
    assert (found.number, found.year) == ("2", 1998)


def test_slips_stand_outside_the_numbering():
    found = suggest([case_of(5, "1997-03-02"), case_of(9, "1999-01-01", slip=True)], Identity.parse("KS.1997.14800.01"))
    assert (found.number, found.date) == ("6", "1997-03-02")


def test_a_book_is_typed_by_taking_what_is_suggested(work):
    indexed = indexing.open_cases(work)
    assert (indexed.first, indexed.suggestion.number) == (indexed.cases[0].id, "1")
    indexed = typed(work, 0, "41", "26.3.1990")
    while indexed.first:
        place = [case.id for case in indexed.cases].index(indexed.first)
        indexed = typed(work, place, indexed.suggestion.number, indexed.suggestion.date)
    assert [said(indexed, number) for number in range(6)] == [(str(41 + number), "1990-03-26") for number in range(6)]
    assert (indexed.problems, indexed.typed, indexed.wanted) == ((), 6, 6)
    assert [case.case.number for case in list_cases(work).cases] == [str(number) for number in range(41, 47)]


def test_each_case_is_one_line_with_who_and_the_new_name_and_no_package_is_made(work):
    packed = len(events(work, "packed"))
    typed(work, 0, "41", "1990-03-26")
    event, = events(work)
    first, = event["changes"]
    assert (event["by"], event["source"], first["number"], first["date"]) == (LAN, {"name": "page"}, "41", "1990-03-26")
    assert event["renamed"][0][1] == "KH.1990.01.1990-03-26.41.pdf"
    assert len(events(work, "packed")) == packed


def test_typing_waits_for_no_packing(work):
    with locked(work.workplace.packing_lock):
        assert said(typed(work, 0), 0) == ("5", "1990-02-03")


def test_what_is_said_already_is_said_once(work):
    case = indexing.open_cases(work).cases[0]
    for _ in range(2):  # the answer was lost, so the page sends it again
        indexing.save(work, case.id, "5", "1990-02-03", indexing.version(case), LAN)
    assert len(events(work)) == 1


@pytest.mark.parametrize(("number", "date", "code"), [
    ("5x", "3/2/1990", "number_form"), ("5", "31.2.1990", "date_unreal"), ("5", "3/2/1989", "date_before_book"),
    ("5", "3/2/2999", "date_future"), ("5", "", "date_missing"), ("", "3/2/1990", "number_missing"), ("5", "x", "date_form"),
])
def test_what_cannot_be_is_not_taken(work, number, date, code):
    with pytest.raises(BadCell) as bad:
        typed(work, 0, number, date)
    assert (bad.value.code, events(work)) == (code, [])


def test_what_is_unlikely_is_taken_and_marked_at_once(work):
    typed(work, 0, "5", "3/2/1990")
    indexed = typed(work, 1, "9", "2/2/1990")
    second = indexed.cases[1].id
    assert codes(indexed) == [("date_back", second), ("number_jump", second)]
    indexed = typed(work, 1, "5", "3/2/1990")
    assert codes(indexed) == [("number_double", indexed.cases[0].id), ("number_double", second)]


def test_a_slip_is_typed_with_its_letters_and_wants_no_date(work):
    indexed = typed(work, 0, "cc", "")
    assert (indexed.cases[0].slip, indexed.wanted, indexed.first) == (True, 5, indexed.cases[1].id)


def test_emptied_fields_take_a_case_back(work):
    typed(work, 0)
    assert said(typed(work, 0, "", ""), 0) == (None, None)


def test_nobody_overwrites_what_they_did_not_see(work):
    case = indexing.open_cases(work).cases[0]
    typed(work, 0, "6", "4/2/1990", MINH)
    with pytest.raises(Refused) as refused:
        indexing.save(work, case.id, "5", "3/2/1990", indexing.version(case), LAN)
    assert (refused.value.code, refused.value.facts["by"], refused.value.facts["number"]) == ("case_changed", MINH, "6")
    assert said(indexing.open_cases(work), 0) == ("6", "1990-02-04")


def test_two_who_type_the_same_case_at_once_are_told_apart(work):
    case = indexing.open_cases(work).cases[0]
    refusals, start = [], threading.Barrier(4)

    def type_one(number):
        start.wait()
        try:
            indexing.save(work, case.id, str(number), "3/2/1990", indexing.version(case), f"Người {number}")
        except Refused as refused:
            refusals.append(refused.code)

    threads = [threading.Thread(target=type_one, args=(number,)) for number in (5, 6, 7, 8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (refusals, len(events(work))) == (["case_changed"] * 3, 1)


def test_an_import_meanwhile_is_seen(work):
    case = indexing.open_cases(work).cases[0]
    change = {"case": case.id, "pages": list(case.pages), "number": "8", "date": "1990-02-05"}
    change_cases(work, [change], MINH, {"name": "typed.xlsx"})
    with pytest.raises(Refused):
        indexing.save(work, case.id, "5", "3/2/1990", indexing.version(case), LAN)


def test_undo_takes_back_what_the_person_said_last_and_not_what_others_said(work):
    typed(work, 0, "5", "3/2/1990", LAN)
    typed(work, 1, "6", "3/2/1990", MINH)
    indexed, about = indexing.undo(work, LAN)
    assert (said(indexed, 0), said(indexed, 1)) == ((None, None), ("6", "1990-02-03"))
    assert about == (indexed.cases[0].id,)
    with pytest.raises(NothingToDo):
        indexing.undo(work, LAN)
    assert len(events(work, "cases_undone")) == 1


def reshaped(work, number, shape):
    case = indexing.open_cases(work).cases[number]
    return indexing.reshape(work, case.id, shape, indexing.version(case), LAN)


def divided(work, number, parts):
    case = indexing.open_cases(work).cases[number]
    return indexing.split(work, case.id, parts, indexing.version(case), LAN)


def test_a_page_holds_several_cases_from_top_to_bottom(work):
    page, = indexing.open_cases(work).cases[0].pages
    indexed = divided(work, 0, 3)
    assert [(case.pages, case.regions[page][1]) for case in indexed.cases[:3]] == [
        ((page,), 0.0), ((page,), pytest.approx(1 / 3)), ((page,), pytest.approx(2 / 3))]
    typed(work, 2, "7")
    with pytest.raises(Refused):  # the third is typed, so it is not dropped unseen
        divided(work, 0, 2)
    assert [case.pages for case in divided(work, 0, 4).cases[:5]].count((page,)) == 4
    assert len(indexing.undo(work, LAN)[0].cases) == 8
    indexing.undo(work, LAN)
    assert len(indexing.undo(work, LAN)[0].cases) == 6


def test_a_row_that_runs_over_both_pages_is_one_case_on_both(work):
    left, right = (case.pages[0] for case in indexing.open_cases(work).cases[:2])
    assert reshaped(work, 0, "join").cases[0].pages == (left, right)
    indexed = divided(work, 0, 0)  # as the printed lines say: the sample has five rows on its pages
    rows = [case for case in indexed.cases if case.pages == (left, right)]
    assert len(rows) == 5 and len(indexed.cases) == 9
    tops = [case.regions[left][1] for case in rows]
    assert tops == sorted(tops) and all(right in case.regions for case in rows)
    assert codes(indexed) == []


def test_the_next_open_book_is_split_as_the_one_before_in_one_go(work):
    reshaped(work, 0, "join")
    divided(work, 0, 0)
    indexed = divided(work, 5, 0)
    wide = [case for case in indexed.cases if len(case.pages) == 2]
    assert len({case.pages for case in wide}) == 2 and len(wide) == 12
    assert len(indexed.cases) == 14
    assert len(indexing.undo(work, LAN)[0].cases) == 9
    typed(work, 6)  # what stands on the right page is typed already: it stays, and the left page is split alone
    assert [len(case.pages) for case in divided(work, 5, 3).cases[5:9]] == [1, 1, 1, 1]


def test_a_single_page_after_rows_over_two_is_split_by_itself(work):
    reshaped(work, 0, "join")
    divided(work, 0, 2)
    divided(work, 2, 2)
    assert [len(case.pages) for case in divided(work, 4, 2).cases] == [2, 2, 2, 2, 1, 1, 1]


def test_a_page_without_lines_has_no_rows(work):
    with pytest.raises(Refused) as refused:
        divided(work, 5, 0)
    assert refused.value.code == "no_rows_found"


def test_a_case_goes_on_on_the_next_page_and_back(work):
    indexed = reshaped(work, 2, "join")
    assert (len(indexed.cases), len(indexed.cases[2].pages)) == (5, 2)
    assert [len(case.pages) for case in reshaped(work, 2, "part").cases] == [1] * 6
    typed(work, 3)
    with pytest.raises(Refused) as refused:
        reshaped(work, 2, "join")
    assert refused.value.code == "next_page_typed"
    with pytest.raises(NothingToDo):
        reshaped(work, 5, "join")


def test_a_case_that_was_split_off_and_joined_leaves_no_page_without_case(work):
    divided(work, 1, 2)
    divided(work, 1, 1)
    reshaped(work, 0, "join")
    assert [len(case.pages) for case in reshaped(work, 0, "part").cases] == [1] * 6


def test_rows_that_are_split_before_they_are_joined_go_on_all_together_and_once_each(work):
    left, right = (case.pages[0] for case in indexing.open_cases(work).cases[:2])
    divided(work, 0, 0)
    typed(work, 1, "7")
    said_by_now = len(events(work))
    indexed = reshaped(work, 2, "join")
    assert [case.pages for case in indexed.cases[:6]] == [(left, right)] * 5 + [indexed.cases[5].pages]
    assert said(indexed, 1) == ("7", "1990-02-03") and len(indexed.cases) == 9
    assert divided(work, 3, 0).cases == indexed.cases
    assert len(events(work)) == said_by_now + 2
    parted = reshaped(work, 0, "part")
    assert [case.pages for case in parted.cases[:10]] == [(left,)] * 5 + [(right,)] * 5
    for _ in range(3):
        indexed, _about = indexing.undo(work, LAN)
    assert [case.pages for case in indexed.cases[:6]] == [(left,)] * 5 + [(right,)]


def turned(known, at, deed, found):
    """The book after a key on the case with a place in it; as it was where that is refused."""
    case = list(known.cases.values())[at % len(known.cases)]
    wide = caseshapes.across(known, case)
    try:
        if deed == "F3":
            changes = caseshapes.split(known, wide, {page: beside(found[wide.pages[0]], found[page]) for page in wide.pages})
        elif deed == "F4":
            changes = caseshapes.join(known, case, found if len(caseshapes.alike(known, case)) > 1 else {})
        elif deed == "part":
            changes = caseshapes.part(known, case)
        else:
            number = str(len(known.state.case_events) + 50)
            changes = [{"case": case.id, "pages": list(case.pages), "number": number, "date": "1990-02-03"}]
    except (Refused, NothingToDo):
        return known
    return known.after(changes)


def twice_or_never(known):
    """Pages of which a part belongs to no case, or to two."""
    for page in known.pages:
        boxes = sorted(case.regions.get(page, caseshapes.WHOLE) for case in known.cases.values() if page in case.pages)
        tops, bottoms = [box[1] for box in boxes], [box[3] for box in boxes]
        if [*tops, 1.0] != pytest.approx([0.0, *bottoms]):
            yield page


@pytest.mark.parametrize("rows", [(3, 3, 3), (3, 2, 3), (1, 3, 2)])
def test_in_whatever_order_pages_are_split_and_joined_each_row_is_one_case_and_what_is_typed_stays(rows):
    found = {f"p{number}-whole": even_rows(count) for number, count in enumerate(rows)}
    empty = Known(Identity.parse(BOOK), tuple(found), BookState(), date(2026, 1, 1))
    keys = tuple(product((0, 1, -1), ("F3", "F4", "part", "type")))
    books = {(): empty}
    for _ in range(4):
        books = {(*order, key): after for order, before in books.items() for key in keys
                 if (after := turned(before, *key, found)) is not before}
        for order, book in books.items():
            assert not list(twice_or_never(book)), order
            assert sorted(filter(None, (case.number for case in book.cases.values()))) == sorted(numbers_of(book)), order


def numbers_of(book):
    """What was typed of each case last."""
    return {name: said["number"] for name, said in book.said.items() if said.get("number")}.values()


def test_a_cover_has_no_case_and_a_slip_is_no_case_of_the_numbering(work):
    cover = indexing.open_cases(work).cases[0].pages[0]
    indexed = reshaped(work, 0, "remove")
    assert cover not in {page for case in indexed.cases for page in case.pages}
    indexed = reshaped(work, 0, "slip")
    assert (indexed.cases[0].slip, indexed.wanted) == (True, 4)
    assert reshaped(work, 0, "slip").wanted == 5


def test_rows_of_the_second_page_are_as_high_as_those_of_the_first_where_it_has_none():
    rows = even_rows(2)
    assert beside(rows, ()) == ((0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0))
    assert beside(rows, ((0.1, 0.1, 0.9, 0.4), (0.1, 0.4, 0.9, 0.8)))[0] == (0.1, 0.1, 0.9, 0.4)


def test_a_second_person_types_again_blind_and_only_what_differs_is_shown(work):
    for number in range(3):
        typed(work, number, str(5 + number), "3/2/1990", LAN)
    indexed = indexing.open_cases(work)
    one, two, three = (case.id for case in indexed.cases[:3])
    assert [case.id for case in secondcheck.to_check(indexed, MINH)] == [one, two, three]
    assert secondcheck.to_check(indexed, LAN.upper()) == ()
    with pytest.raises(Refused) as refused:
        secondcheck.check(work, one, "5", "3/2/1990", f" {LAN.lower()} ")
    assert refused.value.code == "check_of_typist"
    for name, number in ((one, "5"), (two, "16"), (three, "7")):
        secondcheck.check(work, name, number, "3/2/1990", MINH)
    indexed = indexing.open_cases(work)
    assert (secondcheck.to_check(indexed, MINH), secondcheck.checked(indexed)) == ((), 2)
    found, = secondcheck.differences(indexed)
    assert (found.case.id, found.first, found.second, found.again.number) == (two, LAN, MINH, "16")
    assert said(indexed, 1) == ("6", "1990-02-03")
    assert [event["by"] for event in events(work, "cases_checked")] == [MINH] * 3


@pytest.mark.parametrize("right", ["6", "16", "26"])
def test_what_differs_is_decided_for_the_first_the_second_or_neither(work, right):
    typed(work, 0, "6", "3/2/1990", LAN)
    case = indexing.open_cases(work).cases[0]
    secondcheck.check(work, case.id, "16", "3/2/1990", MINH)
    indexed = secondcheck.decide(work, case.id, right, "3/2/1990", indexing.version(case), "Phạm Thị Mẫu")
    assert (indexed.cases[0].number, secondcheck.differences(indexed)) == (right, ())


def test_a_case_that_is_changed_after_its_check_differs_again(work):
    typed(work, 0, "6", "3/2/1990", LAN)
    secondcheck.check(work, indexing.open_cases(work).cases[0].id, "6", "3/2/1990", MINH)
    assert len(secondcheck.differences(typed(work, 0, "7", "3/2/1990", LAN))) == 1


def test_who_only_checks_may_judge_the_sample_and_changes_no_closed_book(work):
    typed(work, 0, "6", "3/2/1990", LAN)
    secondcheck.check(work, indexing.open_cases(work).cases[0].id, "6", "3/2/1990", MINH)
    assert LAN in work.state().workers and MINH not in work.state().workers


def test_pace_leaves_breaks_out():
    moments = [f"2026-11-25T08:{minute:02d}:00+07:00" for minute in (0, 1, 2, 3, 40, 41)]
    change = {"case": "a", "number": "1"}
    said = [{"event": "cases", "source": {"name": "page"}, "by": LAN, "time": moment, "changes": [change]}
            for moment in moments]
    table = {**said[0], "by": MINH, "source": {"name": "typed.xlsx"}}
    assert indexing.pace([*said, table]) == {LAN: indexing.Pace(6, 9 / 60)}  # four minutes typed, five of the break count
    assert indexing.pace(said, "2026-11-24") == {}
    assert indexing.pace(said)[LAN].an_hour == 40


def test_a_page_that_is_not_developed_yet_has_no_case_yet_and_nothing_is_developed(work):
    facts = sorted(work.workplace.pages.glob("*-*.json"))
    [path.unlink() for path in facts if "doubles" not in path.name]
    with pytest.raises(NothingToDo):
        indexing.open_cases(replace(work, develop=True))
    assert not [path for path in work.workplace.pages.glob("*-*.json") if "doubles" not in path.name]
    assert json.loads(work.log.path.read_text(encoding="utf-8").splitlines()[0])["event"]
