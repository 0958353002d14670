"""A batch as it runs: books are read, their captures developed and they are packed, a window of orders at a time.

The engine decides who works; here is what comes after what. Nothing is held of books that are done, so a province takes
no more memory than a district. All that is known can be known again: a batch that was stopped goes on where it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from batch.local import Failure
from errors import BadConfig, StorageFailed
from originals.durable import REASONS
from province.job import Job
from province.onebook import Reference
from province.orders import (
    BookPacked,
    BookRead,
    CaptureDeveloped,
    DevelopAgain,
    DevelopCapture,
    NotWhole,
    PackBook,
    ReadBook,
)
from province.sources import Kind, SourceBook

AT_ONCE = 10  # orders in flight for each worker: none waits for the next, and little is to be given again
READ_AHEAD = 2  # books for each worker that are read before their captures are wanted
OF_STORAGE, OF_DISK = ("storage_", "batch_"), {*REASONS.values(), "disk_failed"}
IN_A_ROW = 100  # failures of a storage or disk, and nothing else between: nothing will come of the rest either
FATAL = {"worker_other_version"}  # failures that every order would have
FOR_A_BOOK, FOR_A_CAPTURE = 10, 2  # times the time of one image, for an order about a book: at least, and per capture


class Engine(Protocol):
    """What carries orders out: `batch.local.Pool` or `batch.cluster.Cluster`."""

    jobs: int
    unfinished: int

    def give(self, task: Any, seconds: float | None = None, first: bool = False) -> int: ...

    def results(self, timeout: float | None = None) -> list[tuple[int, Any]]: ...


@dataclass(frozen=True)
class Happening:
    """Something that the run tells: its kind, and facts (JSON values)."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trouble:
    """What could not be done: a capture, file or whole book (`name` is empty), and why."""

    book: str
    name: str
    code: str
    facts: dict[str, Any]


@dataclass
class Tally:
    """What a run has come to so far. Sizes in bytes, `cpu` in seconds of a core."""

    books: int = 0  # in the source, that are asked for
    finished: int = 0  # found finished
    packed: int = 0
    read: int = 0  # books read by now
    captures: int = 0  # in them
    known: int = 0  # of them developed before
    due: int = 0
    developed: int = 0
    pages: int = 0
    packed_pages: int = 0
    changed: int = 0
    cpu: float = 0.0
    develop_cpu: float = 0.0
    originals_bytes: int = 0
    pages_bytes: int = 0
    package_bytes: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    unwhole: int = 0

    @property
    def expected(self) -> float:
        """Captures that are to be developed in all: those known, and as many for each book that is not read yet."""
        unread = self.books - self.finished - self.read
        return max(self.developed, self.due + unread * (self.due / self.read if self.read else 0.0))


@dataclass
class _Open:
    """A book that is being worked on."""

    reference: Reference
    captures: int = 0
    names: Mapping[str, str] = field(default_factory=dict)  # of captures, as people know them
    waiting: int = 0  # captures that are given and have not come back
    failed: dict[str, str] = field(default_factory=dict)
    away: bool = False  # a storage or disk failed, no image: the book is packed when it is whole, next time
    round: int = 0


class Run:
    """One batch. `tell` hears what happens; `seconds` is the time limit of one image."""

    def __init__(self, job: Job, engine: Engine, seconds: float, tell: Callable[[Happening], None]) -> None:
        self._job, self._engine, self._seconds, self._tell = job, engine, seconds, tell
        self.tally = Tally()
        self._open: dict[str, _Open] = {}
        self._orders: dict[int, Any] = {}
        self._due: deque[DevelopCapture] = deque()
        self._in_a_row = 0

    def go(self, references: Iterable[Reference], develop: bool = True) -> Tally:
        """Carry it all out; without `develop` books are only read, to know what would be done.

        Raises what the engine raises when it is lost, BadConfig where no worker can do anything, and StorageFailed where
        nothing can be read or written any more.
        """
        books = iter(references)
        more = self._feed(books)
        while more or self._orders:
            for number, outcome in self._engine.results(1.0):
                self._take(self._orders.pop(number), outcome, develop)
            more = self._feed(books)
            self._tell(Happening("progress", {"tally": self.tally, "jobs": self._engine.jobs}))
        return self.tally

    def _feed(self, books: Iterator[Reference]) -> bool:
        """Give orders until the window is full; whether there may be more. Captures go before further books."""
        window = max(1, self._engine.jobs) * AT_ONCE
        while self._due and len(self._orders) < window:
            order = self._due.popleft()
            self._give(order, self._seconds)
        reading = sum(isinstance(order, ReadBook) for order in self._orders.values())
        while not self._due and len(self._orders) < window and reading < max(1, self._engine.jobs) * READ_AHEAD:
            reference = next(books, None)
            if reference is None:
                return bool(self._due)
            self._open[reference.book.identity] = _Open(reference, reference.book.images or 0)
            self._give(ReadBook(reference), self._of_book(reference.book))
            reading += 1
        return True

    def _give(self, order: Any, seconds: float, first: bool = False) -> None:
        self._orders[self._engine.give(order, seconds, first)] = order

    def _of_book(self, book: SourceBook, captures: int = 0) -> float:
        """The time limit of an order about a book, s."""
        return self._seconds * (FOR_A_BOOK + FOR_A_CAPTURE * max(captures, book.images or 0))

    def _take(self, order: Any, outcome: Any, develop: bool) -> None:
        book = self._open[order.reference.book.identity]
        self._heed(outcome)
        if isinstance(order, DevelopCapture):
            self._developed(book, order, outcome)
        elif isinstance(outcome, Failure):
            self._trouble(Trouble(order.reference.book.identity, "", outcome.code, outcome.facts))
            self._close(book, counted=isinstance(order, ReadBook))
        elif isinstance(outcome, BookRead):
            self._book_read(book, outcome, develop)
        elif isinstance(outcome, DevelopAgain):
            self._develop(book, [DevelopCapture(book.reference, name, habit) for name, habit in outcome.captures])
        else:
            self._book_packed(book, outcome)

    def _heed(self, outcome: Any) -> None:
        """Count the cost of an order; end the run where every further order would fail as this one did."""
        if not isinstance(outcome, Failure):
            self.tally.cpu += outcome.cpu
            self._in_a_row = 0
        elif outcome.code in FATAL:
            raise BadConfig(outcome.code, **outcome.facts)
        elif _is_away(outcome):
            self._in_a_row += 1
            if self._in_a_row >= IN_A_ROW:
                raise StorageFailed(outcome.code, **outcome.facts)

    def _book_read(self, book: _Open, outcome: BookRead, develop: bool) -> None:
        tally, name = self.tally, book.reference.book.identity
        tally.read += 1
        tally.captures += outcome.captures
        tally.known += outcome.asked - len(outcome.due)
        tally.due += len(outcome.due)
        book.captures, book.names = outcome.captures, outcome.due
        for file, code, facts in outcome.aside:
            self._trouble(Trouble(name, file, code, dict(facts)))
        if book.reference.book.kind is Kind.FOLDER and not (outcome.captures or outcome.aside):
            self._trouble(Trouble(name, "", "book_empty", {"book": name}))
        if outcome.unknown and outcome.captures:
            self._trouble(Trouble(name, "", "batch_unknown", {}))
        self._tell(Happening("book_read", {"book": name, "captures": outcome.captures, "due": len(outcome.due)}))
        if not develop or not outcome.asked:  # nothing of it is asked for, or it is empty
            self._close(book)
        else:
            self._develop(book, [DevelopCapture(book.reference, capture) for capture in outcome.due])

    def _develop(self, book: _Open, orders: list[DevelopCapture]) -> None:
        book.round += 1
        book.waiting = len(orders)
        self._due.extend(orders)
        if not orders:
            self._pack(book)

    def _developed(self, book: _Open, order: DevelopCapture, outcome: CaptureDeveloped | Failure) -> None:
        tally, name = self.tally, book.reference.book.identity
        book.waiting -= 1
        if isinstance(outcome, Failure):
            away = _is_away(outcome)
            book.away |= away
            if order.habit is None or away:  # else it was developed before, as what it is by itself
                book.failed[order.capture] = outcome.code
                file = book.names.get(order.capture, order.capture)
                self._trouble(Trouble(name, file, outcome.code, outcome.facts))
        else:
            first = order.habit is None
            tally.developed += first
            tally.pages += outcome.pages * first
            tally.develop_cpu += outcome.cpu
            tally.originals_bytes += outcome.read
            tally.pages_bytes += outcome.written
            self._tell(Happening("developed", {"book": name, "capture": order.capture, "pages": outcome.pages,
                                               "cpu": round(outcome.cpu, 3)}))
        if not book.waiting:
            self._close(book) if book.away else self._pack(book)

    def _pack(self, book: _Open) -> None:
        order = PackBook(book.reference, tuple(sorted(book.failed.items())), book.round)
        self._give(order, self._of_book(book.reference.book, book.captures), first=True)

    def _book_packed(self, book: _Open, outcome: BookPacked | NotWhole) -> None:
        tally, name = self.tally, book.reference.book.identity
        if isinstance(outcome, NotWhole):
            tally.unwhole += 1
            self._trouble(Trouble(name, "", "batch_not_whole", {"captures": outcome.captures}))
        else:
            tally.packed += 1
            tally.packed_pages += outcome.pages
            tally.changed += outcome.changed
            tally.package_bytes += outcome.ministry + outcome.archive
            self._tell(Happening("book_packed", {"book": name, "pages": outcome.pages, "changed": outcome.changed,
                                                 "failed": len(book.failed)}))
        self._close(book)

    def _close(self, book: _Open, counted: bool = False) -> None:
        self.tally.read += counted
        del self._open[book.reference.book.identity]

    def _trouble(self, trouble: Trouble) -> None:
        self.tally.troubles.append(trouble)
        facts = {"book": trouble.book, "name": trouble.name, "code": trouble.code, "facts": trouble.facts}
        self._tell(Happening("trouble", facts))


def _is_away(failure: Failure) -> bool:
    """Whether a storage or disk failed, and no image."""
    return failure.code.startswith(OF_STORAGE) or failure.code in OF_DISK
