"""How wide the edges of writing are at full resolution: the measure of focus and of a hand that shook.

An edge that a lens has smeared is wide in every direction, one that a movement has smeared only along it. Only a few
tiles are looked at, where the reduced view shows most edges. What width is too much is left to `quality`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.view import View

TILE = 160  # px of the stored picture
INNER = 0.93  # of the sheet's width and height
GRID = (4, 4)  # one tile at most from each part of the page
BEARINGS = 8  # directions in which slopes are measured, evenly over a half turn
FINE, COARSE = 0.8, 3.0  # px (σ): grain is smoothed away; and what a stroke is like at large
STEEPEST = 0.005  # share of a tile's places: the slopes of its sharpest edges …
STEEP = 0.08  # … and of all its strokes, at large
NEAR = 25  # px: within it lie both sides of an edge, also of a smeared one
LEAST_RISE = 24  # grey levels: fainter edges are lost in grain
ONE_WAY = 5.0  # a tile whose writing, at large, is so much steeper one way than the other (rules) tells nothing
FINEST = 255.0  # of a histogram
ANGLES = np.arange(BEARINGS) * np.pi / BEARINGS
TOWARDS = np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]).astype(np.float32)


@dataclass(frozen=True)
class Edges:
    """Edge widths of a page. `focus`: px of the stored picture in the sharpest direction; `smeared`: in the widest;
    `one_sided`: how much wider edges are one way than another, 1 and up, beyond what the writing itself accounts for;
    `bearing`: of the widest direction, degrees clockwise from level in the stored picture, 0 to 180. `places` (n×2)
    are the tiles' middles, px of the stored picture, `widths` the focus of each. `rise`: grey levels from ink to paper.
    """

    focus: float
    smeared: float
    one_sided: float
    bearing: float
    places: np.ndarray
    widths: np.ndarray
    rise: float


def edges_of(view: View) -> Edges | None:
    """Edge widths of the page of `view`; None where too little is written.

    A width is the rise between the two sides of an edge over its slope (Marziliano et al. 2002). The rise is that
    around a place, whatever its direction, the slope that of the steepest edges in each direction: so a stroke that a
    movement has spread out is wide along it, though no edge of it is left. Writing too has fewer edges along its slant
    than across it; but then it has fewer at a coarse scale as well, so slopes at two scales (Zhuo & Sim 2011) tell it
    from a movement.
    """
    pixels = view.full()
    found = [(place, measured) for place in _places(view) if (measured := _of_tile(pixels, *place)) is not None]
    if not found:
        return None
    places = np.array([place for place, _ in found])
    widths, details = (np.array([measured[which] for _, measured in found]) for which in (0, 1))
    typical, detail = np.median(widths, axis=0), np.median(details, axis=0)
    widest = int(typical.argmax())
    one_sided = typical[widest] / typical.min() * (detail.max() / max(detail[widest], 1e-3)) ** 2
    rise = float(np.median([measured[2] for _, measured in found]))
    return Edges(float(typical.min()), float(typical.max()), float(one_sided), _bearing(typical), places,
                 widths.min(axis=1), rise)


def edge_width(view: View) -> float | None:
    """Typical width of the sharpest edges of writing, px of the stored picture; None where nothing is written."""
    found = edges_of(view)
    return None if found is None else found.focus


def _bearing(widths: np.ndarray) -> float:
    """The widest direction in degrees, 0 to 180: twice the angle's mean, so that 179° and 1° are neighbours."""
    weights = widths - widths.min()
    middle = np.angle((weights * np.exp(2j * ANGLES)).sum()) / 2
    return float(np.degrees(middle) % 180)


def _places(view: View) -> list[tuple[int, int]]:
    """Points (whole) of the stored picture with many edges about, at most one for each part of the page."""
    grey = cv2.GaussianBlur(view.grey, (3, 3), 0)
    step = cv2.subtract(cv2.dilate(grey, None), cv2.erode(grey, None))
    step[_inner(view) == 0] = 0
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
        return []
    stored = np.rint(view.frame.points_back(view.to_frame(found))).astype(int)
    return [(int(x), int(y)) for x, y in stored]


def _inner(view: View) -> np.ndarray:
    """255 on the sheet but near its edges, which are no writing: uint8 (h, w) of the view."""
    corners = view.to_view(view.sheet)
    middle = corners.mean(axis=0)
    inner = np.zeros(view.grey.shape, np.uint8)
    cv2.fillConvexPoly(inner, np.rint(middle + INNER * (corners - middle)).astype(np.int32), 255)
    return cv2.bitwise_and(inner, view.inside)


def _of_tile(pixels: np.ndarray, x: int, y: int) -> tuple[np.ndarray, np.ndarray, float] | None:
    """For each direction the edges' width in px, and how strong fine detail is for the slopes at large; the rise."""
    height, width = pixels.shape[:2]
    top, left = (max(0, min(at - TILE // 2, side - TILE)) for at, side in ((y, height), (x, width)))
    tile = pixels[top : top + TILE, left : left + TILE]
    if min(tile.shape[:2]) < 4 * NEAR:
        return None
    grey = tile if tile.ndim == 2 else cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY)
    rise = _rise(grey)
    if rise < LEAST_RISE:
        return None
    values = grey.astype(np.float32)
    fine = _slopes(cv2.GaussianBlur(values, (0, 0), FINE), STEEPEST)
    coarse = _slopes(cv2.GaussianBlur(values, (0, 0), COARSE), STEEP)
    if coarse.max() > ONE_WAY * coarse.min():
        return None
    return rise / np.maximum(fine, 1e-3), fine / np.maximum(coarse, 1e-3), rise


def _rise(grey: np.ndarray) -> float:
    """Grey levels between ink and paper about most strokes of a tile, seen at every eighth place each way."""
    small = cv2.GaussianBlur(grey, (3, 3), 0)
    most, least = small, small
    for shape, chosen in (((1, NEAR), np.s_[:, ::8]), ((NEAR, 1), np.s_[::8])):
        near = np.ones(shape, np.uint8)
        most, least = (np.ascontiguousarray(of[chosen]) for of in (cv2.dilate(most, near), cv2.erode(least, near)))
    return float(np.percentile(cv2.subtract(most, least), 90))


def _slopes(values: np.ndarray, share: float) -> np.ndarray:
    """The slope that `share` of all places exceed, in each direction: grey levels a px."""
    steps = np.zeros((2, (values.shape[0] + 1) // 2, values.shape[1]), np.float32)  # across and down, in every second row
    np.subtract(values[::2, 2:], values[::2, :-2], out=steps[0, :, 1:-1])
    np.subtract(values[3::2], values[1:-2:2], out=steps[1, 1 : (values.shape[0] - 2) // 2 + 1])
    steps = steps.reshape(2, -1) / 2
    unit = FINEST / max(float(cv2.magnitude(steps[0], steps[1]).max()), 1e-3)
    found = cv2.convertScaleAbs((unit * TOWARDS) @ steps)
    counts = np.stack([cv2.calcHist([along], [0], None, [256], [0, 256]).ravel() for along in found])
    reached = np.cumsum(counts[:, ::-1], axis=1) >= share * steps.shape[1]
    return (255 - reached.argmax(axis=1)) / unit
