"""Stage `quality`: can this page be read, and if not, what should the operator do again?

It changes nothing: its decision holds measures and findings. It sees the page's final frame. How tone and
ink were measured is `tone`'s affair; how wide edges are, `sharpness`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from book import Decision, Finding, Severity
from imaging import tone
from imaging.paper import LUMA
from imaging.sharpness import edge_width
from imaging.stage import Stage
from imaging.view import MM_PER_INCH, View

SHARPEST, SOFTEST = 2.5, 10.0  # px of edge width at which sharpness is 1 and 0
FULL_DPI = 300.0  # finer captures are judged as if they were of this resolution
FULL_DEPTH = 0.5  # ink this much darker than its paper is not faint at all
BURNT = 250  # a channel from here on may have held more
GLARE_MM = 4.0  # smaller bright spots hide no word
EDGE = 0.02  # of the page at its borders, where other things than paper may show
PAPER_BELOW = 240  # luma of paper on which a burnt spot stands out


@dataclass(frozen=True)
class Params:
    """From where on the operator is told."""

    blur_px: float = 5.8  # edges of writing wider than this (pixels at 300 dpi): blurred
    dark_paper: float = 75.0  # paper darker than this (0 black to 255 white): too dark
    glare_share: float = 0.004  # share of the page under glare
    clipped_share: float = 0.05  # share of the page burnt out on paper that is not white
    low_dpi: float = 200.0  # below: a warning
    full_dpi: float = 300.0  # below: a note
    blank_share: float = 0.002  # less of the page written on than this: blank
    faint_depth: float = 0.15  # ink less dark against its paper than this (0 to 1): a note
    lost_depth: float = 0.06  # and than this: a warning


def decide(view: View, params: Params) -> Decision:
    """Measure the page of `view`; findings for all that a person may want to do again."""
    toned = view.decided.get("tone") or tone.decide(view, tone.Params())
    paper = float(np.array(toned.values["paper"]) @ LUMA)
    written, depth = toned.values["written"], toned.values["ink_depth"]
    blank = depth is None or written < params.blank_share
    width = None if blank else _width_at_full_dpi(view)
    clipped, glare = _burnt(view, paper)
    values = {
        "sharpness": 1.0 if width is None else _share(SOFTEST - width, SOFTEST - SHARPEST),
        "edge_px": None if width is None else round(width, 2),
        "glare": round(glare, 4),
        "clipped": round(clipped, 4),
        "blank": blank,
        "faintness": 0.0 if blank else _share(FULL_DEPTH - depth, FULL_DEPTH),
        "paper_luma": round(paper, 1),
    }
    return STAGE.decision(values, findings=tuple(_findings(values, depth, view.dpi, params)))


def _findings(values: Mapping[str, Any], depth: float | None, dpi: float | None,
              params: Params) -> Iterator[Finding]:
    if values["edge_px"] is not None and values["edge_px"] > params.blur_px:
        yield Finding("blurred", Severity.WARNING, {"edge_px": values["edge_px"]})
    if values["paper_luma"] < params.dark_paper:
        yield Finding("too_dark", Severity.WARNING, {"paper": round(values["paper_luma"])})
    if values["glare"] > params.glare_share:
        yield Finding("glare", Severity.WARNING, {"percent": round(100 * values["glare"], 1)})
    elif values["clipped"] > params.clipped_share:
        yield Finding("clipped", Severity.WARNING, {"percent": round(100 * values["clipped"])})
    if dpi is not None and round(dpi) < params.full_dpi * 0.98:
        severity = Severity.WARNING if round(dpi) < params.low_dpi * 0.98 else Severity.NOTE
        yield Finding("low_resolution", severity, {"dpi": round(dpi)})
    if values["blank"]:
        yield Finding("blank_page", Severity.NOTE)
    elif depth < params.faint_depth:
        severity = Severity.WARNING if depth < params.lost_depth else Severity.NOTE
        yield Finding("faint_ink", severity, {"percent": round(100 * depth)})


def _share(part: float, whole: float) -> float:
    return round(float(np.clip(part / whole, 0, 1)), 3)


def _width_at_full_dpi(view: View) -> float | None:
    width = edge_width(view) if view.full else None
    return None if width is None else width * min(1.0, FULL_DPI / MM_PER_INCH / view.px_per_mm)


def _burnt(view: View, paper: float) -> tuple[float, float]:
    """Shares of the page that are burnt out at all, and that lie under glare: burnt spots inside darker
    paper.
    """
    page = _page(view)
    area = max(int(np.count_nonzero(page)), 1)
    if paper >= PAPER_BELOW:
        return 0.0, 0.0  # white paper is white: nothing can be told from it
    darkest = view.colour.min(axis=2)
    burnt = cv2.bitwise_and(cv2.threshold(darkest, BURNT - 1, 255, cv2.THRESH_BINARY)[1], page)
    side = max(1, round(GLARE_MM * view.px_per_mm / view.reduction))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    spots = cv2.morphologyEx(burnt, cv2.MORPH_OPEN, disc)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(spots)
    rim = cv2.dilate(cv2.bitwise_not(page), np.ones((3, 3), np.uint8))
    inner = np.ones(count, bool)
    inner[labels[rim > 0]] = False  # what reaches the border is what the sheet lies on
    inner[0] = False
    return int(np.count_nonzero(burnt)) / area, int(facts[inner, cv2.CC_STAT_AREA].sum()) / area


def _page(view: View) -> np.ndarray:
    """255 on the sheet within the frame, less a border; uint8 (h, w) of the view."""
    height, width = view.grey.shape
    page = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(page, np.rint(view.to_view(view.sheet)).astype(np.int32), 255)
    rim = max(1, round(EDGE * min(height, width)))
    page[:rim] = page[-rim:] = 0
    page[:, :rim] = page[:, -rim:] = 0
    page = cv2.erode(page, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8))
    return cv2.bitwise_and(page, view.inside)


STAGE = Stage("quality", 1, Params, decide)
