"""Black and white: both ways find ink as faint as a pen leaves it, and leave paper, show-through and dark grounds alone."""

import cv2
import numpy as np
import pytest

from imaging import bitonal, inknets, learned, tone
from imaging.view import View
from training import old_pages, pens

WAYS = ("fast", "careful")
PX_PER_MM = 300 / 25.4
SIDE = 512
SEEDS = (4, 9, 23, 29)  # hands of several kinds


def page(depth, seed=9, behind=0.0, paper=205, grain=2.0):
    """Grey (SIDE, SIDE): writing of this depth on even paper, with another side that shines through; where its ink is."""
    rng = np.random.default_rng(seed)
    cover = cv2.GaussianBlur(pens.writing(rng, SIDE), (0, 0), 0.7).astype(np.float32) / 255
    other = cv2.GaussianBlur(pens.writing(rng, SIDE)[:, ::-1], (0, 0), 3).astype(np.float32) / 255
    grey = paper * (1 - depth * cover) * (1 - behind * other) + rng.normal(0, grain, (SIDE, SIDE))
    return np.clip(grey, 0, 255).astype(np.uint8), cover > old_pages.EDGE, other


def grown(ink, px=1):
    return cv2.dilate(ink.astype(np.uint8), np.ones((2 * px + 1, 2 * px + 1), np.uint8)) > 0


def recall_and_precision(found, ink):
    """Shares of the ink that is found, and of what is found that is ink; a pixel beside it is no error."""
    return grown(found)[ink].mean(), grown(ink)[found].mean()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("depth", "least"), [(0.8, 0.98), (0.3, 0.97), (0.1, 0.88)])
def test_ink_is_found_however_faint(way, depth, least):
    for seed in SEEDS:
        grey, ink, _ = page(depth, seed)
        found = bitonal.bitonal(grey, way, PX_PER_MM)
        assert set(np.unique(found)) == {0, 255}
        recall, precision = recall_and_precision(found == 0, ink)
        assert recall > least
        assert precision > 0.97


def test_the_careful_way_keeps_a_pale_hand_in_a_strong_print():
    kept = {"careful": [], "fast": []}
    for strong, pale in ((4, 27), (29, 23), (20, 9), (10, 30)):
        (grey, ink, _), (other, faint, _) = page(0.8, strong), page(0.2, pale)
        for way, share in kept.items():
            found = bitonal.bitonal(np.minimum(grey, other), way, PX_PER_MM) == 0
            share.append(grown(found)[faint & ~grown(ink, 3)].mean())
    careful, fast = (np.mean(share) for share in kept.values())
    assert careful > 0.5
    assert careful > 3 * fast


@pytest.mark.parametrize("way", WAYS)
def test_what_shines_through_is_left_out(way):
    grey, ink, other = page(0.7, behind=0.25)
    found = bitonal.bitonal(grey, way, PX_PER_MM) == 0
    ghost = (other > 0.5) & ~grown(ink, 3)
    assert ghost.sum() > 1000
    assert found[ghost].mean() < 0.05
    assert min(recall_and_precision(found, ink)) > 0.95


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_page_stays_empty(way):
    grey, _, _ = page(0.0)
    shade = np.linspace(1, 0.5, SIDE)[None, :]
    assert (bitonal.bitonal((grey * shade).astype(np.uint8), way, PX_PER_MM) == 255).mean() > 0.999


def test_tiles_leave_no_seam(monkeypatch):
    grey, _, _ = page(0.4)
    whole = inknets.likely_ink(grey)
    monkeypatch.setattr(inknets, "TILE", 256)
    assert (np.abs(inknets.likely_ink(grey).astype(int) - whole) > 64).mean() < 0.002


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (65, 67), (1000, 33)])
@pytest.mark.parametrize("way", WAYS)
def test_every_size_comes_back_as_it_was(way, size):
    grey = np.full(size, 200, np.uint8)
    assert bitonal.bitonal(grey, way, PX_PER_MM).shape == size


@pytest.mark.parametrize("way", WAYS)
def test_without_a_model_it_is_done_by_hand(way, monkeypatch):
    monkeypatch.setattr(inknets, "net", lambda name: None)
    grey, ink, _ = page(0.6)
    assert min(recall_and_precision(bitonal.bitonal(grey, way, PX_PER_MM) == 0, ink)) > 0.95


def test_fine_pages_are_looked_at_as_coarser_ones(monkeypatch):
    monkeypatch.setattr(bitonal, "SMALL", 0)
    grey, ink, _ = page(0.6)
    fine = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    found = bitonal.bitonal(fine, "careful", 2 * PX_PER_MM)
    assert found.shape == fine.shape
    assert min(recall_and_precision(found[::2, ::2] == 0, ink)) > 0.97


def test_faint_pages_go_the_careful_way_by_themselves():
    def way(depth, **params):
        grey, _, _ = page(depth)
        view = View.of(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), 300)
        return tone.decide(view, tone.Params(mode="bitonal", **params)).values["bitonal"]

    assert way(0.8) == "fast"
    assert way(0.12) == "careful"
    assert way(0.8, bitonal="careful") == "careful"
    assert way(0.12, bitonal="fast") == "fast"


def test_the_models_are_there_and_small():
    for name in ("ink-pixels.onnx", "ink-thresholds.onnx"):
        assert learned.net(name) is not None
        assert (learned.MODELS / name).stat().st_size < 3_000_000
