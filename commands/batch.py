"""The command that develops many books again: on this machine, or on a cluster."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import click

from commands.options import json_option, profile_option
from errors import BadConfig, ExitCode
from talk import Talk, pass_talk, told

ENGINES = ("local", "dask")
FIRST_S = 20.0  # patience with a storage at first, s


@click.command()
@click.argument("source")
@click.option("--out", "dest", required=True, metavar="DEST",
              help="Nơi ghi kết quả: thư mục hoặc địa chỉ. / Where results go: folder or URL.")
@click.option("--engine", type=click.Choice(ENGINES), default="local", show_default=True,
              help="Máy này, hay cụm máy Dask. / This machine, or a Dask cluster.")
@click.option("--scheduler", metavar="ADDRESS", help="Cụm Dask đã có, ví dụ tcp://10.0.0.1:8786. / A cluster that is there.")
@click.option("--workers", type=click.IntRange(1),
              help="Cụm Dask trên máy này, với N tiến trình. / A cluster on this machine.")
@click.option("--jobs", type=click.IntRange(0), default=0,
              help="local: số trang làm cùng lúc. / Pages at once; 0: all cores.")
@click.option("--stages", default="", help="Chỉ quyết định lại các bước này, ví dụ deskew,tone. / Decide only these again.")
@click.option("--where", default="", help='Ví dụ "type=KS year<1999 finding=faint_ink". / Which books and pages.')
@click.option("--since", type=click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M")),
              help="Chỉ sổ có thay đổi từ ngày này. / Only books to which something came or was said since.")
@click.option("--dry-run", is_flag=True, help="Chỉ cho biết bao nhiêu trang, bao lâu, bao nhiêu GB. / Only tell how much.")
@profile_option
@json_option
@pass_talk
@told
def batch(
    talk: Talk, source: str, dest: str, engine: str, scheduler: str | None, workers: int | None, jobs: int, stages: str,
    where: str, since: datetime | None, dry_run: bool, profile: str, as_json: bool,
) -> ExitCode:
    """Làm lại nhiều sổ, từ một quyển đến cả tỉnh. / Develop many books again, from one to a province's."""
    from province.batch import carry_out, check_apart, known_cost, plan
    from province.report import report_of
    from province.telling import Telling
    from settings.reading import nearest

    settings = talk.settings()
    if engine == "local" and (scheduler or workers):
        raise click.UsageError(talk.say("error", "batch_needs_dask"))
    for stage in filter(None, stages.split(",")):
        if stage not in settings.stages:
            raise BadConfig("setting_unknown", setting=stage, nearest=nearest(stage, settings.stages))
    job = _job(source, dest, settings, stages, where, profile)
    _reach(source, dest)
    check_apart(job.source, job.dest)
    telling = Telling(talk, as_json, known_cost(job.dest))
    found = plan(job, since.astimezone().timestamp() if since else 0.0)
    telling.planned(found)
    tally = carry_out(job, found, partial(_engine, telling, job, engine, scheduler, workers, jobs), telling, not dry_run)
    report = None if dry_run else report_of(job, found, tally, talk.language)
    telling.ended(found, tally, dry_run, report)
    return ExitCode.BAD_DATA if tally.troubles or found.odd else ExitCode.OK


def _reach(*urls: str) -> None:
    """Ask each storage once, with little patience: a mistyped address is told at once."""
    from province.storage import open_storage

    for url in urls:
        open_storage(url, FIRST_S).look()


def _job(source: str, dest: str, settings: Any, stages: str, where: str, profile: str) -> Any:
    from province.job import Job
    from province.storage import open_storage
    from province.where import parse

    chosen = tuple(name for name in settings.stages if name in stages.split(","))
    asked = parse(where, settings.kinds) if where else None
    patience = settings.batch.patience_s
    return Job(open_storage(source, patience), open_storage(dest, patience), settings, chosen, asked, profile)


def _engine(
    telling: Any, job: Any, engine: str, scheduler: str | None, workers: int | None, jobs: int
) -> Any:
    """Start what carries the orders out."""
    from batch.local import Limits, Pool

    general = job.settings.general
    limits = Limits(general.seconds, general.memory_mb)
    if engine == "local":
        return Pool(job, jobs or general.jobs, limits)
    from batch.cluster import Cluster
    from province.job import program

    patience = job.settings.batch.scheduler_patience_s
    cluster = Cluster(job, scheduler, workers or general.jobs, limits, program, patience)
    telling.cluster(cluster)
    return cluster


COMMANDS = (batch,)
