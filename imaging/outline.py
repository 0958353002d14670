"""Where the sheet of paper, or the open book, lies in the capture.

The paper grows from the middle of a small picture without its writing, over everything that changes slowly (shading,
stains) and up to where colour or brightness step. A line is then fitted to each side of what has grown; where it
reaches the frame, there is no ground on that side. A photographed sheet whose sides are all seen is set upright from
its corners; anything else is only cropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import MM_PER_INCH, PAPERS_MM, View

SMALL_SIDE = 400  # px: of the picture in which the paper grows
STEPS = ((2, 1, 1), (3, 2, 2), (5, 3, 3), (8, 4, 4))  # Lab steps between neighbours that still count as the same paper
SEEDS = np.linspace(0.25, 0.75, 5)
LEAST_REGION = 0.02  # of the picture: what grows to less is no sheet
SAME_PAPER = np.array([30, 8, 10])  # Lab: two parts of one sheet differ by no more than this
BRIDGE = 0.06  # of the longer side: the widest shadow of a gutter between two parts of an open book
ROUNDS = 4  # of assigning points of the edge to sides and fitting lines
NEAR_FRAME = 0.012  # of the longer side: an edge this near to the frame is the frame's


@dataclass(frozen=True)
class Params:
    """Settings of the outline stage."""

    mode: str = "auto"  # auto; none: the whole capture is the sheet
    perspective: str = "auto"  # auto: put right for photos whose sheet is wholly seen; never
    margin_mm: float = 3.0  # kept around the sheet, mm
    least_share: float = 0.25  # a sheet covers at least this part of the capture
    least_fit: float = 0.93  # the paper found fills at least this part of its four corners, or they are not believed


@dataclass(frozen=True)
class Outline:
    """Four corners (clockwise from top left, px of the frame), which sides are real edges, and how well they fit."""

    corners: np.ndarray
    real: tuple[bool, bool, bool, bool]  # top, right, bottom, left
    fit: float


def decide(view: View, params: Params) -> Decision:
    """Values: `corners`, `border` (sides with ground beyond them), `rectify`, `size`, `ppi`, `margin`."""
    found = None if params.mode == "none" else find(view, params)
    if found is None:
        findings = () if params.mode == "none" else (Finding("outline_unsure", Severity.NOTE),)
        return _decision(view, params, view.frame.corners, (), False, 1.0 if params.mode == "none" else 0.6, findings)
    border = [name for name, real in zip(("top", "right", "bottom", "left"), found.real, strict=True) if real]
    rectify = params.perspective == "auto" and _wants_perspective(view, found)
    return _decision(view, params, found.corners, border, rectify, 0.6 + 0.38 * found.fit, ())


def _decision(view, params, corners, border, rectify, confidence, findings) -> Decision:
    size, ppi = _true_size(view, corners) if rectify else (view.size, view.dpi)
    values = {"corners": corners.tolist(), "border": list(border), "rectify": bool(rectify), "size": list(size),
              "ppi": ppi, "margin": params.margin_mm * (ppi / MM_PER_INCH if ppi else view.px_per_mm)}
    return STAGE.decision(values, confidence, findings)


def find(view: View, params: Params) -> Outline | None:
    """The outline with the best fit over several tolerances; None where none is believable."""
    height, width = view.grey.shape
    factor = min(1.0, SMALL_SIDE / max(height, width))
    small = cv2.resize(view.colour, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    plain = without_writing(small)
    outlines = []
    for step in STEPS:
        mask = grown(plain, step)
        if mask.mean() < params.least_share:
            continue
        outline = _outline_of(mask, view, factor)
        if outline is not None and outline.fit >= params.least_fit:
            outlines.append((outline, float(mask.mean())))
    return max(outlines, key=lambda found: _believable(*found), default=(None, 0.0))[0]


def _believable(outline: Outline, share: float) -> float:
    """Edges that are seen count, and so does a larger sheet: a fold may end a region, but not the paper."""
    return outline.fit + 0.06 * sum(outline.real) + 0.3 * share * any(outline.real)


def without_writing(small: np.ndarray) -> np.ndarray:
    """Lab picture in which strokes are painted over by the paper around them: uint8 (h, w, 3)."""
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, window)
    return cv2.cvtColor(cv2.medianBlur(closed, 5), cv2.COLOR_RGB2LAB)


def grown(plain: np.ndarray, step: tuple[int, int, int]) -> np.ndarray:
    """Bool (h, w): what grows together from seeds in the middle, its holes filled.

    The largest region is the paper; a gutter's shadow or a fold may part it, so regions of the same colour count too.
    """
    height, width = plain.shape[:2]
    regions = []
    taken = np.zeros((height + 2, width + 2), np.uint8)
    for v in SEEDS:
        for u in SEEDS:
            x, y = int(u * width), int(v * height)
            if taken[y + 1, x + 1]:
                continue
            before = taken.copy()
            flags = 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY
            cv2.floodFill(plain.copy(), taken, (x, y), 0, step, step, flags)
            region = cv2.subtract(taken, before)[1:-1, 1:-1] > 0
            if region.mean() > LEAST_REGION:
                regions.append((region, np.median(plain[region], axis=0)))
    if not regions:
        return np.zeros((height, width), bool)
    _, colour = max(regions, key=lambda found: found[0].sum())
    same = [region for region, own in regions if (np.abs(own - colour) <= SAME_PAPER).all()]
    paper = np.any(same, axis=0).astype(np.uint8)
    bridge = round(BRIDGE * max(height, width)) | 1 if len(same) > 1 else 9
    opened = cv2.morphologyEx(paper, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (bridge, bridge)))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(closed)
    if contours:
        cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return filled > 0


def _outline_of(mask: np.ndarray, view: View, factor: float) -> Outline | None:
    """Lines fitted to the four sides of the mask, and their corners in the frame."""
    height, width = mask.shape
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    corners = _first_corners(hull)
    points = max(contours, key=cv2.contourArea).reshape(-1, 2).astype(np.float64)
    reach = NEAR_FRAME * max(height, width)
    at_frame = ((points < reach) | (points > np.array([width, height]) - 1 - reach)).any(axis=1)
    lines, real = _frame_lines(corners), [False] * 4
    for _ in range(ROUNDS):
        nearest = np.argmin([_distance(points, *corners[[side, (side + 1) % 4]]) for side in range(4)], axis=0)
        for side in range(4):
            own = nearest == side
            free = own & ~at_frame
            real[side] = bool(free.sum() > 0.5 * max(own.sum(), 1))
            chosen = points[free] if real[side] else points[own & at_frame]
            if len(chosen) >= 8:
                lines[side] = _line(chosen)
        crossed = [_meeting(lines[side - 1], lines[side]) for side in range(4)]
        if any(point is None for point in crossed):
            return None
        corners = np.array(crossed)
    quad = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(quad, corners.round().astype(np.int32), 1)
    fit = float((mask & (quad > 0)).sum() / max((mask | (quad > 0)).sum(), 1))
    moved = view.to_frame((corners + 0.5) / factor - 0.5)
    limit = np.array(view.size) - 1
    if not all(real):
        moved = np.clip(moved, 0, limit)
    return Outline(moved, tuple(real), fit)


def _first_corners(hull: np.ndarray) -> np.ndarray:
    """Four corners, clockwise from the one nearest to the top left as the sheet lies, of a convex outline."""
    length = cv2.arcLength(hull, True)
    for share in np.arange(0.02, 0.12, 0.01):
        corners = cv2.approxPolyDP(hull, share * length, True).reshape(-1, 2)
        if len(corners) == 4:
            break
    else:
        corners = cv2.boxPoints(cv2.minAreaRect(hull))
    corners = corners.astype(np.float64)
    middle = corners.mean(axis=0)
    around = np.argsort(np.arctan2(*(corners - middle).T[::-1]))  # clockwise, as y runs downwards
    corners = corners[around]
    edges = np.roll(corners, -1, axis=0) - corners
    level = int(np.argmin(np.arctan2(np.abs(edges[:, 1]), edges[:, 0])))  # the side that runs most to the right
    return np.roll(corners, -level, axis=0)


def _frame_lines(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(corners[side], corners[(side + 1) % 4] - corners[side]) for side in range(4)]


def _distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distance (px) of points from a stretch between two corners."""
    along = end - start
    share = np.clip(((points - start) @ along) / max(float(along @ along), 1e-9), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * along, axis=1)


def _line(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A point and a direction: robust fit (Huber) of OpenCV."""
    x, y, x0, y0 = cv2.fitLine(points.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
    return np.array([x0, y0], np.float64), np.array([x, y], np.float64)


def _meeting(one, other) -> np.ndarray | None:
    (p, a), (q, b) = one, other
    cross = a[0] * b[1] - a[1] * b[0]
    if abs(cross) < 1e-6 * np.linalg.norm(a) * np.linalg.norm(b):
        return None
    start = q - p
    return p + (start[0] * b[1] - start[1] * b[0]) / cross * a


def _wants_perspective(view: View, found: Outline) -> bool:
    """All four sides are seen, and the sheet lies at an angle that turning it as a whole cannot mend."""
    if not all(found.real) or (view.dpi and not view.hints.photo):
        return False
    edges = np.roll(found.corners, -1, axis=0) - found.corners
    angles = np.degrees(np.arctan2(edges[:, 1], edges[:, 0])) - np.array([0, 90, 180, 270])
    angles = (angles + 180) % 360 - 180
    return bool(np.ptp(angles) > 3.0 or np.abs(angles).max() > 5)


def _true_size(view: View, corners: np.ndarray) -> tuple[tuple[int, int], float | None]:
    """Pixels of the upright sheet, about as many as it has in the photo, in its true proportions; and its resolution."""
    top, right, bottom, left = (float(np.linalg.norm(corners[(side + 1) % 4] - corners[side])) for side in range(4))
    across, down = max(top, bottom), max(left, right)
    ratio = aspect(corners, view.size)
    paper = PAPERS_MM.get(view.hints.paper)
    if paper:
        ratio = max(paper) / min(paper) if across > down else min(paper) / max(paper)
    if ratio is not None and 0.4 < ratio / (across / down) < 2.5:
        across, down = (max(across, down * ratio), max(across, down * ratio) / ratio)
    ppi = max(across, down) / max(paper) * MM_PER_INCH if paper else None
    return (round(across), round(down)), ppi


def aspect(corners: np.ndarray, size: tuple[int, int]) -> float | None:
    """Width over height of a rectangle seen in perspective; None where the view is too square-on to tell.

    Zhang & He, Whiteboard scanning and image enhancement (2007): square pixels, optical axis through the middle.
    """
    middle = (np.array(size) - 1) / 2
    top_left, top_right, bottom_right, bottom_left = (np.append(corner - middle, 1.0) for corner in corners)
    k2 = _triple(top_left, bottom_right, bottom_left) / _triple(top_right, bottom_right, bottom_left)
    k3 = _triple(top_left, bottom_right, top_right) / _triple(bottom_left, bottom_right, top_right)
    across, down = k2 * top_right - top_left, k3 * bottom_left - top_left
    if min(abs(across[2]), abs(down[2])) < 1e-3:
        return float(np.linalg.norm(across[:2]) / np.linalg.norm(down[:2]))
    focal = -(across[0] * down[0] + across[1] * down[1]) / (across[2] * down[2])
    if focal < (0.4 * max(size)) ** 2 or focal > (6 * max(size)) ** 2:
        return None
    weights = np.array([1 / focal, 1 / focal, 1.0])
    return float(np.sqrt((across**2 @ weights) / (down**2 @ weights)))


def _triple(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float(np.cross(a, b) @ c)


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """The sheet upright and in proportion where it is put right; else the box around it, within the capture."""
    values = decision.values
    corners, margin, ppi = np.array(values["corners"]), values["margin"], values["ppi"]
    if not values["rectify"]:
        width, height = frame.size
        (left, top), (right, bottom) = corners.min(axis=0) - margin, corners.max(axis=0) + margin
        return Geometry.crop((max(0, left), max(0, top), min(width, right), min(height, bottom)), ppi)
    width, height = values["size"]
    upright = Geometry.rectifying(corners, (width, height))
    grown = Geometry.crop((-margin, -margin, width + margin, height + margin), ppi)
    return upright.then(grown)


STAGE = Stage("outline", 1, Params, decide, geometry)
