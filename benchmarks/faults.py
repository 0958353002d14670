"""Faults of images, made by seed on good ones: what a careless hand, a lamp or a lens does to a full-size picture.

Each function takes an RGB picture (h, w, 3) uint8, the corners (4×2) of the page that is to suffer, and a random
generator, and gives the faulty picture. Lengths are in shares of the page's longer side, or in px where said.
"""

from __future__ import annotations

import cv2
import numpy as np

from samples import camera


def defocus(pixels, corners, rng):
    """Gaussian blur of 2 to 6 px (σ)."""
    return cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(2, 6)))


def motion(pixels, corners, rng):
    """9 to 31 px in one direction."""
    return cv2.filter2D(pixels, -1, line(float(rng.uniform(9, 31)), float(rng.uniform(0, 180))))


def line(length: float, degrees: float) -> np.ndarray:
    """The kernel of a straight, even movement of `length` px."""
    side = int(length) | 1
    fine = np.zeros((8 * (side + 2),) * 2, np.float32)
    middle, half = fine.shape[0] / 2, 4 * length
    along = half * np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    ends = [tuple(round(float(middle + sign * value)) for value in along) for sign in (-1, 1)]
    cv2.line(fine, *ends, 1.0, 8)
    kernel = cv2.resize(fine, (side + 2, side + 2), interpolation=cv2.INTER_AREA)
    return kernel / kernel.sum()


def glare(pixels, corners, rng):
    """One or two saturated ellipses with soft edges."""
    height, width = pixels.shape[:2]
    lit = np.zeros((height // 4 + 1, width // 4 + 1), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        size = longer(corners) * rng.uniform(0.05, 0.16, 2) / 4
        cv2.ellipse(lit, (tuple(inside(corners, rng, 0.12) / 4), tuple(2 * size), float(rng.uniform(0, 180))), 1.6, -1)
    lit = cv2.GaussianBlur(lit, (0, 0), longer(corners) * 0.012 / 4)
    return _add(pixels, np.minimum(lit, 1) * 255)


def _add(pixels, light):
    large = cv2.resize(light, pixels.shape[1::-1])
    return cv2.add(pixels, cv2.merge([large.astype(np.uint8)] * 3))


def shadow(pixels, corners, rng):
    """The soft shadow of a head or a hand: an ellipse or one side of a line, at 0.3 to 0.5 of the light."""
    height, width = pixels.shape[:2]
    shape, long = (height // 8 + 1, width // 8 + 1), longer(corners) / 8
    dark = np.zeros(shape, np.float32)
    at, angle = inside(corners, rng, 0.2) / 8, float(rng.uniform(0, 180))
    if rng.random() < 0.5:
        cv2.ellipse(dark, (tuple(at), tuple(long * rng.uniform(0.3, 0.8, 2)), angle), 1.0, -1)
    else:
        y, x = np.mgrid[: shape[0], : shape[1]]
        across = (x - at[0]) * np.cos(np.radians(angle)) + (y - at[1]) * np.sin(np.radians(angle))
        dark[across > 0] = 1
    dark = cv2.GaussianBlur(dark, (0, 0), long * float(rng.uniform(0.015, 0.05)))
    light = cv2.resize(1 - dark * float(rng.uniform(0.5, 0.7)), (width, height))
    return np.clip(pixels * light[..., None], 0, 255).astype(np.uint8)


def cut(pixels, corners, rng):
    """The picture ends within the page, at a quarter of it at most; at any of its four sides."""
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    share, side = float(rng.uniform(0.12, 0.25)), int(rng.integers(4))
    height, width = pixels.shape[:2]
    box = [0, 0, width, height]
    box[side] = (left + share * (right - left), top + share * (bottom - top),
                 right - share * (right - left), bottom - share * (bottom - top))[side]
    x0, y0, x1, y1 = (int(value) for value in box)
    return np.ascontiguousarray(pixels[y0:y1, x0:x1])


def finger(pixels, corners, rng):
    """A thumb at the left or right edge of the page, as `samples.camera` paints it."""
    width = pixels.shape[1]
    side = int(corners[[1, 2], 0].mean() > 0.75 * width and rng.random() < 0.5)  # not from the gutter
    ends = corners[[0, 3]] if side == 0 else corners[[1, 2]]
    edge = ends[0] + (ends[1] - ends[0]) * rng.uniform(0.25, 0.8)
    edge = np.clip(edge, 2, np.array(pixels.shape[1::-1]) - 3)
    breadth = longer(corners) * rng.uniform(0.055, 0.08)
    edge[0] += (1 if side == 0 else -1) * breadth * 0.8
    return camera.finger(rng, pixels, edge, float(breadth))[0]


def hand(pixels, corners, rng):
    """Two to four fingers, side by side, that reach onto the page from below or from a side."""
    height, width = pixels.shape[:2]
    long, result = longer(corners), pixels.copy()
    base, inward = _edge_point(corners, rng)
    along = np.array([-inward[1], inward[0]])
    skin = rng.uniform(170, 225) * np.array([1.0, rng.uniform(0.68, 0.78), rng.uniform(0.54, 0.68)])
    skin *= min(1.0, 1.1 * float(np.percentile(pixels, 80)) / 235)
    for number in range(int(rng.integers(2, 5))):
        start = base + along * number * long * 0.06
        tip = start + inward * long * rng.uniform(0.08, 0.2)
        mask = np.zeros((height, width), np.uint8)
        cv2.line(mask, tuple(np.rint(start - inward * long * 0.3).astype(int)), tuple(np.rint(tip).astype(int)), 255,
                 max(3, round(long * 0.055)), cv2.LINE_AA)
        soft = cv2.resize(cv2.GaussianBlur(cv2.resize(mask, None, fx=0.125, fy=0.125), (0, 0), 1.5), (width, height))
        shade = (0.75 + 0.25 * soft[mask > 0] / 255.0)[:, None]
        result[mask > 0] = np.clip(skin * shade, 0, 255).astype(np.uint8)
    return result


def _edge_point(corners, rng) -> tuple[np.ndarray, np.ndarray]:
    """A point of the right, lower or left edge of the page, and the direction inwards."""
    side = int(rng.integers(1, 4))
    one, other = corners[side], corners[(side + 1) % 4]
    inward = corners.mean(axis=0) - (one + other) / 2
    return one + (other - one) * rng.uniform(0.3, 0.6), inward / np.linalg.norm(inward)


def low_light(pixels, corners, rng):
    """A quarter of the light, and the noise that comes with it."""
    dark = pixels.astype(np.float32) * float(rng.uniform(0.2, 0.3))
    tile = rng.normal(0, 2.5, (512, 512, 3)).astype(np.float32)
    repeats = (-(-pixels.shape[0] // 512), -(-pixels.shape[1] // 512), 1)
    return np.clip(dark + np.tile(tile, repeats)[: pixels.shape[0], : pixels.shape[1]], 0, 255).astype(np.uint8)


def upside_down(pixels, corners, rng):
    return np.ascontiguousarray(pixels[::-1, ::-1])


def blank(pixels, corners, rng):
    """The page without its writing: closed over, with grain."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    side = max(5, round(longer(corners) / 8 * 0.05)) | 1
    square = np.ones((side, side), np.uint8)
    closed = cv2.GaussianBlur(cv2.medianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, square), 7), (0, 0), 4)
    ground = cv2.resize(closed, (width, height))
    grain = np.tile(rng.normal(0, 2, (512, 512, 1)), (-(-height // 512), -(-width // 512), 1))[:height, :width]
    page = np.zeros((height, width), np.uint8)
    inner = corners.mean(axis=0) + 1.01 * (corners - corners.mean(axis=0))
    cv2.fillConvexPoly(page, np.rint(inner).astype(np.int32), 255)
    empty = np.clip(ground + grain, 0, 255).astype(np.uint8)
    return np.where(page[..., None] > 0, empty, pixels)


def fainter(pixels, share: float):
    """All writing with `share` of its darkness."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    side = max(9, round(max(small.shape) / 60)) | 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    ground = cv2.resize(cv2.GaussianBlur(closed, (0, 0), 2), (width, height))
    ground = np.maximum(ground, pixels)
    return cv2.subtract(ground, cv2.convertScaleAbs(cv2.subtract(ground, pixels), alpha=share))


def again(pixels, corners, rng):
    """The same page captured once more: moved, turned a little, lighter or darker, with other grain."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-0.8, 0.8)), float(rng.uniform(0.97, 1.0)))
    matrix[:, 2] += rng.uniform(-0.01, 0.01, 2) * width
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.convertScaleAbs(moved, alpha=float(rng.uniform(0.88, 1.05)))


def longer(corners: np.ndarray) -> float:
    """The longer side of the page, px."""
    return float(np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1).max())


def inside(corners: np.ndarray, rng, margin: float) -> np.ndarray:
    """A point of the page, at least the share `margin` of it from its edges."""
    u, v = rng.uniform(margin, 1 - margin, 2)
    top, bottom = corners[0] + u * (corners[1] - corners[0]), corners[3] + u * (corners[2] - corners[3])
    return top + v * (bottom - top)
