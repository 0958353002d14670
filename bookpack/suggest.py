"""The number and date that the next case of a book likely has, for a typist to confirm rather than type. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from book import Case, Identity

WITNESSES = 3  # cases in a row that make a rule other than one by one


@dataclass(frozen=True)
class Suggestion:
    """`number` and `date` (ISO) of the next case, empty where nothing tells them.

    `year` is that of a date typed without one; `step` leads from each number to the next.
    """

    number: str
    date: str
    year: int
    step: int


def suggest(before: Sequence[Case], book: Identity) -> Suggestion:
    """What follows the cases that stand before one in its book: the next number, on the same day.

    Where numbers go down or skip evenly, so does the next one; cases not typed yet have theirs. The numbers of a year's
    first volume begin at 1, those of further ones nobody knows.
    """
    cases = [case for case in before if not case.slip]
    typed = [case for case in cases if _typed(case)]
    if not typed:
        return Suggestion("1" if book.volume == 1 else "", "", book.year, 1)
    last, step = typed[-1], _step(cases)
    number = int(last.number) + step * (len(cases) - cases.index(last))
    return Suggestion(str(number) if number > 0 else "", last.date, int(last.date[:4]), step)


def _step(cases: Sequence[Case]) -> int:
    """1, or what the last cases agree on: within a year, since each year begins anew, and without a gap."""
    last = cases[-WITNESSES:]
    if len(last) < WITNESSES or not all(map(_typed, last)) or len({case.date[:4] for case in last}) > 1:
        return 1
    steps = {int(case.number) - int(before.number) for before, case in pairwise(last)}
    return steps.pop() if len(steps) == 1 and 0 not in steps else 1


def _typed(case: Case) -> bool:
    return bool(case.number and case.date)
