"""Whom a setting of a book's log holds for, and how far a correction reaches.

    book        every capture and page, those to come as well            book-L      every left page
    from-12     captures of the 13th arrival on, those to come as well    from-12-L   their left pages
    abcd1234    one capture and its pages                                 abcd1234-L  one page

What is said of fewer counts more. So a correction that reaches farther takes back what was said of the same keys for
less, and what was said last is what holds. A retake that came later than `from` says is decided anew: that was not said
of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from book import Capture, Side
from originals.booklog import BookState
from originals.corrections import SIDES, Values, laid_over

BOOK, FROM = "book", "from-"
OF_CAPTURE = frozenset({"orient", "outline", "split"})  # stages that decide for all pages of a capture
REACHES = ("page", "capture", "following", "left", "right", "all")
LETTERS = {"left": "L", "right": "R"}
ON_TURNED: Values = {"outline": {"corners": None}, "split": {"gutter": None}, "deskew": {"degrees": None},
                     "crop": {"box": None}}  # set by hand on a frame that is another one when it is turned
Change = tuple[list[str], Values]  # scopes, and what is said of each


@dataclass(frozen=True)
class Scopes:
    """The settings of a book, as they hold for its captures and pages.

    `starts` are the arrivals of `from` scopes; `sides` those sides that anything was said of alone.
    """

    state: BookState
    starts: tuple[int, ...]
    sides: frozenset[str]

    @classmethod
    def of(cls, state: BookState) -> Scopes:
        return cls(state, _starts(state.settings), frozenset(scope[-1] for scope in state.settings if _is_of_side(scope)))

    def of_capture(self, capture: Capture) -> Values:
        """What was said of a capture, and not of the book as a whole or of one side."""
        return self._laid(self._chain(capture))

    def of_side(self, capture: Capture, side: Side) -> Values:
        """All that was said of a page, of stages that something was said of for this side alone."""
        letter = side[0].upper()
        if letter not in self.sides:
            return {}
        alone = self._laid(f"{scope}-{letter}" for scope in (BOOK, *self._chain(capture)))
        pairs = ((scope, f"{scope}-{letter}") for scope in self._chain(capture))
        whole = self._laid((f"{BOOK}-{letter}", *(scope for pair in pairs for scope in pair)))
        return {stage: keys for stage, keys in whole.items() if stage in alone}

    def _chain(self, capture: Capture) -> list[str]:
        """Scopes that hold for a capture, the narrowest last."""
        later = () if capture.id in self.state.retakes else self.starts
        return [*(f"{FROM}{start}" for start in later if start <= capture.arrival), capture.id]

    def _laid(self, scopes: Iterable[str]) -> Values:
        whole: dict[str, Values] = {}
        for scope in scopes:
            if scope in self.state.settings:
                laid_over(whole, "", self.state.settings[scope])
        return whole.get("", {})


def _is_of_side(scope: str) -> bool:
    return scope.endswith(("-L", "-R"))


def _starts(settings: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted({int(scope.split("-")[1]) for scope in settings if scope.startswith(FROM)}))


def reached(state: BookState, page: str, values: Values, reach: str, pages: Sequence[str]) -> list[Change]:
    """What is to be said, and of which scopes, for `values` to hold for a page and as far as `reach` says.

    What a capture decides is said of captures, the rest of pages. `pages` are the ids of the book's pages in order: where
    captures are no spreads, those with an even number are left pages.
    """
    changes: list[Change] = []
    of_capture = {stage: keys for stage, keys in values.items() if stage in OF_CAPTURE}
    of_page = {stage: keys for stage, keys in values.items() if stage not in OF_CAPTURE}
    if "turn" in of_capture.get("orient", {}):
        scopes, below = _far(state, page, reach, True, pages)
        changes += _without((*scopes, *below), ON_TURNED, state.settings)
    for part, whole in ((of_capture, True), (of_page, False)):
        if part:
            scopes, below = _far(state, page, reach, whole, pages)
            changes += [*_without(below, part, state.settings), (scopes, part)]
            if not whole and reach in LETTERS and "-" in page:
                beside = _beside(state.settings, LETTERS[reach], part)
                changes += [(beside, part)] if beside else []
    return changes


def _far(state: BookState, page: str, reach: str, whole: bool, pages: Sequence[str]) -> tuple[list[str], list[str]]:
    """The scopes that a correction goes to, and the narrower ones below them. `whole`: it is of captures."""
    capture, dash, _ = page.partition("-")
    if reach == "page":
        scope = capture if whole else page
        return [scope], _pages_of([scope])
    if reach == "capture":
        return [capture], _pages_of([capture])
    if reach == "following":
        return _following(state, capture, page if page.endswith("-R") and not whole else capture)
    if reach in LETTERS and not dash:
        even = [name for number, name in enumerate(pages, 1) if "-" not in name and (number % 2 == 0) == (reach == "left")]
        return even, _pages_of(even)
    if reach in LETTERS and not whole:
        letter = LETTERS[reach]
        return [f"{BOOK}-{letter}"], [scope for scope in state.settings if scope.endswith(f"-{letter}") and scope != BOOK]
    return [BOOK], [scope for scope in state.settings if scope != BOOK]


def _following(state: BookState, capture: str, first: str) -> tuple[list[str], list[str]]:
    """From `first` on: the rest of its capture, the captures after it, and those to come."""
    order = [one.id for one in state.current]
    after = order[order.index(capture) + 1 :]
    to_come = f"{FROM}{state.next_arrival}"
    return [first, *after, to_come], _pages_of([first, *after, to_come])


def _pages_of(scopes: Iterable[str]) -> list[str]:
    return [f"{scope}-{letter}" for scope in scopes if not _is_of_side(scope) for letter in SIDES]


def _without(scopes: Iterable[str], values: Values, settings: Mapping[str, Values]) -> Iterator[Change]:
    """The same keys taken back in scopes that have them."""
    for scope in scopes:
        own = settings.get(scope, {})
        taken = {stage: {key: None for key in keys if key in own.get(stage, {})} for stage, keys in values.items()}
        if any(taken.values()):
            yield [scope], {stage: keys for stage, keys in taken.items() if keys}


def _beside(settings: Mapping[str, Values], letter: str, values: Values) -> list[str]:
    """Scopes of one side within scopes of both that have one of the keys: for that side they are to say otherwise."""
    both = [scope for scope in settings if scope != BOOK and not _is_of_side(scope)]
    return [f"{scope}-{letter}" for scope in both
            if any(key in settings[scope].get(stage, {}) for stage, keys in values.items() for key in keys)]
