"""The angle of the writing: the rotation that makes rules and lines of writing level.

Rules of a table are measured first: straight, long, and drawn by a machine. Where there are none, the lines of
writing are, by the sharpness of their projection (Postl 1986), strip by strip, so that a line that drifts or a page
that bends has no more weight than its share. Below the confidence gate nothing is turned.
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

STRIPS = 3  # the page is measured in so many columns
POINTS = 30_000  # of ink in a strip, at most
COARSE, FINE = 0.25, 0.02  # degrees between candidates


@dataclass(frozen=True)
class Params:
    """Settings of the deskew stage."""

    degrees: str | float = "auto"  # auto, or the angle itself, positive where lines fall to the right
    max_degrees: float = 12.0  # a larger angle is not believed
    min_confidence: float = 0.3  # below it the page is not turned
    warn_degrees: float = 8.0  # a page this crooked is worth a second look


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
    mask = marks.ink(view)
    inner = _inner(view, mask)
    angles, weights = rule_angles(inner, max_degrees)
    if weights.sum() > 1.5 * mask.shape[1]:
        degrees = weighted_median(angles, weights)
        near = np.abs(angles - degrees) < 3
        spread = weighted_median(np.abs(angles[near] - degrees), weights[near])
        if spread < 0.5:
            return float(degrees), 0.95, float(spread)
    return writing_angle(inner, max_degrees)


def _inner(view: View, mask: np.ndarray) -> np.ndarray:
    """The ink within the sheet, a little in from its edges: an edge is no line of writing."""
    sheet = view.to_view(view.sheet)
    middle = sheet.mean(axis=0)
    polygon = middle + (sheet - middle) * 0.97
    within = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(within, polygon.round().astype(np.int32), 1)
    return (mask & (within > 0)).astype(np.uint8)


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


def writing_angle(mask: np.ndarray, max_degrees: float) -> tuple[float, float, float]:
    """(degrees, confidence, spread) from lines of writing, strip by strip."""
    clean = _without_vertical_rules(mask)
    height, width = clean.shape
    found = []
    whole = projection_angle(clean, 0.0, max_degrees, COARSE)
    if whole is None:
        return 0.0, 0.0, 0.0
    for column in range(STRIPS):
        strip = clean[:, column * width // STRIPS : (column + 1) * width // STRIPS]
        measured = projection_angle(strip, whole[0], 2.5, 0.1)
        if measured is not None:
            found.append((*measured, float(strip.sum())))
    fine = projection_angle(clean, whole[0], 0.5, FINE)
    degrees, sharpness = fine if fine is not None else whole
    spread = float(np.std([angle for angle, _, _ in found])) if len(found) > 1 else 0.0
    return float(degrees), float(np.clip((sharpness - 1.05) * 2.5, 0, 0.9)), spread


def projection_angle(mask: np.ndarray, centre: float, reach: float, step: float) -> tuple[float, float] | None:
    """(degrees, sharpness) whose projection of ink onto the vertical is sharpest; None without enough ink.

    Sharpness is the best score over the median score of all candidates.
    """
    rows, columns = np.nonzero(mask)
    if len(rows) < 200:
        return None
    stride = max(1, len(rows) // POINTS)
    y, x = rows[::stride].astype(np.float32), columns[::stride].astype(np.float32) - mask.shape[1] / 2
    candidates = centre + np.arange(-reach, reach + step / 2, step)
    scores = np.array([_score(y - x * np.float32(np.tan(np.radians(angle))), mask.shape[0]) for angle in candidates])
    best = int(scores.argmax())
    sharpness = float(scores[best] / max(np.median(scores), 1e-9))
    if 0 < best < len(scores) - 1:  # the top of the parabola through three scores
        left, middle, right = scores[best - 1 : best + 2]
        bend = left - 2 * middle + right
        return float(candidates[best] + step * (0.5 * (left - right) / bend if bend else 0.0)), sharpness
    return float(candidates[best]), sharpness


def _score(levels: np.ndarray, height: int) -> float:
    profile = np.bincount((levels + height).astype(np.int32), minlength=3 * height).astype(np.float64)
    smooth = np.convolve(profile, (0.25, 0.5, 0.25))
    return float(np.square(np.diff(smooth)).sum())


def _without_vertical_rules(mask: np.ndarray) -> np.ndarray:
    tall = np.ones((max(15, mask.shape[0] // 16), 1), np.uint8)
    rules = cv2.morphologyEx(cv2.dilate(mask, np.ones((1, 3), np.uint8)), cv2.MORPH_OPEN, tall)
    return mask & (1 - rules)


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
