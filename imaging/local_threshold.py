"""Black and white without a model: each pixel against half the depth of the ink around it, whole marks kept or dropped.

What `bitonal` does where OpenCV cannot run its models. Works from the maps of paper and ink. Faint writing beside strong
print is kept: a mark goes not for being faint but for a blurred outline, as show-through and folds have it, for hardly
being there at all, or for being a speck.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging.cells import enlarged, shrunk
from imaging.ink import Ink
from imaging.paper import Paper

PAPER, INK = 255, 0
HALF = 0.5  # of the depth of the strokes just here: where a stroke ends
BEHIND = 0.2  # of the strong ink within some millimetres: what is fainter is no ink
CORE = 0.25  # of the same: a mark must be so deep somewhere
CORE_SHARE = 0.06  # of a mark's pixels that have to be
BLURRED = 0.75  # of the usual sharpness: softer outlines are not of this side
OF_PAGE = 0.5  # of the page's strong ink: the surroundings count as at least so deep
OVER_NOISE = 3.0  # of the usual step between pixels of bare paper
LEAST = 0.03  # depth below which there is no ink on the smoothest paper
SURROUNDINGS_MM = 5.0  # σ
SPECK_MM = 0.12  # marks smaller than the square of this are dust


def by_local_threshold(grey: np.ndarray, paper: Paper, ink: Ink, px_per_mm: float) -> np.ndarray:
    """0 for ink, 255 for paper, uint8 (h, w), of a page `grey` (h, w) uint8 with its maps."""
    strong = _strong(ink, px_per_mm)
    least = max(OVER_NOISE * ink.noise, LEAST)
    edge = np.maximum(np.maximum(HALF * ink.depth, BEHIND * strong), least)
    edge = ink.evidence * edge + (1 - ink.evidence) * np.maximum(edge, CORE * strong)
    soft = cv2.GaussianBlur(grey, (3, 3), 0)
    marks = _darker(soft, edge, paper, ink.cell)
    cores = _darker(soft, np.maximum(CORE * strong, least), paper, ink.cell)
    return _kept(marks, cores, ink, (SPECK_MM * px_per_mm) ** 2)


def _strong(ink: Ink, px_per_mm: float) -> np.ndarray:
    """Depth of the strong ink in the surroundings of each cell: a mean that leans to the deepest."""
    weight = ink.evidence * ink.depth**2
    sigma = max(1.0, SURROUNDINGS_MM * px_per_mm / ink.cell)
    around = cv2.GaussianBlur(weight * ink.depth, (0, 0), sigma) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
    of_page = float((weight * ink.depth).sum() / max(weight.sum(), 1e-6))
    return np.maximum(around, OF_PAGE * of_page)


def _darker(soft: np.ndarray, depth: np.ndarray, paper: Paper, cell: int) -> np.ndarray:
    """255 where `soft` is darker than the paper by more than `depth` (a map in cells of `cell` px), else 0.
    """
    height, width = soft.shape
    ratio = cell / paper.cell  # of the maps' scales; the middles of their first cells do not coincide
    onto = np.array([[ratio, 0, ratio / 2 - 0.5], [0, ratio, ratio / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    light = cv2.warpAffine(paper.light, onto, depth.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    limit = np.clip(np.rint(light * (1 - depth)), 0, 255).astype(np.uint8)
    return cv2.compare(soft, enlarged(limit, cell, slice(0, height), width), cv2.CMP_LT)


def _kept(marks: np.ndarray, cores: np.ndarray, ink: Ink, speck: float) -> np.ndarray:
    """Drop marks without enough core, blurred ones and specks; connected at the scale of `ink.sharpness`."""
    height, width = marks.shape
    small = shrunk(marks, ink.scale)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(small)
    area = facts[:, cv2.CC_STAT_AREA]
    held = np.bincount(labels[shrunk(cores, ink.scale) > 0], minlength=count)
    keep = (held > CORE_SHARE * area) & (ink.scale**2 * area >= speck)
    keep &= _sharp(small, labels, count, ink)
    keep[0] = False
    shown = np.where(keep, 255, 0).astype(np.uint8)[labels]
    size = (small.shape[1] * ink.scale, small.shape[0] * ink.scale)
    whole = cv2.resize(shown, size, interpolation=cv2.INTER_NEAREST)[:height, :width]
    return cv2.bitwise_not(cv2.bitwise_and(marks, whole))


def _sharp(small: np.ndarray, labels: np.ndarray, count: int, ink: Ink) -> np.ndarray:
    """Whether the outline of each mark is about as sharp as the page's ink; what shows through is softer."""
    outline = (small > 0) & (cv2.erode(small, None) == 0)
    of_mark = labels[outline]
    length = np.maximum(np.bincount(of_mark, minlength=count), 1)
    sharpness = np.bincount(of_mark, weights=ink.sharpness[outline], minlength=count) / length
    usual = np.median(ink.sharpness[outline]) if of_mark.size else 0
    return sharpness >= BLURRED * usual
