"""A pool of worker processes on this machine that outlives its workers.

Each worker has one task at a time, so a crash, a memory limit or a hang is known to belong to that task: it is tried
once more in a fresh worker and then given up with its reason. The parent passes small tasks and gets small results.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from errors import SohoaError

TRIES = 2


@dataclass(frozen=True)
class Failure:
    """Why a task was given up: a code of `texts/` (section `error`) and its facts."""

    code: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """What one task may take. The memory limit holds on POSIX systems; Windows has no such call."""

    seconds: float = 120.0
    memory_mb: int = 2000


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: int | None = None
    since: float = 0.0


def run(
    function: Callable[[Any], Any], tasks: Iterable[Any], jobs: int = 0, limits: Limits = Limits()
) -> Iterator[tuple[int, Any]]:
    """Give `(index of task, result or Failure)` for each task, as they come to an end.

    `function`, tasks and results are pickled. `jobs` 0 means one worker for each core. Closing the iterator ends the
    workers; their unfinished tasks leave nothing behind, if the function writes atomically.
    """
    tasks = list(tasks)
    jobs = min(jobs or os.cpu_count() or 1, len(tasks))
    waiting = deque(range(len(tasks)))
    tries = [0] * len(tasks)
    workers = [_start(function, limits) for _ in range(jobs)]
    try:
        while waiting or any(worker.task is not None for worker in workers):
            for worker in workers:
                if worker.task is None and waiting:
                    _give(worker, waiting.popleft(), tasks, tries)
            for worker in list(workers):
                outcome = _outcome(worker, limits)
                if outcome is None:
                    continue
                index, worker.task = worker.task, None
                if not isinstance(outcome, _Death):
                    yield index, outcome
                    continue
                workers[workers.index(worker)] = _start(function, limits)
                if tries[index] < TRIES:
                    waiting.appendleft(index)
                else:
                    yield index, Failure(outcome.code, outcome.facts)
            _sleep_until_news(workers, limits)
    finally:
        for worker in workers:
            _end(worker)


@dataclass(frozen=True)
class _Death:
    code: str
    facts: dict[str, Any]


def _start(function: Callable[[Any], Any], limits: Limits) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(function, theirs, limits.memory_mb), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _give(worker: _Worker, index: int, tasks: list[Any], tries: list[int]) -> None:
    worker.task, worker.since = index, time.monotonic()
    tries[index] += 1
    with contextlib.suppress(OSError):  # the worker died idle; its outcome says so
        worker.pipe.send(tasks[index])


def _outcome(worker: _Worker, limits: Limits) -> Any:
    """The result of the worker's task, a _Death, or None while it still works."""
    if worker.task is None:
        return None
    if worker.pipe.poll():
        try:
            return worker.pipe.recv()
        except (EOFError, OSError):
            _end(worker)
            return _Death("worker_died", {"exit": worker.process.exitcode})
    if time.monotonic() - worker.since > limits.seconds:
        _end(worker)
        return _Death("worker_too_slow", {"seconds": limits.seconds})
    return None


def _sleep_until_news(workers: list[_Worker], limits: Limits) -> None:
    busy = [worker for worker in workers if worker.task is not None]
    if busy:
        deadline = min(worker.since for worker in busy) + limits.seconds
        wait([worker.pipe for worker in busy], timeout=max(0.0, deadline - time.monotonic()) + 0.01)


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _serve(function: Callable[[Any], Any], pipe: Connection, memory_mb: int) -> None:
    """The life of a worker: task in, result out, until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    _limit_memory(memory_mb)
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            result = function(task)
        except SohoaError as error:
            result = Failure(error.code, dict(error.facts))
        except MemoryError:
            result = _Death("worker_out_of_memory", {"memory_mb": memory_mb})
        except Exception as error:  # a defect of ours must cost one page, not the book
            result = _Death("worker_defect", {"reason": f"{type(error).__name__}: {error}"})
        try:
            pipe.send(result)
        except OSError:
            return
        if isinstance(result, _Death):
            return


def _limit_memory(memory_mb: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))
