"""One page or two, and the gutter: on drawn pages, on the samples with their truth, on real spreads where they are."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from book import Decision, Side
from imaging import gutters, outline, split
from imaging.decode import decode, read_header
from imaging.opening import first_view
from imaging.view import Hints, View

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "split"
TRUTH = sorted((ROOT / "samples" / "truth").rglob("*.truth.json"))
MM_PER_INCH = 25.4


@pytest.fixture(autouse=True, params=["model", "by hand"])
def way(request, monkeypatch):
    """Every test with the model, and with what is done without it."""
    if request.param == "by hand":
        monkeypatch.setattr(gutters, "seen", lambda grey: None)


def drawn_page(width=500, height=720, rules=True):
    """A page of writing-like strokes, with a table whose border leaves a margin."""
    page = np.full((height, width), 225, np.uint8)
    if rules:
        for y in range(90, height - 60, 40):
            cv2.line(page, (30, y), (width - 30, y), 90, 1)
        for x in (30, width // 3, width - 30):
            cv2.line(page, (x, 90), (x, height - 70), 90, 1)
    strokes = np.random.default_rng(width).integers((40, 100), (width - 60, height - 80), (220, 2))
    for x, y in strokes:
        cv2.line(page, (int(x), int(y)), (int(x) + 9, int(y) + 5), 60, 1)
    return page


def drawn_spread(gutter=500, left=500, right=500):
    """Two pages side by side with the shadow of a fold between them."""
    spread = np.hstack([drawn_page(left), drawn_page(right)]).astype(np.float32)
    place = np.arange(spread.shape[1])
    shade = 1 - 0.25 * np.exp(-np.abs(place - gutter) / 14) - 0.2 * (np.abs(place - gutter) < 1.5)
    return (spread * shade).clip(0, 255).astype(np.uint8)


def decided(pixels, **params):
    view = View.of(pixels)
    return view, split.decide(view, split.Params(**params))


def test_a_drawn_spread_is_split_at_its_fold():
    _, decision = decided(drawn_spread())
    assert decision.values["sides"] == ["left", "right"]
    assert [end[0] for end in decision.values["gutter"]] == pytest.approx([500, 500], abs=4)


def test_a_single_page_stays_whole_though_a_rule_runs_down_its_middle():
    page = drawn_page()
    cv2.line(page, (250, 90), (250, 650), 40, 3)
    _, decision = decided(page)
    assert decision.values["sides"] == ["whole"]
    assert decision.values["gutter"] is None


def test_a_page_with_a_part_of_its_neighbour_is_one_page_cut_at_the_gutter():
    view, decision = decided(drawn_spread()[:, :720])
    assert decision.values["layout"] == "single"
    assert decision.values["gutter"][0][0] == pytest.approx(500, abs=6)
    corners = np.array(decision.values["corners"]["whole"])
    assert corners[:, 0].max() == pytest.approx(500, abs=6)
    step = split.geometry(decision, view.frame, Side.WHOLE)
    assert 495 < step.size[0] < 560


@pytest.mark.parametrize("layout", ["single", "spread"])
def test_the_layout_of_the_settings_or_of_the_book_decides(layout):
    for view in (View.of(drawn_spread()), View.of(drawn_spread(), hints=Hints(layout=layout))):
        params = split.Params() if view.hints.layout else split.Params(layout=layout)
        assert split.decide(view, params).values["layout"] == layout


def test_both_sides_keep_the_strip_beyond_the_gutter():
    view, decision = decided(drawn_spread())
    gutter = np.mean([end[0] for end in decision.values["gutter"]])
    left = split.geometry(decision, view.frame, Side.LEFT)
    right = split.geometry(decision, view.frame, Side.RIGHT)
    overlap = decision.values["overlap"]
    assert overlap > 3
    assert left.size[0] == pytest.approx(gutter + overlap, abs=4)
    assert right.points([[gutter, 0]])[0][0] == pytest.approx(overlap, abs=4)


def test_a_wide_sheet_without_a_gutter_is_left_whole_and_said_to_be_unsure():
    _, decision = decided(np.full((700, 1000), 225, np.uint8))
    assert decision.values["sides"] == ["whole"]
    assert [finding.code for finding in decision.findings] == ["layout_unsure"]


def _through_outline(path):
    data = path.read_bytes()
    header = read_header(data)
    view = first_view(data, header)
    decision = outline.decide(view, outline.Params())
    seen = view.after(decision, outline.geometry(decision, view.frame, Side.WHOLE))
    return view, seen, split.decide(seen, split.Params())


def _distance(point, line):
    (x0, y0), (x1, y1) = line
    return abs((x1 - x0) * (point[1] - y0) - (y1 - y0) * (point[0] - x0)) / np.hypot(x1 - x0, y1 - y0)


@pytest.mark.parametrize("path", TRUTH, ids=lambda path: path.stem)
def test_the_samples_are_split_as_they_were_made(path):
    truth = json.loads(path.read_text(encoding="utf-8"))
    image = ROOT / "samples" / "pages" / path.parent.name / path.name.replace(".truth.json", ".jpg")
    first, seen, decision = _through_outline(image)
    assert decision.values["layout"] == truth["layout"]
    if truth["gutter"]:
        ends = first.frame.points(seen.frame.points_back(decision.values["gutter"]))
        off = max(_distance(end, truth["gutter"]) for end in ends) / truth["dpi"] * MM_PER_INCH
        assert off < 2.0


def _real():
    if not REAL.exists():
        return []
    with open(REAL / "truth.csv", newline="") as file:
        return [row for row in csv.DictReader(file) if row["kind"] == "spread"]


@pytest.mark.skipif(not REAL.exists(), reason="the real spreads of ../shared/data are not here")
def test_real_spreads_are_split_near_their_gutter():
    """Every spread is found to be one; the gutter is within 2.5 % of the width of each, and within 0.3 % of most."""
    errors = []
    for row in _real():
        first, seen, decision = _through_outline(REAL / row["file"])
        assert decision.values["layout"] == "spread", row["file"]
        (x0, y0), (x1, y1) = first.frame.points(seen.frame.points_back(decision.values["gutter"]))
        for part in ("top", "bottom"):
            x = x0 + (x1 - x0) * (float(row[f"y_{part}"]) - y0) / (y1 - y0)
            errors.append(abs(x - float(row[f"gutter_x_{part}"])) / float(row["width"]))
    assert np.max(errors) < 0.025
    assert np.median(errors) < 0.003


def test_the_decision_is_plain_json():
    _, decision = decided(drawn_spread())
    assert Decision.from_json(json.loads(json.dumps(decision.to_json()))).values == decision.to_json()["values"]


def test_a_reduced_decode_and_a_whole_one_give_the_same_layout():
    path = ROOT / "samples" / "pages" / "ledger-1990" / "SCN_0001.jpg"
    data = path.read_bytes()
    whole = View.of(decode(data))
    decision = outline.decide(whole, outline.Params())
    seen = whole.after(decision, outline.geometry(decision, whole.frame, Side.WHOLE))
    assert split.decide(seen, split.Params()).values["layout"] == "spread"
