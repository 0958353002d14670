"""Capture: the scanner or a phone, the last image, how many are safe, what is wrong with them, and retakes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import summary
from book import Capture
from developing import DevelopedPage, read_developed, task_of
from errors import NothingToDo, Refused, SohoaError
from originals import journal
from originals.booklog import BookState
from texts import say
from webstation.scanner import WITHOUT
from webstation.services import Services, answer, identity, language, page, person, view
from webstation.views.books import counted, title

SHOWN = 10  # captures: the last ones


def capture(request: Request, services: Services) -> Response:
    """The screen."""
    book = str(identity(request, services))
    facts = services.workplace.log(book).state().facts
    return page(request, "capture.html", book=book, title=title(services, book, language(request)), facts=facts,
                preset=services.settings.scan, folder=_folder(services, book))


def _folder(services: Services, book: str) -> str:
    """Where files may be put for this book, as an example of a watched folder."""
    first = next(iter(services.inboxes), None)
    return "" if first is None else str(first / book)


def standing(request: Request, services: Services) -> Response:
    """What the screen shows: counts, the last captures with their findings, the scanner, a retake that is awaited."""
    book, spoken = str(identity(request, services)), language(request)
    state = services.workplace.log(book).state()
    counts = counted(services).get(book, {})
    return answer(
        safe=len(state.current), stated=state.facts.get("pages"), developed=counts.get(journal.DEVELOPED, 0),
        waiting=counts.get(journal.WAITING, 0), failed=counts.get(journal.FAILED, 0), retaking=state.retaking,
        last=[_shown(services, book, state, item, spoken) for item in reversed(_newest(state))],
        set_aside=[{"name": item.name, "reason": say("error", item.code, spoken, **{"file": item.name, **item.facts})}
                   for item in state.set_aside[-SHOWN:]],
        scanner=scanner_words(services, spoken))


def _newest(state: BookState) -> list[Capture]:
    """The captures that came last, wherever they stand in the book."""
    return sorted(state.current, key=lambda item: (item.arrival, item.frame))[-SHOWN:]


def _shown(services: Services, book: str, state: BookState, item: Capture, spoken: str) -> dict[str, Any]:
    pages = read_developed(task_of(services.workplace, book, services.settings, state, item))
    return {"id": item.id, "name": item.source, "number": 1 + [other.id for other in state.current].index(item.id),
            "developed": pages is not None, "pages": [_page(one, spoken) for one in pages or ()]}


def _page(one: DevelopedPage, spoken: str) -> dict[str, Any]:
    findings = [{"code": found.code, "severity": str(found.severity), "text": summary.explain(found, spoken)}
                for found in one.findings]
    return {"id": one.id, "side": str(one.recipe.side), "picture": one.jpeg.partition(".")[0], "findings": findings}


def scanner_words(services: Services, spoken: str) -> dict[str, Any]:
    """What the scanner does, with its trouble in words."""
    held = services.scanner.standing
    words = say("error", held.trouble, spoken, **held.facts) if held.trouble else ""
    return {"state": held.state, "book": held.book, "device": held.device, "pages": held.pages,
            "silent_s": held.silent_s, "trouble": words}


def devices(request: Request, services: Services) -> Response:
    """The scanners on USB and in the network; `again` looks anew. `none` says why there can be none, which is no trouble."""
    try:
        found = services.scanner.devices("again" in request.query_params)
    except SohoaError as error:
        words = say("error", error.code, language(request), **error.facts)
        is_trouble = error.code not in WITHOUT
        return answer(devices=[], trouble=words if is_trouble else "", none="" if is_trouble else words)
    return answer(devices=[asdict(device) for device in found], trouble="", none="")


def scan(request: Request, services: Services) -> Response:
    """Begin a scanning session with its first page."""
    body = request.state.body
    services.scanner.start(identity(request, services), body.text("device"), body, person(request))
    return answer(ok=True)


def go_on(request: Request, services: Services) -> Response:
    """The page on the glass has been turned; or there is no other, with `more` false."""
    services.scanner.next(request.state.body.yes("more"))
    return answer(ok=True)


def retake(request: Request, services: Services) -> Response:
    """The next image takes the place of a capture; with none named, it does not."""
    log = services.workplace.log(str(identity(request, services)))
    body = request.state.body
    name = None if body["capture"] is None else body.text("capture")
    if name is not None and name not in {item.id for item in log.state().current}:
        raise NothingToDo("page_gone", page=name[:20])
    log.append({"event": "retaking", "capture": name, "by": person(request)})
    services.poke()
    return answer(ok=True)


def phone(request: Request, services: Services) -> Response:
    """Open the door for a phone, for this book; how it gets there."""
    book = str(identity(request, services))
    return answer(**_phones(services).invite(book, person(request), language(request)))


def no_phone(request: Request, services: Services) -> Response:
    """Shut the door for the phones of this book."""
    _phones(services).revoke(str(identity(request, services)))
    return answer(ok=True)


def discard(request: Request, services: Services) -> Response:
    """Give up a photo that came in part only, and that no phone will send the rest of."""
    book = str(identity(request, services))
    _phones(services).discard(book, request.state.body.text("sha256"), person(request))
    return answer(ok=True)


def _phones(services: Services) -> Any:
    if services.phones is None:
        raise Refused("phone_off")
    return services.phones


def phones(request: Request, services: Services) -> Response:
    """The phones of this book, and how their photos stand."""
    if services.phones is None:
        return answer(words="", unfinished=[])
    return answer(**services.phones.standing(str(identity(request, services)), language(request)))


routes = [
    Route("/books/{book}/capture", view(capture)),
    Route("/books/{book}/capture.json", view(standing)),
    Route("/devices.json", view(devices)),
    Route("/books/{book}/scan", view(scan), methods=["POST"]),
    Route("/books/{book}/scan/next", view(go_on), methods=["POST"]),
    Route("/books/{book}/retake", view(retake), methods=["POST"]),
    Route("/books/{book}/phone", view(phone), methods=["POST"]),
    Route("/books/{book}/phone/close", view(no_phone), methods=["POST"]),
    Route("/books/{book}/phone/discard", view(discard), methods=["POST"]),
    Route("/books/{book}/phones.json", view(phones)),
]
