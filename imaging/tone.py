"""Stage `tone`: an even, natural sheet on which faint ink can be read again, in colour, grey or black and
white.

`decide` looks at the reduced view and writes down numbers; `tone` works on the rendered page in stripes. In paper-
relative terms each pixel is its depth below the paper; the paper's own unevenness is divided away. Where a stroke runs,
its depth is multiplied by as much as the ink around is fainter than it should be; what shows through, and grain, is
made shallower. One factor for all three channels keeps hue. Geometry is done before; whether the page can be read at
all is left to `quality`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np

from book import Decision
from imaging.bitonal import bitonal, way_of
from imaging.cells import enlarged, shrunk
from imaging.ink import Ink, half_size, ink_on
from imaging.paper import LUMA, Paper, paper_of
from imaging.stage import Stage
from imaging.view import View

Mode = Literal["colour", "grey", "bitonal"]
Look = Literal["natural", "clear", "strong"]
Bitonal = Literal["auto", "fast", "careful"]
STRIPE = 16  # rows at a time, so that a stripe stays in the processor's cache
BLOCK = 8 * STRIPE  # rows for which the maps are enlarged at once: each time two rows of cells more than needed
LEAST_PX_PER_MM = 6.0  # no page that can be read has fewer: what seems to have is a clipping
LEVELS = 64  # how finely the lift is graded between none and its limit
PUSHED = 8  # further levels below: how finely what shows through is pushed back
FIXED = 32  # factors are bytes in steps of 1/32, so below 8
PAGE = 0.8  # power: how far the ink of the whole page is brought to the target
PLACE = 0.6  # power: how far the ink of a place is brought to that of its page
LEAST_DEPTH = 0.03  # of the paper's luma: what is hardly darker than paper is never lifted
OVER_GRAIN = 3.0  # of the σ of the grain: what is less deep is grain
LOST, SAFE = 2.0, 6.0  # times the σ of the grain: ink so deep is lifted not at all, or as far as it needs
NOISY = 0.08  # σ of the grain, of the paper's luma, on paper that is all noise
SHALLOW = 0.15  # of the depth of the strokes around: what is less deep is not lifted with them
GHOST, DEEP = 0.25, 0.5  # depth up to which marks that show through are pushed back whole, and not at all
COLOUR = 0.4  # share of the lift that also deepens colours
BLACKEST = 0.92  # lifting makes no stroke deeper than this
TINTED = 2.5  # how much faster a strong tint is taken away: a lamp's, for no paper has it


@dataclass(frozen=True)
class Params:
    """How pages shall look."""

    mode: Mode = "colour"  # colour, grey or bitonal (black and white)
    strength: Look = "clear"  # natural: much as it is; clear: easy to read; strong: as much as can be got out
    white_balance: float = 0.5  # how much of the paper's tint is taken away: 0 keeps it, 1 makes it white
    bitonal: Bitonal = "auto"  # black and white fast, careful (17 times the time), or as a page needs it: auto

    def __post_init__(self):
        if not 0 <= self.white_balance <= 1:
            raise ValueError(f"white_balance: {self.white_balance}, not from 0 to 1")


@dataclass(frozen=True)
class Strength:
    """`flatten`: share of the paper's unevenness taken away; `white`: luma of the paper afterwards at
    least; `ink`: depth that faint ink is lifted towards; `limit`: lifted at most so many times;
    `push_back`: share by which grain and show-through are lightened.
    """

    flatten: float
    white: int
    ink: float
    limit: float
    push_back: float


STRENGTHS = {
    "natural": Strength(flatten=0.85, white=228, ink=0.5, limit=2.5, push_back=0.25),
    "clear": Strength(flatten=1.0, white=238, ink=0.62, limit=4.0, push_back=0.5),
    "strong": Strength(flatten=1.0, white=246, ink=0.75, limit=6.0, push_back=0.7),
}


def decide(view: View, params: Params) -> Decision:
    """Measure paper and ink on the reduced view; the values say all that `tone` will do."""
    strength = STRENGTHS[params.strength]
    full = max(view.px_per_mm, LEAST_PX_PER_MM)
    px_per_mm = full / view.reduction
    paper = paper_of(view.colour, px_per_mm)
    ink = ink_on(view.grey, paper, px_per_mm)
    depth = ink.typical
    values = {
        "mode": params.mode,
        "strength": params.strength,
        "paper": [round(value) for value in paper.colour],
        "unevenness": round(paper.unevenness, 3),
        "ink_depth": None if depth is None else round(depth, 3),
        "written": round(ink.share, 4),
        "px_per_mm": round(full, 2),
        "white": _white(np.array(paper.colour), strength.white, params.white_balance),
        "flatten": strength.flatten,
        "ink_target": strength.ink,
        "lift_limit": strength.limit,
        "push_back": strength.push_back,
    }
    if params.mode == "bitonal":
        values["bitonal"] = way_of(view, ink) if params.bitonal == "auto" else params.bitonal
    return STAGE.decision(values)


def _white(paper: np.ndarray, luma: float, balance: float) -> list[float]:
    """RGB that the paper shall have: at least of `luma`, its tint lessened by the share `balance`."""
    own = float(paper @ LUMA)
    tint = np.maximum(paper, 1) / max(own, 1)
    strong = float(np.log(tint.max() / tint.min()))
    tint **= (1 - balance) / (1 + TINTED * balance * strong)
    white = max(luma, own) * tint / float(tint @ LUMA)
    return [round(float(value), 1) for value in np.minimum(white, 254)]


def fill(decision: Decision | None) -> tuple[int, int, int]:
    """RGB of what lies beyond the capture when the page is rendered: its paper, so that tone treats it
    alike.
    """
    return (255, 255, 255) if decision is None else tuple(decision.values["paper"])


def tone(pixels: np.ndarray, decision: Decision) -> np.ndarray:
    """The page in its final tone.

    `pixels` is grey (h, w) or RGB (h, w, 3) uint8. Mode colour gives what came in; grey and bitonal give
    (h, w), bitonal with 0 for ink and 255 for paper.
    """
    values = decision.values
    if values["mode"] == "bitonal":
        grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        return bitonal(grey, values["bitonal"], values["px_per_mm"])
    factor = half_size(values["px_per_mm"])
    halved = shrunk(pixels, factor)
    paper = paper_of(halved, values["px_per_mm"] / factor)
    paper = replace(paper, cell=factor * paper.cell)
    ink = ink_on(pixels, paper, values["px_per_mm"], halved)
    if values["mode"] == "grey" and pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return _toned(pixels, paper, ink, values)


def _toned(pixels: np.ndarray, paper: Paper, ink: Ink, values: Mapping[str, Any]) -> np.ndarray:
    """Flatten, balance and lift, stripe by stripe."""
    height, width = pixels.shape[:2]
    white = np.array(values["white"])
    luma = float(white @ LUMA)
    ground = paper.light
    if pixels.ndim == 3:
        ground = ground[..., None] * paper.tint * (luma / white).astype(np.float32)
    ground, unit = _as_bytes(ground)
    shade = paper.light / np.median(paper.light) if values["flatten"] < 1 else None
    kept = None if shade is None else _as_bytes(shade ** (1 - values["flatten"]))
    levels, table = _levels(ink, values), _lifting(white, ink, values)
    room = _Room(pixels.shape, np.rint(white if pixels.ndim == 3 else luma))
    result = np.empty_like(pixels)
    for top in range(0, height, BLOCK):
        rows = slice(top, min(height, top + BLOCK))
        below = room.enlarged("ground", ground, paper.cell, rows, width)
        level = room.enlarged("levels", levels, ink.scale, rows, width)
        block = result[rows]
        for at in range(0, len(block), STRIPE):
            stripe = slice(at, min(len(block), at + STRIPE))
            _stripe(pixels[rows][stripe], below[stripe], luma * unit, level[stripe], table, room, block[stripe])
        if kept is not None:
            shade = _like(enlarged(kept[0], paper.cell, rows, width), block)
            cv2.multiply(block, shade, dst=block, scale=1 / kept[1])
    return result


class _Room:
    """Memory that all stripes share: to get fresh memory takes as long as most of what is done in it.

    `blank` is a stripe of white paper.
    """

    def __init__(self, shape: tuple[int, ...], white: np.ndarray):
        whole, grey = (STRIPE, *shape[1:]), (STRIPE, shape[1])
        self.blank = np.empty(whole, np.uint8)
        self.blank[:] = white
        self.flat, self.factor, self.darker, self.above = (np.empty(whole, np.uint8) for _ in range(4))
        self.grey = self.flat if len(shape) == 2 else np.empty(grey, np.uint8)
        self.lift = np.empty(grey, np.uint8)
        self.index, self.change = np.empty((*grey, 2), np.uint8), np.empty(grey, np.uint32)
        self._maps: dict[str, np.ndarray] = {}

    def enlarged(self, name: str, cells: np.ndarray, cell: int, rows: slice, width: int) -> np.ndarray:
        """`enlarged`, in memory that is overwritten when a map of the same name is asked for again."""
        if name not in self._maps:
            self._maps[name] = np.empty((BLOCK + 4 * cell, cells.shape[1] * cell, *cells.shape[2:]), np.uint8)
        return enlarged(cells, cell, rows, width, self._maps[name])


def _stripe(pixels: np.ndarray, ground: np.ndarray, scale: float, level: np.ndarray, table: np.ndarray, room: _Room,
            result: np.ndarray) -> None:
    """Divide by the ground, look up what each luma becomes at its level, and change the colours by that."""
    rows = slice(len(pixels))
    flat = cv2.divide(pixels, ground, dst=room.flat[rows], scale=scale)
    colour = flat.ndim == 3
    grey = cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY, dst=room.grey[rows]) if colour else flat
    index = cv2.merge([grey, level], dst=room.index[rows]).view("<u2")[..., 0]
    change = room.change[rows]
    table.take(index, out=change, mode="wrap")  # nothing lies outside; other modes go by way of a copy
    change = change.view(np.uint8).reshape(*index.shape, 4)
    factor = cv2.extractChannel(change, 3, dst=(room.lift if colour else room.factor)[rows])
    if colour:
        factor = cv2.cvtColor(factor, cv2.COLOR_GRAY2RGB, dst=room.factor[rows])
        darker = cv2.cvtColor(change, cv2.COLOR_RGBA2RGB, dst=room.darker[rows])
    else:
        darker = cv2.extractChannel(change, 0, dst=room.darker[rows])
    _deepened(flat, factor, darker, room.blank[rows], room.above[rows], result)


def _as_bytes(values: np.ndarray) -> tuple[np.ndarray, float]:
    """A map of positive numbers as bytes, and how many steps of a byte make one."""
    unit = 255 / float(values.max())
    return np.clip(np.rint(values * unit), 1, 255).astype(np.uint8), unit


def _levels(ink: Ink, values: Mapping[str, Any]) -> np.ndarray:
    """The level for each pixel of the ink's finer maps, uint8.

    PUSHED is for what stays as it is; above, strokes are lifted the more the fainter the ink around is, and that
    of the page; below, grain and what shows through is pushed back.
    """
    times = _of_page(ink, values) * np.maximum(ink.depth, 0.02) ** -PLACE
    clear = np.clip((ink.depth / np.maximum(ink.grain, 1e-3) - LOST) / (SAFE - LOST), 0, 1)
    lift = (np.clip(times, 1, values["lift_limit"]) - 1) * clear / (values["lift_limit"] - 1)
    lift = _finer(np.rint(lift * (LEVELS - 1)).astype(np.uint8), ink)
    noisy = _finer(np.clip(255 / NOISY * (ink.grain - LEAST_DEPTH / OVER_GRAIN), 0, 255).astype(np.uint8), ink)
    above = cv2.multiply(lift, ink.strokes, dst=lift, scale=1 / 255)
    back = cv2.subtract(cv2.max(ink.behind, noisy, dst=noisy), ink.strokes, dst=noisy)
    kept = cv2.convertScaleAbs(cv2.bitwise_not(back, dst=back), dst=back, alpha=PUSHED / 255)
    return cv2.add(kept, above, dst=above)


def _finer(cells: np.ndarray, ink: Ink) -> np.ndarray:
    """A map in the ink's cells at the scale of its finer maps."""
    height, width = ink.strokes.shape
    return enlarged(cells, ink.cell // ink.scale, slice(0, height), width)


def _of_page(ink: Ink, values: Mapping[str, Any]) -> float:
    """How many times ink of depth 1 would be lifted on this page; of depth d it is so much times d to the
    -PLACE.
    """
    usual = min(ink.typical or 1.0, values["ink_target"])
    return (values["ink_target"] / usual) ** PAGE * usual**PLACE


def _lifting(white: np.ndarray, ink: Ink, values: Mapping[str, Any]) -> np.ndarray:
    """For each level and luma, four bytes in a uint32: how many grey levels to darken red, green and blue, and before that a
    factor for the distance from `white` in steps of 1/FIXED: it is less, so that ink gets deeper faster than gaudy.
    The same share of the white in all three keeps the hue.
    """
    luma = float(white @ LUMA)
    depth = np.maximum(1 - np.arange(256) / luma, 0.001)[None, :]
    wanted = np.concatenate([_pushed(depth, values), _lifted(depth, ink, values)])
    ratio = wanted / depth
    factor = np.rint(np.where(ratio > 1, 1 + (ratio - 1) * COLOUR, ratio) * FIXED)
    besides = np.maximum(wanted - depth * factor / FIXED, 0)
    parts = [*(np.rint(besides * channel) for channel in white), factor]
    return np.stack(parts, -1).astype(np.uint8).view("<u4").ravel()


def _pushed(depth: np.ndarray, values: Mapping[str, Any]) -> np.ndarray:
    """Depths wanted of what is grain or shows through, for PUSHED levels from whole to none."""
    share = 1 - np.arange(PUSHED)[:, None] / PUSHED
    fading = np.clip((DEEP - depth) / (DEEP - GHOST), 0, 1)
    grain = np.minimum(depth, LEAST_DEPTH) / depth
    return depth * (1 - values["push_back"] * np.maximum(share * fading, grain))


def _lifted(depth: np.ndarray, ink: Ink, values: Mapping[str, Any]) -> np.ndarray:
    """Depths wanted of strokes, for LEVELS levels from none to the limit."""
    lift = np.linspace(0, values["lift_limit"] - 1, LEVELS)[:, None]
    bare = _bare(ink)
    strokes = (_of_page(ink, values) / (1 + lift)) ** (1 / PLACE)  # the depth of ink that is lifted so
    begin = np.maximum(bare, SHALLOW * np.minimum(strokes, 1))
    lifted = lift * np.maximum(depth - begin, 0) / np.maximum(1 - begin / strokes, 0.3)
    wanted = depth + lifted - values["push_back"] * np.minimum(depth, LEAST_DEPTH)
    soft = BLACKEST - 0.3 * np.exp((BLACKEST - 0.3 - wanted) / 0.3)  # from here on nearing the blackest
    return np.where(wanted > BLACKEST - 0.3, np.maximum(soft, depth), wanted)


def _bare(ink: Ink) -> float:
    """Depth that grain reaches where the page is written on."""
    written = ink.evidence > 0.5
    grain = float(np.median(ink.grain[written])) if written.any() else 0.0
    return max(LEAST_DEPTH, OVER_GRAIN * grain)


def _deepened(flat: np.ndarray, factor: np.ndarray, darker: np.ndarray, blank: np.ndarray, above: np.ndarray,
              result: np.ndarray) -> None:
    """Multiply how far each pixel is below the `blank` paper, and darken: alike in all channels, which keeps the hue.

    `above` is room, `flat` is used up.
    """
    cv2.subtract(flat, blank, dst=above)
    below = cv2.subtract(blank, flat, dst=flat)
    cv2.multiply(below, factor, dst=below, scale=1 / FIXED)
    cv2.subtract(blank, below, dst=below)
    cv2.add(below, above, dst=below)
    cv2.subtract(below, darker, dst=result)


def _like(grey: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    return grey if pixels.ndim == 2 else cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


STAGE = Stage("tone", 2, Params, decide, tone=tone)
