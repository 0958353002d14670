"""From captures to developed pages in the cache: what is to be done, done in worker processes, read back as a book.

What happens to the pixels of a page is `imaging`'s; how a page is encoded is `bookpack`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from batch import local
from book import Capture, Finding, Identity, Page, Recipe, Severity, Side, digest, doubt
from imaging.view import Hints
from originals.booklog import BookState
from originals.durable import write_file
from settings import Settings, with_stages
from settings.reading import Entry
from workplace import Workplace

ENCODING = 2  # of pages in the cache: with another number they are made again
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

    @property
    def basis(self) -> str:
        """Digest of all that the result depends on."""
        archive, ministry = self.settings.archive, self.settings.ministry
        encoders = [ENCODING, archive.quality, ministry.budget_kb, ministry.dpi]  # other settings touch no pixels
        return digest([self.capture.sha256, self.capture.frame, self.plan.to_json(), asdict(self.hints), encoders])

    @property
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


def plan(
    workplace: Workplace, identity: Identity, settings: Settings, state: BookState, skip: frozenset[str] = frozenset()
) -> list[Task]:
    """One task for each capture of the book, in order, with what was set for the book and for single pages."""
    return [task_of(workplace, str(identity), settings, state, capture, skip) for capture in state.current]


def task_of(
    workplace: Workplace, book: str, settings: Settings, state: BookState, capture: Capture,
    skip: frozenset[str] = frozenset(),
) -> Task:
    """The task of one capture, with all that was set for its book, for itself and for single pages of it."""
    from imaging.stages import Plan

    settings = settings.for_book(book)
    for_all = with_stages(settings.stages, entries(state.settings.get("book", {})))
    of_capture = entries(state.settings.get(capture.id, {}))
    of_side = {}
    for side in (Side.LEFT, Side.RIGHT):
        changes = entries(state.settings.get(Page(capture.id, side).id, {}))
        if changes:
            named = {name: for_all[name] for name in changes}
            of_side[side] = with_stages(named, changes)
    params = with_stages(for_all, of_capture)
    return Task(capture, workplace.store.path(capture.sha256), workplace.pages, replace(settings, stages={}, books={}),
                Plan(params, skip, frozenset(of_capture), of_side), hints_of(book, settings, state))


def hints_of(book: str, settings: Settings, state: BookState) -> Hints:
    """What is known of a book's captures: by the settings, and over them what people said of the book itself."""
    known = settings.book(book).hints
    said = {key: state.facts[key] for key in ("layout", "paper", "photo") if state.facts.get(key)}
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
    try:
        pages = tuple(DevelopedPage.from_json(page) for page in json.loads(task.facts.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # not there, spoilt, or of an older program
        return None
    whole = all(_has_size(task.pages / page.jpeg, page.jpeg_bytes) and
                _has_size(task.pages / page.drawing, page.drawing_bytes) and
                (task.pages / page.strokes).exists() for page in pages)
    return pages if whole else None


def _has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def as_in_book(tasks: list[Task], settings: Settings, jobs: int, progress: Progress) -> tuple[DevelopedPage, ...]:
    """The pages of all captures that are developed, in order. One that departs from the habit of its book is developed
    once more with that in mind; either way a finding tells of it.
    """
    from imaging.habit import Habit

    found = [(task, pages) for task in tasks if (pages := read_developed(task))]
    habit = Habit.of([_developed(pages) for _, pages in found])
    again = {task.capture.id: replace(task, hints=replace(task.hints, habit=habit.layout, gutter=habit.gutter))
             for task, pages in found if habit.unlike(_developed(pages))}
    waiting = [task for task in again.values() if read_developed(task) is None]
    if waiting:
        list(develop_all(waiting, settings, jobs, progress))  # what fails now was developed before
    return tuple(page for task, pages in found for page in _by_habit(habit, pages, again.get(task.capture.id)))


def _by_habit(habit: Any, pages: tuple[DevelopedPage, ...], again: Task | None) -> Iterator[DevelopedPage]:
    second = read_developed(again) if again else None
    if second and not habit.unlike(_developed(second)):
        pages, findings = second, (Finding("as_in_book", Severity.WARNING),)
    else:
        findings = habit.findings(_developed(pages))
    for page in pages:
        own = tuple(item for item in findings if item.facts.get("side", page.recipe.side) == page.recipe.side)
        yield replace(page, in_book=page.in_book + own)


def _developed(pages: tuple[DevelopedPage, ...]) -> Any:
    from imaging.habit import Developed

    return Developed(tuple(page.recipe for page in pages), tuple((page.width, page.height) for page in pages))


def with_doubles(pages: tuple[DevelopedPage, ...], folder: Path) -> tuple[DevelopedPage, ...]:
    """The pages of a book, those that are captured twice with a finding that names the other; all stay."""
    others: dict[int, int] = {}
    for first, second in _doubles(pages, folder):
        others.setdefault(second, first)
        others.setdefault(first, second)
    return tuple(replace(page, in_book=(*page.in_book, _double(others[at], pages))) if at in others else page
                 for at, page in enumerate(pages))


def _double(other: int, pages: tuple[DevelopedPage, ...]) -> Finding:
    facts = {"number": other + 1, "page": pages[other].id, "where": [[0.0, 0.0, 1.0, 1.0]]}
    return Finding("double_page", Severity.WARNING, facts)


def _doubles(pages: tuple[DevelopedPage, ...], folder: Path) -> list[list[int]]:
    """Pairs of places. What was found is kept in the cache until a page changes."""
    kept = folder / f"doubles-{digest([page.strokes for page in pages])[:32]}.json"
    try:
        return json.loads(kept.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        pass
    from imaging.likeness import doubles, from_png

    found = doubles([from_png((folder / page.strokes).read_bytes()) for page in pages])
    write_file(kept, [json.dumps(found).encode()])
    return [list(pair) for pair in found]
