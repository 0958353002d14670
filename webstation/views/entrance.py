"""Who is there: the first person of a station, a name and a PIN from then on, another language."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from errors import Refused
from originals.peoplelog import CHECKER, OPERATOR
from texts import LANGUAGES
from webstation.services import Services, answer, language, page, person, public_view, session, view

YEAR_S = 365 * 86400


def entrance(request: Request, services: Services) -> Response:
    """Names to choose from; for a station without people, how to begin."""
    if session(request) is not None:
        return RedirectResponse("/books", 303)
    return page(request, "entrance.html", people=services.people.names(), start_key="")


def start(request: Request, services: Services) -> Response:
    """The link that the program shows when it starts: whoever has it may be the first person, or renew a checker's PIN."""
    if not services.people.is_start_key(request.query_params.get("key", "")):
        raise Refused("start_key_old")
    if session(request) is not None:
        return RedirectResponse("/books", 303)
    names = services.people.names()
    return page(request, "entrance.html", people=names, start_key=services.people.start_key)


def enter(request: Request, services: Services) -> Response:
    """A name and its PIN open a session."""
    body = request.state.body
    return _entered(services, services.people.enter(body.text("name"), body.text("pin"), language(request)))


def first(request: Request, services: Services) -> Response:
    """The first person of a station gives a name and a PIN."""
    body = request.state.body
    if services.people.names() or not services.people.is_start_key(body.text("key")):
        raise Refused("start_key_old")
    services.people.add(body.text("name"), body.text("pin"), CHECKER, "")
    name = services.people.names()[0].name
    return _entered(services, services.people.enter(name, body.text("pin"), language(request)))


def renew(request: Request, services: Services) -> Response:
    """A checker has forgotten the PIN; whoever could start the program may help."""
    body = request.state.body
    if not services.people.is_start_key(body.text("key")):
        raise Refused("start_key_old")
    services.people.renew(body.text("name"), body.text("pin"))
    return answer(ok=True)


def _entered(services: Services, key: str) -> Response:
    response = answer(ok=True)
    response.set_cookie(services.cookie, key, httponly=True, samesite="strict", path="/")
    return response


def leave(request: Request, services: Services) -> Response:
    """The person goes; the next one says who they are."""
    services.people.leave(request.scope["session_key"])
    response = answer(ok=True)
    response.delete_cookie(services.cookie, path="/")
    return response


def speak(request: Request, services: Services) -> Response:
    """Another language, for this browser from now on."""
    wanted = request.state.body.text("language")
    if wanted not in LANGUAGES:
        raise Refused("order_incomplete", name="language")
    services.people.speak(request.scope["session_key"], wanted)
    response = answer(ok=True)
    response.set_cookie("sohoa_language", wanted, samesite="strict", path="/", max_age=YEAR_S)
    return response


def people(request: Request, services: Services) -> Response:
    """Who works here."""
    return page(request, "people.html", people=services.people.names())


def add(request: Request, services: Services) -> Response:
    """One more person, or a new PIN for one: a checker may for all, everybody for themselves, who keep their role."""
    body, asker = request.state.body, session(request)
    own = " ".join(body.text("name").split()).casefold() == asker.person.casefold()
    if asker.role != CHECKER and not own:
        raise Refused("person_no_checker")
    role = asker.role if own else body.text("role", OPERATOR)
    services.people.add(body.text("name"), body.text("pin"), role, person(request))
    return answer(ok=True)


def remove(request: Request, services: Services) -> Response:
    """Somebody works here no longer."""
    if session(request).role != CHECKER:
        raise Refused("person_no_checker")
    services.people.remove(request.state.body.text("name"), person(request))
    return answer(ok=True)


routes = [
    Route("/", public_view(entrance)),
    Route("/start", public_view(start)),
    Route("/enter", public_view(enter), methods=["POST"]),
    Route("/first", public_view(first), methods=["POST"]),
    Route("/renew", public_view(renew), methods=["POST"]),
    Route("/language", public_view(speak), methods=["POST"]),
    Route("/leave", view(leave), methods=["POST"]),
    Route("/people", view(people)),
    Route("/people/add", view(add), methods=["POST"]),
    Route("/people/remove", view(remove), methods=["POST"]),
]
