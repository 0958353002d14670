"""PDF/A-1b of scanned pages (ISO 19005-1): JPEG pictures and CCITT stencils go in byte for byte, pages at their true size.

Written straight to a file, object after object, so that one piece of one page is in memory however long the book is.
The same pages, title and time give the same bytes. What the pages show and where the file goes is left to others.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from xml.sax.saxutils import escape

from bookpack.drawing import Drawing, Picture, Piece
from bookpack.icc import srgb

HEADER = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"  # four bytes over 127 tell programs that the file is no text
POINTS_PER_INCH = 72
ID_BYTES = 16
UTF16_MARK = "\ufeff"
SRGB = "sRGB IEC61966-2.1"
HAIR = 0.002  # points that all that is drawn lies within its pixels: viewers round outwards to whole ones


@dataclass(frozen=True)
class PdfPage:
    """What is drawn on a page, and the label that a reader shows for it."""

    drawing: Drawing
    label: str


@dataclass(frozen=True)
class Bookmark:
    """An entry of the outline: its words, and the index of the page that it leads to, from 0."""

    title: str
    page: int


@dataclass(frozen=True)
class PdfFacts:
    """What the document says of itself. `time` is ISO 8601 with its offset."""

    title: str
    author: str
    program: str
    time: str


def write_pdf(
    target: BinaryIO, pages: Iterable[PdfPage], facts: PdfFacts, bookmarks: Sequence[Bookmark] = (),
    done: Callable[[int], None] = lambda pages: None,
) -> None:
    """Write a PDF/A-1b document to a file open for writing, at its beginning; `done` is told after each page.

    Raises OSError, StorageFailed.
    """
    facts = PdfFacts(_one_line(facts.title), _one_line(facts.author), _one_line(facts.program), facts.time)
    moment = datetime.fromisoformat(facts.time)
    objects = _Objects(target)
    tree = objects.reserve()
    leaves, labels = [], []
    for page in pages:
        leaves.append(_write_page(objects, tree, page.drawing))
        labels.append(f"{len(labels)} << /P {_text(page.label)} >>")
        done(len(leaves))
    objects.add(f"<< /Type /Pages /Count {len(leaves)} /Kids [{' '.join(map(_ref, leaves))}] >>", tree)
    profile = objects.add_stream("/N 3 /Filter /FlateDecode", [zlib.compress(srgb(), 9)])
    intent = (f"<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier {_text(SRGB)} /Info {_text(SRGB)} "
              f"/RegistryName {_text('http://www.color.org')} /DestOutputProfile {_ref(profile)} >>")
    metadata = objects.add_stream("/Type /Metadata /Subtype /XML", [_xmp(facts, moment.isoformat())])
    outline = f"/Outlines {_ref(_write_outline(objects, leaves, bookmarks))} /PageMode /UseOutlines " if bookmarks else ""
    catalogue = objects.add(
        f"<< /Type /Catalog /Pages {_ref(tree)} /Metadata {_ref(metadata)} /OutputIntents [{intent}] {outline}"
        f"/PageLabels << /Nums [{' '.join(labels)}] >> >>")
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


def _write_page(objects: _Objects, tree: int, drawing: Drawing) -> int:
    stencils = [_write_stencil(objects, drawing, stencil) for stencil in drawing.stencils]
    names, steps = {}, []
    for number, picture in enumerate(drawing.pictures):
        name = f"/P{number}"
        names[name] = _write_picture(objects, picture, stencils)
        steps += [f"{_place(drawing, picture.area, shift)} {name} Do Q" for shift in picture.shifts]
    if drawing.black is not None:
        names["/Ink"] = stencils[drawing.black]
        steps.append(f"{_place(drawing)} 0 g /Ink Do Q")
    shown = objects.add_stream("/Filter /FlateDecode", [zlib.compress("\n".join(steps).encode("ascii"), 9)])
    used = " ".join(f"{name} {_ref(number)}" for name, number in names.items())
    width, height = (_points(side, drawing.dpi) - HAIR for side in (drawing.width, drawing.height))
    return objects.add(
        f"<< /Type /Page /Parent {_ref(tree)} /MediaBox [0 0 {width:.4f} {height:.4f}] /Contents {_ref(shown)} "
        f"/Resources << /XObject << {used} >> >> >>")


def _place(drawing: Drawing, area: tuple[int, int, int, int] | None = None, shift: tuple[int, int] = (0, 0)) -> str:
    """The operators that make the unit square that part of the page, its y axis upwards from the page's foot."""
    left, top, width, height = area or (0, 0, drawing.width, drawing.height)
    from_foot = drawing.height - top - height - shift[1]
    x, y, across, up = (_points(value, drawing.dpi) for value in (left + shift[0], from_foot, width, height))
    return f"q {across - 3 * HAIR:.4f} 0 0 {up - 3 * HAIR:.4f} {x + HAIR:.4f} {y + HAIR:.4f} cm"


def _points(pixels: float, dpi: float) -> float:
    return pixels / dpi * POINTS_PER_INCH


def _write_stencil(objects: _Objects, drawing: Drawing, data: bytes | Piece) -> int:
    return objects.add_stream(
        f"/Type /XObject /Subtype /Image /ImageMask true /Width {drawing.width} /Height {drawing.height} "
        f"/BitsPerComponent 1 /Filter /CCITTFaxDecode "
        f"/DecodeParms << /K -1 /Columns {drawing.width} /Rows {drawing.height} >>", _chunks(data), len(data))


def _write_picture(objects: _Objects, picture: Picture, stencils: Sequence[int]) -> int:
    space = "/DeviceGray" if picture.grey else "/DeviceRGB"
    mask = "" if picture.stencil is None else f" /Mask {_ref(stencils[picture.stencil])}"
    return objects.add_stream(
        f"/Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} /BitsPerComponent 8 "
        f"/ColorSpace {space} /Filter /DCTDecode{mask}", _chunks(picture.jpeg), len(picture.jpeg))


def _chunks(data: bytes | Piece) -> Iterable[bytes]:
    return [data] if isinstance(data, bytes) else data.chunks()


def _write_outline(objects: _Objects, leaves: Sequence[int], bookmarks: Sequence[Bookmark]) -> int:
    """A flat list of bookmarks, each of which knows the one before and after it."""
    root, numbers = objects.reserve(), [objects.reserve() for _ in bookmarks]
    for at, (number, bookmark) in enumerate(zip(numbers, bookmarks, strict=True)):
        before = f" /Prev {_ref(numbers[at - 1])}" if at else ""
        after = f" /Next {_ref(numbers[at + 1])}" if at + 1 < len(numbers) else ""
        objects.add(f"<< /Title {_text(_one_line(bookmark.title))} /Parent {_ref(root)}{before}{after} "
                    f"/Dest [{_ref(leaves[bookmark.page])} /Fit] >>", number)
    first, last = _ref(numbers[0]), _ref(numbers[-1])
    return objects.add(f"<< /Type /Outlines /First {first} /Last {last} /Count {len(numbers)} >>", root)


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
