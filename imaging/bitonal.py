"""Black and white: each pixel against half the depth of the ink around it, and whole marks kept or dropped.

Works from the maps that `tone` measured. A mark whose deepest pixels stay far behind the strong ink of its
surroundings is show-through or a stain, and goes; so do specks. What the page shall look like in colour is
left to `tone`.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging.cells import enlarged
from imaging.ink import Ink
from imaging.paper import Paper

PAPER, INK = 255, 0
HALF = 0.5  # of the depth of the strokes just here: where a stroke ends
BEHIND = 0.45  # of the strong ink within some millimetres: what is fainter is no ink
CORE = 0.6  # of the same: a mark must be so deep somewhere
CORE_SHARE = 0.06  # of a mark's pixels that have to be
OF_PAGE = 0.5  # of the page's strong ink: the surroundings count as at least so deep
OVER_NOISE = 3.0  # of the usual step between pixels of bare paper
LEAST = 0.03  # depth below which there is no ink on the smoothest paper
SURROUNDINGS_MM = 5.0  # σ
SPECK_MM = 0.12  # marks smaller than the square of this are dust


def bitonal(grey: np.ndarray, paper: Paper, ink: Ink, px_per_mm: float) -> np.ndarray:
    """0 for ink, 255 for paper, uint8 (h, w), of a page `grey` (h, w) uint8 with its maps."""
    strong = _strong(ink, px_per_mm)
    least = max(OVER_NOISE * ink.noise, LEAST)
    edge = np.maximum(np.maximum(HALF * ink.depth, BEHIND * strong), least)
    edge = ink.evidence * edge + (1 - ink.evidence) * np.maximum(edge, CORE * strong)
    soft = cv2.GaussianBlur(grey, (3, 3), 0)
    marks = _darker(soft, edge, paper, ink.cell)
    cores = _darker(soft, np.maximum(CORE * strong, least), paper, ink.cell)
    return _kept(marks, cores, (SPECK_MM * px_per_mm) ** 2)


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


def _kept(marks: np.ndarray, cores: np.ndarray, speck: float) -> np.ndarray:
    """Drop marks without enough core. Connected at half size, which takes a quarter of time and memory."""
    height, width = marks.shape
    half = ((width + 1) // 2, (height + 1) // 2)
    small = cv2.resize(marks, half, interpolation=cv2.INTER_AREA)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(small)
    held = np.bincount(labels[cv2.resize(cores, half, interpolation=cv2.INTER_AREA) > 0], minlength=count)
    area = facts[:, cv2.CC_STAT_AREA]
    keep = (held > CORE_SHARE * area) & (4 * area >= speck)
    keep[0] = False
    shown = np.where(keep, 255, 0).astype(np.uint8)[labels]
    whole = cv2.resize(shown, (2 * half[0], 2 * half[1]), interpolation=cv2.INTER_NEAREST)[:height, :width]
    return cv2.bitwise_not(cv2.bitwise_and(marks, whole))
