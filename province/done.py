"""What is written down of a finished book in DONE: told again where telling it failed, and what it replaced of before."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bookpack.ministry import FOLDER as MINISTRY
from errors import StorageFailed
from province.onebook import DONE, OneBook, Reference
from province.orders import BookPacked
from province.written import done_name, is_of

if TYPE_CHECKING:
    from province.changes import Change
    from province.job import Job


@dataclass(frozen=True)
class Replaced:
    """A page that is not as it was; `where` (source, dest) and `name` tell where it lies as it was, if anywhere."""

    change: Change
    where: str
    name: str

    def after(self, earlier: Replaced | None) -> Replaced:
        """Both as one, where it was replaced earlier already."""
        if earlier is None:
            return self
        return replace(earlier, change=replace(self.change, before=earlier.change.before))


def with_earlier(one: OneBook, replaced: Iterable[Replaced]) -> tuple[Replaced, ...]:
    """Replaced pages, with what this very job had replaced in the book before."""
    from province.changes import Change

    earlier = {item["change"]["page"]: Replaced(Change.from_json(item["change"]), item["where"], item["before"])
               for item in one.changed_before}
    now = {item.change.page: item.after(earlier.get(item.change.page)) for item in replaced}
    return tuple(item for item in {**earlier, **now}.values() if item.change.visible and item.change.facts)


def done_of(job: Job, identity: str) -> list[str]:
    """The files in DONE that are about a book."""
    return [entry.name.rpartition("/")[2] for entry in job.dest.look(DONE)[1] if is_of(entry.name, identity)]


def told_for(job: Job, reference: Reference) -> BookPacked | None:
    """What came of a book whose worker was stopped when all was done but telling it; None where it is to be packed.

    Raises StorageFailed `batch_meanwhile` where another batch has packed it otherwise.
    """
    dest, book = job.dest, reference.book
    if not reference.done or dest.exists(f"{DONE}/{reference.done}"):
        return None
    start = done_name(book, job.key, "?").partition("?")[0]
    name = next((name for name in done_of(job, book.identity) if name.startswith(start)), "")
    if not name:
        raise StorageFailed("batch_meanwhile", dest=dest.url)
    said = json.loads(dest.read(f"{DONE}/{name}"))
    ministry = sum(size for file, size in said["packages"].items() if f"/{MINISTRY}/" in file)
    archive = sum(said["packages"].values()) - ministry
    return BookPacked(said["pages"], said["cases"], len(said["changes"]), ministry, archive, name)
