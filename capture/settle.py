"""When is a file that somebody else writes finished? When it has been quiet for a while; then its bytes are looked at.

Events of the file system only say where to look sooner: they get lost, and network shares send none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from capture.folder import open_regular
from errors import UnreadableImage

WORD = 1 << 64


@dataclass(frozen=True)
class Stamp:
    """What changes when a file is written to: size in bytes, time of change in ns, number of the file on its disk.

    Times are only ever compared; those beyond the year 2262 go round, so that each fits into 64 bits with a sign.
    """

    size: int
    modified: int
    number: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_size, (status.st_mtime_ns + WORD // 2) % WORD - WORD // 2, status.st_ino)


class Settler:
    """Watches the stamps of files. Times are those of a monotonic clock, in s: clocks on the wall may jump."""

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._since: dict[str, tuple[Stamp, float]] = {}

    def saw(self, stamps: Mapping[str, Stamp], now: float) -> None:
        """All files that wait at this moment. One that is not among them is forgotten."""
        self._since = {name: old if (old := self._since.get(name)) and old[0] == stamp else (stamp, now)
                       for name, stamp in stamps.items()}

    def quiet_for(self, name: str, now: float) -> float:
        """Seconds since a file was first seen as it is."""
        return now - self._since[name][1] if name in self._since else 0.0

    def settled(self, now: float) -> set[str]:
        """Names of files that have been as they are for long enough."""
        return {name for name, (_, since) in self._since.items() if now - since >= self._quiet}


def has_hole(path: Path) -> bool:
    """Whether a part of a file has its place but no bytes yet, as when it is filled from several ends.

    False where the system or the disk cannot tell, and for what is no regular file.
    """
    if not hasattr(os, "SEEK_HOLE"):
        return False
    try:
        with open_regular(path) as file:
            length = os.fstat(file.fileno()).st_size
            return os.lseek(file.fileno(), 0, os.SEEK_HOLE) < length
    except (OSError, UnreadableImage):
        return False
