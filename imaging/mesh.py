"""How a bent sheet lies: for the points of a grid over the flat sheet, where they are in the picture of the bent one.

Between the points it is smooth (Catmull & Rom, 1974: cubic pieces through the points); beyond them it goes on straight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

RINGS = 2  # of points that are added around the grid, so that it goes on straight
ROUNDS, EXACT = 30, 1e-4  # of the search back from the bent sheet; px
LEAST_TURN = 1e-9  # px² a px²: a mesh that folds over itself has no way back there

Nodes = tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True)
class Mesh:
    """`nodes`: rows of (x, y) in pixels of the bent frame. They belong to a regular grid whose corners are the corners
    of a flat frame of `size` (width, height) pixels."""

    nodes: Nodes
    size: tuple[int, int]

    @classmethod
    def of(cls, nodes: np.ndarray | Sequence, size: Sequence[int]) -> Mesh:
        """From an array (rows, columns, 2), three of each at least. Raises ValueError."""
        grid = np.asarray(nodes, np.float64)
        if grid.ndim != 3 or grid.shape[2] != 2 or min(grid.shape[:2]) < 3 or not np.isfinite(grid).all():
            raise ValueError(f"no mesh: {grid.shape}")
        return cls(tuple(tuple(map(tuple, row)) for row in grid.tolist()), (int(size[0]), int(size[1])))

    def bent(self, points: np.ndarray) -> np.ndarray:
        """Where flat `points` (n×2) lie in the bent frame (n×2)."""
        at = self._on_grid(points)
        inner = np.clip(at, 0, np.array(self._grid.shape[1::-1]) - 1 - 2 * RINGS + 2)
        found, beyond = self._between(inner), (at != inner).any(axis=1)
        if beyond.any():
            found[beyond] += ((at - inner)[beyond, None] @ self._slopes(inner[beyond]))[:, 0]
        return found

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Where bent `points` (n×2) lie on the flat frame (n×2): Newton's method from the best-fitting plane."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        found = np.column_stack([points, np.ones(len(points))]) @ self._plane
        for _ in range(ROUNDS):
            wrong = self.bent(found) - points
            if not len(found) or np.abs(wrong).max() < EXACT:
                break
            x, y = (self.bent(found + step) - self.bent(found - step) for step in ([0.5, 0.0], [0.0, 0.5]))
            turn = x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]
            turn = np.where(np.abs(turn) < LEAST_TURN, LEAST_TURN, turn)
            across = (wrong[:, 0] * y[:, 1] - wrong[:, 1] * y[:, 0]) / turn
            down = (wrong[:, 1] * x[:, 0] - wrong[:, 0] * x[:, 1]) / turn
            farthest = 0.25 * max(self.size)
            found = found - np.clip(np.column_stack([across, down]), -farthest, farthest)
        return found

    def _on_grid(self, points: np.ndarray) -> np.ndarray:
        """Flat pixels as columns and rows of the grown grid's inner part: 1 is the first of the nodes."""
        width, height = self.size
        rows, columns = len(self.nodes), len(self.nodes[0])
        scale = np.array([(columns - 1) / max(1, width - 1), (rows - 1) / max(1, height - 1)])
        return np.asarray(points, np.float64).reshape(-1, 2) * scale + 1.0

    @cached_property
    def _grid(self) -> np.ndarray:
        grid = np.array(self.nodes)
        for _ in range(RINGS):
            grid = np.concatenate([2 * grid[:1] - grid[1:2], grid, 2 * grid[-1:] - grid[-2:-1]])
            grid = np.concatenate([2 * grid[:, :1] - grid[:, 1:2], grid, 2 * grid[:, -1:] - grid[:, -2:-1]], axis=1)
        return grid

    @cached_property
    def _plane(self) -> np.ndarray:
        """The affine map (3×2) from the bent frame that comes nearest to flattening it."""
        nodes = np.array(self.nodes)
        rows, columns = nodes.shape[:2]
        x, y = np.meshgrid(np.linspace(0, self.size[0] - 1, columns), np.linspace(0, self.size[1] - 1, rows))
        bent = np.column_stack([nodes.reshape(-1, 2), np.ones(rows * columns)])
        return np.linalg.lstsq(bent, np.column_stack([x.ravel(), y.ravel()]), rcond=None)[0]

    def _between(self, at: np.ndarray) -> np.ndarray:
        cell, part = self._cell(at)
        return self._weighted(cell, _weights(part[:, 0]), _weights(part[:, 1]))

    def _slopes(self, at: np.ndarray) -> np.ndarray:
        """Change (n, 2, 2) of the bent place by column and by row."""
        cell, part = self._cell(at)
        across = self._weighted(cell, _weight_slopes(part[:, 0]), _weights(part[:, 1]))
        down = self._weighted(cell, _weights(part[:, 0]), _weight_slopes(part[:, 1]))
        return np.stack([across, down], axis=1)

    def _cell(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns, rows = self._grid.shape[1] - 4, self._grid.shape[0] - 4
        cell = np.clip(np.floor(at).astype(int), 0, (columns, rows))
        return cell, at - cell

    def _weighted(self, cell: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
        near, width = np.arange(4), self._grid.shape[1]
        first = cell[:, 1] * width + cell[:, 0]
        nodes = self._grid.reshape(-1, 2)[first[:, None] + (near[:, None] * width + near).ravel()]
        return np.einsum("nk,nkx->nx", (down[:, :, None] * across[:, None]).reshape(-1, 16), nodes)


def _weights(t: np.ndarray) -> np.ndarray:
    t2, t3 = t * t, t * t * t
    return np.column_stack([2 * t2 - t - t3, 2 - 5 * t2 + 3 * t3, t + 4 * t2 - 3 * t3, t3 - t2]) / 2


def _weight_slopes(t: np.ndarray) -> np.ndarray:
    t2 = t * t
    return np.column_stack([4 * t - 1 - 3 * t2, 9 * t2 - 10 * t, 1 + 8 * t - 9 * t2, 3 * t2 - 2 * t]) / 2


def folds_over(nodes: np.ndarray) -> bool:
    """Whether a cell of the mesh is turned over or squeezed to nothing: no sheet that can be seen is so."""
    across, down = np.diff(nodes, axis=1)[:-1], np.diff(nodes, axis=0)[:, :-1]
    area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    return bool(area.min() < 0.05 * np.median(area))
