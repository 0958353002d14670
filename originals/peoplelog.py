"""The log of the people who work at a station: names, what they may do, and the digests of their PINs.

A PIN never stands here, only what it is compared with; of four digits it could be found by trying, so
nobody else reads it. What people did stands in the logs of the books, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from originals.eventlog import EventLog

FILE = "people.jsonl"
OPERATOR, CHECKER = "operator", "checker"
ROLES = (OPERATOR, CHECKER)


@dataclass(frozen=True)
class Known:
    """A person of the station. `salt` and `digest` (hex) are of the PIN."""

    name: str
    role: str
    salt: str
    digest: str


class PeopleLog(EventLog[Mapping[str, Known]]):
    """The log file of a station's people; its state maps each name to what holds of it today."""

    def __init__(self, root: Path) -> None:
        super().__init__(Path(root) / FILE, {}, _after, private=True)


def _after(people: Mapping[str, Known], event: Mapping[str, Any]) -> Mapping[str, Known]:
    if event["event"] == "person":
        known = Known(event["name"], event["role"], event["salt"], event["digest"])
        return {**people, known.name: known}
    if event["event"] == "person_left":
        return {name: known for name, known in people.items() if name != event["name"]}
    return people
