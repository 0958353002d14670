"""Puts ink on a flat sheet: printed text and rules, handwriting, signatures, seals.

A Sheet keeps one coverage layer for each kind of ink (0 none, 255 full) and the lines of writing with their
baselines in millimetres. What colour the inks have and how they fade is the business of `wear`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).resolve().parent / "fonts"
PRINT_FONTS = Path(__file__).resolve().parents[1] / "texts" / "fonts"  # the program prints with them, too
HANDS = ("hand-joined", "hand-upright", "hand-slanted")
MM = 25.4
OVERSAMPLING = 2  # glyphs are drawn larger, so that slanting and scaling them stays smooth


@dataclass(frozen=True)
class Line:
    """One line of writing: `baseline` is a polyline in mm of the sheet, `kind` is print or hand."""

    baseline: tuple[tuple[float, float], ...]
    text: str
    kind: str


@dataclass
class Sheet:
    """A flat sheet (or open spread) of `size` mm with `margin` mm of canvas around it, at `dpi`."""

    size: tuple[float, float]
    dpi: float
    margin: float
    layers: dict[str, np.ndarray] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    @property
    def pixels_per_mm(self) -> float:
        return self.dpi / MM

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the canvas."""
        width, height = self.size
        k = self.pixels_per_mm
        return round((height + 2 * self.margin) * k), round((width + 2 * self.margin) * k)

    def layer(self, ink: str) -> np.ndarray:
        """The coverage of one ink; made when first used."""
        if ink not in self.layers:
            self.layers[ink] = np.zeros(self.shape, np.uint8)
        return self.layers[ink]

    def pixel(self, points) -> np.ndarray:
        """Sheet millimetres to canvas pixels (n×2), whole numbers at the centres of pixels."""
        return (np.asarray(points, np.float64).reshape(-1, 2) + self.margin) * self.pixels_per_mm - 0.5

    def coverage(self) -> np.ndarray:
        """All inks of this side together, 0 to 255; the paper's fine ruling is no ink."""
        total = np.zeros(self.shape, np.uint8)
        for ink, layer in self.layers.items():
            if ink != "feint":
                np.maximum(total, layer, out=total)
        return total

    def stamp(self, ink: str, tile: np.ndarray, left: int, top: int) -> None:
        """Lay a tile of coverage on a layer; what reaches beyond the canvas is lost."""
        layer = self.layer(ink)
        rows, columns = layer.shape
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + tile.shape[1], columns), min(top + tile.shape[0], rows)
        if x0 < x1 and y0 < y1:
            part = layer[y0:y1, x0:x1]
            np.maximum(part, tile[y0 - top : y1 - top, x0 - left : x1 - left], out=part)


@dataclass(frozen=True)
class Hand:
    """How somebody writes: `size` is the em in mm, `slant` the shear, `slope` the climb of the line."""

    font: str
    size: float
    slant: float
    slope: float
    unrest: float
    ink: str

    @classmethod
    def of(cls, rng: np.random.Generator, ink: str, size: float = 5.2) -> Hand:
        """A clerk's hand."""
        font = HANDS[int(rng.integers(len(HANDS)))]
        natural = {"hand-joined": 1.08, "hand-upright": 0.86, "hand-slanted": 0.96}[font]
        return cls(
            font,
            size * natural * rng.uniform(0.93, 1.07),
            rng.uniform(-0.02, 0.2),
            rng.normal(0, 0.004),
            rng.uniform(0.7, 1.3),
            ink,
        )


@functools.lru_cache(maxsize=64)
def _font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    folder = PRINT_FONTS if name.startswith("print-") else FONTS
    return ImageFont.truetype(str(folder / f"{name}.ttf"), pixels, layout_engine=ImageFont.Layout.BASIC)


@functools.lru_cache(maxsize=4096)
def _glyph(name: str, pixels: int, letter: str) -> tuple[np.ndarray, int, int, float]:
    """Coverage of one letter, the place of its top left against the origin, and its advance."""
    font = _font(name, pixels)
    left, top, right, bottom = font.getbbox(letter, anchor="ls")
    tile = Image.new("L", (max(1, right - left), max(1, bottom - top)), 0)
    ImageDraw.Draw(tile).text((-left, -top), letter, font=font, fill=255, anchor="ls")
    return np.asarray(tile), left, top, font.getlength(letter)


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """Smooth noise of about unit strength whose bumps are `cell` pixels apart, float32."""
    rows, columns = (max(2, int(np.ceil(side / cell)) + 2) for side in shape)
    coarse = rng.standard_normal((rows, columns), np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def print_text(
    sheet: Sheet, text: str, x: float, y: float, points: float, *, bold: bool = False, anchor: str = "l"
) -> float:
    """Set `text` with its baseline at y mm, in `points`; anchor l, m or r. Returns the x mm where it ends."""
    k = sheet.pixels_per_mm
    font = _font("print-bold" if bold else "print-regular", max(6, round(points * sheet.dpi / 72)))
    width = font.getlength(text) / k
    start = x - {"l": 0.0, "m": width / 2, "r": width}[anchor]
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    tile = Image.new("L", (right - left + 2, bottom - top + 2), 0)
    ImageDraw.Draw(tile).text((-left, -top), text, font=font, fill=255, anchor="ls")
    px, py = np.round(sheet.pixel([(start, y)])[0]).astype(int)
    sheet.stamp("print", np.asarray(tile), px + left, py + top)
    sheet.lines.append(Line(((start, y), (start + width, y)), text, "print"))
    return start + width


def rule(sheet: Sheet, start, end, millimetres: float = 0.25, ink: str = "print") -> None:
    """A printed straight line between two points in mm; the fine ruling of the paper is the ink `feint`."""
    a, b = np.round(sheet.pixel([start, end]) * 16).astype(int)
    thickness = max(1, round(millimetres * sheet.pixels_per_mm))
    cv2.line(sheet.layer(ink), a.tolist(), b.tolist(), 225, thickness, cv2.LINE_AA, 4)


def leader(sheet: Sheet, start: float, end: float, y: float) -> None:
    """The dotted line that a clerk writes on."""
    count = max(0, int((end - start) / 1.05))
    radius = max(8, round(0.14 * sheet.pixels_per_mm * 16))
    centres = sheet.pixel([(start + 1.05 * i, y + 0.4) for i in range(count)])
    for x, row in np.round(centres * 16).astype(int).tolist():
        cv2.circle(sheet.layer("print"), (x, row), radius, 215, -1, cv2.LINE_AA, 4)


def hand_width(hand: Hand, text: str, k: float) -> float:
    """The width in mm that `text` takes when nothing presses it together."""
    pixels = max(8, round(hand.size * k * OVERSAMPLING))
    return sum(_glyph(hand.font, pixels, letter)[3] for letter in text) / OVERSAMPLING / k


def write(
    sheet: Sheet,
    rng: np.random.Generator,
    hand: Hand,
    text: str,
    x: float,
    y: float,
    room: float | None = None,
) -> float:
    """Write `text` by hand from x, y (mm) on, pressed to fit `room` mm. Returns the x mm where it ends."""
    k = sheet.pixels_per_mm
    pixels = max(8, round(hand.size * k * OVERSAMPLING))
    natural = hand_width(hand, text, k)
    squeeze = min(1.0, room / natural) if room and natural else 1.0
    em = hand.size * k
    pad = round(em * 0.8)
    up, down = round(em * 1.7), round(em * 0.9)
    length = natural * squeeze * k
    strip = np.zeros((up + down, round(length * 1.02) + 2 * pad), np.uint8)
    cursor = float(pad)
    pressure = 1.0
    for letter in text:
        glyph, left, top, advance = _glyph(hand.font, pixels, letter)
        pressure = 1.0 if letter == " " else max(0.78, pressure - rng.uniform(0, 0.03))
        growth = rng.normal(1, 0.03 * hand.unrest) / OVERSAMPLING
        tilt = rng.normal(0, 0.02 * hand.unrest)
        lift = rng.normal(0, 0.018 * hand.unrest) * em
        width = growth * squeeze
        matrix = np.array([[width, tilt * width, 0], [-tilt * growth, growth, 0]], np.float64)
        matrix[:, 2] = matrix[:, :2] @ (left, top) + (cursor, up + lift)
        _lay(strip, glyph, matrix, pressure * rng.uniform(0.92, 1.0))
        cursor += advance / OVERSAMPLING * squeeze * rng.normal(1, 0.012 * hand.unrest)
    return _place(sheet, rng, hand, strip, text, (x, y), (pad, up), cursor - pad)


def _lay(strip: np.ndarray, glyph: np.ndarray, matrix: np.ndarray, strength: float) -> None:
    """One letter onto the strip, through an affine `matrix` from letter to strip."""
    height, width = glyph.shape
    ends = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix[:, :2].T + matrix[:, 2]
    x0, y0 = np.maximum(np.floor(ends.min(0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(ends.max(0)).astype(int) + 2, strip.shape[::-1])
    if x0 >= x1 or y0 >= y1:
        return
    local = matrix.copy()
    local[:, 2] -= (x0, y0)
    tile = cv2.warpAffine(glyph, local, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    part = strip[y0:y1, x0:x1]
    np.maximum(part, cv2.convertScaleAbs(tile, alpha=strength), out=part)


def _place(sheet, rng, hand: Hand, strip: np.ndarray, text: str, start, origin, length: float) -> float:
    """Bend the strip as a hand does (slant, climb, drift, wobble), lay it down and note its baseline."""
    k = sheet.pixels_per_mm
    (x, y), (pad, up) = start, origin
    em = hand.size * k
    phase, sway = rng.uniform(0, 6.28), rng.uniform(0.01, 0.05) * hand.unrest * em

    def drift(along):
        return hand.slope * along + sway * (np.sin(phase + along / (9 * em)) - np.sin(phase))

    reach = np.ceil(abs(hand.slope) * length + 2 * sway).astype(int) + 1
    rows, columns = strip.shape[0] + 2 * reach, strip.shape[1] + round(abs(hand.slant) * strip.shape[0])
    corner = sheet.pixel([start])[0] - (pad, up + reach)
    left, top = np.floor(corner).astype(int)
    across = np.arange(columns, dtype=np.float32)[None, :] - np.float32(corner[0] - left)
    down = np.arange(rows, dtype=np.float32)[:, None] - np.float32(corner[1] - top + reach)
    map_y = down - drift(across - pad).astype(np.float32)
    map_x = across + np.float32(hand.slant) * (map_y - up)
    wobble = 0.022 * hand.unrest * em
    map_x = map_x + noise(rng, (rows, columns), 0.9 * em) * wobble
    map_y = map_y + noise(rng, (rows, columns), 0.9 * em) * wobble
    written = cv2.remap(strip, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    sheet.stamp(hand.ink, written, int(left), int(top))
    stops = np.linspace(0, length, max(2, round(length / k / 8) + 1))
    baseline = tuple((x + along / k, y + float(drift(along)) / k) for along in stops)
    if text.strip():
        sheet.lines.append(Line(baseline, text, "hand"))
    return x + length / k


def flourish(sheet: Sheet, rng: np.random.Generator, ink: str, x: float, y: float, width: float) -> None:
    """The loops of a signature, beginning at x, y (mm)."""
    t = np.linspace(0, 1, 90)
    turns = rng.uniform(1.6, 3.2)
    swing = rng.uniform(0.1, 0.22) * width
    along = x + width * (t - 0.16 * np.sin(2 * np.pi * turns * t))
    across = y - swing * np.cos(2 * np.pi * turns * t + rng.uniform(0, 3)) * (1 - 0.7 * t) - 0.12 * width * t
    points = np.round(sheet.pixel(np.column_stack([along, across])) * 16).astype(np.int32)
    layer = sheet.layer(ink)
    for i in range(len(points) - 1):
        breadth = (0.28 + 0.16 * np.sin(9 * t[i] + turns)) * sheet.pixels_per_mm
        cv2.line(
            layer, points[i].tolist(), points[i + 1].tolist(), 225, max(1, round(breadth)), cv2.LINE_AA, 4
        )


def sign(sheet: Sheet, rng: np.random.Generator, ink: str, name: str, x: float, y: float) -> None:
    """A signature about 30 mm wide around x, y (mm): a scrawled given name and a flourish."""
    hand = Hand("signature", rng.uniform(10, 13), rng.uniform(0.05, 0.25), rng.uniform(-0.2, -0.05), 1.6, ink)
    write(sheet, rng, hand, name.split()[-1], x - 12, y, 26)
    flourish(sheet, rng, ink, x - 14, y + 1, rng.uniform(26, 36))


def seal(
    sheet: Sheet,
    rng: np.random.Generator,
    x: float,
    y: float,
    around: str,
    middle: str,
    diameter: float = 35.0,
) -> None:
    """A red round seal centred at x, y (mm): two rings, text `around`, a star and a word in the middle."""
    k = sheet.pixels_per_mm
    side = int(np.ceil((diameter + 4) * k)) | 1
    tile = np.zeros((side, side), np.uint8)
    centre = side // 2
    radius = diameter / 2 * k
    for part, breadth in ((1.0, 0.7), (0.93, 0.3), (0.62, 0.3)):
        cv2.circle(tile, (centre, centre), round(radius * part), 255, max(1, round(breadth * k)), cv2.LINE_AA)
    turn = rng.uniform(-25, 25)
    _text_around(tile, around, centre, radius * 0.70, turn, k, diameter)
    _star(tile, (centre, centre - radius * 0.2), radius * 0.24, turn)
    _text_across(tile, middle, centre, radius * 0.3, turn, k, diameter)
    wetness = np.clip(
        1.0 + 0.33 * noise(rng, tile.shape, 4 * k) + 0.2 * noise(rng, tile.shape, 0.5 * k), 0.3, 1
    )
    tile = (tile * wetness).astype(np.uint8)
    px, py = np.round(sheet.pixel([(x, y)])[0]).astype(int)
    sheet.stamp("red", tile, int(px - centre), int(py - centre))


def _turned(glyph: np.ndarray, degrees: float, place, side: int, anchor) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((0, 0), -degrees, 1 / OVERSAMPLING)
    matrix[:, 2] = np.asarray(place) - matrix[:, :2] @ np.asarray(anchor, np.float64)
    return cv2.warpAffine(glyph, matrix, (side, side), flags=cv2.INTER_LINEAR)


def _text_around(tile, text: str, centre: int, radius: float, turn: float, k: float, diameter: float) -> None:
    pixels = max(8, round(diameter * 0.088 * k * OVERSAMPLING))
    step = 360 / len(text)
    for i, letter in enumerate(text):
        glyph, left, top, advance = _glyph("print-bold", pixels, letter)
        angle = turn + (i + 0.5) * step - 180
        radians = np.radians(angle)
        place = (centre + radius * np.sin(radians), centre - radius * np.cos(radians))
        np.maximum(tile, _turned(glyph, angle, place, tile.shape[0], (advance / 2 - left, -top)), out=tile)


def _text_across(tile, text: str, centre: int, drop: float, turn: float, k: float, diameter: float) -> None:
    pixels = max(8, round(diameter * 0.085 * k * OVERSAMPLING))
    glyph, left, top, advance = _glyph("print-bold", pixels, text)
    radians = np.radians(turn)
    place = (centre - drop * np.sin(radians), centre + drop * np.cos(radians))
    np.maximum(tile, _turned(glyph, turn, place, tile.shape[0], (advance / 2 - left, -top)), out=tile)


def _star(tile, place, radius: float, turn: float) -> None:
    angles = np.radians(turn - 90 + 36 * np.arange(10))
    reach = np.where(np.arange(10) % 2 == 0, radius, radius * 0.4)
    points = np.column_stack([place[0] + reach * np.cos(angles), place[1] + reach * np.sin(angles)])
    cv2.fillPoly(tile, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
