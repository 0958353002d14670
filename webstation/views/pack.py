"""Packing: what is still open, the packages made behind and checked, where they lie."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from originals import journal
from texts import say
from webstation.packing import FAILED, PACK, VERIFY, Order
from webstation.services import Services, View, answer, identity, language, page, person, view
from webstation.views.books import counted, title


def pack(request: Request, services: Services) -> Response:
    """The screen."""
    book = str(identity(request, services))
    return page(request, "pack.html", book=book, title=title(services, book, language(request)),
                facts=services.workplace.log(book).state().facts)


def standing(request: Request, services: Services) -> Response:
    """What is still open, and where packing stands."""
    book, spoken = identity(request, services), language(request)
    return answer(checks=_checks(services, str(book), spoken), packing=_packing(services, str(book), spoken),
                  packed=bool(services.workplace.log(str(book)).state().packed),
                  folder=str(services.workplace.packages(str(book))))


def _checks(services: Services, book: str, spoken: str) -> list[dict[str, Any]]:
    waiting = counted(services).get(book, {}).get(journal.WAITING, 0)
    checks = []
    if waiting:
        checks.append(_check(False, spoken, "check_developing", number=waiting))
    return checks


def _check(good: bool, spoken: str, code: str, **facts: Any) -> dict[str, Any]:
    return {"good": good, "text": say("page", code, spoken, **facts)}


def _packing(services: Services, book: str, spoken: str) -> dict[str, Any]:
    held = services.packing.standing(book)
    lines = [say("error", held.code, spoken, **held.facts)] if held.state == FAILED else held.lines.get(spoken, ())
    return {"what": held.what, "state": held.state, "done": held.done, "of": held.of, "good": held.good,
            "step": say("progress", held.step, spoken) if held.step else "", "lines": list(lines)}


def order(what: str) -> View:
    """Begin to pack a book, or to check its packages."""

    def start(request: Request, services: Services) -> Response:
        services.packing.start(Order(what, str(identity(request, services)), person(request)))
        return answer(ok=True)

    return start


routes = [
    Route("/books/{book}/pack", view(pack)),
    Route("/books/{book}/pack.json", view(standing)),
    Route("/books/{book}/pack", view(order(PACK)), methods=["POST"]),
    Route("/books/{book}/verify", view(order(VERIFY)), methods=["POST"]),
]
