"""What a job changed, in words and numbers: each changed page as a row of a table, all of them as a tally.

How pages look before and after is `contact`'s, the page of HTML `change_page`'s.
"""

from __future__ import annotations

import csv
import heapq
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from province.changes import Change
from texts import say

COLUMNS = ("book", "number", "page", "kind", "words", "weight", "degrees", "gutter_mm", "edges_mm", "width_percent",
           "height_percent", "came", "went", "stages", "bytes_before", "bytes_after", "file")
MOST = 60  # pages whose pictures are worth printing
LISTED = 2000  # that are listed on the page and in the workbook; the CSV has all
ALL_AT_ONCE = 500  # rows written together
TOLD_DEGREES, TOLD_MM, TOLD_PERCENT = 0.05, 0.1, 0.3  # that are worth words; the columns have what is less
TURNED = 45.0  # degrees: by more a page was turned, not levelled otherwise
LARGER = 10.0  # percent, by which a file must become larger or smaller for it to be said in words
BANDS = {"degrees": (0.1, 0.3, 1.0, 3.0), "gutter_mm": (0.5, 1.0, 2.0, 5.0), "edges_mm": (0.5, 1.0, 2.0, 5.0)}


def words(change: Change, language: str) -> list[str]:
    """What changed, largest things first; never empty."""
    if change.kind != "changed":
        return [say("changes", change.kind + ("_split" if change.other_layout else ""), language)]
    told = [*_turned(change, language), *_moved(change, language), *_found(change, language)]
    told += [say("changes", "other_tone", language)] if change.other_tone else []
    if abs(change.bytes_percent) >= LARGER:
        told.append(say("changes", "bytes", language, percent=signed(change.bytes_percent, 0, language)))
    return told or [say("changes", "little", language)]


def _turned(change: Change, language: str) -> Iterator[str]:
    if abs(change.degrees) >= TURNED:
        yield say("changes", "turned", language, degrees=signed(change.degrees, 0, language))
    elif abs(change.degrees) >= TOLD_DEGREES:
        yield say("changes", "degrees", language, degrees=signed(change.degrees, 2, language))


def _moved(change: Change, language: str) -> Iterator[str]:
    if change.gutter_told:
        yield say("changes", f"gutter_{change.gutter_told}", language)
    for code, mm in (("gutter", change.gutter_mm), ("edges", change.edges_mm)):
        if mm >= TOLD_MM:
            yield say("changes", code, language, mm=number(mm, 1, language))
    if max(map(abs, change.size_percent)) >= TOLD_PERCENT:
        width, height = (signed(percent, 1, language) for percent in change.size_percent)
        yield say("changes", "size", language, width=width, height=height)


def _found(change: Change, language: str) -> Iterator[str]:
    for code, findings in (("came", change.came), ("went", change.went)):
        if findings:
            yield say("changes", code, language, findings=_names(findings, language))


def _names(codes: Iterable[str], language: str) -> str:
    return ", ".join(say("fault", code, language) for code in codes)


def number(value: float, decimals: int, language: str) -> str:
    """A number with so many decimals, as people write it."""
    text = f"{value:,.{decimals}f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "vi" else text


def signed(value: float, decimals: int, language: str) -> str:
    """The same with its sign."""
    rounded = round(value, decimals)
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else ''}{number(abs(rounded), decimals, language)}"


def row(change: Change, language: str) -> list[Any]:
    """A changed page as a row of COLUMNS; what does not apply stays empty."""
    width, height = change.size_percent
    changed = change.kind == "changed"
    before, after = change.before, change.after
    known = {
        "book": change.book, "number": change.number or None, "page": change.page,
        "kind": say("changes", f"kind_{change.kind}", language), "words": "; ".join(words(change, language)),
        "weight": change.weight, "came": _names(change.came, language), "went": _names(change.went, language),
        "stages": ", ".join(change.stages), "bytes_before": before and before.jpeg_bytes,
        "bytes_after": after and after.jpeg_bytes, "file": change.facts.jpeg,
    }
    measures = {"degrees": change.degrees, "gutter_mm": change.gutter_mm, "edges_mm": change.edges_mm,
                "width_percent": width, "height_percent": height}
    known |= measures if changed else {}
    return [known.get(name) for name in COLUMNS]


def heads(language: str) -> list[str]:
    return [say("changes", f"column_{name}", language) for name in COLUMNS]


def csv_of(changes: Iterable[Change], language: str) -> Iterator[bytes]:
    """`changes.csv`, piece by piece: a row for each changed page, in the order in which they come.

    UTF-8 with its mark, without which a spreadsheet takes it for something else.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff")
    writer.writerow(heads(language))
    for done, change in enumerate(changes, 1):
        writer.writerow(row(change, language))
        if done % ALL_AT_ONCE == 0:
            yield text.getvalue().encode("utf-8")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8")


def workbook(changes: Sequence[Change], language: str) -> bytes:
    """`changes.xlsx`: the same rows, of so many changes as a person will read (`Tally.listed`), ready to be sorted."""
    from reporting.tables import Table, xlsx

    return xlsx([Table(say("changes", "title_sheet", language), heads(language), [row(item, language) for item in changes])])


@dataclass
class Tally:
    """How much a whole job changed; changes are told to it one by one, and it stays small.

    `pages` are those that were compared, whether they changed or not: whoever compares counts them.
    """

    pages: int = 0
    changed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)  # new, gone, changed
    other_layout: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    came: Counter[str] = field(default_factory=Counter)
    went: Counter[str] = field(default_factory=Counter)
    bands: dict[str, Counter[int]] = field(default_factory=lambda: {name: Counter() for name in BANDS})
    bytes_before: int = 0
    bytes_after: int = 0
    _most: list[tuple[float, int, Change]] = field(default_factory=list)

    def add(self, change: Change) -> None:
        """Count one more."""
        self.changed += 1
        self.kinds[change.kind] += 1
        self.other_layout += change.other_layout
        self.stages.update(change.stages)
        self.came.update(change.came)
        self.went.update(change.went)
        self.bytes_before += change.before.jpeg_bytes if change.before else 0
        self.bytes_after += change.after.jpeg_bytes if change.after else 0
        if change.kind == "changed":
            for name, limits in BANDS.items():
                self.bands[name][sum(abs(getattr(change, name)) > limit for limit in limits)] += 1
        held = change.weight, -self.changed, change  # of equal ones the first
        (heapq.heappushpop if len(self._most) >= LISTED else heapq.heappush)(self._most, held)

    @property
    def listed(self) -> list[Change]:
        """The most changed pages, the most changed first."""
        return [change for _, _, change in sorted(self._most, key=lambda held: held[:2], reverse=True)]

    def to_json(self) -> dict[str, Any]:
        """What a summary tells."""
        return {
            "pages": self.pages, "changed": self.changed, "new": self.kinds["new"], "gone": self.kinds["gone"],
            "other_layout": self.other_layout, "stages": dict(self.stages), "came": dict(self.came),
            "went": dict(self.went), "bytes_before": self.bytes_before, "bytes_after": self.bytes_after,
            "bands": {name: [self.bands[name][at] for at in range(len(limits) + 1)] for name, limits in BANDS.items()},
        }


def bands(name: str, language: str) -> list[str]:
    """What the bands of a measure are called: up to the first limit, between two, over the last."""
    limits = [number(limit, 1, language) for limit in BANDS[name]]
    between = [f"{low} – {high}" for low, high in pairwise(limits)]
    return [f"≤ {limits[0]}", *between, f"> {limits[-1]}"]
