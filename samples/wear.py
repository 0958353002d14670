"""What time does to a sheet: fading, yellowing, stains, folds, a shadowed gutter, show-through.

`age` turns the ink layers of a Sheet into the colours of the flat book as it lies there: the sheet, the edges
of the pages below it and the cover. Fields that change slowly are computed at a quarter of the size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samples.ink import Sheet, noise

# reflectance of full ink in red, green, blue
INK_COLOURS = {
    "print": (0.13, 0.12, 0.13),
    "blue": (0.10, 0.16, 0.52),
    "black": (0.11, 0.11, 0.14),
    "feint": (0.52, 0.60, 0.66),
    "pencil": (0.42, 0.42, 0.44),
    "red": (0.82, 0.16, 0.20),
}
PAPER = np.array([0.955, 0.945, 0.915], np.float32)
AGED_PAPER = np.array([0.83, 0.74, 0.56], np.float32)
COARSE = 4
FAINTEST = 0.20  # opacity of handwriting at full fading: what an eye can just read on mottled paper


@dataclass(frozen=True)
class Wear:
    """Strengths from 0 (none) to 1 (as bad as it gets)."""

    fading: float = 0.1
    show_through: float = 0.2
    yellowing: float = 0.3
    stains: float = 0.2
    fold: float = 0.0
    gutter_shadow: float = 0.5
    pile: float = 0.5


@dataclass(frozen=True)
class Outline:
    """The sheet's edge in mm: corners clockwise from the top left, and the ends of the gutter of a spread."""

    corners: np.ndarray
    gutter: np.ndarray | None

    @property
    def polygon(self) -> np.ndarray:
        """The whole edge, clockwise."""
        if self.gutter is None:
            return self.corners
        tl, tr, br, bl = self.corners
        return np.array([tl, self.gutter[0], tr, br, self.gutter[1], bl])

    def page(self, side: str) -> np.ndarray:
        """Corners of one page, clockwise from the top left."""
        if side == "whole":
            return self.corners
        tl, tr, br, bl = self.corners
        top, bottom = self.gutter
        return np.array([tl, top, bottom, bl]) if side == "left" else np.array([top, tr, br, bottom])


def cut(rng: np.random.Generator, size: tuple[float, float], spread: bool) -> Outline:
    """A sheet trimmed by hand: no corner is quite where it should be."""
    width, height = size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    corners += rng.uniform(-0.9, 0.9, (4, 2))
    if not spread:
        return Outline(corners, None)
    ends = (corners[[0, 3]] + corners[[1, 2]]) / 2
    ends[:, 0] = width / 2
    return Outline(corners, ends)


def age(
    sheet: Sheet, rng: np.random.Generator, wear: Wear, outline: Outline
) -> tuple[np.ndarray, np.ndarray]:
    """The flat book in colour (rows×columns×3, RGB, black outside), and what it hides (0–255)."""
    field = _paper(sheet, rng, wear, outline)
    rows, columns = sheet.shape
    book = cv2.resize(field, (columns, rows), interpolation=cv2.INTER_LINEAR)
    channels = [np.ascontiguousarray(book[..., i]) for i in range(3)]
    if wear.show_through > 0:
        _shine_through(channels, sheet, rng, wear.show_through)
    for ink, layer in sheet.layers.items():
        strength = _opacity(rng, ink, wear.fading, sheet)
        inked = cv2.multiply(layer, strength, scale=1 / 255)
        for channel, reflectance in zip(channels, INK_COLOURS[ink], strict=True):
            absorbed = cv2.convertScaleAbs(inked, alpha=reflectance - 1, beta=255)
            cv2.multiply(channel, absorbed, dst=channel, scale=1 / 255)
    return _bound(cv2.merge(channels), sheet, rng, wear, outline)


def _coarse_shape(sheet: Sheet) -> tuple[int, int]:
    rows, columns = sheet.shape
    return -(-rows // COARSE), -(-columns // COARSE)


def _paper(sheet: Sheet, rng, wear: Wear, outline: Outline) -> np.ndarray:
    """The empty paper at a quarter of the size: tint, texture, stains, folds and the shadow of the gutter."""
    shape = _coarse_shape(sheet)
    k = sheet.pixels_per_mm / COARSE
    age_map = wear.yellowing * (0.75 + 0.18 * noise(rng, shape, 45 * k)) + 0.35 * wear.yellowing * _edges(
        sheet, shape, k
    )
    age_map = np.clip(age_map, 0, 1.15)[..., None]
    field = PAPER * (1 - age_map) + AGED_PAPER * age_map
    grain = 0.006 * noise(rng, shape, max(1.0, 0.45 * k)) + 0.008 * noise(rng, shape, 3 * k)
    field *= (1 + (0.4 + wear.yellowing) * grain)[..., None]
    for _ in range(round(wear.stains * 7)):
        _stain(field, rng, k)
    if wear.fold > 0:
        _fold(field, rng, wear.fold)
    if outline.gutter is not None:
        x = np.arange(shape[1], dtype=np.float32) / k - sheet.margin - outline.gutter[0, 0]
        left, right = rng.uniform(6, 16), rng.uniform(6, 16)
        near = np.exp(-np.abs(x) / np.where(x < 0, left, right))
        crease = np.exp(-((x / 0.7) ** 2))
        field *= (1 - wear.gutter_shadow * (0.62 * near + 0.3 * crease))[None, :, None].clip(0.12)
    return (np.clip(field, 0, 1) * 255).astype(np.uint8)


def _edges(sheet: Sheet, shape, k: float) -> np.ndarray:
    """1 at the sheet's edge, falling inwards: old paper browns from there."""
    width, height = sheet.size
    x = np.arange(shape[1], dtype=np.float32) / k - sheet.margin
    y = np.arange(shape[0], dtype=np.float32) / k - sheet.margin
    across = np.minimum(np.abs(x), np.abs(width - x))[None, :]
    down = np.minimum(np.abs(y), np.abs(height - y))[:, None]
    return np.exp(-np.minimum(across, down) / 9)


def _stain(field: np.ndarray, rng, k: float) -> None:
    """A tide mark of water, tea or mould: a tinted blot with a darker rim."""
    rows, columns = field.shape[:2]
    radius = rng.uniform(3, 28) * k
    x0, y0 = rng.uniform(0, columns), rng.uniform(0, rows)
    top, bottom = (int(np.clip(y0 + s * 1.6 * radius, 0, rows)) for s in (-1, 1))
    left, right = (int(np.clip(x0 + s * 1.6 * radius, 0, columns)) for s in (-1, 1))
    if bottom - top < 4 or right - left < 4:
        return
    y, x = np.ogrid[top:bottom, left:right]
    shape = (bottom - top, right - left)
    distance = (
        np.hypot(x - x0, y - y0) / radius + 0.16 * noise(rng, shape, radius / 2) + 0.03 * noise(rng, shape, 2)
    )
    inside = 1 / (1 + np.exp((distance - 1) * 22))
    rim = np.exp(-(((distance - 0.97) / 0.05) ** 2))
    depth = rng.uniform(0.04, 0.16)
    tint = np.array([0.55, 0.8, 1.25], np.float32) * depth
    field[top:bottom, left:right] *= 1 - (0.55 * inside + 0.6 * rim)[..., None] * tint


def _fold(field: np.ndarray, rng, strength: float) -> None:
    """A crease across the sheet: light catches one side of it, the other is in shade."""
    rows, columns = field.shape[:2]
    across = rng.random() < 0.6
    length, breadth = (columns, rows) if across else (rows, columns)
    position = breadth * rng.uniform(0.3, 0.7) + np.linspace(0, breadth * rng.uniform(-0.02, 0.02), length)
    distance = np.arange(breadth, dtype=np.float32)[:, None] - position[None, :].astype(np.float32)
    shade = -0.17 * np.exp(-(((distance - 1) / 1.3) ** 2)) + 0.07 * np.exp(-(((distance + 2) / 2.0) ** 2))
    shade -= 0.05 * np.exp(-np.abs(distance) / 30) * np.sign(distance)
    field *= (1 + strength * (shade if across else shade.T))[..., None]


def _opacity(rng, ink: str, fading: float, sheet: Sheet) -> np.ndarray:
    """How much of an ink is left, 0 to 255, changing slowly over the sheet; print and seals last longer."""
    lasting = {"print": 0.45, "feint": 0.6, "red": 0.4, "pencil": 0.5}.get(ink, 1.0)
    rows, columns = _coarse_shape(sheet)
    k = sheet.pixels_per_mm / COARSE
    left = 1 - (1 - FAINTEST) * fading * lasting
    field = left * (
        1 + 0.10 * noise(rng, (rows, columns), 24 * k) + 0.07 * noise(rng, (rows, columns), 5 * k)
    )
    field = np.clip(field, FAINTEST * 0.85, 0.96)
    whole = sheet.shape
    return cv2.resize((field * 255).astype(np.uint8), (whole[1], whole[0]), interpolation=cv2.INTER_LINEAR)


def _shine_through(channels: list[np.ndarray], sheet: Sheet, rng, strength: float) -> None:
    """The writing of the other side: a like page, mirrored, blurred and pale."""
    rows, columns = sheet.shape
    half = cv2.resize(sheet.coverage(), (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    other = cv2.GaussianBlur(cv2.flip(half, 1), (0, 0), 0.16 * sheet.pixels_per_mm)
    shift = rng.uniform(-4, 4, 2) * sheet.pixels_per_mm
    matrix = np.array([[2, 0, shift[0]], [0, 2, shift[1]]], np.float64)
    other = cv2.warpAffine(other, matrix, (columns, rows))
    for channel, tint in zip(channels, (0.85, 0.95, 1.0), strict=True):
        cv2.multiply(
            channel,
            cv2.convertScaleAbs(other, alpha=-0.42 * strength * tint, beta=255),
            dst=channel,
            scale=1 / 255,
        )


def _bound(
    page: np.ndarray, sheet: Sheet, rng, wear: Wear, outline: Outline
) -> tuple[np.ndarray, np.ndarray]:
    """The sheet on the pile of the pages below and the cover; black beyond."""
    rows, columns = sheet.shape
    inside = _fill(sheet, outline.polygon, 255, np.zeros((rows, columns), np.uint8))
    below = np.zeros((rows, columns, 3), np.uint8)
    alpha = inside.copy()
    leaves = round(wear.pile * 11)
    if leaves:
        # pages lie open to both sides of a gutter; a single page is bound at its left and piles to the right
        spread = outline.gutter is not None
        steps = np.sort(rng.uniform(0.15, 0.55, (leaves, 2)).cumsum(0) * (1.0, 1.0), axis=0)
        cover = (*(rng.uniform(40, 110, 3)),)
        _fill(sheet, _widened(outline.polygon, steps[-1] + (4.5, 4.5), spread), cover, below)
        alpha = _fill(sheet, _widened(outline.polygon, steps[-1] + (4.5, 4.5), spread), 255, alpha)
        tint = PAPER * 255 * (1 - 0.25 * wear.yellowing)
        for i in range(leaves - 1, -1, -1):
            shade = rng.uniform(0.62, 0.92)
            _fill(
                sheet,
                _widened(outline.polygon, steps[i], spread),
                tuple(float(v) for v in tint * shade),
                below,
            )
    weight = cv2.merge([inside] * 3)
    page = cv2.multiply(page, weight, scale=1 / 255)
    below = cv2.multiply(below, cv2.bitwise_not(weight), scale=1 / 255)
    return cv2.add(page, below), alpha


def _widened(polygon: np.ndarray, reach, spread: bool) -> np.ndarray:
    """The edge moved out by reach mm (left, right) at the fore-edges, and a little at the foot."""
    middle = polygon[:, 0].mean()
    wide = polygon.copy()
    wide[:, 0] += np.where(
        polygon[:, 0] > middle + 1, reach[1], np.where(polygon[:, 0] < middle - 1, -reach[0] * spread, 0)
    )
    wide[:, 1] += np.where(polygon[:, 1] > polygon[:, 1].mean(), 0.22 * max(reach), 0)
    return wide


def _fill(sheet: Sheet, polygon: np.ndarray, colour, canvas: np.ndarray) -> np.ndarray:
    points = np.round(sheet.pixel(polygon) * 16).astype(np.int32)
    cv2.fillPoly(canvas, [points], colour, cv2.LINE_AA, 4)
    return canvas
