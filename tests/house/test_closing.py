"""Closing a book as people do it: what hinders it, what is sealed, what later changes do; pages accepted, samples judged."""

import hashlib
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from book import Identity
from bookwork import Work
from closing import close
from settings import load
from workplace import Workplace

ROOT = Path(__file__).parents[2]
BOOK = "KH.1990.14800.01"
BECAUSE = "sổ cũ: số và ngày sẽ nhập ở nơi khác"


@pytest.fixture
def store(small_book, tmp_path):
    """One book of six pages, none of them doubtful."""
    return shutil.copytree(small_book, tmp_path / "store")


@pytest.fixture
def ask(sohoa, store):
    """Run a command on the store: exit code, what it said, and its JSON where there is some."""

    def run(command, *options, **environment):
        ran = sohoa(command, BOOK, *options, "--store", store, **environment)
        said = ran.stdout + ran.stderr
        return ran.returncode, json.loads(ran.stdout) if "--json" in options else said

    return run


def work_on(store):
    return Work(Workplace(store), Identity.parse(BOOK), load(), jobs=1)


def log_of(store):
    return Workplace(store).log(BOOK)


def events(store, kind=""):
    return [event for event in log_of(store).events() if kind in ("", event["event"])]


def state_pages(store, **facts):
    log_of(store).append({"event": "opened", "facts": facts})


def files(folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".sohoa")}


def blur(source, target):
    from PIL import Image, ImageFilter

    Image.open(source).filter(ImageFilter.GaussianBlur(3)).save(target, quality=90)


def add_blurred(store, small_pages, tmp_path, sohoa):
    """One more image, out of focus: its page wants to be looked at."""
    (tmp_path / "more").mkdir()
    blur(small_pages / "IMG_12.jpg", tmp_path / "more" / "IMG_20.jpg")
    ran = sohoa("process", tmp_path / "more", "--book", BOOK, "--out", store, "--json")
    return json.loads(ran.stdout)["look_again"]


def gaps(said):
    return [gap["code"] for gap in said["gaps"] if gap["hinders"]]


def test_a_book_of_which_nothing_is_stated_is_not_closed_and_nothing_changes(ask, store):
    before = files(store)
    code, said = ask("close", "--json")
    assert code == 1 and not said["closed"]
    assert gaps(said) == ["nothing_stated", "cases_unnamed"]
    code, words = ask("close")
    assert code == 1
    assert "chưa có số hoặc ngày" in words and "--because" in words
    assert files(store) == before


@pytest.mark.parametrize(("stated", "hindering"), [
    ({"pages": 6}, ["cases_unnamed"]), ({"pages": 7}, ["pages_differ", "cases_unnamed"]),
    ({"pages": 6, "cases": 6}, ["cases_differ", "cases_unnamed"]), ({"cases": 6}, ["cases_differ", "cases_unnamed"]),
])
def test_counts_are_compared_with_what_the_book_states(ask, store, stated, hindering):
    state_pages(store, **stated)
    assert gaps(ask("close", "--json")[1]) == hindering


def test_slips_stand_outside_the_count_and_blank_pages_are_pages(ask, store):
    state_pages(store, pages=5)
    for role, differs in (("page", True), ("slip", False), ("blank", True)):
        assert ask("mark", "6", "--as", role, "--by", "Lan")[0] == 0
        assert ("pages_differ" in gaps(ask("close", "--json")[1])) == differs
    assert [event["by"] for event in events(store, "role")] == ["Lan"] * 3


def test_a_spare_capture_is_no_page_and_can_be_one_again(ask, store):
    capture = log_of(store).state().current[-1].id
    assert ask("mark", "1", "--as", "spare")[0] == 2  # the other page of the spread would go with it
    assert ask("mark", capture, "--as", "spare")[0] == 0
    state_pages(store, pages=5)
    assert "pages_differ" not in gaps(ask("close", "--json")[1])
    assert ask("pack")[0] == 0
    assert len(list((store / "packages").rglob("originals/data/*"))) == 4  # kept all the same
    assert ask("mark", capture, "--as", "page")[0] == 0
    assert "pages_differ" in gaps(ask("close", "--json")[1])


def type_cases(store, *typed):
    """Number and date of each page's case, in order."""
    state = log_of(store).state()
    pages = [f"{capture.id}-{side}" for capture in state.current[:2] for side in "LR"]
    pages += [capture.id for capture in state.current[2:]]
    changes = [{"case": page, "pages": [page], "number": number, "date": date}
               for page, (number, date) in zip(pages, typed, strict=True)]
    log_of(store).append({"event": "cases", "by": "Hoa", "changes": changes})


def test_a_book_whose_cases_are_all_typed_and_counts_match_is_closed_without_a_word(ask, store):
    type_cases(store, *((str(number), f"1990-02-0{number}") for number in range(1, 7)))
    state_pages(store, pages=6, cases=6)
    code, said = ask("close", "--json")
    assert code == 0 and said["gaps"] == [] and said["event"]["counts"]["cases"] == 6
    assert "KH.1990.01.1990-02-06.06.pdf" in zip_names(store / "packages" / BOOK)


def zip_names(folder):
    return {name for path in folder.rglob("*.zip") for name in zipfile.ZipFile(path).namelist()}


def test_a_number_that_is_double_or_left_out_is_asked_about(ask, store):
    type_cases(store, *((number, f"1990-02-0{place}") for place, number in enumerate("122467", 1)))
    state_pages(store, pages=6, cases=6)
    assert gaps(ask("close", "--json")[1]) == ["number_double", "number_double", "number_jump", "number_jump"]
    code, words = ask("close")
    assert code == 1 and "số 4 đứng sau số 2" in words
    assert ask("close", "--because", "số 3 và số 5 không dùng; số 2 ghi hai lần")[0] == 0


def test_a_closed_book_is_sealed_and_its_bag_tells_how_it_was_closed(ask, store, sohoa):
    state_pages(store, pages=7)
    code, said = ask("close", "--because", BECAUSE, "--by", "Lan", "--json")
    assert code == 0, said
    assert [event["event"] for event in events(store)[-4:]] == ["closing", "packed", "packed", "closed"]
    closed = events(store)[-1]
    assert (closed["by"], closed["because"], closed["version"]) == ("Lan", BECAUSE, 1)
    assert {gap["code"] for gap in closed["gaps"]} == {"pages_differ", "cases_unnamed"}
    assert closed["counts"] == {"captures": 4, "pages": 6, "blank": 0, "slips": 0, "cases": 0}
    folder = store / "packages" / BOOK
    now = files(folder)
    assert closed["sealed"] == {name: now[name] for name in closed["sealed"]}
    assert {Path(name).suffix for name in closed["sealed"]} == {".zip", ".xlsx", ".txt"}
    assert sohoa("verify", folder).returncode == 0
    assert not [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o222]
    (inside,) = folder.rglob("log.jsonl")
    last = json.loads(inside.read_text(encoding="utf-8").splitlines()[-1])
    assert (last["event"], last["because"]) == ("closing", BECAUSE)
    (premis,) = folder.rglob("PREMIS.xml")
    assert "<eventDetail>closing</eventDetail>" in premis.read_text(encoding="utf-8")


def test_closed_again_packed_again_processed_again_nothing_changes(ask, store, sohoa, small_pages):
    assert ask("close", "--because", BECAUSE)[0] == 0
    before = files(store)
    code, words = ask("close", "--because", "một lý do khác")
    assert code == 0 and "đã đóng từ" in words
    assert ask("pack")[0] == 0
    assert sohoa("process", small_pages, "--book", BOOK, "--out", store).returncode == 0
    assert files(store) == before
    assert "đã đóng" in sohoa("books", "list", "--store", store).stdout


def test_the_same_image_again_is_no_change_of_a_closed_book(ask, store, sohoa, small_pages, tmp_path):
    assert ask("close", "--because", BECAUSE)[0] == 0
    (tmp_path / "again").mkdir()
    shutil.copy(small_pages / "IMG_4.jpg", tmp_path / "again" / "COPY.jpg")
    assert sohoa("process", tmp_path / "again", "--book", BOOK, "--out", store).returncode == 0
    assert log_of(store).state().changed is False


def test_a_later_change_makes_a_new_version_and_keeps_the_old_one_byte_for_byte(ask, store, sohoa):
    assert ask("close", "--because", BECAUSE)[0] == 0
    first = files(store / "packages" / BOOK)
    page = log_of(store).state().current[-1].id
    assert sohoa("redo", "--book", BOOK, "--out", store, "--page", page, "--set", "deskew.degrees=0.2").returncode == 0
    assert "THAY ĐỔI" in sohoa("books", "list", "--store", store).stdout
    code, said = ask("close", "--because", BECAUSE, "--json")
    assert code == 0 and said["version"] == 2 and said["folder"].endswith("v2")
    assert sohoa("verify", said["folder"]).returncode == 0
    now = files(store / "packages" / BOOK)
    assert {name: now.get(name) for name in first} == first
    assert [event["version"] for event in events(store, "closed")] == [1, 2]
    assert ask("close", "--json")[1]["before"]


def test_a_page_that_waits_must_be_looked_at_and_no_explanation_stands_for_that(
    ask, store, sohoa, small_pages, tmp_path
):
    (page,) = add_blurred(store, small_pages, tmp_path, sohoa)
    code, said = ask("close", "--because", BECAUSE, "--json")
    assert code == 1 and gaps(said) == ["waiting"]
    (waits,) = ask("waiting", "--json")[1]
    assert waits["page"] == page and waits["number"] == 7 and "mờ" in waits["message"]
    assert ask("accept", "7", "--by", "Lan")[0] == 0
    assert events(store, "accepted")[0]["by"] == "Lan"
    assert ask("waiting", "--json")[1] == []
    assert ask("close", "--because", BECAUSE)[0] == 0


def test_packing_asks_nobody_to_look_at_an_accepted_page_again(ask, store, sohoa, small_pages, tmp_path):
    (page,) = add_blurred(store, small_pages, tmp_path, sohoa)
    assert ask("pack", "--json")[1]["look_again"] == [page]
    ask("accept", page, "--by", "Lan")
    assert ask("pack", "--json")[1]["look_again"] == []
    assert "Không có trang nào phải xem lại." in ask("pack")[1]


def test_an_accepted_page_waits_again_once_it_is_developed_otherwise(ask, store, sohoa, small_pages, tmp_path):
    (page,) = add_blurred(store, small_pages, tmp_path, sohoa)
    assert ask("accept", page)[0] == 0
    assert sohoa("redo", "--book", BOOK, "--out", store, "--page", page, "--set", "deskew.degrees=0.3").returncode == 0
    assert [item["page"] for item in ask("waiting", "--json")[1]] == [page]


def test_pages_that_look_the_same_are_accepted_by_name_alone(ask, store, sohoa, small_pages, tmp_path):
    from PIL import Image

    (tmp_path / "more").mkdir()
    Image.open(small_pages / "IMG_12.jpg").save(tmp_path / "more" / "IMG_20.jpg", quality=70)  # captured twice
    sohoa("process", tmp_path / "more", "--book", BOOK, "--out", store)
    assert gaps(ask("close", "--because", BECAUSE, "--json")[1]) == ["doubles"]
    said = ask("accept", "--all", "--json")[1]
    assert said["accepted"] == [] and len(said["waiting"]) == 2
    assert ask("accept", *(item["page"] for item in said["waiting"]))[0] == 0
    assert ask("waiting", "--json")[1] == []
    assert ask("mark", said["waiting"][1]["page"], "--as", "spare")[0] == 0
    assert gaps(ask("close", "--because", BECAUSE, "--json")[1]) == []


def test_what_was_set_aside_or_waits_for_its_book_hinders_it(ask, store, sohoa, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "IMG_30.jpg").write_bytes(b"\xff\xd8\xff\xe0 half")
    sohoa("process", tmp_path / "bad", "--book", BOOK, "--out", store)
    Workplace(store).log("unsorted").append({"event": "set_aside", "name": "x.jpg", "code": "damaged"})
    state_pages(store, pages=6)
    said = ask("close", "--json")[1]
    assert gaps(said) == ["cases_unnamed", "set_aside", "unsorted"]
    assert "IMG_30.jpg" in json.dumps(said)
    assert ask("close", "--because", BECAUSE)[0] == 0


def test_a_page_or_a_book_that_is_not_there_is_told(ask, store, sohoa):
    assert ask("accept", "99")[0] == 2
    assert ask("accept")[0] == 2
    for command in ("waiting", "sample", "close"):
        assert sohoa(command, "KH.1991.14800.01", "--store", store).returncode == 66


def in_steps(store, stop_at, monkeypatch):
    """Close the book in this process; a crash comes where the step `stop_at` should begin."""
    import closing

    class Crash(BaseException):
        pass

    def crash(*_, **__):
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(closing, stop_at, crash)
        with pytest.raises(Crash):
            close(work_on(store), BECAUSE, "Lan", str)


@pytest.mark.parametrize("stop_at", ["_seal", "verify", "sha256_of", "_guard"])
def test_after_a_crash_closing_goes_on_where_it_was(ask, store, monkeypatch, stop_at):
    in_steps(store, stop_at, monkeypatch)
    packed = files(store / "packages")
    code, said = ask("close", "--json")  # the reason was given before the crash
    assert code == 0, said
    assert files(store / "packages") == packed
    assert [event["event"] for event in events(store)][-4:] == ["closing", "packed", "packed", "closed"]
    assert events(store)[-1]["by"] == "Lan"
    assert not [path for path in (store / "packages").rglob("*") if path.is_file() and path.stat().st_mode & 0o222]


def test_a_book_whose_closing_did_not_come_to_its_end_is_packed_as_an_open_one(ask, store, monkeypatch):
    in_steps(store, "_seal", monkeypatch)
    assert ask("pack", "--json")[1]["packages"]["closed"] is False
    (info,) = (store / "packages").rglob("bag-info.txt")
    assert "Closed:" not in info.read_text(encoding="utf-8")
    assert ask("close")[0] == 0
    assert "Closed:" in info.read_text(encoding="utf-8")


def test_a_sealed_package_of_which_a_file_is_gone_is_not_made_anew(ask, store):
    assert ask("close", "--because", BECAUSE)[0] == 0
    (part,) = (store / "packages" / BOOK).rglob("*.zip")
    part.unlink()
    left = files(store / "packages")
    code, words = ask("pack")
    assert (code, files(store / "packages")) == (74, left)
    assert str(part.parents[1]) in words
    assert ask("close")[0] == 1


def test_what_comes_while_the_book_is_being_closed_is_not_lost_sight_of(store, monkeypatch):
    import closing

    def checked_while_something_comes(package):
        capture = log_of(store).state().current[0].id
        log_of(store).append({"event": "role", "capture": capture, "role": "blank"})
        return []

    monkeypatch.setattr(closing, "verify", checked_while_something_comes)
    found = close(work_on(store), BECAUSE, "Lan", str)
    assert not found.closed and [gap.code for gap in found.open] == ["changed_meanwhile"]
    assert events(store, "closed") == []
    monkeypatch.undo()
    found = close(work_on(store), BECAUSE, "Lan", str)
    assert found.closed and log_of(store).state().changed is False


def test_a_sealed_file_that_is_not_as_it_was_is_told(ask, store):
    assert ask("close", "--because", BECAUSE)[0] == 0
    (table,) = (store / "packages" / BOOK).rglob("*.xlsx")
    os.chmod(table, 0o644)
    table.write_bytes(table.read_bytes() + b"x")
    code, words = ask("close")
    assert code == 1 and table.name in words


def test_a_book_is_signed_as_it_is_closed_and_a_draft_is_not(ask, store, sohoa, tmp_path):
    pytest.importorskip("pyhanko", reason="signing (the extra signing) is not installed")
    from bookpack.sign import signatures
    from tests.bookpack.test_sign import AGENCY, certificate, write_key

    authority = certificate("CA Mẫu")
    write_key(tmp_path / "key.p12", certificate(AGENCY, authority), authority, "bí mật")
    (tmp_path / "own.yaml").write_text(f"signature:\n  what: both\n  file: {tmp_path / 'key.p12'}\n", encoding="utf-8")
    own = {"SOHOA_CONFIG": str(tmp_path / "own.yaml")}
    assert ask("pack", **own)[0] == 0
    assert not signatures(next((store / "packages").rglob(f"{BOOK}.pdf")))
    assert ask("close", "--because", BECAUSE, **own)[0] == 78  # no password
    assert ask("close", "--because", BECAUSE, **own, SOHOA_SIGNING_PASSWORD="sai")[0] == 78
    assert events(store, "closing") == []
    code, words = ask("close", "--because", BECAUSE, **own, SOHOA_SIGNING_PASSWORD="bí mật")
    assert code == 0, words
    (signed,) = signatures(next((store / "packages").rglob(f"{BOOK}.pdf")))
    assert (signed.name, signed.intact, signed.whole) == (AGENCY, True, True)
    assert "bí mật" not in log_of(store).path.read_text(encoding="utf-8")
    checked = sohoa("verify", store / "packages" / BOOK)
    assert checked.returncode == 0, checked.stdout
    before = files(store / "packages")
    assert ask("pack", **own)[0] == 0
    assert files(store / "packages") == before


def judged(ask, pages, by="Minh", word="good", *options):
    return ask("sample", *(f"--verdict={page}={word}" for page in pages), "--by", by, "--json", *options)


def test_a_sample_is_drawn_once_and_again_only_when_a_page_has_changed(ask, store, sohoa):
    code, said = ask("sample", "--by", "Lan", "--json")
    assert code == 0 and said["new"] and said["outcome"] == "open"
    assert [page["number"] for page in said["pages"]] == [1, 2, 3, 4, 5, 6]  # of so few, all
    assert ask("sample", "--json")[1] == said | {"new": False}
    assert ask("sample", "--seed", said["seed"], "--json")[1] == said | {"new": False}
    assert ask("sample", "--seed", said["seed"] + 1)[0] == 2
    sohoa("redo", "--book", BOOK, "--out", store, "--set", "deskew.degrees=0.2")
    assert ask("sample", "--verdict", "1=good", "--by", "Minh")[0] == 2
    again = ask("sample", "--json")[1]
    assert again["new"] and again["seed"] != said["seed"]
    assert len(events(store, "sampled")) == 2


def test_a_sample_that_all_is_good_of_is_accepted_and_one_bad_page_is_rework(ask, store):
    ask("sample")
    assert judged(ask, [1, 2, 3, 4, 5])[1]["outcome"] == "open"
    code, said = judged(ask, [6])
    assert code == 0 and said["outcome"] == "accepted"
    code, said = ask("sample", "--verdict", "2=bad:mờ chữ", "--by", "Minh", "--json")
    assert code == 1 and said["outcome"] == "rework" and said["bad"] == 1
    assert said["pages"][1]["verdict"] == {"good": False, "by": "Minh", "reason": "mờ chữ"}
    assert ask("sample")[0] == 1


def test_missing_pages_are_rework_whatever_the_sample_says(ask, store):
    state_pages(store, pages=7)
    ask("sample")
    code, said = judged(ask, range(1, 7))
    assert (code, said["outcome"], said["missing"]) == (1, "rework", 1)
    assert ask("mark", "6", "--as", "slip")[0] == 0
    assert ask("sample", "--json")[1]["missing"] == 2  # a slip is no page
    assert ask("close", "--because", "hai tờ đã rách mất từ trước")[0] == 0
    assert ask("sample", "--json")[1]["missing"] == 0


def test_who_had_a_hand_in_the_work_does_not_judge_it(ask, store, sohoa, small_pages, tmp_path):
    add_blurred(store, small_pages, tmp_path, sohoa)
    ask("accept", "--all", "--by", "Trần Thị Mẫu")
    ask("sample", "--by", "Trần Thị Mẫu")
    code, words = ask("sample", "--verdict", "1=good", "--by", " trần thị mẫu")
    assert code == 2 and "người thứ hai" in words
    assert ask("sample", "--verdict", "1=good", "--by", "")[0] == 2
    assert events(store, "verdict") == []
    assert ask("sample", "--verdict", "1=good", "--by", "trần thị mẫu", "--same-person")[0] == 0
    assert events(store, "verdict")[0]["same_person"] is True


@pytest.mark.parametrize("verdict", ["1", "1=perhaps", "=good"])
def test_a_verdict_of_another_form_is_told(ask, verdict):
    code, words = ask("sample", "--verdict", verdict, "--by", "Minh")
    assert code == 2 and "SỐ_TRANG=good" in words


def test_the_sheet_of_the_sample_links_pages_and_originals_that_are_there(ask, store):
    sheet = Path(ask("sample", "--json")[1]["sheet"])
    html = sheet.read_text(encoding="utf-8")
    links = re.findall(r'src="([^"]+)"', html)
    assert len(links) == 12
    assert all((sheet.parent / link).resolve().is_file() for link in links)
    assert "http" not in html
    ask("sample", "--verdict", "1=bad:<b>mờ</b>", "--by", "Minh")
    assert "&lt;b&gt;mờ&lt;/b&gt;" in sheet.read_text(encoding="utf-8")
