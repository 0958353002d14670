"""Whether a package is whole: by itself, without the station that made it, and years later.

Nothing of the package is changed. Every file is hashed, every PDF opened and each of its pages rendered.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from book import Identity
from bookpack.cases import parse_case_name
from bookpack.manifest import MANIFEST, sha256_of, sha256_of_stream
from bookpack.ministry import add_to_zip
from bookpack.workbook import content_digest
from errors import BadIdentity, BrokenPackage

RENDER_SCALE = 0.25  # of 72 dpi: enough to make the decoder read each image to its end
RUN = 16  # pages for which a PDF stays open: pdfium keeps what it has read until it is closed
MANIFEST_LINE = re.compile(r"([0-9a-f]{64})\s+(\S.*)")
ORIGINALS = "data/originals/"  # each is named by its SHA-256
TAG_FILES = {"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a package: a code and facts, `file` among them."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


def verify(package: Path) -> list[Problem]:
    """What is wrong with a package: the folder of an archive bag, or the zip or the workbook of a ministry package.

    A whole package gives an empty list. Raises BrokenPackage for a path that is no package at all.
    """
    if package.is_dir() and (package / "bagit.txt").exists():
        return list(_bag(package))
    if package.is_dir():
        archives = {path.with_suffix(".zip") for kind in ("*.zip", "*.xlsx") for path in package.glob(kind)}
        inner = sorted([*archives, *(path.parent for path in package.glob("*/bagit.txt"))])
        if inner:
            return [problem for path in inner for problem in verify(path)]
    if package.suffix.lower() in (".zip", ".xlsx"):
        archive = package.with_suffix(".zip")
        if archive.exists():
            return list(_ministry(archive))
        if package.with_suffix(".xlsx").exists():
            return [Problem("file_missing", {"file": archive.name})]
    raise BrokenPackage("not_a_package" if package.exists() else "package_missing", package=str(package))


def _bag(bag: Path) -> Iterator[Problem]:
    listed: dict[str, str] = {}
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        entries = _manifest(bag / name)
        if entries is None:
            yield Problem("file_missing", {"file": name})
            continue
        listed |= entries
    there = {path.relative_to(bag).as_posix(): path for path in sorted(bag.rglob("*")) if path.is_file()}
    for name in sorted(listed.keys() - there.keys()):
        yield Problem("file_missing", {"file": name})
    for name in sorted(there.keys() - listed.keys() - TAG_FILES):
        yield Problem("file_extra", {"file": name})
    for name in sorted(listed.keys() & there.keys()):
        if sha256_of(there[name]) != listed[name]:
            yield Problem("file_changed", {"file": name})
        elif name.startswith(ORIGINALS) and there[name].stem != listed[name]:
            yield Problem("original_differs", {"file": name})
    yield from _tag_files(bag, listed)
    yield from _pages_of_bag(bag)


def _manifest(path: Path) -> dict[str, str] | None:
    """Hash by name; lines that are no entry are left out, and so their files turn up as extra."""
    with suppress(OSError):
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        entries = (MANIFEST_LINE.fullmatch(line) for line in lines)
        return {entry[2]: entry[1] for entry in entries if entry}
    return None


def _tag_files(bag: Path, listed: dict[str, str]) -> Iterator[Problem]:
    """The tag manifest has no checksum of its own, so it has to be exactly what its files make it."""
    expected = "".join(f"{sha256_of(bag / name)}  {name}\n" for name in sorted(TAG_FILES - {"tagmanifest-sha256.txt"})
                       if (bag / name).exists())
    path = bag / "tagmanifest-sha256.txt"
    if path.exists() and path.read_bytes() != expected.encode("ascii"):
        changed = [name for name in TAG_FILES if name in listed and (bag / name).exists()
                   and sha256_of(bag / name) != listed[name]]
        if not changed:
            yield Problem("file_changed", {"file": path.name})


def _pages_of_bag(bag: Path) -> Iterator[Problem]:
    """The PDF has as many pages as there are recipes, and each can be rendered."""
    recipes = len(list((bag / "data" / "recipes").glob("*.json")))
    for pdf in sorted((bag / "data").glob("*.pdf")):
        pages, problems = _render(pdf, pdf.relative_to(bag).as_posix())
        yield from problems
        if not problems and pages != recipes:
            yield Problem("page_count", {"file": pdf.name, "pages": pages, "expected": recipes})
    with suppress(OSError, UnicodeDecodeError, csv.Error):
        rows = list(csv.DictReader((bag / "data" / "pages.csv").read_text(encoding="utf-8").splitlines()))
        if len(rows) != recipes:
            yield Problem("page_count", {"file": "pages.csv", "pages": len(rows), "expected": recipes})


def _render(document: Path | bytes, name: str) -> tuple[int, list[Problem]]:
    """Number of pages of a PDF, each of them rendered and let go again; 0 and the problem where that fails."""
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(document) as pdf:
            pages = len(pdf)
        for start in range(0, pages, RUN):
            with pypdfium2.PdfDocument(document) as pdf:
                for index in range(start, min(start + RUN, pages)):
                    page = pdf[index]
                    page.render(scale=RENDER_SCALE).close()
                    page.close()
        return pages, []
    except Exception as error:  # whatever the reader makes of bad bytes, the page cannot be seen
        return 0, [Problem("pdf_unreadable", {"file": name, "reason": str(error)})]


def _ministry(archive: Path) -> Iterator[Problem]:
    try:
        with zipfile.ZipFile(archive) as package:
            yield from _zip(archive, package)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, KeyError, RuntimeError) as error:
        yield Problem("zip_unreadable", {"file": archive.name, "reason": str(error)})


def _zip(archive: Path, package: zipfile.ZipFile) -> Iterator[Problem]:
    try:
        manifest = json.loads(package.read(MANIFEST).decode("utf-8"))
        listed, book = manifest["files"], Identity.parse(manifest["book"])
    except (KeyError, TypeError, ValueError, BadIdentity, zipfile.BadZipFile):
        yield Problem("manifest_unreadable", {"file": f"{archive.name}/{MANIFEST}"})
        return
    inside = {entry["file"]: entry for entry in listed if not entry.get("beside")}
    names = set(package.namelist()) - {MANIFEST}
    for name in sorted(inside.keys() - names):
        yield Problem("file_missing", {"file": name})
    for name in sorted(names - inside.keys()):
        yield Problem("file_extra", {"file": name})
    for name in sorted(inside.keys() & names):
        yield from _case(package, name, inside[name])
        said = parse_case_name(name.removesuffix(".pdf"))
        if said is not None and not said.is_of(book):
            yield Problem("name_of_other_book", {"file": name, "book": str(book)})
    for entry in listed:
        if entry.get("beside"):
            yield from _workbook(archive.parent / entry["file"], entry, sorted(inside))
    if not _exactly(archive, package):
        yield Problem("zip_changed", {"file": archive.name})


def _case(package: zipfile.ZipFile, name: str, entry: dict[str, Any]) -> Iterator[Problem]:
    try:
        data = package.read(name)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, RuntimeError):
        yield Problem("file_changed", {"file": name})
        return
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        yield Problem("file_changed", {"file": name})
        return
    pages, problems = _render(data, name)
    yield from problems
    if not problems and pages != len(entry["pages"]):
        yield Problem("page_count", {"file": name, "pages": pages, "expected": len(entry["pages"])})


def _workbook(path: Path, entry: dict[str, Any], cases: list[str]) -> Iterator[Problem]:
    """Typists fill the workbook in, so what it holds may change; its rows must still name the PDFs.

    Where it holds what was packed and yet its bytes differ, nobody has saved it: it is damaged.
    """
    if not path.exists():
        yield Problem("file_missing", {"file": path.name})
        return
    if sha256_of(path) == entry["sha256"]:
        return
    from openpyxl import load_workbook

    try:
        damaged = content_digest(path) == entry["content"]
        rows = list(load_workbook(path, read_only=True).active.iter_rows(values_only=True))
        column = rows[0].index("TenFile")
        named = sorted(str(row[column]) for row in rows[1:] if row[column])
    except Exception as error:  # openpyxl raises many things over a damaged file
        yield Problem("workbook_unreadable", {"file": path.name, "reason": str(error)})
        return
    for name in sorted(set(cases) - set(named)):
        yield Problem("row_missing", {"file": path.name, "case": name})
    for name in sorted(set(named) - set(cases)):
        yield Problem("row_extra", {"file": path.name, "case": name})
    if damaged:
        yield Problem("file_changed", {"file": path.name})


def _exactly(archive: Path, package: zipfile.ZipFile) -> bool:
    """Whether the bytes between the files, which no checksum covers, are those that packing writes.

    The zip is written anew from what it holds, into a temporary file, and compared.
    """
    with tempfile.TemporaryFile() as copy:
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as again:
            for item in package.infolist():
                with suppress(zipfile.BadZipFile):
                    add_to_zip(again, item.filename, package.read(item), item.date_time)
        copy.seek(0)
        return sha256_of(archive) == sha256_of_stream(copy)
