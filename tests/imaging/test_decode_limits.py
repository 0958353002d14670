"""No file takes the reader down: bombs, loops, cut files and mutants are read or refused, never worse."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from errors import UnreadableImage
from imaging.decode import Limits, decode, read_header

SMALL = Limits(max_pixels=2_000_000, max_frames=20)
MUTANTS = 60  # of each kind


def picture(width=64, height=48):
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    planes = [40 + 180 * x, 60 + 150 * y, 200 - 120 * x * y]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def heic():
    import pillow_heif

    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture()).save(buffer, quality=50)
    return buffer.getvalue()


def pdf():
    img2pdf = pytest.importorskip("img2pdf")
    return img2pdf.convert([saved(picture(), kind, dpi=(150, 150)) for kind in ("JPEG", "PNG")])


def tiff_of_two():
    return saved(picture(), "TIFF", compression="tiff_lzw", save_all=True, append_images=[picture(9, 9)])


SAMPLES = {
    "jpeg": lambda: saved(picture(), "JPEG"),
    "progressive": lambda: saved(picture(), "JPEG", progressive=True),
    "png": lambda: saved(picture(), "PNG"),
    "tiff": lambda: saved(picture(), "TIFF"),
    "tiff lzw": tiff_of_two,
    "tiff jpeg": lambda: saved(picture(), "TIFF", compression="jpeg"),
    "tiff g4": lambda: saved(picture().convert("1"), "TIFF", compression="group4"),
    "webp": lambda: saved(picture(), "WEBP"),
    "bmp": lambda: saved(picture(), "BMP"),
    "heic": heic,
    "pdf": pdf,
}


def read_all(data, limits=SMALL):
    """Decode each frame, whole and reduced; the code of the refusal, or an empty string."""
    try:
        header = read_header(data, limits)
        for number, frame in enumerate(header.frames):
            for reduce in (1, 4):
                pixels = decode(data, number, reduce, limits)
                assert pixels.dtype == np.uint8
                assert pixels.shape[:2] == (-(-frame.height // reduce), -(-frame.width // reduce))
    except UnreadableImage as error:
        assert error.code
        return error.code
    return ""


def mutants(data, seed):
    """Flipped bytes, zeroed and copied blocks, cuts: what bad cards and broken transfers do."""
    chance = random.Random(seed)
    for number in range(MUTANTS):
        mutant = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = chance.randrange(len(mutant))
            kind = number % 4
            if kind == 0:
                mutant[at] ^= 1 << chance.randrange(8)
            elif kind == 1:
                mutant[at : at + 16] = bytes(min(16, len(mutant) - at))
            elif kind == 2:
                mutant[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"))
            else:
                del mutant[at : at + chance.randrange(1, 40)]
                mutant = mutant or bytearray(b"\0")
        yield bytes(mutant)


@pytest.mark.parametrize("kind", SAMPLES)
def test_mutants_are_read_or_refused(kind):
    data = SAMPLES[kind]()
    assert read_all(data) == ""
    outcomes = [read_all(mutant) for mutant in mutants(data, kind)]
    assert len(outcomes) == MUTANTS
    assert any(outcomes)  # damage is noticed


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.9])
def test_a_cut_file_is_never_half_decoded(kind, part):
    data = SAMPLES[kind]()
    code = read_all(data[: int(len(data) * part)])
    if kind == "pdf":
        assert code in ("damaged", "no_scan_in_pdf", "")  # a PDF is rebuilt from what is left of its objects
    else:
        assert code in ("truncated", "damaged", "not_an_image")


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "tiff", "webp", "bmp", "heic"])
def test_a_file_without_its_last_tenth_is_said_to_be_truncated(kind):
    data = SAMPLES[kind]()
    assert read_all(data[: len(data) * 9 // 10]) == "truncated"


def png_header(width, height):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg_header(width, height):
    data = bytearray(SAMPLES["jpeg"]())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_header(width, height):
    canvas = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp_header(width, height):
    data = bytearray(SAMPLES["bmp"]())
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def tiff_header(width, height, *more):
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8),
            (277, 3, 1), (278, 4, height), (279, 4, 8), *more]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("bomb", [png_header, jpeg_header, webp_header, bmp_header, tiff_header])
def test_a_bomb_is_refused_by_its_header(bomb):
    with pytest.raises(UnreadableImage) as caught:
        read_header(bomb(16000, 16380))
    assert caught.value.code == "too_large"
    with pytest.raises(UnreadableImage) as caught:
        decode(bomb(16000, 16380))
    assert caught.value.code == "too_large"


def test_the_size_within_a_jpeg_2000_codestream_counts():
    data = bytearray(saved(picture(), "JPEG2000"))
    at = data.index(b"\xff\x4f\xff\x51")
    data[at + 8 : at + 16] = struct.pack(">II", 60000, 60000)
    assert read_all(bytes(data), Limits()) == "too_large"


def test_a_tile_out_of_all_proportion_is_refused():
    tiled = tiff_header(64, 64, (322, 4, 60000), (323, 4, 60000), (324, 4, 8), (325, 4, 8))
    assert read_all(tiled, Limits()) == "too_large"


def test_pages_are_counted():
    data = saved(picture(8, 8), "TIFF", save_all=True, append_images=[picture(8, 8)] * 30)
    assert read_all(data) == "too_many_frames"
    assert len(read_header(data).frames) == 31


def test_a_chain_of_pages_that_bites_its_tail_ends():
    data = bytearray(saved(picture(8, 8), "TIFF", save_all=True, append_images=[picture(8, 8)] * 3))
    first = struct.unpack("<I", data[4:8])[0]
    at, places = first, []
    while at:
        link = at + 2 + 12 * struct.unpack("<H", data[at : at + 2])[0]
        places.append(link)
        at = struct.unpack("<I", data[link : link + 4])[0]
    data[places[-1] : places[-1] + 4] = struct.pack("<I", first)
    assert len(read_header(bytes(data)).frames) == 4
    assert read_all(bytes(data)) == ""


def test_a_text_chunk_that_unfolds_to_gigabytes_is_refused():
    body = b"Comment\0\0" + zlib.compress(bytes(80_000_000))
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    data = SAMPLES["png"]()
    assert read_all(data[:33] + chunk + data[33:]) in ("", "damaged")
