"""The commands. Each one reads settings, calls the part of the program that does the work, and says what came of it.

Start-up is quick: whatever needs pixels, PDF or YAML is imported by the command that uses it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from commands import batch, cases, closing, report
from commands.options import by_option, profile_option
from errors import ExitCode, SohoaError
from station.commands import COMMANDS as STATION_COMMANDS
from talk import Talk, pass_talk, progress_bar, told
from texts import LANGUAGES

VERSION = "0.1.0"
TONES = ("colour", "grey", "bitonal")
STRENGTHS, WAYS = ("natural", "clear", "strong"), ("auto", "fast", "careful")


class Story(click.Group):
    """The commands in the order of their use, with help in the language asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # an old Windows console is not UTF-8 by itself
                stream.reconfigure(encoding="utf-8", errors="replace")
        return super().main(*args, **kwargs)


@click.group(cls=Story, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--lang", type=click.Choice(LANGUAGES), help="Ngôn ngữ. / Language of messages.")
@click.option("--config", type=click.Path(dir_okay=False), envvar="SOHOA_CONFIG",
              help="Tệp cấu hình riêng. / Your own settings file, laid over config.yaml.")
@click.version_option(VERSION, prog_name="sohoa")
@click.pass_context
def cli(context: click.Context, lang: str | None, config: str | None) -> None:
    """sohoa: số hóa sổ hộ tịch. / Register books into digital packages."""
    talk = context.ensure_object(Talk)
    talk.config, talk.chosen = config, lang is not None
    talk.language = lang or talk.language


@cli.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--book", required=True, help="Mã quyển sổ, ví dụ KH.1994.14800.03. / Identity of the book.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Thư mục kết quả. / Where results go.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Số trang làm cùng lúc. / Pages at once; 0: all cores.")
@click.option("--skip", multiple=True, help="Bỏ qua một bước. / Leave a stage out (repeatable).")
@profile_option
@click.option("--json", "as_json", is_flag=True, help="Kết quả dạng JSON. / The outcome as JSON.")
@pass_talk
@told
def process(
    talk: Talk, sources: tuple[Path, ...], book: str, out: Path, jobs: int, skip: tuple[str, ...], profile: str,
    as_json: bool,
) -> ExitCode:
    """Ảnh của một quyển sổ thành hai gói hồ sơ. / Images of a book into both its packages."""
    import pipeline
    import summary
    from book import Identity

    settings = talk.settings()
    identity = Identity.parse(book, settings.kinds)
    with progress_bar(talk, as_json) as progress:
        outcome = pipeline.process(sources, identity, out, settings, jobs, progress, known_stages(talk, skip, settings),
                                   profile)
    click.echo(summary.as_json(outcome, talk.language) if as_json else summary.in_words(outcome, talk.language))
    return ExitCode.OK if outcome.complete else ExitCode.BAD_DATA


def known_stages(talk: Talk, names: tuple[str, ...], settings: Any) -> frozenset[str]:
    """The stages named with --skip; a wrong name is a mistake on the command line."""
    for name in names:
        if name not in settings.stages:
            stages = ", ".join(settings.stages)
            raise click.BadParameter(talk.say("error", "stage_unknown", stage=name, stages=stages), param_hint="--skip")
    return frozenset(names)


@cli.command()
@click.option("--book", required=True, help="Mã quyển sổ. / Identity of the book.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Thư mục kết quả. / The book's folder.")
@click.option("--page", "pages", multiple=True, help="Mã trang, ví dụ abcd1234-L; không có: cả quyển. / Page; none: all.")
@click.option("--set", "changes", multiple=True, metavar="STAGE.KEY=VALUE",
              help="Ví dụ deskew.degrees=0.4. / A setting for these pages (repeatable).")
@click.option("--dry-run", is_flag=True, help="Chỉ cho biết điều sẽ thay đổi. / Only tell what would change.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Số trang làm cùng lúc. / Pages at once; 0: all cores.")
@by_option
@click.option("--json", "as_json", is_flag=True, help="Kết quả dạng JSON. / The outcome as JSON.")
@pass_talk
@told
def redo(
    talk: Talk, book: str, out: Path, pages: tuple[str, ...], changes: tuple[str, ...], dry_run: bool, jobs: int,
    by: str, as_json: bool,
) -> ExitCode:
    """Làm lại một trang hoặc cả quyển. / Develop pages or a book again, with other settings."""
    import reprocess
    import summary
    from book import Identity

    settings = talk.settings()
    identity = Identity.parse(book, settings.kinds)
    with progress_bar(talk, as_json) as progress:
        outcome, differences = reprocess.redo(identity, out, settings, pages, changes, dry_run, jobs, progress, by)
    if as_json:
        click.echo(summary.redo_as_json(outcome, differences, talk.language))
    else:
        click.echo(summary.redo_in_words(outcome, differences, dry_run, talk.language))
    return ExitCode.OK if outcome is None or outcome.complete else ExitCode.BAD_DATA


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Mỗi tệp một dòng JSON. / One JSON object a line.")
@pass_talk
@told
def inspect(talk: Talk, files: tuple[Path, ...], as_json: bool) -> ExitCode:
    """Cho biết chương trình sẽ làm gì, không ghi gì. / What would be decided; nothing is written."""
    import single
    import summary

    settings, code = talk.settings(), ExitCode.OK
    for path in files:
        for plain in single.describe_file(path, settings, talk.language):
            code = ExitCode.BAD_DATA if "error" in plain else code
            click.echo(json.dumps(plain, ensure_ascii=False) if as_json else summary.inspected(plain, talk.language))
    return code


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Thư mục kết quả. / Where results go.")
@click.option("--tone", type=click.Choice(TONES), default="colour", show_default=True, help="Màu, xám, đen trắng.")
@click.option("--strength", type=click.Choice(STRENGTHS), help="Làm rõ nhiều hay ít. / How much is brought out.")
@click.option("--bitonal", type=click.Choice(WAYS), help="Đen trắng nhanh hay kỹ. / Black and white fast or careful.")
@click.option("--format", "kind", type=click.Choice(("png", "jpeg")), default="png", show_default=True)
@click.option("--no-geometry", is_flag=True, help="Không tách, xoay, cắt. / Do not split, turn or crop.")
@pass_talk
@told
def clean(talk: Talk, files: tuple[Path, ...], out: Path, tone: str, strength: str | None, bitonal: str | None,
          kind: str, no_geometry: bool) -> ExitCode:
    """Ảnh đã làm sạch, mỗi trang một tệp. / Developed pages as images."""
    import single

    settings, code = single.with_tone(talk.settings(), mode=tone, strength=strength, bitonal=bitonal), ExitCode.OK
    for path in files:
        try:
            for written in single.clean_file(path, out, settings, kind, not no_geometry):
                click.echo(str(written))
        except SohoaError as error:
            code = error.exit_code
            click.echo(talk.say("error", error.code, **{"file": str(path), **error.facts}), err=True)
    return code


@cli.command()
@click.argument("package", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Kết quả dạng JSON. / The outcome as JSON.")
@pass_talk
@told
def verify(talk: Talk, package: Path, as_json: bool) -> ExitCode:
    """Kiểm tra một gói hồ sơ. / Check a package: whole, unchanged, complete."""
    import summary
    from bookpack.verify import examine, renamed

    with progress_bar(talk, as_json) as progress:
        found = examine(package, talk.settings().signature.trust, progress)
    names, problems = renamed(package), [item for item in found if not item.note]
    if as_json:
        plain = [{"code": item.code, **({"note": True} if item.note else {}), **item.facts} for item in found]
        click.echo(json.dumps({"package": str(package), "whole": not problems, "problems": plain, "renamed": names},
                              ensure_ascii=False))
    else:
        click.echo("\n".join(summary.verified(package, found, names, talk.language)))
    return ExitCode.FAILED_CHECK if problems else ExitCode.OK


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Kết quả dạng JSON. / The outcome as JSON.")
@pass_talk
@told
def doctor(talk: Talk, as_json: bool) -> ExitCode:
    """Máy này có chạy được chương trình không? / Can this computer run the program?"""
    import doctor as examination

    checks = examination.examine()
    if as_json:
        click.echo(json.dumps([{"code": item.code, "good": item.good, **item.facts} for item in checks],
                              ensure_ascii=False))
    else:
        for item in checks:
            sign = "✓" if item.good else "✗"
            click.echo(f"{sign} {talk.say('doctor', item.code + ('' if item.good else '_bad'), **item.facts)}")
    return ExitCode.OK if all(item.good for item in checks) else ExitCode.FAILED_CHECK


@cli.group()
def config() -> None:
    """Cấu hình. / Settings."""


@config.command("check")
@pass_talk
@told
def check_config(talk: Talk) -> ExitCode:
    """Kiểm tra tệp cấu hình. / Check the settings file."""
    from settings import default_file

    talk.settings()
    click.echo(talk.say("summary", "config_good", file=talk.config or str(default_file())))
    return ExitCode.OK


@cli.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-out"), show_default=True)
@click.option("--jobs", type=click.IntRange(0), default=0)
@profile_option
@pass_talk
@told
def demo(talk: Talk, out: Path, jobs: int, profile: str) -> ExitCode:
    """Chạy thử trên các trang mẫu. / A first run on the made-up samples."""
    import pipeline
    import summary
    from book import Identity
    from samples.books import DEMO_BOOKS, PAGES

    settings = talk.settings()
    for identity, folder in DEMO_BOOKS.items():
        with progress_bar(talk, quiet=False) as progress:
            outcome = pipeline.process([PAGES / folder], Identity.parse(identity), out, settings, jobs, progress,
                                       profile=profile)
        click.echo(summary.in_words(outcome, talk.language) + "\n")
    return ExitCode.OK


for command in (*STATION_COMMANDS, *cases.COMMANDS, *closing.COMMANDS, *batch.COMMANDS, *report.COMMANDS):
    cli.add_command(command)


def _have_streams() -> None:
    """A program that Windows starts without a console (pythonw) has none, and what writes to them would fail."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  for as long as the program runs


def main() -> None:
    """The program `sohoa`."""
    _have_streams()
    if os.name == "nt":  # a frozen or spawned child on Windows starts here again
        import multiprocessing

        multiprocessing.freeze_support()
    cli(obj=Talk())


if __name__ == "__main__":
    main()
