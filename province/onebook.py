"""One book of a source as a worker sees it: its log, its captures, where its originals lie, what was made of it before.

A book is read once by each worker that has to do with it; a few are kept in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from book import Capture, Identity, Recipe, digest
from developing import Planner, Task
from errors import StorageFailed
from imaging.header import EXTENSIONS
from originals.booklog import BookLog, BookState, SetAside
from originals.durable import write_file
from originals.scopes import BOOK
from originals.store import FOLDER as ORIGINALS
from originals.store import UNKNOWN_EXTENSION
from packing import PROGRAM
from province.bench import Bench, Nowhere
from province.earlier import Before
from province.sources import Kind, SourceBook
from province.storage import joined

if TYPE_CHECKING:
    from imaging.header import Limits
    from province.changes import PageFacts
    from province.job import Job

PAGES, PACKAGES, DONE, FOLDER_LOGS = "pages", "packages", "books", "logs"  # folders of the destination
BAG_LOG, BAG_RECIPES = "data/metadata/other/log.jsonl", "data/metadata/other/recipes"
BAG_ORIGINALS = "data/representations/originals/data"


@dataclass(frozen=True)
class Reference:
    """A book in an order: as the listing shows it, and the file in DONE that tells what was made of it last."""

    book: SourceBook
    done: str = ""


class OneBook:
    """A book of the source. Raises StorageFailed where its log cannot be had or read."""

    def __init__(self, job: Job, reference: Reference) -> None:
        self._job, self.reference, self.book = job, reference, reference.book
        self.identity = Identity.parse(self.book.identity)

    @cached_property
    def log(self) -> bytes:
        """The book's log. That of a plain folder is made when the book is read first (`folderlog`)."""
        if self.book.kind is Kind.FOLDER:
            return self._job.dest.read(folder_log_name(self.book, self._job.settings.limits))
        name = f"books/{self.book.identity}.jsonl" if self.book.kind is Kind.STORE else BAG_LOG
        return self._job.source.read(joined(self.book.at, name))

    @cached_property
    def state(self) -> BookState:
        """Where the book stands. One that was closed counts as changed: what is made of it now is another version."""
        from province.scratch import scratch

        with scratch() as folder:
            state = self.log_in(folder).state()
        return replace(state, packed={}, changed=bool(state.closings))

    def log_in(self, folder: Path) -> BookLog:
        """A copy of the log in a folder, to be read and written there."""
        path = folder / "books" / f"{self.identity}.jsonl"
        write_file(path, [self.log])
        return BookLog(path)

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """The task of each capture in order, without the place of its original and its pages; captures by their ids.

        With `--stages`, the decisions of other stages are those of before.
        """
        nowhere = Bench(Path(), borrowed=Nowhere())
        planner = Planner(nowhere, str(self.identity), self._job.settings, self.state)
        return {capture.id: self._keeping(planner.task(capture)) for capture in self.state.current}

    def _keeping(self, task: Task) -> Task:
        recipes = self._recipes(task.capture.id) if self._job.stages else ()
        if not recipes:
            return task
        from imaging.stages import keeping

        again = {*self._job.stages, *self.state.settings.get(BOOK, ())}  # what people set for the book counts in any case
        return replace(task, plan=keeping(task.plan, recipes, again))

    def _recipes(self, capture: str) -> tuple[Recipe, ...]:
        """How a capture was developed last, as far as anybody knows."""
        before = self.before.get(capture)
        return tuple(page.recipe for page in before.pages) if before else self._in_bag.get(capture, ())

    @cached_property
    def _in_bag(self) -> Mapping[str, tuple[Recipe, ...]]:
        """The recipes that an archive bag has of each capture."""
        from province.scratch import scratch

        if self.book.kind is not Kind.BAG:
            return {}
        found: dict[str, tuple[Recipe, ...]] = {}
        _, files = self._job.source.look(joined(self.book.at, BAG_RECIPES))
        with scratch() as folder:
            for name, path in self._job.source.copies([file.name for file in files], folder).items():
                capture = name.rpartition("/")[2].removesuffix(".json").partition("-")[0]
                recipe = Recipe.from_json(json.loads(path.read_text(encoding="utf-8")))
                found[capture] = (*found.get(capture, ()), recipe)
        return found

    def original(self, capture: Capture) -> str:
        """The name of a capture's original in the source."""
        if self.book.kind is Kind.FOLDER:
            return joined(self.book.at, self.state.names[capture.sha256][0])
        folder = f"{ORIGINALS}/{capture.sha256[:2]}" if self.book.kind is Kind.STORE else BAG_ORIGINALS
        folder = joined(self.book.at, folder)
        name = f"{folder}/{capture.sha256}.{EXTENSIONS.get(capture.media, UNKNOWN_EXTENSION)}"
        if self._job.source.path is None or self._job.source.exists(name):
            return name
        _, files = self._job.source.look(folder)  # an older program may have given another ending
        return next((file.name for file in files if capture.sha256 in file.name and not file.name.endswith(".json")), name)

    @property
    def unread(self) -> tuple[SetAside, ...]:
        """Files of a plain folder that could not be read. At a station, its operators have been told."""
        return self.state.set_aside if self.book.kind is Kind.FOLDER else ()

    @property
    def pages(self) -> str:
        """Where the book's pages lie in the destination."""
        return f"{PAGES}/{self.identity}"

    @property
    def packages(self) -> str:
        """Where its packages lie there."""
        return f"{PACKAGES}/{self.identity}"

    @cached_property
    def _done(self) -> Mapping[str, Any]:
        """What was written down when the book was packed last."""
        try:
            return json.loads(self._job.dest.read(f"{DONE}/{self.reference.done}")) if self.reference.done else {}
        except StorageFailed as error:
            if error.code != "storage_missing":
                raise
            raise StorageFailed("batch_meanwhile", dest=self._job.dest.url) from error

    @property
    def changed_before(self) -> list[Mapping[str, Any]]:
        """What this very job had changed in the book, where it is tried again for the sake of something that failed."""
        return self._done["changes"] if self.reference.done.split(".")[4:5] == [self._job.key] else []

    @property
    def packed_before(self) -> Mapping[str, int]:
        """The files of the packages that were written last, with their sizes in bytes."""
        return self._done.get("packages", {})

    @cached_property
    def before(self) -> Mapping[str, Before]:
        """What each capture was developed to before this job: in the destination, or else by the station itself."""
        if self.reference.done:
            return {capture: Before(self._job.dest, self.pages, name) for capture, name in self._done["facts"].items()}
        if self.book.kind is Kind.STORE:
            folder = joined(self.book.at, PAGES)
            facts = self._job.station_facts(folder)
            return {name: Before(self._job.source, folder, facts[name])
                    for name in (capture.id for capture in self.state.current) if name in facts}
        return {}

    @cached_property
    def asked(self) -> frozenset[str]:
        """The captures that are asked for (`--where`), by what they were developed to before; by their ids."""
        where = self._job.where
        if where is None or not where.needs_pages:
            return frozenset(self.tasks)
        return frozenset(name for name, before in self.before.items()
                         if name in self.tasks and where.capture(self.measured(before)))

    def measured(self, before: Before, orientation: int = 1) -> tuple[PageFacts, ...]:
        """What is to be compared of a capture's pages of before. A station has measured nothing: for its pages,
        `orientation` is what EXIF says of the original.
        """
        if before.measures is not None:
            return before.measures.pages
        from province.changes import facts_of

        name = before.facts.rpartition("-")[0]
        capture = next(capture for capture in self.state.captures if capture.id == name)
        return facts_of(before.pages, capture, orientation)

    def before_name(self, capture: str) -> str:
        """The file of facts of before in the destination; empty where there is none."""
        before = self.before.get(capture)
        return before.facts if before and before.storage == self._job.dest else ""


def folder_log_name(book: SourceBook, limits: Limits) -> str:
    """Where the log of a plain folder lies in the destination; another as soon as anything in the folder changes, or what
    images may be, or the program.
    """
    return f"{FOLDER_LOGS}/{book.identity}.{digest([book.stamp, asdict(limits), PROGRAM])[:32]}.jsonl"
