"""A cluster of this machine for all tests of a file, and processes of Dask's own that a test may kill."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from batch.cluster import Cluster
from batch.local import Limits
from tests.batch.work import work

ROOT = Path(__file__).parents[2]
LIMITS = Limits(seconds=20, memory_mb=1000)


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("distributed")
    with Cluster(work, workers=2, limits=LIMITS) as started:
        yield started


def a_port():
    """One that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def dask(program, *arguments, **environment):
    """Start `dask scheduler` or `dask worker`, as by hand on a machine of its own."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments, "--no-dashboard"]
    paths = os.pathsep.join(filter(None, (environment.pop("first", ""), str(ROOT))))
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | environment | {"PYTHONPATH": paths})


@contextmanager
def ended(*processes):
    """Ends what a test has started."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
