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
from imaging.header import Frame, Header, Limits, check_size, refusing, resolution
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
EXIF_TEXT = 64  # characters kept of a field that a file may fill with anything


def read(data: bytes, media: str, limits: Limits) -> Header:
    """The header of a raster file. Raises UnreadableImage."""
    with opened(data, media, limits) as image:
        frames = _pages(image, data, limits) if media == "image/tiff" else (_frame(image, limits),)
        exif, photo = _exif(image)
    return Header(media, frames, exif, photo)


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


def _frame(image: Image.Image, limits: Limits) -> Frame:
    check_size(*image.size, limits)
    return Frame(*image.size, _orientation(image), _dpi(image))


def _pages(image: Image.Image, data: bytes, limits: Limits) -> tuple[Frame, ...]:
    frames = []
    for _ in _each_page(image):
        if len(frames) >= limits.max_frames:
            raise UnreadableImage("too_many_frames", max_frames=limits.max_frames)
        _check_places(image, len(data), limits)
        frames.append(_frame(image, limits))
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


def _orientation(image: Image.Image) -> int:
    """EXIF orientation that is still to be applied: Pillow and libheif turn TIFF and HEIC themselves."""
    if image.format in ("TIFF", "HEIF"):
        return 1
    value = image.getexif().get(ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _dpi(image: Image.Image) -> float | None:
    """The resolution by the file's own header, or else by EXIF."""
    if "dpi" in image.info:
        return resolution(*image.info["dpi"])
    exif = image.getexif()
    inches = 2.54 if exif.get(RESOLUTION_UNIT) == CENTIMETRE else 1.0
    try:
        return resolution(float(exif[X_RESOLUTION]) * inches, float(exif[Y_RESOLUTION]) * inches)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _exif(image: Image.Image) -> tuple[dict[str, str], bool]:
    """Make, model and time, never the place; and whether a camera took the image.

    Scanners state make and model, too, but neither exposure nor lens.
    """
    try:
        exif = image.getexif()
        details = exif.get_ifd(EXIF_IFD)
    except Exception:  # broken EXIF takes nothing from the pixels
        return {}, False
    found = {
        "make": exif.get(MAKE),
        "model": exif.get(MODEL),
        "time": details.get(TIME_TAKEN, exif.get(TIME)),
    }
    texts = {name: text for name, value in found.items() if (text := _text(value))}
    camera = any(tag in details for tag in (EXPOSURE, APERTURE, SENSITIVITY, FOCAL_LENGTH))
    return texts, camera


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value.strip("\0 ") if letter.isprintable())[:EXIF_TEXT]


def _check_before_opening(data: bytes, media: str, limits: Limits) -> None:
    """Refuse what Pillow or its codecs would allocate for before anybody has seen the size."""
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
