"""From the developed pages of a book to its packages in the destination, by one worker; what has changed is written down.

The packages are those that `packing` makes at a station. The file in DONE comes last: it says that all of it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import packing
from book import canonical_json
from bookpack.ministry import FOLDER as MINISTRY
from bookpack.ministry import TYPED
from developing import DevelopedPage, Task, forget, known
from province import scratch
from province.bench import Bench, Borrowed
from province.done import Replaced, done_of, with_earlier
from province.earlier import Measures, measures_name
from province.onebook import DONE, FOLDER_LOGS, OneBook, folder_log_name
from province.orders import BookPacked
from province.sources import BAG, BAG_SEAL, Kind
from province.storage import joined
from province.written import done_name, is_of, written_digest
from wholebook import InBook, kept_doubles, with_doubles

if TYPE_CHECKING:
    from province.job import Job
    from province.storage import Entry

BEFORE = "before"  # pages that were replaced, until the report of the batch has shown them
LARGE = (".jpg", ".drawing", ".png")  # files of pages that only packing wants
SEALS = ("*tagmanifest-*.txt", f"*{BAG}")  # files of a bag that come last


@contextmanager
def laid_out(job: Job, one: OneBook, failed: Mapping[str, str]) -> Iterator[Packer]:
    """A book to be packed, what is said of its pages at hand: in the destination itself, or as copies."""
    far = job.dest.path is None
    with scratch.scratch() if far else job.dest.filling(one.pages) as folder:
        there = {entry.name.rpartition("/")[2]: entry.size for entry in job.dest.look(one.pages)[1]}
        packer = Packer(job, one, failed, folder, there)
        packer.fetch(name for name in there if not name.endswith(LARGE))
        try:
            yield packer
        finally:
            forget()  # or a worker would carry the pages of its last thousands of captures with it


class Packer:
    """One book on its way into packages, what is said of its pages lying in `folder`.

    `failed` are captures that cannot be developed, with the code of the reason; `there` are the files of its pages in the
    destination, with their sizes in bytes.
    """

    def __init__(
        self, job: Job, one: OneBook, failed: Mapping[str, str], folder: Path, there: Mapping[str, int]
    ) -> None:
        self._job, self._one, self._failed, self._folder, self._there = job, one, failed, folder, there

    def again(self) -> tuple[tuple[str, tuple[Any, ...] | None], ...]:
        """Captures that are asked for and are not developed, or not yet with the habit of the book in mind."""
        lost = tuple((name, None) for name in self._without_pages() if name in self._one.asked)
        waiting = ((name, task) for name, task in self._in_book.again.items() if name in self._one.asked)
        return lost or tuple((name, (task.hints.habit, task.hints.gutter)) for name, task in waiting
                             if self._read(task) is None)

    def missing(self) -> int:
        """How many captures have no pages though they can be developed: the book is not whole."""
        return len(self._without_pages())

    @property
    def developed(self) -> bool:
        """Whether there are any pages."""
        return bool(self._in_book.found)

    def pack(self) -> BookPacked:
        """Write the packages, then what was made of the book. Raises StorageFailed."""
        pages = self._in_book.pages(self._read)
        self.fetch(name for page in pages for name in (page.jpeg, page.drawing, page.strokes))
        pages = with_doubles(pages, self._folder)
        packages = self._packed(pages)
        replaced = self._replaced({page.id: number for number, page in enumerate(pages, 1)})
        self._set_aside(replaced)
        useless = self._useless(kept_doubles(pages, self._folder))
        done = self._say_done(pages, packages, with_earlier(self._one, replaced), useless)
        self._job.dest.remove(useless)  # only now: what is said of the book before must hold until something else is said
        return BookPacked(len(pages), packages.cases, len(replaced), packages.ministry_bytes, packages.archive_bytes, done)

    def fetch(self, names: Iterable[str]) -> None:
        """Copies of files of pages, where the destination is far away."""
        if self._job.dest.path is None:
            missing = {name for name in names if not (self._folder / name).exists()}
            self._job.dest.at(self._one.pages).copies(sorted(missing), self._folder)

    @cached_property
    def _in_book(self) -> InBook:
        return InBook.of(self._one.tasks.values(), self._read)

    @cached_property
    def _counted(self) -> Mapping[str, Task]:
        """The task that counts for each capture that has pages."""
        return {task.capture.id: task for task, _, _ in self._in_book.looks(self._read)}

    def _facts_name(self, task: Task) -> str:
        """The file of facts that counts for a task: its own, or for a capture that is not asked for, or cannot be developed,
        that of before; empty where there is none.
        """
        name = task.capture.id
        return task.facts.name if name in self._one.asked and name not in self._failed else self._one.before_name(name)

    def _read(self, task: Task) -> tuple[DevelopedPage, ...] | None:
        """The pages of a task, or those of before that count instead."""
        name = self._facts_name(task)
        if name == task.facts.name:
            pages = known(replace(task, pages=self._folder))
        else:
            pages = self._one.before[task.capture.id].pages if name else None
        return pages if pages and measures_name(name) in self._there and all(map(self._is_there, pages)) else None

    def _is_there(self, page: DevelopedPage) -> bool:
        sizes = (self._there.get(name) for name in (page.jpeg, page.drawing))
        return (*sizes,) == (page.jpeg_bytes, page.drawing_bytes) and page.strokes in self._there

    def _without_pages(self) -> list[str]:
        return [name for name, task in self._one.tasks.items() if name not in self._failed and self._read(task) is None]

    def _packed(self, pages: tuple[DevelopedPage, ...]) -> packing.Packages:
        """The packages, made by the same hands as at a station."""
        one, job, captures = self._one, self._job, self._one.state.captures
        with ExitStack() as held:
            desk = held.enter_context(scratch.scratch())
            names = {capture.sha256: one.original(capture) for capture in captures}
            files = job.source.copies(names.values(), held.enter_context(scratch.scratch()))
            store = Borrowed({sha256: files[name] for sha256, name in names.items()},
                             {capture.sha256: capture.media for capture in captures})
            target = held.enter_context(self._target())
            bench = Bench(desk, {str(one.identity): one.log_in(desk)}, store, self._folder, target)
            return packing.pack(bench, one.identity, job.settings, one.state, pages, profile=job.profile)

    @contextmanager
    def _target(self) -> Iterator[Path]:
        """The folder for the packages. On this machine each is exchanged as a whole; far away, a bag that is written over
        is no bag until it is whole again, and what else lay in the folders of these packages goes.
        """
        dest, packages = self._job.dest, self._one.packages
        there = [] if dest.path else [entry for folder in self._exchanged for entry in dest.list(folder)]
        with dest.filling(packages, last=SEALS) as folder:
            self._bring_typed(folder, there)
            self._bring_previous(folder)
            yield folder
            if there:
                written = {f"{packages}/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*")}
            dest.remove(entry.name for entry in there if entry.name.endswith(f"/{BAG}"))
        dest.remove(entry.name for entry in there if entry.name not in written)

    @property
    def _exchanged(self) -> tuple[str, ...]:
        """The folders of the packages that are written now; of earlier versions, and of others, nothing is touched."""
        version = packing.version_of(self._one.state)
        folder = self._one.packages if version == 1 else f"{self._one.packages}/v{version}"
        inside = {packing.MINISTRY: MINISTRY, packing.ARCHIVE: str(self._one.identity)}
        return tuple(f"{folder}/{inside[kind]}" for kind in packing.PROFILES[self._job.profile])

    def _bring_typed(self, folder: Path, there: list[Entry]) -> None:
        """Where people may have typed into a workbook far away, packing has to see it, and what it kept of theirs before."""
        ours = [entry for entry in there if f"/{MINISTRY}/" in entry.name]
        if any(self._one.packed_before.get(entry.name) != entry.size for entry in ours):
            kept = self._job.dest.list(f"{self._exchanged[0].rpartition('/')[0]}/{TYPED}")
            for entry in (*ours, *kept):
                scratch.place(folder, entry.name.removeprefix(f"{self._one.packages}/"), self._job.dest.read(entry.name))

    def _bring_previous(self, folder: Path) -> None:
        """A version names the seal of the one before it."""
        version, dest = packing.version_of(self._one.state), self._job.dest
        name = joined(f"v{version - 1}" if version > 2 else "", f"{self._one.identity}/{BAG_SEAL}")
        if version > 1 and dest.path is None and dest.exists(f"{self._one.packages}/{name}"):
            scratch.place(folder, name, dest.read(f"{self._one.packages}/{name}"))

    def _replaced(self, numbers: Mapping[str, int]) -> tuple[Replaced, ...]:
        """The pages that differ from before; none where nothing of the book was developed before. `numbers` by page id."""
        names = {**self._one.before, **self._counted} if self._one.before else ()
        return tuple(item for name in names for item in self._replaced_of(name, numbers))

    def _replaced_of(self, name: str, numbers: Mapping[str, int]) -> Iterator[Replaced]:
        """Those of one capture, that may be new, or gone from the book."""
        from province.changes import compare

        before, task = self._one.before.get(name), self._counted.get(name)
        facts = self._facts_name(task) if task else ""
        if (before and facts == before.facts) or (not facts and name in self._failed):
            return
        now = Measures.from_bytes((self._folder / measures_name(facts)).read_bytes()) if facts else Measures(1, ())
        old = self._one.measured(before, now.orientation) if before else ()
        jpegs = {page.id: joined(before.folder, page.jpeg) for page in old} if before else {}
        where = "dest" if before and before.storage == self._job.dest else "source"
        for change in compare(old, now.pages, str(self._one.identity), numbers):
            yield Replaced(change, where, jpegs.get(change.page, ""))

    def _set_aside(self, replaced: Iterable[Replaced]) -> None:
        """Copies of replaced pages, which are about to go, for the report."""
        dest = self._job.dest
        for item in replaced:
            if item.where == "dest" and item.name and dest.exists(item.name):
                dest.write(before_name(str(self._one.identity), item.name), dest.read(item.name))

    def _useless(self, doubles: Path) -> frozenset[str]:
        """The files of pages that nothing has use for any more."""
        dest, used = self._job.dest, {doubles.name}
        for task in (*self._one.tasks.values(), *self._in_book.again.values()):
            facts = self._facts_name(task)
            for page in self._read(task) or ():
                used |= {facts, measures_name(facts), page.jpeg, page.drawing, page.strokes}
        if dest.path is None:
            dest.write(f"{self._one.pages}/{doubles.name}", doubles.read_bytes())
        there = (entry.name for entry in dest.look(self._one.pages)[1])
        return frozenset(name for name in there if name.rpartition("/")[2] not in used)

    def _say_done(
        self, pages: tuple[DevelopedPage, ...], packages: packing.Packages, replaced: tuple[Replaced, ...],
        useless: Collection[str],
    ) -> str:
        """Write what was made of the book, `useless` files left out, and remove what was said of it before."""
        one, dest = self._one, self._job.dest
        packed = [*dest.list(one.packages)]
        written = written_digest([*packed, *(entry for entry in dest.list(one.pages) if entry.name not in useless)])
        name = done_name(one.book, self._job.key, "" if self._failed or one.unread else written)
        jpegs = {page.id: page.jpeg for page in pages}
        dest.write(f"{DONE}/{name}", canonical_json({
            "book": str(one.identity), "kind": one.book.kind, "at": one.book.at, "version": packages.version,
            "facts": {capture: self._facts_name(task) for capture, task in self._counted.items()},
            "packages": {entry.name: entry.size for entry in packed},
            "pages": len(pages), "cases": packages.cases, "failed": dict(self._failed),
            "findings": {page.id: sorted({finding.code for finding in page.findings}) for page in pages if page.findings},
            "changes": [{"change": item.change.to_json(), "where": item.where, "before": item.name,
                         "after": jpegs.get(item.change.page, ""), "original": self._original(item.change.page)}
                        for item in replaced],
        }).encode("utf-8"))
        dest.remove([f"{DONE}/{other}" for other in done_of(self._job, str(one.identity)) if other != name])
        self._remove_old_logs()
        return name

    def _remove_old_logs(self) -> None:
        """Those that were made of a plain folder as it was before."""
        dest, now = self._job.dest, folder_log_name(self._one.book, self._job.settings.limits)
        logs = dest.look(FOLDER_LOGS)[1] if self._one.book.kind is Kind.FOLDER else ()
        dest.remove([entry.name for entry in logs if is_of(entry.name, str(self._one.identity)) and entry.name != now])

    def _original(self, page: str) -> str:
        """The name of a page's original in the source, and its frame."""
        task = self._one.tasks.get(page.partition("-")[0])
        return f"{self._one.original(task.capture)}#{task.capture.frame}" if task else ""


def before_name(book: str, name: str) -> str:
    """Where the copy of a replaced page of the destination lies."""
    return f"{BEFORE}/{book}/{name.rpartition('/')[2]}"
