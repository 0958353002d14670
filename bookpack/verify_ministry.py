"""Whether a ministry package is whole: every part, every PDF in it, and the workbook beside; whatever their names became."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from book import Identity
from bookpack.cases import parse_case_name
from bookpack.manifest import MANIFEST, bare, sha256_of, sha256_of_stream
from bookpack.ministry import read_manifest
from bookpack.parts import add_to_zip
from bookpack.problem import Problem
from bookpack.verify_pdf import Reader
from bookpack.verify_workbook import check_workbook
from errors import BadIdentity

LARGEST_MANIFEST = 50_000_000  # bytes
BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, KeyError, RuntimeError)
OF_SET = ("book", "time", "version", "closed", "parts")  # what the manifests of all parts say alike


@dataclass(frozen=True)
class Part:
    """A zip that was read: where it lies and what its manifest says."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def number(self) -> int:
        return self.manifest.get("part", 1)

    @property
    def set(self) -> tuple[Any, ...]:
        return tuple(json.dumps(self.manifest.get(name)) for name in OF_SET)


def check_ministry(zips: Iterable[Path], reader: Reader) -> Iterator[Problem]:
    """What is wrong with zips that lie in one folder, each by itself, and then together with the workbook."""
    sets: dict[tuple[Any, ...], list[Part]] = {}
    for path in sorted(zips):
        part, problems = _read(path, reader)
        yield from problems
        if part is not None:
            sets.setdefault(part.set, []).append(part)
    for parts in sets.values():
        yield from _check_set(parts, real={})
    firsts = [parts[0] for parts in sets.values()]
    books = [part.manifest["book"] for part in firsts]
    for part, book in zip(firsts, books, strict=True):
        if books.count(book) > 1:
            yield Problem("parts_differ", {"file": part.path.name, "book": book})


class _BadManifest(Exception):
    pass


def _read(path: Path, reader: Reader) -> tuple[Part | None, list[Problem]]:
    """A zip with what is wrong in it; None for one that does not say what it is a part of."""
    try:
        with zipfile.ZipFile(path) as package:
            part = Part(path, _read_manifest(package))
            problems = list(_check_zip(part, package, reader))
            if all(problem.note for problem in problems) and not _exactly(path, package):
                problems.append(Problem("zip_changed", {"file": path.name}))
            return part, problems
    except (_BadManifest, BadIdentity):
        return None, [Problem("manifest_unreadable", {"file": f"{path.name}/{MANIFEST}"})]
    except BAD_ZIP as error:
        return None, [Problem("zip_unreadable", {"file": path.name, "reason": str(error)})]


def _read_manifest(package: zipfile.ZipFile) -> dict[str, Any]:
    try:
        manifest = json.loads(package.read(MANIFEST).decode("utf-8"))
        Identity.parse(manifest["book"])
        for item in manifest["files"]:
            _ = item["file"], item["sha256"], item["content"] if item.get("beside") else item["pages"]
        return manifest
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise _BadManifest from error


def _check_zip(part: Part, package: zipfile.ZipFile, reader: Reader) -> Iterator[Problem]:
    inside = {item["file"]: item for item in part.manifest["files"] if not item.get("beside")}
    names, archive = set(package.namelist()) - {MANIFEST}, part.path.name
    for name in sorted(inside.keys() - names):
        yield Problem("file_missing", {"file": f"{archive}/{name}"})
    for name in sorted(names - inside.keys()):
        yield Problem("file_extra", {"file": f"{archive}/{name}"})
    for name in sorted(inside.keys() & names):
        data = b""
        with suppress(*BAD_ZIP):
            data = package.read(name)
        yield from _check_case(data, f"{archive}/{name}", inside[name], part.manifest["book"], reader)


def _check_case(data: bytes, file: str, item: Mapping[str, Any], book: str, reader: Reader) -> Iterator[Problem]:
    said = parse_case_name(item["file"].removesuffix(".pdf"))
    if said is not None and not said.is_of(Identity.parse(book)):
        yield Problem("name_of_other_book", {"file": file, "book": book})
    if hashlib.sha256(data).hexdigest() != item["sha256"]:
        yield Problem("file_changed", {"file": file})
        return
    yield from reader.check(data, file, len(item["pages"]))


def _exactly(archive: Path, package: zipfile.ZipFile) -> bool:
    """Whether the bytes between the files, which no checksum covers, are those that packing writes.

    The zip is written anew from what it holds, into a temporary file, and compared.
    """
    with tempfile.TemporaryFile() as copy:
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as again:
            for item in package.infolist():
                add_to_zip(again, item.filename, package.read(item), item.date_time)
        copy.seek(0)
        return sha256_of(archive) == sha256_of_stream(copy)


def _check_set(parts: list[Part], real: Mapping[str, str]) -> Iterator[Problem]:
    """Whether all parts are there, once each, and the workbook has just their cases. `real`: name → what it is called."""
    first = parts[0]
    names = list(first.manifest.get("parts", [first.path.name]))
    there = [part.number for part in parts]
    missing = [name for number, name in enumerate(names, 1) if number not in there]
    for name in missing:
        yield Problem("file_missing", {"file": name})
    for part in parts:
        if there.count(part.number) > 1:
            yield Problem("file_extra", {"file": part.path.name})
    items = [item for part in parts for item in part.manifest["files"]]
    cases = [item for item in items if not item.get("beside")]
    for item in {item["file"]: item for item in items if item.get("beside")}.values():
        path = _beside(first.path.parent, {**item, "file": real.get(item["file"], item["file"])})
        if path is None:
            yield Problem("file_missing", {"file": item["file"]})
        else:
            yield from check_workbook(path, item, cases, complete=not missing)


def _beside(folder: Path, item: Mapping[str, Any]) -> Path | None:
    """The file that lies beside the zips under its name, or under what is left of that."""
    if (folder / item["file"]).exists():
        return folder / item["file"]
    ending = Path(item["file"]).suffix
    return next((path for path in sorted(folder.glob(f"*{ending}")) if bare(path.name) == bare(item["file"])), None)


def manifests_in(folder: Path) -> list[dict[str, Any]]:
    """Manifests that lie in a folder as files, whatever they are called now."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.stat().st_size < LARGEST_MANIFEST:
            with open(path, "rb") as file:
                if file.read(1) != b"{":
                    continue
            with suppress(ValueError, KeyError, TypeError, BadIdentity):
                manifest = json.loads(path.read_text(encoding="utf-8"))
                if isinstance(manifest["files"], list) and Identity.parse(manifest["book"]):
                    found.append(manifest)
    return found


def identify(folder: Path) -> dict[str, str]:
    """Name of each file of a folder → its name in the manifests that lie there. Checksums decide, not the names."""
    known = {item["sha256"]: item["file"] for manifest in manifests_in(folder) for item in manifest["files"]}
    if not known:
        return {}
    names = {path.name: known.get(sha256_of(path)) for path in sorted(folder.iterdir()) if path.is_file()}
    return {name: real for name, real in names.items() if real is not None}


def check_loose(folder: Path, reader: Reader) -> Iterator[Problem]:
    """What is wrong with files that were taken out of their zips, or renamed by a system that received them."""
    real = {real: name for name, real in identify(folder).items()}
    sets: dict[tuple[Any, ...], dict[int, Part]] = {}
    for manifest in manifests_in(folder):
        part = Part(folder / MANIFEST, manifest)
        sets.setdefault(part.set, {})[part.number] = part  # the same manifest may lie there twice
    for parts in sets.values():
        for part in parts.values():
            yield from _check_loose_part(part, real, reader)
        yield from _check_set(list(parts.values()), real)


def _check_loose_part(part: Part, real: Mapping[str, str], reader: Reader) -> Iterator[Problem]:
    folder = part.path.parent
    for item in part.manifest["files"]:
        name = real.get(item["file"])
        if item.get("beside"):
            continue
        if name is None:
            damaged = next((path.name for path in sorted(folder.iterdir()) if bare(path.name) == item.get("bare")), None)
            yield Problem("file_changed" if damaged else "file_missing", {"file": damaged or item["file"]})
        else:
            yield from _check_case((folder / name).read_bytes(), name, item, part.manifest["book"], reader)


def pages_in(folder: Path) -> int:
    """How many pages the manifests of a ministry package tell of, packed or loose."""
    packed = [manifest for path in folder.glob("*.zip") if (manifest := read_manifest(path))]
    return sum(len(item.get("pages", ())) for manifest in packed or manifests_in(folder) for item in manifest["files"])
