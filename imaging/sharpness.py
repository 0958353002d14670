"""How wide edges of writing are at full resolution: the measure of focus and of a hand that shook.

An edge that a lens or a movement has smeared is wide in pixels whatever its contrast. Only a few tiles are
looked at, where the reduced view shows most edges. What width is too much is left to `quality`.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging.view import View

TILE = 160  # px of the stored picture
GRID = (4, 4)  # one tile at most from each part of the page
REACH = 8  # px to either side within which an edge's two levels are looked for
LEAST_RISE = 24  # grey levels: fainter edges are lost in grain
LEAST_EDGES = 40  # in a tile, for its median to mean something


def edge_width(view: View) -> float | None:
    """Typical width of the steepest edges of writing, px of the stored picture; None where nothing is
    written.

    An edge's width is the rise between its two sides over its steepest slope, as in Marziliano et al. 2002;
    the worse of the two directions counts, since movement smears only one.
    """
    pixels = view.full()
    widths = []
    for x, y in _places(view):
        tile = pixels[max(0, y - TILE // 2) : y + TILE // 2, max(0, x - TILE // 2) : x + TILE // 2]
        if min(tile.shape[:2]) >= 4 * REACH:
            widths.append(_of_tile(tile if tile.ndim == 2 else cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)))
    across = [pair[0] for pair in widths if pair[0]]
    down = [pair[1] for pair in widths if pair[1]]
    medians = [float(np.median(values)) for values in (across, down) if values]
    return max(medians) if medians else None


def _places(view: View) -> np.ndarray:
    """Points (n×2, whole) of the stored picture with many edges about, at most one for each part of the
    page.
    """
    grey = cv2.GaussianBlur(view.grey, (3, 3), 0)
    step = cv2.subtract(cv2.dilate(grey, None), cv2.erode(grey, None))
    step[cv2.erode(view.inside, np.ones((9, 9), np.uint8)) == 0] = 0
    side = max(3, TILE // view.reduction)
    amount = cv2.blur(np.minimum(step, 60), (side, side), borderType=cv2.BORDER_CONSTANT)
    height, width = amount.shape
    found = []
    for row in range(GRID[0]):
        for column in range(GRID[1]):
            top, left = row * height // GRID[0], column * width // GRID[1]
            part = amount[top : (row + 1) * height // GRID[0], left : (column + 1) * width // GRID[1]]
            if part.size and part.max() > 0:
                at = np.unravel_index(int(part.argmax()), part.shape)
                found.append((left + at[1], top + at[0]))
    if not found:
        return np.empty((0, 2), int)
    return np.rint(view.frame.points_back(view.to_frame(found))).astype(int)


def _of_tile(grey: np.ndarray) -> tuple[float | None, float | None]:
    return _along_rows(grey), _along_rows(np.ascontiguousarray(grey.T))


def _along_rows(grey: np.ndarray) -> float | None:
    """Median width of the edges that rows cross squarely, px."""
    values = cv2.GaussianBlur(grey, (1, 3), 0).astype(np.float32)
    slope = np.abs(cv2.filter2D(values, -1, np.array([[-0.5, 0, 0.5]], np.float32)))
    other = np.abs(cv2.filter2D(values, -1, np.array([[-0.5], [0], [0.5]], np.float32)))
    line = np.ones((1, 2 * REACH + 1), np.uint8)
    rise = cv2.dilate(values, line) - cv2.erode(values, line)
    steepest = (slope == cv2.dilate(slope, np.ones((1, 5), np.uint8))) & (slope > 2 * other)
    strong = steepest & (rise > max(LEAST_RISE, 0.5 * float(np.percentile(rise, 98)))) & (slope > 0.06 * rise)
    if strong.sum() < LEAST_EDGES:
        return None
    return float(np.median(rise[strong] / slope[strong]))
