"""The first look: what is whole, what may become whole, what never will; and cover sheets among pages."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from capture.look import LookTask, TimeTask, look

PIXELS = np.random.default_rng(1).integers(0, 256, (64, 48, 3), dtype=np.uint8)
KINDS = {"a.jpg": {"format": "JPEG"}, "a.png": {"format": "PNG"}, "a.webp": {"format": "WEBP"}, "a.bmp": {"format": "BMP"},
         "a.tif": {"format": "TIFF", "compression": "tiff_lzw"}, "a.jp2": {"format": "JPEG2000"},
         "two.tif": {"format": "TIFF", "save_all": True, "append_images": [Image.fromarray(PIXELS[::2])]},
         "a.pdf": {"format": "PDF"}}


def saved(**options):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, **options)
    return buffer.getvalue()


@pytest.fixture
def seen(tmp_path):
    def at(data):
        path = tmp_path / "file"
        path.write_bytes(data)
        return look(LookTask(path))

    return at


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_of_any_kind_is_whole(seen, kind):
    found = seen(saved(**KINDS[kind]))
    assert found.whole and not found.problem
    assert [frame.refused for frame in found.frames] == [""] * (2 if kind == "two.tif" else 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_the_beginning_of_a_file_is_not_whole(seen, kind, part):
    data = saved(**KINDS[kind])
    assert not seen(data[: int(len(data) * part)]).whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.0, 0.5, 0.9])
def test_a_file_that_has_its_length_but_not_its_content_is_not_whole(seen, kind, part):
    data = saved(**KINDS[kind])
    filled = int(len(data) * part)
    assert not seen(data[:filled] + bytes(len(data) - filled)).whole


def test_what_will_never_be_an_image_need_not_be_waited_for(seen):
    assert not seen(b"hello, this is a text and no image").whole  # who knows: the first bytes may still come
    huge = Image.new("1", (20_000, 20_000))
    buffer = io.BytesIO()
    huge.save(buffer, "PNG")
    found = seen(buffer.getvalue())
    assert found.whole
    assert "too_large" in (found.problem, *(frame.refused for frame in found.frames))


def test_the_time_of_a_camera_is_read_and_nothing_else_is_followed(tmp_path):
    exif = Image.Exif()
    exif[306] = "2024:06:11 09:34:12"
    (tmp_path / "a.jpg").write_bytes(saved(format="JPEG", exif=exif))
    (tmp_path / "b.jpg").write_bytes(saved(format="JPEG"))
    assert look(TimeTask(tmp_path / "a.jpg")).startswith("2024")
    assert look(TimeTask(tmp_path / "b.jpg")) == ""
    assert look(TimeTask(tmp_path / "gone.jpg")) == ""
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        assert look(TimeTask(tmp_path / "pipe.jpg")) == ""
