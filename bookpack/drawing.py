"""What is drawn on a page of a PDF: pictures laid over one another, some through stencils, and the file that holds them.

A picture is a JPEG. A stencil says bit by bit where ink lies, in CCITT Group 4 (ITU-T T.6). How a page is taken apart
into these is left to `layers`, how they are written into a PDF to `pdf`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from errors import StorageFailed

CHUNK = 1 << 20
MAGIC = b"sohoa drawing 1\n"
WHOLE = ((0, 0),)


@dataclass(frozen=True)
class Piece:
    """Bytes within a file: where they begin and how many they are."""

    path: Path
    start: int
    length: int

    def __len__(self) -> int:
        return self.length

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a megabyte at a time. Raises OSError, also where the file has become shorter."""
        left = self.length
        with open(self.path, "rb") as file:
            file.seek(self.start)
            while left:
                chunk = file.read(min(left, CHUNK))
                if not chunk:
                    raise StorageFailed("cache_damaged", file=str(self.path))
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True)
class Picture:
    """A JPEG of `width` × `height` px, spread over `area` (left, top, width, height in px of the page; None: all of it).

    Seen through the stencil of that number where there is one, at each of `shifts` (x, y in px of the page).
    """

    jpeg: bytes | Piece
    width: int
    height: int
    grey: bool
    area: tuple[int, int, int, int] | None = None
    stencil: int | None = None
    shifts: tuple[tuple[int, int], ...] = WHOLE


@dataclass(frozen=True)
class Drawing:
    """A page of `width` × `height` px at `dpi`: its pictures from the lowest to the uppermost, its stencils, of full size.

    `black` is the number of a stencil that is painted black at last, over everything.
    """

    width: int
    height: int
    dpi: float
    pictures: tuple[Picture, ...] = ()
    stencils: tuple[bytes | Piece, ...] = ()
    black: int | None = None

    @property
    def size(self) -> int:
        """Bytes of all pictures and stencils."""
        return sum(len(part) for part in self.parts)

    @property
    def parts(self) -> tuple[bytes | Piece, ...]:
        return (*self.stencils, *(picture.jpeg for picture in self.pictures))


def jpeg_page(path: Path, width: int, height: int, dpi: float) -> Drawing:
    """A page that is one JPEG file. Raises OSError."""
    whole = Piece(path, 0, path.stat().st_size)
    return Drawing(width, height, dpi, (Picture(whole, width, height, _is_grey(path)),))


def _is_grey(jpeg: Path) -> bool:
    """Whether a baseline JPEG has one component: told by its frame header."""
    with open(jpeg, "rb") as file:
        file.read(2)
        while True:
            marker, length = file.read(2), int.from_bytes(file.read(2), "big")
            if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
                return file.read(6)[5] == 1
            file.seek(length - 2, 1)


def to_bytes(drawing: Drawing) -> bytes:
    """The file of a drawing whose parts are in memory: a line that names it, a line of JSON, the parts one after another."""
    plain = {
        "width": drawing.width, "height": drawing.height, "dpi": drawing.dpi, "black": drawing.black,
        "stencils": [len(stencil) for stencil in drawing.stencils],
        "pictures": [{**picture.__dict__, "jpeg": len(picture.jpeg)} for picture in drawing.pictures],
    }
    head = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")
    return b"".join((MAGIC, head, b"\n", *drawing.parts))


def read_drawing(path: Path) -> Drawing:
    """The drawing of a file, its parts left where they are. Raises StorageFailed `cache_damaged`, OSError."""
    with open(path, "rb") as file:
        known, head, start = file.readline() == MAGIC, file.readline(), file.tell()
    try:
        plain = json.loads(head) if known else None
        return _placed(plain, path, start)
    except (ValueError, KeyError, TypeError) as error:
        raise StorageFailed("cache_damaged", file=str(path)) from error


def _placed(plain: Any, path: Path, start: int) -> Drawing:
    def piece(length: int) -> Piece:
        nonlocal start
        start += length
        return Piece(path, start - length, length)

    stencils = tuple(map(piece, plain["stencils"]))
    pictures = tuple(_picture(item, piece(item["jpeg"])) for item in plain["pictures"])
    return Drawing(plain["width"], plain["height"], plain["dpi"], pictures, stencils, plain["black"])


def _picture(plain: dict[str, Any], jpeg: Piece) -> Picture:
    area = plain["area"] and tuple(plain["area"])
    picture = Picture(**{**plain, "jpeg": jpeg, "area": area})
    return replace(picture, shifts=tuple(map(tuple, plain["shifts"])))
