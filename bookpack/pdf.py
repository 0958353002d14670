"""PDF/A-1b of scanned pages (ISO 19005-1): each JPEG goes in byte for byte, at its true size.

Written straight to a file, object after object, so that one piece of one page is in memory however long the book is.
The same pages, title and time give the same bytes. What the pages show and where the file goes is left to others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

from bookpack.icc import srgb
from bookpack.manifest import CHUNK

HEADER = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"  # four bytes over 127 tell programs that the file is no text
POINTS_PER_INCH = 72
ID_BYTES = 16
UTF16_MARK = "\ufeff"
SRGB = "sRGB IEC61966-2.1"


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


def write_pdf(target: BinaryIO, pages: Sequence[PdfPage], facts: PdfFacts) -> None:
    """Write a PDF/A-1b document to a file open for writing, at its beginning. Raises OSError."""
    facts = PdfFacts(_one_line(facts.title), _one_line(facts.author), _one_line(facts.program), facts.time)
    moment = datetime.fromisoformat(facts.time)
    objects = _Objects(target)
    tree = objects.reserve()
    leaves = [_write_page(objects, tree, page) for page in pages]
    objects.add(f"<< /Type /Pages /Count {len(leaves)} /Kids [{' '.join(map(_ref, leaves))}] >>", tree)
    profile = objects.add_stream("/N 3", [srgb()])
    intent = (f"<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier {_text(SRGB)} /Info {_text(SRGB)} "
              f"/RegistryName {_text('http://www.color.org')} /DestOutputProfile {_ref(profile)} >>")
    metadata = objects.add_stream("/Type /Metadata /Subtype /XML", [_xmp(facts, moment.isoformat())])
    labels = " ".join(f"{index} << /P {_text(page.label)} >>" for index, page in enumerate(pages))
    catalogue = objects.add(
        f"<< /Type /Catalog /Pages {_ref(tree)} /Metadata {_ref(metadata)} /OutputIntents [{intent}] "
        f"/PageLabels << /Nums [{labels}] >> >>")
    objects.finish(catalogue, objects.add(_information(facts, moment)))


class _Objects:
    """The numbered objects of a PDF, written one after another, then the table of where each begins."""

    def __init__(self, target: BinaryIO) -> None:
        self._target, self._at, self._starts = target, 0, [0]
        self._digest = hashlib.sha256()
        self._write(HEADER)

    def reserve(self) -> int:
        """A number for an object that is written later."""
        self._starts.append(0)
        return len(self._starts) - 1

    def add(self, value: str, number: int | None = None) -> int:
        number = self._begin(number)
        self._write(f"{value}\nendobj\n".encode("ascii"))
        return number

    def add_stream(self, entries: str, pieces: Iterable[bytes], length: int | None = None) -> int:
        """A stream of `length` bytes, by default those of a list of pieces."""
        length = sum(map(len, pieces)) if length is None else length
        number = self._begin()
        self._write(f"<< {entries} /Length {length} >>\nstream\n".encode("ascii"))
        for piece in pieces:
            self._write(piece)
        self._write(b"\nendstream\nendobj\n")
        return number

    def finish(self, catalogue: int, information: int) -> None:
        """Write the table and the trailer. The file's ID is a digest of all before it, so it is the same each time."""
        name, table = self._digest.hexdigest()[: 2 * ID_BYTES], self._at
        self._write(f"xref\n0 {len(self._starts)}\n0000000000 65535 f \n".encode("ascii"))
        for start in self._starts[1:]:
            self._write(f"{start:010d} 00000 n \n".encode("ascii"))
        self._write(f"trailer\n<< /Size {len(self._starts)} /Root {_ref(catalogue)} /Info {_ref(information)} "
                    f"/ID [<{name}> <{name}>] >>\nstartxref\n{table}\n%%EOF\n".encode("ascii"))

    def _begin(self, number: int | None = None) -> int:
        number = self.reserve() if number is None else number
        self._starts[number] = self._at
        self._write(f"{number} 0 obj\n".encode("ascii"))
        return number

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._digest.update(data)
        self._at += len(data)


def _write_page(objects: _Objects, tree: int, page: PdfPage) -> int:
    space = "/DeviceGray" if page.grey else "/DeviceRGB"
    image = objects.add_stream(
        f"/Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} /BitsPerComponent 8 "
        f"/ColorSpace {space} /Filter /DCTDecode", _pieces(page.jpeg), page.jpeg.stat().st_size)
    width, height = (f"{side / page.dpi * POINTS_PER_INCH:.3f}" for side in (page.width, page.height))
    drawing = objects.add_stream("", [f"q {width} 0 0 {height} 0 0 cm /Page Do Q".encode("ascii")])
    return objects.add(
        f"<< /Type /Page /Parent {_ref(tree)} /MediaBox [0 0 {width} {height}] /Contents {_ref(drawing)} "
        f"/Resources << /XObject << /Page {_ref(image)} >> >> >>")


def _pieces(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _information(facts: PdfFacts, moment: datetime) -> str:
    """The document information; XMP says the same, as PDF/A demands."""
    offset = moment.strftime("%z")
    stamp = f"(D:{moment:%Y%m%d%H%M%S}{offset[:3]}'{offset[3:]}')"
    author = f"/Author {_text(facts.author)} " if facts.author else ""
    return (f"<< /Title {_text(facts.title)} {author}/Creator {_text(facts.program)} /Producer {_text(facts.program)} "
            f"/CreationDate {stamp} /ModDate {stamp} >>")


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


def _ref(number: int) -> str:
    return f"{number} 0 R"


def _text(text: str) -> str:
    """A text string, in UTF-16 with its mark, written in hexadecimal digits."""
    return f"<{(UTF16_MARK + text).encode('utf-16-be').hex()}>"


def _one_line(text: str) -> str:
    """Without line ends and other signs that XML does not allow."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
