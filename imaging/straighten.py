"""How far lines of writing and rules are bent: the shift, place by place, that makes them straight.

Two places on one line are to come to lie at one height. Each pair that `lines` finds asks that of a field of shifts
over the page; the field bends as little as these allow, and odd pairs are weighed down. Upright rules likewise.
A sheet whose sides are seen keeps them where they are; the page of a book is held in its middle, and what a turn or a
shift of the whole would do is left to `deskew`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.deskew import inner_ink, rules, weighted_median
from imaging.lines import Pieces, pieces
from imaging.view import View

ROWS, COLUMNS = 11, 11
STIFF, STIFFER = 0.004, 0.02  # of a sheet, and of the page of a book, against the sum of all pieces, as 1
LOOSE = 1e-4  # so that a shift that nothing asks for is none
ANCHORS, HELD = 24, 0.5  # places along each side that is to stay, and what they count together
ROUNDS = 4
OUTLIER = 2.5  # times the usual error
LEAST_PIECES = 40


@dataclass(frozen=True)
class Grid:
    """Nodes in `rows` and `columns`, evenly over a frame of `size` (width, height) px."""

    rows: int
    columns: int
    size: tuple[int, int]

    def basis(self, points: np.ndarray) -> np.ndarray:
        """What each node counts (n, rows × columns) at each of `points` (n×2 px); evenly between them."""
        at = np.asarray(points, np.float64) / (np.array(self.size) - 1.0) * (self.columns - 1, self.rows - 1)
        cell = np.clip(np.floor(at).astype(int), 0, (self.columns - 2, self.rows - 2))
        right, below = (at - cell).T
        first = cell[:, 1] * self.columns + cell[:, 0]
        basis, n = np.zeros((len(at), self.rows * self.columns)), np.arange(len(at))
        for step, weight in ((0, (1 - right) * (1 - below)), (1, right * (1 - below)),
                             (self.columns, (1 - right) * below), (self.columns + 1, right * below)):
            basis[n, first + step] = weight
        return basis

    def bends(self) -> np.ndarray:
        """Second differences of the nodes (m, rows × columns): across, down, and the twist of each cell."""
        index = np.arange(self.rows * self.columns).reshape(self.rows, self.columns)
        kinds = [((index[:, :-2], 1.0), (index[:, 1:-1], -2.0), (index[:, 2:], 1.0)),
                 ((index[:-2], 1.0), (index[1:-1], -2.0), (index[2:], 1.0)),
                 ((index[:-1, :-1], 1.0), (index[:-1, 1:], -1.0), (index[1:, :-1], -1.0), (index[1:, 1:], 1.0))]
        parts = []
        for kind in kinds:
            part = np.zeros((kind[0][0].size, index.size))
            for nodes, weight in kind:
                part[np.arange(len(part)), nodes.ravel()] += weight
            parts.append(part)
        return np.concatenate(parts)


@dataclass(frozen=True)
class Shifts:
    """Shifts at the nodes of a grid over a frame: across and down, float64 (rows, columns), px of the frame."""

    grid: Grid
    across: np.ndarray
    down: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """By how much flat `points` (n×2) are shifted in the frame (n×2)."""
        basis = self.grid.basis(np.asarray(points, np.float64))
        return np.column_stack([basis @ self.across.ravel(), basis @ self.down.ravel()])


def bent_lines(view: View, reach: float, spans: tuple[int, ...]) -> tuple[Pieces, Pieces]:
    """Pieces of level lines, and of upright rules, in pixels of the frame."""
    mask = inner_ink(view)
    level = pieces(mask & (1 - rules(mask, upright=True)), 0.0, reach, spans)
    tall = np.ascontiguousarray(rules(mask, upright=True).T)
    upright = pieces(tall, 0.0, reach, spans)
    turned = Pieces(upright.start[:, ::-1], upright.end[:, ::-1], upright.weights)
    return _in_frame(view, level), _in_frame(view, turned)


def _in_frame(view: View, found: Pieces) -> Pieces:
    return Pieces(view.to_frame(found.start), view.to_frame(found.end), found.weights)


def solved(size: tuple[int, int], level: Pieces, upright: Pieces) -> Shifts:
    """The shifts that make the lines straight; the frame's sides stay."""
    grid = Grid(ROWS, COLUMNS, size)
    across, down = (_field(grid, found, axis, _sides(size, axis), STIFF) for axis, found in ((0, upright), (1, level)))
    return Shifts(grid, across, down)


def levelled(size: tuple[int, int], level: Pieces) -> Shifts:
    """The shifts up and down that make level lines straight, less what a turn or a shift of the whole would do."""
    grid = Grid(ROWS, COLUMNS, size)
    middle = np.column_stack([np.full(ANCHORS, 0.5), np.linspace(0, 1, ANCHORS)]) * (np.array(size) - 1.0)
    down = _field(grid, level, 1, middle, STIFFER)
    x, y = np.meshgrid(np.linspace(-1, 1, COLUMNS), np.linspace(-1, 1, ROWS))
    plane = np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)])
    linear = plane @ np.linalg.lstsq(plane, down.ravel(), rcond=None)[0]
    return Shifts(grid, np.zeros((ROWS, COLUMNS)), down - linear.reshape(ROWS, COLUMNS))


def unevenness(level: Pieces) -> float:
    """By how much (px) pieces of level lines usually depart from their common direction; 0 where there are too few."""
    if len(level) < LEAST_PIECES:
        return 0.0
    across, down = (level.end - level.start).T
    return weighted_median(np.abs(down - across * weighted_median(down / across, level.weights)), level.weights)


def _field(grid: Grid, found: Pieces, axis: int, held: np.ndarray, stiffness: float) -> np.ndarray:
    if len(found) < LEAST_PIECES:
        return np.zeros((ROWS, COLUMNS))
    differences = grid.basis(found.end) - grid.basis(found.start)
    wanted = (found.end - found.start)[:, axis]
    bends, anchors = grid.bends(), grid.basis(held)
    fixed = stiffness * bends.T @ bends + LOOSE * np.eye(bends.shape[1]) + HELD / len(anchors) * anchors.T @ anchors
    weights, field = found.weights / found.weights.sum(), np.zeros(bends.shape[1])
    for _ in range(ROUNDS):
        weighted = differences * weights[:, None]
        field = np.linalg.solve(weighted.T @ differences + fixed, weighted.T @ wanted)
        error = np.abs(differences @ field - wanted)
        usual = max(0.5, weighted_median(error, found.weights))
        weights = found.weights / (1 + (error / (OUTLIER * usual)) ** 2)
        weights = weights / weights.sum()
    return field.reshape(ROWS, COLUMNS)


def _sides(size: tuple[int, int], axis: int) -> np.ndarray:
    """Places on two opposite sides."""
    along = np.linspace(0, 1, ANCHORS)
    whole = np.concatenate([np.column_stack([along, np.full(ANCHORS, at)]) for at in (0.0, 1.0)])
    return (whole if axis else whole[:, ::-1]) * (np.array(size) - 1.0)
