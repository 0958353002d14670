"""Both packages: valid, complete, the same twice, whole or absent; and every fault in them is found."""

import hashlib
import io
import os
import random
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import bagit
import numpy as np
import pikepdf
import pypdfium2
import pytest
from openpyxl import load_workbook
from PIL import Image

from book import Case
from bookpack.archive import write_archive
from bookpack.cases import case_names, parse_case_name
from bookpack.contents import ArchiveParams, MinistryParams
from bookpack.manifest import bare
from bookpack.ministry import write_ministry
from bookpack.verify import verify
from errors import BadConfig, BrokenPackage, StorageFailed

JARS = ("preflight", "xmpbox", "pdfbox2", "fontbox2", "commons-logging", "commons-io", "javax.activation", "jaxb-api")
JAVA_FOLDER = Path("/usr/share/java")
needs_preflight = pytest.mark.skipif(
    shutil.which("java") is None or not (JAVA_FOLDER / "preflight.jar").exists(),
    reason="the PDF/A validator (Debian: libpdfbox2-java default-jre-headless) is not installed",
)


@pytest.fixture
def archive(contents, tmp_path):
    return write_archive(tmp_path / "out", contents, ArchiveParams())


@pytest.fixture
def ministry(contents, tmp_path):
    return write_ministry(tmp_path / "out", contents, MinistryParams())


def _hashes(folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def _preflight(pdf):
    """What PDFBox's Preflight says of a file."""
    classes = ":".join(str(JAVA_FOLDER / f"{jar}.jar") for jar in JARS)
    ran = subprocess.run(["java", "-cp", classes, "org.apache.pdfbox.preflight.Validator_A1b", str(pdf)],
                         capture_output=True, text=True, timeout=120)
    return ran.stdout + ran.stderr


@needs_preflight
def test_every_pdf_is_valid_pdfa_1b(archive, ministry, tmp_path):
    zipfile.ZipFile(ministry.zip).extractall(tmp_path / "cases")
    pdfs = [*archive.folder.rglob("*.pdf"), *(tmp_path / "cases").glob("*.pdf")]
    assert len(pdfs) == 4
    for pdf in pdfs[:2] + pdfs[-1:]:
        assert "is a valid PDF/A-1b file" in _preflight(pdf)


@needs_preflight
def test_the_validator_refuses_what_is_not_pdfa(tmp_path):
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(tmp_path / "plain.pdf")
    assert "is a valid PDF/A-1b file" not in _preflight(tmp_path / "plain.pdf")


def test_the_book_holds_each_jpeg_byte_for_byte_at_its_true_size(archive, contents):
    with pikepdf.open(next(archive.folder.rglob("*.pdf"))) as pdf:
        assert len(pdf.pages) == 3
        for page, packed in zip(pdf.pages, contents.pages, strict=True):
            assert page.Resources.XObject.Page.read_raw_bytes() == packed.jpeg.read_bytes()
            assert [float(side) for side in page.mediabox[2:]] == pytest.approx([1654 / 200 * 72, 2339 / 200 * 72], 1e-4)
        assert str(pdf.docinfo["/Title"]) == contents.title
        assert pdf.open_metadata()["dc:title"] == contents.title


def test_a_second_reader_shows_the_page_as_it_is(archive, contents):
    with pypdfium2.PdfDocument(next(archive.folder.rglob("*.pdf"))) as pdf:
        shown = np.asarray(pdf[0].render(scale=200 / 72).to_pil().convert("RGB"), np.int16)
    jpeg = np.asarray(Image.open(contents.pages[0].jpeg).convert("RGB"), np.int16)
    assert abs(shown.shape[0] - jpeg.shape[0]) <= 1
    height, width = min(shown.shape[0], jpeg.shape[0]), min(shown.shape[1], jpeg.shape[1])
    assert np.abs(shown[:height, :width] - jpeg[:height, :width]).mean() < 3


def test_the_bag_is_a_bag_to_the_reference_library(archive, contents):
    bag = bagit.Bag(str(archive.folder))
    assert bag.validate()
    assert bag.info["External-Identifier"] == "KH.1994.14800.03"
    assert bag.info["Bagging-Date"] == "2026-11-23"
    for original in contents.originals:
        assert (archive.folder / "data" / "originals" / original.path.name).read_bytes() == original.path.read_bytes()


def test_the_zip_has_a_pdf_a_case_under_its_scan_stage_name(ministry):
    with zipfile.ZipFile(ministry.zip) as package:
        names = sorted(package.namelist())
        assert package.testzip() is None
    assert ministry.zip.name == "KH.1994.03.zip"
    assert names == [f"KH.1994.14800.03.A4.{number}.pdf" for number in (1, 2, 3)] + ["manifest.json"]


def test_a_case_with_number_and_date_has_its_final_name(contents):
    known = replace(contents, cases=(Case((contents.pages[0].id, contents.pages[1].id), "5", "1994-02-03"),
                                     Case((contents.pages[1].id,))))
    assert case_names(known, MinistryParams()) == ["KH.1994.03.1994-02-03.05", "KH.1994.14800.03.A4.2"]
    identity, date, number = parse_case_name("KH.1994.3.1994-02-03.0005")
    assert (identity.kind, identity.volume, date, number) == ("KH", 3, "1994-02-03", 5)
    assert parse_case_name("KH.1994.14800.03.A4.2") is None


@pytest.mark.parametrize("pattern", ["{kind}/{year}", "../{kind}", "{nothing}", "{kind", "", "{kind} {year}", "CON:{kind}"])
def test_a_pattern_that_gives_no_safe_name_is_refused(contents, tmp_path, pattern):
    with pytest.raises(BadConfig):
        write_ministry(tmp_path, contents, MinistryParams(package_name=pattern))


def test_a_pattern_that_gives_one_name_twice_is_refused(contents, tmp_path):
    with pytest.raises(BadConfig):
        write_ministry(tmp_path, contents, MinistryParams(scan_name="{kind}"))


def test_the_workbook_has_a_row_a_case_with_what_is_known(ministry):
    sheet = load_workbook(ministry.workbook).active
    rows = [dict(zip([cell.value for cell in sheet[1]], [cell.value for cell in row], strict=True))
            for row in sheet.iter_rows(min_row=2)]
    assert [row["TenFile"] for row in rows] == [f"KH.1994.14800.03.A4.{number}.pdf" for number in (1, 2, 3)]
    assert {row["quyenSo"] for row in rows} == {"03/1994"}
    assert [row["trangSo"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["noiDangKy"] == "xã Thọ Xuân"
    assert sheet.freeze_panes == "B2"


def test_a_name_without_punctuation_still_finds_its_file():
    assert bare("KH.1994.14800.03.A4.1.pdf") == bare("KH1994_1480003A41.pdf")


def test_the_same_book_gives_the_same_bytes(contents, tmp_path):
    for name in ("one", "two"):
        write_archive(tmp_path / name, contents, ArchiveParams())
        write_ministry(tmp_path / name, contents, MinistryParams())
    assert _hashes(tmp_path / "one") == _hashes(tmp_path / "two")


def test_whole_packages_have_no_problems(archive, ministry):
    assert verify(archive.folder) == []
    assert verify(ministry.zip) == []
    assert verify(ministry.workbook) == []
    assert verify(archive.folder.parent) == []


def test_each_flipped_bit_is_found_and_its_file_named(archive, ministry):
    random_numbers = random.Random(1)
    files = [path for path in sorted(archive.folder.rglob("*")) if path.is_file()] + [ministry.zip, ministry.workbook]
    for path in files:
        data = path.read_bytes()
        for _ in range(3):
            place, bit = random_numbers.randrange(len(data)), random_numbers.randrange(8)
            path.write_bytes(data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1:])
            problems = verify(archive.folder if archive.folder in path.parents else ministry.zip)
            assert problems, (path.name, place, bit)
            if path.suffix != ".zip":
                assert any(path.name in str(problem.facts.get("file")) for problem in problems), (path.name, problems)
        path.write_bytes(data)


def test_a_missing_and_an_extra_file_are_found(archive, ministry):
    (archive.folder / "data" / "findings.json").unlink()
    (archive.folder / "data" / "stranger.txt").write_text("?")
    found = {(problem.code, problem.facts["file"]) for problem in verify(archive.folder)}
    assert found == {("file_missing", "data/findings.json"), ("file_extra", "data/stranger.txt")}
    ministry.workbook.unlink()
    assert [problem.code for problem in verify(ministry.zip)] == ["file_missing"]


def test_a_cut_zip_is_found(ministry):
    data = ministry.zip.read_bytes()
    ministry.zip.write_bytes(data[: len(data) // 2])
    assert verify(ministry.zip)[0].code == "zip_unreadable"


def test_a_workbook_that_a_typist_saved_still_has_to_name_every_case(ministry):
    book = load_workbook(ministry.workbook)
    book.active.delete_rows(2)
    book.save(ministry.workbook)
    assert [problem.code for problem in verify(ministry.zip)] == ["row_missing"]


def test_what_is_no_package_is_said_to_be_none(tmp_path):
    for path, code in [(tmp_path, "not_a_package"), (tmp_path / "nowhere", "package_missing")]:
        with pytest.raises(BrokenPackage) as caught:
            verify(path)
        assert caught.value.code == code


@pytest.mark.parametrize("write", [
    lambda folder, contents: write_archive(folder, contents, ArchiveParams()),
    lambda folder, contents: write_ministry(folder, contents, MinistryParams()),
])
def test_a_full_disk_leaves_the_old_package_and_no_parts(contents, tmp_path, monkeypatch, write):
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


def test_the_profile_is_one_that_colour_engines_read():
    from PIL import ImageCms

    from bookpack.icc import srgb

    ours = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
    to_theirs = ImageCms.buildTransform(ours, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    colours = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    moved = np.asarray(ImageCms.applyTransform(colours, to_theirs), np.int16) - np.asarray(colours, np.int16)
    assert np.abs(moved).max() <= 2


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed")
def test_qpdf_finds_no_fault(archive):
    ran = subprocess.run(["qpdf", "--check", str(next(archive.folder.rglob("*.pdf")))], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not re.search("warning", ran.stdout + ran.stderr, re.IGNORECASE)
