"""A bag (RFC 8493) that is being filled: each file is hashed by both algorithms as it is written, and never read again.

What goes into it is left to `archive`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bookpack.manifest import ALGORITHMS, Digests, digests, pieces_of

BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
DATA = "data"


class Bag:
    """A folder with `data/`; names of files are relative to that, with slashes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.data = folder, folder / DATA
        self.files: dict[str, Digests] = {}

    def text(self, name: str, text: str) -> None:
        """Write text; what a camera's file name may hold that is no letter is written by its number."""
        self._write(name, [text.encode("utf-8", "backslashreplace")])

    def bytes(self, name: str, data: bytes) -> None:
        """Write bytes."""
        self._write(name, [data])

    def copy(self, name: str, source: Path) -> Digests:
        """Copy a file in: a copy, not a link, as the bag must stay whole when the station's store is gone."""
        self._write(name, pieces_of(source))
        return self.files[name]

    def place(self, name: str) -> Path:
        """Where a file of that name is to be written by another; `take` it then."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def take(self, name: str) -> None:
        """Hash a file that another has written."""
        self.files[name] = digests(pieces_of(self.data / name))

    def finish(self, info: Mapping[str, str]) -> None:
        """Write the tag files: what the bag is, what it holds, and the checksums of both."""
        size = sum(file.bytes for file in self.files.values())
        lines = {key: " ".join(value.split()) for key, value in info.items()}  # a line end would begin another entry
        lines["Payload-Oxum"] = f"{size}.{len(self.files)}"
        tags = {"bagit.txt": BAGIT, "bag-info.txt": "".join(f"{key}: {value}\n" for key, value in lines.items() if value)}
        payload = {f"{DATA}/{name}": file for name, file in self.files.items()}
        tags |= {f"manifest-{name}.txt": manifest_lines(payload, name) for name in ALGORITHMS}
        hashed = {name: self._tag(name, text) for name, text in tags.items()}
        for name in ALGORITHMS:
            self._tag(f"tagmanifest-{name}.txt", manifest_lines(hashed, name))

    def _tag(self, name: str, text: str) -> Digests:
        with open(self._folder / name, "xb") as file:
            return digests([text.encode("utf-8", "backslashreplace")], file.write)

    def _write(self, name: str, pieces) -> None:
        with open(self.place(name), "xb") as file:
            self.files[name] = digests(pieces, file.write)


def manifest_lines(files: Mapping[str, Digests], algorithm: str) -> str:
    """A manifest: a line for each file, its checksum and its name, in the order of names."""
    return "".join(f"{getattr(files[name], algorithm)}  {name}\n" for name in sorted(files))
