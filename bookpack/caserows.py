"""A case as a row of the workbook: what is shown of it, what its cells mean, and what is known of the book meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from book import Case, Identity
from bookpack.cases import SLIP, cases_of, standing
from bookpack.columns import DATE, NUMBER, PAGES
from originals.booklog import BookState
from originals.caselog import said_of_cases

NONE = frozenset("-–—")  # typed as the number: this page has no case
NUMBER_FORM = re.compile(r"(cc)?\s*0*([1-9][0-9]{0,4})?\s*(cc)?", re.IGNORECASE)
DAY_FIRST = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
YEAR_FIRST = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ T]0?0:00(?::00)?)?")
PAGE_RUN = re.compile(r"([0-9]{1,6})(?:\s*[-–]\s*([0-9]{1,6}))?")


class BadCell(ValueError):
    """A cell that does not hold what its column asks for: code and facts of the problem."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


@dataclass(frozen=True)
class Known:
    """What rows are compared with: a book's pages (ids, in order), its log, the names of its case files, the day.

    `places` are the names that the program itself writes for the place of registration; `names` case ids by the name
    of their file, without ending.
    """

    identity: Identity
    pages: tuple[str, ...]
    state: BookState
    today: date
    places: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def cases(self) -> dict[str, Case]:
        """The cases of the book by their ids, in order."""
        return {case.id: case for case in cases_of(self.state, self.pages, self.said)}

    @cached_property
    def said(self) -> dict[str, dict[str, Any]]:
        return said_of_cases(self.state.case_events)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each page in its book, from 1."""
        return {page: number for number, page in enumerate(self.pages, 1)}

    def case(self, name: str) -> Case | None:
        """The case with an id, also one that is taken out or would be that of a page; None for a stranger."""
        if name in self.cases:
            return self.cases[name]
        pages = tuple(dict.fromkeys(new for page in self.said.get(name, {}).get("pages", (name,))
                                    for new in standing(page, self.state, self.pages)))
        if name in self.said or name in pages:
            return Case(pages, id=name) if pages else None
        return self.case(pages[0]) if pages else None  # its page was taken again

    def new_id(self, page: str, besides: Iterable[str] = ()) -> str:
        """An id for a further case on a page, that no case has had, and none of `besides` has."""
        taken, number = self.said.keys() | self.cases.keys() | set(besides), 2
        while f"{page}+{number}" in taken:
            number += 1
        return f"{page}+{number}"

    def after(self, changes: Iterable[Mapping[str, Any]]) -> Known:
        """The same with more said of cases."""
        events = (*self.state.case_events, {"event": "cases", "changes": tuple(changes)})
        return replace(self, state=replace(self.state, case_events=events))

    def before(self, events: int) -> Known:
        """The same as it stood after so many events about cases."""
        return replace(self, state=replace(self.state, case_events=self.state.case_events[:events]))


def shown(case: Case, numbers: Mapping[str, int]) -> dict[str, str]:
    """Column → text of what people can change of a case; `numbers` are those of the pages."""
    texts = {NUMBER: number_text(case), DATE: date_text(case.date), PAGES: pages_text(case, numbers), **case.values}
    return {column: text for column, text in texts.items() if text}


def number_text(case: Case) -> str:
    return (case.number or "") + SLIP * case.slip


def date_text(iso: str | None) -> str:
    """dd.mm.yyyy of an ISO date."""
    return ".".join(reversed(iso.split("-"))) if iso else ""


def pages_text(case: Case, numbers: Mapping[str, int]) -> str:
    return ", ".join(str(numbers[page]) for page in case.pages)


def parse_number(text: str) -> tuple[str | None, bool]:
    """A registration number without leading zeros, and whether it is a slip's (`5cc`, `cc`). Raises BadCell."""
    match = NUMBER_FORM.fullmatch(text)
    slip = bool(match and (match[1] or match[3]))
    if match is None or not (match[2] or slip):
        raise BadCell("number_form", text=text)
    return match[2], slip


def parse_date(text: str) -> str:
    """ISO date of dd.mm.yyyy, also with / or -, or of yyyy-mm-dd. Raises BadCell."""
    day_first, year_first = DAY_FIRST.fullmatch(text), YEAR_FIRST.fullmatch(text)
    if not (day_first or year_first):
        raise BadCell("date_form", text=text)
    day, month, year = map(int, day_first.groups() if day_first else reversed(year_first.groups()))
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise BadCell("date_unreal", text=text) from None


def read_date(text: str, known: Known) -> str:
    """ISO date that a case of the book can have, neither before the book's year nor after today. Raises BadCell."""
    iso = parse_date(text)
    if int(iso[:4]) < known.identity.year:
        raise BadCell("date_before_book", text=date_text(iso), year=str(known.identity.year))
    if iso > known.today.isoformat():
        raise BadCell("date_future", text=date_text(iso))
    return iso


def parse_pages(text: str, most: int) -> tuple[int, ...]:
    """Numbers of pages: `3`, `1, 2` or `1-2`. Raises BadCell for another form, or a page that the book does not have."""
    numbers: list[int] = []
    for run in filter(None, re.split(r"\s*[,;]\s*", text)):
        match = PAGE_RUN.fullmatch(run)
        if match is None:
            raise BadCell("page_form", text=text)
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= most:
            raise BadCell("page_none", text=run, pages=most)
        numbers += range(first, last + 1)
    if not numbers:
        raise BadCell("page_form", text=text)
    return tuple(dict.fromkeys(numbers))
