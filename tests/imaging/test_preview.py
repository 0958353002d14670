"""The preview of a page: decided as the page is, drawn like it, and decided again only where a change touches it."""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from truth import ROOT

from book import By, Side
from errors import UnreadableImage
from imaging import stages
from imaging.decode import decode, read_header
from imaging.opening import first_view
from imaging.preview import Preview
from imaging.stages import STAGES, Plan, develop_page

PAGES = ROOT / "samples" / "pages"
SCAN, FORM = PAGES / "ledger-1990/SCN_0001.jpg", PAGES / "forms-2009/EPSON031.jpg"
PHOTO = PAGES / "forms-2009/IMG_20240612_141907.jpg"
BASE = {stage.name: stage.params() for stage in STAGES}
CAPTURE = "0" * 64
WIDTH = 600
LEAST_LIKE = 0.95  # correlation of preview and page, both in grey, blurred by a pixel; 0.97 to 0.99 measured
MOST_APART = 6.0  # grey levels of 255, on average; 3 to 5 measured


def plan(**changes):
    """`plan(tone={"mode": "grey"})`: as an operator has set it."""
    params = {**BASE, **{name: replace(BASE[name], **values) for name, values in changes.items()}}
    return Plan(params, operator=frozenset(changes))


def preview(path):
    data = path.read_bytes()
    return Preview(data, read_header(data))


def whole(path, the_plan, side):
    """The developed page and its recipe."""
    data = path.read_bytes()
    header = read_header(data)
    part, view = header.frames[0], first_view(data, header)
    recipe = {recipe.side: recipe for _, recipe in stages.decide(view, the_plan, CAPTURE)}[side]
    return develop_page(decode(data), recipe, part.orientation, part.dpi)[0], recipe


@pytest.fixture
def asked(monkeypatch):
    """The stages that are asked to decide, in order."""
    names = []

    def listening(stage):
        def told(view, params):
            names.append(stage.name)
            return stage.decide(view, params)
        return replace(stage, decide=told)

    for group in ("OF_CAPTURE", "OF_PAGE"):
        monkeypatch.setattr(stages, group, tuple(listening(stage) for stage in getattr(stages, group)))
    return names


@pytest.mark.parametrize(("path", "side", "the_plan"), [
    (SCAN, Side.LEFT, plan()),
    (SCAN, Side.RIGHT, plan(tone={"strength": "strong"}, deskew={"degrees": 3.0})),
    (SCAN, Side.LEFT, plan(tone={"mode": "grey"}, split={"gutter": (0.48, 0.5)})),
    (FORM, Side.WHOLE, plan(crop={"box": (0.1, 0.1, 0.8, 0.7)})),
    (PHOTO, Side.WHOLE, plan()),
])
def test_a_preview_is_the_page_reduced(path, side, the_plan):
    shown = preview(path).show(the_plan, CAPTURE, side, WIDTH)
    page, recipe = whole(path, the_plan, side)
    assert shown.recipe.decisions == recipe.decisions[:-1]  # all but quality
    assert shown.size == page.shape[1::-1]
    assert shown.pixels.shape[1] == WIDTH and shown.pixels.ndim == page.ndim
    reduced = cv2.resize(page, shown.pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    one, other = (cv2.GaussianBlur(grey(pixels), (0, 0), 1.0).astype(float) for pixels in (shown.pixels, reduced))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > LEAST_LIKE
    assert np.abs(one - other).mean() < MOST_APART


def grey(pixels):
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def test_black_and_white_is_told_the_fast_way():
    shown = preview(FORM).show(plan(tone={"mode": "bitonal"}), CAPTURE, Side.WHOLE, WIDTH)
    assert set(np.unique(shown.pixels)) == {0, 255}
    assert shown.recipe.decision("tone").values["bitonal"] == "fast"


def test_only_what_a_change_touches_is_decided_again(asked):
    shown = preview(SCAN)
    shown.show(plan(), CAPTURE, Side.LEFT, WIDTH)
    every = ["orient", "outline", "split", "flatten", "deskew", "crop", "tone"]
    assert asked == every
    for changed, expected in [
        (plan(), []),
        (plan(tone={"strength": "strong"}), ["tone"]),
        (plan(deskew={"degrees": 1.0}, tone={"strength": "strong"}), ["deskew", "crop", "tone"]),
        (plan(split={"gutter": (0.5, 0.5)}), every[2:]),
        (plan(outline={"corners": ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))}), every[1:]),
    ]:
        asked.clear()
        shown.show(changed, CAPTURE, Side.LEFT, WIDTH)
        assert asked == expected


def test_the_other_page_of_a_spread_has_what_both_share(asked):
    shown = preview(SCAN)
    shown.show(plan(), CAPTURE, Side.LEFT, WIDTH)
    asked.clear()
    right = shown.show(plan(), CAPTURE, Side.RIGHT, WIDTH)
    assert asked == ["flatten", "deskew", "crop", "tone"]
    assert right.recipe.side is Side.RIGHT
    asked.clear()
    shown.show(plan(), CAPTURE, Side.LEFT, WIDTH)
    assert asked == []


def test_what_was_decided_before_changes_nothing_of_what_is_decided_now():
    fresh = preview(SCAN).show(plan(deskew={"degrees": 2.0}), CAPTURE, Side.LEFT, WIDTH)
    used = preview(SCAN)
    for other in (plan(), plan(split={"gutter": (0.4, 0.4)}), plan(orient={"turn": 180}), plan(tone={"mode": "grey"})):
        used.show(other, CAPTURE, Side.LEFT, WIDTH)
    again = used.show(plan(deskew={"degrees": 2.0}), CAPTURE, Side.LEFT, WIDTH)
    assert again.recipe == fresh.recipe
    assert (again.pixels == fresh.pixels).all()


def test_who_set_a_value_is_told_though_the_value_is_the_same():
    shown = preview(SCAN)
    shown.show(Plan(plan(deskew={"degrees": 0.5}).params), CAPTURE, Side.LEFT, WIDTH)
    by_operator = shown.show(plan(deskew={"degrees": 0.5}), CAPTURE, Side.LEFT, WIDTH)
    assert by_operator.recipe.decision("deskew").by is By.OPERATOR


def test_what_is_set_for_one_side_is_seen_on_that_side():
    turned = replace(plan(), of_side={Side.LEFT: {"deskew": replace(BASE["deskew"], degrees=5.0)}})
    shown = preview(SCAN)
    left, right = (shown.show(turned, CAPTURE, side, WIDTH) for side in (Side.LEFT, Side.RIGHT))
    assert left.handles["degrees"] == 5.0
    assert abs(right.handles["degrees"]) < 3


def test_a_side_that_is_no_longer_there_shows_the_page_that_is():
    shown = preview(SCAN)
    single = shown.show(plan(split={"layout": "single"}), CAPTURE, Side.RIGHT, WIDTH)
    assert single.recipe.side is Side.WHOLE
    assert preview(FORM).show(plan(split={"gutter": (0.5, 0.5)}), CAPTURE, Side.WHOLE, WIDTH).recipe.side is Side.LEFT


def test_uncropped_there_is_the_frame_in_which_the_crop_lies():
    shown = preview(SCAN)
    cropped = shown.show(plan(), CAPTURE, Side.LEFT, WIDTH)
    whole_frame = shown.show(plan(), CAPTURE, Side.LEFT, WIDTH, uncropped=True)
    assert whole_frame.recipe == cropped.recipe
    left, top, right, bottom = np.array(whole_frame.handles["box"]) * (whole_frame.size * 2)
    assert (right - left, bottom - top) == pytest.approx(cropped.size, abs=1)
    assert whole_frame.size[0] > cropped.size[0]
    scale = WIDTH / whole_frame.size[0]
    part = whole_frame.pixels[round(top * scale) : round(bottom * scale), round(left * scale) : round(right * scale)]
    same = cv2.resize(cropped.pixels, part.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(part.astype(float) - same).mean() < 2 * MOST_APART


@pytest.mark.parametrize("width", [1, 50, 10_000])
def test_a_preview_is_no_wider_than_asked_nor_than_its_pixels_allow(width):
    shown = preview(FORM).show(plan(), CAPTURE, Side.WHOLE, width)
    assert 1 <= shown.pixels.shape[1] <= min(width, shown.size[0])


def test_a_large_capture_is_held_small(tmp_path):
    import simplejpeg

    pixels = cv2.resize(decode(SCAN.read_bytes()), (4960, 3508))
    data = simplejpeg.encode_jpeg(pixels, 80)
    shown = Preview(data, read_header(data)).show(plan(), CAPTURE, Side.LEFT, 10_000)
    assert shown.size[0] > 2300 and 1000 < shown.pixels.shape[1] < 1400
    lossless = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    from_png = Preview(lossless, read_header(lossless)).show(plan(), CAPTURE, Side.LEFT, 10_000)
    assert from_png.pixels.shape[1] == pytest.approx(shown.pixels.shape[1], abs=4)


def test_what_is_shown_is_a_jpeg_too():
    shown = preview(FORM).show(plan(), CAPTURE, Side.WHOLE, WIDTH)
    assert decode(shown.jpeg()).shape == shown.pixels.shape
    in_grey = preview(FORM).show(plan(tone={"mode": "grey"}), CAPTURE, Side.WHOLE, WIDTH)
    assert decode(in_grey.jpeg()).shape == in_grey.pixels.shape == in_grey.pixels.shape[:2]


def test_stages_that_are_skipped_are_skipped_here_too():
    bare = replace(plan(), skip=frozenset(stage.name for stage in STAGES))
    shown = preview(FORM).show(bare, CAPTURE, Side.WHOLE, WIDTH)
    assert shown.recipe.decisions == ()
    assert shown.pixels.shape[1] == WIDTH


def test_half_a_file_is_refused():
    data = SCAN.read_bytes()
    with pytest.raises(UnreadableImage):
        Preview(data[: len(data) // 2], read_header(data))
