"""The captures that a model learns from have their gutter where their truth says."""

import numpy as np

from training import open_books
from training.open_books import THIRDS


def test_most_gutters_can_be_seen_where_they_are():
    told = []
    for seed in range(120):
        book = open_books.capture(np.random.default_rng(seed))
        if book.gutter is None:
            continue
        height, width = book.image.shape
        for place, third in zip(book.gutter, THIRDS, strict=True):
            rows = book.image[round((third - 0.05) * height) : round((third + 0.05) * height)].astype(float)
            column = np.median(rows, axis=0)
            at = round(float(place) * width - 0.5)
            near = column[max(0, at - 1) : at + 2]
            beside = np.concatenate([column[max(0, at - 9) : max(0, at - 5)], column[at + 6 : at + 10]])
            told.append(np.abs(near - beside.mean()).max() > 3)
    assert len(told) > 150
    assert np.mean(told) > 0.7


def test_there_are_books_of_all_kinds():
    books = [open_books.capture(np.random.default_rng(seed)) for seed in range(100)]
    places = np.array([book.gutter.mean() for book in books if book.gutter is not None])
    assert 0.15 < 1 - len(places) / 100 < 0.4
    assert (np.abs(places - 0.5) < 0.06).mean() > 0.25
    assert (places < 0.3).any()
    assert (places > 0.7).any()
    assert {book.image.shape for book in books} == {open_books.SIZE[::-1]}


def test_captures_are_made_by_seed():
    one, again, other = (open_books.capture(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert (one.image == again.image).all()
    assert (one.image != other.image).any()
