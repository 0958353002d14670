"""Stores far away behind the face of `storage`: names and addresses, copies to read and to fill. Servers are for `stores`.

Object stores keep a file whole or not at all by themselves; elsewhere it is sent under a temp name and renamed. Only whole
files are put, those that say "done" last.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from capture.folder import readable
from errors import BadConfig, StorageFailed
from originals import durable
from province.scratch import kept_as, scratch
from province.storage import PATIENCE, Entry, PassedOver, Storage, check_name, is_safe, is_temp, joined
from province.stores import Login, Store, opened

NEEDS = {"s3": ("s3fs",), "sftp": ("fsspec", "paramiko"), "webdav": ("fsspec", "webdav4"), "webdavs": ("fsspec", "webdav4")}
DEEPEST = 64  # folders: a loop of links on a server must come to an end


def open_remote(url: str, patience_s: float) -> RemoteStorage:
    """The storage at a URL; see `storage.open_storage`."""
    try:
        parts = urlsplit(url.replace("?", "%3F").replace("#", "%23"))  # both may stand in the name of a folder
        port = parts.port
    except ValueError as error:
        raise BadConfig("storage_url", url=_shown(url)) from error
    if parts.scheme not in NEEDS:
        raise BadConfig("storage_kind", url=_shown(url), kind=parts.scheme, known=", ".join(f"{kind}://" for kind in NEEDS))
    host = parts.netloc.rpartition("@")[2] if parts.scheme == "s3" else parts.hostname or ""  # a bucket may have capitals
    below = (parts.path.replace("%3F", "?").replace("%23", "#") if parts.scheme == "s3" else unquote(parts.path)).strip("/")
    if not host or (below and not is_safe(below)):
        raise BadConfig("storage_url", url=_shown(url))
    missing = [name for name in NEEDS[parts.scheme] if find_spec(name) is None]
    if missing:
        raise BadConfig("storage_needs_extra", url=_shown(url), missing=", ".join(missing))
    login = Login(parts.scheme, host, port, unquote(parts.username or ""), unquote(parts.password or ""))
    return RemoteStorage(login, below, patience_s)


@dataclass(frozen=True)
class RemoteStorage(Storage):
    """The folder `below` of a server or bucket."""

    login: Login
    below: str = ""
    patience_s: float = PATIENCE

    @property
    def url(self) -> str:
        path = self.below if self.login.kind == "s3" else quote(self.below)
        return f"{self.login.shown}/{path}".rstrip("/")

    @property
    def path(self) -> None:
        return None

    @property
    def at_once(self) -> int:
        return self._store.at_once

    def at(self, prefix: str) -> RemoteStorage:
        return replace(self, below=joined(self.below, check_name(prefix, self.url))) if prefix else self

    def list(self, prefix: str = "", passed_over: PassedOver | None = None) -> Iterator[Entry]:
        deep = self._store.deep
        waiting = [prefix]
        while waiting:
            for folders, files in self._pages(waiting.pop(), deep, passed_over):
                yield from files
                waiting += [name for name in reversed(folders) if self._is_shallow(name, passed_over)]

    def look(self, prefix: str = "", passed_over: PassedOver | None = None) -> tuple[list[str], list[Entry]]:
        folders, files = [], []
        for more_folders, more_files in self._pages(prefix, False, passed_over):
            folders += more_folders
            files += more_files
        return sorted(folders), sorted(files, key=lambda file: file.name)

    def read(self, name: str) -> bytes:
        file = BytesIO()
        self._store.fetch(self._key(name), file)
        return file.getvalue()

    def exists(self, name: str) -> bool:
        return self._store.exists(self._key(name))

    def write(self, name: str, data: bytes) -> None:
        self._store.put(self._key(name), BytesIO(data), len(data))

    def create(self, name: str, data: bytes) -> bool:
        return self._store.create(self._key(name), data)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        key = self._key(name)
        with scratch() as folder:
            copy = folder / f"copy{Path(name).suffix}"
            self._fetch(key, copy)
            yield copy

    def copies(self, names: Iterable[str], folder: Path) -> Mapping[str, Path]:
        found = {name: folder / kept for name, kept in kept_as(check_name(name, self.url) for name in names).items()}
        self._at_once(lambda name: self._fetch(self._key(name), found[name]), list(found))
        return found

    def _fetch(self, key: str, copy: Path) -> None:
        with _disk(copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            with open(copy, "w+b") as file:
                self._store.fetch(key, file)

    @contextmanager
    def filling(self, prefix: str, last: tuple[str, ...] = ()) -> Iterator[Path]:
        if prefix:
            check_name(prefix, self.url)
        with scratch() as folder:
            yield folder
            for names in _in_order(folder, last):
                self._put_all(folder, prefix, names)

    def remove(self, names: Iterable[str]) -> None:
        self._store.remove([self._key(name) for name in names])

    def _put_all(self, folder: Path, prefix: str, names: list[str]) -> None:
        def put(name: str) -> None:
            with _disk(folder / name), open(folder / name, "rb") as file:
                self._store.put(self._key(joined(prefix, name)), file, os.fstat(file.fileno()).st_size)

        self._at_once(put, names)

    def _at_once(self, work: Callable[[str], None], names: list[str]) -> None:
        """Do it for all names, some at once: most of the time of a small file is waiting."""
        if not names:
            return
        work(names[0])  # by itself: one thread opens the connection
        with ThreadPoolExecutor(self.at_once) as pool:
            try:
                for done in [pool.submit(work, name) for name in names[1:]]:
                    done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    @property
    def _store(self) -> Store:
        return opened(self.login, self.patience_s)

    def _key(self, name: str) -> str:
        return joined(self.below, check_name(name, self.url))

    def _pages(self, prefix: str, deep: bool, passed_over: PassedOver | None) -> Iterator[tuple[list[str], list[Entry]]]:
        """Folders and files of a folder, some at a time, named from the root of this storage."""
        start = f"{self.below}/" if self.below else ""

        def own(key: str, is_odd: bool = False) -> str:
            name = key.removeprefix(start)
            if is_odd or not is_safe(name):
                _tell(passed_over, name)
                return ""
            return "" if is_temp(name) else name

        for page in self._store.pages(self._key(prefix) if prefix else self.below, deep):
            for key in page.others:
                own(key, is_odd=True)
            folders = [name for key in page.folders if (name := own(key))]
            yield folders, [replace(file, name=name) for file in page.files if (name := own(file.name))]

    def _is_shallow(self, name: str, passed_over: PassedOver | None) -> bool:
        shallow = name.count("/") < DEEPEST
        if not shallow:
            _tell(passed_over, name)
        return shallow


def _tell(passed_over: PassedOver | None, name: str) -> None:
    if passed_over is not None:
        passed_over(readable(name))


def _in_order(folder: Path, last: tuple[str, ...]) -> list[list[str]]:
    """The whole files below a folder by name: those that match nothing of `last`, then those of each pattern."""
    names = [Path(parent, file).relative_to(folder).as_posix() for parent, _, files in os.walk(folder) for file in files]

    def place(name: str) -> int:
        base = name.rpartition("/")[2]
        matches = [at for at, pattern in enumerate(last, 1) if fnmatchcase(name, pattern) or fnmatchcase(base, pattern)]
        return max(matches, default=0)

    places: dict[int, list[str]] = {}
    for name in sorted(names):
        if not is_temp(name):
            places.setdefault(place(name), []).append(name)
    return [places[at] for at in sorted(places)]


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Tell a failure of this machine's disk as such."""
    try:
        yield
    except OSError as error:
        code = durable.REASONS.get(error.errno, "disk_failed")
        raise StorageFailed(code, file=str(path), reason=error.strerror or str(error)) from error


def _shown(url: str) -> str:
    """The address without its password."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}{slash}{path}"
