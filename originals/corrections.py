"""What people say of the pages of a book, and what of it still counts: settings, roles, order, retakes, acceptance.

Each is one event of the book's log, so all or nothing. It has a number: its place, from 1, among all such events. An
event `undone` names the number of one that is taken back; it may be undone itself, which says the first one again. What
is left is as if the lines that are taken back had never been said. Which events a log has besides is left to `booklog`,
what settings do to `developing`.

    {"event": "settings", "changes": [{"scopes": [scope, …], "values": {stage: {key: value}}}, …]}
    {"event": "settings", "scope": scope, "values": …}       as older programs wrote it
    {"event": "role", "roles": {id: "blank", …}}             of captures or pages; older: "capture": id, "role": "blank"
    {"event": "order", "capture": id, "before": id}          or "after"
    {"event": "superseded", "old": id, "new": id}
    {"event": "accepted", "pages": {id: digest of what was seen}}
    {"event": "undone", "undone": number}

An arrival that says what it is, or which capture it takes the place of, has a number too. Its image stays when that is
taken back, and a retake is no page then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from originals.caselog import undone_events

UNDONE, RECEIVED = "undone", "received"
BY_HAND = ("settings", "role", "order", "superseded", "accepted")
SPARE = "spare"
SIDES = ("L", "R")  # as they end the ids of pages
Values = Mapping[str, Mapping[str, Any]]  # stage → key → value
Event = Mapping[str, Any]


@dataclass(frozen=True)
class Placed:
    """A capture stands right before or right after another one."""

    capture: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Corrected:
    """What was said of the pages of a book and counts today; `corrections` are all such events, in order.

    `settings` by scope (`originals.scopes`), stage and key. `roles` by capture or page. `superseded` maps a capture that
    was retaken to the one that took its place, `accepted` a page to the digest of what a person saw. `placed` is what
    was said of the order. `unsettled` while events are read: something was taken back, and the rest does not say so yet.
    """

    settings: Mapping[str, Values] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    superseded: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)
    placed: tuple[Placed, ...] = ()
    corrections: tuple[Event, ...] = ()
    unsettled: bool = False


State = TypeVar("State", bound=Corrected)


def corrected(state: State, event: Event) -> State:
    """The state after one more correction; it is to be `settled` before anybody looks at it.

    Raises KeyError, TypeError or AttributeError for one that cannot be read.
    """
    corrections = (*state.corrections, dict(event))
    if event["event"] == UNDONE:
        range(event["undone"])
        return replace(state, corrections=corrections, unsettled=True)
    words = _Words(Corrected() if state.unsettled else state)
    words.take(event, undone=False)
    return replace(state, corrections=corrections, **({} if state.unsettled else words.__dict__))


def settled(state: State) -> State:
    """The state with what is left when something was taken back; once for many events, since all are gone through."""
    if not state.unsettled:
        return state
    undone, words = undone_events(state.corrections, UNDONE), _Words(Corrected())
    for number, said in enumerate(state.corrections, 1):
        words.take(said, number in undone)
    return replace(state, unsettled=False, **words.__dict__)


def subject(corrections: Sequence[Event], number: int) -> Event | None:
    """The correction with a number, or, where that is an undoing, the one that it is about in the end; None for none."""
    while 0 < number <= len(corrections):
        event = corrections[number - 1]
        if event["event"] != UNDONE or event["undone"] >= number:
            return event
        number = event["undone"]
    return None


def undoable(corrections: Sequence[Event]) -> int:
    """The number of what was said last and is not taken back; 0 for none."""
    undone = undone_events(corrections, UNDONE)
    numbers = (number for number in range(len(corrections), 0, -1) if number not in undone)
    return next((number for number in numbers if _by_a_person(corrections[number - 1])), 0)


def redoable(corrections: Sequence[Event]) -> int:
    """The number of the undoing that may itself be undone: the last one, until something new is said; 0 for none."""
    undone = undone_events(corrections, UNDONE)
    for number in range(len(corrections), 0, -1):
        event = corrections[number - 1]
        if _by_a_person(event):
            return 0
        if event["event"] == UNDONE and number not in undone and _is_of_a_person(corrections, event["undone"]):
            return number
    return 0


def _is_of_a_person(corrections: Sequence[Event], number: int) -> bool:
    return 0 < number <= len(corrections) and _by_a_person(corrections[number - 1])


def _by_a_person(event: Event) -> bool:
    return event["event"] in BY_HAND or bool(event["event"] == RECEIVED and event.get("supersedes"))


def laid_over(settings: dict[str, Values], scope: str, values: Values) -> None:
    """Lay `values` over those that `settings` has for a scope, key by key; None takes a key back to what it is without."""
    stages = dict(settings.get(scope, {}))
    for stage, keys in values.items():
        whole = {**stages.get(stage, {}), **keys}
        stages[stage] = {key: value for key, value in whole.items() if value is not None}
    settings[scope] = {stage: keys for stage, keys in stages.items() if keys}
    if not settings[scope]:
        del settings[scope]


def changes_of(event: Event) -> Iterable[tuple[str, Values]]:
    """Scope and values of each change of an event `settings`, old or new."""
    if "changes" not in event:
        return [(event["scope"], event["values"])]
    return [(scope, change["values"]) for change in event["changes"] for scope in change["scopes"]]


class _Words:
    """The fields of `Corrected` while events are laid over each other."""

    def __init__(self, state: Corrected) -> None:
        self.settings, self.roles = dict(state.settings), dict(state.roles)
        self.superseded, self.accepted, self.placed = dict(state.superseded), dict(state.accepted), state.placed

    def take(self, event: Event, undone: bool) -> None:
        kind = event["event"]
        if kind == RECEIVED and undone:
            self.roles.update(dict.fromkeys(event["captures"] if event["supersedes"] else (), SPARE))
        elif kind != UNDONE and not undone:
            getattr(self, f"_{kind}")(event)

    def _settings(self, event: Event) -> None:
        for scope, values in changes_of(event):
            laid_over(self.settings, scope, values)

    def _role(self, event: Event) -> None:
        for name, role in event["roles"].items() if "roles" in event else [(event["capture"], event["role"])]:
            for side in SIDES:  # what is said of a capture is said of its pages
                self.roles.pop(f"{name}-{side}", None)
            self.roles[name] = role

    def _order(self, event: Event) -> None:
        self.placed = (*self.placed, Placed(event["capture"], event.get("before", ""), event.get("after", "")))

    def _superseded(self, event: Event) -> None:
        """A capture that takes the place of its own retake stands again where it stood, and the retake is no page."""
        old, new = event["old"], event["new"]
        if old == new:
            return
        if standing(self.superseded, new) == old:
            del self.superseded[new]
            self.roles[old] = SPARE
            return
        self.superseded[old] = new
        if self.roles.get(new) == SPARE:
            del self.roles[new]

    def _accepted(self, event: Event) -> None:
        self.accepted.update(event["pages"])

    def _received(self, event: Event) -> None:
        if event["role"]:
            self.roles.update(dict.fromkeys(event["captures"], event["role"]))
        if event["supersedes"]:
            self.superseded[event["supersedes"]] = event["captures"][0]


def standing(superseded: Mapping[str, str], name: str) -> str:
    """The capture that stands for one today: its last retake, or itself."""
    seen = {name}
    while (name := superseded.get(name, name)) not in seen:
        seen.add(name)
    return name


def in_order(names: Sequence[str], state: Corrected) -> list[str]:
    """Captures that stand today, moved as people said; one that came since, or is none any more, is left out of it."""
    order, known = list(names), set(names)
    for said in state.placed:
        moved, by = standing(state.superseded, said.capture), standing(state.superseded, said.before or said.after)
        if moved != by and {moved, by} <= known:
            order.remove(moved)
            order.insert(order.index(by) + (not said.before), moved)
    return order
