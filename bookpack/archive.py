"""The archive package: a bag (RFC 8493) with the whole book as one PDF/A, the originals, the recipes and the log."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from book import canonical_json
from bookpack.contents import ArchiveParams, BookContents
from bookpack.manifest import sha256_of
from bookpack.ministry import is_grey
from bookpack.pdf import PdfFacts, PdfPage, write_pdf
from originals.durable import whole_folder

BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@dataclass(frozen=True)
class ArchivePackage:
    """Where the bag lies, and its size."""

    folder: Path
    bytes: int


def write_archive(folder: Path, contents: BookContents, params: ArchiveParams) -> ArchivePackage:
    """Write the bag `<identity>/` into `folder`, whole or not at all. Raises StorageFailed."""
    target = folder / str(contents.identity)
    with whole_folder(target) as bag:
        data = bag / "data"
        data.mkdir()
        write_book(data / f"{contents.identity}.pdf", contents)
        _write_originals(data / "originals", contents)
        _write_json_files(data / "recipes", [(page.id, page.recipe.to_json()) for page in contents.pages])
        _write(data / "pages.csv", _pages_csv(contents))
        _write(data / "originals.csv", _originals_csv(contents))
        _write(data / "findings.json", _findings(contents))
        _write(data / "log.jsonl", "".join(canonical_json(event) + "\n" for event in contents.log))
        _write_tags(bag, contents, params)
    return ArchivePackage(target, sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


def write_book(target: Path, contents: BookContents) -> None:
    """The whole book in one PDF, every page in order."""
    pages = [PdfPage(page.jpeg, page.width, page.height, page.dpi, is_grey(page.jpeg), str(number))
             for number, page in enumerate(contents.pages, 1)]
    with open(target, "wb") as file:
        write_pdf(file, pages, PdfFacts(contents.title, contents.author, contents.program, contents.time))


def _write_originals(folder: Path, contents: BookContents) -> None:
    """Copies, not links: the bag must stay whole when the station's store is gone."""
    folder.mkdir()
    for original in contents.originals:
        shutil.copyfile(original.path, folder / original.path.name)


def _write_json_files(folder: Path, files: list[tuple[str, Any]]) -> None:
    folder.mkdir()
    for name, value in files:
        _write(folder / f"{name}.json", json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _pages_csv(contents: BookContents) -> str:
    rows = [(number, page.id, page.recipe.capture, page.recipe.frame, page.recipe.side, page.paper)
            for number, page in enumerate(contents.pages, 1)]
    return _csv(("number", "page", "original", "frame", "side", "paper"), rows)


def _originals_csv(contents: BookContents) -> str:
    rows = [(original.arrival, original.path.name, original.sha256, original.name) for original in contents.originals]
    return _csv(("arrival", "file", "sha256", "name"), rows)


def _csv(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _findings(contents: BookContents) -> str:
    found = {page.id: [finding.to_json() for finding in page.recipe.findings] for page in contents.pages}
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _write_tags(bag: Path, contents: BookContents, params: ArchiveParams) -> None:
    payload = sorted(path for path in (bag / "data").rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in payload)
    info = {
        "Source-Organization": params.organisation or contents.author,
        "External-Identifier": str(contents.identity),
        "External-Description": contents.title,
        "Bagging-Date": contents.time[:10],
        "Bag-Software-Agent": contents.program,
        "Payload-Oxum": f"{size}.{len(payload)}",
    }
    _write(bag / "bagit.txt", BAGIT)
    lines = {key: " ".join(value.split()) for key, value in info.items()}  # a line end would begin another entry
    _write(bag / "bag-info.txt", "".join(f"{key}: {value}\n" for key, value in lines.items() if value))
    _write_manifest(bag, "manifest-sha256.txt", payload)
    _write_manifest(bag, "tagmanifest-sha256.txt", [bag / name for name in
                                                    ("bag-info.txt", "bagit.txt", "manifest-sha256.txt")])


def _write_manifest(bag: Path, name: str, files: list[Path]) -> None:
    lines = [f"{sha256_of(path)}  {path.relative_to(bag).as_posix()}\n" for path in files]
    _write(bag / name, "".join(lines))


def _write(path: Path, text: str) -> None:
    """Write text; what a camera's file name may hold that is no letter is written by its number."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
