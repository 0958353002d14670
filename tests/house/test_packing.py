"""Packing as a person does it: which packages, what was typed, versions after a closing, a copy on another medium."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import bagit
import pytest
from openpyxl import load_workbook

from tests.bookpack.flips import flip

BOOK = "KH.1990.14800.01"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packed(small_pages, tmp_path_factory):
    """A store with a book of one page, of which the ministry package alone was asked for."""
    root = tmp_path_factory.mktemp("packed")
    (root / "in").mkdir()
    shutil.copy(small_pages / "IMG_12.jpg", root / "in")
    ran = subprocess.run([sys.executable, str(ROOT / "sohoa.py"), "process", str(root / "in"), "--book", BOOK, "--out",
                          str(root / "store"), "--profile", "ministry", "--json"], capture_output=True, text=True,
                         timeout=300)
    assert ran.returncode == 0, ran.stderr
    return root / "store", json.loads(ran.stdout)["packages"]


@pytest.fixture
def store(packed, tmp_path):
    return shutil.copytree(packed[0], tmp_path / "store")


@pytest.fixture
def pack(store, sohoa):
    """Pack the book: what came of it, as JSON."""
    def run(*options):
        ran = sohoa("pack", BOOK, "--store", store, "--json", *options)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def events(store, kind):
    lines = (store / "books" / f"{BOOK}.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def files(folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def type_into(workbook, text):
    book = load_workbook(workbook)
    book.active["A2"] = text
    book.save(workbook)
    return workbook.read_bytes()


def test_only_the_package_asked_for_is_made(packed):
    store, said = packed
    assert said["archive"] is None and said["ministry_parts"] == [said["ministry"]]
    assert [path.name for path in (store / "packages" / BOOK).iterdir()] == ["ministry"]


def test_the_other_package_is_added_and_the_first_stays(store, pack):
    before = files(store / "packages")
    said = pack()["packages"]
    assert Path(said["archive"]).is_dir()
    assert files(store / "packages").items() >= before.items()
    assert [event["package"] for event in events(store, "packed")] == ["ministry", "archive"]
    assert pack()["packages"] == said
    assert len(events(store, "packed")) == 2


def test_a_workbook_that_somebody_typed_in_is_kept_and_told(store, pack, sohoa):
    workbook = store / "packages" / BOOK / "ministry" / "KH.1990.01.xlsx"
    typed = type_into(workbook, "05")
    pack()
    assert workbook.read_bytes() == typed  # nothing has changed, so nothing is written
    sohoa("books", "add", BOOK, "--store", store, "--pages", "1")
    ran = sohoa("pack", BOOK, "--store", store)
    kept = store / "packages" / BOOK / "typed" / "KH.1990.01-1.xlsx"
    assert kept.read_bytes() == typed
    assert str(kept) in ran.stdout and "đã có người nhập" in ran.stdout
    assert load_workbook(workbook).active["A2"].value is None
    assert sohoa("verify", store / "packages").returncode == 0


def close(store, sohoa, pages):
    """Close the book, of which it is said now that it has so many pages."""
    assert sohoa("books", "add", BOOK, "--store", store, "--pages", pages).returncode == 0
    closed = sohoa("close", BOOK, "--store", store, "--because", "sổ chưa nhập số", "--by", "Lan")
    assert closed.returncode == 0, closed.stdout + closed.stderr
    return files(store / "packages" / BOOK)


def test_a_change_after_closing_makes_a_new_version_and_leaves_the_old_one(store, pack, sohoa):
    first = close(store, sohoa, 1)
    said = pack()["packages"]
    assert (said["version"], said["closed"], files(store / "packages" / BOOK)) == (1, True, first)
    assert close(store, sohoa, 2).items() >= first.items()
    second = store / "packages" / BOOK / "v2"
    said = pack()["packages"]
    assert (said["version"], said["closed"], Path(said["archive"]).parent) == (2, True, second)
    info = bagit.Bag(str(second / BOOK)).info
    tags = store / "packages" / BOOK / BOOK / "tagmanifest-sha256.txt"
    assert (info["Version"], info["Previous-Version"]) == ("2", hashlib.sha256(tags.read_bytes()).hexdigest())
    assert sohoa("verify", store / "packages" / BOOK).returncode == 0
    tags.chmod(0o644)
    tags.write_bytes(tags.read_bytes() + b"\n")
    told = json.loads(sohoa("verify", second / BOOK, "--json").stdout)
    assert [(item["code"], item["version"]) for item in told["problems"]] == [("version_changed", 1)]


def test_a_second_copy_is_written_once_logged_and_whole_by_itself(store, pack, sohoa, tmp_path):
    medium = tmp_path / "medium"
    medium.mkdir()
    said = pack("--copy-to", medium, "--by", "Lan")
    copied = medium / BOOK
    assert files(copied) == files(store / "packages" / BOOK)
    assert said["copy"]["written"] and said["copy"]["files"] == len(files(copied))
    assert not pack("--copy-to", medium)["copy"]["written"]
    (event,) = events(store, "copied")
    assert (event["by"], event["folder"], event["digest"]) == ("Lan", str(medium), said["copy"]["digest"])
    shutil.rmtree(store, ignore_errors=True)
    assert sohoa("verify", copied).returncode == 0


def test_a_medium_that_is_away_is_told_and_the_packages_are_there(store, sohoa):
    ran = sohoa("pack", BOOK, "--store", store, "--copy-to", store.parent / "usb")
    assert ran.returncode == 74
    assert "vẫn an toàn" in ran.stderr
    assert sohoa("verify", store / "packages").returncode == 0


def test_a_damaged_package_is_made_anew_when_asked_for(store, pack, sohoa):
    whole = files(store / "packages")
    archive = next((store / "packages").rglob("*.zip"))
    flip(archive, archive.stat().st_size // 2, 0)
    checked = sohoa("verify", store / "packages")
    assert checked.returncode == 1 and "sohoa pack --again" in checked.stdout
    pack("--profile", "ministry", "--again")
    assert files(store / "packages") == whole


def test_packing_tells_how_far_it_has_come(store):
    from book import Identity
    from pipeline import Received, finish
    from settings import load
    from workplace import Workplace

    told = []
    finish(Workplace(store), Identity.parse(BOOK), load(), 1, lambda *facts: told.append(facts), Received(0, 1, (), ()))
    assert [facts for facts in told if facts[0] == "pack"] == [("pack", 0, 2), ("pack", 1, 2), ("pack", 2, 2)]
