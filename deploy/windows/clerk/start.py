"""The icon that opens the program: the station runs behind it, without a console, and its page opens in the browser."""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from clerk import launchers, logon, screen, shortcut
from clerk.folder import Release, this_release
from errors import SohoaError

SEEN = "da-xem.json"  # what need not be asked or checked again
QUIET = "--quiet"  # at log-on: no page, no question
LATER_S = 30.0  # after the start: the page has come first
STARTING_S = 60.0  # a station that was just started needs so long to have a page


def main(words: Sequence[str]) -> int:
    """Start the station and stay with it, or open the page of the one that runs. The exit code of the program."""
    log, quiet = screen.to_log(), QUIET in words
    try:
        screen.own_settings()
        release = this_release()
        if not is_whole(release):
            return 1
        settle(release)
        if running_page(opens=not quiet):
            return 0
        if not quiet:
            offer_shortcut(release)
        threading.Thread(target=check_later, args=(release,), daemon=True).start()
        begin = log.stat().st_size if log.exists() else 0
        code = station(quiet)
        if code not in (0, 75, 130):
            screen.told("not_started", bad=True, reason=last_words(log, begin), log=log)
        return code
    except Exception as error:
        traceback.print_exc()
        screen.shown(screen.reason(error, "not_started"), bad=True)
        return 70


def is_whole(release: Release) -> bool:
    """Whether all files are there, at their length; told where they are not. What was found whole is not looked at again."""
    if seen().get("whole") == str(release.path):
        return True
    return not tell_damage(release, release.problems(thorough=False))


def check_later(release: Release) -> None:
    """Read every file once, while the person works already: a stick that was pulled out too early leaves files of zeros."""
    if seen().get("whole") != str(release.path):
        time.sleep(LATER_S)
        if not tell_damage(release, release.problems()):
            remember(whole=str(release.path))


def tell_damage(release: Release, names: list[str]) -> bool:
    """Tell which files are not as they should be, if there are any."""
    if names:
        print(*names, sep="\n")
        screen.told("not_whole", bad=True, number=len(names), file=names[0], folder=release.top)
    return bool(names)


def settle(release: Release) -> None:
    """Finish what an update has left: icons that ran then name this release, too; the log-on names this folder.

    Where the first icon names another by now, an update has gone back from this one, which was slow to start.
    """
    if launchers.target(release.top / launchers.OPEN.name) not in ("", release.name):
        return
    with suppress(SohoaError, OSError):
        launchers.point(release)
        logon.refresh(release.top)


def running_page(opens: bool) -> bool:
    """Whether a station of this person runs already; its page is opened then."""
    import click

    from settings import load
    from station import running
    from station.shelf import workplace_of

    workplace = workplace_of(None, load(os.environ.get("SOHOA_CONFIG")), new=True)
    deadline = time.monotonic() + STARTING_S
    while running.is_running(workplace):
        here = running.running(workplace)
        if here is not None or time.monotonic() > deadline:
            if opens and here is not None and here.address:
                click.launch(here.address)
            return True
        time.sleep(0.3)
    return False


def station(quiet: bool) -> int:
    """Run the station until it is asked to end."""
    import sohoa
    from talk import Talk

    try:
        sohoa.cli(["watch", "--no-open" if quiet else "--open"], prog_name="sohoa", obj=Talk())
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 70
    return 0


def last_words(log: Path, begin: int) -> str:
    """The last that was said to a person, rather than to a program, since `begin`."""
    try:
        said = log.read_bytes()[begin:].decode("utf-8", "replace").splitlines()
    except OSError:
        said = []
    return next((line for line in reversed(said) if line.strip() and not line.startswith("{")), "?")


def offer_shortcut(release: Release) -> None:
    """Ask once whether the icon shall lie on the desktop, too."""
    if seen().get("asked"):
        return
    remember(asked=True)
    if screen.agreed("shortcut"):
        try:
            shortcut.make(shortcut.desktop() / "sohoa.lnk", release.top / launchers.OPEN.name)
        except OSError:  # some guards of Windows let nobody write there; it is no reason not to start
            traceback.print_exc()


def seen() -> dict[str, object]:
    """What was noted at earlier starts."""
    try:
        found = json.loads((screen.home() / SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(**facts: object) -> None:
    """Note something for later starts."""
    from originals.durable import write_file

    text = json.dumps({**seen(), **facts}, ensure_ascii=False)
    write_file(screen.home() / SEEN, [text.encode("utf-8")])
