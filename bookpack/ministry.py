"""The ministry package: a zip of PDFs, one a case, with its manifest, and the workbook beside it."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bookpack.cases import case_names, package_name
from bookpack.contents import BookContents, MinistryParams
from bookpack.manifest import MANIFEST, manifest_json, sha256_of
from bookpack.pdf import PdfFacts, PdfPage, write_pdf
from bookpack.workbook import workbook
from originals.durable import whole_file, write_file

GREY_COMPONENTS = 1


@dataclass(frozen=True)
class MinistryPackage:
    """Where the two files of the package lie, their size together, and the number of cases."""

    zip: Path
    workbook: Path
    bytes: int
    cases: int


def write_ministry(folder: Path, contents: BookContents, params: MinistryParams) -> MinistryPackage:
    """Write the zip and the workbook into `folder`; each is whole or absent. Raises StorageFailed, BadConfig."""
    name = package_name(contents.identity, params)
    names = case_names(contents, params)
    archive, table = folder / f"{name}.zip", folder / f"{name}.xlsx"
    numbers = {page.id: str(number) for number, page in enumerate(contents.pages, 1)}
    pages_of = [", ".join(numbers[page] for page in case.pages) for case in contents.cases]
    sheet = workbook(contents, names, pages_of)
    with whole_file(archive) as temp:
        _write_zip(temp, contents, names, numbers, (table.name, sheet))
    write_file(table, [sheet])
    return MinistryPackage(archive, table, archive.stat().st_size + table.stat().st_size, len(names))


def _write_zip(
    target: Path, contents: BookContents, names: list[str], numbers: dict[str, str], table: tuple[str, bytes]
) -> None:
    import hashlib

    moment = datetime.fromisoformat(contents.time).timetuple()[:6]
    files = [{"file": table[0], "sha256": hashlib.sha256(table[1]).hexdigest(), "bytes": len(table[1]), "beside": True}]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as package, tempfile.TemporaryDirectory() as work:
        for case, name in zip(contents.cases, names, strict=True):
            pdf = Path(work) / f"{name}.pdf"
            write_case(pdf, contents, case.pages, name)
            files.append({"file": pdf.name, "sha256": sha256_of(pdf), "bytes": pdf.stat().st_size,
                          "pages": [numbers[page] for page in case.pages]})
            add_to_zip(package, pdf.name, pdf.read_bytes(), moment)
            pdf.unlink()
        add_to_zip(package, MANIFEST, manifest_json(str(contents.identity), contents.time, files), moment)


def write_case(target: Path, contents: BookContents, pages: tuple[str, ...], name: str) -> None:
    """The PDF of one case, from the small JPEG of its pages."""
    numbers = {page.id: str(number) for number, page in enumerate(contents.pages, 1)}
    listed = [contents.page(page) for page in pages]
    write_pdf(target, [PdfPage(page.small, page.small_width, page.small_height, page.small_dpi, is_grey(page.small),
                               numbers[page.id]) for page in listed],
              PdfFacts(f"{contents.title}, {name}", contents.author, contents.program, contents.time))


def is_grey(jpeg: Path) -> bool:
    """Whether a baseline JPEG has one component: told by its frame header."""
    with open(jpeg, "rb") as file:
        file.read(2)
        while True:
            marker, length = file.read(2), int.from_bytes(file.read(2), "big")
            if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
                return file.read(6)[5] == GREY_COMPONENTS
            file.seek(length - 2, 1)


def add_to_zip(package: zipfile.ZipFile, name: str, data: bytes, moment: tuple[int, ...]) -> None:
    """Add a file in the one way this package's files are added, so that the same files make the same zip."""
    entry = zipfile.ZipInfo(name, moment)
    entry.external_attr = 0o644 << 16
    package.writestr(entry, data)
