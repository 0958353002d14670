"""A station that runs is found again by other programs of the same person, and ends when they ask, without a signal."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from errors import StorageFailed
from station import running
from workplace import Workplace

ROOT = Path(__file__).parents[2]
QUIET = "page:\n  port: 0\n  open: false\n"


def _sohoa(folder, *words, **environment):
    return [sys.executable, str(ROOT / "sohoa.py"), "--config", str(folder / "own.yaml"), *words, "--store",
            str(folder / "store")], {**os.environ, "PYTHONUTF8": "1", **environment}


def _run(folder, *words, **environment):
    command, environment = _sohoa(folder, *words, **environment)
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60)


def test_a_second_start_opens_the_page_of_the_first_and_an_order_ends_it(tmp_path):
    (tmp_path / "own.yaml").write_text(QUIET, encoding="utf-8")
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{seen}"\n', encoding="utf-8")
    browser.chmod(0o755)
    command, environment = _sohoa(tmp_path, "watch")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          encoding="utf-8") as first:
        address = first.stdout.readline().split()[-1]
        note = tmp_path / "store" / running.NOTE
        assert running.running(Workplace(tmp_path / "store")).address == address
        if os.name == "posix":
            assert note.stat().st_mode & 0o077 == 0
            second = _run(tmp_path, "watch", "--open", BROWSER=f"{browser} %s")
            assert second.returncode == 75
            assert seen.read_text(encoding="utf-8").strip() == address
        ended = _run(tmp_path, "stop")
        assert (ended.returncode, first.wait(20)) == (0, 0)
    assert not note.exists()
    assert _run(tmp_path, "stop").returncode == 0  # nothing to do


def test_only_the_word_of_the_note_ends_a_station(tmp_path):
    workplace, stop = Workplace(tmp_path), threading.Event()
    with running.noted(workplace, "http://127.0.0.1:1/", stop):
        (tmp_path / running.WISH).write_text("another word", encoding="utf-8")
        assert not stop.wait(1.2)
        (tmp_path / running.WISH).write_text(running.running(workplace).word, encoding="utf-8")
        assert stop.wait(5)
    assert not (tmp_path / running.WISH).exists()


def test_a_station_that_ends_leaves_the_note_of_the_next_one(tmp_path):
    workplace, next_one = Workplace(tmp_path), running.Running("http://127.0.0.1:2/")
    with running.noted(workplace, "http://127.0.0.1:1/", threading.Event()):
        running._write(workplace, next_one)
    assert running.running(workplace) == next_one


def test_one_that_does_not_end_is_told_as_such(tmp_path):
    workplace = Workplace(tmp_path)
    with workplace.store.lock(), running.noted(workplace, "", threading.Event()):
        assert not running.end(workplace, 0.3)
    assert running.end(workplace, 0.3)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"address": "a", "word": "b", "more": 1}'])
def test_a_damaged_note_is_no_note(tmp_path, text):
    (tmp_path / running.NOTE).write_text(text, encoding="utf-8")
    assert running.running(Workplace(tmp_path)) is None


def test_a_disk_that_fails_keeps_no_station_from_running_and_the_note_follows(tmp_path, monkeypatch):
    tries, write = [], running.write_private

    def failing(path, data):
        tries.append(path)
        if len(tries) < 3:
            raise StorageFailed("disk_failed", path=str(path), reason="EIO")
        write(path, data)

    monkeypatch.setattr(running, "write_private", failing)
    monkeypatch.setattr(running, "LOOK_S", 0.01)
    place, stop = Workplace(tmp_path), threading.Event()
    with running.noted(place, "http://127.0.0.1:1/", stop):
        while (here := running.running(place)) is None:
            pass
        assert (len(tries), here.address) == (3, "http://127.0.0.1:1/")
        (tmp_path / running.WISH).write_text(here.word, encoding="utf-8")
        assert stop.wait(20)
    assert running.running(place) is None
