"""Pages in layers look alike in five programs: no mask that is blank, turned to its negative or shifted by a pixel."""

import functools
import tempfile
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from bookpack.layers import small_page
from bookpack.pdf import PdfFacts, PdfPage, write_pdf
from imaging.bitonal import bitonal
from imaging.stages import develop_page
from settings import load
from single import decide_file
from tests.bookpack.renderers import there

PAGES = Path(__file__).parents[2] / "samples" / "pages"
FACTS = PdfFacts("Sổ", "", "sohoa", "2026-01-01T00:00:00+07:00")
RENDERERS = ("pdfium", "poppler", "mutool", "ghostscript", "pdfjs")
KINDS = {  # a sample, its dpi and its size (rows, columns): odd ones are the hardest to round
    "form": ("forms-2009/EPSON031.jpg", 200.0, (2419, 1733)),
    "ledger": ("ledger-1990/SCN_0001.jpg", 150.0, (1913, 1288)),
    "fine": ("forms-2002/Brother_0012.jpg", 300.0, (3508, 2480)),
    "odd dpi": ("ledger-1990/SCN_0003.jpg", 291.3, (3401, 2399)),
}
MEDIAN, P99 = 2, 8  # grey levels of 255, between two renderers' pages whose sharpest detail is blurred away
ALIKE = 0.97  # F-measure of the strokes that two renderers show
FAITHFUL = 0.95  # and of those that one shows against those of the page itself
BLUR = 3  # px


def wanted(name):
    if name not in there():
        pytest.skip(f"{name} is not installed (the Makefile names its Debian packages)")
    return there()[name]


@functools.cache
def page(kind):
    """The first developed page of a sample, in the size of its kind."""
    name, _, (height, width) = KINDS[kind]
    decided = next(decide_file(PAGES / name, load()))
    frame, (view, recipe) = decided.header.frames[0], decided.pages[0]
    pixels, _ = develop_page(view.full(), recipe, frame.orientation, frame.dpi)
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)


@functools.cache
def drawing(kind):
    return small_page(page(kind), KINDS[kind][1]).drawing


@functools.cache
def shown(kind, renderer):
    """The page in layers as a program shows it at the resolution of its stencils."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "page.pdf")
        with open(path, "wb") as file:
            write_pdf(file, [PdfPage(drawing(kind), "1")], FACTS)
        return there()[renderer](path, 1, drawing(kind).dpi)


def strokes(pixels, kind):
    """Ink of a page, made as large as its stencils where it is not."""
    drawn = drawing(kind)
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (drawn.width, drawn.height), interpolation=cv2.INTER_CUBIC)
    return bitonal(grey, "fast", drawn.dpi / 25.4) == 0


def f_measure(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RENDERERS)
def test_a_page_has_its_own_pixels_and_strokes(name, kind):
    wanted(name)
    pixels = shown(kind, name)
    assert pixels.shape == (drawing(kind).height, drawing(kind).width, 3)
    own, drawn = strokes(page(kind), kind), strokes(pixels, kind)
    fits = {shift: f_measure(own, np.roll(drawn, shift, (0, 1))) for shift in product((-1, 0, 1), repeat=2)}
    assert max(fits, key=fits.get) == (0, 0)
    assert fits[0, 0] > FAITHFUL


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RENDERERS[1:])
def test_it_looks_as_in_pdfium(name, kind):
    wanted(name)
    one, other = (shown(kind, renderer) for renderer in (RENDERERS[0], name))
    assert f_measure(strokes(one, kind), strokes(other, kind)) > ALIKE
    apart = np.abs(np.subtract(*(cv2.blur(pixels, (BLUR, BLUR)).astype(np.int16) for pixels in (one, other))))
    assert np.median(apart) <= MEDIAN
    assert np.percentile(apart, 99) <= P99
