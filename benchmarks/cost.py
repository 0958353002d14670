"""Cost of developing A3 spreads at 300 dpi against the floor: decode + one warp + encode of the same files.

    python -m benchmarks.cost [--count 6] [--seed 1]

Prints CPU seconds a spread (user and system, of the process that does the work and its children), the ratio to the
floor measured in the same run, where the time goes, and the peak memory of a worker. The floor is measured in a
process of its own, as the work is, and neither counts the start of Python.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import pkgutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

A3_AT_300 = (4960, 3508)
QUALITY = 85


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=6, help="made-up spreads")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = in_process(make_spreads, Path(folder), chosen.count, chosen.seed)
        floor = in_process(floor_of, files)
        work = in_process(work_of, files, Path(folder) / "out")
        job = whole_job(files, Path(folder) / "job")
        size = sum(path.stat().st_size for path in files) / len(files) / 1e6
    print(f"{len(files)} spreads, {size:.1f} MB each")
    print(f"{'':34}{'CPU s a spread':>16}{'× floor':>10}{'peak MB':>10}")
    row("decode + one warp + encode (floor)", floor, floor)
    row("developing, both encodings", work, floor)
    print(f"{'whole job, packages and all workers':34}{job:16.3f}{job / floor[0]:10.2f}{'':>10}")
    print("where it goes, median ms a spread: " + ", ".join(f"{name} {1000 * value:.0f}" for name, value in work[2]))


def row(name: str, measured, floor) -> None:
    print(f"{name:34}{measured[0]:16.3f}{measured[0] / floor[0]:10.2f}{measured[1]:10.0f}")


def make_spreads(folder: Path, count: int, seed: int) -> list[Path]:
    """Made-up ledger spreads at 300 dpi."""
    from samples.generate import generate

    generate(folder / "in", count=count, seed=seed, era="ledger", device="dark bed", dpi=300)
    return sorted((folder / "in").rglob("*.jpg"))


def in_process(function, *arguments):
    """Run in a fresh process: (CPU s a file, peak MB, details)."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(function, arguments)


def floor_of(files: list[Path]):
    import cv2
    import numpy as np
    import simplejpeg

    cv2.setNumThreads(1)
    turn = cv2.getRotationMatrix2D((A3_AT_300[0] / 2, A3_AT_300[1] / 2), 1.0, 1.0)
    matrix = np.vstack([turn, [0, 0, 1]])
    spent = []
    for path in files:
        data = path.read_bytes()
        start = time.process_time()
        pixels = simplejpeg.decode_jpeg(data)
        height, width = pixels.shape[:2]
        warped = cv2.warpPerspective(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)
        simplejpeg.encode_jpeg(warped, QUALITY)
        spent.append(time.process_time() - start)
    return statistics.median(spent), peak_mb(), ()


def work_of(files: list[Path], out: Path):
    import cv2

    cv2.setNumThreads(1)
    from book import Identity
    from developing import develop, plan
    from pipeline import receive
    from settings import load
    from workplace import Workplace

    settings, identity, workplace = load(), Identity("KH", 1994, "14800", 3), Workplace(out)
    receive(files, workplace, identity, settings, lambda *_: None)
    tasks = plan(workplace, identity, settings, workplace.log(str(identity)).state())
    spent = []
    for task in tasks:
        start = time.process_time()
        develop(task)
        spent.append(time.process_time() - start)
    return statistics.median(spent), peak_mb(), stage_times(tasks[0])


def stage_times(task):
    """CPU seconds of each part of developing one capture."""
    from dataclasses import replace
    from unittest import mock

    import imaging.stages as stages
    from developing import develop

    spent: dict[str, float] = {}

    def timed(name, function):
        def run(*args, **kwargs):
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] = spent.get(name, 0.0) + time.process_time() - start

        return run

    def timed_stages(some):
        return tuple(replace(stage, decide=timed(f"decide {stage.name}", stage.decide)) for stage in some)

    parts = {"imaging.opening.decode": "decode", "imaging.stages.render": "render", "bookpack.layers.small_page":
             "ministry layers", "bookpack.jpeg.archive_jpeg": "archive JPEG"}
    with contextlib.ExitStack() as stack:
        for name in ("OF_CAPTURE", "OF_PAGE"):
            stack.enter_context(mock.patch.object(stages, name, timed_stages(getattr(stages, name))))
        for place, name in parts.items():
            stack.enter_context(mock.patch(place, timed(name, pkgutil.resolve_name(place))))
        tone = replace(stages.tone.STAGE, tone=timed("tone pixels", stages.tone.STAGE.tone))
        stack.enter_context(mock.patch.object(stages.tone, "STAGE", tone))
        develop(task)
    return tuple(spent.items())


def whole_job(files: list[Path], out: Path) -> float:
    """CPU seconds a spread of `sohoa process` as a whole, its start and its workers included."""
    import os
    import subprocess

    before = os.times()
    subprocess.run([sys.executable, "sohoa.py", "process", *map(str, files), "--book", "KH.1994.14800.03",
                    "--out", str(out), "--json"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) / len(files)


def peak_mb() -> float:
    """Peak memory of this process, MB; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
