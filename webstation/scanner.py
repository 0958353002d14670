"""The scanner as the page works it: one session at a time, in a thread of its own; pages go the way of all pages."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from book import Identity
from capture.devices import Device, Scanned, ScannerFailed, Trouble
from errors import Refused, StorageFailed
from originals.eventlog import now
from settings import Settings
from settings.reading import Entry, fill
from station import scanning
from webstation.hub import Hub
from workplace import Workplace

IDLE, LISTING, ASKING = "idle", "listing", "asking"
WITHOUT = ("scanner_missing_library", "twain_missing")  # a computer that was never meant to have a scanner: no trouble
PRESETS = ("source", "dpi", "mode", "paper", "next_page", "window")


@dataclass(frozen=True)
class Standing:
    """What the scanner does: `idle`, `listing`, `asking` for the next page, or what its driver says it does.

    `pages` came in this session; `trouble` (code and facts) is why the last one ended, empty where all went well.
    """

    state: str = IDLE
    book: str = ""
    device: str = ""
    pages: int = 0
    silent_s: int = 0
    trouble: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Scanner:
    """The station's scanner; safe for several threads."""

    def __init__(self, workplace: Workplace, settings: Settings, hub: Hub) -> None:
        self._place, self._settings, self._hub = workplace, settings, hub
        self._lock = threading.Lock()
        self._standing = Standing()
        self._answer, self._ended = threading.Event(), False
        self._thread: threading.Thread | None = None
        self._devices: tuple[Device, ...] | None = None

    @property
    def standing(self) -> Standing:
        return self._standing

    def devices(self, again: bool = False) -> tuple[Device, ...]:
        """The scanners there are; looked for once, and `again` when asked. Raises ScannerFailed, Refused."""
        from capture import scanners

        if self._devices is None or again:
            self._claim(Standing(LISTING))
            try:
                self._devices = tuple(scanners.devices())
            except ScannerFailed as error:
                if error.code not in WITHOUT:
                    self._say(Standing(trouble=error.code, facts=error.facts))
                raise
            finally:
                self._say(replace(self._standing, state=IDLE))
        return self._devices

    def start(self, book: Identity, device: str, asked: Mapping[str, Any], by: str) -> None:
        """Begin a session with the first page. `asked` is laid over the preset. Raises BadConfig, Refused, StorageFailed."""
        said = {key: Entry(asked[key]) for key in PRESETS if asked.get(key) not in (None, "")}
        params = fill(self._settings.scan, said, "scan")
        self._claim(Standing("opening", str(book), device))
        try:
            self._place.log(str(book)).append({"event": "capturing", "by": by, "source": "scanner", "device": device})
        except StorageFailed:
            self._say(replace(self._standing, state=IDLE))
            raise
        self._ended = False
        self._answer.clear()
        self._thread = threading.Thread(target=self._run, args=(book, device, params), name="scanner", daemon=True)
        self._thread.start()

    def next(self, more: bool) -> None:
        """The person at the glass has turned the page; or has done with it, where not `more`.

        A key that is pressed twice turns one page: nothing is asked while a page is being read.
        """
        with self._lock:
            self._ended = self._ended or not more
            if self._ended or self._standing.state == ASKING:
                self._answer.set()

    def close(self) -> None:
        """End the session; what has come stays."""
        self.next(False)
        if self._thread is not None:
            self._thread.join(5)

    def _run(self, book: Identity, device: str, params: Any) -> None:
        trouble = Trouble("")
        try:
            for item in scanning.scan_pages(self._place, self._settings, device, params, book, None, self._another,
                                            self._behind, self._driver):
                if isinstance(item, Scanned):
                    self._say(replace(self._standing, pages=self._standing.pages + 1, silent_s=0))
                else:
                    trouble = item
        except Exception as error:
            facts = getattr(error, "facts", {"device": device, "pages": 0})
            trouble = Trouble(getattr(error, "code", "scanner_crashed"), facts)
        self._say(replace(self._standing, state=IDLE, trouble=trouble.code, facts=dict(trouble.facts)))

    def _another(self) -> bool:
        if self._ended or self._settings.scan.next_page == "button":
            return not self._ended
        self._say(replace(self._standing, state=ASKING, silent_s=0))
        self._answer.wait()
        with self._lock:
            self._standing = replace(self._standing, state="starting")
            self._answer.clear()
        self._tell()
        return not self._ended

    def _behind(self, waiting: int) -> None:
        self._say(replace(self._standing, state="behind"))

    def _driver(self, state: str, seconds: float) -> None:
        if self._standing.state != ASKING and (state != self._standing.state or int(seconds) != self._standing.silent_s):
            self._say(replace(self._standing, state=state or "opening", silent_s=int(seconds)))

    def _claim(self, standing: Standing) -> None:
        with self._lock:
            if self._standing.state != IDLE:
                raise Refused("scanner_at_work", book=self._standing.book or "–")
            self._standing = standing
        self._tell()

    def _say(self, standing: Standing) -> None:
        self._standing = standing
        self._tell()

    def _tell(self) -> None:
        held = self._standing
        self._hub.tell("scanner", book=held.book, state=held.state, pages=held.pages, silent_s=held.silent_s,
                       trouble=held.trouble, at=now())
