"""The page of the station as an ASGI app: its routes, and what stands before them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from texts import LANGUAGES
from webstation.hub import Event
from webstation.security import OwnHost, OwnPage, StrictHeaders
from webstation.services import HERE, Services, unexpected, words_of_page
from webstation.views import books, capture, cases, entrance, pack, pictures, review

NAMES = ("127.0.0.1", "localhost", "[::1]")
ALIVE_S = 15.0  # a line is sent at least so often, so that a lost connection is noticed
MOST_BEHIND = 1000  # events: with a page that is farther behind the connection is ended, and it asks anew
NUMBER = re.compile("[0-9]{1,15}")


def desk_app(services: Services, port: int) -> Starlette:
    """The app for this computer's own browsers, at `port`."""
    hosts = [f"{name}:{port}" for name in NAMES] + (list(NAMES) if port == 80 else [])
    routes = [
        *entrance.routes, *books.routes, *capture.routes, *review.routes, *cases.routes, *pack.routes, *pictures.routes,
        Route("/events", events),
        Route("/words.js", words),
        Mount("/static", Static(directory=HERE / "static")),
    ]
    app = Starlette(routes=routes, exception_handlers={Exception: unexpected}, middleware=[
        Middleware(StrictHeaders),
        Middleware(OwnHost, hosts=hosts),
        Middleware(OwnPage, people=services.people, cookie=services.cookie, origins=[f"http://{host}" for host in hosts]),
    ])
    app.state.services = services
    return app


class Static(StaticFiles):
    """Our own files: kept by the browser, and asked for again, so that a new program is seen at once."""

    def file_response(self, *arguments, **options) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["cache-control"] = "no-cache"
        return response


async def words(request: Request) -> Response:
    """All sentences for the scripts, in one language."""
    asked = request.query_params.get("language", "")
    text = json.dumps(words_of_page(asked if asked in LANGUAGES else LANGUAGES[0]), ensure_ascii=False)
    return Response(f"window.SOHOA_WORDS = {text};", media_type="text/javascript", headers={"cache-control": "no-cache"})


async def events(request: Request) -> Response:
    """What happens, as server-sent events, for as long as the page is open."""
    if request.scope["session"] is None:
        return Response(status_code=401)
    last = request.headers.get("last-event-id", "")
    stream = _events(request, int(last) if NUMBER.fullmatch(last) else None)
    return StreamingResponse(stream, media_type="text/event-stream")


async def _events(request: Request, after: int | None) -> AsyncIterator[str]:
    services: Services = request.app.state.services
    loop, waiting, behind = asyncio.get_running_loop(), asyncio.Queue[Event](MOST_BEHIND), asyncio.Event()

    def put(event: Event) -> None:
        try:
            waiting.put_nowait(event)
        except asyncio.QueueFull:
            behind.set()

    def hear(event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(put, event)

    end = services.hub.listen(hear, after)
    try:
        yield "retry: 1000\n\n"
        while not behind.is_set() and services.people.lives(request.scope["session_key"]):
            try:
                event = await asyncio.wait_for(waiting.get(), ALIVE_S)
                data = json.dumps(event.facts, ensure_ascii=False, default=str)
                yield f"id: {event.number}\nevent: {event.name}\ndata: {data}\n\n"
            except TimeoutError:
                yield ": \n\n"
    finally:
        end()
