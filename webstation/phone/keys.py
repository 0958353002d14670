"""Keys that open one book to phones: 128 random bits, valid for a while after the last photo, known by digest alone.

The digests are kept in the store, so that phones go on after the station was started again. Whoever shows wrong keys is
not heard for ever longer pauses.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from errors import StorageFailed
from originals.durable import write_private
from webstation.pauses import pause

LONGEST_KEY = 64  # characters
MOST_KEYS = 64  # the oldest goes when there are more
FREE_TRIES, MOST_ADDRESSES = 5, 1000
SAVED_S = 60.0  # prolonging is written down no oftener


class Wait(Exception):
    """Wrong keys came from there too often: nothing is heard for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class _Held:
    book: str
    until: float  # s of the monotonic clock


class Keys:
    """The keys of a station; safe for several threads."""

    def __init__(self, file: Path, minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._seconds, self._clock = file, minutes * 60, clock
        self._lock, self._saved = threading.Lock(), 0.0
        self._held = self._read()
        self.tries = Tries(clock)

    def issue(self, book: str) -> str:
        """A new key for a book. Raises StorageFailed."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            while len(self._held) >= MOST_KEYS:
                self._held.pop(next(iter(self._held)))
            self._held[_digest(key)] = _Held(book, self._clock() + self._seconds)
            self._save()
        return key

    def revoke(self, book: str = "") -> None:
        """Make all keys of a book worthless, without one: all keys. Raises StorageFailed."""
        with self._lock:
            self._held = {digest: held for digest, held in self._held.items() if book and held.book != book}
            self._save()

    def book(self, key: str, address: str) -> str | None:
        """The book that a key opens; None for one that opens nothing (any more). Raises Wait."""
        self.tries.check(address)
        found = self._find(key)
        self.tries.note(address, found is not None)
        return found[1].book if found else None

    def prolong(self, key: str) -> None:
        """It is in use: valid for the whole time again."""
        with self._lock, suppress(StorageFailed):  # what is written down is only for after a restart
            found = self._find(key)
            if found is None:
                return
            self._held[found[0]] = _Held(found[1].book, self._clock() + self._seconds)
            if self._clock() > self._saved + SAVED_S:
                self._save()

    def minutes_left(self) -> dict[str, float]:
        """For each book that is open to phones, how long its last key is still valid."""
        now, left = self._clock(), {}
        for held in list(self._held.values()):
            if held.until > now:
                left[held.book] = max(left.get(held.book, 0.0), (held.until - now) / 60)
        return left

    def _find(self, key: str) -> tuple[str, _Held] | None:
        """Every digest is compared, whichever fits."""
        digest, now, found = _digest(key[:LONGEST_KEY]), self._clock(), None
        for known, held in list(self._held.items()):
            if hmac.compare_digest(known, digest) and held.until > now:
                found = known, held
        return found

    def _save(self) -> None:
        now, wall = self._clock(), time.time()
        self._held = {digest: held for digest, held in self._held.items() if held.until > now}
        plain = [{"digest": digest, "book": held.book, "until": wall + held.until - now}
                 for digest, held in self._held.items()]
        write_private(self._file, json.dumps(plain).encode())
        self._saved = now

    def _read(self) -> dict[str, _Held]:
        """Those of before a restart. A clock that was set meanwhile makes none valid for longer than a new one."""
        now, wall = self._clock(), time.time()
        try:
            plain = json.loads(self._file.read_text(encoding="utf-8"))
            left = {item["digest"]: _Held(item["book"], now + min(item["until"] - wall, self._seconds)) for item in plain}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return {digest: held for digest, held in left.items() if held.until > now}


class Tries:
    """Wrong tries by address, of those that tried last: it cannot be made to grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # address → how many, heard again from when on

    def check(self, address: str) -> None:
        """Raises Wait for an address that is in its pause."""
        seconds = self.pause(address)
        if seconds:
            raise Wait(seconds)

    def pause(self, address: str) -> float:
        """For how many seconds more an address is not heard."""
        return max(0.0, self._wrong.get(address, (0, 0.0))[1] - self._clock())

    def note(self, address: str, right: bool) -> None:
        """An address has tried."""
        with self._lock:
            if right:
                self._wrong.pop(address, None)
                return
            wrong = self._wrong.get(address, (0, 0.0))[0] + 1
            self._wrong[address] = wrong, self._clock() + pause(wrong, FREE_TRIES)
            self._wrong.move_to_end(address)
            while len(self._wrong) > MOST_ADDRESSES:
                self._wrong.popitem(last=False)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
