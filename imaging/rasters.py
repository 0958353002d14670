"""Raster files by Pillow: their headers, and their pixels as 8-bit sRGB or grey.

Colour belongs to `srgb`, the fast way of ordinary JPEG files to `decode`, PDF to `pdfpages`.
"""

from __future__ import annotations

import io
import itertools
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from PIL import Image

from errors import UnreadableImage
from imaging.header import Frame, Header, Limits, check_shape, check_size, refusing, resolution
from imaging.srgb import to_grey_or_rgb

# Pillow's own limit is lower than a large map's; ours (`check_size`) is asked before anything is decoded.
Image.MAX_IMAGE_PIXELS = None

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
    "image/jp2": "JPEG2000",
    "image/gif": "GIF",
    "image/x-portable-anymap": "PPM",
}
MAKE, MODEL, ORIENTATION, TIME = 271, 272, 274, 306
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, CENTIMETRE = 282, 283, 296, 3
EXIF_IFD, TIME_TAKEN = 0x8769, 36867
EXPOSURE, APERTURE, SENSITIVITY, FOCAL_LENGTH = 33434, 33437, 34855, 37386
SUBFILE_TYPE, REDUCED_OR_MASK = 254, 0b101
TILE_WIDTH, TILE_HEIGHT = 322, 323
PLACES = {273: 279, 324: 325}  # tags of the offsets of strips and tiles, and of their lengths
JP2_SIZE = b"\xff\x4f\xff\x51"  # start of a codestream and of its size
JPEG_SCAN = b"\xff\xda"
SCANS_AT_MOST = 500  # ten are usual; with thousands, each empty, a small file is hours of work
GIF_SIZE, GIF_IMAGE = struct.Struct("<6xHHB2x"), struct.Struct("<xHHHH")  # of the screen, of the place of a picture on it
PNG_SIGNATURE, PNG_CHUNK = b"\x89PNG\r\n\x1a\n", 12  # a chunk has 12 bytes beside its content
EXIF_TEXT = 64  # characters kept of a field that a file may fill with anything


def read(data: bytes, media: str, limits: Limits) -> Header:
    """The header of a raster file. Raises UnreadableImage."""
    with opened(data, media, limits) as image:
        check_size(*image.size, limits)
        exif = _exif(image, data)
        frames = _pages(image, data, limits) if media == "image/tiff" else (_frame(image, exif),)
        return Header(media, frames, _origin(exif), _by_camera(exif))


def pixels(data: bytes, media: str, frame: int, reduce: int, limits: Limits) -> np.ndarray:
    """The pixels of one frame, uint8 grey (h, w) or sRGB (h, w, 3). Raises UnreadableImage.

    JPEG is decoded at 1/`reduce` where its decoder can; other kinds come at full size.
    """
    with opened(data, media, limits) as image:
        _seek_page(image, frame)
        check_size(*image.size, limits)
        if media == "image/jpeg" and reduce > 1:
            image.draft(None, tuple(max(1, side // reduce) for side in image.size))
        size = image.size
        image.load()
        if image.size != size:
            raise UnreadableImage("damaged", reason=f"{image.size} pixels where {size} are stated")
        return to_grey_or_rgb(image)


@contextmanager
def opened(data: bytes, media: str, limits: Limits) -> Iterator[Image.Image]:
    """A Pillow image of which only the header is read. Failures within the block become UnreadableImage."""
    if media == "image/heic":
        _register_heif()
    with refusing(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd tags, which concern nobody here
        _check_before_opening(data, media, limits)
        try:
            image = Image.open(io.BytesIO(data), formats=(FORMATS[media],))
        except Image.UnidentifiedImageError as error:
            code = "truncated" if _cut_short(data, media) else "damaged"
            raise UnreadableImage(code, reason="the header cannot be read") from error
        with image:
            yield image


@cache
def _register_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


def _frame(image: Image.Image, exif: Image.Exif) -> Frame:
    check_shape(*image.size)
    return Frame(*image.size, _orientation(image, exif), _dpi(image, exif))


def _pages(image: Image.Image, data: bytes, limits: Limits) -> tuple[Frame, ...]:
    frames = []
    for _ in _each_page(image):
        if len(frames) >= limits.max_frames:
            raise UnreadableImage("too_many_frames", limit=limits.max_frames)
        check_size(*image.size, limits)
        _check_places(image, len(data), limits)
        frames.append(_frame(image, image.getexif()))
    image.seek(0)
    return tuple(frames)


def _each_page(image: Image.Image) -> Iterator[None]:
    """Go through the pages of a TIFF file; thumbnails and masks of pages are none, save the first image.

    Pillow ends a chain of pages that comes back to one already seen.
    """
    for index in itertools.count():
        try:
            image.seek(index)
        except EOFError:
            return
        if index == 0 or not _number(image.tag_v2.get(SUBFILE_TYPE, 0)) & REDUCED_OR_MASK:
            yield


def _seek_page(image: Image.Image, number: int) -> None:
    pages = _each_page(image) if image.format == "TIFF" else iter([None])
    if number < 0 or next(itertools.islice(pages, number, None), image) is image:
        raise UnreadableImage("damaged", reason=f"no frame {number}")


def _check_places(image: Image.Image, length: int, limits: Limits) -> None:
    """Raise where a page of a TIFF file reaches beyond the file's end, or has a tile of senseless size."""
    tags = image.tag_v2
    if TILE_WIDTH in tags and TILE_HEIGHT in tags:
        check_size(_number(tags[TILE_WIDTH]), _number(tags[TILE_HEIGHT]), limits)
    for offsets, lengths in PLACES.items():
        places, sizes = np.atleast_1d(tags.get(offsets, ())), np.atleast_1d(tags.get(lengths, ()))
        if len(places) == len(sizes) and len(places) and int(np.max(places + sizes)) > length:
            raise UnreadableImage("truncated", bytes=length, needed=int(np.max(places + sizes)))


def _number(value: object) -> int:
    return int(value[0] if isinstance(value, tuple) else value)


def _orientation(image: Image.Image, exif: Image.Exif) -> int:
    """EXIF orientation that is still to be applied: Pillow and libheif turn TIFF and HEIC themselves."""
    if image.format in ("TIFF", "HEIF"):
        return 1
    value = exif.get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _dpi(image: Image.Image, exif: Image.Exif) -> float | None:
    """The resolution by the file's own header, or else by EXIF."""
    if "dpi" in image.info:
        return resolution(*image.info["dpi"])
    inches = 2.54 if exif.get(RESOLUTION_UNIT) == CENTIMETRE else 1.0
    try:
        return resolution(float(exif[X_RESOLUTION]) * inches, float(exif[Y_RESOLUTION]) * inches)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _exif(image: Image.Image, data: bytes) -> Image.Exif:
    """The EXIF of the first image, empty where it is broken: that takes nothing from the pixels."""
    late = _late_exif(data) if image.format == "PNG" else None
    try:
        if late is None:
            return Image.Image.getexif(image)  # that of PNG would decode the image to look behind it
        exif = Image.Exif()
        exif.load(b"Exif\0\0" + late)
        return exif
    except Exception:  # Pillow raises SyntaxError, struct.error, KeyError …
        return Image.Exif()


def _late_exif(data: bytes) -> bytes | None:
    """The EXIF chunk of a PNG file wherever it stands. Raises UnreadableImage where the end is missing."""
    at, exif = len(PNG_SIGNATURE), None
    while at + PNG_CHUNK <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"eXIf":
            exif = data[at + 8 : at + 8 + length]
        at += length + PNG_CHUNK
        if name == b"IEND" and at <= len(data):
            return exif
    raise UnreadableImage("truncated", bytes=len(data))


def _details(exif: Image.Exif) -> dict[int, object]:
    try:
        return exif.get_ifd(EXIF_IFD)
    except Exception:  # as above
        return {}


def _origin(exif: Image.Exif) -> dict[str, str]:
    """Make, model and time, never the place."""
    found = {
        "make": exif.get(MAKE),
        "model": exif.get(MODEL),
        "time": _details(exif).get(TIME_TAKEN, exif.get(TIME)),
    }
    return {name: text for name, value in found.items() if (text := _text(value))}


def _by_camera(exif: Image.Exif) -> bool:
    """Whether a camera took the image. Scanners state make and model, too, but neither exposure nor lens."""
    return any(tag in _details(exif) for tag in (EXPOSURE, APERTURE, SENSITIVITY, FOCAL_LENGTH))


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value.strip("\0 ") if letter.isprintable())[:EXIF_TEXT]


def _check_before_opening(data: bytes, media: str, limits: Limits) -> None:
    """Refuse what Pillow or its codecs would allocate for, or work on, before anybody has seen the size."""
    if media == "image/jpeg" and data.count(JPEG_SCAN) > SCANS_AT_MOST:
        raise UnreadableImage("damaged", reason=f"more than {SCANS_AT_MOST} scans")
    if media == "image/gif":
        check_size(*_gif_size(data), limits)
    if media == "image/webp":
        if _cut_short(data, media):
            raise UnreadableImage("truncated", bytes=len(data))
        if data[12:16] == b"VP8X":
            width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
            check_size(width, height, limits)
    if media == "image/jp2":
        at = data.find(JP2_SIZE)  # the codestream's own size may be another than the container's
        if at >= 0:
            right, bottom, left, top = struct.unpack(">4I", data[at + 8 : at + 24])
            check_size(right - left, bottom - top, limits)


def _gif_size(data: bytes) -> tuple[int, int]:
    """The size that the first picture of a GIF file makes of the screen. Raises IndexError for half a file."""
    width, height, flags = GIF_SIZE.unpack_from(data)
    at = GIF_SIZE.size + (6 << (flags & 7) if flags & 0x80 else 0)
    while data[at] != ord(","):
        at += 1
        if data[at - 1] == ord("!"):  # an extension: its kind, then pieces with their lengths before them
            at += 1
            while data[at]:
                at += 1 + data[at]
    left, top, across, down = GIF_IMAGE.unpack_from(data, at)
    return max(width, left + across), max(height, top + down)


def _cut_short(data: bytes, media: str) -> bool:
    """Whether the file's own lengths say that its end is missing."""
    if media == "image/webp":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if media in ("image/heic", "image/avif"):
        at = 0
        while at + 16 <= len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            if length == 1:  # the length follows as 64 bits
                length = int.from_bytes(data[at + 8 : at + 16], "big")
            at = len(data) if length == 0 else at + max(length, 8)
        return at > len(data)
    return False
