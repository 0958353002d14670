"""What phones can ask for: the page itself, and with a key to add photos to its book and to hear how those stand.

The key stands behind the `#` of the address, which browsers send to nobody; the page's script shows it in a header. All
that is not here is answered alike, whatever it was.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from capture.phone import PhoneParams, Photo
from errors import SohoaError
from texts import LANGUAGES, catalogue, say
from webstation.phone.fates import ABSENT, WAITING, Fates
from webstation.phone.guard import KnownHost, TooSlow, pieces
from webstation.phone.keys import Keys, Wait
from webstation.phone.uploads import SHA256, NotTaken, Uploads
from webstation.security import StrictHeaders
from webstation.services import log_defect

PAGE = Path(__file__).parents[1]
FILES = ("phone.css", "phone.js", "phonelist.js", "phonesend.js", "phonesigns.js", "phonestore.js", "sha256.js")
KEY = "x-sohoa-key"
MOST_JSON = 16_000  # bytes of an order
MOST_LET_BY = 1 << 20  # bytes of a photo that is refused
MOST_ASKED = 100  # photos
LONGEST_NUMBER = 16  # digits
STATUS = {"malformed": 400, "not_announced": 404, "another_first": 409, "not_here": 409, "overtaken": 409, "too_large": 413,
          "too_long": 413, "no_image": 415, "differs": 460, "too_many": 503, "no_room": 507}
TROUBLE, DEFECT = 507, 500
LEFT = {"connection": "close"}  # with a body that is not read, the connection is worth nothing more


@dataclass(frozen=True)
class Door:
    """What the app works with. `changed` is told the book of which something came in."""

    keys: Keys
    uploads: Uploads
    fates: Fates
    params: PhoneParams
    changed: Callable[[str], None] = lambda book: None


def phone_app(door: Door, names: Iterable[str]) -> Starlette:
    """The app. `names` are those that phones may know this computer by, beside the address that they reach."""
    routes = [
        Route("/", _page, methods=["GET"]),
        *(Route(f"/{language}", _page, methods=["GET"]) for language in LANGUAGES),
        *(Route(f"/{file}", _file, methods=["GET"]) for file in FILES),
        Route("/state", _opened(_state), methods=["POST"]),
        Route("/photos", _opened(_announce), methods=["POST"]),
        Route("/photos/{sha256}", _opened(_photo), methods=["PATCH", "DELETE"]),
    ]
    handlers = {404: _nothing, 405: _nothing, Exception: _unexpected}
    app = Starlette(routes=routes, exception_handlers=handlers,
                    middleware=[Middleware(StrictHeaders), Middleware(KnownHost, names=names)])
    app.router.redirect_slashes = False
    app.state.door = door
    return app


async def _nothing(request: Request, error: Exception) -> Response:
    return Response(status_code=404, headers=LEFT)


async def _unexpected(request: Request, error: Exception) -> Response:
    log_defect(error)
    return _refused(request, DEFECT, "trouble")


async def _page(request: Request) -> Response:
    asked = request.url.path.strip("/")
    return HTMLResponse(_html(asked if asked in LANGUAGES else LANGUAGES[0]))


@cache
def _html(language: str) -> str:
    template = Environment(loader=FileSystemLoader(PAGE / "templates"), autoescape=True).get_template("phone.html")
    return template.render(words=dict(catalogue(language)["phone"]), language=language,
                           other=next(name for name in LANGUAGES if name != language))


async def _file(request: Request) -> Response:
    name = request.url.path.strip("/")
    return Response(_bytes(name), media_type="text/css" if name.endswith(".css") else "text/javascript")


@cache
def _bytes(name: str) -> bytes:
    return (PAGE / "static" / name).read_bytes()


Answer = Callable[[Request, Door, str], Awaitable[Response]]


def _opened(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """An answer for those alone whose key opens a book; what goes wrong is told in words."""

    async def asked(request: Request) -> Response:
        door: Door = request.app.state.door
        try:
            book = door.keys.book(request.headers.get(KEY, ""), request.client.host)
            if book is None:
                return _refused(request, 403, "key")
            return await answer(request, door, book)
        except Wait as error:
            return _refused(request, 429, "wait", {"retry-after": str(int(error.seconds) + 1)})
        except TooSlow:
            return _refused(request, 408, "slow")
        except NotTaken as error:
            return _refused(request, STATUS[error.code], error.code, {"upload-offset": str(error.offset)}, error.facts)
        except (SohoaError, OSError):  # its facts are the station's own affair
            return _refused(request, TROUBLE, "trouble")

    return asked


def _refused(
    request: Request, status: int, code: str, headers: dict[str, str] | None = None, facts: dict[str, Any] | None = None
) -> Response:
    told = facts or {}
    message = say("phone", code, _language(request), **told)
    return JSONResponse({"code": code, "message": message, **told}, status, {**LEFT, **(headers or {})})


def _language(request: Request) -> str:
    asked = request.headers.get("accept-language", "")[:2]
    return asked if asked in LANGUAGES else LANGUAGES[0]


async def _body(request: Request) -> dict[str, Any]:
    """The order's JSON object. Raises NotTaken."""
    data = bytearray()
    async for piece in pieces(_not_too_long(request.receive, MOST_JSON)):
        data += piece
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotTaken("malformed") from error
    if not isinstance(body, dict):
        raise NotTaken("malformed")
    return body


def _not_too_long(receive: Callable[[], Awaitable[Any]], most: int) -> Callable[[], Awaitable[Any]]:
    """The same body. Raises NotTaken where it is longer."""
    came = 0

    async def counted() -> Any:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > most:
            raise NotTaken("too_long")
        return message

    return counted


async def _state(request: Request, door: Door, book: str) -> Response:
    """Which book this is, and how the photos stand that are asked for; retakes take their places."""
    body = await _body(request)
    digests, session, retakes = body.get("photos", []), str(body.get("session", "")), body.get("retakes", {})
    if not (isinstance(digests, list) and isinstance(retakes, dict) and len(digests) + len(retakes) <= MOST_ASKED):
        raise NotTaken("malformed")
    return JSONResponse(await run_in_threadpool(_standing, door, book, _language(request), session, digests, retakes))


def _standing(
    door: Door, book: str, language: str, session: str, digests: list[Any], retakes: dict[str, Any]
) -> dict[str, Any]:
    known = [sha256 for sha256 in digests if isinstance(sha256, str) and SHA256.fullmatch(sha256)]
    photos = {sha256: fate.to_json(language) for sha256, fate in door.fates.of(book, known).items()}
    for sha256, told in photos.items():
        if told["state"] == ABSENT and door.uploads.is_whole(book, sha256):
            told["state"] = WAITING
    replaced = [new for new, old in retakes.items() if door.fates.supersede(book, session, str(old), new)]
    return {"book": book, "minutes": round(door.keys.minutes_left().get(book, 0.0)), "most_mb": door.params.max_mb,
            "photos": photos, "replaced": replaced}


async def _announce(request: Request, door: Door, book: str) -> Response:
    """A photo is to come: how much of it is here, or how it stands where it is here whole."""
    body = await _body(request)
    try:
        photo = Photo(book, str(body["session"]), int(body["number"]), str(body["sha256"]), int(body["length"]),
                      str(body.get("name", "")))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NotTaken("malformed") from error
    await run_in_threadpool(door.keys.prolong, request.headers[KEY])
    return JSONResponse(await run_in_threadpool(_announced, door, photo))


def _announced(door: Door, photo: Photo) -> dict[str, Any]:
    known = SHA256.fullmatch(photo.sha256) and door.fates.of(photo.book, [photo.sha256])[photo.sha256].state != ABSENT
    if known or door.uploads.is_whole(photo.book, photo.sha256):
        return {"offset": photo.length, "whole": True}
    return {"offset": door.uploads.announce(photo), "whole": False}


async def _photo(request: Request, door: Door, book: str) -> Response:
    sha256 = request.path_params["sha256"]
    if not SHA256.fullmatch(sha256):
        raise NotTaken("malformed")
    if request.method == "DELETE":
        session = request.headers.get("photo-session", "")
        await run_in_threadpool(door.uploads.cancel, book, session, sha256)
        return Response(status_code=204)
    return await _receive(request, door, book, sha256)


async def _receive(request: Request, door: Door, book: str, sha256: str) -> Response:
    """The next bytes of a photo, written down as they come; with the last one it is the desk's."""
    offset, length = (_number(request.headers.get(name, "")) for name in ("upload-offset", "content-length"))
    try:
        if offset is None:
            raise NotTaken("malformed")
        receiving = await run_in_threadpool(door.uploads.begin, book, sha256, offset, length)
    except NotTaken:
        await _let_by(request)
        raise
    async for data in pieces(request.receive):
        await run_in_threadpool(receiving.take, data)
        await run_in_threadpool(door.keys.prolong, request.headers[KEY])
    if receiving.complete:
        await run_in_threadpool(receiving.finish)
        door.changed(book)
    return Response(status_code=204, headers={"upload-offset": str(receiving.offset)})


async def _let_by(request: Request) -> None:
    """Take in a body that nobody wants, if it is not long: the answer is lost where the line is cut while it still comes."""
    with suppress(NotTaken, TooSlow):
        async for _ in pieces(_not_too_long(request.receive, MOST_LET_BY)):
            pass


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < LONGEST_NUMBER else None
