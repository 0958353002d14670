"""Which books and pages a job is for: `--where "type=KS year<1999 finding=faint_ink"` as a question to be asked of them.

Terms stand one after another and all must hold. Those of a page must all hold of one page of a capture, as it was developed
last; then the whole capture is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from book import Identity, Side
from errors import BadConfig
from imaging.view import PAPERS_MM
from settings.reading import nearest
from texts import catalogue

if TYPE_CHECKING:
    from province.changes import PageFacts

TERM = re.compile(r"\s*(?P<key>\w+)\s*(?P<operator>!=|<=|>=|=|<|>)\s*(?P<value>[^\s,=<>!]+(?:\s*,\s*[^\s,=<>!]+)*)(?=\s|$)")
EQUAL = ("=", "!=")
ORDERED = (*EQUAL, "<", "<=", ">", ">=")
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<": lambda one, other: one < other, "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other, ">=": lambda one, other: one >= other,
}
KB = 1000
MANY, FEW = 8, 3  # values that there are, of which only the nearest are named; so many of those at most


@dataclass(frozen=True)
class Key:
    """Something that can be asked: what `read` gives of a book or page. Numbers have an order; words may have `*` in them.

    Of a page that has several (its findings) one must be as asked. `known` are all values that there are, where they can be
    listed; `upper`: written in capitals, whatever a person types.
    """

    read: Callable[[Any], Any]
    of_page: bool = False
    number: bool = False
    known: Callable[[], Collection[str]] | None = None
    upper: bool = False


KEYS: dict[str, Key] = {
    "type": Key(lambda book: book.kind, upper=True),
    "place": Key(lambda book: book.place),
    "year": Key(lambda book: book.year, number=True),
    "volume": Key(lambda book: book.volume, number=True),
    "book": Key(str, upper=True),
    "finding": Key(lambda page: page.findings, True, known=lambda: catalogue("vi")["finding"]),
    "warnings": Key(lambda page: len(page.warnings), True, True),
    "confidence": Key(lambda page: page.confidence, True, True),
    "doubt": Key(lambda page: page.doubt, True, True),
    "angle": Key(lambda page: abs(page.angle), True, True),
    "side": Key(lambda page: str(page.side), True, known=lambda: [str(side) for side in Side]),
    "paper": Key(lambda page: page.paper, True, known=lambda: PAPERS_MM, upper=True),
    "kb": Key(lambda page: page.jpeg_bytes / KB, True, True),
    "drawing_kb": Key(lambda page: page.drawing_bytes / KB, True, True),
}


@dataclass(frozen=True)
class Term:
    """One thing that must hold: `=` and `!=` have any number of values, of which one or none may be the one that is."""

    key: str
    operator: str
    values: tuple[str | float, ...]

    def holds(self, thing: Any) -> bool:
        """Of an Identity, or of PageFacts."""
        found = KEYS[self.key].read(thing)
        if self.operator in COMPARED:
            return COMPARED[self.operator](found, self.values[0])
        several = found if isinstance(found, tuple) else (found,)
        return any(_same(one, value) for one in several for value in self.values) == (self.operator == "=")


@dataclass(frozen=True)
class Where:
    """All that must hold. Without terms it holds of everything."""

    terms: tuple[Term, ...] = ()

    @property
    def needs_pages(self) -> bool:
        """Whether pages have to be known: one that was never developed is not meant."""
        return any(KEYS[term.key].of_page for term in self.terms)

    def book(self, identity: Identity) -> bool:
        """Whether anything of a book can be meant."""
        return all(term.holds(identity) for term in self.terms if not KEYS[term.key].of_page)

    def capture(self, pages: Iterable[PageFacts]) -> bool:
        """Whether a capture of such a book is meant, by its pages as they were developed last."""
        asked = [term for term in self.terms if KEYS[term.key].of_page]
        return not asked or any(all(term.holds(page) for term in asked) for page in pages)


def parse(text: str, kinds: Collection[str] = ()) -> Where:
    """Read terms. `kinds` are the types of register that there are, where they are known.

    Raises BadConfig: where_form, where_key, where_order, where_number, where_value.
    """
    terms, at = [], 0
    while rest := text[at:].strip():
        match = TERM.match(text, at)
        if match is None:
            raise BadConfig("where_form", term=rest.split()[0], keys=", ".join(KEYS))
        terms.append(_term(match, kinds))
        at = match.end()
    return Where(tuple(terms))


def _term(match: re.Match[str], kinds: Collection[str]) -> Term:
    term, name, operator = match[0].strip(), match["key"].lower(), match["operator"]
    key = KEYS.get(name)
    if key is None:
        raise BadConfig("where_key", term=term, key=name, nearest=nearest(name, KEYS) or "type", keys=", ".join(KEYS))
    values = re.split(r"\s*,\s*", match["value"])
    if operator in COMPARED and not (key.number and len(values) == 1):
        allowed = " ".join(ORDERED if key.number else EQUAL)
        raise BadConfig("where_order", term=term, key=name, operators=allowed)
    if key.number:
        return Term(name, operator, tuple(_number(value, term, name) for value in values))
    known = kinds if name == "type" else key.known() if key.known else ()
    return Term(name, operator, tuple(_word(value, term, name, known) for value in values))


def _number(value: str, term: str, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadConfig("where_number", term=term, key=name, value=value) from None


def _word(value: str, term: str, name: str, known: Collection[str]) -> str:
    value = value.upper() if KEYS[name].upper else value
    if known and "*" not in value and value not in known:
        near = get_close_matches(value, known, FEW, 0.5) if len(known) > MANY else ()
        raise BadConfig("where_value", term=term, key=name, value=value, known=", ".join(near or sorted(known)))
    return value


def _same(found: Any, wanted: str | float) -> bool:
    return fnmatchcase(found, wanted) if isinstance(wanted, str) else found == wanted
