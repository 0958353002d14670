"""The daemon as an operator uses it: folders, books, status, packages, a clean stop, and one program a store."""

import hashlib
import io
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
ONE, TWO = "KH.1990.14800.01", "KS.2009.14800.02"
QUICK = "watch:\n  quiet_s: 0.3\n  longest_s: 1\n  patience_s: 2\n  scan_s: 2\n  poll_s: 0.5\n  min_free_mb: 0\n"


def png(seed, size=(40, 30)):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


class Watch:
    """A running `sohoa watch`; its log lines come one by one."""

    def __init__(self, folder, *options, config=QUICK, **environment):
        (folder / "own.yaml").write_text(config, encoding="utf-8")
        self.store = folder / "store"
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "sohoa.py"), "--config", str(folder / "own.yaml"), "watch", "--store",
             str(self.store), *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1", **environment})
        self.lines, self.seen = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.put(line)
        self.lines.put("")

    def wait_for(self, event, times=1, seconds=60):
        """The facts of the line with which that event has come `times` times."""
        deadline = time.monotonic() + seconds
        while True:
            line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line, f"ended without {event}"
            facts = json.loads(line)
            self.seen.append(facts)
            times -= facts["event"] == event
            if not times:
                return facts

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def status(sohoa, store):
    ran = sohoa("status", "--store", store, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_day_at_a_station(small_pages, sohoa, tmp_path):
    inbox = tmp_path / "inbox"
    (inbox / ONE).mkdir(parents=True)
    (inbox / "notes.txt").write_text("no image")
    assert sohoa("books", "add", ONE, "--store", tmp_path / "store", "--pages", 9).returncode == 0
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("started")
        images = sorted(small_pages.iterdir(), key=lambda path: int(path.stem[4:]))
        for path in reversed(images[:3]):
            shutil.copy(path, inbox / ONE)
        shutil.copy(images[3], inbox)
        (inbox / "half.jpg").write_bytes(images[0].read_bytes()[:9000])
        watch.wait_for("developed", 4)
        watch.wait_for("set_aside")
        time.sleep(2.5)  # the next beat and sync
        found = status(sohoa, watch.store)
        assert found["running"]
        assert found["books"] == {ONE: {"developed": 3}}
        assert (found["unsorted"], found["waiting"]) == (1, 0)
        assert [(item["file"], item["code"]) for item in found["set_aside"]] == [("half.jpg", "truncated")]
        assert sorted(path.name for path in inbox.rglob("*") if path.is_file() and "_da_nhan" not in path.parts) == [
            "half.jpg", "notes.txt"]
        moved = [inbox / "_da_nhan" / ONE / path.name for path in images[:3]]
        assert [path.read_bytes() for path in moved] == [path.read_bytes() for path in images[:3]]

        words = sohoa("status", "--store", watch.store).stdout
        assert "half.jpg" in words and ONE in words and "chưa rõ" in words
        assert sohoa("books", "assign", TWO, "all", "--store", watch.store).returncode == 0
        listed = json.loads(sohoa("books", "list", "--store", watch.store, "--json").stdout)
        assert {line["book"]: line["captures"] for line in listed} == {ONE: 3, TWO: 1, "unsorted": 0}
        packed = sohoa("pack", ONE, "--store", watch.store, "--json")
        assert packed.returncode == 0, packed.stderr
        pages = json.loads(packed.stdout)["pages"]
        assert [page["file"].split("/")[-1] for page in pages] == ["IMG_4.jpg"] * 2 + ["IMG_8.jpg"] * 2 + ["IMG_12.jpg"]
        assert sohoa("verify", watch.store / "packages" / ONE).returncode == 0
        assert "còn thiếu 4" in sohoa("books", "state", ONE, "--store", watch.store).stdout
        start = time.monotonic()
        assert watch.stop() == 0
        assert time.monotonic() - start < 10
    assert not status(sohoa, watch.store)["running"]
    assert "half" not in "".join(json.dumps(line) for line in watch.seen)  # a file's name may be a person's


def test_the_log_names_no_files_and_the_originals_are_as_they_came(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("started")
        data = png(1)
        (inbox / "Nguyễn Thị Mẫu.png").write_bytes(data)
        watch.wait_for("received")
        watch.stop()
    sha256 = hashlib.sha256(data).hexdigest()
    assert (watch.store / "originals" / sha256[:2] / f"{sha256}.png").read_bytes() == data
    assert "Mẫu" not in json.dumps(watch.seen, ensure_ascii=False)


@pytest.mark.parametrize("after, left", [("leave", True), ("remove", False)])
def test_what_becomes_of_the_source_is_a_setting(tmp_path, after, left):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    config = f"{QUICK}  after: {after}\n"
    with Watch(tmp_path, "--inbox", inbox, config=config) as watch:
        watch.wait_for("started")
        (inbox / "a.png").write_bytes(png(1))
        watch.wait_for("received")
        (inbox / "b.png").write_bytes(png(2))
        watch.wait_for("received")
        watch.stop()
    assert (inbox / "a.png").exists() == (inbox / "b.png").exists() == left
    with Watch(tmp_path, "--inbox", inbox, config=config) as watch:  # nothing is received again
        watch.wait_for("started")
        (inbox / "c.png").write_bytes(png(3))
        watch.wait_for("received")
        watch.stop()
    lines = (watch.store / "books" / "unsorted.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a.png", "b.png", "c.png"]


def test_a_folder_that_goes_away_and_comes_back_is_watched_again(tmp_path):
    inbox, away = tmp_path / "inbox", tmp_path / "away"
    inbox.mkdir()
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("started")
        inbox.rename(away)
        watch.wait_for("folder_away")
        (away / "a.png").write_bytes(png(1))
        away.rename(inbox)
        watch.wait_for("received")
        (inbox / "b.png").write_bytes(png(2))
        watch.wait_for("received")
        assert watch.stop() == 0


def test_a_second_program_on_the_same_store_is_told_so(tmp_path, sohoa):
    with Watch(tmp_path) as watch:
        watch.wait_for("started")
        second = sohoa("watch", "--store", watch.store)
        assert second.returncode == 75
        assert "sohoa" in second.stderr
        watch.stop()


def test_a_lost_journal_is_made_again(tmp_path, sohoa):
    inbox = tmp_path / "inbox"
    (inbox / ONE).mkdir(parents=True)
    for number in range(3):
        (inbox / ONE / f"{number}.png").write_bytes(png(number, (300, 220)))
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("developed", 3)
        watch.stop()
    before = status(sohoa, watch.store)
    (watch.store / "journal.sqlite").write_bytes(b"noise" * 999)
    with Watch(tmp_path, "--inbox", inbox) as watch:
        assert watch.wait_for("started")["journal_rebuilt"]
        time.sleep(1)
        watch.stop()
    after = status(sohoa, watch.store)
    assert after["books"] == before["books"] == {ONE: {"developed": 3}}


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="systemd's socket is a Unix one")
def test_systemd_is_told_of_readiness_life_and_end(tmp_path):
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.settimeout(20)
        with Watch(tmp_path, NOTIFY_SOCKET=str(address)) as watch:
            said = [channel.recv(99)]
            while b"READY=1" not in said:
                said.append(channel.recv(99))
            while said[-1] != b"WATCHDOG=1":
                said.append(channel.recv(99))
            watch.stop()
            while b"STOPPING=1" not in said:
                said.append(channel.recv(99))


def test_an_inbox_within_the_store_is_refused(sohoa, tmp_path):
    ran = sohoa("watch", "--store", tmp_path / "s", "--inbox", tmp_path / "s" / "originals")
    assert ran.returncode == 66
    assert "originals" in ran.stderr


def test_a_source_that_cannot_be_moved_does_not_stop_the_station(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "_da_nhan").write_text("a file stands where the folder should be")
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("started")
        (inbox / "a.png").write_bytes(png(1))
        assert watch.wait_for("source_stays")["code"]
        (inbox / "b.png").write_bytes(png(2))
        watch.wait_for("received")
        assert watch.stop() == 0
    assert (inbox / "a.png").exists()


def test_without_a_store_it_says_what_to_do(sohoa):
    ran = sohoa("watch")
    assert ran.returncode == 66
    assert "--store" in ran.stderr
    assert sohoa("status", "--store", "nowhere").returncode == 74
