"""The only resampling: stored pixels onto the page, by the geometry that all stages composed.

Where whole pixels are only shifted, turned by quarters or mirrored they are copied. All else is one bicubic warp, by a
matrix or through a mesh: it keeps 98 % of the contrast of strokes little wider than a pixel where linear keeps 89 %, for
under twice the time; Lanczos gains one per cent more for five times that. What a page looks like is left to `tone`.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from imaging.geometry import Geometry, Size

WHITE = (255, 255, 255)
MESH_TILE = 1024  # px
TILE = 16384  # px; OpenCV maps no pictures with sides over 32767
REACH = 3  # px around a sample that bicubic interpolation may touch, and one for rounding
SHRINK = 1.5  # output coarser than the source by more than this: source pixels are averaged first
SAME = 1e-6  # px over the whole picture below which a map counts as exact


def render(pixels: np.ndarray, geometry: Geometry, fill: tuple[int, int, int] = WHITE) -> np.ndarray:
    """The page: `pixels` (grey (h, w) or RGB (h, w, 3) uint8) mapped by `geometry`, same channels, its size.

    `fill` is the RGB colour of what lies beyond the capture. The result never shares memory with `pixels`.
    """
    matrix = np.array(geometry.matrix)
    colour = fill if pixels.ndim == 3 else (_luma(fill),)
    if geometry.mesh is not None:
        return _flattened(pixels, geometry, colour)
    if _is_copy(matrix, geometry.size):
        return _copied(pixels, np.rint(matrix).astype(int), geometry.size, colour)
    page = np.empty((geometry.size[1], geometry.size[0], *pixels.shape[2:]), np.uint8)
    for left, top, right, bottom in _tiles(geometry.size, TILE):
        place = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)
        _warped(pixels, np.linalg.inv(matrix) @ place, page[top:bottom, left:right], colour)
    return page


def _flattened(pixels: np.ndarray, geometry: Geometry, colour: tuple[int, ...]) -> np.ndarray:
    """Through the mesh, tile by tile: maps of a whole page would be larger than the page."""
    width, height = geometry.size
    page = np.empty((height, width, *pixels.shape[2:]), np.uint8)
    for left, top, right, bottom in _tiles(geometry.size, MESH_TILE):
        x, y = geometry.map_back(left, top, right, bottom)
        page[top:bottom, left:right] = _taken(pixels, x, y, colour)
    return page


def _taken(pixels: np.ndarray, x: np.ndarray, y: np.ndarray, colour: tuple[int, ...]) -> np.ndarray:
    """A tile whose pixels lie at `x` and `y` (h, w) in `pixels`."""
    factor = _spacing(x, y)
    reach = REACH * max(1.0, factor)
    left, top = (max(0, int(np.floor(places.min() - reach))) for places in (x, y))
    right, bottom = (min(side, int(np.ceil(places.max() + reach)) + 1)
                     for places, side in ((x, pixels.shape[1]), (y, pixels.shape[0])))
    if right <= left or bottom <= top:
        return np.full((*x.shape, *pixels.shape[2:]), colour if pixels.ndim == 3 else colour[0], np.uint8)
    part, (across, down) = _averaged(pixels[top:bottom, left:right], factor)
    x, y = (x + np.float32(0.5 - left)) / np.float32(across) - 0.5, (y + np.float32(0.5 - top)) / np.float32(down) - 0.5
    return cv2.remap(part, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=colour)


def _spacing(x: np.ndarray, y: np.ndarray) -> float:
    """How many source pixels a step of one output pixel spans, in the middle of places (h, w)."""
    places = np.stack([x, y], -1)[:: max(1, len(x) - 1), :: max(1, x.shape[1] - 1)].astype(np.float64)
    if places.shape[:2] != (2, 2):
        return 1.0
    diagonal, other = places[1, 1] - places[0, 0], places[0, 1] - places[1, 0]
    area = abs(diagonal[0] * other[1] - diagonal[1] * other[0]) / 2
    return float(np.sqrt(area / ((x.shape[0] - 1) * (x.shape[1] - 1))))


def _averaged(part: np.ndarray, factor: float) -> tuple[np.ndarray, tuple[float, float]]:
    """Means of source pixels where the output is so much coarser, and how many across and down became one."""
    height, width = part.shape[:2]
    longest = 2 * TILE - REACH
    if factor <= SHRINK and max(height, width) <= longest:
        return part, (1.0, 1.0)
    small = tuple(min(max(1, round(side / factor)), longest) for side in (width, height))
    return cv2.resize(part, small, interpolation=cv2.INTER_AREA), (width / small[0], height / small[1])


def _is_copy(matrix: np.ndarray, size: Size) -> bool:
    exact = np.rint(matrix)
    turn = np.abs(exact[:2, :2])
    side = max(size)
    moved = np.abs(matrix - exact) * np.outer([1, 1, side], [side, side, 1])  # px, at the far end of the page
    return bool((moved < SAME).all() and (turn.sum(0) == 1).all() and (turn.sum(1) == 1).all())


def _copied(pixels: np.ndarray, matrix: np.ndarray, size: Size, colour: tuple[int, ...]) -> np.ndarray:
    """Turn and mirror by transposing and flipping, then paste; only the part that is needed is touched."""
    width, height = size
    back = np.rint(np.linalg.inv(matrix)).astype(int)
    ends = back @ np.array([[0, width - 1], [0, height - 1], [1, 1]])
    left, top = np.maximum(ends[:2].min(1), 0)
    right, bottom = np.minimum(ends[:2].max(1) + 1, (pixels.shape[1], pixels.shape[0]))
    page = np.empty((height, width, *pixels.shape[2:]), np.uint8)
    page[:] = colour if pixels.ndim == 3 else colour[0]
    if right <= left or bottom <= top:
        return page
    part = pixels[top:bottom, left:right]
    if matrix[0, 0] == 0:
        part = cv2.transpose(part)
    along_x, along_y = matrix[0, :2].sum(), matrix[1, :2].sum()
    if along_x < 0:
        part = cv2.flip(part, 1)
    if along_y < 0:
        part = cv2.flip(part, 0)
    corners = matrix @ np.array([[left, right - 1], [top, bottom - 1], [1, 1]])
    x, y = corners[:2].min(1)
    page[y : y + part.shape[0], x : x + part.shape[1]] = part
    return page


def _tiles(size: Size, side: int) -> Iterator[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) that cover the output."""
    width, height = size
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield left, top, min(width, left + side), min(height, top + side)


def _warped(pixels: np.ndarray, back: np.ndarray, out: np.ndarray, colour: tuple[int, ...]) -> None:
    """Fill `out` from `pixels`; `back` is the 3×3 matrix from pixels of `out` to pixels of the source."""
    height, width = out.shape[:2]
    factor = _coarsening(back, width, height)
    left, top, right, bottom = _needed(back, width, height, pixels.shape[1], pixels.shape[0], REACH * factor)
    if right <= left or bottom <= top:
        out[:] = colour if pixels.ndim == 3 else colour[0]
        return
    part, (across, down) = _averaged(pixels[top:bottom, left:right], factor)
    reduce = np.array([[1 / across, 0, 0.5 / across - 0.5], [0, 1 / down, 0.5 / down - 0.5], [0, 0, 1]])
    onto_part = reduce @ np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], float)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    cv2.warpPerspective(part, onto_part @ back, (width, height), dst=out, flags=flags, borderValue=colour)


def _coarsening(back: np.ndarray, width: int, height: int) -> float:
    """How many source pixels a step of one output pixel spans, at the middle of the output."""
    x, y = (width - 1) / 2, (height - 1) / 2
    points = np.array([[x, x + 1, x], [y, y, y + 1], [1, 1, 1]])
    mapped = back @ points
    centre, right, below = (mapped[:2] / mapped[2]).T
    return float(np.sqrt(abs(np.linalg.det(np.array([right - centre, below - centre])))))


def _needed(back, width: int, height: int, source_width: int, source_height: int, reach: float):
    """The box of source pixels (left, top, right, bottom) that an output of this size draws on."""
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]]) - [[0.5], [0.5], [0]]
    ends = back @ corners
    if (ends[2] <= 0).any():
        return 0, 0, source_width, source_height  # the horizon lies in the picture: no box
    points = ends[:2] / ends[2]
    limits = np.array([source_width, source_height])
    left, top = np.clip(np.floor(points.min(1) - reach).astype(int), 0, limits)
    right, bottom = np.clip(np.ceil(points.max(1) + 1 + reach).astype(int), 0, limits)
    return int(left), int(top), int(right), int(bottom)


def _luma(colour: tuple[int, int, int]) -> int:
    """ITU-R BT.601 luma of an RGB colour, as OpenCV and JPEG have it."""
    red, green, blue = colour
    return round(0.299 * red + 0.587 * green + 0.114 * blue)
