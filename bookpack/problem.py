"""Something that is wrong with a package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something wrong with a package: a code and facts, `file` among them; a note is to be told, and no fault."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    note: bool = False


def within(folder: str, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems with the place of each file told from a folder above."""
    for problem in problems:
        yield replace(problem, facts={**problem.facts, "file": f"{folder}/{problem.facts['file']}"})
