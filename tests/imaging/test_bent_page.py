"""Lines that bend to the gutter become straight; straight, slanting and few lines stay as they are."""

import cv2
import numpy as np
import pytest

from imaging import bent_page, flatten
from imaging.flatten import Params
from imaging.outline import STAGE as OUTLINE
from imaging.view import View

WIDTH, HEIGHT = 1200, 1700  # px


def bent_down(x, y, bow):
    """How much lower a place of the page is seen than it should: towards the gutter, on the left, and more at the top."""
    return bow * np.exp(-x / 220) * (1 - 0.5 * y / HEIGHT)


def page_of(bow, lines=34, slant=0.0):
    """A page of words on lines, 1 px of noise."""
    rng = np.random.default_rng(5)
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    flat = np.full((HEIGHT, WIDTH), 225, np.uint8)
    for top in np.linspace(100, HEIGHT - 120, lines):
        for left in range(60, WIDTH - 120, 70):
            height = int(rng.integers(9, 16))
            level = round(top + slant * left)
            cv2.rectangle(flat, (left, level - height), (left + int(rng.integers(30, 60)), level), 60, -1)
    true = y - bent_down(x, y, bow)
    bent = cv2.remap(flat, x, true.astype(np.float32), cv2.INTER_LINEAR, borderValue=225)
    return np.clip(bent + rng.normal(0, 1, bent.shape), 0, 255).astype(np.uint8)


def view_of(pixels):
    view = View.of(pixels, dpi=150)
    values = {"corners": view.frame.corners.tolist(), "border": [], "rectify": False, "size": list(view.size), "ppi": 150.0,
              "margin": 0.0}
    return view.after(OUTLINE.decision(values), None)


@pytest.mark.parametrize("bow", [22.0, -16.0])
def test_lines_that_bend_to_the_gutter_become_straight(bow):
    view = view_of(page_of(bow))
    decision = flatten.decide(view, Params())
    after = view.after(decision, flatten.geometry(decision, view.frame, view.side))
    x = np.linspace(70, WIDTH - 100, 40)
    for y in np.linspace(200, HEIGHT - 250, 7):
        seen = np.column_stack([x, y + bent_down(x, np.full(40, y), bow)])
        line = after.frame.points(seen)[:, 1]
        left_over = line - np.polyval(np.polyfit(x, line, 1), x)
        assert np.abs(left_over).max() < 0.3 * abs(bow)
    assert after.size == view.size


@pytest.mark.parametrize("page", [page_of(0.0), page_of(0.0, slant=0.02), np.full((HEIGHT, WIDTH), 225, np.uint8),
                                  page_of(20.0, lines=1)], ids=["straight", "slanting", "empty", "one line"])
def test_what_needs_nothing_stays_as_it_is(page):
    assert flatten.decide(view_of(page), Params()).values["mesh"] is None


def test_lines_that_would_stay_bent_stay_as_they_are():
    rng = np.random.default_rng(6)
    page = np.full((HEIGHT, WIDTH), 225, np.uint8)
    for x, y, w in rng.integers((0, 0, 20), (WIDTH - 90, HEIGHT - 30, 80), (900, 3)):  # words anywhere, no lines
        cv2.rectangle(page, (int(x), int(y)), (int(x + w), int(y + 12)), 60, -1)
    assert bent_page.flattened(view_of(page), 0.0005, 0.5) is None
