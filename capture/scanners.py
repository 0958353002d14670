"""Scanners of every family of drivers, SANE's and TWAIN's: which there are, and their pages one by one.

No driver is ever loaded here: each session is a disposable process, so that after a jam, a hang or a crash the next
`scan` simply works. Files appear in the folder only whole. What becomes of them is left to the station; the commands
and their sentences to `sohoa`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from capture.devices import Device, Scanned, ScannerFailed, ScanParams, Trouble, is_network
from capture.driver import Driver, DriverGone
from capture.twain import managers

OPENING = 6.0  # s for a scanner to say what it can do
ON_WINDOWS = os.name == "nt"


@dataclass(frozen=True)
class Family:
    """Drivers of one kind: what their devices' names begin with, the worker that loads them and what it must be told.

    python: the Python for it; None: this program's own.
    """

    name: str
    prefix: str
    worker: str
    python: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def driver(self, **order: Any) -> Driver:
        """The worker, started with an order. Raises ScannerFailed: scanner_python."""
        try:
            return Driver(self.worker, {**order, **self.facts}, self.python)
        except OSError as error:
            raise ScannerFailed("scanner_python", python=str(self.python), reason=error.strerror or str(error)) from error


SANE = Family("SANE", "", "capture.sane.worker")


def families() -> tuple[Family, ...]:
    """What scanners can be reached through on this computer: SANE, or on Windows TWAIN of each word size there is.

    Raises ScannerFailed where there is none at all: twain_missing, twain_no_python.
    """
    if not ON_WINDOWS:
        return (SANE,)
    found = managers.managers()
    usable = tuple(_twain(manager) for manager in found if manager.usable)
    if usable:
        return usable
    for manager in found:
        if manager.drivers:
            raise ScannerFailed("twain_no_python", bits=manager.bits, drivers=", ".join(manager.drivers))
    raise ScannerFailed("twain_missing")


def _twain(manager: managers.Manager) -> Family:
    prefix = f"twain{manager.bits}:"
    return Family(f"TWAIN ({manager.bits} bit)", prefix, "capture.twain.worker", manager.python,
                  {"manager": str(manager.path), "prefix": prefix})


def family_of(device: str) -> Family:
    """The family that a device's name tells. Raises ScannerFailed: as `families`, scanner_not_found."""
    for family in families():
        if device.startswith(family.prefix):
            return family
    raise ScannerFailed("scanner_not_found", device=device, pages=0)


def devices(seconds: float = 20.0) -> list[Device]:
    """The scanners on cables and in the network, with what they can do, found within `seconds`.

    One that is busy or does not answer is listed with its name alone. A scanner with drivers of both word sizes is
    listed once. Raises ScannerFailed where no family answers: as `families`, scanner_missing_library, scanner_hangs,
    scanner_crashed.
    """
    start = time.monotonic()
    found: list[Device] = []
    failure: ScannerFailed | None = None
    asked = families()
    for number, family in enumerate(asked, 1):
        end = start + seconds * number / len(asked)  # one that hangs leaves the others their time
        try:
            known = {(device.vendor, device.model) for device in found} if family.prefix else set()
            found += _described(family, [one for one in _names(family, end) if (one.vendor, one.model) not in known], end)
        except ScannerFailed as error:
            failure = error
    if failure and not found:
        raise failure
    return found


def scan(
    device: str, params: ScanParams, folder: Path, wanted: int | None, next_page: Callable[[], bool],
    tell: Callable[[str, float], None] | None = None,
) -> Iterator[Scanned | Trouble]:
    """Scan into `folder`, page by page while the feeder still runs; a Trouble, if any, comes last.

    wanted: so many pages at most. On the glass `next_page` is asked after each page whether there is another (with
    `key`; with `time` after the pause; with `button` the scanner's button starts each page). `tell` gets, twice a
    second, what the driver does (opening, starting, reading, saving, waiting) and for how many seconds it
    has been asleep. Closing the iterator ends the session; pages in the folder stay. Never raises for the scanner.
    """
    pages, trouble = 0, None
    try:
        with family_of(device).driver(
            do="scan", device=device, params=asdict(params), folder=str(folder), wanted=wanted,
        ) as driver:
            for message in driver.messages(params.page_seconds, _asleep(device, params), tell):
                if "page" in message:
                    pages += 1
                    yield _scanned(message["page"])
                elif "ask" in message:
                    driver.send({"do": "next" if _another(params, next_page) else "stop"})
                elif "trouble" in message:
                    trouble = Trouble(message["trouble"], message["facts"])
    except DriverGone as gone:
        trouble = Trouble(f"scanner_{gone.code}", gone.facts)
    except ScannerFailed as error:
        trouble = Trouble(error.code, error.facts)
    if trouble:
        away = trouble.code in ("scanner_io", "scanner_crashed") and _is_away(device)
        code = "scanner_unplugged" if away else trouble.code
        yield Trouble(code, {**trouble.facts, "device": device, "pages": pages})


def _asleep(device: str, params: ScanParams) -> dict[str, float]:
    """State of a driver → the longest time that it may be asleep in it, s."""
    reading = params.wait_seconds if is_network(device) else params.page_seconds
    return {"": params.wait_seconds, "opening": params.wait_seconds, "starting": params.wait_seconds,
            "reading": reading, "saving": params.wait_seconds}


def _another(params: ScanParams, next_page: Callable[[], bool]) -> bool:
    if params.next_page == "time":
        time.sleep(params.pause_s)
    return next_page()


def _names(family: Family, end: float) -> list[Device]:
    found: list[Device] = []
    try:
        with family.driver(do="list") as driver:
            for message in _until(driver, end, end - time.monotonic()):
                if "trouble" in message:
                    raise ScannerFailed(message["trouble"], **{"device": family.name, "pages": 0, **message["facts"]})
                found += map(_device, message.get("found", ()))
    except DriverGone as gone:
        raise ScannerFailed(f"scanner_{gone.code}", device=family.name, pages=0, **gone.facts) from gone
    return found


def _described(family: Family, named: list[Device], end: float) -> list[Device]:
    """The devices with what they can do, as far as they answer in time."""
    found = {device.name: device for device in named}
    waiting = [asdict(device) for device in named]
    while waiting and time.monotonic() < end:
        with suppress(DriverGone), family.driver(do="describe", devices=waiting) as driver:
            for message in _until(driver, min(end, time.monotonic() + OPENING * len(waiting)), OPENING):
                waiting = waiting[1:] if "described" in message else waiting
                if message.get("described"):
                    device = _device(message["described"])
                    found[device.name] = device
            break
        waiting = waiting[1:]  # the one at which the driver crashed or hung
    return list(found.values())


def _until(driver: Driver, end: float, asleep: float) -> Iterator[dict[str, Any]]:
    """Messages of a driver, which may sleep for `asleep` s at a time, until the clock shows `end`."""
    longest = max(0.1, min(asleep, end - time.monotonic()))
    yield from driver.messages(longest, dict.fromkeys(("", "listing", "opening"), longest))


def _is_away(device: str) -> bool:
    """Whether a scanner that failed cannot even be opened any more."""
    facts = asdict(Device(device, "", "", ""))
    with suppress(DriverGone, ScannerFailed), family_of(device).driver(do="describe", devices=[facts]) as driver:
        for message in _until(driver, time.monotonic() + OPENING, OPENING):
            if "code" in message:
                return message["code"] in ("scanner_not_found", "scanner_io", "scanner_refused", "scanner_unplugged")
    return False


def _device(facts: dict[str, Any]) -> Device:
    return Device(**{key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()})


def _scanned(facts: dict[str, Any]) -> Scanned:
    return Scanned(Path(facts["path"]), facts["width"], facts["height"], facts["dpi"], facts["number"])
