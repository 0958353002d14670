"""Orient: what lies on its side or head is turned; what stands upright never is."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from truth import NOT_HERE, REAL, SAMPLES, opened, real_rows, sample

from book import Side
from imaging import orient
from imaging.orient import Params, decide
from imaging.view import View

REGISTERS = sorted((REAL / "registers").glob("*.jpg"))
OTHERS = [path for folder in ("split", "corners") for path in sorted((REAL / folder).glob("*.[jJpP]*"))]


def turned(view, degrees):
    """The view's picture turned clockwise by `degrees`: what must be undone is 360 - degrees."""
    return View.of(np.ascontiguousarray(np.rot90(view.colour, -degrees // 90)))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name[:-11])
def test_upright_samples_stay(path):
    view, _ = sample(path)
    assert decide(view, Params()).values["turn"] == 0


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name[:-11])
def test_samples_are_turned_upright_or_not_at_all(path):
    view, _ = sample(path)
    for degrees in (90, 180, 270):
        assert decide(turned(view, degrees), Params()).values["turn"] in (0, 360 - degrees)


def test_most_samples_are_turned_upright():
    right = [decide(turned(sample(path)[0], degrees), Params()).values["turn"] == 360 - degrees
             for path in SAMPLES for degrees in (90, 270)]
    assert np.mean(right) >= 0.6


@pytest.mark.skipif(not REGISTERS, reason=NOT_HERE)
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_real_registers_are_turned_upright(degrees):
    some = REGISTERS[::5]
    turns = [decide(turned(opened(path), degrees), Params()).values["turn"] for path in some]
    right = [turn == (360 - degrees) % 360 for turn in turns]
    assert all(right) if degrees == 0 else np.mean(right) >= 0.8
    assert set(turns) <= {0, (360 - degrees) % 360}


@pytest.mark.skipif(not real_rows("split/truth.csv"), reason=NOT_HERE)
def test_no_real_image_that_stands_upright_is_turned():
    assert {decide(opened(path), Params()).values["turn"] for path in OTHERS} == {0}


@pytest.mark.parametrize("turn", [0, 90, 180, 270, -90])
def test_a_fixed_turn_is_taken(turn):
    decision = decide(View.of(np.full((40, 60, 3), 200, np.uint8)), Params(turn=turn))
    assert decision.values["turn"] == turn % 360
    assert decision.confidence == 1


def test_an_empty_page_stays():
    decision = decide(View.of(np.full((700, 500, 3), 230, np.uint8)), Params())
    assert decision.values["turn"] == 0
    assert decision.confidence < 0.8 and decision.findings == ()


def test_a_ruled_page_without_writing_stays():
    page = np.full((900, 600, 3), 235, np.uint8)
    page[:, 60::50] = 90  # upright rules only, as in a ledger
    assert decide(View.of(page), Params()).values["turn"] == 0


def test_rules_are_taken_out_and_strokes_are_not():
    mask = np.zeros((280, 280), bool)
    mask[:, 100] = mask[50] = True
    mask[150:158, 150:158] = True
    left = orient.without_rules(mask)
    assert left[:, 100].sum() == 0 and left[50].sum() == 0
    assert left[150:158, 150:158].all()


def test_exif_comes_first():
    view, _ = sample(next(path for path in SAMPLES if "141907" in path.name))  # stored on its side, EXIF 6
    assert view.size[0] < view.size[1] and view.stored[0] > view.stored[1]
    assert decide(view, Params()).values["turn"] == 0


def test_the_turn_is_geometry():
    view, _ = sample(SAMPLES[0])
    decision = decide(view, Params(turn=90))
    step = orient.geometry(decision, view.frame, Side.WHOLE)
    width, height = view.size
    assert step.size == (height, width)
    assert step.points([[0, height - 1]]) == pytest.approx(np.array([[0, 0]]))


def test_a_turn_is_told():
    view, _ = sample(next(path for path in SAMPLES if "EPSON031" in path.name))
    decision = decide(turned(view, 180), Params())
    assert [finding.code for finding in decision.findings] == ["turned"]
    assert decision.findings[0].facts["degrees"] == 180
