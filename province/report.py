"""The report of a batch: every changed page in a table, the most changed to be looked at, and what could not be done.

Made from what was written down of each book, so that it tells of books too that were packed before the batch was stopped.
"""

from __future__ import annotations

import csv
import heapq
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from errors import StorageFailed
from originals.durable import write_file
from province import change_page, change_table
from province.changes import Change
from province.contact import Shown, contact
from province.onebook import DONE, PAGES
from province.packer import BEFORE, before_name
from province.run import Trouble
from texts import say

if TYPE_CHECKING:
    from province.batch import Plan
    from province.job import Job
    from province.run import Tally
    from province.storage import Storage

REPORTS = "reports"
MOST = 48  # pages that are shown


def report_of(job: Job, found: Plan, tally: Tally, language: str) -> str | None:
    """Write the report where there is anything to tell; where it lies. Raises StorageFailed.

    Pages that a batch replaced which was stopped before its report are told of by the next one, whatever that does.
    """
    troubles = [*(Trouble("", item.name, item.code, dict(item.facts)) for item in found.odd), *tally.troubles]
    if tally.changed or tally.troubles or any(True for _ in job.dest.list(BEFORE)):
        return write_report(job, troubles, language)
    if not troubles:
        return None
    folder = f"{REPORTS}/{job.key}"
    job.dest.write(f"{folder}/failed.csv", failed_csv(troubles, language))
    return job.dest.at(folder).url


def write_report(job: Job, troubles: Iterable[Trouble], language: str) -> str:
    """Write the report into the destination; where it lies. Raises StorageFailed."""
    folder = f"{REPORTS}/{job.key}"
    tally, most = change_table.Tally(), _Most()
    with job.dest.filling(folder) as here:
        write_file(here / "changes.csv", change_table.csv_of(_changes(job, tally, most), language))
        write_file(here / "changes.xlsx", [change_table.workbook(tally.listed, language)])
        write_file(here / "failed.csv", [failed_csv(troubles, language)])
        sheets = contact((_shown(job, said) for said in most.sorted()), language)
        write_file(here / "changes.html", [change_page.page(tally, sheets.pictures, language)])
        if sheets.pdf:
            write_file(here / "changes.pdf", [sheets.pdf])
    job.dest.remove([entry.name for entry in job.dest.list(BEFORE)])
    return job.dest.at(folder).url


class _Most:
    """The most changed pages of so many, with what was written down of each."""

    def __init__(self) -> None:
        self._held: list[tuple[float, int, Mapping[str, Any]]] = []
        self._count = 0

    def add(self, weight: float, said: Mapping[str, Any]) -> None:
        self._count += 1
        held = weight, -self._count, said  # of equal ones the first
        (heapq.heappushpop if len(self._held) >= MOST else heapq.heappush)(self._held, held)

    def sorted(self) -> list[Mapping[str, Any]]:
        """The most changed first."""
        return [said for _, _, said in sorted(self._held, key=lambda held: held[:2], reverse=True)]


def _changes(job: Job, tally: change_table.Tally, most: _Most) -> Iterator[Change]:
    """Every change that books of this job were written down with, book by book, counted on the way."""
    for entry in job.dest.look(DONE)[1]:
        if f".{job.key}." not in entry.name:
            continue
        book = json.loads(job.dest.read(entry.name))
        tally.pages += book["pages"]
        for said in book["changes"]:
            change = Change.from_json(said["change"])
            tally.add(change)
            most.add(change.weight, said)
            yield change


def _shown(job: Job, said: Mapping[str, Any]) -> Shown:
    change = Change.from_json(said["change"])
    original, _, frame = said["original"].rpartition("#")
    before = (job.source, said["before"])
    if said["where"] == "dest" and said["before"]:
        before = (job.dest, before_name(change.book, said["before"]))
    after = f"{PAGES}/{change.book}/{said['after']}" if said["after"] else ""
    return Shown(change, _bytes(*before), _bytes(job.dest, after), _bytes(job.source, original), int(frame or 0))


def _bytes(storage: Storage, name: str) -> bytes | None:
    """The bytes of a picture, or None where it is not at hand: the report does without."""
    try:
        return storage.read(name) if name else None
    except StorageFailed:
        return None


def failed_csv(troubles: Iterable[Trouble], language: str) -> bytes:
    """A row for each thing that could not be done: the book, the image, the reason."""
    text = io.StringIO()
    text.write("\ufeff")  # or a spreadsheet takes it for something else
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([say("batch", f"column_{name}", language) for name in ("book", "name", "reason")])
    for trouble in troubles:
        facts = {"file": trouble.name, "name": trouble.name, "book": trouble.book, **trouble.facts}
        writer.writerow([trouble.book, trouble.name, say("error", trouble.code, language, **facts)])
    return text.getvalue().encode("utf-8")
