"""Two captures of one page are found, two pages of one form are not; nothing is said of pages that hold no writing."""

from dataclasses import replace

import numpy as np
import pytest

from imaging import likeness
from imaging.likeness import SAME, alike, doubles, from_png, strokes, to_png
from imaging.stages import STAGES, Plan, decide, develop_page
from imaging.view import View
from samples.generate import Spec, make
from samples.wear import Wear

PLAN = Plan({stage.name: stage.params() for stage in STAGES})
WEAR = Wear(fading=0.3, show_through=0.3, yellowing=0.2, stains=0.1)
FORM = Spec(kind="KS", era="form", device="white bed", year=2009, dpi=150, book_seed=2009, degrees=0.4, wear=WEAR)


def captured(spec, seed):
    """The strokes of a made-up page, developed as any other."""
    image = make(spec, seed).image
    (_, recipe), = decide(View.of(image, spec.dpi), PLAN, "0" * 64)
    return strokes(develop_page(image, recipe, 1, spec.dpi)[0])


@pytest.fixture(scope="module")
def book():
    """Three forms of one book, and the second of them once more: askew, brighter, with other grain."""
    again = replace(FORM, first_number=12, folio=2, degrees=-0.7, grain=3.0, blur=0.8)
    return [captured(FORM, 1), captured(replace(FORM, first_number=12, folio=2), 2),
            captured(replace(FORM, first_number=13, folio=3), 3), captured(again, 2)]


@pytest.mark.parametrize("pages_that_tell", [2, 8], ids=["by the rest", "each with each"])
def test_a_page_captured_twice_is_found_among_others_of_its_form(book, monkeypatch, pages_that_tell):
    monkeypatch.setattr(likeness, "BOOK", pages_that_tell)
    assert doubles(book) == [(1, 3)]


def test_the_limit_lies_well_between_the_two(book):
    same, others = alike(book[1], book[3]), [alike(book[0], book[1]), alike(book[1], book[2]), alike(book[0], book[3])]
    assert same > SAME + 0.05
    assert max(others) < SAME - 0.05


def test_a_page_that_lies_elsewhere_is_found_as_well(book):
    assert alike(book[0], np.roll(book[0], (9, -12), axis=(0, 1))) > SAME


def test_nothing_is_said_of_pages_without_writing(book):
    blank = np.zeros_like(book[0])
    assert alike(blank, blank) == 0.0
    assert doubles([blank] * 12 + [book[0]]) == []
    assert doubles([]) == []


def test_strokes_are_the_same_after_they_were_a_file(book):
    data = to_png(book[0])
    assert np.array_equal(from_png(data), book[0])
    assert len(data) < 30_000
