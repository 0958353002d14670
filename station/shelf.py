"""The books of a station, as people ask for them: opened, listed, given pages, packed. No sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pipeline
from book import Identity
from developing import Planner, known
from errors import BadIdentity, NothingToDo
from originals.booklog import BookLog, BookState, SetAside
from originals.durable import locked
from originals.stationlog import UNSORTED
from pipeline import Outcome, Received
from settings import Settings
from workplace import Workplace


@dataclass(frozen=True)
class BookLine:
    """A book in a list: what came in, what is developed, what people said of it."""

    book: str
    captures: int
    developed: int
    pages: int
    set_aside: tuple[SetAside, ...]
    stated_pages: int | None
    ended: bool
    packed: bool
    closed: str  # closed | changed_since | empty: never closed
    last: str

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "set_aside": [{"file": item.name, "code": item.code} for item in self.set_aside]}


def add(workplace: Workplace, identity: Identity, facts: dict[str, Any], by: str = "") -> BookState:
    """Open a book, or say more of one that is there. Raises StorageFailed."""
    log = workplace.log(str(identity))
    said = {key: value for key, value in facts.items() if value not in (None, "")}
    log.append({"event": "opened", "facts": said} | ({"by": by} if by else {}))
    return log.state()


def lines(workplace: Workplace, settings: Settings) -> list[BookLine]:
    """All books of a station in order, those pages among them that wait for their book."""
    return [line(workplace, settings, book) for book in workplace.books()]


def line(workplace: Workplace, settings: Settings, book: str) -> BookLine:
    """Where one book stands. Raises NothingToDo for one that is not there."""
    log = _known(workplace, book)
    state = log.state()
    planner = Planner(workplace, book, settings, state)
    developed = [known(planner.task(capture)) for capture in state.current]
    return BookLine(book, len(state.current), sum(pages is not None for pages in developed),
                    sum(len(pages or ()) for pages in developed), state.set_aside, state.facts.get("pages"),
                    state.ended, state.is_packed, closed_or_changed(state), state.last)


def closed_or_changed(state: BookState) -> str:
    """`closed`, `changed_since` for a book that was closed and is another now, or nothing."""
    return ("changed_since" if state.changed else "closed") if state.closings else ""


def assign(workplace: Workplace, identity: Identity, captures: Iterable[str], by: str = "") -> int:
    """Give captures that wait for a book to one, in their order; `all` among the names means all. Their number.

    Raises BadIdentity for a capture that does not wait: two who give it at once give it to one book.
    """
    with locked(workplace.corrections_lock, wait=True):
        return _assign(workplace, identity, list(captures), {"by": by} if by else {})


def _assign(workplace: Workplace, identity: Identity, names: list[str], said: dict[str, str]) -> int:
    unsorted, log = workplace.log(UNSORTED), workplace.log(str(identity))
    waiting = {capture.id: capture for capture in unsorted.state().current}
    chosen = list(waiting) if "all" in names else names
    for name in chosen:
        if name not in waiting:
            raise BadIdentity("capture_unknown", capture=name)
    if not log.state().opened:
        log.append({"event": "opened", **said})
    for name in sorted(chosen, key=list(waiting).index):
        capture = waiting[name]
        frame = {"frame": capture.frame, "width": capture.width, "height": capture.height, "dpi": capture.dpi}
        log.append({"event": "received", "arrival": log.state().next_arrival, "sha256": capture.sha256,
                    "media": capture.media, "name": capture.source, "exif": dict(capture.exif), "frames": [frame], **said})
        unsorted.append({"event": "moved", "capture": name, "book": str(identity), **said})
    return len(chosen)


def pack(
    workplace: Workplace, identity: Identity, settings: Settings, jobs: int, progress: Callable[[str, int, int], None],
    profile: str = "both", copy_to: Path | None = None, by: str = "", again: bool = False,
) -> Outcome:
    """The packages of a book, also while the daemon runs. Raises NothingToDo, StoreBusy, StorageFailed."""
    state = _known(workplace, str(identity)).state()
    if not state.current:
        raise NothingToDo("book_empty", book=str(identity))
    with locked(workplace.packing_lock):
        return pipeline.finish(workplace, identity, settings, jobs, progress,
                               Received(0, len(state.current), state.set_aside, ()),
                               profile=profile, copy_to=copy_to, by=by, again=again)


def _known(workplace: Workplace, book: str) -> BookLog:
    log = workplace.log(book)
    if not log.path.exists():
        raise NothingToDo("book_unknown", book=book, out=str(workplace.root))
    return log


def home() -> tuple[Path, Path]:
    """Store and inbox of a person who names neither."""
    folder = Path.home() / "sohoa"
    return folder / "kho", folder / "anh-vao"


def workplace_of(store: Path | None, settings: Settings, new: bool = False) -> Workplace:
    """The station's folder: named outright, by the settings, or that in the person's home, if it is there or may be `new`.

    Raises NothingToDo where there is none.
    """
    folder = store or (Path(settings.watch.store) if settings.watch.store else home()[0])
    if folder == home()[0] and not new and not folder.exists():
        raise NothingToDo("store_unnamed")
    return Workplace(Path(folder))
