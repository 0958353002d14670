"""The program decides and writes on Windows what it does on Linux, to the last byte of pages, recipes and packages."""

import json
import os
import shutil
import sys
import unicodedata
import zipfile
from hashlib import sha256

import pytest

from tests.conftest import SMALL_BOOK, started

if sys.platform != "linux":
    pytest.skip("compares this system with Windows under Wine", allow_module_level=True)

CAPTURES = {  # a spread as a scanner sees it; a sheet photographed and turned by EXIF, its name decomposed
    "IMG_4.jpg": "Sổ kết hôn 1.jpg", "IMG_16.jpg": unicodedata.normalize("NFD", "Sổ kết hôn 2.jpg"),
}
MOMENT = {"SOURCE_DATE_EPOCH": "1700000000"}
AS_AT_AN_OFFICE = {"PYTHONUTF8": "0"}  # what Windows' own code page is, is the same to the program


@pytest.fixture(scope="module")
def stores(windows, small_pages, tmp_path_factory):
    """The same book made on Linux and on Windows."""
    folder = tmp_path_factory.mktemp("parity")
    (folder / "in").mkdir()
    for name, called in CAPTURES.items():
        shutil.copy(small_pages / name, folder / "in" / called)
    here, there = folder / "linux", folder / "windows"
    words = ["process", folder / "in", "--book", SMALL_BOOK, "--jobs", "1", "--json", "--out"]
    ran = started([*map(str, words), str(here)], folder, {**os.environ, **MOMENT})
    assert ran.returncode == 0, ran.stderr
    ran = windows.sohoa(*words, there, timeout=120, **MOMENT, **AS_AT_AN_OFFICE)
    assert ran.returncode == 0, ran.stderr
    return here, there


def files(store):
    return {path.relative_to(store).as_posix(): path for path in store.rglob("*") if path.is_file()}


def digests(store, ending):
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in files(store).items() if name.endswith(ending)}


def test_what_is_decided_is_the_same(stores):
    here, there = ([json.loads(path.read_text(encoding="utf-8")) for name, path in sorted(files(store).items())
                    if "/recipes/" in name] for store in stores)
    assert len(here) == 3
    assert here == there


def test_pages_are_the_same_to_the_last_bit(stores):
    here, there = (digests(store, (".jpg", ".png", ".drawing")) for store in stores)
    assert len([name for name in here if name.startswith("pages/")]) == 9
    assert here == there


def test_packages_hold_the_same(stores):
    zips = [next(store.rglob("*.zip")) for store in stores]
    here, there = ({item.filename: item.CRC for item in zipfile.ZipFile(path).infolist()} for path in zips)
    assert len(here) == 4
    assert here == there


def test_nothing_at_all_is_otherwise(stores):
    here, there = (digests(store, "") for store in stores)
    assert here == there


def test_windows_finds_what_linux_packed_whole_and_linux_what_windows_did(stores, windows, tmp_path):
    here, there = stores
    ran = windows.sohoa("verify", here / "packages" / SMALL_BOOK, "--json")
    assert (ran.returncode, json.loads(ran.stdout)["problems"]) == (0, [])
    ran = started(["verify", str(there / "packages" / SMALL_BOOK), "--json"], tmp_path, os.environ)
    assert (ran.returncode, json.loads(ran.stdout)["problems"]) == (0, [])


def test_vietnamese_is_written_to_a_pipe_whatever_the_code_page(windows):
    ran = windows.sohoa("--help", PYTHONIOENCODING="cp437", **AS_AT_AN_OFFICE)
    assert "số hóa sổ hộ tịch" in ran.stdout
