"""Cover sheets to print: a large code, the same once more as a spare, and what it means in plain words.

A4, black on white, 300 dpi. The words are those of `texts` (section `cover`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from book import Identity
from capture.cover import CoverCode
from texts import say

DPI = 300
PAGE_MM = (210.0, 297.0)
MARGIN_MM = 18.0
LARGE_MM, SPARE_MM = 118.0, 52.0  # of the codes, without their quiet zones
QUIET = 4  # modules of white around a code, as ISO/IEC 18004 asks
TITLE_MM, LINE_MM, SMALL_MM = 13.0, 8.0, 5.2  # heights of letters
FONTS = Path(__file__).parents[1] / "texts" / "fonts"
LONG_AGO = 0  # the same codes give the same bytes


def sheets_pdf(
    codes: Sequence[CoverCode], language: str, kinds: Mapping[str, str] = {}, places: Mapping[str, str] = {}
) -> bytes:
    """A PDF of A4 pages, one a code. `kinds` and `places` name types of register and registering places."""
    import datetime

    import img2pdf

    pages = [_png(_sheet(code, language, kinds, places)) for code in codes]
    size = tuple(img2pdf.mm_to_pt(side) for side in PAGE_MM)
    moment = datetime.datetime.fromtimestamp(LONG_AGO, datetime.UTC)
    return img2pdf.convert(pages, layout_fun=img2pdf.get_layout_fun(size), creationdate=moment, moddate=moment,
                           title="sohoa", producer="sohoa",
                           engine=img2pdf.Engine.internal)  # the other one numbers its files by the time


def _sheet(code: CoverCode, language: str, kinds: Mapping[str, str], places: Mapping[str, str]) -> Any:
    from PIL import Image, ImageDraw

    page = Image.new("1", tuple(_px(side) for side in PAGE_MM), 1)
    draw, margin = ImageDraw.Draw(page), _px(MARGIN_MM)
    title, lines = _words(code, language, kinds, places)
    top = margin + _write(draw, (margin, margin), title, "bold", TITLE_MM, page.width - 2 * margin)
    for text in lines:
        top += _write(draw, (margin, top), text, "regular", LINE_MM, page.width - 2 * margin)
    large, spare = _qr(code.text, LARGE_MM), _qr(code.text, SPARE_MM)
    page.paste(large, ((page.width - large.width) // 2, (page.height - large.height) // 2))
    low = page.height - margin - spare.height
    page.paste(spare, (page.width - margin - spare.width, low))
    below = low + _px(8)
    for text in (say("cover", f"do_{code.kind}", language), code.text):
        below += _write(draw, (margin, below), text, "regular", SMALL_MM, page.width - 3 * margin - spare.width)
    return page


def _words(code: CoverCode, language: str, kinds: Mapping[str, str], places: Mapping[str, str]) -> tuple[str, list[str]]:
    """The title, and the lines below it."""
    if code.kind != "book":
        return say("cover", code.kind, language), []
    book = Identity.parse(code.book)
    place = places.get(book.place, "")
    return (say("cover", "book", language, kind=kinds.get(book.kind, book.kind)).upper(),
            [say("cover", "book_line", language, year=str(book.year), volume=f"{book.volume:02d}",
                 place=f"{place} ({book.place})" if place else book.place), code.book])


def _write(draw: Any, at: tuple[int, int], text: str, weight: str, height_mm: float, width: int) -> int:
    """Write words in lines of at most `width` px; the height that they take, px."""
    font, step, top = _font(weight, _px(height_mm)), round(1.35 * _px(height_mm)), at[1]
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and draw.textlength(longer, font=font) > width:
            draw.text((at[0], top), line, 0, font=font)
            top, line = top + step, word
        else:
            line = longer
    draw.text((at[0], top), line, 0, font=font)
    return top + step - at[1]


def _qr(text: str, side_mm: float) -> Any:
    """The code with its quiet zone, in whole pixels a module, at most `side_mm` without the zone."""
    import numpy as np
    import segno
    from PIL import Image

    matrix = np.pad(np.array(segno.make_qr(text, error="h", boost_error=False).matrix, bool), QUIET)
    module = _px(side_mm) // (len(matrix) - 2 * QUIET)
    return Image.fromarray(~np.kron(matrix, np.ones((module, module), bool)))


def _png(page: Any) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, "PNG", dpi=(DPI, DPI), optimize=True)
    return buffer.getvalue()


@cache
def _font(weight: str, size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(FONTS / f"print-{weight}.ttf"), size)


def _px(mm: float) -> int:
    return round(mm / 25.4 * DPI)
