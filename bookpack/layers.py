"""A page in layers, so that it is small and can be read: ink as stencils at full resolution, over soft small pictures.

A page has four kinds of pixels: paper, the fringe around strokes, their edges, and their cores. Each kind varies slowly
in colour, so each is a JPEG of few pixels; what is sharp is in the stencils. Fringe and edges need no stencils of
their own: a stencil drawn again one pixel aside is its own dilation. `core` is the ink eroded; drawn aside in four
directions it gives the edges back, and drawn two pixels aside the fringe. What erosion loses, thin strokes, is `thin`.
Where all is dark (photographs of people, dense stamps, the desk) there are no strokes, and the picture is finer.

In the manner of mixed raster content (ITU-T T.44); drawing aside is our own. How a drawing gets into a PDF is left to
`pdf`, what a page looks like to `imaging`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import cv2
import numpy as np

from bookpack.contents import MinistryParams
from bookpack.drawing import WHOLE, Drawing, Picture
from bookpack.jpeg import FULL, HALF, small_jpeg
from imaging.bitonal import bitonal
from imaging.cells import enlarged, shrunk
from imaging.view import MM_PER_INCH

A4_INCHES = 210 * 297 / 25.4**2  # square inches
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
SQUARE = np.ones((3, 3), np.uint8)
ASIDE = ((1, 0), (-1, 0), (0, 1), (0, -1))
TWO_ASIDE = ((2, 0), (-2, 0), (0, 2), (0, -2), (1, 1), (1, -1), (-1, 1), (-1, -1))
CORE_STENCIL, THIN_STENCIL, RED_STENCIL = 0, 1, 2
FRINGE, RED_FRINGE, EDGES, THIN, CORE, RED = KINDS = (1, 2, 3, 4, 5, 6)  # of no paper, each kind over those before it
BESIDE = 7  # what is just beyond the fringe tells nothing of the paper
REDDER, NO_BROWN = 45, 10  # red ink: red over green by more than the first, and green over blue by less than the second
LEAST_RED = 10.0  # mm²: less is no seal
COARSE_DPI = 200  # a coarser page is enlarged, or its strokes would have stairs
SPECK = 3  # px within 3 × 3: fewer of a thin stroke are left to the picture of the paper where that saves
AMPLE = 0.7  # of the budget: a page takes more than this only for what reading needs
PAPER_DPI, INK_DPI = 75, 40  # in which colours are gathered; no picture is finer
STRIPE = 128  # rows of paper cells at once
CELL, MISSED = 8, 55  # px of a cell of the paper's light; grey levels below it from which nothing is left to be smeared
LEAST_STROKE = 5  # px within 5 × 5: less of it is grain
DARK = 45  # grey levels below paper: dark
CELL_MM, DENSE = 3.0, 0.6  # where more than this part of a cell is dark, nothing is written
CELLS_ACROSS = 3  # and where so many are: what is smaller is a blot or a fat stroke
MOST_AREAS = 12  # and the largest are taken
AREA_DPI, AREA_QUALITY = 150, 40
Area = tuple[int, int, int, int]  # left, top, width, height, px


@dataclass(frozen=True)
class Fineness:
    """Resolution, dpi, and JPEG quality of each picture."""

    paper: tuple[int, int]
    fringe: tuple[int, int]
    edges: tuple[int, int]
    core: tuple[int, int]


FINE = Fineness(paper=(75, 20), fringe=(20, 25), edges=(40, 30), core=(40, 30))
FLOOR = Fineness(paper=(50, 15), fringe=(20, 20), edges=(30, 20), core=(30, 20))  # never coarser: it must be readable


@dataclass(frozen=True)
class Strokes:
    """Where ink is, uint8 (h, w), 255 on ink: the ink eroded; the thin strokes that this loses, without specks and with.

    Red ink, of seals, stands apart where there is some: else its colour would run into what is written over it.
    """

    core: np.ndarray
    thin: np.ndarray
    thin_and_specks: np.ndarray
    red: np.ndarray | None


@dataclass(frozen=True)
class Sums:
    """Colours added up in cells, float32 (rows, columns[, 3]), and the share (0 to 1) of each cell that they are of."""

    colours: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class SmallPage:
    """A page as it is drawn, and whether it had to be larger than the budget."""

    drawing: Drawing
    over_budget: bool


def small_page(pixels: np.ndarray, dpi: float, params: MinistryParams = MinistryParams()) -> SmallPage:
    """A page of `dpi` (grey (h, w) or RGB (h, w, 3) uint8) within `budget_kb` for each A4 area, if it can be read so.

    Well within the budget every speck is kept; over it the pictures get coarser, to a floor: what cannot be read in
    less takes more, and says so.
    """
    pixels, dpi = _fit_for_stencils(pixels, dpi, params.dpi)
    height, width = pixels.shape[:2]
    budget = params.budget_kb * 1000 * (width / dpi) * (height / dpi) / A4_INCHES
    drawing = _black(pixels, dpi) if _is_black_and_white(pixels) else _layered(pixels, dpi, budget)
    return SmallPage(drawing, drawing.size > budget)


def _fit_for_stencils(pixels: np.ndarray, dpi: float, most: int) -> tuple[np.ndarray, float]:
    """At `most` dpi at most; and twice as fine where soft edges would become stairs, as they do below 200 dpi."""
    factor = 2.0 if dpi < COARSE_DPI and 2 * dpi <= most else min(1.0, most / dpi)
    if factor == 1:
        return pixels, dpi
    height, width = pixels.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC), dpi * factor


def _is_black_and_white(pixels: np.ndarray) -> bool:
    return pixels.ndim == 2 and np.count_nonzero(pixels) == np.count_nonzero(pixels == 255)


def _black(pixels: np.ndarray, dpi: float) -> Drawing:
    height, width = pixels.shape
    return Drawing(width, height, dpi, stencils=(group4(cv2.bitwise_not(pixels)),), black=0)


def _layered(pixels: np.ndarray, dpi: float, budget: float) -> Drawing:
    height, width = pixels.shape[:2]
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    areas = dark_areas(grey, dpi)
    strokes = strokes_of(pixels, grey, dpi, areas)
    dark = tuple(_area_picture(pixels, area, dpi) for area in areas)
    core, thin, thin_and_specks = map(group4, (strokes.core, strokes.thin, strokes.thin_and_specks))
    red = () if strokes.red is None else (group4(strokes.red),)
    paper, kinds = sums_of(pixels, dpi, strokes)

    def drawn(fineness: Fineness) -> Drawing:
        ink = _ink_pictures(kinds, fineness, bool(red))
        return Drawing(width, height, dpi, (_paper_picture(paper, dpi, fineness), *dark, *ink), (core, thin, *red))

    page = drawn(FINE)
    if page.size + len(thin_and_specks) - len(thin) <= AMPLE * budget:
        return replace(page, stencils=(core, thin_and_specks, *red))
    return page if page.size <= budget else drawn(FLOOR)


def strokes_of(pixels: np.ndarray, grey: np.ndarray, dpi: float, areas: Sequence[Area] = ()) -> Strokes:
    """The ink of a page (grey (h, w) or RGB (h, w, 3) uint8), taken apart; none within `areas`. `grey`: its light alone."""
    ink = _with_missed(cv2.bitwise_not(bitonal(grey, "fast", dpi / MM_PER_INCH)), grey)
    for left, top, width, height in areas:
        ink[top : top + height, left : left + width] = 0
    red = None if pixels.ndim == 2 else _red(pixels, ink, dpi)
    if red is not None:
        ink = cv2.bitwise_xor(ink, red)
    core = cv2.erode(ink, CROSS)
    thin = cv2.bitwise_and(ink, cv2.bitwise_not(cv2.dilate(core, CROSS)))
    around = cv2.boxFilter(thin & 1, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return Strokes(core, cv2.bitwise_and(thin, cv2.compare(around, SPECK, cv2.CMP_GE)), thin, red)


def _with_missed(ink: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """The ink, and all else that is so dark that the soft picture of the paper would smear it, whatever it may be."""
    paper = cv2.dilate(shrunk(grey, CELL), np.ones((3, 3), np.uint8))
    found = ink.copy()
    for top in range(0, len(grey), STRIPE * CELL):
        rows = slice(top, min(len(grey), top + STRIPE * CELL))
        limit = cv2.subtract(enlarged(paper, CELL, rows, grey.shape[1]), MISSED)
        dark = cv2.compare(grey[rows], limit, cv2.CMP_LT)
        apart = cv2.bitwise_and(dark, cv2.bitwise_not(cv2.dilate(ink[rows], SQUARE, iterations=2)))
        around = cv2.boxFilter(apart & 1, -1, (5, 5), normalize=False, borderType=cv2.BORDER_CONSTANT)
        stroke = cv2.bitwise_and(apart, cv2.compare(around, LEAST_STROKE, cv2.CMP_GE))
        if stroke.any():
            found[rows] |= dark & cv2.dilate(stroke, SQUARE, iterations=3)
    return found


def _red(pixels: np.ndarray, ink: np.ndarray, dpi: float) -> np.ndarray | None:
    """The part of the ink that is red, not brown; None where that is little."""
    red, green, blue = cv2.split(pixels)
    redder = cv2.compare(cv2.subtract(red, green), REDDER, cv2.CMP_GT)
    no_brown = cv2.compare(cv2.subtract(green, blue), NO_BROWN, cv2.CMP_LT)
    found = cv2.medianBlur(ink & redder & no_brown, 3) & ink
    return found if np.count_nonzero(found) > LEAST_RED * (dpi / MM_PER_INCH) ** 2 else None


def dark_areas(grey: np.ndarray, dpi: float) -> list[Area]:
    """Where a page (h, w) uint8 is dark all over: photographs, dense stamps, the desk."""
    sample = grey[::4, ::4]
    cell = max(1, round(CELL_MM * dpi / MM_PER_INCH / 4))
    dark = np.where(sample < np.percentile(sample, 75) - DARK, 255, 0).astype(np.uint8)
    size = (-(-sample.shape[1] // cell), -(-sample.shape[0] // cell))
    dense = (cv2.resize(dark, size, interpolation=cv2.INTER_AREA) > DENSE * 255).astype(np.uint8)
    dense = cv2.morphologyEx(dense, cv2.MORPH_OPEN, np.ones((CELLS_ACROSS, CELLS_ACROSS), np.uint8))
    count, _, found, _ = cv2.connectedComponentsWithStats(dense)
    largest = sorted(range(1, count), key=lambda label: -found[label, cv2.CC_STAT_AREA])[:MOST_AREAS]
    side = np.array([grey.shape[1] / size[0], grey.shape[0] / size[1]] * 2)
    corners = (np.array([*item[:2], item[0] + item[2], item[1] + item[3]]) * side for item in found[largest])
    return [_area(np.rint(item).astype(int)) for item in corners]


def _area(corners: np.ndarray) -> Area:
    left, top, right, bottom = map(int, corners)
    return left, top, right - left, bottom - top


def sums_of(pixels: np.ndarray, dpi: float, strokes: Strokes) -> tuple[Sums, list[Sums]]:
    """The colours of the paper, and of each of KINDS. Only a stripe of the page is worked on at once."""
    height, width = pixels.shape[:2]
    cell = max(1, round(dpi / PAPER_DPI))
    columns, rows = _size((width, height), dpi, INK_DPI)
    column_of = (np.arange(width) * columns // width).astype(np.int32)
    row_of = (np.arange(height) * rows // height).astype(np.int32)
    channels = pixels.shape[2:] or (1,)
    colours, counts = np.zeros((len(KINDS), rows, columns, *channels)), np.zeros((len(KINDS), rows, columns))
    papers = []
    for top in range(0, height, STRIPE * cell):
        stripe = slice(top, min(height, top + STRIPE * cell))
        labels, part = _labels(strokes, stripe), pixels[stripe]
        shown = cv2.bitwise_and(part, part, mask=cv2.compare(labels, 0, cv2.CMP_EQ))
        papers.append((shrunk(shown, cell), shrunk(cv2.compare(labels, 0, cv2.CMP_EQ), cell)))
        within = slice(row_of[stripe.start], row_of[stripe.stop - 1] + 1)
        _add_up(part, labels, row_of[stripe] - within.start, column_of, colours[:, within], counts[:, within])
    whole = columns * rows / (width * height)  # of a cell, that a pixel is
    kinds = [Sums(np.squeeze(some * whole).astype(np.float32).reshape(rows, columns, *pixels.shape[2:]),
                  (number * whole).astype(np.float32)) for some, number in zip(colours, counts, strict=True)]
    blank, share = (np.concatenate(parts) for parts in zip(*papers, strict=True))
    return Sums(blank.astype(np.float32), share.astype(np.float32) / 255), kinds


def _labels(strokes: Strokes, stripe: slice) -> np.ndarray:
    """The kind of each pixel of a stripe of rows, 0 for paper."""
    first = max(0, stripe.start - 2)
    around = slice(first, stripe.stop + 2)
    core, thin = strokes.core[around], strokes.thin[around]
    red = np.zeros_like(core) if strokes.red is None else strokes.red[around]
    edges, red_fringe = cv2.dilate(core, CROSS), cv2.dilate(red, CROSS)
    fringe = cv2.dilate(edges | thin, CROSS)
    labels = np.zeros_like(core)
    for mask, kind in ((fringe, FRINGE), (red_fringe, RED_FRINGE), (edges, EDGES), (thin, THIN), (core, CORE), (red, RED)):
        labels = cv2.max(labels, mask & kind)
    beside = cv2.dilate(fringe | red_fringe, CROSS) & BESIDE
    labels = np.where(labels, labels, beside)
    return labels[stripe.start - first :][: stripe.stop - stripe.start]


def _add_up(
    pixels: np.ndarray, labels: np.ndarray, row_of: np.ndarray, column_of: np.ndarray,
    colours: np.ndarray, counts: np.ndarray,
) -> None:
    """Add the pixels of each kind to the cells that they lie in."""
    at = np.flatnonzero((labels != 0) & (labels != BESIDE))
    y, x = np.divmod(at, labels.shape[1])
    _, rows, columns = counts.shape
    key = (labels.ravel()[at].astype(np.intp) - 1) * (rows * columns) + row_of[y] * columns + column_of[x]
    values = pixels.reshape(labels.size, -1)[at]
    counts += np.bincount(key, minlength=counts.size).reshape(counts.shape)
    for channel in range(values.shape[1]):
        colours[..., channel] += np.bincount(key, values[:, channel], counts.size).reshape(counts.shape)


def _paper_picture(paper: Sums, dpi: float, fineness: Fineness) -> Picture:
    """Its cells may reach over the right and the lower edge of the page."""
    cell = max(1, round(dpi / PAPER_DPI))
    rows, columns = paper.weights.shape
    wanted, quality = fineness.paper
    return _picture(_coarser(paper, wanted / PAPER_DPI), quality, HALF, area=(0, 0, columns * cell, rows * cell))


def _ink_pictures(kinds: Sequence[Sums], fineness: Fineness, with_red: bool) -> Iterator[Picture]:
    """From the lowest to the uppermost. The fringe of thin strokes looks as that of the others."""
    fringe, red_fringe, edges, thin, core, red = kinds

    def seen(sums: Sums, wanted: tuple[int, int], stencil: int, shifts: tuple[tuple[int, int], ...] = WHOLE) -> Picture:
        return _picture(_coarser(sums, wanted[0] / INK_DPI), wanted[1], stencil=stencil, shifts=shifts)

    yield seen(fringe, fineness.fringe, CORE_STENCIL, TWO_ASIDE)
    yield seen(fringe, fineness.fringe, THIN_STENCIL, ASIDE)
    if with_red:
        yield seen(red_fringe, fineness.fringe, RED_STENCIL, ASIDE)
    yield seen(edges, fineness.edges, CORE_STENCIL, ASIDE)
    yield seen(thin, fineness.edges, THIN_STENCIL)
    yield seen(core, fineness.core, CORE_STENCIL)
    if with_red:
        yield seen(red, fineness.core, RED_STENCIL)


def _area_picture(pixels: np.ndarray, area: Area, dpi: float) -> Picture:
    left, top, width, height = area
    part = pixels[top : top + height, left : left + width]
    small = cv2.resize(part, _size((width, height), dpi, AREA_DPI), interpolation=cv2.INTER_AREA)
    return _picture(small, AREA_QUALITY, HALF, area=area)


def _picture(pixels: np.ndarray, quality: int, colour: int = FULL, **how: object) -> Picture:
    height, width = pixels.shape[:2]
    return Picture(small_jpeg(pixels, quality, colour), width, height, pixels.ndim == 2, **how)


def _size(size: tuple[int, int], dpi: float, wanted: float) -> tuple[int, int]:
    factor = min(1.0, wanted / dpi)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _coarser(sums: Sums, factor: float) -> np.ndarray:
    """Mean colours in cells, uint8, of which there are `factor` (0 to 1) as many each way.

    Where nothing is shown the colours of the surroundings go on, which costs a JPEG the least.
    """
    rows, columns = sums.weights.shape
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    colours, weights = (cv2.resize(item, size, interpolation=cv2.INTER_AREA) for item in (sums.colours, sums.weights))
    return np.clip(np.rint(_pulled(colours, weights)), 0, 255).astype(np.uint8)


def _pulled(colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pull-push: cells of little weight take from means over wider and wider surroundings (Gortler et al., 1996)."""
    height, width = weights.shape
    weight = weights if colours.ndim == 2 else weights[..., None]
    means = colours / np.maximum(weight, 1e-6)
    if max(height, width) == 1:
        return means
    half = ((width + 1) // 2, (height + 1) // 2)
    wider = _pulled(*(cv2.resize(item, half, interpolation=cv2.INTER_AREA) for item in (colours, weights)))
    around = cv2.resize(wider, (width, height), interpolation=cv2.INTER_LINEAR)
    return around + np.minimum(weight * 4, 1) * (means - around)


def group4(mask: np.ndarray) -> bytes:
    """A mask (h, w) uint8, ink where it is not 0, in CCITT Group 4 as PDF wants it: one strip, ink black."""
    from PIL import Image

    height, width = mask.shape
    image = Image.frombytes("1", (width, height), np.packbits(mask, axis=1).tobytes())
    buffer = BytesIO()
    image.save(buffer, "TIFF", compression="group4", strip_size=1 << 30)
    with Image.open(buffer) as written:
        start, length = written.tag_v2[273], written.tag_v2[279]
    return buffer.getvalue()[start[0] : start[0] + length[0]]
