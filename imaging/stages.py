"""The ordered tuple of all stages, and the two ways through it: decide a capture, and replay a recipe.

Deciding looks only at reduced views. Replaying composes the geometry of the decisions and is what `render` and the
drawing of outlines on the original need.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from book import By, Decision, Recipe, Side, canonical_json, digest
from imaging import crop, deskew, flatten, orient, outline, quality, split, tone
from imaging.geometry import Geometry, Size
from imaging.render import render
from imaging.stage import Stage
from imaging.view import View

OF_CAPTURE: tuple[Stage, ...] = (orient.STAGE, outline.STAGE, split.STAGE)
OF_PAGE: tuple[Stage, ...] = (flatten.STAGE, deskew.STAGE, crop.STAGE, tone.STAGE, quality.STAGE)
STAGES = OF_CAPTURE + OF_PAGE
GEOMETRIC = frozenset(stage.name for stage in STAGES if stage.geometry is not None)
LEAST_SIDE = 200  # px: in a smaller image nothing can be read, so nothing is turned, split or cut off


Kept = dict[tuple[str, Side], tuple[Decision, View]]  # by stage and side: its last decision, and the view after it


@dataclass(frozen=True)
class Plan:
    """Parameters by stage name; the names of stages to skip; and for single sides what an operator set otherwise.

    `operator` names the stages whose parameters a person gave for this very capture.
    """

    params: Mapping[str, Any]
    skip: Collection[str] = frozenset()
    operator: Collection[str] = frozenset()
    of_side: Mapping[Side, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All that decisions depend on, besides the capture: also the versions of the stages."""
        return {
            "stages": {stage.name: stage.version for stage in STAGES},
            "params": {name: asdict(params) for name, params in self.params.items()},
            "skip": sorted(self.skip),
            "operator": sorted(self.operator),
            "of_side": {side: {name: asdict(params) for name, params in changed.items()}
                        for side, changed in self.of_side.items()},
        }

    @cached_property
    def text(self) -> str:
        """The same, written; the captures of a book mostly share one plan."""
        return canonical_json(self.to_json())

    def for_side(self, side: Side) -> Plan:
        """The plan with what was set for this side alone."""
        changed = self.of_side.get(side, {})
        return replace(self, params={**self.params, **changed}, operator={*self.operator, *changed}, of_side={})


def decide(
    view: View, plan: Plan, capture: str, frame: int = 0, side: Side | None = None, kept: Kept | None = None
) -> list[tuple[View, Recipe]]:
    """Decide everything of one capture, from its first view (EXIF-upright) on.

    Returns for each page, in reading order, its last view and its recipe. `capture` is the SHA-256 of the original.
    With `side` there is but that page, or the first where there is none such. What is `kept` of the same capture from
    another plan is not decided again where its basis is the same; what is decided is added.
    """
    first_basis = [capture, frame, asdict(view.hints)]
    if min(view.size) < LEAST_SIDE:
        plan = replace(plan, skip=GEOMETRIC.union(plan.skip))
    shared: list[Decision] = []
    for stage in OF_CAPTURE:
        view = _step(view, stage, plan, shared, first_basis, kept)
    sides = [Side(name) for name in view.decided["split"].values["sides"]] if "split" in view.decided else [Side.WHOLE]
    if side is not None:
        sides = [side if side in sides else sides[0]]
    return [_decide_page(view, side, plan.for_side(side), list(shared), capture, frame, first_basis, kept) for side in sides]


def _decide_page(view, side, plan, decisions, capture, frame, first_basis, kept) -> tuple[View, Recipe]:
    last = decisions[-1] if decisions else None
    if last is not None and last.stage == "split":
        before = replace(view, side=side)
        view = before.after(last, split.STAGE.geometry(last, view.frame, side), side)
    for stage in OF_PAGE:
        view = _step(view, stage, plan, decisions, first_basis, kept)
    return view, Recipe(capture, frame, side, tuple(decisions))


def _step(
    view: View, stage: Stage, plan: Plan, decisions: list[Decision], first_basis: list[Any], kept: Kept | None
) -> View:
    """Let one stage decide, or take what is kept; append its decision."""
    if stage.name in plan.skip:
        return view
    params = plan.params[stage.name]
    basis = [first_basis, stage.name, stage.version, asdict(params), [decision.to_json() for decision in decisions]]
    basis, by = digest(basis)[:16], By.OPERATOR if stage.name in plan.operator else By.AUTO
    known = kept.get((stage.name, view.side)) if kept else None
    if known is None or (known[0].basis, known[0].by) != (basis, by):
        decision = replace(stage.decide(view, params), by=by, basis=basis)
        known = decision, _after(view, stage, decision)
    if kept is not None:
        kept[stage.name, view.side] = known
    decisions.append(known[0])
    return known[1]


def _after(view: View, stage: Stage, decision: Decision) -> View:
    """The view after a decision. The split's geometry waits until a side is chosen."""
    if stage.name == "split":
        return replace(view, decided={**view.decided, "split": decision})
    return view.after(decision, stage.geometry(decision, view.frame, view.side) if stage.geometry else None)


def geometry(recipe: Recipe, stored: Size, orientation: int, dpi: float | None, upto: str | None = None) -> Geometry:
    """Compose the recipe's geometry, from stored pixels to the page.

    With `upto`, only as far as the frame that the named stage saw.
    """
    composed = Geometry.exif(orientation, stored, dpi)
    stages = {stage.name: stage for stage in STAGES}
    for decision in recipe.decisions:
        if decision.stage == upto:
            break
        stage = stages[decision.stage]
        if stage.geometry is not None:
            composed = composed.then(stage.geometry(decision, composed, recipe.side))
    return composed


def develop_page(pixels: np.ndarray, recipe: Recipe, orientation: int, dpi: float | None) -> tuple[np.ndarray, Geometry]:
    """Replay a recipe: stored `pixels` (grey (h, w) or RGB (h, w, 3) uint8) to the page's pixels and its geometry."""
    height, width = pixels.shape[:2]
    composed = geometry(recipe, (width, height), orientation, dpi)
    decision = recipe.decision("tone")
    page = render(pixels, composed, fill=tone.fill(decision))
    return (page if decision is None else tone.STAGE.tone(page, decision)), composed
