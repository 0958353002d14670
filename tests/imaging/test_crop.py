"""The crop: to the sheet, the bed gone, and not a stroke of this page left outside."""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from truth import SAMPLES, sample

from imaging import crop
from imaging.stages import STAGES, Plan, decide, geometry
from imaging.view import View

GEOMETRY_ONLY = Plan({stage.name: stage.params() for stage in STAGES}, skip=frozenset({"tone", "quality"}))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_ink_of_the_samples_is_cut_off(path):
    """Of all ink of the capture, at most one pixel in a thousand lies in none of its pages."""
    view, _ = sample(path)
    ink = cv2.imread(str(path).replace(".truth.json", ".ink.png"), cv2.IMREAD_GRAYSCALE)
    rows, columns = np.nonzero(ink == 0)
    upright = np.column_stack([columns, rows])
    stored = view.frame.points_back(upright)
    kept = np.zeros(len(stored), bool)
    for page, recipe in decide(view, GEOMETRY_ONLY, "0" * 64):
        orientation = {False: 1, True: 6}[view.stored[0] != view.frame.size[0]]
        composed = geometry(recipe, view.stored, orientation, None)
        assert composed.size == page.frame.size
        x, y = composed.points(stored).T
        kept |= (x > -0.5) & (y > -0.5) & (x < composed.size[0]) & (y < composed.size[1])
    assert len(kept) > 10_000
    assert kept.mean() > 0.999


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_page_is_not_much_larger_than_its_sheet(path):
    view, truth = sample(path)
    for (page, _), expected in zip(decide(view, GEOMETRY_ONLY, "0" * 64), truth["pages"], strict=True):
        sheet = cv2.contourArea(np.float32(page.frame.points(view.frame.points_back(expected["corners"]))))
        assert page.frame.size[0] * page.frame.size[1] < 1.25 * sheet


def test_nothing_is_cropped_when_the_settings_say_so():
    view = View.of(np.full((700, 500), 225, np.uint8))
    assert crop.decide(view, crop.Params(mode="none")).values["box"] == [0, 0, 500, 700]


def test_writing_that_runs_into_the_edge_of_the_capture_is_told():
    page = np.full((700, 500), 225, np.uint8)
    for y in range(60, 660, 40):
        for x in range(300, 500, 14):
            cv2.line(page, (x, y), (x + 9, y - 12), 60, 2)
    codes = [finding.code for finding in crop.decide(View.of(page), crop.Params()).findings]
    assert codes == ["content_at_edge"]
    inner = cv2.copyMakeBorder(page, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=225)
    assert crop.decide(View.of(inner), crop.Params()).findings == ()


def test_where_a_page_is_cut_off_is_told():
    page = np.full((900, 700), 225, np.uint8)
    for y in range(60, 860, 40):
        for x in range(100, 700, 22):
            cv2.line(page, (x, y), (x + 12, y - 14), 60, 2)
    (finding,), = [crop.decide(View.of(page), crop.Params()).findings]
    (left, _, right, bottom), = finding.facts["where"]
    assert left > 0.9 and right > 0.99 and bottom > 0.5
    assert finding.facts["times"] >= 1


def test_the_level_rules_of_a_ruled_page_run_to_its_edge_and_it_is_whole():
    page = np.full((900, 700), 225, np.uint8)
    page[80:860:40] = 120
    for y in range(70, 860, 40):
        for x in range(150, 560, 22):
            cv2.line(page, (x, y), (x + 12, y - 14), 60, 2)
    assert crop.decide(View.of(page), crop.Params()).findings == ()


def test_a_table_whose_upright_rules_run_out_of_the_picture_is_cut_off():
    page = np.full((900, 700), 225, np.uint8)
    page[150:, 80:660:70] = 60
    assert [finding.code for finding in crop.decide(View.of(page), crop.Params()).findings] == ["content_at_edge"]


def test_a_few_faint_slanting_lines_that_run_out_at_a_side_are_a_cut_page():
    page = np.full((1100, 760), 225, np.uint8)
    for y in range(160, 1060, 170):
        for x in range(330, 800, 17):
            cv2.line(page, (x, y), (x + 16, y - 16), 150, 2)
    assert [finding.code for finding in crop.decide(View.of(page), crop.Params()).findings] == ["content_at_edge"]
    whole = cv2.copyMakeBorder(page, 0, 0, 0, 40, cv2.BORDER_CONSTANT, value=225)
    assert crop.decide(View.of(whole), crop.Params()).findings == ()


def seen(ground):
    """A written page of which only a part was taken for the sheet, on a ground that goes on to the lower border."""
    page = np.full((1000, 800, 3), ground, np.uint8)
    page[:880] = (225, 220, 205)
    for y in range(104, 1010, 30):
        for x in range(100, 700, 16):
            cv2.line(page, (x, y), (x + 10, y - 14), (60, 60, 60), 2)
    return replace(View.of(page), paper_corners=((20, 20), (780, 20), (780, 880), (20, 880)))


def test_a_page_goes_on_where_a_line_of_writing_was_taken_for_its_edge_but_a_table_is_no_page():
    assert [finding.code for finding in crop.decide(seen((222, 217, 202)), crop.Params()).findings] == ["content_at_edge"]
    assert crop.decide(seen((150, 95, 40)), crop.Params()).findings == ()
