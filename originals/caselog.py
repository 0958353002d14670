"""What the events about cases in a book's log come to: what was said of each case, and not undone.

An event `cases` holds `changes`, all of which are taken or none. Each names its `case` and what is said of it: `pages`,
`number`, `date`, `slip`, `regions`, `values` (by column; None takes one back) or `removed`. An event `cases_undone`
names by its place among both kinds, from 1, the event that is `undone`; it may be undone itself. Which cases a book
has when nothing is said is left to `bookpack.cases`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SAID, UNDONE = "cases", "cases_undone"


def check_event(event: Mapping[str, Any]) -> None:
    """Raises KeyError, TypeError or AttributeError for an event that cannot be read."""
    if event["event"] == UNDONE:
        range(event["undone"])
    else:
        said_of_cases([event])


def said_of_cases(events: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Case id → all that was said of it and not undone, in the order first said."""
    undone, said = undone_events(events), dict[str, dict[str, Any]]()
    for number, event in enumerate(events, 1):
        if event["event"] == SAID and number not in undone:
            for change in event["changes"]:
                before = said.get(change["case"], {})
                values = {**before.get("values", {}), **change.get("values", {})}
                said[change["case"]] = {**before, **change, "values": values}
    return said


def undone_events(events: Sequence[Mapping[str, Any]], kind: str = UNDONE) -> set[int]:
    """The places, from 1, of events that are undone today. Undoing is said by events of a `kind`."""
    undone: set[int] = set()
    for number in range(len(events), 0, -1):  # only later events undo earlier ones
        event = events[number - 1]
        if event["event"] == kind and number not in undone and event["undone"] < number:
            undone.add(event["undone"])
    return undone
