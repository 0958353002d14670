"""What a Windows program or library says of itself in its own file (PE format): which DLLs it imports."""

from __future__ import annotations

import struct
from pathlib import Path

PE_AT = 0x3C
IMPORTS_64, IMPORTS_32 = 112 + 8, 96 + 8  # in the optional header: the second data directory
PLUS = 0x20B  # a 64-bit program


def imports(path: Path) -> list[str]:
    """The DLLs that must be there when a file is loaded, in lower case; none for a file that is no program.

    Raises ValueError where a program is damaged.
    """
    data = path.read_bytes()
    if data[:2] != b"MZ":
        return []
    try:
        return list(_imports(data))
    except (struct.error, StopIteration) as error:
        raise ValueError(f"{path.name} is damaged") from error


def _imports(data: bytes):
    pe = struct.unpack_from("<I", data, PE_AT)[0]
    sections, header = struct.unpack_from("<H", data, pe + 6)[0], struct.unpack_from("<H", data, pe + 20)[0]
    optional = pe + 24
    directory = optional + (IMPORTS_64 if struct.unpack_from("<H", data, optional)[0] == PLUS else IMPORTS_32)
    table = [struct.unpack_from("<8x4I", data, optional + header + 40 * number) for number in range(sections)]

    def place(address: int) -> int:
        return next(address - start + at for size, start, length, at in table
                    if start <= address < start + max(size, length))

    first = struct.unpack_from("<I", data, directory)[0]
    if not first:
        return
    at = place(first)
    while name := struct.unpack_from("<12xI", data, at)[0]:
        begin = place(name)
        yield data[begin : data.index(b"\0", begin)].decode("ascii").lower()
        at += 20
