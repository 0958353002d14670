"""Cover sheets: printed, photographed as phones do and scanned, they are read; nothing else is taken for one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.covers import CODES, CONDITIONS, as_seen, photograph, printed, seen_at, without_codes
from capture.cover import LEVEL, VERSION, Cover, CoverCode, Unreadable, read_cover
from capture.coversheet import LARGE_MM, LARGE_TOP_MM, MARGIN_MM, SPARE_MM, sheets_pdf

ROOT = Path(__file__).parents[2]
DPI = 200  # of the sheets that the fixture renders
READABLE = [name for name in CONDITIONS if "half cut" not in name]
SPOILT = [name for name in CONDITIONS if "cut" in name]
SIDES = ("left", "top", "right", "bottom")


def px(mm):
    return round(mm / 25.4 * DPI)


LARGE = np.s_[px(LARGE_TOP_MM) : px(LARGE_TOP_MM + LARGE_MM), px(MARGIN_MM) : px(MARGIN_MM + LARGE_MM)]
SPARE = np.s_[-px(MARGIN_MM + SPARE_MM) : -px(MARGIN_MM), -px(MARGIN_MM + SPARE_MM) : -px(MARGIN_MM)]


def without(sheet, *places):
    """The sheet with nothing but white in these places."""
    rest = sheet.copy()
    for place in places:
        rest[place] = 255
    return rest


def cut(sheet, side, part):
    """The sheet without a part of its length or breadth on one side."""
    high, wide = sheet.shape
    rows, columns = round(part * high), round(part * wide)
    return {"left": sheet[:, columns:], "top": sheet[rows:], "right": sheet[:, : wide - columns],
            "bottom": sheet[: high - rows]}[side]


def damaged(text, version=None, error="m", share=0.2, seed=0):
    """A page with a large code of which a share of the modules is wrong, the squares in its corners apart."""
    modules = np.array(segno.make_qr(text, version=version, error=error, boost_error=False).matrix, bool)
    wrong = np.random.default_rng(seed).random(modules.shape) < share
    wrong[:9, :9] = wrong[:9, -8:] = wrong[-8:, :9] = False
    shown = np.kron(modules ^ wrong, np.ones((16, 16), bool))
    return np.pad(np.where(shown, 20, 240).astype(np.uint8), ((100, 600), (100, 300)), constant_values=240)


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
                                  "038094001234|Nguyễn Văn Mẫu", "SOHOA1:end", "sohoa1:END", "SOHOA1:END:", " SOHOA1:END",
                                  "SOHOA1:BOOK:KH.1994.14800.3", "SOHOA1:BOOK:KH.1994.14800.00",
                                  "SOHOA1:BOOK: KH.1994.14800.03",
                                  "SOHOA1:BOOK:KH.1994.１４８００.03", "SOHOA1:BOOK:KH.1994.14800.03:END"])
def test_what_is_not_ours_says_nothing(text):
    assert CoverCode.parse(text) is None


def test_the_longest_code_is_printed_and_read():
    import pypdfium2

    code = CoverCode("book", "ABCD.2026.99999.999")
    places = {"99999": "xã Mẫu Dài Nhất, huyện Mẫu, tỉnh Mẫu " * 4}
    with pypdfium2.PdfDocument(sheets_pdf([code], "vi", {}, places)) as document:
        page = cv2.cvtColor(document[0].render(scale=DPI / 72).to_numpy(), cv2.COLOR_BGR2GRAY)
    assert read_cover(page).code == code
    assert read_cover(without(page, SPARE)).code == code


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


def test_either_code_is_enough(sheets):
    for place in (LARGE, SPARE):
        assert read_cover(without(sheets[0], place)).code == CODES[0]
    assert read_cover(without(sheets[0], LARGE, SPARE)) is None


@pytest.mark.parametrize("side", SIDES)
def test_a_sheet_cut_along_one_side_has_a_whole_code_left(sheets, side):
    for sheet, code in zip(sheets, CODES, strict=True):
        assert read_cover(cut(sheet, side, 0.35)).code == code


@pytest.mark.parametrize("side", SIDES)
def test_half_a_sheet_is_read_or_told_of(sheets, side):
    for sheet, code in zip(sheets, CODES, strict=True):
        found = read_cover(cut(sheet, side, 0.5))
        assert isinstance(found, Unreadable) or found.code == code


@pytest.mark.parametrize("name", SPOILT)
def test_a_sheet_that_is_partly_out_of_the_picture_is_never_a_page(sheets, name):
    for number in range(6):
        found = read_cover(as_seen(photograph(sheets[number], CONDITIONS[name], np.random.default_rng([8, number]))))
        assert isinstance(found, Unreadable) or found.code == CODES[number]


def test_a_spoilt_sheet_is_told_of(sheets):
    spoilt = without(sheets[0], SPARE)
    code = spoilt[LARGE]
    third = len(code) // 3
    core = code[third:, third:]
    noise = np.random.default_rng(1).integers(0, 2, (9, 9), np.uint8) * 255
    core[:] = cv2.resize(noise, core.shape[::-1], interpolation=cv2.INTER_NEAREST)
    assert isinstance(read_cover(spoilt), Unreadable)
    code[:third, :third] = 255  # one of its three squares, too
    assert isinstance(read_cover(spoilt), Unreadable)


def test_a_code_with_too_many_wrong_modules_is_told_of_and_never_another_book():
    for seed in range(12):
        found = read_cover(damaged(CODES[0].text, VERSION, LEVEL, 0.02 * (seed + 1), seed))
        assert isinstance(found, Unreadable) or found.code == CODES[0]
    assert isinstance(found, Unreadable)


def test_two_sheets_in_one_picture_open_no_book(sheets):
    assert isinstance(read_cover(np.hstack(sheets[:2])), Unreadable)


@pytest.mark.parametrize("share", [0, 0.1, 0.4])
@pytest.mark.parametrize("text", ["038094001234|123456789|Nguyễn Văn Mẫu|01011990|Nam|Thôn 1, Xã Mẫu|01012021",
                                  "https://example.org/x", "SOHOA"])
def test_other_peoples_codes_are_not_ours_whole_or_damaged(text, share):
    for seed in range(3):
        assert read_cover(damaged(text, share=share, seed=seed)) is None


@pytest.mark.parametrize("path", without_codes(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_pages_and_other_peoples_codes_are_no_sheets(path):
    assert read_cover(seen_at(path)) is None


@pytest.mark.parametrize("text", ["SOHOA2:END", "SOHOA1:PAUSE", "SOHOA1:BOOK:KH.1750.14800.03"])
def test_a_sheet_of_a_newer_program_is_told_of(text):
    assert read_cover(damaged(text, share=0)) == Unreadable("unknown_code")


def test_two_large_squares_are_told_of_only_where_they_are_as_far_apart_as_ours():
    for size, apart, told in ((1, 22, False), (6, 60, False), (6, 12, False), (6, 22, True), (12, 31, True)):
        page = np.full((1400, 1000), 240, np.uint8)
        for x in (100, 100 + apart * size):
            for shade, border in ((20, 0), (240, 1), (20, 2)):
                page[100 + border * size : 100 + (7 - border) * size, x + border * size : x + (7 - border) * size] = shade
        assert isinstance(read_cover(page), Unreadable) == told, (size, apart)


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
