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
from errors import NothingToDo, Refused
from originals.booklog import BookState
from originals.caselog import SAID, UNDONE, check_event, undone_events
from originals.durable import locked, write_file
from originals.eventlog import now
from packing import Packages, contents_of, pack
from pipeline import DevelopedBook, develop_book
from settings import Settings
from workplace import Workplace


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

    def names(self, contents: BookContents) -> dict[str, str]:
        """Case id → name of its file, without ending."""
        names = case_names(contents, self.settings.ministry)
        return {case.id: name for case, name in zip(contents.cases, names, strict=True)}

    @cached_property
    def known(self) -> Known:
        contents, place = self.contents(), self.identity.place
        unnamed = replace(contents, cases=tuple(replace(case, number=None) for case in contents.cases))
        both = (self.names(unnamed), self.names(contents))  # a table may have the names of the scan stage still
        names = {name: case for named in both for case, name in named.items()}
        return Known(self.identity, tuple(page.id for page in self.developed.pages), self.state,
                     date.fromisoformat(now()[:10]), frozenset((place, self.settings.places.get(place, place))), names)

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


def open_book(workplace: Workplace, identity: Identity, settings: Settings, progress: Progress) -> OpenBook:
    """The book as it stands; pages that are not developed yet are developed first. Raises NothingToDo, StorageFailed."""
    log = workplace.log(str(identity))
    if not log.path.exists():
        raise NothingToDo("book_unknown", book=str(identity), out=str(workplace.root))
    state = log.state()
    developed = develop_book(workplace, identity, settings, state, 0, progress)
    if not developed.pages:
        raise NothingToDo("book_empty", book=str(identity))
    return OpenBook(workplace, identity, settings, state, developed)


@contextmanager
def held(workplace: Workplace, identity: Identity, settings: Settings, progress: Progress) -> Iterator[OpenBook]:
    """The book, while nobody else packs or says anything of cases. Raises StoreBusy too."""
    with locked(workplace.packing_lock):
        yield open_book(workplace, identity, settings, progress)


def import_cases(
    workplace: Workplace, identity: Identity, settings: Settings, file: Path, by: str, dry_run: bool, progress: Progress
) -> CaseWork:
    """Take the good rows of a filled-in workbook or CSV, and make the packages again with the names that follow.

    Rows that are wrong stay as they were in the book, and are named. Raises UnreadableTable, NothingToDo, StoreBusy,
    StorageFailed, OSError; then nothing was taken.
    """
    table = read_typed(file, identity.kind, columns(identity.kind))
    with held(workplace, identity, settings, progress) as book:
        checked = check_rows(table, read_rows(table, book.known), book.known, book.stated)
        if dry_run:
            after = book.known.after(checked.changes).state
            return CaseWork(str(identity), None, checked, _renamed(book, after), None)
        if not checked.changes:
            return CaseWork(str(identity), None, checked, (), _packed(book, progress) if _was_killed(book) else None)
        source = {"name": file.name, "sha256": sha256_of(file)}
        return _say(book, {"event": SAID, "source": source, "changes": list(checked.changes)}, by, progress, checked)


def change_cases(
    workplace: Workplace, identity: Identity, settings: Settings, changes: Sequence[Mapping[str, Any]], by: str,
    source: Mapping[str, Any], progress: Progress,
) -> CaseWork:
    """Say more of cases, in the form of the log (`originals.caselog`), for those who do without a table. Raises as above."""
    with held(workplace, identity, settings, progress) as book:
        return _say(book, {"event": SAID, "source": dict(source), "changes": list(changes)}, by, progress)


def undo_cases(
    workplace: Workplace, identity: Identity, settings: Settings, number: int | None, by: str, progress: Progress
) -> CaseWork:
    """Put back what was before an event about cases: the last one that still holds, or that of a number.

    What was said later still holds, and the log keeps it all. Raises NothingToDo where there is no such event.
    """
    with held(workplace, identity, settings, progress) as book:
        events = book.state.case_events
        undone = undone_events(events)
        holding = [place for place, event in enumerate(events, 1)
                   if place not in undone and (event["event"] == SAID if number is None else place == number)]
        if not holding:
            raise NothingToDo("no_such_case_event", book=str(identity))
        return _say(book, {"event": UNDONE, "undone": holding[-1]}, by, progress)


def list_cases(workplace: Workplace, identity: Identity, settings: Settings, progress: Progress) -> CaseList:
    """All cases of a book, with their problems. Raises NothingToDo, StorageFailed."""
    book = open_book(workplace, identity, settings, progress)
    names, known = book.names(book.contents()), book.known
    problems = of_book(known, book.stated)
    cases = tuple(ListedCase(case, f"{names[case.id]}.pdf", tuple(known.numbers[page] for page in case.pages),
                             tuple(item for item in problems if item.case == case.id))
                  for case in known.cases.values())
    undone = undone_events(book.state.case_events)
    events = tuple((place, event, place in undone) for place, event in enumerate(book.state.case_events, 1))
    return CaseList(str(identity), cases, tuple(item for item in problems if item.case not in known.cases), events)


def export_cases(
    workplace: Workplace, identity: Identity, settings: Settings, target: Path, progress: Progress
) -> int:
    """Write the workbook that the package has, or the same rows as CSV where `target` ends so; the number of rows.

    Raises Refused where there is such a file, that somebody may have typed into; NothingToDo, StorageFailed.
    """
    if target.exists():
        raise Refused("file_exists", file=target.name)
    book = open_book(workplace, identity, settings, progress)
    contents = book.contents()
    names = list(book.names(contents).values())
    if target.suffix.lower() == ".csv":
        write_file(target, [_csv(rows_of(contents, names))])
    else:
        write_file(target, [workbook(contents, names, package_name(identity, settings.ministry))])
    return len(names)


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")  # without its mark a spreadsheet takes it for another encoding


def _say(
    book: OpenBook, event: dict[str, Any], by: str, progress: Progress, checked: Checked | None = None
) -> CaseWork:
    """Log an event with the renamings that follow from it, and make the packages again."""
    check_event(event)  # what cannot be read must not come into the log
    after = replace(book.state, case_events=(*book.state.case_events, event))
    renamed = _renamed(book, after)
    book.workplace.log(str(book.identity)).append({**event, "by": by, "renamed": [list(pair) for pair in renamed]})
    found = Checked((), 0, 0, 0, tuple(of_book(replace(book.known, state=after), book.stated)))
    return CaseWork(str(book.identity), len(after.case_events), checked or found, renamed, _packed(book, progress))


def _was_killed(book: OpenBook) -> bool:
    """Whether an earlier run wrote down what was said, and did not come to make the packages."""
    return book.state.last_event in (SAID, UNDONE)


def _packed(book: OpenBook, progress: Progress) -> Packages:
    state = book.workplace.log(str(book.identity)).state()
    return pack(book.workplace, book.identity, book.settings, state, book.developed.pages, progress=progress)


def _renamed(book: OpenBook, after: BookState) -> tuple[tuple[str, str], ...]:
    """(old, new) of each file whose case has another name then."""
    before, then = book.names(book.contents()), book.names(book.contents(after))
    return tuple((f"{name}.pdf", f"{then[case]}.pdf") for case, name in before.items() if then.get(case, name) != name)
