"""What happens at the station, told to whoever listens: every open page, and the phones.

Events are hints with codes and ids, never names or pixels: a page that missed some asks for the state anew.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

KEPT = 500  # events that a page which lost its connection for a moment can still have


@dataclass(frozen=True)
class Event:
    """Something that happened; numbers only grow."""

    number: int
    name: str
    facts: dict[str, Any] = field(default_factory=dict)


class Hub:
    """Passes events on to listeners; safe for several threads. A listener must be quick and may not raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Event], None]] = []
        self._last: deque[Event] = deque(maxlen=KEPT)
        self._number = 0

    def tell(self, name: str, **facts: Any) -> None:
        """Something happened."""
        with self._lock:
            self._number += 1
            event = Event(self._number, name, facts)
            self._last.append(event)
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)

    def listen(self, listener: Callable[[Event], None], after: int | None = None) -> Callable[[], None]:
        """Call `listener` for each event, those after number `after` first; returns what ends it."""
        with self._lock:
            missed = [event for event in self._last if after is not None and event.number > after]
            self._listeners.append(listener)
        for event in missed:
            listener(event)

        def end() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return end

    @property
    def number(self) -> int:
        """The number of the last event."""
        return self._number
