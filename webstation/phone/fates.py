"""What became of the photos that a phone sent: asked of the logs and the cache, so it holds after a restart too.

"Safe" is said of what the book's log has, and of nothing else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from book import Capture, Finding, Severity
from capture.phone import from_session
from developing import read_developed, task_of
from originals.booklog import BookLog, BookState, SetAside
from originals.stationlog import StationLog
from settings import Settings
from summary import explain
from texts import say
from workplace import Workplace

ABSENT, WAITING, SAFE, LOOKED_AT, SET_ASIDE, SHEET = "absent", "waiting", "safe", "looked_at", "set_aside", "sheet"
# what another photo may mend; all else is for the review
ONCE_MORE = frozenset({"blurred", "motion_blur", "content_at_edge", "low_resolution", "too_dark", "glare", "clipped",
                       "uneven_light", "object_on_page", "lost_ink"})
MOST_REMEMBERED = 5000


@dataclass(frozen=True)
class Fate:
    """`state` of a photo, and once it is looked at, those `findings` that another photo may mend."""

    state: str
    findings: tuple[Finding, ...] = ()
    aside: SetAside | None = None

    def to_json(self, language: str) -> dict[str, Any]:
        words = [explain(finding, language) for finding in self.findings]
        if self.aside is not None:
            words = [say("error", self.aside.code, language, **{"file": "", **self.aside.facts})]
        return {"state": self.state, "findings": words}


@dataclass
class _Book:
    """A book's log, and its captures by the digest of their original as of a state of it."""

    log: BookLog
    state: BookState | None = None
    captures: Mapping[str, list[Capture]] | None = None


class Fates:
    """Tells fates for any number of threads."""

    def __init__(self, workplace: Workplace, settings: Settings) -> None:
        self._place, self._settings = workplace, settings
        self._lock = threading.Lock()
        self._books: dict[str, _Book] = {}
        self._sheets = StationLog(workplace.root)
        self._looked_at: OrderedDict[tuple[str, str], Fate] = OrderedDict()  # (book, capture): what was found once stays

    def of(self, book: str, digests: Iterable[str]) -> dict[str, Fate]:
        """The fates of photos that were sent for a book. Raises StorageFailed."""
        with self._lock:
            known = self._known(book)
            return {sha256: self._fate(book, known, sha256) for sha256 in digests}

    def supersede(self, book: str, session: str, old: str, new: str) -> bool:
        """The photo `new` takes the place of `old`, if one phone sent both; whether it has it now.

        False while they are not in the book's log, and for good if they are not of that session. Raises StorageFailed.
        """
        with self._lock:
            known = self._known(book)
            captures = [known.captures.get(sha256, [None])[0] for sha256 in (old, new)]
            if None in captures or not all(from_session(one.source, book, session) for one in captures):
                return False
            before, after = captures
            if before.id != after.id and before.id not in known.state.superseded:
                known.log.append({"event": "superseded", "old": before.id, "new": after.id})
            return True

    def _known(self, book: str) -> _Book:
        known = self._books.setdefault(book, _Book(self._place.log(book)))
        state = known.log.state()
        if known.state is not state:
            captures: dict[str, list[Capture]] = {}
            for capture in state.captures:
                captures.setdefault(capture.sha256, []).append(capture)
            known.state, known.captures = state, captures
        return known

    def _fate(self, book: str, known: _Book, sha256: str) -> Fate:
        captures = known.captures.get(sha256)
        if captures:
            return self._as_developed(book, known.state, captures[0])
        aside = next((item for item in known.state.set_aside if item.sha256 == sha256), None)
        if aside is not None:
            return Fate(SET_ASIDE, aside=aside)
        if any(sheet.sha256 == sha256 for sheet in self._sheets.state().covers):
            return Fate(SHEET)
        return Fate(ABSENT)

    def _as_developed(self, book: str, state: BookState, capture: Capture) -> Fate:
        if (book, capture.id) not in self._looked_at:
            pages = read_developed(task_of(self._place, book, self._settings, state, capture))
            if pages is None:
                return Fate(SAFE)
            worth_saying = {finding.code: finding for page in pages for finding in page.findings
                            if finding.severity is Severity.WARNING and finding.code in ONCE_MORE}
            self._looked_at[book, capture.id] = Fate(LOOKED_AT, tuple(worth_saying.values()))
            while len(self._looked_at) > MOST_REMEMBERED:
                self._looked_at.popitem(last=False)
        return self._looked_at[book, capture.id]
