"""A photographed sheet that is bent, curled or folded, made flat.

A small model says for each spot of the picture where on its sheet it lies; a smooth mesh is laid through that, and its
sides are drawn to the edges of the paper, which can be seen far more exactly. Only loose sheets in photos whose whole
outline is in the picture are flattened, and only where the mesh fits what was seen and is no mere plane: perspective
alone is put right by `outline`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from book import Decision, Side
from imaging import bends
from imaging.geometry import Geometry
from imaging.mesh import Mesh
from imaging.meshfit import Grid, Seen, SeenEdges, fitted, rms
from imaging.stage import Stage
from imaging.view import View

AROUND = 0.12  # of the frame: so much more is looked at on each side, for what bulges out
ROWS, COLUMNS = 25, 19
STIFF, STIFFER = 3e-4, 2e-4  # of the first mesh, and of that which is drawn to the edges
EDGE_WEIGHT = 4.0
PLACES = 72  # along each side
REACH = (0.03, 0.012)  # of the sheet's extent: so far from the mesh its edge is looked for, in two rounds
BESIDE = 6  # px of the view at each side of an edge that tell its colours
SMOOTH = 0.35  # what a step of an edge from place to place costs, in parts of the usual contrast, a px²
LEAST_CONTRAST = 0.35  # of the usual: fainter is no edge


@dataclass(frozen=True)
class Params:
    """Settings of the flatten stage."""

    mode: str = "auto"  # auto: photos of whole loose sheets; none
    least_seen: float = 0.85  # how surely the model must see the sheet
    most_rms: float = 0.02  # of the sheet's extent: a mesh that fits worse is not believed
    least_bend: float = 0.004  # of the sheet's extent: what bends less is left to perspective


def decide(view: View, params: Params) -> Decision:
    """Values: `mesh` (rows of nodes in pixels of the frame; none where it stays as it is), `size`, `corners`."""
    if params.mode == "none" or not _may_be_bent(view):
        return _as_it_is(view)
    wide = _wide(view)
    told = bends.places(wide.colour)
    spots = told and _spots(wide, *told)
    if spots is None:
        return _as_it_is(view, 0.9)
    grid, flat = _grid(view)
    extent = float(np.sqrt(view.size[0] * view.size[1]))
    nodes = fitted(grid, spots, STIFF)
    for reach in REACH:
        edges = _edges(wide, grid, nodes, reach * extent)
        nodes = fitted(grid, spots, STIFFER, edges, EDGE_WEIGHT)
    wrong, bent = rms(grid, nodes, spots) / extent, _bend(nodes) / extent
    if float(spots.weights.mean()) ** 0.5 < params.least_seen or wrong > params.most_rms or _folds_over(nodes):
        return _as_it_is(view, 0.6)
    if bent < params.least_bend:
        return _as_it_is(view, 0.9)
    mesh = Mesh.of(np.round(nodes, 2), view.size)
    corners = mesh.bent(flat)
    values = {"mesh": [[list(node) for node in row] for row in mesh.nodes], "size": list(mesh.size),
              "corners": corners.tolist(), "bend": bent}
    return STAGE.decision(values, float(np.clip(1 - wrong / params.most_rms, 0.3, 0.95)))


def _as_it_is(view: View, confidence: float = 1.0) -> Decision:
    return STAGE.decision({"mesh": None, "size": list(view.size), "corners": view.sheet.tolist()}, confidence)


def _may_be_bent(view: View) -> bool:
    """A photo of one loose sheet that has been set straight by its four corners."""
    outline, split = view.decided.get("outline"), view.decided.get("split")
    single = split is None or (split.values["gutter"] is None and view.side is Side.WHOLE)
    return outline is not None and outline.values["rectify"] and single


def _wide(view: View) -> View:
    """The view with more around it: what bulges over the straight sides."""
    width, height = view.size
    across, down = round(AROUND * width), round(AROUND * height)
    return replace(view, frame=view.frame.then(Geometry.crop((-across, -down, width + across, height + down))))


def _from_wide(view_size: tuple[int, int], points: np.ndarray) -> np.ndarray:
    """Pixels of the wide frame in those of the frame itself."""
    return points - np.round(AROUND * np.array(view_size))


def _spots(wide: View, place: np.ndarray, seen: np.ndarray) -> Seen | None:
    """What the model saw of the sheet, in pixels of the frame; None where there is hardly a sheet."""
    rows, columns = seen.shape
    sheet = seen > 0.5
    if sheet.mean() < 0.15:
        return None
    y, x = np.nonzero(sheet)
    share = np.column_stack([(x + 0.5) / columns, (y + 0.5) / rows])
    size = np.array(wide.size)
    frame = size / (1 + 2 * AROUND)
    return Seen(place[sheet].astype(np.float64), _from_wide(frame, share * size - 0.5), seen[sheet].astype(np.float64) ** 2)


def _grid(view: View) -> tuple[Grid, np.ndarray]:
    """A grid over the whole frame, and the corners of the sheet within it (px): as it lies by its straight sides."""
    (left, top), (right, bottom) = view.sheet.min(axis=0), view.sheet.max(axis=0)
    extent = np.array([right - left, bottom - top])
    low, high = -np.array([left, top]) / extent, (np.array(view.size) - 1 - (left, top)) / extent
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return Grid(ROWS, COLUMNS, tuple(low.tolist()), tuple(high.tolist())), corners


def _edges(wide: View, grid: Grid, nodes: np.ndarray, reach: float) -> SeenEdges:
    """Where the edges of the paper are, near the sides of the mesh."""
    at = (np.arange(PLACES) + 0.5) / PLACES
    zero, one = np.zeros(PLACES), np.ones(PLACES)
    found = []
    for places, inwards in ((np.column_stack([at, zero]), (0, 1)), (np.column_stack([one, at]), (-1, 0)),
                            (np.column_stack([at, one]), (0, -1)), (np.column_stack([zero, at]), (1, 0))):
        side = grid.basis(places) @ nodes.reshape(-1, 2)
        along = np.gradient(side, axis=0)
        normals = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
        inner = grid.basis(places + 0.02 * np.array(inwards)) @ nodes.reshape(-1, 2) - side
        normals *= np.sign((normals * inner).sum(axis=1))[:, None]
        points, sure = _edge(wide, side, normals, reach)
        found.append((places[sure], points[sure], normals[sure]))
    return SeenEdges(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _edge(wide: View, side: np.ndarray, normals: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The edge near a side (n×2 px of the frame; normals point inwards): points (n×2), and which of them are sure.

    The path that changes colour most, without jumps (dynamic programming).
    """
    frame = np.array(wide.size) / (1 + 2 * AROUND)
    step = wide.reduction
    steps = np.arange(-int(np.ceil(reach / step)) - BESIDE, int(np.ceil(reach / step)) + BESIDE + 1)
    points = side[:, None] + steps[:, None] * step * normals[:, None]
    x, y = np.moveaxis(wide.to_view((points + np.round(AROUND * frame)).reshape(-1, 2)).reshape(points.shape), -1, 0)
    x, y = x.astype(np.float32), y.astype(np.float32)
    colours = cv2.remap(wide.colour, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB).astype(np.float32)
    sums = np.cumsum(np.concatenate([np.zeros_like(lab[:, :1]), lab], axis=1), axis=1)
    outside = sums[:, BESIDE:-BESIDE] - sums[:, : -2 * BESIDE]
    inside = sums[:, 2 * BESIDE :] - sums[:, BESIDE:-BESIDE]
    captured = cv2.remap(wide.inside, x, y, cv2.INTER_NEAREST)
    whole = cv2.erode(captured, np.ones((1, 2 * BESIDE + 1), np.uint8), borderValue=0)[:, BESIDE - 1 : -BESIDE] > 0
    change = np.linalg.norm(inside - outside, axis=2) / BESIDE * whole
    usual = float(np.median(change.max(axis=1))) + 1e-6
    best = _smooth_path(change / usual)
    rows = np.arange(len(side))
    away = steps[BESIDE:][best] - 0.5
    return side + (away * step)[:, None] * normals, change[rows, best] > LEAST_CONTRAST * usual


def _smooth_path(worth: np.ndarray) -> np.ndarray:
    """The column of each row that together are worth most, steps between rows being dear."""
    count, width = worth.shape
    columns = np.arange(width)
    cost = SMOOTH * np.minimum((columns[:, None] - columns) ** 2, 9)
    total, came = worth[0], np.zeros((count, width), int)
    for row in range(1, count):
        reached = total[:, None] - cost
        came[row] = reached.argmax(axis=0)
        total = reached.max(axis=0) + worth[row]
    path = np.empty(count, int)
    path[-1] = total.argmax()
    for row in range(count - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path


def _bend(nodes: np.ndarray) -> float:
    """How far the nodes lie from those of the plane sheet that fits them best: root mean square, px."""
    rows, columns = nodes.shape[:2]
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    flat = np.column_stack([u.ravel(), v.ravel()]).astype(np.float32)
    plane, _ = cv2.findHomography(flat, nodes.reshape(-1, 2).astype(np.float32))
    away = cv2.perspectiveTransform(flat[None], plane)[0] - nodes.reshape(-1, 2)
    return float(np.sqrt((away**2).sum(axis=1).mean()))


def _folds_over(nodes: np.ndarray) -> bool:
    """Whether a cell of the mesh is turned over or squeezed to nothing: no sheet that can be seen is so."""
    across, down = np.diff(nodes, axis=1)[:-1], np.diff(nodes, axis=0)[:, :-1]
    area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    return bool(area.min() < 0.05 * np.median(area))


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """Through the mesh; without one the frame stays."""
    values = decision.values
    if values["mesh"] is None:
        return Geometry.identity(frame.size)
    return Geometry.flattening(Mesh.of(values["mesh"], values["size"]))


STAGE = Stage("flatten", 1, Params, decide, geometry)
