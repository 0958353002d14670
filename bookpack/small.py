"""Encoding pages as JPEG: for the archive at full size, for the ministry within a budget but always readable."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bookpack.contents import ArchiveParams, MinistryParams

A4_INCHES = 210 * 297 / 25.4**2  # square inches
MARGIN = 0.97  # of the budget is aimed at, as the foretelling is not exact


@dataclass(frozen=True)
class SmallJpeg:
    """An encoded page: its bytes, pixels an inch, size, and whether it had to be larger than the budget."""

    data: bytes
    dpi: float
    width: int
    height: int
    over_budget: bool


def archive_jpeg(pixels: np.ndarray, params: ArchiveParams = ArchiveParams()) -> bytes:
    """A page (grey (h, w) or RGB (h, w, 3) uint8) at full size, its colour at full resolution too: ink is thin."""
    return encode(pixels, params.quality, "444")


def small_jpeg(pixels: np.ndarray, dpi: float, params: MinistryParams = MinistryParams()) -> SmallJpeg:
    """A page of `dpi` within `budget_kb` for each A4 area, by lower quality first and then lower resolution.

    Neither goes below its floor: a page that cannot be read in less takes more, and says so.
    """
    height, width = pixels.shape[:2]
    budget = params.budget_kb * 1000 * (width / dpi) * (height / dpi) / A4_INCHES
    reached = min(dpi, float(params.dpi))
    page = _reduced(pixels, reached / dpi)
    data = _best_within(page, budget, params)
    if len(data) > budget and reached > params.min_dpi:
        reached = float(params.min_dpi)
        page = _reduced(page, reached / min(dpi, float(params.dpi)))
        data = _best_within(page, budget, params)
    return SmallJpeg(data, reached, page.shape[1], page.shape[0], len(data) > budget)


def _best_within(page: np.ndarray, budget: float, params: MinistryParams) -> bytes:
    """The encoding of about the highest quality that fits; that of the lowest quality where none does.

    The size of a JPEG grows about as a power of its quality, so that two encodings foretell the one that fits.
    """
    lowest = encode(page, params.min_quality)
    if len(lowest) > budget:
        return lowest
    highest = encode(page, params.max_quality)
    if len(highest) <= budget:
        return highest
    power = np.log(len(highest) / len(lowest)) / np.log(params.max_quality / params.min_quality)
    quality = params.min_quality * (budget * MARGIN / len(lowest)) ** (1 / power)
    data = encode(page, int(np.clip(quality, params.min_quality, params.max_quality)))
    return data if len(data) <= budget else lowest


def encode(pixels: np.ndarray, quality: int, subsampling: str = "420") -> bytes:
    """A baseline JPEG of a page."""
    import simplejpeg

    if pixels.ndim == 2:
        return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels[..., None]), quality, "GRAY", "Gray")
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, "RGB", subsampling)


def _reduced(pixels: np.ndarray, factor: float) -> np.ndarray:
    if factor >= 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
