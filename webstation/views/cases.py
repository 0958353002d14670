"""Number and date of each case, typed with the page in sight; typed again by a second person; what differs decided.

What is said is `indexing`'s and `secondcheck`'s; here it is put into words and JSON. A second person is sent nothing of
what the first one typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import indexing
import secondcheck
from book import Case
from bookpack.casechecks import severity
from bookpack.caserows import BadCell, number_text
from bookpack.typed import CaseProblem
from bookwork import Work
from indexing import Indexed
from originals.eventlog import now
from texts import say
from webstation.services import Services, View, answer, identity, language, page, person, view
from webstation.views.books import title

Row = dict[str, Any]
PACED = 10  # cases typed; of fewer a pace says nothing


def screen(request: Request, services: Services) -> Response:
    """The screen."""
    book = str(identity(request, services))
    return page(request, "cases.html", book=book, title=title(services, book, language(request)))


def cases(request: Request, services: Services) -> Response:
    """All cases, in order, with what was typed."""
    return answer(**_all(request, indexing.open_cases(_work(request, services))))


def save(request: Request, services: Services) -> Response:
    """Number and date of one case; the case as it stands then, and what is to be said of any."""
    body = request.state.body
    name = body.text("case")
    indexed = indexing.save(_work(request, services), name, body.text("number"), body.text("date"), body.text("seen"),
                            person(request))
    _tell(request, services)
    case = next(case for case in indexed.cases if case.id == name)
    return answer(case=_row(case), **_told(request, indexed))


def reshape(request: Request, services: Services) -> Response:
    """A case goes on on the next page, stands on one alone, is none, or is a slip."""
    body = request.state.body
    indexed = indexing.reshape(_work(request, services), body.text("case"), body.text("shape"), body.text("seen"),
                               person(request))
    _tell(request, services)
    return answer(**_all(request, indexed))


def split(request: Request, services: Services) -> Response:
    """A page holds so many cases, or (0) as many as rows are found."""
    body = request.state.body
    indexed = indexing.split(_work(request, services), body.text("case"), body.number("parts"), body.text("seen"),
                             person(request))
    _tell(request, services)
    return answer(**_all(request, indexed))


def undo(request: Request, services: Services) -> Response:
    """Takes back what this person said last of cases."""
    indexed, about = indexing.undo(_work(request, services), person(request))
    _tell(request, services)
    return answer(about=about, **_all(request, indexed))


def to_check(request: Request, services: Services) -> Response:
    """The cases that this person may type again, without what was typed; `to_check` counts those typed again, too."""
    indexed = indexing.open_cases(_work(request, services))
    blank = {"number": "", "date": "", "slip": False, "version": ""}
    return answer(cases=[_row(case) | blank for case in secondcheck.to_check(indexed, person(request))],
                  to_check=len(secondcheck.of_others(indexed, person(request))),
                  **_told(request, indexed) | {"problems": {}, "notes": []}, pages=_pages(indexed))


def check(request: Request, services: Services) -> Response:
    """A case typed again. The answer does not say whether it was the same."""
    body = request.state.body
    secondcheck.check(_work(request, services), body.text("case"), body.text("number"), body.text("date"), person(request))
    return answer(ok=True)


def differences(request: Request, services: Services) -> Response:
    """The cases that stand otherwise than they were typed again."""
    return answer(**_differences(request, indexing.open_cases(_work(request, services))))


def decide(request: Request, services: Services) -> Response:
    """What is right of a case that differs."""
    body = request.state.body
    indexed = secondcheck.decide(_work(request, services), body.text("case"), body.text("number"), body.text("date"),
                                 body.text("seen"), person(request))
    _tell(request, services)
    return answer(**_differences(request, indexed))


# --- what is asked ----------------------------------------------------------------------------------------------------


def _work(request: Request, services: Services) -> Work:
    return Work(services.workplace, identity(request, services), services.settings, develop=False)


def typing(function: View) -> Callable[[Request], Any]:
    """A view that tells, too, what cannot be a number or date of the book, and which of both it is."""

    def answered(request: Request, services: Services) -> Response:
        try:
            return function(request, services)
        except BadCell as bad:
            message = say("case_problem", bad.code, language(request), **bad.facts)
            field = bad.code.partition("_")[0]
            return JSONResponse({"error": {"code": bad.code, "message": message, "field": field}}, 409)

    return view(answered)


# --- what is told -----------------------------------------------------------------------------------------------------


def _tell(request: Request, services: Services) -> None:
    """Other windows learn of it; `window` is the one that knows already."""
    services.hub.tell("changed", book=str(identity(request, services)), what="cases",
                      window=str(request.state.body.get("window", "")))


def _all(request: Request, indexed: Indexed) -> dict[str, Any]:
    return {"book": indexed.book, "cases": [_row(case) for case in indexed.cases], "first": indexed.first,
            "pages": _pages(indexed), **_told(request, indexed)}


def _row(case: Case) -> Row:
    """A case: id, pages, the part of each, number as it is typed, date (ISO)."""
    return {"id": case.id, "pages": case.pages, "regions": dict(case.regions), "number": number_text(case),
            "date": case.date or "", "slip": case.slip, "version": indexing.version(case)}


def _pages(indexed: Indexed) -> dict[str, Row]:
    return {page.id: {"number": number, "picture": page.jpeg.partition(".")[0], "width": page.width, "height": page.height}
            for number, page in enumerate(indexed.pages.values(), 1)}


def _told(request: Request, indexed: Indexed) -> dict[str, Any]:
    """How far the work is, how it goes on, and what is to be said of cases and of the book."""
    spoken, likely = language(request), indexed.suggestion
    here = indexing.pace(indexed.state.case_events, now()[:10]).get(person(request))
    return {"typed": indexed.typed, "wanted": indexed.wanted, "stated": indexed.stated,
            "checked": secondcheck.checked(indexed), "differ": len(secondcheck.differences(indexed)),
            "today": here.cases if here else 0, "an_hour": here.an_hour if here and here.cases >= PACED else 0,
            "step": likely.step if likely else 1, "start": indexed.start.__dict__,
            "problems": _problems(indexed.problems, spoken),
            "notes": [_problem(problem, spoken) for problem in indexed.problems if not problem.case]}


def _problems(problems: Iterable[CaseProblem], spoken: str) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for problem in problems:
        if problem.case:
            found.setdefault(problem.case, []).append(_problem(problem, spoken))
    return found


def _problem(problem: CaseProblem, spoken: str) -> Row:
    words = say("case_problem", problem.code, spoken, **problem.facts)
    return {"code": problem.code, "severity": severity(problem), "text": words}


def _differences(request: Request, indexed: Indexed) -> dict[str, Any]:
    found = secondcheck.differences(indexed)
    return {"cases": [_row(item.case) | {"first": item.first, "second": item.second,
                                         "again": {"number": number_text(item.again), "date": item.again.date or ""}}
                      for item in found],
            "pages": _pages(indexed), **_told(request, indexed)}


BOOK = "/books/{book}/cases"
routes = [
    Route(BOOK, view(screen)),
    Route(f"{BOOK}.json", view(cases)),
    Route(f"{BOOK}/save", typing(save), methods=["POST"]),
    Route(f"{BOOK}/shape", view(reshape), methods=["POST"]),
    Route(f"{BOOK}/split", view(split), methods=["POST"]),
    Route(f"{BOOK}/undo", view(undo), methods=["POST"]),
    Route(f"{BOOK}/check.json", view(to_check)),
    Route(f"{BOOK}/check", typing(check), methods=["POST"]),
    Route(f"{BOOK}/differences.json", view(differences)),
    Route(f"{BOOK}/decide", typing(decide), methods=["POST"]),
]
