"""Whether a PDF of a package can be read to its end: opened, each page rendered, PDF/A-1b as it claims, signatures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bookpack.problem import Problem

RENDER_SCALE = 0.25  # of 72 dpi: enough to make the decoder read each image to its end
RUN = 16  # pages for which a PDF stays open: pdfium keeps what it has read until it is closed


@dataclass(frozen=True)
class Reader:
    """Reads PDFs to their end: `trust` are certificate files that vouch for signers, `seen` is called after each page."""

    trust: Sequence[str] = ()
    seen: Callable[[], None] = lambda: None

    def check(self, document: Path | bytes, file: str, expected: int) -> Iterator[Problem]:
        """What is wrong with a PDF that should have so many pages. `file` is the name that it is told by."""
        from bookpack.sign import NOTES, check

        try:
            pages = self._render(document)
        except Exception as error:  # whatever the reader makes of bad bytes, the page cannot be seen
            yield Problem("pdf_unreadable", {"file": file, "reason": str(error)})
            return
        if pages != expected:
            yield Problem("page_count", {"file": file, "pages": pages, "expected": expected})
        for rule in _broken_rules(document):
            yield Problem("not_pdfa", {"file": file, "rule": rule})
        for code, facts in check(document, file, self.trust):
            yield Problem(code, facts, code in NOTES)

    def _render(self, document: Path | bytes) -> int:
        """Number of pages of a PDF, each of them rendered and let go again."""
        import pypdfium2

        with pypdfium2.PdfDocument(document) as pdf:
            pages = len(pdf)
        for start in range(0, pages, RUN):
            with pypdfium2.PdfDocument(document) as pdf:
                for index in range(start, min(start + RUN, pages)):
                    page = pdf[index]
                    page.render(scale=RENDER_SCALE).close()
                    page.close()
                    self.seen()
        return pages


def _broken_rules(document: Path | bytes) -> list[str]:
    from bookpack.pdfa_check import broken_rules

    try:
        return broken_rules(document if isinstance(document, Path) else io.BytesIO(document))
    except Exception as error:  # pikepdf raises many things over a file that another reader still shows
        return [str(error)]
