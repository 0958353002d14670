"""The icon that ends the station in good order."""

from __future__ import annotations

import os
from collections.abc import Sequence

from clerk import screen
from errors import SohoaError

PATIENCE_S = 120.0


def main(words: Sequence[str]) -> int:
    """End the station of this person and tell when it has ended."""
    screen.to_log()
    screen.own_settings()
    try:
        if end_station():
            screen.told("ended")
            return 0
    except SohoaError as error:  # a mistake in the settings, say: nobody would see it
        screen.shown(screen.reason(error, "not_ended"), bad=True)
        return int(error.exit_code)
    screen.told("not_ended", bad=True, seconds=round(PATIENCE_S))
    return 75


def end_station() -> bool:
    """Ask the station to end and wait; True where none runs any more."""
    from settings import load
    from station import running
    from station.shelf import workplace_of

    return running.end(workplace_of(None, load(os.environ.get("SOHOA_CONFIG")), new=True), PATIENCE_S)
