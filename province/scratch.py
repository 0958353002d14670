"""Folders for what a worker holds for a moment: copies of originals and logs, packages on their way.

Each is locked while it is used, and nobody but the user may look into it. What a killed process left is cleared away by
the next one on the same machine: it may be personal.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path, PurePosixPath

from errors import StoreBusy
from originals.durable import locked

PREFIX, LOCK = "sohoa-batch-", ".lock"
NUMBERED = ".copy-"
ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}")
ANY_DISK = re.compile(  # what Windows can call a file: no device, none of its signs, no dot or space at the end
    r"(?!(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])( *\.|$))[^<>:\"|?*]*[^<>:\"|?* .]", re.IGNORECASE)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder to work in, gone when the block ends."""
    _clear_once()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    inside = folder / "work"  # beside its lock, which Windows removes only when it is let go
    try:
        with locked(folder / LOCK):
            inside.mkdir()
            yield inside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place(folder: Path, name: str, data: bytes) -> None:
    """Put a copy into a scratch folder: it need not outlive a power cut."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def kept_as(names: Iterable[str]) -> dict[str, str]:
    """Under which name each file of a storage is kept here: its own, if every disk can write that and tells it from the
    others, however its letters are made up; else a number with its ending.
    """
    kept: dict[str, str] = {}
    taken: set[str] = set()
    for number, name in enumerate(dict.fromkeys(names)):
        alike = unicodedata.normalize("NFC", name).casefold()
        if alike in taken or not all(ANY_DISK.fullmatch(part) for part in name.split("/")):
            ending = PurePosixPath(name).suffix
            alike = kept[name] = f"{NUMBERED}{number}{ending if ENDING.fullmatch(ending) else ''}"
        else:
            kept[name] = name
        taken.add(alike)
    return kept


def clear_left() -> None:
    """Remove the folders of processes that are gone; those of others, or just being made, are left alone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, StoreBusy):
            if (folder / LOCK).exists() and _is_ours(folder):
                with locked(folder / LOCK):
                    shutil.rmtree(folder / "work", ignore_errors=True)
                shutil.rmtree(folder, ignore_errors=True)


_clear_once = cache(clear_left)


def _is_ours(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
