"""A pool of worker processes on this machine that outlives its workers.

Each worker has one task at a time, so a crash, a memory limit or a hang is known to belong to that task: it is tried
once more in a fresh worker and then given up with its reason. The parent passes small tasks and gets small results.
"""

from __future__ import annotations

import contextlib
import heapq
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from errors import SohoaError

TRIES = 2
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
_WORKING = object()  # what a worker has to say that is still at its task
_STARTING = threading.Lock()  # of processes: the environment is one for all threads


@dataclass(frozen=True)
class Failure:
    """Why a task was given up: a code of `texts/` (section `error`) and its facts."""

    code: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """What one task may take."""

    seconds: float = 120.0
    memory_mb: int = 2000


@dataclass
class _Task:
    task: Any
    seconds: float
    rank: int  # those of a lower rank come first
    tries: int = 0


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: int | None = None
    seconds: float = 0.0  # what its task may take
    until: float = 0.0  # when that is over, on the monotonic clock


def run(
    function: Callable[[Any], Any], tasks: Iterable[Any], jobs: int = 0, limits: Limits = Limits()
) -> Iterator[tuple[int, Any]]:
    """Give `(index of task, result or Failure)` for each task, as they come to an end.

    `function`, tasks and results are pickled. `jobs` 0 means one worker for each core. Closing the iterator ends the
    workers; their unfinished tasks leave nothing behind, if the function writes atomically.
    """
    with Pool(function, jobs, limits) as pool:
        numbers = {pool.give(task): index for index, task in enumerate(tasks)}
        while pool.unfinished:
            for number, result in pool.results():
                yield numbers[number], result


class Pool:
    """Worker processes that live on from task to task. Used by one thread; `close` ends it, whatever it does. Any other
    thread may `stop` it.

    With `gentle` the workers let every other program go first. Workers are started when there is work for them. `threads`
    is how many each may have for arithmetic: with one, so many workers as there are cores do not get in each other's way;
    0: as many as there are cores.
    """

    def __init__(
        self, function: Callable[[Any], Any], jobs: int = 0, limits: Limits = Limits(), gentle: bool = False,
        threads: int = 1,
    ) -> None:
        self._start = lambda: _start(function, limits, gentle, threads)
        self.jobs, self._limits = jobs or os.cpu_count() or 1, limits
        self._workers: list[_Worker] = []
        self._waiting: list[tuple[int, int]] = []  # a heap of (rank, number)
        self._tasks: dict[int, _Task] = {}
        self._last = -1
        self._stopped, self._starting = False, threading.Lock()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def unfinished(self) -> int:
        """Tasks given whose results have not been taken."""
        return len(self._tasks)

    def give(self, task: Any, seconds: float | None = None, first: bool = False) -> int:
        """Queue a task; its number comes back with its result.

        `seconds`: what this one may take, where it is not as long as the others. `first`: it goes before all that wait
        and were not given so.
        """
        self._last += 1
        self._tasks[self._last] = _Task(task, self._limits.seconds if seconds is None else seconds, 0 if first else 1)
        self._queue(self._last)
        self._hand_out()
        return self._last

    def results(self, timeout: float | None = None) -> list[tuple[int, Any]]:
        """`(number, result or Failure)` of tasks that have ended; `timeout`: seconds to wait for the first (None: on)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._hand_out()
            done = self._collect()
            if done or not self._tasks or (deadline is not None and time.monotonic() >= deadline):
                return done
            self._sleep_until_news(deadline)

    def ask(self, task: Any, seconds: float | None = None) -> Any:
        """The result of one task or its Failure, on a pool that has no others."""
        self.give(task, seconds)
        return self.results()[0][1]

    def close(self) -> None:
        """End the workers; what they were at is given up."""
        for worker in self._workers:
            _end(worker)
        self._workers, self._tasks = [], {}
        self._waiting.clear()

    def stop(self) -> None:
        """From any thread: what is being done ends now, and whoever waits for it gets a RuntimeError."""
        with self._starting:  # no worker comes after this
            self._stopped = True
            for worker in self._workers:
                worker.process.kill()  # its pipe is left to the thread that reads it

    def _new_worker(self, place: int) -> _Worker:
        """Start a worker in place of the one there, or as the last one."""
        with self._starting:
            if self._stopped:
                raise RuntimeError("the pool is stopped")
            self._workers[place : place + 1] = [self._start()]
            return self._workers[place]

    def _queue(self, number: int) -> None:
        heapq.heappush(self._waiting, (self._tasks[number].rank, number))

    def _hand_out(self) -> None:
        while self._waiting:
            free = next((worker for worker in self._workers if worker.task is None), None)
            if free is None:
                if len(self._workers) >= self.jobs:
                    return
                free = self._new_worker(len(self._workers))
            _, number = heapq.heappop(self._waiting)
            self._tasks[number].tries += 1
            _give(free, number, self._tasks[number])

    def _collect(self) -> list[tuple[int, Any]]:
        done = []
        for place, worker in enumerate(self._workers):
            outcome = _outcome(worker)
            if outcome is _WORKING:
                continue
            number, worker.task = worker.task, None
            if isinstance(outcome, _Death):
                self._new_worker(place)
                if self._tasks[number].tries < TRIES:
                    self._queue(number)
                    continue
                outcome = Failure(outcome.code, outcome.facts)
            del self._tasks[number]
            done.append((number, outcome))
        return done

    def _sleep_until_news(self, deadline: float | None) -> None:
        busy = [worker for worker in self._workers if worker.task is not None]
        if busy:
            first = min(worker.until for worker in busy)
            until = first if deadline is None else min(first, deadline)
            signs = [sign for worker in busy for sign in (worker.pipe, worker.process.sentinel)]
            wait(signs, timeout=max(0.0, until - time.monotonic()) + 0.01)


@dataclass(frozen=True)
class _Death:
    code: str
    facts: dict[str, Any]


def _start(function: Callable[[Any], Any], limits: Limits, gentle: bool, threads: int) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(function, theirs, limits.memory_mb, gentle, threads), daemon=True)
    with _threads(threads):
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """Processes started meanwhile take no more threads: their libraries read it from the environment when they load."""
    with _STARTING:
        before = {name: os.environ[name] for name in THREADS if name in os.environ}
        os.environ.update(dict.fromkeys(THREADS, str(number)) if number else {})
        try:
            yield
        finally:
            for name in THREADS:
                os.environ.pop(name, None)
            os.environ.update(before)


def _give(worker: _Worker, number: int, task: _Task) -> None:
    worker.task, worker.seconds, worker.until = number, task.seconds, time.monotonic() + task.seconds
    with contextlib.suppress(OSError):  # the worker died idle; its outcome says so
        worker.pipe.send(task.task)


def _outcome(worker: _Worker) -> Any:
    """The result of the worker's task (None may be one), a _Death, or _WORKING."""
    if worker.task is None:
        return _WORKING
    try:
        if worker.pipe.poll():  # Windows already says here that the other end is gone
            return worker.pipe.recv()
        if not worker.process.is_alive() and not worker.pipe.poll():  # before its end of the pipe was its own
            raise EOFError
    except (EOFError, OSError):
        _end(worker)
        return _Death("worker_died", {"exit": worker.process.exitcode})
    if time.monotonic() > worker.until:
        _end(worker)
        return _Death("worker_too_slow", {"seconds": worker.seconds})
    return _WORKING


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _serve(function: Callable[[Any], Any], pipe: Connection, memory_mb: int, gentle: bool, threads: int) -> None:
    """The life of a worker: task in, result out, until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_memory(memory_mb)
    _limit_opencv(threads)
    if gentle:
        _let_others_go_first()
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


def _end_with_parent() -> None:
    """A parent that is killed closes no pipe while a task runs: nobody wants its result any more."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _limit_memory(memory_mb: int) -> None:
    if sys.platform == "win32":
        from batch import windows

        windows.limit_memory(memory_mb)
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def _limit_opencv(threads: int) -> None:
    if threads and sys.platform == "win32":  # where it takes all cores, whatever the environment says
        import cv2

        cv2.setNumThreads(threads)


def _let_others_go_first() -> None:
    if sys.platform == "win32":
        from batch import windows

        windows.let_others_go_first()
    else:
        os.nice(10)
