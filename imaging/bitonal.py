"""Black and white: where a page is ink.

Two ways. `fast` asks a small model (`inknets`) from which grey on a pixel is ink, cell by cell, and compares; good for
every page. `careful` asks a larger model about each pixel: it costs 17 times as much and finds faint ink among stains
and show-through that no threshold parts. Where a model cannot be run, `local_threshold` does it by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np

from imaging.cells import enlarged, shrunk
from imaging.ink import Ink, ink_on
from imaging.inknets import FACTOR, likely_ink, limits_of_ink
from imaging.local_threshold import by_local_threshold
from imaging.paper import paper_of
from imaging.view import View

Way = Literal["fast", "careful"]
PAPER, INK = 255, 0
LIKELY = 128  # of 255: from here on a pixel is ink
AGREED = 0.93  # F-measure of the one way's ink against the other's, from which on they agree
PARTS, PIECE = (2, 3), 512  # of a page, rows and columns; px of the piece that is looked at in each
SMALL, LARGER = 5_000_000, 1.5  # px: pictures as small are looked at once more, larger; no page costs more for it
FINE_PX_PER_MM = 12.0  # about 300 dpi: finer pages are looked at so


def bitonal(grey: np.ndarray, way: Way, px_per_mm: float) -> np.ndarray:
    """0 for ink, 255 for paper, uint8 (h, w), of a page `grey` (h, w) uint8."""
    found = _careful(grey, px_per_mm) if way == "careful" else _fast(grey, px_per_mm)
    if found is not None:
        return found
    paper = paper_of(grey, px_per_mm)
    return by_local_threshold(grey, paper, ink_on(grey, paper, px_per_mm), px_per_mm)


def way_of(view: View, ink: Ink) -> Way:
    """The way that a page should go: fast where both ways agree on pieces of it, careful where they do not.

    `ink` is that of the view. Pages on which nothing is written go fast.
    """
    both = found = 0
    for piece in _pieces(view, ink):
        fast, careful = (bitonal(piece, way, view.px_per_mm) == INK for way in ("fast", "careful"))
        both += 2 * np.count_nonzero(fast & careful)
        found += np.count_nonzero(fast) + np.count_nonzero(careful)
    return "fast" if both >= AGREED * found else "careful"


def _pieces(view: View, ink: Ink) -> Iterator[np.ndarray]:
    """Grey pieces of the stored picture, one from each part of the page, where most is written."""
    pixels = view.full()
    half = PIECE // 2 * max(1, round(view.px_per_mm / FINE_PX_PER_MM))
    cell = ink.cell * view.reduction  # stored px a cell of the map
    written = cv2.blur(ink.evidence, (max(1, 2 * half // cell),) * 2, borderType=cv2.BORDER_CONSTANT)
    for rows in np.array_split(np.arange(written.shape[0]), PARTS[0]):
        for columns in np.array_split(np.arange(written.shape[1]), PARTS[1]):
            part = written[np.ix_(rows, columns)]
            if part.size and part.max() > 0:
                row, column = np.unravel_index(int(part.argmax()), part.shape)
                at = (np.array([[columns[column], rows[row]]]) + 0.5) * ink.cell
                x, y = np.rint(view.frame.points_back(view.to_frame(at))[0]).astype(int)
                piece = pixels[max(0, y - half) : y + half, max(0, x - half) : x + half]
                if piece.size:
                    yield piece if piece.ndim == 2 else cv2.cvtColor(piece, cv2.COLOR_RGB2GRAY)


def _fast(grey: np.ndarray, px_per_mm: float) -> np.ndarray | None:
    factor = max(3, round(FACTOR * px_per_mm / FINE_PX_PER_MM))
    limits = limits_of_ink(grey, factor)
    if limits is None:
        return None
    height, width = grey.shape
    return cv2.compare(grey, enlarged(limits, factor, slice(0, height), width), cv2.CMP_GE)


def _careful(grey: np.ndarray, px_per_mm: float) -> np.ndarray | None:
    likely = _looked_at_twice(grey) if grey.size <= SMALL else _looked_at_once(grey, px_per_mm)
    return None if likely is None else cv2.threshold(likely, LIKELY - 1, PAPER, cv2.THRESH_BINARY_INV)[1]


def _looked_at_once(grey: np.ndarray, px_per_mm: float) -> np.ndarray | None:
    """How likely ink is, from the picture as if it had no more than about 300 dpi."""
    factor = max(1, round(px_per_mm / FINE_PX_PER_MM))
    likely = likely_ink(shrunk(grey, factor))
    if likely is None or factor == 1:
        return likely
    return enlarged(likely, factor, slice(0, grey.shape[0]), grey.shape[1])


def _looked_at_twice(grey: np.ndarray) -> np.ndarray | None:
    """How likely ink is, from the picture and from an enlarged one, where hairlines are more than a pixel wide."""
    likely = likely_ink(grey)
    if likely is None or min(grey.shape) < 2:
        return likely
    enlargement = cv2.resize(grey, None, fx=LARGER, fy=LARGER, interpolation=cv2.INTER_CUBIC)
    closer = cv2.resize(likely_ink(enlargement), grey.shape[::-1], interpolation=cv2.INTER_AREA)
    return cv2.addWeighted(likely, 0.5, closer, 0.5, 0)
