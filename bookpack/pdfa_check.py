"""A light check of what PDF/A-1b (ISO 19005-1) demands and forbids, for the documents that this program delivers.

It knows the rules that pages of pictures, stencil masks and signatures can break. A validator knows them all, and the
tests ask one; this check is there for whoever has none, years later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

TAIL = 1024  # bytes at the end of a file that say where its table is
FORBIDDEN_FILTERS = {"/JPXDecode", "/LZWDecode", "/Crypt"}
FORBIDDEN_ACTIONS = {"/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/JavaScript"}
PLAIN_BLENDS = {"/Normal", "/Compatible"}
FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
FONTS = {"/Type1", "/MMType1", "/TrueType", "/CIDFontType0", "/CIDFontType2"}
CLAIM = {"{http://www.aiim.org/pdfa/ns/id/}part": "1", "{http://www.aiim.org/pdfa/ns/id/}conformance": "B"}
START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")


def broken_rules(document: Path | BinaryIO) -> list[str]:
    """Names of the rules that a PDF breaks, without repeats; none for one that keeps them.

    Raises pikepdf.PdfError for what is no PDF, OSError.
    """
    import pikepdf

    with pikepdf.open(document, access_mode=pikepdf.AccessMode.stream) as pdf:  # not mapped into memory as a whole
        found = [*_of_document(pdf), *(rule for item in pdf.objects for rule in _of_object(item))]
    return list(dict.fromkeys([*found, *_of_file(document)]))


def _of_file(document: Path | BinaryIO) -> Iterator[str]:
    """The table of objects stands in plain sight: PDF/A-1 is older than compressed tables."""
    with open(document, "rb") if isinstance(document, Path) else _again(document) as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL))
        start = START.search(file.read())
        file.seek(int(start[1]) if start else 0)
        if file.read(4) != b"xref":
            yield "cross-reference table"


def _again(file: BinaryIO) -> BinaryIO:
    import io

    file.seek(0)
    return io.BytesIO(file.read())


def _of_document(pdf: Any) -> Iterator[str]:
    if pdf.is_encrypted:
        yield "encryption"
    if "/ID" not in pdf.trailer:
        yield "file identifier"
    if "/OCProperties" in pdf.Root:
        yield "optional content"
    if "/EmbeddedFiles" in pdf.Root.get("/Names", {}):
        yield "embedded files"
    intents = pdf.Root.get("/OutputIntents", [])
    if not any(intent.get("/S") == "/GTS_PDFA1" and "/DestOutputProfile" in intent for intent in intents):
        yield "output intent"
    if "/Metadata" not in pdf.Root or "/Filter" in pdf.Root.Metadata:
        yield "metadata"
        return
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        if any(metadata.get(name) != value for name, value in CLAIM.items()):
            yield "claim of PDF/A-1b"
        if str(pdf.docinfo.get("/Title", "")) != (metadata.get("dc:title") or ""):
            yield "title"


def _of_object(item: Any) -> Iterator[str]:
    import pikepdf

    if not isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
        return
    if item.get("/SMask", "/None") != "/None" or item.get("/Group", {}).get("/S") == "/Transparency":
        yield "transparency"
    if _number(item.get("/CA")) != 1 or _number(item.get("/ca")) != 1 or _blends(item.get("/BM")):
        yield "transparency"
    if isinstance(item, pikepdf.Stream):
        yield from _of_stream(item)
    if item.get("/Type") == "/Font" and item.get("/Subtype") in FONTS:
        described = item.get("/FontDescriptor", {})
        if not any(name in described for name in FONT_FILES):
            yield "font that is not embedded"
    if item.get("/S") in FORBIDDEN_ACTIONS:
        yield "action"


def _of_stream(item: Any) -> Iterator[str]:
    import pikepdf

    filters = item.get("/Filter", [])
    for name in filters if isinstance(filters, pikepdf.Array) else [filters]:
        if str(name) in FORBIDDEN_FILTERS:
            yield str(name).removeprefix("/")
    if "/F" in item:
        yield "external stream"
    if item.get("/Subtype") == "/Image":
        if item.get("/Interpolate", False):
            yield "interpolation"
        if "/Alternates" in item or "/OPI" in item:
            yield "alternate images"
        if item.get("/ColorSpace") == "/DeviceCMYK":
            yield "colour space"


def _number(value: Any) -> float:
    """An opacity; 1 where there is none, or where the name means something else."""
    try:
        return 1 if value is None else float(value)
    except (TypeError, ValueError):
        return 1


def _blends(value: Any) -> bool:
    return value is not None and str(value) not in PLAIN_BLENDS
