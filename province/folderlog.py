"""The log of a book that is but a folder of images: as if each had been received when its file was last changed.

So the same folder always gives the same log, and the same packages. The images stay where they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from capture.intake import take_in
from capture.source import Arrival
from errors import UnreadableImage
from imaging.header import EXTENSIONS, START, Limits, media_of
from originals.booklog import BookLog
from originals.eventlog import VIETNAM
from originals.store import Original, Store
from province.sources import SourceBook, below, images_in

if TYPE_CHECKING:
    from province.storage import Storage


def make_log(source: Storage, book: SourceBook, limits: Limits, folder: Path) -> bytes:
    """The bytes of the log. A file that is no image is passed over; one that cannot be read is set aside there.

    `folder` is for what is written on the way. Raises StorageFailed.
    """
    log = _DatedLog(folder / f"{book.identity}.jsonl")
    passing = _Passing()
    for file in images_in(source, book.at):
        log.moment = _moment(file.modified)
        name = below(book.at, file.name)
        with source.reading(file.name) as path:
            if _is_image(path, name):
                take_in(Arrival(name, partial(open, path, "rb"), "folder"), passing, log, limits)
    return log.path.read_bytes() if log.path.exists() else b""


def _is_image(path: Path, name: str) -> bool:
    """By its first bytes; a file that is named as an image but is none is set aside, not passed over."""
    with open(path, "rb") as file:
        return media_of(file.read(START)) is not None or name.rpartition(".")[2].casefold() in (*EXTENSIONS.values(), "jpeg")


def _moment(modified: float) -> str:
    return datetime.fromtimestamp(int(modified), UTC).astimezone(VIETNAM).isoformat(timespec="seconds")


class _DatedLog(BookLog):
    """A log whose events happen at a moment that is told."""

    moment = ""

    def append(self, event: Mapping[str, Any]) -> None:
        super().append({"time": self.moment, **event})


class _Passing(Store):
    """A store that keeps nothing: it tells the hash of what passes, and holds the last file until the next."""

    def __init__(self) -> None:
        super().__init__(Path())
        self._last = b""

    def accept(self, source: BinaryIO, max_bytes: int | None = None, check: Any = None) -> Original:
        data = bytearray()
        while piece := source.read(1 << 20):
            data += piece
            if max_bytes is not None and len(data) > max_bytes:
                raise UnreadableImage("too_many_bytes", limit=max_bytes)
        if not data:
            raise UnreadableImage("empty_file")
        self._last = bytes(data)
        return Original(hashlib.sha256(self._last).hexdigest(), media_of(self._last[:START]), len(data))

    def read(self, sha256: str, verify: bool = False) -> bytes:
        return self._last

    def note(self, original: Original, facts: Mapping[str, Any]) -> None:
        """Facts stay in the log alone."""
