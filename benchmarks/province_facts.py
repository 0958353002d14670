"""A province in numbers without pixels: logs, orders, listings, and nothing developed; the way in is `benchmarks.province`.

Books lie in stations' stores that have nothing but logs. Orders go through the true `Run`, cluster and workers; developing
is left out, and packing writes empty files of as many and as long names as packages and pages have.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import province_work as work
from benchmarks.province_work import MB, Figure
from book import canonical_json
from originals.store import FOLDER as ORIGINALS
from province.batch import known_cost, plan
from province.job import Job
from province.onebook import DONE
from province.orders import BookPacked, CaptureDeveloped, DevelopCapture, PackBook
from province.report import write_report
from province.run import Run
from province.storage import open_storage
from province.written import done_name, written_digest
from settings import load

if TYPE_CHECKING:
    import resource  # of POSIX alone

    from benchmarks.province import Options

MS_A_TASK, SCHEDULER_MB, INDEX_S = 2.0, 1500.0, 60.0  # goals
BOOKS, BOOKS_A_STATION = 250, 10
PROVINCE = 100_000  # captures
ORIGINAL_BYTES, PAGES_BYTES = 4_000_000, 1_600_000
S3_LISTING_S = 0.1  # that a listing of 1,000 names commonly takes, over the network
OF_A_PAGE = (".jpg", ".drawing", ".strokes.png")  # files in `pages`
OF_A_BOOK = (  # files of the packages besides those of captures and pages
    "bag-info.txt", "bagit.txt", "data/METS.xml", "data/documentation/README.txt", "data/metadata/descriptive/EAD.xml",
    "data/metadata/other/findings.json", "data/metadata/other/log.jsonl", "data/metadata/other/originals.csv",
    "data/metadata/other/pages.csv", "data/metadata/preservation/PREMIS.xml", "data/representations/originals/METS.xml",
    "data/representations/rep1/METS.xml", "manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt",
    "tagmanifest-sha512.txt", "data/representations/rep1/data/book.pdf",
)
COUNTED = """
import atexit, os, sys
places, seen = sys.argv.pop(1).split(os.pathsep), {"open": 0, "os.scandir": 0}
def count(event, facts):
    if event in seen and str(facts[0]).startswith(tuple(places)):
        seen[event] += 1
sys.addaudithook(count)
atexit.register(lambda: print(seen["open"], seen["os.scandir"], file=sys.stderr))
import sohoa
sohoa.main()
"""


@dataclass(frozen=True)
class Simulated(Job):
    """A job that reads books as ever, develops nothing, and writes empty files where packages and pages would be."""

    def __call__(self, order: Any) -> Any:
        started = time.process_time()
        outcome = SIMULATED.get(type(order), type(order).carry_out)(order, self)
        return replace(outcome, cpu=time.process_time() - started)


def _develop(order: DevelopCapture, job: Job) -> CaptureDeveloped:
    assert job.book(order.reference).tasks[order.capture].basis
    return CaptureDeveloped(order.capture, 2, ORIGINAL_BYTES, PAGES_BYTES)


def _pack(order: PackBook, job: Job) -> BookPacked:
    one = job.book(order.reference)
    facts = {capture: task.facts.name for capture, task in one.tasks.items()}
    names = [*_page_names(one.pages, facts), *_package_names(one.packages, one.state.captures)]
    made: set[Path] = set()
    for path in (job.dest.path / name for name in names):
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    listed = list(job.dest.list(one.packages))
    name = done_name(one.book, job.key, written_digest([*listed, *job.dest.list(one.pages)]))
    job.dest.write(f"{DONE}/{name}", canonical_json({
        "book": str(one.identity), "kind": one.book.kind, "at": one.book.at, "version": 1, "facts": facts,
        "packages": {entry.name: entry.size for entry in listed}, "pages": 2 * len(facts), "cases": 0, "failed": {},
        "findings": {}, "changes": [_change(str(one.identity), page) for page in _pages(facts)],
    }).encode())
    return BookPacked(2 * len(facts), 0, 2 * len(facts), 0, 0, name)


SIMULATED = {DevelopCapture: _develop, PackBook: _pack}


def _pages(captures: Any) -> list[str]:
    return [f"{capture}-{side}" for capture in captures for side in "LR"]


def _page_names(folder: str, facts: dict[str, str]) -> Iterator[str]:
    for name in facts.values():
        yield from (f"{folder}/{name}", f"{folder}/{name.removesuffix('.json')}.measures")
    for page in _pages(facts):
        stem = sha256(page.encode()).hexdigest()[:32]
        yield from (f"{folder}/{stem}{ending}" for ending in OF_A_PAGE)


def _package_names(folder: str, captures: Any) -> Iterator[str]:
    identity = folder.rpartition("/")[2]
    bag = f"{folder}/{identity}"
    yield from (f"{bag}/{name}" for name in OF_A_BOOK)
    yield from (f"{folder}/ministry/{identity}.{ending}" for ending in ("xlsx", "zip"))
    yield from (f"{bag}/data/representations/originals/data/{capture.sha256}.jpg" for capture in captures)
    yield from (f"{bag}/data/metadata/other/recipes/{page}.json" for page in _pages(item.id for item in captures))


def _change(book: str, page: str) -> dict[str, Any]:
    """What is written down of a page that another deskewing turned by a little."""
    from province.changes import Change
    from tests.province.changed_pages import page as facts

    capture, _, side = page.partition("-")
    before = facts(capture, {"L": "left", "R": "right"}[side])
    after = replace(before, angle=int(capture[:2], 16) / 500, stages={**before.stages, "deskew": "z"})
    return {"change": Change(page, before, after, book=book, number=1).to_json(), "where": "dest", "before": "", "after": "",
            "original": ""}


# --- stations with logs alone ----------------------------------------------------------------------------------------

def stations(folder: Path, captures: int, books: int = BOOKS) -> int:
    """Stations' stores without originals; how many captures their books have in all."""
    each = max(1, captures // books)
    for number in range(books):
        store = folder / f"station-{number // BOOKS_A_STATION + 1:02}"
        (store / ORIGINALS).mkdir(parents=True, exist_ok=True)
        log = store / "books" / f"{work.identity(number)}.jsonl"
        log.parent.mkdir(exist_ok=True)
        log.write_text("".join(_received(number * each + place, place) for place in range(each)), encoding="utf-8")
    return each * books


def _received(number: int, arrival: int) -> str:
    return canonical_json({
        "event": "received", "name": f"IMG_{arrival + 1:04}.jpg", "sha256": sha256(str(number).encode()).hexdigest(),
        "media": "image/jpeg", "arrival": arrival, "exif": {}, "time": "2026-01-05T08:30:00+07:00",
        "frames": [{"frame": 0, "width": 4960, "height": 3508, "dpi": 300.0}],
    }) + "\n"


# --- measuring -------------------------------------------------------------------------------------------------------

def facts(folder: Path, options: Options) -> list[Figure]:
    """All orders through a scheduler of its own and two workers, then the index of all that is done, then the report."""
    source, dest = folder / "source", folder / "dest"
    captures = stations(source, options.captures)
    job = Simulated(open_storage(str(source)), open_storage(str(dest)), load())
    return [*_through_the_cluster(job, captures), *_index(source, dest, captures), *_report(folder)]


def _through_the_cluster(job: Job, captures: int) -> list[Figure]:
    from batch.cluster import Cluster

    references = plan(job).references
    with work.dask(2) as (address, scheduler, workers), Cluster(job, scheduler=address) as cluster:
        work.wait_for(lambda: cluster.workers() == {work.HERE: 2})
        crew = [worker.process.pid for worker in workers]
        with _looking(os.getpid(), scheduler.process.pid) as most:
            before, started = _cpu(os.getpid(), scheduler.process.pid, *crew), time.monotonic()
            tally = Run(job, cluster, 60.0, lambda _: None).go(references)
            seconds, after = time.monotonic() - started, _cpu(os.getpid(), scheduler.process.pid, *crew)
    tasks = tally.developed + 2 * len(references)
    ms = [1000 * (end - start) / tasks for start, end in zip(before, after, strict=True)]
    return [
        Figure("books", len(references)), Figure("tasks", tasks),
        Figure("captures that came to an end", tally.developed, goal=captures, least=True),
        Figure("troubles", len(tally.troubles), goal=0),
        Figure("CPU of the client a task", ms[0], "ms"), Figure("CPU of the scheduler a task", ms[1], "ms"),
        Figure("  both", ms[0] + ms[1], "ms", MS_A_TASK),
        Figure("CPU of workers and children a task", ms[2] + ms[3], "ms"),
        Figure("  of it what orders took", 1000 * tally.cpu / tasks, "ms"),
        Figure("memory of the scheduler", round(most[1] / MB), "MB", SCHEDULER_MB),
        Figure("memory of the client", round(most[0] / MB), "MB"),
        Figure("time", seconds, "s"), Figure("tasks a second", round(tasks / seconds)),
    ]


def _cpu(*pids: int) -> list[float]:
    """CPU s of processes: of the first two alone, of others with all that they have started."""
    import psutil

    own = [sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids[:2]]
    return own + [sum(item.cpu for item in work.below(pid)) for pid in pids[2:]]


@contextmanager
def _looking(*pids: int) -> Iterator[list[int]]:
    """The most memory of processes, bytes."""
    import psutil

    most, over = [0] * len(pids), threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            for place, pid in enumerate(pids):
                most[place] = max(most[place], psutil.Process(pid).memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def _index(source: Path, dest: Path, captures: int) -> list[Figure]:
    """The true command on a destination where all is done."""
    files = sum(len(names) for _, _, names in os.walk(dest))
    counted, took, usage, told = _counted([str(source), str(dest)], "batch", str(source), "--out", str(dest), "--json")
    return [
        Figure("files in the destination", files),
        Figure("all done, started again: time", took, "s", INDEX_S), Figure("  CPU", usage.ru_utime + usage.ru_stime, "s"),
        Figure("  memory", round(usage.ru_maxrss / 1024), "MB"), Figure("  folders listed", counted[1]),
        Figure("  files opened (one tells what a capture costs)", counted[0], goal=1),
        Figure("  found finished, of captures", captures if '"finished": 0' not in told else 0, goal=captures, least=True),
    ]


def _counted(places: list[str], *words: str) -> tuple[list[int], float, resource.struct_rusage, str]:
    """Run the program: files opened and folders listed in these places, seconds, what it took, what it said."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", COUNTED, os.pathsep.join(places), *words], cwd=work.ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUTF8": "1"})
    told, counted = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(counted)
    return [int(number) for number in counted.split()[-2:]], time.monotonic() - started, usage, told


def _report(folder: Path) -> list[Figure]:
    """The report where every page has changed, in a process of its own."""
    words = [sys.executable, "-c", "import sys; from benchmarks.province_facts import report_on; report_on(*sys.argv[1:])",
             str(folder / "source"), str(folder / "dest")]
    started = time.monotonic()
    process = subprocess.Popen(words, cwd=work.ROOT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError("the report")
    table, = (folder / "dest" / "reports").rglob("changes.csv")
    with open(table, "rb") as lines:
        rows = sum(1 for _ in lines) - 1
    return [
        Figure("report: changed pages", rows), Figure("report: time", time.monotonic() - started, "s"),
        Figure("report: CPU", usage.ru_utime + usage.ru_stime, "s"),
        Figure("report: memory", round(usage.ru_maxrss / 1024), "MB"),
        Figure("report: what is written down of all books", round(_bytes(folder / "dest" / DONE) / MB), "MB"),
    ]


def report_on(source: str, dest: str) -> None:
    """Write the report."""
    write_report(Job(open_storage(source), open_storage(dest), load()), (), "vi")


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def index(folder: Path, options: Options) -> list[Figure]:
    """Over S3: stations and a destination where all is done, by listings alone."""
    source, dest = folder / "source", folder / "dest"
    books = max(1, options.captures * BOOKS // PROVINCE)
    captures = stations(source, options.captures, books)
    here = Simulated(open_storage(str(source)), open_storage(str(dest)), load())
    with work.s3() as server:
        for name in (path.relative_to(source).as_posix() for path in source.rglob("*.jsonl")):
            open_storage(f"{server.url}/source").write(name, (source / name).read_bytes())
        for path in source.iterdir():
            open_storage(f"{server.url}/source").write(f"{path.name}/{ORIGINALS}/00/none", b"-")
        there = replace(here, source=open_storage(f"{server.url}/source"))
        for reference in plan(there).references:
            there(PackBook(reference))
        with open_storage(f"{server.url}/dest").filling("") as filled:
            shutil.copytree(dest, filled, dirs_exist_ok=True)
        return _over_s3(replace(there, dest=open_storage(f"{server.url}/dest")), server, captures)


def _over_s3(job: Job, server: work.Server, captures: int) -> list[Figure]:
    from unittest import mock

    from province.s3 import S3

    calls, call = Counter(), S3._call

    def counted(store: S3, method: str, **words: Any) -> Any:
        calls[method] += 1
        return call(store, method, **words)

    files = sum(1 for _ in job.dest.list())
    with mock.patch.object(S3, "_call", counted):
        before = time.monotonic(), time.process_time(), server.cpu
        found = plan(job)
        known_cost(job.dest)
        seconds, cpu, theirs = (now - then for now, then in zip((time.monotonic(), time.process_time(), server.cpu), before,
                                                               strict=True))
    listings, times = calls["list_objects_v2"], PROVINCE / captures
    waiting = listings * S3_LISTING_S / job.dest.at_once
    return [
        Figure("files in the destination", files), Figure("books", len(found.books)),
        Figure("  found finished", len(found.finished), goal=len(found.books), least=True),
        Figure("listings asked for", listings),
        Figure("anything else asked for (one tells what a capture costs)", sum(calls.values()) - listings, goal=1),
        Figure("time", seconds, "s"), Figure("  CPU of the program", cpu, "s"), Figure("  CPU of the server", theirs, "s"),
        Figure(f"for {PROVINCE:,} captures: listings", round(listings * times)),
        Figure("  CPU of the program", cpu * times, "s"),
        Figure(f"  time, each {S3_LISTING_S:g} s, {job.dest.at_once} at once", times * max(cpu, waiting), "s", INDEX_S),
    ]
