"""The daemon of a station: capture comes first, developing goes on behind it, and nothing is told that is not so.

One loop does everything that touches the store, so there is one order of things. What can hang, crash or eat memory is
done by others: files are looked at and developed in worker processes, scanners are driven by a child process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch import local
from capture.desk import Desk, NotYet, Taken, orphans
from capture.events import Events
from capture.folder import is_store, reason_to_skip
from capture.inbox import Candidate, Inbox, WatchParams
from capture.look import Look, LookTask, TimeTask, look
from capture.settle import Stamp
from errors import NothingToDo, StorageFailed
from originals.booklog import SetAside
from originals.durable import free_bytes, make_folder
from originals.journal import GONE, Journal
from originals.stationlog import StationLog
from pipeline import recover_originals
from settings import Settings
from station.behind import Behind
from workplace import Workplace

BEAT_S = 5.0
SYNC_S = 2.0  # logs may also be written by other commands
TICK_S, IDLE_S = 0.05, 1.0
RETRY_S = 2.0  # an incomplete file is looked at again
TROUBLE_S = 5.0  # after a failure of the disk
LOOKER = local.Limits(seconds=60, memory_mb=1400)
SPOOL, SPOOL_QUIET_S = "scanner", 0.1  # pages come into it whole, by renaming
Tell = Callable[..., None]  # event, facts


class Stopping(Exception):
    """The program was asked to end."""


@dataclass
class Source:
    """A watched folder and when it was last looked through."""

    inbox: Inbox
    events: bool = False
    due: float = 0.0
    away: bool = False
    waiting: int = 0
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass
class Counts:
    """What has come in since the start."""

    received: int = 0
    sheets: int = 0
    set_aside: int = 0


class Station:
    """A running station. `run` keeps the store locked until `stop` is set."""

    def __init__(
        self, workplace: Workplace, settings: Settings, inboxes: Sequence[Path], stop: threading.Event,
        tell: Tell, alive: Callable[[], None] = lambda: None, jobs: int = 0,
    ) -> None:
        """Raises NothingToDo `source_is_store` for an inbox that lies within the store's own folders."""
        for folder in inboxes:
            if is_store(Path(folder).resolve(), workplace.root.resolve()):
                raise NothingToDo("source_is_store", file=str(folder))
        self._place, self._settings, self._stop, self._tell, self._alive = workplace, settings, stop, tell, alive
        self._params: WatchParams = settings.watch
        self._changed = threading.Event()
        self._events = Events(self._changed.set)
        self._sizes: dict[str, int] = {}
        self._retry: dict[str, float] = {}
        self._counts, self._trouble, self._beat, self._synced = Counts(), "", 0.0, 0.0
        self._orphans_done = False
        self._looker = local.Pool(look, 1, LOOKER)
        self._behind = Behind(workplace, settings, tell, jobs)
        self._station = StationLog(workplace.root)
        self._desk = Desk(workplace.store, self._station, workplace.log, self._look, settings.limits)
        spool = Inbox(workplace.spool, SPOOL, SPOOL_QUIET_S, "remove", self._dealt_with, stream_depth=1)
        self._sources = [Source(spool), *(Source(self._inbox(Path(folder), inboxes)) for folder in inboxes)]

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set. Raises StoreBusy, NewerStore, and StorageFailed where nothing can be begun."""
        with self._place.store.lock():
            make_folder(self._place.spool)
            recovered = recover_originals(self._place.store, self._settings.limits)
            books = {book: self._place.log(book).state() for book in self._place.books()}
            try:
                with Journal(self._place.root, books) as self._journal:
                    self._tell("started", books=len(books), adopted=len(recovered.adopted),
                               unfinished=recovered.unfinished, journal_rebuilt=self._journal.rebuilt)
                    self._behind.begin(self._journal)
                    ready()
                    while not self._stop.is_set():
                        self._turn()
                    self._note_beat("stopped")
            except Stopping:
                pass
            finally:
                self._looker.close()
                self._behind.close()
                self._events.close()
        self._tell("stopped", **self._since_start())

    def poke(self, book: str = "", captures: Iterable[str] = ()) -> None:
        """Somebody in this program has written to a log: look at once. Safe for any thread.

        `captures` of a book are wanted now: those that are not developed are developed before all others.
        """
        names = tuple(captures)
        if names:
            self._behind.want(book, names)
        self._synced = 0.0
        self._changed.set()

    # --- one turn of the loop ---------------------------------------------------------------------------------

    def _turn(self) -> None:
        try:
            self._beat_when_due()
            if self._no_room():
                self._pause("disk_low")
                return
            self._sync_when_due()
            ready = self._ready()
            for candidate, source in ready:
                self._take(candidate, source)
                self._beat_when_due()
            if not ready:
                self._adopt_orphans()
                self._behind.check_overdue()
                self._behind.give_work()
                self._behind.settle()
            self._behind.collect(0.0)
            self._trouble = ""
        except StorageFailed as error:
            self._pause(error.code)
            return
        if not ready:
            self._rest()

    def _rest(self) -> None:
        """Wait for news: shortly while a file is settling, longer when all is done."""
        if any(source.waiting for source in self._sources):
            self._stop.wait(TICK_S)
        elif self._behind.busy:
            self._behind.collect(TICK_S)
        else:
            self._changed.wait(IDLE_S)
        if self._changed.is_set():
            self._changed.clear()
            for source in self._sources:
                source.due = 0.0

    def _pause(self, code: str) -> None:
        """Nothing was lost: sources are where they were. Try again in a while."""
        if code != self._trouble:
            self._tell("trouble", code=code)
        self._trouble = code
        try:
            self._note_beat("trouble")
        except StorageFailed:
            self._alive()
        self._stop.wait(TROUBLE_S)

    def _no_room(self) -> bool:
        return free_bytes(self._place.root) < self._params.min_free_mb * 2**20

    # --- capture ----------------------------------------------------------------------------------------------

    def _ready(self) -> list[tuple[Candidate, Source]]:
        """Files that can be taken now, in order; each folder is looked through when there is reason to."""
        now, ready = time.monotonic(), []
        for source in self._sources:
            if source.due > now and not source.waiting:
                continue
            scan = source.inbox.scan(now)
            self._watch_again(source, scan.away)
            source.waiting, source.skipped = scan.waiting, scan.skipped
            spool = source is self._sources[0]
            source.due = time.monotonic() + (IDLE_S if spool else self._pause_of(source))
            fresh = [item for item in scan.ready if self._retry.get(self._key(item), 0.0) <= now]
            source.waiting += len(scan.ready) - len(fresh)
            # what lies in the spool has its order in its names
            ready += [(item, source) for item in (fresh if spool else self._as_photographed(fresh))]
        return ready

    def _pause_of(self, source: Source) -> float:
        """s until a folder is looked through again where no event tells; the spool, small and near, needs none."""
        return self._params.scan_s if source.events and not source.away else self._params.poll_s

    def _watch_again(self, source: Source, away: bool) -> None:
        if away != source.away or (not away and not source.events and source.due == 0.0):
            source.events = False if away else self._events.watch(source.inbox.folder)
        if away and not source.away:
            self._tell("folder_away", stream=source.inbox.label)
        source.away = away

    def _as_photographed(self, candidates: list[Candidate]) -> list[Candidate]:
        """Several photos of one stream at once: in the order of the times that the camera wrote, if it did in all."""
        streams: dict[str, list[Candidate]] = {}
        for item in candidates:
            streams.setdefault(item.stream, []).append(item)
        ordered = []
        for items in streams.values():
            times = [self._ask(TimeTask(item.path, self._settings.limits)) for item in items] if len(items) > 1 else []
            if times and all(isinstance(moment, str) and moment for moment in times):
                items = [item for _, _, item in sorted(zip(times, range(len(items)), items, strict=True))]
            ordered += items
        return ordered

    def _take(self, candidate: Candidate, source: Source) -> None:
        """Take one file in; only when that is durable is it acknowledged, and only then is its source touched."""
        if self._stop.is_set():
            raise Stopping
        final = candidate.waited >= self._params.patience_s
        skip = reason_to_skip(candidate.path)
        if skip and final:
            self._journal.note_source(candidate.stream, candidate.name, candidate.stamp.size, candidate.stamp.modified, skip)
            return
        taken = NotYet(skip) if skip else self._desk.receive(candidate.arrival, candidate.stream, candidate.book, final)
        if isinstance(taken, NotYet) or (isinstance(taken, SetAside) and not final):
            self._retry[self._key(candidate)] = time.monotonic() + RETRY_S
            return
        self._retry.pop(self._key(candidate), None)
        if isinstance(taken, Taken):
            self._journal.add(taken.captures)
            self._acknowledge(taken)
        asides = taken.set_aside if isinstance(taken, Taken) else (taken,)
        self._counts.set_aside += len(asides)
        book = candidate.book or self._station.state().open.get(candidate.stream, "")
        for item in asides:
            self._tell("set_aside", code=item.code, original=(item.sha256 or "")[:8], book=book)
        if source.inbox.after == "leave" or asides:  # what is not wholly good stays where a person can see it
            code = asides[0].code if asides else "taken"
            self._journal.note_source(candidate.stream, candidate.name, candidate.stamp.size, candidate.stamp.modified, code)
        else:
            self._finish(candidate, source)

    def _finish(self, candidate: Candidate, source: Source) -> None:
        """The image is safe; that its source cannot be moved (a card that is locked, say) is no reason to stop."""
        try:
            source.inbox.finish(candidate)
        except StorageFailed as error:
            self._tell("source_stays", code=error.code)
            stamp = candidate.stamp
            self._journal.note_source(candidate.stream, candidate.name, stamp.size, stamp.modified, "taken")

    def _acknowledge(self, taken: Taken) -> None:
        self._counts.received += len(taken.captures)
        self._counts.sheets += len(taken.sheets)
        for text in taken.sheets:
            self._tell("sheet", text=text)
        if taken.unreadable_sheets:
            self._tell("sheet_unreadable", original=taken.sha256[:8])
        books = sorted({book for book, _ in taken.captures})
        self._tell("received", original=taken.sha256[:8], pages=len(taken.captures), books=books,
                   captures=[capture.id for _, capture in taken.captures])

    def _adopt_orphans(self) -> None:
        """Once, when nothing waits any more: originals that a crash left without a book."""
        if self._orphans_done or any(source.waiting for source in self._sources):
            return
        self._orphans_done = True
        logs = [self._station, *(self._place.log(book) for book in self._place.books())]
        for sha256 in orphans(self._place.store, logs):
            taken = self._desk.adopt(sha256)
            self._journal.add(taken.captures)
            self._tell("adopted", original=sha256[:8])

    def _look(self, task: LookTask) -> Look:
        seen = self._ask(task)
        return Look(problem=seen.code, facts=seen.facts) if isinstance(seen, local.Failure) else seen

    def _ask(self, task: Any) -> Any:
        self._looker.give(task)
        while True:
            results = self._looker.results(0.5)
            if results:
                return results[0][1]
            self._alive()
            if self._stop.is_set():
                raise Stopping

    def _inbox(self, folder: Path, all_inboxes: Sequence[Path]) -> Inbox:
        names = [Path(other).name for other in all_inboxes]
        label = folder.name if names.count(folder.name) == 1 and folder.name not in ("", SPOOL) else str(folder)
        return Inbox(folder, label, self._params.quiet_s, self._params.after, self._dealt_with, self._params.longest_s)

    def _dealt_with(self, stream: str, name: str, stamp: Stamp) -> bool:
        return bool(self._journal.outcome(stream, name, stamp.size, stamp.modified))

    @staticmethod
    def _key(candidate: Candidate) -> str:
        return f"{candidate.stream}\n{candidate.name}"

    # --- logs and signs of life -------------------------------------------------------------------------------

    def _sync_when_due(self) -> None:
        """See what other commands have said of the books: pages given to another book, taken out or opened."""
        if time.monotonic() < self._synced + SYNC_S:
            return
        self._synced = time.monotonic()
        for book in self._place.books():
            size = self._place.log(book).path.stat().st_size
            if self._sizes.get(book) == size:
                continue
            self._sizes[book] = size
            self._tell("changed", book=book)
            state = self._place.log(book).state()
            self._journal.add((book, capture) for capture in state.current)
            for name in {*state.moved, *state.superseded} - {capture.id for capture in state.current}:
                self._journal.set_state(book, name, GONE)
            self._behind.saw(book, state)
        self._behind.put_wanted_first()

    def _since_start(self) -> dict[str, int]:
        return {**self._counts.__dict__, "developed": self._behind.developed, "failed": self._behind.failed}

    def _beat_when_due(self) -> None:
        self._alive()
        if time.monotonic() >= self._beat + BEAT_S:
            self._note_beat("working")

    def _note_beat(self, state: str) -> None:
        self._beat = time.monotonic()
        self._alive()
        away = [source.inbox.label for source in self._sources[1:] if source.away]
        skipped: Iterable[tuple[str, str]] = [item for source in self._sources for item in source.skipped]
        self._journal.beat({"state": state, "trouble": self._trouble, "away": away, "since_start": self._since_start(),
                            "settling": sum(source.waiting for source in self._sources),
                            "skipped": [list(item) for item in list(skipped)[:20]],
                            "open": {stream: book for stream, book in self._station.state().open.items() if book}})
