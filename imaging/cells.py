"""Small maps laid over a page in square cells: made by averaging, enlarged again a stripe of rows at a
time.

What a map says (paper, ink) is left to others; here is only that cell (0, 0) lies exactly over the first
pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging.view import reduced


def shrunk(pixels: np.ndarray, factor: int) -> np.ndarray:
    """`pixels` (h, w) or (h, w, 3) uint8 at 1/`factor`, covering all of them: what is over repeats the last
    row and column.
    """
    height, width = pixels.shape[:2]
    if height < factor or width < factor:
        pixels = _padded(pixels, max(factor, height), max(factor, width))
    return _padded(reduced(pixels, factor), -(-height // factor), -(-width // factor))


def averaged(values: np.ndarray, cell: int) -> np.ndarray:
    """Means over cells of `cell` × `cell` values, the last ones filled up with their neighbours."""
    rows, columns = (-(-side // cell) for side in values.shape[:2])
    whole = _padded(values, rows * cell, columns * cell)
    while cell % 2 == 0:  # twice by two is much quicker than once by four
        cell //= 2
        whole = cv2.resize(whole, (columns * cell, rows * cell), interpolation=cv2.INTER_AREA)
    return whole if cell == 1 else cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def enlarged(cells: np.ndarray, cell: int, rows: slice, width: int, room: np.ndarray | None = None) -> np.ndarray:
    """Linear interpolation between the middles of cells of `cell` × `cell` px, for page rows `rows`,
    `width` px.

    `room` is memory to work in, as wide as all cells and four cells higher than `rows`.
    """
    first, last = rows.start // cell, -(-rows.stop // cell)
    around = np.clip(np.arange(first - 1, last + 1), 0, len(cells) - 1)
    part = cells[around]
    size = (part.shape[1] * cell, part.shape[0] * cell)
    large = cv2.resize(part, size, dst=None if room is None else room[: size[1]], interpolation=cv2.INTER_LINEAR)
    offset = (1 - first) * cell
    return large[rows.start + offset : rows.stop + offset, :width]


def _padded(values: np.ndarray, height: int, width: int) -> np.ndarray:
    down, right = height - values.shape[0], width - values.shape[1]
    return cv2.copyMakeBorder(values, 0, down, 0, right, cv2.BORDER_REPLICATE) if down or right else values
