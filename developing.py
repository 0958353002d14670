"""From captures to developed pages in the cache: what is to be done, done in worker processes, read back as a book.

What happens to the pixels of a page is `imaging`'s; how a page is encoded is `bookpack`'s.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from batch import local
from book import Capture, Finding, Identity, Page, Recipe, Side, canonical_json, digest, doubt
from imaging.view import Hints
from originals.booklog import BookState
from originals.corrections import Values
from originals.durable import write_file
from originals.scopes import BOOK, Scopes
from settings import Settings, with_stages
from settings.reading import Entry
from workplace import Workplace

ENCODING = 2  # of pages in the cache: with another number they are made again
REMEMBERED = 2000  # captures of which is kept in memory what their pages are
FACTS_NAME = re.compile(r"([0-9a-f]{8}(?:\.\d+)?)-[0-9a-f]{16}\.json")  # of what is said of a capture's pages, in the cache
HINTS = ("layout", "paper", "photo")  # what people say of a book that decisions depend on
Progress = Callable[[str, int, int], None]  # step, done, of


@dataclass(frozen=True)
class Task:
    """What a worker needs to develop one capture; small and picklable."""

    capture: Capture
    original: Path
    pages: Path
    settings: Settings
    plan: Any
    hints: Any

    @cached_property
    def basis(self) -> str:
        """Digest of all that the result depends on."""
        archive, ministry = self.settings.archive, self.settings.ministry
        encoders = [ENCODING, archive.quality, ministry.budget_kb, ministry.dpi]  # other settings touch no pixels
        capture, others = [self.capture.sha256, self.capture.frame], [asdict(self.hints), encoders]
        text = f"{canonical_json(capture)[:-1]},{self.plan.text},{canonical_json(others)[1:]}"  # as if it were one list
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    @cached_property
    def facts(self) -> Path:
        return self.pages / f"{self.capture.id}-{self.basis[:16]}.json"


@dataclass(frozen=True)
class DevelopedPage:
    """One page as it lies in the cache. `jpeg`, `drawing` and `strokes` are file names; sizes in bytes."""

    id: str
    recipe: Recipe
    jpeg: str
    drawing: str
    width: int
    height: int
    dpi: float | None
    paper: str
    jpeg_bytes: int
    drawing_bytes: int
    over_budget: bool
    strokes: str
    in_book: tuple[Finding, ...] = ()  # what only the whole book shows

    def to_json(self) -> dict[str, Any]:
        plain = {name: value for name, value in self.__dict__.items() if name != "in_book"}
        return plain | {"recipe": self.recipe.to_json()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> DevelopedPage:
        return cls(**{**plain, "recipe": Recipe.from_json(plain["recipe"])})

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.recipe.findings + self.in_book

    @property
    def confidence(self) -> float:
        return min((decision.confidence for decision in self.recipe.decisions), default=1.0)

    @property
    def doubt(self) -> float:
        """How much this page wants to be looked at (`book.doubt`)."""
        return doubt(self.findings, self.confidence)


Read = Callable[[Task], tuple[DevelopedPage, ...] | None]


class Planner:
    """Makes the tasks of a book's captures; what they have in common is worked out once."""

    def __init__(
        self, workplace: Workplace, book: str, settings: Settings, state: BookState, skip: frozenset[str] = frozenset()
    ) -> None:
        from imaging.stages import Plan

        settings = settings.for_book(book)
        self._place, self._scopes = workplace, Scopes.of(state)
        self._common = Plan(with_stages(settings.stages, entries(state.settings.get(BOOK, {}))), skip)
        self._settings, self._hints = replace(settings, stages={}, books={}), hints_of(book, settings, state)

    def task(self, capture: Capture) -> Task:
        """The task of one capture, with all that was set for its book, for itself and for single pages of it."""
        return Task(capture, self._place.store.path(capture.sha256), self._place.pages, self._settings,
                    self._plan(capture), self._hints)

    def _plan(self, capture: Capture) -> Any:
        common, own = self._common, entries(self._scopes.of_capture(capture))
        of_side = {side: entries(self._scopes.of_side(capture, side)) for side in (Side.LEFT, Side.RIGHT)}
        if not own and not any(of_side.values()):
            return common
        changed = {side: with_stages({name: common.params[name] for name in changes}, changes)
                   for side, changes in of_side.items() if changes}
        return replace(common, params=with_stages(common.params, own), operator=frozenset(own), of_side=changed)


def plan(
    workplace: Workplace, identity: Identity, settings: Settings, state: BookState, skip: frozenset[str] = frozenset()
) -> list[Task]:
    """One task for each capture of the book, in order, with what was set for the book and for single pages."""
    planner = Planner(workplace, str(identity), settings, state, skip)
    return [planner.task(capture) for capture in state.current]


def task_of(workplace: Workplace, book: str, settings: Settings, state: BookState, capture: Capture) -> Task:
    """The task of one capture; for those of many captures see `Planner`."""
    return Planner(workplace, book, settings, state).task(capture)


def stale(before: BookState, after: BookState) -> tuple[str, ...]:
    """Captures that are to be developed, or looked for in the cache, after what was said between two states; in order.

    Those that other settings hold for now, and those that were no part of the book.
    """
    if _of_book(before) != _of_book(after):
        return tuple(one.id for one in after.current)
    known, was, becomes = {one.id for one in before.current}, Scopes.of(before), Scopes.of(after)
    return tuple(one.id for one in after.current
                 if one.id not in known or _of_capture(was, one) != _of_capture(becomes, one))


def _of_book(state: BookState) -> list[Any]:
    """What every capture of a book is decided with."""
    return [state.settings.get(BOOK), *(state.facts.get(key) for key in HINTS)]


def _of_capture(scopes: Scopes, capture: Capture) -> list[Values]:
    return [scopes.of_capture(capture), *(scopes.of_side(capture, side) for side in (Side.LEFT, Side.RIGHT))]


def due(tasks: Iterable[Task]) -> list[Task]:
    """Tasks that are not done. A whole book takes hundredths of a second."""
    return [task for task in tasks if not task.facts.exists()]


def hints_of(book: str, settings: Settings, state: BookState) -> Hints:
    """What is known of a book's captures: by the settings, and over them what people said of the book itself."""
    known = settings.book(book).hints
    said = {key: state.facts[key] for key in HINTS if state.facts.get(key)}
    return replace(known, **said)


def entries(values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Entry]]:
    """Logged settings (stage → key → value) in the form that settings are checked in."""
    return {stage: {key: Entry(value) for key, value in keys.items()} for stage, keys in values.items()}


def develop_all(
    tasks: list[Task], settings: Settings, jobs: int, progress: Progress
) -> Iterator[tuple[Capture, local.Failure]]:
    """Develop in worker processes; gives the captures that could not be developed."""
    limits = local.Limits(settings.general.seconds, settings.general.memory_mb)
    progress("develop", 0, len(tasks))
    for done, (index, result) in enumerate(local.run(develop, tasks, jobs or settings.general.jobs, limits), 1):
        if isinstance(result, local.Failure):
            yield tasks[index].capture, result
        progress("develop", done, len(tasks))


def develop(task: Task) -> str:
    """Develop one capture into the page cache; the name of the file of facts that says it is whole."""
    from imaging.decode import read_header
    from imaging.opening import first_view
    from imaging.stages import decide

    data = task.original.read_bytes()
    limits = task.settings.limits
    header = read_header(data, limits)
    view = first_view(data, header, task.capture.frame, task.hints, limits)
    decided = decide(view, task.plan, task.capture.sha256, task.capture.frame)
    orientation, dpi = header.frames[task.capture.frame].orientation, header.frames[task.capture.frame].dpi
    pages = [_develop_page(task, view.full(), recipe, orientation, dpi) for _, recipe in decided]
    facts = json.dumps([page.to_json() for page in pages], ensure_ascii=False, indent=1, sort_keys=True)
    write_file(task.facts, [facts.encode("utf-8")])
    return task.facts.name


def _develop_page(task: Task, pixels: Any, recipe: Recipe, orientation: int, dpi: float | None) -> DevelopedPage:
    from bookpack.drawing import to_bytes
    from bookpack.jpeg import archive_jpeg
    from bookpack.layers import small_page
    from imaging.likeness import strokes, to_png
    from imaging.stages import develop_page

    developed, geometry = develop_page(pixels, recipe, orientation, dpi)
    page = Page(task.capture.id, recipe.side)
    ppi = geometry.dpi or assumed_dpi(geometry.size)
    jpeg = archive_jpeg(developed, task.settings.archive)
    small = small_page(developed, ppi, task.settings.ministry)
    drawing = to_bytes(small.drawing)
    name = digest([recipe.digest, task.basis])[:32]
    write_file(task.pages / f"{name}.jpg", [jpeg])
    write_file(task.pages / f"{name}.drawing", [drawing])
    write_file(task.pages / f"{name}.strokes.png", [to_png(strokes(developed))])
    height, width = developed.shape[:2]
    return DevelopedPage(
        page.id, recipe, f"{name}.jpg", f"{name}.drawing", width, height, geometry.dpi,
        paper_of(geometry.size, geometry.dpi), len(jpeg), len(drawing), small.over_budget, f"{name}.strokes.png",
    )


def assumed_dpi(size: tuple[int, int]) -> float:
    """Resolution of a page of unknown size, as if it were A4."""
    from imaging.view import MM_PER_INCH, PAPERS_MM

    return max(size) / max(PAPERS_MM["A4"]) * MM_PER_INCH


def paper_of(size: tuple[int, int], dpi: float | None) -> str:
    """Name of the paper whose size is nearest to a page's; A4 where the resolution is not known."""
    from imaging.view import MM_PER_INCH, PAPERS_MM

    if dpi is None:
        return "A4"
    long_side = max(size) / dpi * MM_PER_INCH
    return min(PAPERS_MM, key=lambda name: abs(max(PAPERS_MM[name]) - long_side))


def read_developed(task: Task) -> tuple[DevelopedPage, ...] | None:
    """The pages of a capture that is developed already with the same basis, or None."""
    pages = known(task)
    whole = pages is not None and all(
        _has_size(task.pages / page.jpeg, page.jpeg_bytes) and _has_size(task.pages / page.drawing, page.drawing_bytes)
        and (task.pages / page.strokes).exists() for page in pages)
    return pages if whole else None


def known(task: Task) -> tuple[DevelopedPage, ...] | None:
    """The same, without a look at the files of the pages: what is said of them. Quick where it was read before."""
    try:
        return _facts(task.facts, task.facts.stat().st_mtime_ns)
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # not there, spoilt, or of an older program
        return None


def forget() -> None:
    """Let go of what `known` remembers: of a book that is done, nobody asks again."""
    _facts.cache_clear()


@lru_cache(REMEMBERED)
def _facts(path: Path, _modified: int) -> tuple[DevelopedPage, ...]:
    return tuple(DevelopedPage.from_json(page) for page in json.loads(path.read_text(encoding="utf-8")))


def _has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size
