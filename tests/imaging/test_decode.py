"""Every kind of image is read to the pixels that were written, or refused with a reason."""

import io
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from errors import UnreadableImage
from imaging.decode import REDUCTIONS, Limits, decode, media_of, read_header
from imaging.geometry import Geometry

FORMATS = Path(__file__).parents[3] / "shared" / "data" / "formats"
REFUSED = {
    "pillow_decompression_bomb.gif": "too_large",  # 4,000 million pixels in 44 bytes
    "pillow_hopper.fli": "not_an_image",  # an animation of the eighties
    "pillow_truncated_end_chunk.png": "truncated",
    "pillow_truncated_image.png": "truncated",
}
needs_formats = pytest.mark.skipif(not FORMATS.exists(), reason="the folder shared/data/formats is not there")


def picture(width=67, height=45):
    """Smooth colours, so that a lossy codec comes near them."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    planes = [40 + 180 * x, 60 + 150 * y, 200 - 120 * x * y]
    return np.stack(planes, axis=-1).astype(np.uint8)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def shown(pixels, frame):
    """The pixels as the frame's orientation wants them shown."""
    geometry = Geometry.exif(frame.orientation, (frame.width, frame.height))
    return cv2.warpPerspective(pixels, np.array(geometry.matrix), geometry.size, flags=cv2.INTER_NEAREST)


def error_code(data, **options):
    """The code that reading `data` to its end is refused with."""
    with pytest.raises(UnreadableImage) as caught:
        header = read_header(data, **options)
        for frame in range(len(header.frames)):
            decode(data, frame, **options)
    return caught.value.code


@needs_formats
@pytest.mark.parametrize("path", sorted(FORMATS.glob("*")), ids=lambda path: path.name)
def test_every_format_is_read_or_refused_with_its_reason(path):
    data = path.read_bytes()
    if path.name in REFUSED:
        assert error_code(data) == REFUSED[path.name]
        return
    header = read_header(data)
    assert media_of(data) == header.media
    for number, frame in enumerate(header.frames):
        pixels = decode(data, number)
        assert pixels.dtype == np.uint8
        assert pixels.shape[:2] == (frame.height, frame.width)
        assert pixels.ndim == 2 or pixels.shape[2] == 3


@needs_formats
@pytest.mark.parametrize("group", ["orient_Portrait_*.jpg", "pillow_hopper_orientation_*.jpg"])
def test_orientations_agree_with_each_other(group):
    upright = []
    for path in sorted(FORMATS.glob(group)):
        data = path.read_bytes()
        frame = read_header(data).frames[0]
        upright.append(shown(decode(data), frame).astype(np.int16))
    assert len(upright) > 4
    for first, second in itertools.pairwise(upright):
        assert first.shape == second.shape
        assert np.abs(first - second).mean() < 6  # each was compressed anew


STORED_AS = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: np.swapaxes(upright, 0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(np.swapaxes(upright, 0, 1), 2),
    8: lambda upright: np.rot90(upright, 3),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_orientation_and_pixels_together_show_the_picture_upright(kind, orientation):
    stored = np.ascontiguousarray(STORED_AS[orientation](picture()))
    exif = Image.Exif()
    exif[274] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    data = saved(Image.fromarray(stored), kind, exif=exif, **lossless)
    frame = read_header(data).frames[0]
    upright = shown(decode(data), frame).astype(int)
    assert np.abs(upright - picture()).max() <= (12 if kind == "JPEG" else 0)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_is_none_counts_as_upright(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(Image.fromarray(picture()), "JPEG", exif=exif)
    assert read_header(data).frames[0].orientation == 1


LOSSLESS = {
    "png": ("PNG", {}), "bmp": ("BMP", {}), "webp": ("WEBP", {"lossless": True}), "ppm": ("PPM", {}),
    "tiff": ("TIFF", {}), "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
}


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("grey", [False, True])
def test_lossless_kinds_give_the_pixels_that_were_written(name, grey):
    kind, options = LOSSLESS[name]
    pixels = picture()[..., 0] if grey else picture()
    read = decode(saved(Image.fromarray(pixels), kind, **options))
    if grey and read.ndim == 3:
        read = read[..., 0]  # WebP and BMP store grey as colours
    assert np.array_equal(read, pixels)


KINDS_OF_JPEG = [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]


@pytest.mark.parametrize("options", KINDS_OF_JPEG)
@pytest.mark.parametrize("grey", [False, True])
def test_jpeg_gives_the_pixels_of_its_decoder(options, grey):
    data = saved(Image.fromarray(picture()[..., 1] if grey else picture()), "JPEG", quality=90, **options)
    read = decode(data)
    assert read.ndim == (2 if grey else 3)
    assert np.abs(read.astype(int) - np.asarray(Image.open(io.BytesIO(data)))).max() <= 2


@pytest.mark.parametrize("size", [(64, 48), (67, 45), (1, 1), (9, 130), (257, 23)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_reduced_pixels_are_means_of_blocks(size, kind, reduce):
    width, height = size
    data = saved(Image.fromarray(picture(width, height)), kind, **({"quality": 95} if kind == "JPEG" else {}))
    whole, small = decode(data).astype(float), decode(data, 0, reduce)
    assert small.shape[:2] == (-(-height // reduce), -(-width // reduce))
    rows, columns = height // reduce, width // reduce
    blocks = whole[: rows * reduce, : columns * reduce].reshape(rows, reduce, columns, reduce, 3)
    blocks = blocks.mean(axis=(1, 3))
    assert np.abs(small[:rows, :columns] - blocks).max(initial=0) <= (6 if kind == "JPEG" else 1)


def test_another_reduction_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="reduce"):
        decode(saved(Image.fromarray(picture()), "PNG"), 0, 3)


def test_transparency_lies_over_white_paper():
    rgba = np.dstack([picture(), np.zeros((45, 67), np.uint8)])
    rgba[:, 30:, 3] = 255
    read = decode(saved(Image.fromarray(rgba), "PNG"))
    assert np.all(read[:, :30] == 255)
    assert np.array_equal(read[:, 30:], picture()[:, 30:])


def test_a_palette_with_a_transparent_colour_lies_over_white_paper():
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    read = decode(saved(image, "PNG", transparency=0))
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[0, 1].tolist() == [200, 100, 50]


@pytest.mark.parametrize("options", [{}, {"compression": "group4"}, {"compression": "group3"}])
def test_one_bit_becomes_black_and_white(options):
    bits = picture()[..., 0] > 120
    read = decode(saved(Image.fromarray(bits), "TIFF", **options))
    assert np.array_equal(read, np.where(bits, 255, 0))


@pytest.mark.parametrize(("kind", "dtype"), [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")])
def test_sixteen_bits_are_scaled_to_eight(kind, dtype):
    levels = np.linspace(0, 65535, 67 * 45).reshape(45, 67).astype(dtype)
    mode = "I;16B" if dtype == ">u2" else "I;16"
    read = decode(saved(Image.frombytes(mode, (67, 45), levels.tobytes()), kind))
    assert np.abs(read.astype(float) - levels / 257.0).max() <= 0.51


def test_twelve_bits_in_sixteen_are_stretched_where_the_file_says_so():
    levels = np.linspace(0, 4095, 67 * 45).reshape(45, 67).astype("<u2")
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[281] = 4095  # MaxSampleValue
    read = decode(saved(Image.frombytes("I;16", (67, 45), levels.tobytes()), "TIFF", tiffinfo=tags))
    assert (read.min(), read.max()) == (0, 255)


def test_cmyk_of_adobe_is_not_inverted():
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    assert decode(saved(white, "JPEG")).min() > 250
    red = decode(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"))
    assert red[8, 8, 0] > 200
    assert red[8, 8, 1:].max() < 60
    assert decode(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "TIFF"))[8, 8, 0] > 200


def test_lab_becomes_srgb():
    grey = Image.new("LAB", (8, 8), (128, 128, 128))  # Pillow: a and b are 128 where there is no colour
    assert np.ptp(decode(saved(grey, "TIFF"))[4, 4]) <= 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_an_icc_profile_is_converted_to_srgb(kind):
    profile = wide_profile()
    image = Image.new("RGB", (32, 32), (60, 200, 60))
    expected = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                                         ImageCms.createProfile("sRGB")).getpixel((16, 16))
    assert expected != (60, 200, 60)
    data = saved(image, kind, icc_profile=profile)
    read = decode(data)[16, 16].astype(int)
    assert np.abs(read - expected).max() <= 3
    assert np.abs(decode(data, 0, 4)[4, 4].astype(int) - expected).max() <= 3


def wide_profile():
    """An RGB profile that is not sRGB: Little CMS's sRGB with two primaries exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        tags[bytes(data[at : at + 4])] = at
    red, green = (slice(tags[name] + 4, tags[name] + 12) for name in (b"rXYZ", b"gXYZ"))
    data[red], data[green] = data[green], data[red]
    return bytes(data).replace("sRGB built-in".encode("utf-16-be"), "test built-in".encode("utf-16-be"))


@pytest.mark.parametrize("profile", [b"rubbish", b"\0" * 200, b"x" * 9_000_000])
def test_a_broken_profile_changes_nothing(profile):
    data = saved(Image.fromarray(picture()), "TIFF", icc_profile=profile)
    assert np.array_equal(decode(data), picture())


@pytest.mark.parametrize(("stated", "known"), [
    ((300, 300), 300.0), ((600, 590), 600.0), ((72, 72), None), ((96, 96), None), ((1, 1), None),
    ((300, 200), None), ((40, 40), None), ((9600, 9600), None), ((204, 98), None),
])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_a_resolution_is_believed_where_it_makes_sense(kind, stated, known):
    assert read_header(saved(Image.fromarray(picture()), kind, dpi=stated)).frames[0].dpi == known


def test_a_resolution_in_centimetres():
    stated = {"resolution_unit": "cm", "x_resolution": 118.11, "y_resolution": 118.11}
    data = saved(Image.fromarray(picture()), "TIFF", **stated)
    assert read_header(data).frames[0].dpi == 300.0


def camera_exif():
    exif = Image.Exif()
    exif[271], exif[272], exif[306] = "Maker\0", "Phone 5", "2024:05:06 07:08:09"
    exif.get_ifd(0x8769)[33434] = 0.01
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (21.0, 1.0, 2.0)
    return exif


def test_exif_tells_make_model_and_time_and_never_the_place():
    header = read_header(saved(Image.fromarray(picture()), "JPEG", exif=camera_exif()))
    assert header.exif == {"make": "Maker", "model": "Phone 5", "time": "2024:05:06 07:08:09"}
    assert header.photo


@pytest.mark.parametrize("early", [True, False])
def test_exif_of_png_counts_before_and_behind_the_pixels(early):
    exif = Image.Exif()
    exif[274] = 6
    data = saved(Image.fromarray(picture()), "PNG", exif=exif)
    at = data.index(b"eXIf") - 4
    chunk = data[at : at + 12 + int.from_bytes(data[at : at + 4], "big")]
    rest = data.replace(chunk, b"")
    assert read_header(data if early else rest[:-12] + chunk + rest[-12:]).frames[0].orientation == 6


def test_a_scanner_that_names_itself_is_no_camera():
    exif = Image.Exif()
    exif[271], exif[272] = "SCANNERS INC", "Flatbed 9"
    header = read_header(saved(Image.fromarray(picture()), "TIFF", exif=exif, dpi=(300, 300)))
    assert header.exif == {"make": "SCANNERS INC", "model": "Flatbed 9"}
    assert not header.photo


def test_every_page_of_a_tiff_in_order_and_no_thumbnail():
    pages = [Image.new("L", (20 + 7 * number, 11), 40 * number) for number in range(5)]
    pages[2].encoderinfo = {"tiffinfo": {254: 1}}  # marked as a reduced copy of another page
    data = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    header = read_header(data)
    assert [frame.width for frame in header.frames] == [20, 27, 41, 48]
    assert [int(decode(data, number)[5, 5]) for number in range(4)] == [0, 40, 120, 160]
    with pytest.raises(UnreadableImage):
        decode(data, 4)


def test_heic_comes_upright_and_in_colour():
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    pillow_heif.from_pillow(Image.fromarray(picture(64, 48))).save(buffer, quality=95, exif=exif.tobytes())
    frame = read_header(buffer.getvalue()).frames[0]
    pixels = decode(buffer.getvalue())
    assert frame.orientation == 1  # what turns a HEIC is in the container, and its library obeys
    assert pixels.shape[:2] == (frame.height, frame.width)


def test_a_jpeg_with_a_few_stray_bytes_is_read_and_one_with_many_is_not():
    data = saved(Image.fromarray(picture(400, 300)), "JPEG", quality=90)
    assert np.array_equal(decode(data[:-2] + b"12345678" + data[-2:]), decode(data))
    assert error_code(data[:-2] + bytes(range(1, 200)) + data[-2:]) == "damaged"


def test_what_follows_a_picture_does_not_matter():
    data = saved(Image.fromarray(picture()), "JPEG")
    assert np.array_equal(decode(data + b"a film that the phone adds" * 100), decode(data))


def test_media_is_told_by_content():
    assert media_of(b"%PDF-1.4") == "application/pdf"
    assert media_of(b"\0\0\0\x18ftypmsf1\0\0\0\0avisheic") == "image/avif"
    assert media_of(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42") is None
    assert media_of(b"BMW owners") is None
    assert media_of(b"") is None


def test_limits_are_asked_first():
    data = saved(Image.fromarray(picture()), "PNG")
    assert error_code(data, limits=Limits(max_pixels=67 * 45 - 1)) == "too_large"
    assert error_code(data, limits=Limits(max_bytes=len(data) - 1)) == "too_many_bytes"
    assert read_header(data, Limits(max_pixels=67 * 45, max_bytes=len(data))).frames[0].width == 67
    assert error_code(b"") == "empty_file"
    assert error_code("Kính gửi".encode()) == "not_an_image"
