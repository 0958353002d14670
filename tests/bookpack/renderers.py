"""One page of a PDF as five programs show it: pdfium (Chrome), poppler, MuPDF, Ghostscript, and pdf.js (Firefox).

Each function gives RGB pixels, uint8 (h, w, 3). A program that is not installed is not in `there()`.
"""

import base64
import io
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PDFJS = Path("/usr/share/javascript/pdf/build")
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--force-color-profile=srgb")
SECONDS = 120
SHOWN = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")
VIEWER = """<!DOCTYPE html><html><body>
<script src="{library}/pdf.js"></script><script src="{library}/pdf.worker.js"></script><script>
const data = Uint8Array.from(atob("{pdf}"), sign => sign.charCodeAt(0));
pdfjsLib.getDocument({{data}}).promise.then(pdf => pdf.getPage({page})).then(async page => {{
  const viewport = page.getViewport({{scale: {dpi} / 72}}), canvas = document.createElement("canvas");
  canvas.width = Math.round(viewport.width);
  canvas.height = Math.round(viewport.height);
  await page.render({{canvasContext: canvas.getContext("2d"), viewport}}).promise;
  document.body.textContent = canvas.toDataURL();
}}).catch(error => {{ document.body.textContent = "failed: " + error; }});
</script></body></html>"""


def render_with_pdfium(pdf, page, dpi):
    """Page `page` (from 1) of the file `pdf`. pdfium stretches a page to whole pixels, and rounds their number up."""
    import pypdfium2

    with pypdfium2.PdfDocument(pdf) as document:
        return np.asarray(document[page - 1].render(scale=dpi / 72 - 1e-5).to_pil().convert("RGB"))


def render_with_poppler(pdf, page, dpi):
    return _image(_ran("pdftoppm", "-r", dpi, "-f", page, "-l", page, pdf))


def render_with_mutool(pdf, page, dpi):
    return _image(_ran("mutool", "draw", "-q", "-r", dpi, "-F", "png", "-o", "-", pdf, page))


def render_with_ghostscript(pdf, page, dpi):
    return _image(_ran("gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=png16m", f"-r{dpi}", f"-dFirstPage={page}",
                       f"-dLastPage={page}", "-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", "-sOutputFile=-",
                       "-sstdout=%stderr", pdf))


def render_with_pdfjs(pdf, page, dpi):
    """By pdf.js on a page without a net, shown by Chromium."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # a browser ends when it likes
        data = base64.b64encode(Path(pdf).read_bytes()).decode()
        shown = Path(folder, "viewer.html")
        shown.write_text(VIEWER.format(library=PDFJS.as_uri(), pdf=data, page=page, dpi=dpi))
        text = _ran(*CHROMIUM, f"--user-data-dir={folder}/profile", f"--virtual-time-budget={SECONDS * 1000}", "--dump-dom",
                    shown.as_uri()).decode()
    found = SHOWN.search(text)
    assert found, text[-300:]
    return _image(base64.b64decode(found[1]))


def there():
    """Name and function of each renderer that can be run here."""
    wanted = {"pdfium": (render_with_pdfium, ()), "poppler": (render_with_poppler, ("pdftoppm",)),
              "mutool": (render_with_mutool, ("mutool",)), "ghostscript": (render_with_ghostscript, ("gs",)),
              "pdfjs": (render_with_pdfjs, ("chromium", PDFJS / "pdf.js"))}
    return {name: function for name, (function, programs) in wanted.items()
            if all(shutil.which(program) or Path(program).is_file() for program in programs)}


def _ran(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, check=True, timeout=SECONDS).stdout


def _image(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
