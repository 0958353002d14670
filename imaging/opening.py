"""From an original's bytes to the first view of one of its frames, with as little decoding as can be.

A JPEG is decoded twice: at a fraction of its size for all decisions, and once whole when pixels are first wanted. Any
other format is decoded whole, once.
"""

from __future__ import annotations

from functools import cache

from imaging.decode import Header, Limits, decode
from imaging.geometry import Geometry
from imaging.view import Hints, View, as_rgb, reduced, reduction

REDUCIBLE = "image/jpeg"


def first_view(data: bytes, header: Header, frame: int = 0, hints: Hints = Hints(), limits: Limits = Limits()) -> View:
    """The EXIF-upright view of frame `frame` of an original. Raises UnreadableImage."""
    part = header.frames[frame]
    factor = reduction((part.width, part.height))

    @cache
    def full():
        return decode(data, frame, 1, limits)

    in_decoder = header.media == REDUCIBLE and factor <= 8
    picture = decode(data, frame, factor, limits) if in_decoder else reduced(full(), factor)
    stored = (part.width, part.height)
    upright = Geometry.exif(part.orientation, stored, part.dpi)
    return View(as_rgb(picture), factor, stored, upright, hints, full=full)
