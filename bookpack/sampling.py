"""Acceptance sampling: how many pages of a book a second person looks at, which ones, and what their verdicts come to.

The plan comes from the settings; who looked and what they found is told in the book's log. Pages that are missing are no
matter for a sample: they are counted in full when a book is closed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROW = re.compile(r"(\d+)/(\d+)/(\d+)")
EVERY = 1  # where a lot is smaller than any row of the plan all pages are looked at, and one that is bad fails it


@dataclass(frozen=True)
class Row:
    """For lots of up to `lot` pages `pages` are looked at; so many as `fails` that are bad fail the lot."""

    lot: int
    pages: int
    fails: int


@dataclass(frozen=True)
class SamplingParams:
    """Settings of the acceptance sample."""

    least: int = 9  # in a smaller lot every page is looked at, and one bad page fails it
    # largest lot/pages to look at/bad pages that fail it; up to 500 as registers are checked in practice, from there on
    # ISO 2859-1, general level II, AQL 2.5
    plan: tuple[str, ...] = ("15/3/1", "25/5/1", "50/8/1", "90/13/2", "150/20/3", "280/32/4", "500/50/5",
                             "1200/80/6", "3200/125/8", "10000/200/11")

    def __post_init__(self) -> None:
        """Raises ValueError for a plan that is none."""
        if not self.rows or any(one.lot >= next_one.lot for one, next_one in zip(self.rows, self.rows[1:], strict=False)):
            raise ValueError("plan: lots must grow from row to row")
        if any(not 1 <= row.fails <= row.pages <= row.lot for row in self.rows):
            raise ValueError("plan: bad pages ≤ pages to look at ≤ lot")

    @property
    def rows(self) -> tuple[Row, ...]:
        matches = [ROW.fullmatch(str(text).strip()) for text in self.plan]
        if None in matches:
            raise ValueError(f'plan: "{self.plan[matches.index(None)]}", not "15/3/1"')
        return tuple(Row(*map(int, match.groups())) for match in matches)


@dataclass(frozen=True)
class Sample:
    """What is drawn from a lot: the numbers of its pages, from 1, and how many bad ones fail the lot."""

    lot: int
    seed: int
    numbers: tuple[int, ...]
    fails: int


def draw(lot: int, seed: int, params: SamplingParams = SamplingParams()) -> Sample:
    """Draw from a lot of pages. The same lot, seed and plan give the same pages, whatever the computer.

    The pages drawn are those whose number has the least SHA-256 after the seed ("seed:number" in decimal digits), so
    that anybody can draw them again. Above the plan's largest lot its last row stands.
    """
    row = _row(lot, params)
    in_turn = sorted(range(1, lot + 1), key=lambda number: hashlib.sha256(f"{seed}:{number}".encode("ascii")).digest())
    return Sample(lot, seed, tuple(sorted(in_turn[: row.pages])), row.fails)


def _row(lot: int, params: SamplingParams) -> Row:
    if lot < params.least:
        return Row(lot, lot, EVERY)
    row = next((row for row in params.rows if lot <= row.lot), params.rows[-1])
    return Row(lot, min(row.pages, lot), row.fails)


@dataclass(frozen=True)
class Verdict:
    """What a second person says of a page they looked at."""

    good: bool
    by: str
    reason: str = ""


def outcome(pages: Sequence[str], fails: int, verdicts: Mapping[str, Verdict]) -> str:
    """`rework` as soon as so many pages of the sample are bad that the lot fails, `open` while any is not looked at,
    else `accepted`.
    """
    seen = [verdicts[page] for page in pages if page in verdicts]
    if sum(not verdict.good for verdict in seen) >= fails:
        return "rework"
    return "accepted" if len(seen) == len(pages) else "open"
