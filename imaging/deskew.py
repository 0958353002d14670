"""The angle of the writing: the rotation that makes rules and lines of writing level.

Lines of writing and rules run on from one column of the page to the next: how far up or down each piece goes on is
measured by correlation, all over the page, and the weighted median of all pieces is the angle. So a line that drifts,
a heading or a note in the margin has no more weight than its share. Where a table has many level rules that agree,
they have the last word: they are drawn by a machine. Below the confidence gate nothing is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import by_hand, marks
from imaging.geometry import Geometry
from imaging.lines import pieces
from imaging.stage import Stage
from imaging.view import View

SPANS = (2, 4)  # columns apart
LEAST_WINDOWS, ENOUGH_WINDOWS = 8, 15  # pieces of lines without which nothing is said, and with a third of which all
ROUGH_REACH, FINE_REACH = 1.6, 1.0  # degrees around the angle known so far
POINTS = 30_000  # of ink, at most, for the first rough angle
COARSE = 0.5  # degrees between its candidates
RULES_WIDTHS = 4.0  # page widths of level rules in all that make a table
RULES_AGREE, RULES_NEAR = 0.1, 0.5  # degrees: their median deviation, and how far from the writing they may be


@dataclass(frozen=True)
class Params:
    """Settings of the deskew stage."""

    degrees: by_hand.Auto | float = "auto"  # auto, or the angle itself, positive where lines fall to the right
    max_degrees: float = 12.0  # a larger angle is not believed
    min_confidence: float = 0.3  # below it the page is not turned
    warn_degrees: float = 8.0  # a page this crooked is worth a second look

    def __post_init__(self):
        by_hand.check_degrees(self.degrees)


def decide(view: View, params: Params) -> Decision:
    """Values: `degrees`, positive where lines fall towards the right; `flatness`, 1 where all lines agree."""
    if params.degrees != "auto":
        return STAGE.decision({"degrees": float(params.degrees), "flatness": 1.0})
    degrees, confidence, spread = measure(view, params.max_degrees)
    flatness = float(np.clip(1 - spread / 4, 0, 1))
    findings = []
    if confidence < params.min_confidence:
        if abs(degrees) > 0.5:
            findings.append(Finding("skew_unsure", Severity.NOTE, {"degrees": degrees}))
        degrees = 0.0
    elif abs(degrees) > params.warn_degrees:
        findings.append(Finding("skew_large", Severity.WARNING, {"degrees": degrees}))
    return STAGE.decision({"degrees": degrees, "flatness": flatness}, max(confidence, 0.5), tuple(findings))


def measure(view: View, max_degrees: float) -> tuple[float, float, float]:
    """(degrees, confidence 0 to 1, spread of the lines' angles in degrees)."""
    mask = inner_ink(view)
    level = mask & (1 - rules(mask, upright=True))
    writing = level & (1 - rules(mask, upright=False))
    rough = projection_angle(level, 0.0, max_degrees, COARSE)
    if rough is None:
        return 0.0, 0.0, 0.0
    first = pieces(writing, rough, ROUGH_REACH, SPANS[:1])
    degrees = weighted_median(first.degrees, first.weights) if len(first) >= LEAST_WINDOWS else rough
    found = [pieces(some, degrees, FINE_REACH, SPANS) for some in (level, writing, writing)]
    angles, weights = (np.concatenate(part) for part in zip(*((some.degrees, some.weights) for some in found), strict=True))
    if len(angles) < LEAST_WINDOWS:
        return degrees, 0.0, 0.0
    degrees = weighted_median(angles, weights)
    spread = weighted_median(np.abs(angles - degrees), weights)
    ruled = _ruled_angle(mask, degrees, max_degrees)
    if ruled is not None:
        return ruled, 0.97, spread
    return degrees, float(np.clip(1.1 - spread, 0, 0.95) * min(1.0, len(angles) / (3 * ENOUGH_WINDOWS))), spread


def _ruled_angle(mask: np.ndarray, degrees: float, max_degrees: float) -> float | None:
    """The angle of a table's level rules, where they are many, agree, and do not gainsay the writing."""
    angles, weights = rule_angles(mask, max_degrees)
    if weights.sum() < RULES_WIDTHS * mask.shape[1]:
        return None
    ruled = weighted_median(angles, weights)
    agree = weighted_median(np.abs(angles - ruled), weights) < RULES_AGREE
    return ruled if agree and abs(ruled - degrees) < RULES_NEAR else None


def inner_ink(view: View) -> np.ndarray:
    """1 where there is ink within the sheet, a little in from its edges (an edge is no line of writing): uint8 (h, w)."""
    sheet = view.to_view(view.sheet)
    middle = sheet.mean(axis=0)
    polygon = middle + (sheet - middle) * 0.97
    within = np.zeros(view.grey.shape, np.uint8)
    cv2.fillConvexPoly(within, polygon.round().astype(np.int32), 1)
    return (marks.ink(view) & (within > 0)).astype(np.uint8)


def rule_angles(mask: np.ndarray, max_degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Angles (degrees) and lengths (px) of long straight horizontal strokes."""
    least = mask.shape[1] // 8
    thick = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    opened = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((1, max(15, least // 3)), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    angles, weights = [], []
    for index in range(1, count):
        left, top, width, height, area = stats[index]
        if width < least or area > 8 * width:
            continue
        part = labels[top : top + height, left : left + width] == index
        rows, columns = np.nonzero(part & (mask[top : top + height, left : left + width] > 0))
        if len(rows) < least / 2:
            continue
        slope, rest = _fit(columns.astype(np.float64), rows.astype(np.float64))
        angle = np.degrees(np.arctan(slope))
        if rest < 1.6 and abs(angle) <= max_degrees:
            angles.append(angle)
            weights.append(float(width))
    return np.array(angles), np.array(weights)


def _fit(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of the line through points, and the median distance from it, px; refitted without outliers."""
    keep = np.ones(len(x), bool)
    slope = offset = 0.0
    for _ in range(3):
        slope, offset = np.polyfit(x[keep], y[keep], 1)
        rest = np.abs(y - slope * x - offset)
        keep = rest <= max(1.0, 2.5 * float(np.median(rest)))
    return float(slope), float(np.median(rest))


def projection_angle(mask: np.ndarray, centre: float, reach: float, step: float) -> float | None:
    """The angle, in steps, whose projection of ink onto the vertical is sharpest (Postl 1986); None without ink."""
    rows, columns = np.nonzero(mask)
    if len(rows) < 200:
        return None
    stride = max(1, len(rows) // POINTS)
    y, x = rows[::stride].astype(np.float32), columns[::stride].astype(np.float32) - mask.shape[1] / 2
    candidates = centre + np.arange(-reach, reach + step / 2, step)
    scores = [_score(y - x * np.float32(np.tan(np.radians(angle))), mask.shape[0]) for angle in candidates]
    return float(candidates[int(np.argmax(scores))])


def _score(levels: np.ndarray, height: int) -> float:
    profile = np.bincount((levels + height).astype(np.int32), minlength=3 * height).astype(np.float64)
    smooth = np.convolve(profile, (0.25, 0.5, 0.25))
    return float(np.square(np.diff(smooth)).sum())


def rules(mask: np.ndarray, upright: bool) -> np.ndarray:
    """Long straight strokes of one direction, a little widened: uint8 (h, w)."""
    length = max(15, mask.shape[0 if upright else 1] // 15)
    across, along = ((1, 3), (length, 1)) if upright else ((3, 1), (1, length))
    found = cv2.morphologyEx(cv2.dilate(mask, np.ones(across, np.uint8)), cv2.MORPH_OPEN, np.ones(along, np.uint8))
    return cv2.dilate(found, np.ones(across, np.uint8))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value at half of the weight."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """Level the page about its middle; nothing of the frame is lost."""
    degrees = decision.values["degrees"]
    return Geometry.levelling(degrees, frame.size) if degrees else Geometry.identity(frame.size)


STAGE = Stage("deskew", 1, Params, decide, geometry)
