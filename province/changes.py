"""By how much pages changed when they were developed again: small facts of each page, and what differs between two of them.

No pixels are looked at: where a page lies on its original follows from its recipe. How changes are shown is left to
`change_table` and `contact`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from book import Capture, Decision, Severity, Side, digest
from developing import DevelopedPage, assumed_dpi

MM_PER_INCH = 25.4
Points = tuple[tuple[float, float], ...]
LEAST_DEGREES, LEAST_MM, LEAST_PERCENT, LEAST_BYTES_PERCENT = 0.01, 0.05, 0.05, 0.05  # less is not told
WEIGHT_PAGE = 1000.0  # of a page that appeared or vanished; what else changed of a page is told in mm
WEIGHT_WARNING, WEIGHT_WENT, WEIGHT_NOTE = 3.0, 1.0, 0.2  # mm: of a warning that came, one that went, a note either way
WEIGHT_TONE, WEIGHT_DOUBLED = 0.5, 1.0  # mm: of another tone, and of a file of twice or half as many bytes
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
LEAST_LUMA, LEAST_INK = 5, 0.05  # of 255; of the paper's luma: what is less is not seen
MOST_MM = 500.0  # no outline moves farther


@dataclass(frozen=True)
class PageFacts:
    """What is compared of one developed page, and asked for by `where`.

    `corners` (of the page, clockwise from its top left as it is read) and `gutter` (two ends, or None) are pixels of the
    upright original, whose size (width, height) is `upright` and whose resolution, stated or assumed, is `original_dpi`.
    `angle`: degrees, over -180 to 180, by which a level line of the page falls towards the right on the upright original;
    all geometry is in it, quarter turns too. `size` (width, height px) and `dpi` (None: not known) are the developed page's,
    `jpeg` is its file in the folder of pages. `stages` has a digest of the values that each stage decided, `tone` what is
    seen of the tone: `way` (how it was made), `paper` and `white` (luma before and after, 0 to 255), `ink` (depth, 0 to 1).
    """

    id: str
    capture: str
    side: Side
    recipe: str
    corners: Points
    angle: float
    gutter: Points | None
    upright: tuple[int, int]
    original_dpi: float
    size: tuple[int, int]
    dpi: float | None
    paper: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    confidence: float
    doubt: float
    jpeg: str
    jpeg_bytes: int
    drawing_bytes: int
    stages: Mapping[str, str] = field(default_factory=dict)
    tone: Mapping[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[str, ...]:
        """Codes of all findings, warnings first."""
        return self.warnings + self.notes

    @property
    def size_mm(self) -> tuple[float, float] | None:
        """Width and height of the page of paper; None where its resolution is not known."""
        return None if self.dpi is None else tuple(side / self.dpi * MM_PER_INCH for side in self.size)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> PageFacts:
        """Raises KeyError, TypeError or ValueError for what is no page, or one that an older program measured otherwise."""
        known = {item.name: plain[item.name] for item in fields(cls)}
        for name in ("upright", "size", "warnings", "notes"):
            known[name] = tuple(known[name])
        for name in ("corners", "gutter"):
            known[name] = None if known[name] is None else tuple(map(tuple, known[name]))
        return cls(**{**known, "side": Side(known["side"])})


def facts_of(pages: Iterable[DevelopedPage], capture: Capture, orientation: int) -> tuple[PageFacts, ...]:
    """The facts of the pages of one capture, whose original has this EXIF orientation."""
    return tuple(_facts(page, capture, orientation) for page in pages)


def _facts(page: DevelopedPage, capture: Capture, orientation: int) -> PageFacts:
    from imaging.geometry import Geometry
    from imaging.stages import geometry

    original = (capture.width, capture.height), orientation, capture.dpi
    upright = Geometry.exif(orientation, *original[::2])
    composed, size = geometry(page.recipe, *original), (page.width, page.height)
    across, middle = composed.size[0] / 4, (composed.size[1] - 1) / 2
    level = upright.points(composed.points_back([[across, middle], [3 * across, middle]]))
    split = page.recipe.decision("split")
    ends = None if split is None else split.values["gutter"]
    before_split = None if ends is None else geometry(page.recipe, *original, upto="split")
    codes = {severity: tuple(sorted({item.code for item in page.findings if item.severity is severity}))
             for severity in Severity}
    return PageFacts(
        page.id, capture.id, page.recipe.side, page.recipe.digest,
        corners=_points(upright.points(composed.points_back(composed.corners))), angle=_falling(*level.tolist()),
        gutter=None if before_split is None else _points(upright.points(before_split.points_back(ends))),
        upright=upright.size, original_dpi=round(capture.dpi or page.dpi or assumed_dpi(size), 2), size=size, dpi=page.dpi,
        paper=page.paper, warnings=codes[Severity.WARNING], notes=codes[Severity.NOTE], confidence=page.confidence,
        doubt=page.doubt, jpeg=page.jpeg, jpeg_bytes=page.jpeg_bytes, drawing_bytes=page.drawing_bytes,
        stages={decision.stage: digest(decision.values)[:16] for decision in page.recipe.decisions},
        tone=_tone(page.recipe.decision("tone")),
    )


def _tone(decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {}
    values = decision.values
    way = [decision.version, *(values.get(key) for key in ("mode", "strength", "bitonal"))]
    return {"way": "-".join(map(str, way)), "paper": _luma(values["paper"]), "white": _luma(values["white"]),
            "ink": values.get("ink_depth") or 0.0}


def _luma(colour: Iterable[float]) -> int:
    return round(sum(share * value for share, value in zip(LUMA, colour, strict=True)))


def _falling(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Degrees by which a line falls towards the right."""
    return round(math.degrees(math.atan2(end[1] - start[1], end[0] - start[0])), 3)


def _points(points: Any) -> Points:
    return tuple((round(x, 1), round(y, 1)) for x, y in points.tolist())


@dataclass(frozen=True)
class Change:
    """What differs of one page. `before` is None for a page that is new, `after` for one that is no more.

    `other_layout`: the capture has other pages than before, one instead of two or the other way about. `book` and `number`
    (of the page in its book, from 1; 0: not known) are for whoever reads it.
    """

    page: str
    before: PageFacts | None
    after: PageFacts | None
    other_layout: bool = False
    book: str = ""
    number: int = 0

    @property
    def facts(self) -> PageFacts:
        """The page as it is, or was last."""
        return self.after or self.before

    @property
    def kind(self) -> str:
        """`new`, `gone` or `changed`."""
        return "new" if self.before is None else "gone" if self.after is None else "changed"

    @cached_property
    def degrees(self) -> float:
        """By how much the angle changed, over -180 to 180; positive where the page's level lines fall more to the right."""
        if self.kind != "changed":
            return 0.0
        return round(180 - (180 - self.after.angle + self.before.angle) % 360, 3)

    @cached_property
    def gutter_mm(self) -> float:
        """How far the gutter's ends lie from the line that it was before, at most; along the line counts nothing."""
        if self.kind != "changed" or not (self.before.gutter and self.after.gutter):
            return 0.0
        return self._mm(max(_off_line(end, self.before.gutter) for end in self.after.gutter))

    @property
    def gutter_told(self) -> str:
        """`came` where a page has a gutter that it had not, `went` the other way about, or nothing."""
        had, has = (bool(facts and facts.gutter) for facts in (self.before, self.after))
        return "" if self.kind != "changed" or had == has else "came" if has else "went"

    @cached_property
    def edges_mm(self) -> float:
        """How far a corner of the page moved on the original, at most; that the page was turned by quarters is not in it."""
        if self.kind != "changed":
            return 0.0
        was, now = self.before.corners, self.after.corners
        return self._mm(min(max(map(math.dist, was, now[turn:] + now[:turn])) for turn in range(4)))

    @cached_property
    def size_percent(self) -> tuple[float, float]:
        """By how much the page is wider and higher: in mm where both resolutions are known, or else in pixels."""
        if self.kind != "changed":
            return 0.0, 0.0
        was, now = self.before.size_mm, self.after.size_mm
        if was is None or now is None:
            was, now = self.before.size, self.after.size
        return tuple(round((new / old - 1) * 100, 2) for old, new in zip(was, now, strict=True))

    @cached_property
    def bytes_percent(self) -> float:
        """By how much the archive's JPEG became larger."""
        if self.kind != "changed" or not self.before.jpeg_bytes:
            return 0.0
        return round((self.after.jpeg_bytes / self.before.jpeg_bytes - 1) * 100, 2)

    @property
    def came(self) -> tuple[str, ...]:
        """Codes of findings that there were not before."""
        return self._codes(self.after, self.before)

    @property
    def went(self) -> tuple[str, ...]:
        """Codes of findings that there are no more."""
        return self._codes(self.before, self.after)

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages that decided something else, in order."""
        if self.kind != "changed":
            return ()
        was, now = self.before.stages, self.after.stages
        return tuple(name for name in {**was, **now} if was.get(name) != now.get(name))

    @property
    def other_tone(self) -> bool:
        """Whether the page looks otherwise: made in another way, or paper or ink that is seen to be lighter or darker."""
        was, now = (facts.tone if facts else {} for facts in (self.before, self.after))
        if self.kind != "changed" or not (was and now):
            return self.kind == "changed" and bool(was) != bool(now)
        lighter = max(abs(was[name] - now[name]) for name in ("paper", "white"))
        return was["way"] != now["way"] or lighter >= LEAST_LUMA or abs(was["ink"] - now["ink"]) >= LEAST_INK

    @property
    def visible(self) -> bool:
        """Whether there is anything to tell."""
        return (self.kind != "changed" or self.other_layout or bool(self.stages or self.came or self.went) or self.other_tone
                or abs(self.degrees) >= LEAST_DEGREES or max(self.gutter_mm, self.edges_mm) >= LEAST_MM
                or self.before.size != self.after.size or abs(self.bytes_percent) >= LEAST_BYTES_PERCENT)

    @cached_property
    def weight(self) -> float:
        """How much a person wants to see it, 0 for nothing at all.

        A page that appeared or vanished comes first. Of others the largest move counts in mm: of the gutter, of a corner, or
        of the end of a line by the change of angle. To it come warnings that came (each as much as 3 mm) or went (1 mm),
        another tone (0.5 mm), notes, and a file that became larger or smaller (1 mm for each doubling).
        """
        if self.kind != "changed":
            return WEIGHT_PAGE + len(self.facts.warnings)
        half_line = self.after.size[0] / 2 / (self.after.dpi or assumed_dpi(self.after.size)) * MM_PER_INCH
        moved = max(self.gutter_mm, self.edges_mm, math.radians(abs(self.degrees)) * half_line)
        warned = len(set(self.came) & set(self.after.warnings)), len(set(self.went) & set(self.before.warnings))
        noted = len(self.came) + len(self.went) - sum(warned)
        weight = min(moved, MOST_MM) + warned[0] * WEIGHT_WARNING + warned[1] * WEIGHT_WENT + noted * WEIGHT_NOTE
        weight += WEIGHT_TONE * self.other_tone
        if self.before.jpeg_bytes and self.after.jpeg_bytes:
            weight += WEIGHT_DOUBLED * abs(math.log2(self.after.jpeg_bytes / self.before.jpeg_bytes))
        return round(weight, 3)

    def to_json(self) -> dict[str, Any]:
        """The measures, and both pages."""
        return {
            "book": self.book, "page": self.page, "number": self.number, "kind": self.kind, "weight": self.weight,
            "other_layout": self.other_layout, "degrees": self.degrees, "gutter_mm": self.gutter_mm,
            "gutter": self.gutter_told, "edges_mm": self.edges_mm, "size_percent": list(self.size_percent),
            "bytes_percent": self.bytes_percent, "came": list(self.came), "went": list(self.went),
            "stages": list(self.stages), "other_tone": self.other_tone, "before": self.before and self.before.to_json(),
            "after": self.after and self.after.to_json(),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Change:
        before, after = (plain[name] and PageFacts.from_json(plain[name]) for name in ("before", "after"))
        return cls(plain["page"], before, after, plain["other_layout"], plain["book"], plain["number"])

    def _mm(self, px: float) -> float:
        return round(px / self.after.original_dpi * MM_PER_INCH, 2)

    def _codes(self, there: PageFacts | None, not_there: PageFacts | None) -> tuple[str, ...]:
        if self.kind != "changed":
            return ()
        return tuple(code for code in there.findings if code not in not_there.findings)


def _off_line(point: tuple[float, float], line: Points) -> float:
    (x0, y0), (x1, y1) = line
    length = math.hypot(x1 - x0, y1 - y0)
    if not length:
        return math.dist(point, line[0])
    return abs((x1 - x0) * (point[1] - y0) - (y1 - y0) * (point[0] - x0)) / length


def compare(
    before: Iterable[PageFacts], after: Iterable[PageFacts], book: str = "", numbers: Mapping[str, int] = {}
) -> tuple[Change, ...]:
    """What differs between the pages of captures as they were and as they are; the order is theirs, pages gone come last.

    Pages are the same by their id. One of which nothing differs is not among them. `numbers` are those of pages by id.
    """
    was, now = ({page.id: page for page in pages} for pages in (before, after))
    known = {page.capture for page in was.values()} & {page.capture for page in now.values()}  # as opposed to a new image
    changes = []
    for name in {**now, **was}:
        other = (name in was) != (name in now) and (now.get(name) or was[name]).capture in known
        changes.append(Change(name, was.get(name), now.get(name), other, book, numbers.get(name, 0)))
    return tuple(change for change in changes if change.visible)
