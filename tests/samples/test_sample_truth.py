"""The truth about made-up images is true: of the map, of the picture, of the mask and of each other."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples.camera import Bend, Mapping, in_a_hand, on_a_scanner, project
from samples.forms import PAGE
from samples.generate import Spec, make
from samples.ink import MM
from samples.wear import Wear

CLEAN = Wear(fading=0, show_through=0, yellowing=0, stains=0, gutter_shadow=0, pile=0)
SPREAD_EDGE = np.array([[0, 0], [210, 0], [420, 0], [420, 297], [210, 297], [0, 297]], np.float64)
BEND = Bend(gutter=210, lift=6, length=12, axis=148, shrink=0.003, bow=0.2, lean=(0.006, -0.004))
SPECS = {
    "scanned ledger": Spec("KH", "ledger", "dark bed", 1985, dpi=110, degrees=2.1),
    "ledger's end": Spec("KT", "ledger", "white bed", 1992, dpi=110, degrees=-1.4, right="blank"),
    "scanned forms": Spec("KT", "double", "white bed", 2001, dpi=110, degrees=-0.7),
    "photographed forms": Spec("KS", "double", "phone", 2004, dpi=110, degrees=1.5, finger=True, tilt=0.9),
    "scanned page": Spec("KS", "form", "dark bed", 2010, dpi=110, degrees=-2.3),
    "photographed page": Spec("KH", "form", "phone", 2012, dpi=110, degrees=2.0, tilt=1.0, sideways=True),
}


@pytest.fixture(scope="module", params=SPECS, ids=lambda name: name.replace(" ", "-"))
def sample(request):
    return make(SPECS[request.param], 5)


def mapping(phone: bool) -> Mapping:
    if phone:
        return in_a_hand(SPREAD_EDGE, BEND, 120, (9, -6, 3), 0.85)
    return on_a_scanner(SPREAD_EDGE, BEND, 120, 1.7, (3, 4, 5, 6))


def line_angles(page, seen=lambda points: points):
    """Degrees of a page's printed lines that are long enough to have an angle, and their lengths."""
    ends = [seen(np.array(line["baseline"]))[[0, -1]] for line in page["lines"] if line["kind"] == "print"]
    runs = np.array([end - start for start, end in ends])
    lengths = np.hypot(*runs.T)
    return np.degrees(np.arctan2(runs[:, 1], runs[:, 0])), lengths


@given(
    st.tuples(st.floats(-5, 425), st.floats(-5, 302)),
    st.booleans(),
)
def test_the_map_and_its_inverse_cancel(point, phone):
    there_and_back = mapping(phone).backward(mapping(phone).forward([point]))
    assert there_and_back == pytest.approx(np.array([point]), abs=0.01)


@pytest.mark.parametrize("phone", [False, True], ids=["scan", "photo"])
def test_what_is_drawn_at_a_place_is_seen_where_the_map_says(phone):
    margin, k = 10.0, 120 / MM
    places = np.array(
        [(x, y) for x in (15, 60, 150, 195, 208, 213, 230, 300, 404) for y in (12, 80, 148, 230, 285)]
    )
    canvas = np.zeros((round(317 * k), round(440 * k)), np.uint8)
    for x, y in np.round(((places + margin) * k - 0.5) * 256).astype(int).tolist():
        cv2.circle(canvas, (x, y), 4 * 256, 255, -1, cv2.LINE_AA, 8)
    chart = mapping(phone)
    picture = cv2.remap(canvas, *chart.sampling(margin, k), cv2.INTER_LINEAR)
    for x, y in chart.forward(places):
        left, top = round(x) - 8, round(y) - 8
        spot = picture[top : top + 17, left : left + 17].astype(float)
        rows, columns = np.mgrid[top : top + 17, left : left + 17]
        seen = np.array([(columns * spot).sum(), (rows * spot).sum()]) / spot.sum()
        assert seen == pytest.approx((x, y), abs=0.35)


def test_corners_lie_in_the_frame_and_pages_meet_at_the_gutter(sample):
    width, height = sample.truth["size"]
    assert sample.image.shape == (height, width, 3) and sample.ink.shape == (height, width)
    for page in sample.truth["pages"]:
        corners = np.array(page["corners"])
        assert (corners >= 0).all() and (corners < (width, height)).all()
        top_left, top_right, bottom_right, bottom_left = corners
        assert top_left[0] < top_right[0] and bottom_left[0] < bottom_right[0]
        assert top_left[1] < bottom_left[1] and top_right[1] < bottom_right[1]
    if sample.truth["layout"] == "single":
        assert sample.truth["gutter"] is None and [p["side"] for p in sample.truth["pages"]] == ["whole"]
    else:
        left, right = sample.truth["pages"]
        assert (left["side"], right["side"]) == ("left", "right")
        assert sample.truth["gutter"] == [left["corners"][1], left["corners"][2]]
        assert sample.truth["gutter"] == [right["corners"][0], right["corners"][3]]


def test_every_line_lies_on_its_page(sample):
    for page in sample.truth["pages"]:
        corners = np.array(page["corners"], np.float32)
        for line in page["lines"]:
            middle = np.mean(line["baseline"], axis=0)
            assert cv2.pointPolygonTest(corners, middle.tolist(), False) > 0, line["text"]


def test_print_stands_on_its_baselines(sample):
    """Every printed line has ink above its baseline; over all lines the ink ends where the baseline lies."""
    k = sample.truth["dpi"] / MM
    ink = sample.ink == 0
    offsets = np.arange(-2.5, 2.5, 0.1)
    profiles = []
    for line in (line for page in sample.truth["pages"] for line in page["lines"] if line["kind"] == "print"):
        (x0, y0), (x1, y1) = line["baseline"]
        along = np.linspace(0.02, 0.98, 200)
        x, y = x0 + (x1 - x0) * along, y0 + (y1 - y0) * along
        rows = np.round(y[:, None] + offsets * k).astype(int).clip(0, ink.shape[0] - 1)
        profiles.append(ink[rows, np.round(x)[:, None].astype(int)].mean(0))
    assert (np.array(profiles)[:, offsets < -0.2].mean(1) > 0.05).all()
    ends = np.diff(np.mean(profiles, axis=0)).argmin()
    assert offsets[ends : ends + 2].mean() == pytest.approx(0, abs=0.35)


def test_handwriting_runs_along_its_baselines(sample):
    """Above the drifting baseline of every written line, at least a third of the columns hold ink."""
    k = sample.truth["dpi"] / MM
    ink = sample.ink == 0
    for line in (line for page in sample.truth["pages"] for line in page["lines"] if line["kind"] == "hand"):
        points = np.array(line["baseline"])
        x = np.arange(points[0, 0], points[-1, 0])
        y = np.interp(x, points[:, 0], points[:, 1])
        rows = np.round(y[:, None] + np.arange(-2.5, -0.2, 0.1) * k).astype(int).clip(0, ink.shape[0] - 1)
        columns = np.round(x)[:, None].astype(int).clip(0, ink.shape[1] - 1)
        assert ink[rows, columns].any(1).mean() > 1 / 3, line["text"]


def test_the_skew_is_that_of_the_printed_lines(sample):
    for page in sample.truth["pages"]:
        if page["blank"]:
            continue
        level = np.array([[0, 0], [PAGE[0], 0], PAGE, [0, PAGE[1]]], np.float32)
        straight = cv2.getPerspectiveTransform(np.array(page["corners"], np.float32), level).astype(
            np.float64
        )
        photo = sample.truth["device"] == "phone"
        angles, lengths = line_angles(page, lambda points: project(straight, points) if photo else points)  # noqa: B023
        long = lengths > np.quantile(lengths, 0.5)
        assert np.median(angles[long]) == pytest.approx(page["skew_degrees"], abs=0.25 if photo else 0.12)


def test_a_single_scan_has_the_skew_it_was_turned_by():
    page = make(SPECS["scanned page"], 5).truth["pages"][0]
    assert page["skew_degrees"] == pytest.approx(-2.3, abs=0.001)


def test_a_blank_page_is_blank_in_the_mask_as_well():
    sample = make(SPECS["ledger's end"], 5)
    left, right = sample.truth["pages"]
    assert not left["blank"] and right["blank"]
    inside = np.zeros(sample.ink.shape, np.uint8)
    cv2.fillPoly(inside, [np.array(right["corners"]).astype(np.int32)], 1)
    assert (sample.ink[inside == 1] == 255).mean() > 0.9999


@pytest.mark.parametrize("name", ["scanned ledger", "photographed page"])
def test_image_and_mask_coincide(name):
    """Phase correlation of the darkness of a clean image with its mask finds no shift."""
    spec = SPECS[name]
    sample = make(Spec(spec.kind, spec.era, spec.device, spec.year, dpi=110, wear=CLEAN, shadow=0), 6)
    corners = np.concatenate([page["corners"] for page in sample.truth["pages"]])
    (x0, y0), (x1, y1) = corners.min(0).astype(int) + 25, corners.max(0).astype(int) - 25
    darkness = 255.0 - cv2.cvtColor(sample.image, cv2.COLOR_RGB2GRAY)[y0:y1, x0:x1]
    darkness -= cv2.GaussianBlur(darkness, (0, 0), 9)
    window = cv2.createHanningWindow((int(x1 - x0), int(y1 - y0)), cv2.CV_64F)
    shift, _ = cv2.phaseCorrelate(255.0 - sample.ink[y0:y1, x0:x1], darkness, window)
    assert np.hypot(*shift) < 0.5
    ink = sample.ink[y0:y1, x0:x1] == 0
    assert darkness[ink].mean() > darkness[~ink].mean() + 35


def test_a_line_across_the_gutter_is_parted_between_the_pages():
    for seed in range(20):
        sample = make(Spec("KH", "ledger", "dark bed", 1988, dpi=50, curl=0), seed)
        left, right = sample.truth["pages"]
        gutter = np.array(sample.truth["gutter"])
        ends = [line["baseline"][-1] for line in left["lines"]]
        starts = {tuple(line["baseline"][0]) for line in right["lines"]}
        parted = [end for end in ends if tuple(end) in starts]
        for x, y in parted:
            assert x == pytest.approx(np.interp(y, gutter[:, 1], gutter[:, 0]), abs=0.5)
        if parted:
            return
    pytest.fail("no ledger had a line across its gutter")
