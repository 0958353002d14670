"""Folders for what a worker holds for a moment: copies of originals and logs, packages on their way.

Each is locked while it is used, and nobody but the user may look into it. What a killed process left is cleared away by
the next one on the same machine: it may be personal.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from errors import StoreBusy
from originals.durable import locked

PREFIX, LOCK = "sohoa-batch-", ".lock"


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
