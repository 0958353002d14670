"""The folder that books are worked in: where originals, logs, developed pages and packages lie."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from book import Identity
from errors import BadIdentity
from originals.booklog import BookLog
from originals.reach import reachable
from originals.stationlog import UNSORTED
from originals.store import Store

DEPTH = 150  # characters: the longest path below the folder, that of an original in the bag of a later version


@dataclass(frozen=True)
class Workplace:
    """The folder that a book is worked in: originals, logs, developed pages and packages."""

    root: Path
    _logs: dict[str, BookLog] = field(default_factory=dict, repr=False, compare=False)  # what they read is not read again

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", reachable(self.root, DEPTH))

    @property
    def store(self) -> Store:
        return Store(self.root)

    @property
    def pages(self) -> Path:
        """Developed pages: a cache, that may be deleted at any time."""
        return self.root / "pages"

    @property
    def spool(self) -> Path:
        """Where scanned pages lie until they are taken in."""
        return self.root / "spool"

    @property
    def uploads(self) -> Path:
        """Where photos of phones lie that have not come to their end."""
        return self.root / "uploads"

    @property
    def packing_lock(self) -> Path:
        """What the one program holds that packs at a time, also beside the daemon."""
        return self.root / ".sohoa-packing"

    @property
    def cases_lock(self) -> Path:
        """What the one program or thread holds, for a moment, that says something of cases."""
        return self.root / ".sohoa-cases"

    @property
    def corrections_lock(self) -> Path:
        """What the one program or thread holds, for a moment, that says something of pages."""
        return self.root / ".sohoa-corrections"

    @property
    def reports(self) -> Path:
        """What is made to be looked at or printed; it can be made again at any time."""
        return self.root / "reports"

    def log(self, book: str) -> BookLog:
        """The log of a book: one for all threads that work on it."""
        return self._logs.setdefault(book, BookLog(self.root / "books" / f"{book}.jsonl"))

    def books(self) -> list[str]:
        """Identities of all books that have a log, sorted; `unsorted` among them where something waits for its book.

        Copies of logs that people made beside them are none.
        """
        return sorted(path.stem for path in (self.root / "books").glob("*.jsonl") if _is_book(path.stem))

    def packages(self, book: str) -> Path:
        return self.root / "packages" / book


def _is_book(name: str) -> bool:
    with suppress(BadIdentity):
        return name == UNSORTED or str(Identity.parse(name)) == name
    return False
