"""A contact sheet of the most changed pages: before beside after, and both outlines on the original, on A4 to be printed.

Pictures come one page at a time and are decoded no larger than they are shown; what is kept of each is small. Which pages
are shown, and in which order, is left to whoever gives them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from errors import UnreadableImage
from province.change_table import words
from province.changes import MM_PER_INCH, Change, PageFacts
from texts import say
from texts.letters import drawable, letters

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

DPI = 200
PAGE_MM, MARGIN_MM = (210.0, 297.0), 8.0
HEAD_MM = 5.0  # at the top of a sheet
ROWS = 3  # pages on a sheet
CAPTION_MM, WORDS_MM, LABEL_MM = 4.0, 3.6, 3.2  # heights of letters
WORD_LINES = 2
LEADING = 1.3  # from line to line, in heights of letters
PICTURE_MM = (61.0, 71.0)  # the box of each of up to three pictures
GAP_MM = 3.0
QUALITY, SMALL_QUALITY = 88, 72  # of JPEGs: a sheet; a picture of the page of HTML
SMALL_PX = 340  # height of such a picture
SEEN_MM, SEEN_DEGREES = 0.5, 0.1  # from which two outlines can be told apart
BEFORE, AFTER = (213, 94, 0), (0, 114, 178)  # vermilion and blue, which the colour-blind tell apart too
PAPER, INK, SOFT, EMPTY = (255, 255, 255), (25, 30, 36), (100, 110, 120), (242, 244, 246)


@dataclass(frozen=True)
class Shown:
    """A changed page with what there is to look at.

    `before` and `after` are the bytes of the JPEGs that it was and is developed to, `original` those of the original's
    file, of which frame `frame` is meant; None where they are not at hand or there is none.
    """

    change: Change
    before: bytes | None
    after: bytes | None
    original: bytes | None = None
    frame: int = 0


@dataclass(frozen=True)
class Pictures:
    """Small JPEGs of one page, by what they show: `before`, `after`, and `original` where it has something to show."""

    change: Change
    jpegs: dict[str, bytes]


@dataclass(frozen=True)
class Contact:
    """The sheets as a PDF (empty bytes where no page was given), and the pages on them, small."""

    pdf: bytes
    pictures: tuple[Pictures, ...]


def contact(shown: Iterable[Shown], language: str) -> Contact:
    """Draw the sheets. A picture that cannot be read is told in its place."""
    sheets = _Sheets(language)
    for one in shown:
        sheets.add(one)
    return sheets.done()


@dataclass
class _Sheets:
    """Sheets that are filled row by row; each is kept as a JPEG once it is full."""

    language: str
    jpegs: list[bytes] = field(default_factory=list)
    small: list[Pictures] = field(default_factory=list)
    sheet: Any = None
    rows: int = 0

    def add(self, shown: Shown) -> None:
        if self.sheet is None:
            self.sheet = _Sheet(self.language, len(self.jpegs) + 1)
        pictures = dict(_pictures(shown))
        self.sheet.row(self.rows, shown.change, pictures)
        self.small.append(Pictures(shown.change, {name: _small(picture) for name, picture in pictures.items() if picture}))
        self.rows += 1
        if self.rows == ROWS:
            self._keep()

    def _keep(self) -> None:
        self.jpegs.append(_jpeg(self.sheet.image, QUALITY, DPI))
        self.sheet, self.rows = None, 0

    def done(self) -> Contact:
        if self.sheet is not None:
            self._keep()
        return Contact(_pdf(self.jpegs) if self.jpegs else b"", tuple(self.small))


class _Sheet:
    """One A4 sheet."""

    def __init__(self, language: str, number: int) -> None:
        from PIL import Image, ImageDraw

        self.language = language
        self.image = Image.new("RGB", tuple(map(_px, PAGE_MM)), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self._write(_px(MARGIN_MM), _px(MARGIN_MM) - _px(2), say("changes", "sheet_head", language, sheet=number),
                    "regular", LABEL_MM, SOFT)

    def row(self, at: int, change: Change, pictures: dict[str, Image | None]) -> None:
        """Caption, what changed, and the pictures below."""
        height = (self.image.height - 2 * _px(MARGIN_MM) - _px(HEAD_MM)) // ROWS
        left, top = _px(MARGIN_MM), _px(MARGIN_MM + HEAD_MM) + at * height
        self.draw.line((left, top - _px(1), self.image.width - left, top - _px(1)), SOFT, 1)
        self._write(left, top, caption(change, self.language), "bold", CAPTION_MM, INK)
        top += _px(CAPTION_MM * LEADING)
        for line in self._lines("; ".join(words(change, self.language)), self.image.width - 2 * left):
            self._write(left, top, line, "regular", WORDS_MM, INK)
            top += _px(WORDS_MM * LEADING)
        top = _px(MARGIN_MM + HEAD_MM) + at * height + _px(CAPTION_MM * LEADING + WORD_LINES * WORDS_MM * LEADING)
        for number, (name, picture) in enumerate(pictures.items()):
            self._picture(left + number * _px(PICTURE_MM[0] + GAP_MM), top, name, picture, change)

    def _picture(self, left: int, top: int, name: str, picture: Image | None, change: Change) -> None:
        end = self._write(left, top, say("changes", name, self.language), "bold", LABEL_MM, SOFT)
        if name == "original":
            self._legend(end + _px(GAP_MM), top)
        top += _px(LABEL_MM * LEADING)
        if picture is None:
            self._empty(left, top, say("changes", _why_none(name, change), self.language))
            return
        self.image.paste(picture, (left, top))
        self.draw.rectangle((left - 1, top - 1, left + picture.width, top + picture.height), outline=SOFT)

    def _legend(self, left: int, top: int) -> None:
        for code, colour in (("legend_before", BEFORE), ("legend_after", AFTER)):
            middle = top + _px(LABEL_MM) // 2
            self.draw.line((left, middle, left + _px(4), middle), colour, 5)
            left = self._write(left + _px(5), top, say("changes", code, self.language), "regular", LABEL_MM, colour) + _px(2)

    def _empty(self, left: int, top: int, told: str) -> None:
        width, height = _px(PICTURE_MM[0]), _px(PICTURE_MM[1]) // 2
        self.draw.rectangle((left, top, left + width, top + height), EMPTY, SOFT)
        for number, line in enumerate(self._lines(told, width - _px(6))):
            self._write(left + _px(3), top + _px(4) + number * _px(WORDS_MM * LEADING), line, "regular", WORDS_MM, SOFT)

    def _write(self, left: int, top: int, text: str, weight: str, height_mm: float, colour: tuple[int, ...]) -> int:
        """Write a line; where it ends, px."""
        font, text = letters(weight, _px(height_mm)), drawable(text)
        self.draw.text((left, top), text, colour, font=font)
        return left + round(self.draw.textlength(text, font=font))

    def _lines(self, text: str, width: int) -> list[str]:
        """Words in at most WORD_LINES lines of `width` px; what does not fit ends in dots."""
        font, lines = letters("regular", _px(WORDS_MM)), [""]
        for word in drawable(text).split():
            longer = f"{lines[-1]} {word}".strip()
            if self.draw.textlength(f"{longer} …", font=font) <= width or not lines[-1]:
                lines[-1] = longer
            elif len(lines) < WORD_LINES:
                lines.append(word)
            else:
                return [*lines[:-1], f"{lines[-1]} …"]
        return lines


def caption(change: Change, language: str) -> str:
    """Which page it is."""
    code = "caption" if change.number else "caption_unnumbered"
    return say("changes", code, language, book=change.book, number=change.number, page=change.page).strip(" ·")


def _why_none(name: str, change: Change) -> str:
    gone = (change.before if name == "before" else change.after) is None
    return f"no_{name}" if gone and name != "original" else "no_picture"


def _pictures(shown: Shown) -> Iterator[tuple[str, Image | None]]:
    """What to show, by name; None where there is nothing or it cannot be read."""
    change = shown.change
    box = tuple(map(_px, PICTURE_MM))
    scale = _common_scale(change, box)
    for name, data, facts in (("before", shown.before, change.before), ("after", shown.after, change.after)):
        size = None if facts is None else tuple(max(1, round(side * scale)) for side in _paper(facts, change))
        yield name, None if data is None or size is None else _page(data, size)
    if shown.original is not None and _is_elsewhere(change):
        yield "original", _outlined(shown, box)


def _is_elsewhere(change: Change) -> bool:
    """Whether there is anything to see on the original."""
    return (change.kind != "changed" or bool(change.gutter_told) or abs(change.degrees) >= SEEN_DEGREES
            or max(change.gutter_mm, change.edges_mm) >= SEEN_MM)


def _paper(facts: PageFacts, change: Change) -> tuple[float, float]:
    """Width and height by which pages are compared: mm where they are known of both, or else pixels."""
    known = [page.size_mm for page in (change.before, change.after) if page is not None]
    return facts.size if None in known else facts.size_mm


def _common_scale(change: Change, box: tuple[int, ...]) -> float:
    """So that both pages fit, and can be compared."""
    sizes = [_paper(page, change) for page in (change.before, change.after) if page is not None]
    return min(box[0] / max(width for width, _ in sizes), box[1] / max(height for _, height in sizes))


def _page(data: bytes, size: tuple[int, int]) -> Image | None:
    """A developed page at this size (width, height px), decoded no larger than need be."""
    import cv2
    from PIL import Image

    from imaging.decode import REDUCTIONS, decode, read_header
    from imaging.view import as_rgb

    try:
        frame = read_header(data).frames[0]
        reduce = max(factor for factor in REDUCTIONS if factor == 1 or frame.width >= factor * size[0])
        pixels = as_rgb(decode(data, 0, reduce))
    except UnreadableImage:
        return None
    return Image.fromarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _outlined(shown: Shown, box: tuple[int, ...]) -> Image | None:
    """The upright original with the outlines and gutters of before and now."""
    from PIL import Image, ImageDraw

    try:
        pixels = _upright(shown.original, shown.frame)
    except UnreadableImage:
        return None
    image = Image.fromarray(pixels)
    image.thumbnail(box)
    draw = ImageDraw.Draw(image)
    for facts, colour, width in ((shown.change.before, BEFORE, 5), (shown.change.after, AFTER, 3)):
        lines = () if facts is None else ((*facts.corners, facts.corners[0]), facts.gutter or ())
        for points in filter(None, lines):
            scale = image.width / facts.upright[0]
            draw.line([(x * scale, y * scale) for x, y in points], colour, width, joint="curve")
    return image


def _upright(data: bytes, frame: int) -> np.ndarray:
    """The original as its EXIF has it, reduced: RGB uint8 (h, w, 3). Raises UnreadableImage."""
    from imaging.decode import read_header
    from imaging.opening import first_view

    return first_view(data, read_header(data), frame).colour


def _small(picture: Image) -> bytes:
    """The picture for the page of HTML."""
    smaller = picture.copy()
    smaller.thumbnail((SMALL_PX, SMALL_PX))
    return _jpeg(smaller, SMALL_QUALITY)


def _jpeg(image: Image, quality: int, dpi: int = 72) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, dpi=(dpi, dpi), subsampling=0)  # or fine coloured lines fade
    return buffer.getvalue()


def _pdf(jpegs: Sequence[bytes]) -> bytes:
    """A4 pages; the same sheets give the same bytes."""
    import datetime

    import img2pdf

    size = tuple(img2pdf.mm_to_pt(side) for side in PAGE_MM)
    moment = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return img2pdf.convert(list(jpegs), layout_fun=img2pdf.get_layout_fun(size), creationdate=moment, moddate=moment,
                           title="sohoa", producer="sohoa", engine=img2pdf.Engine.internal)


def _px(mm: float) -> int:
    return round(mm / MM_PER_INCH * DPI)
