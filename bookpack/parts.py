"""A zip in parts: files added one after another, each part opening by itself with a manifest of its own.

Written in the one way that the same files make the same bytes. What the files are is left to `ministry`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bookpack.manifest import MANIFEST, entry, manifest_json

FIRST_ZIP_YEAR = 1980  # a zip knows no earlier one, and a station's clock may be at 1970
UNIX = 3  # written as the system that made the file, on every system: the same book, the same bytes
HEADERS = 30 + 46  # bytes that a zip spends on a file beside its bytes and, twice, its name
END = 22
NEST = 2  # bytes by which an entry of the manifest grows with its neighbour: a comma and a line end


@dataclass
class Part:
    """One zip that is being filled: where, what its manifest will say of its files, and its size so far."""

    path: Path
    size: int
    files: list[dict[str, Any]] = field(default_factory=list)


class Parts:
    """Zips in `folder`, none larger than `limit` bytes (0: no limit) unless one file alone is.

    `about` is what each manifest says of the book, `beside` the entries of files that lie beside the zips, `most` the
    largest number of files that may come, `name_of` gives the name of a part by its number and how many there are.
    """

    def __init__(self, folder: Path, time: str, limit: int, about: dict[str, Any], beside: list[dict[str, Any]],
                 most: int, name_of: Callable[[int, int], str]) -> None:
        moment = datetime.fromisoformat(time)
        self._stamp = (max(moment.year, FIRST_ZIP_YEAR), *moment.timetuple()[1:6])
        self._folder, self._limit, self._about, self._beside, self._name_of = folder, limit, about, beside, name_of
        names = [name_of(number, most) for number in range(1, most + 1)]
        self._empty = END + HEADERS + 2 * len(MANIFEST) + len(manifest_json(about, most, names, beside))
        self._parts: list[Part] = []
        self._open: zipfile.ZipFile | None = None

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open is not None:
            self._open.close()

    def add(self, name: str, data: bytes, **facts: Any) -> None:
        """Add a file, in the next part where this one has no room for it."""
        listed = entry(name, data, **facts)
        room = len(data) + HEADERS + 2 * len(name) + self._listed_bytes(listed)
        if not self._parts or (self._limit and self._parts[-1].files and self._parts[-1].size + room > self._limit):
            self._begin()
        add_to_zip(self._open, name, data, self._stamp)
        self._parts[-1].files.append(listed)
        self._parts[-1].size += room

    def finish(self) -> list[Path]:
        """Give each part its manifest, now that all are known, and its name."""
        if not self._parts:
            self._begin()
        self._open.close()
        paths = [self._folder / self._name_of(number, len(self._parts)) for number in range(1, len(self._parts) + 1)]
        for number, (part, path) in enumerate(zip(self._parts, paths, strict=True), 1):
            manifest = manifest_json(self._about, number, [path.name for path in paths], [*part.files, *self._beside])
            with zipfile.ZipFile(part.path, "a", zipfile.ZIP_STORED) as package:
                add_to_zip(package, MANIFEST, manifest, self._stamp)
            part.path.rename(path)
        return paths

    def _begin(self) -> None:
        if self._open is not None:
            self._open.close()
        path = self._folder / f"part-{len(self._parts) + 1}"
        self._parts.append(Part(path, self._empty))
        self._open = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)

    def _listed_bytes(self, listed: dict[str, Any]) -> int:
        return len(manifest_json({}, 1, (), [listed])) - len(manifest_json({}, 1, (), [])) + NEST


def add_to_zip(package: zipfile.ZipFile, name: str, data: bytes, moment: Sequence[int]) -> None:
    """Add a file in the one way this package's files are added, so that the same files make the same zip."""
    item = zipfile.ZipInfo(name, tuple(moment))
    item.create_system = UNIX
    item.external_attr = 0o644 << 16
    package.writestr(item, data)
