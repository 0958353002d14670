"""A watched folder: which of its files are ready, in the order in which people mean them, and what becomes of them.

A scan of the folder is the fact. Below an inbox, a folder named after a book puts images into that book; every other
folder is a stream of its own, in which cover sheets tell the book.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from book import Identity
from capture.folder import natural, open_regular, readable, reason_to_skip, walk
from capture.settle import Settler, Stamp, has_hole
from capture.source import Arrival
from errors import BadIdentity, StorageFailed
from originals import durable
from originals.reach import reachable

DONE = "_da_nhan"  # "received"
FOLLOWED_S = 60.0  # so long a file that was moved away is still watched: its writer may not have closed it
LONGEST_NAME, LONGEST_SUFFIX, NUMBER = 255, 16, 8  # bytes: of a name on most disks; of ".jpeg"; of " (1234)"


@dataclass(frozen=True)
class WatchParams:
    """Settings of the watched folders and of the daemon."""

    store: str = ""  # folder of the station: originals, logs, pages, packages; empty: --store says it
    inboxes: tuple[str, ...] = ()  # watched folders; --inbox adds more
    after: Literal["leave", "move", "remove"] = "move"  # what becomes of a source once its image is safe
    quiet_s: float = 1.0  # a file that has not changed for so long is looked at, s
    longest_s: float = 10.0  # so long it waits for files that belong before it and are still being written, s
    patience_s: float = 60.0  # so long a file may stay incomplete before it is put aside, s
    scan_s: float = 60.0  # each folder is looked through at least so often, s
    poll_s: float = 5.0  # and so often where the system tells of no changes: network shares, s
    min_free_mb: int = 1000  # with less room on the disk nothing more is taken in, MB
    most_waiting: int = 500  # with more captures waiting to be developed the scanner pauses


@dataclass(frozen=True)
class Candidate:
    """A file that has settled. `name` is its path below the inbox, such as it can be written down; `book` is empty
    where no folder names one."""

    path: Path
    name: str
    stream: str
    book: str
    stamp: Stamp
    waited: float

    @property
    def arrival(self) -> Arrival:
        return Arrival(self.name, partial(open_regular, self.path), "folder")


@dataclass(frozen=True)
class Scan:
    """What one look at an inbox showed. `skipped` are (name, code); `away` says that the folder is not to be had."""

    ready: tuple[Candidate, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    waiting: int = 0
    away: bool = False


class Inbox:
    """One watched folder. `dealt_with(stream, name, stamp)` tells what needs no more care."""

    def __init__(
        self, folder: Path, label: str, quiet: float, after: str, dealt_with: Callable[[str, str, Stamp], bool],
        longest: float = 10.0, stream_depth: int | None = None,
    ) -> None:
        """`stream_depth`: so many folders of a path tell streams apart; None: all of them."""
        self.folder, self.label, self.after, self._depth = reachable(Path(folder)), label, after, stream_depth
        self._settler, self._dealt_with, self._longest = Settler(quiet), dealt_with, longest
        self._moved: dict[str, _Moved] = {}
        self._now = 0.0

    def scan(self, now: float) -> Scan:
        """Look at every file of the folder. `now`: s of a monotonic clock."""
        self._now = now
        if not self.folder.is_dir():
            self._settler.saw({}, now)
            return Scan(away=True)
        found, skipped = self._files()
        self._settler.saw({name: stamp for name, (_, stamp) in found.items()}, now)
        settled = self._settler.settled(now)
        ready = [self._candidate(*found[name], name, now) for name in sorted(settled, key=natural)]
        coming: dict[str, list[tuple[object, ...]]] = {}
        for name in found.keys() - settled:
            coming.setdefault(self._stream(name), []).append(natural(name))
        taken = [candidate for candidate in ready if self._may_go(candidate, coming.get(candidate.stream, []))]
        return Scan(tuple(taken), tuple(skipped), len(found) - len(taken))

    def finish(self, candidate: Candidate) -> None:
        """Do with the source what the settings say, if it is still what was taken. Raises StorageFailed.

        What is moved is followed for a while: if it grows there, that is a new version.
        """
        try:
            if Stamp.of(os.lstat(candidate.path)) != candidate.stamp:
                return  # it was written to meanwhile: the new version comes as one of its own
        except OSError:
            return
        if self.after == "remove":
            durable.remove(candidate.path)
        elif self.after == "move":
            place = self._moved_to(candidate.path)
            self._moved[candidate.name] = _Moved(place, candidate.stamp, self._now + FOLLOWED_S)

    def _moved_to(self, path: Path) -> Path:
        """Move a file to where files go that were received; there it stays if it is there already."""
        below = path.relative_to(self.folder)
        if below.parts[0] == DONE:
            return path
        target = self.folder / DONE / below
        really, meant = target.parent.resolve(), self.folder.resolve() / DONE / below.parent
        if os.path.normcase(really) != os.path.normcase(meant):
            raise StorageFailed("cannot_write", file=readable(str(target.parent)), reason="link")
        return durable.move_aside(path, _with_room(target) if os.path.lexists(target) else target)

    def _files(self) -> tuple[dict[str, tuple[Path, Stamp]], list[tuple[str, str]]]:
        found, skipped = self._grown(), []
        for path, name, code in walk(self.folder):
            name = readable(name)
            if name.split("/", 1)[0] == DONE:
                continue
            if not code:
                try:
                    stamp = Stamp.of(os.lstat(path))
                except OSError:
                    continue  # gone again
                if self._dealt_with(self._stream(name), name, stamp):
                    continue
                code = self._unfit(path)
            if code:
                skipped.append((name, code))
            else:
                found[name] = path, stamp
        return found, skipped

    def _grown(self) -> dict[str, tuple[Path, Stamp]]:
        """Files that were moved away and have been written to since."""
        self._moved = {name: moved for name, moved in self._moved.items() if moved.until > self._now}
        grown = {}
        for name, moved in self._moved.items():
            try:
                stamp = Stamp.of(os.lstat(moved.path))
            except OSError:
                continue
            if stamp != moved.stamp and not self._dealt_with(self._stream(name), name, stamp):
                grown[name] = moved.path, stamp
        return grown

    @staticmethod
    def _unfit(path: Path) -> str:
        """Only what a name tells for certain: the first bytes may still be to come."""
        code = reason_to_skip(path)
        return code if code in ("unfinished", "not_a_file") else ""

    def _candidate(self, path: Path, stamp: Stamp, name: str, now: float) -> Candidate:
        waited = self._settler.quiet_for(name, now)
        return Candidate(path, name, self._stream(name), book_of(name), stamp, waited)

    def _stream(self, name: str) -> str:
        return "/".join((self.label, *PurePosixPath(name).parent.parts[: self._depth]))

    def _may_go(self, candidate: Candidate, coming: list[tuple[object, ...]]) -> bool:
        """A file waits, but not for ever, for those of its stream that are being written (`coming`, by their order).

        One that belongs behind it may be written meanwhile; several are a copy of many, in whatever order.
        """
        if candidate.waited >= self._longest:
            return True
        in_order = not coming or (len(coming) == 1 and natural(candidate.name) < coming[0])
        return in_order and not has_hole(candidate.path)


@dataclass(frozen=True)
class _Moved:
    """A file that was taken and moved, as it was then, and how long it is followed (s of the monotonic clock)."""

    path: Path
    stamp: Stamp
    until: float


def _with_room(target: Path) -> Path:
    """A target whose name leaves room for a number behind it."""
    short = len(os.fsencode(target.suffix)) <= LONGEST_SUFFIX
    stem, suffix = (target.stem, target.suffix) if short else (target.name, "")
    while len(os.fsencode(stem + suffix)) > LONGEST_NAME - NUMBER:
        stem = stem[:-1]
    return target.with_name(stem + suffix)


def book_of(name: str) -> str:
    """The book that a folder in the path names, the innermost; empty for none."""
    for part in reversed(PurePosixPath(name).parent.parts):
        try:
            return str(Identity.parse(part))
        except BadIdentity:
            continue
    return ""
