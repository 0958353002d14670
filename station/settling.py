"""What only the whole book shows (`wholebook`), seen behind, when a book has been left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from book import Identity
from developing import develop, due, plan
from originals.stationlog import UNSORTED
from settings import Settings
from wholebook import settled, unlike
from workplace import Workplace

AFTER_S = 8.0  # since the last page was developed: people go on to the next page sooner


class Settling:
    """Which book is to be settled next; `book` is the one that was due last."""

    def __init__(self) -> None:
        self._changed: dict[str, float] = {}
        self.book = ""

    def changed(self, book: str, now: float) -> None:
        """A page of a book was developed. `now`: s of a monotonic clock."""
        if book != UNSORTED:
            self._changed[book] = now

    def due(self, now: float) -> bool:
        """Whether a book has been left alone for long enough; it is then `book`."""
        self.book = next((book for book, changed in self._changed.items() if now - changed >= AFTER_S), "")
        return self._changed.pop(self.book, None) is not None


@dataclass(frozen=True)
class SettlingTask:
    """A book of a station; small and picklable."""

    root: Path
    book: str
    settings: Settings


def settle(task: SettlingTask) -> bool:
    """Develop once more what departs from the habit of its book, and compare its pages; whether there was anything new."""
    workplace, identity = Workplace(task.root), Identity.parse(task.book)
    state = workplace.log(task.book).state()
    tasks = list(plan(workplace, identity, task.settings, state))
    if due(tasks):
        return False
    again = unlike(tasks)
    for one in again:
        develop(one)
    return settled(tasks, workplace.pages) or bool(again)
