"""Bent paper made flat: photographed loose sheets (`bent_sheet`), and pages of thick books (`bent_page`).

Never worse than before: a mesh is only laid where what is seen bears it out, and where there is something to be mended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from book import Decision, Side
from imaging import bent_page, bent_sheet
from imaging.geometry import Geometry
from imaging.mesh import Mesh
from imaging.stage import Stage
from imaging.view import View

SAME_SHEET = 0.1  # of its extent: where corners set by hand lie farther off, another sheet was seen


@dataclass(frozen=True)
class Params:
    """Settings of the flatten stage."""

    mode: str = "auto"  # auto: photographed sheets, and pages whose lines are bent; none
    least_seen: float = 0.85  # how surely the model must see a sheet
    most_apart: float = 0.06  # of the sheet's extent: a paper that is farther from what the model sees is not believed
    most_rms: float = 0.005  # of the sheet's extent: nor one that is farther from the edges seen
    least_edges: float = 0.7  # of the sheet's sides, along which edges must be seen
    least_bend: float = 0.001  # of the sheet's extent: what bends less is left as `outline` has set it straight
    least_uneven: float = 0.001  # of the page's extent: lines of a book that are bent less are left
    most_uneven_left: float = 0.5  # of a book's bent lines: what is left of their bend, or else they stay


def decide(view: View, params: Params) -> Decision:
    """Values: `mesh` (rows of nodes in pixels of the frame; none where it stays as it is), `size`, `corners`, `ppi`."""
    if params.mode == "none" or "outline" not in view.decided:
        return _as_it_is(view)
    if _is_loose_sheet(view):
        limits = bent_sheet.Limits(params.least_seen, params.most_apart, params.most_rms, params.least_edges)
        sheet = bent_sheet.flattened(view, limits)
        if sheet is not None and view.decided["outline"].values.get("set"):
            sheet = _pinned(sheet, view.sheet)
        if sheet is not None and sheet.bend < params.least_bend and bent_sheet.is_straight(view):
            return _as_it_is(view, sheet.confidence)
        if sheet is not None:
            return _decision(sheet.mesh, sheet.corners, sheet.ppi, sheet.confidence)
    page = bent_page.flattened(view, params.least_uneven, params.most_uneven_left)
    return _as_it_is(view) if page is None else _decision(page.mesh, view.sheet, view.dpi, page.confidence)


def _pinned(sheet: bent_sheet.Sheet, corners: np.ndarray) -> bent_sheet.Sheet | None:
    """The sheet drawn to the `corners` (4×2 px of the frame) that a person has set; None where it is another sheet."""
    extent = np.sqrt(abs(cv2.contourArea(corners.astype(np.float32))))
    if np.linalg.norm(sheet.corners - corners, axis=1).max() > SAME_SHEET * extent:
        return None
    plane, _ = cv2.findHomography(sheet.corners, corners)
    nodes = np.array(sheet.mesh.nodes)
    moved = cv2.perspectiveTransform(nodes.reshape(1, -1, 2), plane).reshape(nodes.shape)
    return replace(sheet, mesh=Mesh.of(np.round(moved, 2), sheet.mesh.size), corners=corners)


def _is_loose_sheet(view: View) -> bool:
    """A photo of one sheet."""
    split, photo = view.decided.get("split"), view.hints.photo or not view.dpi
    return photo and view.side is Side.WHOLE and (split is None or split.values["gutter"] is None)


def _as_it_is(view: View, confidence: float = 1.0) -> Decision:
    return STAGE.decision({"mesh": None, "size": list(view.size), "corners": view.sheet.tolist()}, confidence)


def _decision(mesh: Mesh, corners: np.ndarray, ppi: float | None, confidence: float) -> Decision:
    fine = np.round(corners, 2).tolist()  # as the nodes are: the last digits of a fit are another processor's
    values = {"mesh": [[list(node) for node in row] for row in mesh.nodes], "size": list(mesh.size), "corners": fine,
              "ppi": ppi and round(ppi, 4)}
    return STAGE.decision(values, confidence)


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """Through the mesh; without one the frame stays."""
    values = decision.values
    if values["mesh"] is None:
        return Geometry.identity(frame.size)
    return Geometry.flattening(Mesh.of(values["mesh"], values["size"]), values["ppi"])


STAGE = Stage("flatten", 2, Params, decide, geometry)
