"""The same pool over many machines: a Dask cluster that is there already, or one that is started on this machine.

It has the face of `local.Pool`, and keeps its promise on every machine: each thread of a Dask worker has a child process
of its own (a `local.Pool` of one), so what crashes, hangs or eats memory costs a child and never the Dask worker. The
function is carried once to each worker, by a plugin that the scheduler hands to those that join later too. Tasks go as
bytes that only a worker looks into, and results come back as events, so the scheduler needs to know neither.

Tasks are given again when a worker is killed, when the scheduler was restarted, and when a worker turns out to have
another program: one may run twice, and its result is told once. What a task writes must be the same whoever writes it.
Left to others: what the tasks are, and how many are given at once.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from batch.carried import Call, Carried, NotCarried, Stranger, carrier, named, versions, without_program
from batch.local import Failure, Limits
from batch.ourdask import be_quiet, dashboard, local_cluster, replace_lost_workers
from errors import ExitCode, SohoaError

BATCH = 64  # tasks given that are kept back until somebody asks for results, so that they travel together
LINGER = 0.02  # s: what comes within this of a first result comes with it
LOOK_AROUND = 1.0  # s between two looks at what has become of tasks that say nothing
GIVEN_AGAIN = 10  # times a task is given again when workers die with it, though children should die in their place
STRANGERS = 3  # times a task is given again that came to a worker with another program
CONNECT, AGAIN = 15.0, 5.0  # s: what connecting may take at first, and each time later
LONGEST_PAUSE = 15.0  # s between two tries to connect


class SchedulerLost(SohoaError):
    """The scheduler cannot be reached, or could not any more for longer than one was willing to wait."""

    exit_code = ExitCode.IO_ERROR


def installed() -> str:
    """The version of the program, as it is installed."""
    from importlib.metadata import version

    return version("sohoa")


@dataclass
class _Given:
    order: bytes  # the pickled task
    seconds: float | None
    first: bool
    future: Any = None  # Dask's; while it is held the scheduler works on the task
    deaths: int = 0
    strangers: int = 0
    again: int = 0  # how often it was given again: each time under a name of its own
    elsewhere: tuple[str, ...] = ()  # the workers that may do it, where not all may


class _Link:
    """A connection to the scheduler. It is never mended: a new one takes its place.

    Dask mends its own in silence, to a scheduler that may be another one and knows nothing of what went before.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name
        self._stream = client.scheduler_comm

    @property
    def alive(self) -> bool:
        return self.client.status == "running" and self.client.scheduler_comm is self._stream

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.client.close(timeout=2)


class Cluster:
    """Workers anywhere that live on from task to task. Used by one thread; `close` ends what was started.

    `function` and `version` are pickled. `scheduler`: the address of a Dask scheduler; without one `workers` processes
    are started on this machine, with a scheduler that listens to this machine alone. `version` is called here and by
    whoever does a task: where it says something else the task is done by others, or fails with `worker_other_version`.
    `patience`: seconds to wait for a scheduler that is gone. Raises NoCluster without Dask, SchedulerLost
    `scheduler_unreachable` now and `scheduler_lost` from `results`: tasks whose results were taken are done then.
    """

    def __init__(
        self, function: Callable[[Any], Any], scheduler: str | None = None, workers: int = 0, limits: Limits = Limits(),
        version: Callable[[], str] = installed, patience: float = 600.0,
    ) -> None:
        be_quiet()
        self._run = f"sohoa-{uuid.uuid4().hex}"  # names the function at the workers, and the topic of its results
        self._version = version()
        self._carried = pickle.dumps((Carried(pickle.dumps((function, version)), self._version), limits))
        self._patience, self._lost_since, self._next_try, self._pause = patience, 0.0, 0.0, 0.0
        self._given: dict[int, _Given] = {}
        self._fresh: list[int] = []
        self._strangers: set[str] = set()
        self._news: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._last, self._looked, self._links = -1, time.monotonic(), 0
        self._jobs, self._jobs_asked = 1, 0.0
        self._cluster, self._address, self._link = None, scheduler or "127.0.0.1", None
        try:
            if not scheduler:
                self._cluster = local_cluster(workers)
                self._address = self._cluster.scheduler_address
            self._link = self._connected(CONNECT)
        except (OSError, RuntimeError) as error:  # Dask's own where a worker does not start
            self.close()
            raise SchedulerLost("scheduler_unreachable", address=self._address, reason=str(error)) from error
        self.dashboard: str | None = dashboard(self._link.client)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def unfinished(self) -> int:
        """Tasks given whose results have not been taken."""
        return len(self._given)

    @property
    def connected(self) -> bool:
        """False while the scheduler is gone and one waits for it."""
        return self._link is not None and self._link.alive

    @property
    def jobs(self) -> int:
        """How many tasks run at once by now; 1 where no worker is there yet."""
        if time.monotonic() - self._jobs_asked > 2.0:
            threads = self._ask(lambda client: client.nthreads(), {"": self._jobs})
            self._jobs = max(1, sum(threads.values()))
            self._jobs_asked = time.monotonic()
        return self._jobs

    def workers(self) -> dict[str, int]:
        """How many Dask workers there are on each host."""
        addresses = self._ask(lambda client: client.nthreads(), {})
        return dict(Counter(address.split("://")[-1].rsplit(":", 1)[0] for address in addresses))

    def give(self, task: Any, seconds: float | None = None, first: bool = False) -> int:
        """As `Pool.give`."""
        self._last += 1
        self._given[self._last] = _Given(pickle.dumps(task), seconds, first)
        self._fresh.append(self._last)
        if len(self._fresh) >= BATCH or len(self._given) <= self._jobs:
            self._send()
        return self._last

    def results(self, timeout: float | None = None) -> list[tuple[int, Any]]:
        """As `Pool.results`; while one tries to connect again it may take some seconds longer than `timeout`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._link is None:
                self._connect_again()
            self._send()
            left = LOOK_AROUND if deadline is None else min(LOOK_AROUND, max(0.0, deadline - time.monotonic()))
            done = self._taken(left)
            if time.monotonic() - self._looked > LOOK_AROUND:
                done += self._look_around()
            if done or not self._given or (deadline is not None and time.monotonic() >= deadline):
                return done

    def close(self) -> None:
        """End what was started here, and what the workers do for it."""
        self._given, self._fresh = {}, []
        link, self._link = self._link, None
        if link:
            with contextlib.suppress(Exception):  # children at the workers end with their plugin
                if link.alive:
                    link.client.sync(link.client._unregister_worker_plugin, name=self._run, callback_timeout=5)
            link.close()
        if self._cluster:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=10)
            self._cluster = None

    # --- giving ---

    def _send(self) -> None:
        if not self._fresh or not self.connected:
            return
        groups: dict[tuple[bool, tuple[str, ...]], list[int]] = {}
        for number in dict.fromkeys(self._fresh):
            if number in self._given:
                given = self._given[number]
                groups.setdefault((given.first, given.elsewhere), []).append(number)
        self._fresh = []
        for (first, elsewhere), numbers in groups.items():
            where = list(elsewhere) or None
            futures = self._ask(partial(self._futures, numbers, priority=1 if first else 0, workers=where), None)
            if futures is None:
                return self._lose()  # and all is given again
            for number, future in zip(numbers, futures, strict=True):
                self._given[number].future = future

    def _futures(self, numbers: list[int], client: Any, **how: Any) -> list[Any]:
        keys = [(self._link.name, number, self._given[number].again) for number in numbers]
        return client.map(pickle.loads, [self._call(number) for number in numbers], key=keys, pure=False, **how)

    def _call(self, number: int) -> bytes:
        given = self._given[number]
        return pickle.dumps(Call((self._run, number, given.order, given.seconds)))

    def _give_again(self, number: int) -> None:
        given = self._given[number]
        given.future, given.again = None, given.again + 1
        self._fresh.append(number)

    # --- taking ---

    def _taken(self, wait: float) -> list[tuple[int, Any]]:
        """What has come by now; `wait`: seconds for the first of it."""
        done: list[tuple[int, Any]] = []
        with contextlib.suppress(queue.Empty):
            news = self._news.get(timeout=wait) if wait > 0 else self._news.get_nowait()
            until = time.monotonic() + min(LINGER, wait)
            while True:
                done += self._told(news)
                left = until - time.monotonic()
                news = self._news.get(timeout=left) if left > 0 else self._news.get_nowait()
        return done

    def _told(self, news: dict[str, Any]) -> list[tuple[int, Any]]:
        number = news["number"]
        if number not in self._given:
            return []  # it was done twice, and told before
        result = pickle.loads(news["result"])
        if isinstance(result, Stranger):
            self._strangers.add(news["worker"])
            return self._came_to_a_stranger(number, Failure("worker_other_version", result.facts))
        if isinstance(result, NotCarried):
            return self._died(number)
        return self._done(number, result)

    def _done(self, number: int, result: Any) -> list[tuple[int, Any]]:
        del self._given[number]
        return [(number, result)]

    def _came_to_a_stranger(self, number: int, failure: Failure) -> list[tuple[int, Any]]:
        given = self._given[number]
        given.strangers += 1
        everybody = self._ask(lambda client: client.nthreads(), None)
        if everybody is not None:
            given.elsewhere = tuple(address for address in everybody if address not in self._strangers)
            if not given.elsewhere or given.strangers > STRANGERS:
                return self._done(number, failure)
        self._give_again(number)
        return []

    # --- looking after what says nothing ---

    def _look_around(self) -> list[tuple[int, Any]]:
        """Find tasks that ended without a word, and whether the scheduler is still there."""
        self._looked = time.monotonic()
        if self._cluster:
            self._cluster.loop.add_callback(replace_lost_workers, self._cluster)
        futures = {number: given.future for number, given in self._given.items() if given.future is not None}
        ended = {number: future for number, future in futures.items() if future.status != "pending"}
        gave_up = any(future.status == "cancelled" for future in ended.values())
        if self._link is not None and (gave_up or not self._link.alive):
            self._lose()
            return []
        self._free_from_gone_workers()
        done = self._taken(0.0)  # what ended well has told its result before
        for number, future in ended.items():
            if number in self._given and self._given[number].future is future:
                done += self._ended_badly(number)
        return done

    def _free_from_gone_workers(self) -> None:
        held = [number for number, given in self._given.items() if given.elsewhere and given.future is not None]
        everybody = self._ask(lambda client: set(client.nthreads()), None) if held else None
        for number in held if everybody is not None else ():
            if everybody.isdisjoint(self._given[number].elsewhere):
                self._given[number].elsewhere = ()
                self._give_again(number)

    def _ended_badly(self, number: int) -> list[tuple[int, Any]]:
        given = self._given[number]
        error = self._ask(lambda _: given.future.exception(timeout=10), None) if given.future.status == "error" else None
        if isinstance(error, ImportError | AttributeError | TypeError):
            self._strangers |= self._ask(without_program, set())
            return self._came_to_a_stranger(number, Failure("worker_other_version", versions(named(error), self._version)))
        return self._died(number)

    def _died(self, number: int) -> list[tuple[int, Any]]:
        self._given[number].deaths += 1
        if self._given[number].deaths > GIVEN_AGAIN:
            return self._done(number, Failure("worker_died", {"exit": None}))
        self._give_again(number)
        return []

    # --- the way to the scheduler ---

    def _ask(self, question: Callable[[Any], Any], otherwise: Any) -> Any:
        """What Dask's client answers; `otherwise` where the scheduler is gone, which shows as errors of many kinds."""
        if not self.connected:
            return otherwise
        try:
            return question(self._link.client)
        except Exception:
            return otherwise

    def _connected(self, timeout: float) -> _Link:
        """Raises OSError."""
        from distributed import Client

        security = self._cluster.security if self._cluster else None
        try:
            client = Client(self._address, timeout=timeout, set_as_default=False, security=security)
        except Exception as error:  # of many kinds, as addresses may be wrong in many ways
            raise OSError(named(error)) from error
        self._links += 1
        link = _Link(client, f"{self._run}-{self._links}")
        try:
            client.subscribe_topic(self._run, lambda event: self._news.put(event[1]))
            client.register_plugin(carrier(self._carried, self._cluster is not None), name=self._run)
        except Exception as error:
            link.close()
            raise OSError(named(error)) from error
        return link

    def _lose(self) -> None:
        link, self._link = self._link, None
        for number in self._given:
            self._given[number].future = None
        threading.Thread(target=link.close, daemon=True).start()  # takes its time where nobody answers
        self._lost_since, self._next_try, self._pause = time.monotonic(), 0.0, 0.5

    def _connect_again(self) -> None:
        now = time.monotonic()
        if now < self._next_try:
            return
        try:
            self._link = self._connected(AGAIN)
        except OSError as error:
            if now - self._lost_since > self._patience:
                raise SchedulerLost("scheduler_lost", address=self._address, seconds=self._patience) from error
            self._next_try, self._pause = time.monotonic() + self._pause, min(LONGEST_PAUSE, self._pause * 1.5)
            return
        self._fresh = sorted(self._given)
        self._strangers.clear()
