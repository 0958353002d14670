"""The sides of a sheet, found roughly in a small picture, moved to where the colours change in the view.

Each side becomes the line on which most places along it agree, so that round or torn corners, fingers and marks do
not draw it away. Which sides there are is left to `quads`.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging.quads import PAPER_SPREAD, Quad
from imaging.view import View

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


def refined(view: View, found: Quad, factor: float) -> tuple[np.ndarray, bool]:
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
    foreign = (((profile - paper) / PAPER_SPREAD) ** 2).sum(axis=1) > FOREIGN**2
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
