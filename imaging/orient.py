"""Which way up: by the lines of writing, after EXIF has been applied.

Writing makes sharp bands across its own direction; rules are taken out first, since a ledger has them in both. Along
a line of Latin script, Vietnamese with its marks included, ink ends sharply at the baseline below and fades away
among ascenders and marks above: the skewness of the profile's slope tells head from foot. Where either is in doubt
the image stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import marks
from imaging.deskew import projection_angle
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import View

TILES = 4  # the picture is measured in so many by so many parts, as a sheet may lie at an angle in one of them
FINE_TILES = (4, 6)  # rows and columns of parts short enough for a line to be straight in them
REACH, STEP = 12.0, 1.0  # degrees to either side in which lines are looked for
LEAST_INK = 300  # px of ink that a part needs to have a say
RULE_PART = 1 / 14  # of the side: straighter and longer than any stroke of writing


@dataclass(frozen=True)
class Params:
    """Settings of the orient stage."""

    turn: str | int = "auto"  # auto, or 0 | 90 | 180 | 270 degrees clockwise for every image
    min_ratio: float = 1.45  # so much sharper must lines on their side be than level ones before an image is turned
    min_slant: float = 0.15  # so clearly must writing stand on its head before an image is turned


def decide(view: View, params: Params) -> Decision:
    """Values: `turn`, degrees clockwise that set the image upright."""
    if params.turn != "auto":
        return STAGE.decision({"turn": int(params.turn) % 360})
    mask = without_rules(marks.ink(view))
    ratio = upright_ratio(mask)
    if ratio is None:
        return STAGE.decision({"turn": 0}, 0.7)
    if ratio < 1 / params.min_ratio:
        on_head = {turn: headlessness(np.rot90(mask, -turn // 90)) for turn in (90, 270)}
        turn = min(on_head, key=on_head.get)
        sure = float(np.clip(0.5 + abs(on_head[90] - on_head[270]), 0.5, 0.95))
        return STAGE.decision({"turn": turn}, sure, (Finding("turned", Severity.WARNING, {"degrees": turn}),))
    foot = headlessness(mask)
    if foot > params.min_slant:
        finding = Finding("turned", Severity.WARNING, {"degrees": 180})
        return STAGE.decision({"turn": 180}, float(np.clip(0.5 + foot, 0.5, 0.95)), (finding,))
    return STAGE.decision({"turn": 0}, 0.97 if foot < -params.min_slant else 0.8)


def without_rules(mask: np.ndarray) -> np.ndarray:
    """Ink without long straight strokes, upright or level: uint8 (h, w)."""
    ink = mask.astype(np.uint8)
    height, width = ink.shape
    across, down = max(15, int(width * RULE_PART)), max(15, int(height * RULE_PART))
    level = cv2.morphologyEx(cv2.dilate(ink, np.ones((3, 1), np.uint8)), cv2.MORPH_OPEN, np.ones((1, across), np.uint8))
    upright = cv2.morphologyEx(cv2.dilate(ink, np.ones((1, 3), np.uint8)), cv2.MORPH_OPEN, np.ones((down, 1), np.uint8))
    return ink & (1 - cv2.dilate(level | upright, np.ones((3, 3), np.uint8)))


def upright_ratio(mask: np.ndarray) -> float | None:
    """How much sharper the bands of level writing are than those of upright writing; the median over all parts.

    None where there is too little ink to say.
    """
    height, width = mask.shape
    ratios, weights = [], []
    for row in range(TILES):
        for column in range(TILES):
            part = mask[row * height // TILES : (row + 1) * height // TILES,
                        column * width // TILES : (column + 1) * width // TILES]
            if part.sum() < LEAST_INK:
                continue
            level, upright = _bands(part), _bands(np.ascontiguousarray(part.T))
            if level and upright:
                ratios.append(np.log(level / upright))
                weights.append(float(part.sum()))
    if len(ratios) < 3:
        return None
    order = np.argsort(ratios)
    total = np.cumsum(np.array(weights)[order])
    return float(np.exp(np.array(ratios)[order][np.searchsorted(total, total[-1] / 2)]))


def _bands(part: np.ndarray) -> float | None:
    """Contrast of the sharpest projection of writing."""
    profile = _profile(part, REACH, STEP)
    if profile is None:
        return None
    profile = np.convolve(profile, np.ones(3) / 3)
    return float(profile.std() / max(profile.mean(), 1e-9))


def _profile(part: np.ndarray, reach: float, step: float) -> np.ndarray | None:
    """Ink in each line of pixels along the writing, from top to bottom; None without enough ink."""
    found = projection_angle(part, 0.0, reach, step)
    if found is None:
        return None
    rows, columns = np.nonzero(part)
    levels = rows - (columns - part.shape[1] / 2) * np.tan(np.radians(found))
    profile = np.bincount((levels + part.shape[0]).astype(int)).astype(float)
    return profile[profile.cumsum() > 0]


def headlessness(mask: np.ndarray) -> float:
    """From -1 to 1: below 0 where the writing stands upright, above where it stands on its head; 0 unknown."""
    height, width = mask.shape
    slants, weights = [], []
    for row in range(FINE_TILES[0]):
        for column in range(FINE_TILES[1]):
            part = mask[row * height // FINE_TILES[0] : (row + 1) * height // FINE_TILES[0],
                        column * width // FINE_TILES[1] : (column + 1) * width // FINE_TILES[1]]
            profile = _profile(np.ascontiguousarray(part), REACH / 2, STEP / 2) if part.sum() >= LEAST_INK else None
            if profile is not None:
                slope = np.diff(np.convolve(profile, (0.25, 0.5, 0.25)))
                slants.append((slope**3).sum() / max((np.abs(slope) ** 3).sum(), 1e-9))
                weights.append(float(part.sum()))
    return float(np.average(slants, weights=weights)) if len(slants) >= 3 else 0.0


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """The turn."""
    return Geometry.quarter_turns(decision.values["turn"], frame.size)


STAGE = Stage("orient", 1, Params, decide, geometry)
