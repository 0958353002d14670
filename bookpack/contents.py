"""What packing is given: the pages of a book as they lie in the cache, its cases, originals, log; and the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from book import Case, Identity, Recipe


@dataclass(frozen=True)
class ArchiveParams:
    """Settings of the archive package and its pages."""

    quality: int = 90  # JPEG quality of the archive's pages, 1 to 100
    organisation: str = ""  # agency named in bag-info.txt; empty: general.author
    copy_to: str = ""  # folder on another medium that finished packages are copied to; or --copy-to


@dataclass(frozen=True)
class MinistryParams:
    """Settings of the ministry package. In patterns: kind, year, place, volume, paper, sequence, date, number."""

    budget_kb: int = 100  # aim for one A4 page, kB; a larger page has more in proportion
    dpi: int = 300  # resolution at most of what is sharp on a page, its ink, dpi
    package_name: str = "{kind}.{year}.{volume:02d}"  # of the zip and the workbook
    part_mb: float = 50.0  # largest size of one zip, MB of a million bytes; 0: one zip, whatever its size
    part_name: str = "{package}.P{part:02d}"  # of each zip where there are several
    case_name: str = "{kind}.{year}.{volume:02d}.{date}.{number}"  # once date and number are known
    scan_name: str = "{kind}.{year}.{place}.{volume:02d}.{paper}.{sequence}"  # before that


@dataclass(frozen=True)
class PackedPage:
    """One page: files of the cache, pixels and resolution of each, and how it was made."""

    id: str
    jpeg: Path
    width: int
    height: int
    dpi: float
    drawing: Path
    recipe: Recipe
    paper: str


@dataclass(frozen=True)
class PackedOriginal:
    """One original of the book: where it lies, the name it came under, and the one it has in the archive."""

    sha256: str
    path: Path
    name: str
    arrival: int
    file: str


@dataclass(frozen=True)
class BookContents:
    """All that goes into the packages of one book. `time` is that of the last event of its log, ISO 8601."""

    identity: Identity
    kind_name: str
    place_name: str
    pages: tuple[PackedPage, ...]
    cases: tuple[Case, ...]
    originals: tuple[PackedOriginal, ...]
    log: tuple[Mapping[str, Any], ...]
    time: str
    author: str
    program: str
    version: int = 1  # of its packages: 1, and one more for each closing that something was changed after
    closed: str = ""  # time of the closing that sealed this version; empty: not closed
    previous: str = ""  # SHA-256 of the tag manifest of the version before, where that lies beside it

    @property
    def title(self) -> str:
        """The book in the words of its cover, for the title of a PDF."""
        name = self.kind_name or self.identity.kind
        place = self.place_name or self.identity.place
        return f"Sổ {name}, quyển {self.identity.volume:02d}/{self.identity.year}, {place}"

    def page(self, identity: str) -> PackedPage:
        """The page with an id. Raises KeyError."""
        return self._numbered[identity][1]

    def number(self, identity: str) -> int:
        """The place of a page in its book, from 1. Raises KeyError."""
        return self._numbered[identity][0]

    @cached_property
    def _numbered(self) -> dict[str, tuple[int, PackedPage]]:
        return {page.id: (number, page) for number, page in enumerate(self.pages, 1)}
