"""The light table of a book, and what a person says of its pages: each one line of the log, and taken back with a key."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

import acceptance
import review
from benchmarks.review import SPREAD, make_book, work_on
from book import Identity, digest
from bookwork import Work
from developing import DevelopedPage, develop, due, plan, read_developed, stale
from errors import BadConfig, BadIdentity, NothingToDo
from originals.journal import FAILED, Journal
from settings import load
from texts import catalogue
from wholebook import as_in_book, settled, unlike, with_doubles
from workplace import Workplace

BOOK = "KH.1990.14800.01"
NOTES = {"outline_unsure", "skew_unsure", "blank_page", "faint_ink", "redecided"}  # findings that ask nobody to look
SETTINGS = load()


@pytest.fixture
def store(small_book, tmp_path):
    """A store with one book: two spreads and two single captures."""
    return shutil.copytree(small_book, tmp_path / "store")


@pytest.fixture
def work(store):
    return Work(Workplace(store), Identity.parse(BOOK), SETTINGS, jobs=1)


def ids(work):
    return [page.id for page in review.table(work).pages]


def tasks(work):
    return plan(work.workplace, work.identity, work.settings, work.log.state())


def settings_of(work):
    return work.log.state().settings


def last(work):
    return work.log.events()[-1]


def retold(work, number, change):
    """As if page `number` had been developed otherwise: its facts are written anew."""
    task = tasks(work)[number]
    pages = [change(page).to_json() for page in read_developed(task)]
    task.facts.write_text(json.dumps(pages), encoding="utf-8")


def doubted(page, code="gutter_unsure"):
    first, *others = page.recipe.decisions
    findings = [{"code": code, "severity": "warning"}]
    recipe = {**page.recipe.to_json(), "decisions": [{**first.to_json(), "findings": findings},
                                                     *(one.to_json() for one in others)]}
    return DevelopedPage.from_json({**page.to_json(), "recipe": recipe})


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_has_every_page_in_order_with_what_is_known_of_it(work):
    table = review.table(work)
    assert [page.number for page in table.pages] == [1, 2, 3, 4, 5, 6]
    assert [page.side for page in table.pages] == ["left", "right", "left", "right", "whole", "whole"]
    assert [page.source for page in table.pages] == ["IMG_4.jpg"] * 2 + ["IMG_8.jpg"] * 2 + ["IMG_12.jpg", "IMG_16.jpg"]
    assert all(page.width > 300 and page.height > 300 and page.picture for page in table.pages)
    assert len({page.picture for page in table.pages}) == 6
    assert (table.undeveloped, table.undo, table.redo, table.stated, table.settled) == ((), None, None, {}, True)
    assert table.counts == {"captures": 4, "pages": 6, "blank": 0, "slips": 0, "cases": 0}
    assert not any(page.developing or page.accepted or page.retaken for page in table.pages)


def test_the_table_says_what_packing_says(work):
    """Findings of single pages and of the book as a whole, doubt, and who waits."""
    retold(work, 1, doubted)
    whole = with_doubles(as_in_book(tasks(work), SETTINGS, 1, lambda *_: None), work.workplace.pages)
    table, waits = review.table(work), acceptance.waiting(work)
    assert [(page.id, page.findings, page.doubt) for page in table.pages] == [
        (page.id, page.findings, page.doubt) for page in whole]
    assert {page.id for page in table.pages if page.waits} == {item.page.id for item in waits} != set()


def test_what_the_book_states_stands_beside_its_counts(work):
    work.log.append({"event": "opened", "facts": {"pages": 7, "cases": 6}})
    assert review.table(work).stated == {"pages": 7, "cases": 6}


def test_a_book_that_is_not_there_is_told_of(work):
    with pytest.raises(NothingToDo, match="book_unknown"):
        review.table(Work(work.workplace, Identity.parse("KS.1999.14800.01"), SETTINGS))


def test_a_capture_that_is_not_developed_has_its_place_and_its_reason(work):
    task = tasks(work)[1]
    task.facts.unlink()
    (waits,) = review.table(work).undeveloped
    assert (waits.capture, waits.source, waits.state, waits.before) == (task.capture.id, "IMG_8.jpg", "waiting", 2)
    assert len(ids(work)) == 4
    with Journal(work.workplace.root, {BOOK: work.log.state()}) as journal:
        journal.set_state(BOOK, task.capture.id, FAILED, "worker_too_slow", {"seconds": 3})
    (failed,) = review.table(work).undeveloped
    assert (failed.state, failed.code, failed.facts) == ("failed", "worker_too_slow", {"seconds": 3})


def test_the_table_follows_what_is_developed_and_what_others_say(work):
    task = tasks(work)[0]
    facts = task.facts.read_bytes()
    task.facts.unlink()
    assert len(ids(work)) == 4
    task.facts.write_bytes(facts)
    assert len(ids(work)) == 6
    work.workplace.log(BOOK).append({"event": "role", "capture": ids(work)[4], "role": "spare"})
    assert len(ids(work)) == 5


def test_a_page_that_was_captured_twice_is_told_of_once_they_are_compared(work):
    """Comparing takes seconds, so it is not done while a person waits."""
    first, second = (task.facts for task in tasks(work)[2:])
    (page,), (other,) = (json.loads(facts.read_text(encoding="utf-8")) for facts in (first, second))
    second.write_text(json.dumps([{**other, "strokes": page["strokes"]}]), encoding="utf-8")
    assert not review.table(work).settled
    assert settled(tasks(work), work.workplace.pages)
    table = review.table(work)
    assert table.settled
    assert [page.number for page in table.pages if "double_page" in {item.code for item in page.findings}] == [5, 6]


# --- corrections ------------------------------------------------------------------------------------------------------


def test_a_correction_is_one_line_and_says_who_did_what(work):
    page = ids(work)[1]
    done = review.correct(work, page, {"deskew": {"degrees": 1.5}}, "following", "Lan")
    event = last(work)
    assert (event["event"], event["by"]) == ("settings", "Lan")
    assert event["said"] == {"did": "set", "page": page, "number": 2, "reach": "following", "stages": "deskew"}
    assert done.did == "set"
    assert done.develop == tuple(dict.fromkeys(name.partition("-")[0] for name in ids(work)))


def test_what_is_corrected_is_to_be_developed_and_stays_on_the_table_as_it_was(work):
    before = review.table(work)
    done = review.correct(work, before.pages[0].id, {"deskew": {"degrees": 1.5}}, "page", "Lan")
    table = review.table(work)
    assert [task.capture.id for task in due(tasks(work))] == list(done.develop) == [before.pages[0].capture]
    assert [page.developing for page in table.pages] == [True, True, False, False, False, False]
    assert [page.picture for page in table.pages] == [page.picture for page in before.pages]
    assert table.undeveloped == ()
    work.developed(work.state())
    after = review.table(work)
    assert [page.developing for page in after.pages] == [False] * 6
    other = [old.picture != new.picture for old, new in zip(before.pages, after.pages, strict=True)]
    assert other == [True, True, False, False, False, False]
    decision = read_developed(tasks(work)[0])[0].recipe.decision("deskew")
    assert (decision.values["degrees"], str(decision.by)) == (1.5, "operator")


def test_of_a_correction_that_fails_the_reason_is_told_beside_the_page_as_it_was(work):
    page = ids(work)[4]
    review.correct(work, page, {"deskew": {"degrees": 1.5}}, "page", "Lan")
    with Journal(work.workplace.root, {BOOK: work.log.state()}) as journal:
        journal.set_state(BOOK, page, FAILED, "worker_died")
    table = review.table(work)
    assert len(table.pages) == 6
    assert [(one.capture, one.code) for one in table.undeveloped] == [(page, "worker_died")]


@pytest.mark.parametrize(("changes", "reach", "code"), [
    ({"deskew": {"degree": 1}}, "page", "config_unknown_key"),
    ({"deskew": {"degrees": [1]}}, "page", "config_wrong_kind"),
    ({"desk": {"degrees": 1}}, "page", "setting_unknown"),
    ({"deskew": {"degree": None}}, "page", "config_unknown_key"),
    ({"deskew": 1}, "page", "setting_form"),
    ({"crop": {"ink_margin_mm": float("nan")}}, "page", "setting_form"),
    ({}, "page", "setting_form"),
    ([], "page", "setting_form"),
    ({"deskew": {"degrees": 1}}, "everything", "setting_form"),
])
def test_a_setting_that_is_none_is_refused_and_nothing_is_written(work, changes, reach, code):
    before = work.log.events()
    with pytest.raises(BadConfig) as caught:
        review.correct(work, ids(work)[0], changes, reach, "Lan")
    assert caught.value.code == code
    assert work.log.events() == before


@pytest.mark.parametrize("say", [
    lambda work: review.correct(work, "ffffffff-L", {"deskew": {"degrees": 1}}, "page", "Lan"),
    lambda work: review.turn(work, "ffffffff", 90, "Lan"),
    lambda work: review.mark(work, "ffffffff", "blank", "Lan"),
    lambda work: review.mark(work, [], "blank", "Lan"),
    lambda work: review.mark(work, ids(work)[0], "blue", "Lan"),
    lambda work: review.mark(work, ids(work)[0], "spare", "Lan"),
    lambda work: review.move(work, "ffffffff", None, "Lan"),
    lambda work: review.move(work, ids(work)[0], "ffffffff", "Lan"),
    lambda work: review.swap(work, "ffffffff", "Lan"),
    lambda work: review.supersede(work, ids(work)[0], "ffffffff", "Lan"),
    lambda work: review.supersede(work, ids(work)[0], ids(work)[1], "Lan"),
    lambda work: review.table(work).page("ffffffff"),
])
def test_of_a_page_that_the_book_does_not_have_nothing_is_said(work, say):
    before = work.log.events()
    with pytest.raises(BadIdentity):
        say(work)
    assert work.log.events() == before


def test_a_page_is_turned_against_how_it_lies(work):
    page = ids(work)[4]
    review.turn(work, page, 180, "Lan")
    assert settings_of(work) == {page: {"orient": {"turn": 180}}}
    work.developed(work.state())
    review.turn(work, page, 270, "Lan")
    assert settings_of(work) == {page: {"orient": {"turn": 90}}}
    with pytest.raises(BadConfig):
        review.turn(work, page, 45, "Lan")


# --- undo and redo ----------------------------------------------------------------------------------------------------


def test_all_that_a_person_does_is_taken_back_and_said_again(work):
    names = ids(work)
    steps = [
        lambda: review.correct(work, names[0], {"deskew": {"degrees": 1.5}}, "left", "Lan"),
        lambda: review.turn(work, names[4], 180, "Lan"),
        lambda: review.mark(work, names[1], "blank", "Lan"),
        lambda: review.move(work, names[4], names[0], "Lan"),
        lambda: review.swap(work, names[0], "Lan"),
        lambda: review.mark(work, names[5], "spare", "Lan"),
        lambda: review.supersede(work, names[0], names[4], "Lan"),
    ]
    seen = [_shown(work)]
    for step in steps:
        step()
        seen.append(_shown(work))
    for before in reversed(seen[:-1]):
        review.undo(work, "Hoa")
        assert _shown(work) == before
    with pytest.raises(NothingToDo, match="nothing_to_undo"):
        review.undo(work, "Hoa")
    for after in seen[1:]:
        review.redo(work, "Hoa")
        assert _shown(work) == after
    with pytest.raises(NothingToDo, match="nothing_to_redo"):
        review.redo(work, "Hoa")


def _shown(work):
    state = work.log.state()
    return state.settings, state.roles, [capture.id for capture in state.current]


def test_the_table_tells_what_would_be_taken_back_and_said_again(work):
    page = ids(work)[1]
    review.mark(work, page, "blank", "Lan")
    undo = review.table(work).undo
    assert (undo.did, undo.by, undo.facts["number"], undo.facts["role"]) == ("marked", "Lan", 2, "blank")
    done = review.undo(work, "Hoa")
    assert (done.did, done.facts["was"], done.facts["number"]) == ("undone", "marked", 2)
    table = review.table(work)
    assert table.undo is None
    assert (table.redo.did, table.redo.by) == ("marked", "Lan")
    assert last(work)["by"] == "Hoa"


def test_several_who_take_back_at_once_take_back_one_each(work):
    names = ids(work)
    for name in names[:4]:
        review.mark(work, name, "blank", "Lan")
    with ThreadPoolExecutor(4) as people:
        list(people.map(lambda by: review.undo(work, by), ("Hoa", "Lan", "Mai", "Tú")))
    assert {event["undone"] for event in work.log.events() if event["event"] == "undone"} == {1, 2, 3, 4}
    assert work.log.state().roles == {}


def test_what_is_taken_back_is_not_developed_again(work):
    review.correct(work, ids(work)[0], {"deskew": {"degrees": 1.5}}, "all", "Lan")
    assert len(due(tasks(work))) == 4
    assert len(review.undo(work, "Lan").develop) == 4
    assert due(tasks(work)) == []
    assert not any(page.developing for page in review.table(work).pages)


def test_the_last_capture_that_was_called_spare_can_be_a_page_again(work):
    for page in list(dict.fromkeys(name.partition("-")[0] for name in ids(work))):
        review.mark(work, page, "spare", "Lan")
    assert ids(work) == []
    review.undo(work, "Lan")
    assert len(ids(work)) == 1


# --- roles, order, retakes, acceptance --------------------------------------------------------------------------------


def test_one_page_of_a_spread_is_blank_or_a_slip_and_counts_as_such(work):
    names = ids(work)
    review.mark(work, names[1], "blank", "Lan")
    review.mark(work, [names[2], names[4]], "slip", "Lan")
    table = review.table(work)
    assert [page.role for page in table.pages] == ["", "blank", "slip", "", "slip", ""]
    assert table.counts == {"captures": 4, "pages": 4, "blank": 1, "slips": 2, "cases": 0}
    state = work.log.state()
    contents = work.contents(state, work.developed(state))
    assert [case.pages[0] for case in contents.cases if not case.slip] == [names[0], names[3], names[5]]
    assert [case.pages[0] for case in contents.cases if case.slip] == [names[2], names[4]]


def test_captures_change_places_and_their_pages_go_with_them(work):
    one, two, three, four, five, six = ids(work)
    review.swap(work, one, "Lan")
    assert ids(work) == [three, four, one, two, five, six]
    review.move(work, six, four, "Lan")
    assert ids(work) == [six, three, four, one, two, five]
    review.move(work, six, None, "Lan")
    assert ids(work) == [three, four, one, two, five, six]
    count = len(work.log.events())
    review.move(work, six, None, "Lan")
    review.move(work, one, two, "Lan")
    assert len(work.log.events()) == count
    with pytest.raises(NothingToDo, match="no_next_page"):
        review.swap(work, six, "Lan")
    state = work.log.state()
    assert [page.id for page in work.developed(state).pages] == ids(work)


def test_a_capture_that_came_in_takes_the_place_of_another_and_gives_it_back(work):
    one, two, three, four, five, six = ids(work)
    review.supersede(work, five, six, "Lan")
    table = review.table(work)
    assert [page.id for page in table.pages] == [one, two, three, four, six]
    assert table.pages[-1].retaken == (five,)
    review.supersede(work, six, five, "Lan")
    table = review.table(work)
    assert [page.id for page in table.pages] == [one, two, three, four, five]
    assert table.pages[-1].retaken == ()


def test_pages_are_accepted_as_they_are_now(work):
    retold(work, 1, doubted)
    page = ids(work)[2]
    done = review.accept(work, as_seen(work), "Hoa")
    assert done.facts["waiting"] == done.facts["left"] == 0
    assert [(one.waits, one.accepted) for one in review.table(work).pages if one.id == page] == [(False, True)]
    review.undo(work, "Hoa")
    assert [(one.waits, one.accepted) for one in review.table(work).pages if one.id == page] == [(True, False)]
    review.accept(work, {page: as_seen(work)[page]}, "Hoa")
    retold(work, 1, lambda one: doubted(one, "turn_unsure"))
    assert [(one.waits, one.accepted) for one in review.table(work).pages if one.id == page] == [(True, False)]


def test_what_is_another_page_by_now_is_not_accepted_by_whoever_saw_the_old_one(work):
    retold(work, 1, doubted)
    old, page = as_seen(work), ids(work)[2]
    review.correct(work, page, {"deskew": {"degrees": 1}}, "page", "Lan")
    before = work.log.events()
    done = review.accept(work, {page: old[page], "ffffffff": ""}, "Hoa")  # while it is being developed anew
    assert (done.facts["pages"], done.facts["left"]) == (0, 2)
    work.developed(work.state())
    retold(work, 1, doubted)
    done = review.accept(work, {page: old[page]}, "Hoa")
    assert (done.facts["pages"], done.facts["left"]) == (0, 1) and as_seen(work)[page] != old[page]
    assert work.log.events() == before
    assert review.accept(work, {page: as_seen(work)[page]}, "Hoa").facts == {"pages": 1, "waiting": 1, "left": 0}


def test_whose_work_was_taken_back_is_told(work):
    review.mark(work, ids(work)[0], "blank", "Lan")
    assert review.undo(work, "Hoa").facts["by"] == "Lan"
    assert review.redo(work, "Hoa").facts["by"] == "Lan"


def as_seen(work):
    """What the table shows of the pages that wait."""
    return {page.id: page.seen for page in review.table(work).pages if page.waits}


# --- what the station asks --------------------------------------------------------------------------------------------


def test_what_was_said_between_two_states_names_the_captures_that_it_concerns(work):
    before = work.log.state()
    names = [capture.id for capture in before.current]
    review.mark(work, names[0], "blank", "Lan")
    review.swap(work, names[0], "Lan")
    assert stale(before, work.log.state()) == ()
    review.correct(work, f"{names[1]}-L", {"deskew": {"degrees": 1.0}}, "page", "Lan")
    assert stale(before, work.log.state()) == (names[1],)
    work.log.append({"event": "opened", "facts": {"layout": "spread"}})
    assert len(stale(before, work.log.state())) == 4


def test_captures_that_were_corrected_are_developed_first_those_corrected_last_before_all(work):
    state = work.log.state()
    names = [capture.id for capture in state.current]
    with Journal(work.workplace.root, {BOOK: state}) as journal:
        journal.again(BOOK, [names[2], names[3]])
        journal.set_state(BOOK, names[1], FAILED, "worker_died")
        journal.again(BOOK, [names[1]])
        journal.again(BOOK, [])
        assert journal.waiting(9) == [(BOOK, names[at]) for at in (1, 2, 3, 0)]
        assert journal.failed() == []


def test_a_capture_that_departs_from_its_book_is_to_be_developed_once_more_and_not_by_who_looks(tmp_path):
    make_book(tmp_path, SPREAD, 8)
    work = work_on(tmp_path)
    assert unlike(tasks(work)) == []
    retold(work, 3, as_single)
    (again,) = unlike(tasks(work))
    assert (again.capture, again.hints.habit) == (tasks(work)[3].capture, "spread")
    assert not review.table(work).settled
    assert {"other_layout"} == {item.code for page in review.table(work).pages[6:8] for item in page.findings
                                if item.code.startswith("other")}
    develop(again)
    assert unlike(tasks(work)) == []
    assert [{"as_in_book"} <= {item.code for item in page.findings} for page in review.table(work).pages[5:9]] == [
        False, True, True, False]


def as_single(page):
    """As if its capture had been taken for one page."""
    decisions = [one.to_json() for one in page.recipe.decisions]
    for one in decisions:
        if one["stage"] == "split":
            one["values"] = {**one["values"], "layout": "single"}
    return DevelopedPage.from_json({**page.to_json(), "recipe": {**page.recipe.to_json(), "decisions": decisions}})


def test_a_page_is_developed_by_the_same_basis_as_ever(work):
    """Else every page of every store would be made again."""
    from dataclasses import asdict

    from developing import ENCODING

    for task in tasks(work):
        archive, ministry = task.settings.archive, task.settings.ministry
        encoders = [ENCODING, archive.quality, ministry.budget_kb, ministry.dpi]
        whole = [task.capture.sha256, task.capture.frame, task.plan.to_json(), asdict(task.hints), encoders]
        assert task.basis == digest(whole)


# --- remedies ---------------------------------------------------------------------------------------------------------


def test_every_finding_that_asks_a_person_to_look_has_two_remedies():
    assert set(review.REMEDIES) == set(catalogue("vi")["finding"]) - NOTES
    for code, remedies in review.REMEDIES.items():
        assert len(set(remedies)) == 2, code
        assert set(remedies) <= set(review.ACTIONS), code


def test_who_sets_something_by_a_command_stands_in_the_log(sohoa, work):
    ran = sohoa("redo", "--book", BOOK, "--out", work.workplace.root, "--page", ids(work)[4], "--set", "deskew.degrees=1",
                "--by", "Lan")
    assert ran.returncode == 0, ran.stderr
    event = next(event for event in work.log.events() if event["event"] == "settings")
    assert event["by"] == "Lan"
    assert review.table(work).undo.did == "settings"
