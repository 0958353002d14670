"""The log of a book, and where the book stands by it."""

import json

import pytest

from book import Capture
from errors import StorageFailed
from originals import eventlog
from originals.booklog import BookLog, BookState, SetAside

A, B = "a" * 64, "b" * 64


def received(sha256, name, arrival=0, frames=1):
    sizes = [{"frame": number, "width": 100 + number, "height": 50, "dpi": 300.0} for number in range(frames)]
    return {"event": "received", "sha256": sha256, "name": name, "arrival": arrival, "media": "image/tiff",
            "frames": sizes, "exif": {"make": "M"}}


def log_with(tmp_path, *events):
    log = BookLog(tmp_path / "books" / "KS.2005.31477.02.jsonl")
    for event in events:
        log.append(event)
    return log


def test_a_book_without_a_log_has_nothing(tmp_path):
    assert log_with(tmp_path).state() == BookState()


def test_captures_in_order_of_arrival_one_for_each_frame(tmp_path):
    state = log_with(tmp_path, received(B, "z.tif", 0, 2), received(A, "a.tif", 1)).state()
    assert [(capture.sha256, capture.frame, capture.arrival) for capture in state.captures] == [
        (B, 0, 0), (B, 1, 0), (A, 0, 1)]
    assert state.captures[1] == Capture(B, "image/tiff", 101, 50, 1, 300.0, "z.tif", 0, {"make": "M"})
    assert state.next_arrival == 2


def test_the_same_file_again_is_one_capture_with_both_names(tmp_path):
    state = log_with(tmp_path, received(A, "one.tif"), received(A, "two.tif")).state()
    assert len(state.captures) == 1
    assert state.names == {A: ("one.tif", "two.tif")}


def test_what_was_set_aside_is_so_until_it_is_received(tmp_path):
    aside = {"event": "set_aside", "sha256": A, "name": "one.tif", "code": "too_large", "facts": {"width": 9}}
    unread = {**aside, "sha256": None, "code": "file_unreadable"}
    log = log_with(tmp_path, aside, {**aside, "name": "again.tif"}, unread)
    assert log.state().set_aside == (
        SetAside("again.tif", "too_large", {"width": 9}, A),
        SetAside("one.tif", "file_unreadable", {"width": 9}),
    )
    log.append(received(A, "two.tif"))
    assert [item.name for item in log.state().set_aside] == ["one.tif"]
    log.append(received(B, "one.tif"))  # it could be read, or was whole, at last
    assert log.state().set_aside == ()


def test_a_retake_stands_where_the_retaken_page_stood(tmp_path):
    shas = [letter * 64 for letter in "abcdef"]
    ids = [sha[:8] for sha in shas]
    log = log_with(tmp_path, *(received(sha, f"{place}.jpg", arrival=place) for place, sha in enumerate(shas)))
    assert [capture.id for capture in log.state().current] == ids
    log.append({"event": "superseded", "old": ids[1], "new": ids[3]})
    assert [capture.id for capture in log.state().current] == [ids[0], ids[3], ids[2], ids[4], ids[5]]
    log.append({"event": "superseded", "old": ids[3], "new": ids[4]})
    assert [capture.id for capture in log.state().current] == [ids[0], ids[4], ids[2], ids[5]]
    log.append({"event": "moved", "capture": ids[2], "book": "KS.2005.31477.02"})
    assert [capture.id for capture in log.state().current] == [ids[0], ids[4], ids[5]]
    assert len(log.state().captures) == 6


def test_a_circle_of_retakes_ends(tmp_path):
    a, b = "a" * 64, "b" * 64
    log = log_with(tmp_path, received(a, "a.jpg"), received(b, "b.jpg", arrival=1),
                   {"event": "superseded", "old": a[:8], "new": b[:8]}, {"event": "superseded", "old": b[:8], "new": a[:8]})
    assert len(log.state().current) >= 1


def test_what_is_said_of_a_book_is_kept(tmp_path):
    log = log_with(tmp_path, {"event": "opened", "facts": {"layout": "spread", "pages": 100}}, {"event": "ended"},
                   {"event": "role", "capture": "abcd1234", "role": "blank"})
    assert (log.state().ended, log.state().facts["pages"], log.state().roles) == (True, 100, {"abcd1234": "blank"})
    log.append({"event": "opened", "facts": {"pages": 102}})
    assert (log.state().ended, log.state().facts) == (False, {"layout": "spread", "pages": 102})


def test_settings_are_laid_over_each_other_by_scope_stage_and_key(tmp_path):
    log = log_with(
        tmp_path,
        {"event": "settings", "scope": "book", "values": {"deskew": {"degrees": 1.0, "mode": "x"}}},
        {"event": "settings", "scope": "book",
         "values": {"deskew": {"degrees": 2.0}, "tone": {"mode": "grey"}}},
        {"event": "settings", "scope": "aaaaaaaa-L", "values": {"crop": {"margin": 3}}},
    )
    book = {"deskew": {"degrees": 2.0, "mode": "x"}, "tone": {"mode": "grey"}}
    assert log.state().settings == {"book": book, "aaaaaaaa-L": {"crop": {"margin": 3}}}
    changed = log.state().with_settings([("aaaaaaaa-L", {"crop": {"margin": 5}})])
    assert changed.settings["aaaaaaaa-L"] == {"crop": {"margin": 5}}
    assert log.state().settings["aaaaaaaa-L"] == {"crop": {"margin": 3}}


def test_events_of_a_newer_program_do_no_harm(tmp_path):
    log = log_with(tmp_path, {"event": "opened"}, {"event": "blessed", "by": "x"},
                   {"event": "packed", "package": "archive", "digest": "d"})
    assert log.state().packed["archive"]["digest"] == "d"
    assert log.state().opened == log.events()[0]["time"]
    assert log.state().last == log.events()[-1]["time"]


def test_the_state_follows_the_log_however_it_grows(tmp_path):
    log = log_with(tmp_path, received(A, "a.tif"))
    assert len(log.state().captures) == 1
    BookLog(log.path).append(received(B, "b.tif", 1))
    assert len(log.state().captures) == 2
    assert log.state() == BookLog(log.path).state()
    log.path.write_bytes(log.path.read_bytes().splitlines(keepends=True)[0])
    assert len(log.state().captures) == 1


def test_a_line_that_lacks_only_its_end_is_read_once(tmp_path):
    log = log_with(tmp_path, received(A, "a.tif"))
    log.path.write_bytes(log.path.read_bytes().rstrip(b"\n"))
    assert len(log.state().captures) == 1
    log.append(received(B, "b.tif", 1))
    assert [capture.sha256 for capture in log.state().captures] == [A, B]


def test_what_a_crash_left_of_a_line_is_no_event(tmp_path):
    log = log_with(tmp_path, received(A, "a.tif"))
    with log.path.open("ab") as file:
        file.write(b'{"event":"received","sha')
    assert len(log.events()) == 1
    log.append(received(B, "b.tif", 1))
    assert [event["name"] for event in log.events()] == ["a.tif", "b.tif"]


@pytest.mark.parametrize("line", ["rubbish", "[]", "7", '{"event":"x"}', '{"time":"x"}'])
def test_a_damaged_line_is_named(tmp_path, line):
    log = log_with(tmp_path, received(A, "a.tif"))
    log.path.write_text(log.path.read_text() + line + "\n" + log.path.read_text())
    with pytest.raises(StorageFailed) as caught:
        log.state()
    assert (caught.value.code, caught.value.facts["line"]) == ("log_damaged", 2)


def test_an_event_that_lacks_something_is_named(tmp_path):
    log = log_with(tmp_path, {"event": "opened"}, {"event": "received", "sha256": A})
    with pytest.raises(StorageFailed) as caught:
        log.state()
    assert (caught.value.code, caught.value.facts["line"]) == ("log_damaged", 2)


def test_time_is_vietnams_and_can_be_fixed(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert eventlog.now() == "2023-11-15T05:13:20+07:00"
    assert log_with(tmp_path, {"event": "opened"}).state().last == "2023-11-15T05:13:20+07:00"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    assert eventlog.now().endswith("+07:00")


def test_order_does_not_hang_on_the_clock(tmp_path, monkeypatch):
    log = log_with(tmp_path)
    for number, (sha256, epoch) in enumerate([(B, "4000000000"), (A, "0")]):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        log.append(received(sha256, sha256, number))
    assert [capture.sha256 for capture in log.state().captures] == [B, A]


def test_names_are_data(tmp_path):
    names = ['a"b\\c.jpg', "dòng\nmới.jpg", "\u202egpj", "a\u2028b", "x" * 255, "\udcff.jpg", "../x", "\0"]
    log = log_with(tmp_path, *(received(f"{number:064x}", name, number) for number, name in enumerate(names)))
    assert [event["name"] for event in log.events()] == names
    assert len(log.path.read_bytes().splitlines()) == len(names)
    assert all(json.loads(line) for line in log.path.read_bytes().splitlines())


CLOSING, CLOSED = {"event": "closing", "by": "Lan"}, {"event": "closed", "by": "Lan"}


@pytest.mark.parametrize(("later", "changed"), [
    ([], False),
    ([received(A, "a.tif")], False),  # it was there
    ([received(A, "another name.tif")], False),
    ([{"event": "opened"}, {"event": "opened", "facts": {"pages": 1}}], False),  # that was known
    ([{"event": "accepted", "by": "Hoa", "pages": {"x": "y"}}, {"event": "packed", "package": "archive"}], False),
    ([received(B, "b.tif", 1)], True),
    ([{"event": "opened", "facts": {"pages": 2}}], True),
    ([{"event": "role", "capture": A[:8], "role": "blank"}], True),
    ([{"event": "settings", "scope": "book", "values": {"deskew": {"degrees": 1}}}], True),
])
def test_a_closed_book_is_changed_by_what_makes_it_another(tmp_path, later, changed):
    before = [{"event": "opened", "facts": {"pages": 1}}, received(A, "a.tif"), CLOSING, CLOSED]
    state = log_with(tmp_path, *before, *later).state()
    assert (len(state.closings), state.changed) == (1, changed)


def test_what_comes_between_the_beginning_and_the_end_of_a_closing_counts_as_a_change(tmp_path):
    log = log_with(tmp_path, received(A, "a.tif"), CLOSING)
    assert log.state().closing["by"] == "Lan"
    log.append(received(B, "b.tif", 1))
    assert log.state().closing is None
    log.append(CLOSED)
    assert log.state().changed


def test_workers_are_those_who_did_the_work_and_not_those_who_checked_it(tmp_path):
    verdict = {"event": "verdict", "by": "Minh", "pages": {"x": {"good": True}}}
    sampled = {"event": "sampled", "by": "Lan", "pages": ["x"]}
    log = log_with(tmp_path, {"event": "accepted", "by": "Hoa", "pages": {}}, sampled, verdict, CLOSING)
    assert log.state().workers == {"Hoa"}
    assert log.state().verdicts == {"x": {"good": True, "by": "Minh"}}
    log.append(sampled)
    assert log.state().verdicts == {}


def test_a_spare_capture_is_no_page_until_it_is_one_again(tmp_path):
    spare = {"event": "role", "capture": A[:8], "role": "spare"}
    log = log_with(tmp_path, received(A, "a.tif"), received(B, "b.tif", 1), spare)
    assert [capture.sha256 for capture in log.state().current] == [B]
    log.append({"event": "role", "capture": A[:8], "role": ""})
    assert [capture.sha256 for capture in log.state().current] == [A, B]
