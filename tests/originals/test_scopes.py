"""How far a correction reaches: what was said last of a page holds for it, whether it was there already or came later."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from book import Capture, Side
from originals import corrections
from originals.booklog import BookState
from originals.scopes import REACHES, Scopes, reached

FIRST = 4  # captures that are there from the start
SIDES = {"L": Side.LEFT, "R": Side.RIGHT}


def captures(count, start=0):
    return tuple(Capture(f"{number:08x}" * 8, "image/jpeg", 10, 10, arrival=number) for number in range(start, count))


def page(number, side=""):
    return f"{number:08x}" + (f"-{side}" if side else "")


def pages_of(state, spreads=True):
    return [f"{one.id}-{side}" for one in state.current for side in "LR"] if spreads else [one.id for one in state.current]


def said(state, name, values, reach, spreads=True):
    settings_now = dict(state.settings)
    for scopes, part in reached(state, name, values, reach, pages_of(state, spreads)):
        for scope in scopes:
            corrections.laid_over(settings_now, scope, part)
    return BookState(captures=state.captures, settings=settings_now, superseded=state.superseded)


def more(state, count):
    have = len(state.captures)
    return BookState(captures=(*state.captures, *captures(have + count, have)), settings=state.settings,
                     superseded=state.superseded)


def held(state, stage, key):
    """What holds for every page: id → value, None where nothing was set."""
    scopes, found = Scopes.of(state), {}
    for capture in state.current:
        for letter, side in SIDES.items():
            whole = {}
            for values in (state.settings.get("book", {}), scopes.of_capture(capture), scopes.of_side(capture, side)):
                corrections.laid_over(whole, "", values)
            found[f"{capture.id}-{letter}"] = whole.get("", {}).get(stage, {}).get(key)
    return found


def changed(before, after, stage="deskew", key="degrees"):
    was, becomes = held(before, stage, key), held(after, stage, key)
    return [name for name in becomes if was.get(name) != becomes[name]]


class Model:
    """The same by hand: a value for every page that is there, and what was said of those to come."""

    def __init__(self):
        self.values, self.to_come, self.count = {}, [], 0

    def more(self, count):
        for number in range(self.count, self.count + count):
            for side in "LR":
                self.values[page(number, side)] = next(
                    (value for sides, value in reversed(self.to_come) if side in sides), None)
        self.count += count

    def say(self, number, side, value, reach, whole):
        """`whole`: of both pages of a capture, whatever the side."""
        own = "LR" if whole else side
        if reach in ("page", "capture"):
            chosen = [page(number, one) for one in ("LR" if reach == "capture" else own)]
        elif reach == "following":
            chosen = [page(other, one) for other in range(number, self.count) for one in "LR"]
            if side == "R" and not whole:
                chosen.remove(page(number, "L"))
            self.to_come.append(("LR", value))
        else:
            sides = "LR" if whole or reach == "all" else reach[0].upper()
            chosen = [page(other, one) for other in range(self.count) for one in sides]
            self.to_come.append((sides, value))
        self.values.update(dict.fromkeys(chosen, value))


steps = st.lists(st.one_of(
    st.integers(1, 2),
    st.tuples(st.integers(0, 7), st.sampled_from("LR"), st.sampled_from([1.0, 2.0, 3.0]), st.sampled_from(REACHES)),
), max_size=14)


@settings(max_examples=400, deadline=None)
@given(steps, st.booleans())
def test_what_was_said_last_of_a_page_holds_for_it(steps, whole):
    stage, key = ("outline", "edge") if whole else ("deskew", "degrees")
    state, model = more(BookState(), FIRST), Model()
    model.more(FIRST)
    for step in steps:
        if isinstance(step, int):
            state = more(state, step)
            model.more(step)
        else:
            number, side, value, reach = step
            number %= model.count
            state = said(state, page(number, side), {stage: {key: value}}, reach)
            model.say(number, side, value, reach, whole)
        assert held(state, stage, key) == model.values


DEGREES = {"deskew": {"degrees": 1.0}}


@pytest.mark.parametrize(("reach", "expected"), [
    ("page", [page(1, "R")]),
    ("capture", [page(1, "L"), page(1, "R")]),
    ("following", [page(1, "R"), page(2, "L"), page(2, "R"), page(3, "L"), page(3, "R")]),
    ("left", [page(number, "L") for number in range(4)]),
    ("right", [page(number, "R") for number in range(4)]),
    ("all", [page(number, side) for number in range(4) for side in "LR"]),
])
def test_a_correction_of_a_page_reaches_as_far_as_is_said(reach, expected):
    before = more(BookState(), FIRST)
    assert changed(before, said(before, page(1, "R"), DEGREES, reach)) == expected


@pytest.mark.parametrize("reach", ["left", "right", "all"])
def test_what_a_capture_decides_holds_for_both_its_pages(reach):
    before = more(BookState(), FIRST)
    after = said(before, page(1, "R"), {"split": {"overlap_mm": 3.0}}, reach)
    assert len(changed(before, after, "split", "overlap_mm")) == 2 * FIRST


@pytest.mark.parametrize(("reach", "expected"), [("left", [1, 3]), ("right", [0, 2]), ("following", [1, 2, 3])])
def test_where_captures_are_no_spreads_every_second_page_is_a_left_one(reach, expected):
    before = more(BookState(), FIRST)
    after = said(before, page(1), DEGREES, reach, spreads=False)
    assert changed(before, after) == [page(number, side) for number in expected for side in "LR"]


def test_following_goes_by_the_order_that_people_gave():
    before = more(BookState(), FIRST)
    moved = corrections.corrected(before, {"event": "order", "capture": page(3), "before": page(0)})
    after = said(moved, page(1, "L"), DEGREES, "following")
    assert {name.partition("-")[0] for name in changed(moved, after)} == {page(1), page(2)}


def test_a_retake_that_comes_later_is_decided_anew():
    state = said(more(BookState(), FIRST), page(1, "L"), DEGREES, "following")
    state = corrections.corrected(more(state, 1), {"event": "superseded", "old": page(0), "new": page(4)})
    assert held(state, "deskew", "degrees")[page(4, "L")] is None


def test_a_setting_is_taken_back_as_far_as_is_said():
    state = said(said(more(BookState(), FIRST), page(1, "L"), DEGREES, "all"), page(2, "L"), DEGREES, "page")
    taken = said(state, page(0, "L"), {"deskew": {"degrees": None}}, "all")
    assert taken.settings == {}


def test_what_was_set_by_hand_on_a_frame_goes_when_the_frame_is_turned():
    state = more(BookState(), FIRST)
    for stage, keys in {"outline": {"corners": [[0, 0], [1, 0], [1, 1], [0, 1]]}, "tone": {"mode": "grey"},
                        "crop": {"box": [0, 0, 1, 1]}, **DEGREES}.items():
        state = said(state, page(1, "L"), {stage: keys}, "page")
    state = said(state, page(2, "L"), DEGREES, "page")
    turned = said(state, page(1, "R"), {"orient": {"turn": 180}}, "page")
    assert turned.settings == {page(1): {"orient": {"turn": 180}}, page(1, "L"): {"tone": {"mode": "grey"}},
                               page(2, "L"): DEGREES}
