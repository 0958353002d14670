"""A release: a folder that is written once, whose name says what must be in it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MANIFEST = "MANIFEST.txt"
NAME = re.compile(r"ban-(?P<version>\d[\w.]*)-(?P<digest>[0-9a-f]{12})")
LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) (?P<bytes>\d+) (?P<path>[^\\:*?\"<>|]+)")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A file of a release; `path` is relative, with /."""

    sha256: str
    bytes: int
    path: str

    def __str__(self) -> str:
        return f"{self.sha256} {self.bytes} {self.path}"


@dataclass(frozen=True)
class Release:
    """A release at `path`; other ones and the icons lie beside it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def version(self) -> str:
        found = NAME.fullmatch(self.name)
        return found["version"] if found else ""

    @property
    def top(self) -> Path:
        """The folder that the clerk sees."""
        return self.path.parent

    @property
    def python(self) -> Path:
        """The Python that shows a console."""
        return self.path / "python" / "python.exe"

    def problems(self, thorough: bool = True) -> list[str]:
        """Names of files that are missing or not as they should be; the manifest alone where it is itself damaged.

        Reads every file; where it need not be thorough it looks at lengths alone, which takes a second. Files that nobody
        speaks of are no problem.
        """
        try:
            entries = read_manifest((self.path / MANIFEST).read_bytes(), self.name)
        except (OSError, ValueError):
            return [MANIFEST]
        if thorough:
            return [entry.path for entry in entries if not _is_whole(self.path / entry.path, entry)]
        here = _lengths(self.path)
        return [entry.path for entry in entries if here.get(entry.path) != entry.bytes]


def this_release() -> Release:
    """The release that this very module belongs to (`RELEASE/python/Lib/site-packages/clerk/folder.py`)."""
    return Release(Path(__file__).resolve().parents[4])


def releases(top: Path) -> list[Release]:
    """The releases in a clerk's folder, whole or not."""
    return [Release(path) for path in sorted(top.glob("ban-*")) if NAME.fullmatch(path.name) and path.is_dir()]


def manifest_of(folder: Path) -> bytes:
    """The manifest of all files under `folder`, in the order of their names."""
    lines = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.is_file() and path != folder / MANIFEST:
            lines.append(str(Entry(_sha256(path), path.stat().st_size, path.relative_to(folder).as_posix())))
    return ("\n".join(lines) + "\n").encode("utf-8")


def release_name(version: str, manifest: bytes) -> str:
    """The name of the folder that has such a manifest."""
    return f"ban-{version}-{hashlib.sha256(manifest).hexdigest()[:12]}"


def read_manifest(data: bytes, name: str) -> list[Entry]:
    """The files of the release `name`. Raises ValueError where the bytes are not those that the name stands for, or where
    a path would lead out of the folder.
    """
    found = NAME.fullmatch(name)
    if found is None or release_name(found["version"], data) != name:
        raise ValueError("the manifest is damaged")
    return list(_entries(data.decode("utf-8")))


def _entries(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        found = LINE.fullmatch(line)
        if found is None or PurePosixPath(found["path"]).is_absolute() or ".." in PurePosixPath(found["path"]).parts:
            raise ValueError(f"no line of a manifest: {line!r}")
        yield Entry(found["sha256"], int(found["bytes"]), found["path"])


def _lengths(folder: Path) -> dict[str, int]:
    """Path → length of all files under a folder; Windows tells both at once, without opening any."""
    found, folders = {}, [("", str(folder))]
    while folders:
        name, path = folders.pop()
        with os.scandir(path) as inside:
            for item in inside:
                if item.is_dir(follow_symlinks=False):
                    folders.append((f"{name}{item.name}/", item.path))
                else:
                    found[name + item.name] = item.stat(follow_symlinks=False).st_size
    return found


def _is_whole(path: Path, entry: Entry) -> bool:
    try:
        return path.stat().st_size == entry.bytes and _sha256(path) == entry.sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()
