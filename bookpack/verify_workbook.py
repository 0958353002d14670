"""Whether a workbook still fits its PDFs. Typists fill it in, so what it holds may change; it must name the same cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bookpack.caserows import BadCell, parse_date, parse_number
from bookpack.cases import parse_case_name
from bookpack.columns import DATE, NUMBER
from bookpack.manifest import sha256_of
from bookpack.problem import Problem
from bookpack.typed import text_of
from bookpack.workbook import content_digest


def check_workbook(
    path: Path, item: Mapping[str, Any], cases: Sequence[Mapping[str, Any]], complete: bool
) -> Iterator[Problem]:
    """What is wrong with a workbook, of which a manifest says `item`, and whose PDFs are `cases`, all if `complete`.

    Where it holds what was packed and yet its bytes differ, nobody has saved it: it is damaged.
    """
    same = sha256_of(path) == item["sha256"]
    try:
        damaged = not same and content_digest(path) == item["content"]
        rows = _rows(path)
    except Exception as error:  # openpyxl raises many things over a damaged file
        yield Problem("workbook_unreadable", {"file": path.name, "reason": str(error)})
        return
    names, named = {case["file"] for case in cases}, {row["TenFile"] for row in rows}
    for name in sorted(names - named):
        yield Problem("row_missing", {"file": path.name, "case": name})
    for name in sorted(named - names) if complete else []:
        yield Problem("row_extra", {"file": path.name, "case": name})
    for row in rows:
        yield from _differences(path.name, row)
    if damaged:
        yield Problem("file_changed", {"file": path.name})


def _rows(path: Path) -> list[dict[str, str]]:
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True)
    try:
        lines = list(book.worksheets[0].iter_rows(values_only=True))  # whichever was in front when it was saved
    finally:
        book.close()
    heads = [str(head) for head in lines[0]]
    heads.index("TenFile")  # a workbook without it is none of ours
    rows = [{head: text for head, value in zip(heads, line, strict=False) if (text := text_of(value))} for line in lines[1:]]
    return [row for row in rows if row.get("TenFile")]


def _differences(file: str, row: Mapping[str, str]) -> Iterator[Problem]:
    """The number and the date of a row, where its PDF has them in its name already."""
    said = parse_case_name(row["TenFile"].removesuffix(".pdf"))
    if said is None or said.number is None:
        return
    for column, parse, right in ((NUMBER, parse_number, (str(said.number), said.slip)), (DATE, parse_date, said.date)):
        if column in row and not _says(row[column], parse, right):
            yield Problem("row_differs", {"file": file, "case": row["TenFile"], "column": column, "value": row[column]})


def _says(text: str, parse: Callable[[str], Any], right: Any) -> bool:
    try:
        return parse(text) == right
    except BadCell:
        return False
