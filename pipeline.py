"""The story of a book: receive → develop → review → pack.

Receiving makes originals safe. Developing turns each capture into pages, in worker processes. Reviewing lists what a
person should look at. Packing writes both packages. No algorithms here, and no sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batch import local
from book import Capture, Finding, Identity, Severity, digest
from bookpack.duplicate import Copied
from capture.folder import Skipped, find_images
from capture.intake import SetAside, take_in
from capture.look import Look, LookTask, look
from developing import DevelopedPage, Progress, develop_all, plan, read_developed
from errors import NothingToDo
from imaging.decode import Limits
from originals.booklog import BookState
from originals.recover import Recovered, recover
from originals.store import Store
from packing import Packages, pack, second_copy
from settings import Settings
from wholebook import as_in_book, with_doubles
from workplace import Workplace


@dataclass(frozen=True)
class Received:
    """What came of the sources of one run."""

    new: int
    again: int
    set_aside: tuple[SetAside, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class DevelopedBook:
    """The pages of a book in order, the captures that are none, how many were developed just now, and their sources."""

    pages: tuple[DevelopedPage, ...]
    failures: tuple[tuple[Capture, local.Failure], ...]
    developed: int
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What a run has to tell."""

    book: str
    received: Received
    pages: tuple[DevelopedPage, ...]
    failures: tuple[tuple[Capture, local.Failure], ...]
    developed: int
    packages: Packages | None
    packed: bool  # just now, not before
    sources: Mapping[str, str]
    copy: Copied | None = None
    accepted: Mapping[str, str] = field(default_factory=dict)

    @property
    def look_again(self) -> list[DevelopedPage]:
        """The pages that a person should look at, the most doubtful first."""
        return look_again(self.pages, self.accepted)

    @property
    def complete(self) -> bool:
        """Whether every file given became pages."""
        return not self.received.set_aside and not self.failures


def process(
    sources: Iterable[Path], identity: Identity, out: Path, settings: Settings, jobs: int, progress: Progress,
    skip: frozenset[str] = frozenset(), profile: str = "both",
) -> Outcome:
    """The whole job on files and folders: safe originals, developed pages, both packages.

    Run again, it goes on where it was stopped; when all is done it changes nothing.
    """
    workplace = Workplace(Path(out))
    with workplace.store.lock():
        recover_originals(workplace.store, settings.limits)
        received = receive(sources, workplace, identity, settings, progress)
        state = workplace.log(str(identity)).state()
        if not state.captures and not received.set_aside:
            raise NothingToDo("no_images", sources=", ".join(str(source) for source in sources))
        return finish(workplace, identity, settings, jobs, progress, received, skip, profile)


def recover_originals(store: Store, limits: Limits) -> Recovered:
    """After a crash: name the originals that were written whole. Files are looked at in a process of their own."""
    if not store.unnamed():
        return Recovered((), 0)
    with local.Pool(look, 1) as pool:
        def whole(path: Path) -> bool:
            seen = pool.ask(LookTask(path, limits))
            return isinstance(seen, Look) and seen.whole and not seen.problem

        return recover(store, whole)


def receive(
    sources: Iterable[Path], workplace: Workplace, identity: Identity, settings: Settings, progress: Progress
) -> Received:
    """Accept every image of the sources into the store, durably, in natural order."""
    arrivals, skipped = find_images([Path(source) for source in sources], store=workplace.root)
    log, store = workplace.log(str(identity)), workplace.store
    new, again, set_aside = 0, 0, []
    for number, arrival in enumerate(arrivals):
        progress("receive", number, len(arrivals))
        taken = take_in(arrival, store, log, settings.limits)
        if isinstance(taken, SetAside):
            set_aside.append(taken)
            continue
        new, again = new + taken.new, again + (not taken.new)
        set_aside += taken.set_aside
    progress("receive", len(arrivals), len(arrivals))
    return Received(new, again, tuple(set_aside), tuple(skipped))


def finish(
    workplace: Workplace, identity: Identity, settings: Settings, jobs: int, progress: Progress,
    received: Received, skip: frozenset[str] = frozenset(), profile: str = "both", copy_to: Path | None = None,
    by: str = "", again: bool = False,
) -> Outcome:
    """Develop what is not developed yet, and pack the book: the packages of `profile`, with a copy in `copy_to`."""
    state = workplace.log(str(identity)).state()
    book = develop_book(workplace, identity, settings, state, jobs, progress, skip)
    packages, copy = None, None
    if book.pages:
        packages = pack(workplace, identity, settings, state, book.pages, profile=profile, progress=progress,
                        again=again)
    if packages and (copy_to or settings.archive.copy_to):
        copy = second_copy(workplace, str(identity), packages, copy_to or Path(settings.archive.copy_to), by)
    return Outcome(str(identity), received, book.pages, book.failures, book.developed, packages,
                   packages is not None and packages.written, book.sources, copy, state.accepted)


def develop_book(
    workplace: Workplace, identity: Identity, settings: Settings, state: BookState, jobs: int, progress: Progress,
    skip: frozenset[str] = frozenset(),
) -> DevelopedBook:
    """All pages of a book as they are today; what is not developed yet is developed first."""
    tasks = plan(workplace, identity, settings, state, skip)
    waiting = [task for task in tasks if read_developed(task) is None]
    failures = tuple(develop_all(waiting, settings, jobs, progress))
    pages = with_doubles(as_in_book(tasks, settings, jobs, progress), workplace.pages)
    sources = {task.capture.id: task.capture.source for task in tasks}
    return DevelopedBook(pages, failures, len(waiting) - len(failures), sources)


def warnings(page: DevelopedPage) -> list[Finding]:
    """The findings of a page that ask a person to look."""
    return [finding for finding in page.findings if finding.severity is Severity.WARNING]


def seen(page: DevelopedPage) -> str:
    """Digest of what a person sees who looks at a page: how it was made, and what it is doubted for."""
    return digest([page.recipe.digest, sorted({finding.code for finding in warnings(page)})])


def look_again(pages: Iterable[DevelopedPage], accepted: Mapping[str, str]) -> list[DevelopedPage]:
    """The pages that a person should look at, the most doubtful first; none that was accepted as it is now."""
    doubtful = [page for page in pages if warnings(page) and not (page.id in accepted and accepted[page.id] == seen(page))]
    return sorted(doubtful, key=lambda page: (-page.doubt, page.id))
