"""The books that lie in a source: in stations' stores, in archive bags, in plain folders that are named by book.

Only listings are read here. What a book holds is read by whoever works on it (`onebook`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from book import Identity
from capture.folder import SYSTEM_FILES, UNFINISHED, natural
from errors import BadIdentity
from originals.store import FOLDER as ORIGINALS
from originals.store import FORMAT_FILE, LOCK
from province.storage import joined

if TYPE_CHECKING:
    from province.storage import Entry, PassedOver, Storage

BAG = "bagit.txt"  # tells a bag
BAG_SEAL = "tagmanifest-sha256.txt"  # changes with whatever is in it
LOGS, LOG = "books", ".jsonl"
VERSION = re.compile(r"v\d+")  # a folder of packages that were made after a closing
DEEPEST = 12  # folders below the source: a loop of links on some server must come to an end


class Kind(StrEnum):
    """Where a book lies: in a station's store, in an archive bag, or as plain images in a folder."""

    STORE = "store"
    BAG = "bag"
    FOLDER = "folder"


@dataclass(frozen=True)
class SourceBook:
    """A book as the listing shows it.

    `at` is the folder of the store, bag or images, below the source. `stamp` changes when anything of the book does;
    `modified` is when that was last, in seconds since 1970. `images` counts the files of a plain folder; None where
    only the book's log can tell.
    """

    identity: str
    kind: Kind
    at: str
    stamp: str
    modified: float
    images: int | None = None


@dataclass(frozen=True)
class Odd:
    """Something in the source that is no book, or not one that can be worked on; the code of the reason."""

    name: str
    code: str
    facts: dict[str, object] = field(default_factory=dict)


def books_of(source: Storage, kinds: Iterable[str]) -> tuple[list[SourceBook], list[Odd]]:
    """All books of a source in natural order of their identities, and what else was seen.

    A book that lies there twice is none: nobody could say which one counts. `kinds` are the known types of books.
    Raises StorageFailed.
    """
    found: dict[str, list[SourceBook]] = {}
    odd: list[Odd] = []
    for item in _walk(source, "", frozenset(kinds), 0):
        if isinstance(item, Odd):
            odd.append(item)
        else:
            found.setdefault(item.identity, []).append(item)
    odd += [Odd(identity, "batch_book_twice", {"places": ", ".join(sorted(book.at or "." for book in books))})
            for identity, books in found.items() if len(books) > 1]
    once = [books[0] for books in found.values() if len(books) == 1]
    return sorted(once, key=lambda book: natural(book.identity)), sorted(odd, key=lambda item: natural(item.name))


def _walk(source: Storage, at: str, kinds: frozenset[str], depth: int) -> Iterator[SourceBook | Odd]:
    passed_over: list[str] = []
    folders, files = source.look(at, passed_over.append)
    yield from (Odd(name, "batch_passed_over") for name in passed_over)
    names = {file.name.rpartition("/")[2] for file in files}
    here = {folder.rpartition("/")[2]: folder for folder in folders}
    if names & {LOCK, FORMAT_FILE} or {ORIGINALS, LOGS} <= here.keys():
        yield from _of_store(source, at, kinds)
    elif BAG in names:
        yield from _of_bag(at, files, kinds)
    elif (identity := _identity(at, kinds)) and (last := _packages(source, here, identity)):
        yield from _of_none(files)
        yield from _walk(source, last, kinds, depth + 1)
    elif identity:
        yield from _of_folder(source, at, identity)
    else:
        yield from _of_none(files)
        for name in sorted(here, key=natural):
            if not name.startswith(".") and depth < DEEPEST:
                yield from _walk(source, here[name], kinds, depth + 1)


def _packages(source: Storage, here: Mapping[str, str], identity: str) -> str:
    """The bag of the last version, where the folders `here` are the packages of a book; or nothing."""
    last = max((name for name in here if VERSION.fullmatch(name)), key=natural, default="")
    bag = f"{here[last]}/{identity}" if last else ""
    return bag if last and bag in source.look(here[last])[0] else here.get(identity, "")


def _of_none(files: Iterable[Entry]) -> Iterator[Odd]:
    return (Odd(file.name, "batch_no_book") for file in files if may_be_image(file.name))


def _of_store(source: Storage, at: str, kinds: frozenset[str]) -> Iterator[SourceBook | Odd]:
    _, logs = source.look(joined(at, LOGS))
    for log in logs:
        name = log.name.rpartition("/")[2].removesuffix(LOG) if log.name.endswith(LOG) else ""
        if _identity(name, kinds):
            yield SourceBook(name, Kind.STORE, at, _stamp([log]), log.modified)
        elif _identity(name):  # a book where it lies
            said = {"kind": name.partition(".")[0], "book": name, "kinds": ", ".join(sorted(kinds))}
            yield Odd(log.name, "book_id_kind", said)


def _of_bag(at: str, files: list[Entry], kinds: frozenset[str]) -> Iterator[SourceBook | Odd]:
    identity = _identity(at, kinds)
    seal = [file for file in files if file.name.endswith(BAG_SEAL)]
    if identity and seal:
        yield SourceBook(identity, Kind.BAG, at, _stamp(seal), seal[0].modified)
    else:
        yield Odd(at, "batch_bag_unknown")


def _of_folder(source: Storage, at: str, identity: str) -> Iterator[SourceBook | Odd]:
    passed_over: set[str] = set()
    files = images_in(source, at, passed_over.add)
    yield from (Odd(name, "batch_passed_over") for name in passed_over if name.count("/") > at.count("/") + 1)
    if files:
        yield SourceBook(identity, Kind.FOLDER, at, _stamp(files), max(file.modified for file in files), len(files))


def images_in(source: Storage, at: str, passed_over: PassedOver | None = None) -> list[Entry]:
    """The files of a plain folder and those below it that may be images, in the order in which people number them."""
    files = [file for file in source.list(at, passed_over) if may_be_image(below(at, file.name))]
    return sorted(files, key=lambda file: natural(file.name))


def below(at: str, name: str) -> str:
    """A name of the source as it is in the folder `at`."""
    return name.removeprefix(f"{at}/") if at else name


def may_be_image(name: str) -> bool:
    """By its name alone: no hidden file, none of a system, none that is still being copied."""
    parts = name.split("/")
    last = parts[-1].casefold()
    ending = last[last.rfind("."):] if "." in last else ""
    hidden = any(part.startswith((".", "~$")) for part in parts)
    return not (hidden or last in SYSTEM_FILES or ending in UNFINISHED)


def _identity(name: str, kinds: frozenset[str] | None = None) -> str:
    """The identity that the last part of a name spells, or nothing; without `kinds` of whatever type."""
    last = name.rpartition("/")[2]
    try:
        identity = str(Identity.parse(last, None if kinds is None else dict.fromkeys(kinds)))
    except BadIdentity:
        return ""
    return identity if identity == last.strip() else ""


def _stamp(files: Iterable[Entry]) -> str:
    """Digest of what a listing says of files; a province has millions of them, so none is held."""
    hasher = sha256()
    for file in files:
        hasher.update(f"{file.name}\0{file.size}\0{file.stamp}\n".encode("utf-8", "backslashreplace"))
    return hasher.hexdigest()[:32]
