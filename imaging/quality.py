"""Stage `quality`: can this page be read, and if not, what should the operator do again, and where?

It changes nothing: its decision holds measures and findings. It sees the page's final frame. How tone and ink were
measured is `tone`'s affair; how wide edges are, `sharpness`'s; what light falls on the page and what lies on it,
`light`'s and `foreign`'s; whether it is level and upright, `standing`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from book import Decision, Finding, Severity
from imaging import foreign, light, standing, tone, where
from imaging.ground import ground_of
from imaging.paper import LUMA
from imaging.sharpness import GRID, Edges, edges_of
from imaging.stage import Stage
from imaging.view import MM_PER_INCH, PAPERS_MM, View

SHARPEST, SOFTEST = 3.0, 9.0  # px of edge width at which sharpness is 1 and 0
FINEST_DPI = 400.0  # finer captures are judged as if they were of this resolution (FADGI: four stars)
FULL_DEPTH = 0.5  # ink this much darker than its paper is not faint at all
TOLERANCE = 0.98  # resolution is known no better than this
NOMINAL = 0.1  # a sheet may differ so much from its paper's nominal size
ALL_OVER = 0.75  # of the tiles looked at: so many soft ones are the whole page
LEAST_TILES, INK_RISE = 3, 0.18  # with so many tiles in which ink is so dark for its paper, a page is not blank
SOFT_PART = 0.34  # a page is soft where at least so many of its tiles are


@dataclass(frozen=True)
class Params:
    """From where on the operator is told."""

    blur_px: float = 5.1  # edges of writing wider than this (pixels, at 400 dpi at most): blurred
    motion_ratio: float = 2.6  # edges so many times wider one way than another: the camera or the paper moved
    dark_paper: float = 90.0  # paper darker than this (0 black to 255 white): too dark
    glare_share: float = 0.004  # share of the page under glare
    clipped_share: float = 0.05  # share of the page burnt out on paper that is not white
    shadow_share: float = 0.03  # share of the page in a deep or sharp-edged shadow
    object_mm2: float = 60.0  # area of a finger or a thing on the page, mm²
    low_dpi: float = 200.0  # below: a warning
    full_dpi: float = 300.0  # below: a note
    skew_degrees: float = 1.0  # left over after levelling
    blank_share: float = 0.002  # less of the page written on than this: blank
    faint_depth: float = 0.15  # ink less dark against its paper than this (0 to 1): a note
    lost_depth: float = 0.06  # and than this: a warning


def decide(view: View, params: Params) -> Decision:
    """Measure the page of `view`; findings for all that a person may want to do again."""
    toned = view.decided.get("tone") or tone.decide(view, tone.Params())
    paper = float(np.array(toned.values["paper"]) @ LUMA)
    written, depth = toned.values["written"], toned.values["ink_depth"]
    edges = edges_of(view) if view.full else None
    blank = standing.blank(view, written, depth, params.blank_share) and not _written(edges, paper)
    edges = None if blank else edges
    depth = depth if blank else standing.depth(view, depth, params.faint_depth)
    scale = _judged_scale(view)
    burnt = light.burnt(view, paper)
    ground = ground_of(view)
    things = foreign.on_page(ground)
    shaded, shadow = light.shaded(ground, things, view.side)
    values = {
        "sharpness": 1.0 if edges is None else _share(SOFTEST - scale * edges.focus, SOFTEST - SHARPEST),
        "edge_px": None if edges is None else round(scale * edges.focus, 2),
        "motion": None if edges is None else round(edges.one_sided, 2),
        "glare": round(burnt.glare, 4),
        "clipped": round(burnt.share, 4),
        "shadow": round(shaded, 4),
        "shaded": _shaded(view),
        "object_mm2": round(float(np.count_nonzero(things)) * ground.mm**2),
        "blank": blank,
        "faintness": 0.0 if blank or depth is None else _share(FULL_DEPTH - depth, FULL_DEPTH),
        "ink_depth": depth,
        "paper_luma": round(paper, 1),
        "ppi": true_ppi(view),
        "skew_left": 0.0 if blank else standing.skew_left(view),
        "headless": False if blank else standing.headless(view),
    }
    places = {"glare": burnt.spots, "shadow": shadow, "things": things}
    found = [*_of_edges(view, edges, scale, params), *_of_light(values, places, params), *_of_page(values, params)]
    if values["object_mm2"] > params.object_mm2:
        facts = {"cm2": round(values["object_mm2"] / 100, 1)}
        found.append(_told("object_on_page", values["object_mm2"] / params.object_mm2, where.boxes(things), facts))
    return STAGE.decision(values, findings=tuple(found))


def _shaded(view: View) -> bool:
    """Was the edge of a shadow taken for that of the sheet?"""
    outline = view.decided.get("outline")
    return outline is not None and outline.values.get("shaded", False)


def _written(edges: Edges | None, paper: float) -> bool:
    """Is there writing, though too much blurred to be told as ink? Show-through and grain are fainter."""
    return edges is not None and len(edges.places) >= LEAST_TILES and edges.rise > INK_RISE * paper


def _told(code: str, times: float, boxes: Any, facts: Mapping[str, Any], severity=Severity.WARNING) -> Finding:
    """A finding with where it is and how many times its measure is what the settings allow."""
    return Finding(code, severity, {**facts, "where": where.rounded(boxes), "times": round(max(1.0, float(times)), 2)})


def _of_edges(view: View, edges: Edges | None, scale: float, params: Params) -> Iterator[Finding]:
    """Motion, or else a lens out of focus: over the whole page, or over a part of it."""
    if edges is None:
        return
    if edges.one_sided > params.motion_ratio and scale * edges.smeared > params.blur_px:
        facts = {"edge_px": round(scale * edges.smeared, 1), "degrees": round(edges.bearing)}
        yield _told("motion_blur", scale * edges.smeared / params.blur_px, where.WHOLE, facts)
        return
    soft = scale * edges.widths > params.blur_px
    if scale * edges.focus > params.blur_px or soft.mean() > SOFT_PART:
        width = scale * float(np.median(edges.widths[soft])) if soft.any() else scale * edges.focus
        boxes = where.WHOLE if soft.mean() > ALL_OVER or not soft.any() else _parts(view, edges.places[soft])
        yield _told("blurred", width / params.blur_px, boxes, {"edge_px": round(width, 1)})


def _parts(view: View, places: np.ndarray) -> list[list[float]]:
    """Boxes around those parts of the page in which `places` (n×2, stored pixels) lie."""
    parts = np.zeros(GRID, np.uint8)
    shares = view.frame.points(places) / view.size
    rows, columns = (np.clip((shares[:, at] * GRID[1 - at]).astype(int), 0, GRID[1 - at] - 1) for at in (1, 0))
    parts[rows, columns] = 1
    return where.boxes(parts)


def _of_light(values: Mapping[str, Any], places: Mapping[str, np.ndarray], params: Params) -> Iterator[Finding]:
    if values["paper_luma"] < params.dark_paper:
        facts = {"paper": round(values["paper_luma"])}
        yield _told("too_dark", params.dark_paper / max(values["paper_luma"], 1), where.WHOLE, facts)
    if values["glare"] > params.glare_share:
        facts = {"percent": round(100 * values["glare"], 1)}
        yield _told("glare", values["glare"] / params.glare_share, where.boxes(places["glare"]), facts)
    elif values["clipped"] > params.clipped_share:
        facts = {"percent": round(100 * values["clipped"])}
        yield _told("clipped", values["clipped"] / params.clipped_share, where.WHOLE, facts)
    if values["shadow"] > params.shadow_share or values["shaded"]:
        facts = {"percent": round(100 * values["shadow"])}
        yield _told("uneven_light", values["shadow"] / params.shadow_share, where.boxes(places["shadow"]), facts)


def _of_page(values: Mapping[str, Any], params: Params) -> Iterator[Finding]:
    """Resolution, standing and ink: each of the page as a whole."""
    dpi = values["ppi"]
    if dpi is not None and round(dpi) < params.full_dpi * TOLERANCE:
        low = round(dpi) < params.low_dpi * TOLERANCE
        yield _told("low_resolution", (params.low_dpi if low else params.full_dpi) / max(dpi, 1), where.WHOLE,
                    {"dpi": round(dpi)}, Severity.WARNING if low else Severity.NOTE)
    if abs(values["skew_left"]) > params.skew_degrees:
        yield _told("skew_left", abs(values["skew_left"]) / params.skew_degrees, where.WHOLE,
                    {"degrees": values["skew_left"]})
    if values["headless"]:
        yield _told("upside_down", 1.0, where.WHOLE, {})
    if values["blank"]:
        yield _told("blank_page", 1.0, where.WHOLE, {}, Severity.NOTE)
    elif values["ink_depth"] is not None and values["ink_depth"] < params.faint_depth:
        facts = {"percent": round(100 * values["ink_depth"])}
        if values["ink_depth"] < params.lost_depth:
            yield _told("lost_ink", params.lost_depth / max(values["ink_depth"], 0.01), where.WHOLE, facts)
        else:
            yield _told("faint_ink", params.faint_depth / values["ink_depth"], where.WHOLE, facts, Severity.NOTE)


def _share(part: float, whole: float) -> float:
    return round(float(np.clip(part / whole, 0, 1)), 3)


def _judged_scale(view: View) -> float:
    """What a pixel of the stored picture counts: less than one where there are more of them than can be asked for."""
    return min(1.0, FINEST_DPI / MM_PER_INCH / (view.px_per_mm * _stored_px(view)))


def _stored_px(view: View) -> float:
    """Stored pixels a pixel of the page's frame, as a length: a frame that was set straight may have more."""
    width, height = view.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    corners = (corners - corners.mean(axis=0)) * 0.8 + corners.mean(axis=0)  # a mesh is surest well inside
    x, y = view.frame.points_back(corners).T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return (area / (0.64 * width * height)) ** 0.5


def true_ppi(view: View) -> float | None:
    """Pixels an inch of paper: from the paper's known size where there is one, else as the file states; None if neither.

    A resolution that the file states and that fits the paper's nominal size is more exact than that size.
    """
    paper = PAPERS_MM.get(view.hints.paper)
    if paper is None:
        return view.dpi
    split = view.decided.get("split")
    halved = split is not None and split.values["gutter"] is not None and split.values["layout"] == "spread"
    sides = (min(paper), max(paper) / 2) if halved else paper
    sheet = view.sheet
    lengths = np.linalg.norm(np.roll(sheet, -1, axis=0) - sheet, axis=1)
    across, down = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    ppi = float(max(across, down)) * _stored_px(view) / max(sides) * MM_PER_INCH
    stated = view.dpi
    return stated if stated and abs(ppi / stated - 1) < NOMINAL else round(ppi, 1)


STAGE = Stage("quality", 2, Params, decide)
