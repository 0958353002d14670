"""The report as tables: the sheets of `report.xlsx`, and `report.csv` with a row for each book."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reporting.totals import FIGURES, Line, Report, total
from texts import say, written

MB = 1_000_000
BOOK = ("district", "place_code", "place", "kind", "year", "volume", "book", "state", "planned", "planned_pages",
        "stated_pages", "pages", "planned_cases", "stated_cases", "cases", "named", "warned", "waiting", "set_aside",
        "undeveloped", "originals_bytes", "ministry_bytes", "archive_bytes", "last")
WIDTH, WIDEST = 12, 48  # characters


@dataclass(frozen=True)
class Table:
    """A sheet: its title, heading and rows."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]


def tables(report: Report, language: str) -> list[Table]:
    """All sheets, in their order."""
    def title(code: str) -> str:
        return say("report", f"sheet_{code}", language)

    def groups(code: str, names: Sequence[str], key: Any) -> Table:
        rows = [(*label, *_figures(total(lines))) for label, lines in report.by(key).items()]
        return Table(title(code), heads((*names, *FIGURES), language), rows)

    return [
        Table(title("total"), heads(("what", "figure"), language), list(_total(report, language))),
        groups("places", ("district", "place_code", "place"), lambda line: (line.district, line.identity.place, line.place)),
        groups("kinds", ("kind", "kind_name"), lambda line: (line.identity.kind, kind_name(report, line))),
        groups("years", ("year",), lambda line: (line.identity.year,)),
        Table(title("books"), heads(BOOK, language), [book_row(line, language) for line in report.lines]),
        Table(title("missing"), heads(("district", "place_code", "place", "book", "missing"), language),
              [(lack.line.district, lack.line.identity.place, lack.line.place, str(lack.line.identity),
                say("report", lack.code, language, number=lack.number)) for lack in report.lacks()]),
        Table(title("faults"), heads(("fault", "number", "books"), language), list(_faults(report, language))),
    ]


def heads(names: Iterable[str], language: str) -> list[str]:
    return [say("report", f"column_{name}", language) for name in names]


def kind_name(report: Report, line: Line) -> str:
    return report.kinds.get(line.identity.kind, "")


def book_row(line: Line, language: str) -> list[Any]:
    """One book as a row of BOOK."""
    identity, facts, figures = line.identity, line.facts, shown_figures(line.figures)
    known = {"district": line.district, "place_code": identity.place, "place": line.place, "kind": identity.kind,
             "year": identity.year, "volume": identity.volume, "book": str(identity),
             "state": say("report", f"state_{line.state}", language), "planned": "x" if line.planned else "",
             "planned_pages": line.planned and line.planned.pages, "planned_cases": line.planned and line.planned.cases,
             "stated_pages": facts and facts.stated_pages, "stated_cases": facts and facts.stated_cases,
             "last": facts.last[:10] if facts else ""}
    return [known.get(name, figures.get(name)) for name in BOOK]


def shown_figures(figures: dict[str, int]) -> dict[str, Any]:
    """Sizes in MB, as everywhere on the report."""
    return {name: round(value / MB, 1) if name.endswith("_bytes") else value for name, value in figures.items()}


def fault_name(section: str, code: str, language: str) -> str:
    """The short name of a fault; its code where it has none."""
    name = say("fault", code, language)
    if name != code:
        return name
    return say("report", "other_fault" if section == "finding" else "aside_fault", language, name=code)


def _figures(figures: dict[str, int]) -> list[Any]:
    return list(shown_figures(figures).values())


def _total(report: Report, language: str) -> Iterator[tuple[Any, Any]]:
    yield say("report", "made", language), written(report.time, language)
    for name, value in shown_figures(report.total).items():
        yield say("report", f"column_{name}", language), value
    yield say("report", "unsorted", language), report.unsorted
    yield say("report", "unreadable", language), len(report.unreadable)
    yield say("report", "plan_problems", language), len(report.plan_problems)


def _faults(report: Report, language: str) -> Iterator[tuple[Any, Any, Any]]:
    for section, code, number, books in report.faults():
        yield fault_name(section, code, language), number, books
    for item in report.unreadable:
        yield say("report", "log_unreadable", language, book=item.book, name=item.code), None, 1
    for problem in report.plan_problems:
        yield problem_in_words(problem, language), None, None


def problem_in_words(problem: Any, language: str) -> str:
    """A cell of the plan that cannot be used, and why."""
    why = say("report", problem.code, language, **problem.facts)
    return say("report", "plan_cell", language, sheet=problem.sheet, row=str(problem.row), column=problem.column, why=why)


def xlsx(sheets: Sequence[Table]) -> bytes:
    """The workbook, written row by row: a province has thousands of books."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for table in sheets:
        _fill(book.create_sheet(table.title), table)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _fill(sheet: Any, table: Table) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    for at in range(len(table.heads)):
        longest = max((len(str(row[at])) for row in table.rows), default=0)
        sheet.column_dimensions[get_column_letter(at + 1)].width = min(WIDEST, max(WIDTH, longest + 2))
    top = [WriteOnlyCell(sheet, name) for name in table.heads]
    for cell in top:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="FFDDE6F0")
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    sheet.append(top)
    for row in table.rows:
        sheet.append([_cell(sheet, value) for value in row])
    last = f"{get_column_letter(len(table.heads))}{len(table.rows) + 1}"
    sheet.auto_filter.ref = f"A1:{last}"


def _cell(sheet: Any, value: Any) -> Any:
    """A value as it is: a name that begins like a formula is none."""
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str) or not value.startswith("="):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    return cell


def csv_of(report: Report, language: str) -> bytes:
    """A row for each book; UTF-8 with its mark, without which a spreadsheet takes it for something else."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(heads(BOOK, language))
    writer.writerows(book_row(line, language) for line in report.lines)
    return text.getvalue().encode("utf-8-sig")
