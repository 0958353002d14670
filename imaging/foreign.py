"""What lies on the page that is no paper: a finger or a hand that holds it down, a telephone, a paperweight.

Told by colour and darkness on the page's ground, where writing and the letters of a seal are gone. Such a thing
reaches onto the sheet from outside it. Left alone are strips along an edge (a cover, the ground, other leaves), dark
corners (a corner that is torn off or folded), and all that is small, pale or paper.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging.ground import Ground, percentile

SKIN = 7.0  # so much redder (a* of CIELAB) than its paper is skin: fingers 9 and more, yellowed paper 5 at most
SKIN_LIGHT = (0.15, 1.1)  # of the paper's luma
STRANGE = 26.0  # difference in a* and b* that no paper has in itself
DARK = 0.35  # of the paper's luma: what is darker is neither paper nor stain
SHARP = 1.2  # halvings of the light within EDGE_MM: a thing has an edge, a shadow has none
EDGE_MM = 6.0
FINGER_MM, THING_MM = 6.0, 12.0  # narrower is no finger, and no thing
FROM_EDGE_MM = 5.0  # what comes from outside begins nearer to the edge than this …
REACH_MM = 8.0  # … and reaches farther onto the sheet than this
STRIP, STRIP_MM = 0.6, 25.0  # what is longer than this share of a side, and no broader, is a strip along it


def on_page(ground: Ground) -> np.ndarray:
    """255 where a foreign thing covers the page: uint8 (h, w) in cells of the ground."""
    lab = cv2.cvtColor(ground.colour, cv2.COLOR_RGB2LAB).astype(np.int16)
    red, yellow = (lab[..., at] - percentile(lab[..., at], ground.sheet, 50) for at in (1, 2))
    light = ground.luma / max(ground.bright, 1.0)
    skin = (red > SKIN) & (light > SKIN_LIGHT[0]) & (light < SKIN_LIGHT[1])
    strange = np.hypot(red, yellow) > STRANGE
    found = _things(ground, skin | strange, FINGER_MM, corners=True)
    dark = _things(ground, light < DARK, THING_MM, corners=False)
    return found | _with_edges(ground, dark)


def _things(ground: Ground, mask: np.ndarray, least_mm: float, corners: bool) -> np.ndarray:
    """The regions of a mask that are broad enough, come from the edge of the sheet and reach onto it."""
    side = ground.cells(least_mm)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    broad = cv2.morphologyEx(np.where(mask, ground.sheet, 0).astype(np.uint8), cv2.MORPH_OPEN, disc)
    _, labels, facts, _ = cv2.connectedComponentsWithStats(broad, connectivity=8)
    near = (ground.sheet > 0) & (ground.inner(FROM_EDGE_MM) == 0)
    deep = ground.inner(REACH_MM) > 0
    number = len(facts)
    keep = (np.bincount(labels[near], minlength=number) > 0) & (np.bincount(labels[deep], minlength=number) > 0)
    height, width = mask.shape
    wide = ground.cells(STRIP_MM)
    for index in np.flatnonzero(keep):
        left, top, across, down = facts[index, :4]
        strip = (across > STRIP * width and down < wide) or (down > STRIP * height and across < wide)
        in_corner = (left < side or left + across > width - side) and (top < side or top + down > height - side)
        keep[index] = not strip and (corners or not in_corner)
    keep[0] = False
    return np.where(keep[labels], 255, 0).astype(np.uint8)


def _with_edges(ground: Ground, things: np.ndarray) -> np.ndarray:
    """Those of the regions that end sharply on the sheet."""
    near = np.ones((ground.cells(EDGE_MM),) * 2, np.uint8)
    light = np.log2(np.maximum(ground.luma, 2)).astype(np.float32)
    fall = cv2.dilate(light, near) - cv2.erode(light, near)
    count, labels = cv2.connectedComponents(things, connectivity=8)
    kept = np.zeros_like(things)
    for index in range(1, count):
        own = (labels == index).astype(np.uint8)
        rim = (cv2.dilate(own, np.ones((3, 3), np.uint8)) > own) & (ground.inner(FROM_EDGE_MM) > 0)
        if rim.any() and float(np.median(fall[rim])) > SHARP:
            kept[own > 0] = 255
    return kept
