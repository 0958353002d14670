"""Scanners through SANE (Linux): which there are, and their pages one by one.

The driver library is never loaded here: each session is a disposable process (`saneworker`), so that after a jam, a
hang or a crash the next `scan` simply works. Files appear in the folder only whole. What becomes of them is left to
the station; the commands and their sentences to `sohoa`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from capture.devices import Device, Scanned, ScannerFailed, ScanParams, Trouble, is_network
from capture.driver import Driver, DriverGone

__all__ = ["Device", "ScanParams", "Scanned", "ScannerFailed", "Trouble", "devices", "scan"]

WORKER = "capture.saneworker"
OPENING = 6.0  # s for a scanner to say what it can do


def devices(seconds: float = 20.0) -> list[Device]:
    """The scanners on USB and in the network, with what they can do, found within `seconds`.

    One that is busy or does not answer is listed with its name alone. Raises ScannerFailed: scanner_missing_library,
    scanner_hangs, scanner_crashed.
    """
    end = time.monotonic() + seconds
    found = {device.name: device for device in _names(seconds)}
    waiting = [asdict(device) for device in found.values()]
    while waiting and time.monotonic() < end:
        with suppress(DriverGone), Driver(WORKER, {"do": "describe", "devices": waiting}) as driver:
            for message in _until(driver, min(end, time.monotonic() + OPENING * len(waiting)), OPENING):
                waiting = waiting[1:] if "described" in message else waiting
                if message.get("described"):
                    device = _device(message["described"])
                    found[device.name] = device
            break
        waiting = waiting[1:]  # the one at which the driver crashed or hung
    return list(found.values())


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
    order = {"do": "scan", "device": device, "params": asdict(params), "folder": str(folder), "wanted": wanted}
    reading = params.wait_seconds if is_network(device) else params.page_seconds
    asleep = {"": params.wait_seconds, "opening": params.wait_seconds, "starting": params.wait_seconds,
              "reading": reading, "saving": params.wait_seconds}
    pages, trouble = 0, None
    try:
        with Driver(WORKER, order) as driver:
            for message in driver.messages(params.page_seconds, asleep, tell):
                if "page" in message:
                    pages += 1
                    yield _scanned(message["page"])
                elif "ask" in message:
                    driver.send({"do": "next" if _another(params, next_page) else "stop"})
                elif "trouble" in message:
                    trouble = Trouble(message["trouble"], message["facts"])
    except DriverGone as gone:
        trouble = Trouble(f"scanner_{gone.code}", gone.facts)
    if trouble:
        away = trouble.code in ("scanner_io", "scanner_crashed") and _is_away(device)
        yield Trouble("scanner_unplugged" if away else trouble.code, {"device": device, "pages": pages, **trouble.facts})


def _another(params: ScanParams, next_page: Callable[[], bool]) -> bool:
    if params.next_page == "time":
        time.sleep(params.pause_s)
    return next_page()


def _names(seconds: float) -> list[Device]:
    found: list[Device] = []
    try:
        with Driver(WORKER, {"do": "list"}) as driver:
            for message in _until(driver, time.monotonic() + seconds, seconds):
                if "trouble" in message:
                    raise ScannerFailed(message["trouble"], **{"device": "SANE", "pages": 0, **message["facts"]})
                found += map(_device, message.get("found", ()))
    except DriverGone as gone:
        raise ScannerFailed(f"scanner_{gone.code}", device="SANE", pages=0, **gone.facts) from gone
    return found


def _until(driver: Driver, end: float, asleep: float) -> Iterator[dict[str, Any]]:
    """Messages of a driver, which may sleep for `asleep` s at a time, until the clock shows `end`."""
    longest = max(0.1, min(asleep, end - time.monotonic()))
    yield from driver.messages(longest, dict.fromkeys(("", "listing", "opening"), longest))


def _is_away(device: str) -> bool:
    """Whether a scanner that failed cannot even be opened any more."""
    facts = asdict(Device(device, "", "", ""))
    with suppress(DriverGone), Driver(WORKER, {"do": "describe", "devices": [facts]}) as driver:
        for message in _until(driver, time.monotonic() + OPENING, OPENING):
            if "code" in message:
                return message["code"] in ("scanner_not_found", "scanner_io", "scanner_refused")
    return False


def _device(facts: dict[str, Any]) -> Device:
    return Device(**{key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()})


def _scanned(facts: dict[str, Any]) -> Scanned:
    return Scanned(Path(facts["path"]), facts["width"], facts["height"], facts["dpi"], facts["number"])
