"""What a service owes the system that runs it: structured logs, a clean stop, and signs of life.

Log lines are JSON with codes, counts and short hashes: never a file's name, never anything that stands on a page.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from typing import Any


def log(event: str, **facts: Any) -> None:
    """One line of JSON on the error stream, unless a person sits there: they have the page."""
    if sys.stderr.isatty():
        return
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **facts}
    print(json.dumps(line, ensure_ascii=False, default=str), file=sys.stderr, flush=True)


def stop_on_signals() -> threading.Event:
    """An event that is set when the system or a person asks the program to end."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        stop.set()

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    if hasattr(signal, "SIGBREAK"):  # Windows: the console or the service's wrapper is closed
        signal.signal(signal.SIGBREAK, ask)
    return stop


def notify(state: str) -> None:
    """Tell systemd (`READY=1`, `WATCHDOG=1`, `STOPPING=1`; sd_notify(3)); nothing where it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):  # a name in the abstract name space
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.connect(address)
            channel.sendall(state.encode("utf-8"))
        except OSError:
            return
