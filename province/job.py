"""What a batch is to do, and the orders that it falls into: a book is read, its captures developed, the book packed.

A `Job` is carried once to each worker; orders and their outcomes are small. Whatever is large goes between a worker and
the storages. An order may be carried out twice, by two workers at once even: each file that it writes is written whole,
under a name that tells its content or with the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from book import digest
from developing import ENCODING, FACTS_NAME
from packing import PROGRAM
from province.onebook import OneBook, Reference
from settings import Settings

if TYPE_CHECKING:
    from province.storage import Storage
    from province.where import Where

LIBRARIES = ("numpy", "opencv-python", "opencv-python-headless", "pikepdf", "pillow", "pillow-heif", "pypdfium2",
             "simplejpeg")
BOOKS = 3  # that a worker keeps in memory


@dataclass(frozen=True)
class Job:
    """What is to be done with all books: `job(order)` carries an order out.

    `stages` are decided again, others stay as they were decided before (empty: all are decided). `where` tells which
    books and pages are asked for.
    """

    source: Storage
    dest: Storage
    settings: Settings
    stages: tuple[str, ...] = ()
    where: Where | None = None
    profile: str = "both"
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)  # what a worker has read

    def __call__(self, order: Any) -> Any:
        """Carry out an order in a worker. Raises SohoaError."""
        started = time.process_time()
        outcome = order.carry_out(self)
        return replace(outcome, cpu=time.process_time() - started)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "key"} | {"_kept": {}}

    def book(self, reference: Reference) -> OneBook:
        """A book, read once while this worker has to do with it."""
        books = self._kept.setdefault("books", {})
        if reference not in books:
            while len(books) >= BOOKS:
                del books[next(iter(books))]
            books[reference] = OneBook(self, reference)
        return books[reference]

    def station_facts(self, folder: str) -> Mapping[str, str]:
        """The newest facts of each capture in a station's cache of pages, by one listing for all its books."""
        known = self._kept.setdefault("station_facts", {})
        if folder not in known:
            known[folder] = _newest_facts(self.source, folder)
        return known[folder]

    @cached_property
    def key(self) -> str:
        """Digest of what the outcome depends on, besides the books."""
        return self._key(None if self.where is None else str(self.where))

    @property
    def keys(self) -> frozenset[str]:
        """Those of jobs that leave nothing to be done for this one."""
        return frozenset((self.key, self._key(None)))

    def _key(self, where: str | None) -> str:
        from dataclasses import asdict

        from imaging.stages import Plan

        settings = self.settings
        books = {name: asdict(book) for name, book in settings.books.items()}
        names = [settings.kinds, settings.places, settings.general.author]
        packing = [asdict(settings.archive), asdict(settings.ministry), asdict(settings.limits), names]
        asked = [self.stages, where, self.profile]
        return digest([PROGRAM, ENCODING, Plan(settings.stages).text, books, packing, asked])[:12]


def program() -> str:
    """What all workers must have in common, or the same image would give other bytes: the program, the versions of what
    decides and encodes, its models, and the libraries that pixels go through.
    """
    from bookpack.manifest import sha256_of
    from imaging.learned import MODELS
    from imaging.stages import STAGES

    versions = [[stage.name, stage.version] for stage in STAGES]
    models = [[path.name, sha256_of(path)] for path in sorted(MODELS.glob("*.onnx"))]
    libraries = [[name, _version(name)] for name in LIBRARIES]
    return f"{PROGRAM} {digest([ENCODING, versions, models, libraries])[:8]}"


def _version(library: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _newest_facts(source: Storage, folder: str) -> dict[str, str]:
    newest: dict[str, tuple[float, str]] = {}
    _, files = source.look(folder)
    for file in files:
        name = file.name.rpartition("/")[2]
        match = FACTS_NAME.fullmatch(name)
        if match:
            newest[match[1]] = max(newest.get(match[1], (0.0, "")), (file.modified, name))
    return {capture: name for capture, (_, name) in newest.items()}
