"""Pictures of originals and pages, at the size that is asked for."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from book import Capture
from errors import NothingToDo, StorageFailed
from originals.durable import write_file
from webstation.pictures import OriginalPicture, PagePicture
from webstation.services import Services, log_name, view

THUMB, LARGEST = 240, 5000  # px
DIGITS = re.compile("[0-9]{1,9}")
PICTURE = re.compile("[0-9a-f]{32}")
FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}


def original(request: Request, services: Services) -> Response:
    """An original, upright. What was received never changes."""
    capture = _capture(services, log_name(request, services), request.path_params["capture"])
    path, limits = services.workplace.store.path(capture.sha256), services.settings.limits
    return _jpeg(services.pictures.ask(OriginalPicture(path, capture.frame, _side(request), limits)))


def page(request: Request, services: Services) -> Response:
    """A developed page, by the name of its file; a page that is made anew has another."""
    return _jpeg(services.pictures.ask(PagePicture(_developed(request, services), _side(request))))


def thumb(request: Request, services: Services) -> Response:
    """A developed page, small; kept, for it will be asked for again."""
    path = _developed(request, services)
    kept = path.parent / "thumbs" / path.name
    with suppress(FileNotFoundError):
        return _jpeg(kept.read_bytes())
    drawn = services.pictures.ask(PagePicture(path, THUMB))
    with suppress(StorageFailed):  # a full disk is no reason to show nothing
        write_file(kept, [drawn])
    return _jpeg(drawn)


def _side(request: Request) -> int:
    asked = request.query_params.get("w", "")
    return min(LARGEST, max(16, int(asked))) if DIGITS.fullmatch(asked) else 1000


def _capture(services: Services, book: str, name: str) -> Capture:
    state = services.workplace.log(book).state()
    found = next((capture for capture in state.captures if capture.id == name), None)
    if found is None:
        raise NothingToDo("page_gone", page=name[:20])
    return found


def _developed(request: Request, services: Services) -> Path:
    """Raises NothingToDo where there is no such page any more: the cache may be deleted."""
    name = request.path_params["picture"]
    path = services.workplace.pages / f"{name}.jpg"
    if not PICTURE.fullmatch(name) or not path.exists():
        raise NothingToDo("page_gone", page=name[:8])
    return path


def _jpeg(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg", headers=FOR_EVER)


routes = [
    Route("/books/{book}/pictures/original/{capture}", view(original)),
    Route("/pictures/page/{picture}", view(page)),
    Route("/pictures/thumb/{picture}", view(thumb)),
]
