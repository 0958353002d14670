"""The cases of a book, as people work on them: written out to be filled in, read back, listed, put back.

The story of an import: read → check → log → pack, under the lock of packing; one line in the log, all of it or nothing.
What is said is compared with what was said before, so a second lock is held from looking to logging: for a moment, since
people type while others pack (`indexing`). What rows say and what must hold between cases is `bookpack`'s. No sentences.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from book import Case
from bookpack.casechecks import Checked, check_rows, of_book
from bookpack.casereading import read_rows
from bookpack.caserows import Known
from bookpack.cases import case_names, package_name
from bookpack.columns import columns
from bookpack.contents import BookContents
from bookpack.manifest import sha256_of
from bookpack.typed import CaseProblem, read_typed
from bookpack.workbook import rows_of, workbook
from bookwork import Work
from errors import NothingToDo, Refused
from originals.booklog import BookState
from originals.caselog import SAID, UNDONE, check_event, undone_events
from originals.durable import locked, write_file
from originals.eventlog import now
from packing import Packages, pack, packed_pages
from pipeline import DevelopedBook


@dataclass(frozen=True)
class OpenBook:
    """A book with its pages developed, and its cases."""

    work: Work
    state: BookState
    developed: DevelopedBook

    @property
    def contents(self) -> BookContents:
        """What its packages hold."""
        return self.work.contents(self.state, self.developed)

    def names(self, cases: Iterable[Case]) -> dict[str, str]:
        """Case id → name of its file, without ending, when the book has those cases."""
        named = replace(self._unread, cases=tuple(cases))
        names = case_names(named, self.work.settings.ministry)
        return {case.id: name for case, name in zip(named.cases, names, strict=True)}

    @cached_property
    def _unread(self) -> BookContents:
        """All that names depend on beside the cases; the log and the originals are not read for it."""
        pages = packed_pages(self.work.workplace, self.work.identity, self.work.settings, self.developed.pages)
        return BookContents(self.work.identity, "", "", pages, (), (), (), "", "", "")

    @cached_property
    def known(self) -> Known:
        """What anything said of cases is compared with."""
        identity, places = self.work.identity, self.work.settings.places
        own = frozenset((identity.place, places.get(identity.place, identity.place)))
        return Known(identity, tuple(page.id for page in self.developed.pages), self.state,
                     date.fromisoformat(now()[:10]), own)

    @property
    def readable(self) -> Known:
        """The same for a table, that may have the names of the scan stage still."""
        cases = self.known.cases.values()
        unnamed = (replace(case, number=None) for case in cases)
        names = {name: case for named in (self.names(unnamed), self.names(cases)) for case, name in named.items()}
        return replace(self.known, names=names)

    @property
    def stated(self) -> int | None:
        """The number of cases that the book itself states."""
        return self.state.facts.get("cases")


@dataclass(frozen=True)
class CaseWork:
    """What came of a change of cases. `event` is its place among the events about cases; None: nothing was new.

    `known` is how the cases stand then.
    """

    book: str
    event: int | None
    checked: Checked
    renamed: tuple[tuple[str, str], ...]
    known: Known
    packages: Packages | None = None


@dataclass(frozen=True)
class ListedCase:
    """A case, the name of its file, the numbers of its pages, and what is to be said of it."""

    case: Case
    name: str
    pages: tuple[int, ...]
    problems: tuple[CaseProblem, ...]


@dataclass(frozen=True)
class CaseList:
    """The cases of a book in order, what is to be said of the book as a whole, and the events that made them so.

    Each event comes with its place, from 1, and whether it is undone.
    """

    book: str
    cases: tuple[ListedCase, ...]
    problems: tuple[CaseProblem, ...]
    events: tuple[tuple[int, Mapping[str, Any], bool], ...]


def open_book(work: Work) -> OpenBook:
    """The book as it stands; pages that are not developed yet are developed first. Raises NothingToDo, StorageFailed."""
    state = work.state()
    return OpenBook(work, state, work.developed(state))


@contextmanager
def held(work: Work) -> Iterator[OpenBook]:
    """The book, while nobody else packs or says anything of cases. Raises StoreBusy too."""
    with locked(work.workplace.packing_lock):
        yield open_book(work)


@contextmanager
def saying(book: OpenBook) -> Iterator[OpenBook]:
    """The book as it stands now, while nobody else says anything of cases: to be held for a moment, never while packing.

    Raises NothingToDo, StorageFailed.
    """
    with locked(book.work.workplace.cases_lock, wait=True):
        yield replace(book, state=book.work.state())


def import_cases(work: Work, file: Path, by: str, dry_run: bool) -> CaseWork:
    """Take the good rows of a filled-in workbook or CSV, and make the packages again with the names that follow.

    Rows that are wrong stay as they were in the book, and are named. Raises UnreadableTable, NothingToDo, StoreBusy,
    StorageFailed, OSError; then nothing was taken.
    """
    book_name, kind = str(work.identity), work.identity.kind
    table = read_typed(file, kind, columns(kind))
    with held(work) as opened:
        with saying(opened) as book:
            known = book.readable
            checked = check_rows(table, read_rows(table, known), known, book.stated)
            if dry_run:
                return CaseWork(book_name, None, checked, _renamed(book, known.after(checked.changes)), known)
            if not checked.changes:
                said = CaseWork(book_name, None, checked, (), known)
            else:
                source = {"name": file.name, "sha256": sha256_of(file)}
                said = say(book, {"event": SAID, "source": source, "changes": list(checked.changes)}, by, checked)
        return _with_packages(opened, said) if said.event or _was_killed(book) else said


def change_cases(work: Work, changes: Sequence[Mapping[str, Any]], by: str, source: Mapping[str, Any]) -> CaseWork:
    """Say more of cases, in the form of the log (`originals.caselog`), for those who do without a table. Raises as above."""
    with held(work) as opened:
        with saying(opened) as book:
            said = say(book, {"event": SAID, "source": dict(source), "changes": list(changes)}, by)
        return _with_packages(opened, said)


def undo_cases(work: Work, number: int | None, by: str) -> CaseWork:
    """Put back what was before an event about cases: the last one that still holds, or that of a number.

    What was said later still holds, and the log keeps it all. Raises NothingToDo where there is no such event.
    """
    with held(work) as opened:
        with saying(opened) as book:
            said = say(book, {"event": UNDONE, "undone": holding(book, number)}, by)
        return _with_packages(opened, said)


def holding(book: OpenBook, number: int | None = None, by: str | None = None) -> int:
    """The place of the event about cases that an undoing takes out: the last one that still holds, of a person where `by`
    names one, or that of a number. Raises NothingToDo.
    """
    events = book.state.case_events
    undone = undone_events(events)
    found = [place for place, event in enumerate(events, 1)
             if place not in undone and by in (None, event.get("by"))
             and (event["event"] == SAID if number is None else place == number)]
    if not found:
        raise NothingToDo("no_such_case_event", book=str(book.work.identity))
    return found[-1]


def list_cases(work: Work) -> CaseList:
    """All cases of a book, with their problems. Raises NothingToDo, StorageFailed."""
    book = open_book(work)
    known = book.known
    names = book.names(known.cases.values())
    problems = of_book(known, book.stated)
    cases = tuple(ListedCase(case, f"{names[case.id]}.pdf", tuple(known.numbers[page] for page in case.pages),
                             tuple(item for item in problems if item.case == case.id))
                  for case in known.cases.values())
    undone = undone_events(book.state.case_events)
    events = tuple((place, event, place in undone) for place, event in enumerate(book.state.case_events, 1))
    return CaseList(str(work.identity), cases, tuple(item for item in problems if item.case not in known.cases), events)


def export_cases(work: Work, target: Path) -> int:
    """Write the workbook that the package has, or the same rows as CSV where `target` ends so; the number of rows.

    Raises Refused where there is such a file, that somebody may have typed into; NothingToDo, StorageFailed.
    """
    if target.exists():
        raise Refused("file_exists", file=target.name)
    book = open_book(work)
    contents = book.contents
    names = list(book.names(contents.cases).values())
    if target.suffix.lower() == ".csv":
        write_file(target, [_csv(rows_of(contents, names))])
    else:
        write_file(target, [workbook(contents, names, package_name(work.identity, work.settings.ministry))])
    return len(names)


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")  # without its mark a spreadsheet takes it for another encoding


def say(book: OpenBook, event: dict[str, Any], by: str, checked: Checked | None = None) -> CaseWork:
    """Log an event about cases with the renamings that follow from it; to be called within `saying`."""
    check_event(event)  # what cannot be read must not come into the log
    event = {"time": now(), **event, "by": by}
    after = replace(book.known, state=replace(book.state, case_events=(*book.state.case_events, event)))
    renamed = _renamed(book, after)
    book.work.log.append({**event, "renamed": [list(pair) for pair in renamed]})
    checked = checked or Checked((), 0, 0, 0, tuple(of_book(after, book.stated)))
    return CaseWork(str(book.work.identity), len(after.state.case_events), checked, renamed, after)


def _was_killed(book: OpenBook) -> bool:
    """Whether an earlier run wrote down what was said, and did not come to make the packages."""
    return book.state.last_event in (SAID, UNDONE)


def _with_packages(book: OpenBook, said: CaseWork) -> CaseWork:
    """The same, and the packages made again."""
    work = book.work
    return replace(said, packages=pack(work.workplace, work.identity, work.settings, work.log.state(), book.developed.pages,
                                       progress=work.progress))


def _renamed(book: OpenBook, after: Known) -> tuple[tuple[str, str], ...]:
    """(old, new) of each file whose case has another name then."""
    before, then = book.names(book.known.cases.values()), book.names(after.cases.values())
    return tuple((f"{name}.pdf", f"{then[case]}.pdf") for case, name in before.items() if then.get(case, name) != name)
