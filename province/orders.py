"""The orders of a batch. Each is carried out by one worker, and gives a small outcome.

`ReadBook` tells what is to be done, `DevelopCapture` makes the pages of one capture, `PackBook` the packages of a book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from platform import node
from typing import TYPE_CHECKING, Any

from bookpack.manifest import sha256_of
from developing import DevelopedPage, Task, develop, known
from errors import NothingToDo, StorageFailed
from originals.durable import write_file
from province.earlier import MEASURES, Measures, measures_name
from province.onebook import OneBook, Reference, folder_log_name
from province.sources import Kind
from province.written import FAILED

if TYPE_CHECKING:
    from province.job import Job

LOCK = ".sohoa-batch"  # in a folder as destination while a batch writes there; every worker must see it
ROUNDS = 3  # of developing for one book: first, with its habit in mind, and what got lost in between


@dataclass(frozen=True)
class ReadBook:
    """See what a book holds, and what of it is to be developed."""

    reference: Reference

    def carry_out(self, job: Job) -> BookRead:
        if self.reference.book.kind is Kind.FOLDER:
            _make_folder_log(job, OneBook(job, self.reference))
        one = job.book(self.reference)
        there = {entry.name.rpartition("/")[2] for entry in job.dest.look(one.pages)[1]}
        due = {name: task.capture.source for name, task in one.tasks.items()
               if name in one.asked and task.facts.name not in there}
        aside = tuple((item.name, item.code, dict(item.facts)) for item in one.state.set_aside)
        unknown = job.where is not None and job.where.needs_pages and not one.before
        return BookRead(due, len(one.tasks), len(one.asked), aside, unknown)


@dataclass(frozen=True)
class BookRead:
    """`due` are the captures to be developed, each with the name that it came under, of `captures` in all, of which `asked`
    are asked for; `aside` are files that could not be read: name, code of the reason, facts. `unknown`: pages are asked for
    by what was found on them, but nobody has developed the book.
    """

    due: Mapping[str, str]
    captures: int
    asked: int
    aside: tuple[tuple[str, str, Mapping[str, Any]], ...]
    unknown: bool = False
    cpu: float = 0.0


def _make_folder_log(job: Job, one: OneBook) -> None:
    """Where there is none yet, or one by which files could not be read when the book was tried last."""
    from province.folderlog import make_log
    from province.scratch import scratch

    name = folder_log_name(one.book, job.settings.limits)
    failed = f".{FAILED}." in one.reference.done
    if job.dest.exists(name) and not (failed and one.unread):
        return
    with scratch() as folder:
        log = make_log(job.source, one.book, job.settings.limits, folder)
    job.dest.write(name, log)


def _check_there(job: Job) -> None:
    """Raises StorageFailed where this machine lacks the mount of the destination: it would write to a disk of its own."""
    if job.dest.path is not None and not job.dest.exists(LOCK):
        raise StorageFailed("batch_not_mounted", dest=job.dest.url, machine=node())


@dataclass(frozen=True)
class DevelopCapture:
    """Develop one capture; with the habit of its book in mind (layout and gutter) where it departs from it."""

    reference: Reference
    capture: str
    habit: tuple[Any, ...] | None = None

    def carry_out(self, job: Job) -> CaptureDeveloped:
        _check_there(job)
        one = job.book(self.reference)
        if self.capture not in one.tasks:  # somebody has said something of the book since it was read
            raise StorageFailed("batch_book_changed", book=self.reference.book.identity)
        task = _with_habit(one.tasks[self.capture], self.habit)
        name = one.original(task.capture)
        with job.source.reading(name) as original, job.dest.filling(one.pages, last=(f"*{MEASURES}", "*.json")) as pages:
            if sha256_of(original) != task.capture.sha256:
                raise StorageFailed("original_differs", file=name)
            task = replace(task, original=original, pages=pages)
            develop(task)
            developed = known(task) or ()
            _measure(task, developed)
            size = original.stat().st_size
        written = sum(page.jpeg_bytes + page.drawing_bytes for page in developed)
        return CaptureDeveloped(self.capture, len(developed), size, written)


@dataclass(frozen=True)
class CaptureDeveloped:
    """How many pages a capture has, the bytes that were read and written for it, and the seconds of a core it took."""

    capture: str
    pages: int
    read: int
    written: int
    cpu: float = 0.0


def _with_habit(task: Task, habit: tuple[Any, ...] | None) -> Task:
    return task if habit is None else replace(task, hints=replace(task.hints, habit=habit[0], gutter=habit[1]))


def _measure(task: Task, pages: Iterable[DevelopedPage]) -> None:
    """Write down what comparing will want to know of the pages: only here is the original at hand."""
    from imaging.decode import read_header
    from province.changes import facts_of

    frame = read_header(task.original.read_bytes(), task.settings.limits).frames[task.capture.frame]
    measures = Measures(frame.orientation, facts_of(pages, task.capture, frame.orientation))
    write_file(task.pages / measures_name(task.facts.name), [measures.to_bytes()])


@dataclass(frozen=True)
class PackBook:
    """Make the packages of a book whose captures are developed, but for those that `failed`, each with its code."""

    reference: Reference
    failed: tuple[tuple[str, str], ...] = ()
    round: int = 1

    def carry_out(self, job: Job) -> BookPacked | DevelopAgain | NotWhole:
        from province.done import told_for
        from province.packer import laid_out

        _check_there(job)
        told = told_for(job, self.reference)
        if told is not None:
            return told
        one = job.book(self.reference)
        if not one.tasks:
            raise NothingToDo("book_empty", book=self.reference.book.identity)
        with laid_out(job, one, dict(self.failed)) as packer:
            again = packer.again() if self.round < ROUNDS else ()
            missing = 0 if again else packer.missing()
            if again or missing:
                return DevelopAgain(again) if again else NotWhole(missing)
            if not packer.developed:
                raise NothingToDo("batch_no_pages", book=self.reference.book.identity)
            return packer.pack()


@dataclass(frozen=True)
class DevelopAgain:
    """Captures that are to be developed before the book can be packed, each with the habit to be kept in mind."""

    captures: tuple[tuple[str, tuple[Any, ...] | None], ...]
    cpu: float = 0.0


@dataclass(frozen=True)
class NotWhole:
    """The book cannot be packed: so many captures are not developed, and not asked for."""

    captures: int
    cpu: float = 0.0


@dataclass(frozen=True)
class BookPacked:
    """What came of a book. `changed` are pages that are not as they were before this job; sizes in bytes."""

    pages: int
    cases: int
    changed: int
    ministry: int
    archive: int
    done: str
    cpu: float = 0.0
