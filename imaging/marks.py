"""What is written on a page, at the scale of a view: a mask of ink. Shared by the stages that ask where writing is."""

from __future__ import annotations

import cv2
import numpy as np

from imaging.view import View

PAPER_REDUCTION = 4  # the paper's brightness changes slowly
PAPER_WINDOW = 9  # px of the reduced view: wider than any stroke, narrower than a shadow
DARKEST_PAPER = 50  # grey: below it there is no paper, but a scanner's lid, a desk or a cover
NOISE_FACTOR = 4.0  # ink differs from its paper by more than this many deviations of the noise …
LEAST_CONTRAST = 0.07  # … and by at least this part of the paper's brightness


def paper(grey: np.ndarray) -> np.ndarray:
    """Brightness of the paper under the writing: uint8 (h, w) from uint8 (h, w).

    A grey closing of the reduced picture (strokes are darker and narrower than the window), then smoothed.
    """
    height, width = grey.shape
    small = cv2.resize(grey, (max(1, width // PAPER_REDUCTION), max(1, height // PAPER_REDUCTION)),
                       interpolation=cv2.INTER_AREA)
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (PAPER_WINDOW, PAPER_WINDOW))
    closed = cv2.medianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, window), 5)
    return cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR)


def contrast(grey: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """How much darker than its paper each pixel is: float32 (h, w), 0 to 1; 0 where there is no paper."""
    darker = cv2.subtract(ground, grey).astype(np.float32)
    relative = darker / np.maximum(ground, 1)
    relative[ground < DARKEST_PAPER] = 0
    return relative


def ink(view: View) -> np.ndarray:
    """Where the view shows ink: bool (h, w). Faint writing counts; dark surroundings do not.

    It is measured once, on the capture's own picture, and moved along with the frames.
    """
    if "ink" not in view.shared:
        view.shared["ink"] = _measured(cv2.cvtColor(view.picture, cv2.COLOR_RGB2GRAY))
    return view.warped(view.shared["ink"]) > 0


def _measured(grey: np.ndarray) -> np.ndarray:
    """The mask of ink, 1 and 0, of a grey picture: uint8 (h, w)."""
    relative = contrast(grey, paper(grey))
    quiet = relative[(relative > 0) & (relative < 0.1)]
    noise = float(np.median(quiet)) * 1.4826 if quiet.size else 0.0
    mask = (relative > max(LEAST_CONTRAST, NOISE_FACTOR * noise)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = np.zeros(count, np.uint8)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= 4  # lone dots are grain
    return keep[labels]
