"""After a crash: whole originals that have no name yet get it, and those that no log knows are found a place.

Everything here may be killed and run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from originals.store import Store


@dataclass(frozen=True)
class Recovered:
    """Hashes of originals that got their name, and the number of unfinished ones that were given up."""

    adopted: tuple[str, ...]
    unfinished: int


def recover(store: Store, whole: Callable[[Path], bool]) -> Recovered:
    """Adopt what was written to its end, drop the rest. `whole` decodes a file. Raises StorageFailed."""
    adopted, unfinished = [], 0
    for path in store.unnamed():
        if whole(path):
            adopted.append(store.adopt(path).sha256)
        else:
            store.drop(path)
            unfinished += 1
    return Recovered(tuple(adopted), unfinished)
