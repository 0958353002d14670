"""The PDFs: valid PDF/A-1b, each JPEG as it is, true sizes, the same bytes again, memory that no book fills."""

import io
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageCms

from bookpack.archive import write_book
from bookpack.drawing import read_drawing
from bookpack.icc import srgb
from bookpack.pdf import PdfFacts, PdfPage, write_pdf

ROOT = Path(__file__).parents[2]
JARS = ("preflight", "xmpbox", "pdfbox2", "fontbox2", "commons-logging", "commons-io", "javax.activation", "jaxb-api")
JAVA_FOLDER = Path("/usr/share/java")
VALID = "is a valid PDF/A-1b file"
needs_preflight = pytest.mark.skipif(
    shutil.which("java") is None or not (JAVA_FOLDER / "preflight.jar").exists(),
    reason="the PDF/A validator (Debian: libpdfbox2-java default-jre-headless) is not installed",
)


def _preflight(pdf):
    """What PDFBox's Preflight says of a file."""
    classes = ":".join(str(JAVA_FOLDER / f"{jar}.jar") for jar in JARS)
    ran = subprocess.run(["java", "-cp", classes, "org.apache.pdfbox.preflight.Validator_A1b", str(pdf)],
                         capture_output=True, text=True, timeout=120)
    return ran.stdout + ran.stderr


def _book(archive):
    return next(archive.folder.rglob("*.pdf"))


@needs_preflight
def test_book_and_cases_are_valid_pdfa_1b(archive, ministry, tmp_path):
    zipfile.ZipFile(ministry.zip).extractall(tmp_path / "cases")
    colour, _, grey = sorted((tmp_path / "cases").glob("*.pdf"))
    for pdf in (_book(archive), colour, grey):
        assert VALID in _preflight(pdf)


@needs_preflight
@pytest.mark.parametrize(("kind", "author"), [("<kết hôn> & \"khai sinh\"", ""), ("𠊛\n\x0b hai dòng", "UBND\txã\n")])
def test_awkward_words_leave_it_valid(contents, tmp_path, kind, author):
    write_book(tmp_path / "book.pdf", replace(contents, kind_name=kind, author=author))
    assert VALID in _preflight(tmp_path / "book.pdf")


@needs_preflight
def test_the_validator_refuses_what_is_not_pdfa(tmp_path):
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(tmp_path / "plain.pdf")
    assert VALID not in _preflight(tmp_path / "plain.pdf")


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed")
def test_qpdf_finds_no_fault(archive):
    ran = subprocess.run(["qpdf", "--check", str(_book(archive))], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "warning" not in (ran.stdout + ran.stderr).lower()


def test_the_book_holds_each_jpeg_byte_for_byte_at_its_true_size(archive, contents):
    with pikepdf.open(_book(archive)) as pdf:
        assert len(pdf.pages) == 3
        for page, packed in zip(pdf.pages, contents.pages, strict=True):
            assert page.Resources.XObject.P0.read_raw_bytes() == packed.jpeg.read_bytes()
            assert [float(side) for side in page.mediabox[2:]] == pytest.approx([1654 / 200 * 72, 2339 / 200 * 72], 1e-4)
        assert str(pdf.docinfo["/Title"]) == contents.title
        assert pdf.open_metadata()["dc:title"] == contents.title
        assert [page.label for page in pdf.pages] == ["1", "2", "3"]


def test_a_second_reader_shows_the_page_as_it_is(archive, contents):
    with pypdfium2.PdfDocument(_book(archive)) as pdf:
        shown = np.asarray(pdf[0].render(scale=200 / 72).to_pil().convert("RGB"), np.int16)
    jpeg = np.asarray(Image.open(contents.pages[0].jpeg).convert("RGB"), np.int16)
    assert abs(shown.shape[0] - jpeg.shape[0]) <= 1
    height, width = min(shown.shape[0], jpeg.shape[0]), min(shown.shape[1], jpeg.shape[1])
    assert np.abs(shown[:height, :width] - jpeg[:height, :width]).mean() < 3


def test_every_reader_finds_all_pages_where_the_table_says(contents):
    written = io.BytesIO()
    drawing = read_drawing(contents.pages[0].drawing)
    pages = [PdfPage(drawing, str(number)) for number in range(1, 301)]
    write_pdf(written, pages, PdfFacts("Sổ", "", "sohoa", contents.time))
    with pikepdf.open(written, attempt_recovery=False) as pdf:
        assert len(pdf.pages) == 300
        assert pdf.pages[299].label == "300"
        assert not pdf.get_warnings()


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read from the resource module of POSIX")
def test_memory_does_not_grow_with_the_book(tmp_path):
    jpeg = tmp_path / "page.jpg"
    jpeg.write_bytes(bytes(4_000_000))  # what a page weighs; its bytes are copied, not read
    program = """
import resource, sys
from pathlib import Path
from bookpack.drawing import Drawing, Picture, Piece
from bookpack.pdf import PdfFacts, PdfPage, write_pdf
jpeg = Path(sys.argv[1])
picture = Picture(Piece(jpeg, 0, jpeg.stat().st_size), 10, 10, False)
pages = [PdfPage(Drawing(10, 10, 300.0, (picture,)), "1")] * int(sys.argv[2])
with open(sys.argv[1] + ".pdf", "wb") as file:
    write_pdf(file, pages, PdfFacts("a", "b", "c", "2026-01-01T00:00:00+07:00"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
"""
    peaks = [int(subprocess.run([sys.executable, "-c", program, str(jpeg), str(pages)], cwd=ROOT, check=True,
                                capture_output=True, text=True).stdout) for pages in (1, 50)]
    assert peaks[1] - peaks[0] < 8_000  # KB, of 200,000 that were written


def test_the_profile_is_one_that_colour_engines_read():
    ours = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
    to_theirs = ImageCms.buildTransform(ours, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    colours = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    moved = np.asarray(ImageCms.applyTransform(colours, to_theirs), np.int16) - np.asarray(colours, np.int16)
    assert np.abs(moved).max() <= 2
