"""A batch on Dask's workers over a store far away, with all that happens there: it ends as one on this machine does.

One scheduler, two workers and one S3 server serve all tests; between them and the server stands a proxy that makes faults.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

import settings
from batch.local import Limits
from province.batch import carry_out, plan
from province.job import Job
from province.storage import open_storage
from tests.province.conftest import BOOKS, Inline, tree
from tests.province.made_up import Poisoned
from tests.province.servers import FaultProxy, in_environment, s3_environment, s3_server  # noqa: F401

pytest.importorskip("distributed")
pytest.importorskip("moto")
psutil = pytest.importorskip("psutil")
ROOT = Path(__file__).parents[2]
RESULTS = ("packages", "pages", "books")
LIMITS = Limits(seconds=60, memory_mb=2000)


class Faults:
    """What goes wrong on the way to the server, as a test says: `burst` so many requests of every so many are refused."""

    every = burst = 0

    def __call__(self, number, method):
        return "503" if self.every and number % self.every < self.burst else ""


@pytest.fixture(scope="module")
def far(s3_server, folder_source):  # noqa: F811
    """A book of three captures in an S3 store behind the proxy: `url`, `faults`, `requests`, and the `images`."""
    faults = Faults()
    with FaultProxy(s3_server.endpoint, faults) as proxy, in_environment(s3_environment(proxy.endpoint)):
        source = open_storage(f"{s3_server.url}/source")
        images = {path.name: path.read_bytes() for path in sorted(folder_source.rglob("*.jpg"))[:3]}
        for name, data in images.items():
            source.write(f"{BOOKS[0]}/{name}", data)
        yield SimpleNamespace(url=s3_server.url, faults=faults, requests=proxy.requests, images=images)


@pytest.fixture(scope="module")
def dask(far):
    """Two workers of this machine, and what starts them again."""
    import dask
    from distributed import LocalCluster

    from batch.ourdask import LOCAL

    with dask.config.set(LOCAL), LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", memory_limit=0,
                                              dashboard_address=None, silence_logs=60) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def expected(far):
    """What this machine makes of the book far away."""
    dest = f"{far.url}/expected"
    job = Job(open_storage(f"{far.url}/source"), open_storage(dest), settings.load())
    assert carry_out(job, plan(job), lambda: Inline(job), lambda _: None).troubles == []
    return files(dest)


def files(url):
    storage = open_storage(url)
    return {entry.name: storage.read(entry.name) for folder in RESULTS for entry in storage.list(folder)}


def recipes(made):
    return {file for file in made if "/recipes/" in file}


def on_dask(dask, source, dest, make=Job, tell=lambda _: None):
    """A batch on the two workers."""
    from batch.cluster import Cluster

    job = make(open_storage(source), open_storage(dest), settings.load())
    return carry_out(job, plan(job), partial(Cluster, job, scheduler=dask.scheduler_address, limits=LIMITS), tell)


def pids(dask):
    return {nanny.process.pid for nanny in dask.workers.values()}


def test_a_worker_is_killed_and_the_result_is_that_of_one_machine(far, dask, expected):
    def tell(happening):
        if happening.kind == "developed" and not killed:
            killed.append(next(iter(pids(dask))))
            os.kill(killed[0], getattr(signal, "SIGKILL", signal.SIGTERM))

    killed, before = [], pids(dask)
    tally = on_dask(dask, f"{far.url}/source", f"{far.url}/killed", tell=tell)
    assert killed[0] in before
    assert (tally.packed, tally.pages, tally.troubles) == (1, tally.packed_pages, [])
    assert files(f"{far.url}/killed") == expected
    wait_for(lambda: len(pids(dask) - set(killed)) == 2)


def test_a_poisoned_image_costs_itself_and_no_worker(far, dask, expected):
    name, data = min(far.images.items())
    poison, before = hashlib.sha256(data).hexdigest()[:8], pids(dask)
    tally = on_dask(dask, f"{far.url}/source", f"{far.url}/poisoned", partial(Poisoned, poison=poison))
    assert [(item.book, item.name, item.code) for item in tally.troubles] == [(BOOKS[0], name, "worker_died")]
    assert (tally.developed, tally.packed) == (2, 1)
    assert pids(dask) == before
    assert recipes(files(f"{far.url}/poisoned")) == {file for file in recipes(expected) if f"/{poison}" not in file}


def test_a_store_that_is_busy_in_bursts_costs_time_and_nothing_else(far, expected):
    job = Job(open_storage(f"{far.url}/source"), open_storage(f"{far.url}/busy"), settings.load())
    before = len(far.requests)
    with busy(far.faults):
        tally = carry_out(job, plan(job), lambda: Inline(job), lambda _: None)
    assert sum(fault == "503" for _, _, fault in far.requests[before:]) > 10
    assert (tally.packed, tally.troubles) == (1, [])
    assert files(f"{far.url}/busy") == expected


@contextmanager
def busy(faults):
    """Two of eleven requests are refused, one after the other."""
    faults.every, faults.burst = 11, 2
    yield
    faults.every = faults.burst = 0


def test_the_command_killed_twice_goes_on_to_the_same_end(folder_source, finished, tmp_path):
    dest = tmp_path / "dest"
    for _ in range(2):  # each time it has one capture more
        with command(folder_source, dest) as process:
            kinds = iter(json.loads(line)["event"] for line in process.stdout)
            assert "developed" in kinds
            end_all(process)
    with command(folder_source, dest) as process:
        events = [json.loads(line) for line in process.stdout]
        assert process.wait(60) == 0
    assert events[0] == {"event": "planned", "books": 2, "finished": 0, "images": 4}
    assert events[-1]["event"] == "summary"
    assert (events[-1]["packed"], events[-1]["troubles"]) == (2, 0)
    assert events[-1]["known"] >= 1, "what was developed before the command was killed is not developed again"
    assert sum(event["event"] == "developed" for event in events) == events[-1]["developed"]
    assert tree(dest, *RESULTS) == tree(finished, *RESULTS)


@contextmanager
def command(source, dest):
    words = [sys.executable, str(ROOT / "sohoa.py"), "batch", str(source), "--out", str(dest), "--jobs", "1", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
                               env={**os.environ, "PYTHONUTF8": "1"})
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def end_all(process):
    """The program and its workers, at once."""
    everything = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in everything:
        one.kill()
    process.wait()
    psutil.wait_procs(everything, timeout=10)


def wait_for(what, seconds=60):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.1)
