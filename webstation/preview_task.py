"""What the review screen has drawn of one page: handles on its original, and the page as it would be.

Drawn in a worker process that keeps the captures it had in hand last, decoded, so that a handle that is dragged waits for
no decoding. What a page is developed by is `developing`'s, what it looks like `imaging.preview`'s.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from book import Recipe, Side
from developing import Task, entries
from settings import with_stages

HELD = 3  # captures
Values = Mapping[str, Mapping[str, Any]]  # stage → key → value
_held: OrderedDict[tuple[Any, ...], Any] = OrderedDict()


@dataclass(frozen=True)
class PreviewTask:
    """The page of one side of the capture of `task`, after handles were dragged and `changes` made.

    `dragged` are handles as `imaging.handles.changes_of` takes them. `width` px at most; with 0 nothing is drawn.
    `recipe` is that of the page as it was developed, where it was.
    """

    task: Task
    side: Side
    recipe: Recipe | None = None
    dragged: Mapping[str, Any] = field(default_factory=dict)
    changes: Values = field(default_factory=dict)
    width: int = 0
    uncropped: bool = False


@dataclass(frozen=True)
class Previewed:
    """`changes` are the settings that put the page there; `facts` what there is to draw and what was decided, as JSON."""

    changes: Values
    facts: Mapping[str, Any]
    jpeg: bytes = b""


def preview(task: PreviewTask) -> Previewed:
    """Raises UnreadableImage, and BadConfig for what no page can be made with."""
    from imaging.decode import read_header
    from imaging.handles import changes_of

    data = task.task.original.read_bytes()
    header = read_header(data, task.task.settings.limits)
    plan = task.task.plan.for_side(task.side)
    changes = {stage: dict(keys) for stage, keys in task.changes.items()}
    if task.dragged:
        recipe = task.recipe or _decided(task, data, header, plan)
        for stage, keys in changes_of(task.dragged, _placed(task, header, recipe)).items():
            changes.setdefault(stage, {}).update(keys)
    plan = _changed(plan, changes)
    if task.width:
        capture = task.task.capture
        shown = _preview(task, data, header).show(plan, capture.sha256, task.side, task.width, task.uncropped)
        return Previewed(changes, _facts(_placed(task, header, shown.recipe), shown.handles), shown.jpeg())
    recipe = task.recipe if task.recipe and not changes else _decided(task, data, header, plan)
    placed = _placed(task, header, recipe)
    return Previewed(changes, _facts(placed, _handles(placed)))


def _changed(plan: Any, changes: Values) -> Any:
    said = {stage: {key: value for key, value in keys.items() if value is not None} for stage, keys in changes.items()}
    return replace(plan, params=with_stages(plan.params, entries(said)), operator={*plan.operator, *said}) if said else plan


def _preview(task: PreviewTask, data: bytes, header: Any) -> Any:
    """The capture in hand: one of those that were there last, or decoded now."""
    from imaging.preview import Preview

    capture, hints, limits = task.task.capture, task.task.hints, task.task.settings.limits
    key = capture.sha256, capture.frame, tuple(asdict(hints).items())
    found = _held.pop(key, None) or Preview(data, header, capture.frame, hints, limits)
    _held[key] = found
    while len(_held) > HELD:
        _held.popitem(last=False)
    return found


def _decided(task: PreviewTask, data: bytes, header: Any, plan: Any) -> Recipe:
    return _preview(task, data, header).decided(plan, task.task.capture.sha256, task.side)


def _placed(task: PreviewTask, header: Any, recipe: Recipe) -> Any:
    from imaging.handles import Placed

    frame = header.frames[task.task.capture.frame]
    return Placed(recipe, (frame.width, frame.height), frame.orientation, frame.dpi)


def _handles(placed: Any) -> dict[str, Any]:
    from imaging.handles import on_original

    return on_original(placed.recipe, placed.stored, placed.orientation, placed.dpi)


def _facts(placed: Any, handles: Mapping[str, Any]) -> dict[str, Any]:
    """`original` is the size (width, height) px of the upright original."""
    def decided(stage: str, key: str, otherwise: str) -> Any:
        return placed.value(stage, key) or otherwise

    return {**handles, "original": list(placed.upright.size), "side": str(placed.recipe.side),
            "layout": decided("split", "layout", "single"), "mode": decided("tone", "mode", "colour"),
            "strength": decided("tone", "strength", "clear")}
