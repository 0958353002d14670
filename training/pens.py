"""Made-up writing: how much ink lies where, as coverage from 0 to 255. To train on, not to be read.

Hands of many kinds: joined loops of a pointed or a broad nib, invented letters, real letters of the project's fonts, old
prints; with rules, tables, stamps and flourishes beside them. How dark the ink is and on what it lies is left to
`training.old_pages`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FINE = 3  # strokes are drawn so much larger
ROOT = Path(__file__).parents[1]
FONTS = tuple(sorted([*(ROOT / "samples" / "fonts").glob("*.ttf"), *(ROOT / "texts" / "fonts").glob("*.ttf")]))
HERSHEY = (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_COMPLEX,
           cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_DUPLEX)
LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ"
CAPITALS, DIGITS = "ABCDĐEGHIKLMNOPQRSTUVXY", "0123456789,.-/"


def writing(rng: np.random.Generator, side: int) -> np.ndarray:
    """Coverage of a piece of a page: uint8 (side, side), 0 paper and 255 ink."""
    page = np.zeros((side, side), np.uint8)
    hand = (_joined, _joined, _joined, _invented, _font, _font, _hershey)[int(rng.integers(7))](rng, side)
    slope, top = float(rng.normal(0, 0.02)), -int(rng.integers(0, 60))
    for y in _lines(rng, side, hand.pitch, top):
        left = float(rng.uniform(-0.2, 0.15) * side)
        stop = side * float(rng.choice([1.1, rng.uniform(0.3, 1)], p=[0.7, 0.3]))
        while left < stop:
            left = hand.word(page, left, y + slope * left) + hand.gap * float(rng.uniform(0.6, 1.8))
    for part in (_ruling, _table, _stamp, _flourish, _scrawl):
        if rng.random() < 0.1:
            np.maximum(page, part(rng, side), out=page)
    return page


def _lines(rng: np.random.Generator, side: int, pitch: float, y: float):
    while y < side + pitch:
        y += pitch * (float(rng.uniform(0.9, 1.1)) if rng.random() < 0.93 else float(rng.uniform(1.5, 4)))
        yield y


class _Pen:
    """Draws strokes of changing breadth. `breadth` is px of a full stroke, `hair` the share left of it where it is
    thinnest, `nib` the direction of that: None for a pointed nib, which swells on the way down.
    """

    def __init__(self, rng: np.random.Generator, breadth: float) -> None:
        self.breadth = breadth
        self.hair = float(rng.choice([1.0, 0.75, 0.45, 0.3, 0.2]))
        self.nib = float(rng.uniform(0, np.pi)) if rng.random() < 0.3 else None

    def stroke(self, canvas: np.ndarray, points: np.ndarray) -> None:
        """`points` (n, 2): px of the final size, close together."""
        step = np.diff(points, axis=0)
        angle = np.arctan2(step[:, 1], step[:, 0])
        full = np.maximum(np.sin(angle), 0) ** 1.5 if self.nib is None else np.abs(np.sin(angle - self.nib))
        wide = self.breadth * (self.hair + (1 - self.hair) * full)
        wide = np.convolve(np.pad(wide, 2, mode="edge"), np.ones(5) / 5, "valid")
        fixed = np.rint(points * FINE * 16).astype(int)
        for start, stop, thick in zip(fixed[:-1].tolist(), fixed[1:].tolist(), wide * FINE, strict=True):
            cv2.line(canvas, start, stop, 255, max(1, round(thick)), cv2.LINE_8, 4)


class _joined:
    """A running hand: loops one after the other, some of them tall or deep."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng = rng
        self.high = float(np.exp(rng.uniform(np.log(7), np.log(100))))
        self.pen = _Pen(rng, float(np.clip(self.high * rng.uniform(0.08, 0.4), 1.2, 24)))
        self.pitch, self.gap = self.high * float(rng.uniform(2.0, 4.5)), self.high * float(rng.uniform(0.6, 1.6))
        self.slant, self.wide = float(rng.uniform(-0.1, 0.9)), float(rng.uniform(0.5, 1.1))
        self.loop = float(rng.uniform(0.05, 0.45))

    def word(self, page: np.ndarray, left: float, base: float) -> float:
        rng, turns = self.rng, int(self.rng.integers(2, 12))
        steps = 2 * turns + 1
        tall = np.where(rng.random(steps) < 0.25, rng.uniform(1.6, 2.6, steps), rng.uniform(0.75, 1.1, steps))
        deep = np.where(rng.random(steps) < 0.15, rng.uniform(0.8, 1.8, steps), rng.uniform(-0.12, 0.08, steps))
        ends = np.where(np.arange(steps) % 2, tall, -deep) * self.high
        t = np.linspace(0, steps - 1, 10 * steps)
        low, part = np.minimum(t.astype(int), steps - 2), t - np.minimum(t.astype(int), steps - 2)
        up = ends[low] + (ends[low + 1] - ends[low]) * (0.5 - 0.5 * np.cos(np.pi * part))
        along = t * self.high * self.wide * 0.55 + self.loop * self.high * np.sin(np.pi * t + rng.uniform(0, 2))
        along = along + 0.12 * self.high * np.interp(t, np.arange(steps), rng.standard_normal(steps))
        points = np.column_stack([left + along + self.slant * up, base - up])
        _drawn(page, points, self.pen, dots=int(rng.integers(0, 3)), rng=rng)
        return left + float(along[-1])


class _invented:
    """Letters of an alphabet that nobody knows: a few curved strokes each."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng = rng
        self.high = float(np.exp(rng.uniform(np.log(9), np.log(110))))
        self.pen = _Pen(rng, float(np.clip(self.high * rng.uniform(0.08, 0.35), 1.2, 26)))
        self.pitch, self.gap = self.high * float(rng.uniform(1.4, 3)), self.high * float(rng.uniform(0.3, 1.2))
        self.letters = [[rng.uniform(-0.1, 1.1, (4, 2)) * (rng.uniform(0.5, 0.9), 1) for _ in range(rng.integers(1, 4))]
                        for _ in range(14)]

    def word(self, page: np.ndarray, left: float, base: float) -> float:
        t = np.linspace(0, 1, 14)[:, None]
        for _ in range(self.rng.integers(1, 8)):
            for a, b, c, d in self.letters[int(self.rng.integers(14))]:
                curve = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
                _drawn(page, curve * self.high + (left, base - self.high), self.pen, 0, self.rng)
            left += self.high * float(self.rng.uniform(0.6, 0.95))
        return left


def _drawn(page: np.ndarray, points: np.ndarray, pen: _Pen, dots: int, rng: np.random.Generator) -> None:
    """A stroke onto the page, with `dots` (accents, points) above or below it."""
    reach = pen.breadth + 3 + (20 if dots else 0)
    x0, y0 = np.floor(points.min(0) - reach).astype(int)
    x1, y1 = np.ceil(points.max(0) + reach).astype(int)
    left, top, right, bottom = max(0, x0), max(0, y0), min(page.shape[1], x1), min(page.shape[0], y1)
    if left >= right or top >= bottom:
        return
    canvas = np.zeros(((bottom - top) * FINE, (right - left) * FINE), np.uint8)
    pen.stroke(canvas, points - (left, top))
    for _ in range(dots):
        at = points[int(rng.integers(len(points)))] - (left, top) + (0, -rng.uniform(2, 4) * pen.breadth)
        end = at + rng.uniform(-1.5, 1.5, 2) * pen.breadth
        cv2.line(canvas, np.rint(at * FINE).astype(int).tolist(), np.rint(end * FINE).astype(int).tolist(), 255,
                 max(1, round(pen.breadth * FINE * 0.9)))
    small = cv2.resize(canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    np.maximum(page[top:bottom, left:right], small, out=page[top:bottom, left:right])


@lru_cache(maxsize=64)
def _face(path: Path, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), pixels, layout_engine=ImageFont.Layout.BASIC)  # alike on every system


class _font:
    """Real letters, set as type is or a little unruly; thickened, thinned, or with the ragged edge of an old print."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng = rng
        self.pixels = int(np.exp(rng.uniform(np.log(16), np.log(190))))
        self.path = FONTS[int(rng.integers(len(FONTS)))]
        self.pitch, self.gap = self.pixels * float(rng.uniform(1.0, 2.2)), self.pixels * float(rng.uniform(0.2, 0.5))
        self.weight = int(rng.integers(-1, 3)) if self.pixels > 30 else int(rng.integers(0, 2))
        self.ragged = float(rng.uniform(0, 90)) if rng.random() < 0.4 else 0.0
        self.slant = float(rng.normal(0, 0.12))

    def word(self, page: np.ndarray, left: float, base: float) -> float:
        face, text = _face(self.path, self.pixels), _text(self.rng)
        width = int(face.getlength(text)) + self.pixels
        tile = Image.new("L", (width, 2 * self.pixels))
        ImageDraw.Draw(tile).text((self.pixels // 4, int(1.4 * self.pixels)), text, font=face, fill=255, anchor="ls")
        drawn = np.asarray(tile)
        shear = np.array([[1, -self.slant, self.slant * 1.4 * self.pixels], [0, 1, 0]])
        drawn = cv2.warpAffine(drawn, shear, drawn.shape[::-1])
        if self.weight:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (abs(self.weight) + 1,) * 2)
            drawn = (cv2.dilate if self.weight > 0 else cv2.erode)(drawn, kernel)
        if self.ragged:
            soft = cv2.GaussianBlur(drawn, (0, 0), 1.0).astype(np.float32)
            soft += self.ragged * cv2.GaussianBlur(self.rng.standard_normal(drawn.shape, np.float32), (0, 0), 1.2)
            drawn = np.clip((soft - 100) * 4, 0, 255).astype(np.uint8)
        _pasted(page, drawn, int(left) - self.pixels // 4, int(base) - int(1.4 * self.pixels))
        return left + width - self.pixels


class _hershey:
    """The plotter's letters that OpenCV knows."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng, self.face = rng, HERSHEY[int(rng.integers(len(HERSHEY)))]
        self.scale = float(np.exp(rng.uniform(np.log(0.5), np.log(3))))
        self.thick = int(np.clip(rng.uniform(1, 4.5) * self.scale, 1, 9))
        self.pitch, self.gap = 30 * self.scale * float(rng.uniform(1.2, 2.2)), 14 * self.scale

    def word(self, page: np.ndarray, left: float, base: float) -> float:
        text = _text(self.rng).encode("ascii", "ignore").decode() or "on"
        cv2.putText(page, text, (int(left), int(base)), self.face, self.scale, 255, self.thick, cv2.LINE_AA)
        return left + cv2.getTextSize(text, self.face, self.scale, self.thick)[0][0]


def _text(rng: np.random.Generator) -> str:
    count = int(rng.integers(1, 9))
    if rng.random() < 0.12:
        return "".join(rng.choice(list(DIGITS), count))
    word = "".join(rng.choice(list(LETTERS), count))
    return str(rng.choice(list(CAPITALS))) + word[1:] if rng.random() < 0.2 else word


def _pasted(page: np.ndarray, tile: np.ndarray, left: int, top: int) -> None:
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(page.shape[1], left + tile.shape[1]), min(page.shape[0], top + tile.shape[0])
    if x0 < x1 and y0 < y1:
        part = page[y0:y1, x0:x1]
        np.maximum(part, tile[y0 - top : y1 - top, x0 - left : x1 - left], out=part)


def _ruling(rng: np.random.Generator, side: int) -> np.ndarray:
    """Printed rules, as dark as the writing."""
    page = np.zeros((side, side), np.uint8)
    pitch, thick, turn = float(rng.uniform(18, 90)), int(rng.integers(1, 4)), float(rng.normal(0, 0.01))
    for y in np.arange(rng.uniform(0, pitch), side, pitch):
        cv2.line(page, (0, round(y)), (side, round(y + turn * side)), 255, thick, cv2.LINE_AA)
    return page if rng.random() < 0.7 else np.ascontiguousarray(page.T)


def _table(rng: np.random.Generator, side: int) -> np.ndarray:
    return np.maximum(_ruling(rng, side), _ruling(rng, side).T)


def _stamp(rng: np.random.Generator, side: int) -> np.ndarray:
    """Rings with strokes between them, wet in some places and dry in others."""
    page = np.zeros((side, side), np.uint8)
    centre, radius = rng.integers(0, side, 2).tolist(), float(rng.uniform(25, 160))
    for part in (1.0, 0.92, 0.6):
        cv2.circle(page, centre, round(radius * part), 255, int(rng.integers(1, 6)), cv2.LINE_AA)
    for angle in np.arange(0, 2 * np.pi, rng.uniform(0.12, 0.3)):
        at = np.array(centre) + radius * 0.76 * np.array([np.cos(angle), np.sin(angle)])
        end = at + radius * 0.12 * rng.uniform(-1, 1, 2)
        cv2.line(page, np.rint(at).astype(int).tolist(), np.rint(end).astype(int).tolist(), 255, int(rng.integers(1, 5)))
    wet = cv2.resize(rng.random((side // 24 + 2, side // 24 + 2), np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return (page * np.clip(0.55 + 0.8 * wet, 0, 1)).astype(np.uint8)


def _flourish(rng: np.random.Generator, side: int) -> np.ndarray:
    """The loops of a signature."""
    page = np.zeros((side, side), np.uint8)
    t = np.linspace(0, 1, 220)
    wide = float(rng.uniform(0.2, 0.7)) * side
    turns, phase = float(rng.uniform(1.5, 5)), float(rng.uniform(0, 6))
    x = rng.uniform(0, side) + wide * (t - 0.3 * np.sin(2 * np.pi * turns * t))
    y = rng.uniform(0, side) + wide * rng.uniform(0.1, 0.35) * np.cos(2 * np.pi * turns * t + phase) * (1 - 0.6 * t)
    _drawn(page, np.column_stack([x, y]), _Pen(rng, float(rng.uniform(1.5, 7))), 0, rng)
    return page


def _scrawl(rng: np.random.Generator, side: int) -> np.ndarray:
    """Words struck out, underlined, a brace: long single strokes."""
    page = np.zeros((side, side), np.uint8)
    for _ in range(rng.integers(1, 5)):
        a, b = rng.uniform(0, side, 2), rng.uniform(-1, 1, 2) * (0.6 * side, 0.08 * side)
        t = np.linspace(0, 1, 40)[:, None]
        curve = a + t * b + 6 * np.sin(np.pi * t * rng.integers(1, 4)) * (0, 1)
        _drawn(page, curve, _Pen(rng, float(rng.uniform(1.2, 8))), 0, rng)
    return page
