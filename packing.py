"""From developed pages to the packages of a book: what goes in, what is there already, what was written.

How a package is built is `bookpack`'s; developing, and when to pack, is told in `pipeline`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from book import Identity, digest
from bookpack.archive import write_archive
from bookpack.cases import one_case_a_page
from bookpack.contents import BookContents, PackedOriginal, PackedPage
from bookpack.ministry import write_ministry
from developing import DevelopedPage, assumed_dpi
from originals.booklog import BookState
from settings import Settings
from workplace import Workplace

PROGRAM = "sohoa 0.1.0"
PACKAGES = "ministry and archive"


@dataclass(frozen=True)
class Packages:
    """Where both packages of a book lie, their sizes in bytes, and the number of cases."""

    ministry_zip: Path
    workbook: Path
    archive: Path
    ministry_bytes: int
    archive_bytes: int
    cases: int

    @property
    def there(self) -> bool:
        return self.ministry_zip.exists() and self.workbook.exists() and self.archive.is_dir()

    def to_json(self) -> dict[str, Any]:
        """Without the folder, so that a station can be moved."""
        return {name: value.name if isinstance(value, Path) else value for name, value in self.__dict__.items()}

    @classmethod
    def from_json(cls, folder: Path, plain: Mapping[str, Any]) -> Packages:
        return cls(folder / plain["ministry_zip"], folder / plain["workbook"], folder / plain["archive"],
                   plain["ministry_bytes"], plain["archive_bytes"], plain["cases"])


def pack(
    workplace: Workplace, identity: Identity, settings: Settings, state: BookState, pages: tuple[DevelopedPage, ...]
) -> Packages:
    """Write both packages of the book, unless they are there already as they would be written."""
    log, folder = workplace.log(str(identity)), workplace.packages(str(identity))
    contents = contents_of(workplace, identity, settings, state, pages)
    encoders = [asdict(settings.archive), asdict(settings.ministry)]
    basis = digest([asdict(contents.identity), [page.jpeg.name for page in contents.pages], contents.time,
                    [asdict(case) for case in contents.cases], contents.title, contents.author, contents.program,
                    encoders])
    written = state.packed.get(PACKAGES)
    if written is not None and written["basis"] == basis:
        packages = Packages.from_json(folder, written["packages"])
        if packages.there:
            return packages
    ministry = write_ministry(folder, contents, settings.ministry)
    archive = write_archive(folder, contents, settings.archive)
    packages = Packages(ministry.zip, ministry.workbook, archive.folder, ministry.bytes, archive.bytes, ministry.cases)
    log.append({"event": "packed", "package": PACKAGES, "basis": basis, "packages": packages.to_json()})
    return packages


def contents_of(
    workplace: Workplace, identity: Identity, settings: Settings, state: BookState, pages: tuple[DevelopedPage, ...]
) -> BookContents:
    """What packing needs to know of the book; its time is that of the last event that is not packing itself."""
    events = workplace.log(str(identity)).events()
    while events and events[-1]["event"] == "packed":
        events.pop()
    paper = settings.book(str(identity)).paper
    packed = tuple(_packed_page(workplace, page, paper) for page in pages)
    store, seen = workplace.store, {capture.sha256: capture for capture in reversed(state.captures)}
    originals = tuple(PackedOriginal(sha256, store.path(sha256), capture.source, capture.arrival)
                      for sha256, capture in sorted(seen.items(), key=lambda item: item[1].arrival))
    return BookContents(
        identity, settings.kinds.get(identity.kind, ""), settings.places.get(identity.place, ""), packed,
        one_case_a_page(tuple(page.id for page in packed)), originals, tuple(events), events[-1]["time"],
        settings.general.author, PROGRAM,
    )


def _packed_page(workplace: Workplace, page: DevelopedPage, paper: str) -> PackedPage:
    size = (page.width, page.height)
    return PackedPage(
        page.id, workplace.pages / page.jpeg, *size, page.dpi or assumed_dpi(size), workplace.pages / page.small,
        page.small_width, page.small_height, page.small_dpi, page.recipe, paper or page.paper,
    )
