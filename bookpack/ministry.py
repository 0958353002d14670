"""The ministry package: a zip of PDFs, one a case, with its manifest, and the workbook beside it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from book import Case
from bookpack.cases import case_names, package_name
from bookpack.contents import BookContents, MinistryParams
from bookpack.manifest import MANIFEST, entry, manifest_json
from bookpack.pdf import PdfFacts, PdfPage, write_pdf
from bookpack.workbook import content_digest, workbook
from originals.durable import whole_file, write_file

GREY_COMPONENTS = 1
FIRST_ZIP_YEAR = 1980  # a zip knows no earlier one, and a station's clock may be at 1970
UNIX = 3  # written as the system that made the file, on every system: the same book, the same bytes


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
    with whole_file(archive) as temp:
        sheet = workbook(contents, names)
        _write_zip(temp, contents, names, (table.name, sheet))
    write_file(table, [sheet])
    return MinistryPackage(archive, table, archive.stat().st_size + table.stat().st_size, len(names))


def _write_zip(target: Path, contents: BookContents, names: list[str], table: tuple[str, bytes]) -> None:
    moment = datetime.fromisoformat(contents.time)
    stamp = (max(moment.year, FIRST_ZIP_YEAR), *moment.timetuple()[1:6])
    files = [entry(*table, beside=True, content=content_digest(io.BytesIO(table[1])))]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as package:
        for case, name in zip(contents.cases, names, strict=True):
            pdf = case_pdf(contents, case, name)
            add_to_zip(package, f"{name}.pdf", pdf, stamp)
            pages = [contents.number(page) for page in case.pages]
            files.append(entry(f"{name}.pdf", pdf, pages=pages, number=case.number, date=case.date))
        add_to_zip(package, MANIFEST, manifest_json(str(contents.identity), contents.time, files), stamp)


def case_pdf(contents: BookContents, case: Case, name: str) -> bytes:
    """The PDF of one case, from the small JPEGs of its few pages."""
    written = io.BytesIO()
    pages = []
    for page in map(contents.page, case.pages):
        pages.append(PdfPage(page.small, page.small_width, page.small_height, page.small_dpi, is_grey(page.small),
                             str(contents.number(page.id))))
    write_pdf(written, pages, PdfFacts(f"{contents.title}, {name}", contents.author, contents.program, contents.time))
    return written.getvalue()


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
    item = zipfile.ZipInfo(name, moment)
    item.create_system = UNIX
    item.external_attr = 0o644 << 16
    package.writestr(item, data)
