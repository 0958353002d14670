"""The sRGB colour space as an ICC profile of version 2, which PDF/A-1 asks for (IEC 61966-2-1, ICC.1:2001-04).

Made here from the standard's numbers, so that no file of another's is carried along.
"""

from __future__ import annotations

import struct
from functools import cache

CURVE_POINTS = 256
WHITE_D50 = (0.9642, 1.0, 0.8249)
PRIMARIES_D50 = {  # sRGB's primaries, adapted to D50 by Bradford
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}


@cache
def srgb() -> bytes:
    """The profile's bytes."""
    curve = _curve()
    tags = [(b"desc", _description()), (b"cprt", b"text\0\0\0\0CC0\0"), (b"wtpt", _xyz(WHITE_D50))]
    tags += [(name, _xyz(value)) for name, value in PRIMARIES_D50.items()]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    offset, table, body, places = 128 + 4 + 12 * len(tags), b"", b"", {}
    for name, data in tags:
        if data not in places:
            places[data] = offset + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, places[data], len(data))
    rest = struct.pack(">I", len(tags)) + table + body
    return _header(128 + len(rest)) + rest


def _header(length: int) -> bytes:
    head = struct.pack(">I4sI4s4s4s", length, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(4) + bytes(4) + bytes(4) + bytes(4) + bytes(8)
    head += struct.pack(">I", 0) + b"".join(_fixed(value) for value in WHITE_D50)
    return head + bytes(128 - len(head))


def _description() -> bytes:
    name = b"sRGB IEC61966-2.1\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67)


def _xyz(value: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(part) for part in value)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _curve() -> bytes:
    steps = (index / (CURVE_POINTS - 1) for index in range(CURVE_POINTS))
    linear = (step / 12.92 if step <= 0.04045 else ((step + 0.055) / 1.055) ** 2.4 for step in steps)
    values = [round(value * 65535) for value in linear]
    return b"curv\0\0\0\0" + struct.pack(f">I{CURVE_POINTS}H", CURVE_POINTS, *values)
