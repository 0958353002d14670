"""The desk that every arrival passes: made safe, looked at, given to its book, and only then acknowledged.

A book is named by the arrival itself (its folder, the scanning command), or it is the one that a cover sheet opened in
the same stream. What has neither waits in the log `unsorted`, and is developed like all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from book import Capture
from capture.cover import CoverCode
from capture.intake import Source
from capture.look import Look, LookTask
from capture.source import Arrival
from errors import UnreadableImage
from imaging.decode import Limits
from originals.booklog import BookLog, SetAside
from originals.eventlog import EventLog, now
from originals.stationlog import UNSORTED, StationLog
from originals.store import Original, Store

Looker = Callable[[LookTask], Look]
NAMES_BOOK, NAMES_NEXT = {"book", "end"}, {"retake", "blank", "slip"}


@dataclass(frozen=True)
class NotYet:
    """The file is not whole, and may become so: code of what is missing."""

    code: str


@dataclass(frozen=True)
class Taken:
    """What an arrival came to. `captures` are new pages by book; `sheets` are codes that were read in it."""

    sha256: str
    captures: tuple[tuple[str, Capture], ...] = ()
    sheets: tuple[str, ...] = ()
    unreadable_sheets: int = 0
    set_aside: tuple[SetAside, ...] = ()


@dataclass(frozen=True)
class _Piece:
    """Frames of one original that follow each other into the same book."""

    book: str
    frames: list[int] = field(default_factory=list)
    role: str = ""


class Desk:
    """Receives arrivals of all streams of one station. The store is to be locked."""

    def __init__(
        self, store: Store, station: StationLog, book: Callable[[str], BookLog], looker: Looker, limits: Limits = Limits()
    ) -> None:
        self._store, self._station, self._book, self._looker, self._limits = store, station, book, looker, limits

    def receive(self, arrival: Arrival, stream: str, book: str = "", last_try: bool = False) -> Taken | NotYet | SetAside:
        """Take an arrival in, durably. With `last_try` what is not whole is kept as it is, and set aside.

        SetAside is what not even the bytes could be had of; a file that is gone has never come. Raises StorageFailed;
        the source is never touched.
        """
        seen: list[Look] = []
        try:
            with arrival.open() as source:
                original = self._store.accept(
                    Source(source, arrival.name), self._limits.max_bytes, self._checker(seen, last_try))
        except _Unfinished as error:
            return NotYet(error.code)
        except UnreadableImage as error:
            if not last_try or error.code == "file_missing":
                return NotYet(error.code)
            return self._put_aside(book or UNSORTED, SetAside(arrival.name, error.code, error.facts))
        return self._place(original, seen[0], arrival.name, stream, book)

    def adopt(self, sha256: str) -> Taken:
        """Give a home to an original that no log knows: a crash came after it was kept and before it was logged."""
        path = self._store.path(sha256)
        seen, facts = self._looker(LookTask(path, self._limits)), self._store.facts(sha256)
        original = Original(sha256, seen.media or None, path.stat().st_size)
        return self._place(original, seen, facts.get("name", path.name), facts.get("stream", ""), UNSORTED)

    def open_book(self, stream: str, book: str) -> None:
        """A person says which book comes next in a stream."""
        self._open(book)
        self._station.append({"event": "opened", "stream": stream, "book": book})

    def _checker(self, seen: list[Look], last_try: bool) -> Callable[[Path], None]:
        def check(path: Path) -> None:
            seen.append(self._looker(LookTask(path, self._limits)))
            if not (seen[0].whole or last_try):
                raise _Unfinished(seen[0].problem or "truncated")

        return check

    def _place(self, original: Original, seen: Look, name: str, stream: str, book: str) -> Taken:
        frames = [{"frame": number, **asdict(frame)} for number, frame in enumerate(seen.frames)]
        self._store.note(original, {"name": name, "stream": stream, "received": now(), "frames": frames})
        if seen.problem:
            into = book or self._station.state().open.get(stream) or UNSORTED
            aside = self._put_aside(into, SetAside(name, seen.problem, seen.facts, original.sha256))
            return Taken(original.sha256, set_aside=(aside,))
        captures, asides = [], []
        for piece in self._pieces(original, seen, name, stream, book):
            captures += self._log_pages(original, seen, name, piece)
            if piece.role:
                self._station.append({"event": "used", "stream": stream, "sha256": original.sha256})
        for number, frame in enumerate(seen.frames):
            if frame.refused:
                into = book or self._station.state().open.get(stream) or UNSORTED
                asides.append(self._put_aside(into, SetAside(name, frame.refused, {"page": number + 1},
                                                             original.sha256, number)))
        sheets = tuple(sheet.text for sheet in seen.sheets.values() if sheet.text)
        unreadable = sum(bool(sheet.unreadable) for sheet in seen.sheets.values())
        return Taken(original.sha256, tuple(captures), sheets, unreadable, tuple(asides))

    def _pieces(self, original: Original, seen: Look, name: str, stream: str, book: str) -> Iterator[_Piece]:
        """The pages of a file, cut where a cover sheet lies between them or the next page is something special.

        Each piece is logged before the next sheet is: the log of the station never runs ahead of those of the books.
        """
        piece: _Piece | None = None
        for number, frame in enumerate(seen.frames):
            sheet = seen.sheets.get(number)
            if sheet is not None:
                if piece is not None:
                    yield piece
                    piece = None
                self._obey(sheet, original, name, stream, book)
            elif not frame.refused:
                if piece is None:
                    state = self._station.state()
                    piece = _Piece(book or state.open.get(stream) or UNSORTED, [], state.pending.get(stream, ""))
                piece.frames.append(number)
                if piece.role:
                    yield piece
                    piece = None
        if piece is not None:
            yield piece

    def _obey(self, sheet: Any, original: Original, name: str, stream: str, book: str) -> None:
        facts = {"stream": stream, "sha256": original.sha256, "name": name}
        code = CoverCode.parse(sheet.text) if sheet.text else None
        if code is None:
            self._station.append({"event": "cover_unreadable", "code": "cover_unreadable", **facts})
            return
        if book and code.kind in NAMES_BOOK and code.book != book:  # the folder's name stands; the sheet is told of
            self._station.append({"event": "cover", "kind": "book", "book": book, "text": code.text,
                                  "code": "cover_of_another_book", **facts})
            return
        ending = self._station.state().open.get(stream, "") if code.kind == "end" else ""
        if ending:
            self._book(ending).append({"event": "ended"})
        if code.kind == "book":
            self._open(code.book)
        self._station.append({"event": "cover", "kind": code.kind, "book": code.book, "text": code.text, **facts})

    def _open(self, book: str) -> None:
        log = self._book(book)
        state = log.state()
        if not state.opened or state.ended:
            log.append({"event": "opened"})

    def _log_pages(self, original: Original, seen: Look, name: str, piece: _Piece) -> list[tuple[str, Capture]]:
        """Append the arrival to its book's log, unless the log has it; the captures that are new to the book."""
        log = self._book(piece.book)
        before = log.state()
        known = {(capture.sha256, capture.frame): capture for capture in before.captures}
        new = [number for number in piece.frames if (original.sha256, number) not in known]
        if not new and name in before.names.get(original.sha256, ()):
            return []
        arrival = next((capture.arrival for capture in before.captures if capture.sha256 == original.sha256),
                       before.next_arrival)
        event = {"event": "received", "arrival": arrival, "sha256": original.sha256, "media": seen.media, "name": name,
                 "exif": dict(seen.exif), "frames": [_plain(seen, number) for number in piece.frames]}
        if new and before.retaking:
            event["supersedes"] = before.retaking
        elif new and piece.role == "retake" and before.current:
            event["supersedes"] = max(before.current, key=lambda capture: (capture.arrival, capture.frame)).id
        elif new and piece.role in ("blank", "slip"):
            event["role"] = piece.role
        log.append(event)
        after = log.state().captures
        return [(piece.book, capture) for capture in after if capture.sha256 == original.sha256 and capture.frame in new]

    def _put_aside(self, book: str, item: SetAside) -> SetAside:
        log = self._book(book)
        if item not in log.state().set_aside:
            log.append({"event": "set_aside", **asdict(item)})
        return item


class _Unfinished(UnreadableImage):
    """Not whole yet: nothing is kept."""


def _plain(seen: Look, number: int) -> dict[str, Any]:
    frame = seen.frames[number]
    return {"frame": number, "width": frame.width, "height": frame.height, "dpi": frame.dpi}


def orphans(store: Store, logs: Iterable[EventLog[Any]]) -> list[str]:
    """Hashes of originals that no log speaks of, sorted."""
    known = {event.get("sha256") for log in logs for event in log.events()}
    return [sha256 for sha256 in store.list() if sha256 not in known]
