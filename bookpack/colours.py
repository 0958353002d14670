"""The colours of a page, gathered for each kind of its pixels in cells: pictures of few pixels that vary slowly.

Which pixels are of which kind is told by `strokes`; how the pictures are drawn is left to `layers`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bookpack.strokes import CROSS, Strokes
from imaging.cells import shrunk

FRINGE, RED_FRINGE, FAINT, EDGES, THIN, CORE, RED = KINDS = range(1, 8)  # of what is no paper, each over those before it
BESIDE = 8  # what is just beyond the fringe tells nothing of the paper
PAPER_DPI, INK_DPI = 60, 30  # in which colours are gathered; no picture is finer
STRIPE = 128  # rows of cells of paper that are worked on at once


@dataclass(frozen=True)
class Sums:
    """Colours added up in cells, float32 (rows, columns[, 3]), and the share (0 to 1) of each cell that they are of."""

    colours: np.ndarray
    weights: np.ndarray

    @property
    def anything(self) -> bool:
        return bool(self.weights.any())


def sums_of(pixels: np.ndarray, dpi: float, strokes: Strokes) -> tuple[Sums, dict[int, Sums]]:
    """The colours of the paper, and of each of KINDS. Only a stripe of the page is worked on at once."""
    height, width = pixels.shape[:2]
    cell = paper_cell(dpi)
    columns, rows = size_at((width, height), dpi, INK_DPI)
    column_of = (np.arange(width) * columns // width).astype(np.int32)
    row_of = (np.arange(height) * rows // height).astype(np.int32)
    channels = pixels.shape[2:] or (1,)
    colours, counts = np.zeros((len(KINDS), rows, columns, *channels)), np.zeros((len(KINDS), rows, columns))
    papers = []
    for top in range(0, height, STRIPE * cell):
        stripe = slice(top, min(height, top + STRIPE * cell))
        labels, part = _labels(strokes, stripe), pixels[stripe]
        blank = cv2.inRange(labels, 0, 0)
        papers.append((shrunk(cv2.bitwise_and(part, part, mask=blank), cell), shrunk(blank, cell)))
        within = slice(row_of[stripe.start], row_of[stripe.stop - 1] + 1)
        _add_up(part, labels, row_of[stripe] - within.start, column_of, colours[:, within], counts[:, within])
    whole = 2 * columns * rows / (width * height)  # of a cell, that a pixel of every second row is
    kinds = {kind: Sums((some * whole).astype(np.float32).reshape(rows, columns, *pixels.shape[2:]),
                        (number * whole).astype(np.float32))
             for kind, some, number in zip(KINDS, colours, counts, strict=True)}
    colour, share = (np.concatenate(parts) for parts in zip(*papers, strict=True))
    return Sums(colour.astype(np.float32), share.astype(np.float32) / 255), kinds


def paper_cell(dpi: float) -> int:
    """Side of a cell of paper, px. Cells may reach over the right and the lower edge of the page."""
    return max(1, round(dpi / PAPER_DPI))


def size_at(size: tuple[int, int], dpi: float, wanted: float) -> tuple[int, int]:
    """Size (width, height) that something of `size` px at `dpi` has at `wanted` dpi; never a larger one."""
    factor = min(1.0, wanted / dpi)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _labels(strokes: Strokes, stripe: slice) -> np.ndarray:
    """The kind of each pixel of a stripe of rows, 0 for paper."""
    first = max(0, stripe.start - 2)
    core, thin, faint, red = (None if mask is None else mask[first : stripe.stop + 2]
                              for mask in (strokes.core, strokes.thin, strokes.faint, strokes.red))
    edges = cv2.dilate(core, CROSS)
    of_kind = {FRINGE: cv2.dilate(edges | thin, CROSS), RED_FRINGE: None if red is None else cv2.dilate(red, CROSS),
               FAINT: faint, EDGES: edges, THIN: thin, CORE: core, RED: red}
    labels = np.zeros_like(core)
    for kind, mask in of_kind.items():
        if mask is not None:
            labels = cv2.max(labels, mask & kind)
    beside = cv2.dilate(labels, CROSS) & cv2.inRange(labels, 0, 0)
    labels = cv2.max(labels, cv2.threshold(beside, 0, BESIDE, cv2.THRESH_BINARY)[1])
    return labels[stripe.start - first :][: stripe.stop - stripe.start]


def _add_up(
    pixels: np.ndarray, labels: np.ndarray, row_of: np.ndarray, column_of: np.ndarray,
    colours: np.ndarray, counts: np.ndarray,
) -> None:
    """Add the pixels of each kind to the cells that they lie in; those of every second row are enough."""
    found = cv2.findNonZero(cv2.inRange(labels[::2], KINDS[0], KINDS[-1]))
    if found is None:
        return
    x, y = found.reshape(-1, 2).T
    y = 2 * y
    at = y * labels.shape[1] + x
    _, rows, columns = counts.shape
    key = (labels.ravel()[at].astype(np.int32) - 1) * (rows * columns) + row_of[y] * columns + column_of[x]
    values = pixels.reshape(labels.size, -1)[at]
    counts += np.bincount(key, minlength=counts.size).reshape(counts.shape)
    for channel in range(values.shape[1]):
        colours[..., channel] += np.bincount(key, values[:, channel], counts.size).reshape(counts.shape)


def coarser(sums: Sums, factor: float) -> np.ndarray:
    """Mean colours in cells, uint8, of which there are `factor` (0 to 1) as many each way.

    Where nothing is shown the colours of the surroundings go on, which costs a JPEG the least.
    """
    rows, columns = sums.weights.shape
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    colours, weights = (cv2.resize(item, size, interpolation=cv2.INTER_AREA) for item in (sums.colours, sums.weights))
    return np.clip(np.rint(_pulled(colours, weights)), 0, 255).astype(np.uint8)


def _pulled(colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pull-push: cells of little weight take from means over wider and wider surroundings (Gortler et al., 1996)."""
    height, width = weights.shape
    weight = weights if colours.ndim == 2 else weights[..., None]
    means = colours / np.maximum(weight, 1e-6)
    if max(height, width) == 1:
        return means
    half = ((width + 1) // 2, (height + 1) // 2)
    wider = _pulled(*(cv2.resize(item, half, interpolation=cv2.INTER_AREA) for item in (colours, weights)))
    around = cv2.resize(wider, (width, height), interpolation=cv2.INTER_LINEAR)
    return around + np.minimum(weight * 4, 1) * (means - around)
