"""Made-up captures of open books: whole spreads, spreads that are cut at a side, single pages; with where the gutter is.

Both pages are of one register: manuscripts, or tables with rules, of which some stand beside the gutter and look like it.
The gutter is a fold: a fine line, dark or light, a valley of shadow, a step of brightness, or hardly anything; it runs
over the whole height of the paper. Beside the pages lie the edges of those below, the cover and the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

SIZE = (384, 256)  # px: width and height of what the model sees
HIGH = 512  # px: a page as it is drawn
THIRDS = (1 / 6, 1 / 2, 5 / 6)  # of the height: where the gutter is asked for
WHITE = 245
LEAST = 0.02  # of the width: what is nearer to a side is no neighbour's page


@dataclass(frozen=True)
class OpenBook:
    """`image` grey uint8 (h, w). `gutter`: its place at each of THIRDS, 0 to 1 of the width; None where there is none."""

    image: np.ndarray
    gutter: np.ndarray | None


@dataclass(frozen=True)
class _Style:
    """What the pages of one register have in common."""

    wide: int
    table: bool
    frame: bool
    pitch: float
    top: float
    foot: float
    inner: float
    outer: float
    rule: tuple[int, int]
    border: tuple[int, int]
    ink: int
    size: float
    filled: float
    columns: tuple[tuple[float, ...], tuple[float, ...]]
    level: bool
    across: bool
    joined: bool


def capture(rng: np.random.Generator) -> OpenBook:
    """A capture of any kind."""
    style = _style(rng)
    kind = rng.choice(["spread", "part", "page", "sheet"], p=[0.36, 0.4, 0.18, 0.06])
    paper = float(rng.uniform(120, 245))
    pages = [_page(rng, style, side, paper * rng.uniform(0.93, 1.05)) for side in (0, 1)]
    if style.across:
        for y in rng.uniform(style.top * 0.2, style.top, int(rng.integers(1, 5))) * HIGH:  # headings over both pages
            start, end = rng.uniform(0.1, 0.9) * style.wide, rng.uniform(1.1, 1.9) * style.wide
            for page, shift in ((pages[0], 0), (pages[1], style.wide)):
                _words(rng, page, start - shift, min(end - shift, style.wide), y, style.size * 1.3, style.ink)
    folds = kind != "sheet"
    spread = np.hstack(pages)
    spread = _bound(rng, spread, style.wide) if folds else spread
    book, at = _with_surroundings(rng, spread)
    book, at, line = _turned(rng, book, at, style.wide)
    left, right = at[0], at[0] + 2 * style.wide
    if kind == "part":
        kept = rng.uniform(0.02, 0.95) * style.wide
        left, right = (left, left + style.wide + kept) if rng.random() < 0.5 else (right - style.wide - kept, right)
    elif kind in ("page", "sheet"):
        gap = rng.uniform(0, 0.03) * style.wide
        left, right = (left, left + style.wide - gap) if rng.random() < 0.5 else (right - style.wide + gap, right)
    beyond = np.where(rng.random(4) < 0.6, rng.uniform(-0.01, 0.012, 4), rng.uniform(-0.01, 0.09, 4)) * HIGH
    x0, x1 = int(max(0, left - beyond[0])), int(min(book.shape[1], right + beyond[1]))
    y0, y1 = int(max(0, at[1] - beyond[2])), int(min(book.shape[0], at[1] + HIGH + beyond[3]))
    if kind == "part" and left > at[0]:
        x0 = int(left)
    elif kind == "part":
        x1 = int(right)
    image = cv2.resize(book[y0:y1, x0:x1], SIZE, interpolation=cv2.INTER_AREA)
    heights = y0 + np.array(THIRDS) * (y1 - y0)
    gutter = (line(heights) - x0) / (x1 - x0)
    seen = folds and gutter.min() > LEAST and gutter.max() < 1 - LEAST
    return OpenBook(_seen(rng, image), gutter.astype(np.float32) if seen else None)


def _style(rng: np.random.Generator) -> _Style:
    wide = round(HIGH * rng.uniform(0.52, 0.84))
    inks = np.sort(rng.integers(20, 170, 3))
    columns = tuple(tuple(np.sort(rng.uniform(0.05, 0.95, int(rng.integers(0, 9)))).tolist()) for _ in range(2))
    if rng.random() < 0.5:
        columns = (columns[0], columns[0])
    return _Style(wide, bool(rng.random() < 0.75), bool(rng.random() < 0.6), float(rng.uniform(9, 34)),
                  float(rng.uniform(0.02, 0.2)), float(rng.uniform(0.01, 0.12)), float(rng.choice([0.0, 1.0]) * rng.uniform(
                      0, 0.02) + rng.uniform(0, 0.09)), float(rng.uniform(0.01, 0.14)),
                  (int(inks[2]), 1), (int(inks[0]), int(rng.integers(1, 6))), int(inks[1]), float(rng.uniform(4, 11)),
                  float(rng.uniform(0.1, 1)), columns, *(bool(rng.random() < share) for share in (0.7, 0.35, 0.25)))


def _page(rng: np.random.Generator, style: _Style, side: int, paper: float) -> np.ndarray:
    """One page, grey float32 (HIGH, wide); its inner side is that at the gutter."""
    page = np.full((HIGH, style.wide), WHITE, np.uint8)
    inner, outer = (0 if style.joined else style.inner) * style.wide, style.outer * style.wide
    left, right = (outer, style.wide - inner) if side == 0 else (inner, style.wide - outer)
    top, foot = style.top * HIGH, (1 - style.foot) * HIGH
    rows = np.arange(top + style.pitch, foot, style.pitch)
    spans = [left, *(left + part * (right - left) for part in style.columns[side]), right]
    if style.table:
        for x in spans[1:-1]:
            cv2.line(page, (round(x), round(top)), (round(x), round(foot)), style.rule[0], style.rule[1], cv2.LINE_AA)
        for y in rows if style.level else ():
            cv2.line(page, (round(left), round(y)), (round(right), round(y)), style.rule[0], 1, cv2.LINE_AA)
        if style.frame:
            reach = 20 if style.joined else 0  # the frame runs round both pages
            corners = (round(left) - side * reach, round(top)), (round(right) + (1 - side) * reach, round(foot))
            cv2.rectangle(page, *corners, style.border[0], style.border[1], cv2.LINE_AA)
    elif rng.random() < 0.5:
        x = round(left + rng.uniform(0.05, 0.3) * (right - left))
        cv2.line(page, (x, 0), (x, HIGH), style.rule[0], 1, cv2.LINE_AA)
    last = len(rows) if rng.random() < 0.7 else int(rng.uniform(0, len(rows) + 1))
    for y in rows[:last]:
        if not style.table:
            _words(rng, page, left + rng.uniform(0, 0.05) * style.wide, right - rng.uniform(-0.02, 0.06) * style.wide, y,
                   style.size, style.ink)
            continue
        for start, end in pairwise(spans):
            if rng.random() < style.filled and end - start > 10:
                stop = start + 3 + (end - start) * rng.uniform(0.2, 1.05)
                _words(rng, page, start + 3, stop, y - 1, min(style.size, style.pitch * 0.7), style.ink)
    if rng.random() < 0.5:
        start = rng.uniform(0.1, 0.5) * style.wide
        _words(rng, page, start, start + rng.uniform(0.2, 0.5) * style.wide, max(8, top * 0.6), style.size * 1.6, style.ink)
    return page * np.float32(paper / WHITE)


def _words(rng: np.random.Generator, page: np.ndarray, left: float, right: float, base: float, size: float,
           ink: int) -> None:
    """Strokes that look like a line of writing from afar."""
    right = min(right, page.shape[1] + 2)
    x = left
    while x < right - size:
        stop = min(x + size * rng.uniform(1, 6), right)
        across = np.arange(x, stop, max(1.5, size * 0.35))
        heights = base - size * rng.choice([0.0, 0.55, 0.55, 1.0], len(across)) + rng.normal(0, 0.4, len(across))
        points = np.column_stack([across, heights])
        cv2.polylines(page, [np.round(points * 8).astype(np.int32)], False, float(ink), 1, cv2.LINE_AA, 3)
        x = stop + size * rng.uniform(0.4, 1.2)


def _bound(rng: np.random.Generator, spread: np.ndarray, middle: int) -> np.ndarray:
    """The fold: shadow, line and step; the paper bends down to it."""
    height, width = spread.shape
    x = np.arange(width, dtype=np.float32) - middle + 0.5
    light, deepest, finest = np.ones(width, np.float32), *((0.55, 0.75) if rng.random() < 0.6 else (0.15, 0.2))
    for side in (-1, 1):
        depth, reach = rng.uniform(0, deepest) ** 1.2, rng.uniform(0.006, 0.13) * width / 2
        own = np.where(x * side > 0, np.exp(-((np.abs(x) / reach) ** rng.uniform(0.7, 2))), 0)
        light *= 1 - depth * own * (1 if rng.random() < 0.85 else -0.35)
    half = rng.uniform(0.4, 2.2)
    strength = rng.uniform(0.03, finest) * (1 if rng.random() < 0.88 else -0.5)
    light *= 1 - strength * np.exp(-((x / half) ** 2))
    light = np.where(x > 0, light * rng.uniform(0.9, 1.1), light)
    along = 1 + (rng.uniform(-0.5, 0.5) * np.linspace(-1, 1, height)[:, None]).astype(np.float32)
    shade = 1 - (1 - light)[None] * along
    bow, reach = rng.normal(0, 7), rng.uniform(0.03, 0.25) * width / 2
    down = (bow * np.exp(-np.abs(x) / reach)).astype(np.float32)
    grid_x, grid_y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bent = cv2.remap(spread, grid_x, grid_y - down[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(bent * shade, 5, 255)


def _with_surroundings(rng: np.random.Generator, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pages below, cover and ground around the spread; and where its corner now is."""
    height, width = spread.shape
    left, right, top, foot = (int(margin) for margin in rng.uniform((50, 50, 20, 20), (110, 110, 60, 60)))
    ground = rng.choice([rng.uniform(2, 60), rng.uniform(60, 200), rng.uniform(200, 252)])
    whole = np.full((height + top + foot, width + left + right), ground, np.float32)
    whole += rng.normal(0, 4, whole.shape)
    for side in (0, 1):
        thick = int(rng.uniform(0, 0.09) * HIGH)
        stripes = np.clip(rng.normal(float(spread.mean()) * rng.uniform(0.7, 1), rng.uniform(5, 35), thick), 20, 250)
        start = left - thick if side == 0 else left + width
        whole[top : top + height, start : start + thick] = stripes
        cover = int(rng.uniform(0, 14))
        edge = start - cover if side == 0 else start + thick
        whole[max(0, top - 6) : top + height + 6, max(0, edge) : edge + cover] = rng.uniform(10, 120)
    whole[top : top + height, left : left + width] = spread
    return whole, np.array([left, top], float)


def _turned(rng: np.random.Generator, book: np.ndarray, at: np.ndarray, middle: int):
    """The book a little askew, its gutter bowed; and a function that tells the gutter's place (px) at heights."""
    height, width = book.shape
    slant, bow = np.tan(np.radians(rng.normal(0, 0.9 if rng.random() < 0.75 else 2.5))), rng.normal(0, 2.0)
    y = np.arange(height, dtype=np.float32)
    part = (y - at[1]) / HIGH - 0.5

    def moved(heights: np.ndarray) -> np.ndarray:
        where = (heights - at[1]) / HIGH - 0.5
        return slant * where * HIGH + bow * (1 - 4 * where**2)

    shift = (slant * part * HIGH + bow * (1 - 4 * part**2)).astype(np.float32)
    grid_x, grid_y = np.meshgrid(np.arange(width, dtype=np.float32), y)
    turned = cv2.remap(book, grid_x - shift[:, None], grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return turned, at, lambda heights: at[0] + middle - 0.5 + moved(np.asarray(heights, float))


def _seen(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Light of the room, focus, grain and the hand of whoever set the contrast."""
    width, height = SIZE
    coarse = rng.normal(1, rng.uniform(0.01, 0.12), (3, 3)).astype(np.float32)
    image = image * cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.2))
    image = image + rng.normal(0, rng.uniform(0.3, 5), (height, width))
    image = 255 * (np.clip(image / 255 * rng.uniform(0.6, 1.15), 0, 1) ** rng.uniform(0.6, 1.7))
    return np.clip(image, 0, 255).astype(np.uint8)
