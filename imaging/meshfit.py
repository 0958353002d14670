"""A smooth mesh through many measured places: least squares, with outliers weighed down.

Unknown are the nodes of a grid; between them a place counts as evenly between. What is asked of the nodes: that measured
places lie where they were seen; that places on an edge of the sheet lie on the edge seen (wherever along it); and
that the grid bends as little as these allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 3  # of weighing outliers down
OUTLIER = 3.0  # times the usual error
LEAST_ERROR = 0.5  # px: what is measured is no better


@dataclass(frozen=True)
class Grid:
    """Nodes in `rows` and `columns` over the places from `low` to `high` (across, down) of the flat sheet."""

    rows: int
    columns: int
    low: tuple[float, float]
    high: tuple[float, float]

    def basis(self, places: np.ndarray) -> np.ndarray:
        """What each node counts (n, rows × columns) for each of `places` (n×2)."""
        low, high = np.array(self.low), np.array(self.high)
        at = (places - low) / (high - low) * (self.columns - 1, self.rows - 1)
        cell = np.clip(np.floor(at).astype(int), 0, (self.columns - 2, self.rows - 2))
        right, below = (at - cell).T
        first = cell[:, 1] * self.columns + cell[:, 0]
        basis, n = np.zeros((len(places), self.rows * self.columns)), np.arange(len(places))
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
class Seen:
    """Places (n×2) of the flat sheet, where they were seen (n×2 px), and how surely (n)."""

    places: np.ndarray
    points: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class SeenEdges:
    """Places (n×2) on edges of the flat sheet, points (n×2 px) of the edges seen near them, the edges' normals (n×2)."""

    places: np.ndarray
    points: np.ndarray
    normals: np.ndarray


def fitted(grid: Grid, seen: Seen, stiffness: float, edges: SeenEdges | None = None, edge_weight: float = 1.0) -> np.ndarray:
    """Nodes (rows, columns, 2) in px. `stiffness` weighs bends against the sum of all places seen, as 1."""
    basis = grid.basis(seen.places)
    weights = seen.weights / seen.weights.sum()
    bends = grid.bends()
    stiff = stiffness * bends.T @ bends
    nodes = None
    for _ in range(ROUNDS):
        square = (basis * weights[:, None]).T @ basis + stiff
        target = (basis * weights[:, None]).T @ seen.points
        nodes = np.linalg.solve(square, target) if edges is None else _with_edges(grid, square, target, edges, edge_weight)
        error = np.linalg.norm(basis @ nodes - seen.points, axis=1)
        usual = max(LEAST_ERROR, float(np.median(error)))
        weights = seen.weights / (1 + (error / (OUTLIER * usual)) ** 2)
        weights = weights / weights.sum()
    return nodes.reshape(grid.rows, grid.columns, 2)


def _with_edges(grid: Grid, square: np.ndarray, target: np.ndarray, edges: SeenEdges, weight: float) -> np.ndarray:
    """Across and down belong together where only the distance from an edge is known."""
    count = len(square)
    basis = grid.basis(edges.places)
    rows = np.concatenate([basis * edges.normals[:, :1], basis * edges.normals[:, 1:]], axis=1)
    away = (edges.points * edges.normals).sum(axis=1)
    both = np.zeros((2 * count, 2 * count))
    both[:count, :count] = both[count:, count:] = square
    both += weight / max(1, len(away)) * rows.T @ rows
    wanted = np.concatenate([target[:, 0], target[:, 1]]) + weight / max(1, len(away)) * rows.T @ away
    return np.linalg.solve(both, wanted).reshape(2, count).T


def rms(grid: Grid, nodes: np.ndarray, seen: Seen) -> float:
    """Root mean square of how far places lie from where they were seen, px."""
    away = grid.basis(seen.places) @ nodes.reshape(-1, 2) - seen.points
    return float(np.sqrt((seen.weights * (away**2).sum(axis=1)).sum() / seen.weights.sum()))
