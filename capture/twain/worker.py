"""The disposable process in which TWAIN's drivers run: `python -m capture.twain.worker`, told what to do by `driver`.

Its orders name the source manager's library ("manager") and what its devices' names begin with ("prefix").
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from capture.devices import Device
from capture.session import Drivers, serve
from capture.twain import device
from capture.twain.dsm import Dsm, loaded


class Twain:
    """The sources that one source manager knows."""

    def __init__(self, manager: str, prefix: str) -> None:
        self._manager, self._prefix = manager, prefix

    def listed(self) -> list[Device]:
        dsm = self._open()
        try:
            return device.listed(dsm, self._prefix)
        finally:
            dsm.lower(1)

    def opened(self, name: str) -> device.TwainDevice:
        dsm = self._open()
        try:
            return device.opened(dsm, name.removeprefix(self._prefix))
        except BaseException:
            dsm.lower(1)
            raise

    def _open(self) -> Dsm:
        dsm = loaded(self._manager)
        dsm.open()
        return dsm


def load(order: Mapping[str, Any]) -> Drivers:
    """Raises nothing: the library is loaded when it is needed."""
    return Twain(order["manager"], order["prefix"])


if __name__ == "__main__":
    sys.exit(serve(load))
