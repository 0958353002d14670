"""What the views of the page work with, and how a view is made: JSON in, a page or JSON out, errors in words."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from book import Identity
from errors import BadConfig, BadIdentity, NothingToDo, Refused, SohoaError, StorageFailed, StoreBusy, UnreadableImage
from originals.stationlog import UNSORTED
from settings import Settings
from texts import LANGUAGES, catalogue, say, written
from webstation.hub import Hub
from webstation.orders import Order, order_of
from webstation.people import People, Session
from workplace import Workplace

if TYPE_CHECKING:
    from webstation.packing import Packing
    from webstation.pictures import Pictures
    from webstation.scanner import Scanner

HERE = Path(__file__).parent
MOST_JSON = 1 << 20  # bytes of an order
STATUS = {NothingToDo: 404, BadIdentity: 404, StoreBusy: 409, Refused: 409, StorageFailed: 507, BadConfig: 422,
          UnreadableImage: 422}


@dataclass(frozen=True)
class Services:
    """All that a view may use. `poke()` tells the daemon that a log has something new, `poke(book, captures)` that a person
    waits for these to be developed; `version` names the program's files.
    """

    workplace: Workplace
    settings: Settings
    hub: Hub
    people: People
    pictures: Pictures
    previews: Pictures
    scanner: Scanner
    packing: Packing
    phones: Any
    inboxes: tuple[Path, ...]
    poke: Callable[..., None]
    version: str
    cookie: str


View = Callable[[Request, Services], Response]


def view(function: View, public: bool = False) -> Callable[[Request], Any]:
    """A view that runs in a thread, with its `Order` in `request.state.body`; without a session it leads to the entrance.

    `public`: for those who have not said who they are, too.
    """

    @wraps(function)
    async def answer(request: Request) -> Response:
        services: Services = request.app.state.services
        try:
            if not public and request.scope["session"] is None:
                return _to_the_entrance(request)
            request.state.body = await _body(request) if request.method == "POST" else Order()
            return await run_in_threadpool(function, request, services)
        except SohoaError as error:
            return told(request, error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody hears it

    return answer


def public_view(function: View) -> Callable[[Request], Any]:
    """A view for those, too, who have not said who they are."""
    return view(function, public=True)


def _to_the_entrance(request: Request) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/", 303)
    return told(request, Refused("person_gone"), 401)


async def _body(request: Request) -> Order:
    """What is ordered. Raises Refused, and ClientDisconnect where the browser is gone."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused("order_no_json")
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MOST_JSON:
            raise Refused("order_too_long")
    return order_of(data)


def told(request: Request, error: SohoaError, status: int = 0) -> Response:
    """An expected failure in the person's words."""
    code = status or next((number for kind, number in STATUS.items() if isinstance(error, kind)), 500)
    message = say("error", error.code, language(request), **error.facts)
    if "text/html" in request.headers.get("accept", "") and request.method == "GET":
        return page(request, "error.html", code, message=message)
    return JSONResponse({"error": {"code": error.code, "message": message}}, code)


async def unexpected(request: Request, error: Exception) -> Response:
    """A defect."""
    log_defect(error)
    return told(request, SohoaError("page_failed"))


def log_defect(error: Exception) -> None:
    """Tell of a defect without what it was about, which may be personal."""
    from station import service

    last = traceback.extract_tb(error.__traceback__)[-1]
    service.log("page_failed", kind=type(error).__name__, where=f"{Path(last.filename).name}:{last.lineno}")


def session(request: Request) -> Session | None:
    """The session of whoever asks."""
    return request.scope["session"]


def person(request: Request) -> str:
    """The name of whoever asks, for the logs."""
    return request.scope["session"].person


def language(request: Request) -> str:
    """The language of whoever asks."""
    held = request.scope.get("session")
    if held is not None:
        return held.language
    asked = request.cookies.get("sohoa_language", "")
    return asked if asked in LANGUAGES else request.app.state.services.settings.general.language


def identity(request: Request, services: Services) -> Identity:
    """The book that the address names. Raises BadIdentity; NothingToDo where there is none."""
    name = request.path_params["book"]
    found = Identity.parse(name)
    if str(found) != name or not services.workplace.log(name).path.exists():
        raise NothingToDo("book_unknown", book=name, out=services.workplace.root.name)
    return found


def log_name(request: Request, services: Services) -> str:
    """The same, or the pages that wait for their book."""
    name = request.path_params["book"]
    return UNSORTED if name == UNSORTED else str(identity(request, services))


_TEMPLATES = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(["html"]),
                         trim_blocks=True, lstrip_blocks=True)
_TEMPLATES.filters["written"] = written


def page(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """A page of the templates, in the person's language, with what every page has."""
    services: Services = request.app.state.services
    spoken, held = language(request), request.scope.get("session")

    def words(section: str, code: str, **facts: Any) -> str:
        return say(section, code, spoken, **facts)

    facts = {"say": words, "language": spoken, "session": held, "version": services.version,
             "kinds": services.settings.kinds, "path": request.url.path, **facts}
    return HTMLResponse(_TEMPLATES.get_template(template).render(facts), status)


def answer(**facts: Any) -> JSONResponse:
    """A JSON object."""
    return JSONResponse(facts)


def words_of_page(language: str) -> dict[str, str]:
    """All sentences that scripts may need."""
    return dict(catalogue(language)["page"])
