"""The commands of a station: watch, status, books, cover sheets, packages."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from commands.options import by_option, json_option, profile_option, store_option
from errors import ExitCode
from talk import Talk, pass_talk, progress_bar, told

LAYOUTS, PAPERS = ("single", "spread"), ("A5", "A4", "A3", "A2")
COVER_COMMANDS = ("end", "retake", "blank", "slip")



@click.command()
@click.option("--inbox", "inboxes", multiple=True, type=click.Path(path_type=Path),
              help="Thư mục nhận ảnh. / A folder that images come into (repeatable).")
@store_option
@click.option("--jobs", type=click.IntRange(0), default=0, help="Số trang làm cùng lúc. / Pages at once; 0: all cores.")
@click.option("--page/--no-page", default=True, help="Có trang làm việc trong trình duyệt. / With the page or without.")
@click.option("--open/--no-open", "opens", default=None, help="Mở trang đó ngay. / Open the page in the browser at once.")
@pass_talk
@told
def watch(
    talk: Talk, inboxes: tuple[Path, ...], store: Path | None, jobs: int, page: bool, opens: bool | None
) -> ExitCode:
    """Nhận ảnh suốt ngày và xử lý ở phía sau. / Receive images all day, develop them behind."""
    from errors import StoreBusy
    from originals.durable import make_folder
    from station import running, service
    from station.daemon import Station
    from station.shelf import home, workplace_of
    from webstation.hub import Hub
    from webstation.station import StationPage

    settings, stop = talk.settings(), service.stop_on_signals()
    opens = (settings.page.open and sys.stdout.isatty()) if opens is None else opens
    workplace = workplace_of(store, settings, new=True)
    folders, hub = [*map(Path, settings.watch.inboxes), *inboxes], Hub()
    if workplace.root == home()[0] and not folders:
        folders = [home()[1]]
        make_folder(folders[0])

    def tell(event: str, **facts: Any) -> None:
        service.log(event, **facts)
        hub.tell(event, **facts)

    station = Station(workplace, settings, folders, stop, tell, lambda: service.notify("WATCHDOG=1"), jobs)
    screens = StationPage(workplace, settings, hub, station.poke, folders) if page else None

    def ready() -> None:
        if screens:
            screens.start()
        note.enter_context(running.noted(workplace, screens.address if screens else "", stop))
        if screens:
            click.echo(talk.say("station", "page", address=screens.address))
            if opens:
                click.launch(screens.address)
        service.notify("READY=1")
        click.echo(talk.say("station", "watching", store=workplace.root, inboxes=", ".join(map(str, folders)) or "–"))
        for folder in folders:
            if not folder.is_dir():
                click.echo(talk.say("station", "folder_away", folder=folder))

    note = ExitStack()
    try:
        station.run(ready)
    except StoreBusy:
        here = running.running(workplace)
        if here and here.address and page and opens:
            click.launch(here.address)
        raise
    finally:
        service.notify("STOPPING=1")
        note.close()
        if screens:
            screens.stop()
    click.echo(talk.say("station", "stopped"))
    return ExitCode.OK


@click.command()
@store_option
@click.option("--seconds", type=click.IntRange(1), default=120, show_default=True, help="Đợi bao lâu. / Longest wait.")
@pass_talk
@told
def stop(talk: Talk, store: Path | None, seconds: int) -> ExitCode:
    """Dừng trạm đang chạy. / End the station that runs, in good order."""
    from station import running
    from station.shelf import workplace_of

    workplace = workplace_of(store, talk.settings())
    if running.end(workplace, seconds):
        click.echo(talk.say("station", "not_running", store=workplace.root))
        return ExitCode.OK
    click.echo(talk.say("station", "not_ended", seconds=seconds), err=True)
    return ExitCode.BUSY


@click.command()
@store_option
@json_option
@pass_talk
@told
def status(talk: Talk, store: Path | None, as_json: bool) -> ExitCode:
    """Đã nhận gì, còn chờ gì, để riêng gì. / What came in, what waits, what was put aside and why."""
    from station import words
    from station.shelf import workplace_of

    settings = talk.settings()
    found = words.status(workplace_of(store, settings))
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else words.in_words(found, talk.language))
    return ExitCode.OK


@click.group()
def books() -> None:
    """Các quyển sổ của trạm. / The books of the station."""


@books.command("add")
@click.argument("book")
@store_option
@click.option("--layout", type=click.Choice(LAYOUTS), help="Mỗi ảnh một trang hay hai trang mở. / Layout of its captures.")
@click.option("--paper", type=click.Choice(PAPERS), help="Khổ giấy của một lần chụp. / Paper of one capture.")
@click.option("--pages", type=click.IntRange(1), help="Số trang ghi trong sổ. / Pages, as the book itself states.")
@click.option("--cases", type=click.IntRange(1), help="Số trường hợp ghi trong sổ. / Cases, as the book itself states.")
@pass_talk
@told
def add_book(talk: Talk, book: str, store: Path | None, **facts: Any) -> ExitCode:
    """Mở một quyển sổ, hoặc ghi thêm về nó. / Open a book, or say more of it."""
    from book import Identity
    from station import shelf

    settings = talk.settings()
    identity = Identity.parse(book, settings.kinds)
    shelf.add(shelf.workplace_of(store, settings), identity, facts)
    click.echo(talk.say("station", "book_added", book=str(identity)))
    return ExitCode.OK


@books.command("list")
@store_option
@json_option
@pass_talk
@told
def list_books(talk: Talk, store: Path | None, as_json: bool) -> ExitCode:
    """Tất cả các quyển và tình trạng. / All books and where each stands."""
    from station import shelf, words

    settings = talk.settings()
    found = shelf.lines(shelf.workplace_of(store, settings), settings)
    if as_json:
        click.echo(json.dumps([line.to_json() for line in found], ensure_ascii=False))
    else:
        click.echo("\n".join(words.book_line(line, talk.language) for line in found)
                   or talk.say("station", "no_books"))
    return ExitCode.OK


@books.command("state")
@click.argument("book")
@store_option
@json_option
@pass_talk
@told
def book_state(talk: Talk, book: str, store: Path | None, as_json: bool) -> ExitCode:
    """Tình trạng của một quyển. / Where one book stands."""
    from station import shelf, words

    settings = talk.settings()
    found = shelf.line(shelf.workplace_of(store, settings), settings, book)
    click.echo(json.dumps(found.to_json(), ensure_ascii=False) if as_json
               else words.book_whole(found, talk.language))
    return ExitCode.OK


@books.command("assign")
@click.argument("book")
@click.argument("captures", nargs=-1, required=True)
@store_option
@pass_talk
@told
def assign_pages(talk: Talk, book: str, captures: tuple[str, ...], store: Path | None) -> ExitCode:
    """Đưa ảnh chưa rõ sổ vào một quyển (all: tất cả). / Give captures that wait for a book to one."""
    from book import Identity
    from station import shelf

    settings = talk.settings()
    identity = Identity.parse(book, settings.kinds)
    number = shelf.assign(shelf.workplace_of(store, settings), identity, captures)
    click.echo(talk.say("station", "assigned", number=number, book=str(identity)))
    return ExitCode.OK


@click.command()
@click.argument("book")
@store_option
@profile_option
@click.option("--copy-to", type=click.Path(path_type=Path, file_okay=False),
              help="Chép thêm một bản sang ổ khác, đối chiếu sau khi chép. / A second copy, compared after writing.")
@click.option("--again", is_flag=True, help="Ghi lại cả gói đã có, ví dụ khi gói bị hỏng. / Also what is there already.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Số trang làm cùng lúc. / Pages at once; 0: all cores.")
@by_option
@json_option
@pass_talk
@told
def pack(
    talk: Talk, book: str, store: Path | None, profile: str, copy_to: Path | None, again: bool, jobs: int, by: str,
    as_json: bool,
) -> ExitCode:
    """Đóng các gói của một quyển. / Make the packages of a book."""
    import summary
    from book import Identity
    from station import shelf

    settings = talk.settings()
    identity = Identity.parse(book, settings.kinds)
    with progress_bar(talk, as_json) as progress:
        outcome = shelf.pack(shelf.workplace_of(store, settings), identity, settings, jobs, progress, profile, copy_to,
                             by, again)
    click.echo(summary.as_json(outcome, talk.language) if as_json else summary.in_words(outcome, talk.language))
    return ExitCode.OK if outcome.complete else ExitCode.BAD_DATA


@click.command()
@click.argument("books", nargs=-1)
@click.option("--command", "commands", multiple=True, type=click.Choice(COVER_COMMANDS),
              help="Tờ lệnh: hết sổ, chụp lại, trang trắng, tờ đính kèm. / A command sheet (repeatable).")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Tệp PDF. / The PDF to write.")
@pass_talk
@told
def cover(talk: Talk, books: tuple[str, ...], commands: tuple[str, ...], out: Path) -> ExitCode:
    """In tờ bìa có mã để mở sổ mà không cần bàn phím. / Sheets with codes that open a book without a keyboard."""
    from book import Identity
    from capture.cover import CoverCode
    from capture.coversheet import sheets_pdf
    from originals.durable import write_file

    settings = talk.settings()
    if not books and not commands:
        raise click.UsageError(talk.say("error", "nothing_to_print"))
    identities = [Identity.parse(book, settings.kinds) for book in books]
    codes = [*(CoverCode("book", str(identity)) for identity in identities), *(CoverCode(name) for name in commands)]
    write_file(out, [sheets_pdf(codes, talk.language, settings.kinds, settings.places)])
    click.echo(talk.say("station", "covers_written", number=len(codes), file=out))
    return ExitCode.OK


@click.command()
@json_option
@pass_talk
@told
def devices(talk: Talk, as_json: bool) -> ExitCode:
    """Các máy quét thấy được, USB và mạng. / Scanners on USB and in the network."""
    from capture import scanners
    from station import words

    found = scanners.devices()
    if as_json:
        click.echo(json.dumps([device.__dict__ for device in found], ensure_ascii=False))
    else:
        told_of = "\n".join(words.device(item, talk.language) for item in found)
        click.echo(told_of or talk.say("station", "no_devices"))
    return ExitCode.OK if found else ExitCode.NO_INPUT


@click.command()
@click.option("--device", help="Tên máy quét, xem sohoa devices. / Name of the scanner; none: the only one there is.")
@click.option("--book", help="Mã quyển sổ; không có: theo tờ bìa. / Identity of the book; none: by cover sheets.")
@store_option
@click.option("--source", type=click.Choice(("auto", "flatbed", "feeder", "duplex")), help="Kính hay khay nạp. / Source.")
@click.option("--dpi", type=int, help="Độ phân giải. / Resolution.")
@click.option("--mode", type=click.Choice(("colour", "grey", "bitonal")), help="Màu. / Colour.")
@click.option("--paper", type=click.Choice(("A5", "A4", "A3")), help="Khổ giấy. / Paper.")
@click.option("--next", "next_page", type=click.Choice(("key", "time", "button")),
              help="Sang trang bằng phím, theo giờ, hay nút máy quét. / What starts the next page on the glass.")
@click.option("--window", is_flag=True, default=None,
              help="Mở cửa sổ của trình điều khiển (TWAIN). / The driver's own window.")
@click.option("--pages", type=click.IntRange(1), help="Số trang nhiều nhất. / So many pages at most.")
@json_option
@pass_talk
@told
def scan(
    talk: Talk, device: str | None, book: str | None, store: Path | None, pages: int | None, as_json: bool, **asked: Any
) -> ExitCode:
    """Quét vào một quyển sổ. / Scan into a book."""
    from book import Identity
    from station import scanning, words
    from station.shelf import workplace_of

    settings = talk.settings()
    workplace = workplace_of(store, settings)
    identity = Identity.parse(book, settings.kinds) if book else None
    params = scan_params(talk, settings.scan, asked)
    name = device or the_only_scanner(talk)
    asker = words.Asker(talk.language, params.next_page)
    code = ExitCode.OK
    with scanning.Receiver(workplace, settings, lambda event, **facts: None):
        for item in scanning.scan_pages(workplace, settings, name, params, identity, pages, asker.another, asker.wait,
                                        asker.silent):
            if as_json:
                click.echo(json.dumps(words.scanned_plain(item), ensure_ascii=False))
            else:
                click.echo(words.scanned(item, talk.language))
            code = ExitCode.IO_ERROR if hasattr(item, "code") else code
        if not scanning.all_taken(workplace):
            click.echo(talk.say("error", "spool_not_taken", folder=workplace.spool), err=True)
            code = ExitCode.IO_ERROR
    return code


def scan_params(talk: Talk, preset: Any, asked: dict[str, Any]) -> Any:
    """The station's preset with what was asked for laid over it."""
    from dataclasses import replace

    try:
        return replace(preset, **{key: value for key, value in asked.items() if value is not None})
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def the_only_scanner(talk: Talk) -> str:
    """The name of the scanner, where there is just one."""
    from capture import scanners

    found = scanners.devices()
    if len(found) != 1:
        raise click.UsageError(talk.say("error", "scanner_choose", names=", ".join(item.name for item in found) or "–"))
    return found[0].name


COMMANDS = (watch, stop, status, books, devices, scan, cover, pack)
