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

from book import Case, Identity
from bookpack.casechecks import Checked, check_rows, of_book
from bookpack.casereading import read_rows
from bookpack.caserows import Known
from bookpack.cases import case_names, package_name
from bookpack.columns import columns
from bookpack.contents import BookContents
from bookpack.manifest import sha256_of
from bookpack.typed import CaseProblem, read_typed
from bookpack.workbook import rows_of, workbook
from developing import Progress
from errors import NothingToDo
from originals.booklog import BookState, now
from originals.caselog import SAID, UNDONE, undone_events
from originals.durable import locked, write_file
from packing import Packages, contents_of, pack
from pipeline import DevelopedBook, develop_book
from settings import Settings
from workplace import Workplace

NOTHING_WRONG = Checked((), 0, 0, 0, ())


@dataclass(frozen=True)
class OpenBook:
    """A book with its pages developed, and its cases."""

    workplace: Workplace
    identity: Identity
    settings: Settings
    state: BookState
    developed: DevelopedBook

    def contents(self, state: BookState | None = None) -> BookContents:
        """What its packages hold, or would if it stood as in `state`."""
        return contents_of(self.workplace, self.identity, self.settings, state or self.state, self.developed.pages)

    def names(self, state: BookState | None = None) -> dict[str, str]:
        """Case id → name of its file."""
        contents = self.contents(state)
        names = case_names(contents, self.settings.ministry)
        return {case.id: f"{name}.pdf" for case, name in zip(contents.cases, names, strict=True)}

    @cached_property
    def known(self) -> Known:
        contents, place = self.contents(), self.identity.place
        bare = replace(contents, cases=tuple(replace(case, number=None, date=None) for case in contents.cases))
        names = {**self._ids(bare), **self._ids(contents)}  # a table may have the names of the scan stage still
        return Known(self.identity, tuple(page.id for page in self.developed.pages), self.state,
                     date.fromisoformat(now()[:10]), frozenset((place, self.settings.places.get(place, place))), names)

    def _ids(self, contents: BookContents) -> dict[str, str]:
        names = case_names(contents, self.settings.ministry)
        return {name: case.id for case, name in zip(contents.cases, names, strict=True)}

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


@contextmanager
def opened(workplace: Workplace, identity: Identity, settings: Settings, progress: Progress) -> Iterator[OpenBook]:
    """The book, while nobody else packs; pages that are not developed yet are developed first.

    Raises NothingToDo, StoreBusy, StorageFailed.
    """
    log = workplace.log(str(identity))
    if not log.path.exists():
        raise NothingToDo("book_unknown", book=str(identity), out=str(workplace.root))
    with locked(workplace.packing_lock):
        state = log.state()
        developed = develop_book(workplace, identity, settings, state, 0, progress)
        if not developed.pages:
            raise NothingToDo("book_empty", book=str(identity))
        yield OpenBook(workplace, identity, settings, state, developed)


def import_cases(
    workplace: Workplace, identity: Identity, settings: Settings, file: Path, by: str, dry_run: bool, progress: Progress
) -> CaseWork:
    """Take the good rows of a filled-in workbook or CSV, and make the packages again with the names that follow.

    Rows that are wrong stay as they were in the book, and are named. Raises UnreadableTable, NothingToDo, StoreBusy,
    StorageFailed, OSError; then nothing was taken.
    """
    table = read_typed(file, identity.kind, columns(identity.kind))
    with opened(workplace, identity, settings, progress) as book:
        checked = check_rows(table, read_rows(table, book.known), book.known, book.stated)
        if dry_run:
            after = book.known.after(checked.changes).state
            return CaseWork(str(identity), None, checked, _renamed(book, after), None)
        source = {"name": file.name, "sha256": sha256_of(file)}
        event = {"event": SAID, "source": source, "changes": [dict(change) for change in checked.changes]}
        return _said(book, event, by, checked, progress) if checked.changes else _unchanged(book, checked, progress)


def change_cases(
    workplace: Workplace, identity: Identity, settings: Settings, changes: Sequence[Mapping[str, Any]], by: str,
    source: Mapping[str, Any], progress: Progress,
) -> CaseWork:
    """Say more of cases, in the form of the log (`originals.caselog`); the page of the station does. Raises as above."""
    with opened(workplace, identity, settings, progress) as book:
        event = {"event": SAID, "source": dict(source), "changes": [dict(change) for change in changes]}
        return _said(book, event, by, NOTHING_WRONG, progress)


def undo_cases(
    workplace: Workplace, identity: Identity, settings: Settings, number: int | None, by: str, progress: Progress
) -> CaseWork:
    """Put back what was before an event about cases: the last one that still holds, or that of a number.

    What was said later still holds, and the log keeps it all. Raises NothingToDo where there is no such event.
    """
    with opened(workplace, identity, settings, progress) as book:
        events = book.state.case_events
        undone = undone_events(events)
        holding = [place for place, event in enumerate(events, 1)
                   if place not in undone and (event["event"] == SAID if number is None else place == number)]
        if not holding:
            raise NothingToDo("no_such_case_event", book=str(identity))
        return _said(book, {"event": UNDONE, "undone": holding[-1]}, by, NOTHING_WRONG, progress)


def list_cases(workplace: Workplace, identity: Identity, settings: Settings, progress: Progress) -> CaseList:
    """All cases of a book, with their problems. Raises NothingToDo, StoreBusy, StorageFailed."""
    with opened(workplace, identity, settings, progress) as book:
        names, known = book.names(), book.known
        problems = of_book(known, book.stated)
        cases = tuple(ListedCase(case, names[case.id], tuple(known.numbers[page] for page in case.pages),
                                 tuple(item for item in problems if item.case == case.id))
                      for case in known.cases.values())
        undone = undone_events(book.state.case_events)
        events = tuple((place, event, place in undone) for place, event in enumerate(book.state.case_events, 1))
        return CaseList(str(identity), cases, tuple(item for item in problems if item.case not in known.cases), events)


def export_cases(
    workplace: Workplace, identity: Identity, settings: Settings, target: Path, progress: Progress
) -> int:
    """Write the workbook that the package has, or the same rows as CSV where `target` ends so; the number of rows.

    Raises NothingToDo, StoreBusy, StorageFailed.
    """
    with opened(workplace, identity, settings, progress) as book:
        contents = book.contents()
        names = [name.removesuffix(".pdf") for name in book.names().values()]
        as_csv = target.suffix.lower() == ".csv"
        data = _csv(rows_of(contents, names)) if as_csv else workbook(
            contents, names, package_name(identity, settings.ministry))
        write_file(target, [data])
        return len(names)


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")  # without its mark a spreadsheet takes it for another encoding


def _said(book: OpenBook, event: dict[str, Any], by: str, checked: Checked, progress: Progress) -> CaseWork:
    """Log an event with the renamings that follow from it, and make the packages again."""
    after = replace(book.state, case_events=(*book.state.case_events, event))
    renamed = _renamed(book, after)
    log = book.workplace.log(str(book.identity))
    log.append({**event, "by": by, "renamed": [list(pair) for pair in renamed]})
    return CaseWork(str(book.identity), len(after.case_events), checked, renamed, _packed(book, progress))


def _unchanged(book: OpenBook, checked: Checked, progress: Progress) -> CaseWork:
    """Nothing is new; but a run that was killed between the log and the packages is brought to its end."""
    waits = book.state.last_event in (SAID, UNDONE)
    return CaseWork(str(book.identity), None, checked, (), _packed(book, progress) if waits else None)


def _packed(book: OpenBook, progress: Progress) -> Packages:
    state = book.workplace.log(str(book.identity)).state()
    return pack(book.workplace, book.identity, book.settings, state, book.developed.pages, progress=progress)


def _renamed(book: OpenBook, after: BookState) -> tuple[tuple[str, str], ...]:
    """(old, new) of each file whose case has another name then."""
    before, then = book.names(), book.names(after)
    return tuple((name, then[case]) for case, name in before.items() if then.get(case, name) != name)
