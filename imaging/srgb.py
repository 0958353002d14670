"""From any kind of pixel to 8-bit grey or sRGB: palettes, transparency, 16 bits, CMYK, Lab, ICC profiles."""

from __future__ import annotations

import io
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageCms

BITS_PER_SAMPLE, MAX_SAMPLE = 258, 281  # TIFF tags
WHITE_16 = 65535
PROFILE_SPACE = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}  # colour space of a profile, by Pillow mode
LARGEST_PROFILE = 8_000_000  # bytes; press profiles have 2 million


def to_grey_or_rgb(image: Image.Image) -> np.ndarray:
    """The pixels of a loaded Pillow image, uint8, grey (h, w) or sRGB (h, w, 3); transparent is white."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _from_deep(image)
    if image.has_transparency_data:
        image = _over_white(image)
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "LAB":
        return np.asarray(_transformed(image, _lab_transform(), "RGB"))
    profile = image.info.get("icc_profile")
    if image.mode in ("P", "YCbCr", "HSV", "RGBX"):
        image = image.convert("RGB")
    if image.mode == "CMYK":
        transform = profile_transform(profile, "CMYK")
        return np.asarray(_transformed(image, transform, "RGB") if transform else image.convert("RGB"))
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return by_profile(np.asarray(image), profile)


def by_profile(pixels: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Pixels (uint8, grey or RGB) in the colours of an embedded ICC profile, as sRGB.

    A profile that is sRGB, broken or of another colour space changes nothing.
    """
    mode = "L" if pixels.ndim == 2 else "RGB"
    transform = profile_transform(profile, mode)
    if transform is None:
        return pixels
    result = np.asarray(_transformed(Image.fromarray(pixels), transform, "RGB"))
    return result[..., 1].copy() if mode == "L" else result


@lru_cache(maxsize=8)
def profile_transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Little CMS's transform from the profile's colours in Pillow `mode` to sRGB; None: nothing to do."""
    if not profile or len(profile) > LARGEST_PROFILE:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != PROFILE_SPACE[mode] or _is_srgb(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "srgb" in (profile.profile.profile_description or "").lower().replace(" ", "")


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB")


def _transformed(image: Image.Image, transform: ImageCms.ImageCmsTransform, mode: str) -> Image.Image:
    result = Image.new(mode, image.size)
    transform.apply(image, result)
    return result


def _over_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(rgba)
    flat = white.convert("RGB")
    if image.mode == "LA":
        flat = flat.convert("L")
    flat.info = {key: value for key, value in image.info.items() if key == "icc_profile"}
    return flat


def _from_deep(image: Image.Image) -> np.ndarray:
    """16- or 32-bit grey, whole numbers or floats, scaled so that the largest value possible is white."""
    values = np.asarray(image)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)
        return cv2.convertScaleAbs(np.clip(values, 0.0, 1.0), alpha=255.0)  # TIFF: floats run from 0 to 1
    scale = np.float32(255.0 / _white_level(image, values))
    if values.dtype.itemsize == 2:  # a table spares a copy of four times the size
        return _scaled(np.arange(WHITE_16 + 1), scale)[values]
    return _scaled(values, scale)


def _scaled(values: np.ndarray, scale: np.float32) -> np.ndarray:
    return np.clip(values.astype(np.float32) * scale + 0.5, 0, 255).astype(np.uint8)


def _white_level(image: Image.Image, values: np.ndarray) -> int:
    """The declared largest sample of a TIFF file, else that of its bits, else 65535, else 32 bits."""
    tags = getattr(image, "tag_v2", {})
    declared, bits = (_first(tags.get(tag)) for tag in (MAX_SAMPLE, BITS_PER_SAMPLE))
    if declared and 255 < declared <= WHITE_16:
        return declared
    if bits and 8 < bits < 16:
        return (1 << bits) - 1
    return WHITE_16 if int(values.max()) <= WHITE_16 else (1 << 31) - 1


def _first(value: object) -> int:
    if isinstance(value, tuple):
        value = value[0] if value else 0
    return int(value) if isinstance(value, (int, float)) else 0
