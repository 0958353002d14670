"""What a station does behind the capture: captures are developed, and whole books looked at, when nothing waits to come in.

Which capture comes next is the journal's: those that people corrected or wait for stand first. Everything here happens in
the daemon's one loop, but for `want`; what is heavy is done by workers of low priority.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batch import local
from book import Capture, Identity
from developing import develop, due, plan, read_developed, stale, task_of
from originals.booklog import BookState
from originals.journal import DEVELOPED, FAILED, GONE, Journal
from originals.stationlog import UNSORTED
from settings import Settings
from station.settling import Settling, SettlingTask, settle
from workplace import Workplace

SETTLER = local.Limits(seconds=600, memory_mb=1400)


@dataclass
class _Known:
    """Captures of one book by id, for the tasks to come."""

    state: Any = None
    captures: dict[str, Capture] = field(default_factory=dict)


class Behind:
    """The work behind of one station. `developed` and `failed` count since the start."""

    def __init__(self, workplace: Workplace, settings: Settings, tell: Callable[..., None], jobs: int = 0) -> None:
        self._place, self._settings, self._tell = workplace, settings, tell
        limits = local.Limits(settings.general.seconds, settings.general.memory_mb)
        self._developer = local.Pool(develop, jobs or settings.general.jobs, limits, gentle=True)
        self._developing: dict[int, tuple[str, str]] = {}
        self._settler, self._settling = local.Pool(settle, 1, SETTLER, gentle=True), Settling()
        self._known: dict[str, _Known] = {}
        self._states: dict[str, BookState] = {}
        self._unchecked: list[str] = []  # books, to be looked at one by one
        self._wanted: queue.SimpleQueue[tuple[str, tuple[str, ...]]] = queue.SimpleQueue()
        self._journal: Journal | None = None
        self.developed = self.failed = 0

    @property
    def busy(self) -> bool:
        """Whether captures are just being developed."""
        return bool(self._developing)

    def begin(self, journal: Journal) -> None:
        """The journal is open: what waits stands there."""
        self._journal = journal

    def close(self) -> None:
        """End the workers; what they were at is done again another time."""
        self._settler.close()
        self._developer.close()

    def want(self, book: str, captures: tuple[str, ...]) -> None:
        """A person waits for captures of a book. Safe for any thread."""
        self._wanted.put((book, captures))

    # --- what is to be done -----------------------------------------------------------------------------------

    def saw(self, book: str, state: BookState) -> None:
        """The log of a book has something new: people may have said how its captures are to be developed."""
        before = self._states.get(book)
        self._states[book] = state
        if before is None and book != UNSORTED:
            self._unchecked.append(book)
        elif before is not None:
            known = {capture.id for capture in before.captures}  # what has just come in waits its turn
            self._journal.again(book, [name for name in stale(before, state) if name in known])

    def put_wanted_first(self) -> None:
        """What people wait for goes before all else."""
        while not self._wanted.empty():
            book, names = self._wanted.get()
            self._journal.again(book, names)

    def check_overdue(self) -> None:
        """One book that this run has not looked at: what was said, or set otherwise, while no station ran."""
        if self._unchecked:
            book = self._unchecked.pop()
            overdue = due(plan(self._place, Identity.parse(book), self._settings, self._place.log(book).state()))
            self._journal.again(book, [task.capture.id for task in overdue])

    # --- and is done ------------------------------------------------------------------------------------------

    def give_work(self) -> None:
        """Keep every developing worker busy with the captures that come first."""
        room = self._developer.jobs - len(self._developing)
        if room <= 0:
            return
        busy = set(self._developing.values())
        for book, name in self._journal.waiting(self._developer.jobs + room):
            if (book, name) in busy or room <= 0:
                continue
            capture = self._capture(book, name)
            if capture is None:
                self._journal.set_state(book, name, GONE)
                continue
            task = task_of(self._place, book, self._settings, self._place.log(book).state(), capture)
            if read_developed(task) is not None:
                self._journal.set_state(book, name, DEVELOPED)
                continue
            self._developing[self._developer.give(task)] = book, name
            room -= 1

    def collect(self, timeout: float) -> None:
        """Note what was done; `timeout`: s to wait for it."""
        for number, result in self._developer.results(timeout):
            book, name = self._developing.pop(number)
            if isinstance(result, local.Failure):
                self.failed += 1
                self._journal.set_state(book, name, FAILED, result.code, result.facts)
                self._tell("failed", capture=name, code=result.code, book=book)
            else:
                self.developed += 1
                if self._as_wanted(book, name, result):
                    self._journal.set_state(book, name, DEVELOPED)
                self._settling.changed(book, time.monotonic())
                self._tell("developed", capture=name, book=book)

    def _as_wanted(self, book: str, name: str, facts: str) -> bool:
        """Whether a capture was developed as people want it by now: they may have corrected it meanwhile."""
        capture = self._capture(book, name)
        if capture is None:
            return True
        return task_of(self._place, book, self._settings, self._place.log(book).state(), capture).facts.name == facts

    def settle(self) -> None:
        """When a book has been left alone for a while: see what only the whole of it shows, before a person looks."""
        if self._settler.unfinished:
            for _, done in self._settler.results(0.0):
                if done is True:
                    self._tell("changed", book=self._settling.book)
        elif not self._developing and self._settling.due(time.monotonic()):
            self._settler.give(SettlingTask(self._place.root, self._settling.book, self._settings))

    def _capture(self, book: str, name: str) -> Capture | None:
        known, state = self._known.setdefault(book, _Known()), self._place.log(book).state()
        if known.state is not state:
            known.state, known.captures = state, {capture.id: capture for capture in state.current}
        return known.captures.get(name)
