"""Rows of a ruled ledger page, in which several cases stand: found by the printed lines between them.

A line between rows runs over the whole table and is darker than the lines that guide the hand within a row; all rows of a
printed ledger, or forms on one page, are equally high. Where that is not seen there are no rows: whoever types then has the
whole page. Which case stands in which row is left to others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from imaging import marks
from imaging.view import MM_PER_INCH, PAPERS_MM

WORK_PX_PER_MM = 4.0  # the printed lines of a table are a pixel or two
STRIPS = 48  # of the page's width, in each of which lines are looked for
FILLED = 25  # percentile of darkness along a strip: a line fills it, writing does not
THIN_MM = 1.2  # so far above and below a line there is paper
EDGE_MM = 4.0  # so near the page's edge it is the edge itself
LEAST_DARK = 0.08  # of the paper's brightness: what is less is no line
PRINTED = 0.3  # and what is less, on the whole, no printed one
LEAP_MM = 1.0  # from strip to strip a line moves no farther up or down
GAP = 5  # strips in which writing or a stamp may hide a line
LEAST_LONG, LEAST_SEEN = 0.7, 0.6  # of the longest line: a line between rows is so long, and so much of it is seen
FAINTER = 0.93  # times as dark: where lines are that much fainter, another kind of line may begin
LEAST_ROW_MM = 14.0  # two lines of writing
LIKE = 0.08  # of its height: rows differ no more
LEAST_ROWS = 2
LEAST_SHARE = 0.4  # of the page's height, that rows take; the boxes of a form take less
LEAST_CLOSED = 0.9  # of the height from the first row to the last; where there is more between them they are none

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Line:
    """A long level line, `left` to `right` (strips) at the height `y` (px), `seen` in so many strips, `dark` from 0 to 1."""

    left: int
    right: int
    y: float
    seen: int
    dark: float

    @property
    def length(self) -> int:
        return self.right - self.left + 1


NO_LINE = Line(0, 0, 0.0, 0, PRINTED)  # as dark as what is no printed line may be


def rows(page: np.ndarray, ppi: float | None = None) -> tuple[Box, ...]:
    """Rows of a developed page, grey (h, w) or RGB (h, w, 3) uint8 of `ppi` (None: as if it were A4), from top to bottom.

    Each is (left, top, right, bottom) in fractions of the page. The table's heading is none. Empty for a page without a
    table of equally high rows.
    """
    grey, px_per_mm = _small(page, ppi)
    found = lines(grey, px_per_mm)
    for chosen in _kinds(found):
        between = _rows_between([line.y for line in chosen], px_per_mm)
        beyond = found[-1].y - LEAST_ROW_MM * px_per_mm  # a table whose lines go on below its rows is another kind of table
        if len(between) >= LEAST_ROWS and between[-1][1] > beyond and _is_table(between, len(grey)):
            return _boxes(between, chosen, len(grey))
    return ()


def _small(page: np.ndarray, ppi: float | None) -> tuple[np.ndarray, float]:
    """The page in grey at no more than WORK_PX_PER_MM, and its pixels a millimetre."""
    ppi = ppi or max(page.shape[:2]) / max(PAPERS_MM["A4"]) * MM_PER_INCH
    factor = min(1.0, WORK_PX_PER_MM * MM_PER_INCH / ppi)
    height, width = (max(1, round(side * factor)) for side in page.shape[:2])
    size = (-(-width // STRIPS) * STRIPS, height)  # whole strips
    grey = page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA), ppi * factor / MM_PER_INCH


def lines(grey: np.ndarray, px_per_mm: float) -> list[Line]:
    """Level lines of a page `grey` (h, w) that run over the whole of its table, from top to bottom."""
    if min(grey.shape) < 2 * STRIPS:
        return []
    evidence, reach = _evidence(grey, px_per_mm), round(THIN_MM * px_per_mm)
    chains = [np.array(chain) for chain in _chains(evidence, _peaks(evidence, reach), LEAP_MM * px_per_mm)]
    found = [Line(int(strip[0]), int(strip[-1]), float(np.median(y)), len(y), float(np.median(dark)))
             for strip, y, dark in (chain.T for chain in chains)]
    longest = max((line.length for line in found), default=0)
    if longest < STRIPS / 2:
        return []
    whole = [line for line in found if line.length >= LEAST_LONG * longest and line.seen >= LEAST_SEEN * longest
             and line.dark >= PRINTED]
    return sorted(whole, key=lambda line: line.y)


def _evidence(grey: np.ndarray, px_per_mm: float) -> np.ndarray:
    """How dark a thin line is in each strip at each height: float32 (h, STRIPS)."""
    dark = cv2.dilate(marks.contrast(grey, marks.paper(grey)), np.ones((3, 1), np.uint8))
    strips = dark.reshape(len(dark), STRIPS, -1)
    place = strips.shape[2] * FILLED // 100
    filled = np.partition(strips, place, axis=2)[..., place]
    reach = max(2, round(THIN_MM * px_per_mm))
    beside = np.maximum(np.roll(filled, reach, axis=0), np.roll(filled, -reach, axis=0))
    edge = round(EDGE_MM * px_per_mm)
    beside[:edge] = beside[-edge:] = 1
    return filled - beside


def _peaks(evidence: np.ndarray, reach: int) -> np.ndarray:
    """Where there is more evidence than within `reach` above and below: bool (h, STRIPS)."""
    ranked = evidence + np.arange(len(evidence), dtype=np.float32)[:, None] * 1e-6  # of equals, the lowest
    return (evidence > LEAST_DARK) & (ranked == cv2.dilate(ranked, np.ones((2 * reach + 1, 1), np.uint8)))


def _chains(evidence: np.ndarray, peaks: np.ndarray, leap: float) -> list[list[tuple[int, float, float]]]:
    """Places (strip, y, dark) that follow one another from strip to strip."""
    chains: list[list[tuple[int, float, float]]] = []
    for strip in range(evidence.shape[1]):
        open_ones = [chain for chain in chains if strip - chain[-1][0] <= GAP]
        ends = np.array([chain[-1][1] for chain in open_ones])
        for y in np.flatnonzero(peaks[:, strip]):
            place = (strip, float(y), float(evidence[y, strip]))
            nearest = int(np.abs(ends - y).argmin()) if len(ends) else -1
            if nearest >= 0 and abs(ends[nearest] - y) <= leap:
                open_ones[nearest].append(place)
                ends[nearest] = np.inf
            else:
                chains.append([place])
    return chains


def _kinds(found: list[Line]) -> Iterator[list[Line]]:
    """The lines that are darker than all others, wherever that may begin: where they differ most comes first.

    Each from top to bottom.
    """
    darkest = sorted(found, key=lambda line: -line.dark)
    fainter = [other.dark / line.dark for line, other in pairwise([*darkest, NO_LINE])]
    for at in np.argsort(fainter, kind="stable"):
        if fainter[at] < FAINTER:
            yield sorted(darkest[: at + 1], key=lambda line: line.y)


def _rows_between(heights: list[float], px_per_mm: float) -> list[tuple[float, float]]:
    """Neighbouring lines at their most common distance: (top, bottom) px of each row. Below the first a line may be lost."""
    between = [(high, low) for high, low in pairwise(heights) if low - high >= LEAST_ROW_MM * px_per_mm]
    alike = [[other for other in between if abs((other[1] - other[0]) / (low - high) - 1) <= LIKE] for high, low in between]
    found = max(alike, key=len, default=[])
    if not found:
        return []
    usual = float(np.median([low - high for high, low in found]))
    twice = [(high, low) for high, low in between
             if high > found[0][0] and abs((low - high) / (2 * usual) - 1) <= LIKE / 2]
    halves = [half for high, low in twice for half in ((high, (high + low) / 2), ((high + low) / 2, low))]
    return sorted(found + halves)


def _is_table(between: list[tuple[float, float]], height: int) -> bool:
    """Do these rows take a good part of the page, with next to nothing between them?"""
    taken = sum(low - high for high, low in between)
    return taken >= LEAST_SHARE * height and taken >= LEAST_CLOSED * (between[-1][1] - between[0][0])


def _boxes(between: list[tuple[float, float]], chosen: list[Line], height: int) -> tuple[Box, ...]:
    left = float(np.median([line.left for line in chosen])) / STRIPS
    right = (float(np.median([line.right for line in chosen])) + 1) / STRIPS
    boxes = np.array([(left, top / height, right, bottom / height) for top, bottom in between])
    return tuple(map(tuple, boxes.round(4).tolist()))
