"""Developing again with other settings: what is set is kept in the book's log; what changes is told first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from book import Identity, Recipe
from developing import Progress, Task, plan, read_developed
from errors import BadIdentity, NothingToDo
from originals.scopes import BOOK, OF_CAPTURE
from pipeline import Outcome, Received, finish
from settings import Settings, parse_changes
from workplace import Workplace


@dataclass(frozen=True)
class Difference:
    """A value that one stage decided otherwise than before. `before` is None for a page that is new."""

    page: str
    stage: str
    before: Any
    after: Any


def redo(
    identity: Identity, out: Path, settings: Settings, pages: Iterable[str], changes: Iterable[str], dry_run: bool,
    jobs: int, progress: Progress, by: str = "",
) -> tuple[Outcome | None, list[Difference]]:
    """Set `changes` (`stage.key=value`) for the pages named, or for the book, and develop what that touches.

    With `dry_run` nothing is written; the differences are those that would come. Raises BadConfig for a setting that
    is not known, BadIdentity for a page that is not in the book, NothingToDo for a book that is not there.
    """
    workplace = Workplace(Path(out))
    log = workplace.log(str(identity))
    state = log.state()
    if not state.captures:
        raise NothingToDo("book_unknown", book=str(identity), out=str(out))
    parsed = parse_changes(list(changes))
    values = {stage: {key: entry.value for key, entry in keys.items()} for stage, keys in parsed.items()}
    scopes = scopes_of(list(pages), values, [capture.id for capture in state.captures])
    changed = state.with_settings([(scope, values) for scope in scopes])
    before = plan(workplace, identity, settings, state)
    after = plan(workplace, identity, settings, changed)
    differences = [item for old, new in zip(before, after, strict=True)
                   if old.basis != new.basis or read_developed(new) is None for item in compare(old, new)]
    if dry_run:
        return None, differences
    with workplace.store.lock():
        if values:
            log.append({"event": "settings", "by": by, "changes": [{"scopes": scopes, "values": values}]})
        nothing_new = Received(0, len(state.captures), (), ())
        return finish(workplace, identity, settings, jobs, progress, nothing_new), differences


def scopes_of(pages: list[str], values: dict[str, Any], captures: list[str]) -> list[str]:
    """The scopes that settings go to: `book`, a capture or a page. What a capture decides, both its pages share.

    Raises BadIdentity for a page that is not in the book.
    """
    if not pages:
        return [BOOK]
    scopes = []
    for page in pages:
        capture = page.split("-")[0]
        if capture not in captures:
            raise BadIdentity("page_unknown", page=page)
        scopes.append(capture if OF_CAPTURE & values.keys() else page)
    return list(dict.fromkeys(scopes))


def compare(old: Task, new: Task) -> Iterator[Difference]:
    """What the new task decides otherwise than the old one's pages say."""
    pages = read_developed(old)
    before = {page.id: page.recipe for page in pages or ()}
    for page, recipe in decide_only(new).items():
        yield from differences_of(page, before.get(page), recipe)


def decide_only(task: Task) -> dict[str, Recipe]:
    """The recipes that developing `task` would give, by page id; no pixels are developed."""
    from book import Page
    from imaging.decode import read_header
    from imaging.opening import first_view
    from imaging.stages import decide

    data = task.original.read_bytes()
    header = read_header(data, task.settings.limits)
    view = first_view(data, header, task.capture.frame, task.hints, task.settings.limits)
    decided = decide(view, task.plan, task.capture.sha256, task.capture.frame)
    return {Page(task.capture.id, recipe.side).id: recipe for _, recipe in decided}


def differences_of(page: str, before: Recipe | None, after: Recipe) -> Iterator[Difference]:
    """Stage by stage, the values that differ."""
    for decision in after.decisions:
        old = before.decision(decision.stage) if before else None
        was = old.to_json()["values"] if old else {}
        becomes = decision.to_json()["values"]
        changed = sorted(key for key in was.keys() | becomes.keys() if was.get(key) != becomes.get(key))
        if changed:
            yield Difference(page, decision.stage, {key: was.get(key) for key in changed} if old else None,
                             {key: becomes.get(key) for key in changed})
