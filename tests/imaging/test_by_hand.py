"""What a person sets by hand: taken as it is set, refused where no page can be made of it, given back by its handles."""

import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from truth import ROOT, opened

from book import By, Side, canonical_json
from errors import BadConfig
from imaging import by_hand
from imaging.geometry import Geometry
from imaging.handles import Placed, changes_of, on_original, turned_corners
from imaging.stages import STAGES, Plan, decide, geometry
from imaging.view import View
from settings import load, parse_changes, with_stages
from settings.reading import Entry

SCAN, PHOTO = ROOT / "samples/pages/ledger-1990/SCN_0001.jpg", ROOT / "samples/pages/forms-2009/IMG_20240612_141907.jpg"
QUICK = frozenset({"tone", "quality"})
AUTO = Plan({stage.name: stage.params() for stage in STAGES}, skip=QUICK)
CAPTURE = "0" * 64
PIXEL = 1.0


def planned(changes, side=None):
    """The plan with `changes` (stage → key → value as JSON has it), for all, or for one side alone."""
    entries = {stage: {key: Entry(value) for key, value in keys.items()} for stage, keys in changes.items()}
    if side is None:
        return replace(AUTO, params=with_stages(AUTO.params, entries), operator=frozenset(changes))
    named = {stage: AUTO.params[stage] for stage in changes}
    return replace(AUTO, of_side={side: with_stages(named, entries)})


@cache
def seen(path):
    return opened(path)


def recipes(path, changes=None, **how):
    plan = AUTO if changes is None else planned(changes, **how)
    return {recipe.side: recipe for _, recipe in decide(seen(path), plan, CAPTURE)}


@cache
def automatic(path):
    return recipes(path)


def placed(path, recipe):
    orientation = {SCAN: 1, PHOTO: 6}[path]
    return Placed(recipe, seen(path).stored, orientation, seen(path).dpi)


def drawn(path, recipe):
    where = placed(path, recipe)
    return on_original(recipe, where.stored, where.orientation, where.dpi)


def in_pixels(path, points):
    return np.array(points) * placed(path, None).upright.size


@pytest.mark.parametrize("path", [SCAN, PHOTO], ids=["scan", "photo"])
def test_corners_set_by_hand_are_the_sheet(path):
    shape = [[0.1, 0.12], [0.83, 0.1], [0.88, 0.9], [0.08, 0.93]]
    recipe = next(iter(recipes(path, {"outline": {"corners": shape}}).values()))
    decision = recipe.decision("outline")
    frame = placed(path, recipe).frame("outline")
    assert by_hand.fractions(decision.values["corners"], frame.size) == pytest.approx(np.array(shape), abs=1e-6)
    assert (decision.confidence, decision.by, decision.findings) == (1.0, By.OPERATOR, ())


def test_a_corner_set_by_hand_is_where_the_corner_of_the_page_ends_up():
    """On a photo whose sheet is seen whole, the perspective is put right from the corners that were set."""
    shape = [[0.2, 0.15], [0.8, 0.25], [0.85, 0.85], [0.1, 0.9]]
    flat = {"outline": {"corners": shape}, "flatten": {"mode": "none"}, "deskew": {"degrees": 0}, "crop": {"mode": "none"}}
    (recipe,) = recipes(PHOTO, flat).values()
    assert recipe.decision("outline").values["rectify"]
    where = placed(PHOTO, recipe)
    page = where.frame("tone")
    ends = page.points(where.upright.points_back(by_hand.pixels(shape, where.upright.size)))
    margin = recipe.decision("outline").values["margin"]
    width, height = recipe.decision("outline").values["size"]
    box = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]) + margin
    assert ends == pytest.approx(box, abs=PIXEL)


def test_a_bent_sheet_is_flattened_between_the_corners_that_were_set():
    handles = drawn(PHOTO, automatic(PHOTO)[Side.WHOLE])
    assert handles["bent"]
    nudged = np.add(handles["page"], [[-0.008, -0.006], [0.01, 0], [0.004, 0.008], [-0.01, 0.01]]).tolist()
    changes = changes_of({"sheet": nudged}, placed(PHOTO, automatic(PHOTO)[Side.WHOLE]))
    (recipe,) = recipes(PHOTO, changes).values()
    assert drawn(PHOTO, recipe)["bent"]
    assert in_pixels(PHOTO, drawn(PHOTO, recipe)["page"]) == pytest.approx(in_pixels(PHOTO, nudged), abs=PIXEL)


def test_corners_far_from_the_sheet_that_the_model_sees_are_not_bent_by_it():
    shape = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.6], [0.3, 0.6]]
    (recipe,) = recipes(PHOTO, {"outline": {"corners": shape}}).values()
    assert in_pixels(PHOTO, drawn(PHOTO, recipe)["page"]) == pytest.approx(in_pixels(PHOTO, shape), abs=PIXEL)


def test_a_scan_is_cut_to_its_corners_but_never_put_in_perspective():
    shape = [[0.1, 0.1], [0.9, 0.2], [0.8, 0.9], [0.15, 0.85]]
    for recipe in recipes(SCAN, {"outline": {"corners": shape}}).values():
        assert not recipe.decision("outline").values["rectify"]


def test_a_side_at_the_edge_of_the_frame_has_nothing_beyond_it():
    shape = [[0, 0.1], [1, 0.1], [1, 0.9], [0, 0.9]]
    recipe = next(iter(recipes(SCAN, {"outline": {"corners": shape}}).values()))
    assert recipe.decision("outline").values["border"] == ["top", "bottom"]


@pytest.mark.parametrize("path", [SCAN, PHOTO], ids=["scan", "photo"])
def test_a_gutter_set_by_hand_makes_two_pages_that_meet_there_and_both_keep_the_overlap(path):
    found = recipes(path, {"split": {"gutter": [0.45, 0.47]}})
    assert found.keys() == {Side.LEFT, Side.RIGHT}
    left = found[Side.LEFT].decision("split")
    frame, overlap = placed(path, found[Side.LEFT]).frame("split"), left.values["overlap"]
    line = by_hand.fractions(left.values["gutter"], frame.size)
    expected = 0.45 + 0.02 * line[:, 1]
    assert line[:, 0] == pytest.approx(expected, abs=1 / frame.size[0])
    assert left.confidence == 1 and overlap > 0
    here = np.array(left.values["gutter"])[:, 0]
    for side, edge in ((Side.LEFT, here.max() + overlap), (Side.RIGHT, here.min() - overlap)):
        page = placed(path, found[side]).frame("flatten")
        x = frame.points(page.points_back([(page.size[0] if side is Side.LEFT else 0, 0)]))[0, 0]
        assert x == pytest.approx(edge, abs=1.5)


def test_one_page_is_one_page_even_where_a_gutter_was_set():
    assert recipes(SCAN, {"split": {"gutter": [0.5, 0.5], "layout": "single"}}).keys() == {Side.WHOLE}


@pytest.mark.parametrize("gutter", [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
def test_a_gutter_beside_the_sheet_of_another_capture_still_leaves_two_pages(gutter):
    changes = {"split": {"gutter": gutter}, "outline": {"corners": [[0.3, 0.1], [0.7, 0.1], [0.7, 0.9], [0.3, 0.9]]}}
    for recipe in recipes(SCAN, changes).values():
        width, height = placed(SCAN, recipe).frame("tone").size
        assert width > 20 and height > 20


@pytest.mark.parametrize("box", [[0.1, 0.2, 0.9, 0.95], [0, 0, 1, 1]])
def test_a_crop_set_by_hand_is_the_page(box):
    recipe = recipes(SCAN, {"crop": {"box": box}}, side=Side.LEFT)[Side.LEFT]
    frame = placed(SCAN, recipe).frame("crop")
    wanted = np.array(box) * (frame.size * 2)
    assert recipe.decision("crop").values["box"] == pytest.approx(wanted, abs=1)
    assert placed(SCAN, recipe).frame("tone").size == tuple((np.round(wanted[2:]) - np.round(wanted[:2])).astype(int))
    other = recipes(SCAN, {"crop": {"box": box}}, side=Side.LEFT)[Side.RIGHT]
    assert other.digest == automatic(SCAN)[Side.RIGHT].digest


def test_what_is_set_for_one_capture_can_be_used_for_one_of_another_size():
    page = cv2.resize(np.tile(np.linspace(180, 230, 64, dtype=np.uint8), (64, 1)), (1200, 900))
    shape = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]
    for size in ((1200, 900), (600, 450), (450, 600)):
        view = View.of(cv2.resize(page, size), dpi=100)
        ((_, recipe),) = decide(view, planned({"outline": {"corners": shape}, "split": {"layout": "single"}}), CAPTURE)
        found = by_hand.fractions(recipe.decision("outline").values["corners"], size)
        assert found == pytest.approx(np.array(shape), abs=1e-6)


def test_taking_everything_back_gives_the_recipe_that_was():
    plans = planned({"outline": {"corners": "auto"}, "split": {"gutter": "auto"}, "crop": {"box": "auto"}})
    again = decide(seen(SCAN), replace(plans, operator=frozenset()), CAPTURE)
    assert [recipe.digest for _, recipe in again] == [recipe.digest for recipe in automatic(SCAN).values()]


def test_a_recipe_set_by_hand_is_the_same_after_being_written_down():
    changes = {"outline": {"corners": [[0, 0], [1, 0], [1, 1], [0, 1]]}, "crop": {"box": [0, 0, 1, 1]}}
    assert hash(planned(changes).params["outline"]) == hash(planned(json.loads(json.dumps(changes))).params["outline"])
    as_typed = with_stages(load().stages, parse_changes(["outline.corners=[[0, 0], [1.0, 0], [1, 1], [0, 1]]"]))
    assert canonical_json(as_typed["outline"].corners) == canonical_json(planned(changes).params["outline"].corners)


@pytest.mark.parametrize(("setting", "code"), [
    ("outline.corners=[[0, 0], [1, 1], [1, 0], [0, 1]]", "bad_corners"),  # crossed
    ("outline.corners=[[0, 1], [1, 1], [1, 0], [0, 0]]", "bad_corners"),  # the other way round
    ("outline.corners=[[0, 0], [1, 0], [0.4, 0.4], [0, 1]]", "bad_corners"),  # dented
    ("outline.corners=[[0, 0], [1, 0], [1, 1]]", "bad_corners"),
    ("outline.corners=[[0, 0], [1, 0], [1, 3], [0, 3]]", "bad_corners"),
    ("outline.corners=[[0, 0], [1, 0], [1, .nan], [0, 1]]", "bad_corners"),
    ("outline.corners=[[0, 0], [1, 0], [1, x], [0, 1]]", "bad_corners"),
    ("outline.corners=[0, 0, 1, 1]", "bad_corners"),
    ("outline.corners=left", "config_wrong_kind"),
    ("split.gutter=[0.5]", "bad_gutter"),
    ("split.gutter=[0.5, 1.2]", "bad_gutter"),
    ("split.gutter=[0.5, .inf]", "bad_gutter"),
    ("split.gutter=0.5", "config_wrong_kind"),
    ("split.layout=both", "config_wrong_kind"),
    ("crop.box=[0.5, 0, 0.5, 1]", "bad_box"),
    ("crop.box=[0.9, 0, 0.1, 1]", "bad_box"),
    ("crop.box=[0, 0, 1]", "bad_box"),
    ("deskew.degrees=.nan", "bad_degrees"),
    ("deskew.degrees=50", "bad_degrees"),
    ("orient.turn=45", "config_wrong_kind"),
])
def test_what_no_page_can_be_made_of_is_refused(setting, code):
    with pytest.raises(BadConfig) as caught:
        parse_changes([setting])
    assert caught.value.code == code


TOUCH = {"max_examples": 60, "deadline": None}
places = st.floats(0.0, 1.0, allow_nan=False)
near = st.floats(-0.08, 0.08, allow_nan=False)


def shifted(points, shifts):
    return np.clip(np.array(points) + np.array(shifts).reshape(-1, 2), 0, 1)


@settings(**TOUCH)
@given(st.sampled_from([SCAN, PHOTO]), st.lists(near, min_size=8, max_size=8))
def test_dragged_corners_come_back_where_they_were_dragged_to(path, shifts):
    recipe = next(iter(automatic(path).values()))
    dragged = shifted(drawn(path, recipe)["sheet"], shifts)
    changes = changes_of({"sheet": dragged.tolist()}, placed(path, recipe))
    plan = planned(changes)
    decision = STAGES[1].decide(replace(seen(path), frame=placed(path, recipe).frame("outline")), plan.params["outline"])
    after = replace(recipe, decisions=tuple(decision if item.stage == "outline" else item for item in recipe.decisions))
    assert in_pixels(path, drawn(path, after)["sheet"]) == pytest.approx(in_pixels(path, dragged), abs=PIXEL)


@settings(**TOUCH)
@given(st.floats(0.3, 0.7), near)
def test_a_dragged_gutter_comes_back_where_it_was_dragged_to(middle, lean):
    recipe = automatic(SCAN)[Side.LEFT]
    dragged = [[middle - lean / 2, 0.05], [middle + lean / 2, 0.95]]
    changes = changes_of({"gutter": dragged}, placed(SCAN, recipe))
    view = replace(seen(SCAN), frame=placed(SCAN, recipe).frame("split"),
                   paper_corners=tuple(map(tuple, recipe.decision("outline").values["corners"])))
    decision = STAGES[2].decide(view, planned(changes).params["split"])
    after = replace(recipe, decisions=tuple(decision if item.stage == "split" else item for item in recipe.decisions))
    start, end = in_pixels(SCAN, dragged)
    for x, y in in_pixels(SCAN, drawn(SCAN, after)["gutter"]):  # its ends lie on the sheet's edges, wherever it was held
        assert x == pytest.approx(start[0] + (end[0] - start[0]) * (y - start[1]) / (end[1] - start[1]), abs=PIXEL)


@settings(**TOUCH)
@given(st.sampled_from([SCAN, PHOTO]), places, places, places, places)
def test_a_dragged_crop_comes_back_where_it_was_dragged_to(path, left, top, right, bottom):
    (left, right), (top, bottom) = sorted((left, right)), sorted((top, bottom))
    recipe = list(automatic(path).values())[-1]
    where = placed(path, recipe)
    assume(right - left > 0.04 and bottom - top > 0.04)
    size = where.frame("crop").size
    wanted = np.round(np.multiply([left, top, right, bottom], size * 2))
    decision = replace(recipe.decision("crop"), values={"box": wanted.tolist()})
    after = replace(recipe, decisions=tuple(decision if item.stage == "crop" else item for item in recipe.decisions))
    handles = drawn(path, after)
    for changes in (changes_of({"crop": handles["crop"]}, where), changes_of({"box": handles["box"]}, where)):
        again = np.array(changes["crop"]["box"]) * (size * 2)
        assert again == pytest.approx(wanted, abs=PIXEL)


@settings(**TOUCH)
@given(st.sampled_from([SCAN, PHOTO]), st.floats(-12, 12))
def test_a_line_that_is_dragged_level_says_the_angle(path, degrees):
    recipe = next(iter(automatic(path).values()))
    decision = replace(recipe.decision("deskew"), values={"degrees": degrees, "flatness": 1.0})
    after = replace(recipe, decisions=tuple(decision if item.stage == "deskew" else item for item in recipe.decisions[:5]))
    changes = changes_of({"level": drawn(path, after)["level"]}, placed(path, after))
    assert changes["deskew"]["degrees"] == pytest.approx(degrees, abs=0.02)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_corners_are_turned_with_the_frame(turn):
    shape = [[0.1, 0.2], [0.9, 0.15], [0.95, 0.8], [0.05, 0.85]]
    size = (400, 300)
    step = Geometry.quarter_turns(turn, size)
    turned = by_hand.fractions(step.points(by_hand.pixels(shape, size)), step.size)
    assert np.array(turned_corners(shape, turn)) == pytest.approx(np.roll(turned, turn // 90, axis=0), abs=1e-5)
    by_hand.check_corners(tuple(map(tuple, turned_corners(shape, turn))))


def test_what_is_drawn_is_plain_json_within_the_original():
    for path in (SCAN, PHOTO):
        for recipe in automatic(path).values():
            handles = drawn(path, recipe)
            assert json.loads(json.dumps(handles)) == handles
            for name in ("sheet", "page", "crop"):
                assert np.array(handles[name]).shape == (4, 2)
                assert (np.abs(np.array(handles[name]) - 0.5) < 0.6).all()
            assert (handles["gutter"] is None) == (path == PHOTO)


def test_what_was_skipped_is_drawn_as_it_is():
    plan = replace(AUTO, skip=frozenset(stage.name for stage in STAGES) - {"deskew"})
    ((_, recipe),) = decide(seen(SCAN), plan, CAPTURE)
    handles = drawn(SCAN, recipe)
    assert handles["sheet"] == handles["page"] == [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    assert handles["box"] == [0.0, 0.0, 1.0, 1.0] and handles["gutter"] is None
    assert geometry(recipe, seen(SCAN).stored, 1, None).size == placed(SCAN, recipe).frame("crop").size
