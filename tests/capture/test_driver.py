"""What a driver's process is and does, whatever the driver: its streams, its Python, what it leaves behind."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from capture.driver import Driver, DriverGone
from capture.line import Work

SAYS = """
import os, stat, subprocess, sys
from capture.line import Line

line = Line()
order = line.order()
{}
line.end()
os._exit(0)
"""


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Make a worker that does `lines` with its `line` and its `order`; the name of its module."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def made(lines):
        (tmp_path / "made_worker.py").write_text(SAYS.format(lines), encoding="utf-8")
        return "made_worker"

    return made


def said(module, python=None):
    with Driver(module, {"do": "x"}, python) as driver:
        return {key: value for message in driver.messages(20, {}) for key, value in message.items()}


def test_a_program_that_a_driver_leaves_behind_holds_nothing_up(worker):
    module = worker("""
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # it has the error stream of this one
line.say(pid=left.pid)
""")
    heard = []
    session = threading.Thread(target=lambda: heard.append(said(module)), daemon=True)
    session.start()
    session.join(60)
    try:
        assert heard
        assert heard[0]["end"]
    finally:
        for message in heard:
            os.kill(message["pid"], signal.SIGTERM)


def test_a_library_that_asks_about_the_standard_streams_meets_no_pipe_that_is_being_read(worker):
    """Windows lets it wait until the reading ends: for ever."""
    module = worker("""
line.say(input_is_nothing=stat.S_ISCHR(os.fstat(0).st_mode))
if os.name == "nt":
    import ctypes
    kernel = ctypes.WinDLL("kernel32")
    kernel.GetStdHandle.restype = ctypes.c_void_p
    kernel.GetFileType.argtypes = (ctypes.c_void_p,)
    line.say(kinds=[kernel.GetFileType(kernel.GetStdHandle(which)) for which in (-10, -11)])
""")
    heard = said(module)
    assert heard["input_is_nothing"]
    if os.name == "nt":
        assert heard["kinds"] == [2, 3]  # a device, and the pipe of the error stream


def test_what_is_set_for_this_python_leads_no_other_one_astray(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    with pytest.raises(DriverGone) as gone, Driver("capture.sane.worker", {"do": "?"}, Path(sys.executable)) as driver:
        list(driver.messages(20, {}))
    assert gone.value.facts == {"exit": 0, "reason": ""}  # it began, and knew no such order


def test_what_a_driver_prints_is_read_as_it_was_meant(worker, monkeypatch):
    monkeypatch.setenv("PYTHONUTF8", "0")
    assert said(worker("line.say(utf8=sys.flags.utf8_mode)"))["utf8"] == 1


def test_noise_of_the_clock_is_no_sign_of_life_and_slow_work_is():
    asleep = Work(tick=0.02, beats=10)
    noise = [asleep.told(0.5 + 0.001 * beat) for beat in range(200)]  # a fifth of a second in a hundred
    assert set(noise) == {0.5}
    slow = Work(tick=0.02, beats=10)
    signs = [slow.told(0.5 + 0.005 * beat) for beat in range(200)]  # one percent of a processor
    assert all(later > before for before, later in zip(signs, signs[10:], strict=False))


def test_a_clock_without_ticks_tells_all_work():
    assert [Work(tick=0.0).told(used) for used in (0.0, 1e-6, 0.25)] == [0.0, 1e-6, 0.25]
