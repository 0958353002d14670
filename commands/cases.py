"""The commands about the cases of a book: written out to be typed, read back, listed, put back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from commands.options import by_option, json_option, store_option, work_on
from errors import ExitCode
from talk import Talk, pass_talk, told

TABLES = (".xlsx", ".csv")
SHOWN = 40  # problems and renamings that are named on the screen; the JSON has them all


@click.group()
def cases() -> None:
    """Các trường hợp của một quyển. / The cases of a book."""


@cases.command("export")
@click.argument("book")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@store_option
@pass_talk
@told
def export_cases(talk: Talk, book: str, target: Path, store: Path | None) -> ExitCode:
    """Ghi bảng kê để nhập (.xlsx hoặc .csv). / Write the workbook to be filled in."""
    import casework

    if target.suffix.lower() not in TABLES:
        raise click.BadParameter(talk.say("cases", "export_form"), param_hint="FILE")
    with work_on(talk, book, store, quiet=False) as work:
        rows = casework.export_cases(work, target)
    click.echo(talk.say("cases", "exported", cases=rows, file=target))
    return ExitCode.OK


@cases.command("import")
@click.argument("book")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_option
@by_option
@click.option("--dry-run", is_flag=True, help="Chỉ kiểm tra, không ghi gì. / Only check; nothing is written.")
@json_option
@pass_talk
@told
def import_cases(
    talk: Talk, book: str, file: Path, store: Path | None, by: str, dry_run: bool, as_json: bool
) -> ExitCode:
    """Nhận bảng kê đã nhập, kiểm tra, đặt tên tệp. / Take a filled-in workbook, check it, name the files."""
    import casework

    with work_on(talk, book, store, quiet=as_json) as work:
        outcome = casework.import_cases(work, file, by, dry_run)
    if as_json:
        click.echo(json.dumps({**_plain(talk, outcome), "file": str(file), "dry_run": dry_run}, ensure_ascii=False))
    else:
        click.echo("\n".join(_imported(talk, outcome, dry_run)))
    wrong = any(_severity(item) == "error" for item in outcome.checked.problems)
    return ExitCode.FAILED_CHECK if wrong else ExitCode.OK


@cases.command("undo")
@click.argument("book")
@click.option("--event", "number", type=click.IntRange(1), help="Lần ghi, xem cases list; không có: lần cuối. / Which one.")
@store_option
@by_option
@json_option
@pass_talk
@told
def undo_cases(talk: Talk, book: str, number: int | None, store: Path | None, by: str, as_json: bool) -> ExitCode:
    """Hoàn lại lần nhập cuối, hoặc một lần đã ghi. / Put back what was before an import."""
    import casework

    with work_on(talk, book, store, quiet=as_json) as work:
        outcome = casework.undo_cases(work, number, by)
    if as_json:
        click.echo(json.dumps(_plain(talk, outcome), ensure_ascii=False))
    else:
        click.echo("\n".join([talk.say("cases", "undone", book=book), *_renamed(talk, outcome), *_packed(talk, outcome)]))
    return ExitCode.OK


@cases.command("list")
@click.argument("book")
@store_option
@json_option
@pass_talk
@told
def list_cases(talk: Talk, book: str, store: Path | None, as_json: bool) -> ExitCode:
    """Từng trường hợp: trang, số, ngày, tên tệp, chỗ sai. / Each case: pages, number, date, file, problems."""
    import casework

    with work_on(talk, book, store, quiet=as_json) as work:
        listed = casework.list_cases(work)
    click.echo(json.dumps(_list_plain(talk, listed), ensure_ascii=False) if as_json
               else "\n".join(_list_in_words(talk, listed)))
    return ExitCode.OK


def _severity(problem: Any) -> str:
    from bookpack.casechecks import severity

    return severity(problem)


def _imported(talk: Talk, work: Any, dry_run: bool) -> Iterator[str]:
    checked = work.checked
    for item in sorted(checked.problems, key=lambda item: _severity(item) != "error")[:SHOWN]:  # what hinders comes first
        yield _in_words(talk, item)
    if len(checked.problems) > SHOWN:
        yield talk.say("cases", "more", number=len(checked.problems) - SHOWN)
    code = "would_import" if dry_run else "imported" if work.event else "nothing_new"
    yield talk.say("cases", code, book=work.book, taken=checked.taken, left_out=checked.left_out, waiting=checked.waiting)
    if checked.left_out:
        yield talk.say("cases", "left_out")
    yield from _renamed(talk, work)
    yield from _packed(talk, work)
    if work.event:
        yield talk.say("cases", "event", event=work.event, book=work.book)


def _renamed(talk: Talk, work: Any) -> Iterator[str]:
    if work.renamed:
        yield talk.say("cases", "renamed", number=len(work.renamed))
    for old, new in work.renamed[:SHOWN]:
        yield talk.say("cases", "renaming", old=old, new=new)
    if len(work.renamed) > SHOWN:
        yield talk.say("cases", "more", number=len(work.renamed) - SHOWN)


def _packed(talk: Talk, work: Any) -> Iterator[str]:
    if work.packages:
        yield talk.say("cases", "packed", path=work.packages.workbook.parent)
        if work.packages.version > 1:
            yield talk.say("summary", "new_version", version=work.packages.version, folder=work.packages.folder)
        yield from (talk.say("summary", "typed_kept", path=path) for path in work.packages.kept)


def _in_words(talk: Talk, problem: Any) -> str:
    place = "at_book" if not problem.sheet else "at_sheet" if not problem.row else "at_cell" if problem.column else "at_row"
    words = talk.say("cases", place, sheet=problem.sheet, row=str(problem.row), cell=_cell(problem),
                     words=_words(talk, problem))
    return _weighed(talk, problem, words)


def _words(talk: Talk, problem: Any) -> str:
    return talk.say("case_problem", problem.code, **problem.facts)


def _weighed(talk: Talk, problem: Any, words: str) -> str:
    return talk.say("cases", _severity(problem), words=words)


def _cell(problem: Any) -> str | None:
    return f"{problem.column}{problem.row}" if problem.column and problem.row else None


def _problem_plain(talk: Talk, problem: Any) -> dict[str, Any]:
    return {"code": problem.code, "severity": _severity(problem), "sheet": problem.sheet or None, "row": problem.row,
            "column": problem.column or None, "cell": _cell(problem), "case": problem.case or None,
            "facts": dict(problem.facts), "message": _words(talk, problem)}


def _plain(talk: Talk, work: Any) -> dict[str, Any]:
    checked = work.checked
    return {"book": work.book, "event": work.event, "taken": checked.taken, "left_out": checked.left_out,
            "waiting": checked.waiting, "renamed": [list(pair) for pair in work.renamed],
            "problems": [_problem_plain(talk, item) for item in checked.problems],
            "packages": str(work.packages.workbook.parent) if work.packages else None}


def _list_plain(talk: Talk, listed: Any) -> dict[str, Any]:
    found = [{"id": item.case.id, "name": item.name, "pages": list(item.pages), "page_ids": list(item.case.pages),
              "number": item.case.number, "date": item.case.date, "slip": item.case.slip, "values": dict(item.case.values),
              "problems": [_problem_plain(talk, problem) for problem in item.problems]} for item in listed.cases]
    events = [{"event": number, "time": event["time"], "by": event.get("by"), "source": event.get("source"),
               "undone": undone, "puts_back": event.get("undone"), "renamed": event.get("renamed", [])}
              for number, event, undone in listed.events]
    return {"book": listed.book, "cases": found, "events": events,
            "problems": [_problem_plain(talk, item) for item in listed.problems]}


def _list_in_words(talk: Talk, listed: Any) -> Iterator[str]:
    from bookpack.caserows import date_text, number_text

    for item in listed.cases:
        pages, case = ", ".join(map(str, item.pages)), item.case
        yield talk.say("cases", "listed", name=item.name, pages=pages, number=number_text(case) or "–",
                       date=date_text(case.date) or "–")
        yield from (f"  {_weighed(talk, problem, _words(talk, problem))}" for problem in item.problems)
    cases = [item.case for item in listed.cases if not item.case.slip]
    known = sum(bool(case.number and case.date) for case in cases)
    yield talk.say("cases", "total", book=listed.book, cases=len(cases), known=known, slips=len(listed.cases) - len(cases))
    yield from (_in_words(talk, problem) for problem in listed.problems)
    for number, event, undone in listed.events:
        code = "history_undo" if "undone" in event else "history"
        yield talk.say("cases", code, event=number, time=event["time"], by=event.get("by") or "–", of=event.get("undone"),
                       source=event.get("source", {}).get("name", "–"), changes=len(event.get("changes", ())),
                       undone=talk.say("cases", "history_undone") if undone else "")


COMMANDS: tuple[click.Command, ...] = (cases,)
