"""Photos on their way in: announced, received piece by piece, resumed where they were cut, whole only with their digest.

After the ideas of tus (resumable upload): announcing a photo tells how much of it is here, and every piece says where
it belongs. A photo is known by the SHA-256 of its bytes, so it can be taken up again after any interruption, of the
station too. What is not whole is no image: it lies apart until it is, or until its phone gives it up.

A phone sends one photo after another. The next is not begun before the one before has its end: so photos come in in the
order in which they were taken, however often they are cut.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from capture.phone import SESSION, PhoneParams, Photo
from errors import SohoaError
from imaging.header import START, media_of
from originals import durable
from originals.durable import free_bytes
from workplace import Workplace

MB = 1_000_000
PART = ".part"
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 1000  # characters
MOST_NUMBER = 100_000  # photos of one session
BOOKS_AT_ONCE = 4  # so many times the limit of one book is that of all
MOST_REMEMBERED = 2000


class NotTaken(SohoaError):
    """A photo, or a piece of it, that is not taken. `offset` is how much of it is here."""

    def __init__(self, code: str, offset: int = 0, **facts: object) -> None:
        super().__init__(code, **facts)
        self.offset = offset


@dataclass(frozen=True)
class Unfinished:
    """A part of a photo: whose, how many bytes, and when the last came (s since 1970)."""

    book: str
    sha256: str
    bytes: int
    changed: float


@dataclass
class _Announced:
    """A photo that is to come, and the number of the request that sends it: an earlier one is not heard any more."""

    photo: Photo
    turn: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Uploads:
    """All uploads of a station; safe for several threads."""

    def __init__(
        self, workplace: Workplace, params: PhoneParams, min_free_mb: int, started: Callable[[Photo], None] = lambda _: None
    ) -> None:
        self._place, self._params, self._spare, self._started = workplace, params, min_free_mb * 2**20, started
        self._lock = threading.Lock()
        self._announced: OrderedDict[tuple[str, str], _Announced] = OrderedDict()
        self._turns: OrderedDict[tuple[str, str], str] = OrderedDict()  # (book, session) → the photo whose turn it is
        self._whole: OrderedDict[tuple[str, str], None] = OrderedDict()

    def announce(self, photo: Photo) -> int:
        """A phone wants to send a photo; how many of its bytes are here.

        Raises StorageFailed; NotTaken, with the digest of the `photo` that has its turn before this one.
        """
        _check(photo, self._params.max_mb)
        here = self.offset(photo.book, photo.sha256)
        if here > photo.length:
            raise NotTaken("malformed")
        self._check_room(photo, here)
        with self._lock:
            turn = self._turns.setdefault((photo.book, photo.session), photo.sha256)
            if turn != photo.sha256:
                raise NotTaken("another_first", photo=turn)
            self._announced.setdefault((photo.book, photo.sha256), _Announced(photo)).photo = photo
            _forget_oldest(self._announced)
            _forget_oldest(self._turns)
        return here

    def begin(self, book: str, sha256: str, offset: int, length: int | None) -> Receiving:
        """A request brings the bytes from `offset` on, `length` of them if it says so. One that still hangs is not
        heard any more. Raises NotTaken: for what was not announced, or does not go on where the last piece ended.
        """
        with self._lock:
            held = self._announced.get((book, sha256))
            if held is None:
                raise NotTaken("not_announced")
            held.turn += 1
            turn = held.turn
        with held.lock:
            here = self.offset(book, sha256)
        if offset != here:
            raise NotTaken("not_here", here)
        if length is not None and length > held.photo.length - here:
            raise NotTaken("too_long", here)
        if not here:
            self._started(held.photo)
        return Receiving(self, held, turn, here)

    def cancel(self, book: str, session: str, sha256: str) -> None:
        """The phone that announced a photo gives it up."""
        with self._lock:
            held = self._announced.get((book, sha256))
            if held is None or held.photo.session != session:
                raise NotTaken("not_announced")
        self._give_up(held)

    def offset(self, book: str, sha256: str) -> int:
        """How many bytes of a photo are here."""
        try:
            return self._part(book, sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def is_whole(self, book: str, sha256: str) -> bool:
        """Whether a photo came in whole since the program was started."""
        return (book, sha256) in self._whole

    def unfinished(self) -> list[Unfinished]:
        """All that is not whole, the oldest first."""
        found = []
        for path in self._place.uploads.glob(f"*/*{PART}"):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append(Unfinished(path.parent.name, path.stem, status.st_size, status.st_mtime))
        return sorted(found, key=lambda item: item.changed)

    def discard(self, book: str, sha256: str) -> bool:
        """A person at the station gives up what is not whole; False where there is no such thing. Raises StorageFailed."""
        if all((item.book, item.sha256) != (book, sha256) for item in self.unfinished()):
            return False
        held = self._announced.get((book, sha256))
        if held is None:  # of before the program was started
            durable.remove(self._part(book, sha256))
        else:
            self._give_up(held)
        return True

    def _give_up(self, held: _Announced) -> None:
        with held.lock:
            held.turn += 1
            durable.remove(self._part(held.photo.book, held.photo.sha256))
            self._end(held.photo)

    def _part(self, book: str, sha256: str) -> Path:
        return self._place.uploads / book / f"{sha256}{PART}"

    def _check_room(self, photo: Photo, here: int) -> None:
        if free_bytes(self._place.root) - (photo.length - here) < self._spare:
            raise NotTaken("no_room", here)
        if here:
            return
        others = [item.book for item in self.unfinished()]
        most = self._params.most_unfinished
        if others.count(photo.book) >= most or len(others) >= BOOKS_AT_ONCE * most:
            raise NotTaken("too_many")

    def _append(self, held: _Announced, turn: int, offset: int, data: bytes) -> None:
        path = self._part(held.photo.book, held.photo.sha256)
        with held.lock:
            if held.turn != turn:
                raise NotTaken("overtaken")
            try:
                durable.append_bytes(path, offset, data)
            except ValueError as error:
                raise NotTaken("not_here", self.offset(held.photo.book, held.photo.sha256)) from error

    def _finish(self, held: _Announced, turn: int) -> None:
        """Into the spool with it, if it is what was announced; what is not is worth nothing, and the phone has it still."""
        photo = held.photo
        path = self._part(photo.book, photo.sha256)
        with held.lock:
            if held.turn != turn:
                raise NotTaken("overtaken")
            if _digest(path) != photo.sha256:
                durable.remove(path)
                raise NotTaken("differs")
            self._hand_over(path, self._place.spool / photo.spooled, photo)
            with self._lock:
                self._whole[photo.book, photo.sha256] = None
                _forget_oldest(self._whole)
            self._end(photo)

    @staticmethod
    def _hand_over(path: Path, target: Path, photo: Photo) -> None:
        """Into the spool; after a kill at just that moment it may lie there already."""
        with suppress(OSError):  # the desk may take it away meanwhile
            if _digest(target) == photo.sha256:
                durable.remove(path)
                return
        durable.keep_whole(path, target)

    def _end(self, photo: Photo) -> None:
        with self._lock:
            self._announced.pop((photo.book, photo.sha256), None)
            if self._turns.get((photo.book, photo.session)) == photo.sha256:
                del self._turns[photo.book, photo.session]


class Receiving:
    """One request that brings a photo, or the rest of it."""

    def __init__(self, uploads: Uploads, held: _Announced, turn: int, offset: int) -> None:
        self._uploads, self._held, self._turn, self.offset = uploads, held, turn, offset

    @property
    def complete(self) -> bool:
        return self.offset == self._held.photo.length

    def take(self, data: bytes) -> None:
        """The next bytes. Raises NotTaken, StorageFailed; what was taken before stays."""
        if self.offset + len(data) > self._held.photo.length:
            raise NotTaken("too_long", self.offset)
        if not self.offset:
            if len(data) < min(START, self._held.photo.length):
                return  # too little to tell what it is: the phone begins anew
            if not (media_of(data[:START]) or "").startswith("image/"):
                self._uploads.cancel(self._held.photo.book, self._held.photo.session, self._held.photo.sha256)
                raise NotTaken("no_image")
        self._uploads._append(self._held, self._turn, self.offset, data)
        self.offset += len(data)

    def finish(self) -> None:
        """All bytes are here. Raises NotTaken `differs` where they are others than announced, StorageFailed."""
        self._uploads._finish(self._held, self._turn)


def _check(photo: Photo, max_mb: float) -> None:
    """Raise NotTaken for what is no photo to begin with."""
    well_formed = SHA256.fullmatch(photo.sha256) and SESSION.fullmatch(photo.session) and photo.length > 0
    if not (well_formed and 0 < photo.number <= MOST_NUMBER and len(photo.name) <= LONGEST_NAME):
        raise NotTaken("malformed")
    if photo.length > max_mb * MB:
        raise NotTaken("too_large", most=round(max_mb))


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _forget_oldest(table: OrderedDict) -> None:
    while len(table) > MOST_REMEMBERED:
        table.popitem(last=False)
