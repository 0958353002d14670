"""Killed at system calls, power cut, disk full, disk failing: nothing lost, nothing doubled, nothing repaired by hand."""

import os
import re
import shutil
import subprocess
from contextlib import suppress

import pytest

from tests.crash.faults import BOOK, Disk, Intake, can_mount, fill, image, kill_at, recovered

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.mark.parametrize("call, number", [("fsync", number) for number in range(1, 10)]
                         + [("rename", 1), ("rename", 2), ("pwrite64", 5), ("pwrite64", 20), ("unlink", 1), ("chmod", 1),
                            ("write", 2), ("write", 4), ("openat", 9), ("ftruncate", 1)])
def test_a_kill_at_a_system_call_loses_and_doubles_nothing(tmp_path, call, number):
    assert kill_at(tmp_path / "at", call, number) == {}


def test_the_order_of_one_intake(tmp_path):
    """fsync of the file < rename < fsync of the folder < the book's log < the journal < acknowledged < source removed."""
    fill(tmp_path, 1)
    trace = tmp_path / "trace"
    calls = "trace=fsync,fdatasync,rename,write,unlink"
    status, told, _ = Intake.start(tmp_path, "-y", "-o", str(trace), "-e", calls).finish()
    assert status == 0 and len(told) == 1
    lines = trace.read_text(errors="replace").splitlines()

    def first(pattern):
        return next(number for number, line in enumerate(lines) if re.search(pattern, line))

    order = [
        first(r"fsync\(\d+<[^>]*/originals/\.tmp-[0-9a-f]+>"),
        first(r'rename\("[^"]*/originals/\.tmp-[0-9a-f]+", "[^"]*/originals/' + told[0][:2]),
        first(r"fsync\(\d+<[^>]*/originals/" + told[0][:2] + ">"),
        first(r"fsync\(\d+<[^>]*/books/" + re.escape(BOOK) + r"\.jsonl>"),
        first(r'write\(1<.*"ACK'),
        first(r'unlink\("[^"]*/inbox/'),
    ]
    assert order == sorted(order)
    synced = [number for number, line in enumerate(lines) if re.search(r"sync\(\d+<[^>]*journal\.sqlite-wal>", line)]
    assert any(order[3] < number < order[4] for number in synced)


@pytest.mark.parametrize("fault", ["fsync:error=EIO", "fsync:error=ENOSPC", "write:error=ENOSPC", "rename:error=EIO"])
@pytest.mark.parametrize("number", ["1", "2", "3+"])
def test_a_failing_disk_is_told_and_the_source_stays(tmp_path, fault, number):
    hashes = fill(tmp_path, 1)
    call = fault.split(":")[0]
    which = str(int(number.rstrip("+")) + 1) if call == "write" else number  # nothing is to be hidden from us on stdout
    status, told, _ = Intake.start(tmp_path, "-o", os.devnull, "-e", f"trace={call}", "-e",
                                   f"inject={fault}:when={which}").finish()
    if status or not told:
        assert [path.name for path in (tmp_path / "inbox" / BOOK).iterdir()] == list(hashes)
        assert not told
    assert recovered(tmp_path, hashes) == {}


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    if not can_mount(folder / "try"):
        pytest.skip("this machine mounts no file systems of ours")
    return Disk(folder / "disk", 2)


@pytest.mark.parametrize("call, number", [("fsync", 2), ("fsync", 4), ("fsync", 5), ("fsync", 9), ("rename", 1),
                                          ("unlink", 2), ("pwrite64", 12)])
def test_a_power_cut_loses_nothing_that_was_acknowledged(disk, call, number):
    assert disk.cut_at(call, number) == {}


def test_a_full_disk_stops_politely_and_goes_on_when_there_is_room(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("this machine mounts no file systems of ours")
    try:
        hashes = fill(place, 3, (600, 500))  # 900 KB each
        ballast = place / "ballast"
        with open(ballast, "wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        status, told, _ = Intake.start(place).finish()
        assert status == 74 and told == []
        assert len(list((place / "inbox" / BOOK).iterdir())) == 3
        ballast.unlink()
        assert recovered(place, hashes) == {}
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_the_checks_see_what_they_are_for(tmp_path):
    hashes = fill(tmp_path, 2)
    assert recovered(tmp_path, hashes) == {}
    kept = next((tmp_path / "store" / "originals").rglob("*.png"))
    kept.chmod(0o644)
    kept.write_bytes(image(99))
    assert "store" in recovered(tmp_path, hashes)
    assert "lost or doubled in the log" in recovered(tmp_path, {**hashes, "more.png": "0" * 64})
