"""People look at a book before it is closed: pages with warnings are accepted, a second person judges a sample.

What they say is one line in the book's log each time. How a sample is drawn is `bookpack.sampling`'s; closing is told in
`closing`. No sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from book import Case, Identity, digest
from bookpack.sampling import Verdict, draw, outcome
from bookwork import Work
from developing import DevelopedPage
from errors import BadIdentity, Refused
from originals.booklog import BookState
from originals.corrections import SPARE
from pipeline import DevelopedBook, look_again, seen, warnings

DOUBLE = "double_page"


@dataclass(frozen=True)
class Waiting:
    """A page that somebody has to look at: its number in the book, and the name of its image."""

    number: int
    page: DevelopedPage
    source: str

    @property
    def double(self) -> bool:
        """Whether it looks like another page of the book: captured twice, it makes the count of pages wrong."""
        return any(finding.code == DOUBLE for finding in warnings(self.page))


def waiting_of(book: DevelopedBook, state: BookState) -> list[Waiting]:
    """The pages that wait to be looked at, the most doubtful first; none that were accepted as they are now."""
    numbers = {page.id: number for number, page in enumerate(book.pages, 1)}
    return [Waiting(numbers[page.id], page, book.sources.get(page.id.split("-")[0], ""))
            for page in look_again(book.pages, state.accepted)]


def waiting(work: Work) -> list[Waiting]:
    """The same of a book in its station. Raises NothingToDo for one that is not there."""
    state = work.state()
    return waiting_of(work.developed(state), state)


def accept(work: Work, names: Iterable[str], by: str) -> tuple[list[Waiting], list[Waiting]]:
    """A person has looked at pages and says that they are good; what was accepted, and what still waits.

    `names` are numbers or ids of pages, `all` among them means all but pages that look like another one: those are to be
    named, since each stands in the count of pages. Raises BadIdentity for a page that the book does not have.
    """
    state = work.state()
    book = work.developed(state)
    waits, names = waiting_of(book, state), list(names)
    named = {page_of(name, book.pages) for name in names if name != "all"}
    accepted = [item for item in waits if item.page.id in named or ("all" in names and not item.double)]
    if accepted:
        pages = {item.page.id: seen(item.page) for item in accepted}
        work.log.append({"event": "accepted", "by": by, "pages": pages})
    return accepted, [item for item in waits if item not in accepted]


def page_of(name: str, pages: tuple[DevelopedPage, ...]) -> str:
    """The id of a page that is named by its id or its number. Raises BadIdentity."""
    if name in {page.id for page in pages}:
        return name
    if name.isdecimal() and 1 <= int(name) <= len(pages):
        return pages[int(name) - 1].id
    raise BadIdentity("page_unknown", page=name)


def mark(work: Work, names: Iterable[str], role: str, by: str, said: Mapping[str, Any] | None = None) -> list[str]:
    """A person says what pages are (`blank`, `slip`, or `` for a page like others), or that captures are `spare`.

    `names` are numbers or ids of pages, or ids of captures, of both pages of which it is said then; the ids come back.
    Raises BadIdentity for one that the book does not have, and for one page of two that would be spare: an image is no
    page as a whole.
    """
    state = work.state()
    captures = {capture.id for capture in state.captures}
    pages = () if captures.issuperset(names := list(names)) else work.developed(state).pages
    chosen = list(dict.fromkeys(name if name in captures else page_of(name, pages) for name in names))
    half = next((name for name in chosen if name not in captures), None)
    if role == SPARE and half is not None:
        raise BadIdentity("page_of_two", page=half, capture=half.split("-")[0])
    work.log.append({"event": "role", "by": by, "roles": dict.fromkeys(chosen, role)} | ({"said": said} if said else {}))
    return chosen


@dataclass(frozen=True)
class SampledPage:
    """A page of the sample: number and id, the numbers of its cases, its files, and what was said of it."""

    number: int
    id: str
    cases: tuple[str, ...]
    picture: Path
    original: Path
    verdict: Verdict | None


@dataclass(frozen=True)
class Sampled:
    """The acceptance sample of a book: how it was drawn, and what came of it (`open`, `accepted` or `rework`).

    `missing` counts the pages that the book states and does not have, unless it was explained when the book was closed;
    None where it states none. One is too many.
    """

    book: str
    seed: int
    lot: int
    fails: int
    pages: tuple[SampledPage, ...]
    missing: int | None
    new: bool

    @property
    def outcome(self) -> str:
        if self.missing:
            return "rework"
        return outcome([page.id for page in self.pages], self.fails,
                       {page.id: page.verdict for page in self.pages if page.verdict})

    @property
    def bad(self) -> int:
        return sum(page.verdict is not None and not page.verdict.good for page in self.pages)


def sample(work: Work, seed: int | None, by: str) -> Sampled:
    """The book's sample: the one drawn last, or a new one where a page has changed since, or none was drawn.

    Raises Refused where another seed is asked for and no page has changed: whoever may draw until they like what they
    see draws no sample.
    """
    state = work.state()
    book = work.developed(state)
    basis, drawn = _basis(book), state.sample
    if drawn is not None and drawn["basis"] == basis:
        if seed not in (None, drawn["seed"]):
            raise Refused("sample_drawn", seed=str(drawn["seed"]))
        return _sampled(work, state, book, new=False)
    chosen = draw(len(book.pages), _seed(work.identity, basis) if seed is None else seed,
                  work.settings.sampling)
    work.log.append({"event": "sampled", "by": by, "seed": chosen.seed, "lot": chosen.lot, "fails": chosen.fails,
                     "basis": basis, "pages": [book.pages[number - 1].id for number in chosen.numbers]})
    return _sampled(work, work.log.state(), book, new=True)


def _basis(book: DevelopedBook) -> str:
    """Digest of the pages that a sample stands for: a page done anew, or one more, makes it void."""
    return digest([(page.id, page.recipe.digest) for page in book.pages])


def _seed(identity: Identity, basis: str) -> int:
    """A seed that anybody can find again from the book, and nobody knows before its pages are as they are."""
    return int(digest([str(identity), basis])[:8], 16)


def _sampled(work: Work, state: BookState, book: DevelopedBook, new: bool) -> Sampled:
    drawn, contents = state.sample, work.contents(state, book)
    numbers = {page.id: number for number, page in enumerate(book.pages, 1)}
    originals = {original.sha256: original.path for original in contents.originals}
    pages = tuple(
        SampledPage(numbers[page], page, tuple(case.number or "" for case in contents.cases if page in case.pages),
                    contents.page(page).jpeg, originals[contents.page(page).recipe.capture],
                    _verdict(state.verdicts.get(page)))
        for page in drawn["pages"])
    return Sampled(str(work.identity), drawn["seed"], drawn["lot"], drawn["fails"], pages, _missing(state, book), new)


def _missing(state: BookState, book: DevelopedBook) -> int | None:
    """Pages that are stated and not there, but for those that somebody explained when they closed the book as it is."""
    closing = state.closings[-1] if state.closings and not state.changed else {"gaps": ()}
    if any(gap["code"] == "pages_differ" for gap in closing["gaps"]):
        return 0
    stated, roles = state.facts.get("pages"), roles_of(book, state)
    return None if stated is None else max(0, stated - (len(roles) - roles.count("slip")))


def roles_of(book: DevelopedBook, state: BookState) -> list[str]:
    """What each page of a book is: `blank`, `slip`, or nothing special."""
    return [state.role_of(page.id) for page in book.pages]


def counted(roles: list[str], state: BookState, cases: Iterable[Case]) -> dict[str, int]:
    """What a book has: blank pages are pages, slips stand outside, a case counts once it has number and date."""
    return {"captures": len(state.current), "pages": len(roles) - roles.count("slip"), "blank": roles.count("blank"),
            "slips": roles.count("slip"),
            "cases": sum(bool(case.number and case.date) and not case.slip for case in cases)}


def _verdict(plain: Mapping[str, Any] | None) -> Verdict | None:
    return Verdict(plain["good"], plain["by"], plain.get("reason", "")) if plain else None


def judge(work: Work, said: Mapping[str, tuple[bool, str]], by: str, same_person: bool) -> Sampled:
    """A second person says of pages of the sample (by number or id) whether they are good, and why not.

    Raises Refused for a person without a name or who had a hand in the work, unless `same_person`; BadIdentity for a page
    that is not of the sample; Refused where a page has changed since the sample was drawn.
    """
    state = work.state()
    book = work.developed(state)
    if state.sample is None or state.sample["basis"] != _basis(book):
        raise Refused("sample_outdated", book=str(work.identity))
    _check_person(by, state, same_person)
    pages = {page_of(name, book.pages): {"good": good, "reason": reason} for name, (good, reason) in said.items()}
    stranger = next((page for page in pages if page not in state.sample["pages"]), None)
    if stranger is not None:
        raise BadIdentity("page_not_sampled", page=stranger)
    work.log.append({"event": "verdict", "by": by, "pages": pages} | ({"same_person": True} if same_person else {}))
    return _sampled(work, work.log.state(), book, new=False)


def _check_person(by: str, state: BookState, same_person: bool) -> None:
    if not by.strip():
        raise Refused("verdict_without_name")
    if not same_person and by.strip().casefold() in {name.strip().casefold() for name in state.workers}:
        raise Refused("verdict_of_worker", name=by)
