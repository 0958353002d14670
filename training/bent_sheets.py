"""Made-up photos of bent sheets: curled, folded, crumpled, at an angle, on any ground, in any light; with the truth.

A sheet is a height over the page, smooth or creased. Paper does not stretch, so where it rises it takes less room
across and down; a camera then sees it in perspective. For every pixel of the photo the place on the page is found by
going back through this map (fixed-point iteration from the plane sheet).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training import prints

SIZE = (240, 320)  # px: width and height of what the model sees
NODES = (41, 31)  # rows and columns of the sheet's surface
STEPS = 8  # of the fixed-point iteration
STEEPEST = 0.9  # rise of paper over its length
KINDS = ("flat", "curl", "fold", "folds", "crumple", "hard", "mixed")
SHARES = (0.16, 0.26, 0.12, 0.12, 0.12, 0.08, 0.14)
LEAST_SHEET = 0.15  # of the photo


@dataclass(frozen=True)
class BentSheet:
    """`image` RGB uint8 (h, w, 3). `place` float32 (h, w, 2): where on the page a pixel lies, 0 to 1 across and down on
    the page, beyond it outside. `seen`: float32 (h, w), 1 where the sheet is, whatever lies on it."""

    image: np.ndarray
    place: np.ndarray
    seen: np.ndarray


def photo(rng: np.random.Generator, print_: np.ndarray) -> BentSheet:
    """A photo of a print that is bent somehow; bends that hide a part of the sheet are given up."""
    while (sheet := _photo(rng, print_)) is None:
        pass
    return sheet


def _photo(rng: np.random.Generator, print_: np.ndarray) -> BentSheet | None:
    aspect = print_.shape[1] / print_.shape[0]
    surface = _surface(rng, aspect)
    nodes, captured = _projected(rng, surface, aspect)
    place, wrong = _back(nodes)
    on_sheet = ((place > 0) & (place < 1)).all(axis=-1)
    inside = np.ones(SIZE[::-1], np.uint8)
    if captured is not None:
        inside = cv2.fillPoly(np.zeros_like(inside), [np.round(captured).astype(np.int32)], 1)
    if on_sheet.mean() < LEAST_SHEET or np.mean(wrong[on_sheet] > 1) > 0.005 or inside[on_sheet].mean() < 0.85:
        return None
    sheet = _painted(rng, print_, place, _light(rng, surface, place), _shade(rng))
    sheet.image[inside == 0] = 0
    return sheet


def _surface(rng: np.random.Generator, aspect: float) -> np.ndarray:
    """Points (rows, columns, 3) of the sheet in space; its height is 1, its middle the origin."""
    rows, columns = NODES
    v, u = np.meshgrid(np.linspace(-0.5, 0.5, rows), np.linspace(-0.5, 0.5, columns) * aspect, indexing="ij")
    height = np.zeros(NODES)
    kind = rng.choice(KINDS, p=SHARES)
    if kind in ("curl", "mixed"):
        for _ in range(rng.integers(1, 3)):
            height += _curl(rng, u, v)
    if kind in ("fold", "mixed"):
        height += _fold(rng, u, v, int(rng.integers(1, 4)))
    if kind == "folds":
        height += _fold(rng, u, v, int(rng.integers(1, 3)), 0.0) + _fold(rng, u, v, int(rng.integers(1, 4)), np.pi / 2)
    if kind in ("crumple", "hard"):
        height += _crumple(rng, u, v, 0.05 if kind == "crumple" else 0.12) + _curl(rng, u, v) * 0.3
    return _unstretched(height, aspect)


def _curl(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A smooth bend in one direction: mostly across or down, sometimes askew."""
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.25)
    along = u * np.cos(angle) + v * np.sin(angle)
    bow, wave = rng.normal(0, 0.4), rng.normal(0, 0.03)
    cubic, phase = rng.normal(0, 0.7), rng.uniform(0, 2 * np.pi)
    shift = rng.uniform(-0.3, 0.3)
    return bow * (along - shift) ** 2 + cubic * along**3 + wave * np.sin(2 * np.pi * along * rng.uniform(0.7, 1.6) + phase)


def _fold(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, count: int, angle: float | None = None) -> np.ndarray:
    """Creases in one direction: plane between them."""
    angle = rng.choice([0.0, np.pi / 2, np.pi / 2]) + rng.normal(0, 0.06) if angle is None else angle + rng.normal(0, 0.03)
    along = u * np.cos(angle) + v * np.sin(angle)
    height, soft = np.zeros_like(u), float(rng.uniform(0.004, 0.03))
    for at in np.sort(rng.uniform(-0.4, 0.4, count)):
        height += rng.normal(0, 0.28) * (np.sqrt((along - at) ** 2 + soft**2) - soft)
    return height


def _crumple(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, strength: float) -> np.ndarray:
    """Many short creases: planes through random points, each the highest somewhere, at several sizes."""
    height = np.zeros_like(u)
    for facets, part in ((6, 1.0), (16, 0.6), (40, 0.3)):
        at, slope = rng.uniform(-0.6, 0.6, (facets, 2)), rng.normal(0, 1, (facets, 2))
        distance = np.hypot(u[..., None] - at[:, 0], v[..., None] - at[:, 1])
        nearest = np.argmin(distance, axis=-1)
        plane = (u - at[nearest, 0]) * slope[nearest, 0] + (v - at[nearest, 1]) * slope[nearest, 1]
        height += cv2.GaussianBlur(plane + 0.15 * rng.normal(0, 1, facets)[nearest], (0, 0), 1.2) * strength * part
    return height


def _unstretched(height: np.ndarray, aspect: float) -> np.ndarray:
    """The surface of that height; across and down every piece keeps its length."""
    rows, columns = NODES
    pieces = []
    for axis, step in ((1, aspect / (columns - 1)), (0, 1 / (rows - 1))):
        rise = np.clip(np.diff(height, axis=axis), -STEEPEST * step, STEEPEST * step)
        run = np.sqrt(step**2 - rise**2)
        start = np.zeros_like(np.take(run, [0], axis=axis))
        at = np.concatenate([start, np.cumsum(run, axis=axis)], axis=axis)
        pieces.append(at - at.mean(axis=axis, keepdims=True))
    return np.stack([*pieces, height - height.mean()], axis=-1)


def _projected(rng: np.random.Generator, surface: np.ndarray, aspect: float) -> tuple[np.ndarray, np.ndarray | None]:
    """Where the camera sees the nodes: float64 (rows, columns, 2), px of SIZE; and the corners of what it captured.

    Most photos come as the program hands them on once it has found the sheet roughly: set straight by four corners that
    are not quite right, and black beyond what was captured. The others are the whole picture.
    """
    tilt, lean, turn = rng.normal(0, 0.22), rng.normal(0, 0.22), _turn(rng)
    about_x = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    about_y = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    seen = surface @ (about_z @ about_y @ about_x).T
    seen = seen[..., :2] / (1 - seen[..., 2:] / rng.uniform(1.2, 2.8))  # the paper rises towards the camera
    if rng.random() < 0.75:
        return _set_straight(rng, seen)
    return _in_frame(rng, seen), None


def _turn(rng: np.random.Generator) -> float:
    """Radians by which the sheet is turned: little, as a rule."""
    return float(rng.normal(0, 0.12) if rng.random() < 0.7 else rng.uniform(-0.7, 0.7))


def _in_frame(rng: np.random.Generator, seen: np.ndarray) -> np.ndarray:
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    size = np.array(SIZE, float)
    part = rng.uniform(0.6, 1.0, 2) * (1 if rng.random() < 0.9 else 1.1)  # a side may be cut off
    if rng.random() < 0.5:
        part[:] = part.max()
    scale = size * part / (high - low)
    if rng.random() < 0.6:
        scale[:] = scale.min() * rng.uniform(0.97, 1.03, 2)  # square pixels, nearly
    free = size - (high - low) * scale
    return (seen - low) * scale + free * rng.uniform(0.15, 0.85, 2)


def _set_straight(rng: np.random.Generator, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    corners = seen[[0, 0, -1, -1], [0, -1, -1, 0]] + rng.normal(0, rng.choice([0.004, 0.015, 0.04]), (4, 2))
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    room = rng.uniform(0.01, rng.choice([0.06, 0.25]), (2, 2)) * (high - low)  # between the sheet and the photo's frame
    (left, top), (right, bottom) = low - room[0], high + room[1]
    frame = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    width, height = SIZE
    margin = rng.uniform(0.05, 0.16)
    x, y = margin * width, margin * height
    target = np.array([[x, y], [width - x, y], [width - x, height - y], [x, height - y]])
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))
    straight = cv2.perspectiveTransform(seen.reshape(1, -1, 2), matrix).reshape(seen.shape)
    return straight, cv2.perspectiveTransform(frame[None], matrix)[0]


def _back(nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel its place on the page: float32 (h, w, 2); and how far (px) it was moved in the last step."""
    rows, columns = NODES
    flat = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    corners = nodes[[0, 0, -1, -1], [0, -1, -1, 0]].astype(np.float32)
    plane = cv2.getPerspectiveTransform(flat, corners)
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    grid = np.stack([u, v], -1)
    rest = (nodes - cv2.perspectiveTransform(grid.reshape(1, -1, 2), plane).reshape(nodes.shape)).astype(np.float32)
    width, height = SIZE
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    back = np.linalg.inv(plane)
    place = cv2.perspectiveTransform(pixels.reshape(1, -1, 2), back).reshape(pixels.shape)
    before = np.zeros_like(pixels)
    for _ in range(STEPS):
        at = np.clip(place, -0.1, 1.1) * np.float32([columns - 1, rows - 1])
        moved = cv2.remap(rest, np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1]), cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)
        place = cv2.perspectiveTransform((pixels - moved).reshape(1, -1, 2), back).reshape(pixels.shape)
        wrong, before = np.abs(moved - before).max(axis=-1), moved
    return place, wrong


def _light(rng: np.random.Generator, surface: np.ndarray, place: np.ndarray) -> np.ndarray:
    """How bright the paper is where it slopes: float32 (h, w)."""
    down, across = np.gradient(surface[..., 2])
    step_down, step_across = np.gradient(surface[..., 1])[0], np.gradient(surface[..., 0])[1]
    slope = np.stack([across / np.maximum(step_across, 1e-3), down / np.maximum(step_down, 1e-3)], -1)
    towards = rng.normal(0, 0.45, 2)
    shade = (1 - slope @ towards) / np.sqrt(1 + (slope**2).sum(-1))
    shade = np.clip(shade / np.median(shade), 0.3, 1.25).astype(np.float32)
    rows, columns = NODES
    at = np.clip(place, 0, 1) * np.float32([columns - 1, rows - 1])
    return cv2.remap(shade, np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1]), cv2.INTER_LINEAR)


def _shade(rng: np.random.Generator) -> np.ndarray:
    """Light of the room over the whole picture: uneven, often with hard shadows or of many colours. Float32 (h, w, 3)."""
    width, height = SIZE
    coarse = rng.normal(1, rng.uniform(0.02, 0.25), (3, 3)).astype(np.float32)
    shade = cv2.resize(np.clip(coarse, 0.4, 1.4), SIZE, interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.45:
        for _ in range(rng.integers(1, 4)):
            mask = np.zeros((height, width), np.float32)
            points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 7)), 2)) * SIZE
            points = points.astype(np.int32)
            cv2.fillPoly(mask, [cv2.convexHull(points) if rng.random() < 0.6 else points], 1.0)
            shade *= 1 - cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.6, 8)) * rng.uniform(0.2, 0.65)
    strength = rng.uniform(0.1, 0.45) if rng.random() < 0.35 else 0.03
    colours = np.clip(rng.normal(1, strength, (2, 2, 3)) + rng.normal(0, strength / 2, 3), 0.15, 1.7).astype(np.float32)
    return np.clip(shade, 0.12, 1.6)[..., None] * cv2.resize(colours, SIZE, interpolation=cv2.INTER_LINEAR)


def _painted(rng, print_, place, light, shade) -> BentSheet:
    high, wide = print_.shape[:2]
    at = place * np.float32([wide, high]) - 0.5
    paper = cv2.remap(print_, np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1]), cv2.INTER_AREA,
                      borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    span = np.abs(np.gradient(place[..., 0], axis=1)) + np.abs(np.gradient(place[..., 1], axis=0)) + 1e-6
    inside = np.minimum(np.minimum(place, 1 - place)[..., 0], np.minimum(place, 1 - place)[..., 1])
    cover = np.clip(inside / (span * 0.5) + 0.5, 0, 1).astype(np.float32)
    ground = _ground(rng)
    edge = cv2.GaussianBlur(cover, (0, 0), rng.uniform(1, 5))  # the sheet's own shadow on the ground
    ground = ground * (1 - rng.uniform(0, 0.5) * edge)[..., None]
    picture = paper * light[..., None] * cover[..., None] + ground * (1 - cover[..., None])
    tint = np.clip(rng.normal(1, 0.06, 3), 0.8, 1.2)
    picture = picture * shade * tint * rng.uniform(0.55, 1.1)
    if rng.random() < 0.12:
        _finger(rng, picture)
    if rng.random() < 0.7:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.1))
    picture += rng.normal(0, rng.uniform(0.5, 6), picture.shape)
    return BentSheet(np.clip(picture, 0, 255).astype(np.uint8), place.astype(np.float32), (cover > 0.5).astype(np.float32))


def _ground(rng: np.random.Generator) -> np.ndarray:
    """Desk, floor, cloth, scanner bed or other papers: float32 (h, w, 3)."""
    width, height = SIZE
    base = rng.uniform(15, 245) if rng.random() < 0.25 else rng.uniform(15, 150)
    colour = np.clip(base + rng.normal(0, 14, 3), 4, 250)
    ground = np.empty((height, width, 3), np.float32)
    ground[:] = colour
    for scale, strength in ((2, 0.06), (6, 0.1), (24, 0.15)):
        stretch = rng.choice([1, 1, 6])
        coarse = rng.normal(0, 1, (height // scale + 2, max(2, width // scale // stretch + 2))).astype(np.float32)
        grain = cv2.resize(coarse if rng.random() < 0.5 else coarse.T, SIZE, interpolation=cv2.INTER_LINEAR)
        ground *= (1 + rng.uniform(0, strength) * 2 * grain)[..., None]
    if rng.random() < 0.3:  # boards or tiles
        turn, pitch = rng.uniform(0, np.pi), rng.uniform(15, 90)
        y, x = np.mgrid[:height, :width]
        along = (x * np.cos(turn) + y * np.sin(turn)) / pitch + rng.random()
        ground[(along % 1) < rng.uniform(0.01, 0.06)] *= rng.uniform(0.3, 1.6)
    for _ in range(rng.integers(1, 4) if rng.random() < 0.25 else 0):  # other things that lie there
        points = rng.uniform(-0.2, 1.2, (4, 2)) * SIZE
        shade = np.clip(rng.uniform(20, 240) + rng.normal(0, 20, 3), 0, 255)
        cv2.fillPoly(ground, [cv2.convexHull(points.astype(np.int32))], shade.tolist())
    return np.clip(ground, 0, 255)


def _finger(rng: np.random.Generator, picture: np.ndarray) -> None:
    width, height = SIZE
    tip = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    foot = np.array([rng.choice([0.0, width]), rng.uniform(0, height)])
    tip = foot + (tip - foot) * min(1.0, 45 / (np.linalg.norm(tip - foot) + 1))
    colour = (np.array([205, 150, 125]) * rng.uniform(0.4, 1.1)).tolist()
    cv2.line(picture, foot.astype(int).tolist(), tip.astype(int).tolist(), colour, int(rng.integers(8, 18)), cv2.LINE_AA)


def random_print(rng: np.random.Generator) -> np.ndarray:
    """A print of a usual size: A4, letter, or anything from long to square; mostly standing."""
    aspect = rng.choice([0.7071, 0.7727, float(rng.uniform(0.55, 1.0))])
    return prints.page(rng, float(1 / aspect if rng.random() < 0.12 else aspect))
