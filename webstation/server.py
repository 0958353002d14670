"""Listeners in threads of the daemon: the page of this computer, and the door for phones while it is open."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from errors import StorageFailed

STARTS_WITHIN_S = 10.0
ENDS_WITHIN_S = 3
TIED_UP = 200  # connections at most; more are told to come again


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate and its private key."""

    certificate: Path
    key: Path


for _name in ("uvicorn", "uvicorn.error"):  # what goes wrong is told by our own log, without what it was about
    logging.getLogger(_name).disabled = True


class Listener:
    """One app at one address, in a thread of its own. Raises StorageFailed `port_taken` where another has it."""

    def __init__(self, host: str, port: int) -> None:
        """`port` 0: any that is free."""
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self, app: ASGIApp, certificate: Certificate | None = None) -> None:
        """Begin to answer; returns when it does. Raises StorageFailed `page_not_started`, as with a spoilt certificate."""
        tls = {"ssl_certfile": str(certificate.certificate), "ssl_keyfile": str(certificate.key)} if certificate else {}
        self._server = uvicorn.Server(uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", server_header=False, date_header=False, http="h11",
            loop="asyncio", ws="none", limit_concurrency=TIED_UP, timeout_keep_alive=30,
            timeout_graceful_shutdown=ENDS_WITHIN_S, proxy_headers=False, **tls))
        self._thread = threading.Thread(target=self._run, name=f"listener-{self.port}", daemon=True)
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(STARTS_WITHIN_S / 0.01)):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waited.wait(0.01)
        self.stop()
        raise StorageFailed("page_not_started", port=str(self.port))

    def _run(self) -> None:
        """With a loop that asks the socket itself for each connection, on Windows too: it may turn some away (`guard`)."""
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """Ends it, and what is being answered after a moment."""
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(ENDS_WITHIN_S + 2)
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    """A socket at the address. Windows lets two programs share a port unless one forbids it."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on: 40 ms
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise StorageFailed("port_taken", port=str(port), reason=error.strerror or str(error)) from error
    return bound
