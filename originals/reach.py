r"""Paths that Windows can open however long they are.

Unless its registry says otherwise, Windows opens no path of more than 259 characters, and no folder of more than 247,
except in the extended form: absolute, behind `\\?\`. In that form names such as `NUL`, and names that end in a dot or a
space, are names like others too. Other systems need nothing of this: there each function gives back what it was given.
"""

from __future__ import annotations

import os
from pathlib import Path

EXTENDED, EXTENDED_SHARE = "\\\\?\\", "\\\\?\\UNC\\"
LONGEST = 247  # characters that a folder's path may have


def reachable(path: Path, room: int | None = None) -> Path:
    """The path in a form in which it, and what lies below it, can be opened.

    `room`: so many characters what lies below may add; None: any number.
    """
    if os.name != "nt":
        return path
    whole = os.path.abspath(path)
    if whole.startswith(EXTENDED) or (room is not None and len(whole) + room <= LONGEST):
        return path
    return Path(EXTENDED_SHARE + whole[2:] if whole.startswith("\\\\") else EXTENDED + whole)


def usual(path: str) -> str:
    """A path as people write it, whether it is in the extended form or not."""
    if path.startswith(EXTENDED_SHARE):
        return "\\\\" + path.removeprefix(EXTENDED_SHARE)
    return path.removeprefix(EXTENDED)
