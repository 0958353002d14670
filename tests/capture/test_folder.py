"""Images are found in the order in which people number them; nothing that is no image is touched."""

import os
import random
import socket
import unicodedata
from pathlib import Path

import pytest

from capture.folder import Skipped, find_images, natural, open_regular
from errors import NothingToDo, UnreadableImage
from originals.store import LOCK

JPEG = b"\xff\xd8\xff\xe0 not to be decoded here"
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX kinds of files")


def place(root, *names, data=JPEG):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def found(tmp_path, *sources):
    arrivals, skipped = find_images(sources or [tmp_path / "in"], store=tmp_path / "out")
    return [arrival.name for arrival in arrivals], skipped


def test_natural_order_folder_by_folder(tmp_path):
    names = ["IMG_9.jpg", "img_10.jpg", "IMG_11 (2).jpg", "quyển 2/1.jpg", "quyển 2/02.jpg", "quyển 10/1.jpg"]
    shuffled = list(names)
    random.Random(3).shuffle(shuffled)
    place(tmp_path / "in", *shuffled)
    assert found(tmp_path) == (names, [])


def test_names_sort_alike_however_they_are_composed():
    composed, decomposed = (unicodedata.normalize(form, "Đặng 2") for form in ("NFC", "NFD"))
    assert natural(composed)[0] == natural(decomposed)[0]
    assert natural(decomposed) < natural("ĐẶNG 10")
    assert sorted(["b", "10", "9", "a1b", "a1", ""], key=natural) == ["", "9", "10", "a1", "a1b", "b"]
    assert natural("7" * 255) > natural("6" * 255)


def test_files_named_one_by_one_come_in_natural_order_too(tmp_path):
    place(tmp_path / "in", "p10.jpg", "p9.jpg", "p1.jpg")
    place(tmp_path / "more", "a.jpg")
    sources = [tmp_path / "in" / "p10.jpg", tmp_path / "more", tmp_path / "in" / "p9.jpg"]
    assert found(tmp_path, *sources)[0] == ["p9.jpg", "p10.jpg", "a.jpg"]


def test_the_same_file_reached_twice_arrives_once(tmp_path):
    place(tmp_path / "in", "a.jpg", "b.jpg")
    sources = [tmp_path / "in" / "b.jpg", tmp_path / "in", tmp_path / "in" / ".." / "in"]
    assert found(tmp_path, *sources)[0] == ["b.jpg", "a.jpg"]


def test_what_is_no_image_is_skipped_with_a_reason(tmp_path):
    place(tmp_path / "in", "a.jpg", "copy.jpg.part", "~$b.jpg", "c.CRDOWNLOAD")
    place(tmp_path / "in", "notes.txt", "film.jpg", data=b"hello")
    place(tmp_path / "in", "empty.jpg", data=b"")
    place(tmp_path / "in", ".hidden.jpg", "Thumbs.db", "Desktop.ini", ".thumbnails/x.jpg")
    names, skipped = found(tmp_path)
    assert names == ["a.jpg"]
    assert {item.name: item.code for item in skipped} == {
        "copy.jpg.part": "unfinished", "~$b.jpg": "unfinished", "c.CRDOWNLOAD": "unfinished",
        "notes.txt": "not_an_image", "film.jpg": "not_an_image", "empty.jpg": "empty_file",
    }


def test_a_name_says_nothing_of_what_a_file_holds(tmp_path):
    place(tmp_path / "in", "scan.txt", "noname")
    assert found(tmp_path)[0] == ["noname", "scan.txt"]


def test_a_file_named_outright_arrives_whatever_it_holds(tmp_path):
    place(tmp_path / "in", "notes.txt", data=b"hello")
    arrivals, skipped = find_images([tmp_path / "in" / "notes.txt"], store=tmp_path / "out")
    assert [(arrival.name, arrival.kind) for arrival in arrivals] == [("notes.txt", "file")]
    assert skipped == []
    with arrivals[0].open() as file:
        assert file.read() == b"hello"


@posix
def test_links_and_strange_files_are_neither_followed_nor_opened(tmp_path, monkeypatch):
    place(tmp_path / "in", "a.jpg", "folder.jpg/inside.jpg")
    place(tmp_path / "elsewhere", "secret.jpg")
    os.link(tmp_path / "elsewhere" / "secret.jpg", tmp_path / "in" / "hard.jpg")
    os.symlink(tmp_path / "elsewhere" / "secret.jpg", tmp_path / "in" / "soft.jpg")
    os.symlink(tmp_path / "in", tmp_path / "in" / "loop")
    os.symlink("nowhere", tmp_path / "in" / "dangling.jpg")
    os.mkfifo(tmp_path / "in" / "fifo.jpg")
    server = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path / "in")  # the path of a socket may have 108 bytes
    with server:
        server.bind("socket.jpg")
        names, skipped = found(tmp_path)
    assert names == ["a.jpg", "hard.jpg", "folder.jpg/inside.jpg"]
    strange = ["soft.jpg", "loop", "dangling.jpg", "fifo.jpg", "socket.jpg"]
    assert {item.name: item.code for item in skipped} == dict.fromkeys(strange, "not_a_file")


@posix
@pytest.mark.parametrize("name", ["fifo", "/dev/zero"])
def test_a_strange_file_named_outright_does_not_block(tmp_path, name):
    if name == "fifo":
        name = tmp_path / "fifo"
        os.mkfifo(name)
    arrivals, _ = find_images([Path(name)], store=tmp_path / "out")
    with pytest.raises(UnreadableImage) as caught:
        arrivals[0].open()
    assert caught.value.code == "not_a_file"


@posix
def test_a_link_named_outright_is_what_it_points_to(tmp_path):
    place(tmp_path / "in", "a.jpg")
    os.symlink(tmp_path / "in", tmp_path / "link")
    os.symlink(tmp_path / "in" / "a.jpg", tmp_path / "b.jpg")
    assert found(tmp_path, tmp_path / "link")[0] == ["a.jpg"]
    assert found(tmp_path, tmp_path / "b.jpg")[0] == ["b.jpg"]
    os.symlink(tmp_path / "round", tmp_path / "round")
    with pytest.raises(NothingToDo):
        found(tmp_path, tmp_path / "round")


DECOMPOSED = unicodedata.normalize("NFD", "Nguyễn Thị Ánh.jpg")
NAMES = ["-rf.jpg", "a\nb.jpg", "\u202egpj.exe", "CON", "ả" * 80, DECOMPOSED, " ", "$(x)"]


@posix
@pytest.mark.parametrize("name", NAMES)
def test_names_are_data(tmp_path, name):
    place(tmp_path / "in", name)
    assert found(tmp_path) == ([name], [])


@posix
def test_a_name_that_is_no_text_can_still_be_written(tmp_path):
    (tmp_path / "in").mkdir()
    with open(os.fsencode(tmp_path / "in") + b"/\xff\xfe.jpg", "wb") as file:
        file.write(JPEG)
    arrivals, _ = find_images([tmp_path / "in"], store=tmp_path / "out")
    assert arrivals[0].name.encode("utf-8") == b"\\udcff\\udcfe.jpg"
    with arrivals[0].open() as file:
        assert file.read() == JPEG


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(NothingToDo) as caught:
        found(tmp_path, tmp_path / "none")
    assert caught.value.code == "source_missing"
    assert caught.value.facts["file"].endswith("none")


def test_a_file_that_has_gone_meanwhile_is_said_to_be_missing(tmp_path):
    with pytest.raises(UnreadableImage) as caught:
        open_regular(tmp_path / "none")
    assert caught.value.code == "file_missing"


@pytest.mark.parametrize("inside", ["out", "out/originals", "out/originals/ab/x.jpg", "out/pages"])
def test_the_store_is_no_source(tmp_path, inside):
    place(tmp_path / "out", "originals/ab/x.jpg", "pages/y.jpg")
    with pytest.raises(NothingToDo) as caught:
        found(tmp_path, tmp_path / inside)
    assert caught.value.code == "source_is_store"


def test_images_may_lie_beside_the_stores_own_folders(tmp_path):
    place(tmp_path / "out", "scans/x.jpg", LOCK, "originals/ab/x.jpg")
    assert found(tmp_path, tmp_path / "out" / "scans")[0] == ["x.jpg"]


def test_a_store_within_a_source_is_not_entered(tmp_path):
    place(tmp_path / "in", "a.jpg", "old/originals/ab/x.jpg", f"old/{LOCK}")
    assert found(tmp_path) == (["a.jpg"], [Skipped("old", "another_store")])


def test_a_deep_folder_is_no_trouble(tmp_path):
    folder = tmp_path / "in" / "/".join("d" * 700)
    folder.mkdir(parents=True)
    place(folder, "a.jpg")
    assert len(found(tmp_path)[0]) == 1
