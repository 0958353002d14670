"""The quick form of the soak: the real daemon killed, doubled, its index spoilt, its disk full and failing."""

import os
import shutil
import time

import pytest

from benchmarks import soak
from tests.crash.faults import BOOK, image
from tests.house.test_station import QUICK, Watch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="process groups are killed in another way on Windows")


def test_the_daemon_killed_at_random_moments_loses_and_doubles_nothing(tmp_path):
    assert soak.soak_kills(tmp_path, 8)[1] == []


def test_the_journal_may_be_lost_in_any_way(tmp_path):
    assert soak.soak_journal(tmp_path, 15)[1] == []


def test_of_many_programs_on_one_store_one_works(tmp_path):
    assert soak.soak_many(tmp_path, 8)[1] == []


def test_the_soak_sees_what_it_is_for(tmp_path):
    inbox, sent = tmp_path / "inbox" / BOOK, {}
    inbox.mkdir(parents=True)
    (inbox / "0.png").write_bytes(image(0))
    soak.run_until_empty(tmp_path)
    key = (BOOK, f"{BOOK}/0.png")
    sha256 = next((tmp_path / "store" / "originals").rglob("*.png")).stem
    assert list(soak.wrong(tmp_path, {key: sha256})) == []
    assert len(list(soak.wrong(tmp_path, sent))) == 1  # never sent
    assert len(list(soak.wrong(tmp_path, {key: "0" * 64}))) == 3  # lost, another one there, not kept


@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="mounts a small disk of its own")
def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(tmp_path):
    inbox, store = tmp_path / "inbox", tmp_path / "store"
    for folder in (inbox, store):
        folder.mkdir()
    if os.system(f"mount -t tmpfs -o size=8m tmpfs {store}"):
        pytest.skip("this machine mounts no file systems of ours")
    try:
        with Watch(tmp_path, "--inbox", inbox, config=QUICK) as watch:
            watch.wait_for("started")
            (store / "ballast").write_bytes(bytes(7 << 20))
            (inbox / "a.png").write_bytes(image(1, (700, 500)))  # 1 MB
            assert watch.wait_for("trouble")["code"] == "disk_full"
            assert (inbox / "a.png").exists()
            (store / "ballast").unlink()
            watch.wait_for("received")
            assert watch.stop() == 0
    finally:
        os.system(f"umount -l {store}")


def test_a_failing_disk_is_told_within_two_seconds_and_the_source_stays(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with Watch(tmp_path, "--inbox", inbox) as watch:
        watch.wait_for("started")
        tracer = soak.subprocess.Popen(
            ["strace", "-f", "-p", str(watch.process.pid), "-o", os.devnull, "-e", "trace=fsync", "-e",
             "inject=fsync:error=EIO"], stderr=soak.subprocess.PIPE, text=True)
        while "attached" not in (line := tracer.stderr.readline()):
            assert line, "strace could not attach"
        (inbox / "a.png").write_bytes(image(1))
        start = time.monotonic()
        assert watch.wait_for("trouble")["code"] == "disk_failed"
        assert time.monotonic() - start < 0.3 + 2 + 1  # quiet, promised, and a busy machine
        assert (inbox / "a.png").exists()
        tracer.terminate()
        tracer.communicate(timeout=10)
        watch.wait_for("received")
        assert watch.stop() == 0
    assert not (inbox / "a.png").exists()
