"""PDF pages that are scanned images come pixel for pixel; others are refused with a reason."""

import io

import numpy as np
import pikepdf
import pytest
from PIL import Image

from errors import UnreadableImage
from imaging.decode import Limits, decode, read_header

img2pdf = pytest.importorskip("img2pdf")


def noise(width, height, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(pixels, dpi):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", dpi=(dpi, dpi))
    return buffer.getvalue()


def changed(data, change):
    with pikepdf.open(io.BytesIO(data)) as document:
        change(document)
        buffer = io.BytesIO()
        document.save(buffer)
    return buffer.getvalue()


SIZES = [(1240, 877, 150), (601, 799, 200), (333, 500, 300), (1000, 707, 117)]


@pytest.mark.parametrize(("width", "height", "dpi"), SIZES)
def test_one_pixel_of_the_scan_is_one_pixel(width, height, dpi):
    pixels = noise(width, height)
    data = img2pdf.convert([png(pixels, dpi)])
    frame = read_header(data).frames[0]
    assert (frame.width, frame.height) == (width, height)
    assert frame.dpi == pytest.approx(dpi, abs=0.05)
    assert np.array_equal(decode(data), pixels)


def test_grey_and_one_bit_scans_stay_grey():
    grey = noise(300, 200)[..., 0]
    bits = np.where(grey > 127, 255, 0).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(bits).convert("1").save(buffer, "TIFF", compression="group4", dpi=(150, 150))
    data = img2pdf.convert([png(grey, 150), buffer.getvalue()])
    assert np.array_equal(decode(data, 0), grey)
    assert np.array_equal(decode(data, 1), bits)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, -1), (180, 2), (270, 1)])
def test_the_turn_of_a_page_is_respected(degrees, quarters):
    pixels = noise(301, 200)

    def turn(document):
        document.pages[0].Rotate = degrees

    data = changed(img2pdf.convert([png(pixels, 150)]), turn)
    frame = read_header(data).frames[0]
    turned = np.rot90(pixels, quarters)
    assert (frame.height, frame.width) == turned.shape[:2]
    assert np.array_equal(decode(data), turned)


def test_reduced_pages_have_the_promised_size():
    data = img2pdf.convert([png(noise(301, 203), 150)])
    assert decode(data, 0, 4).shape == (51, 76, 3)


def typeset(document):
    font = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1,
                                                     BaseFont=pikepdf.Name.Helvetica))
    document.add_blank_page(page_size=(595, 842))
    page = document.pages[-1]
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    page.Contents = document.make_stream(b"BT /F1 40 Tf 100 700 Td (Cover) Tj ET")


def test_a_typeset_page_keeps_its_place_and_is_refused():
    pixels = noise(300, 200)
    data = changed(img2pdf.convert([png(pixels, 150)]), lambda document: (typeset(document),
                   document.pages.append(document.pages[0])))
    frames = read_header(data).frames
    assert [frame.refused for frame in frames] == ["", "no_scan_in_pdf", ""]
    assert np.array_equal(decode(data, 2), pixels)
    with pytest.raises(UnreadableImage) as caught:
        decode(data, 1)
    assert caught.value.code == "no_scan_in_pdf"


def test_a_typeset_document_is_no_scan():
    document = pikepdf.new()
    typeset(document)
    buffer = io.BytesIO()
    document.save(buffer)
    with pytest.raises(UnreadableImage) as caught:
        read_header(buffer.getvalue())
    assert caught.value.code == "no_scan_in_pdf"


def test_a_document_with_a_password_is_refused():
    with pikepdf.open(io.BytesIO(img2pdf.convert([png(noise(30, 20), 150)]))) as document:
        buffer = io.BytesIO()
        document.save(buffer, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(UnreadableImage) as caught:
        read_header(buffer.getvalue())
    assert caught.value.code == "encrypted"


def test_an_image_in_a_form_is_found():
    pixels = noise(300, 200)

    def wrap(document):
        page = document.pages[0]
        form = document.make_stream(
            page.Contents.read_bytes(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form,
            BBox=page.MediaBox, Matrix=pikepdf.Array([0.5, 0, 0, 0.5, 0, 0]), Resources=page.Resources,
        )
        page.Contents = document.make_stream(b"q 2 0 0 2 0 0 cm /Fx Do Q")
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Fx=form))

    data = changed(img2pdf.convert([png(pixels, 150)]), wrap)
    assert np.array_equal(decode(data), pixels)


def test_a_bomb_in_a_page_is_refused():
    def blow(document):
        image = document.pages[0].Resources.XObject.Im0
        image.Width, image.Height = 60000, 60000

    data = changed(img2pdf.convert([png(noise(30, 20), 150)]), blow)
    with pytest.raises(UnreadableImage) as caught:
        read_header(data)
    assert caught.value.code == "too_large"


def test_a_page_of_senseless_size_is_refused():
    def stretch(document):
        document.pages[0].MediaBox = pikepdf.Array([0, 0, 14400, 14400])
        document.pages[0].Contents = document.make_stream(b"q 10000 0 0 10000 0 0 cm /Im0 Do Q")

    data = changed(img2pdf.convert([png(noise(3000, 2000), 150)]), stretch)
    with pytest.raises(UnreadableImage) as caught:
        decode(data, limits=Limits(max_pixels=6_000_000))
    assert caught.value.code == "too_large"


def test_pages_are_counted():
    data = img2pdf.convert([png(noise(30, 20), 150)] * 4)
    with pytest.raises(UnreadableImage) as caught:
        read_header(data, Limits(max_frames=3))
    assert caught.value.code == "too_many_frames"
