"""Straight edges of a small picture: the lines along which a sheet of paper may end, and how well each is borne out.

Lines are gathered by a Hough transform in which each edge pixel votes only near its own direction (O'Gorman &
Clowes 1976). The four sides of the frame are always among them, as paper may run out of the picture. Which four
lines make a sheet is left to `quads`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

ANGLES = 120  # directions told apart, over 180°
SPREAD = 3  # directions to either side of its own for which an edge pixel votes
LINES = 26  # of the picture, besides those of the frame
WEAKEST = 0.6  # Lab levels a pixel: a slighter slope is noise
STRONGEST = 4.0  # beyond it an edge gains no more votes, so that the sheet's edge may win over a black cover's
APART = (7, 9)  # directions and px within which only the strongest line is kept
BESIDE = (2, 3, 4)  # px from a line at which the colours on its two sides are compared
SMOOTH = 7  # samples along the line over which the difference is averaged
STEP = 2  # px between samples along a line
HALF_SURE = 1.5  # Lab levels of difference that count half
FRAME_SIDES = 4


@dataclass(frozen=True)
class Edges:
    """Lines of a picture of `size` (width, height): `angles` of their normals (n, radians) and `offsets` (n, px).

    Offsets are from the picture's middle along the normal. The first FRAME_SIDES lines are those of the frame.
    """

    plain: np.ndarray
    angles: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, plain: np.ndarray) -> Edges:
        """The frame and the LINES strongest lines of `plain`, a picture without writing: Lab uint8 (h, w, 3)."""
        height, width = plain.shape[:2]
        angles, offsets = _strongest(_votes(plain))
        right, bottom = (width - 1) / 2, (height - 1) / 2
        frame_angles = np.array([np.pi / 2, 0, np.pi / 2, 0])
        frame_offsets = np.array([-bottom, right, bottom, -right])
        return cls(plain, np.concatenate([frame_angles, angles]), np.concatenate([frame_offsets, offsets]))

    @property
    def middle(self) -> np.ndarray:
        """Middle of the picture (x, y), px."""
        height, width = self.plain.shape[:2]
        return np.array([(width - 1) / 2, (height - 1) / 2])

    @cached_property
    def normals(self) -> np.ndarray:
        """Unit normals (n, 2)."""
        return np.column_stack([np.cos(self.angles), np.sin(self.angles)])

    @cached_property
    def crossings(self) -> np.ndarray:
        """Where each two lines meet, (n, n, 2) px from the middle; far away where they are all but parallel."""
        x, y = self.normals.T
        sine = x[:, None] * y[None] - y[:, None] * x[None]
        sine = np.where(np.abs(sine) < 1e-3, 1e-3, sine)
        own, other = self.offsets[:, None], self.offsets[None]
        return np.stack([own * y[None] - y[:, None] * other, x[:, None] * other - own * x[None]], -1) / sine[..., None]

    @cached_property
    def _places(self) -> np.ndarray:
        reach = int(np.hypot(*self.plain.shape[:2]) / 2) + 1
        return np.arange(-reach, reach + 1, STEP)

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Running sums along each line of support, of support with its direction in colour, and of px in the frame."""
        height, width = self.plain.shape[:2]
        along = np.column_stack([-self.normals[:, 1], self.normals[:, 0]])
        points = self.middle + self.offsets[:, None, None] * self.normals[:, None] + self._places[:, None] * along[:, None]
        means = [sum(self._colours(points + sign * gap * self.normals[:, None]) for gap in BESIDE) for sign in (-1, 1)]
        change = cv2.blur((means[1] - means[0]) / len(BESIDE), (SMOOTH, 1))
        size = np.sqrt((change**2).sum(axis=-1))
        support = size / (size + HALF_SURE)
        directed = change / np.maximum(size, 1e-3)[..., None] * support[..., None]
        within = ((points > -0.5) & (points < (width - 0.5, height - 0.5))).all(axis=-1)
        within[:FRAME_SIDES] = True
        seen = within[..., None]
        return (np.cumsum(support * within, axis=1) * STEP, np.cumsum(directed * seen, axis=1) * STEP,
                np.cumsum(within, axis=1) * float(STEP))

    def _colours(self, points: np.ndarray) -> np.ndarray:
        height, width = self.plain.shape[:2]
        columns = np.clip(np.round(points[..., 0]).astype(int), 0, width - 1)
        rows = np.clip(np.round(points[..., 1]).astype(int), 0, height - 1)
        return self.plain[rows, columns].astype(np.float32)

    @cached_property
    def _indices(self) -> np.ndarray:
        """Index of the sample of line i nearest to its crossing with line j: (n, n)."""
        along = np.column_stack([-self.normals[:, 1], self.normals[:, 0]])
        places = (self.crossings * along[:, None]).sum(axis=-1)
        return np.clip(np.round((places - self._places[0]) / STEP), 0, len(self._places) - 1).astype(int)

    def stretches(self, line: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Support from 0 to 1, and visible share, of the stretches of lines between their crossings with two others.

        All arguments are arrays of indices of lines. An edge whose colours change the same way all along counts most.
        """
        support, directed, within = self._sums
        one, other = self._indices[line, start], self._indices[line, end]
        low, high = np.minimum(one, other), np.maximum(one, other)
        visible = within[line, high] - within[line, low]
        plain = support[line, high] - support[line, low]
        same_way = np.sqrt(((directed[line, high] - directed[line, low]) ** 2).sum(axis=-1))
        return (plain + same_way) / 2 / np.maximum(visible, 20), visible / np.maximum((high - low) * STEP, 1)


def _votes(plain: np.ndarray) -> np.ndarray:
    """Hough accumulator (ANGLES, offsets), its middle column the offset 0."""
    height, width = plain.shape[:2]
    across, down, slope = _gradient(plain)
    ridge = _ridges(across, down, slope)
    rows, columns = np.nonzero(ridge)
    steep = np.minimum(slope[rows, columns], STRONGEST)
    weight = steep / (steep + 2)
    own = (np.arctan2(down[rows, columns], across[rows, columns]) % np.pi / np.pi * ANGLES).astype(int)
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    reach = int(np.hypot(height, width) / 2) + 2
    votes = np.zeros(ANGLES * (2 * reach + 1))
    for turn in range(-SPREAD, SPREAD + 1):
        index = (own + turn) % ANGLES
        radians = (index + 0.5) / ANGLES * np.pi
        offset = np.round(x * np.cos(radians) + y * np.sin(radians)).astype(int) + reach
        votes += np.bincount(index * (2 * reach + 1) + offset, weight, len(votes))
    return votes.reshape(ANGLES, -1).astype(np.float32)


def _gradient(plain: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope across, down and its size (h, w), in the channel where it is steepest; levels a pixel."""
    best = None
    for channel in cv2.split(plain):
        across = cv2.Sobel(channel, cv2.CV_32F, 1, 0, scale=1 / 8)
        down = cv2.Sobel(channel, cv2.CV_32F, 0, 1, scale=1 / 8)
        slope = cv2.magnitude(across, down)
        if best is None:
            best = [across, down, slope]
            continue
        steeper = slope > best[2]
        for kept, new in zip(best, (across, down, slope), strict=True):
            np.copyto(kept, new, where=steeper)
    return best[0], best[1], best[2]


def _ridges(across: np.ndarray, down: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Where the slope is steepest along its own direction, but not at the rim of the picture: bool (h, w)."""
    level = np.abs(across) > np.abs(down)
    middle = slope[1:-1, 1:-1]
    beside = (middle >= slope[1:-1, :-2]) & (middle > slope[1:-1, 2:])
    above = (middle >= slope[:-2, 1:-1]) & (middle > slope[2:, 1:-1])
    ridge = np.zeros(slope.shape, bool)
    ridge[1:-1, 1:-1] = np.where(level[1:-1, 1:-1], beside, above) & (middle > WEAKEST)
    ridge[:2] = ridge[-2:] = False
    ridge[:, :2] = ridge[:, -2:] = False
    return ridge


def _strongest(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles and offsets of the strongest lines, no two of them alike."""
    turns, gap = APART
    wrapped = np.vstack([votes[-turns:, ::-1], votes, votes[:turns, ::-1]])  # half a turn on, offsets change sign
    smooth = cv2.GaussianBlur(cv2.blur(wrapped, (3, 1)), (1, 3), 0)
    highest = cv2.dilate(smooth, np.ones((turns, gap), np.uint8))
    peaks = np.where(smooth >= highest, smooth, 0)[turns:-turns]
    angle, offset = np.unravel_index(np.argsort(-peaks, axis=None)[:LINES], peaks.shape)
    real = peaks[angle, offset] > 0
    return (angle[real] + 0.5) / ANGLES * np.pi, (offset[real] - votes.shape[1] // 2).astype(float)
