"""A person corrects the pages of a book: each correction is one event of its log, and can be taken back.

What lies on the light table is `lighttable`'s, whom a setting holds for `originals.scopes`', developing again the
station's. Nothing is developed here. Every function that says something gives back what came of it: `Done`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import acceptance
from book import canonical_json
from bookwork import Work
from developing import Task, stale
from errors import BadConfig, BadIdentity, NothingToDo
from lighttable import Said, Table, TablePage, Undeveloped, look, table
from originals import corrections
from originals.booklog import BookState
from originals.corrections import SPARE
from originals.durable import locked
from originals.scopes import REACHES, reached
from pipeline import seen
from settings import check_changes
from wholebook import Looked

__all__ = [
    "ACTIONS", "REACHES", "REMEDIES", "Done", "Said", "Table", "TablePage", "Undeveloped", "accept", "correct", "mark",
    "move", "redo", "supersede", "swap", "table", "task_used", "turn", "undo",
]

ACTIONS = (
    "accept",  # it is good as it is
    "retake",  # scan or photograph the page again
    "turn90", "turn180", "turn270",  # clockwise
    "single", "spread",  # the image is one page, or two
    "gutter", "degrees", "crop", "tone",  # set it by hand
    "spare",  # the page was captured twice: this capture is none
)
# the two likeliest for each finding that asks a person to look
REMEDIES: Mapping[str, tuple[str, str]] = {
    "turned": ("accept", "turn180"),
    "turn_unsure": ("turn90", "turn270"),
    "layout_unsure": ("spread", "accept"),
    "gutter_unsure": ("gutter", "accept"),
    "skew_large": ("accept", "degrees"),
    "skew_left": ("degrees", "retake"),
    "upside_down": ("turn180", "accept"),
    "content_at_edge": ("retake", "accept"),
    "blurred": ("retake", "accept"),
    "motion_blur": ("retake", "accept"),
    "too_dark": ("retake", "accept"),
    "glare": ("retake", "accept"),
    "clipped": ("retake", "accept"),
    "uneven_light": ("retake", "accept"),
    "object_on_page": ("retake", "accept"),
    "low_resolution": ("retake", "accept"),
    "lost_ink": ("retake", "tone"),
    "other_layout": ("single", "spread"),
    "other_gutter": ("gutter", "accept"),
    "other_size": ("crop", "accept"),
    "as_in_book": ("accept", "gutter"),
    "double_page": ("spare", "accept"),
}


@dataclass(frozen=True)
class Done:
    """What a person did (a code) and its facts, and the captures that are now to be developed again, in book order."""

    did: str
    facts: Mapping[str, Any]
    develop: tuple[str, ...] = ()


def _alone(say: Callable[..., Done]) -> Callable[..., Done]:
    """Nobody else says anything of pages meanwhile: what is said depends on what was said before."""

    @wraps(say)
    def alone(work: Work, *said: Any, **more: Any) -> Done:
        with locked(work.workplace.corrections_lock, wait=True):
            return say(work, *said, **more)

    return alone


@_alone
def correct(work: Work, page: str, changes: Mapping[str, Mapping[str, Any]], reach: str, by: str) -> Done:
    """Settings (stage → key → value; None takes one back) for a page, and as far as `reach` says (`REACHES`).

    `page`: this page; what stages of the capture decide (orient, outline, split) holds for its other page, too.
    `capture`: both its pages. `following`: it and all after it in the book's order, those to come as well. `left`,
    `right`: all pages of that side, those to come as well; of captures that are no spreads, those here with an even
    number are left pages. `all`: all, those to come as well. What reaches farther takes back what was said of the same
    keys before. What is turned loses what was set by hand on its frame. Raises BadConfig, BadIdentity.
    """
    _check_changes(changes)
    return _set(work, page, changes, reach, by, "set", stages=", ".join(sorted(changes)))


@_alone
def turn(work: Work, page: str, degrees: int, by: str, reach: str = "page", lies: int | None = None) -> Done:
    """Turn the image of a page by 90, 180 or 270° clockwise against how it lies now. Raises as `correct` does.

    `lies` is how it is turned now; of a page that is just being developed anew it must be told.
    """
    if lies is None:
        lies = _lies(look(work), page)
    changes = {"orient": {"turn": (lies + degrees) % 360}}
    _check_changes(changes)
    return _set(work, page, changes, reach, by, "turned", degrees=degrees % 360)


@_alone
def mark(work: Work, pages: str | Sequence[str], role: str, by: str) -> Done:
    """A page or several, or captures, are `blank`, attached `slip`s, `spare` (captures only), or like others (empty).

    Of one page of two, `spare` is said of its whole capture where its id is given. Raises BadIdentity.
    """
    names = [pages] if isinstance(pages, str) else list(pages)
    if not names:
        raise BadIdentity("page_unknown", page="")
    if role not in ("blank", "slip", SPARE, ""):
        raise BadIdentity("role_unknown", role=role)
    looked = look(work)
    facts = {"page": names[0], "number": _number(looked, names[0]), "pages": len(names), "role": role or "page"}
    acceptance.mark(_so_far(work), names, role, by, {"did": "marked", **facts})
    return _done(work, looked.state, "marked", facts)


@_alone
def accept(work: Work, shown: Mapping[str, str], by: str) -> Done:
    """Pages are good as a person saw them: ids, with what the table said was `seen`.

    One that is being developed anew, or is another by now, is left; the facts tell how many (`left`).
    """
    looked = look(work)
    now = {page.id: seen(page) for page in looked.pages if page.id.partition("-")[0] in looked.used}
    same = [name for name, what in shown.items() if now.get(name) == what]
    accepted, waits = acceptance.accept(_so_far(work), same, by)
    return Done("accepted", {"pages": len(accepted), "waiting": len(waits), "left": len(shown) - len(same)})


@_alone
def move(work: Work, page: str, before: str | None, by: str) -> Done:
    """The capture of a page goes before that of another one, or to the end (None); both its pages go.

    Captures to come stand after it. Nothing is said where it stands there already. Raises BadIdentity.
    """
    looked = look(work)
    capture, order = page.partition("-")[0], [one.id for one in looked.state.current]
    target = before.partition("-")[0] if before else ""
    _check(order, [capture, *([target] if before else [])])
    place = {"before": target} if before else {"after": order[-1]}
    facts = {"page": page, "number": _number(looked, page)}
    if capture in place.values():
        return Done("moved", facts)
    return _say(work, {"event": "order", "capture": capture, **place}, by, "moved", facts)


@_alone
def swap(work: Work, page: str, by: str) -> Done:
    """The capture of a page changes places with the next one. Raises BadIdentity, NothingToDo for the last one."""
    looked = look(work)
    capture, order = page.partition("-")[0], [one.id for one in looked.state.current]
    _check(order, [capture])
    if order[-1] == capture:
        raise NothingToDo("no_next_page", page=page)
    following = order[order.index(capture) + 1]
    facts = {"page": page, "number": _number(looked, page)}
    return _say(work, {"event": "order", "capture": capture, "after": following}, by, "swapped", facts)


@_alone
def supersede(work: Work, old: str, new: str, by: str) -> Done:
    """A capture that came in (`new`, or one of its pages) is the retake of another, and takes its place.

    An earlier image of a page takes its own retake's place that way, too. Raises BadIdentity.
    """
    looked = look(work)
    old, new = old.partition("-")[0], new.partition("-")[0]
    _check([capture.id for capture in looked.state.captures if capture.id not in looked.state.moved], [old, new])
    if looked.state.latest(old) != old or old == new:
        raise BadIdentity("page_unknown", page=old)
    return _say(work, {"event": "superseded", "old": old, "new": new}, by, "superseded",
                {"page": old, "number": _number(looked, old), "retake": new})


@_alone
def undo(work: Work, by: str) -> Done:
    """Take back what was said last, by whomever. Raises NothingToDo."""
    state = look(work).state
    return _undone(work, state, corrections.undoable(state.corrections), by, "undone")


@_alone
def redo(work: Work, by: str) -> Done:
    """Say again what was taken back last, by whomever. Raises NothingToDo."""
    state = look(work).state
    return _undone(work, state, corrections.redoable(state.corrections), by, "redone")


def task_used(looked: Looked, page: str) -> Task:
    """The task that a page was developed with, or will be. Raises BadIdentity."""
    capture = page.partition("-")[0]
    to_be = (task for task in looked.tasks if task.capture.id == capture)
    task = looked.used.get(capture) or next(to_be, None)
    if task is None:
        raise BadIdentity("page_unknown", page=page)
    return task


def _set(
    work: Work, page: str, changes: Mapping[str, Mapping[str, Any]], reach: str, by: str, did: str, **facts: Any
) -> Done:
    looked = look(work)
    if reach not in REACHES:
        raise BadConfig("setting_form", setting=reach)
    if page not in {one.id for one in looked.pages} and page.partition("-")[0] not in looked.before(undeveloped=True):
        raise BadIdentity("page_unknown", page=page)
    said = reached(looked.state, page, changes, reach, [one.id for one in looked.pages])
    event = {"event": "settings", "changes": [{"scopes": scopes, "values": values} for scopes, values in said]}
    return _say(work, event, by, did, {"page": page, "number": _number(looked, page), "reach": reach, **facts})


def _say(work: Work, event: Mapping[str, Any], by: str, did: str, facts: Mapping[str, Any]) -> Done:
    before = work.log.state()
    work.log.append({**event, "by": by, "said": {"did": did, **facts}})
    return _done(work, before, did, facts)


def _done(work: Work, before: BookState, did: str, facts: Mapping[str, Any]) -> Done:
    return Done(did, facts, stale(before, work.log.state()))


def _undone(work: Work, state: BookState, number: int, by: str, did: str) -> Done:
    if not number:
        raise NothingToDo("nothing_to_undo" if did == "undone" else "nothing_to_redo")
    work.log.append({"event": corrections.UNDONE, "undone": number, "by": by})
    said = Said.of(corrections.subject(state.corrections, number))
    return _done(work, state, did, {"was": said.did, "by": said.by, **said.facts})


def _check_changes(changes: Any) -> None:
    """Raises BadConfig for what are no settings, for none, and for numbers that are none."""
    check_changes(changes)
    try:
        canonical_json(changes)
    except ValueError:
        raise BadConfig("setting_form", setting="NaN") from None
    if not any(changes.values()):
        raise BadConfig("setting_form", setting="")


def _lies(looked: Looked, page: str) -> int:
    """The degrees by which a page was turned when it was developed. Raises BadIdentity."""
    for one in looked.pages:
        if one.id == page:
            decision = one.recipe.decision("orient")
            return int(decision.values["turn"]) if decision else 0
    raise BadIdentity("page_unknown", page=page)


def _number(looked: Looked, name: str) -> int:
    """The number of a page, or of the first page of a capture; where it will stand, if it is just being developed anew.

    0 for one that is no page now.
    """
    numbers = (number for number, page in enumerate(looked.pages, 1) if name in (page.id, page.id.partition("-")[0]))
    capture, right = name.partition("-")[0], name.endswith("-R")
    return next(numbers, 0) or looked.before(undeveloped=True).get(capture, -1 - right) + 1 + right


def _check(captures: Sequence[str], names: Iterable[str]) -> None:
    for name in names:
        if name not in captures:
            raise BadIdentity("page_unknown", page=name)


def _so_far(work: Work) -> Work:
    return replace(work, develop=False)
