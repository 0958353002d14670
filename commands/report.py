"""The command that tells how far the work has come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from commands.options import json_option
from errors import ExitCode
from talk import Talk, pass_talk, progress_bar, told


@click.command()
@click.option("--store", "stores", multiple=True, type=click.Path(path_type=Path),
              help="Thư mục của trạm; lặp lại được. / The station's folder (repeatable).")
@click.option("--plan", type=click.Path(path_type=Path, dir_okay=False),
              help="Bảng các sổ phải có, XLSX hoặc CSV. / Table of the books that should exist, XLSX or CSV.")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False),
              help="Thư mục để ghi báo cáo. / Folder to write the report to.")
@json_option
@pass_talk
@told
def report(talk: Talk, stores: tuple[Path, ...], plan: Path | None, out: Path, as_json: bool) -> ExitCode:
    """Đã làm đến đâu so với kế hoạch, thành bảng và một trang để xem. / Progress against the plan, as tables and a page."""
    from originals.durable import write_file
    from originals.eventlog import now
    from reporting import page, tables
    from reporting.facts import gather
    from reporting.plan import read_plan
    from reporting.totals import report_of
    from station.shelf import workplace_of

    settings = talk.settings()
    wanted = read_plan(plan, settings.kinds, settings.places) if plan else None
    with progress_bar(talk, as_json) as progress:
        gathered = gather([workplace_of(store, settings) for store in stores or (None,)], progress)
    found = report_of(wanted, gathered, settings.kinds, settings.places, now())
    write_file(out / "report.xlsx", [tables.xlsx(tables.tables(found, talk.language))])
    write_file(out / "report.csv", [tables.csv_of(found, talk.language)])
    write_file(out / "report.html", [page.page(found, talk.language)])
    if as_json:
        click.echo(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        click.echo(in_words(talk, found, out))
    return ExitCode.OK if found.in_order else ExitCode.BAD_DATA


def in_words(talk: Talk, found: Any, out: Path) -> str:
    """The report in a few lines, and all that could not be read."""
    from reporting.tables import problem_in_words

    sums = found.total
    lines = [talk.say("report", "told", **{name: sums[name] for name in ("begun", "packed", "closed", "pages", "waiting")})]
    if found.planned:
        missing = sum(lack.code == "not_begun" for lack in found.lacks())
        lines.append(talk.say("report", "told_plan", planned=sums["planned"], missing=missing))
    if found.unsorted:
        lines.append(talk.say("report", "unsorted_told", number=found.unsorted))
    lines += [problem_in_words(problem, talk.language) for problem in found.plan_problems]
    lines += [talk.say("report", "log_unreadable", book=item.book, name=item.code) for item in found.unreadable]
    return "\n".join([*lines, talk.say("report", "written", folder=out)])


COMMANDS = (report,)
