"""Checksums of what is delivered: each file by SHA-256, size and pages, whatever becomes of its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

CHUNK = 1 << 20
MANIFEST = "manifest.json"
FORM = 2  # of the manifest; the first form knew neither parts nor versions
ALGORITHMS = ("sha256", "sha512")


@dataclass(frozen=True)
class Digests:
    """Both checksums of a file in hexadecimal digits, and its size in bytes."""

    sha256: str
    sha512: str
    bytes: int


def digests(pieces: Iterable[bytes], write: Callable[[bytes], Any] = len) -> Digests:
    """Both checksums in one pass over the pieces, each of which is handed to `write` on the way."""
    hashers, size = [hashlib.new(name) for name in ALGORITHMS], 0
    for piece in pieces:
        write(piece)
        size += len(piece)
        for hasher in hashers:
            hasher.update(piece)
    return Digests(*(hasher.hexdigest() for hasher in hashers), size)


def pieces_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a piece at a time. Raises OSError."""
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def sha256_of(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file, read in pieces."""
    with open(path, "rb") as file:
        return sha256_of_stream(file)


def sha256_of_stream(stream: BinaryIO) -> str:
    """SHA-256 (64 hex digits) of what is left of a stream."""
    hasher = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()


def bare(name: str) -> str:
    """What a system that strips the punctuation leaves of a file name: letters and digits of its stem, in capitals."""
    return "".join(letter for letter in name.rpartition(".")[0] if letter.isalnum()).upper()


def entry(name: str, data: bytes, **facts: Any) -> dict[str, Any]:
    """What a manifest says of one file: its name, the name without punctuation, SHA-256, size, and further facts."""
    return {"file": name, "bare": bare(name), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), **facts}


def manifest_json(about: dict[str, Any], part: int, parts: Sequence[str], files: list[dict[str, Any]]) -> bytes:
    """The manifest of one part (from 1) of a ministry package: `about` the book, the names of all parts, its files."""
    plain = {"form": FORM, **about, "part": part, "parts": list(parts), "files": files}
    return (json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8")
