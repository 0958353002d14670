"""The paper behind the writing: its colour at each place of a page.

Worked out on a reduced picture, for `tone` to divide away and for `quality` to judge by. What is written on
it is left to `ink`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imaging.cells import averaged, shrunk
from imaging.view import as_rgb

WORK_PX_PER_MM = 3.0  # about 75 dpi: writing is still told from paper, and an A3 spread is a megapixel
CELL = 4  # work pixels a cell of the map: 1.3 mm
WRITING_MM = 5.0  # marks narrower than this never count as paper
NEAR_PAPER = 0.94  # of the brightest around: what is darker is not paper
BED = 0.3  # of the sheet's luma: what is darker is no sheet in shadow but something else
DEEPEST = 0.4  # of the usual luma: in deeper shadow there is more noise than paper to bring out
ODD_TINT = 0.25  # difference in log(red / blue) from the sheet's: beyond are seals, desks, fingers
SPREAD = 4.0  # times the usual difference: under lamps of several colours the sheet's own tints differ
SLOPE_CELLS = 3
FINE = 2  # work pixels a pixel of the picture in which filled boxes are sought
BOX_EDGE = 0.08  # share by which the luma rises within 2 mm or less: shadows of hands and books are softer
BOX_DARKER = 0.85  # of the luma just outside
BOX_SHARE = 0.2  # of the page at most: larger parts are pages of their own
ODD_SHARE = 0.3  # of its rim at most has the colour of the sheet: then a dark area is none of it
BOX_AROUND = 9  # fine pixels: as far as that lies what is just outside
EVERY = 3  # every third cell is enough to tell what is usual
TINT_CELLS = 12.0  # σ over which the tint of the paper is averaged, so that a stain stays a stain
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as OpenCV and JPEG have it


@dataclass(frozen=True)
class Paper:
    """A map in cells of `cell` px: `light` (h, w) float32 is the paper's luma in each cell, `tint` (h, w,
    3) its colour over its luma.

    `colour` is the typical RGB; `unevenness` from 0 (even) to 1 (partly black).
    """

    light: np.ndarray
    tint: np.ndarray
    cell: int
    colour: tuple[float, float, float]
    unevenness: float


def shrink_factor(px_per_mm: float) -> int:
    """By how much pages are reduced to find the paper: an even number, or 1."""
    return max(1, 2 * round(px_per_mm / WORK_PX_PER_MM / 2))


def paper_of(pixels: np.ndarray, px_per_mm: float) -> Paper:
    """The paper of a page: `pixels` grey (h, w) or RGB (h, w, 3) uint8 with `px_per_mm` pixels a
    millimetre.

    A morphological closing of the luma gives the envelope above the writing (it keeps ramps such as the
    shadow of a gutter); pixels near it are paper; cells without any are filled from around.
    """
    factor = shrink_factor(px_per_mm)
    work = as_rgb(shrunk(pixels, factor))
    px_per_mm /= factor
    luma = cv2.blur(cv2.cvtColor(work, cv2.COLOR_RGB2GRAY), (3, 3))
    side = max(3, round(WRITING_MM * px_per_mm)) | 1
    envelope = _closed(luma, side)
    clean = cv2.compare(luma, cv2.convertScaleAbs(envelope, alpha=NEAR_PAPER), cv2.CMP_GE)
    weight = averaged(clean, CELL).astype(np.float32) / 255
    colour = averaged(cv2.bitwise_and(work, work, mask=clean), CELL) / np.maximum(weight, 0.01)[..., None]
    weight = np.where(weight > 0.05, weight, 0) * _is_sheet(colour, weight > 0.2)
    like = _like_sheet(colour, weight)
    boxes = averaged(_boxes(envelope, like), CELL // FINE)[: len(weight), : weight.shape[1]]
    weight = weight * (1 - np.minimum(1, boxes.astype(np.float32) / 128))
    own = colour @ LUMA  # where that is brighter than what was filled in, dividing would burn it out
    light = _smoothed(np.maximum(filled(own, weight), own))
    light = np.maximum(light, max(1, DEEPEST * float(np.median(light[::EVERY, ::EVERY]))))
    sure = weight * like
    tint = filled(colour / np.maximum(colour @ LUMA, 1)[..., None], sure)
    tint = cv2.GaussianBlur(tint, (0, 0), TINT_CELLS)
    seen = colour[sure > 0] if sure.any() else colour.reshape(-1, 3)
    low, high = np.percentile(light[::EVERY, ::EVERY], (3, 97))
    luma_of_tint = (tint @ LUMA)[..., None]
    tint = np.where(luma_of_tint > 0, tint / np.maximum(luma_of_tint, 1e-6), 1)  # black has no tint
    usual = np.median(seen[::EVERY], 0).tolist()
    return Paper(light, tint, factor * CELL, tuple(usual), float(1 - low / max(high, 1)))


def _closed(luma: np.ndarray, side: int) -> np.ndarray:
    """Morphological closing with a square. The border goes on: its shadow is no mark."""
    wide = cv2.copyMakeBorder(luma, side, side, side, side, cv2.BORDER_REPLICATE)
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    return cv2.morphologyEx(wide, cv2.MORPH_CLOSE, square)[side:-side, side:-side]


def _boxes(envelope: np.ndarray, like: np.ndarray) -> np.ndarray:
    """255 in dark areas with sharp edges all around, as printed boxes have; 0 elsewhere. At 1/FINE, (h, w) uint8.

    A shadow runs out softly at some side, or reaches the border of the picture: then it hangs together with the
    paper or with the border, and is none. What is not `like` the sheet in colour may reach the border, as a desk does.
    """
    fine = shrunk(envelope, FINE)
    near = cv2.dilate(fine, None)
    step = cv2.subtract(near, cv2.erode(fine, None))
    edges = cv2.compare(step, cv2.convertScaleAbs(near, alpha=BOX_EDGE), cv2.CMP_GT)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(cv2.bitwise_not(edges), connectivity=4)
    rim = np.flatnonzero(cv2.bitwise_and(cv2.dilate(edges, None), cv2.bitwise_not(edges)))
    of_rim = labels.ravel()[rim]
    outside = cv2.dilate(fine, np.ones((BOX_AROUND, BOX_AROUND), np.uint8)).ravel()[rim]
    own = np.bincount(of_rim, fine.ravel()[rim], count)
    dark = (own > 0) & (own < BOX_DARKER * np.bincount(of_rim, outside, count))
    colour = cv2.resize(like, fine.shape[::-1], interpolation=cv2.INTER_NEAREST).ravel()[rim]
    odd = np.bincount(of_rim, colour, count) < ODD_SHARE * np.bincount(of_rim, minlength=count)
    box = dark & (odd | (_inside(facts, fine.shape) & (facts[:, cv2.CC_STAT_AREA] < BOX_SHARE * fine.size)))
    box[0] = False
    found = np.where(box, 255, 0).astype(np.uint8)[labels]
    return cv2.dilate(found, np.ones((5, 5), np.uint8)) if box.any() else found


def _inside(facts: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which components with these statistics do not touch the border of a picture of `shape`."""
    left, top = facts[:, cv2.CC_STAT_LEFT], facts[:, cv2.CC_STAT_TOP]
    right, bottom = left + facts[:, cv2.CC_STAT_WIDTH], top + facts[:, cv2.CC_STAT_HEIGHT]
    return (left > 0) & (top > 0) & (right < shape[1]) & (bottom < shape[0])


def _is_sheet(colour: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """1.0 for cells that may be paper of this page, 0.0 for bed, desk, seals and fingers."""
    luma = colour @ LUMA
    if not seen.any():
        return np.ones_like(luma)
    bright = seen & (luma >= 0.5 * np.percentile(luma[seen], 95))
    white = np.median(luma[bright])
    warmth = _tints(colour)[..., 0]
    return ((luma > BED * white) & (np.abs(warmth - np.median(warmth[bright])) < ODD_TINT)).astype(np.float32)


def _like_sheet(colour: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """1.0 for cells whose tint may speak for the sheet: the darker, as a cover beside it is, the more like the bright."""
    seen = weight > 0
    if not seen.any():
        return np.ones_like(weight)
    luma, tints = colour @ LUMA, _tints(colour)
    bright = seen & (luma >= np.median(luma[seen]))
    odd = np.linalg.norm(tints - np.median(tints[bright], axis=0), axis=-1)
    share = np.clip(luma / np.median(luma[bright]), 0.25, 1)
    return (odd < np.maximum(ODD_TINT * share**2, SPREAD * np.median(odd[bright]))).astype(np.float32)


def _tints(colour: np.ndarray) -> np.ndarray:
    """How warm and how green colours (…, 3) are, whatever their luma: log(red / blue), log(green² / (red · blue))."""
    red, green, blue = np.moveaxis(np.log(np.maximum(colour, 1)), -1, 0)
    return np.stack([red - blue, 2 * green - red - blue], -1)


def _smoothed(light: np.ndarray) -> np.ndarray:
    """A little Gaussian smoothing that goes on with a slope beyond the border, where gutters have theirs."""
    if min(light.shape) <= SLOPE_CELLS:
        return light
    padded = np.pad(light, SLOPE_CELLS, mode="reflect", reflect_type="odd")
    return cv2.GaussianBlur(padded, (0, 0), 1.0)[SLOPE_CELLS:-SLOPE_CELLS, SLOPE_CELLS:-SLOPE_CELLS]


def filled(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`values` (h, w) or (h, w, 3) where `weight` (0 to 1) is whole; elsewhere blended into what lies around.

    Normalised convolution (Knutsson & Westin 1993) down a pyramid.
    """
    share = weight if values.ndim == 2 else weight[..., None]
    known = (values * share).astype(np.float32)
    return known + (1 - share) * _around(known, weight.astype(np.float32))


def _around(known: np.ndarray, weight: np.ndarray) -> np.ndarray:
    height, width = weight.shape
    if min(height, width) <= 2:
        mean = known.reshape(height * width, -1).sum(0) / max(float(weight.sum()), 1e-6)
        return np.broadcast_to(mean, (height, width, len(mean))).reshape(known.shape)
    half = ((width + 1) // 2, (height + 1) // 2)
    smaller = cv2.resize(cv2.GaussianBlur(known, (5, 5), 1.0), half, interpolation=cv2.INTER_AREA)
    smaller_weight = cv2.resize(cv2.GaussianBlur(weight, (5, 5), 1.0), half, interpolation=cv2.INTER_AREA)
    safe = np.maximum(smaller_weight, 1e-6)
    means = smaller / (safe if known.ndim == 2 else safe[..., None])
    return cv2.resize(filled(means, np.minimum(1, 2 * smaller_weight)), (width, height))
