"""Where ink is on a page, taken apart into what is drawn in its own way: cores, thin strokes, faint ones, red ones.

What colours they have is left to `colours`, how they are drawn to `layers`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.bitonal import bitonal
from imaging.cells import enlarged, shrunk
from imaging.view import MM_PER_INCH

CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
SQUARE = np.ones((3, 3), np.uint8)
SPECK = 3  # px within 3 × 3: fewer of a thin stroke are a speck
REDDER, NO_BROWN = 45, 10  # red ink: red over green by more than the first, and green over blue by less than the second
LEAST_RED = 10.0  # mm²: less is no seal
STEP = 4  # px, of the pixels that are asked where it need not be exact
CELL = 8  # px of a cell of the paper's light
AROUND = np.ones((7, 7), np.uint8)  # cells, of which the lightest is paper
FAINT = 42  # grey levels below the paper from which on the soft picture of the paper would smear a stroke
LEAST_STROKE = 5  # px within 5 × 5: less of it is grain
BROAD_MM, MOST_SPREAD = 2.0, 0.33  # where more than this part of so broad a square is faint, there is a stain
APART = 3  # px: what is closer to ink belongs to its fringe
ROWS = 1024  # at once
DARK = 45  # grey levels below paper: dark
CELL_MM = 3.0  # of the cells that are asked whether anything can be written there
DENSE = 0.6  # nothing is, where a larger part of a cell is dark
CELLS_ACROSS = 3  # and where so many are: what is smaller is a blot or a fat stroke
MOST_AREAS = 12  # and the largest are taken
Area = tuple[int, int, int, int]  # left, top, width, height, px


@dataclass(frozen=True)
class Strokes:
    """Where ink is, uint8 (h, w), 255 on ink.

    `core` is the ink eroded, `thin` the thin strokes that this loses, without specks and with. `faint` is what is no ink
    to the model and yet dark, and `red` the ink of seals: they stand apart, or their colour would run into that of
    other ink; None where there is none. In `areas` there are no strokes: photographs, dense stamps and stains, the desk.
    """

    core: np.ndarray
    thin: np.ndarray
    thin_and_specks: np.ndarray
    faint: np.ndarray | None
    red: np.ndarray | None
    areas: tuple[Area, ...]


def strokes_of(pixels: np.ndarray, dpi: float) -> Strokes:
    """The ink of a page (grey (h, w) or RGB (h, w, 3) uint8), taken apart."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    ink, faint = _ink_and_faint(grey, dpi)
    areas = tuple(_dense_areas(grey, dpi))
    for left, top, width, height in areas:
        for mask in (ink, faint):
            mask[top : top + height, left : left + width] = 0
    red = None if pixels.ndim == 2 else _red(pixels, ink, dpi)
    if red is not None:
        ink = cv2.bitwise_xor(ink, red)
    core = cv2.erode(ink, CROSS)
    thin = cv2.bitwise_xor(ink, ink & cv2.dilate(core, CROSS))
    return Strokes(core, thin & _at_least(thin, 3, SPECK), thin, faint if faint.any() else None, red, areas)


def _ink_and_faint(grey: np.ndarray, dpi: float) -> tuple[np.ndarray, np.ndarray]:
    """The ink, its holes filled, and all else that is so dark that it has to stay sharp, whatever it may be."""
    ink = cv2.bitwise_not(bitonal(grey, "fast", dpi / MM_PER_INCH))
    faint = np.zeros_like(ink)
    paper, broad = cv2.dilate(shrunk(grey, CELL), AROUND), max(3, round(BROAD_MM * dpi / MM_PER_INCH))
    for top in range(0, len(grey), ROWS):
        rows = slice(top, min(len(grey), top + ROWS))
        light = enlarged(paper, CELL, rows, grey.shape[1])
        dark, black = (cv2.compare(grey[rows], cv2.subtract(light, depth), cv2.CMP_LT) for depth in (FAINT, 3 * FAINT))
        ink[rows] |= black & cv2.morphologyEx(ink[rows], cv2.MORPH_CLOSE, SQUARE, iterations=2)
        apart = cv2.bitwise_and(dark, cv2.bitwise_not(cv2.dilate(ink[rows], SQUARE, iterations=APART)))
        spread = cv2.threshold(cv2.blur(apart, (broad, broad)), MOST_SPREAD * 255, 255, cv2.THRESH_BINARY_INV)[1]
        stroke = apart & spread & _at_least(apart, 5, LEAST_STROKE)
        near = cv2.bitwise_and(dark, cv2.dilate(stroke, SQUARE, iterations=3))
        faint[rows] = cv2.bitwise_and(near, cv2.bitwise_not(ink[rows]))
    return ink, faint


def _at_least(mask: np.ndarray, side: int, number: int) -> np.ndarray:
    """Where so many pixels of a mask lie within a square."""
    around = cv2.boxFilter(mask & 1, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return cv2.threshold(around, number - 1, 255, cv2.THRESH_BINARY)[1]


def _red(pixels: np.ndarray, ink: np.ndarray, dpi: float) -> np.ndarray | None:
    """The part of the ink that is red, not brown; None where that is little."""
    least = LEAST_RED * (dpi / MM_PER_INCH) ** 2  # px
    if STEP**2 * np.count_nonzero(_reddish(pixels[::STEP, ::STEP])) < least:
        return None
    found = np.zeros_like(ink)
    for top in range(0, len(ink), ROWS):
        rows = slice(top, top + ROWS)
        found[rows] = cv2.medianBlur(ink[rows] & _reddish(pixels[rows]), 3) & ink[rows]
    return found if np.count_nonzero(found) > least else None


def _reddish(pixels: np.ndarray) -> np.ndarray:
    red, green, blue = cv2.split(np.ascontiguousarray(pixels))
    redder = cv2.threshold(cv2.subtract(red, green), REDDER, 255, cv2.THRESH_BINARY)[1]
    return redder & cv2.threshold(cv2.subtract(green, blue), NO_BROWN, 255, cv2.THRESH_BINARY_INV)[1]


def _dense_areas(grey: np.ndarray, dpi: float) -> list[Area]:
    """Where a page is dark all over."""
    sample = grey[::STEP, ::STEP]
    cell = max(1, round(CELL_MM * dpi / MM_PER_INCH / STEP))
    size = (-(-sample.shape[1] // cell), -(-sample.shape[0] // cell))
    dark = np.where(sample < np.percentile(sample, 75) - DARK, 255, 0).astype(np.uint8)
    dense = (cv2.resize(dark, size, interpolation=cv2.INTER_AREA) > DENSE * 255).astype(np.uint8)
    dense = cv2.morphologyEx(dense, cv2.MORPH_OPEN, np.ones((CELLS_ACROSS, CELLS_ACROSS), np.uint8))
    count, _, found, _ = cv2.connectedComponentsWithStats(dense)
    largest = sorted(range(1, count), key=lambda label: -found[label, cv2.CC_STAT_AREA])[:MOST_AREAS]
    side = np.array([grey.shape[1] / size[0], grey.shape[0] / size[1]] * 2)
    corners = (np.array([*item[:2], item[0] + item[2], item[1] + item[3]]) * side for item in found[largest])
    return [_area(np.rint(item).astype(int)) for item in corners]


def _area(corners: np.ndarray) -> Area:
    left, top, right, bottom = map(int, corners)
    return left, top, right - left, bottom - top
