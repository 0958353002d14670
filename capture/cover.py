"""Cover sheets: what their codes say, and reading one in a picture. Printing is left to `coversheet`.

A sheet bears its code twice, large, as QR of one version and the highest error correction (ISO/IEC 18004: version 3,
level H). A picture is a cover sheet only if a whole code of ours is read in it. A large code of that shape that cannot
be read to its end, or two of the squares in the corners of one, are told of, so that no page that follows goes into
the wrong book. Codes of other people, read or not, are nothing to us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from book import Identity
from errors import BadIdentity

PREFIX = "SOHOA1"
ANY_OF_OURS = re.compile(r"SOHOA\d+:.*", re.ASCII | re.DOTALL)  # what newer programs print, too
Kind = Literal["book", "end", "retake", "blank", "slip"]
KINDS: tuple[Kind, ...] = ("book", "end", "retake", "blank", "slip")
VERSION, LEVEL, MODULES = 3, "H", 29  # of all our codes: the longest text fills them, and they have one shape
LARGE = 0.10  # of the picture's long side: no smaller code that cannot be read is taken for one of ours
FAST_SIDE = 900  # px: a sheet that fills the picture is read at this size
FINDER_SIDE = 600  # px: the squares of a large code are seen at this size
FINDER = 7  # modules across the square in a corner of a code: a ring of one, white of one, black of three
APART = (MODULES - FINDER) / FINDER  # between the middles of two squares of one code, in sides of a square
NEIGHBOURS = (0.7 * APART, 1.35 * 2**0.5 * APART)  # along a side or across, seen at an angle
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
        code = cls(kind.lower(), book)
        if prefix != PREFIX or code.kind not in KINDS or (code.kind == "book") != bool(book):
            return None
        try:
            plain = not book or (book.isascii() and str(Identity.parse(book)) == book)
        except BadIdentity:
            return None
        return code if plain and code.text == text else None  # only what we write ourselves


@dataclass(frozen=True)
class Cover:
    """A sheet that was read, and the corners (x, y; px of the picture) of the code, clockwise from its upper left."""

    code: CoverCode
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Unreadable:
    """A sheet of ours that says nothing for sure: `damaged_code`, `several_codes`, `unknown_code` (of a newer program)."""

    reason: str


def read_cover(picture: np.ndarray) -> Cover | Unreadable | None:
    """The cover sheet that a picture shows (grey or RGB uint8); None for everything else, other people's codes too.

    Small and plain first: most pictures are pages without any code, and cost one quick look. Where something of a
    code of ours is seen, light is evened out and edges are sharpened before it is given up as unreadable.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
    doubtful = foreign = False
    for shown, factor in _plain(grey):
        found = _codes(shown)
        said = _said(found, factor)
        if said is not None:
            return said
        large = [item for item in found if _side(item) >= LARGE * max(shown.shape)]
        doubtful |= any(not item.valid and _version(item) == VERSION for item in large)
        foreign |= any(item.valid or _version(item) not in (0, VERSION) for item in large)
    if not doubtful and (foreign or not _shows_finders(grey)):
        return None
    for shown in _helped(grey):
        said = _said(_codes(shown), 1.0)
        if said is not None:
            return said
    return Unreadable("damaged_code")


def _plain(grey: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    """The picture with its scale: small, and whole, since a sheet may fill a small part of it."""
    factor = min(1.0, FAST_SIDE / max(grey.shape))
    if factor < 1:
        yield cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), factor
    yield grey, 1.0


def _helped(grey: np.ndarray) -> Iterator[np.ndarray]:
    """The picture with its light evened out, then sharper, then softer."""
    light = cv2.blur(cv2.dilate(grey, np.ones((EVEN, EVEN), np.uint8)), (EVEN, EVEN))
    even = cv2.divide(grey, np.maximum(light, 1), scale=255)
    yield even
    for blur in (LARGEST_BLUR / 2, LARGEST_BLUR):
        soft = cv2.GaussianBlur(even, (0, 0), 2 * blur)
        yield cv2.addWeighted(even, 2.5, soft, -1.5, 0)
        yield cv2.GaussianBlur(even, (0, 0), blur)


def _codes(grey: np.ndarray) -> list[Any]:
    import zxingcpp

    return zxingcpp.read_barcodes(np.ascontiguousarray(grey), formats=zxingcpp.BarcodeFormat.QRCode, try_invert=False,
                                  return_errors=True)


def _said(found: Sequence[Any], factor: float) -> Cover | Unreadable | None:
    """What the whole codes of ours say, if there are any."""
    ours = [item for item in found if item.valid and ANY_OF_OURS.fullmatch(item.text)]
    covers = {item.text: _cover(item, factor) for item in ours}
    if len(covers) > 1:
        return Unreadable("several_codes")
    return next((cover or Unreadable("unknown_code") for cover in covers.values()), None)


def _version(item: Any) -> int:
    """The version of a code, be it damaged; unlike the level it shows in the size. 0 where it could not be told.

    A piece of a code may look like one of the small kinds (Micro QR, rMQR), which tells nothing.
    """
    version = str((item.extra or {}).get("Version", ""))
    return int(version) if version.isdigit() else 0


def _shows_finders(grey: np.ndarray) -> bool:
    """Are two of the large squares of a code of ours there, as far apart as two neighbours are?"""
    factor = min(1.0, FINDER_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    squares = list(_finders(small, LARGE * FINDER / MODULES * max(small.shape)))
    for number, (x, y, side) in enumerate(squares):
        for other_x, other_y, other_side in squares[:number]:
            apart = np.hypot(x - other_x, y - other_y) / (side * other_side) ** 0.5
            if NEIGHBOURS[0] <= apart <= NEIGHBOURS[1] and max(side, other_side) < 1.6 * min(side, other_side):
                return True
    return False


def _finders(grey: np.ndarray, least: float) -> Iterator[tuple[float, float, float]]:
    """Middle and side (x, y, side; px) of each dark ring around a dark square in proportions 7 : 5 : 3."""
    window = max(3, round(min(grey.shape) / 4) | 1)  # wider than the square of a sheet that fills the picture
    dark = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 12)
    outlines, tree = cv2.findContours(dark, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    for number, (_, _, hole, _) in enumerate(() if tree is None else tree[0]):
        core = tree[0][hole][2] if hole >= 0 else -1
        if core < 0:
            continue
        ring, white, black = (cv2.contourArea(outlines[level]) ** 0.5 for level in (number, hole, core))
        if ring >= least and 0.6 < white / ring < 0.9 and 0.28 < black / ring < 0.6 and _square(outlines[core]):
            yield *cv2.minAreaRect(outlines[number])[0], ring


def _square(outline: np.ndarray) -> bool:
    corners = cv2.approxPolyDP(outline, 0.08 * cv2.arcLength(outline, True), True)
    return len(corners) == 4 and cv2.isContourConvex(corners)


def _cover(item: Any, factor: float) -> Cover | None:
    code = CoverCode.parse(item.text)
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
