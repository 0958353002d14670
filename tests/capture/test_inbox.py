"""A watched folder: what is ready, in which order, and what becomes of it. Time is told to it, none is waited for."""

import errno
import os
from pathlib import Path

import pytest

from capture.inbox import DONE, FOLLOWED_S, Inbox, book_of
from errors import StorageFailed
from originals.reach import reachable

BOOK = "KH.1990.14800.01"
QUIET, LONGEST = 1.0, 10.0


class Folder:
    """An inbox and its clock; nothing is dealt with but what a test says."""

    def __init__(self, root, after="move", **options):
        self.root, self.now, self.done = root / "in", 0.0, set()
        self.root.mkdir()
        self.inbox = Inbox(self.root, "in", QUIET, after, lambda *key: key in self.done, LONGEST, **options)

    def put(self, name, data=b"1"):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def scan(self, later=0.0):
        self.now += later
        return self.inbox.scan(self.now)

    def ready(self, later=0.0):
        return [candidate.name for candidate in self.scan(later).ready]

    def settled(self):
        """All that is there, once it is quiet."""
        self.scan()
        return self.scan(QUIET).ready


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_files_are_ready_when_they_are_quiet_in_natural_order(folder):
    for name in ("IMG_10.jpg", "IMG_9.jpg", "IMG_1.jpg"):
        folder.put(name)
    assert folder.ready() == []
    scan = folder.scan(QUIET)
    assert [item.name for item in scan.ready] == ["IMG_1.jpg", "IMG_9.jpg", "IMG_10.jpg"]
    assert scan.waiting == 0


def test_a_file_waits_for_one_before_it_that_is_still_being_written(folder):
    folder.put("2.jpg")
    folder.scan()
    folder.now += QUIET
    folder.put("1.jpg")
    assert folder.ready() == []  # 1 is not quiet, 2 belongs behind it
    assert folder.ready(QUIET) == ["1.jpg", "2.jpg"]


def test_it_does_not_wait_for_ever(folder):
    folder.put("2.jpg")
    writing = folder.put("1.jpg")
    for step in range(int(LONGEST / QUIET)):
        assert "1.jpg" not in folder.ready(QUIET)
        writing.write_bytes(b"1" * (step + 2))
    assert folder.ready(QUIET) == ["2.jpg"]


def test_it_does_not_wait_for_one_that_comes_after_it(folder):
    folder.put("1.jpg")
    folder.scan()
    folder.put("2.jpg")
    folder.now += QUIET
    folder.put("2.jpg", b"longer")
    assert folder.ready() == ["1.jpg"]


def test_a_copy_of_two_hundred_is_taken_in_order_whatever_order_they_are_copied_in(folder):
    names = [f"IMG_{number}.jpg" for number in range(1, 201)]
    taken = []
    for at, name in enumerate(reversed(names)):
        folder.put(name)
        if at % 20 == 0:
            taken += folder.ready(QUIET / 2)
    assert taken + folder.ready() == []
    assert folder.ready(QUIET) == names


def test_streams_do_not_wait_for_each_other(folder):
    folder.put("phone/2.jpg")
    folder.put("scanner/2.jpg")
    folder.scan()
    folder.now += QUIET
    folder.put("phone/1.jpg")
    assert folder.ready() == ["scanner/2.jpg"]


def test_a_folder_that_is_named_after_a_book_puts_images_into_it(folder):
    folder.put(f"{BOOK}/1.jpg")
    folder.put(f"{BOOK}/more/2.jpg")
    folder.put("other/3.jpg")
    assert {item.name: item.book for item in folder.settled()} == {
        f"{BOOK}/1.jpg": BOOK, f"{BOOK}/more/2.jpg": BOOK, "other/3.jpg": ""}
    assert book_of(f"a/{BOOK}/KS.2005.31477.02/x.jpg") == "KS.2005.31477.02"
    assert book_of(f"{BOOK}.jpg") == ""


def test_unfinished_hidden_and_strange_files_are_left(folder):
    for name in ("a.jpg.part", "b.tmp", "c.crdownload", ".d.jpg", "~$e.jpg", "Thumbs.db", f"{DONE}/f.jpg"):
        folder.put(name)
    scan = folder.scan()
    assert folder.scan(60).ready == ()
    assert sorted(scan.skipped) == [("a.jpg.part", "unfinished"), ("b.tmp", "unfinished"), ("c.crdownload", "unfinished"),
                                    ("~$e.jpg", "unfinished")]


@pytest.mark.skipif(os.name == "nt", reason="POSIX kinds of files")
def test_links_pipes_and_folders_called_like_images_are_never_opened(folder, tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"1")
    (folder.root / "link.jpg").symlink_to(secret)
    (folder.root / "loop").symlink_to(folder.root)
    os.mkfifo(folder.root / "pipe.jpg")
    folder.put("folder.jpg/x.jpg")
    assert [item.name for item in folder.settled()] == ["folder.jpg/x.jpg"]
    assert {code for _, code in folder.scan().skipped} == {"not_a_file"}


def test_a_taken_file_is_moved_with_its_folder(folder):
    folder.put(f"{BOOK}/1.jpg", b"one")
    folder.inbox.finish(folder.settled()[0])
    assert (folder.root / DONE / BOOK / "1.jpg").read_bytes() == b"one"
    assert folder.ready(60) == []


def test_a_second_file_of_that_name_is_moved_beside_the_first(folder):
    for data in (b"one", b"two"):
        folder.put("1.jpg", data)
        folder.inbox.finish(folder.settled()[0])
    assert sorted(path.read_bytes() for path in (folder.root / DONE).iterdir()) == [b"one", b"two"]


@pytest.mark.parametrize("name", ["x" * 251 + ".jpg", "ế" * 83 + ".jpg", "y" * 255, "a." + "z" * 250],
                         ids=["ascii", "letters of three bytes", "no ending", "long ending"])
def test_names_as_long_as_may_be_are_moved_too(folder, name):
    for data in (b"one", b"two", b"three"):
        folder.put(name, data)
        folder.inbox.finish(folder.settled()[0])
    assert sorted(path.read_bytes() for path in (folder.root / DONE).iterdir()) == [b"one", b"three", b"two"]


def test_what_was_written_to_after_it_was_taken_stays_and_comes_again(folder):
    path = folder.put("1.jpg", b"one")
    taken = folder.settled()[0]
    path.write_bytes(b"longer")
    folder.inbox.finish(taken)
    assert path.read_bytes() == b"longer"
    folder.scan()
    assert folder.ready(QUIET) == ["1.jpg"]


def test_what_grows_after_it_was_moved_is_a_new_version(folder):
    folder.put("1.jpg", b"one")
    folder.inbox.finish(folder.settled()[0])
    moved = folder.root / DONE / "1.jpg"
    moved.write_bytes(b"one and more")  # its writer still had it open
    again, = folder.settled()
    assert again.name == "1.jpg" and again.path == reachable(moved)
    folder.inbox.finish(again)
    assert moved.exists()
    assert folder.ready(FOLLOWED_S + 1) == []
    moved.write_bytes(b"much later")
    assert folder.settled() == ()


@pytest.mark.skipif(os.name == "nt", reason="links want a right there")
def test_a_folder_for_received_files_that_leads_elsewhere_is_not_used(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder.root / DONE).symlink_to(tmp_path / "elsewhere")
    path = folder.put("1.jpg")
    with pytest.raises(StorageFailed):
        folder.inbox.finish(folder.settled()[0])
    assert path.exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("after, left", [("leave", True), ("remove", False)])
def test_a_source_may_stay_or_be_removed(tmp_path, after, left):
    folder = Folder(tmp_path, after)
    path = folder.put("1.jpg")
    folder.inbox.finish(folder.settled()[0])
    assert path.exists() == left
    assert not (folder.root / DONE).exists()


def test_what_is_dealt_with_is_not_seen_again(folder):
    folder.put("1.jpg")
    candidate, = folder.settled()
    folder.done.add((candidate.stream, candidate.name, candidate.stamp))
    assert folder.ready(60) == []
    folder.put("1.jpg", b"new")
    assert [item.name for item in folder.settled()] == ["1.jpg"]


def test_a_folder_that_is_away_is_told_and_comes_back(folder):
    folder.put("1.jpg")
    folder.scan()
    away = folder.root.with_name("away")
    folder.root.rename(away)
    assert folder.scan(QUIET).away
    away.rename(folder.root)
    assert folder.ready() == []  # it may have been written to meanwhile
    assert folder.ready(QUIET) == ["1.jpg"]


@pytest.mark.parametrize("jump", [-10 * 365 * 86400, 10 * 365 * 86400, 3600])
def test_a_clock_that_jumps_changes_no_order_and_no_wait(folder, jump):
    for at, name in enumerate(("1.jpg", "2.jpg", "3.jpg")):
        path = folder.put(name)
        moment = 1_700_000_000 + jump * (at - 1)
        os.utime(path, (moment, moment))
    assert folder.ready() == []
    assert folder.ready(QUIET) == ["1.jpg", "2.jpg", "3.jpg"]


HOSTILE = [b"a\nb.jpg", "‮gpj.exe".encode(), b"\xff\xfe\x80.jpg", b"-rf.jpg", b"CON.jpg", b"a;rm -rf ~.jpg",
           "Đặng Thị Bé.jpg".encode(), b"%00%2e%2e%2f.jpg", b"a\\..\\b.jpg", b" .jpg", b"a\r.jpg", b"\x01.jpg",
           "é.jpg".encode()]


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_name_is_data(folder, name):
    path = Path(os.fsdecode(os.fsencode(folder.root) + b"/" + name))
    try:
        path.write_bytes(b"1")
    except OSError as error:
        assert error.errno in (errno.EILSEQ, errno.EINVAL)  # a disk that wants UTF-8
        return
    candidate, = folder.settled()
    assert candidate.name.encode("utf-8")  # it can be written down
    folder.inbox.finish(candidate)
    assert not path.exists()
    assert [os.fsencode(found.name) for found in (folder.root / DONE).iterdir()] == [name]
    assert sorted(found.name for found in folder.root.parent.iterdir()) == ["in"]
