"""From developed pages to the packages of a book: what goes in, what is there already, what was written.

How a package is built is `bookpack`'s; developing, and when to pack, is told in `pipeline`. While a book is open its
packages are written anew; once it was closed they stay as they are, and a change makes a new version beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from book import Identity, digest
from bookpack.archive import ArchivePackage, write_archive
from bookpack.cases import cases_of
from bookpack.contents import BookContents, PackedOriginal, PackedPage
from bookpack.duplicate import Copied, copy_packages
from bookpack.manifest import sha256_of
from bookpack.ministry import MinistryPackage, write_ministry
from bookpack.steps import steps
from developing import DevelopedPage, Progress, assumed_dpi
from errors import StorageFailed
from originals.booklog import PACKING, BookState
from settings import Settings
from workplace import Workplace

if TYPE_CHECKING:
    from bookpack.sign import Signing

PROGRAM = "sohoa 0.1.0"
MINISTRY, ARCHIVE = "ministry", "archive"
PROFILES = {MINISTRY: (MINISTRY,), ARCHIVE: (ARCHIVE,), "both": (MINISTRY, ARCHIVE)}
Package = MinistryPackage | ArchivePackage


@dataclass(frozen=True)
class Packages:
    """The packages of a book that were asked for: where they lie, which version, and whether any was just written."""

    folder: Path
    version: int
    closed: bool
    written: bool
    ministry: MinistryPackage | None = None
    bag: ArchivePackage | None = None

    @property
    def ministry_zips(self) -> tuple[Path, ...]:
        return self.ministry.zips if self.ministry else ()

    @property
    def ministry_zip(self) -> Path | None:
        """The only zip, or the first part."""
        return self.ministry.zip if self.ministry else None

    @property
    def workbook(self) -> Path | None:
        return self.ministry.workbook if self.ministry else None

    @property
    def archive(self) -> Path | None:
        return self.bag.folder if self.bag else None

    @property
    def ministry_bytes(self) -> int:
        return self.ministry.bytes if self.ministry else 0

    @property
    def archive_bytes(self) -> int:
        return self.bag.bytes if self.bag else 0

    @property
    def cases(self) -> int:
        return self.ministry.cases if self.ministry else 0

    @property
    def kept(self) -> tuple[Path, ...]:
        """Copies of what people had typed, made before it was written anew."""
        return self.ministry.kept if self.ministry else ()

    @property
    def doubles(self) -> tuple[str, ...]:
        """Final names that several cases would bear, so that none does."""
        return self.ministry.doubles if self.ministry else ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder of each package."""
        return tuple(filter(None, (self.workbook and self.workbook.parent, self.archive)))


def version_of(state: BookState) -> int:
    """Which version of its packages a book is at: 1, and one more for each closing that something was changed after."""
    return len(state.closings) + (state.changed or not state.closings)


def folder_of(workplace: Workplace, book: str, state: BookState) -> Path:
    """Where the packages of a book lie as it is today; those of earlier versions lie where they were."""
    folder, version = workplace.packages(book), version_of(state)
    return folder if version == 1 else folder / f"v{version}"


def pack(
    workplace: Workplace, identity: Identity, settings: Settings, state: BookState, pages: tuple[DevelopedPage, ...],
    signing: Signing | None = None, profile: str = "both", progress: Progress = lambda *_: None, again: bool = False,
    closing: bool = False,
) -> Packages:
    """Write the packages of the book that a profile names, but for those that are there as they would be written; those
    too, with `again`, as where one is damaged. With `closing` they are those of the closing that the log says has begun.

    What was closed is not written again, whatever the settings are now: where some of it is gone, that raises
    StorageFailed `sealed_missing`. Raises StorageFailed, BadConfig, CannotSign.
    """
    state = state if closing else replace(state, closing=None)
    contents = _as_of_version(workplace, contents_of(workplace, identity, settings, state, pages), state)
    folder, log = folder_of(workplace, str(identity), state), workplace.log(str(identity))
    bases = {kind: _basis(contents, settings, kind, signing) for kind in PROFILES[profile]}
    there = {kind: _there(folder, state, kind, None if again else basis) for kind, basis in bases.items()}
    missing = [kind for kind, package in there.items() if package is None]
    work = {MINISTRY: len(contents.cases), ARCHIVE: len(contents.originals) + len(contents.pages)}
    step = steps(progress, "pack", sum(work[kind] for kind in missing))
    for kind in missing:
        there[kind] = _write(folder, contents, settings, kind, signing, step)
        log.append({"event": "packed", "package": kind, "version": contents.version, "closed": bool(contents.closed),
                    "basis": bases[kind], "written": there[kind].to_json()})
    return Packages(folder, contents.version, bool(contents.closed), bool(missing), there.get(MINISTRY), there.get(ARCHIVE))


def _as_of_version(workplace: Workplace, contents: BookContents, state: BookState) -> BookContents:
    """The contents with what is to be said of their version."""
    version = version_of(state)
    closed = (state.closing or (state.closings[-1] if state.closings and not state.changed else None) or {}).get("time", "")
    before = workplace.packages(str(contents.identity)) / (f"v{version - 1}" if version > 2 else "")
    tags = before / str(contents.identity) / "tagmanifest-sha256.txt"
    previous = sha256_of(tags) if version > 1 and tags.exists() else ""
    return replace(contents, version=version, closed=closed, previous=previous)


def _basis(contents: BookContents, settings: Settings, kind: str, signing: Signing | None) -> str:
    """Digest of all that a package depends on."""
    return digest([asdict(contents.identity), [page.jpeg.name for page in contents.pages], contents.time,
                   [asdict(case) for case in contents.cases], contents.title, contents.author, contents.program,
                   contents.version, contents.closed, contents.previous, asdict(getattr(settings, kind)),
                   signing.basis if signing else ""])


def _there(folder: Path, state: BookState, kind: str, basis: str | None) -> Package | None:
    """A package that need not be written: as it would be (by its basis), or closed. Raises StorageFailed."""
    event = state.packed.get(kind)
    if event is None or event.get("version") != version_of(state):
        return None
    sealed = event["closed"] and state.closings and not state.changed
    package = (MinistryPackage if kind == MINISTRY else ArchivePackage).from_json(folder, event["written"])
    if sealed and not package.there:  # made again it would be another than the one that was sealed
        raise StorageFailed("sealed_missing", folder=str(folder))
    return package if package.there and (sealed or event["basis"] == basis) else None


def _write(folder: Path, contents: BookContents, settings: Settings, kind: str, signing: Signing | None,
           step: Callable[[], None]) -> Package:
    if kind == MINISTRY:
        return write_ministry(folder, contents, settings.ministry, step, signing and signing.of("cases"))
    return write_archive(folder, contents, settings.archive, step, signing and signing.of("book"))


def second_copy(workplace: Workplace, book: str, packages: Packages, folder: Path, by: str) -> Copied:
    """Copy packages to a folder on another medium, compared after writing; what was copied is logged.

    Raises StorageFailed, BrokenPackage.
    """
    copied = copy_packages(packages.folders, workplace.packages(book).parent, folder)
    if copied.written:
        workplace.log(book).append({"event": "copied", "by": by, "folder": str(folder), "version": packages.version,
                                    "files": copied.files, "bytes": copied.bytes, "digest": copied.digest})
    return copied


def contents_of(
    workplace: Workplace, identity: Identity, settings: Settings, state: BookState, pages: tuple[DevelopedPage, ...]
) -> BookContents:
    """What packing needs to know of the book; its time is that of the last event that is not packing itself."""
    events = workplace.log(str(identity)).events()
    while events and events[-1]["event"] in PACKING:
        events.pop()
    packed = packed_pages(workplace, identity, settings, pages)
    store, seen = workplace.store, {capture.sha256: capture for capture in reversed(state.captures)}
    originals = tuple(PackedOriginal(sha256, store.path(sha256), capture.source, capture.arrival, store.file_name(sha256))
                      for sha256, capture in sorted(seen.items(), key=lambda item: item[1].arrival))
    return BookContents(
        identity, settings.kinds.get(identity.kind, ""), settings.places.get(identity.place, ""), packed,
        cases_of(state, tuple(page.id for page in packed)), originals, tuple(events), events[-1]["time"],
        settings.general.author, PROGRAM,
    )


def packed_pages(
    workplace: Workplace, identity: Identity, settings: Settings, pages: tuple[DevelopedPage, ...]
) -> tuple[PackedPage, ...]:
    """The pages of the book as packing knows them; paper that was said of the book counts for all."""
    paper = settings.book(str(identity)).paper
    return tuple(_packed_page(workplace, page, paper) for page in pages)


def _packed_page(workplace: Workplace, page: DevelopedPage, paper: str) -> PackedPage:
    size = (page.width, page.height)
    return PackedPage(
        page.id, workplace.pages / page.jpeg, *size, page.dpi or assumed_dpi(size), workplace.pages / page.drawing,
        page.recipe, paper or page.paper,
    )
