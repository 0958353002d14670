"""What a station has to tell, as facts for a program and in words for an operator."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

import click

from capture.devices import Device, Scanned, Trouble
from originals import journal
from originals.stationlog import UNSORTED, StationLog
from station.shelf import BookLine
from texts import say
from workplace import Workplace

FRESH_S = 20.0  # a daemon that has not given a sign of life for so long does not run, or hangs
SHOWN = 10
SILENT_S = 5.0  # a scanner that says nothing for so long is told of


def status(workplace: Workplace) -> dict[str, Any]:
    """What came in, what waits, what was put aside and why. Raises StorageFailed where no station has run."""
    with journal.read_only(workplace.root) as index:
        counts, failed, pulse, twice = index.counts(), index.failed(), index.pulse(), index.in_several_books()
    asides, names = [], {}
    for book in workplace.books():
        state = workplace.log(book).state()
        names |= {(book, capture.id): capture.source for capture in state.captures}
        asides += [{"book": book, "file": item.name, "code": item.code, "facts": dict(item.facts)}
                   for item in state.set_aside]
    asides += [{"book": item.book, "file": names.get((item.book, item.id), item.id), "code": item.code,
                "facts": dict(item.facts)} for item in failed]
    age = time.time() - pulse["time"] if pulse else None
    sheets = [sheet for sheet in StationLog(workplace.root).state().covers if sheet.code]
    return {
        "store": str(workplace.root),
        "running": pulse.get("state") != "stopped" and age is not None and abs(age) < FRESH_S,
        "pulse": pulse,
        "books": {book: states for book, states in counts.items() if book != UNSORTED},
        "unsorted": sum(number for state, number in counts.get(UNSORTED, {}).items() if state != journal.GONE),
        "waiting": sum(states.get(journal.WAITING, 0) for states in counts.values()),
        "set_aside": asides,
        "sheets": [{"code": sheet.code, "file": sheet.name, "stream": sheet.stream} for sheet in sheets],
        "in_several_books": twice,
        "unfinished_photos": sum(path.is_file() for path in workplace.uploads.glob("*/*")),
    }


def in_words(found: dict[str, Any], language: str) -> str:
    """The status, a few lines."""
    return "\n".join(_lines(found, language))


def _lines(found: dict[str, Any], language: str) -> Iterable[str]:
    def tell(code: str, **facts: Any) -> str:
        return say("station", code, language, **facts)

    pulse = found["pulse"]
    yield tell("running" if found["running"] else "not_running", store=found["store"])
    if found["running"] and pulse.get("trouble"):
        yield say("error", pulse["trouble"], language, file=found["store"], reason="")
    for folder in pulse.get("away", []) if found["running"] else []:
        yield tell("folder_away", folder=folder)
    for stream, book in pulse.get("open", {}).items():
        yield tell("open", stream=stream, book=book)
    for book, states in found["books"].items():
        developed, waiting = states.get(journal.DEVELOPED, 0), states.get(journal.WAITING, 0)
        yield tell("book", book=book, captures=developed + waiting + states.get(journal.FAILED, 0), developed=developed,
                   waiting=waiting)
    if found["unfinished_photos"]:
        yield tell("unfinished_photos", number=found["unfinished_photos"])
    if found["unsorted"]:
        yield tell("unsorted", number=found["unsorted"])
    for item in found["set_aside"][:SHOWN]:
        reason = say("error", item["code"], language, **{"file": item["file"], **item["facts"]})
        yield say("summary", "set_aside", language, name=item["file"], reason=reason)
    for sheet in found["sheets"][-SHOWN:]:
        yield tell(sheet["code"], file=sheet["file"])
    for sha256, books in found["in_several_books"].items():
        yield tell("in_several_books", original=sha256[:8], books=", ".join(books))
    if not (found["waiting"] or found["set_aside"] or found["unsorted"]):
        yield tell("all_done")


def book_line(line: BookLine, language: str) -> str:
    """A book in one line."""
    state = line.closed or ("packed" if line.packed else "ended" if line.ended else "open_book")
    return say("station", "listed", language, book=say("station", UNSORTED + "_name", language) if line.book == UNSORTED
               else line.book, captures=line.captures, developed=line.developed, pages=line.pages,
               state=say("station", state, language), set_aside=len(line.set_aside))


def book_whole(line: BookLine, language: str) -> str:
    """A book in several lines: also what is missing by its own statement, and what was put aside."""
    told = [book_line(line, language)]
    if line.stated_pages is not None:
        missing = line.stated_pages - line.pages
        code = "pages_complete" if not missing else "pages_missing" if missing > 0 else "pages_too_many"
        told.append(say("station", code, language, stated=line.stated_pages, pages=line.pages, number=abs(missing)))
    told += [say("summary", "set_aside", language, name=item.name,
                 reason=say("error", item.code, language, **{"file": item.name, **item.facts})) for item in line.set_aside]
    return "\n".join(told)


def device(found: Device, language: str) -> str:
    """A scanner in one line."""
    size = f"{found.width_mm:.0f}×{found.height_mm:.0f} mm" if found.width_mm else "?"
    dpi = ", ".join(f"{value:.0f}" for value in found.resolutions) or "?"
    return say("station", "device", language, name=found.name, vendor=found.vendor, model=found.model, size=size, dpi=dpi,
               sources=", ".join(found.sources) or "?", modes=", ".join(found.modes) or "?")


def scanned(item: Scanned | Trouble, language: str) -> str:
    """A page that has come, or why no more come."""
    if isinstance(item, Trouble):
        return say("error", item.code, language, **item.facts)
    return say("station", "scanned", language, number=item.number, width=item.width, height=item.height, dpi=item.dpi)


def scanned_plain(item: Scanned | Trouble) -> dict[str, Any]:
    """The same for a program."""
    if isinstance(item, Trouble):
        return {"trouble": item.code, "facts": dict(item.facts)}
    return {"page": item.number, "width": item.width, "height": item.height, "dpi": item.dpi}


class Asker:
    """Asks the operator at the glass for the next page."""

    def __init__(self, language: str, next_page: str) -> None:
        self._language, self._by_key, self._told = language, next_page == "key", 0.0

    def another(self) -> bool:
        """Whether another page is to be scanned."""
        if not self._by_key:
            return True
        click.echo(say("station", "next_page", self._language), err=True)
        line = sys.stdin.readline()
        return bool(line) and not line.strip()

    def silent(self, state: str, seconds: float) -> None:
        """The scanner has said nothing for a while: told when it is odd, and then no oftener than bearable."""
        if seconds < SILENT_S:
            self._told = 0.0
        elif state != "waiting" and seconds >= 2 * self._told:
            self._told = seconds
            click.echo(say("station", "scanner_silent", self._language, seconds=round(seconds)), err=True)

    def wait(self, waiting: int) -> None:
        """Developing has fallen behind."""
        click.echo(say("station", "catching_up", self._language, number=waiting), err=True)
