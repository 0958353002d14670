"""Cover sheets: printed, photographed as phones do and scanned, they are read; nothing else is taken for one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.covers import CODES, CONDITIONS, as_seen, photograph, printed
from capture.cover import Cover, CoverCode, Unreadable, read_cover
from capture.coversheet import sheets_pdf
from imaging.decode import read_header
from imaging.opening import first_view

ROOT = Path(__file__).parents[2]
LARGE_PX = (363, 704, 1291, 1634)  # left, top, right, bottom of the large code on a printed sheet
READABLE = [name for name in CONDITIONS if "cut" not in name]


@pytest.fixture(scope="module")
def sheets():
    return printed()


@given(kind=st.sampled_from(("KS", "KH", "KT", "CMC")), year=st.integers(1900, 2026), place=st.integers(0, 99999),
       volume=st.integers(1, 999))
def test_a_code_comes_back_from_its_text(kind, year, place, volume):
    code = CoverCode("book", f"{kind}.{year}.{place:05}.{volume:02}")
    assert CoverCode.parse(code.text) == code


@pytest.mark.parametrize("text", ["", "SOHOA1", "SOHOA1:", "SOHOA1:BOOK", "SOHOA1:BOOK:KH.1994.148.03",
                                  "SOHOA1:END:KH.1994.14800.03", "SOHOA2:END", "SOHOA1:DELETE", "https://example.org",
                                  "038094001234|Nguyễn Văn Mẫu"])
def test_what_is_not_ours_says_nothing(text):
    assert CoverCode.parse(text) is None


def test_commands_come_back_too():
    assert [CoverCode.parse(code.text) for code in CODES] == list(CODES)


@pytest.mark.parametrize("name", READABLE)
def test_photographed_sheets_are_read(sheets, name):
    for number, sheet in enumerate(sheets[:3]):
        found = read_cover(as_seen(photograph(sheet, CONDITIONS[name], np.random.default_rng([7, number]))))
        assert isinstance(found, Cover), (name, number)
        assert found.code == CODES[number]


def test_the_corners_are_those_of_the_code(sheets):
    found = read_cover(sheets[0])
    corners = np.array(found.corners)
    assert np.ptp(corners[:, 0]) == pytest.approx(np.ptp(corners[:, 1]), rel=0.05)
    inside = sheets[0][int(corners[0, 1]) : int(corners[2, 1]), int(corners[0, 0]) : int(corners[2, 0])]
    assert 0.3 < (inside < 128).mean() < 0.7


@pytest.mark.parametrize("dpi", [100, 150, 300])
@pytest.mark.parametrize("mode", ["grey", "bitonal"])
def test_scanned_sheets_are_read_on_a_bed_of_a3(sheets, dpi, mode):
    size = (round(210 / 25.4 * dpi), round(297 / 25.4 * dpi))
    sheet = cv2.resize(sheets[1], size, interpolation=cv2.INTER_AREA)
    bed = np.full((size[1] + 40, size[0] * 2 + 40), 30, np.uint8)
    bed[20 : 20 + size[1], 10 : 10 + size[0]] = sheet
    if mode == "bitonal":
        bed = np.where(bed > 140, 255, 0).astype(np.uint8)
    assert read_cover(as_seen(bed)).code == CODES[1]


def test_one_readable_code_is_enough(sheets):
    for rows in (slice(0, 600), slice(1700, None)):
        half = sheets[0].copy()
        half[rows] = 255
        assert read_cover(half).code == CODES[0]
    middle = sheets[0].copy()
    middle[600:1680] = 255  # the large one is gone, the spare is there
    assert read_cover(middle).code == CODES[0]


def test_a_spoilt_sheet_is_told_of(sheets):
    spoilt, (left, top, right, bottom) = sheets[0].copy(), LARGE_PX
    third = (right - left) // 3
    noise = np.random.default_rng(1).integers(0, 2, (9, 9), np.uint8) * 255
    spoilt[bottom + 30 :] = 255  # the spare is torn off
    core = spoilt[top + third : bottom, left + third : right]
    core[:] = cv2.resize(noise, core.shape[::-1], interpolation=cv2.INTER_NEAREST)
    assert isinstance(read_cover(spoilt), Unreadable)


def test_two_sheets_in_one_picture_open_no_book(sheets):
    assert isinstance(read_cover(np.hstack(sheets[:2])), Unreadable)


def test_other_peoples_codes_are_not_ours():
    import segno

    for text in ("038094001234|Nguyễn Văn Mẫu|01011990", "https://example.org/x", "SOHOA"):
        code = np.kron(np.array(segno.make_qr(text).matrix), np.ones((12, 12)))
        page = np.full((1400, 1000), 240, np.uint8)
        page[80 : 80 + len(code), 80 : 80 + len(code)] = np.where(code, 20, 240)
        assert read_cover(page) is None


@pytest.mark.parametrize("path", sorted((ROOT / "samples" / "pages").rglob("*.jpg")), ids=lambda path: path.stem)
def test_pages_are_no_sheets(path):
    data = path.read_bytes()
    assert read_cover(first_view(data, read_header(data)).picture) is None


def test_a_picture_of_nothing_is_no_sheet():
    for picture in (np.zeros((1, 1), np.uint8), np.full((400, 300, 3), 255, np.uint8),
                    np.random.default_rng(1).integers(0, 256, (700, 500), np.uint8)):
        assert read_cover(picture) is None


def test_the_same_codes_give_the_same_sheets_in_either_language():
    assert sheets_pdf(CODES, "vi") == sheets_pdf(CODES, "vi")
    assert sheets_pdf(CODES, "vi") != sheets_pdf(CODES, "en")


def test_sheets_are_a4(sheets):
    import pypdfium2

    with pypdfium2.PdfDocument(sheets_pdf(CODES[:2], "vi")) as document:
        assert len(document) == 2
        assert [round(side / 72 * 25.4) for side in document[0].get_size()] == [210, 297]


def test_names_of_places_are_printed_when_they_are_known():
    known = sheets_pdf(CODES[:1], "vi", {"KH": "kết hôn"}, {"14800": "xã Mẫu"})
    assert known != sheets_pdf(CODES[:1], "vi", {"KH": "kết hôn"})
