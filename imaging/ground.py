"""A page without its writing, in cells of a millimetre: what lies on the paper, and what light falls on it.

A small map for `light` and `foreign`, far coarser than `paper`'s; strokes are gone from it, what is broader than a
stroke has stayed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.view import View

STROKE_CELLS = 7  # marks narrower than this are writing
LEAST_CELLS = 24  # a smaller page has finer cells
BRIGHT = 90  # percentile: the paper where the light is best


@dataclass(frozen=True)
class Ground:
    """In cells of `mm` millimetres: `colour` RGB uint8 (h, w, 3), `luma` uint8 (h, w), `sheet` uint8 (h, w), 255 on the
    paper of the page.
    """

    colour: np.ndarray
    luma: np.ndarray
    sheet: np.ndarray
    mm: float

    @property
    def bright(self) -> float:
        """Luma of the paper where the light is best."""
        return percentile(self.luma, self.inner(0), BRIGHT)

    def cells(self, mm: float) -> int:
        """So many cells are `mm` millimetres, 1 at least."""
        return max(1, round(mm / self.mm))

    def inner(self, mm: float) -> np.ndarray:
        """255 on the sheet at least `mm` from its edges and from those of the page: uint8 (h, w)."""
        side = 2 * self.cells(mm) + 1 if mm else 1
        return cv2.erode(self.sheet, np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)


def ground_of(view: View) -> Ground:
    """The ground of the page of `view`: strokes are closed over (a grey closing takes what is brighter around)."""
    height, width = view.grey.shape
    px = min(view.px_per_mm / view.reduction, max(1.0, min(height, width) / LEAST_CELLS))  # view pixels a cell
    size = (max(1, round(width / px)), max(1, round(height / px)))
    small = cv2.resize(view.colour, size, interpolation=cv2.INTER_AREA)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (STROKE_CELLS, STROKE_CELLS))
    colour = cv2.morphologyEx(small, cv2.MORPH_CLOSE, disc)
    sheet = np.zeros(colour.shape[:2], np.uint8)
    cv2.fillConvexPoly(sheet, np.rint(view.to_view(view.sheet) / px).astype(np.int32), 255)
    seen = cv2.resize(view.inside, size, interpolation=cv2.INTER_AREA)
    sheet[seen < 255] = 0
    luma = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    return Ground(colour, luma, sheet, px * view.reduction / view.px_per_mm)


def percentile(values: np.ndarray, mask: np.ndarray, share: float) -> float:
    """Of the values where the mask is set; of all where it is nowhere."""
    some = values[mask > 0]
    return float(np.percentile(some if some.size else values, share))
