"""A second copy of finished packages on another medium, read back and compared before it gets its name.

Each package arrives there whole or not at all, and a copy that is there is replaced only by a package that was checked:
damage must not spread. On Linux the system is told to forget what it holds in memory of the files that were written, so
that reading them again comes from the medium; elsewhere it may not, and the proof is `sohoa verify` on the copy after
the medium was taken out and put in again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from book import digest
from bookpack.manifest import digests, pieces_of, sha256_of
from bookpack.ministry import FOLDER, keep_typed
from bookpack.verify import verify
from errors import BrokenPackage, StorageFailed
from originals.durable import whole_folder


@dataclass(frozen=True)
class Copied:
    """Where the copy lies, its files and bytes, the digest of all its checksums, and what is to be known of it.

    `written` is false where an equal copy lay there already; `same_disk` says that it is no other medium; `kept` are
    copies of what people had typed into an earlier copy.
    """

    folder: Path
    files: int
    bytes: int
    digest: str
    written: bool
    same_disk: bool
    kept: tuple[Path, ...] = ()


def copy_packages(packages: Iterable[Path], base: Path, folder: Path) -> Copied:
    """Copy packages that lie below `base` to the same places below `folder`, which must exist already.

    Raises StorageFailed, with the code `copy_onto_itself` where that is `base`, `copy_differs` where what is read back is
    not what was written, and BrokenPackage for a package that is not whole itself.
    """
    if not folder.is_dir():
        raise StorageFailed("copy_folder_missing", folder=str(folder))
    if os.path.samefile(folder, base):
        raise StorageFailed("copy_onto_itself", folder=str(folder))
    total, size, written, kept = {}, 0, False, []
    for package in packages:
        place = package.relative_to(base)
        sums = sums_of(package)
        if not (folder / place).is_dir() or sums_of(folder / place) != sums:
            kept += _copy(package, folder / place, sums)
            written = True
        total[place.as_posix()] = sums
        size += sum((package / name).stat().st_size for name in sums)
    same_disk = os.stat(folder).st_dev == os.stat(base).st_dev
    return Copied(folder, sum(map(len, total.values())), size, digest(total), written, same_disk, tuple(kept))


def sums_of(package: Path) -> dict[str, str]:
    """SHA-256 of each file of a folder by its name there."""
    return {path.relative_to(package).as_posix(): sha256_of(path) for path in sorted(package.rglob("*")) if path.is_file()}


def _copy(package: Path, target: Path, sums: Mapping[str, str]) -> tuple[Path, ...]:
    """Copy one package; what people had typed into the copy that was there is kept beside it."""
    problems = verify(package)
    if problems:
        raise BrokenPackage("copy_of_broken", package=str(package), problems=len(problems))
    with whole_folder(target) as temp:
        for name in sums:
            _copy_file(package / name, temp / name)
        read_back = sums_of(temp)
        for name in sums:
            if read_back.get(name) != sums[name]:
                raise StorageFailed("copy_differs", file=str(target / name))
        return keep_typed(target) if target.name == FOLDER else ()


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as file:
        digests(pieces_of(source), file.write)
        file.flush()
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):  # not on Windows and macOS
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
