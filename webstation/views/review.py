"""Review: the light table of a book, one page beside its original, and what a person says of pages.

What is said, taken back and said again is `review`'s; here it is put into words, and the daemon is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import review
import summary
from book import Finding, Severity, Side
from bookwork import Work
from errors import Refused
from lighttable import Looked, Said, TablePage, Undeveloped, look, table
from originals.corrections import SPARE
from originals.scopes import REACHES, Scopes
from review import Done
from settings import check_changes
from texts import say
from webstation.preview_task import Previewed, PreviewTask
from webstation.services import Services, answer, identity, language, page, person, view
from webstation.views.books import title

SIDES = {"": Side.WHOLE, "L": Side.LEFT, "R": Side.RIGHT}
WIDEST = 2400  # px of a preview
POINTS = {"sheet": 4, "crop": 4, "gutter": 2, "level": 2}  # handles of so many points [x, y]; `box` is four numbers


def screen(request: Request, services: Services) -> Response:
    """The screen."""
    book = str(identity(request, services))
    return page(request, "review.html", book=book, title=title(services, book, language(request)), reaches=REACHES)


def pages(request: Request, services: Services) -> Response:
    """All pages of the book, and what waits."""
    return answer(**_plain(request, _work(request, services)))


def one(request: Request, services: Services) -> Response:
    """What there is to draw of one page on its original, what was decided, and which settings were made by hand.

    With `warm` in the query the capture is decoded, too, and what is asked of it next is answered soon.
    """
    work, name = _work(request, services), request.path_params["page"]
    looked = look(work)
    task = _task(looked, name)
    if "warm" in request.query_params:
        task = replace(task, recipe=None)
    scopes, capture = Scopes.of(looked.state), task.task.capture
    own = {**scopes.of_capture(capture), **scopes.of_side(capture, task.side)}
    return answer(id=name, by_hand={stage: sorted(keys) for stage, keys in own.items()},
                  **services.previews.ask(task).facts)


def preview(request: Request, services: Services) -> Response:
    """The page as it will be by what was said, or with changes and dragged handles that nobody has said yet: a JPEG."""
    body = request.state.body
    width = min(WIDEST, max(16, body.number("width", 1000)))
    shown = _asked(request, services, width, body.yes("uncropped", False))
    return Response(shown.jpeg, media_type="image/jpeg")


def correct(request: Request, services: Services) -> Response:
    """Settings, or handles that were dragged, for a page and as far as `reach` says."""
    body = request.state.body
    changes = _asked(request, services).changes if body.get("handles") else body["changes"]
    work = _work(request, services)
    done = review.correct(work, body.text("page"), changes, body.text("reach", "page"), person(request))
    return _said(request, services, work, done)


def turn(request: Request, services: Services) -> Response:
    """Turn the image by so many degrees clockwise."""
    body, work = request.state.body, _work(request, services)
    name, degrees = body.text("page"), body.number("degrees")
    _check(degrees in (90, 180, 270), "degrees")
    lies = services.previews.ask(_task(look(work), name)).facts["turn"]
    done = review.turn(work, name, degrees, person(request), body.text("reach", "page"), lies)
    return _said(request, services, work, done)


def accept(request: Request, services: Services) -> Response:
    """Pages are good as they were seen: each id with the `seen` of the table that the person had before them."""
    work = _work(request, services)
    return _said(request, services, work, review.accept(work, request.state.body.texts("pages"), person(request)))


def mark(request: Request, services: Services) -> Response:
    """What pages are: blank, an attached slip, spare, or like others. Spare are whole captures."""
    body, work = request.state.body, _work(request, services)
    role = body.text("role")
    names = [name.partition("-")[0] if role == SPARE else name for name in body.names("pages")]
    return _said(request, services, work, review.mark(work, list(dict.fromkeys(names)), role, person(request)))


def move(request: Request, services: Services) -> Response:
    """The capture of a page goes before that of another one, or to the end."""
    body, work = request.state.body, _work(request, services)
    before = None if body.get("before") is None else body.text("before")
    return _said(request, services, work, review.move(work, body.text("page"), before, person(request)))


def swap(request: Request, services: Services) -> Response:
    """The capture of a page changes places with the next one."""
    work = _work(request, services)
    return _said(request, services, work, review.swap(work, request.state.body.text("page"), person(request)))


def supersede(request: Request, services: Services) -> Response:
    """A capture takes the place of another."""
    body, work = request.state.body, _work(request, services)
    return _said(request, services, work, review.supersede(work, body.text("old"), body.text("new"), person(request)))


def undo(request: Request, services: Services) -> Response:
    """Take back what was said last, by whomever."""
    work = _work(request, services)
    return _said(request, services, work, review.undo(work, person(request)))


def redo(request: Request, services: Services) -> Response:
    """Say again what was taken back last, by whomever."""
    work = _work(request, services)
    return _said(request, services, work, review.redo(work, person(request)))


# --- what is asked ----------------------------------------------------------------------------------------------------


def _work(request: Request, services: Services) -> Work:
    return Work(services.workplace, identity(request, services), services.settings, develop=False)


def _task(looked: Looked, name: str, **asked: Any) -> PreviewTask:
    """The task for a page, also for one that is being developed anew. Raises BadIdentity."""
    developed = next((one for one in looked.pages if one.id == name), None)
    side = developed.recipe.side if developed else SIDES.get(name.partition("-")[2], Side.WHOLE)
    recipe = developed.recipe if developed and name.partition("-")[0] in looked.used else None
    return PreviewTask(review.task_used(looked, name), side, recipe, **asked)


def _asked(request: Request, services: Services, width: int = 0, uncropped: bool = False) -> Previewed:
    """What the order's `page` comes to with its `changes` and `handles`."""
    body, work = request.state.body, _work(request, services)
    dragged, changes = body.get("handles") or {}, body.get("changes") or {}
    _check(isinstance(dragged, Mapping) and all(_is_handle(*handle) for handle in dragged.items()), "handles")
    check_changes(changes)
    task = _task(look(work), body.text("page"), dragged=dragged, changes=changes, width=width, uncropped=uncropped)
    return services.previews.ask(task)


def _check(good: bool, name: str) -> None:
    if not good:
        raise Refused("order_incomplete", name=name)


def _is_handle(name: str, value: Any) -> bool:
    if name == "box":
        return _are_numbers(value, 4)
    return isinstance(value, list) and len(value) == POINTS.get(name) and all(_are_numbers(point, 2) for point in value)


def _are_numbers(values: Any, count: int) -> bool:
    return (isinstance(values, list) and len(values) == count
            and all(isinstance(value, (int, float)) and math.isfinite(value) for value in values))


# --- what is answered -------------------------------------------------------------------------------------------------


def _said(request: Request, services: Services, work: Work, done: Done) -> Response:
    """What came of it in words, the captures that are being developed anew, and the table as it is now."""
    services.poke(str(work.identity), done.develop)
    return answer(said=_did(request, done), develop=done.develop, **_plain(request, work))


def _did(request: Request, done: Done) -> str:
    spoken = language(request)
    facts = _worded(done.facts, spoken)
    if "was" in done.facts:
        facts["what"] = _what(request, done.facts["was"], done.facts, done.facts["by"])
    told = say("page", f"review_did_{done.did}", spoken, **{**facts, "images": len(done.develop)})
    return f"{told} {say('page', 'review_left', spoken, **facts)}" if facts.get("left") else told


def _what(request: Request, did: str, facts: Mapping[str, Any], by: str) -> str:
    """What somebody said of pages; whose it was, where that is another person than asks."""
    spoken = language(request)
    what = say("page", f"review_was_{did}", spoken, **_worded(facts, spoken))
    return what if by in ("", person(request)) else say("page", "review_of_another", spoken, what=what, by=by)


def _worded(facts: Mapping[str, Any], spoken: str) -> dict[str, Any]:
    """Facts of what was said, their codes in words."""
    worded = dict(facts)
    for key in ("role", "reach"):
        if facts.get(key):
            worded[key] = say("page", f"review_{key}_{facts[key]}", spoken)
    if facts.get("stages"):
        stages = str(facts["stages"]).split(", ")
        worded["stages"] = ", ".join(say("page", f"review_stage_{stage}", spoken) for stage in stages)
    return worded


def _again(request: Request, said: Said | None) -> str | None:
    return None if said is None else _what(request, said.did, said.facts, said.by)


def _plain(request: Request, work: Work) -> dict[str, Any]:
    known, spoken = table(work), language(request)
    return {
        "book": known.book, "pages": [_page(one, spoken) for one in known.pages],
        "waiting": [_waiting(one, spoken) for one in known.undeveloped], "counts": known.counts, "stated": known.stated,
        "settled": known.settled, "spare": _spare(work), "undo": _again(request, known.undo),
        "redo": _again(request, known.redo)}


def _spare(work: Work) -> list[dict[str, str]]:
    """Captures that somebody took out of the book, since they were taken twice."""
    state = work.log.state()
    return [{"capture": one.id, "name": one.source} for one in state.captures
            if state.roles.get(one.id) == SPARE and one.id not in state.superseded and one.id not in state.moved]


def _page(one: TablePage, spoken: str) -> dict[str, Any]:
    return {
        "id": one.id, "number": one.number, "capture": one.capture, "side": one.side, "name": one.source,
        "doubt": one.doubt, "waits": one.waits, "accepted": one.accepted, "role": one.role, "picture": one.picture,
        "width": one.width, "height": one.height, "retaken": one.retaken, "developing": one.developing,
        "seen": one.seen,
        "findings": [_finding(found, spoken) for found in one.findings]}


def _finding(found: Finding, spoken: str) -> dict[str, Any]:
    """In words, with the likely remedies of one that asks a person to look, the places on the page, and its double."""
    remedies = review.REMEDIES.get(found.code, ()) if found.severity is Severity.WARNING else ()
    return {"code": found.code, "severity": str(found.severity), "text": summary.explain(found, spoken),
            "remedies": remedies, "where": found.facts.get("where") or [], "other": found.facts.get("page")}


def _waiting(one: Undeveloped, spoken: str) -> dict[str, Any]:
    text = say("error", one.code, spoken, **{"file": one.source, **one.facts}) if one.code else ""
    return {"capture": one.capture, "name": one.source, "state": one.state, "text": text, "before": one.before}


ORDERS = {"preview": preview, "correct": correct, "turn": turn, "accept": accept, "mark": mark, "move": move, "swap": swap,
          "supersede": supersede, "undo": undo, "redo": redo}
routes = [
    Route("/books/{book}/review", view(screen)),
    Route("/books/{book}/review.json", view(pages)),
    Route("/books/{book}/pages/{page}.json", view(one)),
    *(Route(f"/books/{{book}}/{name}", view(order), methods=["POST"]) for name, order in ORDERS.items()),
]
