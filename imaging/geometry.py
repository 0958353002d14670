"""Where each pixel goes: geometry that is composed first and applied once, by `render`.

A Geometry maps points of a source frame onto an output frame. Coordinates are in pixels, x to the right and y
downwards, whole numbers at the centres of pixels (as OpenCV has them), so a frame of width w spans -0.5 to w - 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from imaging.mesh import Mesh

Point = Sequence[float]
Size = tuple[int, int]
Matrix = tuple[tuple[float, float, float], ...]
IDENTITY_MATRIX: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
MAP_STEP = 8  # px: the places that pixels are taken from are computed at every eighth, and lie evenly between


@dataclass(frozen=True)
class Geometry:
    """A map from a source frame onto an output frame of `size` (width, height) pixels: projective, and where there is a
    `mesh` first by `before`, then flat by the mesh, then by `matrix`.

    Matrices are 3×3, row by row. `dpi` is the output's resolution in pixels an inch where it is known.
    """

    matrix: Matrix
    size: Size
    dpi: float | None = None
    mesh: Mesh | None = None
    before: Matrix = IDENTITY_MATRIX

    @classmethod
    def identity(cls, size: Size, dpi: float | None = None) -> Geometry:
        """Every point stays where it is."""
        return cls(IDENTITY_MATRIX, _whole(size), dpi)

    @classmethod
    def of(cls, matrix: np.ndarray, size: Size, dpi: float | None = None) -> Geometry:
        """From a 3×3 array; its scale is fixed so that equal maps compare equal."""
        return cls(_normal(matrix), _whole(size), dpi)

    @classmethod
    def flattening(cls, mesh: Mesh, dpi: float | None = None) -> Geometry:
        """A bent sheet onto the flat frame of its mesh."""
        return cls(IDENTITY_MATRIX, _whole(mesh.size), dpi, mesh)

    @classmethod
    def crop(cls, box: Sequence[float], dpi: float | None = None) -> Geometry:
        """The part of the source within `box` (left, top, right, bottom; right and bottom excluded).

        The box may reach beyond the source.
        """
        left, top, right, bottom = (round(value) for value in box)
        return cls(((1.0, 0.0, -left), (0.0, 1.0, -top), (0.0, 0.0, 1.0)), (right - left, bottom - top), dpi)

    @classmethod
    def quarter_turns(cls, degrees: int, size: Size, dpi: float | None = None) -> Geometry:
        """Turn clockwise by 0, 90, 180 or 270 degrees."""
        width, height = size
        matrices = {
            0: (IDENTITY_MATRIX, (width, height)),
            90: (((0.0, -1.0, height - 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), (height, width)),
            180: (((-1.0, 0.0, width - 1.0), (0.0, -1.0, height - 1.0), (0.0, 0.0, 1.0)), (width, height)),
            270: (((0.0, 1.0, 0.0), (-1.0, 0.0, width - 1.0), (0.0, 0.0, 1.0)), (height, width)),
        }
        matrix, turned = matrices[degrees % 360]
        return cls(matrix, _whole(turned), dpi)

    @classmethod
    def exif(cls, orientation: int, size: Size, dpi: float | None = None) -> Geometry:
        """From stored pixels to the picture as EXIF orientation 1 to 8 wants it shown; others count as 1."""
        degrees = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)
        turned = cls.quarter_turns(degrees, size, dpi)
        if orientation not in (2, 4, 5, 7):
            return turned
        width, height = turned.size
        mirror = cls(((-1.0, 0.0, width - 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (width, height), dpi)
        return turned.then(mirror)

    @classmethod
    def levelling(cls, degrees: float, size: Size, dpi: float | None = None) -> Geometry:
        """Level writing that falls to the right by `degrees`: turn counter-clockwise about the middle.

        The output grows so that no corner of the source is lost.
        """
        width, height = size
        radians = math.radians(degrees)
        cos, sin = math.cos(radians), math.sin(radians)
        grown = (
            math.ceil(round(width * abs(cos) + height * abs(sin), 6)),
            math.ceil(round(width * abs(sin) + height * abs(cos), 6)),
        )
        x0, y0 = (width - 1) / 2, (height - 1) / 2
        x1, y1 = (grown[0] - 1) / 2, (grown[1] - 1) / 2
        matrix = (
            (cos, sin, x1 - cos * x0 - sin * y0),
            (-sin, cos, y1 + sin * x0 - cos * y0),
            (0.0, 0.0, 1.0),
        )
        return cls(matrix, grown, dpi)

    @classmethod
    def rectifying(cls, corners: Sequence[Point], size: Size, dpi: float | None = None) -> Geometry:
        """Set four `corners` (clockwise from top left) onto the corners of a frame of `size`."""
        width, height = size
        target = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], dtype=np.float64)
        return cls.of(_homography(np.asarray(corners, dtype=np.float64), target), size, dpi)

    @classmethod
    def scaling(cls, factor: float, size: Size) -> Geometry:
        """Make the frame `factor` times as large, to `size`; pixel areas, not centres, coincide at the edges."""
        shift = (factor - 1) / 2
        return cls(((factor, 0.0, shift), (0.0, factor, shift), (0.0, 0.0, 1.0)), _whole(size))

    def then(self, other: Geometry) -> Geometry:
        """First this map, then `other`, whose source is this one's output. Raises ValueError for a second mesh."""
        if self.mesh is not None and other.mesh is not None:
            raise ValueError("a sheet is flattened once")
        dpi = other.dpi if other.dpi is not None else self.dpi
        if other.mesh is not None:
            return Geometry(other.matrix, other.size, dpi, other.mesh, _normal(np.array(other.before) @ self._array))
        return Geometry(_normal(other._array @ self._array), other.size, dpi, self.mesh, self.before)

    def inverse(self, source_size: Size) -> Geometry:
        """From the output back onto the source, whose size (width, height) has to be named. Wants no mesh."""
        return Geometry.of(np.linalg.inv(self._array), source_size)

    def points(self, points: Sequence[Point] | np.ndarray) -> np.ndarray:
        """Where source `points` (n×2) come to lie in the output; an n×2 array of floats."""
        if self.mesh is not None:
            points = self.mesh.flat(_project(np.array(self.before), points))
        return _project(self._array, points)

    def points_back(self, points: Sequence[Point] | np.ndarray) -> np.ndarray:
        """Which source points lie at output `points` (n×2); an n×2 array of floats."""
        found = _project(np.linalg.inv(self._array), points)
        if self.mesh is None:
            return found
        return _project(np.linalg.inv(np.array(self.before)), self.mesh.bent(found))

    def map_back(self, left: int, top: int, right: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel of a box of the output where in the source it lies: x and y, float32 (h, w)."""
        width, height = right - left, bottom - top
        columns, rows = -(-width // MAP_STEP) + 2, -(-height // MAP_STEP) + 2
        x = left + (np.arange(columns) - 0.5) * MAP_STEP - 0.5
        y = top + (np.arange(rows) - 0.5) * MAP_STEP - 0.5
        places = self.points_back(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)).reshape(rows, columns, 2)
        size, inner = (columns * MAP_STEP, rows * MAP_STEP), slice(MAP_STEP, None)
        fine = [cv2.resize(np.ascontiguousarray(places[..., axis], np.float32), size)[inner, inner] for axis in (0, 1)]
        return fine[0][:height, :width], fine[1][:height, :width]

    @property
    def corners(self) -> np.ndarray:
        """The outer pixel centres of the output, clockwise from top left, as a 4×2 array."""
        width, height = self.size
        return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], dtype=np.float64)

    @property
    def _array(self) -> np.ndarray:
        return np.array(self.matrix, dtype=np.float64)


def _normal(matrix: np.ndarray) -> Matrix:
    array = np.asarray(matrix, dtype=np.float64)
    return tuple(tuple(float(value) for value in row) for row in array / array[2, 2])


def _whole(size: Sequence[float]) -> Size:
    return (max(1, int(size[0])), max(1, int(size[1])))


def _project(matrix: np.ndarray, points: Sequence[Point] | np.ndarray) -> np.ndarray:
    flat = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    moved = np.column_stack([flat, np.ones(len(flat))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def _homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The projective map of four points onto four: eight linear equations (Hartley & Zisserman, ch. 4)."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)
