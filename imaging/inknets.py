"""Where a page is inked, as two small models see it, run by OpenCV: one looks at every pixel, the other at cells of some
pixels and tells from which grey on each of them is ink.

How they were made stands in `training/inks.py`. What becomes of their answers, and of pages where they cannot be run, is
left to `bitonal`.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from imaging.learned import net

CELL = 8  # px of a picture that light and contrast are told apart at
FACTOR = 4  # px of a cell of a sketch, as the model learned it
AROUND = 6.0  # cells: σ of the surroundings of a place
STRONG_PERCENTILE, LEAST_STRONG = 98, 0.06
STEADY = 3.0  # grey levels added to the contrast of surroundings, so that bare paper stays calm
OFTEN = 0.6  # of white: thresholds are told as differences from this
STEP = 32  # px: what the models take is a multiple of this
TILE, MARGIN = 1024, 32  # px of a tile, and of its rim that only gives its middle something to see


def strong_ink(grey: np.ndarray) -> float:
    """How deep the strong ink of a page is, as a share of its paper's light: from 0 to 1.

    The contrast between the middle and the darkest of cells, where it is greatest, as it is where strokes are. By it a
    model knows even in a corner without ink that what it sees there is too pale, and shines through.
    """
    grey = _whole(grey, CELL)
    return _strong(_means(grey, CELL), _darkest(grey, CELL))


def _strong(mean: np.ndarray, darkest: np.ndarray) -> float:
    mean = mean.astype(np.float32)
    darker = cv2.blur(mean, (3, 3)) - darkest
    return max(LEAST_STRONG, float(np.percentile((darker / _light(mean))[::2, ::2], STRONG_PERCENTILE)))


def normalised(grey: np.ndarray, strong: float, cell: int = CELL, beside: int = 0) -> np.ndarray:
    """What the models see of a picture: float32 (3 + beside, h, w) from uint8 (h, w); planes `beside` are left to fill.

    Grey over the paper's light around, from -1 (black) to 1 (paper); grey against its surroundings in shares of their
    contrast, so that faint and strong writing look alike; and depth in shares of the page's strong ink.
    """
    height, width = grey.shape
    cells = (max(1, -(-width // cell)), max(1, -(-height // cell)))
    mean = cv2.resize(grey, cells, interpolation=cv2.INTER_AREA).astype(np.float32)
    square = cv2.resize(cv2.multiply(grey, grey, dtype=cv2.CV_32F), cells, interpolation=cv2.INTER_AREA)
    light = _light(mean)
    middle = cv2.GaussianBlur(mean, (0, 0), AROUND)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(square, (0, 0), AROUND) - middle * middle, 0)) + STEADY
    seen = np.empty((3 + beside, height, width), np.float32)
    for out, slope, shift in ((seen[0], 2 / light, -np.ones_like(light)),
                              (seen[1], 0.5 / spread, -0.5 * middle / spread)):
        cv2.multiply(grey, _wide(slope, cell, grey.shape), out, dtype=cv2.CV_32F)
        cv2.add(out, _wide(shift, cell, grey.shape), out)
    np.multiply(seen[0], np.float32(-0.5 / strong), out=seen[2])
    seen[2] += np.float32(0.5 / strong)
    np.clip(seen[:3], -3, 3, out=seen[:3])
    return seen


def _light(mean: np.ndarray) -> np.ndarray:
    """The paper's light around each cell, from the mean grey of cells."""
    return np.maximum(cv2.GaussianBlur(cv2.dilate(mean, np.ones((9, 9), np.uint8)), (0, 0), AROUND), 1)


def _wide(cells: np.ndarray, cell: int, shape: tuple[int, int]) -> np.ndarray:
    """A map of cells at the size of the picture."""
    size = (cells.shape[1] * cell, cells.shape[0] * cell)
    return cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]]


def sketch(grey: np.ndarray, strong: float, factor: int) -> np.ndarray:
    """What the model of thresholds sees: float32 (4, h/factor, w/factor), h and w multiples of `factor`.

    The means of cells of `factor` px, `normalised`, and how far the darkest pixel of each lies below its mean.
    """
    return _sketched(_means(grey, factor), _darkest(grey, factor), strong)


def _sketched(mean: np.ndarray, darkest: np.ndarray, strong: float) -> np.ndarray:
    seen = normalised(mean, strong, CELL // FACTOR, beside=1)
    np.multiply(cv2.subtract(mean, darkest), np.float32(1 / 32), out=seen[3])
    return seen


def _means(grey: np.ndarray, factor: int) -> np.ndarray:
    return cv2.resize(grey, (grey.shape[1] // factor, grey.shape[0] // factor), interpolation=cv2.INTER_AREA)


def _darkest(grey: np.ndarray, factor: int) -> np.ndarray:
    return cv2.erode(grey, np.ones((factor, factor), np.uint8), anchor=(0, 0))[::factor, ::factor]


def _whole(grey: np.ndarray, step: int) -> np.ndarray:
    """Filled up at the right and below, so that its sides are multiples of `step`."""
    down, across = (-side % step for side in grey.shape)
    return cv2.copyMakeBorder(grey, 0, down, 0, across, cv2.BORDER_REPLICATE) if down or across else grey


def likely_ink(grey: np.ndarray) -> np.ndarray | None:
    """How likely each pixel is ink, 0 to 255: uint8 (h, w) from uint8 (h, w). None where the model cannot be run."""
    seen = net("ink-pixels.onnx")
    if seen is None:
        return None
    height, width = grey.shape
    strong = strong_ink(grey)
    told = np.empty((height, width), np.uint8)
    for top, bottom in _tiles(height):
        for left, right in _tiles(width):
            part, (down, across) = _around(grey, top, bottom, left, right)
            seen.setInput(normalised(part, strong)[None])
            blocks = np.empty(part.shape, np.float32)
            for at, channel in enumerate(seen.forward()[0]):
                blocks[at // 2 :: 2, at % 2 :: 2] = channel
            inner = blocks[down : down + bottom - top, across : across + right - left]
            told[top:bottom, left:right] = _as_bytes(inner)
    return told


def _as_bytes(logits: np.ndarray) -> np.ndarray:
    return np.rint(255 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.uint8)


def _tiles(length: int) -> Iterator[tuple[int, int]]:
    """Spans that cover `length` px, each with its margins not longer than TILE."""
    count = max(1, -(-length // (TILE - 2 * MARGIN)))
    side = -(-length // count // 2) * 2
    for start in range(0, length, side):
        yield start, min(length, start + side)


def _around(grey: np.ndarray, top: int, bottom: int, left: int, right: int) -> tuple[np.ndarray, tuple[int, int]]:
    """A tile with its margins, as large as the models want it, and where in it the tile begins (rows, columns)."""
    height, width = grey.shape
    y, x = max(0, top - MARGIN), max(0, left - MARGIN)
    part = grey[y : min(height, bottom + MARGIN), x : min(width, right + MARGIN)]
    return _whole(part, STEP), (top - y, left - x)


def limits_of_ink(grey: np.ndarray, factor: int) -> np.ndarray | None:
    """Grey from which on down a pixel is ink, in cells of `factor` px: uint8. None where the model cannot be run."""
    seen = net("ink-thresholds.onnx")
    if seen is None:
        return None
    height, width = grey.shape
    whole = _whole(grey, factor * STEP // 2)
    mean, darkest, cell = _means(whole, factor), _darkest(whole, factor), CELL // FACTOR
    strong = _strong(_means(mean, cell), _darkest(darkest, cell))
    seen.setInput(_sketched(mean, darkest, strong)[None])
    cells = np.empty(mean.shape, np.float32)
    for at, channel in enumerate(seen.forward()[0]):
        cells[at // 2 :: 2, at % 2 :: 2] = channel
    cells = cells[: -(-height // factor), : -(-width // factor)] + OFTEN
    white = _wide(_light(_means(mean, cell).astype(np.float32)), cell, mean.shape)
    return cv2.multiply(cells, white[: cells.shape[0], : cells.shape[1]], dtype=cv2.CV_8U)
