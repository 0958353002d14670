"""Packing: what is still open, the packages made behind and checked, where they lie."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from book import Identity
from bookwork import Work
from indexing import open_cases
from lighttable import table
from secondcheck import differences
from texts import say
from webstation.packing import FAILED, PACK, VERIFY, Order
from webstation.services import Services, View, answer, identity, language, page, person, view
from webstation.views.books import title


def pack(request: Request, services: Services) -> Response:
    """The screen."""
    book = str(identity(request, services))
    return page(request, "pack.html", book=book, title=title(services, book, language(request)),
                facts=services.workplace.log(book).state().facts)


def standing(request: Request, services: Services) -> Response:
    """What is still open, and where packing stands."""
    book, spoken = identity(request, services), language(request)
    state = services.workplace.log(str(book)).state()
    return answer(checks=_checks(services, book, spoken), packing=_packing(services, str(book), spoken),
                  packed=bool(state.packed), outdated=state.outdated,
                  folder=str(services.workplace.packages(str(book))))


def _checks(services: Services, book: Identity, spoken: str) -> list[dict[str, Any]]:
    """What a person would want to know before a book is packed; none of it hinders."""
    work = Work(services.workplace, book, services.settings, develop=False)
    found, differ = table(work), len(differences(open_cases(work)))
    counts, stated = found.counts, found.stated.get("pages")
    waits, developing = sum(page.waits for page in found.pages), len(found.undeveloped)
    named, cases = counts["cases"], max(found.stated.get("cases", 0), found.cases)

    def check(good: bool, screen: str, code: str, **facts: Any) -> dict[str, Any]:
        return {"good": good, "text": say("page", code, spoken, **facts), "go": "" if good else f"/books/{book}/{screen}"}

    checks = [check(False, "cases", "check_differ", number=differ)] if differ else []
    return [check(not developing, "review", "check_developing" if developing else "check_developed", number=developing),
           check(stated == counts["pages"], "capture", "check_pages" if stated else "check_pages_unstated",
                 pages=counts["pages"], stated=stated),
           check(not waits, "review", "check_waits" if waits else "check_waits_none", number=waits),
           check(named >= cases, "cases", "check_cases", named=named, cases=cases), *checks]


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
