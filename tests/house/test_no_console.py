"""A program that was started without a console (pythonw, a task at log-on) has no streams and works all the same."""

import subprocess
import sys

from tests.conftest import ROOT

WITHOUT = ("import sys; sys.stdin = sys.stdout = sys.stderr = None; sys.path.insert(0, sys.argv.pop(1)); "
           "import sohoa; sohoa.main()")


def run_without(folder, *words):
    command = [sys.executable, "-c", WITHOUT, str(ROOT), *map(str, words)]
    return subprocess.run(command, cwd=folder, timeout=120, stdin=subprocess.DEVNULL).returncode


def test_a_command_does_its_work_without_streams(tmp_path, small_pages):
    assert run_without(tmp_path, "clean", small_pages / "IMG_12.jpg", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "IMG_12.png").stat().st_size > 1000


def test_a_failure_that_nobody_reads_has_its_exit_code(tmp_path):
    assert run_without(tmp_path, "clean", tmp_path / "none.jpg", "--out", tmp_path / "out") == 65
