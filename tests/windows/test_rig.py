"""The tests' Windows is one: what Python says of it, and that nothing of it outlives its time."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.windows import rig
from tests.windows.suite import Ran

TOLD = """
import os, sys, time, numpy
print(os.name, sys.getwindowsversion().major, time.localtime(0).tm_hour, numpy.exp(1j).real > 0.5, sys.argv[1], 'Hộ tịch')
"""


def alive(folder):
    """Programs of a prefix that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"WINEPREFIX={folder}".encode() in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


def test_it_is_windows_10_in_vietnam(windows, tmp_path):
    told = windows.python("-c", TOLD, tmp_path, NAME="x")
    assert told.stdout.split(" ", 5) == ["nt", "10", "7", "True", rig.windows_path(tmp_path), "Hộ tịch\n"], told.stderr


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    if reason := rig.lacking():
        pytest.skip(reason)
    asleep = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with rig.Windows(tmp_path) as windows:
        with pytest.raises(subprocess.TimeoutExpired):
            windows.python("-c", asleep, timeout=3)
        assert windows.python("-c", "print(1)").stdout == "1\n"
        assert alive(windows.prefix)
    deadline = time.monotonic() + 20
    while alive(windows.prefix) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(windows.prefix) == []


def test_what_is_made_is_not_made_again(windows):
    before = os.stat(rig.PYTHON)
    assert rig.made() == rig.PYTHON / "python.exe"
    assert os.stat(rig.PYTHON).st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(("code", "out", "counts", "wrong"), [
    (0, "..\nSKIPPED [2] tests/a.py:3: Wine x\n3 passed, 2 skipped in 1.2s\n", {"passed": 3, "skipped": 2}, ()),
    (1, "FAILED tests/a.py::b - C\n1 failed, 1 passed in 1s", {"failed": 1, "passed": 1}, ("FAILED tests/a.py::b - C",)),
    (2, "ERROR tests/a.py\n1 error in 8s", {"error": 1}, ("ERROR tests/a.py",)),
    (5, "no tests ran in 0s", {}, ()),
    (1, "Timeout >180s", {"error": 1}, ("a: ended with 1: Timeout >180s",)),
])
def test_what_pytest_said_is_counted(code, out, counts, wrong):
    ran = Ran.of("a", code, out)
    assert (dict(ran.counts), ran.wrong) == (counts, wrong)
    assert dict(ran.skipped) == ({"Wine x": 2} if "Wine" in out else {})
