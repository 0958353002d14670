"""What scanners and phones make of a book: one exact map from the flat sheet to the picture, and the picture.

`Mapping` is the only geometry: image, ink mask, baselines and corners all go through it. The rest of the
module paints what is around the book and what light, lens, sensor and a careless hand add.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samples.ink import MM, noise

GRID = 8  # the inverse map is computed at every eighth pixel and interpolated: it is smooth
REACH = np.arange(0, 700, 0.05)  # distances from the gutter in mm, for the table of the bend


@dataclass(frozen=True)
class Bend:
    """An open book does not lie flat: towards the gutter at x = `gutter` mm its pages rise by `lift` mm.

    The height falls off with exp(-distance/`length`). A page of that slope is foreshortened across. It looks
    smaller by `shrink` a mm of height, about the line y = `axis`; seen from above or below, its lines move by
    `bow` mm a mm of height. `lean` is how far the lines of the left and the right page fall (as a tangent).
    """

    gutter: float
    lift: float
    length: float
    axis: float
    shrink: float
    bow: float
    lean: tuple[float, float]

    def forward(self, points: np.ndarray) -> np.ndarray:
        """Flat sheet (n×2, mm) to the bent one as seen from straight above (mm)."""
        x, y = points.T
        distance, side = np.abs(x - self.gutter), np.sign(x - self.gutter)
        height = self.lift * np.exp(-distance / self.length)
        across = np.interp(distance, REACH, self._seen())
        fall = np.where(side < 0, *self.lean) * (x - self.gutter)
        bent = self.axis + (y - self.axis) * (1 - self.shrink * height) + self.bow * height + fall
        return np.column_stack([self.gutter + side * across, bent])

    def backward(self, points: np.ndarray) -> np.ndarray:
        """The inverse of `forward`."""
        x, y = points.T
        side = np.sign(x - self.gutter)
        distance = np.interp(np.abs(x - self.gutter), self._seen(), REACH)
        height = self.lift * np.exp(-distance / self.length)
        fall = np.where(side < 0, *self.lean) * side * distance
        flat = self.axis + (y - fall - self.bow * height - self.axis) / (1 - self.shrink * height)
        return np.column_stack([self.gutter + side * distance, flat])

    def _seen(self) -> np.ndarray:
        """The distance on the ground for each distance along the paper (trapezium rule)."""
        slope = np.minimum(self.lift / self.length * np.exp(-REACH / self.length), 0.95)
        cosine = np.sqrt(1 - slope**2)
        steps = np.concatenate([[0.0], (cosine[1:] + cosine[:-1]) / 2 * np.diff(REACH)])
        return np.cumsum(steps)


@dataclass(frozen=True)
class Mapping:
    """From millimetres of the flat sheet to pixels of the picture: the bend, then a projective matrix."""

    bend: Bend | None
    matrix: np.ndarray
    size: tuple[int, int]

    def forward(self, points) -> np.ndarray:
        """Sheet millimetres (n×2) to picture pixels (n×2)."""
        flat = np.asarray(points, np.float64).reshape(-1, 2)
        return project(self.matrix, self.bend.forward(flat) if self.bend else flat)

    def backward(self, points) -> np.ndarray:
        """Picture pixels (n×2) to sheet millimetres (n×2)."""
        bent = project(np.linalg.inv(self.matrix), np.asarray(points, np.float64).reshape(-1, 2))
        return self.bend.backward(bent) if self.bend else bent

    def sampling(self, margin: float, pixels_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
        """For every pixel of the picture the place on the canvas to take it from (two float32 maps)."""
        width, height = self.size
        columns, rows = -(-width // GRID) + 2, -(-height // GRID) + 2
        x = (np.arange(columns) - 0.5) * GRID - 0.5
        y = (np.arange(rows) - 0.5) * GRID - 0.5
        places = self.backward(np.stack(np.meshgrid(x, y), -1))
        canvas = ((places + margin) * pixels_per_mm - 0.5).astype(np.float32).reshape(rows, columns, 2)
        maps = []
        for i in range(2):
            fine = cv2.resize(
                np.ascontiguousarray(canvas[..., i]),
                (columns * GRID, rows * GRID),
                interpolation=cv2.INTER_LINEAR,
            )
            maps.append(fine[GRID : GRID + height, GRID : GRID + width])
        return maps[0], maps[1]


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A projective map of n×2 points."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / moved[:, 2:]


def on_a_scanner(
    outline: np.ndarray,
    bend: Bend | None,
    dpi: float,
    degrees: float,
    edges: tuple[float, float, float, float],
) -> Mapping:
    """The book turned clockwise by `degrees` on the glass; `edges`: mm of bed left, above, right, below."""
    radians, k = np.radians(degrees), dpi / MM
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    seen = (bend.forward(outline) if bend else outline) @ turn.T
    low, high = seen.min(0) - edges[:2], seen.max(0) + edges[2:]
    matrix = np.eye(3)
    matrix[:2, :2] = turn * k
    matrix[:2, 2] = -low * k - 0.5
    return Mapping(bend, matrix, tuple(int(v) for v in np.round((high - low) * k)))


def in_a_hand(
    outline: np.ndarray, bend: Bend | None, dpi: float, angles: tuple[float, float, float], fill: float
) -> Mapping:
    """The book seen by a phone tilted by `angles` (pitch, yaw, roll); `fill` is its share of the frame."""
    seen = bend.forward(outline) if bend else outline
    middle, extent = (seen.min(0) + seen.max(0)) / 2, np.ptp(seen, axis=0)
    distance = 1.25 * extent.max()
    pitch, yaw, roll = np.radians(angles)
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turn = about_z @ about_y @ about_x
    plane = np.column_stack([turn[:, 0], turn[:, 1], [0, 0, distance]])
    plane[:, 2] -= turn[:, :2] @ middle
    projected = project(plane, seen)
    scale = dpi / MM * np.sqrt(area(seen) / area(projected))
    low, high = projected.min(0) * scale, projected.max(0) * scale
    wide = (high - low)[0] >= (high - low)[1]
    ratio = np.array([4, 3]) if wide else np.array([3, 4])
    frame = np.ceil(((high - low) / fill / ratio).max() * ratio)
    shift = (frame - (high - low)) / 2 - low
    to_pixels = np.array([[scale, 0, shift[0] - 0.5], [0, scale, shift[1] - 0.5], [0, 0, 1]])
    return Mapping(bend, to_pixels @ plane, tuple(int(v) for v in frame))


def area(polygon: np.ndarray) -> float:
    """The area within a polygon (shoelace formula)."""
    x, y = polygon.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def bed(rng: np.random.Generator, size: tuple[int, int], white: bool) -> np.ndarray:
    """The lid of a scanner behind the sheet: white, or nearly black when it stands open."""
    width, height = size
    small = (max(2, height // 8), max(2, width // 8))
    level = rng.uniform(228, 246) if white else rng.uniform(12, 40)
    field = level * (1 + 0.012 * noise(rng, small, 40)) + (0 if white else 2.5) * noise(rng, small, 8)
    grey = cv2.resize(np.clip(field, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)
    return cv2.merge([grey] * 3)


def desk(rng: np.random.Generator, size: tuple[int, int], cloth: bool) -> np.ndarray:
    """A table of wood or one with a cloth."""
    width, height = size
    small = (-(-height // 2), -(-width // 2))
    if cloth:
        colours = ((0.42, 0.47, 0.44), (0.50, 0.38, 0.36), (0.40, 0.43, 0.50))
        y, x = np.ogrid[: small[0], : small[1]]
        weave = 0.05 * np.sin(x * 1.9) * np.sin(y * 1.7) + 0.03 * noise(rng, small, 1.5)
        check = 0.10 * ((x // 60 + y // 60) % 2)
        field = 0.9 + weave + check + 0.05 * noise(rng, small, 90)
    else:
        colours = ((0.47, 0.37, 0.27), (0.58, 0.48, 0.36), (0.34, 0.25, 0.19))
        field = _wood(rng, small)
    colour = np.array(colours[int(rng.integers(3))])
    shaded = np.clip(field[..., None] * colour * 255, 0, 255).astype(np.uint8)
    return cv2.resize(shaded, size, interpolation=cv2.INTER_LINEAR)


def _wood(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Planks from left to right: growth rings that waver along the grain, pores, dark seams between them."""
    rows, columns = shape
    y = np.arange(rows, dtype=np.float32)[:, None]
    plank = max(40, rows // int(rng.integers(3, 7)))
    number = (y // plank).astype(int)
    squeezed = cv2.resize(noise(rng, (rows, max(2, columns // 9)), 60), (columns, rows))
    rings = np.sin(0.055 * (y + 31 * squeezed) + 2.6 * noise(rng, shape, 260))
    pores = cv2.resize(noise(rng, (rows, max(2, columns // 18)), 1.3), (columns, rows))
    tone = rng.uniform(-0.09, 0.09, number.max() + 1)[number]
    seam = 0.45 * (y % plank < 2)
    return 1 + tone + 0.055 * rings + 0.05 * pores + 0.03 * noise(rng, shape, 120) - seam


def lay_down(
    background: np.ndarray, book: np.ndarray, alpha: np.ndarray, shade: float, offset: float
) -> np.ndarray:
    """The book on its background, with the soft shadow that it throws (`offset` pixels down and right)."""
    small = cv2.resize(alpha, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA)
    moved = cv2.warpAffine(
        small, np.array([[1, 0, offset / 8], [0, 1, offset / 8]], np.float64), small.shape[::-1]
    )
    soft = cv2.GaussianBlur(moved, (0, 0), max(0.6, offset / 10))
    shadow = cv2.resize(cv2.convertScaleAbs(soft, alpha=-shade, beta=255), alpha.shape[::-1])
    clear = cv2.multiply(cv2.bitwise_not(alpha), shadow, scale=1 / 255)
    return cv2.add(book, cv2.multiply(background, cv2.merge([clear] * 3), scale=1 / 255))


def room_light(rng: np.random.Generator, picture: np.ndarray, unevenness: float, shadow: float) -> np.ndarray:
    """Light from one side, vignetting, a warm or cool tint, and the soft shadow of a hand or a head."""
    height, width = picture.shape[:2]
    shape = (max(2, height // 16), max(2, width // 16))
    y, x = np.ogrid[: shape[0], : shape[1]]
    x, y = x / shape[1] - 0.5, y / shape[0] - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    light = 0.94 + unevenness * (0.42 * (x * np.cos(angle) + y * np.sin(angle)) - 0.35 * (x**2 + y**2))
    if shadow > 0:
        centre, spread, lean = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.12, 0.3, 2), rng.uniform(-0.6, 0.6)
        u, v = (x - centre[0]) / spread[0], (y - centre[1] - lean * x) / spread[1]
        edge = np.hypot(u, v) + 0.12 * noise(rng, shape, 14)
        light = light * (1 - shadow / (1 + np.exp((edge - 1) * 7)))
    tint = np.array([1.0, rng.uniform(0.955, 0.99), rng.uniform(0.86, 0.97)])
    gain = np.clip(light[..., None] * tint, 0, 1) * 255
    return cv2.multiply(picture, cv2.resize(gain.astype(np.uint8), (width, height)), scale=1 / 255)


def finger(
    rng: np.random.Generator, picture: np.ndarray, edge: np.ndarray, breadth: float
) -> tuple[np.ndarray, np.ndarray]:
    """A thumb, `breadth` pixels broad, that holds the page down at the point `edge` of its border.

    Returns the picture and where the thumb hides it (bool).
    """
    height, width = picture.shape[:2]
    side = -1 if edge[0] < width / 2 else 1
    half = breadth / 2
    lean = rng.uniform(0.35, 0.75)
    axis = np.array([side * np.cos(lean), np.sin(lean)])
    tip = np.array([edge[0] - side * rng.uniform(0.3, 0.7) * breadth, edge[1]])
    top, bottom = max(0, int(tip[1] - 3 * breadth)), height
    y, x = np.mgrid[top:bottom, 0:width].astype(np.float32)
    along = ((x - tip[0]) * axis[0] + (y - tip[1]) * axis[1]) / half
    across = ((y - tip[1]) * axis[0] - (x - tip[0]) * axis[1]) / half * side
    across = across + 0.08 * np.sin(0.9 * along)
    outline = 0.93 + 0.09 * np.cos(1.35 * along - 0.9) + 0.035 * np.clip(along, 0, 12)
    reach = np.hypot(across, 0.8 * np.minimum(along - 1.1, 0)) / outline
    cover = cv2.GaussianBlur(np.clip((1 - reach) * half / 2, 0, 1), (0, 0), 1.2)
    skin = _skin(rng, along, across, reach)
    shade = 0.5 * np.clip(
        1.3 - np.hypot(across - 0.25, 0.8 * np.minimum(along - 1.3, 0)) / (1.25 * outline), 0, 1
    )
    part = picture[top:bottom].astype(np.float32) * (1 - shade[..., None])
    part += (skin - part) * cover[..., None]
    result = picture.copy()
    result[top:bottom] = np.clip(part, 0, 255).astype(np.uint8)
    hidden = np.zeros((height, width), bool)
    hidden[top:bottom] = cover > 0.5
    return result, hidden


def _skin(rng: np.random.Generator, along: np.ndarray, across: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Colour of a thumb: rounded, redder at the tip, creased at the knuckle, with a nail."""
    shape = along.shape
    light = 0.46 + 0.54 * np.sqrt(np.clip(1 - 0.9 * reach**2, 0, 1)) - 0.12 * across
    creases = sum(np.exp(-(((along - at - 0.25 * across**2) / 0.07) ** 2)) for at in (3.5, 3.8, 4.15))
    light = light * (1 - 0.10 * creases * (np.abs(across) < 0.75)) + 0.015 * noise(rng, shape, 2.5)
    red = np.exp(-np.maximum(along, 0) / 1.6)[..., None]
    skin = (np.array([188, 138, 108]) * (1 - red) + np.array([196, 128, 106]) * red) * light[..., None]
    oval = ((along - 1.25) / 0.85) ** 4 + (across / 0.62) ** 4
    nail = (1 / (1 + np.exp(np.minimum(oval - 1, 9) * 9)))[..., None] * 0.75
    rim = 0.22 * np.exp(-(((oval - 1.15) / 0.35) ** 2))
    plate = np.array([214, 168, 150]) * (0.8 + 0.25 * np.clip(1 - np.abs(across + 0.2), 0, 1))[..., None]
    return (skin * (1 - nail) + plate * nail) * (1 - rim[..., None])


def expose(rng: np.random.Generator, picture: np.ndarray, blur: float, grain: float) -> np.ndarray:
    """Lens and sensor: a blur of `blur` pixels (sigma) and noise of `grain` levels (sigma)."""
    if blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    height, width = picture.shape[:2]
    tile = np.clip(128 + grain * rng.standard_normal((1024, 1024, 3), np.float32), 0, 255).astype(np.uint8)
    repeats = (-(-height // 1024), -(-width // 1024), 1)
    return cv2.addWeighted(picture, 1, np.tile(tile, repeats)[:height, :width], 1, -128)
