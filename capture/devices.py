"""What every kind of scanner has in common: what it is, what is asked of it, what comes of it, and its words.

Drivers name sources, modes and buttons each in their own way ("ADF Front", "24bit Color"): here they become ours.
Talking to a driver is left to the families' workers (`sane`, `twain`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from errors import ExitCode, SohoaError

PAPER_MM = {"A3": (297.0, 420.0), "A4": (210.0, 297.0), "A5": (148.0, 210.0)}  # width, height
USUAL_DPI = (75, 100, 150, 200, 240, 300, 400, 600, 1200)
FILM = re.compile("transpar|negative|positive|slide|film|tpu", re.I)
SOURCES = (  # in this order: "ADF Duplex" is no plain feeder, and "Automatic Document Feeder" not automatic
    ("duplex", re.compile("duplex|both|double", re.I)),
    ("feeder", re.compile("adf|feed|front|back", re.I)),
    ("flatbed", re.compile("flat|plat|table|glass|normal|book", re.I)),
)
MODES = {
    "colour": re.compile("colou?r", re.I),
    "grey": re.compile("gr[ae]y", re.I),
    "bitonal": re.compile("lineart|line art|black|binary|mono|b/w", re.I),
}
BUTTONS = ("scan", "scan-button", "button-scan", "start", "button-1", "button-0", "button")
NETWORK = re.compile(r"^(net|airscan|escl|dell1600n_net):|:(net|tcp|bjnp|mfnp|http)\b|/net/|\d+\.\d+\.\d+\.\d+", re.I)
USB_PLACE = re.compile(r"libusb:\d+:\d+")


class ScannerFailed(SohoaError):
    """A scanner, or what drives it, does not do what was asked; pages that have arrived are kept."""

    exit_code = ExitCode.IO_ERROR


@dataclass(frozen=True)
class ScanParams:
    """How to scan. Raises ValueError for what no scanner can do."""

    source: Literal["auto", "flatbed", "feeder", "duplex"] = "auto"  # auto: the feeder if there is paper in it
    dpi: int = 300
    mode: Literal["colour", "grey", "bitonal"] = "colour"
    paper: Literal["A5", "A4", "A3", ""] = ""  # empty: all that the scanner can see
    format: Literal["jpeg", "png"] = "jpeg"  # bitonal pages are always PNG
    next_page: Literal["key", "time", "button"] = "key"  # what starts the next page on the glass
    pause_s: float = 5.0  # with `time`: so long to turn the page, s
    page_seconds: float = 10.0  # longest time that a driver may be silent, or asleep while a page is read, s
    wait_seconds: float = 60.0  # and asleep while a lamp warms up or a network scanner makes a page, s
    button: str = ""  # name of the driver's option that is the button; empty: look for one
    options: tuple[str, ...] = ()  # further options of the driver, "name=value"
    window: bool = False  # show the driver's own window, in which a person sets everything (TWAIN)

    def __post_init__(self) -> None:
        if not 50 <= self.dpi <= 2400:
            raise ValueError("dpi: 50 to 2400")
        if min(self.page_seconds, self.wait_seconds) < 1 or self.pause_s < 0:
            raise ValueError("page_seconds, wait_seconds: 1 and more; pause_s: 0 and more")
        if not all("=" in option for option in self.options):
            raise ValueError("options: name=value")


@dataclass(frozen=True)
class Device:
    """A scanner. What could not be asked, because it is busy or does not answer, is empty.

    `sources` in our words; `resolutions` in dpi (the usual ones where any in a range will do); the largest
    area in mm, 0 where unknown.
    """

    name: str
    vendor: str
    model: str
    kind: str
    sources: tuple[str, ...] = ()
    resolutions: tuple[float, ...] = ()
    modes: tuple[str, ...] = ()
    width_mm: float = 0.0
    height_mm: float = 0.0
    duplex: bool = False
    button: bool = False
    network: bool = False


@dataclass(frozen=True)
class Scanned:
    """A page that is safe in the folder under its name. `dpi` is what the driver says it used, 0 if it does not."""

    path: Path
    width: int
    height: int
    dpi: float
    number: int


@dataclass(frozen=True)
class Trouble:
    """Why a run of scanning ended early. `code` names a sentence of section `error`, `facts` fill it in."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def source_kind(name: str) -> str:
    """`flatbed`, `feeder`, `duplex` for a driver's name of a source; empty for another, such as film."""
    if FILM.search(name):
        return ""
    return next((kind for kind, pattern in SOURCES if pattern.search(name)), "")


def sources_by_kind(names: Sequence[str]) -> dict[str, str]:
    """Our word → the driver's name of each source there is; the front of a sheet goes before its back."""
    kinds: dict[str, str] = {}
    for name in sorted(names, key=lambda name: "back" in name.lower()):
        kinds.setdefault(source_kind(name), name)
    return {kind: kinds[kind] for kind in ("flatbed", "feeder", "duplex") if kind in kinds}


def mode_named(asked: str, names: Sequence[str]) -> str:
    """The driver's name of our mode: the plainest that fits ("True Gray" before "Gray[Error Diffusion]"), or empty."""
    return min((name for name in names if MODES[asked].search(name)), key=len, default="")


def resolutions_of(constraint: object) -> tuple[float, ...]:
    """What a resolution option allows, dpi: a list as it is, of a range (least, most, step) the usual ones."""
    if isinstance(constraint, tuple) and len(constraint) == 3:
        least, most, _ = constraint
        return tuple(float(dpi) for dpi in USUAL_DPI if least <= dpi <= most)
    return tuple(float(dpi) for dpi in constraint or ()) if isinstance(constraint, list) else ()


def area_for(paper: str, room: tuple[float, float], slack: float = 3.0) -> tuple[float, float] | None:
    """Width and height, mm, to scan `paper` with `room` mm: upright, or turned where only that fits.

    None where it does not fit at all. A glass that is less than `slack` mm too small for a paper was made for it.
    """
    if not paper:
        return room
    width, height = PAPER_MM[paper]
    for area in ((width, height), (height, width)):
        if area[0] <= room[0] + slack and area[1] <= room[1] + slack:
            return min(area[0], room[0]), min(area[1], room[1])
    return None


def is_network(name: str) -> bool:
    """Whether a driver's name of a device says that it is reached over the network."""
    return bool(NETWORK.search(name))


def same_device(name: str, names: Sequence[str]) -> str:
    """`name`, or what it is called after it was plugged in again: USB counts on. Empty if that is not certain."""
    if name in names:
        return name
    plain = USB_PLACE.sub("libusb", name)
    alike = [other for other in names if USB_PLACE.sub("libusb", other) == plain]
    return alike[0] if len(alike) == 1 else ""


class Button:
    """Tells presses of a button from its readings: one that stays pressed counts once."""

    def __init__(self) -> None:
        self._down = False

    def pressed(self, reading: object) -> bool:
        down, self._down = self._down, bool(reading)
        return self._down and not down
