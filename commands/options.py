"""What many commands share: their options, and the book that they are about."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from talk import Talk, progress_bar


def _who() -> str:
    """The name of the person at the keyboard, as the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return ""


store_option = click.option("--store", type=click.Path(path_type=Path), help="Thư mục của trạm. / The station's folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="Kết quả dạng JSON. / The outcome as JSON.")
by_option = click.option("--by", default=_who, help="Người làm, ghi vào nhật ký. / Who does it, for the log.")
profile_option = click.option("--profile", type=click.Choice(("ministry", "archive", "both")), default="both",
                              show_default=True, help="Gói nộp Bộ, gói lưu trữ, hay cả hai. / Which packages.")


@contextmanager
def work_on(talk: Talk, book: str, store: Path | None, quiet: bool, jobs: int = 0) -> Iterator[Any]:
    """The book that a command is about, with a bar for pages that are to be developed first."""
    from book import Identity
    from bookwork import Work
    from station.shelf import workplace_of

    settings = talk.settings()
    identity = Identity.parse(book, settings.kinds)
    with progress_bar(talk, quiet) as progress:
        yield Work(workplace_of(store, settings), identity, settings, jobs, progress)
