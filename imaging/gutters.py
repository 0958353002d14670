"""What a small model of `imaging/models` sees of an open book: how likely its gutter is where. See `training/gutters.py`."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imaging import learned

MODEL = "gutters.onnx"
SIZE = (384, 256)  # px: width and height of what the model looks at
THIRDS = (1 / 6, 1 / 2, 5 / 6)  # of the height: where it says where the gutter is
WHITE_PERCENTILE, DARKEST_WHITE = 95, 40.0
NEAR = 4  # columns around the likeliest one that tell its place


@dataclass(frozen=True)
class Seen:
    """`likely` (3, n): for each of THIRDS and each of n equal columns of the width, how likely the gutter is there.

    What is missing to 1 is how likely there is none.
    """

    likely: np.ndarray

    @property
    def sure(self) -> float:
        """How likely there is a gutter at all, 0 to 1."""
        return float(self.likely.sum(axis=1).mean())

    def between(self, low: float, high: float) -> float:
        """How likely the gutter is between two places, 0 to 1 of the width."""
        return float(self.likely[:, (self._middles >= low) & (self._middles <= high)].sum(axis=1).mean())

    @property
    def _middles(self) -> np.ndarray:
        return (np.arange(self.likely.shape[1]) + 0.5) / self.likely.shape[1]

    def line(self, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Its places (3), 0 to 1 of the width, at THIRDS: the likeliest between `low` and `high`."""
        middles, places = self._middles, []
        for row in np.where((middles >= low) & (middles <= high), self.likely, 0):
            near = slice(max(0, int(row.argmax()) - NEAR), int(row.argmax()) + NEAR + 1)
            weight = row[near] + 1e-12
            places.append(float((middles[near] * weight).sum() / weight.sum()))
        return np.array(places)


def seen(grey: np.ndarray) -> Seen | None:
    """What the model sees in a sheet (grey uint8 (h, w)); None where it is not there or OpenCV cannot run it."""
    net = learned.net(MODEL)
    if net is None:
        return None
    small = cv2.resize(grey, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    white = max(DARKEST_WHITE, float(np.percentile(small, WHITE_PERCENTILE)))
    net.setInput((small / white)[None, None])
    told = net.forward()[0].astype(np.float64)
    likely = np.exp(told - told.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    return Seen(likely[:, :-1])
