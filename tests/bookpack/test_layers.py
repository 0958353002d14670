"""Pages in layers: small, as sharp as they were, each ink in its colour; over the budget only for what reading needs."""

import io

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from bookpack.contents import MinistryParams
from bookpack.drawing import Drawing, Picture, jpeg_page, read_drawing, to_bytes
from bookpack.jpeg import archive_jpeg
from bookpack.layers import group4, small_page
from bookpack.pdf import Bookmark, PdfFacts, PdfPage, write_pdf
from bookpack.strokes import strokes_of
from errors import StorageFailed
from imaging.bitonal import bitonal

DPI = 200.0
A5_AT_200 = (1654, 1165)
A5_BUDGET = 50_000  # bytes, of 100 kB for A4
FACTS = PdfFacts("Sổ", "", "sohoa", "2026-01-01T00:00:00+07:00")
PAPER, BLUE, RED = (240, 238, 230), (40, 50, 130), (200, 50, 60)


def written(lines, colour=BLUE, seed=1):
    """A page with so many lines of made-up writing, its edges soft as those of a scan."""
    page = np.full((*A5_AT_200, 3), PAPER, np.uint8)
    for row in range(lines):
        at = (80, 120 + 1400 * row // max(lines, 1))
        cv2.putText(page, f"Tran Van {seed} {row} Nga Son", at, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.6, colour, 3, cv2.LINE_AA)
    return cv2.GaussianBlur(page, (0, 0), 0.7)


def pdf_of(drawing, bookmarks=()):
    buffer = io.BytesIO()
    write_pdf(buffer, [PdfPage(drawing, "1")], FACTS, bookmarks)
    return buffer.getvalue()


def shown(drawing):
    """RGB pixels of the page, as a reader draws them at its own resolution."""
    with pypdfium2.PdfDocument(pdf_of(drawing)) as pdf:
        bgr = pdf[0].render(scale=drawing.dpi / 72 - 1e-5).to_numpy()
    return np.ascontiguousarray(bgr[..., ::-1])


def dark(pixels):
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) < 150


def strokes(pixels):
    return bitonal(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), "fast", DPI / 25.4) == 0


def f_measure(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("lines", [0, 3, 12])
def test_a_page_is_within_its_budget_and_as_sharp_as_it_was(lines):
    page = written(lines)
    small = small_page(page, DPI)
    assert not small.over_budget and small.drawing.size < A5_BUDGET
    assert shown(small.drawing).shape == page.shape
    if lines:
        assert f_measure(strokes(page), strokes(shown(small.drawing))) > 0.99
        assert shown(small.drawing)[dark(page)].mean() == pytest.approx(page[dark(page)].mean(), abs=8)
    assert np.median(np.abs(shown(small.drawing).astype(int) - page)) <= 2


def test_thin_strokes_and_dots_are_kept():
    page = np.full((*A5_AT_200, 3), PAPER, np.uint8)
    for row in range(200, 1500, 60):
        cv2.line(page, (100, row), (1000, row + 20), BLUE, 1)
        cv2.circle(page, (1050, row), 1, BLUE, -1)
    drawn = dark(shown(small_page(page, DPI).drawing))
    assert np.count_nonzero(drawn & dark(page)) > 0.98 * np.count_nonzero(dark(page))


def test_a_red_seal_under_blue_writing_stays_red_and_the_writing_blue():
    page = written(4)
    cv2.circle(page, (400, 800), 180, RED, 8)
    cv2.putText(page, "Hung", (250, 840), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 3, BLUE, 4, cv2.LINE_AA)
    drawn = shown(small_page(page, DPI).drawing).astype(int)
    red, blue = np.all(page == RED, axis=2), np.all(page == BLUE, axis=2)
    assert np.mean(drawn[red], axis=0) == pytest.approx(RED, abs=14)
    assert np.mean(drawn[blue], axis=0) == pytest.approx(BLUE, abs=20)
    assert np.mean(drawn[red][:, 0] - drawn[red][:, 2] > 80) > 0.97
    assert np.mean(drawn[blue][:, 2] - drawn[blue][:, 0] > 30) > 0.95


def test_a_photograph_stays_continuous():
    page = written(3)
    shades = np.linspace(20, 170, 300).astype(np.uint8)
    page[900:1300, 100:400] = shades[None, :, None]
    (area,) = strokes_of(page, DPI).areas
    assert area == pytest.approx((100, 900, 300, 400), abs=30)
    drawn = shown(small_page(page, DPI).drawing)
    assert np.abs(drawn[920:1280, 120:380].astype(int) - page[920:1280, 120:380]).mean() < 4


def test_a_dense_stamp_stays_continuous():
    page = written(3)
    page[900:1200:3, 100:400] = page[901:1200:3, 100:400] = (110, 90, 120)
    (area,) = strokes_of(page, DPI).areas
    assert area == pytest.approx((100, 900, 300, 300), abs=50)


def test_what_cannot_be_read_in_less_takes_more_and_says_so():
    page = np.random.default_rng(1).choice([30, 235], (*A5_AT_200, 1), p=[0.3, 0.7]).astype(np.uint8).repeat(3, 2)
    small = small_page(page, DPI)
    assert small.over_budget and small.drawing.size > A5_BUDGET
    least = small_page(page, DPI, MinistryParams(budget_kb=1))
    assert least.over_budget and least.drawing.size <= small.drawing.size
    assert len(least.drawing.stencils[0]) == len(small.drawing.stencils[0])  # the ink itself never gets coarser


def test_a_tight_budget_costs_colour_and_no_strokes():
    page = written(10)
    free, tight = small_page(page, DPI), small_page(page, DPI, MinistryParams(budget_kb=1))
    assert tight.over_budget and tight.drawing.size < free.drawing.size
    assert f_measure(strokes(page), strokes(shown(tight.drawing))) > 0.99


def test_ink_is_at_most_as_fine_as_was_set_and_coarse_pages_are_enlarged():
    page = written(2)
    assert small_page(page, 400.0).drawing.dpi == 300
    assert small_page(page, 250.0).drawing.dpi == 250
    enlarged = small_page(page, 150.0).drawing
    assert (enlarged.dpi, enlarged.height, enlarged.width) == (300, 2 * page.shape[0], 2 * page.shape[1])


def test_a_grey_page_has_grey_pictures_and_a_black_and_white_one_none():
    grey = cv2.cvtColor(written(5), cv2.COLOR_RGB2GRAY)
    small = small_page(grey, DPI).drawing
    assert all(picture.grey for picture in small.pictures)
    black = np.where(grey < 150, 0, 255).astype(np.uint8)
    drawing = small_page(black, DPI).drawing
    assert not drawing.pictures and len(drawing.stencils) == 1
    assert np.array_equal(shown(drawing)[..., 0], black)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 900), (900, 7)])
def test_pages_of_any_size_are_drawn(size):
    page = np.full((*size, 3), 200, np.uint8)
    assert shown(small_page(page, DPI).drawing).shape == page.shape


def test_group_4_is_what_other_programs_read(tmp_path):
    mask = (np.random.default_rng(2).random((70, 131)) < 0.2).astype(np.uint8) * 255
    drawing = Drawing(131, 70, 72.0, stencils=(group4(mask),), black=0)
    assert np.array_equal(shown(drawing)[..., 0] == 0, mask > 0)


def test_a_drawing_comes_back_from_its_file(tmp_path):
    drawing = small_page(written(4), DPI).drawing
    path = tmp_path / "a.drawing"
    path.write_bytes(to_bytes(drawing))
    again = read_drawing(path)
    assert [b"".join(part.chunks()) for part in again.parts] == list(drawing.parts)
    assert pdf_of(again) == pdf_of(drawing)


@pytest.mark.parametrize("data", [b"", b"something else", b"sohoa drawing 1\n{}\n", b"sohoa drawing 1\n[1"])
def test_a_file_that_is_no_drawing_is_told(tmp_path, data):
    (tmp_path / "a.drawing").write_bytes(data)
    with pytest.raises(StorageFailed):
        read_drawing(tmp_path / "a.drawing")


def test_a_drawing_that_was_cut_short_is_told_when_it_is_written(tmp_path):
    path = tmp_path / "a.drawing"
    path.write_bytes(to_bytes(small_page(written(4), DPI).drawing)[:-100])
    with pytest.raises(StorageFailed):
        pdf_of(read_drawing(path))


def test_the_archive_keeps_full_size_and_colour(tmp_path):
    page = written(6)
    path = tmp_path / "a.jpg"
    path.write_bytes(archive_jpeg(page))
    again = np.asarray(Image.open(path).convert("RGB"), np.int16)
    assert again.shape == page.shape and np.abs(again - page).mean() < 1.5
    assert not jpeg_page(path, 1165, 1654, DPI).pictures[0].grey
    path.write_bytes(archive_jpeg(page[..., 0]))
    assert jpeg_page(path, 1165, 1654, DPI).pictures[0].grey


def test_bookmarks_lead_to_their_pages():
    import pikepdf

    buffer = io.BytesIO()
    page = Drawing(10, 10, 72.0, (Picture(archive_jpeg(np.zeros((10, 10, 3), np.uint8)), 10, 10, False),))
    write_pdf(buffer, [PdfPage(page, "1"), PdfPage(page, "2")], FACTS, [Bookmark("Số 01", 1), Bookmark("Số 02", 0)])
    with pikepdf.open(buffer) as pdf, pdf.open_outline() as outline:
        assert [item.title for item in outline.root] == ["Số 01", "Số 02"]
        assert [pdf.pages.index(pikepdf.Page(item.destination[0])) for item in outline.root] == [1, 0]
