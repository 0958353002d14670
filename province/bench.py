"""A workplace for one book whose parts lie elsewhere: originals in the source, pages and packages in the destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imaging.header import EXTENSIONS
from originals.store import UNKNOWN_EXTENSION, Store
from workplace import Workplace


class Borrowed(Store):
    """Originals that lie elsewhere, by their hashes."""

    def __init__(self, files: Mapping[str, Path], media: Mapping[str, str]) -> None:
        super().__init__(Path())
        self._files, self._media = files, media

    def path(self, sha256: str) -> Path:
        return self._files[sha256]

    def file_name(self, sha256: str) -> str:
        return f"{sha256}.{EXTENSIONS.get(self._media[sha256], UNKNOWN_EXTENSION)}"


@dataclass(frozen=True)
class Bench(Workplace):
    """A workplace for one book whose parts lie elsewhere; under its root is only the book's log."""

    borrowed: Store = field(default_factory=lambda: Borrowed({}, {}))
    pages_folder: Path = Path()
    packages_folder: Path = Path()

    @property
    def store(self) -> Store:
        return self.borrowed

    @property
    def pages(self) -> Path:
        return self.pages_folder

    def packages(self, book: str) -> Path:
        return self.packages_folder


class Nowhere(Store):
    """A store that is not asked yet where anything lies."""

    def __init__(self) -> None:
        super().__init__(Path())

    def path(self, sha256: str) -> Path:
        return Path()
