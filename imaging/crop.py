"""What of the levelled frame becomes the page: the sheet, without bed, book edge and neighbour, and all that is written.

The box starts at the sheet's inner edges, so that no wedge of the ground shows, and moves out wherever ink of this
page would be cut. At the gutter it keeps the overlap that the split gave, for joining stamps.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import by_hand, cut, marks, where
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import View

BEYOND = 0.02  # of the frame: so far outside the sheet's corners strokes may still be its own
LEAST_SPREAD = 0.2  # of a side of the page, over which strokes that are cut off lie; a ragged edge is shorter
EDGE_MM = 1.5  # so wide the shadow of an edge may be


@dataclass(frozen=True)
class Params:
    """Settings of the crop stage."""

    mode: str = "sheet"  # sheet: to the edges of the paper; none: leave all that was captured
    box: by_hand.Auto | by_hand.Fractions = "auto"  # auto, or left, top, right and bottom as fractions of the frame
    ink_margin_mm: float = 4.0  # paper kept around strokes at the sheet's edge, mm; around other marks half
    edge_marks: int = 4  # so many strokes or lines at one edge of the capture mean that the page was cut off

    def __post_init__(self):
        by_hand.check_box(self.box)


def decide(view: View, params: Params) -> Decision:
    """Values: `box` (left, top, right, bottom; right and bottom excluded) in pixels of the levelled frame."""
    width, height = view.size
    if params.box != "auto":
        return _decision(view, params, np.multiply(params.box, [width, height] * 2).tolist(), 1.0)
    if params.mode == "none":
        return STAGE.decision({"box": [0, 0, width, height]})
    sheet = view.sheet
    inner = _inner(sheet)
    outer = np.concatenate([sheet.min(axis=0), sheet.max(axis=0)])
    box = _around_ink(view, inner, outer, params.ink_margin_mm * view.px_per_mm)
    return _decision(view, params, _at_gutter(view, box, sheet), 0.9)


def _decision(view: View, params: Params, box: list[float], confidence: float) -> Decision:
    box = _within_capture(view, box)
    findings = _cut_off(view, params.edge_marks, box)
    return STAGE.decision({"box": [round(float(value)) for value in box]}, confidence, findings)


def _inner(sheet: np.ndarray) -> list[float]:
    """The largest upright box whose sides stay within the sheet's corners."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = sheet
    return [max(x0, x3), max(y0, y1), min(x1, x2), min(y2, y3)]


def _ink_of_sheet(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Ink inside the sheet, without the line that its edge itself makes; and the whole of strokes that reach well into it.

    Both bool (h, w) of the view. A stroke that is mostly on the sheet belongs to it as a whole: a bent edge may lie
    farther out than its corners say.
    """
    ink, polygon = marks.ink(view).astype(np.uint8), _polygon(view)
    on_sheet, inner = (_eroded(polygon, px) for px in (2, max(3, round(EDGE_MM * view.px_per_mm / view.reduction))))
    within, _, strokes = _strokes(ink & on_sheet)
    whole, area, kept = _strokes(ink)
    own, deep = (np.bincount(whole[part > 0], minlength=len(area)) for part in (on_sheet, inner))
    return strokes[within], (kept & (deep > 0) & (2 * own >= area))[whole]


def _strokes(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (h, w) of marks, their areas, and which are strokes: edges and table borders are not, nor is grain.

    A border may be trimmed, a stroke may not.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    height, width = ink.shape
    area = stats[:, cv2.CC_STAT_AREA]
    strokes = (stats[:, cv2.CC_STAT_WIDTH] <= width // 3) & (stats[:, cv2.CC_STAT_HEIGHT] <= height // 3) & (area >= 6)
    strokes[0] = False
    return labels, area, strokes


def _eroded(polygon: np.ndarray, px: int) -> np.ndarray:
    return cv2.erode(polygon, np.ones((2 * px + 1, 2 * px + 1), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)


def _around_ink(view: View, inner: list[float], outer: np.ndarray, margin: float) -> list[float]:
    """The inner box, moved out to the ink that lies between it and the outer box, and beyond that for whole strokes."""
    box = np.array(inner)
    ink_within, strokes = _ink_of_sheet(view)
    for ink, around, farthest in ((ink_within, margin / 2, 0.0), (strokes, margin, BEYOND * np.array(view.size))):
        rows, columns = np.nonzero(ink)
        if len(rows):
            points = view.to_frame(np.column_stack([columns, rows]))
            box[:2] = np.minimum(box[:2], np.maximum(points.min(axis=0) - around, outer[:2] - farthest))
            box[2:] = np.maximum(box[2:], np.minimum(points.max(axis=0) + around, outer[2:] + farthest))
    return box.tolist()


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


def _cut_off(view: View, least: int, box: list[float]) -> tuple[Finding, ...]:
    """A finding where strokes or rules of the sheet run into the border of the capture itself, and where on the page."""
    met = [points for points in cut.at_border(view) if len(points) >= least]
    if not met:
        return ()
    size = (max(1.0, box[2] - box[0]), max(1.0, box[3] - box[1]))
    boxes = [found for points in met for found in where.around(view.frame.points(points) - box[:2], size)]
    spread = [max(right - left, bottom - top) >= LEAST_SPREAD for left, top, right, bottom in boxes]
    met, boxes = ([item for item, wide in zip(items, spread, strict=True) if wide] for items in (met, boxes))
    if not met:
        return ()
    number = sum(len(points) for points in met)
    facts = {"strokes": number, "where": boxes, "times": round(max(len(points) for points in met) / least, 2)}
    return (Finding("content_at_edge", Severity.WARNING, facts),)


def _polygon(view: View) -> np.ndarray:
    """1 within the sheet's corners, 0 outside: uint8 (h, w) of the view."""
    polygon = np.zeros(view.grey.shape, np.uint8)
    cv2.fillConvexPoly(polygon, view.to_view(view.sheet).round().astype(np.int32), 1)
    return polygon


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """The box."""
    return Geometry.crop(decision.values["box"])


STAGE = Stage("crop", 4, Params, decide, geometry)
