"""From an arrival to an accepted original: first the bytes are safe, then they are looked at, then logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from capture.source import Arrival
from errors import UnreadableImage
from imaging.decode import Header, Limits, read_header
from originals.booklog import BookLog, SetAside
from originals.eventlog import now
from originals.store import Original, Store

__all__ = ["Received", "SetAside", "take_in"]


@dataclass(frozen=True)
class Received:
    """An accepted original that counts for the book, and what its header says.

    `new` says that the book did not have it before; `set_aside` are single pages of it that cannot be used.
    """

    name: str
    sha256: str
    header: Header
    arrival: int
    new: bool
    set_aside: tuple[SetAside, ...] = ()


def take_in(arrival: Arrival, store: Store, log: BookLog, limits: Limits = Limits()) -> Received | SetAside:
    """Accept an arrival durably, then see what it is, and log it. The store is to be locked.

    A file that cannot be read is kept all the same, and set aside with its reason; the source is never
    touched. The same file again is the same original: only a new name of it is logged. Raises StorageFailed.
    """
    try:
        with arrival.open() as source:
            original = store.accept(Source(source, arrival.name), limits.max_bytes)
    except UnreadableImage as error:
        return _put_aside(log, SetAside(arrival.name, error.code, error.facts))
    try:
        header = read_header(store.read(original.sha256), limits)
    except UnreadableImage as error:
        store.note(original, {"name": arrival.name, "received": now()})
        return _put_aside(log, SetAside(arrival.name, error.code, error.facts, original.sha256))
    frames = [{"frame": number, **asdict(frame)} for number, frame in enumerate(header.frames)]
    store.note(original, {"name": arrival.name, "received": now(), "frames": frames})
    return _receive(log, arrival.name, original, header, frames)


class Source:
    """A file that is read from a card or share: what fails there is no fault of the store."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise UnreadableImage("file_unreadable", file=self._name, reason=error.strerror or "") from error


def _receive(
    log: BookLog, name: str, original: Original, header: Header, frames: list[Mapping[str, Any]]
) -> Received:
    state = log.state()
    known = next((capture for capture in state.captures if capture.sha256 == original.sha256), None)
    number = state.next_arrival if known is None else known.arrival
    if name not in state.names.get(original.sha256, ()):
        good = [{key: frame[key] for key in ("frame", "width", "height", "dpi")} for frame in frames
                if not frame["refused"]]
        log.append({"event": "received", "arrival": number, "sha256": original.sha256, "media": header.media,
                    "name": name, "exif": dict(header.exif), "frames": good})
    aside = tuple(
        _put_aside(log, SetAside(name, part.refused, {"page": frame + 1}, original.sha256, frame))
        for frame, part in enumerate(header.frames) if part.refused
    )
    return Received(name, original.sha256, header, number, known is None, aside)


def _put_aside(log: BookLog, item: SetAside) -> SetAside:
    """Log it, unless the log says so already, be it under another name of the same bytes."""
    said = (replace(old, name=item.name) if old.sha256 else old for old in log.state().set_aside)
    if item not in said:
        log.append({"event": "set_aside", **asdict(item)})
    return item
