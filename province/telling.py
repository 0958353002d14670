"""How a batch tells what it does: a line of progress, a summary, or one JSON object a line for other programs."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from province.batch import Cost, Plan, troubles_of
from province.run import Happening, Tally
from texts import say

if TYPE_CHECKING:
    from pathlib import Path

    from batch.cluster import Cluster
    from talk import Talk

EVERY = {True: 1.0, False: 60.0}  # s between two lines of progress, on a terminal and elsewhere
EVENT_EVERY = 10.0  # s between two events of progress
ENOUGH = 1000  # captures after which the cost of the whole is told
SHOWN = 20  # troubles that the summary names; the report has them all
GB, HOUR, MINUTE = 1e9, 3600, 60


class Telling:
    """The voice of one batch. Called with each Happening; `cost` is what a capture has cost before."""

    def __init__(self, talk: Talk, as_json: bool, cost: Cost) -> None:
        self._talk, self._json, self._known = talk, as_json, cost
        self._terminal = sys.stderr.isatty()
        self._started = self._told = time.monotonic()
        self._estimated = False
        self._line = 0  # length of the line of progress that stands on the terminal
        self._tally = Tally()
        self._jobs = 1

    def planned(self, found: Plan) -> None:
        """What the listings say."""
        self._event("planned", books=len(found.books), finished=len(found.finished),
                    images=sum(book.images or 0 for book in found.books))
        for trouble in troubles_of(found.odd):
            self._event("trouble", **trouble)
        self._say("planned", books=len(found.books), finished=len(found.finished))

    def cluster(self, cluster: Cluster) -> None:
        """Where the work is done, and where it can be watched."""
        hosts = cluster.workers()
        self._event("cluster", workers=sum(hosts.values()), hosts=len(hosts), dashboard=cluster.dashboard)
        self._say("cluster" if hosts else "no_workers", workers=sum(hosts.values()), hosts=len(hosts),
                  dashboard=cluster.dashboard or "–")

    def __call__(self, happening: Happening) -> None:
        if happening.kind == "progress":
            self._progress(happening.facts["tally"], happening.facts["jobs"])
            return
        self._event(happening.kind, **happening.facts)
        if happening.kind == "trouble":
            self._say_trouble(happening.facts)

    def _progress(self, tally: Tally, jobs: int) -> None:
        now = time.monotonic()
        self._tally, self._jobs = tally, jobs
        if not self._estimated and tally.developed >= ENOUGH:
            self._estimate(tally)
        if now - self._told < (EVENT_EVERY if self._json else EVERY[self._terminal]):
            return
        self._told = now
        left = self._seconds_left(tally)
        self._event("progress", **numbers(tally), seconds_left=left)
        self._show(self._words("progress", books=tally.packed + tally.finished, of_books=tally.books,
                               captures=tally.developed, of=round(tally.expected), left=self._duration(left),
                               troubles=len(tally.troubles)))

    def _seconds_left(self, tally: Tally) -> float | None:
        if not tally.developed:
            return None
        return round((tally.expected - tally.developed) * (time.monotonic() - self._started) / tally.developed)

    def _estimate(self, tally: Tally) -> None:
        """What the whole will cost, by what it has cost so far."""
        self._estimated = True
        cost = Cost.of(tally)
        facts = totals(cost, tally.expected)
        self._event("estimate", captures=tally.developed, of=round(tally.expected), cpu_per_capture=cost.cpu, **facts)
        self._say("estimate", captures=tally.developed, cpu=cost.cpu, of=round(tally.expected),
                  left=self._duration(self._seconds_left(tally)), hours=facts["cpu_hours"], gb=facts["write_gb"])

    def ended(self, found: Plan, tally: Tally, dry_run: bool, report: Path | str | None) -> None:
        """What it came to; for a dry run, what it would take."""
        if dry_run:
            self._would_take(tally)
        else:
            seconds = round(time.monotonic() - self._started, 1)
            self._event("summary", **numbers(tally), seconds=seconds, report=str(report) if report else None)
            code = "done" if found.references else "nothing" if found.books else "none_asked"
            self._say(code, **numbers(tally), time=self._duration(seconds), already=tally.finished)
        troubles = [*troubles_of(found.odd), *({"book": item.book, "name": item.name, "code": item.code, "facts": item.facts}
                                               for item in tally.troubles)]
        self._troubles(troubles)
        if report:
            self._say("report", report=report)

    def _would_take(self, tally: Tally) -> None:
        facts = totals(self._known, tally.due)
        self._event("would_take", books=tally.read, captures=tally.captures, due=tally.due, known=tally.known,
                    measured_on=self._known.captures, **facts)
        self._say("would_take", books=tally.read, captures=tally.captures, due=tally.due, known=tally.known,
                  hours=self._duration(self._known.cpu * tally.due), gb_read=facts["read_gb"], gb=facts["write_gb"])
        code = "cost_measured" if self._known.captures else "cost_typical"
        self._say(code, captures=self._known.captures, cpu=self._known.cpu)

    def _troubles(self, troubles: list[dict[str, Any]]) -> None:
        if not troubles or self._json:
            return
        counts = Counter(item["code"] for item in troubles)
        self._say("troubles", number=len(troubles), books=len({item["book"] for item in troubles} - {""}))
        for item in sorted(troubles, key=lambda item: counts[item["code"]])[:SHOWN]:  # the rare ones first
            click.echo(f"  – {self._trouble(item)}")
        if len(troubles) > SHOWN:
            self._say("more_troubles", number=len(troubles) - SHOWN)

    def _say_trouble(self, facts: dict[str, Any]) -> None:
        if not self._json:
            self._show("")
            click.echo(f"! {self._trouble(facts)}", err=True)

    def _trouble(self, item: dict[str, Any]) -> str:
        where = " ".join(filter(None, (item["book"], item["name"])))
        facts = {"book": item["book"], "file": item["name"], "name": item["name"], **item["facts"]}
        return f"{where}: {say('error', item['code'], self._talk.language, **facts)}"

    def _duration(self, seconds: float | None) -> str:
        if seconds is None:
            return "…"
        if seconds < MINUTE:
            return self._words("seconds", seconds=round(seconds))
        if seconds < HOUR:
            return self._words("minutes", minutes=round(seconds / MINUTE))
        return self._words("hours", hours=int(seconds // HOUR), minutes=int(seconds % HOUR // MINUTE))

    def _show(self, line: str) -> None:
        """The line of progress: over the last one on a terminal."""
        if self._json:
            return
        if self._terminal:
            click.echo("\r" + line.ljust(self._line) + ("\r" if not line else ""), nl=False, err=True)
            self._line = len(line)
        elif line:
            click.echo(line, err=True)

    def _words(self, code: str, **facts: Any) -> str:
        return self._talk.say("batch", code, **facts)

    def _say(self, code: str, **facts: Any) -> None:
        if not self._json:
            self._show("")
            click.echo(self._words(code, **facts))

    def _event(self, kind: str, **facts: Any) -> None:
        if self._json:
            click.echo(json.dumps({"event": kind, **facts}, ensure_ascii=False, default=str))


def numbers(tally: Tally) -> dict[str, Any]:
    """The tally in JSON, with the number of troubles for what they are."""
    plain = {name: round(value, 2) if isinstance(value, float) else value
             for name, value in vars(tally).items() if name != "troubles"}
    return {**plain, "expected": round(tally.expected), "troubles": len(tally.troubles)}


def totals(cost: Cost, captures: float) -> dict[str, float]:
    """What so many captures take: hours of a core, GB read and written."""
    return {"cpu_hours": round(cost.cpu * captures / HOUR, 2), "read_gb": round(2 * cost.original * captures / GB, 2),
            "write_gb": round((cost.pages + cost.package) * captures / GB, 2)}
