"""Where lines of writing and rules run on: pieces of lines, found again from one column of the page in another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

COLUMNS = 14  # columns of the page whose profiles are compared
LEAST_INK = 20  # px in a window, so that it has something to be found again by
LEAST_CORRELATION = 0.35  # below it, nothing was found again


@dataclass(frozen=True)
class Pieces:
    """Pieces of lines in a mask: `start` and `end` (n×2 px) lie on the same line; `weights` (n) say how much that counts."""

    start: np.ndarray
    end: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def degrees(self) -> np.ndarray:
        """By how much each falls to the right."""
        across, down = (self.end - self.start).T
        return np.degrees(np.arctan2(down, across))


def pieces(mask: np.ndarray, degrees: float, reach: float, spans: tuple[int, ...]) -> Pieces:
    """Pieces of lines of a mask (h, w), 1 where there is ink, that fall by about `degrees`, within `reach` of it.

    The ink is projected in narrow columns of the page; the profile of a window of one column is looked for again in
    a column some `spans` further on, by normalised correlation to a fraction of a pixel. Where it is found again,
    lines run from one to the other, whatever their shape.
    """
    height, width = mask.shape
    edges = np.linspace(0, width, COLUMNS + 1).astype(int)
    profiles = np.array([mask[:, start:end].sum(axis=1) for start, end in pairwise(edges)], np.float32)
    profiles = cv2.GaussianBlur(profiles, (3, 1), 0)
    window = max(30, height // 9)
    slope = np.tan(np.radians(degrees))
    found = []
    for span in spans:
        apart = width * span / COLUMNS
        expected, steps = round(slope * apart), int(np.tan(np.radians(reach)) * apart) + 2
        for column in range(COLUMNS - span):
            for top in range(max(0, steps - expected), height - window - expected - steps, window // 2):
                start = top + expected - steps
                if start < 0 or top + window > height:
                    continue
                here = profiles[column, top : top + window]
                there = profiles[column + span, start : start + window + 2 * steps]
                if here.sum() < LEAST_INK or there.sum() < LEAST_INK or len(there) < window + 2 * steps:
                    continue
                match = _best_match(here, there)
                if match is not None:
                    x, y = (edges[column] + edges[column + 1] - 1) / 2, top + (window - 1) / 2
                    weight = match[1] ** 2 * span * min(float(here.sum()), 20 * LEAST_INK)
                    found.append((x, y, x + apart, y + expected - steps + match[0], weight))
    table = np.array(found).reshape(-1, 5)
    return Pieces(table[:, :2], table[:, 2:4], table[:, 4])


def _best_match(here: np.ndarray, there: np.ndarray) -> tuple[float, float] | None:
    """(shift, correlation) of a profile within a longer one; None where nothing is like it."""
    scores = cv2.matchTemplate(there[None], here[None], cv2.TM_CCOEFF_NORMED)[0]
    best = int(scores.argmax())
    if scores[best] < LEAST_CORRELATION or not 0 < best < len(scores) - 1:
        return None
    left, middle, right = scores[best - 1 : best + 2]
    bend = left - 2 * middle + right
    return best + (0.5 * float(left - right) / float(bend) if bend else 0.0), float(scores[best])
