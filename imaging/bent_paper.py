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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
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
        body = self._body(places)[0]
        return _seen(self.numbers, body @ cv2.Rodrigues(self.numbers[:3])[0].T)[0]

    def changes(self, places: np.ndarray) -> np.ndarray:
        """How the points change with each of the numbers: (23, n, 2)."""
        (tx, ty), (depth, focal) = self.numbers[3:5], np.exp(self.numbers[5:7])
        rotation, turns = cv2.Rodrigues(self.numbers[:3])
        body, by_slopes = self._body(places, changes=True)
        points, far = _seen(self.numbers, body @ rotation.T)
        space = [body @ turn.reshape(3, 3).T for turn in turns]
        space += [np.broadcast_to(depth * np.array(way), body.shape) for way in ((1, 0, 0), (0, 1, 0), (tx, ty, 1))]
        space.append(np.zeros_like(body))
        for index in (7, 8):
            nudged = self.numbers.copy()
            nudged[index] += NUDGE
            space.append((BentPaper(nudged)._body(places)[0] - body) @ rotation.T / NUDGE)
        space = np.concatenate([np.array(space), by_slopes @ rotation.T])
        found = (focal * space[..., :2] - points * space[..., 2:]) / far[:, None]
        found[6] = points
        return found

    def _body(self, places: np.ndarray, changes: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The bent sheet in space (n×3), and if asked for how that changes with each of the slopes (2 × KNOTS, n, 3)."""
        ratio = self.ratio
        cos, sin = np.cos(self.numbers[8]), np.sin(self.numbers[8])
        x, y = (places[:, 0] - 0.5) * ratio, places[:, 1] - 0.5
        along, d_along = _bent(cos * x + sin * y, self.numbers[9 : 9 + KNOTS], 0.5 * (abs(cos) * ratio + abs(sin)), changes)
        over, d_over = _bent(cos * y - sin * x, self.numbers[9 + KNOTS :], 0.5 * (abs(sin) * ratio + abs(cos)), changes)
        turned, other = np.array([[cos, sin, 0], [0, 0, 1]]), np.array([[-sin, cos, 0], [0, 0, 1]])
        return along @ turned + over @ other, np.concatenate([d_along @ turned, d_over @ other])

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


def _seen(numbers: np.ndarray, turned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n×2) at which the camera sees a turned body (n×3), and how far off each is (n)."""
    depth, focal = np.exp(numbers[5:7])
    seen = turned + np.append(numbers[3:5] * depth, depth)
    return focal * seen[:, :2] / seen[:, 2:], seen[:, 2]


def _bent(flat: np.ndarray, slopes: np.ndarray, half: float, changes: bool) -> tuple[np.ndarray, np.ndarray]:
    """How far along and how high (n×2) paper comes to lie that is bent along one axis, and if asked for how that changes
    with each slope (k, n, 2). Beyond ±`half` it goes on straight."""
    hats = _hats(len(slopes))
    angles = slopes @ hats
    asked = hats if changes else hats[:0]
    middles, of_each = (angles[1:] + angles[:-1]) / 2, (asked[:, 1:] + asked[:, :-1]) / 2
    cos, sin = np.cos(middles), np.sin(middles)
    steps = np.concatenate([[cos, sin], -sin * of_each, cos * of_each]) * (2 * half / FINE)
    ways = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
    ways -= ways[:, FINE // 2, None]
    at = np.clip((flat + half) * (FINE / (2 * half)), 0, FINE)
    first = np.minimum(at.astype(int), FINE - 1)
    part = at - first
    found = ways[:, first] * (1 - part) + ways[:, first + 1] * part
    beyond, last = flat - np.clip(flat, -half, half), np.where(flat < 0, 0, FINE)
    if beyond.any():
        cos, sin = np.cos(angles)[last], np.sin(angles)[last]
        found += beyond * np.concatenate([[cos, sin], -sin * asked[:, last], cos * asked[:, last]])
    count = len(asked)
    return found[:2].T, np.stack([found[2 : 2 + count], found[2 + count :]], axis=-1)


@cache
def _hats(count: int) -> np.ndarray:
    """What each of `count` knots counts at each fine place between them: (count, FINE + 1)."""
    places = np.linspace(0, count - 1, FINE + 1)
    return np.maximum(0.0, 1 - np.abs(places - np.arange(count)[:, None]))


def fitted(paper: BentPaper, seen: Evidence, extent: float) -> tuple[BentPaper, float]:
    """The paper that agrees best with what is seen of it, and by how much it does not (sum of squares of errors in their σ).

    `extent` is the sheet's in points, the square root of the area that it covers. Starts from `paper`.
    """
    asked = _Asked.of(paper, seen, extent)
    damping, now = 1e-2, paper.numbers
    errors = asked.errors(now)
    cost = float(errors @ errors)
    for _ in range(STEPS):
        change = asked.changes(now)
        square, slope = change @ change.T, change @ errors
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
class _Kind:
    """One kind of evidence: what it asks of the points at `places`.

    `away` gives errors in their σ and is linear in the points, (…, n, 2) to (…, m); `weights` says how much each counts;
    beyond `odd` σ their squares grow only in proportion.
    """

    places: np.ndarray
    away: Callable[[np.ndarray], np.ndarray]
    weights: np.ndarray
    odd: float = np.inf

    def errors(self, points: np.ndarray) -> np.ndarray:
        """Weighed errors (m)."""
        away = self.away(points)
        return away / (1 + (away / self.odd) ** 2) ** 0.25 * self.weights

    def changes(self, points: np.ndarray, changes: np.ndarray) -> np.ndarray:
        """How the errors change (k, m) where the points change so (k, n, 2)."""
        away = self.away(points)
        odd = (away / self.odd) ** 2
        return (self.away(points + changes) - away) * ((1 + odd / 2) / (1 + odd) ** 1.25 * self.weights)


@dataclass(frozen=True)
class _Asked:
    """All that a fit asks: the kinds of evidence, whose places are computed at once, and what paper is like."""

    kinds: tuple[_Kind, ...]
    ratio: float

    @classmethod
    def of(cls, paper: BentPaper, seen: Evidence, extent: float) -> _Asked:
        kinds = [_spots_asked(seen.spots, extent)] if seen.spots is not None else []
        kinds += [_edges_asked(seen.edges, extent)] if seen.edges is not None and len(seen.edges.places) else []
        return cls((*kinds, *(_lines_asked(paper, lines) for lines in seen.lines)), seen.ratio)

    @property
    def _places(self) -> np.ndarray:
        return np.concatenate([kind.places for kind in self.kinds] or [np.zeros((0, 2))])

    def _with_own(self, points: np.ndarray) -> Iterator[tuple[_Kind, np.ndarray]]:
        """Each kind with those of the points (…, n, 2) that are its own."""
        ends = np.cumsum([0, *(len(kind.places) for kind in self.kinds)])
        return zip(self.kinds, (points[..., start:end, :] for start, end in pairwise(ends)), strict=True)

    def errors(self, numbers: np.ndarray) -> np.ndarray:
        """All errors in their σ; also those of the paper itself against what paper and cameras are like."""
        own = self._with_own(BentPaper(numbers).points(self._places))
        return np.concatenate([_prior() @ (numbers - self._likely), *(kind.errors(points) for kind, points in own)])

    def changes(self, numbers: np.ndarray) -> np.ndarray:
        """How these change with each of the numbers: (23, m)."""
        paper = BentPaper(numbers)
        points, changes = paper.points(self._places), paper.changes(self._places)
        both = zip(self._with_own(points), self._with_own(changes), strict=True)
        return np.concatenate([_prior().T, *(kind.changes(own, change) for (kind, own), (_, change) in both)], axis=1)

    @property
    def _likely(self) -> np.ndarray:
        return np.array([0.0] * 6 + [np.log(FOCAL), np.log(self.ratio), 0.0] + [0.0] * 2 * KNOTS)


@cache
def _prior() -> np.ndarray:
    """What paper and cameras are like: numbers less the likely ones to errors in their σ, (m, 23)."""
    each = np.eye(9 + 2 * KNOTS)
    rows = [each[6:9] / np.array([SIGMA_FOCAL, SIGMA_RATIO, SIGMA_AXES])[:, None]]
    for slopes in (each[9 : 9 + KNOTS], each[9 + KNOTS :]):
        bends, mean = np.diff(slopes, 2, axis=0), slopes.mean(axis=0, keepdims=True)
        rows += [bends / SIGMA_BEND, slopes / SIGMA_SLOPE, mean / SIGMA_MEAN]
    return np.concatenate(rows)


def _spots_asked(spots: Spots, extent: float) -> _Kind:
    def away(points: np.ndarray) -> np.ndarray:
        return ((points - spots.points) / (SIGMA_SPOT * extent)).reshape(*points.shape[:-2], -1)

    return _Kind(spots.places, away, np.sqrt(SPOTS * spots.weights / spots.weights.sum()).repeat(2))


def _edges_asked(edges: Edges, extent: float) -> _Kind:
    def away(points: np.ndarray) -> np.ndarray:
        return ((points - edges.points) * edges.normals).sum(axis=-1) / (SIGMA_EDGE * extent)

    return _Kind(edges.places, away, np.full(len(edges.places), np.sqrt(EDGES / len(edges.places))), ODD_EDGE)


def _lines_asked(paper: BentPaper, lines: Lines) -> _Kind:
    """Both ends of a line are to come to lie on one line of the sheet: how their places change with the paper is linear
    about the paper that the fit begins with."""
    seen = np.concatenate([lines.start, lines.end])
    places = paper.places(seen, _nearest(paper, seen))
    back = np.linalg.inv(paper.slopes(places))[:, lines.axis]
    half, sigma = len(lines.start), SIGMA_LINE / (1.0 if lines.axis else paper.ratio)

    def away(points: np.ndarray) -> np.ndarray:
        across = places[:, lines.axis] + ((seen - points) * back).sum(axis=-1)
        return (across[..., half:] - across[..., :half]) / sigma

    return _Kind(places, away, np.sqrt(LINES * lines.weights / lines.weights.sum()), ODD_LINE)


def _nearest(paper: BentPaper, points: np.ndarray) -> np.ndarray:
    """Places (n×2), roughly, seen at `points` (n×2): by the plane nearest to the paper."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    back = cv2.getPerspectiveTransform(paper.points(corners).astype(np.float32), corners.astype(np.float32))
    return cv2.perspectiveTransform(points[None], back)[0]


def edge_errors(paper: BentPaper, edges: Edges) -> np.ndarray:
    """How far (n) the sides of the paper lie from the edges seen, in points."""
    return ((paper.points(edges.places) - edges.points) * edges.normals).sum(axis=1)
