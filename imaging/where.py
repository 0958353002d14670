"""Where on its page a finding is: boxes [left, top, right, bottom] in shares of the page's width and height, 0 to 1.

What such a place is called in words is left to `texts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

WHOLE = ((0.0, 0.0, 1.0, 1.0),)
MOST = 4  # boxes: more places than that are no help to a person
DIGITS = 3

Box = tuple[float, float, float, float]


def boxes(mask: np.ndarray) -> list[list[float]]:
    """Boxes around the regions of a mask (h, w) that covers the page, the largest first; the whole page where none is."""
    count, _, facts, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
    height, width = mask.shape
    largest = sorted(range(1, count), key=lambda index: (-int(facts[index, cv2.CC_STAT_AREA]), index))[:MOST]
    found = []
    for index in largest:
        left, top, across, down = (int(value) for value in facts[index, :4])
        found.append((left / width, top / height, (left + across) / width, (top + down) / height))
    return rounded(found)


def around(points: np.ndarray, size: tuple[float, float]) -> list[list[float]]:
    """One box around points (n×2) of a page of `size` (width, height)."""
    low, high = points.min(axis=0) / size, points.max(axis=0) / size
    return rounded([(*low.tolist(), *high.tolist())])


def rounded(found: Sequence[Sequence[float]]) -> list[list[float]]:
    """Boxes kept within the page and rounded; the whole page where there are none."""
    return [[round(min(1.0, max(0.0, float(value))), DIGITS) for value in box] for box in (found or WHOLE)]
