"""One page from a source that has it ready: in strips of memory, or whole as a Windows bitmap.

Nothing that a source says about a page is believed: strips are measured against their buffer, a bitmap against its memory,
the lines that came against the lines announced. What does not fit together is refused; half a page is never taken for one.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from capture.devices import ScannerFailed
from capture.session import Picture
from capture.twain import states, types
from capture.twain.types import BGR, BW, DONTCARE32, GRAY, RGB, ImageInfo, Rc

if TYPE_CHECKING:
    from capture.twain.dsm import Dsm

FORMS = {  # pixel type and bits → mode of the image and how Pillow calls the bytes
    (BW, 1): ("1", "1"),
    (GRAY, 8): ("L", "L"),
    (GRAY, 16): ("L", "L;16"),
    (RGB, 24): ("RGB", "RGB"),
    (RGB, 48): ("RGB", "RGB;16L"),
    (BGR, 24): ("RGB", "BGR"),
}
MOST_BYTES = 2**31 - 1 if sys.maxsize > 2**32 else 2**30  # of a page in memory
MOST_SIDE = 65_500  # pixels; a JPEG can have no more
USUAL_STRIP = 1 << 20  # bytes
LARGE_STRIP = 1 << 22  # the most that a source gets because it likes it; some like a second copy of the page
MOST_STRIP = 1 << 28  # the most that it gets because it needs it
SLICE = 128  # lines that are taken over at a time
GUARD = bytes(range(256)) * 256  # lies behind the buffer; a strip that is longer than the buffer changes it
BLOCK = 1024  # lines that are added where the height is not known
OVERSHOOT = 64  # lines that a source may send beyond what it said
ROUNDED = 4  # lines that it may send less: heights are rounded from inches
METRES_PER_INCH = 0.0254
DIB_HEADER = struct.Struct("<IiiHHIIiiII")


@dataclass(frozen=True)
class Pixels:
    """How a source lays its pixels in strips. vanilla: 0 is white; lsb_first: the leftmost of eight is the lowest bit."""

    vanilla: bool = False
    lsb_first: bool = False

    def raw(self, form: str) -> str:
        """How Pillow calls the bytes of a one-bit or grey form."""
        signs = ("I" if self.vanilla else "") + ("R" if self.lsb_first and form == "1" else "")
        return f"{form};{signs}" if form in ("1", "L") and signs else form


def strips(dsm: Dsm, pixels: Pixels, begun: Callable[[], None] = lambda: None) -> Picture:
    """The page that is ready, strip by strip; then the session is in state 7. One copy of the page is made.

    begun: called when the first strip has come.

    Raises ScannerFailed: scanner_format, scanner_too_large, scanner_truncated, scanner_memory, scanner_cancelled, and what
    the source says.
    """
    info = _info(dsm)
    page = _Page(info, pixels)
    buffer = _Buffer(_strip_size(dsm, page.row_bytes))
    try:
        while (code := dsm.ask(states.NEXT_STRIP, strip := buffer.strip())) != Rc.XFERDONE:
            if code == Rc.CANCEL:
                raise ScannerFailed("scanner_cancelled")
            if page.is_empty:
                begun()
            page.add(strip, buffer.written(strip), last=False)
        page.add(strip, buffer.written(strip), last=True)
        return Picture(page.whole(_later_info(dsm)), _dpi(info))
    except MemoryError as error:
        raise ScannerFailed("scanner_memory") from error


def bitmap(dsm: Dsm) -> Picture:
    """The page that is ready, whole; then the session is in state 7. Raises ScannerFailed as `strips` does."""
    info = _later_info(dsm)
    handle = ctypes.c_size_t()
    code = dsm.ask(states.WHOLE_IMAGE, handle)
    try:
        if code == Rc.CANCEL:
            raise ScannerFailed("scanner_cancelled")
        if code != Rc.XFERDONE or not handle.value:
            raise ScannerFailed("scanner_format", frame="DIB", depth=0)
        with dsm.memory.view(handle.value) as data:
            picture = dib(data)
    except MemoryError as error:
        raise ScannerFailed("scanner_memory") from error
    finally:
        if handle.value:
            dsm.memory.free(handle.value)
    _check_height(picture.image.height, info, _later_info(dsm))
    return Picture(picture.image, _dpi(info) or picture.dpi) if info else picture


def dib(data: memoryview) -> Picture:
    """A bitmap of Windows without its file header, uncompressed, as an image of its own memory and its resolution.

    Raises ScannerFailed: scanner_format, scanner_too_large, scanner_truncated.
    """
    if len(data) < DIB_HEADER.size:
        raise ScannerFailed("scanner_truncated", got=0, wanted=0)
    header, width, height, planes, bits, compression, _, dots_per_metre, _, used, _ = DIB_HEADER.unpack_from(data)
    colours = (used or 1 << bits) if bits <= 8 else used
    if header < DIB_HEADER.size or planes != 1 or bits not in (1, 4, 8, 24, 32) or compression or (
            colours > 1 << min(bits, 8)):
        raise ScannerFailed("scanner_format", frame=f"DIB {header}/{planes}/{compression}/{used}", depth=bits)
    lines, stride = abs(height), (width * bits + 31) // 32 * 4
    _check_size(width, lines, 4 if bits > 8 else 1)
    start = header + 4 * colours
    there = max(len(data) - start, 0) // stride
    if there < lines:
        raise ScannerFailed("scanner_truncated", got=there, wanted=lines)
    body = data[start : start + stride * lines]
    order = (stride, -1 if height > 0 else 1)
    dpi = round(dots_per_metre * METRES_PER_INCH, 2) if dots_per_metre > 0 else 0.0
    if bits > 8:
        image = Image.frombytes("RGB", (width, lines), body, "raw", "BGR" if bits == 24 else "BGRX", *order)
    else:
        image = _indexed((width, lines), body, bits, bytes(data[header:start]), order)
    return Picture(image, dpi)


def _indexed(size: tuple[int, int], body: memoryview, bits: int, palette: bytes, order: tuple[int, int]) -> Image.Image:
    """An image of numbers of colours; mode 1 or L where all colours are grey."""
    colours = [(red, green, blue) for blue, green, red, _ in zip(*[iter(palette)] * 4, strict=True)]
    grey = all(red == green == blue for red, green, blue in colours)
    levels = [red for red, *_ in colours]
    if grey and bits == 1 and sorted(levels) == [0, 255]:
        return Image.frombytes("1", size, body, "raw", "1" if levels[1] else "1;I", *order)
    if grey and levels == list(range(256)):
        return Image.frombytes("L", size, body, "raw", "L", *order)
    image = Image.frombytes("P", size, body, "raw", "P" if bits == 8 else f"P;{bits}", *order)
    image.putpalette([level for colour in colours for level in colour])
    return image.convert("L" if grey else "RGB")


class _Buffer:
    """Where strips are written to, with a guard behind it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._bytes = (ctypes.c_ubyte * (size + len(GUARD)))()
        self._view = memoryview(self._bytes).cast("B")
        self._view[size:] = GUARD

    def strip(self) -> types.ImageMemXfer:
        """An order for the next strip. What the source is to fill in is as the specification wants it: not known."""
        memory = types.Memory(types.APP_OWNS | types.POINTER, self._size, ctypes.addressof(self._bytes))
        return types.ImageMemXfer(0xFFFF, *[DONTCARE32] * 6, memory)

    def written(self, strip: types.ImageMemXfer) -> memoryview:
        """What has been written. Raises ScannerFailed scanner_format for more than there was room for."""
        if strip.written == DONTCARE32:
            return self._view[:0]
        if strip.written > self._size or self._view[self._size :] != GUARD:
            raise ScannerFailed("scanner_format", frame=f"{strip.written} B > {self._size} B", depth=0)
        return self._view[: strip.written]


class _Page:
    """The page as far as it has come: one image where its height is known, else blocks that are joined in the end."""

    def __init__(self, info: ImageInfo, pixels: Pixels) -> None:
        form = FORMS.get((info.pixel_type, info.bits_per_pixel))
        self._depth = info.bits_per_pixel
        if form is None or info.planar or info.compression != types.COMPRESSION_NONE:
            raise self._strange(f"pixel type {info.pixel_type}, planar {info.planar}, compression {info.compression}")
        self._mode, self._raw, self._invert = form[0], pixels.raw(form[1]), pixels.vanilla and form[1] not in ("1", "L")
        self._width, self._info = info.width, info
        self._sample_bytes = 4 if self._mode == "RGB" else 1
        if info.height != types.UNKNOWN:
            _check_size(info.width, info.height, self._sample_bytes)
        else:
            _check_size(info.width, 1, self._sample_bytes)
        self.row_bytes = (info.width * info.bits_per_pixel + 7) // 8
        self._blocks: list[Image.Image] = []
        self._rows = self._room = 0

    @property
    def is_empty(self) -> bool:
        return self._rows == 0

    def add(self, strip: types.ImageMemXfer, data: memoryview, last: bool) -> None:
        """Take over the lines of a strip; the last may be empty."""
        if last and (not data or strip.rows == 0):
            return
        if strip.rows == 0 or not data:
            raise ScannerFailed("scanner_truncated", got=self._rows, wanted=max(self._info.height, 0))
        self._check(strip, data)
        _check_size(self._width, self._rows + strip.rows, self._sample_bytes)
        stride = strip.bytes_per_row
        for top in range(0, strip.rows, SLICE):
            rows = min(SLICE, strip.rows - top)
            part = _padded(data[top * stride : (top + rows) * stride], rows * stride)
            image = Image.frombytes(self._mode, (self._width, rows), part, "raw", self._raw, stride, 1)
            self._paste(ImageChops.invert(image) if self._invert else image)

    def whole(self, later: ImageInfo | None) -> Image.Image:
        """The page. Raises ScannerFailed scanner_truncated for a part of one."""
        _check_height(self._rows, self._info, later)
        if len(self._blocks) == 1 and self._blocks[0].height == self._rows:
            return self._blocks[0]
        page, top = Image.new(self._mode, (self._width, self._rows), None), 0
        while self._blocks:
            block = self._blocks.pop(0)
            page.paste(block.crop((0, 0, self._width, min(block.height, self._rows - top))), (0, top))
            top += block.height
        return page

    def _check(self, strip: types.ImageMemXfer, data: memoryview) -> None:
        least = (strip.rows - 1) * strip.bytes_per_row + self.row_bytes  # the last line may lack its padding
        if strip.compression not in (types.COMPRESSION_NONE, 0xFFFF) or strip.columns != self._width or (
                strip.bytes_per_row < self.row_bytes) or strip.x_offset not in (0, DONTCARE32) or (
                strip.y_offset not in (0, self._rows, DONTCARE32)):  # some never count the lines
            raise self._strange(f"{strip.columns} × {strip.rows}, {strip.bytes_per_row} B, "
                                f"{strip.x_offset}, {strip.y_offset}")
        if len(data) < least:
            raise ScannerFailed("scanner_truncated", got=self._rows, wanted=max(self._info.height, 0))
        if self._info.height != types.UNKNOWN and self._rows + strip.rows > self._info.height + OVERSHOOT:
            raise self._strange(f"{self._rows + strip.rows} > {self._info.height}")

    def _paste(self, image: Image.Image) -> None:
        top = 0
        while top < image.height:
            if not self._room:
                known = self._info.height != types.UNKNOWN and not self._blocks
                self._room = self._info.height if known else BLOCK
                self._blocks.append(Image.new(self._mode, (self._width, self._room), None))
            rows = min(self._room, image.height - top)
            part = image if rows == image.height else image.crop((0, top, self._width, top + rows))
            self._blocks[-1].paste(part, (0, self._blocks[-1].height - self._room))
            top, self._room, self._rows = top + rows, self._room - rows, self._rows + rows

    def _strange(self, what: str) -> ScannerFailed:
        return ScannerFailed("scanner_format", frame=what, depth=self._depth)


def _padded(data: memoryview, size: int) -> memoryview | bytes:
    return data if len(data) == size else bytes(data).ljust(size, b"\0")


def _info(dsm: Dsm) -> ImageInfo:
    info = ImageInfo()
    dsm.ask(states.GET_INFO, info)
    return info


def _later_info(dsm: Dsm) -> ImageInfo | None:
    """What the source says of the page, if it does: only after the transfer is that sure to be right."""
    info = ImageInfo()
    return info if dsm.call(states.GET_INFO, info) == Rc.SUCCESS else None


def _dpi(info: ImageInfo) -> float:
    return max(round(float(info.x_resolution), 2), 0.0)


def _strip_size(dsm: Dsm, row_bytes: int) -> int:
    """Bytes of the buffer: what the source likes best, within what it can and what is sensible."""
    sizes = types.SetupMemXfer()
    dsm.ask(states.STRIP_SIZES, sizes)
    size = sizes.preferred if 0 < sizes.preferred <= LARGE_STRIP else USUAL_STRIP
    size = max(min(size, sizes.most or DONTCARE32), sizes.least, row_bytes)
    if size > MOST_STRIP:
        raise ScannerFailed("scanner_format", frame=f"{size} B", depth=0)
    return size


def _check_size(width: int, height: int, sample_bytes: int) -> None:
    """Raises ScannerFailed for what no page can be: scanner_format, scanner_too_large."""
    if width <= 0 or height <= 0:
        raise ScannerFailed("scanner_format", frame=f"{width} × {height}", depth=0)
    if max(width, height) > MOST_SIDE or width * height * sample_bytes > MOST_BYTES:
        raise ScannerFailed("scanner_too_large", width=width, height=height)


def _check_height(rows: int, before: ImageInfo | None, after: ImageInfo | None) -> None:
    """Raises ScannerFailed scanner_truncated where a source has sent less than it says, before and after the transfer."""
    announced, corrected = (info.height if info is not None and info.height > 0 else 0 for info in (before, after))
    enough = rows + ROUNDED >= (announced or corrected) or (corrected and abs(rows - corrected) <= ROUNDED)
    if not rows or not enough:
        raise ScannerFailed("scanner_truncated", got=rows, wanted=announced or corrected)
