"""The commands about the cases of a book."""

from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()
