"""What a cluster carries to its workers, and what happens there: the function, its tasks, and the answers.

A thread of a Dask worker looks into a task only to hand it to its child process, a `local.Pool` of one. Left to
`cluster`: giving tasks, and what becomes of answers.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from batch.local import Pool


@dataclass(frozen=True)
class Stranger:
    """The answer of a worker whose program is not the one that gave the task."""

    facts: dict[str, Any]


@dataclass(frozen=True)
class NotCarried:
    """The answer of a worker that the function has not come to."""


@dataclass(frozen=True)
class Call:
    """A call of `perform` that happens where it is unpickled, so that only workers need to have the program."""

    arguments: tuple[str, int, bytes, float | None]

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Any, ...]]:
        return perform, self.arguments


@dataclass
class Carried:
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

    def _unpack(self) -> Stranger | None:
        try:
            function, version = pickle.loads(self.pickled)
            found = version()
        except (ImportError, AttributeError, TypeError) as error:
            found = named(error)
        if found != self.expected:
            return Stranger(versions(found, self.expected))
        self._function = function
        return None


def versions(theirs: str, ours: str) -> dict[str, Any]:
    return {"theirs": theirs, "ours": ours}


def named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def perform(run: str, number: int, order: bytes, seconds: float | None) -> None:
    """Do a task in the child process of this thread of a Dask worker, and tell its result."""
    from distributed import get_worker

    worker = get_worker()
    plugin = worker.plugins.get(run)
    result = NotCarried() if plugin is None else _pool_of_this_thread(run, plugin).ask(order, seconds)
    worker.log_event(run, {"number": number, "worker": worker.address, "result": pickle.dumps(result)})
    if isinstance(result, NotCarried | Stranger):
        time.sleep(0.1)  # who cannot do the work must not be the fastest to ask for more


_mine = threading.local()


def _pool_of_this_thread(run: str, plugin: Any) -> Pool:
    if getattr(_mine, "run", None) != run:
        if hasattr(_mine, "pool"):
            _mine.pool.close()
        _may_have_children()
        _keep_memory()
        function, limits = pickle.loads(plugin.carried)
        _mine.run, _mine.pool = run, Pool(function, 1, limits)
        plugin.pools.append(_mine.pool)
    return _mine.pool


def _may_have_children() -> None:
    """Dask marks its workers as processes that must not have children, who might outlive them: ours end with them."""
    import multiprocessing

    multiprocessing.current_process().daemon = False


def _keep_memory() -> None:
    """Dask has its workers give each freed block back to the system at once. Whoever works on images gets it again, page by
    page, a moment later: a child that did so took nearly twice the CPU for a spread.
    """
    os.environ.pop("MALLOC_TRIM_THRESHOLD_", None)


def carrier(carried: bytes, local: bool) -> Any:
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
                pool.stop()  # another thread may be waiting in it

    return Carrier()


def without_program(client: Any) -> set[str]:
    """The addresses of workers that do not have the program."""

    def has_program() -> bool:
        import importlib

        try:
            return hasattr(importlib.import_module("batch.carried"), "perform")
        except ImportError:
            return False

    answers: dict[str, bool] = client.run(has_program, on_error="ignore")
    return {address for address, has in answers.items() if not has}
