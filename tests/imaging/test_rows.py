"""Rows of ruled pages: on drawn tables, on the samples as they are developed, and none where there are none."""

import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from truth import NOT_HERE, REAL, ROOT

from imaging.decode import read_header
from imaging.opening import first_view
from imaging.rows import rows
from imaging.stages import STAGES, Plan, decide, develop_page

PAGES = ROOT / "samples" / "pages"
PLAN = Plan({stage.name: stage.params() for stage in STAGES}, skip=frozenset({"quality"}))
PPI = 150
MM = PPI / 25.4
MEASURED_MM = 1.0


@cache
def developed(path):
    """(pixels, ppi) of each page of an image file."""
    data = path.read_bytes()
    header = read_header(data)
    view, part = first_view(data, header), header.frames[0]
    pages = [develop_page(view.full(), recipe, part.orientation, part.dpi) for _, recipe in decide(view, PLAN, "0" * 64)]
    return [(pixels, geometry.dpi) for pixels, geometry in pages]


def table(heights, top=40.0, guides=7.0, dark=60, feint=170, left=15.0, right=200.0):
    """An A4 page with a table whose rows are `heights` mm high, feint lines every `guides` mm, and words."""
    page = np.full((round(297 * MM), round(210 * MM)), 235, np.uint8)
    edges = np.cumsum([top, *heights])
    if guides:
        for y in np.arange(edges[1] + guides, edges[-1], guides):
            cv2.line(page, px(left, y), px(right, y), feint, 1)
    for y in edges:
        cv2.line(page, px(left, y), px(right, y), dark, 2)
    for x in np.linspace(left, right, 6):
        cv2.line(page, px(x, edges[0]), px(x, edges[-1]), dark, 2)
    for y in edges[1:-1]:
        cv2.putText(page, "12 tháng 5 năm 1990"[:9], px(left + 2, y + 6), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 70, 2)
    return page


def px(x, y):
    return round(x * MM), round(y * MM)


def in_mm(found):
    return np.array(found) * [210, 297, 210, 297]


def test_the_rows_of_a_drawn_ledger_are_found_without_its_heading():
    found = in_mm(rows(table([21, *[36.0] * 6]), PPI))
    assert found[:, 1] == pytest.approx([61 + 36 * at for at in range(6)], abs=MEASURED_MM)
    assert found[:, 3] == pytest.approx(found[:, 1] + 36, abs=MEASURED_MM)
    assert found[:, 0] == pytest.approx(15, abs=5) and found[:, 2] == pytest.approx(200, abs=5)


@pytest.mark.parametrize("dpi", [100, 200, 300, 400])
def test_rows_are_the_same_at_any_resolution_and_in_grey_or_colour(dpi):
    page = cv2.resize(table([21, *[36.0] * 6]), None, fx=dpi / PPI, fy=dpi / PPI, interpolation=cv2.INTER_AREA)
    found = rows(cv2.cvtColor(page, cv2.COLOR_GRAY2RGB), dpi)
    assert np.array(found) == pytest.approx(np.array(rows(table([21, *[36.0] * 6]), PPI)), abs=0.03)
    assert rows(page, dpi) == found == rows(page, None)


def test_a_table_that_is_not_quite_level_has_its_rows():
    turn = cv2.getRotationMatrix2D((600, 870), 0.4, 1)
    page = table([21, *[36.0] * 6])
    assert len(rows(cv2.warpAffine(page, turn, page.shape[::-1], flags=cv2.INTER_CUBIC, borderValue=235), PPI)) == 6


def test_a_line_that_is_lost_under_a_blot_leaves_two_rows():
    page = table([21, *[36.0] * 6])
    y = round((61 + 2 * 36) * MM)
    page[y - 40 : y + 40, 300:1000] = 150
    assert len(rows(page, PPI)) == 6


def test_lines_that_guide_the_hand_are_no_rows():
    assert rows(table([21, 216.0]), PPI) == ()


def test_a_list_with_one_line_of_writing_a_row_has_none():
    assert rows(table([21, *[9.0] * 24], guides=0), PPI) == ()


def test_unequal_boxes_of_a_form_are_no_rows():
    assert rows(table([21, 20, 47, 16, 66, 30], guides=0), PPI) == ()


def test_boxes_that_take_a_small_part_of_a_page_are_no_rows():
    assert rows(table([10, 18, 18, 18], guides=0), PPI) == ()


@pytest.mark.parametrize("ground", [235, 0, 128])
def test_a_page_with_nothing_on_it_has_no_rows(ground):
    assert rows(np.full((1700, 1200), ground, np.uint8), PPI) == ()
    assert rows(np.full((3, 2, 3), ground, np.uint8)) == ()


def test_a_page_of_noise_has_no_rows():
    assert rows(np.random.default_rng(5).integers(0, 256, (1700, 1200)).astype(np.uint8), PPI) == ()


@pytest.mark.parametrize(("name", "count"), [("SCN_0001", 5), ("SCN_0002", 6), ("SCN_0003", 7), ("SCN_0004", 0)])
def test_both_pages_of_a_spread_of_the_samples_have_the_same_rows(name, count):
    (left, ppi), (right, _) = developed(PAGES / "ledger-1990" / f"{name}.jpg")
    found = rows(left, ppi), rows(right, ppi)
    assert [len(of_page) for of_page in found] == [count, count]
    height = 217.0 / max(count, 1)
    for of_page, page in zip(found, (left, right), strict=True):
        for _, top, _, bottom in of_page:
            assert (bottom - top) * len(page) / ppi * 25.4 == pytest.approx(height, rel=0.03)


@pytest.mark.parametrize("name", ["Brother_0012", "IMG_20240611_093412"])
def test_two_forms_one_below_the_other_are_two_rows(name):
    for page, ppi in developed(PAGES / "forms-2002" / f"{name}.jpg"):
        first, second = rows(page, ppi)
        assert first[3] <= second[1]


@pytest.mark.parametrize("name", ["EPSON031", "EPSON032", "IMG_20240612_141907"])
def test_a_form_with_one_case_has_no_rows(name):
    assert [rows(*page) for page in developed(PAGES / "forms-2009" / f"{name}.jpg")] == [()]


@pytest.mark.parametrize("name", [
    "registers/timeus_cph_paris_tissage_1858_PH_1858-45.jpg",  # writing alone, in level lines
    "split/td_page62_KL.png",  # a list, one line of writing a row, in dotted lines
    "registers/rep_lectaurep-dufour-1_DAFANCH96_048MIC07645_L-1.jpg",  # columns, and short lines between entries
])
def test_real_pages_without_such_rows_have_none(name):
    if not (REAL / name).exists():
        pytest.skip(NOT_HERE)
    assert {rows(*page) for page in developed(REAL / name)} == {()}
