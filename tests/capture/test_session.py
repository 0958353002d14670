"""How the process of a driver ends, whatever happens in it."""

import os

import pytest

from capture.driver import Driver, DriverGone

FAILS = """
import atexit, time
from capture.session import serve

atexit.register(time.sleep, 600)  # what some drivers do when their process ends in the usual way


def load(order):
    raise {}


serve(load)
"""


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """Make a worker in which something raises; the name of its module."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))))

    def made(raised):
        (tmp_path / "failing_worker.py").write_text(FAILS.format(raised), encoding="utf-8")
        return "failing_worker"

    return made


def test_what_nobody_expects_ends_the_process_at_once_and_is_told_as_a_crash(failing):
    with pytest.raises(DriverGone) as gone, Driver(failing("KeyError('odd')"), {"do": "list"}) as driver:
        list(driver.messages(10, {"opening": 5, "listing": 5}))
    assert (gone.value.code, gone.value.facts["reason"]) == ("crashed", "KeyError: 'odd'")


def test_too_little_memory_is_told_as_such(failing):
    with Driver(failing("MemoryError"), {"do": "list"}) as driver:
        heard = [message for message in driver.messages(10, {"opening": 5, "listing": 5}) if "trouble" in message]
    assert heard == [{"trouble": "scanner_memory", "facts": {}}]
