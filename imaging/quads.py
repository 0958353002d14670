"""Which four straight edges bound the sheet of paper: all likely foursomes are judged, the best one wins.

A side is borne out by a change of colour along its whole length. What lies inside should be of one colour up to
the sides and all that is written; what lies outside should be something else, and no writing on paper of the same
colour. A side may be that of the frame where the paper runs out of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.edges import FRAME_SIDES, Edges

OPPOSITE = np.radians(38)  # two opposite sides of a sheet in perspective differ by no more
ADJACENT = np.radians(55)  # two adjacent sides differ by no less
LEAST_AREA = 0.15  # of the picture
BEYOND = 0.15  # of the longer side: so far outside the picture a corner may lie
SHORTLIST = 70  # foursomes judged by their regions, after a first choice by edges and area alone
BLIND = (0.35, 0.2)  # a side of which less than the first is in the picture counts no more than the second
AT_FRAME = 0.45  # support of a side of the frame in the first choice
FRAME_WORTH = (0.3, 0.55)  # of a side of the frame without and with paper along it
WEIGHTS = {  # of what speaks for and against a foursome; found by trying on photographed sheets and open books
    "any": 0.22,
    "sides": 0.85,
    "weakest side": 0.15,
    "all sides seen": 0.2,
    "no side seen": -0.1,
    "paper outside": -0.22,
    "something else inside": -0.15,
    "uneven along the sides": -0.3,
    "writing outside": -0.6,
    "much writing outside": -0.3,
    "skewed": -0.3,
}
DEPTHS = np.array([-0.12, -0.07, -0.035, 0.03, 0.06, 0.12, 0.22, 0.4, 0.5])  # of the sheet: rows of colours compared
OUT, EDGE, DEEP = slice(0, 3), slice(3, 5), 6  # in DEPTHS: beyond the side, along it, well inside
LAB_WEIGHTS = np.array([0.5, 1, 1], np.float32)
PAPER_SPREAD = np.array([34, 9, 9], np.float32)  # Lab: so much the colour of one paper varies, with light and shadow
GRID = 56  # samples along the longer side for judging areas
WORD_SIZE = 80  # px: larger marks are no writing
FAINT = 0.4  # of the strength of the strongest marks: fainter ones are no writing
UNLIKE = 0.15  # likeness to the paper below which nothing written there counts
RIM = 3.0  # px: so far out marks still count as inside
SKEWED = (18.0, 38.0)  # degrees from a right angle at which a corner begins to be, and is, unlikely


@dataclass(frozen=True)
class Quad:
    """Four corners (4×2 px, clockwise from the top left), support of each side (top, right, bottom, left; 0 to 1).

    `at_frame` tells which sides are those of the frame. `outside` is the share of the writing left outside. `score` is
    about 1.2 where all is clear, and below 0.6 where nothing is.
    """

    corners: np.ndarray
    support: np.ndarray
    at_frame: np.ndarray
    outside: float
    score: float


def best(small: np.ndarray, plain: np.ndarray) -> Quad:
    """The sheet in `small` (RGB uint8 (h, w, 3)), of which `plain` (Lab) is the picture without writing."""
    corners, support, at_frame = _shortlist(Edges.of(plain))
    colours = _Colours(plain, corners)
    left, foreign = colours.areas()
    outside = colours.writing_outside(written(small))
    ends, uneven, paper = colours.along_sides()
    worth = np.where(at_frame, FRAME_WORTH[0] + np.ptp(FRAME_WORTH) * paper, support * (0.6 + 0.4 * ends))
    clear = np.clip((support.min(axis=1) - 0.3) / 0.2, 0, 1) * np.clip((ends.min(axis=1) - 0.22) / 0.12, 0, 1)
    score = (WEIGHTS["sides"] * worth.mean(axis=1)
             + WEIGHTS["weakest side"] * worth.min(axis=1)
             + WEIGHTS["all sides seen"] * clear * ~at_frame.any(axis=1)
             + WEIGHTS["no side seen"] * at_frame.all(axis=1)
             + WEIGHTS["paper outside"] * left
             + WEIGHTS["something else inside"] * foreign
             + WEIGHTS["uneven along the sides"] * uneven.mean(axis=1)
             + WEIGHTS["writing outside"] * outside
             + WEIGHTS["much writing outside"] * np.clip((outside - 0.07) / 0.1, 0, 1)
             + WEIGHTS["skewed"] * _skewed(corners)
             + WEIGHTS["any"])
    first = int(score.argmax())
    order = _reading_order(corners[first])
    return Quad(corners[first][order], support[first][order], at_frame[first][order], float(outside[first]),
                float(score[first]))


def _shortlist(edges: Edges) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners (k, 4, 2), clockwise, and of the side after each corner: support (k, 4) and whether it is the frame's."""
    height, width = edges.plain.shape[:2]
    sides = _foursomes(edges.angles)
    corners = np.stack([edges.crossings[sides[:, index - 1], sides[:, index]] for index in range(4)], axis=1)
    area = _areas(corners)
    limit = edges.middle + BEYOND * max(height, width)
    keep = (np.abs(corners) < limit).all(axis=(1, 2)) & (np.abs(area) > LEAST_AREA * height * width) & _convex(corners)
    sides, corners, area = sides[keep], corners[keep], area[keep]
    turned = area < 0
    corners[turned], sides[turned] = corners[turned][:, [0, 3, 2, 1]], sides[turned][:, ::-1]
    support = np.empty(sides.shape)
    for index in range(4):
        before, after = sides[:, index - 1], sides[:, (index + 1) % 4]
        own, visible = edges.stretches(sides[:, index], before, after)
        support[:, index] = np.where(visible < BLIND[0], np.minimum(own, BLIND[1]), own)
    at_frame = sides < FRAME_SIDES
    support[at_frame] = AT_FRAME
    lengths = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    by_length = (support * lengths).sum(axis=1) / lengths.sum(axis=1)
    first = 0.5 * by_length + 0.5 * support.mean(axis=1) + 0.25 * np.abs(area) / (height * width)
    chosen = np.argsort(-first, kind="stable")[:SHORTLIST]
    return corners[chosen] + edges.middle, support[chosen], at_frame[chosen]


def _foursomes(angles: np.ndarray) -> np.ndarray:
    """Indices (m, 4) of lines that may be the sides of a sheet, in the order in which they follow one another."""
    apart = np.abs(angles[:, None] - angles[None])
    one, other = np.nonzero(np.triu(np.minimum(apart, np.pi - apart) < OPPOSITE, 1))
    directions = np.angle(np.exp(2j * angles[one]) + np.exp(2j * angles[other])) / 2
    first, second = np.triu_indices(len(one), 1)
    apart = np.abs(directions[first] - directions[second])
    crossing = np.minimum(apart, np.pi - apart) > ADJACENT
    first, second = first[crossing], second[crossing]
    return np.column_stack([one[first], one[second], other[first], other[second]])


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _areas(corners: np.ndarray) -> np.ndarray:
    """Areas of quadrilaterals (k, 4, 2), above 0 where they run clockwise (y points downwards)."""
    return _cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]) / 2


def _convex(corners: np.ndarray) -> np.ndarray:
    edges = np.roll(corners, -1, axis=1) - corners
    turns = _cross(edges, np.roll(edges, -1, axis=1))
    return (turns > 0).all(axis=1) | (turns < 0).all(axis=1)


def _skewed(corners: np.ndarray) -> np.ndarray:
    """From 0 to 1: how unlikely the angles at the corners are."""
    edges = np.roll(corners, -1, axis=1) - corners
    edges /= np.maximum(np.linalg.norm(edges, axis=2, keepdims=True), 1e-9)
    off = np.degrees(np.arcsin(np.clip(np.abs((edges * np.roll(edges, -1, axis=1)).sum(axis=2)), 0, 1))).max(axis=1)
    return np.clip((off - SKEWED[0]) / (SKEWED[1] - SKEWED[0]), 0, 1)


def _reading_order(corners: np.ndarray) -> np.ndarray:
    """Order of the corners that begins with the side that runs most to the right: the top."""
    edges = np.roll(corners, -1, axis=0) - corners
    top = int(np.argmin(np.abs(np.arctan2(edges[:, 1], edges[:, 0]))))
    return (np.arange(4) + top) % 4


def written(small: np.ndarray) -> np.ndarray:
    """Middles (n×2 px) of small dark marks, most of them letters and words where there is writing.

    Marks much fainter than the strongest are the grain and the creases of what the sheet lies on.
    """
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    closed = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    depth = cv2.subtract(closed, grey)
    dark = (depth > np.maximum(6, closed // 10)).astype(np.uint8)
    count, labels, stats, middles = cv2.connectedComponentsWithStats(dark, connectivity=8)
    size = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    words = (size < WORD_SIZE) & (stats[:, cv2.CC_STAT_AREA] >= 4)
    words[0] = False
    if not words.any():
        return middles[words]
    rows, columns = np.nonzero(dark)
    relative = depth[rows, columns] / closed[rows, columns]
    strength = np.bincount(labels[rows, columns], relative, count) / np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    return middles[words & (strength >= FAINT * np.percentile(strength[words], 95))]


class _Colours:
    """Colours inside and around quadrilaterals (k, 4, 2) of a picture: Lab uint8 (h, w, 3)."""

    def __init__(self, plain: np.ndarray, corners: np.ndarray) -> None:
        self._plain, self._corners = plain, corners
        inner = np.linspace(0.12, 0.88, 8)
        across, down = (grid.ravel() for grid in np.meshgrid(inner, inner))
        colours, _ = self._at(across, down)
        self._paper = np.median(colours, axis=1)

    def _at(self, across: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Colours (k, n, 3) at places given as shares of width and height, and which are in the picture (k, n)."""
        shares = np.stack([(1 - across) * (1 - down), across * (1 - down), across * down, (1 - across) * down])
        points = np.round(np.einsum("sn,ksd->knd", shares, self._corners)).astype(int)
        height, width = self._plain.shape[:2]
        within = ((points >= 0) & (points < (width, height))).all(axis=-1)
        columns, rows = np.clip(points[..., 0], 0, width - 1), np.clip(points[..., 1], 0, height - 1)
        return self._plain[rows, columns].astype(np.float32), within

    def along_sides(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each side (k, 4): how different it is beyond, how uneven just inside, and how like paper along it; 0 to 1."""
        places = np.linspace(0.06, 0.94, 12)
        depth, place = (grid.ravel() for grid in np.meshgrid(DEPTHS, places, indexing="ij"))
        measures = []
        for across, down in ((place, depth), (1 - depth, place), (place, 1 - depth), (depth, place)):
            colours, within = self._at(across, down)
            shape = (len(self._corners), len(DEPTHS), len(places))
            measures.append(self._side(colours.reshape(*shape, 3), within.reshape(shape)))
        ends, uneven, paper = (np.stack(values, axis=1) for values in zip(*measures, strict=True))
        return ends, uneven, paper

    def _side(self, colours: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        edge = colours[:, EDGE].mean(axis=1)
        seen = within[:, EDGE].all(axis=1)
        change = np.sqrt((((colours - edge[:, None]) * LAB_WEIGHTS) ** 2).sum(axis=-1))
        beyond = _median(change[:, OUT], within[:, OUT] & seen[:, None])
        uneven = _median(change[:, DEEP], within[:, DEEP] & seen)
        like = self._likeness(edge).mean(axis=1)
        ends = np.where(np.isnan(beyond), 0.7, beyond / (beyond + 5))
        return ends, np.clip((np.nan_to_num(uneven) - 6) / 25, 0, 1), like

    def _likeness(self, colours: np.ndarray) -> np.ndarray:
        """How like the paper of each quadrilateral colours (n, 3) or (k, n, 3) are: (k, n), from 0 to 1."""
        apart = (colours - self._paper[:, None]) / PAPER_SPREAD
        return np.exp(-(apart**2).sum(axis=-1) / 2)

    def _holds(self, points: np.ndarray, rim: float = 0.0) -> np.ndarray:
        """Which of the points (n×2) each quadrilateral holds: bool (k, n)."""
        holds = np.ones((len(self._corners), len(points)), bool)
        for corner, following in zip(np.moveaxis(self._corners, 1, 0), np.roll(np.moveaxis(self._corners, 1, 0), -1, 0),
                                     strict=True):
            along = following - corner
            normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.linalg.norm(along, axis=1)[:, None]
            holds &= (normal @ points.T - (normal * corner).sum(axis=1)[:, None]) > -rim
        return holds

    def areas(self) -> tuple[np.ndarray, np.ndarray]:
        """Share of the picture that is paper left outside (k), and share of the inside that is not paper (k)."""
        height, width = self._plain.shape[:2]
        step = max(1, max(height, width) // GRID)
        rows, columns = (grid.ravel() for grid in np.mgrid[step // 2 : height : step, step // 2 : width : step])
        like = self._likeness(self._plain[rows, columns].astype(np.float32))
        holds = self._holds(np.column_stack([columns, rows]).astype(np.float64))
        left = (like * ~holds).mean(axis=1)
        foreign = ((1 - like) * holds).sum(axis=1) / np.maximum(holds.sum(axis=1), 1)
        return left, foreign

    def writing_outside(self, marks: np.ndarray) -> np.ndarray:
        """Share (k) of the marks (n×2), by how like this paper is what they stand on, that lie outside."""
        if len(marks) == 0:
            return np.zeros(len(self._corners))
        columns, rows = np.round(marks).astype(int).T
        like = self._likeness(self._plain[rows, columns].astype(np.float32))
        like = np.clip((like - UNLIKE) / (1 - UNLIKE), 0, 1)
        return (like * ~self._holds(marks, RIM)).sum(axis=1) / np.maximum(like.sum(axis=1), 10)


def _median(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Median over all but the first axis of what is known; NaN where nothing is."""
    flat = np.where(known, values, np.inf).reshape(len(values), -1)
    count = known.reshape(len(known), -1).sum(axis=1)
    ranked = np.sort(flat, axis=1)[np.arange(len(flat)), np.maximum(count - 1, 0) // 2]
    return np.where(count > 0, ranked, np.nan)
