"""Killed at any moment and run again, the result is that of one undisturbed run, byte for byte."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOK = "KH.1990.14800.01"
KILLS = 5

pytestmark = pytest.mark.skipif(os.name == "nt", reason="process groups are killed in another way on Windows")


@pytest.fixture(scope="module")
def two_pages(small_pages, tmp_path_factory):
    """A spread and a single page: files of every kind are written."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("IMG_8.jpg", "IMG_12.jpg"):
        shutil.copy(small_pages / name, folder)
    return folder


def start(pages, out):
    """The program in a process group of its own, so that its workers die with it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "sohoa.py"), "process", str(pages), "--book", BOOK, "--out", str(out), "--jobs", "2"],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def hashes(folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def kill_when(run, folder, files):
    """Kill the run as soon as `files` files lie below `folder`, temp files too; False when it ended before."""
    while run.poll() is None:
        if sum(1 for path in folder.rglob("*") if path.is_file()) >= files:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return True
        time.sleep(0.001)
    return False


def test_kills_give_what_one_run_gives(two_pages, tmp_path):
    assert start(two_pages, tmp_path / "once").wait(timeout=300) == 0
    often, steps, killed, files = tmp_path / "often", random.Random(20), 0, 1
    for _ in range(KILLS):
        often.mkdir(exist_ok=True)
        killed += kill_when(start(two_pages, often), often, files)
        files = 1 + sum(1 for path in often.rglob("*") if path.is_file()) + steps.randrange(6)
    assert killed == KILLS
    assert start(two_pages, often).wait(timeout=300) == 0
    for part in ("originals", "pages", "packages", "books"):
        assert hashes(often / part) == hashes(tmp_path / "once" / part), part
