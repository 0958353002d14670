"""Where the edges of a bent sheet of paper are in a picture, near where they are thought to be."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imaging.view import View

PLACES = 72  # along each side
BESIDE = 6  # px of the view at each side of an edge that tell its colours
SMOOTH = 0.35  # what a step of an edge from place to place costs, in parts of the usual contrast, a px²
FARTHEST = 9  # px²: a longer jump costs no more
LEAST_CONTRAST, LEAST_CHANGE = 0.35, 2.5  # of the usual, and in Lab: fainter is no edge
UNLIKE = 0.5  # what a difference between the colour just inside and that farther in costs: no shadow's edge is wanted
INWARDS = 0.02  # of the sheet
SIDES = ((0, 1), (-1, 0), (0, -1), (1, 0))  # top, right, bottom, left: where the sheet lies from there


def edges(view: View, seen_at: Callable[[np.ndarray], np.ndarray], reach: float
          ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (n×2, 0 to 1) on the sheet's sides, where near there its edge is (n×2 px of the frame), and its tangents.

    `seen_at` tells where in the frame places of the sheet are thought to be seen; edges are looked for `reach` px around.
    Places near which no edge is seen are left out: at most 4 × PLACES are found.
    """
    at = (np.arange(PLACES) + 0.5) / PLACES
    found = []
    for inwards in SIDES:
        places = np.column_stack([at, np.full(PLACES, 0.5 - 0.5 * inwards[1])]) if inwards[1] else np.column_stack(
            [np.full(PLACES, 0.5 - 0.5 * inwards[0]), at])
        side = seen_at(places)
        tangents = _unit(np.gradient(side, axis=0))
        normals = np.column_stack([-tangents[:, 1], tangents[:, 0]])
        inner = seen_at(places + INWARDS * np.array(inwards)) - side
        normals *= np.sign((normals * inner).sum(axis=1))[:, None]
        points, sure = _edge(view, side, normals, reach)
        found.append((places[sure], points[sure], tangents[sure]))
    places, points, tangents = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return places, points, tangents


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)[:, None]


def _edge(view: View, side: np.ndarray, normals: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The edge near a side (n×2 px of the frame; normals point inwards): points (n×2), and which of them are sure."""
    step, most = view.reduction, int(np.ceil(reach / view.reduction)) + BESIDE
    steps = np.arange(-most, most + 1)
    x, y = np.moveaxis(view.to_view((side[:, None] + steps[:, None] * step * normals[:, None]).reshape(-1, 2))
                       .reshape(len(side), len(steps), 2), -1, 0).astype(np.float32)
    colours = cv2.remap(view.colour, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB).astype(np.float32)
    sums = np.cumsum(np.concatenate([np.zeros_like(lab[:, :1]), lab], axis=1), axis=1)
    outside = sums[:, BESIDE:-BESIDE] - sums[:, : -2 * BESIDE]
    inside = sums[:, 2 * BESIDE :] - sums[:, BESIDE:-BESIDE]
    captured = cv2.remap(view.inside, x, y, cv2.INTER_NEAREST)
    whole = cv2.erode(captured, np.ones((1, 2 * BESIDE + 1), np.uint8), borderValue=0)[:, BESIDE - 1 : -BESIDE] > 0
    change = np.linalg.norm(inside - outside, axis=2) / BESIDE * whole
    deep = lab[:, -BESIDE:].mean(axis=1, keepdims=True)
    unlike = np.linalg.norm(inside / BESIDE - deep, axis=2)
    usual = float(np.median(change.max(axis=1))) + 1e-6
    best = _smooth_path((change - UNLIKE * unlike) / usual)
    away = steps[BESIDE:][best] - 0.5
    least = max(LEAST_CONTRAST * usual, LEAST_CHANGE)
    return side + (away * step)[:, None] * normals, change[np.arange(len(side)), best] > least


def _smooth_path(worth: np.ndarray) -> np.ndarray:
    """The column of each row that together are worth most, steps between rows being dear (dynamic programming)."""
    count, width = worth.shape
    columns = np.arange(width)
    cost = SMOOTH * np.minimum((columns[:, None] - columns) ** 2, FARTHEST)
    total, came = worth[0], np.zeros((count, width), int)
    for row in range(1, count):
        reached = total[:, None] - cost
        came[row] = reached.argmax(axis=0)
        total = reached.max(axis=0) + worth[row]
    path = np.empty(count, int)
    path[-1] = total.argmax()
    for row in range(count - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path
