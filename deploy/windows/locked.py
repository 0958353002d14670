"""Which of the locked libraries a station needs: a part of `requirements.lock`, versions and hashes as they stand there."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

START = re.compile(r"^(?=[A-Za-z0-9][\w.-]*==)", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
WANTED_BY = re.compile(r"^ {4}# {2,3}(?:via )?([\w.-]+)(?: \(.*\))?$|^ {4}# via ([\w.-]+)(?: \(.*\))?$", re.MULTILINE)


@dataclass(frozen=True)
class Library:
    """A library of the lock: its lines, and the names of those that want it."""

    name: str
    lines: str
    wanted_by: frozenset[str]


def libraries(lock: str) -> list[Library]:
    """All libraries of a lock; one of two versions (by markers) stands there twice."""
    found = []
    for lines in START.split(lock)[1:]:
        names = {_plain(one or other) for one, other in WANTED_BY.findall(lines)}
        found.append(Library(_plain(NAME.match(lines)[0]), lines, frozenset(names)))
    return found


def wanted(lock: str, project: str, extras: tuple[str, ...]) -> str:
    """The lines of the libraries that the project wants with `extras` (`project`: its pyproject.toml), and of what these
    want. Raises KeyError for one that is not locked.
    """
    table = tomllib.loads(project)["project"]
    named = [*table["dependencies"], *(line for extra in extras for line in table["optional-dependencies"][extra])]
    known = libraries(lock)
    chosen = {_plain(NAME.match(line)[0]) for line in named}
    missing = chosen - {library.name for library in known}
    if missing:
        raise KeyError(", ".join(sorted(missing)))
    while more := {library.name for library in known if library.wanted_by & chosen} - chosen:
        chosen |= more
    return "".join(library.lines for library in known if library.name in chosen)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
