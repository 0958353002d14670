"""The log of a book: all that arrived for it and that people said of it, one JSON object a line, in order.

The log is only ever appended to; where a book stands is folded from it. Pixels and bytes are left to `store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from book import Capture
from originals.caselog import check_event
from originals.eventlog import EventLog

# events after which a closed book is another
CHANGES = {"received", "settings", "role", "superseded", "moved", "cases", "cases_undone"}
PACKING = {"packed", "copied"}  # events that say nothing new of the book itself
CHECKS = {"closing", "closed", "sampled", "verdict", *PACKING}  # events of those who check work that others did
SPARE = "spare"
Values = Mapping[str, Mapping[str, Any]]  # stage → key → value


@dataclass(frozen=True)
class SetAside:
    """A file, or one frame of it (None: all), that could not be used; code of the reason, and its facts.

    `sha256` is None where not even its bytes could be had.
    """

    name: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    frame: int | None = None


@dataclass(frozen=True)
class BookState:
    """Where a book stands. `captures` are in order of arrival; `settings` by scope: `book`, capture or page.

    `names` are those that each original arrived under; `packed` has the last event of each kind of package; `facts`
    are what people said of the book (title, layout, paper, stated totals). `roles` of captures: `blank` is a blank
    page that is meant, `slip` an attached slip, `spare` one that was captured twice and is no page. `superseded` maps a
    capture that was retaken to the one that took its place; `moved` names captures that went to another book. None is
    deleted. `closings` are the events with which the book was closed, in order; `changed` says whether its pages or
    cases were since, and `closing` is the event with which a closing began that is not at its end and that nothing has
    changed since. `accepted` maps a page to the digest of what a person saw when they accepted it. `case_events` are
    those about cases, their undoing among them. `sample` is the acceptance sample drawn last, `verdicts` maps its pages
    to what a second person said of them; `workers` are the names of all who had a hand in the work itself.
    """

    captures: tuple[Capture, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    settings: Mapping[str, Values] = field(default_factory=dict)
    packed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    superseded: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    closings: tuple[Mapping[str, Any], ...] = ()
    changed: bool = False
    accepted: Mapping[str, str] = field(default_factory=dict)
    case_events: tuple[Mapping[str, Any], ...] = ()
    closing: Mapping[str, Any] | None = None
    sample: Mapping[str, Any] | None = None
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workers: frozenset[str] = frozenset()
    ended: bool = False
    opened: str = ""
    last: str = ""
    last_event: str = ""

    @property
    def next_arrival(self) -> int:
        """The number of the next original that is new to the book, from 0."""
        return self.captures[-1].arrival + 1 if self.captures else 0

    @property
    def current(self) -> tuple[Capture, ...]:
        """The captures that are pages of the book today, in order: a retake stands where the retaken one stood."""
        by_id = {capture.id: capture for capture in self.captures}
        retakes = {self.latest(old) for old in self.superseded}
        shown = (self.latest(capture.id) for capture in self.captures
                 if capture.id in self.superseded or capture.id not in retakes)
        kept = dict.fromkeys(name for name in shown if name not in self.moved and self.roles.get(name) != SPARE)
        return tuple(by_id[name] for name in kept)

    def latest(self, name: str) -> str:
        """The capture that stands for one today: its last retake, or itself."""
        seen = {name}
        while (name := self.superseded.get(name, name)) not in seen:
            seen.add(name)
        return name

    def with_settings(self, changes: Iterable[tuple[str, Values]]) -> BookState:
        """The state with `(scope, values)` laid over its settings, key by key."""
        settings = dict(self.settings)
        for scope, values in changes:
            stages = dict(settings.get(scope, {}))
            for stage, keys in values.items():
                stages[stage] = {**stages.get(stage, {}), **keys}
            settings[scope] = stages
        return replace(self, settings=settings)


class BookLog(EventLog[BookState]):
    """The log file of one book."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, BookState(), _after)


def _after(state: BookState, event: Mapping[str, Any]) -> BookState:
    """The state after one more event. Kinds that a newer program wrote change only the time."""
    kind, by = event["event"], event.get("by")
    fold = _FOLDS.get(kind)
    after = replace(fold(state, event) if fold else state, last=event["time"], last_event=kind)
    if by and kind not in CHECKS:
        after = replace(after, workers=after.workers | {by})
    return replace(after, changed=True, closing=None) if _changes(state, after, kind) else after


def _changes(before: BookState, after: BookState, kind: str) -> bool:
    """Whether the book is another after an event: not by an image that it had already, or by facts that were known."""
    if kind == "received":
        return len(after.captures) != len(before.captures)
    if kind == "opened":
        return after.facts != before.facts
    return kind in CHANGES


def _opened(state: BookState, event: Mapping[str, Any]) -> BookState:
    facts = {**state.facts, **event.get("facts", {})}
    return replace(state, opened=state.opened or event["time"], ended=False, facts=facts)


def _ended(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, ended=True)


def _role(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, roles={**state.roles, event["capture"]: event["role"]})


def _superseded(state: BookState, event: Mapping[str, Any]) -> BookState:
    if event["old"] == event["new"]:
        return state
    return replace(state, superseded={**state.superseded, event["old"]: event["new"]})


def _moved(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, moved={**state.moved, event["capture"]: event["book"]})


def _received(state: BookState, event: Mapping[str, Any]) -> BookState:
    """`role` and `supersedes` come with the arrival that they are of: one line, so all or nothing."""
    sha256, name = event["sha256"], event["name"]
    names = {**state.names, sha256: (*state.names.get(sha256, ()), name)}
    aside = tuple(item for item in state.set_aside  # the same file, or a whole version of it that came later
                  if item.frame is not None or (item.sha256 != sha256 and item.name != name))
    state = replace(state, names=names, set_aside=aside)
    known = {capture.id for capture in state.captures}
    arrived = (_capture(event, frame) for frame in event["frames"])
    new = tuple(capture for capture in arrived if capture.id not in known)
    state = replace(state, captures=state.captures + new)
    if new and event.get("role"):
        state = replace(state, roles={**state.roles, **{capture.id: event["role"] for capture in new}})
    if new and event.get("supersedes"):
        state = replace(state, superseded={**state.superseded, event["supersedes"]: new[0].id})
    return state


def _capture(event: Mapping[str, Any], frame: Mapping[str, Any]) -> Capture:
    return Capture(
        sha256=event["sha256"], media=event["media"], width=frame["width"], height=frame["height"],
        frame=frame["frame"], dpi=frame["dpi"], source=event["name"], arrival=event["arrival"],
        exif=dict(event.get("exif", {})),
    )


def _set_aside(state: BookState, event: Mapping[str, Any]) -> BookState:
    facts = dict(event.get("facts", {}))
    item = SetAside(event["name"], event["code"], facts, event.get("sha256"), event.get("frame"))
    others = tuple(old for old in state.set_aside if _place(old) != _place(item))
    return replace(state, set_aside=(*others, item))


def _place(item: SetAside) -> tuple[Any, ...]:
    return (item.sha256, item.frame) if item.sha256 else (item.name,)


def _settings(state: BookState, event: Mapping[str, Any]) -> BookState:
    return state.with_settings([(event["scope"], event["values"])])


def _accepted(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, accepted={**state.accepted, **event["pages"]})


def _closing(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, closing=dict(event))


def _closed(state: BookState, event: Mapping[str, Any]) -> BookState:
    """What came while the book was being closed is not in its packages: then the book is changed already."""
    return replace(state, closings=(*state.closings, dict(event)), changed=state.closing is None, closing=None)


def _sampled(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, sample=dict(event), verdicts={})


def _verdict(state: BookState, event: Mapping[str, Any]) -> BookState:
    said = {page: {**verdict, "by": event["by"]} for page, verdict in event["pages"].items()}
    return replace(state, verdicts={**state.verdicts, **said})


def _cases(state: BookState, event: Mapping[str, Any]) -> BookState:
    check_event(event)
    return replace(state, case_events=(*state.case_events, dict(event)))


def _packed(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, packed={**state.packed, event["package"]: dict(event)})


_FOLDS = {
    "opened": _opened,
    "ended": _ended,
    "role": _role,
    "superseded": _superseded,
    "moved": _moved,
    "received": _received,
    "set_aside": _set_aside,
    "settings": _settings,
    "packed": _packed,
    "accepted": _accepted,
    "closing": _closing,
    "closed": _closed,
    "sampled": _sampled,
    "verdict": _verdict,
    "cases": _cases,
    "cases_undone": _cases,
}
