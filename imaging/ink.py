"""How deep the ink is around each place of a page, told from paper grain and show-through by its sharp
edges.

The map says by how much faint writing has to be lifted, and where there is none. It is worked out at half
size and kept in small cells; `tone` applies it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.cells import averaged, enlarged, shrunk
from imaging.paper import Paper, shrink_factor

CELL = 4  # work pixels a cell
SHARPNESS_UNIT = 200.0
REACH_MM = 0.8  # how far a stroke speaks for its surroundings (σ of a Gaussian)
STROKE_MM = 1.0  # shorter marks speak for no ink; dots and accents stand beside longer ones
SHARP = 0.3  # an edge rises by this share of the stroke's depth within three pixels; show-through is softer
OVER_NOISE = 2.5  # an edge is steeper than the usual one of bare paper by this factor
SPARSE, DENSE = 0.03, 0.10  # share of edges around a cell: lone specks reach the one, a stroke the other
LEAST_STEP = 5  # grey levels, of 255, that count as an edge on perfectly smooth paper

SQUARES = np.arange(256, dtype=np.uint16) ** 2
CUBES = np.rint(np.arange(256.0) ** 3 / 255).astype(np.uint16)  # over squares: a depth from 0 to 1


@dataclass(frozen=True)
class Ink:
    """A map in cells of `cell` px. `depth` (h, w) float32: typical darkness of the strokes around a cell, 0
    (paper) to 1 (black); `evidence` (h, w): 0 where there is nothing written, 1 where there is; `noise`:
    usual step between neighbouring pixels of bare paper, in shares of its luma. `sharpness` is finer, a
    uint8 for each `scale` px: how steep a place is for its depth, in steps of 1/SHARPNESS_UNIT.
    """

    depth: np.ndarray
    evidence: np.ndarray
    cell: int
    noise: float
    sharpness: np.ndarray

    @property
    def scale(self) -> int:
        """Page pixels a pixel of `sharpness`."""
        return self.cell // CELL

    @property
    def typical(self) -> float | None:
        """Median depth of the writing; None on a page without any."""
        written = self.evidence > 0.5
        return float(np.median(self.depth[written])) if written.any() else None

    @property
    def share(self) -> float:
        """Share of the cells that are written on."""
        return float((self.evidence > 0.5).mean())


def ink_on(pixels: np.ndarray, paper: Paper, px_per_mm: float) -> Ink:
    """The ink on a page whose `paper` is known; `pixels` grey (h, w) or RGB (h, w, 3) uint8."""
    factor = max(1, shrink_factor(px_per_mm) // 2)
    luma = shrunk(pixels, factor)
    luma = luma if luma.ndim == 2 else cv2.cvtColor(luma, cv2.COLOR_RGB2GRAY)
    light = np.clip(np.rint(paper.light), 1, 255).astype(np.uint8)
    paper_luma = enlarged(light, paper.cell // factor, slice(0, luma.shape[0]), luma.shape[1])
    flat = cv2.GaussianBlur(cv2.divide(luma, paper_luma, scale=255.0), (3, 3), 0)
    step = cv2.subtract(cv2.dilate(flat, None), cv2.erode(flat, None))
    depth = cv2.dilate(cv2.bitwise_not(flat), None)
    noise = _usual_step(step[::3, ::3], depth[::3, ::3])
    steep = cv2.threshold(step, max(OVER_NOISE * noise, LEAST_STEP), 255, cv2.THRESH_BINARY)[1]
    sharp = cv2.compare(step, cv2.convertScaleAbs(depth, alpha=SHARP), cv2.CMP_GT)
    edges = _strokes(cv2.bitwise_and(steep, sharp), STROKE_MM * px_per_mm / factor)
    typical, evidence = _gathered(depth, edges, px_per_mm / factor)
    return Ink(typical, evidence, factor * CELL, noise / 255, cv2.divide(step, depth, scale=SHARPNESS_UNIT))


def _strokes(edges: np.ndarray, length: float) -> np.ndarray:
    """The edges that hang together over at least `length` px: grain and the dots of a stain do not."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(edges, ltype=cv2.CV_32S)
    long = np.maximum(facts[:, cv2.CC_STAT_WIDTH], facts[:, cv2.CC_STAT_HEIGHT]) >= length
    long[0] = False
    return np.where(long, 255, 0).astype(np.uint8)[labels]


def _usual_step(step: np.ndarray, depth: np.ndarray) -> float:
    bare = depth < 20
    return float(np.median(step[bare])) if bare.any() else 0.0


def _gathered(depth: np.ndarray, edges: np.ndarray, px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Typical depth of the strokes, and evidence that there are any, around each cell."""
    sigma = max(1.0, REACH_MM * px_per_mm / CELL)

    def around(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(averaged(values, CELL).astype(np.float32), (0, 0), sigma)

    marked = cv2.bitwise_and(depth, edges)
    # a mean that leans to the deepest strokes: the soft edges around a stroke are not what it is
    typical = around(cv2.LUT(marked, CUBES)) / np.maximum(around(cv2.LUT(marked, SQUARES)), 0.1)
    density = around(edges) / 255
    return typical, np.clip((density - SPARSE) / (DENSE - SPARSE), 0, 1)
