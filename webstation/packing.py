"""Packing as the page works it: one book at a time, behind, with its progress told, and checked when it is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from book import Identity
from errors import Refused, SohoaError
from settings import Settings
from station import shelf
from webstation.hub import Hub
from workplace import Workplace

TOLD_S = 0.2  # progress is told no oftener


@dataclass(frozen=True)
class Standing:
    """Where the packing of a book stands: `idle`, `running`, `done` or `failed` (then `code` and `facts` say why)."""

    state: str = "idle"
    book: str = ""
    step: str = ""
    done: int = 0
    of: int = 0
    code: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    outcome: Any = None


class Packing:
    """Packs for any number of threads, one book after another."""

    def __init__(self, workplace: Workplace, settings: Settings, hub: Hub) -> None:
        self._place, self._settings, self._hub = workplace, settings, hub
        self._lock, self._last, self._told = threading.Lock(), Standing(), 0.0

    def standing(self, book: str) -> Standing:
        """Where the packing of a book stands, if it is the one at hand."""
        held = self._last
        return held if held.book == book else Standing(book=book)

    def start(self, book: Identity, profile: str, by: str) -> None:
        """Begin. Raises Refused while another book is being packed."""
        with self._lock:
            if self._last.state == "running":
                raise Refused("packing_at_work", book=self._last.book)
            self._last = Standing("running", str(book))
        threading.Thread(target=self._run, args=(book, profile, by), name="packing", daemon=True).start()

    def _run(self, book: Identity, profile: str, by: str) -> None:
        try:
            outcome = shelf.pack(self._place, book, self._settings, 0, self._progress, profile, by=by)
            self._say(Standing("done", str(book), outcome=outcome))
        except SohoaError as error:
            self._say(Standing("failed", str(book), code=error.code, facts=error.facts))
        except OSError as error:
            facts = {"reason": error.strerror or str(error), "file": error.filename or ""}
            self._say(Standing("failed", str(book), code="system", facts=facts))

    def _progress(self, step: str, done: int, of: int) -> None:
        self._last = replace(self._last, step=step, done=done, of=of)
        if time.monotonic() - self._told > TOLD_S or done == of:
            self._told = time.monotonic()
            self._say(self._last)

    def _say(self, standing: Standing) -> None:
        self._last = standing
        self._hub.tell("packing", book=standing.book, state=standing.state, step=standing.step, done=standing.done,
                       of=standing.of)
