"""A batch over many books measured: what a cluster costs, what it survives, and whether a province's numbers hold.

    python -m benchmarks.province NAME... [--captures N] [--times N] [--every S] [--spreads FOLDER] [--json]

engines    CPU a page on Dask's workers over that of `local`, and two workers over one; A3 spreads on disk (60)
killed     A3 spreads over an S3 server, a worker killed every 10 s, compared with `local` byte for byte (500)
poisoned   one capture in so many kills whoever develops it; and one wants more memory than it may have (100)
stopped    the command killed at random moments and started again, on both engines (20 times)
restarted  the scheduler killed and started again in mid-run, twice (40 small captures)
facts      a simulation without pixels: what the scheduler, the client and the index cost (100,000)
index      the same index over an S3 server, and what it comes to for 100,000 (2,000)

Every image is made up. `--captures` (and for `stopped` `--times`) takes another number than the full one; `--spreads` keeps
made-up spreads for the next time. The exit status is 1 where a goal is missed. Of `killed` and `index` mind that the
server is a program in Python on the same cores; what it takes is told beside. Wants Linux, moto and the extra `cluster`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import province_facts, province_runs

MEASUREMENTS = {
    "engines": (province_runs.engines, 60), "killed": (province_runs.killed, 500), "poisoned": (province_runs.poisoned, 100),
    "stopped": (province_runs.stopped, 24), "restarted": (province_runs.restarted, 40),
    "facts": (province_facts.facts, 100_000), "index": (province_facts.index, 2000),
}


@dataclass(frozen=True)
class Options:
    """What the measurements are told: `captures`, how many `times` to stop, kill `every` so many seconds."""

    captures: int
    times: int
    every: float
    spreads: Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=MEASUREMENTS, metavar="NAME")
    parser.add_argument("--captures", type=int, help="instead of the full number")
    parser.add_argument("--times", type=int, default=20, help="that the command is stopped")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two workers killed")
    parser.add_argument("--spreads", type=Path, help="folder for made-up spreads")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    missed = 0
    for name in chosen.names:
        missed += measure(name, chosen)
    return 1 if missed else 0


def measure(name: str, chosen: argparse.Namespace) -> int:
    """Print one table; how many goals are missed."""
    function, full = MEASUREMENTS[name]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="province-") as folder:
        options = Options(chosen.captures or full, chosen.times, chosen.every, chosen.spreads or Path(folder) / "spreads")
        figures = function(Path(folder), options)
    missed = sum(figure.missed for figure in figures)
    if chosen.json:
        told = {"name": name, "captures": options.captures, "seconds": round(time.monotonic() - started), "missed": missed,
                "figures": [asdict(figure) for figure in figures]}
        print(json.dumps(told, ensure_ascii=False), flush=True)
        return missed
    print(f"{name}: {options.captures} captures, {time.monotonic() - started:.0f} s in all")
    print("\n".join(f"  {figure}" for figure in figures), flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
