"""The log of a station: which book is open where images come from, told by cover sheets and by people.

A stream is one place from which images come in order: a watched folder, a scanner, a phone. What a book holds stands
in its own log (`booklog`); this log says only how arrivals that name no book found theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from originals.eventlog import EventLog

UNSORTED = "unsorted"  # the log of arrivals that no book is known for
FILE = "station.jsonl"


@dataclass(frozen=True)
class CoverEvent:
    """A sheet with a code that came in: what it says, or why it could not be read."""

    stream: str
    sha256: str
    name: str
    text: str = ""
    code: str = ""  # of the reason why it could not be read
    time: str = ""


@dataclass(frozen=True)
class StationState:
    """`open`: stream → book, empty while it is in doubt; `pending`: stream → what the next page is; sheets in order."""

    open: Mapping[str, str] = field(default_factory=dict)
    pending: Mapping[str, str] = field(default_factory=dict)
    covers: tuple[CoverEvent, ...] = ()


class StationLog(EventLog[StationState]):
    """The log file of a station."""

    def __init__(self, root: Path) -> None:
        super().__init__(Path(root) / FILE, StationState(), _after)


def _after(state: StationState, event: Mapping[str, Any]) -> StationState:
    fold = _FOLDS.get(event["event"])
    return fold(state, event) if fold else state


def _cover(state: StationState, event: Mapping[str, Any]) -> StationState:
    """Codes that open or end a book change what is open; the others say what the next page is."""
    stream, kind, book = event["stream"], event["kind"], event.get("book", "")
    sheet = CoverEvent(stream, event["sha256"], event["name"], event["text"], event.get("code", ""), event["time"])
    state = replace(state, covers=(*state.covers, sheet))
    if kind in ("book", "end"):
        return _with(_with(state, "open", stream, book), "pending", stream, "")
    return _with(state, "pending", stream, kind)


def _unreadable(state: StationState, event: Mapping[str, Any]) -> StationState:
    sheet = CoverEvent(event["stream"], event["sha256"], event["name"], "", event["code"], event["time"])
    state = replace(state, covers=(*state.covers, sheet))
    return _with(_with(state, "open", event["stream"], ""), "pending", event["stream"], "")


def _opened(state: StationState, event: Mapping[str, Any]) -> StationState:
    return _with(state, "open", event["stream"], event["book"])


def _used(state: StationState, event: Mapping[str, Any]) -> StationState:
    return _with(state, "pending", event["stream"], "")


def _with(state: StationState, name: str, stream: str, value: str) -> StationState:
    return replace(state, **{name: {**getattr(state, name), stream: value}})


_FOLDS = {"cover": _cover, "cover_unreadable": _unreadable, "opened": _opened, "used": _used}
