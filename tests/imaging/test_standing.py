"""The page as it will be: upside down is said only where it is sure, blank only where the inner page is."""

from dataclasses import replace

import numpy as np
import pytest

from imaging import orient, standing
from imaging.view import View
from samples.generate import Spec, make


@pytest.fixture(scope="module")
def form():
    return make(Spec("KS", "form", "white bed", 2009, dpi=150), 3).image


def test_a_page_that_nobody_turned_is_told_to_stand_on_its_head(form):
    assert standing.headless(View.of(np.ascontiguousarray(form[::-1, ::-1]), 150))
    assert not standing.headless(View.of(form, 150))


def test_orients_word_is_taken_where_it_is_sure(form):
    view = View.of(np.ascontiguousarray(form[::-1, ::-1]), 150)
    turned = orient.decide(view, orient.Params())
    assert turned.values["turn"] == 180
    assert not standing.headless(view.after(turned, None))
    told = replace(turned, by="operator", findings=())
    assert standing.headless(view.after(told, None)), "a person may err"


def test_nothing_is_said_of_a_page_with_no_writing():
    blank = View.of(np.full((1200, 900, 3), 220, np.uint8), 150)
    assert not standing.headless(blank)
    assert standing.skew_left(blank) == 0.0


def test_marks_at_the_edge_alone_leave_a_page_blank():
    page = np.full((1754, 1240, 3), 220, np.uint8)
    page[:, 15:24] = 40
    page[20:28] = 60
    assert standing.blank(View.of(page, 150), 0.05, 0.5, 0.002)
    page[600:1100:30, 300:900] = 50
    assert not standing.blank(View.of(page, 150), 0.05, 0.5, 0.002)
