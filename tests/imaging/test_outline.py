"""Outline: the sheet is found on every ground, the book is never cut, photos are put right in true proportions."""

import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from truth import NOT_HERE, REAL, SAMPLES, opened, overlap, real_rows, sample

from book import Side
from imaging import outline, quads
from imaging.edges import Edges
from imaging.geometry import Geometry
from imaging.outline import Params, decide
from imaging.view import Hints, View

DESK, PAPER, INK = (92, 74, 58), (236, 231, 220), (40, 40, 70)
LEAST_OVERLAP = 0.97  # of sheet found and true sheet, on made-up pages
REAL_MEAN, REAL_WORST = 0.975, 0.90  # the project's goals


def photographed(corners, size=(900, 700), sheet=(840, 594), desk=DESK):
    """A sheet with lines of words, seen with its corners (clockwise from top left) at `corners` on a desk."""
    high, wide = sheet
    page = np.full((high, wide, 3), PAPER, np.uint8)
    for row in range(60, high - 60, 24):
        for left in range(50, wide - 80, 40):
            cv2.putText(page, "nam", (left, row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    grown = Geometry.rectifying(corners, (wide, high)).inverse(size)
    picture = np.full((size[1], size[0], 3), desk, np.uint8)
    matrix = np.array(grown.matrix)
    seen = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((high, wide), 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    share = (mask / 255.0)[..., None]
    return (seen * share + picture * (1 - share)).astype(np.uint8)


def seen_by_a_camera(tilt, turn, distance=1.5, focal=800.0, size=(900, 700)):
    """Corners of an A4 sheet (height 1) looked at by a pinhole camera, tilted and turned by degrees."""
    half = np.array([[-1, -math.sqrt(2)], [1, -math.sqrt(2)], [1, math.sqrt(2)], [-1, math.sqrt(2)]]) / (2 * math.sqrt(2))
    points = np.column_stack([half, np.zeros(4)])
    a, b = math.radians(tilt), math.radians(turn)
    about_x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    about_z = np.array([[math.cos(b), -math.sin(b), 0], [math.sin(b), math.cos(b), 0], [0, 0, 1]])
    x, y, z = (points @ about_z.T @ about_x.T + [0, 0, distance]).T
    return np.column_stack([focal * x / z + (size[0] - 1) / 2, focal * y / z + (size[1] - 1) / 2])


def true_corners(truth):
    """Corners of the sheet, or of the whole spread."""
    pages = {page["side"]: page["corners"] for page in truth["pages"]}
    if len(pages) == 1:
        return next(iter(pages.values()))
    left, right = pages["left"], pages["right"]
    return [left[0], right[1], right[2], left[3]]


def decided(view, params=Params()):
    decision = decide(view, params)
    return decision, outline.geometry(decision, view.frame, Side.WHOLE)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name[:-11])
def test_samples_are_outlined(path):
    view, truth = sample(path)
    assert overlap(decide(view, Params()).values["corners"], true_corners(truth)) >= LEAST_OVERLAP


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name[:-11])
def test_only_photos_are_put_right(path):
    view, truth = sample(path)
    values = decide(view, Params()).values
    if truth["device"] != "phone":
        assert not values["rectify"]
    if values["rectify"]:
        wide, high = values["size"]
        assert max(wide, high) / min(wide, high) == pytest.approx(math.sqrt(2), rel=0.02)  # A4 or A3


def test_every_line_of_writing_stays_in_the_frame():
    for path in SAMPLES:
        view, truth = sample(path)
        _, step = decided(view)
        ends = np.array([end for page in truth["pages"] for line in page["lines"] for end in line["baseline"]])
        kept = step.points(ends)
        assert (kept >= 0).all() and (kept <= step.size).all(), path.name


@pytest.mark.skipif(not real_rows("corners/truth.csv"), reason=NOT_HERE)
def test_real_sheets_and_books_are_outlined():
    found = []
    for row in real_rows("corners/truth.csv"):
        true = [(float(row[f"x{number}"]), float(row[f"y{number}"])) for number in (1, 2, 3, 4)]
        view = opened((REAL / "corners" / row["file"]).resolve())
        found.append(overlap(decide(view, Params()).values["corners"], true))
    assert np.mean(found) >= REAL_MEAN
    assert min(found) >= REAL_WORST


@pytest.mark.skipif(not real_rows("split/truth.csv"), reason=NOT_HERE)
def test_real_books_keep_both_pages_and_are_not_put_right():
    for row in real_rows("split/truth.csv"):
        if row["kind"] != "spread":
            continue
        view = opened(REAL / "split" / row["file"])
        decision, step = decided(view)
        gutter = step.points([(float(row["gutter_x_mid"] or row["gutter_x_top"]), float(row["height"]) / 2)])[0, 0]
        assert 0.4 < gutter / step.size[0] < 0.6, row["file"]
        assert not decision.values["rectify"], row["file"]


@pytest.mark.parametrize("turn", [0, 8, -20])
@pytest.mark.parametrize("desk", [DESK, (150, 150, 152), (30, 60, 40)])
def test_a_sheet_on_a_desk(turn, desk):
    corners = seen_by_a_camera(25, turn)
    decision = decide(View.of(photographed(corners, desk=desk)), Params())
    assert overlap(decision.values["corners"], corners) > 0.98
    assert decision.values["border"] == ["top", "right", "bottom", "left"]


@pytest.mark.parametrize("tilt", [15, 25, 35])
def test_perspective_gives_true_proportions(tilt):
    corners = seen_by_a_camera(tilt, 6)
    assert outline.aspect(corners, (900, 700)) == pytest.approx(1 / math.sqrt(2), rel=0.02)


def test_putting_right_maps_the_corners_and_keeps_the_resolution():
    corners = seen_by_a_camera(30, 5)
    view = View.of(photographed(corners))
    decision, step = decided(view)
    values = decision.values
    assert values["rectify"]
    wide, high = values["size"]
    margin = values["margin"]
    square = np.array([[0, 0], [wide - 1, 0], [wide - 1, high - 1], [0, high - 1]]) + margin
    assert step.points(values["corners"]) == pytest.approx(square, abs=1.0)
    longest = np.linalg.norm(np.roll(values["corners"], -1, axis=0) - values["corners"], axis=1).max()
    assert max(wide, high) >= longest - 1


def test_known_paper_gives_the_true_resolution():
    view = View.of(photographed(seen_by_a_camera(30, 5)), hints=Hints(paper="A4", photo=True))
    decision, step = decided(view)
    assert decision.values["size"][1] / decision.values["ppi"] * 25.4 == pytest.approx(297, abs=1)
    assert step.dpi == decision.values["ppi"]


def test_paper_that_fills_the_frame_is_left_whole():
    page = photographed([(-30, -40), (930, -40), (930, 740), (-30, 740)])
    decision, step = decided(View.of(page))
    assert decision.values["border"] == []
    assert step.size == (900, 700)


def test_paper_that_runs_out_of_the_frame_ends_at_the_frame():
    decision = decide(View.of(photographed([(-200, 60), (700, 60), (700, 640), (-200, 640)])), Params())
    assert decision.values["border"] == ["top", "right", "bottom"]
    assert overlap(decision.values["corners"], [(0, 60), (700, 60), (700, 640), (0, 640)]) > 0.98


def test_a_scan_with_its_resolution_is_never_put_right():
    view = View.of(photographed(seen_by_a_camera(30, 5)), dpi=300)
    assert not decide(view, Params()).values["rectify"]
    assert decide(View.of(view.picture, dpi=300, hints=Hints(photo=True)), Params()).values["rectify"]


def test_perspective_can_be_forbidden():
    view = View.of(photographed(seen_by_a_camera(30, 5)))
    decision, step = decided(view, Params(perspective="never"))
    assert not decision.values["rectify"]
    low, high = np.min(decision.values["corners"], axis=0), np.max(decision.values["corners"], axis=0)
    assert (step.points([low, high]) >= 0).all() and (step.points([low, high]) <= step.size).all()


def test_without_the_stage_the_capture_is_the_sheet():
    view = View.of(photographed(seen_by_a_camera(30, 5)))
    decision, step = decided(view, Params(mode="none"))
    assert decision.values["corners"] == view.frame.corners.tolist()
    assert step == Geometry.crop((0, 0, *view.size), view.dpi)
    assert decision.confidence == 1 and decision.findings == ()


@pytest.mark.parametrize("noise", [0, 40])
def test_where_nothing_is_seen_the_capture_is_kept(noise):
    grain = np.random.default_rng(3).integers(0, noise + 1, (500, 700, 3))
    decision, step = decided(View.of((90 + grain).astype(np.uint8)))
    assert not decision.values["rectify"]
    assert step.size == (700, 500)


def test_a_sheet_lying_diagonally_is_read_upright():
    corners = seen_by_a_camera(10, 41)
    decision = decide(View.of(photographed(corners)), Params())
    assert decision.values["rectify"]
    first = np.linalg.norm(np.array(decision.values["corners"]) - corners[0], axis=1)
    across = np.linalg.norm(np.array(decision.values["corners"]) - corners[2], axis=1)
    assert min(first[0], across[0]) < 8  # level, though plain words do not tell head from foot


def test_the_lines_of_a_picture_include_its_frame():
    edges = Edges.of(outline.without_writing(photographed([(100, 80), (700, 80), (700, 600), (100, 600)])))
    found = {(round(math.degrees(angle)) % 180 // 5, round(offset / 5))
             for angle, offset in zip(edges.angles, edges.offsets, strict=True)}
    assert {(18, -70), (0, 90), (18, 70), (0, -90)} <= found  # the frame's
    assert {(18, -54), (0, 50), (18, 50), (0, -70)} <= found  # the sheet's


def test_marks_on_the_paper_are_seen_as_writing():
    small = photographed([(100, 80), (700, 80), (700, 600), (100, 600)])
    marks = quads.written(small)
    assert len(marks) > 100
    assert (marks > (100, 80)).all() and (marks < (700, 600)).all()
