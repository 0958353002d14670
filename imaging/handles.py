"""What a light table draws on an original, and what it means when a person drags it: handles to settings and back.

All points are fractions of the upright original (its EXIF orientation applied), from 0 to 1. Settings are fractions of the
frames that the stages see (`by_hand`). Which of them a person may drag, and for which pages that counts, is left to others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from book import Recipe
from imaging.by_hand import BEYOND, LEAST_SIDE, fractions, pixels
from imaging.geometry import Geometry, Size
from imaging.stages import STAGES, geometry

DIGITS = 5  # of a fraction: a tenth of a pixel of the largest original
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
MIDLINE = ((0.0, 0.5), (1.0, 0.5))
ORDER = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True)
class Placed:
    """A recipe and the original it is for: `stored` size (width, height) px, EXIF `orientation`, `dpi`."""

    recipe: Recipe
    stored: Size
    orientation: int = 1
    dpi: float | None = None

    def frame(self, stage: str) -> Geometry:
        """From stored pixels to the frame that the named stage saw, or would have seen had it not been skipped."""
        later = ORDER[ORDER.index(stage) :]
        upto = next((decision.stage for decision in self.recipe.decisions if decision.stage in later), None)
        return geometry(self.recipe, self.stored, self.orientation, self.dpi, upto)

    def value(self, stage: str, key: str) -> Any:
        """What the named stage decided; None where it was skipped."""
        decision = self.recipe.decision(stage)
        return None if decision is None else decision.values.get(key)

    @cached_property
    def upright(self) -> Geometry:
        return Geometry.exif(self.orientation, self.stored, self.dpi)

    def shown(self, stage: str, points: Sequence | np.ndarray) -> list[list[float]]:
        """Pixels (n×2) of a stage's frame as fractions of the upright original."""
        found = self.upright.points(self.frame(stage).points_back(points))
        return fractions(found, self.upright.size).round(DIGITS).tolist()

    def seen(self, stage: str, points: Sequence) -> np.ndarray:
        """Fractions (n×2) of the upright original as pixels of a stage's frame."""
        return self.frame(stage).points(self.upright.points_back(pixels(points, self.upright.size)))


def on_original(recipe: Recipe, stored: Size, orientation: int = 1, dpi: float | None = None) -> dict[str, Any]:
    """What there is to draw, as JSON.

    `turn` and `degrees`; `sheet`: four corners; `gutter`: two ends, or None; `page`: the four corners of this page's paper;
    `crop`: those of what becomes the page; `level`: two ends of a line that is level on the page; `bent`: whether the page
    is flattened, so that its straight lines are bent here; `box`: the crop as fractions of the page as shown uncropped.
    """
    placed = Placed(recipe, stored, orientation, dpi)
    box = _box(placed)
    gutter, degrees = placed.value("split", "gutter"), placed.value("deskew", "degrees")
    levelled = placed.frame("crop").size
    return {
        "turn": placed.value("orient", "turn") or 0,
        "sheet": placed.shown("outline", _sheet(placed)),
        "gutter": None if gutter is None else placed.shown("split", gutter),
        "page": placed.shown(*_page(placed)),
        "crop": placed.shown("crop", pixels([(box[x], box[y]) for x, y in ((0, 1), (2, 1), (2, 3), (0, 3))], levelled)),
        "level": placed.shown("crop", pixels(MIDLINE, levelled)),
        "box": [round(value, DIGITS) for value in box],
        "degrees": degrees or 0.0,
        "bent": placed.value("flatten", "mesh") is not None,
    }


def _sheet(placed: Placed) -> Any:
    corners = placed.value("outline", "corners")
    return pixels(WHOLE, placed.frame("outline").size) if corners is None else corners


def _page(placed: Placed) -> tuple[str, Any]:
    """The stage that knows best where this page's paper lies, and its corners in pixels of that stage's frame."""
    if placed.value("flatten", "mesh") is not None:
        return "flatten", placed.value("flatten", "corners")
    of_sides = placed.value("split", "corners")
    return ("outline", _sheet(placed)) if of_sides is None else ("split", of_sides[str(placed.recipe.side)])


def _box(placed: Placed) -> list[float]:
    """The crop (left, top, right, bottom) as fractions of the frame that crop saw."""
    box = placed.value("crop", "box")
    return [0.0, 0.0, 1.0, 1.0] if box is None else (np.array(box) / (placed.frame("crop").size * 2)).tolist()


def changes_of(handles: Mapping[str, Any], placed: Placed) -> dict[str, dict[str, Any]]:
    """Settings (stage → key → value) that put the page where handles were dragged to.

    `handles` are some of `sheet`, `gutter`, `crop`, `box` and `level` as `on_original` gives them; `placed` has the recipe
    that they were drawn from. Raises KeyError for another name.
    """
    changes: dict[str, dict[str, Any]] = {}
    for name, dragged in handles.items():
        stage, key, setting = HANDLES[name]
        changes.setdefault(stage, {})[key] = setting(dragged, placed)
    return changes


def corners_setting(points: Sequence, placed: Placed) -> list[list[float]]:
    """`outline.corners` for a sheet with these corners, clockwise from the top left as it is read."""
    return _kept(placed, "outline", points, BEYOND).tolist()


def gutter_setting(points: Sequence, placed: Placed) -> list[float]:
    """`split.gutter` for a gutter through these two points."""
    (x, y), (other_x, other_y) = fractions(placed.seen("split", points), placed.frame("split").size)
    slope = (other_x - x) / (other_y - y) if abs(other_y - y) > LEAST_SIDE else 0.0
    return np.clip([x - slope * y, x + slope * (1 - y)], 0, 1).round(DIGITS).tolist()


def crop_setting(points: Sequence, placed: Placed) -> list[float]:
    """`crop.box` for the box around these points."""
    found = _kept(placed, "crop", points)
    return box_setting([*found.min(axis=0), *found.max(axis=0)], placed)


def box_setting(box: Sequence[float], placed: Placed) -> list[float]:
    """`crop.box` for a box that was dragged on the page as it is shown uncropped; never smaller than a box may be."""
    left, top, right, bottom = np.clip(box, 0, 1).tolist()
    least = 1.5 * LEAST_SIDE
    left, top = min(left, 1 - least), min(top, 1 - least)
    edges = (left, top, max(right, left + least), max(bottom, top + least))
    return [round(value, DIGITS) for value in edges]


def degrees_setting(points: Sequence, placed: Placed) -> float:
    """`deskew.degrees` so that the line through these two points becomes level."""
    across, down = np.diff(placed.seen("deskew", points), axis=0)[0]
    return round(float(np.degrees(np.arctan2(down, across)) + 90) % 180 - 90, 2)


def _kept(placed: Placed, stage: str, points: Sequence, beyond: float = 0.0) -> np.ndarray:
    found = fractions(placed.seen(stage, points), placed.frame(stage).size)
    return found.clip(-beyond, 1 + beyond).round(DIGITS)


def turned_corners(corners: Sequence, degrees: int) -> list[list[float]]:
    """`outline.corners` of the same sheet once the frame is turned clockwise by so many more degrees, in quarters."""
    for _ in range(degrees // 90 % 4):
        turned = [[round(1 - y, DIGITS), x] for x, y in corners]
        corners = [turned[3], *turned[:3]]
    return [list(corner) for corner in corners]


HANDLES = {
    "sheet": ("outline", "corners", corners_setting),
    "gutter": ("split", "gutter", gutter_setting),
    "crop": ("crop", "box", crop_setting),
    "box": ("crop", "box", box_setting),
    "level": ("deskew", "degrees", degrees_setting),
}
