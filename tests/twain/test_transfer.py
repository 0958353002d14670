"""Pages out of strips and bitmaps, pixel by pixel; and what a driver may send that is none."""

import struct
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from pretend import Source, Strip, info

from capture.devices import ScannerFailed
from capture.twain import transfer
from capture.twain.transfer import Pixels, bitmap, dib, strips
from capture.twain.types import BGR, BW, GRAY, RGB, Cc, Dat, Msg, Rc

WIDTH, HEIGHT = 13, 11  # no multiple of anything


def grey(width=WIDTH, height=HEIGHT):
    return Image.frombytes("L", (width, height), bytes((x * 3 + y * 5) & 255 for y in range(height) for x in range(width)))


def colour(width=WIDTH, height=HEIGHT):
    return Image.merge("RGB", [grey(width, height).point(lambda level, add=60 * c: (level + add) & 255) for c in range(3)])


def bitonal(width=WIDTH, height=HEIGHT):
    return grey(width, height).point(lambda level: 255 * (level % 16 >= 8)).convert("1", dither=Image.Dither.NONE)


def lines(image, raw, stride):
    """The image's lines as bytes, each `stride` long; what pads them is not zero."""
    return [image.crop((0, y, image.width, y + 1)).tobytes("raw", raw).ljust(stride, b"\xa5") for y in range(image.height)]


def cut(rows, *counts):
    """Rows as strips of so many rows; the last ends the page."""
    made, start = [], 0
    for place, count in enumerate(counts):
        data = b"".join(rows[start : start + count])
        made.append(Strip(data, count, Rc.XFERDONE if place == len(counts) - 1 else Rc.SUCCESS, y_offset=start))
        start += count
    assert start == len(rows)
    return made


def sixteen(image):
    """The image's samples twice as wide, the low byte first and of no weight."""
    return b"".join(bytes((7, sample)) for sample in image.tobytes())


def same(got, wanted):
    assert (got.mode, got.size) == (wanted.mode, wanted.size)
    assert got.tobytes() == wanted.tobytes()


LAID = [  # pixel type, bits, pixels, the image, how Pillow writes it
    (RGB, 24, Pixels(), colour(), "RGB"),
    (BGR, 24, Pixels(), colour(), "BGR"),
    (GRAY, 8, Pixels(), grey(), "L"),
    (GRAY, 8, Pixels(vanilla=True), grey(), "L;I"),
    (BW, 1, Pixels(), bitonal(), "1"),
    (BW, 1, Pixels(vanilla=True), bitonal(), "1;I"),
    (BW, 1, Pixels(lsb_first=True), bitonal(), "1;R"),
    (BW, 1, Pixels(vanilla=True, lsb_first=True), bitonal(), "1;IR"),
]


@pytest.mark.parametrize(("pixel_type", "bits", "pixels", "image", "raw"), LAID)
@pytest.mark.parametrize("height", [HEIGHT, -1])
@pytest.mark.parametrize("padding", [0, 3])
def test_strips_become_the_page(pixel_type, bits, pixels, image, raw, height, padding):
    raw = {"L;I": "L", "1;IR": "1;R"}.get(raw, raw)  # Pillow writes these not
    sent = image
    if raw != "1;I" and pixels.vanilla:
        sent = image.point(lambda level: 255 - level) if image.mode == "L" else Image.eval(
            image.convert("L"), lambda level: 255 - level).convert("1", dither=Image.Dither.NONE)
    rows = lines(sent, raw, (WIDTH * bits + 7) // 8 + padding)
    source = Source(info=info(WIDTH, height, pixel_type, bits, dpi=299.5), strips=cut(rows, 4, 4, 3))
    picture = strips(source.ready(), pixels)
    same(picture.image, image)
    assert picture.dpi == 299.5
    assert source.dsm.state.number == 7


def test_a_colour_page_whose_zero_is_white():
    rows = lines(Image.eval(colour(), lambda level: 255 - level), "RGB", WIDTH * 3)
    source = Source(info=info(WIDTH, HEIGHT, RGB, 24), strips=cut(rows, 11))
    same(strips(source.ready(), Pixels(vanilla=True)).image, colour())


@pytest.mark.parametrize(("pixel_type", "image"), [(GRAY, grey()), (RGB, colour())])
def test_sixteen_bits_become_eight(pixel_type, image):
    data, bits = sixteen(image), 16 * len(image.getbands())
    source = Source(info=info(WIDTH, HEIGHT, pixel_type, bits), strips=[Strip(data, HEIGHT, Rc.XFERDONE)])
    same(strips(source.ready(), Pixels()).image, image)


def test_a_page_of_unknown_height_across_many_blocks(monkeypatch):
    monkeypatch.setattr(transfer, "BLOCK", 7)
    image = grey(WIDTH, 100)
    source = Source(info=info(WIDTH, -1, GRAY, 8), strips=cut(lines(image, "L", WIDTH), 1, 20, 13, 60, 6))
    same(strips(source.ready(), Pixels()).image, image)


def test_an_empty_last_strip_ends_the_page():
    source = Source(info=info(WIDTH, HEIGHT, GRAY, 8), strips=[
        Strip(grey().tobytes(), HEIGHT), Strip(b"", 0, Rc.XFERDONE, bytes_per_row=0xFFFFFFFF, written=0xFFFFFFFF)])
    same(strips(source.ready(), Pixels()).image, grey())


def test_the_last_line_may_lack_its_padding_and_lines_may_be_left_uncounted():
    data = b"".join(lines(grey(), "L", 16))
    source = Source(info=info(WIDTH, HEIGHT, GRAY, 8), strips=[
        Strip(data[: 16 * 5], 5, bytes_per_row=16), Strip(data[16 * 5 : -3], 6, Rc.XFERDONE, bytes_per_row=16)])
    same(strips(source.ready(), Pixels()).image, grey())


@pytest.mark.parametrize(("announced", "later", "sent"), [
    (HEIGHT + 4, None, HEIGHT),  # rounded from inches
    (HEIGHT - 5, None, HEIGHT),  # a little more than was said
    (HEIGHT + 90, HEIGHT, HEIGHT),  # put right after the transfer
    (-1, HEIGHT, HEIGHT), (-1, -1, HEIGHT),
])
def test_heights_that_are_near_enough(announced, later, sent):
    source = Source(info=info(WIDTH, announced, GRAY, 8), strips=cut(lines(grey(WIDTH, sent), "L", WIDTH), 6, sent - 6),
                    later=None if later is None else info(WIDTH, later, GRAY, 8))
    same(strips(source.ready(), Pixels()).image, grey(WIDTH, sent))


ROW = bytes(range(WIDTH))
WRONG = [
    ("scanner_truncated", {"info": info(WIDTH, 20, GRAY, 8), "strips": [Strip(ROW * 11, 11, Rc.XFERDONE)]}),
    ("scanner_truncated", {"info": info(WIDTH, -1, GRAY, 8), "later": info(WIDTH, 20, GRAY, 8),
                           "strips": [Strip(ROW * 11, 11, Rc.XFERDONE)]}),
    ("scanner_truncated", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(b"", 0, Rc.XFERDONE)]}),
    ("scanner_truncated", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(b"", 0, bytes_per_row=WIDTH)]}),
    ("scanner_truncated", {"info": info(WIDTH, 11, GRAY, 8), "strips": [
        Strip(ROW * 10 + ROW[:-1], 11, Rc.XFERDONE, bytes_per_row=WIDTH)]}),
    ("scanner_truncated", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 0xFFFFFFF0, bytes_per_row=WIDTH)]}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 11, columns=WIDTH + 1)]}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 11, bytes_per_row=WIDTH - 1)]}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 11, y_offset=5)]}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 11, compression=6)]}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 11, written=2**31)]}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 11)], "overrun": 1}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 11, 11)] * 9}),  # no end
    ("scanner_too_large", {"info": info(WIDTH, -1, GRAY, 8), "strips": [Strip(ROW * 5000, 5000)] * 99}),
    ("scanner_format", {"info": info(0, 11, GRAY, 8)}),
    ("scanner_format", {"info": info(-7, 11, GRAY, 8)}),
    ("scanner_format", {"info": info(WIDTH, 0, GRAY, 8)}),
    ("scanner_format", {"info": info(WIDTH, -2, GRAY, 8)}),
    ("scanner_too_large", {"info": info(2**31 - 1, 2**31 - 1, RGB, 24)}),
    ("scanner_too_large", {"info": info(60_000, 60_000, RGB, 24)}),
    ("scanner_too_large", {"info": info(70_000, -1, GRAY, 8)}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 7)}),
    ("scanner_format", {"info": info(WIDTH, 11, 5, 32)}),
    ("scanner_format", {"info": info(WIDTH, 11, RGB, 24, planar=1)}),
    ("scanner_format", {"info": info(WIDTH, 11, RGB, 24, compression=6)}),
    ("scanner_format", {"info": info(WIDTH, 11, GRAY, 8), "sizes": (2**31, 2**31, 2**31)}),
    ("scanner_cancelled", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 5, 5), Strip(b"", 0, Rc.CANCEL)]}),
    ("scanner_jam", {"info": info(WIDTH, 11, GRAY, 8), "strips": [Strip(ROW * 5, 5), Strip(b"", 0, -Cc.PAPERJAM)]}),
    ("scanner_no_paper", {"fails": {(Dat.IMAGEINFO, Msg.GET): Cc.NOMEDIA}}),
    ("scanner_unplugged", {"info": info(WIDTH, 11, GRAY, 8), "fails": {(Dat.SETUPMEMXFER, Msg.GET): Cc.CHECKDEVICEONLINE}}),
]


@pytest.mark.parametrize(("code", "more"), WRONG)
def test_strips_that_are_no_page(code, more):
    source = Source(**{**more, "strips": list(more.get("strips", ()))})
    with pytest.raises(ScannerFailed) as refused:
        strips(source.ready(), Pixels())
    assert refused.value.code == code


def test_a_page_that_does_not_fit_into_memory(monkeypatch):
    def none(*_):
        raise MemoryError

    source = Source(info=info(WIDTH, HEIGHT, GRAY, 8), strips=cut(lines(grey(), "L", WIDTH), 11))
    monkeypatch.setattr(transfer.Image, "new", none)
    with pytest.raises(ScannerFailed) as refused:
        strips(source.ready(), Pixels())
    assert refused.value.code == "scanner_memory"


@pytest.mark.parametrize(("sizes", "buffer"), [
    ((64, 0xFFFFFFFF, 4096), 4096), ((64, 0xFFFFFFFF, 0xFFFFFFFF), 1 << 20), ((64, 2048, 0), 2048), ((64, 256, 4096), 256),
    ((8192, 0, 16), 8192), ((0, 0, 0), 1 << 20), ((1, 5, 5), WIDTH),
])
def test_the_buffer_is_as_the_source_likes_it(sizes, buffer):
    source = Source(info=info(WIDTH, HEIGHT, GRAY, 8), sizes=sizes)
    assert transfer._strip_size(source.ready(), WIDTH) == buffer


def made(image, bits, raw, palette=(), top_down=False, stride=None, dots=11811, **fields):
    """A bitmap without file header; `fields` change what its header says."""
    stride = stride or (image.width * bits + 31) // 32 * 4
    rows = lines(image, raw, stride)
    header = {"size": 40, "width": image.width, "height": -image.height if top_down else image.height, "planes": 1,
              "depth": bits, "compression": 0, "bytes": 0, "dots": dots, "dots_y": dots, "used": 0, "important": 0, **fields}
    table = b"".join(bytes((blue, green, red, 0)) for red, green, blue in palette)
    more = bytes(max(min(header["size"], 124) - 40, 0))
    return struct.pack("<IiiHHIIiiII", *header.values()) + more + table + b"".join(rows if top_down else rows[::-1])


RAMP = [(level, level, level) for level in range(256)]
MIRRORED = RAMP[::-1]
NEGATIVE = Image.eval(grey(), lambda level: 255 - level)
INDEXED = Image.frombytes("L", (WIDTH, HEIGHT), bytes((x + y) % 16 for y in range(HEIGHT) for x in range(WIDTH)))
SIXTEEN = [(level * 16, 255 - level, level) for level in range(16)]
FOUR_BIT = Image.frombytes("L", (WIDTH + 1, HEIGHT), bytes((x + y) % 16 for y in range(HEIGHT) for x in range(WIDTH + 1)))


def nibbles(image):
    """Two pixels a byte, as an image half as wide."""
    pairs = zip(*[iter(image.tobytes())] * 2, strict=True)
    return Image.frombytes("L", (image.width // 2, image.height), bytes(high << 4 | low for high, low in pairs))


BITMAPS = [
    (made(colour(), 24, "BGR"), colour()),
    (made(colour(), 24, "BGR", top_down=True), colour()),
    (made(colour(), 32, "BGRX"), colour()),
    (made(colour(), 24, "BGR", palette=SIXTEEN, used=16), colour()),  # colours to be shown by, of no meaning here
    (made(colour(), 24, "BGR", size=108), colour()),
    (made(grey(), 8, "L", RAMP), grey()),
    (made(grey(), 8, "L", RAMP, top_down=True, used=256), grey()),
    (made(NEGATIVE, 8, "L", MIRRORED), grey()),
    (made(INDEXED, 8, "L", SIXTEEN, used=16), Image.merge("RGB", [
        INDEXED.point([colour[channel] for colour in SIXTEEN] + [0] * 240) for channel in range(3)])),
    (made(bitonal(), 1, "1", [(0, 0, 0), (255, 255, 255)]), bitonal()),
    (made(bitonal(), 1, "1;I", [(255, 255, 255), (0, 0, 0)]), bitonal()),
    (made(bitonal(), 1, "1", [(10, 10, 10), (250, 250, 250)]), bitonal().convert("L").point(
        lambda level: 250 if level else 10)),
]


@pytest.mark.parametrize(("data", "image"), BITMAPS)
def test_bitmaps_become_the_page(data, image):
    picture = dib(memoryview(data + b"\xee" * 6))  # memory is often a little larger
    same(picture.image, image)
    assert picture.dpi == 300.0


def test_four_bits_a_pixel():
    half = nibbles(FOUR_BIT)
    data = made(half, 4, "L", [(level * 17,) * 3 for level in range(16)], width=FOUR_BIT.width,
                stride=(FOUR_BIT.width * 4 + 31) // 32 * 4)
    same(dib(memoryview(data)).image, FOUR_BIT.point(lambda level: level * 17))


GOOD = made(colour(), 24, "BGR")


@pytest.mark.parametrize(("code", "data"), [
    ("scanner_truncated", b""), ("scanner_truncated", GOOD[:39]), ("scanner_truncated", GOOD[:40]),
    ("scanner_truncated", GOOD[:-1]), ("scanner_truncated", made(colour(), 24, "BGR", height=HEIGHT + 1)),
    ("scanner_truncated", made(grey(), 8, "L", RAMP[:-2])),
    ("scanner_truncated", made(colour(), 24, "BGR", size=2**31)),
    ("scanner_format", made(colour(), 24, "BGR", size=12)), ("scanner_format", made(colour(), 24, "BGR", planes=3)),
    ("scanner_format", made(colour(), 24, "BGR", depth=16)), ("scanner_format", made(colour(), 24, "BGR", depth=0)),
    ("scanner_format", made(colour(), 24, "BGR", depth=0xFFFF)),
    ("scanner_format", made(colour(), 24, "BGR", compression=4)),
    ("scanner_format", made(colour(), 24, "BGR", used=2**32 - 1)), ("scanner_format", made(bitonal(), 1, "1", used=3)),
    ("scanner_format", made(colour(), 24, "BGR", width=0)), ("scanner_format", made(colour(), 24, "BGR", width=-5)),
    ("scanner_format", made(colour(), 24, "BGR", height=0)),
    ("scanner_too_large", made(colour(), 24, "BGR", width=2**31 - 1)),
    ("scanner_too_large", made(colour(), 24, "BGR", height=-(2**31))),
])
def test_bitmaps_that_are_none(code, data):
    with pytest.raises(ScannerFailed) as refused:
        dib(memoryview(data))
    assert refused.value.code == code


def test_a_bitmap_is_freed_and_measured_by_what_was_announced():
    source = Source(info=info(WIDTH, HEIGHT, RGB, 24, dpi=200.0), bitmap=made(colour(), 24, "BGR", dots=0))
    picture = bitmap(source.ready())
    same(picture.image, colour())
    assert (picture.dpi, source.heap.held, source.dsm.state.number) == (200.0, {}, 7)


def test_a_source_that_says_nothing_of_its_bitmap():
    picture = bitmap(Source(bitmap=made(colour(), 24, "BGR", dots=7874)).ready())
    same(picture.image, colour())
    assert picture.dpi == 200.0


@pytest.mark.parametrize(("code", "more"), [
    ("scanner_truncated", {"info": info(WIDTH, HEIGHT + 5, RGB, 24), "bitmap": GOOD}),
    ("scanner_truncated", {"bitmap": GOOD[:-1]}),
    ("scanner_format", {"bitmap": b""}),
    ("scanner_format", {"bitmap": GOOD, "native_code": Rc.SUCCESS}),
    ("scanner_cancelled", {"bitmap": GOOD, "native_code": Rc.CANCEL}),
    ("scanner_double_feed", {"fails": {(Dat.IMAGENATIVEXFER, Msg.GET): Cc.PAPERDOUBLEFEED}}),
])
def test_bitmaps_that_are_no_page(code, more):
    source = Source(**more)
    with pytest.raises(ScannerFailed) as refused:
        bitmap(source.ready())
    assert refused.value.code == code
    assert not source.heap.held
