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
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from batch.local import Failure, Limits, Pool
from errors import ExitCode, SohoaError

BATCH = 64  # tasks given that are kept back until somebody asks for results, so that they travel together
LINGER = 0.02  # s: what comes within this of a first result comes with it
LOOK_AROUND = 1.0  # s between two looks at what has become of tasks that say nothing
GIVEN_AGAIN = 10  # times a task is given again when workers die with it, though children should die in their place
STRANGERS = 3  # times a task is given again that came to a worker with another program
CONNECT, AGAIN = 15.0, 5.0  # s: what connecting may take at first, and each time later
LONGEST_PAUSE = 15.0  # s between two tries to connect
WITH_WORKERS_GONE = 10_000  # the local scheduler never gives a task up because its workers were killed

LOCAL = {
    "distributed.scheduler.allowed-failures": WITH_WORKERS_GONE,
    "distributed.scheduler.work-stealing": False,  # tasks wait with the scheduler until a worker is free
    "distributed.worker.profile.enabled": False,  # would look a hundred times a second at a thread that only waits
    "distributed.scheduler.active-memory-manager.start": False,
}
QUIET = dict.fromkeys(("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application"), 60)


class SchedulerLost(SohoaError):
    """The scheduler cannot be reached, or could not any more for longer than one was willing to wait."""

    exit_code = ExitCode.IO_ERROR


class NoCluster(SohoaError):
    """The extra `cluster` is not installed."""

    exit_code = ExitCode.BAD_CONFIG


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
        _be_quiet()
        self._run = f"sohoa-{uuid.uuid4().hex}"  # names the function at the workers, and the topic of its results
        self._version = version()
        self._carried = pickle.dumps((_Carried(pickle.dumps((function, version)), self._version), limits))
        self._patience, self._lost_since, self._next_try, self._pause = patience, 0.0, 0.0, 0.0
        self._given: dict[int, _Given] = {}
        self._fresh: list[int] = []
        self._strangers: set[str] = set()
        self._news: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._last, self._looked, self._links = -1, time.monotonic(), 0
        self._jobs, self._jobs_asked = 1, 0.0
        self._cluster = None if scheduler else _local_cluster(workers)
        self._address = scheduler or self._cluster.scheduler_address
        try:
            self._link: _Link | None = self._connected(CONNECT)
        except OSError as error:
            self.close()
            raise SchedulerLost("scheduler_unreachable", address=self._address, reason=str(error)) from error
        self.dashboard: str | None = _dashboard(self._link.client)

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
            self._jobs = max(1, sum(self._ask(lambda client: client.nthreads(), {}).values()))
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
        link, self._link = getattr(self, "_link", None), None
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
        for number in self._fresh:
            if number in self._given:
                given = self._given[number]
                groups.setdefault((given.first, tuple(given.elsewhere)), []).append(number)
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
        """A call of `_perform` that happens where it is unpickled, so that only workers need to have the program."""
        given = self._given[number]
        return pickle.dumps(_Call((self._run, number, given.order, given.seconds)))

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
        if isinstance(result, _Stranger):
            self._strangers.add(news["worker"])
            return self._came_to_a_stranger(number, Failure("worker_other_version", result.facts))
        if result is _NOT_CARRIED:
            self._give_again(number)
            return []
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
            self._cluster.loop.add_callback(_replace_lost_workers, self._cluster)
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
            self._strangers |= self._ask(_without_program, set())
            return self._came_to_a_stranger(number, Failure("worker_other_version", _versions(_named(error), self._version)))
        given.deaths += 1
        if given.deaths > GIVEN_AGAIN:
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
        client = Client(self._address, timeout=timeout, set_as_default=False, security=security)
        self._links += 1
        link = _Link(client, f"{self._run}-{self._links}")
        try:
            client.subscribe_topic(self._run, lambda event: self._news.put(event[1]))
            client.register_plugin(_carrier(self._carried, self._cluster is not None), name=self._run)
        except Exception as error:
            link.close()
            raise OSError(str(error)) from error
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


# --- what is carried to the workers ----------------------------------------------------------------------------------

@dataclass(frozen=True)
class _Stranger:
    """The answer of a worker whose program is not the one that gave the task."""

    facts: dict[str, Any]


@dataclass(frozen=True)
class _NotCarried:
    """The answer of a worker that the function has not come to."""


_NOT_CARRIED = _NotCarried()


@dataclass(frozen=True)
class _Call:
    arguments: tuple[str, int, bytes, float | None]

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Any, ...]]:
        return _perform, self.arguments


@dataclass
class _Carried:
    """The function as it travels: it is unpickled by the child that calls it, and by nobody on the way."""

    pickled: bytes
    expected: str  # the version of the program that gave it
    _function: Any = field(default=None, repr=False)

    def __call__(self, order: bytes) -> Any:
        if self._function is None:
            stranger = self._unpack()
            if stranger:
                return stranger
        return self._function(pickle.loads(order))

    def _unpack(self) -> _Stranger | None:
        try:
            function, version = pickle.loads(self.pickled)
            found = version()
        except (ImportError, AttributeError, TypeError) as error:
            found = _named(error)
        if found != self.expected:
            return _Stranger(_versions(found, self.expected))
        self._function = function
        return None


def _versions(theirs: str, ours: str) -> dict[str, Any]:
    return {"theirs": theirs, "ours": ours}


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _perform(run: str, number: int, order: bytes, seconds: float | None) -> None:
    """Do a task in the child process of this thread of a Dask worker, and tell its result."""
    from distributed import get_worker

    worker = get_worker()
    carrier = worker.plugins.get(run)
    result = _NOT_CARRIED if carrier is None else _pool_of_this_thread(run, carrier).ask(order, seconds)
    worker.log_event(run, {"number": number, "worker": worker.address, "result": pickle.dumps(result)})
    if result is _NOT_CARRIED or isinstance(result, _Stranger):
        time.sleep(0.1)  # who cannot do the work must not be the fastest to ask for more


_mine = threading.local()


def _pool_of_this_thread(run: str, carrier: Any) -> Pool:
    if getattr(_mine, "run", None) != run:
        if hasattr(_mine, "pool"):
            _mine.pool.close()
        _may_have_children()
        function, limits = pickle.loads(carrier.carried)
        _mine.run, _mine.pool = run, Pool(function, 1, limits)
        carrier.pools.append(_mine.pool)
    return _mine.pool


def _may_have_children() -> None:
    """Dask marks its workers as processes that must not have children, who might outlive them: ours end with them."""
    import multiprocessing

    multiprocessing.current_process().daemon = False


def _carrier(carried: bytes, local: bool) -> Any:
    """The plugin that brings the function to each worker.

    Its class is made here so that it is pickled as it is, not by its name: a worker without the program takes it, too,
    and lives on.
    """
    from distributed import WorkerPlugin

    class Carrier(WorkerPlugin):
        def __init__(self) -> None:
            self.carried, self.local, self.pools = carried, local, []

        def setup(self, worker: Any) -> None:
            if self.local:
                import signal

                signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started the cluster to act on

        def teardown(self, worker: Any) -> None:
            for pool in self.pools:
                pool.close()

    return Carrier()


def _without_program(client: Any) -> set[str]:
    """The addresses of workers that do not have the program."""

    def has_program() -> bool:
        import importlib

        try:
            return hasattr(importlib.import_module("batch.cluster"), "_perform")
        except ImportError:
            return False

    answers: dict[str, bool] = client.run(has_program, on_error="ignore")
    return {address for address, has in answers.items() if not has}


# --- Dask itself -----------------------------------------------------------------------------------------------------

def _be_quiet() -> None:
    """Dask tells of every worker that is lost; here that is daily work, and what matters is told in other words."""
    import logging

    try:
        import dask

        with dask.config.set({"logging": QUIET}):
            import distributed  # noqa: F401
    except ImportError as error:
        raise NoCluster("cluster_needs_extra", missing=error.name) from error
    for name in QUIET:
        logging.getLogger(name).setLevel(QUIET[name])


def _local_cluster(workers: int) -> Any:
    import os

    import dask
    from distributed import LocalCluster

    with dask.config.set(LOCAL):
        return LocalCluster(
            n_workers=workers or os.cpu_count() or 1, threads_per_worker=1, host="127.0.0.1", memory_limit=0, security=True,
            dashboard_address="127.0.0.1:0" if _has_dashboard() else None, silence_logs=QUIET["distributed"],
            config=LOCAL,  # for workers that are started later
        )


def _replace_lost_workers(cluster: Any) -> None:
    """Dask starts a worker again that was killed, but not one that was killed as it started. Runs in Dask's own thread."""
    from distributed import Status

    for name, nanny in list(cluster.workers.items()):
        if nanny.status in (Status.failed, Status.closed):
            del cluster.workers[name]
    if len(cluster.workers) < len(cluster.worker_spec):
        cluster.scale(len(cluster.worker_spec))


def _has_dashboard() -> bool:
    from importlib.util import find_spec

    return find_spec("bokeh") is not None


def _dashboard(client: Any) -> str | None:
    return client.dashboard_link if "dashboard" in _services(client) else None


def _services(client: Any) -> Iterable[str]:
    return client.scheduler_info(n_workers=0).get("services", {})
