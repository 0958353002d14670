"""The plan beside the facts: a line for each book, and sums of lines by district, place, type and year. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from book import Identity
from reporting.facts import STATES, BookFacts, Gathered, Unreadable
from reporting.plan import Plan, PlannedBook, PlanProblem

FIGURES = (  # of a line and of a sum of lines; books at first: each is counted up to where it has come
    "planned", "begun", "packed", "closed", "planned_pages", "pages", "planned_cases", "cases", "named", "warned", "waiting",
    "set_aside", "undeveloped", "originals_bytes", "ministry_bytes", "archive_bytes",
)
LACKS = ("pages_missing", "unplanned", "cases_missing", "not_begun")  # what a person can do something about comes first


@dataclass(frozen=True)
class Line:
    """A book of the plan, of the stores, or of both. `place` is its place's name, or the code where none is known."""

    identity: Identity
    place: str
    district: str = ""
    planned: PlannedBook | None = None
    facts: BookFacts | None = None

    @property
    def state(self) -> str:
        """`missing` where nothing has come in, or one of STATES."""
        return self.facts.state if self.facts and self.facts.captures else "missing"

    @property
    def figures(self) -> dict[str, int]:
        facts, stage = self.facts, STATES.index(self.state) if self.state in STATES else -1
        own = {name: getattr(facts, name, 0) for name in FIGURES if facts}
        return {**dict.fromkeys(FIGURES, 0), **own, "planned": int(self.planned is not None), "begun": int(stage >= 0),
                "packed": int(stage >= 1), "closed": int(stage >= 2), "planned_pages": self._planned("pages"),
                "planned_cases": self._planned("cases"), "set_aside": sum(facts.aside.values()) if facts else 0}

    def _planned(self, what: str) -> int:
        return (getattr(self.planned, what) or 0) if self.planned else 0


GROUPS: Mapping[str, Callable[[Line], Any]] = {
    "district": lambda line: line.district,
    "place": lambda line: line.identity.place,
    "kind": lambda line: line.identity.kind,
    "year": lambda line: line.identity.year,
}


@dataclass(frozen=True)
class Lack:
    """What a book lacks by the plan, or else by its own statement: a code and how much."""

    line: Line
    code: str
    number: int = 0


@dataclass(frozen=True)
class Report:
    """All that is told. `planned` says whether there was a plan; `kinds` names the types of books by their code."""

    lines: tuple[Line, ...]
    kinds: Mapping[str, str]
    time: str
    planned: bool = False
    plan_problems: tuple[PlanProblem, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    unsorted: int = 0

    @property
    def total(self) -> dict[str, int]:
        return total(self.lines)

    @property
    def in_order(self) -> bool:
        """Whether everything that was given could be read."""
        return not (self.plan_problems or self.unreadable)

    def to_json(self) -> dict[str, Any]:
        """Everything for a program: sums, each book, what is missing, and what could not be read."""
        return {
            "time": self.time, "total": self.total, "unsorted": self.unsorted,
            "by": {name: [{"of": group, **total(lines)} for group, lines in self.by(key).items()]
                   for name, key in GROUPS.items()},
            "books": [{"book": str(line.identity), "place": line.place, "district": line.district, "state": line.state,
                       **line.figures} for line in self.lines],
            "missing": [{"book": str(lack.line.identity), "code": lack.code, "number": lack.number}
                        for lack in self.lacks()],
            "faults": [{"code": code, "number": number, "books": books} for _, code, number, books in self.faults()],
            "plan_problems": [vars(problem) for problem in self.plan_problems],
            "unreadable": [vars(item) for item in self.unreadable],
        }

    def by(self, key: Callable[[Line], Any]) -> dict[Any, tuple[Line, ...]]:
        """The lines in groups, in the order of their keys."""
        groups: dict[Any, list[Line]] = {}
        for line in self.lines:
            groups.setdefault(key(line), []).append(line)
        return {name: tuple(groups[name]) for name in sorted(groups)}

    def faults(self) -> list[tuple[str, str, int, int]]:
        """Section of the sentences and code of each fault, its pages or files, and its books; the most frequent first."""
        counts: Counter[tuple[str, str]] = Counter()
        books: Counter[tuple[str, str]] = Counter()
        for facts in (line.facts for line in self.lines if line.facts):
            for section, found in (("finding", facts.findings), ("error", facts.aside)):
                for code, number in found.items():
                    counts[section, code] += number
                    books[section, code] += 1
        return [(*key, number, books[key]) for key, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]

    def lacks(self) -> list[Lack]:
        """What is missing, and books that no plan knows; in the order of LACKS."""
        found = [lack for line in self.lines for lack in _lacks(line, self.planned)]
        return sorted(found, key=lambda lack: LACKS.index(lack.code))


def report_of(
    plan: Plan | None, gathered: Gathered, kinds: Mapping[str, str], places: Mapping[str, str], time: str
) -> Report:
    """The plan and the facts of the stores together; `places` names places by their code, before the plan does."""
    known = plan or Plan()
    facts = {str(book.identity): book for book in gathered.books}
    names = {**known.names, **places}
    identities = sorted({book.identity for book in (*known.books.values(), *gathered.books)}, key=_order)
    lines = tuple(Line(identity, names.get(identity.place, identity.place), known.districts.get(identity.place, ""),
                       known.books.get(str(identity)), facts.get(str(identity))) for identity in identities)
    return Report(lines, kinds, time, plan is not None, known.problems, gathered.unreadable, gathered.unsorted)


def total(lines: Iterable[Line]) -> dict[str, int]:
    """The sum of each figure."""
    sums = dict.fromkeys(FIGURES, 0)
    for line in lines:
        for name, figure in line.figures.items():
            sums[name] += figure
    return sums


def _order(identity: Identity) -> tuple[Any, ...]:
    return identity.place, identity.kind, identity.year, identity.volume


def _lacks(line: Line, with_plan: bool) -> Iterable[Lack]:
    if line.state == "missing":
        yield Lack(line, "not_begun")
        return
    if with_plan and line.planned is None:
        yield Lack(line, "unplanned")
    for what, there in (("pages", line.facts.pages), ("cases", line.facts.named)):
        planned = getattr(line.planned, what, None)
        wanted = getattr(line.facts, f"stated_{what}") if planned is None else planned
        if wanted is not None and wanted > there:
            yield Lack(line, f"{what}_missing", wanted - there)
