"""Options that many commands share."""

from __future__ import annotations

import getpass
from pathlib import Path

import click


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
