"""What a running station tells other programs of the same person: where its page is, and how it is asked to end.

Its note lies in the store as long as it runs, for the person's own account alone (on Windows: for whom the store's folder
is open), since the page's address carries the key of the start. A file beside it with the note's word in it is the wish that
it ends: that needs no signal, and Windows has none for a program without a console. Whether it runs is told by the store's
lock alone: a note may be left over from a power cut.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field

from errors import StorageFailed, StoreBusy
from originals.durable import locked, remove, write_file, write_private
from originals.store import LOCK
from workplace import Workplace

NOTE, WISH = ".sohoa-running", ".sohoa-end"
LOOK_S = 0.5  # between two looks for the wish, s
READ_AGAIN_S = 0.1  # between two looks whether it has ended, s


@dataclass(frozen=True)
class Running:
    """A station that runs: the address of its page with the key of the start (empty: without a page), and the word that
    a wish for its end carries.
    """

    address: str = ""
    word: str = field(default_factory=lambda: secrets.token_hex(8))


def running(workplace: Workplace) -> Running | None:
    """What the station of this store has noted, or nothing. Whether it still runs is not asked."""
    with suppress(OSError, ValueError, TypeError):
        return Running(**json.loads((workplace.root / NOTE).read_text(encoding="utf-8")))
    return None


@contextmanager
def noted(workplace: Workplace, address: str, stop: threading.Event) -> Iterator[None]:
    """Keep the note while the block runs, and set `stop` when somebody wishes for the end. It begins with the store locked.

    A disk that fails keeps no station from running: the note is written as soon as it can be.
    """
    here, ended = Running(address), threading.Event()
    is_written = _write(workplace, here)
    looking = threading.Thread(target=_look, args=(workplace, here, is_written, stop, ended), daemon=True)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()
        with suppress(StorageFailed):
            if running(workplace) in (here, None):  # the next station may have written its own: the store is free by now
                remove(workplace.root / NOTE)
                remove(workplace.root / WISH)


def _write(workplace: Workplace, here: Running) -> bool:
    try:
        write_private(workplace.root / NOTE, json.dumps(asdict(here)).encode("utf-8"))
    except StorageFailed:
        return False
    return True


def _look(workplace: Workplace, here: Running, is_written: bool, stop: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(LOOK_S):
        is_written = is_written or _write(workplace, here)
        with suppress(OSError):
            if (workplace.root / WISH).read_text(encoding="utf-8") == here.word:
                stop.set()


def is_running(workplace: Workplace) -> bool:
    """Whether a program works on the store. Raises StorageFailed."""
    if not workplace.root.is_dir():
        return False
    try:
        with locked(workplace.root / LOCK):
            return False
    except StoreBusy:
        return True


def end(workplace: Workplace, patience: float) -> bool:
    """Ask the station of this store to end and wait `patience` seconds until it has; True where none runs any more.

    Raises StorageFailed.
    """
    deadline, asked = time.monotonic() + patience, ""
    while is_running(workplace):
        here = running(workplace)
        if here is not None and here.word != asked:
            write_file(workplace.root / WISH, [here.word.encode("utf-8")])
            asked = here.word
        if time.monotonic() > deadline:
            return False
        time.sleep(READ_AGAIN_S)
    return True
