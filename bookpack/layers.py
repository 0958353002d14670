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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO

import cv2
import numpy as np

from bookpack.colours import (
    CORE,
    EDGES,
    FAINT,
    FRINGE,
    INK_DPI,
    PAPER_DPI,
    RED,
    RED_FRINGE,
    THIN,
    Sums,
    coarser,
    paper_cell,
    size_at,
    sums_of,
)
from bookpack.contents import MinistryParams
from bookpack.drawing import WHOLE, Drawing, Picture
from bookpack.jpeg import FULL, HALF, small_jpeg
from bookpack.strokes import Area, strokes_of

A4_INCHES = 210 * 297 / 25.4**2  # square inches
PDF_BYTES = 4500  # of a PDF of one page beside what is drawn
ASIDE = ((1, 0), (-1, 0), (0, 1), (0, -1))
TWO_ASIDE = ((2, 0), (-2, 0), (0, 2), (0, -2), (1, 1), (1, -1), (-1, 1), (-1, -1))
COARSE_DPI = 170  # a coarser page is enlarged, or its strokes would have stairs
NEARLY = 1.14  # times the finest resolution is fine enough, too
AMPLE = 0.7  # of the budget: a page takes more than this only for what reading needs
PAPER_CHROMA, INK_CHROMA = 70, 40  # JPEG quality: a false tint is seen at once, most of all on paper
GRAIN = 4  # grey levels: what differs less from the paper around it is no mark
AREA_DPI, AREA_QUALITY = 150, 40
STRIP_OFFSETS, STRIP_BYTE_COUNTS = 273, 279  # tags of TIFF
Wanted = tuple[int, int]  # dpi, JPEG quality


@dataclass(frozen=True)
class Fineness:
    """Resolution and quality of each picture."""

    paper: Wanted
    fringe: Wanted
    ink: Wanted


FINE = Fineness(paper=(60, 20), fringe=(20, 20), ink=(30, 25))
FLOOR = Fineness(paper=(50, 15), fringe=(20, 20), ink=(25, 20))  # never coarser: it must be readable


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
    budget = params.budget_kb * 1000 * (width / dpi) * (height / dpi) / A4_INCHES - PDF_BYTES
    drawing = _black(pixels, dpi) if _is_black_and_white(pixels) else _layered(pixels, dpi, budget)
    return SmallPage(drawing, drawing.size > budget)


def _fit_for_stencils(pixels: np.ndarray, dpi: float, most: int) -> tuple[np.ndarray, float]:
    """At `most` dpi at most; but twice as fine where soft edges would become stairs, if that is about `most` again."""
    factor = 2.0 if dpi < COARSE_DPI <= most / 2 * NEARLY else min(1.0, most / dpi)
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
    strokes = strokes_of(pixels, dpi)
    paper, kinds = sums_of(pixels, dpi, strokes)
    dense = [_area_picture(pixels, area, dpi) for area in strokes.areas]
    stencils = {kind: group4(mask) for kind, mask in
                ((CORE, strokes.core), (THIN, strokes.thin), (FAINT, strokes.faint), (RED, strokes.red)) if mask is not None}

    def drawn(fineness: Fineness) -> Drawing:
        ink = _ink_pictures(kinds, fineness, list(stencils))
        return Drawing(width, height, dpi, (_paper_picture(paper, dpi, fineness), *dense, *ink), tuple(stencils.values()))

    page = drawn(FINE)
    if page.size > budget:
        return drawn(FLOOR)
    if page.size > AMPLE * budget:
        return page
    with_specks = replace(page, stencils=tuple((stencils | {THIN: group4(strokes.thin_and_specks)}).values()))
    return with_specks if with_specks.size <= AMPLE * budget else page


def _paper_picture(paper: Sums, dpi: float, fineness: Fineness) -> Picture:
    rows, columns = paper.weights.shape
    cell, (wanted, quality) = paper_cell(dpi), fineness.paper
    calm = _without_grain(coarser(paper, wanted / PAPER_DPI))
    return _picture(calm, quality, PAPER_CHROMA, HALF, area=(0, 0, columns * cell, rows * cell))


def _without_grain(paper: np.ndarray) -> np.ndarray:
    """Paper whose smallest differences from its surroundings are gone: no marks, and what a JPEG spends most on."""
    smooth = cv2.GaussianBlur(paper, (0, 0), 4).astype(np.int16)
    apart = paper - smooth
    return np.clip(smooth + np.sign(apart) * np.maximum(np.abs(apart) - GRAIN, 0), 0, 255).astype(np.uint8)


def _ink_pictures(kinds: Mapping[int, Sums], fineness: Fineness, stencils: list[int]) -> Iterator[Picture]:
    """From the lowest to the uppermost. The fringe of thin strokes looks as that of the others."""
    for kind, wanted, stencil, shifts in (
        (FRINGE, fineness.fringe, CORE, TWO_ASIDE),
        (FRINGE, fineness.fringe, THIN, ASIDE),
        (RED_FRINGE, fineness.fringe, RED, ASIDE),
        (FAINT, fineness.ink, FAINT, WHOLE),
        (EDGES, fineness.ink, CORE, ASIDE),
        (THIN, fineness.ink, THIN, WHOLE),
        (CORE, fineness.ink, CORE, WHOLE),
        (RED, fineness.ink, RED, WHOLE),
    ):
        if kinds[kind].anything:
            few = coarser(kinds[kind], wanted[0] / INK_DPI)
            yield _picture(few, wanted[1], INK_CHROMA, stencil=stencils.index(stencil), shifts=shifts)


def _area_picture(pixels: np.ndarray, area: Area, dpi: float) -> Picture:
    left, top, width, height = area
    part = pixels[top : top + height, left : left + width]
    small = cv2.resize(part, size_at((width, height), dpi, AREA_DPI), interpolation=cv2.INTER_AREA)
    return _picture(small, AREA_QUALITY, PAPER_CHROMA, HALF, area=area)


def _picture(pixels: np.ndarray, quality: int, chroma_quality: int, chroma: int = FULL, **how: object) -> Picture:
    height, width = pixels.shape[:2]
    return Picture(small_jpeg(pixels, quality, chroma_quality, chroma), width, height, pixels.ndim == 2, **how)


def group4(mask: np.ndarray) -> bytes:
    """A mask (h, w) uint8, 0 and 255 where ink is, in CCITT Group 4 as PDF wants it: one strip, ink black."""
    from PIL import Image

    buffer = BytesIO()
    bits = Image.fromarray(mask).convert("1", dither=Image.Dither.NONE)
    bits.save(buffer, "TIFF", compression="group4", strip_size=1 << 30)
    with Image.open(buffer) as written:
        start, length = written.tag_v2[STRIP_OFFSETS], written.tag_v2[STRIP_BYTE_COUNTS]
    return buffer.getvalue()[start[0] : start[0] + length[0]]
