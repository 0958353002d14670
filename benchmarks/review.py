"""The light table of a long book measured: opened first, again, after a correction; corrections and undoing.

    python -m benchmarks.review [--captures N] [--sample FILE]

One image is developed and its facts are written under the names of so many captures, as if each were another page. The
times are of a process that has done nothing yet, then of the same process.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

SPREAD = Path(__file__).parents[1] / "samples" / "pages" / "ledger-1990" / "SCN_0001.jpg"
BOOK, RUNS = "KH.1990.14800.01", 7


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--captures", type=int, default=200)
    options.add_argument("--sample", type=Path, default=SPREAD)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        in_own_process(make_book, Path(folder), chosen.sample, chosen.captures)
        for name, milliseconds in in_own_process(measure, Path(folder)).items():
            print(f"{name:36}{milliseconds:10.1f}")
        print(f"{'kept in memory, MB':36}{in_own_process(remembered, Path(folder)):10.1f}")


def in_own_process(job: Callable[..., Any], *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(job, *arguments).result()


def work_on(folder: Path) -> Any:
    from book import Identity
    from bookwork import Work
    from settings import load
    from workplace import Workplace

    return Work(Workplace(folder), Identity.parse(BOOK), load(), jobs=1)


def make_book(folder: Path, sample: Path, captures: int) -> None:
    """A book of so many captures, all developed, all like one."""
    from developing import plan, read_developed
    from pipeline import process

    work = work_on(folder)
    process([sample], work.identity, folder, work.settings, 1, lambda *_: None, profile="ministry")
    (task,) = plan(work.workplace, work.identity, work.settings, work.state())
    (event,) = (event for event in work.log.events() if event["event"] == "received")
    pages = [page.to_json() for page in read_developed(task)]
    for number in range(1, captures):
        sha256 = f"{number:08x}{task.capture.sha256[8:]}"
        original = task.original.parent.parent / sha256[:2] / task.original.name.replace(task.capture.sha256, sha256)
        original.parent.mkdir(exist_ok=True)
        shutil.copy(task.original, original)
        work.log.append({**event, "sha256": sha256, "arrival": number, "name": f"{number}.jpg"})
    for copy in plan(work.workplace, work.identity, work.settings, work.state())[1:]:
        own = [{**page, "id": page["id"].replace(task.capture.id, copy.capture.id),
                "recipe": {**page["recipe"], "capture": copy.capture.sha256}} for page in pages]
        copy.facts.write_text(json.dumps(own), encoding="utf-8")


def measure(folder: Path) -> dict[str, float]:
    """Milliseconds by what was done."""
    import review

    work, spent = work_on(folder), {}
    spent["first table of the process, ms"] = _took(lambda: review.table(work))
    spent["again, nothing changed, ms"] = _usual(lambda: review.table(work))
    pages = [page.id for page in review.table(work).pages]
    spent[f"({len(pages)} pages)"] = len(pages)

    def correct_and_show(reach: str, number: int) -> None:
        review.correct(work, pages[number], {"deskew": {"degrees": 0.5 + number / 1000}}, reach, "Lan")
        review.table(work)

    for reach in review.REACHES:
        spent[f"correction of {reach} and table, ms"] = _took(lambda reach=reach: correct_and_show(reach, 7))
        spent[f"undone, and table, ms ({reach})"] = _took(lambda: (review.undo(work, "Lan"), review.table(work)))
    return spent


def remembered(folder: Path) -> float:
    """MB that are kept in memory of a book that was looked at."""
    import review

    work = work_on(folder)
    tracemalloc.start()
    review.table(work)
    return tracemalloc.get_traced_memory()[0] / 1e6


def _took(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return 1000 * (time.perf_counter() - start)


def _usual(job: Callable[[], Any]) -> float:
    return statistics.median(_took(job) for _ in range(RUNS))


if __name__ == "__main__":
    main()
