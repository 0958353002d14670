"""The index of a station: what has been done with each source file, and where each capture stands.

SQLite, WAL, synced at each commit. It can be lost at any moment: everything in it is read back from the logs of the
books, or found out again by looking. It is written by the program that holds the store's lock; others may read.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from book import Capture
from errors import StorageFailed
from originals.booklog import BookState
from originals.durable import remove

FILE = "journal.sqlite"
VERSION = 1
FULL_CODES = {sqlite3.SQLITE_FULL: "disk_full", sqlite3.SQLITE_READONLY: "read_only_disk"}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
WAITING, DEVELOPED, FAILED = "waiting", "developed", "failed"
GONE = "gone"  # to another book, or retaken
STATES = {WAITING, DEVELOPED, FAILED, GONE}
SCHEMA = """
CREATE TABLE source (stream TEXT, name TEXT, size INTEGER, modified INTEGER, outcome TEXT,
                     PRIMARY KEY (stream, name)) WITHOUT ROWID;
CREATE TABLE capture (book TEXT, id TEXT, sha256 TEXT, frame INTEGER, place INTEGER, state TEXT, code TEXT DEFAULT '',
                      facts TEXT DEFAULT '{}', PRIMARY KEY (book, id)) WITHOUT ROWID;
CREATE INDEX by_state ON capture (state, place);
CREATE INDEX by_sha256 ON capture (sha256);
CREATE TABLE pulse (one INTEGER PRIMARY KEY CHECK (one = 1), facts TEXT);
"""


@dataclass(frozen=True)
class Standing:
    """Where a capture stands. `code` and `facts` tell why it failed."""

    book: str
    id: str
    state: str
    code: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Journal:
    """The open index. Use it from one thread."""

    def __init__(self, root: Path, books: Mapping[str, BookState] = {}, read_only: bool = False) -> None:
        """Open the journal of a store. One that is new, lost, damaged or at odds with `books` is made from those.

        Raises StorageFailed. With `read_only`, `journal_missing` where there is none that can be read.
        """
        self.path, self.rebuilt = Path(root) / FILE, False
        self._db: sqlite3.Connection | None = None
        if read_only:
            self._db = self._opened("ro") if self.path.exists() else None
            if self._db is None or self._version() != VERSION:
                raise StorageFailed("journal_missing", file=str(self.path))
            return
        self._db = self._sound(books)
        if self._db is None:
            self._rebuild(books)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- source files ---------------------------------------------------------------------------------------

    def note_source(self, stream: str, name: str, size: int, modified: int, outcome: str) -> None:
        """A file of a stream has been dealt with as it was then (`modified`: ns)."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?)", (stream, name, size, modified, outcome))

    def outcome(self, stream: str, name: str, size: int, modified: int) -> str:
        """What was done with this very state of a file; empty where it is new or has changed."""
        row = self._db.execute("SELECT outcome FROM source WHERE stream = ? AND name = ? AND size = ? AND modified = ?",
                               (stream, name, size, modified)).fetchone()
        return row[0] if row else ""

    def forget_source(self, stream: str, name: str) -> None:
        """The file is gone."""
        with self._writing() as db:
            db.execute("DELETE FROM source WHERE stream = ? AND name = ?", (stream, name))

    # --- captures -------------------------------------------------------------------------------------------

    def add(self, captures: Iterable[tuple[str, Capture]]) -> None:
        """Captures (book, capture) that wait to be developed; those known already stay as they are."""
        with self._writing() as db:
            db.executemany(
                "INSERT OR IGNORE INTO capture (book, id, sha256, frame, place, state) VALUES (?, ?, ?, ?, "
                "(SELECT COALESCE(MAX(place), 0) + 1 FROM capture), 'waiting')",
                [(book, capture.id, capture.sha256, capture.frame) for book, capture in captures])

    def set_state(self, book: str, capture: str, state: str, code: str = "", facts: Mapping[str, Any] | None = None) -> None:
        """Where a capture stands from now on."""
        with self._writing() as db:
            db.execute("UPDATE capture SET state = ?, code = ?, facts = ? WHERE book = ? AND id = ?",
                       (state, code, json.dumps(facts or {}, ensure_ascii=False, default=str), book, capture))

    def again(self, book: str, captures: Sequence[str]) -> None:
        """Captures of a book wait to be developed before all others, in this order: a person has corrected them."""
        with self._writing() as db:
            first = db.execute("SELECT COALESCE(MIN(place), 0) FROM capture").fetchone()[0] - len(captures)
            db.executemany("UPDATE capture SET state = 'waiting', code = '', facts = '{}', place = ? "
                           "WHERE book = ? AND id = ?",
                           [(first + at, book, name) for at, name in enumerate(captures)])

    def waiting(self, most: int) -> list[tuple[str, str]]:
        """Captures (book, id) that wait to be developed: those corrected last, then in the order in which they came."""
        return self._db.execute("SELECT book, id FROM capture WHERE state = 'waiting' ORDER BY place LIMIT ?",
                                (most,)).fetchall()

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of captures by book and state."""
        counts: dict[str, dict[str, int]] = {}
        for book, state, number in self._db.execute("SELECT book, state, COUNT(*) FROM capture GROUP BY book, state"):
            counts.setdefault(book, {})[state] = number
        return counts

    def failed(self) -> list[Standing]:
        """Captures that could not be developed, and why."""
        rows = self._db.execute("SELECT book, id, state, code, facts FROM capture WHERE state = 'failed' ORDER BY place")
        return [Standing(book, name, state, code, json.loads(facts)) for book, name, state, code, facts in rows]

    def in_several_books(self) -> dict[str, list[str]]:
        """Originals that are pages of more than one book: hash → books."""
        rows = self._db.execute("SELECT sha256, GROUP_CONCAT(DISTINCT book) FROM capture WHERE book != 'unsorted' "
                                "GROUP BY sha256 HAVING COUNT(DISTINCT book) > 1")
        return {sha256: sorted(books.split(",")) for sha256, books in rows}

    # --- the running program --------------------------------------------------------------------------------

    def beat(self, facts: Mapping[str, Any]) -> None:
        """The daemon lives, and this is what it is at."""
        whole = json.dumps({"pid": os.getpid(), "time": time.time(), **facts}, ensure_ascii=False)
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO pulse VALUES (1, ?)", (whole,))

    def pulse(self) -> dict[str, Any]:
        """What the last beat said; nothing where there never was one."""
        row = self._db.execute("SELECT facts FROM pulse").fetchone()
        return json.loads(row[0]) if row else {}

    # --- the file -------------------------------------------------------------------------------------------

    def _sound(self, books: Mapping[str, BookState]) -> sqlite3.Connection | None:
        """The database, if it is there, whole, of this version, and says nothing that the logs do not know."""
        if not self.path.exists():
            return None
        try:
            self._db = self._opened("rw")
            whole = self._version() == VERSION and self._db.execute("PRAGMA quick_check").fetchone() == ("ok",)
            if whole and self._agrees(books):
                return self._db
        except StorageFailed:
            pass
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) not in DAMAGED | {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_IOERR,
                                                                           sqlite3.SQLITE_CANTOPEN}:
                raise self._failed(error) from error
        self.close()
        return None

    def _agrees(self, books: Mapping[str, BookState]) -> bool:
        """SQLite has no checksums: a flipped bit is found by comparing with the truth."""
        known = {(book, capture.id, capture.sha256, capture.frame)
                 for book, state in books.items() for capture in state.captures}
        rows = self._db.execute("SELECT book, id, sha256, frame, state FROM capture").fetchall()
        return all(tuple(row[:4]) in known and row[4] in STATES for row in rows)

    def _version(self) -> int:
        try:
            return self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise self._failed(error) from error

    def _opened(self, mode: str) -> sqlite3.Connection:
        uri, db = f"file:{quote(os.fsencode(self.path.absolute()))}?mode={mode}", None  # on a share of Windows too
        try:
            db = sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)
            if mode != "ro":
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
            return db
        except sqlite3.DatabaseError as error:
            if db is not None:
                db.close()
            raise self._failed(error) from error

    def _rebuild(self, books: Mapping[str, BookState]) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            remove(self.path.with_name(FILE + suffix))
        self._db, self.rebuilt = self._opened("rwc"), True
        with self._writing() as db:
            for statement in filter(str.strip, SCHEMA.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        self.add((book, capture) for book, state in books.items() for capture in state.current)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.DatabaseError as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.DatabaseError) -> StorageFailed:
        number = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return StorageFailed(FULL_CODES.get(number, "disk_failed"), file=str(self.path), reason=str(error))


def read_only(root: Path) -> closing[Journal]:
    """The journal of a store that another program may be working on. Raises StorageFailed `journal_missing`."""
    return closing(Journal(root, read_only=True))
