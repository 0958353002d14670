"""What people say of pages can be taken back and said again: what is left is as if it had never been said."""

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import StorageFailed
from originals import corrections
from originals.booklog import BookLog, BookState, _after
from originals.corrections import Corrected, redoable, subject, undoable

IDS = [f"{number:08x}" for number in range(6)]
PAGES = [*IDS, *(f"{name}-{side}" for name in IDS for side in "LR")]
SCOPES = ["book", "book-L", "from-3", *PAGES]
TIME = "2026-01-01T00:00:00+07:00"


def arrival(number, **said):
    frame = {"frame": 0, "width": 10, "height": 10, "dpi": 300.0}
    return {"event": "received", "time": TIME, "sha256": IDS[number] * 8, "name": f"{number}.jpg", "arrival": number,
            "media": "image/jpeg", "frames": [frame], **said}


def set_for(scope, **values):
    return {"event": "settings", "changes": [{"scopes": [scope], "values": {"deskew": values}}]}


def before(capture, other):
    return {"event": "order", "capture": IDS[capture], "before": IDS[other]}


def after(capture, other):
    return {"event": "order", "capture": IDS[capture], "after": IDS[other]}


def superseded(old, new):
    return {"event": "superseded", "old": IDS[old], "new": IDS[new]}


def role(name, said):
    return {"event": "role", "roles": {name: said}}


def undone(number):
    return {"event": "undone", "undone": number}


def folded(events, start=None):
    state = start or BookState()
    for event in events:
        state = _after(state, {"time": TIME, **event})
    return corrections.settled(state)


def book(*said, captures=6):
    return folded([*map(arrival, range(captures)), *said])


def order(state):
    return [IDS.index(capture.id) for capture in state.current]


def words(state):
    """What counts, without the lines that it came from."""
    return {item.name: getattr(state, item.name) for item in fields(Corrected) if item.name != "corrections"}


# --- taking back, and saying again ------------------------------------------------------------------------------------


some_settings = st.builds(lambda scopes, key, value: {
    "event": "settings", "changes": [{"scopes": scopes, "values": {"deskew": {key: value}}}]},
    st.lists(st.sampled_from(SCOPES), min_size=1, max_size=3), st.sampled_from(["degrees", "max_degrees"]),
    st.sampled_from([None, 1.0, 2.0]))
some_old_settings = st.builds(lambda scope, mode: {"event": "settings", "scope": scope, "values": {"tone": {"mode": mode}}},
                              st.sampled_from(SCOPES), st.sampled_from(["grey", "colour"]))
some_role = st.builds(role, st.sampled_from(PAGES), st.sampled_from(["blank", "slip", "spare", ""]))
some_old_role = st.builds(lambda name, said: {"event": "role", "capture": name, "role": said},
                          st.sampled_from(IDS), st.sampled_from(["blank", "spare", ""]))
some_numbers = st.integers(0, 5), st.integers(0, 5)
some_accepted = st.builds(lambda page, seen: {"event": "accepted", "pages": {page: seen}},
                          st.sampled_from(PAGES), st.sampled_from(["x", "y"]))
something = st.one_of(some_settings, some_old_settings, some_role, some_old_role, some_accepted,
                      st.builds(before, *some_numbers), st.builds(after, *some_numbers),
                      st.builds(superseded, *some_numbers))
anything = st.one_of(something, st.builds(undone, st.integers(-1, 30)))


@settings(max_examples=300, deadline=None)
@given(st.lists(anything, max_size=30))
def test_what_is_taken_back_might_as_well_not_have_been_said(said):
    state = book(*said)
    gone = corrections.undone_events(state.corrections, "undone")
    left = [event for number, event in enumerate(said, 1) if number not in gone and event["event"] != "undone"]
    assert words(state) == words(book(*left))
    assert state.current == book(*left).current


@settings(max_examples=200, deadline=None)
@given(st.lists(something, max_size=12), st.lists(st.booleans(), max_size=30))
def test_undo_and_redo_go_back_and_forth_through_all_that_was_said(said, presses):
    """As with a list of what was said and a place in it, however often either is pressed."""
    state, place = book(*said), len(said)
    for back in presses:
        number = (undoable if back else redoable)(state.corrections)
        assert bool(number) == (place > 0 if back else place < len(said))
        if number:
            state = folded([undone(number)], state)
            place += -1 if back else 1
        assert words(state) == words(book(*said[:place]))


def test_after_something_new_there_is_nothing_to_say_again():
    state = book(set_for("book", degrees=1.0), role(IDS[0], "blank"), undone(2))
    assert redoable(state.corrections) == 3
    state = folded([role(IDS[1], "blank")], state)
    assert redoable(state.corrections) == 0
    assert undoable(state.corrections) == 4
    state = folded([undone(4), undone(1)], state)
    assert words(state) == words(book())
    assert subject(state.corrections, redoable(state.corrections))["event"] == "settings"


def test_an_undoing_of_what_was_never_said_changes_nothing():
    said = [role(IDS[0], "blank"), undone(0), undone(-3), undone(4), undone(99), role(IDS[1], "slip"), role(IDS[2], "slip")]
    assert words(book(*said)) == words(book(*(event for event in said if event["event"] == "role")))


def test_the_log_reads_the_same_line_by_line_as_at_once(tmp_path):
    said = [*map(arrival, range(6)), set_for(IDS[0], degrees=1.0), before(5, 0), undone(1), undone(3), superseded(1, 2)]
    log = BookLog(tmp_path / "KS.2005.31477.02.jsonl")
    for event in said:
        log.append(event)
        log.state()
    assert log.state() == BookLog(log.path).state()


@pytest.mark.parametrize("event", [
    {"event": "undone"}, {"event": "undone", "undone": "2"}, {"event": "order", "before": "x"},
    {"event": "role", "role": "blank"}, {"event": "settings", "changes": [{"values": {}}]},
    {"event": "superseded", "old": "x"}, {"event": "accepted", "pages": 3},
])
def test_a_correction_that_lacks_something_is_a_damaged_line(tmp_path, event):
    path = tmp_path / "KS.2005.31477.02.jsonl"
    path.write_text(json.dumps({"time": TIME, **event}) + "\n")
    with pytest.raises(StorageFailed) as caught:
        BookLog(path).state()
    assert (caught.value.code, caught.value.facts["line"]) == ("log_damaged", 1)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_several_scopes_are_set_in_one_line_and_none_takes_back():
    values = {"deskew": {"degrees": 1.0}}
    said = {"event": "settings", "changes": [{"scopes": [IDS[0], IDS[1]], "values": values},
                                             {"scopes": ["book"], "values": {"tone": {"mode": "grey"}}}]}
    state = book(said)
    assert state.settings == {IDS[0]: values, IDS[1]: values, "book": {"tone": {"mode": "grey"}}}
    assert folded([set_for(IDS[0], degrees=None)], state).settings == {
        IDS[1]: values, "book": {"tone": {"mode": "grey"}}}
    assert folded([undone(1)], state).settings == {}


# --- roles ------------------------------------------------------------------------------------------------------------


def test_a_page_may_be_blank_and_its_neighbour_not():
    state = book(role(f"{IDS[0]}-R", "blank"))
    assert [state.role_of(f"{IDS[0]}-{side}") for side in "LR"] == ["", "blank"]
    state = folded([role(IDS[0], "slip")], state)
    assert [state.role_of(f"{IDS[0]}-{side}") for side in "LR"] == ["slip", "slip"]
    state = folded([role(f"{IDS[0]}-L", "")], state)
    assert [state.role_of(f"{IDS[0]}-{side}") for side in "LR"] == ["", "slip"]
    assert state.role_of(IDS[1]) == ""


def test_spare_is_said_of_captures_alone():
    assert order(book(role(f"{IDS[0]}-R", "spare"))) == [0, 1, 2, 3, 4, 5]
    assert order(book(role(IDS[0], "spare"))) == [1, 2, 3, 4, 5]


# --- order ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "expected"), [
    ([before(4, 1)], [0, 4, 1, 2, 3, 5]),
    ([after(1, 2)], [0, 2, 1, 3, 4, 5]),
    ([after(0, 5)], [1, 2, 3, 4, 5, 0]),
    ([before(4, 1), before(4, 5)], [0, 1, 2, 3, 4, 5]),
    ([before(3, 3)], [0, 1, 2, 3, 4, 5]),
    ([after(1, 2), after(1, 2)], [0, 2, 1, 3, 4, 5]),
    ([{"event": "order", "capture": "ffffffff", "before": IDS[0]}], [0, 1, 2, 3, 4, 5]),
])
def test_captures_are_moved_before_or_after_others(said, expected):
    assert order(book(*said)) == expected


def test_what_comes_later_stands_at_the_end_also_after_one_that_was_moved_there():
    state = folded([after(0, 3), arrival(4)], book(captures=4))
    assert order(state) == [1, 2, 3, 0, 4]


def test_a_retake_stands_where_the_retaken_one_was_moved_to_whichever_came_first():
    assert order(book(before(4, 1), superseded(4, 5))) == [0, 5, 1, 2, 3]
    assert order(book(superseded(4, 5), before(5, 1))) == [0, 5, 1, 2, 3]
    assert order(book(superseded(4, 5), before(4, 1))) == [0, 5, 1, 2, 3]
    assert order(book(superseded(1, 5), before(4, 1), role(IDS[5], "spare"))) == [0, 4, 2, 3]


# --- retakes ----------------------------------------------------------------------------------------------------------


def test_an_earlier_image_takes_its_place_again_and_its_retake_is_no_page():
    state = book(superseded(1, 4))
    assert order(state) == [0, 4, 2, 3, 5]
    state = folded([superseded(4, 1)], state)
    assert order(state) == [0, 1, 2, 3, 5]
    state = folded([superseded(1, 4)], state)
    assert order(state) == [0, 4, 2, 3, 5]
    assert order(folded([undone(3), undone(2), undone(1)], state)) == [0, 1, 2, 3, 4, 5]


def test_the_first_of_several_images_of_a_page_can_be_the_right_one():
    assert order(book(superseded(0, 3), superseded(3, 4), superseded(4, 0))) == [0, 1, 2, 5]


def test_a_retake_that_is_taken_back_is_no_page_and_its_image_stays():
    state = folded([arrival(5, supersedes=IDS[2])], book(captures=5))
    assert order(state) == [0, 1, 5, 3, 4]
    number = undoable(state.corrections)
    state = folded([undone(number)], state)
    assert order(state) == [0, 1, 2, 3, 4]
    assert len(state.captures) == 6
    state = folded([undone(redoable(state.corrections))], state)
    assert order(state) == [0, 1, 5, 3, 4]


def test_what_a_cover_sheet_said_of_an_image_is_not_taken_back_by_a_key():
    state = folded([arrival(5, role="blank")], book(captures=5))
    assert state.roles == {IDS[5]: "blank"}
    assert undoable(state.corrections) == 0


# --- a closed book ----------------------------------------------------------------------------------------------------


ACCEPTED = {"event": "accepted", "by": "Hoa", "pages": {IDS[0]: "x"}}


@pytest.mark.parametrize(("earlier", "later", "changed"), [
    ([], [before(1, 0)], True),
    ([role(IDS[0], "blank")], [undone(1)], True),
    ([ACCEPTED], [undone(1)], False),
    ([ACCEPTED], [undone(1), undone(2)], False),
    ([], [undone(1)], False),
])
def test_a_closed_book_is_changed_by_what_makes_it_another(earlier, later, changed):
    closed = book(*earlier, {"event": "closing", "by": "Lan"}, {"event": "closed", "by": "Lan"})
    assert not closed.changed
    assert folded(later, closed).changed is changed


def test_who_takes_something_back_had_a_hand_in_the_work():
    assert book({**role(IDS[0], "blank"), "by": "Lan"}, {**undone(1), "by": "Hoa"}).workers == {"Lan", "Hoa"}
