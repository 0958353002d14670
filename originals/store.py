"""Originals, each kept once under the SHA-256 of its bytes, read-only, the facts of its arrival beside it.

Layout: `originals/ab/abcd….jpg` and `abcd….json` under the root. What a book makes of its originals is in its
log (`booklog`); what the bytes mean is left to `imaging.decode`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from book import canonical_json
from errors import NewerStore, StorageFailed, UnreadableImage
from imaging.header import EXTENSIONS, START, media_of
from originals.durable import CHUNK, TEMP, NewFile, locked, remove, remove_temp, write_file, write_once

FOLDER = "originals"
# all that the program keeps under a store's root
OWN_FOLDERS = (FOLDER, "books", "pages", "packages", "reports", "spool", "uploads", "phone", "logs")
LOCK = ".sohoa-store"  # also tells a store from a folder of images
FORMAT, FORMAT_FILE = 1, "store.json"  # of the folder as a whole; goes up when an older program could not work on it
UNKNOWN_EXTENSION = "bin"
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Original:
    """An accepted file: its hash, its media type (None for no image) and its length in bytes."""

    sha256: str
    media: str | None
    bytes: int


class Store:
    """The originals under `root`. Every method that writes wants the lock to be held."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._folder = self.root / FOLDER

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one running program that works on this store. Raises StoreBusy, StorageFailed, NewerStore.

        What a crash left half-written is cleared away, but for originals without a name: see `unnamed`.
        """
        with locked(self.root / LOCK):
            self._check_format()
            remove_temp(self.root, besides=self._folder)
            yield

    def _check_format(self) -> None:
        """Older formats are brought up to date here, when there are any; a newer one is left alone."""
        path = self.root / FORMAT_FILE
        if not path.exists():
            write_file(path, [canonical_json({"format": FORMAT, "program": "sohoa"}).encode("utf-8") + b"\n"])
            return
        try:
            found = int(json.loads(path.read_text(encoding="utf-8"))["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise StorageFailed("store_damaged", file=str(path)) from error
        if found > FORMAT:
            raise NewerStore("store_newer", folder=str(self.root), format=found, known=FORMAT)

    def unnamed(self) -> list[Path]:
        """Originals that were being written when the program ended: whole or not, they have no name yet."""
        return sorted(path for path in self._folder.glob(f"{TEMP}*") if path.is_file())

    def adopt(self, unnamed: Path) -> Original:
        """Give a whole one of `unnamed` its name; nothing is left of it under its temp name."""
        with open(unnamed, "rb") as source:
            original = self.accept(source)
        remove(unnamed)
        return original

    def drop(self, unnamed: Path) -> None:
        """Give up one of `unnamed` that is not whole: it was never acknowledged, its source is where it was."""
        remove(unnamed)

    def accept(
        self, source: BinaryIO, max_bytes: int | None = None, check: Callable[[Path], None] | None = None
    ) -> Original:
        """Copy all of `source` into the store, durably. The same bytes twice are one original.

        `check` sees the very bytes that will be kept, as a file without its name yet; what it raises keeps them out.
        Raises UnreadableImage (`empty_file`, `too_many_bytes`) and keeps nothing then; StorageFailed.
        """
        hasher, length, start = hashlib.sha256(), 0, b""
        with NewFile(self._folder) as new:
            while chunk := source.read(CHUNK):
                start = start or chunk[:START]
                length += len(chunk)
                if max_bytes is not None and length > max_bytes:
                    raise UnreadableImage("too_many_bytes", limit=max_bytes)
                hasher.update(chunk)
                new.write(chunk)
            if not length:
                raise UnreadableImage("empty_file")
            if check is not None:
                check(new.written())
            original = Original(hasher.hexdigest(), media_of(start), length)
            extension = EXTENSIONS.get(original.media, UNKNOWN_EXTENSION)
            new.keep(self._named(original.sha256, extension), once=True)
        return original

    def note(self, original: Original, facts: Mapping[str, Any]) -> None:
        """Write the facts of an original beside it, once: those of its first arrival stay.

        Raises StorageFailed.
        """
        path = self._named(original.sha256, "json")
        if not path.exists():
            whole = {"sha256": original.sha256, "media": original.media, "bytes": original.bytes, **facts}
            write_once(path, canonical_json(whole).encode("utf-8") + b"\n")

    def facts(self, sha256: str) -> dict[str, Any]:
        """What was noted of an original; nothing where a crash came between the two."""
        path = self._named(sha256, "json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def path(self, sha256: str) -> Path:
        """Where an original lies. Raises StorageFailed `original_missing`."""
        found = self._find(sha256)
        if found is None:
            raise StorageFailed("original_missing", sha256=sha256, folder=str(self.root))
        return found

    def file_name(self, sha256: str) -> str:
        """The name of an original's file, which tells its hash and its kind. Raises StorageFailed `original_missing`."""
        return self.path(sha256).name

    def read(self, sha256: str, verify: bool = False) -> bytes:
        """The bytes of an original. With `verify` their hash is compared.

        Raises StorageFailed: `original_missing`, `original_differs` where a bit has changed.
        """
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StorageFailed("disk_failed", file=str(path), reason=error.strerror or "") from error
        if verify and hashlib.sha256(data).hexdigest() != sha256:
            raise StorageFailed("original_differs", file=str(path))
        return data

    def __contains__(self, sha256: str) -> bool:
        return self._find(sha256) is not None

    def list(self) -> list[str]:
        """The hashes of all originals, sorted."""
        names = (path for path in self._folder.glob("[0-9a-f][0-9a-f]/*") if path.suffix != ".json")
        return sorted(path.stem for path in names if SHA256.fullmatch(path.stem))

    def _named(self, sha256: str, extension: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise ValueError("not a SHA-256")
        return self._folder / sha256[:2] / f"{sha256}.{extension}"

    def _find(self, sha256: str) -> Path | None:
        """An older program may have given another extension, or none that is known today."""
        for extension in (*EXTENSIONS.values(), UNKNOWN_EXTENSION):
            path = self._named(sha256, extension)
            if path.exists():
                return path
        return None
