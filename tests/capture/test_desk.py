"""The desk: what arrives becomes safe, finds its book by folder or cover sheet, and nothing changes when it comes again."""

import io
from functools import partial

import pytest

from capture.cover import CoverCode
from capture.desk import Desk, NotYet, Taken, orphans
from capture.look import Look, Sheet
from capture.source import Arrival
from errors import UnreadableImage
from imaging.decode import Frame
from originals.booklog import BookLog, SetAside
from originals.stationlog import UNSORTED, StationLog
from originals.store import Store

ONE, TWO = "KH.1994.14800.03", "KS.2005.31477.02"
PAGE = Frame(100, 140)


def sheet(kind, book=""):
    return Sheet(CoverCode(kind, book).text)


class Place:
    """A desk whose looker knows what each file holds: `file("IMG_1.jpg", PAGE)` arrives with such frames and sheets."""

    def __init__(self, root):
        self.root, self.looks = root, {}
        self.store, self.station = Store(root), StationLog(root)
        self.desk = Desk(self.store, self.station, self.log, lambda task: self.looks[task.path.read_bytes()])

    def log(self, book):
        return BookLog(self.root / "books" / f"{book}.jsonl")

    def file(self, name, *frames, data=None, problem="", stream="scanner", book="", last_try=False):
        """Let a file arrive; `frames` are Frames, or Sheets for cover sheets."""
        data = data or name.encode()
        sheets = {number: frame for number, frame in enumerate(frames) if isinstance(frame, Sheet)}
        plain = tuple(PAGE if isinstance(frame, Sheet) else frame for frame in frames)
        self.looks[data] = Look("" if problem else "image/jpeg", plain, {}, sheets, problem)
        return self.desk.receive(Arrival(name, partial(io.BytesIO, data)), stream, book, last_try)

    def names(self, book):
        return [capture.source for capture in self.log(book).state().current]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_page_goes_into_the_book_of_its_folder(place):
    taken = place.file("a.jpg", PAGE, book=ONE)
    assert [(book, capture.source) for book, capture in taken.captures] == [(ONE, "a.jpg")]
    assert place.store.read(taken.sha256, verify=True) == b"a.jpg"
    assert place.store.facts(taken.sha256)["name"] == "a.jpg"


def test_what_has_no_book_waits_for_one(place):
    place.file("a.jpg", PAGE)
    assert place.names(UNSORTED) == ["a.jpg"]


def test_a_sheet_opens_its_book_for_all_that_follows_in_its_stream(place):
    place.file("c1.jpg", sheet("book", ONE))
    place.file("a.jpg", PAGE)
    place.file("x.jpg", PAGE, stream="phone")
    place.file("c2.jpg", sheet("book", TWO))
    place.file("b.jpg", PAGE)
    place.file("c3.jpg", sheet("end"))
    place.file("d.jpg", PAGE)
    assert (place.names(ONE), place.names(TWO), place.names(UNSORTED)) == (["a.jpg"], ["b.jpg"], ["x.jpg", "d.jpg"])
    assert place.log(TWO).state().ended
    assert not place.log(ONE).state().ended


def test_sheets_within_a_file_of_many_pages_part_it(place):
    taken = place.file("all.pdf", PAGE, sheet("book", ONE), PAGE, PAGE, sheet("book", TWO), PAGE)
    assert [book for book, _ in taken.captures] == [UNSORTED, ONE, ONE, TWO]
    assert [capture.frame for _, capture in taken.captures] == [0, 2, 3, 5]
    assert len(taken.sheets) == 2


def test_a_retake_takes_the_place_of_the_last_page_alone(place):
    place.file("c.jpg", sheet("book", ONE))
    for name in ("a.jpg", "bad.jpg"):
        place.file(name, PAGE)
    place.file("r.jpg", sheet("retake"))
    for name in ("good.jpg", "d.jpg"):
        place.file(name, PAGE)
    assert place.names(ONE) == ["a.jpg", "good.jpg", "d.jpg"]
    assert len(place.log(ONE).state().captures) == 4


def test_a_retake_of_nothing_is_a_page(place):
    place.file("c.jpg", sheet("book", ONE))
    place.file("r.jpg", sheet("retake"))
    place.file("a.jpg", PAGE)
    assert place.names(ONE) == ["a.jpg"]


@pytest.mark.parametrize("role", ["blank", "slip"])
def test_a_role_is_that_of_the_next_page_alone(place, role):
    place.file("c.jpg", sheet("book", ONE))
    place.file("s.jpg", sheet(role))
    place.file("two.tif", PAGE, PAGE)
    place.file("b.jpg", PAGE)
    state = place.log(ONE).state()
    assert state.roles == {state.captures[0].id: role}
    assert place.names(ONE) == ["two.tif", "two.tif", "b.jpg"]


def test_after_a_sheet_that_cannot_be_read_pages_wait_for_their_book(place):
    place.file("c.jpg", sheet("book", ONE))
    place.file("a.jpg", PAGE)
    taken = place.file("bad.jpg", Sheet(unreadable="checksum"))
    place.file("b.jpg", PAGE)
    assert taken.unreadable_sheets == 1
    assert (place.names(ONE), place.names(UNSORTED)) == (["a.jpg"], ["b.jpg"])
    assert place.station.state().covers[-1].code == "cover_unreadable"


def test_the_name_of_a_folder_outweighs_a_sheet_of_another_book(place):
    place.file("c.jpg", sheet("book", TWO), book=ONE)
    place.file("a.jpg", PAGE, book=ONE)
    assert place.names(ONE) == ["a.jpg"]
    assert place.station.state().covers[-1].code == "cover_of_another_book"


def test_everything_once_more_changes_nothing(place):
    def all_of_it():
        place.file("c.jpg", sheet("book", ONE))
        place.file("a.jpg", PAGE)
        place.file("r.jpg", sheet("retake"))
        place.file("b.jpg", PAGE)
        place.file("e.jpg", sheet("end"))
        place.file("x.jpg", PAGE)
        place.file("bad.jpg", problem="truncated", last_try=True)

    def standing():
        states = [place.log(book).state() for book in (ONE, UNSORTED)]
        return ([(state.captures, state.superseded, state.roles, state.set_aside, state.ended) for state in states],
                place.station.state().open, {key: value for key, value in place.station.state().pending.items() if value})

    all_of_it()
    before = standing()
    all_of_it()
    assert standing() == before
    assert place.names(ONE) == ["b.jpg"]


def test_the_same_bytes_twice_are_one_original_and_one_page_with_both_names(place):
    for name in ("a.jpg", "b.jpg"):
        place.file(name, PAGE, data=b"same", book=ONE)
    state = place.log(ONE).state()
    assert len(state.captures) == len(place.store.list()) == 1
    assert next(iter(state.names.values())) == ("a.jpg", "b.jpg")


def test_what_is_not_whole_is_not_kept_until_the_last_try(place):
    assert place.file("a.jpg", PAGE, problem="truncated") == NotYet("truncated")
    assert place.store.list() == []
    assert not place.log(UNSORTED).path.exists()
    taken = place.file("a.jpg", problem="truncated", last_try=True)
    assert isinstance(taken, Taken)
    assert [item.code for item in place.log(UNSORTED).state().set_aside] == ["truncated"]
    assert place.store.list() == [taken.sha256]


def test_a_version_that_is_whole_at_last_clears_what_was_set_aside(place):
    place.file("a.jpg", problem="truncated", data=b"half", last_try=True)
    place.file("a.jpg", PAGE, data=b"whole")
    assert place.log(UNSORTED).state().set_aside == ()
    assert place.names(UNSORTED) == ["a.jpg"]
    assert len(place.store.list()) == 2


def test_a_file_that_is_too_large_is_named_and_not_kept(place):
    place.desk._limits = place.desk._limits.__class__(max_bytes=3)
    assert place.file("a.jpg", PAGE, book=ONE) == NotYet("too_many_bytes")
    taken = place.file("a.jpg", PAGE, book=ONE, last_try=True)
    assert isinstance(taken, SetAside)
    assert [item.code for item in place.log(ONE).state().set_aside] == ["too_many_bytes"]
    assert place.store.list() == []


def test_a_refused_frame_is_set_aside_and_the_others_are_pages(place):
    place.file("a.pdf", PAGE, Frame(0, 0, refused="no_scan_in_pdf"), PAGE, book=ONE)
    state = place.log(ONE).state()
    assert [capture.frame for capture in state.captures] == [0, 2]
    assert [(item.code, item.frame) for item in state.set_aside] == [("no_scan_in_pdf", 1)]


def test_an_original_that_no_log_knows_is_adopted(place):
    place.file("a.jpg", PAGE, book=ONE)
    place.file("c.jpg", sheet("end"))
    place.file("bad.jpg", problem="damaged", last_try=True)
    lost = place.store.accept(io.BytesIO(b"lost")).sha256
    place.looks[b"lost"] = Look("image/jpeg", (PAGE,))
    logs = [place.station, place.log(ONE), place.log(UNSORTED)]
    assert orphans(place.store, logs) == [lost]
    place.desk.adopt(lost)
    assert orphans(place.store, logs) == []
    assert [capture.sha256 for capture in place.log(UNSORTED).state().captures] == [lost]


def test_a_person_may_open_a_book_for_a_stream(place):
    place.desk.open_book("phone", ONE)
    place.file("a.jpg", PAGE, stream="phone")
    assert place.names(ONE) == ["a.jpg"]


def test_a_file_that_is_gone_again_has_never_come(place):
    def gone():
        raise UnreadableImage("file_missing", file="a.jpg")

    for last_try in (False, True):
        assert place.desk.receive(Arrival("a.jpg", gone), "scanner", last_try=last_try) == NotYet("file_missing")
    assert not place.log(UNSORTED).path.exists()
