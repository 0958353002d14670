"""Renaming on Windows such that the new name is on the disk when it returns: what flushing the folder is elsewhere."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

REPLACE, WRITE_THROUGH = 0x1, 0x8  # MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH


def replace_through(source: Path, target: Path) -> None:
    """As `os.replace`, and come back when the disk has it. Raises OSError."""
    move = ctypes.WinDLL("kernel32", use_last_error=True).MoveFileExW
    move.argtypes = (ctypes.c_wchar_p, ctypes.c_wchar_p, ctypes.c_uint32)
    if not move(os.fspath(source), os.fspath(target), REPLACE | WRITE_THROUGH):
        raise ctypes.WinError(ctypes.get_last_error())
