"""Made-up old pages with the truth of their ink: paper that time has worked on, ink that has faded, other sides that
shine through. What the models of `imaging.learned_ink` are trained on.

`patch` lays one piece of writing (`training.pens`) on one piece of paper, in light and through a lens of its own. Truth
is where a pen or type has been, however faint; stains, folds, rules that are only printed to guide the hand, the other
side of the leaf and what lies around it are none.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

EDGE = 0.3  # coverage from which a pixel is ink: where people who draw truth let strokes end


@dataclass(frozen=True)
class Patch:
    """`image` and `ink` (0 or 255): uint8 (side, side)."""

    image: np.ndarray
    ink: np.ndarray


def noise(rng: np.random.Generator, side: int, cell: float) -> np.ndarray:
    """Smooth noise of about unit strength, its bumps `cell` px apart: float32 (side, side)."""
    count = max(2, int(np.ceil(side / cell)) + 2)
    coarse = rng.standard_normal((count, count), np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def paper(rng: np.random.Generator, side: int) -> np.ndarray:
    """Bare paper in its light, float32 (side, side), about 1 where it is clean."""
    sheet = np.ones((side, side), np.float32)
    rough = float(rng.choice([0.3, 1, 2.5], p=[0.5, 0.35, 0.15]))
    for cell, strength in ((1.6, 0.012), (4, 0.014), (11, 0.018), (30, 0.03), (90, 0.05)):
        if rng.random() < 0.7:
            sheet *= 1 + noise(rng, side, cell) * strength * rough * float(rng.uniform(0, 1.3))
    for part, chance in ((_stains, 0.5), (_spots, 0.25), (_folds, 0.25), (_wires, 0.12), (_guides, 0.25), (_smudge, 0.2),
                         (_cracks, 0.15), (_light, 0.6), (_gutter, 0.12)):
        if rng.random() < chance:
            part(rng, sheet)
    return np.clip(sheet, 0.05, 1.4)


def _stains(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Blots of water, oil, mould, spilt ink, some with a tide mark around."""
    side = len(sheet)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(rng.integers(1, 6)):
        radius = float(np.exp(rng.uniform(np.log(8), np.log(0.6 * side))))
        at = rng.uniform(-0.2, 1.2, 2) * side
        far = np.hypot(x - at[0], (y - at[1]) * rng.uniform(0.5, 2)) / radius
        far = far + 0.2 * noise(rng, side, max(4, radius / 2)) + 0.05 * noise(rng, side, max(3, radius / 8))
        sharp = float(np.exp(rng.uniform(np.log(2.5), np.log(40))))
        inside = 1 / (1 + np.exp(np.clip((far - 1) * sharp, -30, 30)))
        rim = np.exp(-(((far - 0.97) / rng.uniform(0.03, 0.1)) ** 2)) * (rng.random() < 0.4)
        depth = float(rng.choice([rng.uniform(0.03, 0.2), rng.uniform(0.2, 0.6)], p=[0.7, 0.3]))
        sheet *= 1 - depth * (inside * (1 + 0.25 * noise(rng, side, 9)) + 0.5 * rim).clip(0, 1.4)


def _spots(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Foxing, fly specks, dust."""
    side, dots = len(sheet), np.zeros(sheet.shape, np.uint8)
    for _ in range(rng.integers(3, 90)):
        at = rng.integers(0, side * 16, 2).tolist()
        cv2.circle(dots, at, int(rng.uniform(6, 60)), int(rng.integers(60, 255)), -1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(dots, (0, 0), float(rng.uniform(0.5, 3)))
    sheet *= 1 - soft.astype(np.float32) * (float(rng.uniform(0.1, 0.6)) / 255)


def _folds(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Creases: light on one side, shade on the other; some worn and dark with dirt."""
    side = len(sheet)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(rng.integers(1, 4)):
        angle, at = float(rng.uniform(0, np.pi)), rng.uniform(0, side, 2)
        away = (x - at[0]) * np.sin(angle) - (y - at[1]) * np.cos(angle) + 2 * noise(rng, side, 60)
        wide = float(np.exp(rng.uniform(np.log(0.8), np.log(6))))
        shade = float(rng.uniform(0.03, 0.3)) * np.exp(-((away / wide) ** 2))
        light = float(rng.uniform(0, 0.12)) * np.exp(-(((away - 2 * wide) / wide) ** 2))
        sheet *= 1 - shade * (1 + 0.5 * noise(rng, side, 12)).clip(0, 2) + light


def _wires(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """The mould of laid paper, the weave of cloth, the lines of a palm leaf."""
    side = len(sheet)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    angle, pitch = float(rng.choice([0, np.pi / 2]) + rng.normal(0, 0.03)), float(rng.uniform(3, 14))
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / pitch + noise(rng, side, 50))
    sheet *= 1 + wave * float(rng.uniform(0.005, 0.05)) * (1 + 0.5 * noise(rng, side, 30))


def _guides(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Fine rules that only guide the hand, fainter than any writing on them should be."""
    side, drawn = len(sheet), np.zeros(sheet.shape, np.uint8)
    pitch, turn = float(rng.uniform(14, 80)), float(rng.normal(0, 0.015))
    thick = int(rng.integers(1, 3))
    for y in np.arange(rng.uniform(0, pitch), side + 10, pitch):
        cv2.line(drawn, (0, round(y)), (side, round(y + turn * side)), 255, thick, cv2.LINE_AA)
    if rng.random() < 0.3:
        drawn = np.maximum(drawn, drawn.T)
    sheet *= 1 - drawn.astype(np.float32) * (float(rng.uniform(0.03, 0.22)) / 255)


def _smudge(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Ink or pencil that a sleeve has spread: streaks without edges."""
    side = len(sheet)
    streaks = cv2.GaussianBlur(noise(rng, side, 8), (0, 0), float(rng.uniform(4, 25)), sigmaY=float(rng.uniform(1, 4)))
    streaks = streaks / max(1e-3, float(np.abs(streaks).max()))
    sheet *= 1 - float(rng.uniform(0.05, 0.35)) * np.clip(streaks, 0, 1) * np.clip(noise(rng, side, 90), 0, 1)


def _cracks(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Leather, crumpled or brittle paper: a net of fine dark lines."""
    side, cell = len(sheet), float(rng.uniform(5, 30))
    wave = noise(rng, side, cell) + 0.5 * noise(rng, side, cell / 2)
    lines = np.exp(-((wave / float(rng.uniform(0.05, 0.3))) ** 2))
    sheet *= 1 - float(rng.uniform(0.03, 0.25)) * lines * (1 + 0.5 * noise(rng, side, 60)).clip(0, 2)


def _light(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """A lamp at one side, a hand's or a book's shadow."""
    side = len(sheet)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    angle = float(rng.uniform(0, 2 * np.pi))
    sheet *= 1 + float(rng.uniform(0, 0.5)) * (x * np.cos(angle) + y * np.sin(angle))
    if rng.random() < 0.4:
        edge = x * np.cos(angle) + y * np.sin(angle) + 0.05 * noise(rng, side, 80) - rng.uniform(-0.4, 0.4)
        shade = 1 / (1 + np.exp(np.clip(-edge * np.exp(rng.uniform(np.log(6), np.log(120))), -30, 30)))
        sheet *= 1 - float(rng.uniform(0.1, 0.6)) * shade


def _gutter(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """The shadow towards the fold of a book."""
    at, reach = float(rng.uniform(-0.1, 1.1)) * len(sheet), float(rng.uniform(10, 90))
    dark = float(rng.uniform(0.2, 0.8)) * np.exp(-np.abs(np.arange(len(sheet), dtype=np.float32) - at) / reach)
    sheet *= 1 - (dark[None] if rng.random() < 0.8 else dark[:, None])


def patch(rng: np.random.Generator, written: np.ndarray, behind: np.ndarray, ground: np.ndarray,
          pale: np.ndarray | None = None) -> Patch:
    """One page of coverage `written` (0 to 255) on the paper `ground`; coverage `behind` is its other side.

    `pale` is more writing of this side by a paler pen, as between the lines of a printed form: no less ink for that, and
    as sharp; what shines through is blurred.
    """
    side = len(ground)
    cover, left = written.astype(np.float32) / 255, _left_of(rng, side)
    taken, fainter = cover * left, 1.0
    if pale is not None:
        fainter = float(np.exp(rng.uniform(np.log(0.2), np.log(0.7))))
        second = pale.astype(np.float32) / 255
        taken, cover = np.maximum(taken, second * left * fainter), np.maximum(cover, second)
    lens = float(np.exp(rng.uniform(np.log(0.35), np.log(_softest(cover)))))
    ink = np.maximum(cover, cv2.GaussianBlur(cover, (0, 0), lens)) > EDGE
    black = float(rng.uniform(0.03, 0.45))
    light = ground * (1 - taken * (1 - black))
    depth = float(np.median(left)) * (1 - black)
    if rng.random() < 0.5:
        light *= _shining_through(rng, behind, depth, lens)
    ink = ink if rng.random() < 0.9 else _beyond(rng, light, ink)
    return Patch(_captured(rng, light, lens, depth * fainter), ink.astype(np.uint8) * 255)


def _softest(cover: np.ndarray) -> float:
    """σ in px of the worst lens that a piece is seen through: thick strokes stand a softer one."""
    inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    some = inside[inside > 0]
    return float(np.clip(0.6 * np.percentile(some, 90), 1.2, 6)) if some.size else 1.2


def _left_of(rng: np.random.Generator, side: int) -> np.ndarray:
    """How much of the ink time has left, 0 to 1: float32 (side, side)."""
    faint = rng.random() < 0.35
    left = np.full((side, side), rng.uniform(0.07, 0.32) if faint else rng.uniform(0.32, 0.97), np.float32)
    left *= 1 + float(rng.uniform(0, 0.3)) * noise(rng, side, float(rng.uniform(30, 120)))
    left *= 1 + float(rng.uniform(0, 0.3)) * noise(rng, side, float(rng.uniform(4, 14)))
    left *= 1 + float(rng.uniform(0, 0.2)) * noise(rng, side, 1.6)
    if rng.random() < 0.3:  # another pen, an empty pen, a place where water has been
        step = 1 / (1 + np.exp(-8 * noise(rng, side, float(rng.uniform(40, 150)))))
        left *= 1 - float(rng.uniform(0.2, 0.75)) * step
    return np.clip(left, 0.05, 1)


def _shining_through(rng: np.random.Generator, behind: np.ndarray, front: float, lens: float) -> np.ndarray:
    """Factor of light, float32 (h, w): the other side's ink, mirrored, mostly soft and pale, here more and there less."""
    soft = max(lens, 0.8) * float(np.exp(rng.uniform(np.log(1.3), np.log(5))))  # paper scatters light
    other = cv2.GaussianBlur(behind[:, ::-1], (0, 0), min(soft, 6.0))
    depth = min(0.6, front * float(rng.choice([rng.uniform(0.1, 0.4), rng.uniform(0.4, 0.85)], p=[0.6, 0.4])))
    where = np.clip(0.6 + 0.7 * noise(rng, len(behind), float(rng.uniform(40, 150))), 0, 1)
    return 1 - other.astype(np.float32) / 255 * depth * where


def _beyond(rng: np.random.Generator, light: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Part of the patch is no page but what lies around it; gives the ink that is left."""
    side = len(light)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    angle, at = float(rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]) + rng.normal(0, 0.05)), rng.uniform(0.1, 0.9, 2) * side
    away = (x - at[0]) * np.cos(angle) + (y - at[1]) * np.sin(angle)
    level = float(rng.choice([rng.uniform(0.02, 0.3), rng.uniform(0.3, 1.2)], p=[0.7, 0.3]))
    texture = level * (1 + 0.1 * noise(rng, side, 3) + 0.15 * noise(rng, side, 40))
    share = 1 / (1 + np.exp(np.clip(-away * rng.uniform(0.5, 4), -30, 30)))
    if rng.random() < 0.5:
        light *= 1 - float(rng.uniform(0.1, 0.6)) * np.exp(-np.maximum(-away, 0) / rng.uniform(2, 25))
    light[:] = light * (1 - share) + texture * share
    return ink & (away < 0)


def _captured(rng: np.random.Generator, light: np.ndarray, lens: float, depth: float) -> np.ndarray:
    """What a lens, a sensor and a file make of it: uint8."""
    white = float(rng.choice([rng.uniform(150, 250), rng.uniform(70, 150)], p=[0.8, 0.2]))
    image = cv2.GaussianBlur(light, (0, 0), lens)
    if rng.random() < 0.2:  # a scanner that sharpens
        image = image + float(rng.uniform(0.3, 1.5)) * (image - cv2.GaussianBlur(image, (0, 0), float(rng.uniform(1, 2.5))))
    black = white * float(rng.uniform(0, 0.5)) * (rng.random() < 0.3)  # haze over everything
    image = black + image * (white - black)
    contrast = depth * (white - black)
    grain = min(float(np.exp(rng.uniform(np.log(0.4), np.log(9)))), 0.45 * contrast)
    speckle = rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.4:
        speckle = cv2.GaussianBlur(speckle, (0, 0), 0.8) * 2.2
    pixels = np.clip(image + grain * speckle, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.integers(45, 96))
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    return pixels
