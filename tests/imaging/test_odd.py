"""Images that nobody expects: black, white, noise, one pixel, a panorama. Each is developed, none breaks a stage."""

import warnings

import numpy as np
import pytest

from imaging.stages import STAGES, Plan, decide, develop_page
from imaging.view import View

random = np.random.default_rng(1)
ODD = {
    "black": np.zeros((800, 600), np.uint8),
    "white": np.full((800, 600, 3), 255, np.uint8),
    "noise": random.integers(0, 256, (700, 900, 3), dtype=np.uint8),
    "one pixel": random.integers(0, 256, (1, 1, 3), dtype=np.uint8),
    "a row": random.integers(0, 256, (1, 400, 3), dtype=np.uint8),
    "a column": random.integers(0, 256, (400, 1), dtype=np.uint8),
    "tiny": random.integers(0, 256, (9, 7, 3), dtype=np.uint8),
    "small": random.integers(0, 256, (210, 205, 3), dtype=np.uint8),
    "a panorama": np.full((220, 6000, 3), 200, np.uint8),
    "half black": np.hstack([np.zeros((600, 500), np.uint8), np.full((600, 500), 230, np.uint8)]),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_images_are_developed(name):
    pixels = ODD[name]
    plan = Plan({stage.name: stage.params() for stage in STAGES})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pages = decide(View.of(pixels), plan, "0" * 64)
        for _, recipe in pages:
            page, geometry = develop_page(pixels, recipe, 1, None)
            assert page.shape[1::-1] == geometry.size
    assert 1 <= len(pages) <= 2
    if min(pixels.shape[:2]) < 200:
        assert page.shape[:2] == pixels.shape[:2], "what is too small to read is left as it is"
