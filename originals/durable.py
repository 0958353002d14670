"""The only writer under the store: whatever it has returned from survives a crash and a power cut, whole.

A file is written under a temp name, flushed to the disk (fsync), renamed, and then the folder is flushed, so
that the name is as durable as the bytes. Nothing else may open for writing, rename or remove anything there.
What the files mean is left to `store` and `booklog`.

Windows has no flush of a folder: there the renaming itself comes back only when the disk has it (`renames`), and a
flushed file brings the folders with it that were made before: NTFS writes its log of names in order.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from errors import StorageFailed, StoreBusy
from originals.locks import hold
from originals.renames import replace_through

TEMP = ".tmp-"
TEMP_NAME = re.compile(r"\.tmp-[0-9a-f]{16}(\.\w+)?")
CHUNK = 1 << 20
READ_ONLY = 0o444
PRIVATELY = {"opener": partial(os.open, mode=0o600)}  # for the user of the program alone (Windows: as the folder says)
WINDOWS = os.name == "nt"
TRIES, PAUSE = 20, 0.1  # on Windows a virus scanner may hold a file that was just written; s
FOLDER_TRIES = 150  # it may be looking through thousands of them, and no folder is renamed meanwhile
REASONS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",  # larger than the file system allows
    errno.EROFS: "read_only_disk",
    errno.EACCES: "cannot_write",
    errno.EPERM: "cannot_write",
}
FLUSH_NOT_KNOWN = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # some network shares cannot flush a folder


class NewFile:
    """A file that has no name yet: written piece by piece, then kept under a name, or gone.

    Leaving the `with` block without `keep` removes it. `private`: nobody but the user of the program may read it
    (Windows: as its folder says). Raises StorageFailed.
    """

    def __init__(self, folder: Path, private: bool = False) -> None:
        make_folder(folder)
        self._temp = _temp_name(folder)
        with _told(folder):
            self._file: BinaryIO = open(self._temp, "xb", **(PRIVATELY if private else {}))  # noqa: SIM115  closed by keep or __exit__

    def __enter__(self) -> NewFile:
        return self

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with _told(self._temp.parent):
            self._file.write(data)

    def written(self) -> Path:
        """Where what has been written so far can be read."""
        with _told(self._temp.parent):
            self._file.flush()
        return self._temp

    def keep(self, path: Path, once: bool = False) -> None:
        """Flush the file and give it its name; durable when this returns. Call it last.

        With `once` the file becomes read-only, and a file of that name that is there already stays: with
        equal bytes that is fine, with others StorageFailed `original_differs` is raised.
        """
        make_folder(path.parent)
        with _told(path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if once and os.path.lexists(path):
                if not _same_bytes(self._temp, path):
                    raise StorageFailed("original_differs", file=str(path))
            else:
                if once:
                    os.chmod(self._temp, READ_ONLY)
                _rename(self._temp, path)
            _flush_folder(path.parent)  # also where a crash may have come before the last flush

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # an unflushed rest that finds no room is no news: the file is given up
            self._file.close()
        with suppress(OSError):
            _remove_file(self._temp)


def write_once(path: Path, data: bytes) -> None:
    """Write a file that never changes again, read-only. There already with equal bytes: nothing to do."""
    with NewFile(path.parent) as new:
        new.write(data)
        new.keep(path, once=True)


def write_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write or replace a file: at every moment the name holds the old bytes or the new ones, whole."""
    with NewFile(path.parent) as new:
        for chunk in chunks:
            new.write(chunk)
        new.keep(path)


def write_private(path: Path, data: bytes) -> None:
    """Write or replace a file that nobody but the user of the program may read, at no instant."""
    with NewFile(path.parent, private=True) as new:
        new.write(data)
        new.keep(path)


def append_bytes(path: Path, offset: int, data: bytes) -> None:
    """Put the next bytes behind the `offset` that an unfinished file has: all or nothing, flushed by `keep_whole` alone.

    Raises ValueError where it is not so long, StorageFailed.
    """
    make_folder(path.parent)
    with _told(path):
        here = path.stat().st_size if path.exists() else 0
    if here != offset:
        raise ValueError("other bytes are there")
    with _told(path), open(path, "ab", buffering=0) as file:
        try:
            left = memoryview(data)
            while left:
                left = left[file.write(left):]
        except OSError:
            with suppress(OSError):
                file.truncate(offset)
            raise


def keep_whole(path: Path, target: Path) -> Path:
    """Flush a file that `append_bytes` has brought to its end, and give it the name `target`, or a free one beside it;
    durable when this returns. Raises StorageFailed.
    """
    with _told(path):
        _flush_file(path)
    return move_aside(path, target)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temp path for a library to write to; it gets the name `path` when the block ends well, or is gone."""
    make_folder(path.parent)
    temp = _temp_name(path.parent).with_suffix(path.suffix)
    try:
        with _told(path):
            yield temp
            _flush_file(temp)
            _rename(temp, path)
            _flush_folder(path.parent)
    finally:
        with suppress(OSError):
            _remove_file(temp)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temp folder to fill; it takes the place of `path` when the block ends well, or is gone.

    A folder that stands at `path` is moved aside first: for a moment there is neither, but never a part.
    """
    make_folder(path.parent)
    temp, old = _temp_name(path.parent), _temp_name(path.parent)
    try:
        with _told(path):
            os.mkdir(temp)
            yield temp
            _flush_tree(temp)
            if os.path.lexists(path):
                _rename(path, old)
            _rename(temp, path)
            _flush_folder(path.parent)
    finally:
        _remove_tree(temp)
        _remove_tree(old)


def append_line(path: Path, text: str, private: bool = False) -> None:
    """Append one line of JSON to a log; durable when this returns, and all or nothing.

    What a crash left of a line at the end is removed first. Several programs may append. `private`: a new log can be read
    by the user of the program alone. Raises StorageFailed.
    """
    if "\n" in text:
        raise ValueError("a log has one event a line")
    make_folder(path.parent)
    new = not path.exists()
    with _told(path), open(path, "ab", **(PRIVATELY if private else {})) as log:
        hold(log, wait=True)
        end = _repaired(path, log)
        try:
            log.write(text.encode("utf-8", "backslashreplace") + b"\n")
            log.flush()
            os.fsync(log.fileno())
        except OSError:
            with suppress(OSError):
                log.truncate(end)
            raise
        if new:
            _flush_folder(path.parent)


def read_lines(path: Path, start: int = 0) -> tuple[list[str], int]:
    """The whole lines of a log from byte `start` on, and where the next line will start.

    What a crash left of a last line is no line. No lines where there is no log. Raises StorageFailed.
    """
    if not path.exists():
        return [], start
    with _told(path), open(path, "rb") as log:
        log.seek(start)
        data = log.read()
    whole = data[: _end_of_lines(data)]
    if not whole:
        return [], start
    whole = whole.removesuffix(b"\n") + b"\n"
    return whole.decode("utf-8", "replace").split("\n")[:-1], start + len(whole)


def _repaired(path: Path, log: BinaryIO) -> int:
    """Cut a torn last line off, complete one that lacks only its end; the length of the log then."""
    length = log.seek(0, os.SEEK_END)
    with open(path, "rb") as reader:
        reader.seek(max(0, length - 1))
        if reader.read() in (b"\n", b""):
            return length
    data = path.read_bytes()
    end = _end_of_lines(data)
    if end < length:
        log.truncate(end)
        return end
    log.write(b"\n")
    log.flush()
    return length + 1


def _end_of_lines(data: bytes) -> int:
    """Length of the part that is whole lines. A last line without its end counts when it is whole JSON."""
    end = data.rfind(b"\n") + 1
    try:
        json.loads(data[end:].decode("utf-8"))
    except ValueError:
        return end
    return len(data)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably. Raises StorageFailed."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with _told(folder):
        with suppress(FileExistsError):
            os.mkdir(folder)
        _flush_folder(folder.parent)


def remove(path: Path) -> None:
    """Remove a file or folder of a cache; none there is fine. Raises StorageFailed."""
    with _told(path):
        if path.is_dir() and not path.is_symlink():
            _remove_folder(path)
        else:
            with suppress(FileNotFoundError):
                _remove_file(path)


def make_read_only(path: Path) -> None:
    """Take away the permission to change a file. Raises StorageFailed."""
    with _told(path):
        os.chmod(path, READ_ONLY)


def free_bytes(folder: Path) -> int:
    """Room that is left on the disk of a folder. Raises StorageFailed."""
    with _told(folder):
        return shutil.disk_usage(folder).free


def remove_empty(folder: Path) -> None:
    """Remove a folder if nothing is in it."""
    with suppress(OSError):
        os.rmdir(folder)


def move_aside(path: Path, target: Path) -> Path:
    """Move a file to `target`, or to a name beside it that is free; both on one disk. Raises StorageFailed."""
    make_folder(target.parent)
    with _told(path):
        free, number = target, 1
        while os.path.lexists(free):
            number += 1
            free = target.with_name(f"{target.stem} ({number}){target.suffix}")
        _rename(path, free)
        _flush_folder(free.parent)
        _flush_folder(path.parent)
    return free


def remove_temp(folder: Path, besides: Path | None = None) -> None:
    """Remove what crashes have left under temp names in `folder` and below; call it with the store locked.

    Nothing under a temp name was ever acknowledged, so its source still exists. What lies in `besides` is left.
    """
    for parent, folders, files in os.walk(folder):
        if besides is not None and Path(parent) == besides:
            continue
        for name in [*folders, *files]:
            if TEMP_NAME.fullmatch(name):
                remove(Path(parent, name))
        folders[:] = [name for name in folders if not TEMP_NAME.fullmatch(name)]


@contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold the operating system's lock on the file `path`; it ends with the process, however that ends.

    Raises StoreBusy while another running program holds it; with `wait` it comes when others have done with it, which is
    for locks that are held for a moment, by threads too.
    """
    make_folder(path.parent)
    with _told(path):
        file = open(path, "a+b")  # noqa: SIM115  held open as long as the lock
    with file:
        with _told(path):
            ours = hold(file, wait)
        if not ours:
            raise StoreBusy("store_busy", folder=str(path.parent))
        yield


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn a failure of the disk into StorageFailed, with a code by its kind."""
    try:
        yield
    except OSError as error:
        code = REASONS.get(error.errno, "disk_failed")
        raise StorageFailed(code, file=str(path), reason=error.strerror or str(error)) from error


def _temp_name(folder: Path) -> Path:
    return folder / f"{TEMP}{secrets.token_hex(8)}"


def _rename(source: Path, target: Path) -> None:
    _patiently(replace_through if WINDOWS else os.replace, source, target)


def _patiently(step: Callable[..., None], *paths: Path) -> None:
    """On Windows a file that another program has open can be neither replaced nor removed: mostly for a moment only."""
    tries = FOLDER_TRIES if paths[0].is_dir() else TRIES
    for left in reversed(range(tries if WINDOWS else 1)):
        try:
            return step(*paths)
        except PermissionError:
            if not left:
                raise
            time.sleep(PAUSE)


def _same_bytes(one: Path, other: Path) -> bool:
    with open(one, "rb") as first, open(other, "rb") as second:
        while True:
            piece = first.read(CHUNK)
            if piece != second.read(CHUNK):
                return False
            if not piece:
                return True


def _flush_file(path: Path) -> None:
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if WINDOWS:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in FLUSH_NOT_KNOWN:
            raise
    finally:
        os.close(handle)


def _flush_tree(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            _flush_file(Path(parent, name))
        _flush_folder(Path(parent))


def _remove_file(path: Path) -> None:
    if WINDOWS and path.exists():
        os.chmod(path, 0o600)  # Windows removes no read-only file
    _patiently(os.unlink, path)


def _remove_folder(folder: Path) -> None:
    if WINDOWS:
        for parent, _, files in os.walk(folder):
            for name in files:
                os.chmod(Path(parent, name), 0o600)
    shutil.rmtree(folder)


def _remove_tree(folder: Path) -> None:
    with suppress(OSError):
        _remove_folder(folder)
