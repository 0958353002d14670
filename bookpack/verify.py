"""Whether a package is whole: by itself, without the station that made it, and years later.

Nothing of the package is changed. Every file is hashed, every PDF opened and each of its pages rendered. Here it is
told which package lies where; `verify_bag` and `verify_ministry` look into it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bookpack.ministry import TYPED
from bookpack.problem import Problem, within
from bookpack.steps import steps
from bookpack.verify_bag import check_bag
from bookpack.verify_ministry import check_loose, check_ministry, identify, manifests_in, pages_in
from bookpack.verify_pdf import Reader
from errors import BrokenPackage

__all__ = ["Problem", "examine", "identify", "renamed", "verify"]
OF_MINISTRY = (".zip", ".xlsx")


def verify(package: Path) -> list[Problem]:
    """The faults of a package, as `examine` finds them."""
    return [problem for problem in examine(package) if not problem.note]


def examine(
    package: Path, trust: Sequence[str] = (), progress: Callable[[str, int, int], None] = lambda *_: None
) -> list[Problem]:
    """What is wrong with a package: the folder of an archive bag, the folder, a zip or the workbook of a ministry
    package, files that were taken out of one with its manifest beside them, or a folder of packages.

    A whole package gives an empty list, or notes alone: those of signers that no certificate file of `trust` vouches for.
    Raises BrokenPackage for a path that is no package at all.
    """
    above = package if package.is_dir() else _folder_of(package)
    folders = list(_packages(package)) if package.is_dir() else [above]
    if not folders:
        raise BrokenPackage("not_a_package", package=str(package))
    reader = Reader(trust, steps(progress, "verify", sum(map(_pages, folders))))
    return [problem for folder in folders for problem in _told(above, folder, reader)]


def renamed(package: Path) -> dict[str, str]:
    """Files whose name is another than the manifest beside them says, by checksum: name → what it should be."""
    if not package.is_dir() or (package / "bagit.txt").exists():
        return {}
    return {name: real for name, real in identify(package).items() if name != real}


def _told(above: Path, folder: Path, reader: Reader) -> Iterator[Problem]:
    problems = _folder(folder, reader)
    yield from problems if folder == above else within(folder.relative_to(above).as_posix(), problems)


def _folder_of(package: Path) -> Path:
    """One zip stands for all that lie beside it: parts are whole together only."""
    beside = [package.with_suffix(ending) for ending in OF_MINISTRY] if package.suffix.lower() in OF_MINISTRY else []
    if not any(path.exists() for path in beside):
        raise BrokenPackage("not_a_package" if package.exists() else "package_missing", package=str(package))
    return package.parent


def _packages(folder: Path) -> Iterator[Path]:
    """Folders of packages in a folder and below; what lies inside a bag is none of its own."""
    for parent, folders, _ in os.walk(folder):
        if _has_package(Path(parent)):
            yield Path(parent)
        inside_bag = Path(parent, "bagit.txt").exists()
        folders[:] = [] if inside_bag else sorted(name for name in folders if name != TYPED and not name.startswith("."))


def _has_package(folder: Path) -> bool:
    if (folder / "bagit.txt").exists():
        return True
    return any(path.suffix.lower() in OF_MINISTRY for path in folder.iterdir()) or bool(manifests_in(folder))


def _folder(folder: Path, reader: Reader) -> Iterator[Problem]:
    if (folder / "bagit.txt").exists():
        yield from check_bag(folder, reader)
        return
    zips = sorted(folder.glob("*.zip"))
    if zips:
        yield from check_ministry(zips, reader)
    elif manifests_in(folder):
        yield from check_loose(folder, reader)
    else:
        for path in sorted(folder.glob("*.xlsx")):
            yield Problem("file_missing", {"file": path.with_suffix(".zip").name})


def _pages(folder: Path) -> int:
    """How many pages there will be to look at."""
    if (folder / "bagit.txt").exists():
        return sum(1 for _ in folder.glob("data/**/recipes/*.json"))
    return pages_in(folder)
