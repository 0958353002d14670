"""The ordered tuple of all stages, and the two ways through it: decide a capture, and replay a recipe.

Deciding looks only at reduced views. Replaying composes the geometry of the decisions and is what `render` and the
drawing of outlines on the original need. Single stages can be decided again while the others stay as they were (`keeping`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

import cv2
import numpy as np

from book import By, Decision, Finding, Recipe, Side, canonical_json, digest
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
MOVED_MM = 1.0  # by which a frame may lie elsewhere and a decision about it still stays; margins around ink are 2 and 4 mm
UNUSABLE = (KeyError, TypeError, ValueError, IndexError, ArithmeticError, cv2.error)  # what comes of values of another kind
PROBE = 64  # px: side of the patch on which an earlier tone is tried


Kept = dict[tuple[str, Side], tuple[Decision, View]]  # by stage and side: its last decision, and the view after it


@dataclass(frozen=True)
class Plan:
    """Parameters by stage name; the names of stages to skip; and for single sides what an operator set otherwise.

    `operator` names the stages whose parameters a person gave for this very capture. `earlier` are recipes of the same
    capture whose decisions stay, but for those of the stages in `again` (`keeping`).
    """

    params: Mapping[str, Any]
    skip: Collection[str] = frozenset()
    operator: Collection[str] = frozenset()
    of_side: Mapping[Side, Mapping[str, Any]] = field(default_factory=dict)
    earlier: tuple[Recipe, ...] = ()
    again: Collection[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """All that decisions depend on, besides the capture: also the versions of the stages."""
        plain = {
            "stages": {stage.name: stage.version for stage in STAGES},
            "params": {name: asdict(params) for name, params in self.params.items()},
            "skip": sorted(self.skip),
            "operator": sorted(self.operator),
            "of_side": {side: {name: asdict(params) for name, params in changed.items()}
                        for side, changed in self.of_side.items()},
        }
        if not self.earlier:
            return plain
        return plain | {"earlier": [recipe.to_json() for recipe in self.earlier], "again": sorted(self.again)}

    @cached_property
    def text(self) -> str:
        """The same, written; the captures of a book mostly share one plan."""
        return canonical_json(self.to_json())

    def for_side(self, side: Side) -> Plan:
        """The plan with what was set for this side alone."""
        changed = self.of_side.get(side, {})
        return replace(self, params={**self.params, **changed}, operator={*self.operator, *changed}, of_side={})

    def stays(self, stage: Stage, side: Side) -> Recipe | None:
        """The earlier recipe that this stage stays as it is in; None where it is to be decided."""
        if stage.name in self.again or stage.name in self.operator:
            return None
        return next((recipe for recipe in self.earlier if stage in OF_CAPTURE or recipe.side == side), None)


def keeping(plan: Plan, recipes: Iterable[Recipe], stages: Collection[str]) -> Plan:
    """The plan by which only `stages` are decided again: `recipes`, of all pages of the capture, say how the others stay.

    They stay also where the program or its settings would now decide otherwise; a stage that was skipped stays skipped.
    What an operator has set for the capture or a page is decided with what he set. A page that there was not before is
    decided in whole. A decision in pixels of a frame (a crop, a gutter, places of faults) is made anew where that frame
    has moved by more than MOVED_MM: it would be about another place. So is one that this program can do nothing with,
    and a finding says so.
    """
    of_no_matter = set(stages) - GEOMETRIC  # those with a geometry tell whether a frame has moved
    earlier = tuple(replace(recipe, decisions=tuple(one for one in recipe.decisions if one.stage not in of_no_matter))
                    for recipe in recipes)
    return replace(plan, earlier=earlier, again=frozenset(stages))


def decide(
    view: View, plan: Plan, capture: str, frame: int = 0, side: Side | None = None, kept: Kept | None = None
) -> list[tuple[View, Recipe]]:
    """Decide everything of one capture, from its first view (EXIF-upright) on.

    Returns for each page, in reading order, its last view and its recipe. `capture` is the SHA-256 of the original.
    With `side` there is but that page, or the first where there is none such. What is `kept` of the same capture from
    another plan is not decided again where its basis is the same; what is decided is added.
    """
    if min(view.size) < LEAST_SIDE:
        plan = replace(plan, skip=GEOMETRIC.union(plan.skip))
    deciding = _Deciding([capture, frame, asdict(view.hints)], view.frame, kept)
    shared: list[Decision] = []
    for stage in OF_CAPTURE:
        view = deciding.step(view, stage, plan, shared)
    sides = [Side(name) for name in view.decided["split"].values["sides"]] if "split" in view.decided else [Side.WHOLE]
    if side is not None:
        sides = [side if side in sides else sides[0]]
    pages = [(side, *deciding.page(view, side, plan.for_side(side), list(shared))) for side in sides]
    return [(last, Recipe(capture, frame, side, tuple(decisions))) for side, last, decisions in pages]


@dataclass(frozen=True)
class _Deciding:
    """One capture on its way through the stages: what all its decisions depend on, its first frame, what is kept of it."""

    first_basis: list[Any]
    upright: Geometry
    kept: Kept | None

    def page(self, view: View, side: Side, plan: Plan, decisions: list[Decision]) -> tuple[View, list[Decision]]:
        """The last view of one page, and all its decisions."""
        last = decisions[-1] if decisions else None
        if last is not None and last.stage == "split":
            before = replace(view, side=side)
            view = before.after(last, split.STAGE.geometry(last, view.frame, side), side)
        for stage in OF_PAGE:
            view = self.step(view, stage, plan, decisions)
        return view, decisions

    def step(self, view: View, stage: Stage, plan: Plan, decisions: list[Decision]) -> View:
        """Let one stage decide, or take what stays or is kept; append its decision."""
        if stage.name in plan.skip:
            return view
        earlier = plan.stays(stage, view.side)
        before = None if earlier is None else earlier.decision(stage.name)
        if earlier is not None and before is None:
            return view  # it was skipped
        if before is None or (stage.tone is None and self._moved(view, stage, earlier, decisions)):
            decision, after = self._decided(view, stage, plan, decisions)
        else:
            decision, after = _as_before(view, stage, before) or self._instead(view, stage, plan, decisions)
        decisions.append(decision)
        return after

    def _instead(self, view: View, stage: Stage, plan: Plan, decisions: list[Decision]) -> tuple[Decision, View]:
        """What is decided in the place of an earlier decision that is of no use."""
        decision, after = self._decided(view, stage, plan, decisions)
        return replace(decision, findings=(*decision.findings, Finding("redecided", facts={"stage": stage.name}))), after

    def _decided(self, view: View, stage: Stage, plan: Plan, decisions: list[Decision]) -> tuple[Decision, View]:
        params = plan.params[stage.name]
        basis = [self.first_basis, stage.name, stage.version, asdict(params), [decision.to_json() for decision in decisions]]
        basis, by = digest(basis)[:16], By.OPERATOR if stage.name in plan.operator else By.AUTO
        known = self.kept.get((stage.name, view.side)) if self.kept else None
        if known is None or (known[0].basis, known[0].by) != (basis, by):
            decision = replace(stage.decide(view, params), by=by, basis=basis)
            known = decision, _after(view, stage, decision)
        if self.kept is not None:
            self.kept[stage.name, view.side] = known
        return known

    def _moved(self, view: View, stage: Stage, earlier: Recipe, decisions: list[Decision]) -> bool:
        """Whether the frame that an earlier decision was about lies elsewhere by now."""
        if decisions == list(takewhile(lambda decision: decision.stage != stage.name, earlier.decisions)):
            return False
        try:
            before = _composed(self.upright, earlier, stage.name)
        except UNUSABLE:
            return True
        now, corners = view.frame, before.corners
        apart = np.abs([now.points_back(corners) - before.points_back(corners), now.corners - corners])
        return bool(apart.max() > MOVED_MM * view.px_per_mm)


def _as_before(view: View, stage: Stage, decision: Decision) -> tuple[Decision, View] | None:
    """An earlier decision, perhaps of an older program, and the view after it; None where it is of no use to this one."""
    try:
        if stage.name == "split":
            for side in decision.values["sides"]:
                stage.geometry(decision, view.frame, Side(side))
        if stage.tone is not None:
            tone.fill(decision)
            stage.tone(np.full((PROBE, PROBE, 3), 200, np.uint8), decision)
        return decision, _after(view, stage, decision)
    except UNUSABLE:
        return None


def _after(view: View, stage: Stage, decision: Decision) -> View:
    """The view after a decision. The split's geometry waits until a side is chosen."""
    if stage.name == "split":
        return replace(view, decided={**view.decided, "split": decision})
    return view.after(decision, stage.geometry(decision, view.frame, view.side) if stage.geometry else None)


def geometry(recipe: Recipe, stored: Size, orientation: int, dpi: float | None, upto: str | None = None) -> Geometry:
    """Compose the recipe's geometry, from stored pixels to the page.

    With `upto`, only as far as the frame that the named stage saw.
    """
    return _composed(Geometry.exif(orientation, stored, dpi), recipe, upto)


def _composed(composed: Geometry, recipe: Recipe, upto: str | None) -> Geometry:
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
