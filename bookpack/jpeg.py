"""Encoding pixels as JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from bookpack.contents import ArchiveParams


def archive_jpeg(pixels: np.ndarray, params: ArchiveParams = ArchiveParams()) -> bytes:
    """A page (grey (h, w) or RGB (h, w, 3) uint8) at full size, its colour at full resolution too: ink is thin."""
    import simplejpeg

    if pixels.ndim == 2:
        return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels[..., None]), params.quality, "GRAY", "Gray")
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), params.quality, "RGB", "444")


FULL, HALF = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420  # resolution of chroma


def small_jpeg(pixels: np.ndarray, quality: int, chroma_quality: int, chroma: int = FULL) -> bytes:
    """A picture (grey (h, w) or RGB (h, w, 3) uint8) with code tables of its own, which save most on small pictures."""
    stored = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", stored, [
        cv2.IMWRITE_JPEG_LUMA_QUALITY, quality, cv2.IMWRITE_JPEG_CHROMA_QUALITY, chroma_quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, chroma, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    return data.tobytes()
