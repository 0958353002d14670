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
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
ONE, TWO = "KH.1990.14800.01", "KS.2009.14800.02"
QUICK = ("page:\n  port: 0\n"
         "watch:\n  quiet_s: 0.3\n  longest_s: 1\n  patience_s: 2\n  scan_s: 2\n  poll_s: 0.5\n  min_free_mb: 0\n")


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
        self.lines, self.seen, self.claimed = queue.Queue(), [], Counter()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.put(line)
        self.lines.put("")

    def wait_for(self, event, times=1, seconds=60):
        """The facts of the line with which that event has come `times` times more than was waited for before."""
        deadline = time.monotonic() + seconds
        self.claimed[event] += times
        while True:
            found = [facts for facts in self.seen if facts["event"] == event]
            if len(found) >= self.claimed[event]:
                return found[self.claimed[event] - 1]
            line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line, f"ended without {event}"
            self.seen.append(json.loads(line))

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


def test_the_same_bytes_from_two_folders_under_three_names_are_one_original(tmp_path):
    folders = [tmp_path / "scanner", tmp_path / "phone"]
    for folder in folders:
        (folder / ONE).mkdir(parents=True)
    with Watch(tmp_path, "--inbox", folders[0], "--inbox", folders[1]) as watch:
        watch.wait_for("started")
        for path in (folders[0] / ONE / "a.png", folders[1] / ONE / "b.png", folders[1] / ONE / "c.png"):
            path.write_bytes(png(1))
        watch.wait_for("received", 3)
        assert watch.stop() == 0
    assert len(list((watch.store / "originals").rglob("*.png"))) == 1
    events = [json.loads(line) for line in (watch.store / "books" / f"{ONE}.jsonl").read_text("utf-8").splitlines()]
    assert sorted(event["name"] for event in events if event["event"] == "received") == [
        f"{ONE}/a.png", f"{ONE}/b.png", f"{ONE}/c.png"]


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


def test_a_copy_of_a_log_that_somebody_made_beside_it_is_no_book(small_pages, sohoa, tmp_path):
    inbox, store = tmp_path / "inbox", tmp_path / "store"
    (inbox / ONE).mkdir(parents=True)
    shutil.copy(next(small_pages.iterdir()), inbox / ONE)
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("developed")
        watch.stop()
    log = store / "books" / f"{ONE}.jsonl"
    shutil.copy(log, log.with_name(f"{ONE} (1).jsonl"))
    with Watch(tmp_path, "--inbox", inbox) as watch:
        assert watch.wait_for("started")["books"] == 1
        time.sleep(2.5)  # the next look at the books
        assert watch.stop() == 0
    assert [book["book"] for book in json.loads(sohoa("books", "list", "--store", store, "--json").stdout)] == [ONE]


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


def test_without_a_store_it_says_what_to_do(sohoa, tmp_path):
    ran = sohoa("status", HOME=str(tmp_path), USERPROFILE=str(tmp_path))
    assert ran.returncode == 66
    assert "--store" in ran.stderr
    assert sohoa("status", "--store", "nowhere").returncode == 74


def test_who_names_no_folder_has_a_station_at_home(tmp_path):
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    watch = subprocess.Popen([sys.executable, str(ROOT / "sohoa.py"), "watch"], stdout=subprocess.PIPE, text=True,
                             encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1", **home}, stderr=subprocess.DEVNULL)
    try:
        told = watch.stdout.readline() + watch.stdout.readline()
        assert "http://127.0.0.1:" in told and str(tmp_path / "sohoa" / "anh-vao") in told
        assert (tmp_path / "sohoa" / "anh-vao").is_dir() and (tmp_path / "sohoa" / "kho").is_dir()
    finally:
        watch.terminate()
        watch.wait(20)


def photographed(sheets, number, seed):
    """JPEG of a photographed cover sheet."""
    import cv2

    from benchmarks.covers import CONDITIONS, photograph

    picture = photograph(sheets[number], CONDITIONS["35°, shade"], np.random.default_rng(seed))
    return cv2.imencode(".jpg", picture)[1].tobytes()


def test_a_photographed_cover_sheet_among_photos_opens_its_book(tmp_path, sohoa):
    from benchmarks.covers import CODES, printed

    sheets, inbox, books = printed(), tmp_path / "inbox", [code.book for code in CODES[:2]]
    inbox.mkdir()
    pages = [png(number, (300, 220)) for number in range(6)]
    one, two, end, retake = (photographed(sheets, number, number) for number in range(4))
    files = [pages[0], one, pages[1], pages[2], two, pages[3], retake, pages[4], end, pages[5]]
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("started")
        for number, data in reversed(list(enumerate(files, 8))):  # IMG_8 before IMG_10, however they are copied
            (inbox / f"IMG_{number}.jpg").write_bytes(data)
        watch.wait_for("received", len(files))
        watch.wait_for("developed", 5)
        time.sleep(2.5)
        found = status(sohoa, watch.store)
        assert watch.stop() == 0
    assert found["books"] == {books[0]: {"developed": 2}, books[1]: {"developed": 1, "gone": 1}}
    assert found["unsorted"] == 2  # before the first sheet, and after the end
    names = {book: [json.loads(line)["name"] for line in
                    (watch.store / "books" / f"{book}.jsonl").read_text().splitlines() if '"received"' in line]
             for book in books}
    assert names == {books[0]: ["IMG_10.jpg", "IMG_11.jpg"], books[1]: ["IMG_13.jpg", "IMG_15.jpg"]}


@pytest.fixture
def scanner(tmp_path, monkeypatch):
    from tests.capture.sane_sites import test_site as site_of_the_test_driver

    monkeypatch.setenv("SANE_CONFIG_DIR", str(tmp_path / "sane"))
    return site_of_the_test_driver(tmp_path / "sane")


@pytest.mark.skipif(os.name == "nt", reason="SANE is for Linux")
@pytest.mark.parametrize("with_daemon", [True, False], ids=["beside the daemon", "alone"])
def test_ten_pages_from_the_feeder_are_in_their_book(scanner, tmp_path, sohoa, with_daemon):
    store = tmp_path / "store"
    options = ("--device", scanner, "--book", ONE, "--source", "feeder", "--dpi", 75, "--store", store, "--json")
    if with_daemon:
        with Watch(tmp_path) as watch:
            watch.wait_for("started")
            ran = sohoa("--config", tmp_path / "own.yaml", "scan", *options)
            watch.wait_for("received", 10)
            watch.stop()
    else:
        (tmp_path / "own.yaml").write_text(QUICK)
        ran = sohoa("--config", tmp_path / "own.yaml", "scan", *options)
    assert ran.returncode == 0, ran.stderr
    assert [json.loads(line)["page"] for line in ran.stdout.splitlines()] == list(range(1, 11))
    assert not [path for path in (store / "spool").rglob("*") if path.is_file()]
    state = json.loads(sohoa("books", "state", ONE, "--store", store, "--json").stdout)
    assert state["captures"] == 10


@pytest.mark.skipif(os.name == "nt", reason="SANE is for Linux")
def test_scanners_are_listed_and_a_wrong_one_is_told(scanner, tmp_path, sohoa):
    assert "test:0" in sohoa("devices").stdout
    (tmp_path / "own.yaml").write_text(QUICK)
    ran = sohoa("--config", tmp_path / "own.yaml", "scan", "--device", "test:9", "--book", ONE, "--store", tmp_path / "s")
    assert ran.returncode == 74
    assert "test:9" in ran.stdout
