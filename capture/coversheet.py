"""Cover sheets to print: a large code, the same once more as a spare, and what it means in plain words.

A4, black on white, 300 dpi. The two codes stand in opposite corners, so that a strip hidden or cut off along any one
side leaves one of them whole. The words are those of `texts` (section `cover`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from book import Identity
from capture.cover import LEVEL, VERSION, CoverCode
from texts import say
from texts.letters import drawable, letters

DPI = 300
PAGE_MM = (210.0, 297.0)
MARGIN_MM = 18.0  # wider than the quiet zone of the large code, which has to be on the paper
LARGE_MM, SPARE_MM = 112.0, 60.0  # of the codes, at most, without their quiet zones
LARGE_TOP_MM = 66.0
LEADING = 1.35  # from line to line, in heights of letters
FACTS_LINES, ADVICE_LINES = 2, 5  # at most
TITLE_MM, FACTS_MM, SMALL_MM = 16.0, 7.5, 6.0  # heights of letters, at most
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
    large, spare = _qr(code.text, LARGE_MM), _qr(code.text, SPARE_MM)
    page.paste(large, (margin, _px(LARGE_TOP_MM)))
    left, low = page.width - margin - spare.width, page.height - margin - spare.height
    page.paste(spare, (left, low))
    title, facts = _words(code, language, kinds, places)
    across, beside = page.width - 2 * margin, left - 2 * margin
    top = _write(draw, (margin, margin // 2), title, letters("bold", _px(TITLE_MM)), across, 1)
    _write(draw, (margin, top), facts, letters("regular", _px(FACTS_MM)), across, FACTS_LINES)
    advice = say("cover", f"do_{code.kind}", language)
    below = _write(draw, (margin, low), advice, letters("regular", _px(SMALL_MM)), beside, ADVICE_LINES)
    _write(draw, (margin, below + margin // 4), code.text, letters("bold", _px(SMALL_MM)), beside, 1)
    return page


def _words(code: CoverCode, language: str, kinds: Mapping[str, str], places: Mapping[str, str]) -> tuple[str, str]:
    """The title, and the line below it."""
    if code.kind != "book":
        return say("cover", code.kind, language), ""
    book = Identity.parse(code.book)
    place = places.get(book.place, "")
    return (say("cover", "book", language, kind=kinds.get(book.kind, book.kind)).upper(),
            say("cover", "book_line", language, year=str(book.year), volume=f"{book.volume:02d}",
                place=f"{place} ({book.place})" if place else book.place))


def _write(draw: Any, at: tuple[int, int], text: str, font: Any, width: int, most: int) -> int:
    """Write words in at most `most` lines of `width` px, in smaller letters where need be; where a next one starts, px."""
    text = drawable(text)
    lines = _lines(draw, text, font, width)
    while len(lines) > most or any(draw.textlength(line, font=font) > width for line in lines):
        font = font.font_variant(size=font.size - 1)
        lines = _lines(draw, text, font, width)
    for number, line in enumerate(lines):
        draw.text((at[0], at[1] + number * round(LEADING * font.size)), line, 0, font=font)
    return at[1] + len(lines) * round(LEADING * font.size)


def _lines(draw: Any, text: str, font: Any, width: int) -> list[str]:
    """Words in lines of `width` px; a word that is longer stands alone."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        fits = not lines[-1] or draw.textlength(longer, font=font) <= width
        lines[-1:] = [longer] if fits else [lines[-1], word]
    return lines


def _qr(text: str, side_mm: float) -> Any:
    """The code without its quiet zone, in whole pixels a module, at most `side_mm` wide."""
    import numpy as np
    import segno
    from PIL import Image

    matrix = np.array(segno.make_qr(text, version=VERSION, error=LEVEL, boost_error=False).matrix, bool)
    module = _px(side_mm) // len(matrix)
    return Image.fromarray(~np.kron(matrix, np.ones((module, module), bool)))


def _png(page: Any) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, "PNG", dpi=(DPI, DPI), optimize=True)
    return buffer.getvalue()


def _px(mm: float) -> int:
    return round(mm / 25.4 * DPI)
