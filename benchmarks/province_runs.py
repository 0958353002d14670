"""Batches that really develop, measured and killed; the way in is `benchmarks.province`."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import province_work as work
from benchmarks.province_work import MB, Figure
from errors import SohoaError
from province.job import Job
from province.orders import DevelopCapture
from province.storage import open_storage

if TYPE_CHECKING:
    from benchmarks.province import Options

CPU_RATIO, SPEED_UP = 1.10, 1.85  # goals
GIGAPIXELS = (15_000, 15_000)  # px: within the limits of an image, beyond the memory of a worker


def engines(folder: Path, options: Options) -> list[Figure]:
    """The same source on disk: by `local` and by Dask with two workers each, and by one worker."""
    work.fill(open_storage(str(folder / "source")), work.spreads(options.spreads), options.captures)
    runs = {}
    for name, words in {"local": ("--jobs", "2"), "two": ("--engine", "dask", "--workers", "2"),
                        "one": ("--engine", "dask", "--workers", "1")}.items():
        runs[name] = work.run(str(folder / "source"), str(folder / name), *words)
    results = {name: work.digests(str(folder / name)) for name in runs}
    local, two, one = (runs[name] for name in ("local", "two", "one"))
    pages = local.told("summary")["pages"]
    figures = [Figure("pages", pages), Figure("megabytes of an original", round(_size(folder / "source") / 1e6, 1))]
    for name, run in runs.items():
        figures += [Figure(f"{name}: CPU a page", run.cpu / pages, "s"), Figure(f"{name}: time", run.seconds, "s"),
                    Figure(f"{name}: memory of all processes", round(run.most / MB), "MB")]
    steady = {name: run.steady for name, run in runs.items()}
    share = {name: cpu / captures for name, (_, cpu, captures) in steady.items()}
    pace = {name: captures / seconds for name, (seconds, _, captures) in steady.items()}
    return [
        *figures,
        Figure("CPU a page, dask over local", two.cpu / local.cpu, goal=CPU_RATIO),
        Figure("  the same without starts and ends", share["two"] / share["local"]),
        Figure("two workers over one", one.seconds / two.seconds, "times", SPEED_UP, least=True),
        Figure("  the same without starts and ends", pace["two"] / pace["one"], "times"),
        Figure("cores that two workers had on average", two.cpu / two.seconds),
        Figure("files that differ from local", sum(len(work.differences(results["local"], results[name]))
                                                  for name in ("two", "one")), goal=0),
    ]


def _size(source: Path) -> float:
    sizes = [path.stat().st_size for path in source.rglob("*.jpg")]
    return sum(sizes) / len(sizes)


def killed(folder: Path, options: Options) -> list[Figure]:
    """Over S3 with a worker killed now and then, against `local` over the same source."""
    work.take_in_orphans()
    with work.s3() as server:
        work.fill(open_storage(f"{server.url}/source"), work.spreads(options.spreads), options.captures)
        spent = server.cpu
        killer = Killer(options.every)
        dask = work.start(f"{server.url}/source", f"{server.url}/dask", "--engine", "dask", "--workers", "2")
        with killer.after(dask):
            dask.follow()
        lost, spent, most = work.orphans_cpu({server.pid}), server.cpu - spent, server.memory
        ours = work.digests(f"{server.url}/dask")
        work.empty(f"{server.url}/dask")  # the server holds all in memory
        local = work.run(f"{server.url}/source", f"{server.url}/local", "--jobs", "2")
        theirs = work.digests(f"{server.url}/local")
    summary = dask.told("summary")
    return [
        Figure("workers killed", killer.kills), Figure("  of them with their child", killer.with_child),
        Figure("captures developed", summary["developed"]), Figure("pages", summary["packed_pages"]),
        Figure("files of the result", len(ours)),
        *work.told_differences(dask, work.differences(ours, theirs)),
        Figure("time", dask.seconds, "s"), Figure("  of local, without kills", local.seconds, "s"),
        Figure("CPU", dask.cpu + lost, "s"), Figure("  of local, without kills", local.cpu, "s"),
        Figure("CPU of the server meanwhile", spent, "s"), Figure("memory of the server", round(most / MB), "MB"),
        Figure("memory of all processes but the server", round(dask.most / MB), "MB"),
        *(Figure(f"  largest at {depth}", round(size / MB), "MB") for depth, size in sorted(dask.most_of_one.items())),
    ]


@dataclass
class Killer:
    """Kills a Dask worker of a command every so many seconds, now alone, now with its child; by `with after(command)`."""

    every: float
    kills: int = 0
    with_child: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def after(self, command: work.Command) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def running() -> Iterator[None]:
            thread = threading.Thread(target=self._kill, args=(command,))
            thread.start()
            try:
                yield
            finally:
                self._over.set()
                thread.join()

        return running()

    def _kill(self, command: work.Command) -> None:
        steps = random.Random(1)
        while not self._over.wait(self.every):
            workers = work.dask_workers(command.process.pid)
            if not workers:
                continue
            victim = steps.choice(workers)
            children = [item.pid for item in work.below(victim) if item.depth == 1] if steps.random() < 0.5 else []
            for pid in (*children, victim):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.kills += 1
            self.with_child += bool(children)


@dataclass(frozen=True)
class Poisoned(Job):
    """A job in which one capture (by its place in its book) ends the process of whoever develops it."""

    poison: str = ""

    def __call__(self, order: Any) -> Any:
        if isinstance(order, DevelopCapture) and order.capture == self.poison:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().__call__(order)


def poisoned(folder: Path, options: Options) -> list[Figure]:
    """One capture crashes the process; in another run an image that is within all limits wants too much memory."""
    from hashlib import sha256

    source = open_storage(str(folder / "source"))
    names = work.fill(source, work.small_images(), options.captures)
    poison = sha256(source.read(names[options.captures // 2])).hexdigest()[:8]
    crash = _with_pids(folder / "source", folder / "crash", partial(Poisoned, poison=poison))
    source.write(names[options.captures // 2], _gigapixels())
    memory = _with_pids(folder / "source", folder / "memory", Job)
    figures = []
    for name, (tally, before, after) in {"crash": crash, "memory": memory}.items():
        figures += [
            Figure(f"{name}: captures developed", tally.developed, goal=options.captures - 1, least=True),
            Figure(f"{name}: reported", len(tally.troubles), goal=1),
            Figure(f"{name}: reason", ", ".join(item.code for item in tally.troubles)),
            Figure(f"{name}: books packed", tally.packed),
            Figure(f"{name}: workers that are not those of before", len(set(before) ^ set(after)), goal=0),
        ]
    return figures


def _gigapixels() -> bytes:
    """An image of few bytes and very many pixels."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", GIGAPIXELS, (240, 235, 220)).save(file, "png", compress_level=1)
    return file.getvalue()


def _with_pids(source: Path, dest: Path, make: Any) -> tuple[Any, list[int], list[int]]:
    """A run on a cluster of two workers; the tally, and the workers before and after."""
    from batch.cluster import Cluster
    from batch.local import Limits
    from originals.durable import locked
    from province.batch import plan
    from province.orders import LOCK
    from province.run import Run
    from settings import load

    settings = load()
    job = make(open_storage(str(source)), open_storage(str(dest)), settings)
    limits = Limits(settings.general.seconds, settings.general.memory_mb)
    with locked(dest / LOCK), Cluster(job, workers=2, limits=limits) as cluster:
        work.wait_for(lambda: len(work.dask_workers(os.getpid())) == 2)
        before = work.dask_workers(os.getpid())
        tally = Run(job, cluster, settings.general.seconds, lambda _: None).go(plan(job).references)
        return tally, before, work.dask_workers(os.getpid())


def stopped(folder: Path, options: Options) -> list[Figure]:
    """Killed with all its processes at random moments, on both engines by turns, and started again until it is done."""
    source = str(folder / "source")
    work.fill(open_storage(source), work.small_images(), options.captures)
    whole = work.run(source, str(folder / "whole"), "--jobs", "2")
    expected = work.digests(str(folder / "whole"))
    steps, kills, ends, differing, lasted = random.Random(20), 0, 0, [], []
    for number in itertools.count():
        words = ("--engine", "dask", "--workers", "2") if number % 2 else ("--jobs", "2")
        dest = str(folder / f"dest{number}")
        while True:
            after = steps.uniform(0.5, whole.seconds) if kills < options.times else None
            command, was_killed = _run_until(source, dest, words, after)
            kills += was_killed
            if not was_killed:
                break
            lasted.append(after)
        ends += 1
        differing += work.differences(expected, work.digests(dest))
        if command.code:
            raise SohoaError("worker_defect", reason=f"the command ended with {command.code}")
        if kills >= options.times:
            break
    return [
        Figure("times killed", kills), Figure("results that came of it", ends),
        Figure("a run that nobody kills", whole.seconds, "s"),
        Figure("killed after, on average", sum(lasted) / len(lasted), "s"),
        Figure("files of the result", len(expected)), Figure("files that differ", len(differing), goal=0),
        *([Figure("the first of them", differing[0])] if differing else []),
    ]


def _run_until(source: str, dest: str, words: tuple[str, ...], after: float | None) -> tuple[work.Command, bool]:
    """Run the command, killed after so many seconds; whether it was before its end."""
    command = work.start(source, dest, *words)
    if after is not None:
        timer = threading.Timer(after, work.kill_all, (command,))
        timer.start()
    command.follow()
    if after is not None:
        timer.cancel()
        timer.join()
    return command, command.code == -signal.SIGKILL


def restarted(folder: Path, options: Options) -> list[Figure]:
    """Scheduler and workers are services; the scheduler dies in mid-run."""
    source = str(folder / "source")
    work.fill(open_storage(source), work.small_images(), options.captures)
    local = work.run(source, str(folder / "local"), "--jobs", "2")
    with work.dask(2) as (address, scheduler, workers):
        command = work.start(source, str(folder / "dask"), "--engine", "dask", "--scheduler", address)
        thread = threading.Thread(target=_kill_scheduler, args=(scheduler, command, options.captures))
        thread.start()
        command.follow()
        thread.join()
        starts = scheduler.starts, sum(worker.starts for worker in workers)
    differing = work.differences(work.digests(str(folder / "local")), work.digests(str(folder / "dask")))
    return [
        Figure("schedulers killed", starts[0] - 1, goal=2, least=True), Figure("workers started again", starts[1] - 2),
        Figure("time", command.seconds, "s"), Figure("  of local", local.seconds, "s"),
        *work.told_differences(command, differing),
    ]


def _kill_scheduler(scheduler: work.Kept, command: work.Command, captures: int) -> None:
    """When a third is developed, and again at two thirds."""
    for part in (1, 2):
        while command.count("developed") < captures * part // 3:
            if command.process.returncode is not None:
                return
            time.sleep(0.1)
        scheduler.process.kill()
