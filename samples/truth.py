"""What is true of a made-up image: where its sheet, pages, gutter and lines lie, and what they say."""

from __future__ import annotations

import cv2
import numpy as np

from samples import camera, forms
from samples.camera import Mapping
from samples.ink import MM, Line, Sheet
from samples.wear import Outline


def tell(spec, seed: int, sheet: Sheet, mapping: Mapping, outline: Outline, cases: list[dict]) -> dict:
    """All that is true of one image, as README.md describes it, ready for JSON."""
    corners = mapping.forward(outline.polygon)
    ratio = camera.area(corners) / camera.area(outline.polygon)
    pages = [
        _page_truth(spec, side, sheet, mapping, outline)
        for side in (("left", "right") if spec.spread else ("whole",))
    ]
    return {
        "seed": seed,
        "kind": spec.kind,
        "layout": "spread" if spec.spread else "single",
        "device": spec.device,
        "size": list(mapping.size),
        "dpi": round(float(spec.dpi if spec.device != "phone" else MM * np.sqrt(ratio)), 1),
        "gutter": _rounded(mapping.forward(outline.gutter)) if spec.spread else None,
        "pages": pages,
        "cases": cases,
        "text": "\n".join(line["text"] for page in pages for line in page["lines"]),
    }


def _page_truth(spec, side: str, sheet: Sheet, mapping: Mapping, outline: Outline) -> dict:
    corners = mapping.forward(outline.page(side))
    lines = [part for line in sheet.lines for part in _on_page(line, side, sheet.size[0] / 2)]
    return {
        "side": side,
        "corners": _rounded(corners),
        "skew_degrees": round(_skew(spec, side, mapping, outline), 3),
        "blank": not lines,
        "lines": [
            {"baseline": _rounded(mapping.forward(line.baseline)), "text": line.text, "kind": line.kind}
            for line in lines
        ],
    }


def _on_page(line: Line, side: str, gutter: float) -> list[Line]:
    """The part of a line on one page. A line across the gutter is parted, its text at the nearest space."""
    if side == "whole":
        return [line]
    points = np.array(line.baseline)
    first, last = points[0, 0], points[-1, 0]
    if last <= gutter or first >= gutter:
        return [line] if (first < gutter) == (side == "left") else []
    share = (gutter - first) / (last - first) * len(line.text)
    spaces = [i for i, letter in enumerate(line.text) if letter == " "]
    middle = min(spaces, key=lambda i: abs(i - share)) if spaces else round(share)
    crossing = np.array([[gutter, np.interp(gutter, points[:, 0], points[:, 1])]])
    if side == "left":
        kept, text = np.concatenate([points[points[:, 0] < gutter], crossing]), line.text[:middle]
    else:
        kept, text = np.concatenate([crossing, points[points[:, 0] > gutter]]), line.text[middle:]
    return [Line(tuple(map(tuple, kept)), text.strip(), line.kind)] if text.strip() else []


def _skew(spec, side: str, mapping: Mapping, outline: Outline) -> float:
    """The fall of printed lines away from the gutter, degrees; in a photo with its perspective put right."""
    width, height = forms.PAGE
    start = width if side == "right" else 0.0
    near, far = {"left": (0.05, 0.7), "right": (0.3, 0.95), "whole": (0.1, 0.95)}[side]
    ends = np.array(
        [(start + part * width, y * height) for y in np.linspace(0.1, 0.9, 9) for part in (near, far)]
    )
    seen = mapping.forward(ends)
    if spec.device == "phone":
        target = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * forms.PAGE
        straight = cv2.getPerspectiveTransform(
            mapping.forward(outline.page(side)).astype(np.float32), target.astype(np.float32)
        )
        seen = camera.project(straight.astype(np.float64), seen)
    run = seen[1::2] - seen[::2]
    return float(np.median(np.degrees(np.arctan2(run[:, 1], run[:, 0]))))


def _rounded(points: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 2), round(float(y), 2)] for x, y in points]
