"""render: exact where pixels are only moved, one faithful resampling everywhere else."""

import cv2
import numpy as np
import pytest

from imaging import render as module
from imaging.geometry import Geometry
from imaging.render import render


def noise(height, width, channels=3, seed=0):
    shape = (height, width, channels) if channels == 3 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(height, width):
    return cv2.GaussianBlur(noise(height, width), (0, 0), 4)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_crop_is_a_slice(channels):
    source = noise(40, 60, channels)
    assert np.array_equal(render(source, Geometry.crop((7, 5, 50, 31))), source[5:31, 7:50])


def test_the_page_never_shares_memory_with_the_capture():
    source = noise(40, 60)
    assert not np.shares_memory(render(source, Geometry.identity((60, 40))), source)


@pytest.mark.parametrize("degrees, turns", [(0, 0), (90, 3), (180, 2), (270, 1)])
def test_quarter_turns_move_pixels_exactly(degrees, turns):
    source = noise(31, 47)
    assert np.array_equal(render(source, Geometry.quarter_turns(degrees, (47, 31))), np.rot90(source, turns))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_a_copy(orientation):
    source = noise(31, 47)
    upright = [source, source[:, ::-1], source[::-1, ::-1], source[::-1], source.transpose(1, 0, 2),
               np.rot90(source, 3), source[::-1, ::-1].transpose(1, 0, 2), np.rot90(source)][orientation - 1]
    assert np.array_equal(render(source, Geometry.exif(orientation, (47, 31))), upright)


def test_a_turned_crop_beyond_the_capture_is_filled():
    source = noise(31, 47)
    geometry = Geometry.quarter_turns(90, (47, 31)).then(Geometry.crop((-4, -3, 20, 30)))
    page = render(source, geometry, fill=(10, 20, 30))
    assert (page[:3] == (10, 20, 30)).all() and (page[:, :4] == (10, 20, 30)).all()
    assert np.array_equal(page[3:, 4:], np.rot90(source, 3)[:30, :20])


def test_a_grey_capture_is_filled_with_the_luma():
    page = render(noise(10, 10, 1), Geometry.crop((20, 20, 25, 25)), fill=(255, 0, 0))
    assert page.shape == (5, 5) and (page == 76).all()


def test_there_and_back_gives_the_same_picture():
    source = smooth(200, 300)
    there = Geometry.levelling(3.3, (300, 200))
    back = render(render(source, there), there.inverse((300, 200)))
    assert np.abs(back.astype(int) - source)[8:-8, 8:-8].max() <= 3


def test_points_land_where_the_geometry_says():
    source = np.full((300, 400), 255, np.uint8)
    cv2.circle(source, (130, 90), 6, 0, -1, cv2.LINE_AA)
    geometry = Geometry.rectifying([(20, 15), (380, 30), (370, 290), (25, 270)], (500, 350))
    page = 255.0 - render(source, geometry)
    rows, columns = np.indices(page.shape)
    found = (columns * page).sum() / page.sum(), (rows * page).sum() / page.sum()
    assert np.hypot(*(geometry.points([(130, 90)])[0] - found)) < 0.1


def test_thin_faint_strokes_keep_their_contrast():
    source = np.full((400, 400), 230, np.uint8)
    source[:, 20::20] = 190
    page = render(source, Geometry.levelling(1.7, (400, 400)), fill=(230, 230, 230))
    rows = page[60:-60, 60:-60]
    darkest = np.array([row[start : start + 20].min() for row in rows for start in range(0, 260, 20)])
    assert 230 - darkest.mean() >= 0.85 * 40


def test_a_page_made_smaller_is_averaged_not_sampled():
    source = np.zeros((400, 600), np.uint8)
    source[:, ::2] = 200
    page = render(source, Geometry.scaling(0.25, (150, 100)).then(Geometry.levelling(0.5, (150, 100))))
    assert np.abs(page[10:-10, 10:-10].astype(int) - 100).max() <= 4


def test_shrinking_keeps_its_place():
    source = np.full((400, 600), 255, np.uint8)
    cv2.circle(source, (301, 203), 20, 0, -1, cv2.LINE_AA)
    geometry = Geometry.scaling(0.4, (240, 160)).then(Geometry.levelling(2.0, (240, 160)))
    page = 255.0 - render(source, geometry)
    rows, columns = np.indices(page.shape)
    found = (columns * page).sum() / page.sum(), (rows * page).sum() / page.sum()
    assert np.hypot(*(geometry.points([(301, 203)])[0] - found)) < 0.1


def test_pages_larger_than_opencv_can_map_are_done_in_tiles(monkeypatch):
    source = smooth(300, 500)
    geometry = Geometry.levelling(2.5, (500, 300))
    whole = render(source, geometry)
    monkeypatch.setattr(module, "TILE", 100)
    assert np.abs(render(source, geometry).astype(int) - whole).max() <= 2


def test_a_strip_longer_than_opencv_can_map():
    source = np.full((12, 40000), 255, np.uint8)
    source[:, 39000:39010] = 0
    page = render(source, Geometry.levelling(0.001, (40000, 12)))
    assert page.shape[1] >= 40000
    assert abs(float(np.argmin(page[6])) - 39004.5) <= 6


def test_what_lies_wholly_beyond_the_capture_is_fill():
    far = Geometry.levelling(5, (20, 20)).then(Geometry.crop((500, 500, 520, 510)))
    page = render(noise(20, 20), far, fill=(9, 8, 7))
    assert (page == (9, 8, 7)).all()
