"""The commands that end the work on a book: pages accepted, samples drawn, books closed."""

from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()
