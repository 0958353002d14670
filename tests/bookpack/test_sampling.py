"""The acceptance sample: its size by the plan, its pages by the seed, and what verdicts come to."""

import pytest

from bookpack.sampling import SamplingParams, Verdict, draw, outcome

GOOD, BAD = Verdict(True, "An"), Verdict(False, "An", "mờ")


@pytest.mark.parametrize(("lot", "pages", "fails"), [
    (1, 1, 1), (8, 8, 1), (9, 3, 1), (15, 3, 1), (16, 5, 1), (25, 5, 1), (26, 8, 1), (50, 8, 1), (51, 13, 2), (90, 13, 2),
    (91, 20, 3), (150, 20, 3), (151, 32, 4), (280, 32, 4), (281, 50, 5), (500, 50, 5), (501, 80, 6), (1200, 80, 6),
    (3200, 125, 8), (10000, 200, 11), (40000, 200, 11),
])
def test_so_many_pages_are_drawn_as_the_plan_says(lot, pages, fails):
    sample = draw(lot, 7)
    assert (len(sample.numbers), sample.fails) == (pages, fails)
    assert len(set(sample.numbers)) == pages
    assert set(sample.numbers) <= set(range(1, lot + 1))


def test_a_seed_draws_the_same_pages_for_ever():
    assert draw(200, 42).numbers[:6] == (1, 13, 29, 41, 45, 53)  # as sha256sum and sort say
    assert draw(200, 42) == draw(200, 42) != draw(200, 43)


def test_every_page_is_as_likely_as_any_other():
    times = [0] * 200
    for seed in range(2000):
        for number in draw(200, seed).numbers:
            times[number - 1] += 1
    assert 2000 * 32 / 200 * 0.75 < min(times) <= max(times) < 2000 * 32 / 200 * 1.25


def test_too_many_bad_pages_are_rework_even_before_all_are_seen():
    pages = ("a", "b", "c", "d")
    assert outcome(pages, 2, {}) == "open"
    assert outcome(pages, 2, {"a": BAD, "b": GOOD, "c": GOOD}) == "open"
    assert outcome(pages, 2, {"a": BAD, "d": BAD}) == "rework"
    assert outcome(pages, 2, {"a": BAD, "b": GOOD, "c": GOOD, "d": GOOD}) == "accepted"
    assert outcome(pages, 2, {"a": GOOD, "b": GOOD, "c": GOOD, "x": BAD}) == "open"  # x is not of the sample


@pytest.mark.parametrize("plan", [(), ("15/3",), ("15/3/1", "15/5/1"), ("15/20/1",), ("15/3/0",), (15,)])
def test_a_plan_that_is_none_is_refused(plan):
    with pytest.raises(ValueError):
        SamplingParams(plan=plan)


def test_a_plan_of_ones_own_is_followed():
    own = SamplingParams(least=1, plan=("100/10/1", "1000/20/2"))
    assert len(draw(5, 1, own).numbers) == 5
    assert len(draw(101, 1, own).numbers) == 20
