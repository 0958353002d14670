"""What a stage looks at: a small picture of the frame it decides about, and what is known so far.

A View never holds the full-size capture: it warps one reduced picture (long side at most ANALYSIS_SIDE pixels) by the
geometry composed so far. Decisions are in pixels of the full-size frame; `to_frame` and `to_view` convert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np

from book import Decision, Side
from imaging.geometry import Geometry, Size

ANALYSIS_SIDE = 1800  # px at most: rules of a table stay visible, and an A3 spread at 300 dpi decodes at one quarter
MM_PER_INCH = 25.4
PAPERS_MM = {"A5": (148, 210), "A4": (210, 297), "A3": (297, 420), "A2": (420, 594)}
OUTSIDE = (0, 0, 0)  # what lies beyond the capture; see View.inside


@dataclass(frozen=True)
class Hints:
    """What the settings of the book say of every capture. Empty means: look for yourself."""

    layout: str = ""  # single | spread
    paper: str = ""  # paper of one captured sheet or spread: A5 … A2
    photo: bool = False  # taken by a camera, so the paper may be at an angle to it
    habit: str = ""  # layout of nearly all other captures of the book; a weaker word than `layout`
    gutter: float = 0.0  # the gutter's place in the sheet's width in the other captures, 0 to 1; 0: not known


@dataclass(frozen=True)
class View:
    """A reduced picture of a frame.

    `picture` is the reduced capture as stored, RGB uint8 (h, w, 3), 1/`reduction` of the stored size. `frame` maps
    stored full-size pixels onto the full-size frame that a stage decides about. `full` gives the stored pixels at
    full size (grey (h, w) or RGB (h, w, 3)) to those few measures that need them.
    """

    picture: np.ndarray
    reduction: int
    stored: Size
    frame: Geometry
    hints: Hints = Hints()
    side: Side = Side.WHOLE
    decided: Mapping[str, Decision] = field(default_factory=dict)
    paper_corners: tuple[tuple[float, float], ...] | None = None  # of the sheet, in stored pixels, once it is known
    full: Callable[[], np.ndarray] | None = None
    shared: dict[str, np.ndarray] = field(default_factory=dict, compare=False)  # measured once, for all frames

    @classmethod
    def of(cls, pixels: np.ndarray, dpi: float | None = None, hints: Hints = Hints(), orientation: int = 1) -> View:
        """A view of full-size `pixels` (grey or RGB uint8) that are at hand; EXIF orientation as given."""
        height, width = pixels.shape[:2]
        factor = reduction((width, height))
        frame = Geometry.exif(orientation, (width, height), dpi)
        return cls(as_rgb(reduced(pixels, factor)), factor, (width, height), frame, hints, full=lambda: pixels)

    def after(self, decision: Decision, step: Geometry | None, side: Side | None = None) -> View:
        """The view that the next stage has: `step` maps this frame onto the next (None: the frame stays).

        A decision with a value `corners` (four points, or those of each side by its name) says where the sheet is.
        """
        side = self.side if side is None else side
        corners = decision.values.get("corners")
        if isinstance(corners, Mapping):
            corners = corners[side]
        stored = self.paper_corners if corners is None else tuple(map(tuple, self.frame.points_back(corners).tolist()))
        frame = self.frame if step is None else self.frame.then(step)
        decided = {**self.decided, decision.stage: decision}
        return replace(self, frame=frame, decided=decided, side=side, paper_corners=stored)

    @property
    def sheet(self) -> np.ndarray:
        """Corners (4×2) of the sheet of paper in full-size pixels of the frame, clockwise from top left.

        The corners of the frame itself as long as nobody has found the sheet.
        """
        return self.frame.corners if self.paper_corners is None else self.frame.points(self.paper_corners)

    @property
    def size(self) -> Size:
        """Full-size width and height of the frame, px."""
        return self.frame.size

    @property
    def dpi(self) -> float | None:
        """Resolution of the full-size frame, where it is known."""
        return self.frame.dpi

    @property
    def px_per_mm(self) -> float:
        """Full-size pixels a millimetre: known, or guessed from the paper (A3 lying or A4 standing fills the frame)."""
        if self.dpi:
            return self.dpi / MM_PER_INCH
        width, height = self.size
        sides = PAPERS_MM.get(self.hints.paper) or PAPERS_MM["A3" if width > height else "A4"]
        return max(width, height) / max(sides)

    @cached_property
    def _shrink(self) -> Geometry:
        """From the full-size frame to this view's own pixels."""
        width, height = self.size
        small = (max(1, round(width / self.reduction)), max(1, round(height / self.reduction)))
        return Geometry.scaling(1 / self.reduction, small)

    @cached_property
    def _picture_map(self) -> Geometry:
        """From pixels of `picture` to pixels of `colour`."""
        return Geometry.scaling(self.reduction, self.stored).then(self.frame).then(self._shrink)

    @cached_property
    def _bent_map(self) -> tuple[np.ndarray, np.ndarray]:
        """Where in `picture` each pixel of `colour` lies: x and y, float32 (h, w)."""
        return self._picture_map.map_back(0, 0, *self._shrink.size)

    @cached_property
    def colour(self) -> np.ndarray:
        """The frame at reduced size, RGB uint8 (h, w, 3); black where it reaches beyond the capture."""
        return self._warped(self.picture, cv2.INTER_LINEAR)

    @cached_property
    def grey(self) -> np.ndarray:
        """Luma of `colour`, uint8 (h, w)."""
        return cv2.cvtColor(self.colour, cv2.COLOR_RGB2GRAY)

    def warped(self, mask: np.ndarray) -> np.ndarray:
        """A mask (h, w) uint8 of `picture` as this view shows it; 0 beyond the capture."""
        return self._warped(mask, cv2.INTER_NEAREST)

    def _warped(self, pixels: np.ndarray, flags: int) -> np.ndarray:
        size, matrix = self._shrink.size, np.array(self._picture_map.matrix)
        if self._picture_map.mesh is not None:
            return cv2.remap(pixels, *self._bent_map, flags, borderValue=OUTSIDE)
        if size == pixels.shape[1::-1] and np.allclose(matrix, np.eye(3), atol=1e-9):
            return pixels
        return cv2.warpPerspective(pixels, matrix, size, flags=flags, borderValue=OUTSIDE)

    @cached_property
    def inside(self) -> np.ndarray:
        """255 where the view shows the capture, 0 beyond it; uint8 (h, w)."""
        return self.warped(np.full(self.picture.shape[:2], 255, np.uint8))

    def to_frame(self, points) -> np.ndarray:
        """Points (n×2) of the view in pixels of the full-size frame."""
        return self._shrink.points_back(points)

    def to_view(self, points) -> np.ndarray:
        """Points (n×2) of the full-size frame in pixels of the view."""
        return self._shrink.points(points)


def reduction(size: Size) -> int:
    """By how much to reduce a capture of `size` (width, height) for analysis: 1, 2, 4 … as JPEG decoders do."""
    factor = 1
    while max(size) > ANALYSIS_SIDE * factor:
        factor *= 2
    return factor


def reduced(pixels: np.ndarray, factor: int) -> np.ndarray:
    """`pixels` at exactly 1/`factor`: means of whole blocks; an incomplete block at the right or bottom is left out."""
    if factor == 1:
        return pixels
    height, width = (side // factor for side in pixels.shape[:2])
    whole = pixels[: height * factor, : width * factor]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)


def as_rgb(pixels: np.ndarray) -> np.ndarray:
    """Grey (h, w) or RGB (h, w, 3) as RGB."""
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
