"""An opened SANE device, with a guard for each known defect of python-sane 2.9. Only `worker` may import this.

- Errors are English sentences without a code: `told` gives each its code.
- Values that overflow or do not fit are taken silently: every option is set, read back and compared.
- `snap` takes 16-bit samples for 8 and ignores padded lines: its lowest level is called, and its bytes laid right.
- `snap` gives half a page as a success: its height is compared with the parameters.
- A progress callback that raises, and `cancel` from another thread, end the process: neither is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import _sane
import numpy as np
import sane
from PIL import Image

from capture.devices import (
    BUTTONS,
    Device,
    ScannerFailed,
    ScanParams,
    area_for,
    is_network,
    mode_named,
    resolutions_of,
    same_device,
    sources_by_kind,
)
from capture.session import Picture

CODES = {  # sane_strstatus; two are of later versions of the standard
    "Operation not supported": "scanner_refused",
    "Operation was canceled": "scanner_cancelled",
    "Operation was cancelled": "scanner_cancelled",
    "Device busy": "scanner_busy",
    "Invalid argument": "scanner_refused",
    "End of file reached": "scanner_truncated",
    "Document feeder jammed": "scanner_jam",
    "Document feeder out of documents": "scanner_no_paper",
    "Scanner cover is open": "scanner_cover_open",
    "Error during device I/O": "scanner_io",
    "Out of memory": "scanner_memory",
    "Access to resource has been denied": "scanner_denied",
    "Lamp not ready, please retry": "scanner_busy",
    "Scanner mechanism locked for transport": "scanner_locked",
}
SAMPLES = {"gray": 1, "color": 3}
MOST_BYTES = 2**31 - 1  # python-sane counts in 32 bits
FIXED_MOST, INT_MOST = 32767, 2**31 - 1
MM_PER_INCH = 25.4
PAPER_SLACK = 1.0  # mm between what is asked and what a driver can set
DPI_SLACK = 0.5
ROUNDING = 2**-15  # fixed-point numbers have 16 bits after the point


@contextmanager
def told() -> Iterator[None]:
    """Turn a sentence of the driver into ScannerFailed with a code."""
    try:
        yield
    except _sane.error as error:
        sentence = str(error)
        raise ScannerFailed(CODES.get(sentence, "scanner_failed"), reason=sentence) from error


def listed() -> list[Device]:
    """The devices that the drivers find, by name alone; cameras are no scanners."""
    with told():
        found = sane.get_devices()
    return [Device(*facts, network=is_network(facts[0])) for facts in found if not facts[0].startswith("v4l:")]


class SaneDevice:
    """A scanner that is open. All methods raise ScannerFailed."""

    def __init__(self, name: str) -> None:
        try:
            with told():
                self._device = sane.open(name)
        except ScannerFailed as error:
            again = same_device(name, [device.name for device in listed()]) if error.code == "scanner_refused" else name
            if again == name:
                raise
            if not again:
                raise ScannerFailed("scanner_not_found") from error
            with told():
                self._device = sane.open(again)
        self.name = name

    # --- What it can do ---

    def described(self, device: Device) -> Device:
        """`device` with all that the options say."""
        modes = self._choices("mode")
        room = self._room()
        sources = self._sources()
        return Device(
            device.name, device.vendor, device.model, device.kind, tuple(sources),
            resolutions_of(self._constraint("resolution")),
            tuple(mode for mode in ("colour", "grey", "bitonal") if mode_named(mode, modes) or self._can_bitonal(mode)),
            *(round(side, 1) for side in room or (0.0, 0.0)), duplex="duplex" in sources,
            button=bool(self.button_name("")), network=device.network,
        )

    def button_name(self, asked: str) -> str:
        """The option that tells of the scanner's button: the one asked for, or one of a known name; or empty."""
        if asked:
            return asked if self._readable(asked) else ""
        return next((name for name in BUTTONS if self._is_button(name)), "")

    def _is_button(self, name: str) -> bool:
        option = self._option(name)
        if option is None or not self._readable(name) or self._option("button-update"):
            return False  # with button-update, readings are stale unless it is set, which python-sane cannot
        return not option.cap & _sane.CAP_SOFT_SELECT

    def _sources(self) -> dict[str, str]:
        sources = sources_by_kind(self._choices("source"))
        if "feeder" in sources and "duplex" not in sources and self._duplex_switch():
            sources["duplex"] = sources["feeder"]
        return sources

    def _duplex_switch(self) -> tuple[str, Any] | None:
        """The option, beside the source, that makes the feeder read both sides, and its values for no and yes."""
        if "Duplex" in self._choices("adf-mode"):
            return "adf-mode", (self._choices("adf-mode")[0], "Duplex")
        option = self._option("duplex")
        return ("duplex", (False, True)) if option is not None and option.type == _sane.TYPE_BOOL else None

    def _can_bitonal(self, mode: str) -> bool:
        return mode == "bitonal" and 1 in (self._constraint("depth") or ())

    def _room(self) -> tuple[float, float] | None:
        """Largest area, mm; None where the driver has no such options."""
        sides = [self._constraint(name) for name in ("tl-x", "br-x", "tl-y", "br-y")]
        if not all(isinstance(side, tuple) for side in sides):
            return None
        left, right, top, bottom = sides
        unit = self._mm_per_unit()
        return (right[1] - left[0]) * unit, (bottom[1] - top[0]) * unit

    def _mm_per_unit(self) -> float:
        if self._option("br-x").unit != _sane.UNIT_PIXEL:
            return 1.0
        return MM_PER_INCH / (self.value("resolution") or 300)

    # --- What it is told ---

    def use_source(self, asked: str) -> str:
        """Choose the source; the kind in use: flatbed, feeder or duplex. A device without choice has one source."""
        sources = self._sources()
        if not sources:
            if asked in ("feeder", "duplex"):
                raise ScannerFailed("scanner_option", option="source", asked=asked, got="—")
            return "flatbed"
        if asked == "auto":
            asked = "feeder" if "feeder" in sources else next(iter(sources))
        if asked not in sources:
            raise ScannerFailed("scanner_option", option="source", asked=asked, got=", ".join(sources))
        self.set("source", sources[asked])
        switch = self._duplex_switch()
        if switch and asked != "flatbed":
            self.set(switch[0], switch[1][asked == "duplex"])
        return asked

    def has_flatbed(self) -> bool:
        return "flatbed" in self._sources()

    def set_up(self, params: ScanParams) -> None:
        """Mode, depth, resolution, area and the further options, each read back; the source is to be chosen."""
        self._set_mode(params.mode)
        for name in ("resolution", "x-resolution", "y-resolution"):
            if self._settable(name):
                self.set(name, params.dpi, DPI_SLACK)
        if self._settable("preview"):
            self.set("preview", False)
        self._set_area(params.paper)
        for option in params.options:
            name, _, value = option.partition("=")
            self.set(name.strip(), self._parsed(name.strip(), value.strip()))

    def _set_mode(self, asked: str) -> None:
        modes = self._choices("mode")
        depths = self._constraint("depth") or ()
        name = mode_named(asked, modes)
        depth = 8
        if asked == "bitonal" and not name and 1 in depths:
            name, depth = mode_named("grey", modes), 1
        if modes and not name:
            raise ScannerFailed("scanner_option", option="mode", asked=asked, got=", ".join(modes))
        if modes:
            self.set("mode", name)
        if self._settable("depth") and depth in (self._constraint("depth") or ()):
            self.set("depth", depth)

    def _set_area(self, paper: str) -> None:
        room = self._room()
        if room is None:
            return  # such a driver always gives all it sees
        area = area_for(paper, room)
        if area is None:
            raise ScannerFailed("scanner_option", option="paper", asked=paper, got=f"{room[0]:.0f} × {room[1]:.0f} mm")
        for name, side in (("page-width", area[0]), ("page-height", area[1])):
            if paper and self._settable(name):  # feeders that centre their paper
                self.set(name, side, PAPER_SLACK)
        unit = self._mm_per_unit()
        for corner, far, side in (("tl-x", "br-x", area[0]), ("tl-y", "br-y", area[1])):
            start = self._constraint(corner)[0]
            self.set(corner, start, PAPER_SLACK / unit)
            self.set(far, start + side / unit, PAPER_SLACK / unit)

    def set(self, name: str, value: Any, slack: float = 0.0) -> None:
        """Set an option and read it back; a number may differ by `slack`."""
        option = self._option(name)
        if option is None:
            raise ScannerFailed("scanner_option", option=name, asked=value, got="—")
        if not self._settable(name):
            return self._compare(name, value, slack)
        wanted = self._as_type(option, value)
        if wanted is None:
            raise ScannerFailed("scanner_option", option=name, asked=value, got=self.value(name))
        try:
            with told():
                changed = self._device.dev.set_option(option.index, wanted)
        except ScannerFailed as error:
            if error.code != "scanner_refused":
                raise
            raise ScannerFailed("scanner_option", option=name, asked=value, got=self.value(name)) from error
        if changed & _sane.INFO_RELOAD_OPTIONS:
            self._reload()
        self._compare(name, wanted, slack)

    def _compare(self, name: str, wanted: Any, slack: float) -> None:
        got = self.value(name)
        counted = not isinstance(wanted, str) and got is not None
        if not (abs(got - wanted) <= slack + ROUNDING if counted else got == wanted):
            raise ScannerFailed("scanner_option", option=name, asked=wanted, got=got)

    @staticmethod
    def _as_type(option: sane.Option, value: Any) -> Any:
        """The value as the driver's type; None where it has no such value."""
        with suppress(ValueError, TypeError):
            if option.type == _sane.TYPE_STRING:
                fits = len(str(value).encode("latin-1", "strict")) < option.size
                return str(value) if fits else None
            if option.type == _sane.TYPE_BOOL:
                return int(bool(value))
            number = float(value)
            if option.type == _sane.TYPE_INT and math.isfinite(number) and abs(number) <= INT_MOST:
                return round(number)
            if option.type == _sane.TYPE_FIXED and abs(number) <= FIXED_MOST:
                return number
        return None

    def _parsed(self, name: str, text: str) -> Any:
        option = self._option(name)
        if option is not None and option.type == _sane.TYPE_BOOL:
            return text.lower() in ("yes", "true", "1", "on")
        return text

    def value(self, name: str) -> Any:
        """What the option is now; None where it cannot be read."""
        if not self._readable(name):
            return None
        with told():
            return self._device.dev.get_option(self._option(name).index)

    def _option(self, name: str) -> sane.Option | None:
        return self._device.opt.get(name.replace("-", "_"))

    def _readable(self, name: str) -> bool:
        option = self._option(name)
        return option is not None and bool(option.is_active() and option.cap & _sane.CAP_SOFT_DETECT)

    def _settable(self, name: str) -> bool:
        option = self._option(name)
        return option is not None and bool(option.is_active() and option.is_settable())

    def _constraint(self, name: str) -> Any:
        option = self._option(name)
        return option.constraint if option is not None and option.is_active() else None

    def _choices(self, name: str) -> list[str]:
        constraint = self._constraint(name)
        return [choice for choice in constraint if isinstance(choice, str)] if isinstance(constraint, list) else []

    def _reload(self) -> None:
        self._device._SaneDev__load_option_dict()  # as its own __setattr__ does

    # --- Its pages ---

    def start(self) -> None:
        """Begin a page: the lamp warms up, the feeder pulls a sheet in."""
        with told():
            self._device.start()

    def read(self, mode: str, begun: Callable[[], None]) -> Picture:
        """The page that was begun, whole. SANE's drivers are ready before that."""
        begun()
        with told():
            frame, last, (width, lines), depth, line_bytes = self._device.get_parameters()
        samples = SAMPLES.get(frame)
        row = width * (samples or 1) * (2 if depth == 16 else 1)
        packed = (samples or 1) * ((width + 7) // 8) if depth == 1 else row
        if samples is None or not last or line_bytes < packed or (depth == 1 and line_bytes != packed):
            raise ScannerFailed("scanner_format", frame=frame, depth=depth)
        if (samples == 3) != (mode == "colour") or (depth == 1) != (mode == "bitonal"):
            raise ScannerFailed("scanner_option", option="mode", asked=mode, got=f"{frame}, {depth} bit")
        if max(lines, 1) * row > MOST_BYTES:
            raise ScannerFailed("scanner_too_large", width=width, height=lines)
        with told():
            data, *_ = self._device.dev.snap(True, depth == 16, None)
            lines_then = self._device.get_parameters()[2][1]
        padded = line_bytes if depth != 1 else row
        pixels = laid(data, row, padded)
        cut = int(padded > row)  # python-sane drops an unfilled last line
        if not len(pixels) or (lines > 0 and not any(n - cut <= len(pixels) <= n for n in (lines, lines_then))):
            raise ScannerFailed("scanner_truncated", got=len(pixels), wanted=max(lines, 0))
        return Picture(Image.fromarray(_eight_bits(pixels, width, samples, depth)), float(self.value("resolution") or 0))

    def by_window(self) -> bool:
        """SANE's drivers have no windows."""
        return False

    def idle(self) -> None:
        """Nothing is to be done for SANE."""

    def cancel(self) -> None:
        """End what was begun; in this thread only."""
        with suppress(Exception):
            self._device.cancel()

    def close(self) -> None:
        with suppress(Exception):
            self._device.close()


def laid(data: bytes, row: int, padded: int) -> np.ndarray:
    """Lines × `row` bytes of a stream in which each line takes `padded` bytes; the last may lack its padding."""
    flat = np.frombuffer(data, np.uint8)
    lines = (flat.size + padded - row) // padded
    if flat.size < lines * padded:
        flat = np.concatenate([flat, np.zeros(lines * padded - flat.size, np.uint8)])
    return flat[: lines * padded].reshape(lines, padded)[:, :row]


def _eight_bits(pixels: np.ndarray, width: int, samples: int, depth: int) -> np.ndarray:
    if depth == 16:
        wide = np.ascontiguousarray(pixels).view(np.uint16)
        pixels = ((wide.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    shape = (len(pixels), width) if samples == 1 else (len(pixels), width, samples)
    return np.ascontiguousarray(pixels).reshape(shape)
