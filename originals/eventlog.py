"""A log of events, one JSON object a line, only ever appended to, and the state that is folded from them.

What the events of a book or of a station mean is left to `booklog` and `stationlog`.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Generic, TypeVar

from book import canonical_json
from errors import StorageFailed
from originals.durable import append_line, read_lines

VIETNAM = timezone(timedelta(hours=7))
State = TypeVar("State")


def now() -> str:
    """Vietnam time, ISO 8601 to the second; that of SOURCE_DATE_EPOCH where it is set."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return moment.astimezone(VIETNAM).isoformat(timespec="seconds")


class EventLog(Generic[State]):
    """A log file and the state that is folded from its events, and `settle`d when there are no more."""

    def __init__(
        self, path: Path, start: State, fold: Callable[[State, Mapping[str, Any]], State],
        settle: Callable[[State], State] = lambda state: state, private: bool = False,
    ) -> None:
        """`private`: a new file can be read by the user of the program alone."""
        self._private = private
        self.path, self._start, self._fold, self._settle = Path(path), start, fold, settle
        self._reading = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._state, self._folded, self._end = self._start, 0, 0

    def append(self, event: Mapping[str, Any]) -> None:
        """Append an event (`event` names its kind); its time is added. Durable when this returns.

        Raises StorageFailed; the log then holds what it held before.
        """
        append_line(self.path, canonical_json({"time": now(), **event}), self._private)

    def events(self) -> list[dict[str, Any]]:
        """All events in order. Raises StorageFailed `log_damaged`, with the line, for what is no event."""
        lines, _ = read_lines(self.path)
        return [self._event(line, number) for number, line in enumerate(lines, 1)]

    def state(self) -> State:
        """What the events come to. What was read by the last call is not read again. Safe for several threads.

        Raises StorageFailed as `events` does.
        """
        with self._reading:
            return self._read()

    def _read(self) -> State:
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < self._end - 1:  # the file was replaced; a line may still lack its end
            self._forget()
        lines, end = read_lines(self.path, self._end)
        state = self._state
        for number, line in enumerate(lines, self._folded + 1):
            try:
                state = self._fold(state, self._event(line, number))
            except (KeyError, TypeError, AttributeError) as error:
                raise self._damaged(number) from error
        state = self._settle(state)
        self._state, self._folded, self._end = state, self._folded + len(lines), end
        return state

    def _event(self, line: str, number: int) -> dict[str, Any]:
        event = _parsed(line)
        if event is None:
            raise self._damaged(number)
        return event

    def _damaged(self, number: int) -> StorageFailed:
        return StorageFailed("log_damaged", file=str(self.path), line=number)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(event, dict) and {"event", "time"} <= event.keys()
    return event if whole else None
