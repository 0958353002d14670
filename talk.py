"""How a command talks: in which language, to a person or a program; its errors in words; its progress as a bar."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from errors import ExitCode, SohoaError
from texts import say


class Talk:
    """How this run speaks: language, and whether a person or a program listens."""

    def __init__(self) -> None:
        self.language = "vi"
        self.config: str | None = None
        self.chosen = False

    def say(self, section: str, code: str, **facts: Any) -> str:
        return say(section, code, self.language, **facts)

    def settings(self) -> Any:
        """The settings; their language counts unless `--lang` was given."""
        from settings import load

        settings = load(self.config)
        if not self.chosen:
            self.language = settings.general.language
        return settings


pass_talk = click.make_pass_decorator(Talk, ensure=True)


def told(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an expected failure into its sentence and exit code, and Ctrl-C into a calm ending."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        talk = click.get_current_context().find_object(Talk)
        try:
            code = command(*args, **kwargs)
        except SohoaError as error:
            click.echo(talk.say("error", error.code, **error.facts), err=True)
            code = error.exit_code
        except KeyboardInterrupt:
            click.echo(talk.say("error", "stopped"), err=True)
            code = ExitCode.STOPPED
        except OSError as error:
            reason = error.strerror or str(error)
            click.echo(talk.say("error", "system", reason=reason, file=error.filename or ""), err=True)
            code = ExitCode.IO_ERROR
        sys.exit(int(code or ExitCode.OK))

    return run


@contextmanager
def progress_bar(talk: Talk, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A function (step, done, of) that draws a bar with the time left for each step, on the error stream."""
    bars: dict[str, Any] = {}

    def show(step: str, done: int, of: int) -> None:
        if quiet or of == 0:
            return
        if step not in bars:
            label = talk.say("progress", step)
            bars[step] = click.progressbar(length=of, label=label, show_pos=True, file=sys.stderr).__enter__()
        bar = bars[step]
        bar.update(done - bar.pos)
        if done == of:
            bar.finish()
            bar.render_finish()

    yield show
