"""The disposable process in which SANE's drivers run: `python -m capture.sane.worker`, told what to do by `driver`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from capture.devices import Device, ScannerFailed
from capture.session import Drivers, serve

if TYPE_CHECKING:
    from capture.sane.device import SaneDevice


class Sane:
    """SANE's drivers."""

    def listed(self) -> list[Device]:
        from capture.sane.device import listed

        return listed()

    def opened(self, name: str) -> SaneDevice:
        from capture.sane.device import SaneDevice

        return SaneDevice(name)


def load(order: Mapping[str, Any]) -> Drivers:
    """Raises ScannerFailed: scanner_missing_library."""
    try:
        import sane
    except ImportError as error:
        raise ScannerFailed("scanner_missing_library", reason=str(error)) from error
    sane.init()
    return Sane()


if __name__ == "__main__":
    sys.exit(serve(load))
