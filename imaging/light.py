"""The light on a page: what is burnt out, what lies under glare, and shadows that flattening cannot take away."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from book import Side
from imaging.ground import BRIGHT, STROKE_CELLS, Ground, percentile
from imaging.view import View

BURNT = 250  # a channel from here on may have held more
PAPER_BELOW = 245  # luma of paper on which a burnt spot stands out
GLARE_MM = 4.0  # smaller bright spots hide no word
AT_RIM = 0.35  # of a spot's outline: with more of it at the sheet's edge, it is what the sheet lies on
EDGE = 0.02  # of the page at its borders, where other things than paper may show
MARK_MM = 25.0  # darker places narrower than this are stains, seals and table cells
MARGIN_MM, GUTTER_MM = 9.0, 20.0  # at its edges and in its gutter a bent page is always darker
DEEP, DIM = 0.55, 0.75  # of the paper's luma: shade that tells at once, and shade that tells where it ends abruptly
EDGE_MM = 10.0  # over which a shadow's edge is measured …
ABRUPT = 0.2  # … and its fall in halvings of the light; what a bent page or a lamp at one side does is half of that
ENDS, ENDS_MM = 0.4, 40.0  # of a shadow's outline on the page, and mm of it, that are so at least
STRIP = (0.1, 0.5)  # of a page: narrower and longer along a side is the bend into a gutter
BLACK = 0.12  # of the paper's luma: what is darker is no paper in shadow, and what is beside it may be its rim
SIDE_MM = 14  # to either side of an edge of the sheet
STEP = 0.4  # halvings of the light there, at which it is worth asking …
SOFT = 0.28  # … how much of it falls within 2 mm: at a sheet's edge 0.35 and more, at a shadow's 0.25 at most


@dataclass(frozen=True)
class Burnt:
    """`share` of the page burnt out at all, `glare` the share under glare, `spots` where: uint8 (h, w) of the view."""

    share: float
    glare: float
    spots: np.ndarray


def burnt(view: View, paper: float) -> Burnt:
    """What is burnt out on a page whose paper has the luma `paper`; glare are burnt spots on darker paper."""
    page = _page(view)
    if paper >= PAPER_BELOW:  # white paper is white: nothing can be told from it
        return Burnt(0.0, 0.0, np.zeros_like(page))
    area = max(int(np.count_nonzero(page)), 1)
    burnt = cv2.bitwise_and(cv2.inRange(view.colour, (BURNT,) * 3, (255,) * 3), page)
    share = int(np.count_nonzero(burnt)) / area
    side = round(GLARE_MM * view.px_per_mm / view.reduction) | 1
    if share * area < side * side / 2:
        return Burnt(share, 0.0, np.zeros_like(page))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    spots = _within(cv2.morphologyEx(burnt, cv2.MORPH_OPEN, disc), page)
    return Burnt(share, int(np.count_nonzero(spots)) / area, spots)


def _within(spots: np.ndarray, page: np.ndarray) -> np.ndarray:
    """The spots without those that lie along the page's rim: what the sheet lies on, seen beside it."""
    count, labels, _, _ = cv2.connectedComponentsWithStats(spots, ltype=cv2.CV_32S)
    outline = cv2.subtract(spots, cv2.erode(spots, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0))
    rim = cv2.dilate(cv2.bitwise_not(page), np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=255)
    whole = np.bincount(labels[outline > 0], minlength=count)
    at_rim = np.bincount(labels[(outline > 0) & (rim > 0)], minlength=count)
    keep = at_rim <= AT_RIM * whole
    keep[0] = False
    return np.where(keep, 255, 0).astype(np.uint8)[labels]


def _page(view: View) -> np.ndarray:
    """255 on the sheet within the frame, less a border; uint8 (h, w) of the view."""
    height, width = view.grey.shape
    page = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(page, np.rint(view.to_view(view.sheet)).astype(np.int32), 255)
    rim = max(1, round(EDGE * min(height, width)))
    page = cv2.erode(page, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return cv2.bitwise_and(page, view.inside)


def shaded(ground: Ground, things: np.ndarray, side: Side) -> tuple[float, np.ndarray]:
    """Share of the page that lies in shadow, and where: uint8 (h, w) of the ground. What `things` cover is left out.

    A lamp at one side and a bent page darken gradually, and `tone` takes that away; a shadow is deep, or it ends.
    """
    mark = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (ground.cells(MARK_MM) | 1,) * 2)
    light = cv2.blur(cv2.morphologyEx(ground.luma, cv2.MORPH_CLOSE, mark), (5, 5)).astype(np.float32)
    page = _page_in(ground, things, side)
    area = int(np.count_nonzero(page))
    if not area:
        return 0.0, page
    light /= max(percentile(light, page, BRIGHT), 1.0)
    fall = _fall(np.log2(np.maximum(light, 0.02)), ground.cells(EDGE_MM / 2))
    margin = 2 * ground.cells(MARGIN_MM) + 1
    paper = (page > 0) & (cv2.erode(light, np.ones((margin, margin), np.uint8)) > BLACK)
    dark = (light < DEEP) | _ends(paper & (light < DIM), fall > ABRUPT, ground)
    shadow = _no_strips(np.where(paper & dark, 255, 0).astype(np.uint8))
    return int(np.count_nonzero(shadow)) / area, shadow


def _no_strips(shadow: np.ndarray) -> np.ndarray:
    """The shadow without narrow strips along a side: there a page bends into its gutter."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(shadow, connectivity=8)
    across, down = (facts[:, at] / side for at, side in zip((2, 3), shadow.shape[::-1], strict=True))
    strip = ((across < STRIP[0]) & (down > STRIP[1])) | ((down < STRIP[0]) & (across > STRIP[1]))
    return np.where(strip[labels], 0, shadow).astype(np.uint8)


def _ends(dim: np.ndarray, abrupt: np.ndarray, ground: Ground) -> np.ndarray:
    """Those of the dim regions that end abruptly along much of their outline: bool (h, w)."""
    count, labels = cv2.connectedComponents(dim.astype(np.uint8), connectivity=8)
    inner = ground.inner(MARGIN_MM + EDGE_MM / 2) > 0
    rim = (cv2.erode(dim.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0) & dim & inner
    reach = ground.cells(EDGE_MM)
    near = cv2.dilate(abrupt.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    outline = np.bincount(labels[rim], minlength=count)
    ending = np.bincount(labels[rim & near], minlength=count)
    keep = (ending > ENDS * outline) & (ending * ground.mm > ENDS_MM)
    keep[0] = False
    return keep[labels]


def _page_in(ground: Ground, things: np.ndarray, side: Side) -> np.ndarray:
    page, gutter = ground.inner(MARGIN_MM), ground.cells(GUTTER_MM)
    if side is Side.LEFT:
        page[:, -gutter:] = 0
    elif side is Side.RIGHT:
        page[:, :gutter] = 0
    around = ground.cells(MARK_MM) | 1  # and the shadow that a thing throws
    page[cv2.dilate(things, np.ones((around, around), np.uint8)) > 0] = 0
    return page


def _fall(values: np.ndarray, reach: int) -> np.ndarray:
    """How much the values change over 2 × `reach` cells."""
    wide = cv2.copyMakeBorder(values, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    across = wide[reach:-reach, 2 * reach :] - wide[reach:-reach, : -2 * reach]
    down = wide[2 * reach :, reach:-reach] - wide[: -2 * reach, reach:-reach]
    return np.hypot(across, down)


def soft_sides(view: View, corners: np.ndarray) -> list[bool]:
    """Whether each side of a sheet with these corners (4×2, px of the frame; from the top, clockwise) is the edge of a
    shadow: the light falls over many millimetres, and paper does not end like that.
    """
    px = max(view.px_per_mm / view.reduction, 1.0)
    height, width = view.picture.shape[:2]
    size = (max(1, round(width / px)), max(1, round(height / px)))
    small = cv2.cvtColor(cv2.resize(view.picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (STROKE_CELLS, STROKE_CELLS))
    grey = cv2.morphologyEx(small, cv2.MORPH_CLOSE, disc).astype(np.float32)
    places = view.frame.points_back(corners) / (view.reduction * px)
    return [_is_soft(grey, places[side], places[(side + 1) % 4]) for side in range(4)]


def _is_soft(grey: np.ndarray, start: np.ndarray, end: np.ndarray) -> bool:
    """Of one side, from profiles across it in cells of about a millimetre."""
    length = float(np.linalg.norm(end - start))
    if length < SIDE_MM:
        return False
    along = (end - start) / length
    across = np.array([-along[1], along[0]])
    places = start + np.arange(0.1 * length, 0.9 * length)[:, None] * along
    depths = np.arange(-SIDE_MM, SIDE_MM + 1)
    x, y = ((places[:, at][None, :] + depths[:, None] * across[at]).astype(np.float32) for at in (0, 1))
    seen = (x >= 0) & (y >= 0) & (x < grey.shape[1] - 1) & (y < grey.shape[0] - 1)
    if seen.mean() < 0.75:
        return False
    light = np.log2(np.maximum(cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), 8))
    step = abs(float(np.median(light[-5:].mean(axis=0) - light[:5].mean(axis=0))))
    return step > STEP and float(np.median(np.abs(light[2:] - light[:-2]).max(axis=0))) < SOFT * step
