"""How a finished book is known by listings alone: the name of its file in DONE tells what it was made of and into.

`<identity>.<job>.<source>.<written>.json`: digests of the job, of the book's listing in the source, and of what lies in the
destination. Where one of them is another today, the book is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING

from province.onebook import DONE, PACKAGES, PAGES

if TYPE_CHECKING:
    from province.job import Job
    from province.sources import SourceBook
    from province.storage import Entry, Storage

FAILED = "failed"  # instead of the last digest: something of the book could not be done, so it is tried again


def done_name(book: SourceBook, job: str, written: str) -> str:
    """The name of the file that tells of a finished book; without `written`, of one that something failed of."""
    return f"{book.identity}.{job}.{book.stamp[:16]}.{written or FAILED}.json"


def is_of(name: str, identity: str) -> bool:
    """Whether a file of the destination is about a book: `<identity>.<digest>…`."""
    return name.rpartition("/")[2].startswith(f"{identity}.")


def written_digest(files: Iterable[Entry]) -> str:
    """Digest of names and sizes: times would be others where the destination was copied."""
    lines = sorted(f"{file.name}\0{file.size}\n" for file in files)
    return sha256("".join(lines).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def finished(job: Job, books: Iterable[SourceBook]) -> tuple[Mapping[str, str], frozenset[str]]:
    """By listings alone: the file in DONE that each book has, by identity, and the books that are finished.

    Raises StorageFailed.
    """
    names = {_identity(name): name for name in (entry.name.rpartition("/")[2] for entry in job.dest.look(DONE)[1])}
    hopeful = {book.identity: book for book in books if _as_it_would_be(names.get(book.identity), book, job.keys)}
    written = _written(job.dest, frozenset(hopeful)) if hopeful else {}
    return names, frozenset(name for name in hopeful if names[name].split(".")[-2] == written.get(name))


def _identity(name: str) -> str:
    return ".".join(name.split(".")[:4])


def _as_it_would_be(name: str | None, book: SourceBook, keys: frozenset[str]) -> bool:
    return name is not None and any(name.startswith(done_name(book, key, "?").partition("?")[0]) for key in keys)


def _written(dest: Storage, books: frozenset[str]) -> dict[str, str]:
    """The digest of what lies in the destination of each of these books; far away, most of the time is waiting."""
    def one(book: str) -> tuple[str, str]:
        return book, written_digest([*dest.list(f"{PACKAGES}/{book}"), *dest.list(f"{PAGES}/{book}")])

    with ThreadPoolExecutor(dest.at_once) as pool:
        return dict(pool.map(one, sorted(books)))
