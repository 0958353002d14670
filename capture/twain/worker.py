"""The disposable process in which TWAIN's drivers run: `python -m capture.twain.worker`, told what to do by `driver`.

Its orders name the source manager's library ("manager") and what its devices' names begin with ("prefix").
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from capture.devices import Device, ScannerFailed
from capture.session import Drivers, serve

if TYPE_CHECKING:
    from capture.twain.device import TwainDevice
    from capture.twain.dsm import Dsm


class Twain:
    """The sources that one source manager knows."""

    def __init__(self, manager: str, prefix: str) -> None:
        self._manager, self._prefix = manager, prefix

    def listed(self) -> list[Device]:
        from capture.twain import device

        dsm = self._open()
        try:
            return device.listed(dsm, self._prefix)
        finally:
            dsm.lower(1)

    def opened(self, name: str) -> TwainDevice:
        from capture.twain import device

        dsm = self._open()
        try:
            return device.opened(dsm, name.removeprefix(self._prefix))
        except BaseException:
            dsm.lower(1)
            raise

    def _open(self) -> Dsm:
        from capture.twain.dsm import loaded

        dsm = loaded(self._manager)
        dsm.open()
        return dsm


def load(order: Mapping[str, Any]) -> Drivers:
    """Raises ScannerFailed scanner_python where this Python lacks Pillow, as one that a person has installed may.

    Signs of life are given meanwhile: a virus scanner may look at each file of it.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise ScannerFailed("scanner_python", python=sys.executable, reason=str(error)) from error
    return Twain(order["manager"], order["prefix"])


if __name__ == "__main__":
    sys.exit(serve(load))
