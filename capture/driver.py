"""A device driver in a process of its own: start it, talk to it in lines of JSON, watch it, end it.

Drivers crash and hang, and take the program with them; this program never loads one. The worker sends a heartbeat
twice a second with the processor time that it and its driver have used: a driver that uses none is asleep. What the
messages mean is left to the caller and its worker.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
GRACE = 2.0  # s for a driver to finish in good order before it is killed
LOOK = 0.25  # s
AWAKE = 0.0002  # s of processor time that show that a driver does something; asleep it uses about 2e-6 a second
WINDOWLESS = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows: no console opens beside a program that has none
PLAIN = ("-P", "-X", "utf8")  # an embeddable Python does not look at PYTHONUTF8
APPENDED = "import runpy, sys; sys.path.append(sys.argv[1]); runpy.run_module(sys.argv[2], run_name='__main__')"
FATAL = ("Fatal Python error", "Windows fatal exception")  # how faulthandler's report begins
LONGEST = 600.0  # s in one state, however busy: A3 at 1200 dpi over slow USB takes about 200


class DriverGone(Exception):
    """The driver hangs or has ended before its time. `code` is `hangs` or `crashed`."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code, self.facts = code, facts


class Driver:
    """A worker module in a process of its own, with its first order. Use it as a context: at its end it is gone.

    python: the Python that runs it, where that is not this program's own (32-bit drivers need a 32-bit one). It has
    libraries of its own, which go before those of this program. Raises OSError where it cannot be started.
    """

    def __init__(self, module: str, order: Mapping[str, Any], python: Path | None = None) -> None:
        command, paths = _command(module, python)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, creationflags=WINDOWLESS,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self._lines: queue.Queue[tuple[float, dict[str, Any] | None]] = queue.Queue()
        self._said: deque[str] = deque(maxlen=40)
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._listen, self._overhear)]
        for reader in self._readers:
            reader.start()
        self._finished = False
        self.send(order)

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        with suppress(OSError):
            self._process.stdin.close()  # the worker takes this as its end
        if not isinstance(error, DriverGone):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):  # one that the kernel holds cannot be waited for
            self._process.wait(GRACE)
            for reader, pipe in zip(self._readers, (self._process.stdout, self._process.stderr), strict=True):
                reader.join(GRACE)
                if not reader.is_alive():  # else a program that the driver has started holds the pipe: closing would wait
                    pipe.close()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; to a worker that is gone it is lost, which `messages` will tell."""
        with suppress(OSError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def messages(
        self, silent: float, asleep: Mapping[str, float], tell: Callable[[str, float], None] | None = None
    ) -> Iterator[dict[str, Any]]:
        """What the worker says, until its message with `end`. Raises DriverGone.

        silent: longest time without any word from it, s; asleep: state → longest time in which the driver uses
        no processor, s; states not named may last. `tell` gets the state and the seconds asleep at each heartbeat.
        """
        watch = _Watch(silent, asleep)
        while True:
            try:
                when, message = self._lines.get(timeout=LOOK)
            except queue.Empty:
                watch.check(time.monotonic())
                continue
            if message is None:
                raise DriverGone("crashed", **self._last_words())
            watch.hear(when, message)
            watch.check(when)
            if "beat" not in message:
                yield message
                if "end" in message:
                    return
            elif tell:
                tell(watch.state, when - watch.awake)

    def _listen(self) -> None:
        with suppress(ValueError, OSError):
            for line in self._process.stdout:
                with suppress(ValueError):
                    self._lines.put((time.monotonic(), json.loads(line)))
        self._lines.put((time.monotonic(), None))

    def _overhear(self) -> None:
        with suppress(ValueError, OSError):
            for line in self._process.stderr:
                self._said.append(line.decode("utf-8", "replace").strip())

    def _last_words(self) -> dict[str, object]:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._readers[1].join(GRACE)
        last = next(filter(None, reversed(self._said)), "")
        reason = next((line for line in self._said if line.startswith(FATAL)), last)
        return {"exit": self._process.returncode, "reason": reason}


def _command(module: str, python: Path | None) -> tuple[list[str], str]:
    """How to start a worker, and its PYTHONPATH."""
    if python is not None:  # -E: what is set for this program's Python would lead another one astray
        return [str(python), "-E", *PLAIN, "-c", APPENDED, str(ROOT), module], ""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return [sys.executable, *PLAIN, "-m", module], paths


class _Watch:
    """When a worker was last heard, and when its driver last did something."""

    def __init__(self, silent: float, asleep: Mapping[str, float]) -> None:
        self._silent, self._asleep = silent, asleep
        self.state = ""
        self.heard = self.awake = self._since = time.monotonic()
        self._used = 0.0

    def hear(self, when: float, message: Mapping[str, Any]) -> None:
        self.heard = when
        state, used = message.get("beat", self.state), message.get("used", self._used)
        if state != self.state:
            self.state, self._since = state, when
        elif "beat" in message and used - self._used < AWAKE:
            return
        self.awake, self._used = when, used

    def check(self, now: float) -> None:
        """Raises DriverGone when it is to be given up."""
        limit = self._asleep.get(self.state)
        for start, longest in ((self.heard, self._silent), (self.awake, limit), (self._since, limit and LONGEST)):
            if longest is not None and now - start > longest:
                raise DriverGone("hangs", seconds=round(now - start, 1), doing=self.state)
