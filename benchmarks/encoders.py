"""What small pages are compared with: the program's own layers, JPEG at several qualities, and other programs.

Each encoder takes pixels (RGB or grey) and their resolution, and gives the bytes of a document of one page that can be
rendered again. Other programs run as they come: recode_pdf of archive-pdf-tools, and c44 of DjVuLibre.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

SECONDS = 300
TIME = "2026-01-01T00:00:00+07:00"
HOCR = """<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body>
<div class="ocr_page" id="page_1" title="image &quot;page.jpg&quot;; bbox 0 0 {width} {height}; ppageno 0"></div>
</body></html>"""


@dataclass(frozen=True)
class Encoded:
    """A document of one page, PDF or DjVu."""

    data: bytes
    djvu: bool = False

    def render(self, size: tuple[int, int]) -> np.ndarray:
        """Its pixels, RGB uint8, in rows and columns of `size`."""
        pixels = _djvu_pixels(self.data) if self.djvu else _pdf_pixels(self.data, size)
        return pixels if pixels.shape[:2] == size else cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_CUBIC)


def layers(pixels: np.ndarray, dpi: float) -> Encoded:
    """The page of the ministry package, with the settings as they are shipped."""
    from bookpack.layers import small_page

    return _pdf(small_page(pixels, dpi).drawing)


def jpeg(pixels: np.ndarray, dpi: float, quality: int, most_dpi: float = 300.0) -> Encoded:
    """A JPEG in a PDF, colour at half resolution."""
    from bookpack.drawing import Drawing, Picture

    if dpi > most_dpi:
        factor, dpi = most_dpi / dpi, most_dpi
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    height, width = pixels.shape[:2]
    picture = Picture(_jpeg_bytes(pixels, quality), width, height, pixels.ndim == 2)
    return _pdf(Drawing(width, height, dpi, (picture,)))


def recode_pdf(pixels: np.ndarray, dpi: float) -> Encoded:
    """Layers of archive-pdf-tools, with masks that every reader knows and without a reader's words."""
    height, width = pixels.shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        page, words, pdf = (Path(folder, name) for name in ("page.jpg", "page.hocr", "page.pdf"))
        page.write_bytes(_jpeg_bytes(pixels, 95))
        words.write_text(HOCR.format(width=width, height=height))
        subprocess.run(["recode_pdf", "--from-imagestack", page, "--hocr-file", words, "--dpi", str(round(dpi)),
                        "--mask-compression", "ccitt", "-J", "pillow", "-o", pdf], check=True, capture_output=True,
                       timeout=SECONDS)
        return Encoded(pdf.read_bytes())


def djvu(pixels: np.ndarray, dpi: float) -> Encoded:
    """Wavelets of DjVu, as c44 makes them by itself."""
    with tempfile.TemporaryDirectory() as folder:
        page, document = Path(folder, "page.ppm"), Path(folder, "page.djvu")
        cv2.imwrite(str(page), cv2.cvtColor(_rgb(pixels), cv2.COLOR_RGB2BGR))
        subprocess.run(["c44", "-dpi", str(round(dpi)), page, document], check=True, capture_output=True, timeout=SECONDS)
        return Encoded(document.read_bytes(), djvu=True)


OURS = ("layers", "JPEG q75", "JPEG q60", "JPEG q30", "JPEG q60, 200 dpi")
PEERS = {"recode_pdf": ("recode_pdf",), "DjVu c44": ("c44", "ddjvu")}


def encoders() -> dict[str, Callable[[np.ndarray, float], Encoded]]:
    """All encoders by their name."""
    return {
        "layers": layers, "JPEG q75": partial(jpeg, quality=75), "JPEG q60": partial(jpeg, quality=60),
        "JPEG q30": partial(jpeg, quality=30), "JPEG q60, 200 dpi": partial(jpeg, quality=60, most_dpi=200.0),
        "recode_pdf": recode_pdf, "DjVu c44": djvu,
    }


def installed(name: str) -> bool:
    """Whether the programs of a peer can be run."""
    return all(shutil.which(program) for program in PEERS[name])


def _pdf(drawing: object) -> Encoded:
    from bookpack.pdf import PdfFacts, PdfPage, write_pdf

    written = io.BytesIO()
    write_pdf(written, [PdfPage(drawing, "1")], PdfFacts("Sổ", "", "sohoa", TIME))
    return Encoded(written.getvalue())


def _jpeg_bytes(pixels: np.ndarray, quality: int) -> bytes:
    import simplejpeg

    if pixels.ndim == 2:
        return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels[..., None]), quality, "GRAY", "Gray")
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, "RGB", "420")


def _pdf_pixels(data: bytes, size: tuple[int, int]) -> np.ndarray:
    """As pdfium shows it in so many rows; it rounds the number of pixels up."""
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        page = document[0]
        return np.asarray(page.render(scale=(size[0] - 0.01) / page.get_height()).to_pil().convert("RGB"))


def _djvu_pixels(data: bytes) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        document, page = Path(folder, "page.djvu"), Path(folder, "page.ppm")
        document.write_bytes(data)
        subprocess.run(["ddjvu", "-format=ppm", document, page], check=True, capture_output=True, timeout=SECONDS)
        return cv2.cvtColor(cv2.imread(str(page)), cv2.COLOR_BGR2RGB)


def _rgb(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
