"""The command that tells how far the work has come."""

from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()
