"""Dask as it is used here: kept quiet, and as a cluster that is started on this machine."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from errors import ExitCode, SohoaError

WITH_WORKERS_GONE = 10_000  # the local scheduler never gives a task up because its workers were killed
LOCAL = {
    "distributed.scheduler.allowed-failures": WITH_WORKERS_GONE,
    "distributed.scheduler.work-stealing": False,  # tasks wait with the scheduler until a worker is free
    "distributed.worker.profile.enabled": False,  # would look a hundred times a second at a thread that only waits
    "distributed.scheduler.active-memory-manager.start": False,
}
QUIET = dict.fromkeys(("distributed", "distributed.client", "distributed.gc", "bokeh", "tornado", "tornado.application"), 60)


class NoCluster(SohoaError):
    """The extra `cluster` is not installed."""

    exit_code = ExitCode.BAD_CONFIG


def be_quiet() -> None:
    """Dask tells of every worker that is lost; here that is daily work, and what matters is told in other words."""
    import logging
    import warnings

    try:
        import dask

        with dask.config.set({"logging": QUIET}):
            import distributed  # noqa: F401
    except ImportError as error:
        raise NoCluster("cluster_needs_extra", missing=error.name) from error
    from distributed.versions import VersionMismatchWarning

    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    for name in QUIET:
        logging.getLogger(name).setLevel(QUIET[name])


def local_cluster(workers: int) -> Any:
    """A scheduler and worker processes of one thread each, which nobody but this program can talk to."""
    import dask
    from distributed import LocalCluster

    with dask.config.set(LOCAL):
        return LocalCluster(
            n_workers=workers or os.cpu_count() or 1, threads_per_worker=1, host="127.0.0.1", memory_limit=0, security=True,
            dashboard_address="127.0.0.1:0" if find_spec("bokeh") else None, silence_logs=QUIET["distributed"],
            config=LOCAL,  # for workers that are started later
        )


def replace_lost_workers(cluster: Any) -> None:
    """Dask starts a worker again that was killed, but not one that was killed as it started. Runs in Dask's own thread."""
    from distributed import Status

    for name, nanny in list(cluster.workers.items()):
        if nanny.status in (Status.failed, Status.closed):
            del cluster.workers[name]
    if len(cluster.workers) < len(cluster.worker_spec):
        cluster.scale(len(cluster.worker_spec))


def dashboard(client: Any) -> str | None:
    """Where a browser sees the cluster at work, if it has such a page."""
    return client.dashboard_link if "dashboard" in client.scheduler_info(n_workers=0).get("services", {}) else None
