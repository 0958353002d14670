"""A made-up book of three pages, one of them grey."""

import numpy as np
import pytest

from book import Decision, Identity, Recipe, Side
from bookpack.cases import one_case_a_page
from bookpack.contents import BookContents, PackedOriginal, PackedPage
from bookpack.small import archive_jpeg, small_jpeg


def drawn_page(number, grey=False):
    """A4 at 200 dpi with rules and strokes, made up."""
    import cv2

    page = np.full((2339, 1654, 3), 238, np.uint8)
    for row in range(200, 2200, 60):
        cv2.line(page, (100, row), (1550, row), (120, 120, 120), 1)
        cv2.putText(page, f"Nguyen Van {number} {row}", (120, row - 10), 5, 1.6, (40, 40, 120), 2, cv2.LINE_AA)
    return page[..., 0] if grey else page


@pytest.fixture
def contents(tmp_path):
    pages, originals = [], []
    for number in range(3):
        pixels = drawn_page(number, grey=number == 2)
        jpeg, small = tmp_path / f"{number}.jpg", small_jpeg(pixels, 200.0)
        jpeg.write_bytes(archive_jpeg(pixels))
        (tmp_path / f"{number}.small.jpg").write_bytes(small.data)
        sha256 = f"{number}" * 64
        recipe = Recipe(sha256, 0, Side.WHOLE, (Decision("deskew", 1, {"degrees": 0.5}),))
        pages.append(PackedPage(sha256[:8], jpeg, 1654, 2339, 200.0, tmp_path / f"{number}.small.jpg", small.width,
                                small.height, small.dpi, recipe, "A4"))
        original = tmp_path / f"{sha256}.jpg"
        original.write_bytes(b"original %d" % number)
        originals.append(PackedOriginal(sha256, original, f"IMG_{number}.JPG", number))
    names = tuple(page.id for page in pages)
    return BookContents(Identity("KH", 1994, "14800", 3), "kết hôn", "xã Thọ Xuân", tuple(pages), one_case_a_page(names),
                        tuple(originals), ({"event": "opened", "time": "2026-11-23T08:00:00+07:00"},),
                        "2026-11-23T08:00:00+07:00", "UBND xã Thọ Xuân", "sohoa 0.1.0")
