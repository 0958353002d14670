"""Number and date of each case told by typing, one case after another, while others develop, type and pack.

Opened at once with what is developed by then; each thing said is one line in the book's log, durable when the function
returns, and makes no packages: those are made when somebody packs. Whoever says something names what they saw, so that
two people never overwrite each other unknowingly. What must hold between cases is `bookpack`'s, typing again what another
person typed is `secondcheck`'s. No sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from book import Case, digest
from bookpack import caseshapes
from bookpack.casechecks import of_book
from bookpack.caserows import BadCell, Known, date_text, number_text, parse_number, read_date
from bookpack.suggest import Suggestion, suggest
from bookpack.typed import CaseProblem
from bookwork import Work
from casework import OpenBook, holding, open_book, say, saying
from developing import DevelopedPage
from errors import BadIdentity, Refused
from originals.booklog import BookState
from originals.caselog import SAID, UNDONE, said_of_cases

SOURCE = {"name": "page"}
ROWS_PX = 1800  # of the long side: rows are looked for in no larger a picture of an A3
BREAK = timedelta(minutes=5)  # who types nothing for longer does something else
SHAPES: Mapping[str, Callable[[Known, Case], list[caseshapes.Change]]] = {
    "part": caseshapes.part, "remove": caseshapes.remove, "slip": caseshapes.slip,
}


@dataclass(frozen=True)
class Indexed:
    """The cases of a book as they are typed: in order, what is to be said of them, and the pages they stand on, by id.

    `first` is the first case that wants a number, and `suggestion` what it likely has; both None where none does.
    `start` is what the book's first case likely has.
    """

    book: str
    cases: tuple[Case, ...]
    problems: tuple[CaseProblem, ...]
    pages: Mapping[str, DevelopedPage]
    stated: int | None
    first: str | None
    suggestion: Suggestion | None
    start: Suggestion
    state: BookState

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each page in the book, from 1."""
        return {page: number for number, page in enumerate(self.pages, 1)}

    @property
    def typed(self) -> int:
        """How many cases have number and date."""
        return sum(not case.slip and is_typed(case) for case in self.cases)

    @property
    def wanted(self) -> int:
        """How many cases want number and date; slips do not."""
        return sum(not case.slip for case in self.cases)


@dataclass(frozen=True)
class Pace:
    """How fast a person types: so many cases in so many hours of typing, without breaks."""

    cases: int
    hours: float

    @property
    def an_hour(self) -> int:
        return round(self.cases / self.hours) if self.hours else 0


def open_cases(work: Work) -> Indexed:
    """The cases of the pages that are developed by now. Raises NothingToDo where there are none, StorageFailed."""
    return _indexed(_open(work))


def save(work: Work, name: str, number: str, date: str, seen: str, by: str) -> Indexed:
    """A person has typed number and date of a case (`5`, `5cc` for a slip; dd.mm.yyyy or ISO); both empty takes them back.

    `seen` is the `version` of the case that they saw. Saying once more what is said already changes nothing. Raises
    BadCell for what can be no number or date of the book, Refused, StorageFailed.
    """
    with _saying(work, name, None) as (book, case):
        wanted = read(book.known, number, date)
        if wanted == key(case):
            return _indexed(book)
        _check_seen(book, case, seen)
        new = {field: value for field, value in wanted.items() if value != key(case)[field]}
        pages = {} if name in book.known.said else {"pages": list(case.pages)}
        return _changed(book, [{"case": name, **pages, **new}], by)


def reshape(work: Work, name: str, shape: str, seen: str, by: str) -> Indexed:
    """A case goes on on the next page (`join`), stands on its first one alone (`part`), is none (`remove`), or is a `slip`
    or none after all. The rows beside it go on, and end, with it. Raises Refused, NothingToDo, BadIdentity, StorageFailed.
    """
    if shape == "join":
        return _join(work, name, seen, by)
    if shape not in SHAPES:
        raise BadIdentity("case_shape_unknown", shape=shape)
    with _saying(work, name, seen) as (book, case):
        return _changed(book, SHAPES[shape](book.known, case), by)


def _join(work: Work, name: str, seen: str, by: str) -> Indexed:
    now = _open(work)
    case = _case(now, name)
    pages = {page.id: page for page in now.developed.pages}
    both = (case.pages[-1], *now.known.pages[now.known.numbers[case.pages[-1]]:][:1])
    several = len(caseshapes.alike(now.known, case)) > 1
    rows = {page: _found_rows(work, pages[page]) for page in both if several}  # takes a while, so while others may type
    with _saying(work, name, seen) as (book, case):
        return _changed(book, caseshapes.join(book.known, case, rows), by)


def split(work: Work, name: str, parts: int, seen: str, by: str) -> Indexed:
    """The pages of a case hold several, one below the other: so many, or as many as rows are found (`parts` 0).

    A row runs on over all pages of the case, and over as many as those of the case before where that was split so. Raises
    Refused where no rows are found too.
    """
    now = _open(work)
    wide, pages = _wide(now, name, parts), {page.id: page for page in now.developed.pages}
    rows = _rows(work, [pages[page] for page in wide.pages], parts)  # takes a while, so while others may type
    with _saying(work, name, seen) as (book, _):
        if _wide(book, name, parts) != wide:
            raise Refused("case_gone")
        return _changed(book, caseshapes.split(book.known, wide, rows), by)


def undo(work: Work, by: str) -> tuple[Indexed, tuple[str, ...]]:
    """Take out what this person said last of cases, and still holds; with the cases that it was about.

    Raises NothingToDo where they said nothing.
    """
    with saying(_open(work)) as book:
        place = holding(book, by=by)
        about = tuple(change["case"] for change in book.state.case_events[place - 1]["changes"])
        return _said(book, {"event": UNDONE, "undone": place}, by), about


def read(known: Known, number: str, date: str) -> dict[str, Any]:
    """What is typed as `number`, `date` and `slip` of a case of the book. Raises BadCell."""
    number, date = number.strip(), date.strip()
    figures, slip = parse_number(number) if number else (None, False)
    iso = read_date(date, known) if date else None
    if not slip and bool(figures) != bool(iso):
        raise BadCell("date_missing" if figures else "number_missing")
    return {"number": figures, "date": iso, "slip": slip}


def read_of(work: Work, name: str, number: str, date: str) -> tuple[Case, dict[str, Any]]:
    """A case, and what is typed of it. Raises BadCell, Refused."""
    book = _open(work)
    return _case(book, name), read(book.known, number, date)


def key(case: Case) -> dict[str, Any]:
    """What people type of a case."""
    return {"number": case.number, "date": case.date, "slip": case.slip}


def version(case: Case) -> str:
    """Another one whenever a case is another to those who type it."""
    return digest([key(case), case.pages, case.regions])[:12]


def is_typed(case: Case) -> bool:
    """Whether number and date are there."""
    return bool(case.number and case.date)


def pace(events: Iterable[Mapping[str, Any]], day: str = "") -> dict[str, Pace]:
    """How fast each person types cases at the page, by the events about cases; of one day (ISO) where it is given."""
    times: dict[str, list[datetime]] = {}
    for event in events:
        if event["event"] == SAID and event.get("source") == SOURCE and event["time"].startswith(day):
            typed = sum(bool(change.get("number") or change.get("date")) for change in event["changes"])
            times.setdefault(str(event.get("by", "")), []).extend([datetime.fromisoformat(event["time"])] * typed)
    return {person: _pace(sorted(moments)) for person, moments in times.items() if moments}


def _pace(moments: Sequence[datetime]) -> Pace:
    worked = sum((min(BREAK, later - before) for before, later in pairwise(moments)), timedelta())
    return Pace(len(moments), worked / timedelta(hours=1))


def _open(work: Work) -> OpenBook:
    return open_book(replace(work, develop=False))


@contextmanager
def _saying(work: Work, name: str, seen: str | None) -> Iterator[tuple[OpenBook, Case]]:
    """The book and the case that something is to be said of, while nobody else says anything."""
    with saying(_open(work)) as book:
        case = _case(book, name)
        if seen is not None:
            _check_seen(book, case, seen)
        yield book, case


def _check_seen(book: OpenBook, case: Case, seen: str) -> None:
    """Raises Refused where the case is another than the person saw."""
    if version(case) != seen:
        raise Refused("case_changed", number=number_text(case) or "–", date=date_text(case.date) or "–",
                      by=last_typist(book.state, case.id) or "–")


def last_typist(state: BookState, name: str) -> str:
    """Who said something of a case last."""
    events = (event for event in reversed(state.case_events) if name in said_of_cases([event]))
    return str(next(events, {}).get("by", ""))


def _changed(book: OpenBook, changes: Sequence[Mapping[str, Any]], by: str) -> Indexed:
    return _said(book, {"event": SAID, "source": SOURCE, "changes": list(changes)}, by)


def _said(book: OpenBook, event: dict[str, Any], by: str) -> Indexed:
    said = say(book, event, by)
    return _as_known(book, said.known, said.checked.problems)


def _indexed(book: OpenBook) -> Indexed:
    return _as_known(book, book.known, of_book(book.known, book.stated))


def _as_known(book: OpenBook, known: Known, problems: Iterable[CaseProblem]) -> Indexed:
    cases = tuple(known.cases.values())
    at = next((at for at, case in enumerate(cases) if not case.slip and not is_typed(case)), None)
    pages = {page.id: page for page in book.developed.pages}
    first, likely = (None, None) if at is None else (cases[at].id, suggest(cases[:at], book.work.identity))
    return Indexed(str(book.work.identity), cases, tuple(problems), pages, book.stated, first, likely,
                   suggest((), book.work.identity), known.state)


def _wide(book: OpenBook, name: str, parts: int) -> Case:
    case = _case(book, name)
    return case if parts == 1 else caseshapes.across(book.known, case)


def _case(book: OpenBook, name: str) -> Case:
    """The case with an id. Raises Refused."""
    if name not in book.known.cases:
        raise Refused("case_gone")
    return book.known.cases[name]


def _rows(work: Work, pages: Sequence[DevelopedPage], parts: int) -> dict[str, tuple[caseshapes.Box, ...]]:
    """So many rows on each page, or those found on it; where the first page has none, those found on another one."""
    if parts:
        return {page.id: caseshapes.even_rows(parts) for page in pages}
    found = {page.id: _found_rows(work, page) for page in pages}
    most = max(found.values(), key=len)
    if not most:
        raise Refused("no_rows_found")
    leading = found[pages[0].id] or most
    return {page: caseshapes.beside(leading, rows) for page, rows in found.items()}


def _found_rows(work: Work, page: DevelopedPage) -> tuple[caseshapes.Box, ...]:
    import simplejpeg

    from imaging.rows import rows

    data = (work.workplace.pages / page.jpeg).read_bytes()
    part = min(1.0, ROWS_PX / max(page.height, page.width))
    least = {"min_height": int(page.height * part), "min_width": int(page.width * part)}
    pixels = simplejpeg.decode_jpeg(data, "GRAY", **least)[..., 0]
    return rows(pixels, page.dpi and page.dpi * pixels.shape[1] / page.width)
