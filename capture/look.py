"""A first look at a file: is it whole, what does it hold, is it a cover sheet? Made in a process that may die of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from capture.folder import open_regular
from errors import UnreadableImage
from imaging.decode import Frame, Limits, read_header
from imaging.opening import first_view

NOT_WHOLE = {"truncated", "damaged", "empty_file", "not_an_image",  # what a file that is still being written may be
             "worker_died", "worker_too_slow", "worker_out_of_memory", "worker_defect"}  # or may do to its reader
PDF, PDF_END, PDF_END_WITHIN = "application/pdf", b"%%EOF", 1024  # bytes: so much may follow the end
SHOWS_ITS_END = {"image/jpeg", "image/png", PDF}  # others are read to their end whatever stands there
ZEROS = 64  # bytes: where so many end a file of other kinds, it may have got its length before its content


@dataclass(frozen=True)
class LookTask:
    """A file to look at."""

    path: Path
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class TimeTask:
    """A file of which only the time is wanted that its camera wrote."""

    path: Path
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Sheet:
    """A cover sheet among the frames: the text of its code, or the code of the reason why it cannot be read."""

    text: str = ""
    unreadable: str = ""


@dataclass(frozen=True)
class Look:
    """What was seen. `problem` (code and facts) is of the whole file; a frame's own is its `refused`.

    `sheets` are cover sheets by the number of their frame. `unfilled` says that the file ends in zeros.
    """

    media: str = ""
    frames: tuple[Frame, ...] = ()
    exif: Mapping[str, str] = field(default_factory=dict)
    sheets: Mapping[int, Sheet] = field(default_factory=dict)
    problem: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    unfilled: bool = False

    @property
    def whole(self) -> bool:
        """Whether it can be read to its end, or never will be, however long one waits."""
        codes = {self.problem, *(frame.refused for frame in self.frames)}
        return not self.unfilled and not codes & NOT_WHOLE


def look(task: LookTask | TimeTask) -> Look | str:
    """Decode every frame of a file, at reduced size; for a TimeTask the time, or nothing. Bad files raise nothing."""
    if isinstance(task, TimeTask):
        return _time(task)
    try:
        data = task.path.read_bytes()
        header = read_header(data, task.limits)
        if header.media == PDF and PDF_END not in data[-PDF_END_WITHIN:]:  # half a PDF can be read, without its other half
            raise UnreadableImage("truncated", bytes=len(data))
    except UnreadableImage as error:
        return Look(problem=error.code, facts=error.facts)
    seen = [_look_at(data, header, number, task.limits) for number in range(len(header.frames))]
    sheets = {number: sheet for number, (_, sheet) in enumerate(seen) if sheet is not None}
    unfilled = header.media not in SHOWS_ITS_END and not any(data[-ZEROS:])
    return Look(header.media, tuple(frame for frame, _ in seen), dict(header.exif), sheets, unfilled=unfilled)


def _look_at(data: bytes, header: Any, number: int, limits: Limits) -> tuple[Frame, Sheet | None]:
    from capture.cover import Cover, read_cover

    frame = header.frames[number]
    if frame.refused:
        return frame, None
    try:
        picture = first_view(data, header, number, limits=limits).picture
    except UnreadableImage as error:
        return replace(frame, refused=error.code), None
    found = read_cover(picture)
    if found is None:
        return frame, None
    return frame, Sheet(found.code.text) if isinstance(found, Cover) else Sheet(unreadable=found.reason)


def _time(task: TimeTask) -> str:
    try:
        with open_regular(task.path) as file:  # it lies where others write: what was a file may be a link or FIFO now
            return read_header(file.read(), task.limits).exif.get("time", "")
    except (UnreadableImage, OSError):
        return ""
