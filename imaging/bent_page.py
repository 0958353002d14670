"""The page of a thick book that bends towards its gutter: the mesh that makes its lines straight.

Where a book is open, few edges of its paper are seen, and no model is asked. But lines of writing and rules tell how the
page bends: they are evened out where they are many and become much straighter. Only up and down: what is foreshortened
along the lines stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imaging.geometry import Geometry
from imaging.mesh import Mesh, folds_over
from imaging.straighten import COLUMNS, ROWS, bent_lines, levelled, unevenness
from imaging.view import View

LINE_ROUNDS = ((5.0, (1, 2)), (3.0, (1, 2)))  # degrees that lines may still be bent by, and columns apart they are sought in


@dataclass(frozen=True)
class Page:
    """A mesh from the frame onto one of the same size."""

    mesh: Mesh
    confidence: float


def flattened(view: View, least_uneven: float, most_left: float) -> Page | None:
    """The page with straight lines; None where they are straight, too few, or do not become much straighter.

    `least_uneven` is in parts of the page's extent, `most_left` in parts of how bent the lines were.
    """
    x, y = (np.linspace(0, side - 1, count) for side, count in zip(view.size, (COLUMNS, ROWS), strict=True))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    mesh, flat, before = None, view, None
    for degrees, apart in LINE_ROUNDS:
        level, _ = bent_lines(flat, degrees, apart)
        before = unevenness(level) if before is None else before
        if before < least_uneven * float(np.sqrt(np.prod(view.size))):
            return None
        moved = grid + levelled(view.size, level).at(grid)
        nodes = (moved if mesh is None else mesh.bent(moved)).reshape(ROWS, COLUMNS, 2)
        mesh = Mesh.of(np.round(nodes, 2), view.size)
        flat = replace(view, frame=view.frame.then(Geometry.flattening(mesh)))
    left = unevenness(bent_lines(flat, *LINE_ROUNDS[-1])[0]) / before
    if not 0 < left < most_left or folds_over(nodes):
        return None
    return Page(mesh, float(np.clip(1 - left / 2, 0, 0.95)))
