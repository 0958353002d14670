"""A made-up book of three pages, one of them grey; one of its originals came under a name that is no text."""

import functools
import hashlib

import numpy as np
import pytest

from book import Case, Decision, Identity, Recipe, Side
from bookpack.archive import write_archive
from bookpack.contents import ArchiveParams, BookContents, MinistryParams, PackedOriginal, PackedPage
from bookpack.drawing import to_bytes
from bookpack.jpeg import archive_jpeg
from bookpack.layers import small_page
from bookpack.ministry import write_ministry

TIME = "2026-11-23T08:00:00+07:00"
DPI = 200.0


def drawn_page(number=0, grey=False):
    """A4 at 200 dpi with rules and strokes, made up."""
    import cv2

    page = np.full((2339, 1654, 3), 238, np.uint8)
    for row in range(200, 2200, 60):
        cv2.line(page, (100, row), (1550, row), (120, 120, 120), 1)
        cv2.putText(page, f"Nguyen Van {number} {row}", (120, row - 10), 5, 1.6, (40, 40, 120), 2, cv2.LINE_AA)
    return page[..., 0] if grey else page


@functools.cache
def packed_page(number, grey):
    """A drawn page as both packages hold it: JPEG, and a drawing in layers."""
    pixels = drawn_page(number, grey)
    return archive_jpeg(pixels), to_bytes(small_page(pixels, DPI).drawing)


@pytest.fixture
def contents(tmp_path):
    pages, originals = [], []
    for number, name in enumerate(["IMG_0.JPG", "ảnh, 1.JPG", "IMG\udcff 2.JPG"]):
        jpeg, drawing = tmp_path / f"{number}.jpg", tmp_path / f"{number}.drawing"
        for path, data in zip((jpeg, drawing), packed_page(number, grey=number == 2), strict=True):
            path.write_bytes(data)
        bytes_of_original = b"original %d" % number
        sha256 = hashlib.sha256(bytes_of_original).hexdigest()
        recipe = Recipe(sha256, 0, Side.WHOLE, (Decision("deskew", 1, {"degrees": 0.5}),))
        pages.append(PackedPage(sha256[:8], jpeg, 1654, 2339, DPI, drawing, recipe, "A4"))
        original = tmp_path / f"{sha256}.jpg"
        original.write_bytes(bytes_of_original)
        originals.append(PackedOriginal(sha256, original, name, number, original.name))
    cases = tuple(Case((page.id,)) for page in pages)
    log = ({"event": "opened", "time": TIME}, {"event": "arrived", "name": originals[2].name})
    return BookContents(Identity("KH", 1994, "14800", 3), "kết hôn", "xã Thọ Xuân", tuple(pages), cases, tuple(originals),
                        log, TIME, "UBND xã Thọ Xuân", "sohoa 0.1.0")


@pytest.fixture
def archive(contents, tmp_path):
    return write_archive(tmp_path / "out", contents, ArchiveParams())


@pytest.fixture
def ministry(contents, tmp_path):
    return write_ministry(tmp_path / "out", contents, MinistryParams())
