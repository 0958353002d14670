"""Packing and checking as the page orders them: one book at a time, in a process of its own, its progress told.

The libraries of packages take more memory than the rest of the station; when the process ends, that is free again.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from book import Identity
from errors import Refused, SohoaError
from settings import Settings
from texts import LANGUAGES
from webstation.hub import Hub
from workplace import Workplace

IDLE, RUNNING, DONE, FAILED = "idle", "running", "done", "failed"
PACK, VERIFY = "pack", "verify"
TOLD_S = 0.2  # progress is told no oftener


@dataclass(frozen=True)
class Order:
    """What is to be done with a book, by whom."""

    what: str
    book: str
    by: str


@dataclass(frozen=True)
class Standing:
    """Where an order stands: `idle`, `running`, `done` (`good`, and `lines` by language) or `failed` (`code`, `facts`)."""

    what: str = PACK
    book: str = ""
    state: str = IDLE
    step: str = ""
    done: int = 0
    of: int = 0
    good: bool = True
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    code: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Packing:
    """Takes orders from any number of threads, one after another."""

    def __init__(self, workplace: Workplace, settings: Settings, hub: Hub) -> None:
        self._root, self._settings, self._hub = workplace.root, settings, hub
        self._lock, self._last = threading.Lock(), Standing()
        self._process: Any = None
        self._closed = False

    def standing(self, book: str) -> Standing:
        """Where the last order stands, if it was for this book."""
        held = self._last
        return held if held.book == book else Standing(book=book)

    def start(self, order: Order) -> None:
        """Begin. Raises Refused while another is being done."""
        with self._lock:
            if self._last.state == RUNNING:
                raise Refused("packing_at_work", book=self._last.book)
            self._last = Standing(order.what, order.book, RUNNING)
        threading.Thread(target=self._run, args=(order,), name="packing", daemon=True).start()

    def close(self) -> None:
        """End it; a package is whole or absent, whenever that is."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()

    def _run(self, order: Order) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=carry_out, args=(theirs, self._root, self._settings, order), daemon=False)
        with suppress(OSError):
            with self._lock:
                if self._closed:
                    return
                process.start()
                self._process = process
            theirs.close()
            for news in _said(ours, process):
                self._say(replace(self._last, **news))
        if self._last.state == RUNNING:
            self._say(replace(self._last, state=FAILED, code="packing_died", facts={}))
        if process.pid is not None:
            process.join()

    def _say(self, standing: Standing) -> None:
        self._last = standing
        self._hub.tell("packing", what=standing.what, book=standing.book, state=standing.state, step=standing.step,
                       done=standing.done, of=standing.of)


def _said(pipe: Connection, process: BaseProcess) -> Iterator[dict[str, Any]]:
    """What a process says until it has said all, or died: on Windows the pipe of one that dies as it starts stays open."""
    with suppress(EOFError, OSError):
        while wait([pipe, process.sentinel]):
            if pipe.poll():
                yield pipe.recv()
            elif not process.is_alive() and not pipe.poll():
                return


def carry_out(pipe: Connection, root: Path, settings: Settings, order: Order) -> None:
    """Do what is ordered, in a process of its own; what there is to tell goes through the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the station's to act on
    try:
        pipe.send((_pack if order.what == PACK else _verify)(pipe, Workplace(root), settings, order))
    except SohoaError as error:
        pipe.send({"state": FAILED, "code": error.code, "facts": error.facts})
    except OSError as error:
        facts = {"reason": error.strerror or str(error), "file": error.filename or ""}
        pipe.send({"state": FAILED, "code": "system", "facts": facts})
    except Exception as error:  # a defect of ours; what it was about may be personal, and comes into no log
        pipe.send({"state": FAILED, "code": "packing_defect", "facts": {"reason": type(error).__name__}})


def _pack(pipe: Connection, workplace: Workplace, settings: Settings, order: Order) -> dict[str, Any]:
    import summary
    from station import shelf

    outcome = shelf.pack(workplace, Identity.parse(order.book), settings, 0, _teller(pipe), by=order.by)
    lines = {language: tuple(summary.in_words(outcome, language).split("\n")[1:]) for language in LANGUAGES}
    return {"state": DONE, "lines": lines}  # but for the first: how many images came, which the page tells all the time


def _verify(pipe: Connection, workplace: Workplace, settings: Settings, order: Order) -> dict[str, Any]:
    import summary
    from bookpack.verify import examine

    folder = workplace.packages(order.book)
    found = examine(folder, settings.signature.trust, _teller(pipe))
    lines = {language: tuple(summary.verified(folder, found, {}, language)) for language in LANGUAGES}
    return {"state": DONE, "good": all(item.note for item in found), "lines": lines}


def _teller(pipe: Connection) -> Any:
    """Tells progress, not too often."""
    last = 0.0

    def tell(step: str, done: int, of: int) -> None:
        nonlocal last
        if done == of or time.monotonic() - last > TOLD_S:
            last = time.monotonic()
            pipe.send({"step": step, "done": done, "of": of})

    return tell
