"""Single stages decided again: the others stay as they were, also where the program or its settings say otherwise by now."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from book import By, Side
from developing import Task
from imaging import stages
from imaging.decode import read_header
from imaging.opening import first_view
from imaging.stages import STAGES, Plan, decide, keeping
from imaging.view import Hints
from settings import load

BASE = {stage.name: stage.params() for stage in STAGES}
CAPTURE = "0" * 64


def plan(**changes):
    return Plan({**BASE, **{name: replace(BASE[name], **values) for name, values in changes.items()}})


@pytest.fixture(scope="module")
def spread(small_pages):
    """The first view of two open pages, and their recipes by the settings as they are shipped."""
    data = (small_pages / "IMG_4.jpg").read_bytes()
    view = first_view(data, read_header(data))
    return view, recipes(view, plan())


def recipes(view, the_plan):
    return tuple(recipe for _, recipe in decide(view, the_plan, CAPTURE))


def changed(before, after):
    """Names of stages whose decision is another one, of pages that are told one by one."""
    return [{now.stage for was, now in zip(one.decisions, other.decisions, strict=True) if was != now}
            for one, other in zip(before, after, strict=True)]


def with_values(recipe, stage, **values):
    """The recipe as if the named stage had decided otherwise; a value None is taken out."""
    decisions = [replace(one, values={key: value for key, value in {**one.values, **values}.items() if value is not None})
                 if one.stage == stage else one for one in recipe.decisions]
    return replace(recipe, decisions=tuple(decisions))


def test_the_sample_has_two_pages(spread):
    assert [recipe.side for recipe in spread[1]] == [Side.LEFT, Side.RIGHT]


def test_a_stage_decided_again_is_the_only_one_to_change(spread):
    view, before = spread
    other = plan(tone={"mode": "grey"}, crop={"mode": "none"}, outline={"margin_mm": 9.0}, deskew={"degrees": 3.0})
    assert changed(before, recipes(view, keeping(other, before, {"tone"}))) == [{"tone"}, {"tone"}]
    assert all({"outline", "crop", "tone", "deskew"} <= names for names in changed(before, recipes(view, other)))


def test_the_same_settings_give_the_same_recipe(spread):
    view, before = spread
    again = recipes(view, keeping(plan(), before, {"deskew", "tone"}))
    assert [one.digest for one in again] == [one.digest for one in before]


def test_nothing_is_asked_of_a_stage_that_stays(spread, monkeypatch):
    view, before = spread
    silent = {stage.name: replace(stage, decide=lambda view, params: pytest.fail("asked")) for stage in STAGES}
    for part in ("OF_CAPTURE", "OF_PAGE"):
        monkeypatch.setattr(stages, part, tuple(silent[stage.name] for stage in getattr(stages, part)))
    assert recipes(view, keeping(plan(), before, ())) == before


def test_what_is_decided_of_a_frame_that_moved_is_decided_anew_but_not_the_tone(spread):
    view, before = spread
    other = plan(deskew={"degrees": 4.0}, tone={"mode": "grey"}, crop={"edge_marks": 5})
    for names in changed(before, recipes(view, keeping(other, before, {"deskew"}))):
        assert {"deskew", "crop", "quality"} <= names
        assert not names & {"orient", "outline", "split", "flatten", "tone"}


def test_a_crop_stays_where_the_frame_hardly_moved(spread):
    view, before = spread
    degrees = before[0].decision("deskew").values["degrees"] + 0.02
    after = recipes(view, keeping(plan(deskew={"degrees": degrees}), before, {"deskew"}))
    assert changed(before, after)[0] == {"deskew"}


def test_other_sides_are_decided_in_whole(spread):
    view, before = spread
    (page,) = recipes(view, keeping(plan(split={"layout": "single"}), before, {"split"}))
    assert page.side == Side.WHOLE
    assert [one.stage for one in page.decisions] == [stage.name for stage in STAGES]
    assert page.decisions[:2] == before[0].decisions[:2]


def test_two_pages_out_of_one_are_decided_in_whole(spread):
    view, _ = spread
    single = recipes(view, plan(split={"layout": "single"}))
    pages = recipes(view, keeping(plan(), single, {"split"}))
    assert [len(page.decisions) for page in pages] == [len(STAGES)] * 2
    assert pages[0].decision("orient") == single[0].decision("orient")


def test_what_an_operator_set_counts(spread):
    view, before = spread
    his = replace(plan(deskew={"degrees": 1.5}), operator=frozenset({"deskew"}))
    for page in recipes(view, keeping(his, before, {"tone"})):
        assert (page.decision("deskew").by, page.decision("deskew").values["degrees"]) == (By.OPERATOR, 1.5)


def test_what_an_operator_set_for_one_side_counts_there_alone(spread):
    view, before = spread
    turned = {"deskew": replace(BASE["deskew"], degrees=1.5)}
    left, right = recipes(view, keeping(replace(plan(), of_side={Side.LEFT: turned}), before, {"tone"}))
    assert left.decision("deskew").values["degrees"] == 1.5
    assert right == before[1]


def test_what_an_operator_set_before_stays(spread):
    view, _ = spread
    his = recipes(view, replace(plan(deskew={"degrees": 1.5}), operator=frozenset({"deskew"})))
    assert [one.decision("deskew") for one in recipes(view, keeping(plan(), his, {"tone"}))] == [
        one.decision("deskew") for one in his]


def test_a_stage_that_was_skipped_stays_skipped(spread):
    view, _ = spread
    before = recipes(view, replace(plan(), skip={"crop"}))
    assert recipes(view, keeping(plan(), before, {"tone"})) == before
    assert recipes(view, keeping(plan(), before, {"crop"}))[0].decision("crop") is not None


@pytest.mark.parametrize(("stage", "key"), [("outline", "corners"), ("split", "overlap"), ("crop", "box"),
                                            ("flatten", "mesh"), ("tone", "paper"), ("tone", "white")])
def test_an_earlier_decision_that_is_of_no_use_is_made_anew_and_told(spread, stage, key):
    view, before = spread
    spoilt = [with_values(recipe, stage, **{key: None}) for recipe in before]
    for page, whole in zip(recipes(view, keeping(plan(), spoilt, ())), before, strict=True):
        assert page.decision(stage).values == whole.decision(stage).values
        assert [item.facts for item in page.findings if item.code == "redecided"] == [{"stage": stage}]


def test_only_a_plan_that_keeps_something_has_another_basis(small_pages, spread):
    _, before = spread
    common = plan()
    kept = [keeping(common, before, {"tone"}), keeping(common, before, {"crop"}), keeping(common, before[:1], {"tone"})]
    assert "earlier" not in common.to_json()
    assert keeping(common, (), {"tone"}).text == common.text
    settings = load(None)
    bases = {Task(_Capture, Path("a"), Path("b"), settings, one, Hints()).basis for one in [common, *kept]}
    assert len(bases) == 4


def test_what_a_stage_that_is_decided_again_said_before_does_not_matter(spread):
    view, before = spread
    grey = recipes(view, keeping(plan(tone={"mode": "grey"}), before, {"tone"}))
    assert grey != before
    assert keeping(plan(), grey, {"tone"}).text == keeping(plan(), before, {"tone"}).text


class _Capture:
    sha256, frame = CAPTURE, 0


def test_a_plan_that_keeps_travels_to_a_worker(spread):
    kept = keeping(plan(), spread[1], {"tone"})
    assert pickle.loads(pickle.dumps(kept)).text == kept.text
    assert kept.stays(STAGES[0], Side.WHOLE).decisions == spread[1][0].decisions[:6] + spread[1][0].decisions[7:]
