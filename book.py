"""The shared nouns: what a capture, a page, a book, a case, a decision, a recipe and a finding are.

Plain frozen data with its JSON form; no files, no pixels. Everything else in the program speaks in these.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import log2
from typing import Any

from errors import BadIdentity

IDENTITY = re.compile(
    r"(?!(CON|PRN|AUX|NUL)\.)"  # no file can be called so on Windows, whatever follows the dot
    r"(?P<kind>[A-Z]{2,4})\.(?P<year>\d{4})\.(?P<place>\d{5})\.(?P<volume>\d{1,3})"
)
FIRST_YEAR, LAST_YEAR = 1860, 2100  # civil status began in Cochinchina in 1883; the rest is room


class Side(StrEnum):
    """Which part of its capture a page is."""

    WHOLE = "whole"
    LEFT = "left"
    RIGHT = "right"


class Severity(StrEnum):
    """NOTE is for the record; WARNING asks a person to look again."""

    NOTE = "note"
    WARNING = "warning"


class By(StrEnum):
    """Who decided."""

    AUTO = "auto"
    OPERATOR = "operator"


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces, real letters, floats to 6 decimals."""
    return json.dumps(_rounded(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode("utf-8")).hexdigest()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) + 0.0  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    if hasattr(value, "item"):  # a NumPy scalar
        return _rounded(value.item())
    return value


@dataclass(frozen=True)
class Finding:
    """Something a person may want to know of a page: a code and facts, never a sentence."""

    code: str
    severity: Severity = Severity.NOTE
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        plain = {"code": self.code, "severity": str(self.severity)}
        return plain | ({"facts": _rounded(self.facts)} if self.facts else {})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Finding:
        return cls(plain["code"], Severity(plain["severity"]), dict(plain.get("facts", {})))


WEIGHTS = {Severity.WARNING: 1.0, Severity.NOTE: 0.1}
MOST_TIMES = 4.0  # times its threshold: a measure beyond that is as bad as can be


def doubt(findings: Iterable[Finding], confidence: float) -> float:
    """How much a page wants to be looked at: 0 for one that nothing is said of and all is sure of.

    A warning counts 1 and a note 0.1; either as much again for each doubling of its measure over the threshold (the
    fact `times`), up to twice that. To this comes what the least sure decision lacks of certainty (1 - `confidence`).
    """
    total = sum(WEIGHTS[finding.severity] * (1 + _doublings(finding)) for finding in findings)
    return round(total + 1 - confidence, 3)


def _doublings(finding: Finding) -> float:
    return log2(min(max(float(finding.facts.get("times", 1.0)), 1.0), MOST_TIMES))


@dataclass(frozen=True)
class Decision:
    """What one stage decided of one capture or page.

    `values` are JSON values in pixels of the frame that the stage saw. `confidence` runs from 0 to 1. `basis` is a
    digest of all that the decision was computed from: when it changes, an automatic decision is computed again.
    Numbers are rounded as they are written: pages are made from what is written, or a replay would differ from them.
    """

    stage: str
    version: int
    values: Mapping[str, Any]
    confidence: float = 1.0
    by: By = By.AUTO
    basis: str = ""
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _rounded(self.values))
        object.__setattr__(self, "confidence", _rounded(float(self.confidence)))

    def to_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "version": self.version,
            "values": self.values,
            "confidence": self.confidence,
            "by": str(self.by),
            "basis": self.basis,
            "findings": [finding.to_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Decision:
        return cls(
            plain["stage"],
            plain["version"],
            dict(plain["values"]),
            plain["confidence"],
            By(plain["by"]),
            plain["basis"],
            tuple(Finding.from_json(item) for item in plain["findings"]),
        )


@dataclass(frozen=True)
class Capture:
    """One accepted image. Its identity is the hash of the original's bytes and the frame within it.

    `width` and `height` are pixels as stored, before the EXIF orientation is applied; `dpi` is None where the file
    states none or nonsense; `arrival` counts accepted images of a book and is the order of its pages.
    """

    sha256: str
    media: str
    width: int
    height: int
    frame: int = 0
    dpi: float | None = None
    source: str = ""
    arrival: int = 0
    exif: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.sha256[:8] if self.frame == 0 else f"{self.sha256[:8]}.{self.frame + 1}"


@dataclass(frozen=True)
class Page:
    """One page of a register: a capture, or one side of it."""

    capture: str
    side: Side

    @property
    def id(self) -> str:
        return self.capture if self.side is Side.WHOLE else f"{self.capture}-{self.side[0].upper()}"


@dataclass(frozen=True)
class Recipe:
    """All decisions that turn an original into one page. The same recipe and original give the same pixels."""

    capture: str
    frame: int
    side: Side
    decisions: tuple[Decision, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "capture": self.capture,
            "frame": self.frame,
            "side": str(self.side),
            "decisions": [decision.to_json() for decision in self.decisions],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Recipe:
        decisions = tuple(Decision.from_json(item) for item in plain["decisions"])
        return cls(plain["capture"], plain["frame"], Side(plain["side"]), decisions)

    @cached_property
    def digest(self) -> str:
        return digest(self.to_json())

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for decision in self.decisions for finding in decision.findings)

    def decision(self, stage: str) -> Decision | None:
        """The decision of the named stage, or None where the stage was skipped."""
        return next((decision for decision in self.decisions if decision.stage == stage), None)


@dataclass(frozen=True)
class Identity:
    """Key of a register book: type, year opened, the place's 5-digit code as it was then, volume."""

    kind: str
    year: int
    place: str
    volume: int

    @classmethod
    def parse(cls, text: str, kinds: Mapping[str, Any] | None = None) -> Identity:
        """Read an identity such as `KH.1994.14800.03`.

        Raises BadIdentity when the form is wrong, the year is not one a register can have, or `kinds` (the table of
        type codes of the settings) does not know the type.
        """
        match = IDENTITY.fullmatch(text.strip())
        if match is None:
            raise BadIdentity("book_id_form", book=text)
        if kinds is not None and match["kind"] not in kinds:
            raise BadIdentity("book_id_kind", book=text, kind=match["kind"], kinds=", ".join(kinds))
        if not FIRST_YEAR <= int(match["year"]) <= LAST_YEAR:
            raise BadIdentity("book_id_year", book=text, year=match["year"])
        if int(match["volume"]) == 0:
            raise BadIdentity("book_id_form", book=text)
        return cls(match["kind"], int(match["year"]), match["place"], int(match["volume"]))

    def __str__(self) -> str:
        return f"{self.kind}.{self.year}.{self.place}.{self.volume:02d}"


@dataclass(frozen=True)
class Case:
    """One registered event and the pages it stands on; many to many with pages.

    `id` stays whatever its number, pages or file name become; where none is given it is the id of its first page.
    `number` (digits) and `date` (ISO) are None until somebody has read them from the page, `values` is what else was
    typed, by column of the workbook. `regions` maps a page to the part of it that the case stands on: left, top, right
    and bottom as fractions of the page; a page that is not named there is meant in whole. A `slip` was attached to the
    book later and stands outside the numbering.
    """

    pages: tuple[str, ...]
    number: str | None = None
    date: str | None = None
    id: str = ""
    slip: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    regions: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.id or self.pages[0])


@dataclass(frozen=True)
class Book:
    """A register book: identity, what is known of its paper, and its pages in order."""

    identity: Identity
    paper: str = ""
    pages: tuple[Page, ...] = ()
    cases: tuple[Case, ...] = ()
