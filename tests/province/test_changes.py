"""What differs of pages that were developed again: measured on made-up facts, and on pages that really are."""

import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from changed_pages import box, moved, page
from developed_twice import captured, developed

from province.changes import Change, PageFacts, compare, facts_of
from settings import load


def only(before, after):
    (change,) = compare([before], [after])
    return change


def test_a_page_that_is_as_it_was_is_no_change():
    assert compare([page(), page(side="right")], [page(), page(side="right")]) == ()
    assert compare([page()], [page(recipe="1" * 64, confidence=0.5)]) == ()


@pytest.mark.parametrize(("before", "after", "degrees"), [
    (0.0, 0.5, 0.5), (1.0, -1.25, -2.25), (179.5, -179.5, 1.0), (-90.0, 90.0, 180.0), (0.0, 90.0, 90.0),
])
def test_an_angle(before, after, degrees):
    assert only(page(angle=before), page(angle=after)).degrees == degrees


def test_a_gutter_counts_across_and_not_along_its_line():
    before = page(gutter=((2100.0, 0.0), (2100.0, 2970.0)))
    assert only(before, page(gutter=((2100.0, 0.0), (2132.0, 2970.0)))).gutter_mm == 3.2
    assert compare([before], [page(gutter=((2100.0, 50.0), (2100.0, 2900.0)))]) == ()


def test_a_gutter_that_came_or_went():
    with_gutter, without = page(), page(gutter=None, stages={"split": "d"})
    assert (only(without, with_gutter).gutter_told, only(with_gutter, without).gutter_told) == ("came", "went")
    assert only(without, with_gutter).gutter_mm == 0.0


def test_edges_are_told_by_the_corner_that_moved_most():
    assert only(page(), page(corners=((0, 0), (2100, 0), (2130, 3010), (0, 2970)))).edges_mm == 5.0
    assert only(page(), page(corners=moved(box(), 3, 0))).edges_mm == 0.3


def test_a_quarter_turn_moves_no_edge():
    turned = page(corners=box()[1:] + box()[:1], angle=90.0)
    change = only(page(), turned)
    assert (change.edges_mm, change.degrees) == (0.0, 90.0)


def test_sizes_are_compared_in_millimetres_where_they_are_known():
    assert only(page(), page(size=(2205, 2970))).size_percent == (5.0, 0.0)
    assert only(page(), page(size=(4200, 5940), dpi=508.0)).size_percent == (0.0, 0.0)
    assert only(page(dpi=None), page(size=(4200, 5940), dpi=508.0)).size_percent == (100.0, 100.0)


def test_findings_that_came_and_went():
    change = only(page(warnings=("glare",), notes=("faint_ink",)), page(warnings=("gutter_unsure",), notes=("faint_ink",)))
    assert (change.came, change.went) == (("gutter_unsure",), ("glare",))


def test_stages_and_bytes():
    change = only(page(), page(stages={"deskew": "a", "crop": "b", "tone": "z"}, jpeg_bytes=300_000))
    assert (change.stages, change.bytes_percent) == (("tone",), -25.0)


@pytest.mark.parametrize(("tone", "other"), [
    ({"way": "7-grey-clear-None"}, True), ({"paper": 190}, True), ({"white": 246}, True), ({"ink": 0.46}, True),
    ({"paper": 203, "white": 241, "ink": 0.42}, False),
])
def test_another_tone_is_one_that_anyone_sees(tone, other):
    change = only(page(), page(tone=page().tone | tone, stages={"tone": "z"}))
    assert change.other_tone is other
    assert only(page(), page(tone={})).other_tone


def test_one_page_that_became_two_is_another_layout():
    changes = compare([page(side="whole")], [page(side="left"), page(side="right")], "KS.1998.14800.03", {"abcd1234-R": 8})
    assert [(change.page, change.kind) for change in changes] == [("abcd1234-L", "new"), ("abcd1234-R", "new"),
                                                                  ("abcd1234", "gone")]
    assert all(change.other_layout and change.book == "KS.1998.14800.03" for change in changes)
    assert [change.number for change in changes] == [0, 8, 0]


def test_a_page_of_an_image_that_is_new_is_no_other_layout():
    (change,) = compare([page()], [page(), page("ffff0000", "whole")])
    assert (change.kind, change.other_layout, change.facts.capture) == ("new", False, "ffff0000")


def test_what_a_person_wants_to_see_first():
    new = compare([], [page()])[0]
    ordered = [
        new,
        only(page(), page(corners=moved(box(), 100, 0))),  # 10 mm
        only(page(), page(gutter=((2160.0, 0.0), (2170.0, 2970.0)))),  # 6 mm
        only(page(), page(angle=3.0)),  # 5.5 mm at the end of a line
        only(page(), page(warnings=("glare",))),
        only(page(warnings=("glare",)), page()),
        only(page(), page(tone={**page().tone, "way": "8-colour-clear-None"})),
        only(page(), page(notes=("faint_ink",))),
    ]
    weights = [change.weight for change in ordered]
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) == len(weights)


def test_a_page_turned_by_a_quarter_weighs_more_than_any_other_that_stayed():
    assert only(page(), page(angle=90.0)).weight > only(page(), page(angle=8.0, warnings=("glare",))).weight


def test_both_forms_come_back_from_json_and_from_another_process():
    before, after = page(gutter=None), page(warnings=("glare",), corners=moved(box(), 5, 5))
    for facts in (before, after):
        assert PageFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    for change in (*compare([before], [after]), *compare([], [after]), *compare([before], [])):
        plain = json.loads(json.dumps(change.to_json()))
        assert Change.from_json(plain) == change
        assert pickle.loads(pickle.dumps(change)) == change


@pytest.mark.parametrize("changes", [{"side": "middle"}, {"corners": 3}, {"size": None}])
def test_facts_that_are_none_are_refused(changes):
    spoilt = page().to_json() | changes
    with pytest.raises((KeyError, TypeError, ValueError)):
        PageFacts.from_json(spoilt)


def test_facts_that_lack_something_are_refused():
    with pytest.raises(KeyError):
        PageFacts.from_json({key: value for key, value in page().to_json().items() if key != "angle"})


@pytest.fixture(scope="module")
def spread(small_pages, tmp_path_factory):
    """The facts of two open pages as they are by the settings as shipped, and with an angle that was set."""
    folder, settings = tmp_path_factory.mktemp("pages"), load(None)
    capture, orientation = captured(small_pages / "IMG_4.jpg")
    told = []
    for degrees in ("auto", 3.0):
        stages = {**settings.stages, "deskew": replace(settings.stages["deskew"], degrees=degrees)}
        pages = developed(small_pages / "IMG_4.jpg", folder, replace(settings, stages=stages))
        told.append(facts_of(pages, capture, orientation))
    return told


def test_facts_of_a_real_spread(spread):
    left, right = spread[0]
    assert (left.id[-2:], right.id[-2:]) == ("-L", "-R")
    assert left.gutter == right.gutter
    assert left.upright[0] > left.upright[1]
    middle = left.gutter[0][0]
    assert abs(middle - left.upright[0] / 2) < 0.05 * left.upright[0]
    assert max(x for x, _ in left.corners) == pytest.approx(middle, abs=0.02 * left.upright[0])
    assert abs(left.angle) < 1.5
    assert left.jpeg_bytes > 10_000
    assert PageFacts.from_json(json.loads(json.dumps(left.to_json()))) == left


def test_an_angle_that_was_set_is_told(spread):
    for before, change in zip(spread[0], compare(*spread), strict=True):
        assert change.degrees == pytest.approx(3.0 - before.angle, abs=0.05)
        assert change.gutter_mm == 0.0
        assert 0.5 < change.edges_mm < 20
        assert {"deskew", "crop"} <= set(change.stages)
        assert not {"orient", "outline", "split"} & set(change.stages)


def test_the_angle_and_the_corners_are_those_of_the_upright_original(small_pages, tmp_path):
    """A photo that its EXIF turns: the page stands upright in the upright original."""
    path = small_pages / "IMG_16.jpg"
    capture, orientation = captured(path)
    assert orientation == 6
    (facts,) = facts_of(developed(path, tmp_path, load(None)), capture, orientation)
    assert abs(facts.angle) < 10
    (left, top), (right, _), (_, bottom), _ = facts.corners
    width, height = facts.upright
    assert 0 <= left + 1 < right <= width + 1
    assert 0 <= top + 1 < bottom <= height + 1
