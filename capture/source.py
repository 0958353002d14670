"""What every source of images hands on: arrivals. A new source is one file here that yields them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from imaging.view import Hints


@dataclass(frozen=True)
class Arrival:
    """One file that may be an image: its name as a person knows it, and how to get at its bytes.

    `open` raises UnreadableImage where there is no regular file any more. `kind` names the source: `folder`
    for what was found, `file` for what a person named. `hints`: a phone, for one, takes photos.
    """

    name: str
    open: Callable[[], BinaryIO]
    kind: str = "file"
    hints: Hints = field(default_factory=Hints)
