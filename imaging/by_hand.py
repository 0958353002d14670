"""Values that a person sets by hand: points of a frame as fractions of its width and height, from 0 to 1.

A frame spans 0 to 1 from its outer edge to its outer edge, whatever its pixels, so that what was set for one capture can be
used for others. Here they are checked, and turned into pixels and back; what a stage makes of them is its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from imaging.geometry import Size

Auto = Literal["auto"]
Fractions = tuple[float, ...]
Corners = tuple[Fractions, ...]
BEYOND = 0.25  # so far outside its frame a corner may lie: sheets run out of their captures
LEAST_TURN = 0.001  # of the frame: twice the area of the triangle at a corner, below which four corners are no sheet
LEAST_SIDE = 0.02  # of the frame: no page is smaller


class Unusable(ValueError):
    """A value that no page can be made with; `code` names the sentence that says what is wanted."""

    def __init__(self, code: str, value: object):
        super().__init__(code)
        self.code, self.value = code, value


def check_corners(corners: Auto | Corners) -> None:
    """Four points [x, y], clockwise from the top left, of a sheet without dents. Raises Unusable."""
    if corners == "auto":
        return
    four = not isinstance(corners, str) and len(corners) == 4
    if not four or not all(_numbers(point, 2, BEYOND) for point in corners):
        raise Unusable("bad_corners", corners)
    sides = np.roll(corners, -1, axis=0) - np.array(corners)
    (x, y), (next_x, next_y) = sides.T, np.roll(sides, -1, axis=0).T
    if (x * next_y - y * next_x).min() < LEAST_TURN:
        raise Unusable("bad_corners", corners)


def check_gutter(gutter: Auto | Fractions) -> None:
    """Two places on the frame's width: where the line meets its upper and its lower edge. Raises Unusable."""
    if gutter != "auto" and not _numbers(gutter, 2):
        raise Unusable("bad_gutter", gutter)


def check_box(box: Auto | Fractions) -> None:
    """Left, top, right and bottom. Raises Unusable."""
    if box == "auto":
        return
    if not _numbers(box, 4) or box[2] - box[0] < LEAST_SIDE or box[3] - box[1] < LEAST_SIDE:
        raise Unusable("bad_box", box)


def check_degrees(degrees: Auto | float, most: float = 45.0) -> None:
    """An angle; beyond 45° a page is turned by quarters. Raises Unusable."""
    if degrees != "auto" and not abs(degrees) <= most:  # so that what is not a number is refused, too
        raise Unusable("bad_degrees", degrees)


def _numbers(values: object, count: int, beyond: float = 0.0) -> bool:
    """So many finite numbers from 0 to 1, or as far `beyond`?"""
    return (isinstance(values, (tuple, list)) and len(values) == count
            and all(isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
                    and -beyond <= value <= 1 + beyond for value in values))


def pixels(fractions: Sequence, size: Size) -> np.ndarray:
    """Points (n×2) of a frame of `size`, in its pixels."""
    return np.asarray(fractions, np.float64).reshape(-1, 2) * size - 0.5


def fractions(points: Sequence | np.ndarray, size: Size) -> np.ndarray:
    """Points (n×2 px) of a frame of `size` as fractions of it."""
    return (np.asarray(points, np.float64).reshape(-1, 2) + 0.5) / size
