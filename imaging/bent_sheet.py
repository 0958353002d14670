"""A photographed loose sheet that is bent, curled or folded: the mesh that makes it flat.

A small model says for each spot of the picture, roughly, where on its sheet it lies. A sheet of paper that bends but does
not stretch is laid through that (`bent_paper`), drawn to the edges of the paper and until lines of writing and rules
run straight on it, all of which are seen far more exactly. What is left of bent lines is evened out in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from imaging import bends
from imaging.bent_paper import BentPaper, Edges, Evidence, Lens, Lines, Spots, edge_errors, fitted
from imaging.geometry import Geometry
from imaging.mesh import Mesh, folds_over
from imaging.paper_edges import PLACES, edges
from imaging.straighten import bent_lines, solved
from imaging.view import MM_PER_INCH, PAPERS_MM, View

AROUND = 0.12  # of a frame that shows the sheet straight: so much more is looked at, for what bulges out
FARTHEST = 1.0  # of any frame, likewise
ROWS, COLUMNS = 25, 19
UNIT = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
RATIO_NEAR = 0.7  # of the logarithm: bent sheets look like other papers; what is farther off is taken as it looks
LEAST_SHEET = 0.15  # of what the model looks at
EVERY = 5  # of the spots that the model sees is used: neighbours say the same
EDGE_ROUNDS = (0.03, 0.012, 0.006)  # of the sheet's extent: so far from the paper its edge is looked for
LINE_ROUNDS = ((9.0, (1,)), (4.0, (1, 2)))  # degrees that lines may still be bent by, and columns apart they are sought in
LEAST_LINES, MOST_LINES = 20, 400  # pieces of each direction
SURE, LEAST = 0.9, 0.65  # confidence from which no other look is taken; without which `outline` is believed that saw less
LAST_ROUNDS, LAST_DEGREES = 2, 3.0  # of evening out


@dataclass(frozen=True)
class Limits:
    """What is to be believed; see the settings of `flatten`."""

    least_seen: float
    most_apart: float
    most_rms: float
    least_edges: float


@dataclass(frozen=True)
class Sheet:
    """A mesh from the frame onto a page of its own, the sheet's corners in pixels of the frame, the page's resolution.

    `bend` is how far it is from a plane, in parts of the sheet's extent.
    """

    mesh: Mesh
    corners: np.ndarray
    ppi: float | None
    bend: float
    confidence: float


@dataclass(frozen=True)
class _Look:
    """A picture of a sheet: `wide` shows it; its `corners`, roughly, in pixels of the frame of `view`.

    `spots` of it where a model has looked.
    """

    view: View
    wide: View
    corners: np.ndarray
    spots: Spots | None = None

    @property
    def lens(self) -> Lens:
        stored = self.view.frame.points_back(self.corners)
        return Lens(self.view.stored, cv2.contourArea(stored.astype(np.float32), oriented=True) < 0)

    def points(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels of the frame as points of the lens."""
        return self.lens.points(self.view.frame.points_back(pixels))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """The other way."""
        return self.view.frame.points(self.lens.pixels(points))

    @property
    def extent(self) -> float:
        """Of the sheet, in points."""
        return float(np.sqrt(abs(cv2.contourArea(self.points(self.corners).astype(np.float32)))))

    @property
    def pixel_extent(self) -> float:
        """Of the sheet, in pixels of the frame."""
        return float(np.sqrt(abs(cv2.contourArea(self.corners.astype(np.float32)))))


@dataclass(frozen=True)
class _Page:
    """The flat page that is made: its size (px), and where on it the sheet lies (left, top, right, bottom)."""

    size: tuple[int, int]
    box: tuple[float, float, float, float]

    def places(self, points: np.ndarray) -> np.ndarray:
        """Points (n×2) of the page as places of the sheet."""
        left, top, right, bottom = self.box
        return (points - [left, top]) / [right - left, bottom - top]

    @property
    def grid(self) -> np.ndarray:
        """The points at which a mesh has its nodes: (ROWS × COLUMNS, 2)."""
        x, y = np.linspace(0, self.size[0] - 1, COLUMNS), np.linspace(0, self.size[1] - 1, ROWS)
        return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)

    @property
    def corners(self) -> np.ndarray:
        """Of the sheet."""
        left, top, right, bottom = self.box
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def flattened(view: View, limits: Limits) -> Sheet | None:
    """What the best look at the sheet shows; None where nothing is to be believed. Wants `outline` to have decided."""
    best, least = None, 0.0 if is_straight(view) else LEAST
    for look in _looks(view, limits):
        sheet = _flattened(look, limits)
        if sheet is not None and sheet.confidence > (least if best is None else best.confidence):
            best = sheet
        if best is not None and best.confidence >= SURE:
            break
    return best


def is_straight(view: View) -> bool:
    """Whether `outline` has set the sheet straight by its corners."""
    return bool(view.decided["outline"].values["rectify"])


def _looks(view: View, limits: Limits) -> Iterator[_Look]:
    """What there is to be flattened: the sheet that `outline` has set straight, else one anywhere in the picture."""
    if is_straight(view):
        yield from _seen(_wide(view, AROUND), view, limits)
    whole = _wide(view, FARTHEST)
    yield from _seen(whole, view, limits)
    if len(view.decided["outline"].values["border"]) == len(UNIT):
        yield _Look(view, whole, view.sheet)


def _wide(view: View, around: float) -> View:
    """The view with `around` of it more on each side, as far as the capture goes."""
    size = np.array(view.size)
    whole = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (np.array(view.stored) - 1.0)
    reached = view.frame.points(whole)
    low = np.clip(reached.min(axis=0), -around * size, 0)
    high = np.clip(reached.max(axis=0) + 1, size, size + around * size)
    return replace(view, frame=view.frame.then(Geometry.crop((*np.floor(low), *np.ceil(high)))))


def _seen(wide: View, view: View, limits: Limits) -> Iterator[_Look]:
    """What the model sees, if it is there and sees a sheet."""
    told = bends.places(wide.colour)
    if told is None:
        return
    place, seen = told
    rows, columns = seen.shape
    y, x = np.nonzero(seen > 0.5)
    if len(x) < LEAST_SHEET * seen.size or float((seen[y, x] ** 2).mean()) ** 0.5 < limits.least_seen:
        return
    share = np.column_stack([(x + 0.5) / columns, (y + 0.5) / rows])
    pixels = _between(wide, view, share * np.array(wide.size) - 0.5)
    places = place[y, x].astype(np.float64)
    plane, _ = cv2.findHomography(places, pixels)
    if plane is not None:
        look = _Look(view, wide, cv2.perspectiveTransform(UNIT[None], plane)[0])
        spots = Spots(places[::EVERY], look.points(pixels[::EVERY]), seen[y, x][::EVERY].astype(np.float64) ** 2)
        yield replace(look, spots=spots)


def _between(view: View, other: View, pixels: np.ndarray) -> np.ndarray:
    """Pixels of one view's frame in those of another frame of the same capture."""
    return other.frame.points(view.frame.points_back(pixels))


def _flattened(look: _Look, limits: Limits) -> Sheet | None:
    """The sheet of this look; None where it is not to be believed."""
    paper, seen = _to_its_edges(look)
    page, found = _page(look, paper), len(seen.edges.places) / (4 * PLACES)
    if found < limits.least_edges:
        return None
    for degrees, apart in LINE_ROUNDS:
        seen = replace(seen, lines=_lines(look, _nodes(look, page, paper), page, degrees, apart))
        paper, _ = fitted(paper, seen, look.extent)
    wrong = _rms(edge_errors(paper, seen.edges)) / look.extent
    apart = 0.0 if seen.spots is None else _rms(np.linalg.norm(paper.points(seen.spots.places) - seen.spots.points, axis=1))
    nodes = _evened_out(look, _nodes(look, page, paper), page)
    if wrong > limits.most_rms or apart > limits.most_apart * look.extent or folds_over(nodes):
        return None
    mesh = Mesh.of(np.round(nodes, 2), page.size)
    confidence = float(np.clip(found - 0.25 * wrong / limits.most_rms, 0, 0.98))
    return Sheet(mesh, mesh.bent(page.corners), _ppi(look.view, page), _bend(nodes) / look.pixel_extent, confidence)


def _rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _to_its_edges(look: _Look) -> tuple[BentPaper, Evidence]:
    """Paper as the model and then its edges tell."""
    best = None
    for ratio in _ratios(look):
        seen = Evidence(ratio, look.spots)
        paper, cost = fitted(BentPaper.plane(look.points(look.corners), ratio), seen, look.extent)
        if best is None or cost < best[0]:
            best = cost, paper, seen
    _, paper, seen = best
    for reach in EDGE_ROUNDS:
        seen = replace(seen, edges=_edges(look, paper, reach * look.pixel_extent))
        paper, _ = fitted(paper, seen, look.extent)
    return paper, seen


def _ratios(look: _Look) -> list[float]:
    """Likely ratios of width and height: those of A4, A3 … or of the paper that is known, standing or lying."""
    seen = BentPaper.ratio_seen(look.points(look.corners))
    known = PAPERS_MM.get(look.view.hints.paper, PAPERS_MM["A4"])
    standing = min(known) / max(known)
    return [ratio for ratio in (standing, 1 / standing) if abs(np.log(seen / ratio)) < RATIO_NEAR] or [seen]


def _page(look: _Look, paper: BentPaper) -> _Page:
    """As large as the sheet is in the frame, in its true proportions, with the margin that `outline` keeps."""
    sides = np.linalg.norm(np.roll(look.corners, -1, axis=0) - look.corners, axis=1)
    across = float(max(sides[0], sides[2], max(sides[1], sides[3]) * paper.ratio))
    margin = float(look.view.decided["outline"].values["margin"])
    box = (margin, margin, margin + across, margin + across / paper.ratio)
    return _Page((round(across + 2 * margin), round(across / paper.ratio + 2 * margin)), box)


def _ppi(view: View, page: _Page) -> float | None:
    known = PAPERS_MM.get(view.hints.paper)
    left, top, right, bottom = page.box
    return max(right - left, bottom - top) / max(known) * MM_PER_INCH if known else view.dpi


def _edges(look: _Look, paper: BentPaper, reach: float) -> Edges:
    def in_wide(places: np.ndarray) -> np.ndarray:
        return _between(look.view, look.wide, look.pixels(paper.points(places)))

    places, pixels, tangents = edges(look.wide, in_wide, reach)
    points = look.points(_between(look.wide, look.view, pixels))
    along = look.points(_between(look.wide, look.view, pixels + tangents)) - points
    along /= np.maximum(np.linalg.norm(along, axis=1), 1e-12)[:, None]
    return Edges(places, points, np.column_stack([-along[:, 1], along[:, 0]]))


def _nodes(look: _Look, page: _Page, paper: BentPaper) -> np.ndarray:
    """Of the mesh: (ROWS, COLUMNS, 2) px of the frame."""
    return look.pixels(paper.points(page.places(page.grid))).reshape(ROWS, COLUMNS, 2)


def _flat(look: _Look, nodes: np.ndarray, page: _Page) -> tuple[View, Mesh]:
    """The view as it looks when it is flattened so."""
    mesh = Mesh.of(nodes, page.size)
    corners = look.view.frame.points_back(mesh.bent(page.corners))
    frame = look.view.frame.then(Geometry.flattening(mesh))
    return replace(look.view, frame=frame, paper_corners=tuple(map(tuple, corners.tolist()))), mesh


def _lines(look: _Look, nodes: np.ndarray, page: _Page, degrees: float, apart: tuple[int, ...]) -> tuple[Lines, ...]:
    flat, mesh = _flat(look, nodes, page)
    found = []
    for axis, pieces in zip((1, 0), bent_lines(flat, degrees, apart), strict=True):
        if len(pieces) >= LEAST_LINES:
            best = np.argsort(-pieces.weights, kind="stable")[:MOST_LINES]
            start, end = (look.points(mesh.bent(ends[best])) for ends in (pieces.start, pieces.end))
            found.append(Lines(axis, start, end, pieces.weights[best]))
    return tuple(found)


def _evened_out(look: _Look, nodes: np.ndarray, page: _Page) -> np.ndarray:
    """Nodes so moved that lines which are still bent become straight; the sheet's sides stay."""
    for _ in range(LAST_ROUNDS):
        flat, mesh = _flat(look, nodes, page)
        shifts = solved(page.size, *bent_lines(flat, LAST_DEGREES, (1, 2)))
        nodes = mesh.bent(page.grid + shifts.at(page.grid)).reshape(ROWS, COLUMNS, 2)
    return nodes


def _bend(nodes: np.ndarray) -> float:
    """How far the nodes lie from those of the plane sheet that fits them best: root mean square, px."""
    rows, columns = nodes.shape[:2]
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    flat = np.column_stack([u.ravel(), v.ravel()])
    plane, _ = cv2.findHomography(flat, nodes.reshape(-1, 2))
    away = cv2.perspectiveTransform(flat[None], plane)[0] - nodes.reshape(-1, 2)
    return float(np.sqrt((away**2).sum(axis=1).mean()))
