"""The archive package: a bag (RFC 8493) with the whole book as one PDF/A, the originals, the recipes and the log.

Its payload is laid out as the archives' exchange format asks (TT 05/2025/TT-BNV, after E-ARK CSIP): METS, PREMIS and
EAD, and the book as representations: `rep1` is the PDF to read, `originals` the images as they came.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from book import Case, canonical_json
from bookpack.bag import Bag
from bookpack.contents import ArchiveParams, BookContents
from bookpack.drawing import jpeg_page
from bookpack.formats import PDF_A, Format, format_of
from bookpack.mets import Listed, ead_xml, package_mets, representation_mets
from bookpack.pdf import Bookmark, PdfFacts, PdfPage, write_pdf
from bookpack.premis import PreservedFile, premis_xml
from errors import StorageFailed
from originals.durable import whole_folder
from texts import LANGUAGES, say

PDF, ORIGINALS = "rep1", "originals"  # representations
OTHER = "metadata/other"


@dataclass(frozen=True)
class ArchivePackage:
    """Where the bag lies, and its size."""

    folder: Path
    bytes: int

    @property
    def there(self) -> bool:
        return (self.folder / "bagit.txt").exists()

    def to_json(self) -> dict[str, Any]:
        """Without the folder, so that a station can be moved."""
        return {"folder": self.folder.name, "bytes": self.bytes}

    @classmethod
    def from_json(cls, folder: Path, plain: Mapping[str, Any]) -> ArchivePackage:
        """The package that lies in the book's package folder."""
        return cls(folder / plain["folder"], plain["bytes"])


def write_archive(
    folder: Path, contents: BookContents, params: ArchiveParams, step: Callable[[], None] = lambda: None,
    sign: Callable[[BinaryIO], None] | None = None,
) -> ArchivePackage:
    """Write the bag `<identity>/` into `folder`, whole or not at all; `step` is called for each original and each page.

    `sign` signs the PDF in place. Raises CannotSign and StorageFailed, with the code `original_differs` for an original
    that is not what its name says.
    """
    target, organisation = folder / str(contents.identity), params.organisation or contents.author
    with whole_folder(target) as temp:
        bag = Bag(temp)
        originals = _copy_originals(bag, contents, step)
        pdf = f"representations/{PDF}/data/{contents.identity}.pdf"
        write_book(bag.place(pdf), contents, step)
        if sign is not None:
            with open(bag.place(pdf), "r+b") as file:
                sign(file)
        bag.take(pdf)
        _write_record(bag, contents)
        document = PreservedFile(pdf, Path(pdf).name, bag.files[pdf], PDF_A)
        bag.bytes("metadata/preservation/PREMIS.xml", premis_xml(contents, originals, document))
        bag.bytes("metadata/descriptive/EAD.xml", ead_xml(contents, organisation))
        bag.text("documentation/README.txt", _readme(contents))
        _write_mets(bag, contents, organisation, originals, document)
        bag.finish(_info(contents, organisation))
    return ArchivePackage(target, sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


def write_book(target: Path, contents: BookContents, step: Callable[[], None] = lambda: None) -> None:
    """The whole book in one PDF, every page in order, with a bookmark for each case; `step` is called for each page."""
    pages = (PdfPage(jpeg_page(page.jpeg, page.width, page.height, page.dpi), str(number))
             for number, page in enumerate(contents.pages, 1))
    with open(target, "wb") as file:
        write_pdf(file, pages, PdfFacts(contents.title, contents.author, contents.program, contents.time),
                  [_bookmark(contents, case) for case in contents.cases], lambda _: step())


def _bookmark(contents: BookContents, case: Case) -> Bookmark:
    """In Vietnamese, as the book is."""
    number = contents.number(case.pages[0])
    if case.number is None:
        return Bookmark(say("pdf", "page", number=number), number - 1)
    date = ".".join(reversed(case.date.split("-"))) if case.date else "…"
    return Bookmark(say("pdf", "case", number=case.number, date=date), number - 1)


def _copy_originals(bag: Bag, contents: BookContents, step: Callable[[], None]) -> list[PreservedFile]:
    copied = []
    for original in contents.originals:
        name = f"representations/{ORIGINALS}/data/{original.file}"
        digests = bag.copy(name, original.path)
        if digests.sha256 != original.sha256:
            raise StorageFailed("original_differs", file=str(original.path))
        copied.append(PreservedFile(name, original.name, digests, format_of(original.path)))
        step()
    return copied


def _write_record(bag: Bag, contents: BookContents) -> None:
    """How the pages came to be, and who did what and when, as the program itself keeps it."""
    for page in contents.pages:
        bag.text(f"{OTHER}/recipes/{page.id}.json", _json(page.recipe.to_json()))
    found = {page.id: [finding.to_json() for finding in page.recipe.findings] for page in contents.pages}
    bag.text(f"{OTHER}/findings.json", _json(found))
    bag.text(f"{OTHER}/pages.csv", _pages_csv(contents))
    bag.text(f"{OTHER}/originals.csv", _originals_csv(contents))
    bag.text(f"{OTHER}/log.jsonl", "".join(canonical_json(event) + "\n" for event in contents.log))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _pages_csv(contents: BookContents) -> str:
    rows = [(number, page.id, page.recipe.capture, page.recipe.frame, page.recipe.side, page.paper)
            for number, page in enumerate(contents.pages, 1)]
    return _csv(("number", "page", "original", "frame", "side", "paper"), rows)


def _originals_csv(contents: BookContents) -> str:
    rows = [(original.arrival, original.file, original.sha256, original.name) for original in contents.originals]
    return _csv(("arrival", "file", "sha256", "name"), rows)


def _csv(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _readme(contents: BookContents) -> str:
    """What this package is, for whoever opens it in many years without the program, in each language."""
    facts = {"title": contents.title, "book": str(contents.identity), "program": contents.program}
    return "\n\n".join(say("package", "readme", language, **facts).strip() for language in LANGUAGES) + "\n"


def _write_mets(
    bag: Bag, contents: BookContents, organisation: str, originals: list[PreservedFile], pdf: PreservedFile
) -> None:
    """METS of each representation, then of the package; its own METS is the one file that none tells of."""
    representations = []
    for name, files in ((PDF, [pdf]), (ORIGINALS, originals)):
        folder = f"representations/{name}"
        listed = [Listed(file.path.removeprefix(f"{folder}/"), file.format.media, file.digests) for file in files]
        bag.bytes(f"{folder}/METS.xml", representation_mets(contents, name, listed))
        representations.append((name, _listed(bag, f"{folder}/METS.xml")))
    description = _listed(bag, "metadata/descriptive/EAD.xml", "EAD")
    metadata = [_listed(bag, "metadata/preservation/PREMIS.xml", "PREMIS")]
    metadata += [_listed(bag, name, Path(name).parent.name if "recipes" in name else Path(name).stem)
                 for name in bag.files if name.startswith(f"{OTHER}/")]
    documentation = _listed(bag, "documentation/README.txt")
    bag.bytes("METS.xml", package_mets(contents, organisation, description, metadata, documentation, representations))


def _listed(bag: Bag, name: str, kind: str = "") -> Listed:
    known: Format = format_of(bag.data / name)
    return Listed(name, known.media, bag.files[name], kind)


def _info(contents: BookContents, organisation: str) -> dict[str, str]:
    return {
        "Source-Organization": organisation,
        "External-Identifier": str(contents.identity),
        "External-Description": contents.title,
        "Bagging-Date": contents.time[:10],
        "Bag-Software-Agent": contents.program,
        "Version": str(contents.version),
        "Closed": contents.closed,
        "Previous-Version": contents.previous,
    }
