"""Images in files and folders: finds them, in the order in which people number them; changes nothing.

File names are data. Links are not followed, and what is no regular file is never opened: a FIFO would block,
a device could do anything. Only folders and files that a person names outright may be links.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from capture.source import Arrival
from errors import NothingToDo, UnreadableImage
from imaging.header import START, media_of
from originals.reach import reachable, usual
from originals.store import LOCK, OWN_FOLDERS

SYSTEM_FILES = {"thumbs.db", "desktop.ini", "ehthumbs.db"}
UNFINISHED = {".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart"}
DIGITS = re.compile(r"([0-9]+)")
SAFE_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
NOT_FOLLOWING = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class Skipped:
    """A file of a folder that is left where it is, and the code of the reason."""

    name: str
    code: str


def find_images(sources: Iterable[Path], store: Path) -> tuple[list[Arrival], list[Skipped]]:
    """The images among `sources` (files and folders, with all below them), and what else lies there.

    A folder's files come in natural order (IMG_9 before IMG_10), then its folders likewise; so do files of
    one folder that are named one by one, as a shell's `*` names them in another order. A file named outright
    arrives whatever it holds: intake tells what is wrong with it. No folder that is a store is entered.
    Raises NothingToDo: `source_missing` with its path, `source_is_store`.
    """
    arrivals, skipped, seen = [], [], set()
    for source in _in_order([Path(source) for source in sources]):
        real = _resolved(source)
        if is_store(real, store.resolve()):
            raise NothingToDo("source_is_store", file=readable(str(source)))
        found = walk(real) if real.is_dir() else [(real, source.name, "")]
        for path, name, code in found:
            if path in seen:
                continue
            seen.add(path)
            if real.is_dir():
                code = code or reason_to_skip(path)
            if code:
                skipped.append(Skipped(readable(name), code))
            else:
                kind = "folder" if real.is_dir() else "file"
                arrivals.append(Arrival(readable(name), partial(open_regular, path), kind))
    return arrivals, skipped


def natural(name: str) -> tuple[object, ...]:
    """A key that sorts names as people do: numbers by value, whatever the letters' case and composition."""
    plain = unicodedata.normalize("NFC", name).casefold()
    parts = DIGITS.split(plain)  # text and numbers take turns, so that keys compare part by part
    return (tuple(int(part) if at % 2 else part for at, part in enumerate(parts)), name)


def readable(name: str) -> str:
    """A name or path that can be written as UTF-8: bytes that are none are spelled out."""
    return usual(name).encode("utf-8", "backslashreplace").decode("utf-8")


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, following no link. Raises UnreadableImage."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise UnreadableImage("not_a_file", file=readable(str(path)))
        handle = os.open(path, SAFE_OPEN | NOT_FOLLOWING)
    except FileNotFoundError as error:
        raise UnreadableImage("file_missing", file=readable(str(path))) from error
    except OSError as error:
        reason = error.strerror or ""
        raise UnreadableImage("file_unreadable", file=readable(str(path)), reason=reason) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # exchanged between the two calls
        os.close(handle)
        raise UnreadableImage("not_a_file", file=readable(str(path)))
    return os.fdopen(handle, "rb")


def _in_order(sources: list[Path]) -> list[Path]:
    """The sources as given, but files of one folder together, in natural order, where the first stands."""
    groups: dict[object, list[Path]] = {}
    for place, source in enumerate(sources):
        groups.setdefault(place if source.is_dir() else source.parent, []).append(source)
    return [source for group in groups.values() for source in sorted(group, key=_by_name)]


def _by_name(path: Path | os.DirEntry[str]) -> tuple[object, ...]:
    return natural(path.name)


def is_store(path: Path, store: Path) -> bool:
    """Whether a folder is the store or one of its own ones; images may lie in a folder beside those."""
    path, store = reachable(path), reachable(store)
    return path == store or any(store / own in (path, *path.parents) for own in OWN_FOLDERS)


def _resolved(source: Path) -> Path:
    try:
        return reachable(source.resolve(strict=True))
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise NothingToDo("source_missing", file=readable(str(source))) from error


def walk(source: Path) -> Iterator[tuple[Path, str, str]]:
    """Path, name below the source, and the code of the reason to skip it (empty: a file, that was not opened)."""
    waiting = [(source, source.name)]
    while waiting:
        folder, shown = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=_by_name)
        except OSError:
            yield folder, shown, "file_unreadable"
            continue
        if any(entry.name == LOCK for entry in entries):
            yield folder, shown, "another_store"
            continue
        prefix = "" if folder == source else f"{shown}/"
        folders = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name.casefold() in SYSTEM_FILES:
                continue
            path, name = Path(entry.path), prefix + entry.name
            if _is_link(entry):
                yield path, name, "not_a_file"
            elif entry.is_dir(follow_symlinks=False):
                folders.append((path, name))
            else:
                yield path, name, "" if entry.is_file(follow_symlinks=False) else "not_a_file"
        waiting.extend(reversed(folders))


def _is_link(entry: os.DirEntry[str]) -> bool:
    """Links, and on Windows junctions: both can lead in a circle."""
    if entry.is_symlink() or os.name != "nt":
        return entry.is_symlink()
    return entry.stat(follow_symlinks=False).st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT


def reason_to_skip(path: Path) -> str:
    """The code of the reason why a file is not taken, by its name and first bytes; empty: it may be an image."""
    if path.suffix.casefold() in UNFINISHED or path.name.startswith("~$"):
        return "unfinished"
    try:
        with open_regular(path) as file:
            start = file.read(START)
    except UnreadableImage as error:
        return error.code
    except OSError:
        return "file_unreadable"
    if not start:
        return "empty_file"
    return "" if media_of(start) else "not_an_image"
