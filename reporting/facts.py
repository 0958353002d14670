"""Where each book of one or more stores stands, as frozen facts. Nothing is developed, written or looked at anew.

A book that several stations have is one book: its images are told apart by their hash, and count once. Pages and their
findings are those last developed, wherever they lie; what only the whole book shows is left to `closing`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from book import Capture, Finding, Identity, Severity
from bookpack.cases import cases_of
from developing import FACTS_NAME
from errors import BadIdentity, NothingToDo, SohoaError
from originals.booklog import BookState, SetAside
from originals.stationlog import UNSORTED
from workplace import Workplace

STATES = ("open", "packed", "closed")  # in the order of the work


@dataclass(frozen=True)
class BookFacts:
    """One book. Sizes in bytes; `findings` and `aside` count pages and files by code; `state` is one of STATES.

    Slips stand outside the counts of pages and cases, as in closing.
    `named` are the cases whose number and date are known; `warned` the pages with a warning, `waiting` those of them
    that nobody has accepted; `undeveloped` the captures that no page is there of.
    """

    identity: Identity
    state: str
    last: str
    captures: int = 0
    undeveloped: int = 0
    pages: int = 0
    cases: int = 0
    named: int = 0
    warned: int = 0
    waiting: int = 0
    originals_bytes: int = 0
    ministry_bytes: int = 0
    archive_bytes: int = 0
    stated_pages: int | None = None
    stated_cases: int | None = None
    findings: Mapping[str, int] = field(default_factory=dict)
    aside: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Page:
    """A developed page without its decisions: most of a province's time would go into reading them."""

    id: str
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> _Page:
        found = (item for decision in plain["recipe"]["decisions"] for item in decision["findings"])
        return cls(plain["id"], tuple(map(Finding.from_json, found)))


@dataclass(frozen=True)
class Unreadable:
    """A log that could not be read: the name of its book, and why."""

    book: str
    code: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Gathered:
    """All books in the order of their identities, what could not be read, and how many images wait for their book."""

    books: tuple[BookFacts, ...]
    unreadable: tuple[Unreadable, ...]
    unsorted: int


def gather(stores: Sequence[Workplace], progress: Callable[[str, int, int], None] = lambda *_: None) -> Gathered:
    """The facts of every book of the stores. Raises NothingToDo for a folder that is no store."""
    for store in stores:
        if not (store.root / "books").is_dir():
            raise NothingToDo("store_without_books", folder=str(store.root))
    caches = [_newest(store.pages) for store in stores]
    names = sorted({name for store in stores for name in store.books()} - {UNSORTED})
    books, unreadable = [], []
    for done, name in enumerate(names, 1):
        try:
            books.append(_facts(name, stores, caches))
        except SohoaError as error:
            unreadable.append(Unreadable(name, error.code, error.facts))
        progress("report", done, len(names))
    waiting = {(capture.sha256, capture.frame) for store in stores for capture in store.log(UNSORTED).state().current}
    return Gathered(tuple(books), tuple(unreadable), len(waiting))


def _facts(name: str, stores: Sequence[Workplace], caches: Sequence[Mapping[str, Path]]) -> BookFacts:
    identity = Identity.parse(name)
    if str(identity) != name:
        raise BadIdentity("book_id_form", book=name)
    state = union([store.log(name).state() for store in stores if name in store.books()])
    closed = bool(state.closings) and not state.changed
    found = [(capture, _pages(capture, caches)) for capture in state.current]
    pages = [page for _, of_capture in found for page in of_capture]
    cases = [case for case in cases_of(state, tuple(page.id for page in pages)) if not case.slip]
    warned = [page.id for page in pages if any(item.severity is Severity.WARNING for item in page.findings)]
    return BookFacts(
        identity, "closed" if closed else "packed" if state.is_packed else "open", state.last,
        len(state.current), sum(not of_capture for _, of_capture in found),
        sum(state.role_of(page.id) != "slip" for page in pages), len(cases),
        sum(bool(case.number and case.date) for case in cases), len(warned),
        0 if closed else sum(page not in state.accepted for page in warned),
        sum(_length(sha256, stores) for sha256 in {capture.sha256 for capture in state.captures}),
        _packed_bytes(state, "ministry"), _packed_bytes(state, "archive"),
        state.facts.get("pages"), state.facts.get("cases"),
        Counter(code for page in pages for code in {item.code for item in page.findings}),
        Counter(item.code for item in state.set_aside),
    )


def union(states: Sequence[BookState]) -> BookState:
    """The same book as several stations know it: images are told by their hash; the one last worked on is right.

    Cases are those of the station that has said most of them: what is said of them counts by its place in one log.
    """
    states = sorted(states, key=lambda state: (state.last, len(state.captures)), reverse=True)
    first, *others = states
    if not others:
        return first
    captures = {capture.id: capture for state in states for capture in state.captures}
    seen = {capture.sha256 for capture in captures.values()}
    state = replace(
        first, captures=tuple(captures.values()),
        set_aside=tuple(_aside(states, seen)), case_events=max((one.case_events for one in states), key=len),
        packed={kind: max((one.packed[kind] for one in states if kind in one.packed), key=lambda event: event["time"])
                for kind in {kind for one in states for kind in one.packed}},
        **{name: {key: value for one in (*others, first) for key, value in getattr(one, name).items()}
           for name in ("roles", "superseded", "moved", "accepted", "facts")})
    closed = max(states, key=lambda one: one.closings[-1]["time"] if one.closings else "")
    return replace(state, closings=closed.closings, changed=closed.changed or not _same_images(closed, state),
                   outdated=first.outdated or not _same_images(first, state))


def _same_images(one: BookState, other: BookState) -> bool:
    return {capture.id for capture in one.current} == {capture.id for capture in other.current}


def _aside(states: Iterable[BookState], seen: set[str]) -> Iterator[SetAside]:
    """What no station could use: a file that one of them has read is not aside."""
    told = set()
    for item in (item for state in states for item in state.set_aside):
        key = (item.sha256 or item.name, item.frame)
        if key not in told and (item.frame is not None or item.sha256 not in seen):
            told.add(key)
            yield item


def _newest(folder: Path) -> dict[str, Path]:
    """The file of facts of each capture in a cache of pages that was written last; nothing where there is no cache."""
    newest: dict[str, tuple[int, Path]] = {}
    if folder.is_dir():
        for entry in os.scandir(folder):
            match = FACTS_NAME.fullmatch(entry.name)
            if match:
                candidate = (entry.stat().st_mtime_ns, Path(entry.path))
                newest[match[1]] = max(newest.get(match[1], candidate), candidate)
    return {capture: path for capture, (_, path) in newest.items()}


def _pages(capture: Capture, caches: Iterable[Mapping[str, Path]]) -> list[_Page]:
    for cache in caches:
        if capture.id in cache:
            try:
                return [_Page.of(page) for page in json.loads(cache[capture.id].read_bytes())]
            except (OSError, ValueError, KeyError, TypeError):  # spoilt, or of an older program
                continue
    return []


def _length(sha256: str, stores: Iterable[Workplace]) -> int:
    """Bytes of an original, 0 where no store has it."""
    return next((store.store.path(sha256).stat().st_size for store in stores if sha256 in store.store), 0)


def _packed_bytes(state: BookState, kind: str) -> int:
    return state.packed.get(kind, {}).get("written", {}).get("bytes", 0)
