"""The picture of the icons: an open register book with its stamp, drawn here, put into the launcher in place of its own.

The launcher holds pictures of three sizes in full colour, uncompressed; ours have the same sizes and take the same places,
so nothing in the program has to move.
"""

from __future__ import annotations

import struct
from functools import cache

from PIL import Image, ImageDraw

SIZES = (48, 32, 16)
SMOOTH = 8  # drawn so many times larger
COVER, PAPER, LINE, STAMP, GUTTER = "#1e5f4a", "#fffdf4", "#9fb4c8", "#c8372d", "#d9d2bd"
PICTURES = 7  # that the launcher has; the four poorer ones are not shown any more
GROUP = struct.pack("<HHH", 0, 1, PICTURES)  # how a list of icons begins: nothing, kind, number


def with_icon(program: bytes) -> bytes:
    """The program with our pictures. Raises ValueError where it has no such pictures to take the place of."""
    data = bytearray(program)
    for size in SIZES:
        _put(data, _header(size), picture(size))
    begin = data.find(GROUP)
    entries = [bytes(data[at : at + 14]) for at in range(begin + 6, begin + 6 + 14 * PICTURES, 14)]
    ours = [entry for entry in entries if struct.unpack_from("<BB4xH", entry) in {(size, size, 32) for size in SIZES}]
    if data.count(GROUP) != 1 or len(ours) != len(SIZES):
        raise ValueError("the launcher has other icons than expected")
    struct.pack_into("<H", data, begin + 4, len(ours))
    data[begin + 6 : begin + 6 + 14 * len(ours)] = b"".join(ours)
    return bytes(data)


def _put(data: bytearray, header: bytes, new: bytes) -> None:
    if data.count(header) != 1:
        raise ValueError("the launcher has other icons than expected")
    at = data.find(header)
    data[at : at + len(new)] = new


def _header(size: int) -> bytes:
    """How a picture begins in a program: BITMAPINFOHEADER with 32 bits; its height counts the mask, too."""
    return struct.pack("<IiiHH", 40, size, 2 * size, 1, 32)


@cache
def picture(size: int) -> bytes:
    """The picture as a program holds it: header, rows from below (blue, green, red, opacity), an empty mask."""
    rows = draw(size).transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    mask = bytes((size + 31) // 32 * 4 * size)
    return _header(size) + struct.pack("<IIiiII", 0, len(rows) + len(mask), 0, 0, 0, 0) + rows + mask


def draw(size: int) -> Image.Image:
    """The book, RGBA, `size` pixels square."""
    unit = size * SMOOTH / 48
    image = Image.new("RGBA", (size * SMOOTH, size * SMOOTH), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)

    def at(*values: float) -> list[float]:
        return [value * unit for value in values]

    pen.rounded_rectangle(at(1, 8, 47, 42), radius=3 * unit, fill=COVER)
    for left, right in ((3.5, 24), (24, 44.5)):
        pen.rectangle(at(left, 6, right, 38), fill=PAPER)
        for row in range(5):
            pen.line(at(left + 3, 12 + 5 * row, right - 3, 12 + 5 * row), fill=LINE, width=round(1.6 * unit))
    pen.line(at(24, 6, 24, 38), fill=GUTTER, width=round(1.6 * unit))
    pen.ellipse(at(29, 22, 42, 35), outline=STAMP, width=round(2.4 * unit))
    return image.resize((size, size), Image.Resampling.LANCZOS)
