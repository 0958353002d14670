"""Servers that keep files: S3, SFTP, WebDAV. One connection for each process, and patience with what goes wrong on the way.

Only what may be well in a moment is tried again: time-outs, lost connections, "too many requests", the server's own
faults. A file that is not there, a permission that is not given, is told at once. Every step can be repeated: what is
fetched goes on where it broke off, what is put is put anew under the same name. Names are keys here, from the root of the
server or bucket on; what is safe in them is looked at by `remote`.
"""

from __future__ import annotations

import errno
import os
import random
import socket
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

from errors import SohoaError, StorageFailed
from province.storage import Entry

CONNECT_S, READ_S = 10.0, 60.0  # so long a server may take to answer a call, and between two pieces of an answer
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 20.0  # s; each pause is twice the last one, more or less
PIECE = 1 << 20
NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETRESET}
OWN_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
KINDS = {"s3": ("province.s3", "S3"), "sftp": ("province.sftp", "Sftp"),
         "webdav": ("province.webdav", "Webdav"), "webdavs": ("province.webdav", "Webdav")}
T = TypeVar("T")


@dataclass(frozen=True)
class Login:
    """A server (for S3 a bucket) and who asks. Its `repr` does not show the password."""

    kind: str
    host: str
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The address without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.kind}://{self.user}{'@' if self.user else ''}{host}{port}"


class Verdict(Enum):
    """What a failure means."""

    AGAIN = "storage_unreachable"
    MISSING = "storage_missing"
    REFUSED = "storage_refused"
    FULL = "storage_full"
    FAILED = "storage_failed"


@dataclass
class Page:
    """A part of a listing: keys of folders, files (their names are keys), and keys of what is neither."""

    folders: list[str] = field(default_factory=list)
    files: list[Entry] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    next: str = ""  # where the next part begins; empty: there is none


@dataclass
class Stream:
    """Bytes on their way: from byte `start` on, of a file that is as `stamp` says."""

    start: int
    stamp: str
    pieces: Iterator[bytes]


class Taken(Exception):
    """The name of a file that shall be new is taken."""


class Patience:
    """How long a step goes on being tried. Every sign of life begins it anew."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.tries = seconds, 1
        self.renew()

    def renew(self) -> None:
        """The server has answered well."""
        self._until, self._pause = time.monotonic() + self._seconds, FIRST_PAUSE

    def wait(self) -> bool:
        """Pause before the next try; whether there is one."""
        left = self._until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, self._pause * random.uniform(0.5, 1.5)))
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self.tries += 1
        return True


class Store(ABC):
    """One server, used by one thread. Methods without `_` are patient and raise StorageFailed; the others are one try."""

    deep = False  # whether one listing can show all that is below a folder
    at_once = 1  # so many files may be put at the same time, by threads
    keeps = False  # whether a connection that failed can be used further
    errors: tuple[type[Exception], ...] = ()  # what its libraries raise besides OSError

    def __init__(self, login: Login, patience_s: float) -> None:
        self.login, self._patience_s = login, patience_s
        self._connection: Any = None

    def pages(self, folder: str, deep: bool) -> Iterator[Page]:
        """The listing of a folder, part by part; no folder there: nothing."""
        start = None
        while start != "":
            page = self.patiently(folder, lambda _, start=start: self._page(folder, deep, start or ""))
            yield page
            start = page.next

    def fetch(self, key: str, file: BinaryIO) -> None:
        """Copy the bytes of a file to a local one that is empty; what broke off goes on from there."""
        stamp, furthest = "", 0

        def rest(patience: Patience) -> None:
            nonlocal stamp, furthest
            with self._stream(key, file.tell(), stamp) as stream:
                stamp = stream.stamp
                file.seek(stream.start)
                file.truncate()
                for piece in stream.pieces:
                    file.write(piece)
                    if file.tell() > furthest:  # beginning again and again is no sign of life
                        furthest = file.tell()
                        patience.renew()

        self.patiently(key, rest)
        file.flush()

    def exists(self, key: str) -> bool:
        """Whether there is a file of this name."""
        return self.patiently(key, lambda _: self._exists(key))

    def put(self, key: str, file: BinaryIO, size: int) -> None:
        """Write or replace a file: whole or not at all. `size` in bytes."""

        def whole(_: Patience) -> None:
            file.seek(0)
            self._put(key, file, size)

        self.patiently(key, whole)

    def create(self, key: str, data: bytes) -> bool:
        """Write a file unless the name is taken; whether it was."""

        def new(patience: Patience) -> bool:
            try:
                self._create(key, data)
            except Taken:
                return patience.tries > 1 and self._is(key, data)  # the answer to an earlier try may be what was lost
            return True

        return self.patiently(key, new)

    def remove(self, keys: list[str]) -> None:
        """Remove files; none there is fine."""
        for key in keys:
            self.patiently(key, lambda _, key=key: self._remove(key))

    def patiently(self, key: str, step: Callable[[Patience], T]) -> T:
        """Do a step until it is done, or there is no use in trying, or the patience is at its end."""
        patience = Patience(self._patience_s)
        while True:
            try:
                return step(patience)
            except SohoaError:
                raise
            except (OSError, *self.errors) as error:
                if isinstance(error, OSError) and error.errno in OWN_DISK:
                    raise
                verdict = self._verdict(error)
                if verdict is not Verdict.AGAIN or not patience.wait():
                    raise self._told(verdict, key, error) from error
                if not self.keeps:
                    self.drop()

    @property
    def connection(self) -> Any:
        """What the libraries call a client; opened where it is first used."""
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def drop(self) -> None:
        """Close the connection; the next step opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is broken
                self._close(connection)

    @abstractmethod
    def _connect(self) -> Any: ...

    @abstractmethod
    def _close(self, connection: Any) -> None: ...

    @abstractmethod
    def _judge(self, error: BaseException) -> Verdict | None:
        """What an exception of its libraries means; None where that is not known."""

    @abstractmethod
    def _page(self, folder: str, deep: bool, start: str) -> Page: ...

    @abstractmethod
    def _stream(self, key: str, at: int, stamp: str) -> AbstractContextManager[Stream]:
        """The file from byte `at` on, or from its start where it is not as `stamp` says any more."""

    @abstractmethod
    def _exists(self, key: str) -> bool: ...

    @abstractmethod
    def _put(self, key: str, file: BinaryIO, size: int) -> None: ...

    @abstractmethod
    def _create(self, key: str, data: bytes) -> None:
        """Raises Taken."""

    @abstractmethod
    def _remove(self, key: str) -> None: ...

    def _is(self, key: str, data: bytes) -> bool:
        file = BytesIO()
        self.fetch(key, file)
        return file.getvalue() == data

    def _verdict(self, error: BaseException) -> Verdict:
        chain = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
            return Verdict.REFUSED
        judged = (self._judge(cause) or _common(cause) for cause in chain)
        return next((verdict for verdict in judged if verdict), Verdict.FAILED)

    def _told(self, verdict: Verdict, key: str, error: BaseException) -> StorageFailed:
        reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        if self.login.password:
            reason = reason.replace(self.login.password, "***")
        return StorageFailed(verdict.value, storage=self.login.shown, name=key or "/", reason=reason[:300],
                             seconds=round(self._patience_s, 1 if self._patience_s < 10 else None))


_OPENED: dict[tuple[int, Login, float], Store] = {}


def opened(login: Login, patience_s: float) -> Store:
    """The store of this process; a forked child must not speak on its parent's connection."""
    key = (os.getpid(), login, patience_s)
    if key not in _OPENED:
        module, name = KINDS[login.kind]
        _OPENED[key] = getattr(import_module(module), name)(login, patience_s)
    return _OPENED[key]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, what it was raised from, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _common(error: BaseException) -> Verdict | None:
    if isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        return Verdict.MISSING
    if isinstance(error, PermissionError):
        return Verdict.REFUSED
    if isinstance(error, (ConnectionError, TimeoutError, EOFError, socket.gaierror)):
        return Verdict.AGAIN
    return Verdict.AGAIN if isinstance(error, OSError) and error.errno in NO_WAY else None
