"""The ministry's JPEG: within its budget, never below its floors, and saying so where that does not fit."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from bookpack.contents import MinistryParams
from bookpack.small import archive_jpeg, small_jpeg

DPI = 300.0
HEIGHT, WIDTH = 1754, 2480  # A5 at 300 dpi
A5_BUDGET = 50_000  # bytes


def _written(lines, noise=0.0):
    page = np.full((HEIGHT, WIDTH, 3), (222, 232, 240), np.uint8)
    for row in range(80, HEIGHT, HEIGHT // lines):
        cv2.putText(page, "Tran Thi Mai 12 / 03 / 1994 Tho Xuan", (60, row), cv2.FONT_HERSHEY_SCRIPT_COMPLEX, 2.2,
                    (70, 50, 40), 4, cv2.LINE_AA)
    speckle = np.random.default_rng(1).normal(0, noise, page.shape[:2])[..., None]
    return np.clip(page + speckle, 0, 255).astype(np.uint8)


def _decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(("lines", "noise"), [(1, 0), (6, 1), (12, 0)])
def test_a_page_fits_its_budget_and_says_its_size(lines, noise):
    small = small_jpeg(_written(lines, noise), DPI)
    assert len(small.data) <= A5_BUDGET and not small.over_budget
    assert _decoded(small.data).shape == (small.height, small.width, 3)
    assert 150 <= small.dpi <= 200
    assert small.width == pytest.approx(WIDTH * small.dpi / DPI, abs=1)


def test_an_easy_page_has_the_resolution_that_is_wanted():
    assert small_jpeg(_written(1), DPI).dpi == 200


def test_a_page_that_needs_more_takes_more_and_says_so():
    page = _written(30, noise=12)
    small = small_jpeg(page, DPI)
    assert small.over_budget and len(small.data) > A5_BUDGET
    assert small.dpi == 150
    assert len(small_jpeg(page, DPI, MinistryParams(budget_kb=1)).data) == len(small.data)


def test_writing_at_the_floor_is_as_dark_and_as_sharp_as_before():
    page = _written(30, noise=12)
    small = _decoded(small_jpeg(page, DPI, MinistryParams(budget_kb=1)).data)
    before = cv2.cvtColor(cv2.resize(page, small.shape[1::-1], interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    after = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    ink = before < 120
    assert ink.any()
    assert abs(float(before[ink].mean()) - float(after[ink].mean())) < 8
    both = ink & (after < 120)
    assert 2 * both.sum() / (ink.sum() + (after < 120).sum()) > 0.93


def test_a_larger_page_has_a_budget_in_proportion():
    twice = np.vstack([_written(6), _written(6)])
    assert A5_BUDGET * 0.8 < len(small_jpeg(twice, DPI, MinistryParams(max_quality=95)).data) <= 2 * A5_BUDGET


def test_few_pixels_are_not_made_more():
    small = small_jpeg(_written(6)[::3, ::3], 100.0)
    assert (small.width, small.height, small.dpi) == ((WIDTH + 2) // 3, (HEIGHT + 2) // 3, 100.0)


def test_grey_stays_grey():
    grey = cv2.cvtColor(_written(6), cv2.COLOR_RGB2GRAY)
    assert _decoded(small_jpeg(grey, DPI).data).ndim == 2
    assert _decoded(archive_jpeg(grey)).shape == (HEIGHT, WIDTH)


def test_colour_stays_in_its_place():
    page = _written(1)
    page[1000:1200, 1000:1200] = (200, 30, 40)  # a seal
    small = small_jpeg(page, DPI)
    seal = _decoded(small.data)[round(1100 * small.dpi / DPI), round(1100 * small.dpi / DPI)]
    assert seal == pytest.approx([200, 30, 40], abs=12)


def test_the_archive_keeps_every_pixel_nearly_as_it_was():
    page = _written(6, noise=3)
    assert np.abs(_decoded(archive_jpeg(page)).astype(int) - page).mean() < 3
