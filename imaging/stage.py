"""The contract of a stage: it looks and decides; its decision gives a geometry or a tone; it moves no pixels.

`stages.py` holds the ordered tuple of all stages. A stage lives in one file: frozen `Params` (a section of
`config.yaml`), `decide`, and `geometry` or `tone`, gathered in a `Stage` named STAGE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from book import Decision, Finding, Side
from imaging.geometry import Geometry
from imaging.view import View


@dataclass(frozen=True)
class Stage:
    """One step of developing.

    `decide(view, params)` sees a View and gives a Decision. `geometry(decision, frame, side)` maps the frame that the
    stage saw (a Geometry whose size is that frame's) onto the next; `tone(pixels, decision)` works on rendered pixels.
    `version` goes up whenever the same view would be decided differently, so that pages are developed again.
    """

    name: str
    version: int
    params: type
    decide: Callable[[View, Any], Decision]
    geometry: Callable[[Decision, Geometry, Side], Geometry] | None = None
    tone: Callable[[np.ndarray, Decision], np.ndarray] | None = None

    def decision(self, values: dict[str, Any], confidence: float = 1.0, findings: tuple[Finding, ...] = ()) -> Decision:
        """A decision of this stage."""
        return Decision(self.name, self.version, values, confidence, findings=findings)
