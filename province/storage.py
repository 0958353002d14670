"""Where files lie: a folder of this machine or, in `remote`, a store far away; the rest of the job does not tell them apart.

A storage lists, reads, writes whole files and removes them; it knows nothing of books. Names are data: one that would
lead out of the storage is refused when it is given, and passed over when a listing has it. A storage is a value: it can
be compared, pickled and carried to other processes, and opens what it needs where it is used.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit
from urllib.request import url2pathname

from capture.folder import NOT_FOLLOWING, SAFE_OPEN, readable
from errors import BadConfig, StorageFailed
from originals import durable
from originals.reach import reachable

PATIENCE = 300.0  # s
SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)  # longer than one letter: C:\ is a drive
BAD_SIGNS = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")  # what some store cannot keep, or takes for a separator
DRIVE = re.compile(r"[A-Za-z]:")
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
PassedOver = Callable[[str], None]  # told the name, spelled so that it can be shown


@dataclass(frozen=True)
class Entry:
    """A file as a listing shows it.

    `name` is relative to the storage's root, with `/`; `size` in bytes; `stamp` changes when the bytes change (the
    store's etag, or times and size); `modified` in seconds since 1970 UTC.
    """

    name: str
    size: int
    stamp: str
    modified: float


class Storage(ABC):
    """A place that holds files under names with `/`. Every method raises StorageFailed.

    Its codes: `storage_missing` (no such file), `storage_refused` (who asks is not allowed to), `storage_unreachable` (no
    answer, again and again), `storage_name` (a name that no file may have), `storage_failed` (anything else), and those of
    this machine's disks. `passed_over` is told of what a listing leaves out, since its name is unsafe or it is a link or
    no regular file. What lies under temp names is in no listing.
    """

    @property
    @abstractmethod
    def url(self) -> str:
        """Its address for people to read; never with a password."""

    @property
    @abstractmethod
    def path(self) -> Path | None:
        """The folder, where it is one of this machine."""

    @property
    def at_once(self) -> int:
        """How many threads may use it at the same time, with a gain."""
        return 1

    @abstractmethod
    def at(self, prefix: str) -> Storage:
        """The folder `prefix` below, as a storage; it need not be there yet."""

    @abstractmethod
    def list(self, prefix: str = "", passed_over: PassedOver | None = None) -> Iterator[Entry]:
        """All files below the folder `prefix`, in no promised order; none where there is no such folder."""

    @abstractmethod
    def look(self, prefix: str = "", passed_over: PassedOver | None = None) -> tuple[list[str], list[Entry]]:
        """Folders and files right in the folder `prefix`, by name; names relative to the root of the storage."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of a file."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write or replace a file: whole or not at all."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless the name is taken; whether it was written. Of several who try at once, one does.

        `data` should tell who writes: where the answer of a store is lost, that is how its own file is known again.
        """

    @abstractmethod
    def reading(self, name: str) -> AbstractContextManager[Path]:
        """A local file with the bytes: the file itself, or a private copy that is gone after the block. Only to read."""

    @abstractmethod
    def copies(self, names: Iterable[str], folder: Path) -> Mapping[str, Path]:
        """Local files with the bytes of many, by name: themselves, or copies in `folder`, named alike. Only to read."""

    @abstractmethod
    def filling(self, prefix: str, last: tuple[str, ...] = ()) -> AbstractContextManager[Path]:
        """A local folder for whole files (written by `durable`) that shall lie in the folder `prefix`.

        That folder itself, or one whose files are put there when the block ends well; those whose name matches a pattern
        of `last` then come last, pattern by pattern.
        """

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Remove files; none there is fine. Folders are left."""


def open_storage(url: str, patience_s: float = PATIENCE) -> Storage:
    """The storage at a path or URL: `file`, `s3`, `sftp`, `webdav` (plain HTTP), `webdavs`. Nothing is asked of it yet.

    `patience_s`: so long a store far away may give no good answer before it counts as unreachable, s.
    Raises BadConfig: `storage_kind`, `storage_url`, `storage_needs_extra`.
    """
    scheme = SCHEME.match(url)
    if scheme is None:
        return LocalStorage(str(reachable(Path(os.path.abspath(url)))))
    if scheme[1].lower() == "file":
        return LocalStorage(str(reachable(Path(os.path.abspath(_path_of(url))))))
    from province.remote import open_remote

    return open_remote(url, patience_s)


def check_name(name: str, storage: str = "") -> str:
    """The name, if it is one that a file of a storage may have. Raises StorageFailed `storage_name`."""
    if not is_safe(name):
        raise StorageFailed("storage_name", storage=storage, name=readable(name))
    return name


def is_safe(name: str) -> bool:
    """Whether a name stays where it is put, on every kind of storage."""
    parts = name.split("/")
    return not (BAD_SIGNS.search(name) or DRIVE.match(name) or any(part in ("", ".", "..") for part in parts))


def is_temp(name: str) -> bool:
    """Whether a name, or a folder in it, is one that `durable` or a storage gives to what is not whole yet."""
    return any(durable.TEMP_NAME.fullmatch(part) for part in name.split("/"))


def temp_name(name: str) -> str:
    """A temp name beside `name`."""
    folder, slash, _ = name.rpartition("/")
    return f"{folder}{slash}{durable.TEMP}{token_hex(8)}"


def joined(folder: str, name: str) -> str:
    """A name below a folder; either may be empty."""
    return f"{folder}/{name}" if folder and name else folder or name


@dataclass(frozen=True)
class LocalStorage(Storage):
    """A folder of this machine or of a share it has mounted: `below` in the folder `top`. Links do not lead out of `top`."""

    top: str
    below: str = ""

    @property
    def url(self) -> str:
        return readable(str(self.path))

    @property
    def path(self) -> Path:
        return Path(self.top, *self.below.split("/")) if self.below else Path(self.top)

    def at(self, prefix: str) -> LocalStorage:
        return LocalStorage(self.top, joined(self.below, check_name(prefix, self.url))) if prefix else self

    def list(self, prefix: str = "", passed_over: PassedOver | None = None) -> Iterator[Entry]:
        waiting = [prefix]
        while waiting:
            folders, files = self.look(waiting.pop(), passed_over)
            yield from files
            waiting += reversed(folders)

    def look(self, prefix: str = "", passed_over: PassedOver | None = None) -> tuple[list[str], list[Entry]]:
        folder = self._folder(prefix)
        folders, files = [], []
        with self._told(prefix):
            try:
                found = sorted(os.scandir(folder), key=lambda item: item.name) if folder else []
            except OSError as error:
                if not (isinstance(error, (FileNotFoundError, NotADirectoryError)) or os.path.isfile(folder)):
                    raise
                found = []  # not there, removed since the folder above was looked at, or a file
            for item in found:
                name = joined(prefix, item.name)
                if is_temp(item.name):
                    continue
                if not is_safe(item.name) or _is_link(item):
                    _tell(passed_over, name)
                elif item.is_dir(follow_symlinks=False):
                    folders.append(name)
                else:
                    self._add(item, name, files, passed_over)
        return folders, files

    def _add(self, item: os.DirEntry[str], name: str, files: list[Entry], passed_over: PassedOver | None) -> None:
        with suppress(FileNotFoundError):  # removed in between
            facts = item.stat(follow_symlinks=False)
            if stat.S_ISREG(facts.st_mode):
                files.append(Entry(name, facts.st_size, f"{facts.st_mtime_ns}-{facts.st_size}", facts.st_mtime))
            else:
                _tell(passed_over, name)

    def read(self, name: str) -> bytes:
        with self._told(name):
            handle = os.open(self._regular(name), SAFE_OPEN | NOT_FOLLOWING)
            with os.fdopen(handle, "rb") as file:
                return file.read()

    def exists(self, name: str) -> bool:
        try:
            self._regular(name)
        except StorageFailed as error:
            if error.code != "storage_missing":
                raise
            return False
        return True

    def write(self, name: str, data: bytes) -> None:
        durable.write_file(self._place(name), [data])

    def create(self, name: str, data: bytes) -> bool:
        """Of a machine that loses its power the name may be gone afterwards, but never half a file be there."""
        path = self._place(name)
        if os.path.lexists(path):
            return False
        temp = path.with_name(temp_name(path.name))
        durable.write_file(temp, [data])
        try:
            with self._told(name):
                return _named_if_free(temp, path)
        finally:
            durable.remove(temp)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        yield self._regular(name)

    def copies(self, names: Iterable[str], folder: Path) -> Mapping[str, Path]:
        return {name: self._regular(name) for name in names}

    @contextmanager
    def filling(self, prefix: str, last: tuple[str, ...] = ()) -> Iterator[Path]:
        folder = self._writable(prefix)
        durable.make_folder(folder)
        yield folder

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._place(name)
            if path.is_symlink() or not path.is_dir():
                durable.remove(path)

    def _regular(self, name: str) -> Path:
        path = self._place(name)
        with self._told(name):
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise StorageFailed("storage_missing", storage=self.url, name=readable(name))
        return path

    def _place(self, name: str) -> Path:
        """Where a file lies or would lie. Raises StorageFailed where a link leads out of the storage."""
        above, _, last = check_name(name, self.url).rpartition("/")
        return self._writable(above) / last

    def _writable(self, prefix: str) -> Path:
        folder = self._folder(prefix)
        if folder is None:
            raise StorageFailed("storage_name", storage=self.url, name=readable(prefix))
        return folder

    def _folder(self, prefix: str) -> Path | None:
        """The path of a folder; None where a link leads out of the storage."""
        folder = Path(self.path, *check_name(prefix, self.url).split("/")) if prefix else self.path
        top, real = Path(os.path.realpath(self.top)), Path(os.path.realpath(folder))
        return folder if top == real or top in real.parents else None

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Turn a failure of reading into StorageFailed."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StorageFailed("storage_missing", storage=self.url, name=readable(name)) from error
        except PermissionError as error:
            reason = error.strerror or ""
            raise StorageFailed("storage_refused", storage=self.url, name=readable(name), reason=reason) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageFailed("storage_failed", storage=self.url, name=readable(name), reason=reason) from error


def _is_link(item: os.DirEntry[str]) -> bool:
    """Links, and on Windows junctions."""
    if item.is_symlink() or os.name != "nt":
        return item.is_symlink()
    return item.stat(follow_symlinks=False).st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT


def _tell(passed_over: PassedOver | None, name: str) -> None:
    if passed_over is not None:
        passed_over(readable(name))


def _named_if_free(temp: Path, path: Path) -> bool:
    """Give a whole file its name unless that is taken; whether it got it. The temp name may stay."""
    try:
        if os.name == "nt":
            os.rename(temp, path)  # which replaces nothing there
        else:
            os.link(temp, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _named_without_links(temp, path)
    return True


def _named_without_links(temp: Path, path: Path) -> bool:
    """On a share that has no links, and so nothing that is sure: two who try within the same instant may both succeed."""
    if os.path.lexists(path):
        return False
    durable.write_file(path, [temp.read_bytes()])
    return True


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    host = "" if parts.netloc.lower() in ("", "localhost") else parts.netloc
    if (host and os.name != "nt") or parts.query or parts.fragment:
        raise BadConfig("storage_url", url=url)
    return url2pathname(f"//{host}{parts.path}" if host else parts.path)
