"""Where the sheet of paper, or the open book, lies in the capture.

The four sides are found in a small picture without its writing (`quads`, `edges`) and then moved to where the colours
change in the view. Where the paper runs out of the capture, the side is the frame's. A photographed sheet whose
sides are all seen is set upright from its corners; anything else is only cropped. What of the sheet becomes the
page is left to `crop`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import by_hand, light, orient, quads, sides
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import MM_PER_INCH, PAPERS_MM, View

SMALL_SIDE = 400  # px: of the picture in which the sheet is looked for
TILTED = 12.0  # degrees: writing that falls by more is not seen by `orient`
DIAGONAL = 33.0  # degrees: nothing but the writing tells which of two sides is the upper one
FOCAL = (0.62, 1.25)  # focal length over the longer side of the picture: 22 to 45 mm on film of 36 mm
ISO_RATIO, ISO_NEAR = 2**0.5, 0.015  # of the sides of A4, A3 …; nearer than can be measured
AT_FRAME = 0.005  # of the frame: a side set by hand as near to its edge is the frame's own
SHADED = 0.3  # confidence where a shadow was taken for the sheet
NAMES = ("top", "right", "bottom", "left")


@dataclass(frozen=True)
class Params:
    """Settings of the outline stage."""

    mode: str = "auto"  # auto; none: the whole capture is the sheet
    corners: by_hand.Auto | by_hand.Corners = "auto"  # auto, or those of the sheet as fractions of the frame
    perspective: str = "auto"  # auto: put right for photos whose sheet is wholly seen; never
    margin_mm: float = 3.0  # kept around the sheet, mm
    min_score: float = 0.5  # evidence for a sheet below which the whole capture is kept
    sure_score: float = 0.75  # evidence from which nobody has to look again

    def __post_init__(self):
        by_hand.check_corners(self.corners)


def decide(view: View, params: Params) -> Decision:
    """Values: `corners`, `border` (sides with ground beyond them), `rectify`, `size`, `ppi`, `margin`; `set` by hand."""
    if params.corners != "auto":
        return _as_set(view, params)
    if params.mode == "none":
        return _decision(view, params, view.frame.corners, (), False, 1.0)
    small = _small(view)
    found = quads.best(small, without_writing(small))
    confidence = float(np.clip(found.score / params.sure_score - 0.3, 0.1, 0.98))
    unsure = (Finding("outline_unsure", Severity.NOTE, {"confidence": confidence}),)
    if found.score < params.min_score:
        return _decision(view, params, view.frame.corners, (), False, confidence, unsure)
    corners, sure = sides.refined(view, found, view.grey.shape[1] / small.shape[1])
    if any(light.soft_sides(view, corners)):  # the edge of a shadow, with writing beyond it
        unsure = (Finding("outline_unsure", Severity.NOTE, {"confidence": SHADED}),)
        decision = _decision(view, params, view.frame.corners, (), False, SHADED, unsure)
        return replace(decision, values={**decision.values, "shaded": True})
    border = [name for name, at_frame in zip(NAMES, found.at_frame, strict=True) if not at_frame]
    rectify = params.perspective == "auto" and len(border) == 4 and sure and _wants_perspective(view, corners)
    findings = unsure if found.score < params.sure_score else ()
    decision = _decision(view, params, corners, border, rectify, confidence, findings)
    return _read_upright(view, params, decision) if rectify and _tilt(corners) > TILTED else decision


def _as_set(view: View, params: Params) -> Decision:
    """The corners that a person has set, in the order in which the sheet is read."""
    corners = by_hand.pixels(params.corners, view.size)
    x, y = np.array(params.corners).T
    inwards = np.array([y, 1 - x, 1 - y, x])  # of each corner, from the frame's top, right, bottom and left
    border = [name for at, name in enumerate(NAMES) if max(inwards[at, [at, (at + 1) % 4]]) > AT_FRAME]
    rectify = params.perspective == "auto" and len(border) == 4 and _wants_perspective(view, corners)
    decision = _decision(view, params, corners, border, rectify, 1.0)
    return replace(decision, values={**decision.values, "set": True})


def _read_upright(view: View, params: Params, decision: Decision) -> Decision:
    """The decision with its corners in the order in which the sheet is read.

    Lines of writing far from level tell `orient` nothing; once the sheet is set straight they do.
    """
    corners = np.array(decision.values["corners"])
    straight = replace(view, frame=view.frame.then(geometry(decision, view.frame, view.side)))
    turn = orient.decide(straight, orient.Params()).values["turn"]
    if turn == 0 and _tilt(corners) > DIAGONAL and orient.lies_on_side(straight):
        turn = 90 if corners[1][1] > corners[0][1] else 270  # to the side that is level but for the rest of 90°
    if turn == 0:
        return decision
    turned, border = np.roll(corners, turn // 90, axis=0), decision.values["border"]
    return _decision(view, params, turned, border, True, decision.confidence, decision.findings)


def _tilt(corners: np.ndarray) -> float:
    """Degrees by which the upper side departs from level."""
    across, down = corners[1] - corners[0]
    return float(abs(np.degrees(np.arctan2(down, across))))


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
    elif abs(max(ratio, 1 / ratio) / ISO_RATIO - 1) < ISO_NEAR:
        ratio = ISO_RATIO if ratio > 1 else 1 / ISO_RATIO
    if 0.4 < ratio / (across / down) < 2.5:
        across, down = (max(across, down * ratio), max(across, down * ratio) / ratio)
    ppi = max(across, down) / max(paper) * MM_PER_INCH if paper else None
    return (round(across), round(down)), ppi


def aspect(corners: np.ndarray, size: tuple[int, int]) -> float:
    """Width over height of a rectangle seen in perspective.

    Zhang & He, Whiteboard scanning and image enhancement (2007): square pixels, optical axis through the middle. The
    focal length they find is kept to what the cameras of phones have, as a view nearly square-on hardly tells it.
    """
    middle = (np.array(size) - 1) / 2
    top_left, top_right, bottom_right, bottom_left = (np.append(corner - middle, 1.0) for corner in corners)
    k2 = _triple(top_left, bottom_right, bottom_left) / _triple(top_right, bottom_right, bottom_left)
    k3 = _triple(top_left, bottom_right, top_right) / _triple(bottom_left, bottom_right, top_right)
    across, down = k2 * top_right - top_left, k3 * bottom_left - top_left
    if min(abs(across[2]), abs(down[2])) < 1e-3:
        return float(np.linalg.norm(across[:2]) / np.linalg.norm(down[:2]))
    focal = -(across[0] * down[0] + across[1] * down[1]) / (across[2] * down[2])
    near, far = (np.array(FOCAL) * max(size)) ** 2
    focal = float(np.clip(focal, near, far)) if focal > 0 else (near * far) ** 0.5
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


STAGE = Stage("outline", 3, Params, decide, geometry)
