"""Errors that a person is told about, and the exit codes of the program.

An error carries a code and facts, never a sentence: `texts/` holds, for each code, what happened, what is safe and
what to do, in Vietnamese and English.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. The numbers above 63 are those of BSD's sysexits.h."""

    OK = 0
    FAILED_CHECK = 1  # the command worked; what it looked at is not in order
    USAGE = 2  # click's own code for a wrong command line
    BAD_DATA = 65  # at least one file could not be read; the others were done
    NO_INPUT = 66
    INTERNAL = 70
    CANNOT_WRITE = 73
    IO_ERROR = 74
    BUSY = 75  # another sohoa works on the same store
    BAD_CONFIG = 78
    STOPPED = 130  # by Ctrl-C; the work goes on from here next time


class SohoaError(Exception):
    """An expected failure. `code` names its sentence in `texts/`, `facts` fill the sentence in."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def __reduce__(self):
        return _rebuild, (type(self), self.code, self.facts)

    def __str__(self) -> str:
        return f"{self.code} {self.facts}" if self.facts else self.code


def _rebuild(kind: type[SohoaError], code: str, facts: dict[str, object]) -> SohoaError:
    return kind(code, **facts)


class UnreadableImage(SohoaError):
    """The bytes are not an image that can be read to its end within the limits."""

    exit_code = ExitCode.BAD_DATA


class UnreadableTable(SohoaError):
    """A workbook or CSV that was filled in cannot be read as a table of cases."""

    exit_code = ExitCode.BAD_DATA


class NothingToDo(SohoaError):
    """No source held an image."""

    exit_code = ExitCode.NO_INPUT


class BadIdentity(SohoaError):
    """A book or page identity is not of the form the registers use."""

    exit_code = ExitCode.USAGE


class BadConfig(SohoaError):
    """A setting is unknown, of the wrong kind or out of its range."""

    exit_code = ExitCode.BAD_CONFIG


class StorageFailed(SohoaError):
    """The disk refused to keep something; what was accepted earlier is safe."""

    exit_code = ExitCode.IO_ERROR


class NewerStore(SohoaError):
    """A newer program made this store; an older one would not understand it and leaves it as it is."""

    exit_code = ExitCode.BAD_CONFIG


class StoreBusy(SohoaError):
    """Another running program holds the store."""

    exit_code = ExitCode.BUSY


class BrokenPackage(SohoaError):
    """A package to be verified or made is not whole."""

    exit_code = ExitCode.FAILED_CHECK


class CannotSign(SohoaError):
    """The key to sign with cannot be had, or it does not sign."""

    exit_code = ExitCode.BAD_CONFIG


class Refused(SohoaError):
    """What is asked for would make what people say of a book worthless."""

    exit_code = ExitCode.USAGE
