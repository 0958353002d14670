"""How the finished page stands: is there writing, is it level and on its feet?

`deskew` and `orient` looked at other frames, may have been skipped, or were told by a person what to do. Here is a
second opinion on the page as it will be; it says nothing that it is not sure of.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging import deskew, marks, orient
from imaging.ink import ink_on
from imaging.paper import paper_of
from imaging.view import View

REACH, STEP = 5.0, 0.5  # degrees in which the writing's angle is looked for at first
ROUGHLY = 1.0  # degrees: what is nearer to level at first sight is not measured closely
SURE = 0.5  # confidence of a close measure that counts
SURELY = 0.15  # share of a page: with more written on it, it is not blank
INNER = 0.86  # of the sheet's width and height
LEAST_PX = 64  # of a view: smaller ones are not looked into
DARKER, LEAST_MARKED = 75, 0.002  # percentile of the marks that is as dark as writing; fewer marks tell nothing
FAR = 2.0  # times as dark as faint ink: whole marks are counted here, not the edges of strokes, and seem darker
UPRIGHT = 0.9  # confidence of `orient` above which its word is taken


def blank(view: View, written: float, depth: float | None, share: float) -> bool:
    """Is less than `share` of the page written on? `written` and `depth` are `tone`'s, of the whole view.

    Edges, holes and what is seen beside a page look like a little ink: where `tone` saw little, the inner page counts.
    """
    if depth is None or written < share:
        return True
    if written > SURELY:
        return False
    rows, columns = _inner(view)
    colour, px_per_mm = view.colour[rows, columns], view.px_per_mm / view.reduction
    if min(colour.shape[:2]) < LEAST_PX:
        return False
    inner = ink_on(view.grey[rows, columns], paper_of(colour, px_per_mm), px_per_mm)
    return inner.typical is None or inner.share < share


def depth(view: View, measured: float | None, faint: float) -> float | None:
    """Depth of the writing, where the one `measured` by `tone` seems faint: pale rules and grain have a part in that.

    Where many marks that are no rules are far darker than `faint`, the writing is.
    """
    if measured is None or measured >= faint:
        return measured
    inner = _inner(view)
    written = orient.without_rules(marks.ink(view))[inner] > 0
    if np.count_nonzero(written) < LEAST_MARKED * written.size:
        return measured
    dark = float(np.percentile(marks.contrast(view.grey, marks.paper(view.grey))[inner][written], DARKER))
    return round(dark, 3) if dark > FAR * faint else measured


def _inner(view: View) -> tuple[slice, slice]:
    """Rows and columns of the view that show the inner page."""
    corners = view.to_view(view.sheet)
    middle, half = corners.mean(axis=0), INNER / 2 * (corners.max(axis=0) - corners.min(axis=0))
    sides = zip(middle - half, middle + half, view.grey.shape[::-1], strict=True)
    columns, rows = (slice(max(0, round(low)), min(side, round(high))) for low, high, side in sides)
    return rows, columns


def skew_left(view: View) -> float:
    """Degrees by which the writing of the page still falls to the right; 0.0 where it is level or cannot be told."""
    mask = deskew.inner_ink(view)
    small = cv2.resize(mask * 255, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    rough = deskew.projection_angle((small > 80).astype(np.uint8), 0.0, REACH, STEP)
    if rough is None or abs(rough) < ROUGHLY:
        return 0.0
    degrees, confidence, _ = deskew.measure(view, deskew.Params().max_degrees)
    return round(degrees, 2) if confidence >= SURE else 0.0


def headless(view: View) -> bool:
    """Does the writing stand on its head? Looked for only where `orient` did not know or was not asked."""
    turned = view.decided.get("orient")
    if turned is not None and ((turned.confidence >= UPRIGHT and turned.by == "auto") or turned.findings):
        return False
    ink = orient.Ink.of(orient.without_rules(marks.ink(view)))
    level, on_side = orient.band_contrast(ink), orient.band_contrast(ink.turned())
    if level is None or on_side is None or level < on_side * orient.Params().min_ratio:
        return False
    found = orient.headlessness(ink)
    return found.slant > orient.Params().min_slant and found.surety > orient.VERY_SURE
