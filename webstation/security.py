"""Who may ask the page what: only this computer's own browser, in a session, from the page itself.

A page on loopback can be reached by every web site that the same browser shows: by a name that points here (DNS
rebinding), by forms and links (cross-site requests), in a frame. So the host that is asked for is compared with our own
address, orders want a token that only our page knows, and answers forbid to be framed or taken for something else.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webstation.people import People

TOKEN_HEADER = "x-sohoa"
ORDERS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
READS = frozenset({"GET", "HEAD"})
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
          "media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
STRICT = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
CACHE = "cache-control"


class StrictHeaders:
    """Adds to every answer what keeps it from being framed, guessed at, or kept by the browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in STRICT.items():
                    headers[name] = value
                if CACHE not in headers:
                    headers[CACHE] = "no-store"
            await send(message)

        await self._app(scope, receive, strictly if scope["type"] == "http" else send)


class OwnHost:
    """Lets only requests through that ask for one of our own addresses, by its very name and port."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app, self._hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._ours(Headers(scope=scope)):
            await PlainTextResponse("421", 421)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _ours(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        return len(hosts) == 1 and hosts[0].lower() in self._hosts


class OwnPage:
    """Finds the session of a request, and refuses orders that do not come from a page of that session.

    `scope["session"]` is the Session or None; what may be seen without one is left to the views.
    """

    def __init__(self, app: ASGIApp, people: People, cookie: str, origins: Iterable[str]) -> None:
        self._app, self._people, self._cookie, self._origins = app, people, cookie, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = HTTPConnection(scope)
            key = request.cookies.get(self._cookie, "")
            scope["session_key"], scope["session"] = key, self._people.session(key) if key else None
            refused = self._refused(scope, request.headers)
            if refused:
                await PlainTextResponse(str(refused), refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> int:
        if scope["method"] in READS:
            return 403 if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") else 0
        if scope["method"] not in ORDERS:
            return 405
        if headers.get("origin", "") not in self._origins or headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403
        session = scope["session"]  # the order to enter has none yet; views ask for one
        token = headers.get(TOKEN_HEADER, "")
        if session is not None and not hmac.compare_digest(token.encode(), session.token.encode()):
            return 403
        return 0
