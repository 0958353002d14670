"""Is the page cut off? Told by strokes and rules that run into the border of the capture.

A whole page has paper between its writing and its edge. Looked at is the stored picture, where the border is straight,
and only where paper reaches it: the ragged rim of a dark ground is no writing.
"""

from __future__ import annotations

import cv2
import numpy as np

from imaging import marks
from imaging.view import View

AT_MM, REACH_MM = 0.6, 2.5  # a stroke that meets the border is seen so near to it, and so far from it as well
AROUND_MM = 1.5  # by so much it may lean meanwhile
WIDEST_MM = 7.0  # a longer mark along the border is an edge or a shadow
BEYOND_MM = 3.0  # so far outside the corners of the sheet its bent edge may lie
LIT, LIT_MM = 0.6, 4.0  # of the sheet's luma: paper at the border is as bright, within so much along it
RULE_MM = 5.0  # a mark that runs inwards so far and straight is a rule
WRITTEN_MM, WRITTEN = 8.0, 0.02  # share of a strip along the border that is inked, where writing reaches it
STRONG = 0.4  # of the depth of the sheet's ink
BAND_MM = 2.0  # the border is looked at in bands of this width: a line of writing that runs into it fills one or two …
MET_MM, MET = 1.0, 0.04  # … with so much ink this near to it …
NEXT_MM, NEXT = 3.0, 0.03  # … and so much behind that; what lies along a border and does not go on is its edge
BEHIND, CLEAR = 0.25, 0.9  # of the page: so far from the sheet's end the border may be, with paper nearly all the way
COARSE, CLOSED = 4, 9  # pixels a cell of the map that tells where paper is; in cells: wider than a stroke
SIDES = 4


def at_border(view: View) -> list[np.ndarray]:
    """Strokes and lines of the sheet of `view` that meet the top, right, bottom and left border of the stored capture:
    the middles of each (n×2), in stored pixels.
    """
    sheet, px = _sheet(view), _px_per_mm(view)
    grey = cv2.cvtColor(view.picture, cv2.COLOR_RGB2GRAY)
    ground = marks.paper(grey)
    ink = _ink(view, grey, ground, sheet)
    lit = grey > LIT * (np.percentile(grey[sheet], 75) if sheet.any() else 255)
    clear = _paper_coloured(view.picture, sheet)
    level, found = _lies_level(view), []
    for side in range(SIDES):
        beside = (side % 2 == 1) == level  # level rules run into this border, if any
        strokes, own, light, paper = (np.rot90(mask, side) for mask in (ink, sheet, lit, clear))
        columns = _meeting(strokes, own[0], light, px, beside)
        if not beside:
            columns = max(columns, _meeting(strokes, own[0] | _beyond(own, paper), light, px, True), key=len)
        found.append(_turned_back(columns, side, ink.shape) * view.reduction)
    return found


def _beyond(sheet: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Columns in which the paper of the sheet goes on to the upper border: bool (w,).

    Where a page is cut off, no edge of it is in the picture, and some line of writing was taken for one. Above and
    below a page lies no other: paper that goes on there is its own.
    """
    few, many = sheet[::COARSE, ::COARSE][: len(clear), : clear.shape[1]], clear
    ends = few.argmax(axis=0)
    within = few.any(axis=0) & (ends <= BEHIND * len(few)) & many[0]
    rows = np.arange(max(1, int(ends[within].max(initial=0))))[:, None] < ends
    paper = (many[: len(rows)] & rows).sum(axis=0) >= CLEAR * ends
    found = np.zeros(sheet.shape[1], bool)
    columns = np.repeat(within & paper, COARSE)
    found[: len(columns)] = columns
    return found


def _paper_coloured(picture: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """Where the ground is as light as the sheet's paper in its darkest colour, in coarse cells: wood is not."""
    size = tuple(max(1, side // COARSE) for side in picture.shape[1::-1])
    cells = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).min(axis=2)
    cells = cv2.morphologyEx(cells, cv2.MORPH_CLOSE, np.ones((CLOSED, CLOSED), np.uint8))
    own = cells[sheet[::COARSE, ::COARSE][: size[1], : size[0]]]
    return cells > LIT * (np.percentile(own, 75) if own.size else 255)


def _ink(view: View, grey: np.ndarray, ground: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """Ink of the reduced capture that is about as dark as its sheet's: bool (h, w)."""
    marks.ink(view)
    ink = view.shared["ink"] > 0
    own = ink & sheet
    if not own.any():
        return own
    depth = marks.contrast(grey, ground)
    return ink & (depth > STRONG * float(np.percentile(depth[own], 75)))


def _lies_level(view: View) -> bool:
    """Do lines of writing lie level in the stored picture? Else it is stored on its side."""
    width, height = view.size
    (ax, ay), (bx, by) = view.frame.points_back([[0.25 * width, height / 2], [0.75 * width, height / 2]])
    return bool(abs(bx - ax) > abs(by - ay))


def _px_per_mm(view: View) -> float:
    """Pixels of the reduced capture a millimetre."""
    return max(view.px_per_mm / view.reduction, 1.0)


def _sheet(view: View) -> np.ndarray:
    """The sheet of the view in its reduced capture, a little widened: bool (h, w)."""
    height, width = view.picture.shape[:2]
    corners = view.frame.points_back(view.sheet) / view.reduction
    sheet = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(sheet, np.rint(corners).astype(np.int32), 1)
    side = 2 * round(BEYOND_MM * _px_per_mm(view)) + 1
    return cv2.dilate(sheet, np.ones((side, side), np.uint8)) > 0


def _meeting(ink: np.ndarray, own: np.ndarray, lit: np.ndarray, px: float, beside: bool) -> list[float]:
    """Columns of the strokes and lines that meet the upper border of a picture, where lit paper of the sheet reaches it
    (`own`, bool (w,)).

    Ruled paper has its level rules to its very edge: at a border `beside` the writing there must be other ink as well.
    """
    at, reach = max(2, round(AT_MM * px)), max(4, round(REACH_MM * px))
    if ink.shape[0] <= reach:
        return []
    near = ink[:at].sum(axis=0) >= 0.7 * at
    far = ink[at:reach].sum(axis=0) >= 0.45 * (reach - at)
    around = np.ones(2 * round(LIT_MM * px) + 1)
    own = own & (np.convolve(lit[:at].mean(axis=0), around, "same") > 0.4 * len(around))
    writing = _without_rules(ink[: round(WRITTEN_MM * px)], px) & own
    lines = _lines(writing, px)
    strokes = _runs(near & own, far, px)
    if beside and (not own.any() or writing[:, own].mean() < WRITTEN):
        strokes = []
    return sorted(strokes + [line for line in lines if all(abs(line - one) > BAND_MM * px for one in strokes)])


def _without_rules(ink: np.ndarray, px: float) -> np.ndarray:
    """A strip along the border (rows go inwards) without long straight marks, which are rules or edges."""
    long, strip = max(3, round(RULE_MM * px)), ink.astype(np.uint8)
    inwards, along = (cv2.morphologyEx(cv2.dilate(strip, np.ones(wide, np.uint8)), cv2.MORPH_OPEN, np.ones(shape, np.uint8))
                      for wide, shape in (((1, 3), (long, 1)), ((3, 1), (1, long))))
    return ink & (cv2.dilate(inwards | along, np.ones((3, 3), np.uint8)) == 0)


def _lines(writing: np.ndarray, px: float) -> list[float]:
    """Middles of the bands of the border that writing reaches, be its strokes slanting, faint or few."""
    wide, met, deep = (max(2, round(mm * px)) for mm in (BAND_MM, MET_MM, NEXT_MM))
    count = writing.shape[1] // wide
    bands = writing[:, : count * wide].reshape(len(writing), count, wide)
    reached = (bands[:met].mean(axis=(0, 2)) > MET) & (bands[met:deep].mean(axis=(0, 2)) > NEXT)
    return ((np.flatnonzero(reached) + 0.5) * wide).tolist()


def _runs(near: np.ndarray, far: np.ndarray, px: float) -> list[float]:
    """Middles of the marks of `near` that are narrow and have something of `far` beside them (both bool (n,))."""
    around = round(AROUND_MM * px)
    wide = np.convolve(far, np.ones(2 * around + 1), "same") > 0
    steps = np.flatnonzero(np.diff(np.concatenate([[0], near.astype(np.int8), [0]])))
    return [(start + end - 1) / 2 for start, end in zip(steps[::2], steps[1::2], strict=True)
            if end - start <= WIDEST_MM * px and wide[start:end].any()]


def _turned_back(columns: list[float], side: int, shape: tuple[int, int]) -> np.ndarray:
    """Points (n×2) of the upper border of a picture that `np.rot90` turned `side` times, in the picture of `shape`."""
    height, width = shape
    x, y = np.array(columns), np.zeros(len(columns))
    return np.column_stack(((x, y), (width - 1 - y, x), (width - 1 - x, height - 1 - y), (y, height - 1 - x))[side])
