"""What was made of a capture before: its pages, and what was measured of them, by this program or an older one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from book import canonical_json
from developing import DevelopedPage
from errors import StorageFailed
from province.storage import joined

if TYPE_CHECKING:
    from province.changes import PageFacts
    from province.storage import Storage

MEASURES = ".measures"  # what was measured of a capture's pages, beside their facts


@dataclass(frozen=True)
class Before:
    """What a capture was developed to before: the name of its facts, and where they lie."""

    storage: Storage
    folder: str
    facts: str

    @cached_property
    def pages(self) -> tuple[DevelopedPage, ...]:
        """The pages; none where an older program wrote what this one cannot read, or they are gone."""
        try:
            plain = json.loads(self.storage.read(joined(self.folder, self.facts)))
            return tuple(map(DevelopedPage.from_json, plain))
        except (StorageFailed, ValueError, KeyError, TypeError):
            return ()

    @cached_property
    def measures(self) -> Measures | None:
        """What was measured of them; None where nobody has."""
        try:
            return Measures.from_bytes(self.storage.read(joined(self.folder, measures_name(self.facts))))
        except (StorageFailed, ValueError, KeyError, TypeError):
            return None


def measures_name(facts: str) -> str:
    """The file of measures that belongs to a file of facts."""
    return facts.removesuffix(".json") + MEASURES


@dataclass(frozen=True)
class Measures:
    """What comparing wants to know of a capture's pages; `orientation` is what EXIF says of its original."""

    orientation: int
    pages: tuple[PageFacts, ...]

    def to_bytes(self) -> bytes:
        plain = {"orientation": self.orientation, "pages": [page.to_json() for page in self.pages]}
        return canonical_json(plain).encode("utf-8")

    @classmethod
    def from_bytes(cls, data: bytes) -> Measures:
        """Raises ValueError, KeyError or TypeError for what is none."""
        from province.changes import PageFacts

        plain = json.loads(data)
        return cls(plain["orientation"], tuple(map(PageFacts.from_json, plain["pages"])))
