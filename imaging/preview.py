"""What a screen shows of a page while a person changes it: small pixels, soon.

A Preview holds one capture, decoded once at a fraction of its size, and decides again only what a change touches. Its
decisions are those of developing, digit for digit, but that `quality` is left out. Its pixels differ from those of the
developed page reduced to the same size in three ways: they come from the reduced capture, so strokes are as sharp as that
is; tone looks for paper and ink anew at that size, so the faintest hairlines are lifted a little less or more; and what is
black or white is told the fast way, and in whole small pixels. Pages themselves are made by `stages.develop_page`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import simplejpeg

from book import Decision, Recipe, Side
from imaging import tone
from imaging.decode import Header, Limits, decode
from imaging.geometry import Geometry, Size
from imaging.handles import Placed, on_original
from imaging.opening import first_view
from imaging.render import render
from imaging.stages import Kept, Plan
from imaging.stages import decide as decide_all
from imaging.view import Hints

LONG_SIDE = 1600  # px: a capture is held no smaller
QUALITY = 85  # of a JPEG that is looked at once


@dataclass(frozen=True)
class Shown:
    """A page as it would be: `pixels` RGB (h, w, 3) or grey (h, w), uint8; what was decided; and what there is to draw.

    `size` (width, height) px and `dpi` are those of the page itself, or with `uncropped` of the frame that would be
    cropped. `handles` are those of `handles.on_original`.
    """

    pixels: np.ndarray
    recipe: Recipe
    size: Size
    dpi: float | None
    handles: Mapping[str, Any]

    def jpeg(self, quality: int = QUALITY) -> bytes:
        """The pixels as a JPEG."""
        grey = self.pixels.ndim == 2
        pixels = np.ascontiguousarray(self.pixels[..., None] if grey else self.pixels)
        return simplejpeg.encode_jpeg(pixels, quality, "GRAY" if grey else "RGB", "444")


class Preview:
    """One capture in the hand of a person who changes it: made once of its bytes, shown again and again.

    It holds about 20 MB, and as much again for each page that is shown. One thread at a time may use it.
    """

    def __init__(self, data: bytes, header: Header, frame: int = 0, hints: Hints = Hints(), limits: Limits = Limits()):
        """Decode frame `frame` of the file `data`. Raises UnreadableImage."""
        part = header.frames[frame]
        view = first_view(data, header, frame, hints, limits)
        self._factor = _reduction((part.width, part.height), view.reduction)
        self._pixels = decode(data, frame, self._factor, limits)
        self._view = replace(view, full=None)  # which would hold all of its pixels
        self._part, self._frame = part, frame
        self._kept: Kept = {}

    def show(self, plan: Plan, capture: str, side: Side, width: int, uncropped: bool = False) -> Shown:
        """The page of this side by `plan`, or the first where there is none such, `width` px wide at most.

        `capture` is the SHA-256 of the original. With `uncropped` there is all that is left of the capture before it is
        cropped, levelled, so that a person may draw the crop anew.
        """
        recipe, part = self.decided(plan, capture, side), self._part
        stored = part.width, part.height
        page = Placed(recipe, stored, part.orientation, part.dpi).frame("crop" if uncropped else "tone")
        pixels = self._rendered(page, recipe.decision("tone"), width)
        return Shown(pixels, recipe, page.size, page.dpi, on_original(recipe, stored, part.orientation, part.dpi))

    def decided(self, plan: Plan, capture: str, side: Side) -> Recipe:
        """The recipe of that page; nothing is drawn."""
        ((_, recipe),) = decide_all(self._view, _soon(plan), capture, self._frame, side, self._kept)
        return recipe

    def _rendered(self, page: Geometry, decision: Decision | None, width: int) -> np.ndarray:
        """The page at a scale that the pixels at hand allow."""
        scale = min(width / page.size[0], 1 / self._factor)
        small = tuple(max(1, round(side * scale)) for side in page.size)
        stored = Geometry.scaling(self._factor, (self._part.width, self._part.height))
        pixels = render(self._pixels, stored.then(page).then(Geometry.scaling(scale, small)), tone.fill(decision))
        return pixels if decision is None else tone.tone(pixels, _at(scale, decision))


def _soon(plan: Plan) -> Plan:
    """The plan without what takes long and shows little."""
    of_side = {side: _fast(params) for side, params in plan.of_side.items()}
    return replace(plan, params=_fast(plan.params), of_side=of_side, skip={*plan.skip, "quality"})


def _fast(params: Mapping[str, Any]) -> Mapping[str, Any]:
    look = params.get("tone")
    return params if look is None or look.mode != "bitonal" else {**params, "tone": replace(look, bitonal="fast")}


def _reduction(size: Size, most: int) -> int:
    """By how much to reduce a capture of `size`: 1, 2, 4 … as decoders do, to no less than LONG_SIDE; `most` at most."""
    factor = 1
    while factor < most and max(size) >= 2 * factor * LONG_SIDE:
        factor *= 2
    return factor


def _at(scale: float, decision: Decision) -> Decision:
    """What `tone` has to know of the page at another scale."""
    return replace(decision, values={**decision.values, "px_per_mm": decision.values["px_per_mm"] * scale})
