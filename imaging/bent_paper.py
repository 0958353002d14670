"""A sheet of paper that bends but does not stretch, before a camera: its shape and place, from what is seen of it.

The sheet bends about two axes that are square to each other: along each the paper's slope follows a smooth profile, so
that what is straight across an axis stays straight, as paper wants it (developable surfaces; Perriollat & Bartoli,
A computational model of bounded developable surfaces, 2013, is the general case). A pinhole camera looks at it. Unknown
are the camera's place and focal length, the sheet's proportions, the direction of the axes, and both profiles. They are
found by Levenberg and Marquardt's method (Nocedal & Wright, Numerical Optimization, ch. 10) from where spots of the
sheet, its edges and its lines are seen, each as far as it can be trusted, and from what paper and cameras are like.

Places on the sheet are 0 to 1, across and down. Points are those of `Lens`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

KNOTS = 7  # of each profile
FINE = 96  # steps in which a profile is added up
FOCAL = 1.0  # of the picture's longer side: what phones have, about
SIGMA_FOCAL, SIGMA_RATIO, SIGMA_AXES = 0.15, 0.01, 0.15  # of the logarithms; radians
SIGMA_BEND, SIGMA_SLOPE, SIGMA_MEAN = 0.1, 0.5, 0.02  # radians: from knot to knot, of any knot, of all of a profile
SIGMA_SPOT, SIGMA_EDGE, SIGMA_LINE = 0.02, 0.002, 0.002  # of the sheet's extent
SPOTS, EDGES, LINES = 15.0, 60.0, 60.0  # so many independent measurements all of a kind count
ODD_EDGE, ODD_LINE = 3.0, 4.0  # times its σ: what is wrong by more counts less
STEPS, TRIES, GAIN = 5, 6, 1e-4
NUDGE = 1e-5  # for slopes


@dataclass(frozen=True)
class Lens:
    """From pixels of the whole picture to points: from its middle, in its longer side; mirrored where the picture is."""

    size: tuple[int, int]
    mirrored: bool = False

    @property
    def _scale(self) -> np.ndarray:
        return np.array([-1.0 if self.mirrored else 1.0, 1.0]) * max(self.size)

    def points(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (n×2) as points (n×2)."""
        return (np.asarray(pixels, np.float64) - (np.array(self.size) - 1) / 2) / self._scale

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Points (n×2) as pixels (n×2)."""
        return points * self._scale + (np.array(self.size) - 1) / 2


@dataclass(frozen=True)
class Spots:
    """Places (n×2) of the sheet, the points (n×2) where they are seen, and how much each counts (n)."""

    places: np.ndarray
    points: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Edges:
    """Places (n×2) on the sheet's sides, points (n×2) of edges seen near them, and the edges' normals (n×2)."""

    places: np.ndarray
    points: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True)
class Lines:
    """Points (n×2 each) that lie on one line of the sheet, level (`axis` 1) or upright (0), and how much each counts (n)."""

    axis: int
    start: np.ndarray
    end: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """All that is seen of a sheet, and its likely `ratio`, width over height."""

    ratio: float
    spots: Spots | None = None
    edges: Edges | None = None
    lines: tuple[Lines, ...] = ()


@dataclass(frozen=True)
class BentPaper:
    """Numbers: rotation (3), shift (2, over depth), and the logarithms of depth, focal length and ratio; the direction
    of the axes; then the slopes at the knots of both profiles. Lengths are in heights of the sheet, angles in radians."""

    numbers: np.ndarray

    @classmethod
    def plane(cls, corners: np.ndarray, ratio: float) -> BentPaper:
        """A plane sheet of about this ratio whose `corners` (4×2, clockwise from top left) are seen at these points."""
        seen = _axes(corners)
        seen /= np.linalg.norm(seen[:, 1])
        across, down = seen[:, 0] / np.linalg.norm(seen[:, 0]), seen[:, 1]
        left, _, right = np.linalg.svd(np.column_stack([across, down, np.cross(across, down)]))
        rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
        shift, depth = seen[:2, 2] / seen[2, 2], seen[2, 2]
        pose = [*cv2.Rodrigues(rotation)[0].ravel(), *shift, np.log(depth), np.log(FOCAL), np.log(ratio), 0.0]
        return cls(np.concatenate([pose, np.zeros(2 * KNOTS)]))

    @staticmethod
    def ratio_seen(corners: np.ndarray) -> float:
        """Width over height of a plane sheet whose corners are seen at these points."""
        seen = _axes(corners)
        return float(np.linalg.norm(seen[:, 0]) / np.linalg.norm(seen[:, 1]))

    @property
    def ratio(self) -> float:
        """Width over height of the flat sheet."""
        return float(np.exp(self.numbers[7]))

    def points(self, places: np.ndarray) -> np.ndarray:
        """Where `places` (n×2) are seen (n×2 points)."""
        depth, focal, ratio = np.exp(self.numbers[5:8])
        cos, sin = np.cos(self.numbers[8]), np.sin(self.numbers[8])
        x, y = (places[:, 0] - 0.5) * ratio, places[:, 1] - 0.5
        along, z_along = _bent(cos * x + sin * y, self.numbers[9 : 9 + KNOTS], 0.5 * (abs(cos) * ratio + abs(sin)))
        over, z_over = _bent(cos * y - sin * x, self.numbers[9 + KNOTS :], 0.5 * (abs(sin) * ratio + abs(cos)))
        body = np.column_stack([cos * along - sin * over, sin * along + cos * over, z_along + z_over])
        seen = body @ cv2.Rodrigues(self.numbers[:3])[0].T + [*(self.numbers[3:5] * depth), depth]
        return focal * seen[:, :2] / seen[:, 2:]

    def slopes(self, places: np.ndarray) -> np.ndarray:
        """Change (n, 2, 2) of the points by place: the last index is across or down on the sheet."""
        own = self.points(places)
        return np.stack([(self.points(places + step) - own) / NUDGE for step in np.eye(2) * NUDGE], axis=-1)

    def places(self, points: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Which places (n×2) are seen at `points` (n×2): Newton's method from places `near` them."""
        found = near
        for _ in range(3):
            wrong = points - self.points(found)
            found = found + np.linalg.solve(self.slopes(found), wrong[..., None])[..., 0]
        return found


def _axes(corners: np.ndarray) -> np.ndarray:
    """The sheet's sides across and down and its middle, in space, as columns (3×3); of any common scale."""
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]], np.float32)
    seen = np.diag([1 / FOCAL, 1 / FOCAL, 1]) @ cv2.getPerspectiveTransform(unit, np.asarray(corners, np.float32))
    return seen * np.sign(seen[2, 2])


def _bent(flat: np.ndarray, slopes: np.ndarray, half: float) -> tuple[np.ndarray, np.ndarray]:
    """How far along and how high paper comes to lie that is bent along one axis; beyond ±`half` it goes on straight."""
    fine = np.linspace(-half, half, FINE + 1)
    angles = np.interp(fine, np.linspace(-half, half, len(slopes)), slopes)
    middles, step = (angles[1:] + angles[:-1]) / 2, fine[1] - fine[0]
    inner = np.clip(flat, -half, half)
    beyond = flat - inner
    ends = np.where(flat < 0, angles[0], angles[-1])
    way = []
    for part, beside in ((np.cos(middles), np.cos(ends)), (np.sin(middles), np.sin(ends))):
        total = np.concatenate([[0.0], np.cumsum(part)]) * step
        way.append(np.interp(inner, fine, total - total[FINE // 2]) + beyond * beside)
    return way[0], way[1]


def fitted(paper: BentPaper, seen: Evidence, extent: float) -> tuple[BentPaper, float]:
    """The paper that agrees best with what is seen of it, and by how much it does not (sum of squares of errors in their σ).

    `extent` is the sheet's in points, the square root of the area that it covers. Starts from `paper`.
    """
    asked = _Asked.of(paper, seen, extent)
    damping, now = 1e-2, paper.numbers
    errors = asked.errors(now)
    cost = float(errors @ errors)
    for _ in range(STEPS):
        change = np.column_stack([(asked.errors(now + step) - errors) / NUDGE for step in np.eye(len(now)) * NUDGE])
        square, slope = change.T @ change, change.T @ errors
        before = cost
        for _ in range(TRIES):
            tried = now - np.linalg.solve(square + damping * np.diag(np.diag(square) + 1e-9), slope)
            new = asked.errors(tried)
            if np.isfinite(new).all() and new @ new < cost:
                now, errors, cost, damping = tried, new, float(new @ new), max(damping / 5, 1e-6)
                break
            damping *= 5
        if before - cost < GAIN * before:
            break
    return replace(paper, numbers=now), cost


@dataclass(frozen=True)
class _Asked:
    """What a fit asks of the points at `places` (n×2), all kinds behind one another, so that they are computed at once.

    Each of `kinds` turns its own points (a slice of them) into errors in their σ.
    """

    places: np.ndarray
    kinds: tuple[tuple[slice, Callable[[np.ndarray], np.ndarray]], ...]
    ratio: float

    @classmethod
    def of(cls, paper: BentPaper, seen: Evidence, extent: float) -> _Asked:
        parts = [_spots_asked(seen.spots, extent)] if seen.spots is not None else []
        parts += [_edges_asked(seen.edges, extent)] if seen.edges is not None and len(seen.edges.places) else []
        parts += [_lines_asked(paper, lines) for lines in seen.lines]
        ends = np.cumsum([0, *(len(places) for places, _ in parts)])
        kinds = tuple((slice(*span), errors) for span, (_, errors) in zip(pairwise(ends), parts, strict=True))
        return cls(np.concatenate([places for places, _ in parts] or [np.zeros((0, 2))]), kinds, seen.ratio)

    def errors(self, numbers: np.ndarray) -> np.ndarray:
        """All errors in their σ; also those of the paper itself against what paper and cameras are like."""
        likely = [np.log(FOCAL), np.log(self.ratio), 0.0]
        errors = [(numbers[6:9] - likely) / [SIGMA_FOCAL, SIGMA_RATIO, SIGMA_AXES]]
        for slopes in (numbers[9 : 9 + KNOTS], numbers[9 + KNOTS :]):
            errors += [np.diff(slopes, 2) / SIGMA_BEND, slopes / SIGMA_SLOPE, slopes.mean(keepdims=True) / SIGMA_MEAN]
        points = BentPaper(numbers).points(self.places)
        return np.concatenate([*errors, *(kind(points[own]) for own, kind in self.kinds)])


_Kind = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]


def _spots_asked(spots: Spots, extent: float) -> _Kind:
    weights = (np.sqrt(SPOTS * spots.weights / spots.weights.sum()) / (SIGMA_SPOT * extent))[:, None]
    return spots.places, lambda points: ((points - spots.points) * weights).ravel()


def _edges_asked(edges: Edges, extent: float) -> _Kind:
    def errors(points: np.ndarray) -> np.ndarray:
        away = ((points - edges.points) * edges.normals).sum(axis=1) / (SIGMA_EDGE * extent)
        return _milder(away, ODD_EDGE) * np.sqrt(EDGES / len(away))

    return edges.places, errors


def _lines_asked(paper: BentPaper, lines: Lines) -> _Kind:
    """Both ends of a line are to come to lie on one line of the sheet: how their places change with the paper is linear
    about the paper that the fit begins with."""
    seen = np.concatenate([lines.start, lines.end])
    places = paper.places(seen, _nearest(paper, seen))
    back = np.linalg.inv(paper.slopes(places))[:, lines.axis]
    half, unit = len(lines.start), 1.0 if lines.axis else paper.ratio
    weights = np.sqrt(LINES * lines.weights / lines.weights.sum())

    def errors(points: np.ndarray) -> np.ndarray:
        across = places[:, lines.axis] + ((seen - points) * back).sum(axis=1)
        return _milder((across[half:] - across[:half]) * unit / SIGMA_LINE, ODD_LINE) * weights

    return places, errors


def _nearest(paper: BentPaper, points: np.ndarray) -> np.ndarray:
    """Places (n×2), roughly, seen at `points` (n×2): by the plane nearest to the paper."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    back = cv2.getPerspectiveTransform(paper.points(corners).astype(np.float32), corners.astype(np.float32))
    return cv2.perspectiveTransform(points[None], back)[0]


def _milder(errors: np.ndarray, odd: float) -> np.ndarray:
    """Errors (in σ) whose squares grow only in proportion from `odd` σ on."""
    return errors / (1 + (errors / odd) ** 2) ** 0.25


def edge_errors(paper: BentPaper, edges: Edges) -> np.ndarray:
    """How far (n) the sides of the paper lie from the edges seen, in points."""
    return ((paper.points(edges.places) - edges.points) * edges.normals).sum(axis=1)
