"""The pages of a book as a person looks through them: what is developed by now, in the book's order.

Nothing is developed here. What a person says of pages is `review`'s; sentences are told by those who show them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acceptance import counted
from book import Finding
from bookpack.cases import cases_of
from bookwork import Work
from errors import BadIdentity, NothingToDo, StorageFailed
from originals import corrections
from originals.booklog import BookState
from originals.journal import FAILED, WAITING, Standing, read_only
from pipeline import look_again, seen
from wholebook import Looked, looked_at


@dataclass(frozen=True)
class TablePage:
    """A page as it lies on the table.

    `number` is its place in the book, from 1; `source` the name its image came under. `waits`: it has warnings, and
    nobody has accepted it as it is. `accepted`: somebody has, as it is now. `role` is `blank`, `slip` or empty.
    `picture` names its picture: another one whenever it looks otherwise. `width` and `height` are pixels of the
    developed page. `retaken` are the captures that this one took the place of, the last one first. `developing`: it is
    shown as it was, and is just being developed anew. `seen` stands for what a person sees of it, warnings included.
    """

    number: int
    id: str
    capture: str
    side: str
    source: str
    findings: tuple[Finding, ...]
    doubt: float
    waits: bool
    accepted: bool
    role: str
    picture: str
    width: int
    height: int
    retaken: tuple[str, ...]
    developing: bool
    seen: str


@dataclass(frozen=True)
class Undeveloped:
    """A capture that has no pages yet (`waiting`), or cannot be developed as it should (`failed`, with code and facts).

    `before`: the number of pages that come before it.
    """

    capture: str
    source: str
    state: str
    code: str
    facts: Mapping[str, Any]
    before: int


@dataclass(frozen=True)
class Said:
    """Something that a person said of pages: `did` is a code, `facts` belong to it; by whom and when."""

    did: str
    facts: Mapping[str, Any]
    by: str
    time: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Said:
        said = dict(event.get("said") or _plainly(event))
        return cls(said.pop("did"), said, str(event.get("by") or ""), event["time"])


def _plainly(event: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an event that does not tell it in so many words."""
    number = len(event["pages"]) if event["event"] == "accepted" else 0
    return {"did": event["event"]} | ({"pages": number} if number else {})


@dataclass(frozen=True)
class Table:
    """A book on the light table. `counts` (captures, pages, blank, slips, cases) beside what the book states of itself.

    `cases` are those to be typed, slips aside. `undo` and `redo` are what would be taken back, or said again, next.
    `settled` says whether all that only the whole book shows is known: until it is, a page that was captured twice may
    not be told of yet.
    """

    book: str
    pages: tuple[TablePage, ...] = ()
    undeveloped: tuple[Undeveloped, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    stated: Mapping[str, int] = field(default_factory=dict)
    undo: Said | None = None
    redo: Said | None = None
    settled: bool = True
    cases: int = 0

    def page(self, name: str) -> TablePage:
        """The page with an id. Raises BadIdentity."""
        found = next((page for page in self.pages if page.id == name), None)
        if found is None:
            raise BadIdentity("page_unknown", page=name)
        return found


def look(work: Work) -> Looked:
    """The pages that are there by now. Raises NothingToDo for a book that has no log."""
    if not work.log.path.exists():
        raise NothingToDo("book_unknown", book=str(work.identity), out=str(work.workplace.root))
    return looked_at(work.workplace, work.identity, work.settings, work.log.state())


def table(work: Work) -> Table:
    """The light table of a book. Raises NothingToDo for a book that is not there."""
    looked = look(work)
    state, said = looked.state, looked.state.corrections
    roles = [state.role_of(page.id) for page in looked.pages]
    cases = cases_of(state, tuple(page.id for page in looked.pages))
    stated = {key: state.facts[key] for key in ("pages", "cases") if state.facts.get(key) is not None}
    undo, redo = corrections.undoable(said), corrections.subject(said, corrections.redoable(said))
    return Table(str(work.identity), tuple(_pages(looked)), tuple(_undeveloped(work, looked)),
                 counted(roles, state, cases), stated, Said.of(said[undo - 1]) if undo else None,
                 Said.of(redo) if redo else None, looked.settled, sum(not case.slip for case in cases))


def _pages(looked: Looked) -> Iterator[TablePage]:
    state, sources = looked.state, {task.capture.id: task.capture.source for task in looked.tasks}
    waits = {page.id for page in look_again(looked.pages, state.accepted)}
    earlier = _earlier(state)
    for number, page in enumerate(looked.pages, 1):
        capture = page.id.partition("-")[0]
        yield TablePage(
            number, page.id, capture, str(page.recipe.side), sources[capture], page.findings, page.doubt, page.id in waits,
            page.id in state.accepted and page.id not in waits, state.role_of(page.id), page.jpeg.partition(".")[0],
            page.width, page.height, earlier.get(capture, ()), capture not in looked.used, seen(page))


def _earlier(state: BookState) -> dict[str, tuple[str, ...]]:
    """The captures that each retake took the place of, the last one first."""
    earlier: dict[str, tuple[str, ...]] = {}
    for old in state.superseded:
        new = state.latest(old)
        earlier[new] = (old, *earlier.get(new, ()))
    return earlier


def _undeveloped(work: Work, looked: Looked) -> Iterator[Undeveloped]:
    missing = [task.capture for task in looked.tasks if task.capture.id not in looked.used]
    failed = _failed(work) if missing else {}
    before = looked.before()
    shown = {page.id.partition("-")[0] for page in looked.pages}
    for capture in missing:
        standing = failed.get(capture.id)
        if capture.id in shown and standing is None:
            continue
        state, code, facts = (FAILED, standing.code, standing.facts) if standing else (WAITING, "", {})
        yield Undeveloped(capture.id, capture.source, state, code, facts, before[capture.id])


def _failed(work: Work) -> dict[str, Standing]:
    """Captures of the book that could not be developed, as the station's journal knows; none where there is no station."""
    try:
        with read_only(work.workplace.root) as journal:
            return {item.id: item for item in journal.failed() if item.book == str(work.identity)}
    except StorageFailed:
        return {}
