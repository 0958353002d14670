"""Bytes to pixels, within limits: the one place where images are read. Bytes in, arrays out; no files.

Pixels come as they are stored: the EXIF orientation is in the header and becomes part of the geometry.
Ordinary JPEG files take the fast way through libjpeg-turbo; `rasters` reads the rest, `pdfpages` PDF.
"""

from __future__ import annotations

import re

import cv2
import numpy as np
import simplejpeg

from errors import UnreadableImage
from imaging import pdfpages, rasters
from imaging.header import EXTENSIONS, Frame, Header, Limits, check_bytes, check_size, media_of
from imaging.srgb import by_profile

__all__ = ["EXTENSIONS", "REDUCTIONS", "Frame", "Header", "Limits", "decode", "media_of", "read_header"]

REDUCTIONS = (1, 2, 4, 8)
STRAY_BYTES = re.compile(r"(\d+) extraneous bytes")
STRAY_BYTES_AT_MOST = 64  # some cameras pad; more than that is a piece of picture that got lost


def read_header(data: bytes, limits: Limits = Limits()) -> Header:
    """What the file holds, without its pixels.

    Raises UnreadableImage: empty_file, not_an_image, too_many_bytes, too_large, too_many_frames, truncated,
    damaged, encrypted, no_scan_in_pdf.
    """
    media = check_bytes(data, limits)
    if media == "application/pdf":
        return pdfpages.read(data, limits)
    return rasters.read(data, media, limits)


def decode(data: bytes, frame: int = 0, reduce: int = 1, limits: Limits = Limits()) -> np.ndarray:
    """The pixels of one frame: uint8, grey (h, w) or sRGB (h, w, 3), orientation not applied.

    With `reduce` 2, 4 or 8 there are ceil(width / reduce) × ceil(height / reduce) pixels, each the mean
    of the block that it stands for (JPEG: near it, by the decoder's scaled DCT, at half the cost or less).
    Raises UnreadableImage as `read_header` does; a file is decoded to its end or refused.
    """
    if reduce not in REDUCTIONS:
        raise ValueError(f"reduce must be one of {REDUCTIONS}")
    media = check_bytes(data, limits)
    if media == "application/pdf":
        return _reduced(pdfpages.pixels(data, frame, limits), reduce)
    if media == "image/jpeg":
        with rasters.opened(data, media, limits) as image:
            size, mode, profile = image.size, image.mode, image.info.get("icc_profile")
        check_size(*size, limits)
        small = tuple(-(-side // reduce) for side in size)
        pixels = _fast_jpeg(data, mode, small)
        if pixels is not None:
            return by_profile(pixels, profile)
        pixels = rasters.pixels(data, media, frame, reduce, limits)
        if pixels.shape[1::-1] == small:
            return pixels
    return _reduced(rasters.pixels(data, media, frame, 1, limits), reduce)


def _fast_jpeg(data: bytes, mode: str, size: tuple[int, int]) -> np.ndarray | None:
    """A grey or colour JPEG at `size` (width, height); None for a kind that simplejpeg cannot do.

    libjpeg only warns of a missing end and fills up with grey; simplejpeg makes the warning an error.
    """
    if mode not in ("L", "RGB"):
        return None
    width, height = size
    try:
        colours = "GRAY" if mode == "L" else "RGB"
        pixels = simplejpeg.decode_jpeg(data, colours, min_width=width, min_height=height)
    except ValueError as error:
        reason = str(error)
        if "Premature end of JPEG" in reason:
            raise UnreadableImage("truncated", reason=reason) from error
        stray = STRAY_BYTES.search(reason)
        if "Corrupt JPEG data" in reason and not (stray and int(stray[1]) <= STRAY_BYTES_AT_MOST):
            raise UnreadableImage("damaged", reason=reason) from error
        return None
    if pixels.shape[:2] != (height, width):
        return None
    return pixels[..., 0] if mode == "L" else pixels


def _reduced(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Means of blocks of `factor` × `factor`; incomplete ones are filled up with their last row or column."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[:2]
    rows, columns = -(-height // factor), -(-width // factor)
    whole = pixels
    if (rows * factor, columns * factor) != (height, width):
        below, beside = rows * factor - height, columns * factor - width
        whole = cv2.copyMakeBorder(pixels, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
