"""How the icons talk: boxes in Vietnamese and English, and a log, since there is no console.

Where nobody sits (`SOHOA_SILENT=1`) only the log is written.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

MB_YESNO, MB_ICONERROR, MB_ICONQUESTION, MB_ICONINFORMATION, MB_SETFOREGROUND, IDYES = 0x4, 0x10, 0x20, 0x40, 0x10000, 6
LOG, BEFORE, MOST_BYTES = "nhat-ky.txt", "nhat-ky-truoc.txt", 2_000_000
SETTINGS = "cau-hinh.yaml"


def home() -> Path:
    """Where the person's own things lie: the log, their settings, and the store unless the settings say otherwise."""
    return Path.home() / "sohoa"


def own_settings() -> None:
    """Let the program read the person's settings file, where they have one."""
    if (home() / SETTINGS).is_file():
        os.environ.setdefault("SOHOA_CONFIG", str(home() / SETTINGS))


def log_file() -> TextIO:
    """The log, open for more; a long one is put aside, and the one before it goes."""
    home().mkdir(parents=True, exist_ok=True)
    path = home() / LOG
    if path.exists() and path.stat().st_size > MOST_BYTES:
        os.replace(path, home() / BEFORE)
    return open(path, "a", encoding="utf-8", errors="backslashreplace", buffering=1)


def to_log() -> Path:
    """Send what this program says to the log. Without one (no room, no rights) it says it to nobody."""
    try:
        sys.stdout = sys.stderr = log_file()
    except OSError:
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  for the whole run
    print(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}")
    return home() / LOG


def sentence(code: str, **facts: Any) -> str:
    """A sentence in both languages, Vietnamese first."""
    from texts import say

    return "\n\n".join(say("folder", code, language, **facts) for language in ("vi", "en"))


def reason(error: Exception, otherwise: str) -> str:
    """What an error says to a person, in both languages; one that nobody expects is told within the sentence `otherwise`."""
    from errors import SohoaError
    from texts import catalogue, say

    if not isinstance(error, SohoaError):
        return sentence(otherwise, reason=f"{type(error).__name__}: {error}", log=home() / LOG)
    section = "folder" if error.code in catalogue("vi")["folder"] else "error"
    return "\n\n".join(say(section, error.code, language, **error.facts) for language in ("vi", "en"))


def told(code: str, bad: bool = False, **facts: Any) -> None:
    """Show a sentence in a box, and wait until it has been read."""
    shown(sentence(code, **facts), bad)


def shown(text: str, bad: bool = False) -> None:
    """Show a text in a box, and wait until it has been read."""
    _box(text, MB_ICONERROR if bad else MB_ICONINFORMATION)


def agreed(code: str, **facts: Any) -> bool:
    """Ask a question; where nobody sits the answer is no."""
    return _box(sentence(code, **facts), MB_YESNO | MB_ICONQUESTION) == IDYES


def wait_for_enter() -> None:
    """Keep a console open that closes with its program, until it has been read."""
    if sys.stdin is not None and sys.stdin.isatty():
        print("\n" + sentence("press_enter"))
        with suppress(EOFError):  # Windows takes NUL for a terminal
            input()


def _box(text: str, kind: int) -> int:
    print(text)
    if os.name != "nt" or os.environ.get("SOHOA_SILENT"):
        return 0
    import ctypes

    return ctypes.windll.user32.MessageBoxW(None, text, "sohoa", kind | MB_SETFOREGROUND)
