"""The ministry package in parts: each opens by itself, none too large; files are known whatever became of their names."""

import json
import re
import zipfile
from dataclasses import replace

import pytest
from openpyxl import load_workbook

from bookpack.contents import MinistryParams
from bookpack.manifest import MANIFEST
from bookpack.ministry import write_ministry
from bookpack.verify import identify, renamed, verify
from errors import BadConfig


def manifest_of(archive):
    with zipfile.ZipFile(archive) as package:
        assert package.testzip() is None
        return json.loads(package.read(MANIFEST))


def cases(manifest):
    return [item["file"] for item in manifest["files"] if not item.get("beside")]


@pytest.fixture
def whole(ministry):
    """The sizes of the PDFs of the package in one zip."""
    return {item["file"]: item["bytes"] for item in manifest_of(ministry.zip)["files"] if not item.get("beside")}


@pytest.fixture
def limit(whole):
    """So many MB that two PDFs fit into a part and three do not."""
    return (sum(whole.values()) - 1) / 1e6


@pytest.fixture
def parts(contents, tmp_path, limit):
    return write_ministry(tmp_path / "parts", contents, MinistryParams(part_mb=limit))


def test_each_part_opens_by_itself_and_knows_its_set(parts, whole):
    assert [path.name for path in parts.zips] == ["KH.1994.03.P01.zip", "KH.1994.03.P02.zip"]
    manifests = [manifest_of(path) for path in parts.zips]
    assert [manifest["part"] for manifest in manifests] == [1, 2]
    assert {tuple(manifest["parts"]) for manifest in manifests} == {tuple(path.name for path in parts.zips)}
    assert {manifest["book"] for manifest in manifests} == {"KH.1994.14800.03"}
    assert [name for manifest in manifests for name in cases(manifest)] == list(whole)
    assert all(cases(manifest) for manifest in manifests)
    assert verify(parts.zip.parent) == verify(parts.zips[1]) == verify(parts.workbook) == []


@pytest.mark.parametrize("share", [0.35, 0.5, 0.7, 0.99])
def test_no_part_is_larger_than_asked_for_unless_one_pdf_is(contents, tmp_path, whole, share):
    most = sum(whole.values()) / 1e6 * share
    for path in write_ministry(tmp_path / "parts", contents, MinistryParams(part_mb=most)).zips:
        assert path.stat().st_size <= most * 1e6 or len(cases(manifest_of(path))) == 1


def test_a_pdf_larger_than_a_part_has_one_for_itself(contents, tmp_path):
    parts = write_ministry(tmp_path / "parts", contents, MinistryParams(part_mb=0.001))
    assert [len(cases(manifest_of(path))) for path in parts.zips] == [1, 1, 1]
    assert verify(parts.zip.parent) == []


def test_without_a_limit_there_is_one_zip(contents, tmp_path):
    assert len(write_ministry(tmp_path / "one", contents, MinistryParams(part_mb=0.0)).zips) == 1


def test_parts_of_an_earlier_packing_are_gone_when_the_set_is_smaller(contents, tmp_path, parts):
    again = write_ministry(tmp_path / "parts", contents, MinistryParams())
    assert sorted(path.name for path in again.zip.parent.iterdir()) == ["KH.1994.03.xlsx", "KH.1994.03.zip"]
    assert again.kept == ()


def test_a_missing_part_is_found(parts):
    parts.zips[1].unlink()
    assert [(item.code, item.facts["file"]) for item in verify(parts.zip)] == [("file_missing", "KH.1994.03.P02.zip")]


def test_parts_of_two_packings_are_told_apart(contents, tmp_path, parts, limit):
    later = write_ministry(tmp_path / "later", replace(contents, time="2026-12-01T08:00:00+07:00"),
                           MinistryParams(part_mb=limit))
    parts.zips[0].write_bytes(later.zips[0].read_bytes())
    assert {item.code for item in verify(parts.zip)} == {"parts_differ", "file_missing"}


def test_parts_are_known_though_a_system_stripped_their_names(parts):
    for path in [*parts.zips, parts.workbook]:
        path.rename(path.with_name(re.sub(r"[^0-9A-Za-z]", "", path.stem) + path.suffix))
    assert verify(parts.zip.parent) == []


def test_a_pattern_that_names_parts_alike_is_refused(contents, tmp_path, limit):
    with pytest.raises(BadConfig) as caught:
        write_ministry(tmp_path / "parts", contents, MinistryParams(part_mb=limit, part_name="{package}"))
    assert caught.value.facts["key"] == "ministry.part_name"


@pytest.fixture
def loose(ministry, tmp_path):
    """The package unpacked by a system that strips the punctuation from names, and calls two files as it likes."""
    folder = tmp_path / "received"
    with zipfile.ZipFile(ministry.zip) as package:
        package.extractall(folder)
    (folder / ministry.workbook.name).write_bytes(ministry.workbook.read_bytes())
    for number, path in enumerate(sorted(folder.iterdir())):
        stem = "upload1" if number == 1 else re.sub(r"[^0-9A-Za-z]", "", path.stem)
        path.rename(path.with_name(f"{stem}{path.suffix}"))
    return folder


def test_files_are_known_by_their_checksums_whatever_they_are_called(loose):
    assert verify(loose) == []
    assert renamed(loose) == identify(loose) == {
        "upload1.pdf": "KH.1994.14800.03.A4.1.pdf", "KH19941480003A42.pdf": "KH.1994.14800.03.A4.2.pdf",
        "KH19941480003A43.pdf": "KH.1994.14800.03.A4.3.pdf", "KH199403.xlsx": "KH.1994.03.xlsx"}


def test_a_changed_and_a_missing_file_are_found_among_renamed_ones(loose):
    (loose / "upload1.pdf").unlink()
    changed = loose / "KH19941480003A43.pdf"
    changed.write_bytes(changed.read_bytes()[:-1])
    assert {(item.code, item.facts["file"]) for item in verify(loose)} == {
        ("file_missing", "KH.1994.14800.03.A4.1.pdf"), ("file_changed", "KH19941480003A43.pdf")}


def test_a_typist_may_fill_the_workbook_in_among_renamed_files(loose):
    table = load_workbook(loose / "KH199403.xlsx")
    table.active["A2"] = "5"
    table.save(loose / "KH199403.xlsx")
    assert verify(loose) == []


def test_a_part_that_is_missing_is_found_among_unpacked_files(parts, tmp_path):
    folder = tmp_path / "received"
    with zipfile.ZipFile(parts.zips[0]) as package:
        package.extractall(folder)
    (folder / parts.workbook.name).write_bytes(parts.workbook.read_bytes())
    assert [(item.code, item.facts["file"]) for item in verify(folder)] == [("file_missing", parts.zips[1].name)]


def test_what_was_typed_is_kept_before_the_package_is_written_anew(contents, tmp_path, ministry):
    book = load_workbook(ministry.workbook)
    book.active["A2"] = "05"
    book.save(ministry.workbook)
    typed = ministry.workbook.read_bytes()
    again = write_ministry(tmp_path / "out", contents, MinistryParams())
    assert [(path.name, path.read_bytes()) for path in again.kept] == [("KH.1994.03-1.xlsx", typed)]
    assert verify(tmp_path / "out") == []
    assert write_ministry(tmp_path / "out", contents, MinistryParams()).kept == ()


def test_each_typed_workbook_is_kept_once(contents, tmp_path, ministry):
    first = ministry.workbook.read_bytes()
    for text in ("05", "06", "06"):
        book = load_workbook(ministry.workbook)
        book.active["A2"] = text
        book.save(ministry.workbook)
        typed = ministry.workbook.read_bytes()
        assert write_ministry(tmp_path / "out", contents, MinistryParams()).kept
        assert ministry.workbook.read_bytes() == first
        ministry.workbook.write_bytes(typed)
        write_ministry(tmp_path / "out", contents, MinistryParams())
    kept = sorted((tmp_path / "out" / "typed").iterdir())
    assert [load_workbook(path).active["A2"].value for path in kept[:2]] == ["05", "06"]
    assert len({path.read_bytes() for path in kept}) == len(kept)


def test_a_file_that_somebody_put_into_the_package_is_kept(contents, tmp_path, ministry):
    (ministry.zip.parent / "ghi chú.txt").write_text("gọi lại xã", encoding="utf-8")
    (kept,) = write_ministry(tmp_path / "out", contents, MinistryParams()).kept
    assert (kept.name, kept.read_text(encoding="utf-8")) == ("ghi chú-1.txt", "gọi lại xã")
