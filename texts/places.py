"""Where on its page a finding is, in words: from boxes in shares of the page to "at the top left".

A box is [left, top, right, bottom], each 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from texts import say

WHOLE = 0.6  # of the page: a box this large is the page
THIRDS = (0.36, 0.64)
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")
NAMED = 2  # places: more are many


def place(boxes: Sequence[Sequence[float]] | None, language: str) -> str:
    """The places of `boxes` in the words of `language`; "on the page" where nobody said."""
    if not boxes:
        return say("place", "somewhere", language)
    names = list(dict.fromkeys(_name(box) for box in boxes))  # the largest box stands first
    if "whole" in names or sum(_area(box) for box in boxes) > WHOLE:
        return say("place", "whole", language)
    if len(names) > NAMED:
        return say("place", "many", language)
    words = [say("place", name, language) for name in names]
    return words[0] if len(words) == 1 else say("place", "join", language, one=words[0], other=words[1])


def _area(box: Sequence[float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _name(box: Sequence[float]) -> str:
    if _area(box) > WHOLE:
        return "whole"
    row, column = ROWS[_third((box[1] + box[3]) / 2)], COLUMNS[_third((box[0] + box[2]) / 2)]
    return "_".join(part for part in (row, column) if part) or "middle"


def _third(at: float) -> int:
    return 0 if at < THIRDS[0] else 2 if at > THIRDS[1] else 1
