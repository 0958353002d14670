"""The line between the program and the disposable process in which a scanner's driver runs; this is the driver's end.

The protocol is the same for every family of drivers (SANE, TWAIN). Each message is one line of JSON in UTF-8, an object.

To the driver, on its standard input; the end of the stream means: finish the page at hand, keep it, and end.

    {"do": "list", ...}                                    which scanners are there?
    {"do": "describe", "devices": [DEVICE, ...], ...}      what can each of these do?
    {"do": "scan", "device": NAME, "params": PARAMS, "folder": PATH, "wanted": N or null, ...}
    {"do": "next"} or {"do": "stop"}                       the answer to "ask"

DEVICE and PARAMS are the fields of `devices.Device` and `devices.ScanParams`. The dots stand for what a family needs
besides: TWAIN's orders name the source manager ("manager", a path) and what its devices' names begin with ("prefix").

From the driver, on its standard output:

    {"beat": STATE, "used": SECONDS}      twice a second, and "beat" alone at once when the state changes; `used`: processor
                                          time of the driver; STATE: listing, opening, starting, reading, saving, waiting
    {"found": [DEVICE, ...]}              answers list
    {"described": DEVICE or null, ...}    answers describe, one for each device; null with "code" where it cannot be opened
    {"page": {"path", "width", "height", "dpi", "number"}}     a page is durable in the folder, whole, under its name
    {"ask": true}                         the page on the glass is done: is there another?
    {"trouble": CODE, "facts": {...}}     why the work ends early; the code names a sentence of the catalogue
    {"end": true}                         the last word; what comes after it has only little time

What drivers print goes to the error stream, of which the program keeps the last lines for its report of a crash.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from typing import Any

from errors import SohoaError

BEAT = 0.5  # s
TICK = 0.02 if os.name == "nt" else 0.0  # s; Windows counts a thread's time in ticks, of which one more proves nothing
ORPHAN = 30.0  # s that a page may still take when nobody listens any more


class Line:
    """The line to the program that started this process; standard input and output are taken for it."""

    def __init__(self) -> None:
        self._in, self._out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)  # some drivers print
        if os.name == "nt":
            _tell_windows()
        self._lock = threading.Lock()
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self.stopped = threading.Event()
        self._state = "opening"
        for work in (self._listen, self._beat):
            threading.Thread(target=work, daemon=True).start()

    def state(self, state: str) -> None:
        """What the driver is about to do; it is told at once."""
        self._state = state
        self.say(beat=state)

    def say(self, **message: Any) -> None:
        """Send a message. Where nobody listens any more, the page at hand is still finished and kept."""
        with self._lock:
            try:
                self._out.write(json.dumps(message).encode() + b"\n")
            except OSError:
                self.stopped.set()

    def end(self, error: SohoaError | None = None) -> None:
        """The last word; what comes after it has only little time."""
        if error:
            self.say(trouble=error.code, facts=error.facts)
        self.say(end=True)

    def order(self, timeout: float | None = None) -> dict[str, Any]:
        """The next order; nothing when none has come within the time."""
        try:
            return self._orders.get(timeout=timeout)
        except queue.Empty:
            return {}

    def _listen(self) -> None:
        for line in self._in:
            self._orders.put(json.loads(line))
        self.stopped.set()
        self._orders.put({"do": "stop"})
        time.sleep(ORPHAN)
        os._exit(1)

    def _beat(self) -> None:
        work = Work()
        while not self.stopped.wait(BEAT):
            own = time.thread_time()  # no sign of the driver
            self.say(beat=self._state, used=work.told(time.process_time() - own))


class Work:
    """Tells a driver that does something from the noise of its clock: processor time counts if there was more of it than
    `tick` s within `beats` beats. A driver that hands over a page slowly uses more, one that sleeps less.
    """

    def __init__(self, tick: float = TICK, beats: int = 10) -> None:
        self._tick, self._beats = tick, beats
        self._told = self._before = 0.0
        self._since = 0

    def told(self, used: float) -> float:
        """The processor time to be told, s, at a beat at which `used` s were."""
        self._since += 1
        if used - self._before > self._tick:
            self._told, self._before, self._since = used, used, 0
        elif self._since == self._beats:
            self._before, self._since = used, 0
        return self._told


def _tell_windows() -> None:
    """Let the standard streams that Windows itself knows be those of this process now.

    A library asks about them while it is loaded, and waits for ever where another thread reads that very pipe. A Python
    without a console does not tell Windows when its streams change.
    """
    import ctypes
    import msvcrt

    tell = ctypes.WinDLL("kernel32").SetStdHandle
    tell.argtypes = (ctypes.c_uint32, ctypes.c_void_p)
    for stream, known_as in ((0, -10), (1, -11)):
        tell(known_as & 0xFFFFFFFF, msvcrt.get_osfhandle(stream))
