"""The ministry package: zips of PDFs, one a case, each with a manifest, and the workbook beside them.

All of it lies in one folder, that is there whole or not at all: parts of two packings never lie side by side.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from book import Case
from bookpack.cases import case_names, double_names, package_name, part_name
from bookpack.contents import BookContents, MinistryParams
from bookpack.drawing import read_drawing
from bookpack.manifest import MANIFEST, entry, pieces_of, sha256_of
from bookpack.parts import Parts
from bookpack.pdf import PdfFacts, PdfPage, write_pdf
from bookpack.workbook import content_digest, workbook
from originals.durable import whole_folder, write_file

FOLDER = "ministry"
TYPED = "typed"  # beside the package: what people saved or put into it, kept before it was written anew
LOCK_OF_SPREADSHEET = "~$"
MB = 1_000_000  # bytes


@dataclass(frozen=True)
class MinistryPackage:
    """Where the files of the package lie, their size together, the number of cases, and what people's was kept.

    `doubles` are final names that several cases would bear: those keep the name of the scan stage.
    """

    zips: tuple[Path, ...]
    workbook: Path
    bytes: int
    cases: int
    kept: tuple[Path, ...] = ()
    doubles: tuple[str, ...] = ()

    @property
    def zip(self) -> Path:
        """The only zip, or the first part."""
        return self.zips[0]

    @property
    def there(self) -> bool:
        return all(path.exists() for path in (*self.zips, self.workbook))

    def to_json(self) -> dict[str, Any]:
        """Without the folder, so that a station can be moved."""
        return {"zips": [path.name for path in self.zips], "workbook": self.workbook.name, "bytes": self.bytes,
                "cases": self.cases, "doubles": list(self.doubles)}

    @classmethod
    def from_json(cls, folder: Path, plain: Mapping[str, Any]) -> MinistryPackage:
        """The package that lies in the book's package folder."""
        inside = folder / FOLDER
        zips = tuple(inside / name for name in plain["zips"])
        return cls(zips, inside / plain["workbook"], plain["bytes"], plain["cases"], doubles=tuple(plain.get("doubles", ())))


def write_ministry(
    folder: Path, contents: BookContents, params: MinistryParams, step: Callable[[], None] = lambda: None,
    sign: Callable[[BinaryIO], None] | None = None,
) -> MinistryPackage:
    """Write `ministry/` into `folder`: zips and workbook, all of them whole or absent; `step` is called for each case.

    What people saved or put there since the last packing is copied to `typed/` first. `sign` signs each PDF in place.
    Raises StorageFailed, BadConfig, CannotSign.
    """
    names, target = case_names(contents, params), folder / FOLDER
    workbook_name = f"{package_name(contents.identity, params)}.xlsx"
    with whole_folder(target) as temp:
        table = workbook(contents, names, package_name(contents.identity, params))
        (temp / workbook_name).write_bytes(table)
        listed = entry(workbook_name, table, beside=True, content=content_digest(io.BytesIO(table)))
        zips = _write_zips(temp, contents, names, params, listed, step, sign)
        kept = keep_typed(target)
        size = sum(path.stat().st_size for path in temp.iterdir())
    return MinistryPackage(tuple(target / path.name for path in zips), target / workbook_name, size, len(names), kept,
                           tuple(double_names(contents, params)))


def _write_zips(folder: Path, contents: BookContents, names: list[str], params: MinistryParams, table: dict[str, Any],
                step: Callable[[], None], sign: Callable[[BinaryIO], None] | None) -> list[Path]:
    about = {"book": str(contents.identity), "time": contents.time, "version": contents.version,
             "closed": contents.closed or None}

    def name_of(part: int, parts: int) -> str:
        return f"{part_name(contents.identity, params, part, parts)}.zip"

    with Parts(folder, contents.time, round(params.part_mb * MB), about, [table], len(names), name_of) as parts:
        for case, name in zip(contents.cases, names, strict=True):
            pages = [contents.number(page) for page in case.pages]
            pdf = _signed(case_pdf(contents, case, name), sign)
            parts.add(f"{name}.pdf", pdf, pages=pages, number=case.number, date=case.date)
            step()
        return parts.finish()


def _signed(pdf: bytes, sign: Callable[[BinaryIO], None] | None) -> bytes:
    if sign is None:
        return pdf
    file = io.BytesIO(pdf)
    sign(file)
    return file.getvalue()


def keep_typed(package: Path) -> tuple[Path, ...]:
    """Copy what people saved or put into the folder of an earlier packing to `typed/` beside it; the copies."""
    return tuple(_keep(path, package.parent / TYPED) for path in _of_people(package))


def _of_people(package: Path) -> Iterator[Path]:
    """Files in the folder of an earlier packing that are not as it wrote them, or of which that is not sure."""
    manifests = [manifest for path in sorted(package.glob("*.zip")) if (manifest := read_manifest(path))]
    written = {name for manifest in manifests for name in manifest.get("parts", ())}
    for manifest in manifests:
        written |= {item["file"] for item in manifest["files"] if item.get("beside") and _holds(package, item)}
    for path in sorted(package.glob("*")):
        if path.is_file() and path.name not in written and not path.name.startswith(LOCK_OF_SPREADSHEET):
            yield path


def _holds(package: Path, item: Mapping[str, Any]) -> bool:
    """Whether a workbook still holds what was packed; one that cannot be read may hold anything."""
    try:
        return content_digest(package / item["file"]) == item["content"]
    except Exception:  # zipfile raises many things over a damaged file
        return False


def read_manifest(archive: Path) -> dict[str, Any] | None:
    """The manifest of a zip, or None where it has none that can be read."""
    with suppress(Exception), zipfile.ZipFile(archive) as package:  # as above
        manifest = json.loads(package.read(MANIFEST).decode("utf-8"))
        return manifest if isinstance(manifest, dict) and isinstance(manifest.get("files"), list) else None
    return None


def _keep(path: Path, folder: Path) -> Path:
    """Copy a file into a folder under a name that is free there, unless it is there already."""
    number, sha256 = 1, sha256_of(path)
    while (target := folder / f"{path.stem}-{number}{path.suffix}").exists():
        if sha256_of(target) == sha256:
            return target
        number += 1
    write_file(target, pieces_of(path))
    return target


def case_pdf(contents: BookContents, case: Case, name: str) -> bytes:
    """The PDF of one case, of its few small pages."""
    written = io.BytesIO()
    pages = [PdfPage(read_drawing(contents.page(page).drawing), str(contents.number(page))) for page in case.pages]
    write_pdf(written, pages, PdfFacts(f"{contents.title}, {name}", contents.author, contents.program, contents.time))
    return written.getvalue()

