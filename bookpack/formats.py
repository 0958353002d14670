"""What format a file has, for an archive's records: told by its first bytes, named as the registry PRONOM names it.

A key of the registry is given only where those bytes decide it: a wrong one would be worse than none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HEAD = 32  # bytes that decide
JFIF_VERSIONS = {b"\x01\x00": ("1.00", "fmt/42"), b"\x01\x01": ("1.01", "fmt/43"), b"\x01\x02": ("1.02", "fmt/44")}
HEIC_BRANDS = (b"heic", b"heix", b"mif1")


@dataclass(frozen=True)
class Format:
    """Media type, name, version and PRONOM key of a format; the last two are empty where they are not known."""

    media: str
    name: str
    version: str = ""
    key: str = ""


PDF_A = Format("application/pdf", "Acrobat PDF/A - Portable Document Format", "1b", "fmt/354")
XML = Format("application/xml", "Extensible Markup Language", "1.0", "fmt/101")
BY_ENDING = {".xml": XML, ".json": Format("application/json", "JSON Data Interchange Format", "", "fmt/817"),
             ".jsonl": Format("application/jsonl", "JSON Lines"),
             ".txt": Format("text/plain", "Plain Text File", "", "x-fmt/111"),
             ".csv": Format("text/csv", "Comma Separated Values", "", "x-fmt/18")}
BY_HEAD = (
    (b"II*\0", Format("image/tiff", "Tagged Image File Format", "", "fmt/353")),
    (b"MM\0*", Format("image/tiff", "Tagged Image File Format", "", "fmt/353")),
    (b"\x89PNG\r\n\x1a\n", Format("image/png", "Portable Network Graphics")),
    (b"BM", Format("image/bmp", "Windows Bitmap")),
    (b"\xff\xd8\xff", Format("image/jpeg", "JPEG")),
)
UNKNOWN = Format("application/octet-stream", "unknown")


def format_of(path: Path) -> Format:
    """The format of an original or of a file that this program writes. Raises OSError."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"\xff\xd8\xff\xe0") and head[6:11] == b"JFIF\0":
        return Format("image/jpeg", "JPEG File Interchange Format", *JFIF_VERSIONS.get(head[11:13], ()))
    if head.startswith(b"%PDF-"):
        return Format("application/pdf", "Portable Document Format", head[5:8].decode("ascii", "replace"))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format("image/webp", "WebP")
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return Format("image/heic", "High Efficiency Image File Format", "", "fmt/1101")
    known = next((known for start, known in BY_HEAD if head.startswith(start)), None)
    return known or BY_ENDING.get(path.suffix.lower(), UNKNOWN)
