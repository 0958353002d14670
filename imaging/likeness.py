"""Is this the same page of paper, captured twice? Told by the strokes of its writing, place by place.

Pages of one book look alike: the same form, the same rules, often the same words. What differs is where each stroke of
the pen lies. So small places that hold writing are laid over the other page, each moved as it fits best, and it is the
badly fitting ones that count: in two captures of one page hardly any place fits badly.

Most pairs of a book need not be looked at so closely: what all its pages share is taken away, and only pages whose rest
is alike are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import cv2
import numpy as np

SIZE = (620, 880)  # px: an A4 page at 75 dpi
LEAST_CONTRAST = 24  # of 255: fainter is no stroke
STRONG = 0.45  # of the strongest strokes' contrast
STRONGEST_PERCENTILE = 97
RULE_PART = 1 / 8  # of the page's width: straighter and longer than any stroke
SOFT = 1.2  # px: strokes may be wider in one capture than in the other
PLACE, REACH = 36, 20  # px: a place, and how far it may have moved against the page as a whole
LEAST_INK = 0.08  # of a place
PLACES = (8, 40)  # fewer tell nothing, more are not needed
WORST_PART = 0.2  # the place that fits worse than four out of five
MOVED = 30  # px: pages are not moved farther as a whole
SAME = 0.84  # two captures of one page by one device: 0.90 and more; different pages: 0.81 at most
BOOK = 8  # pages that tell what all pages of their book share; fewer are compared each with each
ROUGH, ROUGH_BLUR = (62, 88), 1.2  # cells of a rough picture of the strokes, and how far they may have moved
ROUGHLY = 0.4  # correlation of what is not shared: captures of one page 0.61 and more, nearly all others below 0.3


def strokes(pixels: np.ndarray) -> np.ndarray:
    """The writing of a developed page (grey or RGB uint8): uint8 of SIZE, 0 paper and 1 ink; rules are taken out."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, SIZE, interpolation=cv2.INTER_AREA)
    dark = cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, np.ones((15, 15), np.uint8))
    ink = (dark > max(LEAST_CONTRAST, STRONG * float(np.percentile(dark, STRONGEST_PERCENTILE)))).astype(np.uint8)
    long = int(SIZE[0] * RULE_PART)
    level = cv2.morphologyEx(cv2.dilate(ink, np.ones((3, 1), np.uint8)), cv2.MORPH_OPEN, np.ones((1, long), np.uint8))
    upright = cv2.morphologyEx(cv2.dilate(ink, np.ones((1, 3), np.uint8)), cv2.MORPH_OPEN, np.ones((long, 1), np.uint8))
    return ink & (1 - cv2.dilate(level | upright, np.ones((3, 3), np.uint8)))


def to_png(page: np.ndarray) -> bytes:
    """Strokes as a file of a few KB."""
    _, data = cv2.imencode(".png", page * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return data.tobytes()


def from_png(data: bytes) -> np.ndarray:
    """The strokes that `to_png` wrote."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) // 255


def doubles(pages: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs of places in `pages` (the strokes of a book's pages) that show the same page of paper."""
    return [(one, other) for one, other in _candidates(pages) if alike(pages[one], pages[other]) >= SAME]


def _candidates(pages: Sequence[np.ndarray]) -> Iterator[tuple[int, int]]:
    if len(pages) < BOOK:
        yield from combinations(range(len(pages)), 2)
        return
    rough = np.array([_rough(page) for page in pages])
    rough -= rough.mean(axis=0)
    rough /= np.maximum(np.linalg.norm(rough, axis=1, keepdims=True), 1e-6)
    for at in range(1, len(pages)):
        for before in np.flatnonzero(rough[:at] @ rough[at] >= ROUGHLY):
            yield int(before), at


def _rough(page: np.ndarray) -> np.ndarray:
    cells = cv2.resize(page.astype(np.float32), ROUGH, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(cells, (0, 0), ROUGH_BLUR).ravel()


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """How well the strokes of two pages lie on each other, 0 to 1; 0 where there is too little writing to tell."""
    one, other = (cv2.GaussianBlur(page.astype(np.float32), (0, 0), SOFT) for page in (one, other))
    (across, down), _ = cv2.phaseCorrelate(one, other, cv2.createHanningWindow(SIZE, cv2.CV_32F))
    moved = np.array([across, down]) if max(abs(across), abs(down)) <= MOVED else np.zeros(2)
    return min(_fit(one, other, np.round(moved).astype(int)), _fit(other, one, -np.round(moved).astype(int)))


def _fit(one: np.ndarray, other: np.ndarray, moved: np.ndarray) -> float:
    """How well the worst-fitting fifth of the places of `one` is found again in `other`."""
    margin = MOVED + REACH
    padded = cv2.copyMakeBorder(other, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    fits = []
    for x, y in _places(one):
        left, top = x + moved[0] + margin - REACH, y + moved[1] + margin - REACH
        around = padded[top : top + PLACE + 2 * REACH, left : left + PLACE + 2 * REACH]
        place = one[y : y + PLACE, x : x + PLACE]
        fits.append(float(cv2.matchTemplate(around, place, cv2.TM_CCOEFF_NORMED).max()) if around.any() else 0.0)
    return max(0.0, float(np.quantile(fits, WORST_PART))) if len(fits) >= PLACES[0] else 0.0


def _places(page: np.ndarray) -> list[tuple[int, int]]:
    """Upper left corners of places that hold enough writing, evenly chosen."""
    width, height = SIZE
    found = [(x, y) for y in range(0, height - PLACE + 1, PLACE) for x in range(0, width - PLACE + 1, PLACE)
             if page[y : y + PLACE, x : x + PLACE].mean() >= LEAST_INK]
    return [found[at] for at in np.linspace(0, len(found) - 1, min(len(found), PLACES[1])).astype(int)]
