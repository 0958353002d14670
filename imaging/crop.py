"""What of the levelled frame becomes the page: the sheet, without bed, book edge and neighbour, and all that is written.

The box starts at the sheet's inner edges, so that no wedge of the ground shows, and moves out wherever ink of this
page would be cut. At the gutter it keeps the overlap that the split gave, for joining stamps.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import marks
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import View


@dataclass(frozen=True)
class Params:
    """Settings of the crop stage."""

    mode: str = "sheet"  # sheet: to the edges of the paper; none: leave all that was captured
    ink_margin_mm: float = 2.0  # paper kept around writing that lies at the sheet's edge, mm
    edge_marks: int = 6  # so many strokes touching the edge of the capture mean that the page was cut off


def decide(view: View, params: Params) -> Decision:
    """Values: `box` (left, top, right, bottom; right and bottom excluded) in pixels of the levelled frame."""
    width, height = view.size
    if params.mode == "none":
        return STAGE.decision({"box": [0, 0, width, height]})
    sheet = view.sheet
    inner = _inner(sheet)
    outer = [*sheet.min(axis=0), *sheet.max(axis=0)]
    written = _ink_of_sheet(view)
    box = _around_ink(view, inner, outer, written, params.ink_margin_mm * view.px_per_mm)
    box = _at_gutter(view, box, sheet)
    box = _within_capture(view, box)
    findings = _cut_off(view, params.edge_marks)
    return STAGE.decision({"box": [round(float(value)) for value in box]}, 0.9, findings)


def _inner(sheet: np.ndarray) -> list[float]:
    """The largest upright box whose sides stay within the sheet's corners."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = sheet
    return [max(x0, x3), max(y0, y1), min(x1, x2), min(y2, y3)]


def _ink_of_sheet(view: View) -> np.ndarray:
    """Ink inside the sheet, without the line that its edge itself makes: bool (h, w) of the view."""
    polygon = cv2.erode(_polygon(view), np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    mask = (marks.ink(view) & (polygon > 0)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    height, width = mask.shape
    long = (stats[:, cv2.CC_STAT_WIDTH] > width // 3) | (stats[:, cv2.CC_STAT_HEIGHT] > height // 3)
    thin = stats[:, cv2.CC_STAT_AREA] < 6
    keep = ~(long | thin)  # edges and table borders: a border may be trimmed, a stroke may not
    keep[0] = False
    return keep[labels] if count > 1 else np.zeros(mask.shape, bool)


def _around_ink(view: View, inner: list[float], outer: list[float], written: np.ndarray, margin: float) -> list[float]:
    """The inner box, moved out to the ink that lies between it and the outer box."""
    rows, columns = np.nonzero(written)
    if not len(rows):
        return inner
    points = view.to_frame(np.column_stack([columns, rows]))
    low = np.maximum(points.min(axis=0) - margin, outer[:2])
    high = np.minimum(points.max(axis=0) + margin, outer[2:])
    return [min(inner[0], low[0]), min(inner[1], low[1]), max(inner[2], high[0]), max(inner[3], high[1])]


def _at_gutter(view: View, box: list[float], sheet: np.ndarray) -> list[float]:
    """Set the side at the gutter to the gutter's outermost point and the overlap beyond it."""
    split = view.decided.get("split")
    if split is None or split.values["gutter"] is None:
        return box
    overlap, cut = split.values["overlap"], split.values.get("cut")
    left, top, right, bottom = box
    if view.side is Side.LEFT or cut == "right":
        return [left, top, float(sheet[1:3, 0].max()) + overlap, bottom]
    return [float(sheet[[0, 3], 0].min()) - overlap, top, right, bottom]


def _within_capture(view: View, box: list[float]) -> list[float]:
    """Within the frame, and never empty."""
    width, height = view.size
    left, top = max(0.0, min(box[0], width - 2)), max(0.0, min(box[1], height - 2))
    return [left, top, min(float(width), max(box[2], left + 2)), min(float(height), max(box[3], top + 2))]


def _cut_off(view: View, least: int) -> tuple[Finding, ...]:
    """A finding where strokes of the sheet run into the edge of the capture itself."""
    inside = (view.inside > 0).astype(np.uint8)
    rim = inside - cv2.erode(inside, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rim &= _polygon(view)
    split = view.decided.get("split")
    if split is not None and split.values["gutter"] is not None:
        reach = rim.shape[1] // 8
        at_left = view.side is Side.RIGHT or split.values.get("cut") == "left"
        rim[:, :reach] &= 0 if at_left else 1
        rim[:, -reach:] &= 1 if at_left else 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marks.ink(view).astype(np.uint8), connectivity=8)
    touching = np.unique(labels[rim > 0])
    width, height = stats[touching, cv2.CC_STAT_WIDTH], stats[touching, cv2.CC_STAT_HEIGHT]
    strokes = (touching > 0) & (np.maximum(width, height) < max(rim.shape) // 6) & (np.minimum(width, height) >= 4)
    number = int(strokes.sum())
    return (Finding("content_at_edge", Severity.WARNING, {"strokes": number}),) if number >= least else ()


def _polygon(view: View) -> np.ndarray:
    """1 within the sheet's corners, 0 outside: uint8 (h, w) of the view."""
    polygon = np.zeros(view.grey.shape, np.uint8)
    cv2.fillConvexPoly(polygon, view.to_view(view.sheet).round().astype(np.int32), 1)
    return polygon


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """The box."""
    return Geometry.crop(decision.values["box"])


STAGE = Stage("crop", 1, Params, decide, geometry)
