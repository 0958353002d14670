"""A second person types number and date of cases again without seeing the first, and what differs is decided.

What was typed again is one line in the log each time, like everything people say; a case is checked while it stands as it
was typed again. Typing itself is `indexing`'s. No sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from book import Case
from bookwork import Work
from errors import Refused
from indexing import Indexed, is_typed, key, open_cases, read_of, save
from originals.booklog import BookState
from originals.caselog import SAID, undone_events
from originals.durable import locked


@dataclass(frozen=True)
class Difference:
    """A case as it stands, and as a second person typed it `again`; `first` and `second` are their names."""

    case: Case
    again: Case
    first: str
    second: str


def to_check(indexed: Indexed, by: str) -> tuple[Case, ...]:
    """The typed cases that a person may type again: not their own, and not typed again by anybody yet."""
    return tuple(case for case in of_others(indexed, by) if case.id not in indexed.state.case_checks)


def of_others(indexed: Indexed, by: str) -> tuple[Case, ...]:
    """The typed cases of which a person typed nothing, whether they are typed again or not."""
    typists = typists_of(indexed.state)
    return tuple(case for case in indexed.cases
                 if is_typed(case) and _plain(by) not in map(_plain, typists.get(case.id, ())))


def check(work: Work, name: str, number: str, date: str, by: str) -> None:
    """A person has typed a case again. Raises BadCell, Refused for their own case or an untyped one, StorageFailed."""
    case, typed = read_of(work, name, number, date)
    if not is_typed(case):
        raise Refused("case_gone")
    if _plain(by) in map(_plain, typists_of(work.state()).get(name, ())):
        raise Refused("check_of_typist", name=by)
    _log(work, name, typed, by)


def differences(indexed: Indexed) -> tuple[Difference, ...]:
    """The cases that stand otherwise than they were typed again."""
    checks, typists = indexed.state.case_checks, typists_of(indexed.state)
    return tuple(Difference(case, _again(case, checks[case.id]), (typists.get(case.id) or ("",))[-1], checks[case.id]["by"])
                 for case in indexed.cases if case.id in checks and not _same(case, checks[case.id]))


def decide(work: Work, name: str, number: str, date: str, seen: str, by: str) -> Indexed:
    """A person has looked at the page and says what is right: the first, the second, or neither. Raises as `save` does."""
    indexed = save(work, name, number, date, seen, by)
    case = next(case for case in indexed.cases if case.id == name)
    if not _same(case, indexed.state.case_checks.get(name, {})):
        _log(work, name, key(case), by, decided=True)
    return open_cases(work)


def checked(indexed: Indexed) -> int:
    """How many cases stand as a second person typed them, or as was decided."""
    checks = indexed.state.case_checks
    return sum(case.id in checks and _same(case, checks[case.id]) for case in indexed.cases)


def typists_of(state: BookState) -> dict[str, tuple[str, ...]]:
    """Case → the names of all who typed number or date of it and did not take it back, the last one last."""
    typists: dict[str, tuple[str, ...]] = {}
    undone = undone_events(state.case_events)
    for place, event in enumerate(state.case_events, 1):
        if event["event"] == SAID and place not in undone:
            for change in event["changes"]:
                if {"number", "date"} & change.keys():
                    name = str(event.get("by", ""))
                    others = (other for other in typists.get(change["case"], ()) if other != name)
                    typists[change["case"]] = (*others, name)
    return typists


def _log(work: Work, name: str, typed: dict[str, Any], by: str, decided: bool = False) -> None:
    event = {"event": "cases_checked", "by": by, "cases": {name: typed}}
    with locked(work.workplace.cases_lock, wait=True):
        work.log.append(event | ({"decided": True} if decided else {}))


def _again(case: Case, said: Mapping[str, Any]) -> Case:
    return replace(case, **{field: said.get(field) for field in key(case)})


def _same(case: Case, again: Mapping[str, Any]) -> bool:
    return all(again.get(field) == value for field, value in key(case).items())


def _plain(name: str) -> str:
    return name.strip().casefold()
