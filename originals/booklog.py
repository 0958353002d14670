"""The log of a book: all that arrived for it and that people said of it, one JSON object a line, in order.

The log is only ever appended to; where a book stands is folded from it. Pixels and bytes are left to `store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from book import Capture
from originals import corrections
from originals.caselog import check_event
from originals.corrections import SPARE, Corrected, Values
from originals.eventlog import EventLog

# events after which a closed book is another
CHANGES = {"received", "settings", "role", "order", "superseded", "moved", "cases", "cases_undone"}
PACKING = {"packed", "copied"}  # events that say nothing new of the book itself
# events of those who check work that others did
CHECKS = {"closing", "closed", "sampled", "verdict", "cases_checked", *PACKING}


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
class BookState(Corrected):
    """Where a book stands, beside what people said of its pages. `captures` are in order of arrival.

    `names` are those that each original arrived under; `packed` has the last event of each kind of package; `facts`
    are what people said of the book (title, layout, paper, stated totals). `roles` of captures and pages: `blank` is a
    blank page that is meant, `slip` an attached slip; `spare` is a capture that was taken twice and is no page. `moved`
    names captures that went to another book. None is deleted. `closings` are the events with which the book was closed,
    in order; `changed` says whether its pages or cases were since, and `closing` is the event with which a closing began
    that is not at its end and that nothing has changed since. `case_events` are those about cases, their undoing among
    them; `case_checks` maps a case to what a second person typed of it last. `sample` is the acceptance sample drawn last,
    `verdicts` maps its pages to what a second person said of them; `workers` are the names of all who had a hand in the work
    itself.
    """

    captures: tuple[Capture, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    packed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outdated: bool = False  # its pages or cases were changed since it was packed
    facts: Mapping[str, Any] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    closings: tuple[Mapping[str, Any], ...] = ()
    changed: bool = False
    case_events: tuple[Mapping[str, Any], ...] = ()
    case_checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    closing: Mapping[str, Any] | None = None
    sample: Mapping[str, Any] | None = None
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workers: frozenset[str] = frozenset()
    retaking: str | None = None  # the capture whose place the next one takes
    ended: bool = False
    opened: str = ""
    last: str = ""
    last_event: str = ""

    @property
    def next_arrival(self) -> int:
        """The number of the next original that is new to the book, from 0."""
        return self.captures[-1].arrival + 1 if self.captures else 0

    @property
    def is_packed(self) -> bool:
        """Whether its packages hold the book as it is today."""
        return bool(self.packed) and not self.outdated

    @cached_property
    def current(self) -> tuple[Capture, ...]:
        """The captures that are pages of the book today, in the order of their arrival, or as people said.

        A retake stands where the retaken one stood.
        """
        by_id = {capture.id: capture for capture in self.captures}
        shown = dict.fromkeys(self.latest(capture.id) for capture in self.captures
                              if capture.id in self.superseded or capture.id not in self.retakes)
        return tuple(by_id[name] for name in corrections.in_order(list(shown), self)
                     if name not in self.moved and self.roles.get(name) != SPARE)

    @cached_property
    def retakes(self) -> frozenset[str]:
        """The captures that stand today for one that was retaken."""
        return frozenset(self.latest(old) for old in self.superseded)

    def latest(self, name: str) -> str:
        """The capture that stands for one today: its last retake, or itself."""
        return corrections.standing(self.superseded, name)

    def role_of(self, page: str) -> str:
        """What a page is: what was said of it, or else of its capture; empty for a page like others."""
        return self.roles.get(page, self.roles.get(page.partition("-")[0], ""))

    def with_settings(self, changes: Iterable[tuple[str, Values]]) -> BookState:
        """The state with `(scope, values)` laid over its settings, key by key."""
        settings = dict(self.settings)
        for scope, values in changes:
            corrections.laid_over(settings, scope, values)
        return replace(self, settings=settings)


class BookLog(EventLog[BookState]):
    """The log file of one book."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, BookState(), _after, corrections.settled)


def _after(state: BookState, event: Mapping[str, Any]) -> BookState:
    """The state after one more event. Kinds that a newer program wrote change only the time."""
    kind, by = event["event"], event.get("by")
    fold = _FOLDS.get(kind)
    after = replace(fold(state, event) if fold else state, last=event["time"], last_event=kind)
    if by and kind not in CHECKS:
        after = replace(after, workers=after.workers | {by})
    return replace(after, changed=True, outdated=True, closing=None) if _changes(state, after, kind) else after


def _changes(before: BookState, after: BookState, kind: str) -> bool:
    """Whether the book is another after an event: not by an image that it had already, or by facts that were known."""
    if kind == "received":
        return len(after.captures) != len(before.captures)
    if kind == "opened":
        return after.facts != before.facts
    if kind == corrections.UNDONE:
        said = corrections.subject(after.corrections, len(after.corrections))
        return said is not None and said["event"] in CHANGES
    return kind in CHANGES


def _opened(state: BookState, event: Mapping[str, Any]) -> BookState:
    facts = {**state.facts, **event.get("facts", {})}
    return replace(state, opened=state.opened or event["time"], ended=False, facts=facts)


def _ended(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, ended=True)


def _moved(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, moved={**state.moved, event["capture"]: event["book"]})


def _received(state: BookState, event: Mapping[str, Any]) -> BookState:
    """`role` and `supersedes` come with the arrival that they are of: one line, so all or nothing."""
    sha256, name, again = event["sha256"], event["name"], event["sha256"] in state.names
    names = {**state.names, sha256: (*state.names.get(sha256, ()), name)}
    aside = tuple(item for item in state.set_aside  # the same file, or a whole version of it that came later
                  if item.frame is not None or (item.sha256 != sha256 and item.name != name))
    state = replace(state, names=names, set_aside=aside)
    known = {capture.id for capture in state.captures} if again else set()
    arrived = (_capture(event, frame) for frame in event["frames"])
    new = tuple(capture for capture in arrived if capture.id not in known)
    state = replace(state, captures=state.captures + new, retaking=None if new else state.retaking)
    said = {key: event.get(key, "") for key in ("role", "supersedes")}
    if not new or not any(said.values()):
        return state
    arrival = {key: event[key] for key in ("event", "time")}
    return corrections.corrected(state, {**arrival, **said, "captures": [capture.id for capture in new]})


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


def _retaking(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, retaking=event["capture"])


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


def _cases_checked(state: BookState, event: Mapping[str, Any]) -> BookState:
    """`decided`: by a person who saw both what was typed and what was typed again."""
    how = {"by": event.get("by", ""), "time": event["time"], "decided": bool(event.get("decided"))}
    checks = {name: {**said, **how} for name, said in event["cases"].items()}
    return replace(state, case_checks={**state.case_checks, **checks})


def _packed(state: BookState, event: Mapping[str, Any]) -> BookState:
    return replace(state, packed={**state.packed, event["package"]: dict(event)}, outdated=False)


_FOLDS = {
    "opened": _opened,
    "ended": _ended,
    "moved": _moved,
    "retaking": _retaking,
    "received": _received,
    "set_aside": _set_aside,
    "packed": _packed,
    "closing": _closing,
    "closed": _closed,
    "sampled": _sampled,
    "verdict": _verdict,
    "cases": _cases,
    "cases_checked": _cases_checked,
    "cases_undone": _cases,
    **dict.fromkeys((*corrections.BY_HAND, corrections.UNDONE), corrections.corrected),
}
