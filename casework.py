"""The cases of a book, as people work on them: written out to be filled in, read back, listed, put back.

The story of an import: read → check → log → pack, under the lock of packing; one line in the log, all of it or nothing.
What rows say and what must hold between cases is `bookpack`'s. No sentences.
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
from packing import Packages, pack
from pipeline import DevelopedBook


@dataclass(frozen=True)
class OpenBook:
    """A book with its pages developed, and its cases."""

    work: Work
    state: BookState
    developed: DevelopedBook

    def contents(self, state: BookState | None = None) -> BookContents:
        """What its packages hold, or would if it stood as in `state`."""
        return self.work.contents(state or self.state, self.developed)

    def names(self, contents: BookContents) -> dict[str, str]:
        """Case id → name of its file, without ending."""
        names = case_names(contents, self.work.settings.ministry)
        return {case.id: name for case, name in zip(contents.cases, names, strict=True)}

    @cached_property
    def known(self) -> Known:
        contents, identity, places = self.contents(), self.work.identity, self.work.settings.places
        unnamed = replace(contents, cases=tuple(replace(case, number=None) for case in contents.cases))
        both = (self.names(unnamed), self.names(contents))  # a table may have the names of the scan stage still
        names = {name: case for named in both for case, name in named.items()}
        own = frozenset((identity.place, places.get(identity.place, identity.place)))
        return Known(identity, tuple(page.id for page in self.developed.pages), self.state,
                     date.fromisoformat(now()[:10]), own, names)

    @property
    def stated(self) -> int | None:
        """The number of cases that the book itself states."""
        return self.state.facts.get("cases")


@dataclass(frozen=True)
class CaseWork:
    """What came of a change of cases. `event` is its place among the events about cases; None: nothing was new."""

    book: str
    event: int | None
    checked: Checked
    renamed: tuple[tuple[str, str], ...]
    packages: Packages | None


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


def import_cases(work: Work, file: Path, by: str, dry_run: bool) -> CaseWork:
    """Take the good rows of a filled-in workbook or CSV, and make the packages again with the names that follow.

    Rows that are wrong stay as they were in the book, and are named. Raises UnreadableTable, NothingToDo, StoreBusy,
    StorageFailed, OSError; then nothing was taken.
    """
    book_name, kind = str(work.identity), work.identity.kind
    table = read_typed(file, kind, columns(kind))
    with held(work) as book:
        checked = check_rows(table, read_rows(table, book.known), book.known, book.stated)
        if dry_run:
            after = book.known.after(checked.changes).state
            return CaseWork(book_name, None, checked, _renamed(book, after), None)
        if not checked.changes:
            return CaseWork(book_name, None, checked, (), _packed(book) if _was_killed(book) else None)
        source = {"name": file.name, "sha256": sha256_of(file)}
        return _say(book, {"event": SAID, "source": source, "changes": list(checked.changes)}, by, checked)


def change_cases(work: Work, changes: Sequence[Mapping[str, Any]], by: str, source: Mapping[str, Any]) -> CaseWork:
    """Say more of cases, in the form of the log (`originals.caselog`), for those who do without a table. Raises as above."""
    with held(work) as book:
        return _say(book, {"event": SAID, "source": dict(source), "changes": list(changes)}, by)


def undo_cases(work: Work, number: int | None, by: str) -> CaseWork:
    """Put back what was before an event about cases: the last one that still holds, or that of a number.

    What was said later still holds, and the log keeps it all. Raises NothingToDo where there is no such event.
    """
    with held(work) as book:
        events = book.state.case_events
        undone = undone_events(events)
        holding = [place for place, event in enumerate(events, 1)
                   if place not in undone and (event["event"] == SAID if number is None else place == number)]
        if not holding:
            raise NothingToDo("no_such_case_event", book=str(work.identity))
        return _say(book, {"event": UNDONE, "undone": holding[-1]}, by)


def list_cases(work: Work) -> CaseList:
    """All cases of a book, with their problems. Raises NothingToDo, StorageFailed."""
    book = open_book(work)
    names, known = book.names(book.contents()), book.known
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
    contents = book.contents()
    names = list(book.names(contents).values())
    if target.suffix.lower() == ".csv":
        write_file(target, [_csv(rows_of(contents, names))])
    else:
        write_file(target, [workbook(contents, names, package_name(work.identity, work.settings.ministry))])
    return len(names)


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")  # without its mark a spreadsheet takes it for another encoding


def _say(book: OpenBook, event: dict[str, Any], by: str, checked: Checked | None = None) -> CaseWork:
    """Log an event with the renamings that follow from it, and make the packages again."""
    check_event(event)  # what cannot be read must not come into the log
    after = replace(book.state, case_events=(*book.state.case_events, event))
    renamed = _renamed(book, after)
    book.work.log.append({**event, "by": by, "renamed": [list(pair) for pair in renamed]})
    found = Checked((), 0, 0, 0, tuple(of_book(replace(book.known, state=after), book.stated)))
    return CaseWork(str(book.work.identity), len(after.case_events), checked or found, renamed, _packed(book))


def _was_killed(book: OpenBook) -> bool:
    """Whether an earlier run wrote down what was said, and did not come to make the packages."""
    return book.state.last_event in (SAID, UNDONE)


def _packed(book: OpenBook) -> Packages:
    work = book.work
    return pack(work.workplace, work.identity, work.settings, work.log.state(), book.developed.pages, progress=work.progress)


def _renamed(book: OpenBook, after: BookState) -> tuple[tuple[str, str], ...]:
    """(old, new) of each file whose case has another name then."""
    before, then = book.names(book.contents()), book.names(book.contents(after))
    return tuple((f"{name}.pdf", f"{then[case]}.pdf") for case, name in before.items() if then.get(case, name) != name)
