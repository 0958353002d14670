"""Where the sheet of paper, or the open book, lies in the capture.

The four sides are found in a small picture without its writing (`quads`, `edges`) and then moved to where the colours
change in the view. Where the paper runs out of the capture, the side is the frame's. A photographed sheet whose
sides are all seen is set upright from its corners; anything else is only cropped. What of the sheet becomes the
page is left to `crop`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import quads
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import MM_PER_INCH, PAPERS_MM, View

SMALL_SIDE = 400  # px: of the picture in which the sheet is looked for
PLACES = 60  # along a side at which its edge is looked for in the view
REACH = 2.5  # px of the small picture: so far from the side found there
INNER = (0.04, 0.96)  # of a side: corners are round, torn or folded
AGREE = 1.5  # px of the view within which places agree on a line
LEAST_AGREEING = 0.3  # of the places, or the side stays where it was
EDGE_PLACES = 9  # px of the view at each side of an edge that tell its colours
SURE_SUPPORT = 0.65  # of a side: enough where its edge is crumpled, so that its places agree on no line
STRIP, LEAST_STRIP = 0.035, 3  # of the sheet's extent, and px of the view: strips beside the paper are so wide
PAPER_BESIDE = 0.06  # of the sheet's extent: so deep inside there is surely paper
FOREIGN = 1.3  # spreads of one paper's colour: what differs by more is something else
NAMES = ("top", "right", "bottom", "left")


@dataclass(frozen=True)
class Params:
    """Settings of the outline stage."""

    mode: str = "auto"  # auto; none: the whole capture is the sheet
    perspective: str = "auto"  # auto: put right for photos whose sheet is wholly seen; never
    margin_mm: float = 3.0  # kept around the sheet, mm
    min_score: float = 0.5  # evidence for a sheet below which the whole capture is kept
    sure_score: float = 0.75  # evidence from which nobody has to look again


def decide(view: View, params: Params) -> Decision:
    """Values: `corners`, `border` (sides with ground beyond them), `rectify`, `size`, `ppi`, `margin`."""
    if params.mode == "none":
        return _decision(view, params, view.frame.corners, (), False, 1.0)
    small = _small(view)
    found = quads.best(small, without_writing(small))
    confidence = float(np.clip(found.score / params.sure_score - 0.3, 0.1, 0.98))
    unsure = (Finding("outline_unsure", Severity.NOTE, {"confidence": confidence}),)
    if found.score < params.min_score:
        return _decision(view, params, view.frame.corners, (), False, confidence, unsure)
    corners, sure = _refined(view, found, view.grey.shape[1] / small.shape[1])
    border = [name for name, at_frame in zip(NAMES, found.at_frame, strict=True) if not at_frame]
    rectify = params.perspective == "auto" and len(border) == 4 and sure and _wants_perspective(view, corners)
    findings = unsure if found.score < params.sure_score else ()
    return _decision(view, params, corners, border, rectify, confidence, findings)


def _decision(view, params, corners, border, rectify, confidence, findings=()) -> Decision:
    size, ppi = _true_size(view, corners) if rectify else (view.size, view.dpi)
    values = {"corners": corners.tolist(), "border": list(border), "rectify": bool(rectify), "size": list(size),
              "ppi": ppi, "margin": params.margin_mm * (ppi / MM_PER_INCH if ppi else view.px_per_mm)}
    return STAGE.decision(values, confidence, findings)


def _small(view: View) -> np.ndarray:
    """The view with its longer side at most SMALL_SIDE px: RGB uint8 (h, w, 3)."""
    height, width = view.grey.shape
    factor = min(1.0, SMALL_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(view.colour, size, interpolation=cv2.INTER_AREA)


def without_writing(small: np.ndarray) -> np.ndarray:
    """Lab picture in which strokes are painted over by the paper around them: uint8 (h, w, 3)."""
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, window)
    return cv2.cvtColor(cv2.medianBlur(closed, 5), cv2.COLOR_RGB2LAB)


def _refined(view: View, found: quads.Quad, factor: float) -> tuple[np.ndarray, bool]:
    """Corners in full-size pixels of the frame, and whether all sides are surely edges of the sheet.

    Each side found in the small picture is moved to the edge in the view, which is `factor` as large, and on to the
    paper where a strip of something else (a cover, an edge of the pile) lies along it.
    """
    rough = (found.corners + 0.5) * factor - 0.5
    extent = float(np.sqrt(cv2.contourArea(rough.astype(np.float32))))
    lines, sure = [], True
    for side in range(4):
        start, end = rough[side], rough[(side + 1) % 4]
        line = None if found.at_frame[side] else _edge_line(view.colour, start, end, REACH * factor)
        sure &= line is not None or bool(found.support[side] > SURE_SUPPORT)
        if line is not None:
            line = _past_strip(view.colour, line, start, end, extent)
        lines.append((start, end - start) if line is None else line)
    met = [_meeting(lines[side - 1], lines[side]) for side in range(4)]
    far = 4 * REACH * factor + STRIP * extent
    corners = [rough[i] if point is None or np.linalg.norm(point - rough[i]) > far else point for i, point in enumerate(met)]
    return view.to_frame(np.array(corners)), sure


def _past_strip(colour: np.ndarray, line, start: np.ndarray, end: np.ndarray, extent: float):
    """The line moved inwards past a strip that has not the colour of the paper beside it; else as it was."""
    point, along = line
    along = along * np.sign(along @ (end - start)) / np.linalg.norm(along)
    normal = np.array([-along[1], along[0]])  # inwards, as corners run clockwise
    length = np.linalg.norm(end - start)
    bases = point + along * ((start - point) @ along + np.linspace(*INNER, PLACES)[:, None] * length)
    depths = np.arange(1, int(PAPER_BESIDE * extent))
    pixels = _sampled(colour, bases[:, None] + depths[:, None] * normal)
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32)
    profile = np.median(lab, axis=0)
    paper = np.median(profile[int(STRIP * extent) :], axis=0)
    foreign = (((profile - paper) / quads.PAPER_SPREAD) ** 2).sum(axis=1) > FOREIGN**2
    width = int(np.argmin(foreign))  # how many depths from the edge on are foreign
    if not LEAST_STRIP < width < STRIP * extent:
        return line
    shift = (width + 1) * normal
    inner = _edge_line(colour, start + shift + _onto(start, line), end + shift + _onto(end, line), width * 0.6)
    return (point + shift, along) if inner is None else inner


def _onto(place: np.ndarray, line) -> np.ndarray:
    """From a place the shortest way onto the line."""
    point, along = line
    along = along / np.linalg.norm(along)
    return (point - place) - along * ((point - place) @ along)


def _sampled(colour: np.ndarray, points: np.ndarray) -> np.ndarray:
    """RGB uint8 at points (n, m, 2) of the view, nearest inside it."""
    height, width = colour.shape[:2]
    columns = np.clip(np.round(points[..., 0]).astype(int), 0, width - 1)
    rows = np.clip(np.round(points[..., 1]).astype(int), 0, height - 1)
    return colour[rows, columns]


def _edge_line(colour: np.ndarray, start: np.ndarray, end: np.ndarray, reach: float):
    """A point and a direction of the edge near the line from `start` to `end`; None where it cannot be told.

    At places along the line, the step between the mean colours of its two sides is looked for across the line.
    """
    height, width = colour.shape[:2]
    along = (end - start) / np.linalg.norm(end - start)
    normal = np.array([-along[1], along[0]])
    offsets = np.arange(-np.ceil(reach) - EDGE_PLACES, np.ceil(reach) + EDGE_PLACES + 1)
    bases = start + np.linspace(*INNER, PLACES)[:, None] * (end - start)
    points = bases[:, None] + offsets[:, None] * normal
    seen = ((points >= 0) & (points <= (width - 1, height - 1))).all(axis=(1, 2))
    if seen.sum() < PLACES * LEAST_AGREEING:
        return None
    x, y = np.moveaxis(points[seen], -1, 0).astype(np.float32)
    profiles = cv2.remap(colour, x, y, cv2.INTER_LINEAR).astype(np.float32)
    change = np.median(profiles[:, -EDGE_PLACES:].mean(axis=1) - profiles[:, :EDGE_PLACES].mean(axis=1), axis=0)
    if not change.any():
        return None
    step = cv2.GaussianBlur(profiles @ (change / np.linalg.norm(change)), (5, 3), 0)
    slope = np.diff(step, axis=1)[:, EDGE_PLACES - 1 : 1 - EDGE_PLACES]
    at = slope.argmax(axis=1)
    places = offsets[EDGE_PLACES - 1 :][at] + 0.5 + _vertex(slope, at)
    where = bases[seen] + places[:, None] * normal
    return _robust_line(where[slope.max(axis=1) > 0.3 * np.median(slope.max(axis=1))])


def _vertex(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """By how much the peak of a parabola through each row's highest value and its neighbours lies beside it."""
    rows = np.arange(len(values))
    low, high = np.clip(at - 1, 0, values.shape[1] - 1), np.clip(at + 1, 0, values.shape[1] - 1)
    before, peak, after = values[rows, low], values[rows, at], values[rows, high]
    bend = before - 2 * peak + after
    shift = np.where(bend < 0, (before - after) / np.where(bend < 0, 2 * bend, 1), 0)
    return np.clip(shift, -0.5, 0.5)


def _robust_line(points: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """A point and a direction: the line on which most points agree, fitted to these (Huber)."""
    first, second = np.triu_indices(len(points), max(1, len(points) // 4))
    if not len(first):
        return None
    along = points[second] - points[first]
    normal = np.column_stack([-along[:, 1], along[:, 0]]) / np.linalg.norm(along, axis=1)[:, None]
    away = np.abs(normal @ points.T - (normal * points[first]).sum(axis=1)[:, None])
    agreeing = (away < AGREE).sum(axis=1)
    if agreeing.max() < LEAST_AGREEING * PLACES:
        return None
    chosen = points[away[int(agreeing.argmax())] < 2 * AGREE]
    x, y, x0, y0 = cv2.fitLine(chosen.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
    return np.array([x0, y0], np.float64), np.array([x, y], np.float64)


def _meeting(one, other) -> np.ndarray | None:
    (p, a), (q, b) = one, other
    cross = a[0] * b[1] - a[1] * b[0]
    if abs(cross) < 1e-6 * np.linalg.norm(a) * np.linalg.norm(b):
        return None
    start = q - p
    return p + (start[0] * b[1] - start[1] * b[0]) / cross * a


def _wants_perspective(view: View, corners: np.ndarray) -> bool:
    """The sheet lies at an angle that turning it as a whole cannot mend, or at a large one; scanners see it flat."""
    if view.dpi and not view.hints.photo:
        return False
    edges = np.roll(corners, -1, axis=0) - corners
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


STAGE = Stage("outline", 2, Params, decide, geometry)
