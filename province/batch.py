"""The whole of a batch: what lies in the source, what of it is done, the rest carried out, and what came of it.

`run` is the work itself; the report of what has changed is made by `report`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from book import Identity
from errors import NothingToDo, StorageFailed
from originals.durable import locked
from originals.store import FORMAT_FILE
from originals.store import LOCK as LOCK_OF_STORE
from province.job import Job
from province.onebook import Reference
from province.orders import LOCK
from province.run import Engine, Happening, Run, Tally
from province.sources import Odd, SourceBook, books_of
from province.written import finished

if TYPE_CHECKING:
    from province.storage import Storage

COST = "cost.json"  # in the destination: what a capture has cost there until now
Tell = Callable[[Happening], None]


@dataclass(frozen=True)
class Cost:
    """What one capture takes: seconds of a core, bytes of its original, of its pages, and of its part of the packages."""

    cpu: float
    original: float
    pages: float
    package: float
    captures: int = 0  # that it was measured on; 0: taken from the documentation

    @classmethod
    def of(cls, tally: Tally) -> Cost | None:
        """That of a run so far; None while nothing is developed."""
        if not tally.developed:
            return None
        share = tally.package_bytes / max(1, tally.packed_pages) * tally.pages / tally.developed
        each = (value / tally.developed for value in (tally.cpu, tally.originals_bytes, tally.pages_bytes, share))
        cpu, original, pages, _ = each
        return cls(round(cpu, 3), round(original), round(pages), round(share), tally.developed)


TYPICAL = Cost(2.3, 4e6, 3.2e6, 7e6)  # an A3 spread at 300 dpi in colour (docs/scale.md)


@dataclass(frozen=True)
class Plan:
    """The books that a batch is about: all that are asked for, those found finished, and what in the source is no book."""

    books: tuple[SourceBook, ...]
    finished: frozenset[str]
    odd: tuple[Odd, ...]
    references: tuple[Reference, ...]  # of those that are to be worked on


def plan(job: Job, since: float = 0.0) -> Plan:
    """By listings alone. `since`: only books to which something came or was said since then, in seconds since 1970.

    Raises NothingToDo where the source holds no book, StorageFailed.
    """
    books, odd = books_of(job.source, job.settings.kinds)
    if not books:
        raise NothingToDo("batch_no_books", source=job.source.url)
    asked = tuple(book for book in books if book.modified >= since and _asked(job, book))
    names, done = finished(job, asked)
    waiting = (book for book in asked if book.identity not in done)
    references = tuple(Reference(book, names.get(book.identity, "")) for book in waiting)
    return Plan(asked, done, tuple(odd), references)


def _asked(job: Job, book: SourceBook) -> bool:
    return job.where is None or job.where.book(Identity.parse(book.identity))


def carry_out(job: Job, found: Plan, start: Callable[[], Any], tell: Tell, develop: bool = True) -> Tally:
    """Do what is to be done. `start` gives the engine, which is only wanted where something is; it is closed at the end.

    Raises StoreBusy while another batch of this machine writes to the same folder, and what the engine raises.
    """
    tally = Tally(books=len(found.books), finished=len(found.finished))
    if not found.references:
        return tally
    with ExitStack() as held:
        if job.dest.path is not None and develop:
            held.enter_context(locked(job.dest.path / LOCK))
        engine: Engine = held.enter_context(start())
        run = Run(job, engine, _seconds(job), tell)
        run.tally = tally
        run.go(found.references, develop)
        if develop and (cost := Cost.of(tally)):
            job.dest.write(COST, json.dumps(cost.__dict__).encode())
    return tally


def _seconds(job: Job) -> float:
    """The time limit of one image, s: with the patience that far storages may need, or silence would be taken for a hang."""
    far = sum(storage.path is None for storage in (job.source, job.dest))
    return job.settings.general.seconds + far * job.settings.batch.patience_s


def known_cost(dest: Storage) -> Cost:
    """What a capture has cost in this destination, or else what is typical."""
    with suppress(StorageFailed, ValueError, TypeError):
        return Cost(**json.loads(dest.read(COST)))
    return TYPICAL


def check_apart(source: Storage, dest: Storage) -> None:
    """Raises NothingToDo where one lies in the other, so that results would be taken for sources, and where the destination
    is a station's store, whose own packages would be written over.
    """
    one, other = source.path, dest.path
    if one is None or other is None:
        addresses = sorted((f"{source.url}/", f"{dest.url}/"), key=len)
        inside = one is other and addresses[1].startswith(addresses[0])
    else:
        one, other = one.resolve(), other.resolve()
        inside = one == other or one in other.parents or other in one.parents
    if inside:
        raise NothingToDo("batch_in_source", source=source.url, dest=dest.url)
    if {LOCK_OF_STORE, FORMAT_FILE} & {entry.name for entry in dest.look()[1]}:
        raise NothingToDo("batch_into_store", dest=dest.url)


def troubles_of(odd: Iterable[Odd]) -> list[dict[str, Any]]:
    """What in the source is no book, as the run tells of trouble."""
    return [{"book": "", "name": item.name, "code": item.code, "facts": item.facts} for item in odd]
