"""The icon that lets the program start when its person logs on.

A value under the person's own Run key needs no administrator; a task of the task scheduler at log-on does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from clerk import launchers, screen
from clerk.folder import this_release

KEY, VALUE = r"Software\Microsoft\Windows\CurrentVersion\Run", "sohoa"
REMOVABLE = 2  # GetDriveTypeW


def main(words: Sequence[str]) -> int:
    """Ask whether to switch it on or off; `bat` and `tat` say which without a question."""
    screen.to_log()
    top = this_release().top
    is_on = bool(entry())
    on = "bat" in words or ("tat" not in words and not is_on)
    asked = "bat" in words or "tat" in words
    if on and is_removable(top):
        screen.told("logon_removable", bad=True, folder=top)
        return 1
    if asked or screen.agreed("logon_on" if on else "logon_off"):
        try:
            switch(line(top) if on else "")
        except OSError as error:  # the rules of an office may forbid it
            screen.told("logon_failed", bad=True, reason=error.strerror or error)
            return 1
        screen.told("logon_is_on" if on else "logon_is_off")
    return 0


def line(top: Path) -> str:
    """What Windows starts at log-on."""
    return f'"{top / launchers.OPEN.name}" --quiet'


def refresh(top: Path) -> None:
    """Where it is switched on, let it name this folder: the clerk may have moved it."""
    with suppress(OSError):
        if entry() not in ("", line(top)) and not is_removable(top):
            switch(line(top))


def entry() -> str:
    """What is started at log-on now; empty for nothing."""
    if os.name != "nt":
        return ""
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, KEY) as key:
            return str(winreg.QueryValueEx(key, VALUE)[0])
    except FileNotFoundError:
        return ""


def switch(command: str) -> None:
    """Start `command` at log-on from now on; empty: nothing. Raises OSError."""
    import winreg

    with winreg.CreateKey(winreg.HKEY_CURRENT_USER, KEY) as key:
        if command:
            winreg.SetValueEx(key, VALUE, 0, winreg.REG_SZ, command)
        else:
            with suppress(FileNotFoundError):
                winreg.DeleteValue(key, VALUE)


def is_removable(folder: Path) -> bool:
    """Whether a folder lies on a stick that will be pulled out."""
    if os.name != "nt":
        return False
    import ctypes

    return ctypes.windll.kernel32.GetDriveTypeW(f"{folder.drive}\\") == REMOVABLE
