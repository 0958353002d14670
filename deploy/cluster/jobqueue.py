"""A batch at a site that hands out its machines by a queue (SLURM, PBS, SGE, LSF, OAR): workers are its jobs.

    python jobqueue.py --site SLURM --jobs 20 --cores 16 --memory 24GB --time 12:00:00 -- sohoa batch SOURCE --out DEST

Needs `pip install dask-jobqueue` beside sohoa, the same installation on all nodes (a shared home will do), and the
certificates of certificates.sh named in ~/.config/dask/sohoa.yaml (dask.yaml in this folder). The scheduler and the command
run where this is started: on a node that may run for as long as the batch takes. Jobs that reach their end are asked for
anew, and what they had in hand is done by others.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

SITES = {"SLURM": "SLURMCluster", "PBS": "PBSCluster", "SGE": "SGECluster", "LSF": "LSFCluster", "OAR": "OARCluster"}


def main() -> int:
    chosen = read(sys.argv[1:])
    with cluster_of(chosen) as cluster:
        if chosen.show:
            print(cluster.job_script())
            return 0
        cluster.adapt(minimum_jobs=chosen.jobs, maximum_jobs=chosen.jobs)  # unlike `scale`, it replaces jobs that ended
        return subprocess.call([*chosen.command, "--engine", "dask", "--scheduler", cluster.scheduler_address])


def read(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--site", choices=SITES, default="SLURM")
    options.add_argument("--jobs", type=int, required=True, help="that run at once")
    options.add_argument("--cores", type=int, required=True, help="of each job: so many images at once")
    options.add_argument("--memory", required=True, help="of each job, for example 24GB: 1.2 GB a core")
    options.add_argument("--time", default="12:00:00", help="after which the site ends a job")
    options.add_argument("--queue", help="or partition")
    options.add_argument("--account", help="who pays")
    options.add_argument("--interface", help="of the network between the nodes, for example ib0")
    options.add_argument("--tmp", default="/tmp", help="a folder on each node's own disk, for copies that are worked on")
    options.add_argument("--show", action="store_true", help="print the script of a job, and do nothing")
    options.add_argument("command", nargs=argparse.REMAINDER, help="-- sohoa batch …, without --engine and --scheduler")
    chosen = options.parse_args(arguments)
    chosen.command = [word for word in chosen.command if word != "--"]
    return chosen


def cluster_of(chosen: argparse.Namespace) -> Any:
    """A scheduler here, and jobs that are not asked for yet."""
    import dask_jobqueue
    from distributed.security import Security

    return getattr(dask_jobqueue, SITES[chosen.site])(
        cores=chosen.cores, processes=1, memory=chosen.memory, walltime=chosen.time, queue=chosen.queue,
        account=chosen.account, interface=chosen.interface, security=Security(require_encryption=True), protocol="tls://",
        local_directory=chosen.tmp, job_script_prologue=[f"export TMPDIR={chosen.tmp}"],
        worker_extra_args=["--memory-limit", "0"],  # sohoa limits its children itself
    )


if __name__ == "__main__":
    sys.exit(main())
