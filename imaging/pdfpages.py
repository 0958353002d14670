"""PDF files whose pages are scanned images: each page as one image, as fine as its largest scan, by PDFium.

Pages that are drawn or typeset and hold no scan are refused: they are no page of a register book.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from errors import UnreadableImage
from imaging.header import Frame, Header, Limits, check_shape, check_size, refusing, resolution

MEDIA = "application/pdf"
POINTS_PER_INCH = 72.0
SCAN_COVERS = 0.25  # of the page: a logo on a typeset page is no scan
HAIR = 0.01  # px
DEEPEST_FORM = 8  # forms within forms that are searched for images


@dataclass(frozen=True)
class _Scan:
    """How to render a page: pixels a point, size in pixels, and whether all its images are grey."""

    scale: float
    width: int
    height: int
    grey: bool


def read(data: bytes, limits: Limits) -> Header:
    """The scanned pages of a PDF file. Raises UnreadableImage."""
    frames = []
    with _opened(data) as document:
        if len(document) > limits.max_frames:
            raise UnreadableImage("too_many_frames", frames=len(document), limit=limits.max_frames)
        for index in range(len(document)):
            with _page(document, index) as page:
                scan = _scan_of(page, limits)
            frames.append(_frame(scan))
    if all(frame.refused for frame in frames):
        raise UnreadableImage("no_scan_in_pdf", pages=len(frames))
    return Header(MEDIA, tuple(frames))


def _frame(scan: _Scan | None) -> Frame:
    if scan is None:
        return Frame(0, 0, refused="no_scan_in_pdf")
    dpi = scan.scale * POINTS_PER_INCH
    return Frame(scan.width, scan.height, 1, resolution(dpi, dpi))


def pixels(data: bytes, frame: int, limits: Limits) -> np.ndarray:
    """One page, uint8, grey (h, w) or RGB (h, w, 3), its /Rotate applied. Raises UnreadableImage."""
    import pypdfium2.raw as pdfium

    with _opened(data) as document:
        if not 0 <= frame < len(document):
            raise UnreadableImage("damaged", reason=f"no page {frame}")
        with _page(document, frame) as page:
            scan = _scan_of(page, limits)
            if scan is None:
                raise UnreadableImage("no_scan_in_pdf", page=frame + 1)
            return _render(page, scan, pdfium)


def _render(page: Any, scan: _Scan, pdfium: Any) -> np.ndarray:
    """Paint the page so that an image filling it lies exactly on the pixels.

    PDFium stretches an image over every pixel that it touches. In `page.render` of pypdfium2 a rounding error
    makes that one pixel more than the image has, and blurs all of it; so the page is inset by a hair.
    """
    from pypdfium2 import PdfBitmap

    page_width, page_height = page.get_size()
    across, down = (scan.width - 2 * HAIR) / page_width, (scan.height - 2 * HAIR) / page_height
    kind = pdfium.FPDFBitmap_Gray if scan.grey else pdfium.FPDFBitmap_BGR
    bitmap = PdfBitmap.new_native(scan.width, scan.height, kind)
    try:
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, scan.width, scan.height)
        place = pdfium.FS_MATRIX(across, 0, 0, down, HAIR, HAIR)
        clip = pdfium.FS_RECTF(0, 0, scan.width, scan.height)
        flags = pdfium.FPDF_GRAYSCALE if scan.grey else pdfium.FPDF_REVERSE_BYTE_ORDER
        pdfium.FPDF_RenderPageBitmapWithMatrix(bitmap, page, place, clip, flags)
        painted = bitmap.to_numpy()
        return (painted[..., 0] if painted.ndim == 3 and scan.grey else painted).copy()
    finally:
        bitmap.close()


def _scan_of(page: Any, limits: Limits) -> _Scan | None:
    """How to render the page so that one pixel of its largest image is one pixel; None without a scan.

    The largest image is the one with most pixels: a page of strips or of layers (a sharp mask over a coarse
    background) is rendered as fine as its finest large part.
    """
    import pypdfium2.raw as pdfium

    page_width, page_height = page.get_size()
    covered, largest, scale, grey = 0.0, 0, 0.0, True
    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=DEEPEST_FORM):
        columns, rows = image.get_px_size()
        check_size(columns, rows, limits)
        across, down = _placed_size(image)
        if not across or not down:
            continue
        covered += across * down
        grey = grey and image.get_metadata().colorspace == pdfium.FPDF_COLORSPACE_DEVICEGRAY
        if columns * rows > largest:
            largest, scale = columns * rows, max(columns / across, rows / down)
    if covered < SCAN_COVERS * page_width * page_height or not scale:
        return None
    width, height = (max(1, round(side * scale)) for side in (page_width, page_height))
    check_size(width, height, limits)
    check_shape(width, height)
    return _Scan(scale, width, height, grey)


def _placed_size(image: Any) -> tuple[float, float]:
    """Width and height, in points, of an image on the page, whatever its turn and the forms it lies in."""
    matrix, form = image.get_matrix(), image.container
    while form is not None:
        matrix, form = matrix.multiply(form.get_matrix()), form.container
    return math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)


@contextmanager
def _page(document: Any, index: int) -> Iterator[Any]:
    page = document[index]
    try:
        yield page
    finally:
        page.close()


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    """The document. Failures within the block become UnreadableImage."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    with refusing():
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD:
                raise UnreadableImage("encrypted") from error
            raise
        try:
            yield document
        finally:
            document.close()
