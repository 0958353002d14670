"""Checksums of what is delivered: each file by SHA-256, size and pages, whatever becomes of its name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, BinaryIO

CHUNK = 1 << 20
MANIFEST = "manifest.json"
VERSION = 1


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


def manifest_json(book: str, time: str, files: list[dict[str, Any]]) -> bytes:
    """The ministry package's manifest."""
    plain = {"version": VERSION, "book": book, "time": time, "files": files}
    return (json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8")
