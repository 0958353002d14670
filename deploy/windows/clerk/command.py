"""The program for the command line, with the person's own settings."""

from __future__ import annotations

from collections.abc import Sequence

from clerk import screen


def main(words: Sequence[str]) -> None:
    """All of `sohoa`, as it is everywhere; it reads its words itself."""
    screen.own_settings()
    import sohoa

    sohoa.main()
