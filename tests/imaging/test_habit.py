"""The habit of a book: what nearly all of its captures share; and what departs from it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from book import By, Recipe, Side
from imaging import crop, gutters, split
from imaging.habit import Developed, Habit
from imaging.view import Hints, View
from tests.imaging.test_split import drawn_spread

LEFT, RIGHT, WHOLE = Side.LEFT, Side.RIGHT, Side.WHOLE


def spread(gutter=0.5, size=(1000, 1400)):
    """A spread of 2000 px whose gutter lies at that share of its width; two pages of that size."""
    x = 2000 * gutter
    values = {"layout": "spread", "gutter": [[x, 0], [x, 1400]],
              "corners": {"left": [[0, 0], [x, 0], [x, 1400], [0, 1400]],
                          "right": [[x, 0], [2000, 0], [2000, 1400], [x, 1400]]}}
    decision = split.STAGE.decision(values)
    return Developed(tuple(Recipe("0" * 64, 0, side, (decision,)) for side in (LEFT, RIGHT)), (size, size))


def single(size=(1000, 1400), **values):
    decision = split.STAGE.decision({"layout": "single", "gutter": None, **values})
    return Developed((Recipe("0" * 64, 0, WHOLE, (decision,)),), (size,))


def codes(habit, item):
    return [finding.code for finding in habit.findings(item)]


def test_most_captures_make_the_habit():
    habit = Habit.of([spread(0.495), spread(0.5), spread(0.5), spread(0.505), spread(0.51), spread(0.5), single()])
    assert (habit.layout, habit.gutter) == ("spread", 0.5)
    assert codes(habit, single()) == ["other_layout"]
    assert codes(habit, spread(0.5)) == []
    assert habit.unlike(single()) and not habit.unlike(spread(0.52))


def test_a_page_with_a_part_of_its_neighbour_is_a_layout_of_its_own():
    habit = Habit.of([single(cut="right")] * 7)
    assert habit.layout == "part"
    assert codes(habit, single()) == ["other_layout"]


def test_a_gutter_elsewhere_is_told():
    habit = Habit.of([spread(0.5)] * 8 + [spread(0.44)])
    (finding,) = habit.findings(spread(0.44))
    assert (finding.code, finding.facts) == ("other_gutter", {"percent": pytest.approx(6)})


def test_a_size_that_a_person_has_set_is_not_doubted():
    habit = Habit.of([single()] * 8)
    small = single(size=(700, 1400))
    assert codes(habit, small) == ["other_size"]
    cropped = replace(crop.STAGE.decision({"box": [0, 0, 700, 1400]}), by=By.OPERATOR)
    recipe = replace(small.recipes[0], decisions=(*small.recipes[0].decisions, cropped))
    assert codes(habit, replace(small, recipes=(recipe,))) == []


def test_a_page_of_another_size_is_told_on_its_side():
    habit = Habit.of([spread()] * 8)
    item = replace(spread(), sizes=((1000, 1400), (880, 1400)))
    (finding,) = habit.findings(item)
    assert (finding.code, finding.facts) == ("other_size", {"percent": 12, "side": "right"})
    assert not habit.unlike(item)  # a second look at the split would not change it


@pytest.mark.parametrize("captures", [[], [spread()] * 5, [spread()] * 6 + [single()] * 3])
def test_few_or_mixed_captures_make_no_habit(captures):
    habit = Habit.of(captures)
    assert habit == Habit()
    assert codes(habit, single()) == [] and not habit.unlike(single())


def test_gutters_and_sizes_that_vary_make_no_habit():
    gutters = [0.46, 0.47, 0.49, 0.51, 0.53, 0.54, 0.55]
    habit = Habit.of([spread(gutter, (1000 + 90 * at, 1400)) for at, gutter in enumerate(gutters)])
    assert (habit.layout, habit.gutter, habit.sizes) == ("spread", 0.0, {})


def test_what_a_person_decided_is_not_doubted():
    habit = Habit.of([spread()] * 8)
    decision = replace(single().recipes[0].decisions[0], by=By.OPERATOR)
    item = replace(single(), recipes=(replace(single().recipes[0], decisions=(decision,)),))
    assert not habit.unlike(item) and codes(habit, item) == []


def layouts(pixels):
    """What is decided of an image by itself, and with the habit in mind."""
    view = View.of(pixels)
    usual = replace(view, hints=Hints(habit="spread", gutter=0.5))
    return [split.decide(one, split.Params()).values["layout"] for one in (view, usual)]


def test_with_the_habit_in_mind_a_faint_gutter_is_enough(monkeypatch):
    """A gutter of which too little is seen to split a single image: by hand, and as the model tells."""
    plain = drawn_spread()
    flat = np.full_like(plain, int(np.median(plain)))
    with monkeypatch.context() as without:
        without.setattr(gutters, "seen", lambda grey: None)
        found = [layouts(cv2.addWeighted(plain, strength, flat, 1 - strength, 0))
                 for strength in (0.0, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 1.0)]
    assert found[0] == ["single", "single"]  # nothing at all is no gutter, whatever the habit
    assert found[-1] == ["spread", "spread"]
    assert ["single", "spread"] in found
    told = np.zeros((3, 192))
    told[:, 95:97] = 0.04
    monkeypatch.setattr(gutters, "seen", lambda grey: gutters.Seen(told))
    assert layouts(plain) == ["single", "spread"]
