"""Cover sheets: what their codes say, and reading one in a picture. Printing is left to `coversheet`.

A sheet bears its code twice, large, as QR with the highest error correction (ISO/IEC 18004, level H). A picture is a
cover sheet only if a whole code of ours is read in it; a large QR code that cannot be read to its end is told of, so
that no page that follows goes into the wrong book.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from book import Identity
from errors import BadIdentity

PREFIX = "SOHOA1"
Kind = Literal["book", "end", "retake", "blank", "slip"]
KINDS: tuple[Kind, ...] = ("book", "end", "retake", "blank", "slip")
LARGE = 0.10  # of the picture's long side: no smaller code is taken for one of our sheets
FAST_SIDE = 900  # px: a sheet that fills the picture is read at this size
EVEN = 31  # px: window in which light is evened out
LARGEST_BLUR = 1.4  # px: of the unsharp mask that is tried last


@dataclass(frozen=True)
class CoverCode:
    """What a sheet says: a book that comes next, or how to take what comes next."""

    kind: Kind
    book: str = ""

    @property
    def text(self) -> str:
        """The content of its QR code."""
        return ":".join([PREFIX, self.kind.upper(), *([self.book] if self.book else [])])

    @classmethod
    def parse(cls, text: str) -> CoverCode | None:
        """Read the content of a code; None for one that is not ours."""
        prefix, _, rest = text.partition(":")
        kind, _, book = rest.partition(":")
        if prefix != PREFIX or kind.lower() not in KINDS or (kind == "BOOK") != bool(book):
            return None
        if not book:
            return cls(kind.lower())
        try:
            return cls("book", str(Identity.parse(book)))
        except BadIdentity:
            return None


@dataclass(frozen=True)
class Cover:
    """A sheet that was read, and the corners (x, y; px of the picture) of the code, clockwise from its upper left."""

    code: CoverCode
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Unreadable:
    """There is a large code that cannot be read to its end, or that says several things."""

    reason: str


def read_cover(picture: np.ndarray) -> Cover | Unreadable | None:
    """The cover sheet that a picture shows (grey or RGB uint8); None for everything else, other people's codes too.

    Small and plain first: most pictures are pages without any code, and cost one quick look.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
    broken = False
    for shown, factor in _attempts(grey):
        found = _codes(shown)
        covers = {cover.code: cover for cover in (_cover(item, factor) for item in found) if cover is not None}
        if len(covers) == 1:
            return next(iter(covers.values()))
        if covers:
            return Unreadable("several_codes")
        large = [item for item in found if not item.valid and _side(item) >= LARGE * max(shown.shape)]
        broken = broken or bool(large)
        if not broken:
            if factor < 1:
                continue  # the full size gets one look, too: a sheet may fill a small part of a picture
            return None
    return Unreadable("damaged_code") if broken else None


def _attempts(grey: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    """Pictures to look at, each with its scale: small, whole; where a code was seen, also evened and sharpened."""
    factor = min(1.0, FAST_SIDE / max(grey.shape))
    if factor < 1:
        yield cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), factor
    yield grey, 1.0
    light = cv2.blur(cv2.dilate(grey, np.ones((EVEN, EVEN), np.uint8)), (EVEN, EVEN))
    even = cv2.divide(grey, np.maximum(light, 1), scale=255)
    yield even, 1.0
    for blur in (LARGEST_BLUR / 2, LARGEST_BLUR):
        soft = cv2.GaussianBlur(even, (0, 0), 2 * blur)
        yield cv2.addWeighted(even, 2.5, soft, -1.5, 0), 1.0
        yield cv2.GaussianBlur(even, (0, 0), blur), 1.0


def _codes(grey: np.ndarray) -> list[Any]:
    import zxingcpp

    return zxingcpp.read_barcodes(np.ascontiguousarray(grey), formats=zxingcpp.BarcodeFormat.QRCode, try_invert=False,
                                  return_errors=True)


def _cover(item: Any, factor: float) -> Cover | None:
    code = CoverCode.parse(item.text) if item.valid else None
    if code is None:
        return None
    at = item.position
    return Cover(code, tuple((point.x / factor, point.y / factor)
                             for point in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)))


def _side(item: Any) -> float:
    """Length of the longest side of a code, px."""
    at = item.position
    corners = np.array([[point.x, point.y] for point in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)], float)
    return float(np.hypot(*(np.roll(corners, -1, axis=0) - corners).T).max())
