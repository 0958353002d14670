"""Both packages: complete, the same twice, whole or absent; and every fault in them is found."""

import csv
import gc
import hashlib
import json
import os
import random
import sys
import zipfile
from dataclasses import replace
from datetime import datetime

import bagit
import pytest
from openpyxl import load_workbook

from bookpack.archive import write_archive
from bookpack.contents import ArchiveParams, MinistryParams
from bookpack.ministry import write_ministry
from bookpack.verify import verify
from errors import BrokenPackage, StorageFailed


def _hashes(folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def _write_both(folder, contents):
    write_archive(folder, contents, ArchiveParams())
    write_ministry(folder, contents, MinistryParams())


def _codes(package):
    return [problem.code for problem in verify(package)]


def test_the_bag_is_a_bag_to_the_reference_library(archive, contents):
    bag = bagit.Bag(str(archive.folder))
    assert bag.validate()
    assert bag.info["External-Identifier"] == "KH.1994.14800.03"
    assert bag.info["Bagging-Date"] == "2026-11-23"


def test_the_bag_holds_originals_recipes_and_log(archive, contents):
    originals = archive.folder / "data" / "representations" / "originals" / "data"
    for original in contents.originals:
        assert (originals / original.path.name).read_bytes() == original.path.read_bytes()
    data = archive.folder / "data" / "metadata" / "other"
    for page in contents.pages:
        assert json.loads((data / "recipes" / f"{page.id}.json").read_text(encoding="utf-8")) == page.recipe.to_json()
    assert [json.loads(line) for line in (data / "log.jsonl").read_text(encoding="utf-8").splitlines()] == list(contents.log)
    with open(data / "originals.csv", encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["sha256"] for row in rows] == [original.sha256 for original in contents.originals]
    assert [row["name"] for row in rows] == ["IMG_0.JPG", "ảnh, 1.JPG", "IMG\\udcff 2.JPG"]


def test_words_with_line_ends_add_no_entry_to_the_bag(contents, tmp_path):
    written = write_archive(tmp_path / "out", replace(contents, place_name="xã\nPayload-Oxum: 0.0"), ArchiveParams())
    assert bagit.Bag(str(written.folder)).validate()


def test_the_zip_has_a_pdf_a_case_and_a_manifest_that_knows_it_by_any_name(ministry):
    with zipfile.ZipFile(ministry.zip) as package:
        names = package.namelist()
        assert package.testzip() is None
        assert {item.compress_type for item in package.infolist()} == {zipfile.ZIP_STORED}
        manifest = json.loads(package.read("manifest.json"))
        cases = [entry for entry in manifest["files"] if not entry.get("beside")]
        for entry in cases:
            data = package.read(entry["file"])
            assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert ministry.zip.name == "KH.1994.03.zip"
    assert names == [f"KH.1994.14800.03.A4.{number}.pdf" for number in (1, 2, 3)] + ["manifest.json"]
    assert manifest["book"] == "KH.1994.14800.03"
    assert [(entry["bare"], entry["pages"]) for entry in cases] == [(f"KH19941480003A4{number}", [number])
                                                                    for number in (1, 2, 3)]


def test_the_same_book_gives_the_same_bytes(contents, tmp_path):
    for name in ("one", "two"):
        _write_both(tmp_path / name, contents)
    assert _hashes(tmp_path / "one") == _hashes(tmp_path / "two")


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00+07:00", "2036-02-29T23:59:59+07:00"])
def test_a_station_whose_clock_is_wrong_packs_all_the_same(contents, tmp_path, time):
    _write_both(tmp_path / "out", replace(contents, time=time))
    assert verify(tmp_path / "out") == []


def test_whole_packages_have_no_problems(archive, ministry):
    for package in (archive.folder, ministry.zip, ministry.workbook, archive.folder.parent):
        assert verify(package) == []


def test_each_flipped_bit_is_found_and_its_file_named(archive, ministry):
    """Three bits of each file of the bag, twenty of the zip and of the workbook, anywhere in their bytes."""
    random_numbers = random.Random(1)
    files = [path for path in sorted(archive.folder.rglob("*")) if path.is_file()]
    for path in [*files, ministry.zip, ministry.workbook]:
        data = path.read_bytes()
        package = archive.folder if path in files else path
        for _ in range(3 if path in files else 20):
            place, bit = random_numbers.randrange(len(data)), random_numbers.randrange(8)
            path.write_bytes(data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1:])
            named = " ".join(str(problem.facts["file"]) for problem in verify(package))
            inside = path == ministry.zip and ".pdf" in named  # the case within the zip is named
            assert path.name in named or inside, (path.name, place, bit)
        path.write_bytes(data)


def test_each_bit_of_the_bytes_that_no_checksum_of_the_zip_covers_is_found(contents, tmp_path):
    """Of a book of one page: a zip has these bytes whatever it holds."""
    one = replace(contents, pages=contents.pages[:1], cases=contents.cases[:1], originals=contents.originals[:1])
    path = write_ministry(tmp_path / "out", one, MinistryParams()).zip
    assert verify(path) == []
    with zipfile.ZipFile(path) as package:
        start = package.start_dir
    data = path.read_bytes()
    random_numbers = random.Random(2)
    for place in [*range(30), *random_numbers.sample(range(start, len(data)), 60)]:
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << random_numbers.randrange(8))]) + data[place + 1:])
        assert verify(path), place


@pytest.mark.parametrize("in_list, place, bit", [(True, 10, 0x08), (False, 29, 0x80)],
                         ids=["a file is compressed", "a file begins beyond the end"])
def test_a_zip_that_says_what_is_not_so_is_found(ministry, in_list, place, bit):
    with zipfile.ZipFile(ministry.zip) as package:
        start = package.start_dir if in_list else package.infolist()[-1].header_offset
    data = bytearray(ministry.zip.read_bytes())
    data[start + place] ^= bit
    ministry.zip.write_bytes(data)
    assert verify(ministry.zip)


def test_a_missing_and_an_extra_file_are_found(archive, ministry):
    (archive.folder / "data" / "metadata" / "other" / "findings.json").unlink()
    (archive.folder / "data" / "stranger.txt").write_text("?")
    found = {(problem.code, problem.facts["file"]) for problem in verify(archive.folder)}
    assert found == {("file_missing", "data/metadata/other/findings.json"), ("file_extra", "data/stranger.txt")}
    ministry.workbook.unlink()
    assert _codes(ministry.zip) == ["file_missing"]


def test_a_workbook_whose_zip_is_gone_is_found(ministry):
    ministry.zip.unlink()
    assert _codes(ministry.workbook) == ["file_missing"]
    assert _codes(ministry.workbook.parent) == ["file_missing"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_zip_is_found(ministry, share):
    data = ministry.zip.read_bytes()
    ministry.zip.write_bytes(data[: int(len(data) * share)])
    assert _codes(ministry.zip) == ["zip_unreadable"]


def test_an_original_that_is_not_what_its_name_says_is_never_packed(contents, tmp_path):
    first, second, _ = contents.originals
    second.path.write_bytes(first.path.read_bytes())
    with pytest.raises(StorageFailed) as caught:
        write_archive(tmp_path / "out", contents, ArchiveParams())
    assert (caught.value.code, caught.value.facts["file"]) == ("original_differs", str(second.path))
    assert not (tmp_path / "out" / "KH.1994.14800.03").exists()


def test_a_case_named_as_of_another_book_is_found(contents, tmp_path):
    written = write_ministry(tmp_path, contents, MinistryParams(scan_name="KS.{year}.{place}.{volume:02d}.A4.{sequence}"))
    assert _codes(written.zip) == ["name_of_other_book"] * 3


def test_a_typist_may_fill_the_workbook_in(ministry):
    book = load_workbook(ministry.workbook)
    book.active["A2"] = "05"
    book.save(ministry.workbook)
    assert verify(ministry.zip) == []


def test_a_workbook_that_was_typed_in_still_has_to_name_every_case(ministry):
    book = load_workbook(ministry.workbook)
    last = [cell.value for cell in book.active[1]].index("TenFile") + 1
    book.active.cell(2, last).value = "KH.1994.14800.03.A4.9.pdf"
    book.save(ministry.workbook)
    assert _codes(ministry.zip) == ["row_missing", "row_extra"]


def test_what_is_no_package_is_said_to_be_none(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"?")
    for path, code in [(tmp_path, "not_a_package"), (tmp_path / "photo.jpg", "not_a_package"),
                       (tmp_path / "nowhere", "package_missing"), (tmp_path / "nowhere.zip", "package_missing")]:
        with pytest.raises(BrokenPackage) as caught:
            verify(path)
        assert caught.value.code == code


WRITERS = [
    lambda folder, contents: write_archive(folder, contents, ArchiveParams()),
    lambda folder, contents: write_ministry(folder, contents, MinistryParams()),
]


@pytest.mark.parametrize("write", WRITERS)
def test_a_disk_full_at_the_last_flush_leaves_the_old_package_and_no_parts(contents, tmp_path, monkeypatch, write):
    folder = tmp_path / "out"
    write(folder, contents)
    before = _hashes(folder)
    changed = replace(contents, time="2027-01-01T00:00:00+07:00")

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("originals.durable.os.fsync", full)
    with pytest.raises(StorageFailed) as caught:
        write(folder, changed)
    assert caught.value.code == "disk_full"
    assert _hashes(folder) == before


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files is limited by the resource module of POSIX")
@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_disk_full_in_the_midst_of_a_file_does_too(contents, tmp_path, write, share):
    import resource

    folder = tmp_path / "out"
    write(folder, contents)
    before = _hashes(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest * share), hard))
    try:
        with pytest.raises(StorageFailed) as caught:
            write(folder, replace(contents, time="2027-01-01T00:00:00+07:00"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        gc.collect()  # openpyxl closes what it could not write only now, and warns
    assert caught.value.code == "disk_full"
    assert _hashes(folder) == before


def test_a_row_that_says_otherwise_than_the_name_of_its_pdf_is_found(contents, tmp_path):
    named = replace(contents.cases[0], number="5", date="1994-02-03")
    written = write_ministry(tmp_path, replace(contents, cases=(named, *contents.cases[1:])), MinistryParams())
    assert verify(written.zip) == []
    book = load_workbook(written.workbook)
    heads = [cell.value for cell in book.active[1]]
    book.active.cell(2, heads.index("so") + 1).value = "6"
    book.active.cell(2, heads.index("ngayDangKy") + 1).value = "04.02.1994"
    book.save(written.workbook)
    assert [(item.code, item.facts["column"], item.facts["value"]) for item in verify(written.zip)] == [
        ("row_differs", "so", "6"), ("row_differs", "ngayDangKy", "04.02.1994")]


def test_a_row_may_say_the_same_in_the_spreadsheets_own_way(contents, tmp_path):
    named = replace(contents.cases[0], number="5", date="1994-02-03")
    written = write_ministry(tmp_path, replace(contents, cases=(named, *contents.cases[1:])), MinistryParams())
    book = load_workbook(written.workbook)
    heads = [cell.value for cell in book.active[1]]
    book.active.cell(2, heads.index("so") + 1).value = 5
    book.active.cell(2, heads.index("ngayDangKy") + 1).value = datetime(1994, 2, 3)
    book.save(written.workbook)
    assert verify(written.zip) == []
