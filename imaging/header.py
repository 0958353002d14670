"""What a file of images says of itself before its pixels are decoded, and how far it may go.

Here are the nouns of reading (Limits, Frame, Header), the kinds of file told apart by their first bytes, and
the translation of every library's failure into UnreadableImage. `rasters` and `pdfpages` read the kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from errors import UnreadableImage

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "image/bmp": "bmp",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/avif": "avif",
    "image/jp2": "jp2",
    "image/gif": "gif",
    "image/x-portable-anymap": "pnm",
    "application/pdf": "pdf",
}
START = 1024  # bytes from which the kind can be told: PDF readers allow that much before the signature
SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),  # BigTIFF
    (b"MM\0+", "image/tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),  # a bare JPEG 2000 codestream
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
LONGEST = 900  # times as long as wide: half of what a view shows, so that a reduced one keeps a pixel across
DPI_LOWEST, DPI_HIGHEST = 50.0, 2400.0
DPI_OF_SCREENS = (72.0, 96.0)  # what programs write that do not know
DPI_ASPECT = 0.05  # no scanner's pixels are further from square


@dataclass(frozen=True)
class Limits:
    """How large a file may be: what lies beyond is refused before anything is allocated for it."""

    max_pixels: int = 250_000_000  # of one frame; A2 at 600 dpi has 139 million
    max_frames: int = 2000  # pages of one TIFF or PDF
    max_bytes: int = 1_000_000_000  # of one file


@dataclass(frozen=True)
class Frame:
    """One image of a file.

    `width` and `height` are pixels as stored; `orientation` is EXIF's 1 to 8, still to be applied; `dpi` is
    None where none, or nonsense, is stated. `refused` is the code of the reason why it cannot be decoded: a
    typeset page of a PDF keeps its place, so that a frame's position is its page number.
    """

    width: int
    height: int
    orientation: int = 1
    dpi: float | None = None
    refused: str = ""


@dataclass(frozen=True)
class Header:
    """What a file holds; the position of a frame is its number for `decode`.

    `exif` has at most make, model and time. `photo` says that a camera took it: exposure or lens are stated.
    """

    media: str
    frames: tuple[Frame, ...]
    exif: Mapping[str, str] = field(default_factory=dict)
    photo: bool = False


def media_of(start: bytes) -> str | None:
    """Media type by the first bytes (START of them suffice), never by a name; None: no image."""
    for signature, media in SIGNATURES:
        if start.startswith(signature):
            return media
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    if start[:2] == b"BM" and start[6:10] == bytes(4):
        return "image/bmp"
    if start[4:8] == b"ftyp":
        return _iso_media(start)
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return "image/x-portable-anymap"
    return "application/pdf" if b"%PDF-" in start[:START] else None


def _iso_media(start: bytes) -> str | None:
    """HEIC or AVIF by the major brand of the `ftyp` box, or by its compatible brands."""
    length = min(int.from_bytes(start[:4], "big"), 256)
    brands = [start[8:12], *(start[at : at + 4] for at in range(16, length, 4))]
    if b"avif" in brands or b"avis" in brands:
        return "image/avif"
    return "image/heic" if HEIF_BRANDS.intersection(brands) else None


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise UnreadableImage (`too_large`, or `damaged` for an empty frame) for what may not be decoded."""
    if width < 1 or height < 1:
        raise UnreadableImage("damaged", reason=f"{width} x {height} pixels")
    if width * height > limits.max_pixels:
        raise UnreadableImage("too_large", width=width, height=height, limit=limits.max_pixels)


def check_shape(width: int, height: int) -> None:
    """Raise UnreadableImage `damaged` for a thread that is no picture. Parts of a picture may well be such."""
    if max(width, height) > LONGEST * min(width, height):
        raise UnreadableImage("damaged", reason=f"{width} x {height} pixels")


def check_bytes(data: bytes, limits: Limits) -> str:
    """The media type of `data`. Raises UnreadableImage: `empty_file`, `too_many_bytes`, `not_an_image`."""
    if not data:
        raise UnreadableImage("empty_file")
    if len(data) > limits.max_bytes:
        raise UnreadableImage("too_many_bytes", bytes=len(data), limit=limits.max_bytes)
    media = media_of(data[:START])
    if media is None:
        raise UnreadableImage("not_an_image")
    return media


def resolution(x: float, y: float) -> float | None:
    """Pixels an inch, or None where the figures are nonsense or those of a screen."""
    try:
        x, y = float(x), float(y)
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not (DPI_LOWEST <= x <= DPI_HIGHEST and abs(x - y) <= DPI_ASPECT * x):
        return None
    whole = round(x)  # a resolution a metre or a centimetre does not come back as a whole number
    x = float(whole) if abs(x - whole) < 0.05 else round(x, 2)
    return None if x in DPI_OF_SCREENS else x


@contextmanager
def refusing() -> Iterator[None]:
    """Turn whatever a library raises over bad bytes into UnreadableImage `truncated` or `damaged`.

    A lack of memory is no property of the file and passes through.
    """
    try:
        yield
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # libraries raise SyntaxError, struct.error, KeyError … over damaged files
        reason = f"{type(error).__name__}: {error}"[:200]
        code = "truncated" if _ends_early(reason) else "damaged"
        raise UnreadableImage(code, reason=reason) from error


def _ends_early(reason: str) -> bool:
    return any(sign in reason.lower() for sign in ("truncated", "premature end of jpeg", "end of file"))
