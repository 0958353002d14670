"""Taking in: first safe, then looked at, then logged; once more changes nothing; no kill loses anything."""

import errno
import io
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture import intake
from capture.folder import find_images
from capture.intake import Received, SetAside, take_in
from capture.source import Arrival
from errors import StorageFailed, UnreadableImage
from imaging.decode import Limits
from originals import durable
from originals.booklog import BookLog
from originals.recover import recover
from originals.store import Store

ROOT = Path(__file__).parents[2]


def png(seed, size=(12, 9)):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG", dpi=(300, 300))
    return buffer.getvalue()


def arrival(name, data):
    return Arrival(name, partial(io.BytesIO, data))


def place_of(tmp_path):
    return Store(tmp_path / "out"), BookLog(tmp_path / "out" / "books" / "KS.2005.31477.02.jsonl")


def test_an_image_is_received(tmp_path):
    store, log = place_of(tmp_path)
    taken = take_in(arrival("a.png", png(1)), store, log)
    assert isinstance(taken, Received)
    assert (taken.name, taken.arrival, taken.new, taken.header.media) == ("a.png", 0, True, "image/png")
    capture = log.state().captures[0]
    assert (capture.sha256, capture.width, capture.height, capture.dpi) == (taken.sha256, 9, 12, 300.0)
    assert store.read(taken.sha256, verify=True) == png(1)
    facts = store.facts(taken.sha256)
    assert facts["name"] == "a.png"
    assert facts["frames"][0]["width"] == 9
    assert facts["received"].endswith("+07:00")


def test_the_same_bytes_under_three_names_are_one_original_and_three_arrivals(tmp_path):
    store, log = place_of(tmp_path)
    taken = [take_in(arrival(name, png(1)), store, log) for name in ("a.png", "b.png", "c/a.png")]
    assert [item.new for item in taken] == [True, False, False]
    assert [item.arrival for item in taken] == [0, 0, 0]
    assert take_in(arrival("d.png", png(2)), store, log).arrival == 1
    assert len(store.list()) == 2
    assert log.state().names[taken[0].sha256] == ("a.png", "b.png", "c/a.png")


def test_once_more_changes_nothing(tmp_path):
    files = [("a.png", png(1)), ("b.png", png(1)), ("cut.png", png(2)[:-30]), ("x.txt", b"text"),
             ("y.txt", b"text"), ("none.png", b""), ("none too.png", b"")]
    written = []
    for _ in range(3):
        store, log = place_of(tmp_path)
        outcomes = [type(take_in(arrival(name, data), store, log)) for name, data in files]
        assert outcomes == [Received, Received, *[SetAside] * 5]
        written.append({path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()})
    assert written[0] == written[1] == written[2]


def test_what_cannot_be_read_is_kept_and_set_aside(tmp_path):
    store, log = place_of(tmp_path)
    taken = take_in(arrival("x.jpg", b"no image"), store, log)
    assert (taken.name, taken.code) == ("x.jpg", "not_an_image")
    assert store.read(taken.sha256) == b"no image"
    assert log.state().set_aside == (taken,)
    assert log.state().captures == ()


def test_a_higher_limit_lets_a_file_in_that_was_set_aside(tmp_path):
    store, log = place_of(tmp_path)
    assert take_in(arrival("a.png", png(1)), store, log, Limits(max_pixels=9)).code == "too_large"
    assert take_in(arrival("a.png", png(1)), store, log).new
    assert log.state().set_aside == ()


def test_a_file_too_large_for_the_store_leaves_nothing_in_it(tmp_path):
    store, log = place_of(tmp_path)
    taken = take_in(arrival("a.png", png(1)), store, log, Limits(max_bytes=10))
    assert (taken.code, taken.sha256) == ("too_many_bytes", None)
    assert store.list() == []


class BadCard(io.BytesIO):
    def read(self, size=-1):
        data = super().read(4)
        if self.tell() > 12:
            raise OSError(errno.EIO, "Input/output error")
        return data


def test_a_source_that_fails_is_no_fault_of_the_store(tmp_path):
    store, log = place_of(tmp_path)
    taken = take_in(Arrival("a.png", partial(BadCard, png(1))), store, log)
    assert (taken.code, taken.sha256) == ("file_unreadable", None)
    assert store.list() == []


def test_a_typeset_page_of_a_pdf_is_set_aside_and_the_others_received(tmp_path):
    img2pdf, pikepdf = pytest.importorskip("img2pdf"), pytest.importorskip("pikepdf")
    store, log = place_of(tmp_path)
    document = pikepdf.open(io.BytesIO(img2pdf.convert([png(1, (90, 60)), png(2, (90, 60))])))
    document.add_blank_page(page_size=(500, 500))
    document.pages.append(document.pages[0])
    buffer = io.BytesIO()
    document.save(buffer)
    for _ in range(2):
        taken = take_in(arrival("a.pdf", buffer.getvalue()), store, log)
        assert [capture.frame for capture in log.state().captures] == [0, 1, 3]
        assert taken.set_aside == log.state().set_aside
        aside = [(item.frame, item.code, item.facts) for item in taken.set_aside]
        assert aside == [(2, "no_scan_in_pdf", {"page": 3})]


def test_safe_then_looked_at_then_logged(tmp_path, monkeypatch):
    store, log = place_of(tmp_path)
    order = []

    def noted(name, function):
        def call(*arguments, **options):
            result = function(*arguments, **options)
            order.append(name)
            return result

        return call

    monkeypatch.setattr(Store, "accept", noted("durable", Store.accept))
    monkeypatch.setattr(intake, "read_header", noted("looked at", intake.read_header))
    monkeypatch.setattr(BookLog, "append", noted("logged", BookLog.append))
    take_in(arrival("a.png", png(1)), store, log)
    assert order == ["durable", "looked at", "logged"]


class Killed(BaseException):
    pass


def failing(step, failure, counter):
    """An `os.fsync` that fails at the given call."""
    def fsync(handle):
        counter.append(handle)
        if len(counter) == step:
            raise failure
        os.fsync(handle)

    return fsync


class Os:
    def __init__(self, fsync):
        self.fsync = fsync

    def __getattr__(self, name):
        return getattr(os, name)


@pytest.mark.parametrize("failure", [Killed(), OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "broken")])
def test_a_failure_at_each_flush_loses_and_doubles_nothing(tmp_path, monkeypatch, failure):
    files = [("a.png", png(1)), ("bad.png", b"no image"), ("b.png", png(2))]
    for step in range(1, flushes(tmp_path / "counted", monkeypatch, files) + 1):
        store, log = place_of(tmp_path / str(step))
        acknowledged, counter = {}, []
        with monkeypatch.context() as patch:
            patch.setattr(durable, "os", Os(failing(step, failure, counter)))
            try:
                for name, data in files:
                    acknowledged[name] = take_in(arrival(name, data), store, log).sha256
            except Killed:
                pass
            except StorageFailed as error:
                assert error.code in ("disk_full", "disk_failed")
        assert len(counter) >= step
        assert all(sha256 in store for sha256 in acknowledged.values())
        store, log = place_of(tmp_path / str(step))
        with store.lock():
            for name, data in files:
                take_in(arrival(name, data), store, log)
        received = [(capture.source, capture.arrival) for capture in log.state().captures]
        assert received == [("a.png", 0), ("b.png", 1)]
        assert [item.name for item in log.state().set_aside] == ["bad.png"]
        assert len(store.list()) == 3
        assert all(store.read(sha256, verify=True) for sha256 in store.list())
        assert not list((tmp_path / str(step)).rglob(durable.TEMP + "*"))


def flushes(folder, monkeypatch, files):
    """How often taking in these files flushes something to the disk."""
    counter = []
    with monkeypatch.context() as patch:
        patch.setattr(durable, "os", Os(failing(0, None, counter)))
        store, log = place_of(folder)
        for name, data in files:
            take_in(arrival(name, data), store, log)
    assert len(counter) > (12 if os.name != "nt" else 8)  # Windows flushes no folders
    return len(counter)


DRIVER = """
import json, os, signal, sys, time
from pathlib import Path
from capture.folder import find_images
from capture.intake import take_in
from originals.booklog import BookLog
from originals.store import Store

source, out = Path(sys.argv[1]), Path(sys.argv[2])

def work(pipe):
    store = Store(out)
    with store.lock():
        log = BookLog(out / "books" / "book.jsonl")
        for arrival in find_images([source], store=out)[0]:
            os.write(pipe, (take_in(arrival, store, log).sha256 + "\\n").encode())

acknowledged = []
for kill in range(20):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        work(writer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        said = [line for line, _ in zip(lines, range(2 * kill + 1))]
        time.sleep(0.0007 * (kill % 7))
        os.kill(child, signal.SIGKILL)
        said += list(lines)
    os.waitpid(child, 0)
    acknowledged.append([line.strip() for line in said])
print(json.dumps(acknowledged))
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL and fork are POSIX's")
def test_killed_twenty_times_nothing_is_lost_or_doubled(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    wanted = [png(number) for number in range(50)]
    for number in range(60):
        (source / f"{number}.png").write_bytes(wanted[number % 50])  # ten come twice
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", DRIVER, str(source), str(out)], env=environment, cwd=ROOT,
                         capture_output=True, text=True, timeout=120, check=True)
    acknowledged = json.loads(ran.stdout)
    assert len(acknowledged) == 20
    store, log = Store(out), BookLog(out / "books" / "book.jsonl")
    assert {sha256 for run in acknowledged for sha256 in run} <= set(store.list())
    with store.lock():
        recover(store, lambda path: path.read_bytes() in wanted)
        for item in find_images([source], store=out)[0]:
            take_in(item, store, log)
    captures = log.state().captures
    assert [capture.arrival for capture in captures] == list(range(50))
    assert [capture.source for capture in captures] == [f"{number}.png" for number in range(50)]
    assert store.list() == sorted(capture.sha256 for capture in captures)
    assert all(store.read(sha256, verify=True) for sha256 in store.list())
    assert sum(len(names) for names in log.state().names.values()) == 60
    assert not list(out.rglob(durable.TEMP + "*"))


def test_the_errors_of_a_source_are_told_with_its_name(tmp_path):
    store, log = place_of(tmp_path)

    def gone():
        raise UnreadableImage("file_missing", file="a.png")

    taken = take_in(Arrival("a.png", gone), store, log)
    assert (taken.name, taken.code) == ("a.png", "file_missing")
