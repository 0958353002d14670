"""However deep a folder lies: what is below it can be written, read and removed, and is shown as people write it."""

import os
from pathlib import Path

import pytest

from capture.events import on_network
from capture.folder import find_images
from errors import StorageFailed
from originals import durable
from originals.journal import Journal
from originals.reach import EXTENDED, reachable, usual
from texts import say
from workplace import DEPTH, Workplace

windows = pytest.mark.skipif(os.name != "nt", reason="only Windows has a longest path")
DEEP = Path(*["Sổ đăng ký khai sinh năm 1990 của xã"] * 9)  # over 300 characters


def test_what_lies_deep_is_written_read_and_removed(tmp_path):
    root = reachable(tmp_path) / DEEP
    durable.write_once(root / "original", b"bytes")
    durable.append_line(root / "log", "{}")
    with durable.whole_folder(root / "bag") as temp:
        (temp / "page").write_bytes(b"x")
    with durable.locked(root / "lock"):
        assert sorted(os.listdir(root)) == ["bag", "lock", "log", "original"]
    assert durable.read_lines(root / "log")[0] == ["{}"]
    durable.remove(reachable(tmp_path) / DEEP.parts[0])
    assert os.listdir(tmp_path) == []


def test_a_station_works_in_a_deep_folder_and_is_shown_as_it_was_named(tmp_path):
    workplace = Workplace(tmp_path / DEEP)
    with workplace.store.lock():
        with Journal(workplace.root) as journal:
            journal.note_source("stream", "name", 1, 2, "taken")
        with pytest.raises(StorageFailed) as caught:
            durable.write_once(workplace.root / "store.json", b"other")
    told = say("error", caught.value.code, "en", **caught.value.facts)
    assert f" {tmp_path / DEEP / 'store.json'}" in told and "?" not in told


def test_images_of_a_deep_folder_are_found(tmp_path):
    folder = reachable(tmp_path / DEEP)
    durable.write_file(folder / "IMG_1.jpg", [b"\xff\xd8\xff\xe0" + bytes(100)])
    arrivals, skipped = find_images([tmp_path / DEEP.parts[0]], tmp_path / "store")
    assert [arrival.name for arrival in arrivals] == [Path(*DEEP.parts[1:], "IMG_1.jpg").as_posix()] and skipped == []
    with arrivals[0].open() as file:
        assert file.read(2) == b"\xff\xd8"


@windows
@pytest.mark.parametrize(("path", "extended"), [
    (r"C:\Số hóa\kho", r"\\?\C:\Số hóa\kho"), (r"\\máy-chủ\kho\sổ", r"\\?\UNC\máy-chủ\kho\sổ"),
    (r"\\?\C:\kho", r"\\?\C:\kho"), ("C:/a/../kho", r"\\?\C:\kho"),
])
def test_the_extended_form_and_back(path, extended):
    assert str(reachable(Path(path))) == extended
    assert usual(extended) == os.path.normpath(path.removeprefix(EXTENDED))


@windows
def test_a_folder_with_room_enough_stays_as_it_is():
    assert Workplace(Path("demo-out")).root == Path("demo-out")
    assert reachable(Path("C:/" + "a" * (247 - DEPTH - 3)), DEPTH) == Path("C:/" + "a" * (247 - DEPTH - 3))
    assert str(reachable(Path("C:/" + "a" * (248 - DEPTH - 3)), DEPTH)).startswith(EXTENDED)


def test_a_folder_is_no_share_because_of_the_form_of_its_path(tmp_path):
    assert on_network(reachable(tmp_path)) == on_network(tmp_path)
