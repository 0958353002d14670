"""What is read out of the model's answer, and that the model itself knows a gutter when it sees one."""

import numpy as np
import pytest

from imaging import gutters
from imaging.gutters import Seen
from training import open_books

COLUMNS = 192


def likely(*peaks):
    """One peak (place, likelihood) or more, alike at all three heights."""
    row = np.zeros(COLUMNS)
    for place, share in peaks:
        at = place * COLUMNS - 0.5
        near = np.exp(-0.5 * ((np.arange(COLUMNS) - at) / 0.7) ** 2)
        row += share * near / near.sum()
    return Seen(np.tile(row, (3, 1)))


def test_a_place_lies_between_columns():
    assert likely((0.4321, 0.9)).line() == pytest.approx([0.4321] * 3, abs=3e-4)
    assert likely((0.4321, 0.9)).sure == pytest.approx(0.9)


def test_the_likeliest_of_those_that_may_be_is_told():
    two = likely((0.2, 0.6), (0.55, 0.3))
    assert two.line() == pytest.approx([0.2] * 3, abs=1e-3)
    assert two.line(0.3, 0.7) == pytest.approx([0.55] * 3, abs=1e-3)
    assert two.between(0.5, 0.6) == pytest.approx(0.3, abs=1e-3)


def test_the_model_tells_whether_there_is_a_gutter_and_where():
    right, near = [], []
    for seed in range(10_000, 10_060):  # of books that it has not learned from
        book = open_books.capture(np.random.default_rng(seed))
        told = gutters.seen(book.image)
        right.append((told.sure > 0.5) == (book.gutter is not None))
        if book.gutter is not None and told.sure > 0.5:
            near.append(np.abs(told.line() - book.gutter).max() < 0.01)
    assert np.mean(right) >= 0.93
    assert np.mean(near) >= 0.93
