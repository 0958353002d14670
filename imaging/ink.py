"""How deep the ink is around each place of a page, and where its strokes run: told from paper grain and
show-through by sharp edges that hang together.

The maps say by how much faint writing has to be lifted, and where there is none. They are worked out at half
size; `tone` applies them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from imaging.cells import averaged, enlarged, shrunk
from imaging.paper import Paper, shrink_factor

CELL = 4  # work pixels a cell
SHARPNESS_UNIT = 200.0
REACH_MM = 0.8  # how far a stroke speaks for its surroundings (σ of a Gaussian)
STROKE_MM = 2.0  # shorter marks speak for no ink; dots and accents stand beside longer ones
SHARP = 0.3  # an edge rises by this share of the stroke's depth within three pixels; show-through is softer
OVER_NOISE = 2.5  # an edge is steeper than the usual one of bare paper by this factor
SPARSE, DENSE = 0.03, 0.10  # share of edges around a cell: lone specks reach the one, a stroke the other
LEAST_STEP = 5  # grey levels, of 255, that count as an edge on perfectly smooth paper
BLOCK_MM = 8.0  # noise is told for squares of this side
QUIET = 0.4  # share of the pixels of such a square that are hardly written on, as a rule
OF_USUAL = 1.45  # times the mean of the quietest 0.4 is the median, for the steps of Gaussian grain
OF_SIGMA = 2.7  # times the mean of the smallest 0.4 of the differences of two pixels is their σ
GRAIN_ROWS = 20  # the grain is measured in every twentieth row, between pixels two apart: neighbours share theirs
FINE_STEPS = 4  # a byte tells it in quarters of a grey level
WIDE, WIDE_DARK = 4, 15  # cells, grey levels: no mark that shows through is so wide and so dark all over
OUTLINED = 0.6  # of the depth of the edges around: where a wide area is so dark, they are its outline and no stroke
FINE_AROUND = 11  # px of half size: so far around an edge it is told how fine it is
CRISPEST = 75  # percentile: so fine are the edges of this side, however many show through
FINER = 0.5  # of that: what is less fine shows through
FINEST_GHOST = (0.05, 0.10)  # below the one nothing is of this side, above the other everything
NEARLY, AROUND = 0.7, 7  # of the depth of the crisp strokes within so many cells: softer ones so deep are like them
LEAST_HEIGHT = 20  # grey levels: of edges less high grain says more than blur does
LEAST_USUAL = 0.12  # on pages whose edges are less fine blur tells nothing: none is pushed back
DEEPER = 140  # of 255: nothing so deep shows through
ACCENT = 0.5  # of the depth of the strokes around: so deep are accents and dots
FILLED_STEPS = 3  # times two pixels of half size: as far inside a wide stroke reaches what its edge says

RIM = 4  # px that the blur and the edge's own breadth add to a mark
SAMPLED = 4  # every fourth pixel of a mark says how deep it is; every second across and down, around each cell
SQUARES = np.arange(256, dtype=np.uint16) ** 2
CUBES = np.rint(np.arange(256.0) ** 3 / 255).astype(np.uint16)  # over squares: a depth from 0 to 1


@dataclass(frozen=True)
class Ink:
    """What is written, in maps of two scales.

    In cells of `cell` px: `depth` (h, w) float32, typical darkness of the strokes around a cell, 0 (paper) to 1
    (black); `evidence` (h, w): 0 where there is nothing written, 1 where there is; `grain` (h, w): σ of a pixel
    of bare paper, in shares of its luma. In pixels of `scale` px, uint8 (h, w): `sharpness`, how steep a place
    is for its depth, in steps of 1/SHARPNESS_UNIT; `strokes`, 255 on and just beside strokes of this side, 0 off
    them; `behind`, the same for marks that show through. `noise`: usual step between neighbouring pixels of bare
    paper at that scale, in shares of its luma.
    """

    depth: np.ndarray
    evidence: np.ndarray
    cell: int
    noise: float
    sharpness: np.ndarray
    grain: np.ndarray
    strokes: np.ndarray
    behind: np.ndarray

    @property
    def scale(self) -> int:
        """Page pixels a pixel of `sharpness`, `strokes` and `behind`."""
        return self.cell // CELL

    @cached_property
    def typical(self) -> float | None:
        """Median depth of the writing; None on a page without any."""
        written = self.evidence > 0.5
        return float(np.median(self.depth[written])) if written.any() else None

    @property
    def share(self) -> float:
        """Share of the cells that are written on."""
        return float((self.evidence > 0.5).mean())


def ink_on(pixels: np.ndarray, paper: Paper, px_per_mm: float, halved: np.ndarray | None = None) -> Ink:
    """The ink on a page whose `paper` is known; `pixels` grey (h, w) or RGB (h, w, 3) uint8.

    `halved` is the page at 1/`half_size(px_per_mm)`, where it is at hand.
    """
    factor = half_size(px_per_mm)
    px_per_mm /= factor
    luma = _grey(shrunk(pixels, factor) if halved is None else halved)
    light = np.clip(np.rint(paper.light), 1, 255).astype(np.uint8)
    even = cv2.divide(luma, enlarged(light, paper.cell // factor, slice(0, luma.shape[0]), luma.shape[1]), scale=255.0)
    flat = cv2.GaussianBlur(even, (3, 3), 0)
    step = cv2.subtract(cv2.dilate(flat, None), cv2.erode(flat, None))
    depth = cv2.dilate(cv2.bitwise_not(flat), None)
    noise = OF_USUAL * _quiet(step[::4, ::4], BLOCK_MM * px_per_mm / 4)
    blurred = cv2.GaussianBlur(flat, (3, 3), 0)  # twice three pixels are five
    crisp, soft = _sides(_edges(step, depth, noise), even, blurred, depth)
    marks = _Marks.of(crisp, depth, STROKE_MM * px_per_mm)
    typical, evidence = _gathered(depth, marks.shown(marks.long), px_per_mm)
    wide = _wide(flat)
    soft, blurred = _told_by_depth(soft, depth, typical * (evidence > 0))
    strokes = _filled(marks, blurred, typical, evidence, cv2.subtract(cv2.bitwise_not(flat), soft), wide)
    grain = _resized(_grain(pixels, light, BLOCK_MM * px_per_mm * factor), typical.shape)
    return Ink(typical, evidence, factor * CELL, float(np.median(noise)) / 255,
               cv2.divide(step, depth, scale=SHARPNESS_UNIT), grain, strokes, _behind(soft, strokes, wide))


def half_size(px_per_mm: float) -> int:
    """By how much pages are reduced to find the ink: about 6 pixels a millimetre are left."""
    return max(1, shrink_factor(px_per_mm) // 2)


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _resized(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _quiet(values: np.ndarray, block: float, down: float = 1.0) -> np.ndarray:
    """Mean of the smallest QUIET of `values` (h, w) in each square of `block` columns, float32.

    `down` is how many rows of the page one row stands for. What is written is in the larger values.
    """
    height, width = values.shape
    across, along = (max(1, round(side / max(block, 1))) for side in (width, height * down))
    tall, wide = max(1, height // along), max(1, width // across)
    whole = values[: height // tall * tall, : width // wide * wide]
    blocks = whole.reshape(height // tall, tall, width // wide, wide).swapaxes(1, 2).reshape(
        height // tall, width // wide, tall * wide)
    count = max(1, round(QUIET * tall * wide))
    return np.partition(blocks, count - 1, axis=-1)[..., :count].mean(-1, dtype=np.float32)


def _grain(pixels: np.ndarray, light: np.ndarray, block: float) -> np.ndarray:
    """σ of the grain of bare paper in shares of its luma, (h, w) float32 for squares of `block` px."""
    rows = _grey(np.ascontiguousarray(pixels[::GRAIN_ROWS]))
    if rows.shape[1] < 4:
        return np.zeros((1, 1), np.float32)
    difference = cv2.absdiff(np.ascontiguousarray(rows[:, 2:]), np.ascontiguousarray(rows[:, :-2]))
    sigma = OF_SIGMA * _quiet(difference, block, GRAIN_ROWS) / np.sqrt(2)
    return sigma / np.maximum(_resized(light, sigma.shape), 1)


def _edges(step: np.ndarray, depth: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """255 where a place is steeper than the grain around and sharp for its depth."""
    least = np.clip(np.maximum(OVER_NOISE * noise, LEAST_STEP), 0, 255).astype(np.uint8)
    steep = cv2.compare(step, _resized(least, step.shape), cv2.CMP_GT)
    return cv2.bitwise_and(steep, cv2.compare(step, cv2.convertScaleAbs(depth, alpha=SHARP), cv2.CMP_GT))


def _sides(edges: np.ndarray, even: np.ndarray, blurred: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges parted into those of this side and those, softer, that show through: 255, else 0, uint8 (h, w).

    How fine an edge is tells its blur, whatever its depth: what a small blur takes away of it, over its height.
    `blurred` is `even` after that blur.
    """
    square = np.ones((5, 5), np.uint8)
    height = cv2.dilate(blurred, square)
    cv2.subtract(height, cv2.erode(blurred, square), dst=height)
    fine = cv2.absdiff(even, blurred)
    fine = cv2.convertScaleAbs(fine, dst=fine, alpha=FINE_STEPS)
    fine, height, share = (_around_edges(of, edges) for of in (fine, height, edges))
    some = edges[::4, ::4] > 0  # every second of the halves
    if not some.any():
        return edges, np.zeros_like(edges)
    found = fine[::2, ::2][some] / np.maximum(height[::2, ::2][some], 1) / FINE_STEPS
    usual = float(np.percentile(found, CRISPEST))
    if usual < LEAST_USUAL:
        return edges, np.zeros_like(edges)
    least = float(np.clip(FINER * usual, *FINEST_GHOST))
    soft = cv2.compare(cv2.convertScaleAbs(height, alpha=FINE_STEPS * least), fine, cv2.CMP_GT)
    told = cv2.compare(height, cv2.convertScaleAbs(share, alpha=LEAST_HEIGHT / 255), cv2.CMP_GT)
    soft = cv2.resize(cv2.bitwise_and(soft, told), (2 * soft.shape[1], 2 * soft.shape[0]), interpolation=cv2.INTER_NEAREST)
    soft = cv2.bitwise_and(edges, soft[: edges.shape[0], : edges.shape[1]])
    soft = cv2.bitwise_and(soft, cv2.threshold(depth, DEEPER, 255, cv2.THRESH_BINARY_INV)[1])
    return cv2.subtract(edges, soft), soft


def _around_edges(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Means of what `values` are on edges and 0 elsewhere, over FINE_AROUND pixels, at half size: they are smooth."""
    return cv2.blur(averaged(cv2.bitwise_and(values, edges), 2), (FINE_AROUND // 2, FINE_AROUND // 2))


def _told_by_depth(soft: np.ndarray, depth: np.ndarray, typical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Soft edges parted once more: what is nearly as deep as the crisp strokes around is a blurred part of them."""
    around = cv2.dilate(cv2.convertScaleAbs(typical, alpha=255 * NEARLY), np.ones((AROUND, AROUND), np.uint8))
    around = _over(cv2.max(around, cv2.threshold(around, 0, 255, cv2.THRESH_BINARY_INV)[1]), soft)
    blurred = cv2.bitwise_and(soft, cv2.compare(depth, around, cv2.CMP_GE))
    return cv2.subtract(soft, blurred), blurred


@dataclass(frozen=True)
class _Marks:
    """Edges that hang together, numbered from 1.

    `where` are their pixels, flat in a picture of `shape`, and `own` the numbers of these; for each number whether
    it is as long as a stroke, how many pixels it has, how deep it is, and its middle (x, y).
    """

    shape: tuple[int, int]
    where: np.ndarray
    own: np.ndarray
    long: np.ndarray
    count: np.ndarray
    depth: np.ndarray
    middle: np.ndarray

    @classmethod
    def of(cls, edges: np.ndarray, depth: np.ndarray, stroke: float) -> _Marks:
        """Marks of `edges` (255, else 0); those over at least `stroke` px are as long as a stroke."""
        many, labels, facts, middle = cv2.connectedComponentsWithStatsWithAlgorithm(edges, 8, cv2.CV_32S, cv2.CCL_GRANA)
        where = np.flatnonzero(edges.view(bool))
        own = labels.ravel().take(where)
        at, deep = own[::SAMPLED].astype(np.intp), depth.ravel().take(where[::SAMPLED]).astype(float)
        # a mean that leans to the deepest: the soft foot of a stroke is not what it is
        leaning = np.bincount(at, deep * deep, many) / np.maximum(np.bincount(at, deep, many), 1) / 255
        long = np.maximum(facts[:, cv2.CC_STAT_WIDTH], facts[:, cv2.CC_STAT_HEIGHT]) - RIM >= stroke
        long[0] = False
        return cls(edges.shape, where, own, long, facts[:, cv2.CC_STAT_AREA], leaning, np.nan_to_num(middle))

    def shown(self, which: np.ndarray) -> np.ndarray:
        """The marks of which that is true, 255, else 0, uint8 (h, w)."""
        picture = np.zeros(self.shape, np.uint8)
        picture.ravel()[self.where] = np.where(which, 255, 0).astype(np.uint8).take(self.own)
        return picture


def _filled(marks: _Marks, blurred: np.ndarray, typical: np.ndarray, evidence: np.ndarray, dark: np.ndarray,
            wide: np.ndarray) -> np.ndarray:
    """Strokes with their inside, a little wider, with a soft rim; `dark` is how dark each pixel of this side is.

    What outlines a `wide` area is no stroke, and the inside of strokes does not run out into it. Short marks are accents if
    they are as deep as the strokes around.
    """
    x, y = (np.minimum(at // CELL, side - 1).astype(int)
            for at, side in zip(marks.middle.T, typical.shape[::-1], strict=True))
    accent = (marks.depth >= ACCENT * typical[y, x]) & (evidence[y, x] > 0) & (marks.count > 2)
    strokes = cv2.max(marks.shown(marks.long | accent), blurred)
    usual = cv2.convertScaleAbs(typical, alpha=255)
    limit = cv2.max(cv2.convertScaleAbs(usual, alpha=ACCENT), cv2.convertScaleAbs(wide, alpha=1 / OUTLINED))
    inside = cv2.compare(dark, _over(limit, dark), cv2.CMP_GT)
    square = np.ones((5, 5), np.uint8)
    for _ in range(FILLED_STEPS):
        strokes = cv2.max(strokes, cv2.bitwise_and(cv2.dilate(strokes, square), inside))
    outlines = cv2.compare(cv2.convertScaleAbs(usual, alpha=OUTLINED), wide, cv2.CMP_LE)
    return cv2.subtract(cv2.blur(cv2.dilate(strokes, None), (3, 3)), _over(outlines, dark))


def _behind(soft: np.ndarray, strokes: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Soft edges with the marks they belong to, but not those of `wide` areas, and not where `strokes` are."""
    around = cv2.blur(cv2.dilate(soft, np.ones((7, 7), np.uint8)), (5, 5))
    narrow = cv2.threshold(wide, WIDE_DARK, 255, cv2.THRESH_BINARY_INV)[1]
    return cv2.subtract(cv2.min(around, _over(narrow, soft)), strokes)


def _wide(flat: np.ndarray) -> np.ndarray:
    """How dark, 0 to 255, the wide areas on and beside each cell are all over: stains, folds and what is filled."""
    dark = averaged(cv2.bitwise_not(flat), CELL)
    return cv2.dilate(cv2.erode(dark, np.ones((WIDE, WIDE), np.uint8)), np.ones((2 * WIDE, 2 * WIDE), np.uint8))


def _over(cells: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """A map in cells for each pixel of `flat`."""
    height, width = flat.shape
    return _resized(cells, (CELL * cells.shape[0], CELL * cells.shape[1]))[:height, :width]


def _gathered(depth: np.ndarray, edges: np.ndarray, px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Typical depth of the strokes, and evidence that there are any, around each cell."""
    sigma = max(1.0, REACH_MM * px_per_mm / CELL)

    def around(values: np.ndarray, cell: int) -> np.ndarray:
        return cv2.GaussianBlur(averaged(values, cell).astype(np.float32), (0, 0), sigma)

    # a mean that leans to the deepest strokes: the soft edges around a stroke are not what it is
    marked = np.ascontiguousarray(cv2.bitwise_and(depth, edges)[::2, ::2])
    cell = CELL // 2
    typical = around(cv2.LUT(marked, CUBES), cell) / np.maximum(around(cv2.LUT(marked, SQUARES), cell), 0.1)
    density = around(edges, CELL) / 255
    return typical, np.clip((density - SPARSE) / (DENSE - SPARSE), 0, 1)
