"""A scanning session at a station: pages go into the spool, and from there the same way as everything else.

Where the daemon runs on the store it takes them in; otherwise a station of this program's own does, for as long as
the session lasts.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from book import Identity
from capture.devices import Scanned, ScanParams, Trouble
from errors import SohoaError, StorageFailed, StoreBusy
from originals import journal
from originals.durable import make_folder, remove_empty
from settings import Settings
from station import shelf
from station.daemon import Station
from workplace import Workplace

UNSAFE = re.compile(r"[^0-9A-Za-z]+")
TAKEN_WITHIN_S = 60.0  # after the last page
LOOK_S = 0.2


class Receiver:
    """Somebody takes in what lies in the spool: the daemon that runs already, or a station within this program."""

    def __init__(self, workplace: Workplace, settings: Settings, tell: Callable[..., None]) -> None:
        self._stop, self._ready = threading.Event(), threading.Event()
        self._failure: SohoaError | None = None
        self._station = Station(workplace, settings, (), self._stop, tell)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._station.run(self._ready.set)
        except StoreBusy:
            pass  # the daemon runs, and sees the spool
        except SohoaError as error:
            self._failure = error
        finally:
            self._ready.set()

    def __enter__(self) -> Receiver:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()


def scan_pages(
    workplace: Workplace, settings: Settings, device: str, params: ScanParams, book: Identity | None, wanted: int | None,
    next_page: Callable[[], bool], wait: Callable[[int], None] = lambda waiting: None,
    tell: Callable[[str, float], None] | None = None,
) -> Iterator[Scanned | Trouble]:
    """Scan into the spool, page by page; each page that is given is safe on the disk. A Trouble, if any, comes last.

    Without a book, cover sheets among the pages tell it. `wait` is told when so many captures wait to be developed
    that the glass has to pause; `tell`, twice a second, what the scanner does and for how many seconds it was silent.
    """
    from capture import scanners

    if book is not None and not workplace.log(str(book)).state().opened:
        shelf.add(workplace, book, {})
    folder = _session_folder(workplace.spool / (str(book) if book else UNSAFE.sub("-", device).strip("-")))
    make_folder(folder)

    def another() -> bool:
        _let_developing_catch_up(workplace, settings.watch.most_waiting, wait)
        return next_page()

    yield from scanners.scan(device, params, folder, wanted, another, tell)


def all_taken(workplace: Workplace) -> bool:
    """Wait until the spool is empty; False where nobody empties it."""
    deadline = time.monotonic() + TAKEN_WITHIN_S
    while any(path.is_file() for path in workplace.spool.rglob("*")):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    for session in workplace.spool.glob("*/*"):
        remove_empty(session)
    return True


def _session_folder(stream: Path) -> Path:
    """A folder of its own for a session, so that its names are new; it sorts after those that are there."""
    last = max((int(path.name[1:]) for path in stream.glob("S*") if path.name[1:].isdigit()), default=0)
    return stream / f"S{max(int(time.time()), last + 1)}"


def _let_developing_catch_up(workplace: Workplace, most: int, wait: Callable[[int], None]) -> None:
    told = False
    while True:
        try:
            with journal.read_only(workplace.root) as index:
                waiting = sum(states.get(journal.WAITING, 0) for states in index.counts().values())
        except StorageFailed:
            return  # no index to ask
        if waiting <= most:
            return
        if not told:
            wait(waiting)
            told = True
        time.sleep(1)
