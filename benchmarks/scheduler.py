"""What the cluster costs beside the work itself: many tasks that do nothing.

    python -m benchmarks.scheduler [--tasks 100000] [--workers 2] [--window 2000]

A Dask scheduler and its workers run as processes of their own on this machine, and the tasks go through
`batch.cluster.Cluster` as those of a province would: some bytes in, a small table of facts out, a window of them on
their way. Printed: CPU (ms a task) of the client, the scheduler, the Dask workers and their children, the most memory the
scheduler held (MB), and the time it took. The goals are 2 ms a task for client and scheduler together, and 1,500 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from batch.cluster import Cluster

MS_A_TASK, SCHEDULER_MB = 2.0, 1500.0
FACTS = {
    "id": "GK.KS.1987.01.0123a", "side": "left", "angle": -0.73, "gutter": [[2480, 3], [2476, 3507]], "size": [2450, 3480],
    "corners": [[12.5, 20.25], [2470.0, 18.5], [2466.75, 3490.0], [9.0, 3486.5]], "findings": ["faint_ink"], "dpi": 300,
    "stages": dict.fromkeys(("orient", "outline", "split", "flatten", "deskew", "crop", "tone"), "0123456789abcdef"),
}


@dataclass(frozen=True)
class Job:
    """A function that weighs what the true one does: its settings travel with it."""

    settings: bytes = bytes(40_000)

    def __call__(self, order: tuple[str, str]) -> dict[str, Any]:
        return FACTS | {"id": order[1]}


class Watch:
    """CPU (s) and the most memory (bytes) of a process."""

    def __init__(self, pid: int) -> None:
        import psutil

        self._process, self.most = psutil.Process(pid), 0

    def cpu(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def look(self) -> None:
        self.most = max(self.most, self._process.memory_info().rss)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--window", type=int, default=2000, help="tasks that are on their way at once")
    options = parser.parse_args()
    with _dask(options.workers) as (address, scheduler, workers):
        return measure(address, scheduler, workers, options.tasks, options.window)


def measure(address: str, scheduler: int, workers: list[int], tasks: int, window: int) -> int:
    """Print the table; 1 where a goal is not reached. `scheduler`, `workers`: ids of processes."""
    import os

    with Cluster(Job(), scheduler=address) as cluster:
        while sum(cluster.workers().values()) < len(workers):
            time.sleep(0.2)
        _through(cluster, 200, window)  # children have started by then
        children = [child for worker in workers for child in _children(worker)]
        processes = {"client": [os.getpid()], "scheduler": [scheduler], "Dask workers": workers, "children": children}
        watched = {name: [Watch(pid) for pid in pids] for name, pids in processes.items()}
        before = _cpu(watched)
        start = time.monotonic()
        with _looking(watched["scheduler"][0], watched["client"][0]):
            _through(cluster, tasks, window)
        wall = time.monotonic() - start
        cost = {name: (seconds - before[name]) / tasks * 1000 for name, seconds in _cpu(watched).items()}
    overhead, memory = cost["client"] + cost["scheduler"], watched["scheduler"][0].most / 2**20
    for name, ms in cost.items():
        print(f"{name:<24}{ms:8.2f} ms of CPU a task")
    print(f"{'client + scheduler':<24}{overhead:8.2f} ms of CPU a task (goal {MS_A_TASK})")
    print(f"{'memory of scheduler':<24}{memory:8.0f} MB at most (goal {SCHEDULER_MB:.0f})")
    print(f"{'memory of client':<24}{watched['client'][0].most / 2**20:8.0f} MB at most")
    print(f"{'time':<24}{wall:8.1f} s for {tasks} tasks, {tasks / wall:.0f} a second")
    return 0 if overhead <= MS_A_TASK and memory <= SCHEDULER_MB else 1


def _cpu(watched: dict[str, list[Watch]]) -> dict[str, float]:
    return {name: sum(watch.cpu() for watch in watches) for name, watches in watched.items()}


def _through(cluster: Cluster, tasks: int, window: int) -> None:
    given = done = 0
    while done < tasks:
        while given < tasks and cluster.unfinished < window:
            cluster.give(("GK.KS.1987.01", f"capture {given:06}"))
            given += 1
        done += len(cluster.results())


@contextlib.contextmanager
def _looking(*watches: Watch) -> Iterator[None]:
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            for watch in watches:
                watch.look()

    thread = threading.Thread(target=look)
    thread.start()
    yield
    over.set()
    thread.join()


@contextlib.contextmanager
def _dask(workers: int) -> Iterator[tuple[str, int, list[int]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = _started("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    crew = [
        _started("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        for _ in range(workers)
    ]
    try:
        yield address, scheduler.pid, [worker.pid for worker in crew]
    finally:
        for process in (*crew, scheduler):
            process.terminate()
            process.wait()


def _started(program: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", f"distributed.cli.{program}", *arguments], stderr=subprocess.DEVNULL)


def _children(pid: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(pid).children()]


if __name__ == "__main__":
    from benchmarks import scheduler  # whose job the workers find by this name, and not as that of __main__

    sys.exit(scheduler.main())
