"""The commands that end the work on a book: pages accepted, samples drawn, books closed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from commands.options import by_option, json_option, store_option, work_on
from errors import CannotSign, ExitCode
from talk import Talk, pass_talk, told

PASSWORD = "SOHOA_SIGNING_PASSWORD"  # name of an environment variable
ROLES = ("blank", "slip", "spare", "page")
OUTCOMES = {"accepted": ExitCode.OK, "open": ExitCode.OK, "rework": ExitCode.FAILED_CHECK}
jobs_option = click.option("--jobs", type=click.IntRange(0), default=0,
                           help="Số trang làm cùng lúc. / Pages at once; 0: all cores.")


@click.command()
@click.argument("book")
@store_option
@jobs_option
@json_option
@pass_talk
@told
def waiting(talk: Talk, book: str, store: Path | None, jobs: int, as_json: bool) -> ExitCode:
    """Các trang chờ người xem, đáng ngờ nhất trước. / Pages that wait to be looked at, worst first."""
    import acceptance

    with work_on(talk, book, store, as_json, jobs) as work:
        found = acceptance.waiting(work)
    if as_json:
        click.echo(json.dumps([_plain(talk, item) for item in found], ensure_ascii=False))
        return ExitCode.OK
    click.echo(talk.say("closing", "wait" if found else "none_wait", number=len(found), book=book))
    for item in found:
        click.echo(_line(talk, item))
    return ExitCode.OK


def _plain(talk: Talk, item: Any) -> dict[str, Any]:
    return {"number": item.number, "page": item.page.id, "file": item.source, "doubt": item.page.doubt,
            "findings": [finding.to_json() for finding in item.page.findings], "message": _reasons(talk, item)}


def _line(talk: Talk, item: Any) -> str:
    return talk.say("summary", "page_reason", number=item.number, page=item.page.id, source=item.source,
                    reasons=_reasons(talk, item))


def _reasons(talk: Talk, item: Any) -> str:
    import summary
    from pipeline import warnings

    return "; ".join(summary.explain(finding, talk.language) for finding in warnings(item.page))


@click.command()
@click.argument("book")
@click.argument("pages", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Mọi trang đang chờ, trừ trang nghi chụp hai lần. / All but doubles.")
@store_option
@by_option
@jobs_option
@json_option
@pass_talk
@told
def accept(
    talk: Talk, book: str, pages: tuple[str, ...], every: bool, store: Path | None, by: str, jobs: int, as_json: bool
) -> ExitCode:
    """Đã xem trang và thấy được (số trang hoặc mã). / Pages were looked at and are good."""
    import acceptance

    if not pages and not every:
        raise click.UsageError(talk.say("closing", "accept_what"))
    with work_on(talk, book, store, as_json, jobs) as work:
        accepted, left = acceptance.accept(work, [*pages, *(["all"] if every else [])], by)
    if as_json:
        click.echo(json.dumps({"accepted": [item.page.id for item in accepted],
                               "waiting": [_plain(talk, item) for item in left]}, ensure_ascii=False))
        return ExitCode.OK
    click.echo(talk.say("closing", "accepted", number=len(accepted), by=by))
    click.echo(talk.say("closing", "wait" if left else "none_wait", number=len(left), book=book))
    for item in left:
        click.echo(_line(talk, item))
    return ExitCode.OK


@click.command()
@click.argument("book")
@click.argument("pages", nargs=-1, required=True)
@click.option("--as", "role", type=click.Choice(ROLES), required=True,
              help="Trang trắng, tờ đính kèm, ảnh thừa, hay trang thường. / What they are.")
@store_option
@by_option
@jobs_option
@json_option
@pass_talk
@told
def mark(
    talk: Talk, book: str, pages: tuple[str, ...], role: str, store: Path | None, by: str, jobs: int, as_json: bool
) -> ExitCode:
    """Ghi trang nào là trang trắng, tờ đính kèm, ảnh thừa. / Say which pages are blank, slips or spare."""
    import acceptance

    with work_on(talk, book, store, as_json, jobs) as work:
        marked = acceptance.mark(work, pages, "" if role == "page" else role, by)
    click.echo(json.dumps({"marked": marked, "as": role}) if as_json
               else talk.say("closing", f"marked_{role}", number=len(marked), book=book))
    return ExitCode.OK


@click.command()
@click.argument("book")
@click.option("--seed", type=click.IntRange(0), help="Số để rút lại đúng mẫu đó. / Draw by this number.")
@click.option("--verdict", "verdicts", multiple=True, metavar="PAGE=good|bad[:REASON]",
              help="Người thứ hai nhận xét một trang. / What a second person says of a page (repeatable).")
@click.option("--same-person", is_flag=True, help="Người kiểm cũng là người làm. / Let one judge who did the work.")
@store_option
@by_option
@jobs_option
@json_option
@pass_talk
@told
def sample(
    talk: Talk, book: str, seed: int | None, verdicts: tuple[str, ...], same_person: bool, store: Path | None, by: str,
    jobs: int, as_json: bool,
) -> ExitCode:
    """Rút mẫu kiểm tra và ghi nhận xét. / Draw the acceptance sample, record verdicts."""
    import acceptance

    said = dict(_verdict(talk, text) for text in verdicts)
    with work_on(talk, book, store, as_json, jobs) as work:
        found = acceptance.judge(work, said, by, same_person) if said else acceptance.sample(work, seed, by)
    sheet = _write_sheet(talk, work.workplace, found)
    click.echo(json.dumps(_sample_plain(found, sheet), ensure_ascii=False) if as_json
               else "\n".join(_sample_lines(talk, found, sheet)))
    return OUTCOMES[found.outcome]


def _verdict(talk: Talk, text: str) -> tuple[str, tuple[bool, str]]:
    page, _, said = text.partition("=")
    word, _, reason = said.partition(":")
    if not page or word not in ("good", "bad"):
        raise click.BadParameter(talk.say("sample", "verdict_form", verdict=text), param_hint="--verdict")
    return page.strip(), (word == "good", reason.strip())


def _write_sheet(talk: Talk, workplace: Any, found: Any) -> Path:
    from bookpack.samplesheet import sheet
    from originals.durable import write_file

    path = workplace.reports / f"{found.book}-sample.html"
    write_file(path, [sheet(found, path.parent, talk.language).encode("utf-8")])
    return path


def _sample_plain(found: Any, sheet: Path) -> dict[str, Any]:
    pages = [{"number": page.number, "page": page.id, "cases": list(page.cases),
              "verdict": page.verdict and {"good": page.verdict.good, "by": page.verdict.by, "reason": page.verdict.reason}}
             for page in found.pages]
    return {"book": found.book, "seed": found.seed, "lot": found.lot, "fails": found.fails, "missing": found.missing,
            "outcome": found.outcome, "bad": found.bad, "new": found.new, "sheet": str(sheet), "pages": pages}


def _sample_lines(talk: Talk, found: Any, sheet: Path) -> list[str]:
    lines = [talk.say("sample", "drawn", pages=len(found.pages), lot=found.lot, seed=str(found.seed), fails=found.fails)]
    for page in found.pages:
        lines.append("  " + talk.say("sample", "page", number=page.number, page=page.id, cases=", ".join(page.cases) or "–"))
        if page.verdict:
            code = "good" if page.verdict.good else "bad"
            lines[-1] += "  " + talk.say("sample", code, by=page.verdict.by, reason=page.verdict.reason).rstrip(" :")
    lines += [talk.say("sample", "missing", number=found.missing)] if found.missing else []
    seen = sum(page.verdict is not None for page in found.pages)
    lines.append(talk.say("sample", found.outcome, bad=found.bad, fails=found.fails, seen=seen, pages=len(found.pages)))
    return [*lines, talk.say("sample", "sheet", file=sheet)]


@click.command()
@click.argument("book")
@click.option("--because", default="", help="Giải thích vì sao còn thiếu hoặc thừa. / Why the counts do not match.")
@store_option
@by_option
@jobs_option
@json_option
@pass_talk
@told
def close(talk: Talk, book: str, because: str, store: Path | None, by: str, jobs: int, as_json: bool) -> ExitCode:
    """Đóng quyển sổ: kiểm, đóng gói, ký, niêm phong. / Close a book: checked, packed, signed, sealed."""
    import closing

    with work_on(talk, book, store, as_json, jobs) as work:
        found = closing.close(work, because.strip(), by, lambda: _password(talk))
    click.echo(json.dumps(_closing_plain(talk, found), ensure_ascii=False) if as_json
               else "\n".join(_closing_lines(talk, found)))
    return ExitCode.OK if found.closed else ExitCode.FAILED_CHECK


def _password(talk: Talk) -> str:
    """That of the key to sign with: from the environment, or typed."""
    if PASSWORD in os.environ:
        return os.environ[PASSWORD]
    if not sys.stdin.isatty():
        raise CannotSign("signing_password_unknown", variable=PASSWORD)
    return click.prompt(talk.say("closing", "password"), hide_input=True, err=True)


def _closing_plain(talk: Talk, found: Any) -> dict[str, Any]:
    gaps = [{"code": gap.code, "facts": dict(gap.facts), "explainable": gap.explainable, "hinders": gap in found.open,
             "message": talk.say(gap.section, gap.code, **gap.facts)} for gap in found.gaps]
    return {"book": found.book, "closed": found.closed, "before": found.before, "version": found.version, "gaps": gaps,
            "event": found.event, "folder": found.folder and str(found.folder), "spoilt": list(found.spoilt),
            "problems": [{"code": item.code, **item.facts} for item in found.problems]}


def _closing_lines(talk: Talk, found: Any) -> list[str]:
    if found.spoilt:
        return [talk.say("closing", "spoilt", book=found.book, files=", ".join(found.spoilt), folder=found.folder)]
    if found.problems:
        told_of = [talk.say("problem", item.code, **item.facts) for item in found.problems]
        return [talk.say("closing", "faulty", book=found.book), *told_of]
    if found.open:
        return _refusal(talk, found)
    facts = {"book": found.book, "version": found.version, "time": found.event["time"], "folder": found.folder,
             "by": found.event["by"], **found.event["counts"]}
    explained = [talk.say("closing", "explained", reason=talk.say(gap.section, gap.code, **gap.facts)) for gap in found.gaps]
    return [*explained, talk.say("closing", "closed_before" if found.before else "closed", **facts)]


def _refusal(talk: Talk, found: Any) -> list[str]:
    lines = [talk.say("closing", "refused", book=found.book)]
    lines += ["  " + talk.say(gap.section, gap.code, **gap.facts) for gap in found.open]
    if any(gap.explainable for gap in found.open):
        lines.append(talk.say("closing", "explain"))
    return lines


COMMANDS: tuple[click.Command, ...] = (waiting, accept, mark, sample, close)
