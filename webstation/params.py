"""Settings of the page of the station."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageParams:
    """Where the page is. It answers this computer alone."""

    port: int = 8321  # of http://127.0.0.1:PORT; where another program has it, any free one is taken and told
    open: bool = True  # open it in the browser when a person starts the station
