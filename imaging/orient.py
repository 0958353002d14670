"""Which way up: by the lines of writing, after EXIF has been applied.

Writing makes sharp bands across its own direction; rules are taken out first, since a ledger has them in both. Along
a line of Latin script, Vietnamese with its marks included, ink ends sharply at the baseline below and fades away
among ascenders and marks above: the skewness of the profile's slope tells head from foot. Where either is in doubt
the image stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import marks
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import View

LONG_PARTS = (6, 2)  # along lines of writing the picture is cut into so few parts, across them into so many
SHORT_PARTS = (4, 6)  # rows and columns of parts short enough for a line to be straight in them
REACH, STEP = 12.0, 2.0  # degrees to either side in which lines are looked for
LEAST_INK = 150  # px of ink that a part needs to have a say
LEAST_PARTS = 3
POINTS = 100_000  # of ink that are looked at, at most
SURE, VERY_SURE = 2.2, 3.0  # standard errors by which writing must stand on its head or on its side
RULE_PART = 1 / 14  # of the side: straighter and longer than any stroke of writing


@dataclass(frozen=True)
class Params:
    """Settings of the orient stage."""

    turn: Literal["auto", 0, 90, 180, 270] = "auto"  # auto, or 0 | 90 | 180 | 270 degrees clockwise for every image
    min_ratio: float = 1.4  # lines on their side so much sharper than level ones (or the reverse) are clear lines
    min_slant: float = 0.13  # so clearly must writing stand on its head or on its side before an image is turned


@dataclass(frozen=True)
class Ink:
    """Points of ink, `rows` and `columns` (n px each), in a picture of `shape` (height, width)."""

    rows: np.ndarray
    columns: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, mask: np.ndarray) -> Ink:
        """The points of a mask (h, w), no more than POINTS of them, evenly chosen."""
        rows, columns = np.nonzero(mask)
        stride = len(rows) // POINTS + 1
        return cls(rows[::stride], columns[::stride], mask.shape)

    def turned(self) -> Ink:
        """Turned clockwise by 90°."""
        height, width = self.shape
        return Ink(self.columns, height - 1 - self.rows, (width, height))

    def parts(self, down: int, across: int) -> Iterator[Ink]:
        """Those of the `down` × `across` equal parts of the picture that hold enough ink."""
        height, width = self.shape
        part = (self.rows * down // height * across + self.columns * across // width).astype(np.int16)
        order = np.argsort(part, kind="stable")
        rows, columns = self.rows[order], self.columns[order]
        ends = np.searchsorted(part[order], np.arange(down * across + 1))
        for start, end in pairwise(ends.tolist()):
            if end - start >= LEAST_INK:
                yield Ink(rows[start:end], columns[start:end], (height // down, width // across))


@dataclass(frozen=True)
class Headlessness:
    """`slant`, from -1 to 1: below 0 where writing stands upright, above where it stands on its head.

    `surety` is the slant in standard errors of its mean over the parts of the page.
    """

    slant: float = 0.0
    surety: float = 0.0

    def clear(self, params: Params, ratio: float) -> bool:
        """Is this enough to turn a page whose lines are `ratio` times as sharp this way as the other?"""
        needed = SURE if ratio >= params.min_ratio else VERY_SURE
        return abs(self.slant) > params.min_slant and abs(self.surety) > needed


def decide(view: View, params: Params) -> Decision:
    """Values: `turn`, degrees clockwise that set the image upright."""
    if params.turn != "auto":
        return STAGE.decision({"turn": int(params.turn) % 360})
    mask = without_rules(marks.ink(view))
    ink = Ink.of(mask)
    level, on_side = band_contrast(ink), band_contrast(ink.turned())
    if level is None or on_side is None:
        return STAGE.decision({"turn": 0}, 0.7)
    upright, aside = headlessness(ink), headlessness(ink.turned())
    if on_side > level and aside.clear(params, on_side / level) and abs(aside.surety) > abs(upright.surety):
        return _turned(90 if aside.slant < 0 else 270, aside)
    if on_side > level * params.min_ratio:
        return STAGE.decision({"turn": 0}, 0.4, (Finding("turn_unsure", Severity.WARNING),))
    if level > on_side and upright.clear(params, level / on_side) and upright.slant > 0:
        return _turned(180, upright)
    return STAGE.decision({"turn": 0}, 0.97 if upright.clear(params, level / on_side) else 0.8)


def lies_on_side(view: View) -> bool:
    """Is writing on its side likelier than level writing? A weak sign, for where nothing else tells."""
    ink = Ink.of(without_rules(marks.ink(view)))
    level, on_side = band_contrast(ink), band_contrast(ink.turned())
    return level is not None and on_side is not None and on_side > level


def _turned(degrees: int, found: Headlessness) -> Decision:
    finding = Finding("turned", Severity.WARNING, {"degrees": degrees})
    return STAGE.decision({"turn": degrees}, float(np.clip(0.4 + abs(found.surety) / 10, 0.5, 0.95)), (finding,))


def without_rules(mask: np.ndarray) -> np.ndarray:
    """Ink without long straight strokes, upright or level: uint8 (h, w)."""
    ink = mask.astype(np.uint8)
    height, width = ink.shape
    across, down = max(15, int(width * RULE_PART)), max(15, int(height * RULE_PART))
    level = cv2.morphologyEx(cv2.dilate(ink, np.ones((3, 1), np.uint8)), cv2.MORPH_OPEN, np.ones((1, across), np.uint8))
    upright = cv2.morphologyEx(cv2.dilate(ink, np.ones((1, 3), np.uint8)), cv2.MORPH_OPEN, np.ones((down, 1), np.uint8))
    return ink & (1 - cv2.dilate(level | upright, np.ones((3, 3), np.uint8)))


def band_contrast(ink: Ink) -> float | None:
    """How sharp the bands are that level writing makes, over long parts of it; None where there is too little ink."""
    profiles = [_sharpest(part, REACH, STEP) for part in ink.parts(*LONG_PARTS)]
    contrasts = [float(profile.std() / profile.mean()) for profile in profiles]
    return float(np.median(contrasts)) if len(contrasts) >= LEAST_PARTS else None


def headlessness(ink: Ink) -> Headlessness:
    """Whether level writing stands on its feet, from the ink's profile in each part of the picture."""
    slants, inks = [], []
    for part in ink.parts(*SHORT_PARTS):
        slope = np.diff(_sharpest(part, REACH / 2, STEP / 2))
        slants.append((slope**3).sum() / max((np.abs(slope) ** 3).sum(), 1e-9))
        inks.append(len(part.rows))
    if len(slants) < LEAST_PARTS:
        return Headlessness()
    values, weights = np.array(slants), np.array(inks) / sum(inks)
    mean = float(weights @ values)
    error = float(np.sqrt(weights @ (values - mean) ** 2 * (weights**2).sum()))
    return Headlessness(mean, mean / max(error, 1e-6))


def _sharpest(ink: Ink, reach: float, step: float) -> np.ndarray:
    """Ink in each line of pixels along the writing, from top to bottom: the sharpest of the directions (Postl 1986)."""
    y, x = ink.rows - ink.rows.min() + ink.shape[1], ink.columns - ink.columns.mean()
    best, sharpness = np.zeros(1), -1.0
    for degrees in np.arange(-reach, reach + step / 2, step):
        counts = np.bincount((y - x * np.tan(np.radians(degrees))).astype(np.intp))
        smooth = np.convolve(counts, (0.25, 0.5, 0.25))
        change = np.diff(smooth)
        if change @ change > sharpness:
            best, sharpness = smooth, float(change @ change)
    inked = np.nonzero(best)[0]
    return best[inked[0] : inked[-1] + 1]


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """The turn."""
    return Geometry.quarter_turns(decision.values["turn"], frame.size)


STAGE = Stage("orient", 2, Params, decide, geometry)
