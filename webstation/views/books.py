"""The books of the station: where each stands, one more, its cover sheet, pages that wait for their book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from book import Identity
from capture.cover import CoverCode
from errors import BadIdentity, Refused, StorageFailed
from originals import journal
from originals.booklog import BookState
from originals.stationlog import UNSORTED
from station import shelf
from texts import say
from webstation.orders import Order
from webstation.services import Services, answer, identity, language, page, person, view

COMMANDS = ("end", "retake", "blank", "slip")
LAYOUTS, PAPERS = ("single", "spread"), ("A5", "A4", "A3", "A2")


@dataclass(frozen=True)
class Row:
    """A book on the shelf. `next` names the screen where its work goes on."""

    book: str
    title: str
    captures: int
    developed: int
    failed: int
    set_aside: int
    stated_pages: int | None
    state: str
    next: str
    last: str


def books(request: Request, services: Services) -> Response:
    """All books, the one that was worked on last first."""
    return page(request, "books.html", rows=_rows(request, services), unsorted=_unsorted(services),
                place=_usual_place(services), layouts=LAYOUTS, papers=PAPERS, this_year=date.today().year,
                store=str(services.workplace.root), inboxes=services.settings.watch.inboxes)


def rows(request: Request, services: Services) -> Response:
    """The same for the script, when something has changed."""
    return answer(rows=[row.__dict__ for row in _rows(request, services)], unsorted=_unsorted(services))


def _rows(request: Request, services: Services) -> list[Row]:
    counts = counted(services)
    found = [_row(services, book, counts.get(book, {}), language(request))
             for book in services.workplace.books() if book != UNSORTED and not _taken_off(services, book)]
    return sorted(found, key=lambda row: row.last, reverse=True)


def _taken_off(services: Services, book: str) -> bool:
    state = services.workplace.log(book).state()
    return state.ended and not state.captures


def counted(services: Services) -> dict[str, dict[str, int]]:
    """Captures by book and state, as the journal has them; nothing where there is none yet."""
    try:
        with journal.read_only(services.workplace.root) as index:
            return index.counts()
    except StorageFailed:
        return {}


def _row(services: Services, book: str, counts: dict[str, int], spoken: str) -> Row:
    state = services.workplace.log(book).state()
    captures = len(state.current)
    standing, following = _standing(state, captures, counts)
    developed, failed = min(captures, counts.get(journal.DEVELOPED, 0)), counts.get(journal.FAILED, 0)
    return Row(book, title(services, book, spoken), captures, developed, failed, len(state.set_aside),
               state.facts.get("pages"), standing, following, state.last)


def _standing(state: BookState, captures: int, counts: dict[str, int]) -> tuple[str, str]:
    """Where a book stands, and the screen that comes next."""
    closed = shelf.closed_or_changed(state)
    if closed:
        return closed, "pack"
    if not captures:
        return "empty", "capture"
    if state.packed:
        return ("packed" if state.is_packed else "repack"), "pack"
    if counts.get(journal.WAITING, 0):
        return "developing", "capture"
    if captures * _pages_of_image(state) < state.facts.get("pages", 0):
        return "capturing", "capture"
    return "captured", "review"


def _pages_of_image(state: BookState) -> int:
    """At most: so a book that has fewer pages than it states is known without its pages."""
    return 1 if state.facts.get("layout") == "single" else 2


def title(services: Services, book: str, spoken: str) -> str:
    """A book as people call it: kind, year, volume, place."""
    known = Identity.parse(book)
    kind = services.settings.kinds.get(known.kind, known.kind)
    place = services.settings.places.get(known.place) or say("page", "place_code", spoken, place=known.place)
    volume = f"{known.volume:02d}"
    return say("page", "book_title", spoken, kind=kind, year=str(known.year), volume=volume, place=place)


def _unsorted(services: Services) -> list[dict[str, str]]:
    if not services.workplace.log(UNSORTED).path.exists():
        return []
    return [{"id": capture.id, "name": capture.source} for capture in services.workplace.log(UNSORTED).state().current]


def _usual_place(services: Services) -> str:
    """The place of the book that was worked on last: the next one is most likely of the same."""
    known = [book for book in services.workplace.books() if book != UNSORTED]
    last = max(known, key=lambda book: services.workplace.log(book).state().last, default="")
    return Identity.parse(last).place if last else next(iter(services.settings.places), "")


def add(request: Request, services: Services) -> Response:
    """Open a book. One that has images already is not meant: its work goes on from the shelf."""
    body = request.state.body
    name = "{kind}.{year}.{place}.{volume:02d}".format(
        kind=body.text("kind"), year=body.number("year"), place=body.text("place").strip(), volume=body.number("volume"))
    book = Identity.parse(name, services.settings.kinds)
    if book.year > date.today().year:
        raise BadIdentity("book_id_year", book=name, year=str(book.year))
    if number := len(services.workplace.log(name).state().current):
        raise Refused("book_there", book=title(services, name, language(request)), number=number)
    shelf.add(services.workplace, book, _facts(body), person(request))
    services.poke()
    return answer(go=f"/books/{book}/capture")


def _facts(body: Order) -> dict[str, Any]:
    facts = {key: body.text(key) for key in ("layout", "paper") if body.get(key)}
    if facts.get("layout", LAYOUTS[0]) not in LAYOUTS or facts.get("paper", PAPERS[0]) not in PAPERS:
        raise Refused("order_incomplete", name="layout")
    numbers = {key: body.number(key) for key in ("pages", "cases") if body.get(key)}
    if not all(0 < number < 100_000 for number in numbers.values()):
        raise Refused("order_incomplete", name="pages")
    return facts | numbers


def facts(request: Request, services: Services) -> Response:
    """What the book itself states, or how it is laid out: said later, or put right."""
    book = identity(request, services)
    shelf.add(services.workplace, book, _facts(request.state.body), person(request))
    services.poke()
    return answer(ok=True)


def take_off(request: Request, services: Services) -> Response:
    """A book that was added by mistake leaves the shelf while it has no image; it comes back when it is added again."""
    log = services.workplace.log(str(identity(request, services)))
    if log.state().captures:
        raise Refused("book_has_images")
    log.append({"event": "ended", "by": person(request)})
    return answer(ok=True)


def book(request: Request, services: Services) -> Response:
    """Where the work on a book goes on."""
    known = str(identity(request, services))
    row = _row(services, known, counted(services).get(known, {}), language(request))
    return RedirectResponse(f"/books/{known}/{row.next}", 303)


def cover(request: Request, services: Services) -> Response:
    """The book's cover sheet, to print; with the sheets of commands where `commands` is asked for."""
    from capture.coversheet import sheets_pdf

    names = COMMANDS if "commands" in request.query_params else ()
    codes = [CoverCode("book", str(identity(request, services))), *(CoverCode(name) for name in names)]
    data = sheets_pdf(codes, language(request), services.settings.kinds, services.settings.places)
    return Response(data, media_type="application/pdf")


def assign(request: Request, services: Services) -> Response:
    """Pages that wait for their book go into this one."""
    number = shelf.assign(services.workplace, identity(request, services), request.state.body.names("captures"),
                          person(request))
    services.poke()
    return answer(number=number)


routes = [
    Route("/books", view(books)),
    Route("/books.json", view(rows)),
    Route("/books/add", view(add), methods=["POST"]),
    Route("/books/{book}", view(book)),
    Route("/books/{book}/facts", view(facts), methods=["POST"]),
    Route("/books/{book}/cover.pdf", view(cover)),
    Route("/books/{book}/take-off", view(take_off), methods=["POST"]),
    Route("/books/{book}/assign", view(assign), methods=["POST"]),
]
