"""PDF/A-1b of scanned pages (ISO 19005-1): each JPEG goes in byte for byte, at its true size.

Only a few pages are in memory at a time: parts of CHUNK pages are written to disk and joined, and joining copies
streams from file to file. The same pages, title and time give the same bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

from bookpack.icc import srgb

CHUNK = 32  # pages
POINTS_PER_INCH = 72


@dataclass(frozen=True)
class PdfPage:
    """A JPEG file, its size in pixels, its resolution, and the label a reader shows for the page."""

    jpeg: Path
    width: int
    height: int
    dpi: float
    grey: bool
    label: str


@dataclass(frozen=True)
class PdfFacts:
    """What the document says of itself. `time` is ISO 8601 with its offset."""

    title: str
    author: str
    program: str
    time: str


def write_pdf(target: Path, pages: Iterable[PdfPage], facts: PdfFacts) -> None:
    """Write a PDF/A-1b file at `target`, which the caller names as temporary. Raises OSError."""
    import pikepdf

    pages = list(pages)
    with contextlib.ExitStack() as stack:
        pdf = stack.enter_context(pikepdf.new())
        for part in _parts(target, pages, stack):
            source = stack.enter_context(pikepdf.open(part))
            pdf.pages.extend(source.pages)
        if len(pages) > 1:
            labels = [item for number, page in enumerate(pages) for item in
                      (number, pikepdf.Dictionary(P=pikepdf.String(page.label)))]
            pdf.Root.PageLabels = pikepdf.Dictionary(Nums=pikepdf.Array(labels))
        _describe(pdf, facts)
        pdf.save(target, min_version="1.4", force_version="1.4", deterministic_id=True,
                 object_stream_mode=pikepdf.ObjectStreamMode.disable, fix_metadata_version=False)


def _parts(target: Path, pages: list[PdfPage], stack: contextlib.ExitStack) -> Iterator[Path]:
    """Files of CHUNK pages each, beside the target; they go when the stack closes."""
    import pikepdf

    for start in range(0, len(pages), CHUNK):
        part = target.with_name(f"{target.name}.part{start}")
        stack.callback(part.unlink, missing_ok=True)
        with pikepdf.new() as pdf:
            for page in pages[start : start + CHUNK]:
                _add(pdf, page)
            pdf.save(part, deterministic_id=True)
        yield part


def _add(pdf, page: PdfPage) -> None:
    import pikepdf

    space = pikepdf.Name.DeviceGray if page.grey else pikepdf.Name.DeviceRGB
    image = pikepdf.Stream(pdf, page.jpeg.read_bytes(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image,
                           Width=page.width, Height=page.height, BitsPerComponent=8, ColorSpace=space,
                           Filter=pikepdf.Name.DCTDecode)
    width, height = (round(side / page.dpi * POINTS_PER_INCH, 3) for side in (page.width, page.height))
    content = f"q {width:g} 0 0 {height:g} 0 0 cm /Page Do Q".encode("ascii")
    pdf.pages.append(pikepdf.Page(pikepdf.Dictionary(
        Type=pikepdf.Name.Page, MediaBox=[0, 0, width, height], Contents=pikepdf.Stream(pdf, content),
        Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(Page=pdf.make_indirect(image))),
    )))


def _describe(pdf, facts: PdfFacts) -> None:
    """Output intent, and the same facts in the document information and in XMP, as PDF/A demands."""
    import pikepdf

    profile = pikepdf.Stream(pdf, srgb(), N=3)
    pdf.Root.OutputIntents = pikepdf.Array([pikepdf.Dictionary(
        Type=pikepdf.Name.OutputIntent, S=pikepdf.Name.GTS_PDFA1, OutputConditionIdentifier="sRGB IEC61966-2.1",
        Info="sRGB IEC61966-2.1", RegistryName="http://www.color.org", DestOutputProfile=pdf.make_indirect(profile),
    )])
    moment = datetime.fromisoformat(facts.time)
    names = {"Type": pikepdf.Name.Metadata, "Subtype": pikepdf.Name.XML}
    pdf.Root.Metadata = pdf.make_indirect(pikepdf.Stream(pdf, _xmp(facts, moment.isoformat()), **names))
    offset = moment.strftime("%z")
    stamp = f"D:{moment:%Y%m%d%H%M%S}{offset[:3]}'{offset[3:]}'"
    info = {"/Title": facts.title, "/Creator": facts.program, "/Producer": facts.program, "/CreationDate": stamp,
            "/ModDate": stamp}
    if facts.author:
        info["/Author"] = facts.author
    for key, value in info.items():
        pdf.docinfo[key] = value


def _xmp(facts: PdfFacts, moment: str) -> bytes:
    """The XMP packet, a description for each schema: PDF/A validators find the properties nowhere else."""
    title, author, program = (escape(text) for text in (facts.title, facts.author, facts.program))
    described = {
        'xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"':
            "<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>",
        'xmlns:dc="http://purl.org/dc/elements/1.1/"':
            f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>'
            + (f"<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>" if author else ""),
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/"':
            f"<xmp:CreateDate>{moment}</xmp:CreateDate><xmp:ModifyDate>{moment}</xmp:ModifyDate>"
            f"<xmp:CreatorTool>{program}</xmp:CreatorTool>",
        'xmlns:pdf="http://ns.adobe.com/pdf/1.3/"': f"<pdf:Producer>{program}</pdf:Producer>",
    }
    body = "".join(
        f'<rdf:Description rdf:about="" {space}>{text}</rdf:Description>' for space, text in described.items()
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{body}</rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()
