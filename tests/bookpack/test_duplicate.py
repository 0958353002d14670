"""The second copy: equal, whole by itself, read back; damage on either side never spreads to the other."""

import os

import pytest
from openpyxl import load_workbook

from bookpack import duplicate
from bookpack.duplicate import copy_packages, sums_of
from bookpack.verify import verify
from errors import BrokenPackage, StorageFailed
from tests.bookpack.flips import flip


@pytest.fixture
def medium(tmp_path):
    folder = tmp_path / "medium"
    folder.mkdir()
    return folder


@pytest.fixture
def packages(ministry, archive):
    return [ministry.zip.parent, archive.folder]


@pytest.fixture
def base(archive):
    return archive.folder.parent


def test_the_copy_is_equal_and_whole_without_the_station(packages, base, medium):
    copied = copy_packages(packages, base, medium)
    assert {path.name: sums_of(path) for path in medium.iterdir()} == {path.name: sums_of(path) for path in packages}
    assert (copied.files, copied.written) == (sum(len(sums_of(path)) for path in packages), True)
    assert copied.bytes == sum(path.stat().st_size for path in medium.rglob("*") if path.is_file())
    assert verify(medium) == []


def test_an_equal_copy_is_compared_and_not_written_again(packages, base, medium):
    first = copy_packages(packages, base, medium)
    times = {path: path.stat().st_mtime_ns for path in medium.rglob("*")}
    again = copy_packages(packages, base, medium)
    assert (again.written, again.digest) == (False, first.digest)
    assert {path: path.stat().st_mtime_ns for path in medium.rglob("*")} == times


def test_a_damaged_copy_is_written_anew(packages, base, medium):
    copy_packages(packages, base, medium)
    flip(next(medium.rglob("*.pdf")), 100, 3)
    assert copy_packages(packages, base, medium).written
    assert verify(medium) == []


def test_what_was_typed_into_a_copy_is_kept_before_it_is_written_anew(packages, ministry, base, medium):
    copy_packages(packages, base, medium)
    workbook = medium / "ministry" / ministry.workbook.name
    table = load_workbook(workbook)
    table.active["A2"] = "5"
    table.save(workbook)
    typed = workbook.read_bytes()
    (kept,) = copy_packages(packages, base, medium).kept
    assert (kept.parent, kept.read_bytes()) == (medium / "typed", typed)
    assert workbook.read_bytes() == ministry.workbook.read_bytes()
    assert verify(medium) == []


def test_a_damaged_package_never_replaces_a_good_copy(packages, base, medium):
    copy_packages(packages, base, medium)
    flip(next(base.rglob("*.pdf")), 100, 3)
    with pytest.raises(BrokenPackage) as caught:
        copy_packages(packages, base, medium)
    assert caught.value.code == "copy_of_broken"
    assert verify(medium) == []


def test_a_medium_that_gives_back_other_bytes_is_told_and_keeps_no_copy(packages, base, medium, monkeypatch):
    write = duplicate._copy_file

    def badly(source, target):
        write(source, target)
        if target.suffix == ".pdf":
            flip(target, 50, 1)

    monkeypatch.setattr(duplicate, "_copy_file", badly)
    with pytest.raises(StorageFailed) as caught:
        copy_packages(packages, base, medium)
    assert caught.value.code == "copy_differs"
    assert [path.name for path in medium.iterdir()] == ["ministry"]


def test_a_medium_that_is_not_plugged_in_is_told_and_no_folder_made(packages, base, tmp_path):
    with pytest.raises(StorageFailed) as caught:
        copy_packages(packages, base, tmp_path / "usb")
    assert caught.value.code == "copy_folder_missing"
    assert not (tmp_path / "usb").exists()


def test_the_packages_themselves_are_no_copy(packages, base):
    with pytest.raises(StorageFailed) as caught:
        copy_packages(packages, base, base)
    assert caught.value.code == "copy_onto_itself"


def test_a_copy_on_the_same_disk_is_noticed(packages, base, medium):
    assert copy_packages(packages, base, medium).same_disk == (os.stat(medium).st_dev == os.stat(base).st_dev)
