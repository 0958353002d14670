"""Whether an archive bag is whole: every checksum, what METS and PREMIS say, the pages, and the version before it."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from pathlib import Path

from book import Identity
from bookpack.bag import BAGIT, DATA, manifest_lines
from bookpack.manifest import ALGORITHMS, Digests, digests, pieces_of, sha256_of
from bookpack.mets import NAMESPACE as METS
from bookpack.premis import NAMESPACE as PREMIS
from bookpack.problem import Problem, within
from bookpack.verify_pdf import Reader
from errors import BadIdentity

MANIFEST_LINE = re.compile(r"([0-9a-f]+)\s+(\S.*)")
HREF = "{http://www.w3.org/1999/xlink}href"
PLACES = {"originals": ("representations/originals/data", "originals"), "book": ("representations/rep1/data", ""),
          "record": ("metadata/other", "")}  # and where they were before there was METS
VERSION_FOLDER = re.compile(r"v(\d+)")
Files = Mapping[str, Digests]


def check_bag(bag: Path, reader: Reader) -> Iterator[Problem]:
    """What is wrong with a bag; the names of files are relative to it. A file that is damaged is told once."""
    files = {path.relative_to(bag).as_posix(): digests(pieces_of(path))
             for path in sorted(bag.rglob("*")) if path.is_file()}
    damaged = {str(problem.facts["file"]): problem for problem in _check_sums(bag, files)}
    yield from damaged.values()
    yield from () if damaged else _check_tags(bag, files)
    payload = {name.removeprefix(f"{DATA}/"): file for name, file in files.items() if name.startswith(f"{DATA}/")}
    sound = {name for name in payload if f"{DATA}/{name}" not in damaged}  # what is damaged is not asked about others
    inside = (*_check_originals(payload), *_check_mets(bag / DATA, payload, sound),
              *_check_premis(bag / DATA, payload, sound), *_check_pages(bag / DATA, payload, sound),
              *_check_book(bag, payload))
    yield from (problem for problem in within(DATA, inside) if problem.facts["file"] not in damaged)
    yield from within(DATA, (problem for name in _pdfs(payload) if name in sound
                             for problem in reader.check(bag / DATA / name, name, len(_recipes(payload)))))
    yield from _check_version(bag)


def info_of(bag: Path) -> dict[str, str]:
    """The entries of bag-info.txt; none where it cannot be read."""
    lines: list[str] = []
    with suppress(OSError):
        lines = (bag / "bag-info.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    return {key: value for key, separator, value in (line.partition(": ") for line in lines) if separator}


def _check_sums(bag: Path, files: Files) -> Iterator[Problem]:
    """Every file against every manifest. Where manifests disagree about a file, the one that is alone is damaged."""
    manifests = {name: _sums(bag, name, files) for name in ALGORITHMS if _manifests(name) & files.keys()}
    absent = {name for algorithm in manifests or ALGORITHMS[:1] for name in _manifests(algorithm) - files.keys()}
    yield from (Problem("file_missing", {"file": name}) for name in sorted(absent))
    damaged, sound = set(), True
    for name in sorted(files.keys() | {name for sums in manifests.values() for name in sums}):
        right = {algorithm for algorithm, sums in manifests.items()
                 if sums.get(name) == (getattr(files[name], algorithm) if name in files else None)}
        if name.startswith("tagmanifest-") or len(right) == len(manifests):
            continue
        if right:
            damaged |= {_manifest_of(name, algorithm) for algorithm in manifests.keys() - right}
            continue
        sound = False
        listed = any(name in sums for sums in manifests.values())
        code = "file_extra" if not listed else "file_changed" if name in files else "file_missing"
        yield Problem(code, {"file": name})
    if sound:
        damaged |= _damaged_tags(bag, files, manifests)
    yield from (Problem("file_changed", {"file": name}) for name in sorted(damaged - absent))


def _manifests(algorithm: str) -> set[str]:
    return {f"manifest-{algorithm}.txt", f"tagmanifest-{algorithm}.txt"}


def _manifest_of(name: str, algorithm: str) -> str:
    return f"manifest-{algorithm}.txt" if name.startswith(f"{DATA}/") else f"tagmanifest-{algorithm}.txt"


def _sums(bag: Path, algorithm: str, files: Files) -> dict[str, str]:
    """Checksum by name; lines that are no entry are left out, and so their files turn up as extra."""
    lines = [line for name in _manifests(algorithm) & files.keys()
             for line in (bag / name).read_bytes().decode("utf-8", "replace").splitlines()]
    return {line[2]: line[1] for line in map(MANIFEST_LINE.fullmatch, lines) if line}


def _damaged_tags(bag: Path, files: Files, algorithms: Iterable[str]) -> set[str]:
    """Tag manifests have no checksum of their own, so they have to be just what the tag files make them."""
    tags = {name: file for name, file in files.items() if not name.startswith((f"{DATA}/", "tagmanifest-"))}
    names = {f"tagmanifest-{algorithm}.txt": manifest_lines(tags, algorithm).encode() for algorithm in algorithms}
    return {name for name, lines in names.items() if name in files and (bag / name).read_bytes() != lines}


def _check_tags(bag: Path, files: Files) -> Iterator[Problem]:
    payload = [file.bytes for name, file in files.items() if name.startswith(f"{DATA}/")]
    if info_of(bag).get("Payload-Oxum") != f"{sum(payload)}.{len(payload)}":
        yield Problem("oxum_differs", {"file": "bag-info.txt"})
    if (bag / "bagit.txt").read_bytes() != BAGIT.encode("ascii"):
        yield Problem("file_changed", {"file": "bagit.txt"})


def _check_originals(payload: Files) -> Iterator[Problem]:
    for name, file in payload.items():
        folder, _, original = name.rpartition("/")
        if folder in PLACES["originals"] and original.partition(".")[0] != file.sha256:
            yield Problem("original_differs", {"file": name})


def _check_mets(data: Path, payload: Files, sound: Set[str]) -> Iterator[Problem]:
    """Every file that METS tells of is as it says, and it tells of every file but itself."""
    documents = {name for name in payload if name.rpartition("/")[2] == "METS.xml"}
    told = {"METS.xml"}
    for document in sorted(documents & sound):
        folder = document.rpartition("/")[0]
        try:
            root = ElementTree.parse(data / document).getroot()
        except (ElementTree.ParseError, OSError):
            yield Problem("xml_unreadable", {"file": document})
            continue
        for element in (*root.iter(f"{{{METS}}}mdRef"), *root.iter(f"{{{METS}}}file")):
            place = element if element.get(HREF) else element.find(f"{{{METS}}}FLocat")
            name = "/".join(filter(None, (folder, "" if place is None else place.get(HREF, ""))))
            told.add(name)
            file = payload.get(name)
            if file is None or (element.get("CHECKSUM"), element.get("SIZE")) != (file.sha256, str(file.bytes)):
                yield Problem("mets_differs", {"file": name, "document": document})
    for name in sorted(payload.keys() - told) if documents and documents <= sound else []:
        yield Problem("mets_silent", {"file": name})


def _check_premis(data: Path, payload: Files, sound: Set[str]) -> Iterator[Problem]:
    document = "metadata/preservation/PREMIS.xml"
    if document not in sound:
        return
    try:
        root = ElementTree.parse(data / document).getroot()
    except (ElementTree.ParseError, OSError):
        yield Problem("xml_unreadable", {"file": document})
        return
    space = {"p": PREMIS}
    for item in root.iterfind("p:object", space):
        name = item.findtext("p:objectIdentifier/p:objectIdentifierValue", "", space)
        sums = {element.text for element in item.iterfind(".//p:messageDigest", space)}
        file = payload.get(name)
        if file is None or sums != {file.sha256, file.sha512}:
            yield Problem("mets_differs", {"file": name, "document": document})


def _record(payload: Files) -> str:
    """Where the pages and how they were made are told, as the beginning of a name."""
    return next((f"{place}/" for place in PLACES["record"] if place and f"{place}/pages.csv" in payload), "")


def _recipes(payload: Files) -> set[str]:
    """The pages that have a recipe, by their ids."""
    folder = f"{_record(payload)}recipes/"
    return {name.removeprefix(folder).removesuffix(".json") for name in payload if name.startswith(folder)}


def _pdfs(payload: Files) -> list[str]:
    return [name for name in payload if name.rpartition("/")[0] in PLACES["book"] and name.endswith(".pdf")]


def _check_pages(data: Path, payload: Files, sound: Set[str]) -> Iterator[Problem]:
    """As many recipes as pages in the list, one for each, and each page's original is there."""
    table, there = f"{_record(payload)}pages.csv", _recipes(payload)
    if table in payload and table not in sound:
        return
    rows: list[dict[str, str]] = []
    with suppress(OSError, UnicodeDecodeError, csv.Error):
        rows = list(csv.DictReader((data / table).read_text(encoding="utf-8").splitlines()))
    if len(rows) != len(there):
        yield Problem("page_count", {"file": table, "pages": len(rows), "expected": len(there)})
    for row in rows:
        if row.get("page") not in there:
            yield Problem("file_missing", {"file": f"{_record(payload)}recipes/{row.get('page')}.json"})
    originals = {Path(name).name.partition(".")[0] for name in payload if name.rpartition("/")[0] in PLACES["originals"]}
    for missing in sorted({row.get("original") or "" for row in rows} - originals):
        yield Problem("file_missing", {"file": f"{PLACES['originals'][0]}/{missing}"})


def _check_book(bag: Path, payload: Files) -> Iterator[Problem]:
    """The PDF is called as the book that the bag says it is of."""
    book = info_of(bag).get("External-Identifier", "")
    try:
        name = f"{Identity.parse(book)}.pdf"
    except BadIdentity:
        return
    pdfs = _pdfs(payload)
    for path in pdfs:
        if path.rpartition("/")[2] != name:
            yield Problem("name_of_other_book", {"file": path, "book": book})
    if not pdfs:
        yield Problem("file_missing", {"file": f"{PLACES['book'][0]}/{name}"})


def _check_version(bag: Path) -> Iterator[Problem]:
    """Where versions of a book lie side by side, the one before this is the one that this was made after."""
    info, number = info_of(bag), VERSION_FOLDER.fullmatch(bag.parent.name)
    if number is None or not info.get("Previous-Version"):
        return
    before = int(number[1]) - 1
    folder = bag.parent.parent / (f"v{before}" if before > 1 else "") / bag.name
    try:
        same = sha256_of(folder / "tagmanifest-sha256.txt") == info["Previous-Version"]
    except OSError:
        yield Problem("version_missing", {"file": bag.name, "version": before})
        return
    if not same:
        yield Problem("version_changed", {"file": bag.name, "version": before})
