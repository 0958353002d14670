"""The project's own letters for words in pictures, laid out alike on every system.

Pillow's other way of laying out letters wants a library that its Windows version does not bring, and sets them otherwise.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONTS = Path(__file__).parent / "fonts"


@cache
def letters(weight: str, pixels: int) -> FreeTypeFont:
    """The letters of `weight` (`regular` or `bold`), so many px high."""
    from PIL import ImageFont

    return ImageFont.truetype(str(FONTS / f"print-{weight}.ttf"), pixels, layout_engine=ImageFont.Layout.BASIC)


def drawable(text: str) -> str:
    """Words with each letter and its marks as one sign: these letters know no others."""
    return unicodedata.normalize("NFC", text)
