"""What is seen of a signature: who and when, in black upright letters of 10 points, at the top right of the first page.

The words are a stencil of pixels, so that a PDF/A needs no font for them and every reader shows every letter.
"""

from __future__ import annotations

import textwrap
from typing import Any

from texts import say
from texts.letters import drawable, letters

LETTERS_PT, LEADING_PT = 10, 12
DPI, POINTS_PER_INCH = 300, 72
LINE = 44  # letters at most
MARGIN_PT = 12  # to the edges of the page


def mark(writer: Any, name: str, time: str, reason: str) -> tuple[Any, tuple[float, float]]:
    """pyHanko's stamp style of a signature, for a PDF that `writer` adds to; and its width and height, points."""
    from pyhanko.pdf_utils.content import PdfResources, RawContent
    from pyhanko.pdf_utils.generic import pdf_name
    from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, SimpleBoxLayoutRule
    from pyhanko.stamp import StaticStampStyle

    picture = _picture(_lines(name, time, reason))
    width, height = (side / DPI * POINTS_PER_INCH for side in picture.size)
    resources = PdfResources()
    resources.xobject[pdf_name("/Words")] = writer.add_object(_stencil(picture))
    words = RawContent(f"q 0 g {width:.3f} 0 0 {height:.3f} 0 0 cm /Words Do Q".encode("ascii"), resources,
                       BoxConstraints(width, height))
    as_it_is = SimpleBoxLayoutRule(x_align=AxisAlignment.ALIGN_MIN, y_align=AxisAlignment.ALIGN_MIN)
    return StaticStampStyle(border_width=0, background=words, background_layout=as_it_is), (width, height)


def _lines(name: str, time: str, reason: str) -> list[str]:
    words = [say("signature", "by", name=name), say("signature", "time", time=time)]
    words += [say("signature", "reason", reason=reason)] if reason else []
    return [line for text in words for line in textwrap.wrap(drawable(text), LINE)]


def _picture(lines: list[str]) -> Any:
    """Black on white, one bit a pixel, as large as the words."""
    from PIL import Image, ImageDraw

    font, leading = letters("regular", LETTERS_PT * DPI // POINTS_PER_INCH), LEADING_PT * DPI // POINTS_PER_INCH
    width = max(round(font.getlength(line)) for line in lines)
    picture = Image.new("1", (width, leading * len(lines)), 1)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((0, number * leading), line, 0, font=font)
    return picture


def _stencil(picture: Any) -> Any:
    """The stencil mask of a picture: what is black in it is painted."""
    from pyhanko.pdf_utils.generic import BooleanObject, NumberObject, StreamObject, pdf_name

    facts = {"/Type": pdf_name("/XObject"), "/Subtype": pdf_name("/Image"), "/Width": NumberObject(picture.width),
             "/Height": NumberObject(picture.height), "/BitsPerComponent": NumberObject(1),
             "/ImageMask": BooleanObject(True)}
    stream = StreamObject({pdf_name(key): value for key, value in facts.items()}, stream_data=picture.tobytes())
    stream.compress()
    return stream
