"""One page or two, and where the gutter runs.

A small model (`gutters`) says how likely the gutter is where. Without it, it is looked for by hand: the gutter of an open
book is a fold, a dark line or shading over the whole height of the sheet, also above and below the table, where no
printed rule reaches, with little writing on it. Each strip of the sheet's height gives a profile of evidence along its
width; a line of any small tilt gathers it. Rules of the tables beside the gutter look alike within the table, so the
strips outside the table have the last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np

from book import Decision, Finding, Severity, Side
from imaging import by_hand, gutters, marks
from imaging.geometry import Geometry
from imaging.stage import Stage
from imaging.view import View

STRIPS = 32  # of the sheet's height
TILTS = np.tan(np.radians(np.arange(-3, 3.01, 0.25)))  # of the gutter against the vertical
PAPER_PERCENTILE = 75  # of grey along a strip's column: above the writing, at the paper
NARROW_FULL, BROAD_FULL = 0.10, 0.08  # a dip of this part of the paper's brightness counts whole
OUTER_STRIPS, OUTER_WEIGHT = 3, 2.5  # strips at top and bottom count more: no rule reaches there
STEP_FULL = 0.15  # a step of this part of the paper's brightness counts whole
MIDDLE = 0.13  # of the width to either side: where the gutter of a whole spread lies
REFINE = 0.035  # of the width: so far from a rule beside it the fold is looked for
FOLD_DEPTH = 0.16  # of the paper's brightness: a dip that counts whole as a fold
LEAST_AT_ENDS = 0.08  # so much more of it must be seen at the sheet's edges before the gutter is moved
OUTERMOST = 0.018  # of the height: rows at top and bottom that no table reaches
AS_USUAL = 0.02  # of the width: as near the gutter lies to its place in the other captures of its book
USUAL_WORTH, EASIER = 0.6, 0.6  # what that adds to its evidence; part of the evidence that is then enough
CENTRE = (0.3, 0.7)  # of the width: where the gutter of what is known to be a spread lies
FULL_SCORE = 2.4  # evidence for a gutter of which the model is quite sure
SHAPES = (0.6, 0.72, 0.8, 1.0, 1.2), (-6.0, -3.5, -1.5, 0.0, 2.0)  # width over height; what it says for two pages: log odds
LEAST_SHAPE = 0.5  # width over height of a page: nothing narrower is one
LEAST_STRIP = 0.05  # of the sheet's width: no page that a gutter set by hand leaves is narrower
LEAST_USUAL = 0.05  # likelihood near the usual place that is enough to look there
FINE, FAR, TURNED = 0.006, 0.4, 0.05  # of the width around the model's line; what its end and a turn by 0.4° cost


@dataclass(frozen=True)
class Params:
    """Settings of the split stage."""

    layout: Literal["auto", "single", "spread"] = "auto"  # auto | single | spread
    gutter: by_hand.Auto | by_hand.Fractions = "auto"  # auto, or where it meets the frame's top and bottom
    overlap_mm: float = 2.0  # strip beyond the gutter that each page keeps, so that no joining stamp is cut, mm
    margin_mm: float = 3.0  # around the sheet on its other sides, mm
    spread_aspect: float = 1.12  # a sheet at least this much wider than high may be a spread
    widest_aspect: float = 1.9  # and one wider than this is none: a table or a slip
    partial_aspect: float = 0.9  # without the model, one at least this wide may show a page with a part of its neighbour
    least_page: float = 0.6  # the smaller page of a spread has at least this part of the other's width
    min_score: float = 1.2  # evidence for a gutter, of 3, below which there is none
    sure_score: float = 1.6  # evidence from which nobody has to look again

    def __post_init__(self):
        by_hand.check_gutter(self.gutter)


@dataclass(frozen=True)
class Gutter:
    """A candidate: where it crosses the middle of the sheet (px from its left), its tilt, and its evidence."""

    x: float
    tilt: float
    score: float


def decide(view: View, params: Params) -> Decision:
    """Values: `layout`, `gutter` (top and bottom end, or None), `sides`, `corners` of each side's sheet."""
    wanted = params.layout if params.layout != "auto" else view.hints.layout or "auto"
    box = _box(view)
    width, height = box[2] - box[0], box[3] - box[1]
    if params.gutter != "auto" and params.layout != "single":
        return _as_set(view, params)
    if wanted == "single" or min(width, height) < 60:
        return _single(view)
    central, usual = wanted == "spread", view.hints.gutter
    grey = view.grey[box[1] : box[3], box[0] : box[2]]
    told = gutters.seen(grey)
    gutter = find_gutter(view, box, central, usual) if told is None else _told(told, grey, central, usual)
    part = gutter.x / width
    balance = min(part, 1 - part) / max(part, 1 - part)
    if wanted == "spread":
        return _spread(view, _ends(view, box, gutter), params, _confidence(gutter, params), _unsure(gutter, params))
    wide = params.spread_aspect <= width / height <= params.widest_aspect
    as_usual = view.hints.habit == "spread" and abs(part - (view.hints.gutter or 0.5)) < AS_USUAL
    enough = gutter.score >= params.min_score * (EASIER if as_usual else 1)
    by_model = told is not None and max(part, 1 - part) * width / height >= LEAST_SHAPE
    may_be_two = wide or (by_model and width / height <= params.widest_aspect)
    may_be_part = by_model or width / height >= params.partial_aspect
    if balance >= params.least_page and may_be_two and enough:
        return _spread(view, _ends(view, box, gutter), params, _confidence(gutter, params), _unsure(gutter, params))
    if balance < params.least_page and ((wide and enough) or (may_be_part and gutter.score >= params.sure_score)):
        return _partial(view, box, gutter, params)
    if wide:
        unsure = Finding("layout_unsure", Severity.WARNING)
        return _single(view, 0.4, (unsure,))
    return _single(view)


def _as_set(view: View, params: Params) -> Decision:
    """A spread whose gutter a person has set; each page keeps a strip of the sheet, wherever the sheet lies."""
    (left, top), (right, bottom) = view.sheet.min(axis=0), view.sheet.max(axis=0)
    width, height = view.size
    above, below = (x * width - 0.5 for x in params.gutter)
    aside = LEAST_STRIP * (right - left)
    x = np.interp([top, bottom], [-0.5, height - 0.5], [above, below]).clip(left + aside, right - aside)
    return _spread(view, np.column_stack([x, [top, bottom]]), params, 1.0)


def _told(told: gutters.Seen, grey: np.ndarray, central: bool, usual: float) -> Gutter:
    """The gutter as the model sees it in the sheet's box `grey`; `central` and `usual` as for `find_gutter`."""
    height, width = grey.shape
    line = told.line(*CENTRE) if central else told.line()
    if usual and told.between(usual - AS_USUAL, usual + AS_USUAL) > LEAST_USUAL:
        line = told.line(usual - AS_USUAL, usual + AS_USUAL)
    slope, middle = np.polyfit(np.array(gutters.THIRDS) - 0.5, line, 1)
    x, tilt = _refined(grey, float(middle * width), float(slope * width / height))
    odds = np.log((told.sure + 1e-4) / (1 - told.sure + 1e-4)) + np.interp(width / height, *SHAPES)
    return Gutter(x, tilt, float(FULL_SCORE / (1 + np.exp(-odds))))


def _refined(grey: np.ndarray, x: float, tilt: float) -> tuple[float, float]:
    """The line of a gutter that is known to a column of the model, moved to the fine fold that lies beside it, if any."""
    height, width = grey.shape
    left = max(0, round(x - 2 * REFINE * width))
    near = grey[:, left : round(x + 2 * REFINE * width) + 1]
    edges = np.linspace(0.005 * height, 0.995 * height, STRIPS + 1).astype(int)
    lines = np.array([np.median(near[start:end], axis=0) for start, end in pairwise(edges)], np.float32)
    dips = np.minimum(_dip(lines, 1, 0.012 * width) / FOLD_DEPTH, 1)
    middles = (edges[:-1] + edges[1:]) / 2 - height / 2
    farthest = FINE * width
    places = np.arange(-farthest, farthest + 0.25, 0.5)
    best = None
    for turn in np.tan(np.radians(np.arange(-0.4, 0.41, 0.2))):
        columns = x - left + places[:, None] + (tilt + turn) * middles
        columns = np.clip(np.round(columns).astype(int), 0, dips.shape[1] - 1)
        along = dips[np.arange(STRIPS), columns].mean(axis=1)
        score = along - FAR * (places / farthest) ** 2 - TURNED * abs(turn) / np.tan(np.radians(0.4))
        at = int(score.argmax())
        if best is None or score[at] > best[0]:
            best = float(score[at]), x + float(places[at]), tilt + turn
    return best[1], best[2]


def _box(view: View) -> tuple[int, int, int, int]:
    """Bounding box of the sheet in pixels of the view."""
    sheet = view.to_view(view.sheet)
    height, width = view.grey.shape
    left, top = np.maximum(np.floor(sheet.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(sheet.max(axis=0)) + 1, (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def find_gutter(view: View, box: tuple[int, int, int, int], central: bool = False, usual: float = 0.0) -> Gutter:
    """The line with the most evidence within the sheet's box; `central` where a spread is known to be there.

    `usual`: the gutter's place in the book's other captures, 0 to 1; 0 where there is none.
    """
    left, top, right, bottom = box
    grey = view.grey[top:bottom, left:right]
    ink = marks.ink(view)[top:bottom, left:right]
    height, width = grey.shape
    edges = np.linspace(0.005 * height, 0.995 * height, STRIPS + 1).astype(int)
    middles = (edges[:-1] + edges[1:]) / 2 - height / 2
    bright = _strips(grey, edges, lambda part: np.percentile(part, PAPER_PERCENTILE, axis=0))
    written = _strips(ink, edges, lambda part: part.mean(axis=0))
    narrow = np.minimum(_dip(bright, 1, 0.010 * width) / NARROW_FULL, 1)
    broad = np.minimum(_dip(bright, 0.010 * width, 0.035 * width) / BROAD_FULL, 1)
    step = np.minimum(_step(bright, 0.015 * width) / STEP_FULL, 1)
    empty = 1 - np.minimum(_smooth(written, 0.010 * width) / max(written.mean(), 1e-3), 1)
    weights = np.ones(STRIPS)
    weights[:OUTER_STRIPS] = weights[-OUTER_STRIPS:] = OUTER_WEIGHT
    sheared = _Sheared(middles, width)
    evidence = sheared.gather(narrow + 1.5 * broad + 0.7 * step + 0.4 * empty, weights / weights.sum())
    place = np.arange(width) / width
    prior = 0.4 * np.exp(-(((place - 0.5) / 0.12) ** 2))
    ranked = evidence + prior
    if usual:
        ranked += USUAL_WORTH * np.exp(-(((place - usual) / AS_USUAL) ** 2))
    edge = 0.3 if central else 0.06
    ranked[:, (place < edge) | (place > 1 - edge)] = 0
    middle = np.where(np.abs(place - 0.5) < MIDDLE, ranked, 0)
    if middle.max() > 0.8 * ranked.max():  # the edges of a book look like a gutter, too, but not in its middle
        ranked = middle
    tilt, x = np.unravel_index(int(ranked.argmax()), ranked.shape)
    found = Gutter(float(x), float(TILTS[tilt]), float(evidence[tilt, x]))
    return _fold_beside(found, grey, edges, evidence[tilt])


def _fold_beside(found: Gutter, grey: np.ndarray, edges: np.ndarray, evidence: np.ndarray) -> Gutter:
    """Move from a rule beside the gutter to the fold itself.

    The fold runs on to the very edge of the sheet, where no rule of a table reaches; so a line that shows there, at
    the top or at the bottom, is worth more than one that is stronger in the middle.
    """
    height, width = grey.shape
    near = np.arange(max(0, round(found.x - REFINE * width)), min(width, round(found.x + REFINE * width) + 1))
    lines = np.array([np.median(grey[start:end], axis=0) for start, end in pairwise(edges)], np.float32)
    inside = np.minimum(_dip(lines, 1, 0.012 * width) / FOLD_DEPTH, 1)
    middles = (edges[:-1] + edges[1:]) / 2 - height / 2
    best, best_score, ends = found, 0.0, _fold_ends(grey)
    here = np.abs(near - found.x) <= 2
    for tilt in found.tilt + np.tan(np.radians(np.arange(-0.5, 0.51, 0.25))):
        along = np.mean([_at(row, near + tilt * middle) for row, middle in zip(inside, middles, strict=True)], axis=0)
        at_ends = np.sum([_telling(_at(end, near + tilt * (place - height / 2))) for end, place in ends], axis=0)
        score = along + at_ends + 0.15 * evidence[near] - 0.3 * abs(np.degrees(np.arctan(tilt - found.tilt)))
        x = int(np.argmax(score))
        seen_at_ends = np.ndim(at_ends) and at_ends[x] > at_ends[here].max(initial=0) + LEAST_AT_ENDS
        if score[x] > best_score and (here[x] or seen_at_ends):
            best, best_score = Gutter(float(near[x]), float(tilt), found.score), float(score[x])
    return best


def _telling(end: np.ndarray) -> np.ndarray:
    """Evidence at one end of the fold, worth less where much of it looks like a fold: there a table reaches the edge."""
    return end * np.clip(1.3 - 4 * (end > 0.5).mean(), 0.2, 1)


def _fold_ends(grey: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Evidence of a fold, 0 to 1, along the width of the outermost rows that show paper, and the row where that is."""
    height, width = grey.shape
    reach = max(6, round(OUTERMOST * height))
    usual = np.median(grey)
    ends = []
    for rows in (np.arange(reach), np.arange(height - reach, height)):
        levels = np.median(grey[rows], axis=1)
        paper = rows[levels > 0.6 * usual]
        if len(paper) < 4:
            continue
        paper = paper[1:-1]
        profile = np.median(grey[paper], axis=0)[None].astype(np.float32)
        dips = np.minimum(_dip(profile, 1, 0.012 * width) / FOLD_DEPTH, 1)[0]
        ends.append((cv2.dilate(dips[None], np.ones((1, 3)))[0], float(paper.mean())))
    return ends


def _at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    return values[np.clip(np.round(places).astype(int), 0, len(values) - 1)]


class _Sheared:
    """Gathers evidence along lines of all TILTS through each column."""

    def __init__(self, middles: np.ndarray, width: int) -> None:
        self._columns = [np.clip(np.arange(width)[None] + np.round(tilt * middles[:, None]).astype(int), 0, width - 1)
                         for tilt in TILTS]
        self._rows = np.arange(len(middles))[:, None]

    def gather(self, evidence: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Weighted mean over the strips, for each tilt and column: (tilts, width)."""
        return np.array([weights @ evidence[self._rows, columns] for columns in self._columns])


def _strips(values: np.ndarray, edges: np.ndarray, measure) -> np.ndarray:
    return np.array([measure(values[start:end]) for start, end in pairwise(edges)], np.float32)


def _smooth(values: np.ndarray, width: float) -> np.ndarray:
    return cv2.blur(values, (max(1, round(width)) | 1, 1), borderType=cv2.BORDER_REPLICATE)


def _dip(values: np.ndarray, width: float, reach: float) -> np.ndarray:
    """By how much of its surroundings' brightness a column is darker than the brightest within `reach` on both sides."""
    smooth, steps = _smooth(values, width), max(1, round(reach))
    padded = np.pad(smooth, ((0, 0), (steps, steps)), mode="edge")
    highest = cv2.dilate(padded, np.ones((1, steps), np.uint8), anchor=(0, 0))
    on_left, on_right = highest[:, : values.shape[1]], highest[:, steps + 1 : steps + 1 + values.shape[1]]
    lower = np.minimum(on_left, np.pad(on_right, ((0, 0), (0, values.shape[1] - on_right.shape[1])), mode="edge"))
    return np.maximum(lower - smooth, 0) / np.maximum(lower, 40)


def _step(values: np.ndarray, reach: float) -> np.ndarray:
    """By how much of the brightness the paper differs between both sides of a column: pages lie at different heights."""
    steps = max(2, round(reach))
    means = cv2.blur(values, (steps, 1), borderType=cv2.BORDER_REPLICATE)
    shift = steps // 2 + 1
    on_left = np.pad(means, ((0, 0), (shift, 0)), mode="edge")[:, : values.shape[1]]
    on_right = np.pad(means, ((0, 0), (0, shift)), mode="edge")[:, -values.shape[1] :]
    return np.abs(on_left - on_right) / np.maximum(np.maximum(on_left, on_right), 40)


def _ends(view: View, box: tuple[int, int, int, int], gutter: Gutter) -> np.ndarray:
    """The gutter's ends on the sheet's upper and lower edge, in pixels of the frame."""
    left, top, _, bottom = box
    middle = (bottom - top) / 2
    across, aside = left + gutter.x, gutter.tilt * middle
    return view.to_frame([[across - aside, top], [across + aside, bottom - 1]])


def _single(view: View, confidence: float = 0.9, findings: tuple[Finding, ...] = ()) -> Decision:
    values = {"layout": "single", "gutter": None, "sides": [str(Side.WHOLE)],
              "corners": {str(Side.WHOLE): view.sheet.tolist()}, "overlap": 0.0, "margin": 0.0}
    return STAGE.decision(values, confidence, findings)


def _unsure(gutter: Gutter, params: Params) -> tuple[Finding, ...]:
    if gutter.score >= params.sure_score:
        return ()
    return (Finding("gutter_unsure", Severity.WARNING, {"confidence": _confidence(gutter, params)}),)


def _spread(view: View, ends: np.ndarray, params: Params, confidence: float, findings: tuple[Finding, ...] = ()) -> Decision:
    left, right = _halves(view.sheet, ends)
    values = {"layout": "spread", "gutter": ends.tolist(), "sides": [str(Side.LEFT), str(Side.RIGHT)],
              "corners": {str(Side.LEFT): left, str(Side.RIGHT): right},
              "overlap": params.overlap_mm * view.px_per_mm, "margin": params.margin_mm * view.px_per_mm}
    return STAGE.decision(values, confidence, findings)


def _partial(view: View, box, gutter: Gutter, params: Params) -> Decision:
    """A page with a part of its neighbour: the wider part is the page."""
    ends = _ends(view, box, gutter)
    left, right = _halves(view.sheet, ends)
    wanted, cut = (left, "right") if gutter.x > (box[2] - box[0]) / 2 else (right, "left")
    values = {"layout": "single", "gutter": ends.tolist(), "sides": [str(Side.WHOLE)],
              "corners": {str(Side.WHOLE): wanted}, "cut": cut,
              "overlap": params.overlap_mm * view.px_per_mm, "margin": params.margin_mm * view.px_per_mm}
    return STAGE.decision(values, _confidence(gutter, params), _unsure(gutter, params))


def _confidence(gutter: Gutter, params: Params) -> float:
    return float(np.clip(0.5 + 0.45 * (gutter.score - params.min_score) / (params.sure_score - params.min_score), 0.2, 0.97))


def _halves(sheet: np.ndarray, ends: np.ndarray) -> tuple[list, list]:
    """Corners of the left and of the right page: the sheet's quadrilateral cut by the line of the gutter."""
    top_left, top_right, bottom_right, bottom_left = sheet
    upper = _crossing(top_left, top_right, *ends)
    lower = _crossing(bottom_left, bottom_right, *ends)
    left = np.array([top_left, upper, lower, bottom_left])
    right = np.array([upper, top_right, bottom_right, lower])
    return left.tolist(), right.tolist()


def _crossing(a, b, c, d) -> np.ndarray:
    """Where the line through a and b meets the line through c and d."""
    along, other = np.subtract(b, a), np.subtract(d, c)
    start = np.subtract(c, a)
    step = (start[0] * other[1] - start[1] * other[0]) / (along[0] * other[1] - along[1] * other[0])
    return np.add(a, step * along)


def geometry(decision: Decision, frame: Geometry, side: Side) -> Geometry:
    """The box of one side's sheet, with the overlap at the gutter and a margin elsewhere, within the frame."""
    values = decision.values
    if values["gutter"] is None:
        return Geometry.identity(frame.size)
    corners = np.array(values["corners"][str(side)])
    left, top = corners.min(axis=0) - values["margin"]
    right, bottom = corners.max(axis=0) + values["margin"]
    at_right = side is Side.LEFT or values.get("cut") == "right"
    if at_right:
        right = corners[:, 0].max() + values["overlap"]
    else:
        left = corners[:, 0].min() - values["overlap"]
    width, height = frame.size
    return Geometry.crop((max(0, left), max(0, top), min(width, right), min(height, bottom)))


STAGE = Stage("split", 4, Params, decide, geometry)
