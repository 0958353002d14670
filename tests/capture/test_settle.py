"""A file is finished when it has been quiet; clocks of walls and of disks may say what they like."""

import os

import pytest

from capture.settle import Settler, Stamp, has_hole

A, B = Stamp(10, 1, 1), Stamp(11, 1, 1)


def test_a_file_settles_when_it_has_not_changed_for_long_enough():
    settler = Settler(quiet=1.0)
    settler.saw({"a": A}, 0.0)
    assert settler.settled(0.9) == set()
    assert settler.settled(1.0) == {"a"}
    settler.saw({"a": B}, 1.5)  # it was written to
    assert settler.settled(2.0) == set()
    assert settler.quiet_for("a", 2.0) == 0.5
    assert settler.settled(2.5) == {"a"}


@pytest.mark.parametrize("changed", [Stamp(11, 1, 1), Stamp(10, 2, 1), Stamp(10, 0, 1), Stamp(10, 1, 2)],
                         ids=["longer", "later", "earlier", "another file"])
def test_any_change_of_its_stamp_begins_anew(changed):
    settler = Settler(quiet=1.0)
    settler.saw({"a": A}, 0.0)
    settler.saw({"a": changed}, 0.5)
    assert settler.settled(1.25) == set()
    assert settler.settled(1.5) == {"a"}


def test_a_file_that_was_gone_begins_anew():
    settler = Settler(quiet=1.0)
    settler.saw({"a": A}, 0.0)
    settler.saw({}, 0.5)
    assert settler.quiet_for("a", 0.6) == 0.0
    settler.saw({"a": A}, 0.7)
    assert settler.settled(1.2) == set()


@pytest.mark.parametrize("year", [-11_644_473_600, 0, 4_102_444_800, 2**34, 2**62])
def test_times_of_any_year_are_stamps_that_a_database_can_keep(year, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    status = os.stat(path)

    class Odd:
        st_size, st_ino, st_mtime_ns = status.st_size, status.st_ino, year * 10**9

    stamp = Stamp.of(Odd)
    assert -(2**63) <= stamp.modified < 2**63
    Odd.st_mtime_ns += 1
    assert Stamp.of(Odd) != stamp


@pytest.mark.skipif(not hasattr(os, "SEEK_HOLE"), reason="the system does not tell of holes")
def test_a_part_without_bytes_is_seen(tmp_path):
    path = tmp_path / "a"
    with open(path, "wb") as file:
        file.write(b"1" * 4096)
    assert not has_hole(path)
    with open(path, "r+b") as file:
        file.seek(1 << 20)
        file.write(b"1")
    assert has_hole(path)
    assert not has_hole(tmp_path / "not there")
