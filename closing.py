"""A book is closed: nothing is missing, or it is said why; both packages are made, checked, signed and sealed.

`closing` goes into the log first, so that the packages hold it; `closed`, with the digests of what was sealed, comes
last. A crash at any instant is harmless: closing again goes on where it was. Later changes of a closed book are allowed:
they make a new version of its packages when it is packed or closed again, and the old ones stay. No sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from acceptance import counted, roles_of, waiting_of
from book import Case, Identity
from bookpack.casechecks import of_book
from bookpack.caserows import Known
from bookpack.manifest import sha256_of
from bookpack.sign import opened
from bookpack.verify import Problem, verify
from bookwork import Work
from originals.booklog import CHECKS, BookLog, BookState
from originals.durable import locked, make_read_only
from originals.eventlog import now
from originals.stationlog import UNSORTED
from packing import Packages, folder_of, pack
from pipeline import DevelopedBook

SHOWN = 12  # pages or files that are named


@dataclass(frozen=True)
class Gap:
    """Why a book cannot be closed: a code and facts. One that is `explainable` is no hindrance once somebody has said
    why it is so: what is not there cannot be brought, but what is there can be looked at. `section` is that of its
    sentence.
    """

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    explainable: bool = True
    section: str = "closing"


@dataclass(frozen=True)
class Closing:
    """What closing a book came to. `gaps` are all that were found, `open` those that hinder it.

    `version` counts its closings; `before` says that it was closed already and nothing has changed; `spoilt` names
    sealed files that are not as they were, `problems` what is wrong with packages that were just made.
    """

    book: str
    gaps: tuple[Gap, ...] = ()
    open: tuple[Gap, ...] = ()
    version: int = 0
    before: bool = False
    event: Mapping[str, Any] | None = None
    folder: Path | None = None
    spoilt: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def closed(self) -> bool:
        return self.event is not None and not self.spoilt


def close(work: Work, because: str, by: str, password: Callable[[], str]) -> Closing:
    """Close a book, or say what hinders it. `password` is asked for that of the key to sign with, where one is set.

    Raises NothingToDo, StoreBusy, StorageFailed, BadConfig, CannotSign.
    """
    book_name, log = str(work.identity), work.log
    with locked(work.workplace.packing_lock):
        looked_at, state = len(log.events()), work.state()
        if state.closings and not state.changed:
            return _closed_before(work, state)
        book = work.developed(state)
        cases = work.contents(state, book).cases
        gaps = tuple(gaps_of(work, state, book, cases))
        because = because or (state.closing or {}).get("because", "")
        hindering = tuple(gap for gap in gaps if not (because and gap.explainable))
        if hindering:
            return Closing(book_name, gaps, hindering)
        with opened(work.settings.signature, password) as signing:
            state = _announce(log, state, by, because, gaps, _counts(state, book, cases))
            if any(event["event"] not in CHECKS for event in log.events()[looked_at:]):
                return _late(book_name, gaps)
            packages = pack(work.workplace, work.identity, work.settings, state, book.pages, signing,
                            progress=work.progress, closing=True)
        return _seal(log, book_name, packages, gaps)


def gaps_of(work: Work, state: BookState, book: DevelopedBook, cases: tuple[Case, ...]) -> Iterator[Gap]:
    """All that a careful archivist would ask about before they seal a book."""
    yield from _miscounted(state, book, cases)
    yield from _doubtful_cases(work.identity, state, book)
    unnamed = [case for case in cases if not (case.number and case.date)]
    if unnamed:
        numbers = {page.id: number for number, page in enumerate(book.pages, 1)}
        yield Gap("cases_unnamed", {"number": len(unnamed), "pages": _some(numbers[case.pages[0]] for case in unnamed)})
    if state.set_aside:
        yield Gap("set_aside", {"number": len(state.set_aside), "files": _some(item.name for item in state.set_aside)})
    if book.failures:
        names = _some(capture.source for capture, _ in book.failures)
        yield Gap("undeveloped", {"number": len(book.failures), "files": names})
    unsorted = work.workplace.log(UNSORTED).state()
    if unsorted.current or unsorted.set_aside:
        yield Gap("unsorted", {"number": len(unsorted.current) + len(unsorted.set_aside)})
    waiting = waiting_of(book, state)
    for code, items in (("waiting", [item for item in waiting if not item.double]),
                        ("doubles", [item for item in waiting if item.double])):
        if items:
            yield Gap(code, {"number": len(items), "pages": _some(item.number for item in items)}, explainable=False)


def _miscounted(state: BookState, book: DevelopedBook, cases: tuple[Case, ...]) -> Iterator[Gap]:
    counts, stated = _counts(state, book, cases), state.facts
    if stated.get("pages") is None and stated.get("cases") is None:
        yield Gap("nothing_stated", {"pages": counts["pages"]})
    for what in ("pages", "cases"):
        if stated.get(what) not in (None, counts[what]):
            yield Gap(f"{what}_differ", {"stated": stated[what], what: counts[what]})


def _doubtful_cases(identity: Identity, state: BookState, book: DevelopedBook) -> Iterator[Gap]:
    """Numbers that are double or left out, pages without a case, and the like; how many there are is counted above."""
    known_of_cases = Known(identity, tuple(page.id for page in book.pages), state, date.fromisoformat(now()[:10]))
    for problem in of_book(known_of_cases, stated=None):
        yield Gap(problem.code, problem.facts, section="case_problem")


def _counts(state: BookState, book: DevelopedBook, cases: tuple[Case, ...]) -> dict[str, int]:
    return counted(roles_of(book, state), state, cases)


def _some(names: Any) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def _announce(
    log: BookLog, state: BookState, by: str, because: str, gaps: tuple[Gap, ...], counts: Mapping[str, int]
) -> BookState:
    """Say in the log that the book is being closed, unless that was said and nothing has changed since."""
    facts = {"because": because, "gaps": [{"code": gap.code, **gap.facts} for gap in gaps], "counts": dict(counts),
             "stated": {key: state.facts[key] for key in ("pages", "cases") if key in state.facts},
             "version": len(state.closings) + 1}
    pending = state.closing or {}
    if any(pending.get(key) != value for key, value in facts.items()):
        log.append({"event": "closing", "by": by, **facts})
    return log.state()


def _seal(log: BookLog, book: str, packages: Packages, gaps: tuple[Gap, ...]) -> Closing:
    """Check the packages as anybody would who receives them, then say that the book is closed and guard its files."""
    folder = packages.folder
    problems = tuple(problem for package in packages.folders for problem in verify(package))
    if problems:
        return Closing(book, gaps, problems=problems, folder=folder)
    sealed = {path.relative_to(folder).as_posix(): sha256_of(path) for path in _sealed_files(packages)}
    begun = log.state().closing
    if begun is None:  # an image or a correction came in the meantime
        return _late(book, gaps)
    facts = {key: begun[key] for key in ("by", "because", "gaps", "counts", "stated", "version")}
    log.append({"event": "closed", **facts, "sealed": sealed})
    _guard(folder, sealed)
    return Closing(book, gaps, version=facts["version"], event=log.state().closings[-1], folder=folder)


def _late(book: str, gaps: tuple[Gap, ...]) -> Closing:
    """The book is another than the one that was looked at: it is to be looked at again."""
    late = Gap("changed_meanwhile", explainable=False)
    return Closing(book, (*gaps, late), (late,))


def _sealed_files(packages: Packages) -> list[Path]:
    """Files whose digests stand for all: zips and workbook, and the bag's manifests of its manifests."""
    return [*packages.ministry_zips, packages.workbook, *sorted(packages.archive.glob("tagmanifest-*.txt"))]


def _guard(folder: Path, sealed: Mapping[str, str]) -> None:
    """Take away the permission to change any file of the packages that the sealed files are of."""
    for package in sorted({name.split("/")[0] for name in sealed}):
        for path in sorted((folder / package).rglob("*")):
            if path.is_file():
                make_read_only(path)


def _closed_before(work: Work, state: BookState) -> Closing:
    """A book that is closed: a crash may have come before its files were guarded, a hand or a disk may have changed one."""
    event, folder = state.closings[-1], folder_of(work.workplace, str(work.identity), state)
    spoilt = tuple(name for name, sha256 in event["sealed"].items()
                   if not (folder / name).is_file() or sha256_of(folder / name) != sha256)
    if not spoilt:
        _guard(folder, event["sealed"])
    return Closing(str(work.identity), version=event["version"], before=True, event=event, folder=folder, spoilt=spoilt)
