"""What only the whole book shows: a capture that departs from its habit, and a page that was captured twice.

How single captures are developed is `developing`'s; what a habit is, and when two pages are one, `imaging`'s.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from os.path import exists
from pathlib import Path
from typing import TYPE_CHECKING, Any

from book import Finding, Identity, Severity, digest
from developing import DevelopedPage, Progress, Read, Task, develop_all, known, plan, read_developed
from originals.booklog import BookState
from originals.durable import write_file
from settings import Settings
from workplace import Workplace

if TYPE_CHECKING:
    from imaging.habit import Developed

PAGES_FROM = ("captures", "settings", "roles", "superseded", "placed", "moved", "facts")  # what of a state pages come from
BOOKS = 4  # that are kept in memory as they were looked at last
Look = tuple[Task, tuple[DevelopedPage, ...], tuple[Finding, ...]]  # what is said of both pages, or of a side


@dataclass(frozen=True)
class InBook:
    """The captures of a book that are developed, each with its pages, and the habit that they have in common.

    `again` are the tasks, by capture, of those that depart from it: to be developed once more with that in mind.
    """

    found: tuple[tuple[Task, tuple[DevelopedPage, ...], Developed], ...]
    habit: Any
    again: Mapping[str, Task]

    @classmethod
    def of(cls, tasks: Iterable[Task], read: Read = read_developed) -> InBook:
        from imaging.habit import Habit

        found = tuple((task, pages, _developed(pages)) for task in tasks if (pages := read(task)))
        habit = Habit.of([developed for _, _, developed in found])
        again = {task.capture.id: replace(task, hints=replace(task.hints, habit=habit.layout, gutter=habit.gutter))
                 for task, _, developed in found if habit.unlike(developed)}
        return cls(found, habit, again)

    def looks(self, read: Read = read_developed) -> Iterator[Look]:
        """Each capture as it counts: as it was developed first, or again where that is more like the others."""
        for task, pages, developed in self.found:
            again = self.again.get(task.capture.id)
            second = read(again) if again else None
            if second and not self.habit.unlike(_developed(second)):
                yield again, second, (Finding("as_in_book", Severity.WARNING),)
            else:
                yield task, pages, self.habit.findings(developed)

    def pages(self, read: Read = read_developed) -> tuple[DevelopedPage, ...]:
        """All pages in order; a finding tells of each capture that departs from the habit, or did at first."""
        return told_of_habit(self.looks(read))


def as_in_book(tasks: list[Task], settings: Settings, jobs: int, progress: Progress) -> tuple[DevelopedPage, ...]:
    """The pages of all captures that are developed, in order. One that departs from the habit of its book is developed
    once more with that in mind; either way a finding tells of it.
    """
    in_book = InBook.of(tasks)
    waiting = [task for task in in_book.again.values() if read_developed(task) is None]
    if waiting:
        list(develop_all(waiting, settings, jobs, progress))  # what fails now was developed before
    return in_book.pages()


def unlike(tasks: Iterable[Task]) -> list[Task]:
    """Tasks that are still to be done for a book whose captures are developed: of those that depart from its habit."""
    return [task for task in InBook.of(tasks, known).again.values() if known(task) is None]


def told_of_habit(looks: Iterable[Look]) -> tuple[DevelopedPage, ...]:
    """The pages of captures as they count, with what is said of each."""
    return tuple(page for _, pages, findings in looks for page in _with(findings, pages))


def _with(findings: Iterable[Finding], pages: tuple[DevelopedPage, ...]) -> Iterator[DevelopedPage]:
    for page in pages:
        own = tuple(item for item in findings if item.facts.get("side", page.recipe.side) == page.recipe.side)
        yield replace(page, in_book=page.in_book + own)


def _developed(pages: tuple[DevelopedPage, ...]) -> Developed:
    from imaging.habit import Developed

    return Developed(tuple(page.recipe for page in pages), tuple((page.width, page.height) for page in pages))


def with_doubles(pages: tuple[DevelopedPage, ...], folder: Path) -> tuple[DevelopedPage, ...]:
    """The pages of a book, those that are captured twice with a finding that names the other; all stay."""
    return told_of_doubles(pages, _doubles(pages, folder))


def told_of_doubles(pages: tuple[DevelopedPage, ...], pairs: Iterable[Iterable[int]]) -> tuple[DevelopedPage, ...]:
    """The same where the pairs of places are known."""
    others: dict[int, int] = {}
    for first, second in pairs:
        others.setdefault(second, first)
        others.setdefault(first, second)
    return tuple(replace(page, in_book=(*page.in_book, _double(others[at], pages))) if at in others else page
                 for at, page in enumerate(pages))


def _double(other: int, pages: tuple[DevelopedPage, ...]) -> Finding:
    facts = {"number": other + 1, "page": pages[other].id, "where": [[0.0, 0.0, 1.0, 1.0]]}
    return Finding("double_page", Severity.WARNING, facts)


def _doubles(pages: tuple[DevelopedPage, ...], folder: Path) -> list[list[int]]:
    """Pairs of places. What was found is kept in the cache until a page changes."""
    kept = known_doubles(pages, folder)
    if kept is not None:
        return kept
    from imaging.likeness import doubles, from_png

    found = doubles([from_png((folder / page.strokes).read_bytes()) for page in pages])
    write_file(kept_doubles(pages, folder), [json.dumps(found).encode()])
    return [list(pair) for pair in found]


def settled(tasks: Iterable[Task], folder: Path) -> bool:
    """Compare the pages of a book whose captures are developed with each other; False where that was done before."""
    pages = InBook.of(tasks, known).pages(known)
    new = known_doubles(pages, folder) is None
    _doubles(pages, folder)
    return new


def known_doubles(pages: tuple[DevelopedPage, ...], folder: Path) -> list[list[int]] | None:
    """Pairs of places in `pages` that were found to be the same page of paper; None where nobody has compared them."""
    try:
        return json.loads(kept_doubles(pages, folder).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def kept_doubles(pages: tuple[DevelopedPage, ...], folder: Path) -> Path:
    """The file that the pairs are kept in."""
    return folder / f"doubles-{digest([page.strokes for page in pages])[:32]}.json"


@dataclass(frozen=True)
class Looked:
    """A book as far as it is developed; nothing is developed or compared to see it.

    `used` are the tasks that its pages were developed with, by capture. A capture that is just being developed anew is
    not among them; its pages are those of before, where they were seen in this process. `there` and `missing` are the
    files in the cache that were found, and that will tell more. `settled`: all that only the whole book shows is known.
    """

    state: BookState
    settings: Settings
    tasks: tuple[Task, ...]
    looks: Mapping[str, Look]
    pages: tuple[DevelopedPage, ...]
    used: Mapping[str, Task]
    there: tuple[Path, ...]
    missing: tuple[Path, ...]
    settled: bool

    def before(self, undeveloped: bool = False) -> dict[str, int]:
        """The number of pages before each capture, or before each that is `undeveloped`."""
        of_capture = Counter(page.id.partition("-")[0] for page in self.pages)
        names = [task.capture.id for task in self.tasks]
        ends = accumulate(of_capture[name] for name in names)
        return {name: end - of_capture[name] for name, end in zip(names, ends, strict=True)
                if not (undeveloped and name in self.used)}

    def holds(self, state: BookState, settings: Settings) -> bool:
        """Whether a new look would show the same."""
        same = all(getattr(self.state, name) is getattr(state, name) for name in PAGES_FROM)
        return same and self.settings is settings and not any(map(exists, self.missing)) and all(map(exists, self.there))


_last: dict[tuple[Path, str], Looked] = {}  # the books looked at last


def looked_at(workplace: Workplace, identity: Identity, settings: Settings, state: BookState) -> Looked:
    """A book as far as it is developed. Quick where nothing has changed since it was looked at last."""
    key = (workplace.root, str(identity))
    last = _last.get(key)
    if last is None or not last.holds(state, settings):
        if key not in _last and len(_last) >= BOOKS:
            _last.clear()
        tasks = tuple(plan(workplace, identity, settings, state))
        last = _last[key] = _looked(tasks, settings, state, workplace.pages, last.looks if last else {})
    return replace(last, state=state)


def _looked(
    tasks: tuple[Task, ...], settings: Settings, state: BookState, folder: Path, earlier: Mapping[str, Look]
) -> Looked:
    in_book = InBook.of(tasks, known)
    now = {look[0].capture.id: look for look in in_book.looks(known)}
    looks = {name: now.get(name) or earlier[name] for name in (task.capture.id for task in tasks)
             if name in now or name in earlier}
    pages, used = told_of_habit(looks.values()), {name: look[0] for name, look in now.items()}
    doubles, compared = known_doubles(pages, folder), kept_doubles(pages, folder)
    again = [task for task in in_book.again.values() if known(task) is None]
    missing = [task.facts for task in (*(task for task in tasks if task.capture.id not in now), *again)]
    there = [task.facts for task in used.values()]
    (missing if doubles is None else there).append(compared)
    return Looked(state, settings, tasks, looks, told_of_doubles(pages, doubles or ()), used, tuple(there), tuple(missing),
                  doubles is not None and not again)
