"""What stands before the phones' app: how many may knock, who is heard, and how long a body may take."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_CONNECTIONS, MOST_OF_ONE = 180, 40  # in all, and from one address: phones may share one behind a router
ALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}  # s, s, times: a phone that is gone frees its place
PIECE = 1 << 20  # bytes held in memory for one request
SLOW_S, SLOW_BYTES = 20.0, 20_000  # so many bytes at least in so long a time


class NarrowSocket(socket.socket):
    """A listening socket that hangs up at once on those who are too many or unwelcome, before anything is spent on them."""

    @classmethod
    def of(cls, listening: socket.socket, unwelcome: Callable[[str], object]) -> NarrowSocket:
        """Takes the place of a socket that is bound. `unwelcome` is asked about each address."""
        narrow = cls(listening.family, listening.type, listening.proto, fileno=listening.detach())
        narrow._taken, narrow._unwelcome = [], unwelcome
        return narrow

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().accept()
        self._taken = [held for held in self._taken if held[0].fileno() != -1]
        of_one = sum(host == address[0] for _, host in self._taken)
        if len(self._taken) >= MOST_CONNECTIONS or of_one >= MOST_OF_ONE or self._unwelcome(address[0]):
            connection.close()
            raise ConnectionAbortedError
        self._taken.append((connection, address[0]))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in ALIVE.items():
            with suppress(AttributeError, OSError):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return connection, address


class KnownHost:
    """Lets requests through that ask for this computer by the address they came to, or by one of its names.

    A web site elsewhere may give its own name this address (DNS rebinding); such a name is none of ours.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app, self._names = app, frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._known(scope):
            await Response(status_code=404)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) != 1:
            return False
        name, _, port = hosts[0].lower().partition(":")
        address, own_port = scope["server"]
        default = "443" if scope["scheme"] == "https" else "80"
        return name in {address, *self._names} and (port or default) == str(own_port)


class TooSlow(Exception):
    """The body comes in drops."""


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body of a request in pieces of about PIECE bytes, to its end or to where its sender is gone.

    Raises TooSlow for one that comes in drops, when it has given what came.
    """
    pace, held = _Pace(), bytearray()
    async for data in _as_it_comes(receive, pace):
        held += data
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
    if pace.slow:
        raise TooSlow


class _Pace:
    """How much came lately, and for how long that was waited for. What the disk takes is no fault of the phone."""

    def __init__(self) -> None:
        self.waited, self.came, self.slow = 0.0, 0, False

    def note(self, seconds: float, length: int) -> None:
        self.waited, self.came = self.waited + seconds, self.came + length
        if self.waited >= SLOW_S:
            self.slow = self.came < SLOW_BYTES
            self.waited, self.came = 0.0, 0


async def _as_it_comes(receive: Receive, pace: _Pace) -> AsyncIterator[bytes]:
    more = True
    while more and not pace.slow:
        before, message = time.monotonic(), None
        with suppress(TimeoutError):
            message = await asyncio.wait_for(receive(), max(0.01, SLOW_S - pace.waited))
        data, more = _of(message)
        pace.note(time.monotonic() - before, len(data))
        yield data


def _of(message: Message | None) -> tuple[bytes, bool]:
    """The bytes of a message, and whether there are more to come. None: nothing came yet."""
    if message is None:
        return b"", True
    if message["type"] != "http.request":
        return b"", False
    return message.get("body", b""), message.get("more_body", False)
