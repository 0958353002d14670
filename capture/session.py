"""A session with one scanner, in the disposable process of its driver: one order is done, then the process ends.

What a driver's family has to bring is small (`Drivers`, `ScannerDevice`); how pages follow each other, what an empty
feeder means and how a page becomes a file is the same for all. Only the standard library and Pillow are needed here: a
32-bit Python that serves 32-bit drivers has nothing more.
"""

from __future__ import annotations

import faulthandler
import io
import os
import re
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from capture.devices import Button, Device, ScannerFailed, ScanParams
from capture.line import Line
from errors import SohoaError
from originals.durable import NewFile

if TYPE_CHECKING:
    from PIL import Image

POLL = 0.15  # s between looks at the scanner's button, and while a page is turned
QUALITY = 95
NAME = re.compile(r"SCAN_(\d+)\.", re.I)


@dataclass(frozen=True)
class Picture:
    """A page as read: an image of mode RGB, L or 1, and its resolution in dpi (0: unknown)."""

    image: Image.Image
    dpi: float


class ScannerDevice(Protocol):
    """A scanner that is open. All methods but the last three raise ScannerFailed."""

    def described(self, device: Device) -> Device:
        """`device` with all that it can do."""

    def use_source(self, asked: str) -> str:
        """Choose the source; the kind in use: flatbed, feeder or duplex."""

    def has_flatbed(self) -> bool: ...

    def set_up(self, params: ScanParams) -> None:
        """Everything but the source, each value read back and compared."""

    def by_window(self) -> bool:
        """Whether a person begins each page in the driver's own window, until they close it."""

    def button_name(self, asked: str) -> str:
        """What tells of the scanner's button, or empty."""

    def value(self, name: str) -> Any:
        """What the driver's option of that name is now."""

    def start(self) -> None:
        """Begin a page; scanner_no_paper where the feeder has no more."""

    def read(self, mode: str, begun: Callable[[], None]) -> Picture:
        """The page that was begun, whole; `begun` is called when its pixels come, at the latest: the lamp is warm then."""

    def idle(self) -> None:
        """Called again and again while a person turns the page."""

    def cancel(self) -> None:
        """End what was begun."""

    def close(self) -> None: ...


class Drivers(Protocol):
    """The drivers of one family, loaded into this process."""

    def listed(self) -> list[Device]:
        """The devices there are, by name alone. Raises ScannerFailed."""

    def opened(self, name: str) -> ScannerDevice:
        """The device of that name, open. Raises ScannerFailed."""


def serve(load: Callable[[Mapping[str, Any]], Drivers]) -> None:
    """Do the one order that comes in on the standard input with the drivers that `load` gives for it; end this process."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which then ends this one
    if hasattr(signal, "pthread_sigmask"):  # drivers put SIGPIPE back to what ends a process; a block stays
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    line = Line()
    order = line.order()
    work = {"list": find, "describe": describe, "scan": scan}.get(order.get("do"))
    if work is None:
        os._exit(0)  # stopped before it began
    try:
        work(line, load(order), order)
    except SohoaError as error:
        line.end(error)
    except MemoryError:
        line.end(ScannerFailed("scanner_memory"))
    except Exception:
        traceback.print_exc()
        os._exit(1)
    line.end()
    os._exit(0)  # no library's own end: some drivers crash or hang there


def find(line: Line, drivers: Drivers, order: Mapping[str, Any]) -> None:
    """Say which devices there are."""
    line.state("listing")
    line.say(found=[asdict(device) for device in drivers.listed()])


def describe(line: Line, drivers: Drivers, order: Mapping[str, Any]) -> None:
    """Say, one by one, what the devices can do, or why one cannot be opened."""
    for facts in order["devices"]:
        line.state("opening")
        try:
            device = drivers.opened(facts["name"])
            try:
                line.say(described=asdict(device.described(Device(**facts))))
            finally:
                device.close()
        except ScannerFailed as error:
            line.say(described=None, code=error.code)


def scan(line: Line, drivers: Drivers, order: Mapping[str, Any]) -> None:
    """Scan pages into the folder."""
    params = ScanParams(**{**order["params"], "options": tuple(order["params"]["options"])})
    line.state("opening")
    device = drivers.opened(order["device"])
    try:
        session = Session(line, device, params, Path(order["folder"]))
        session.run(order["wanted"])
        line.end()
    except SohoaError as error:
        line.end(error)
        if error.code == "scanner_io":
            return  # a driver whose line is cut crashes when it is used further
    device.cancel()  # this too may hang
    device.close()


class Session:
    """Pages from one device into one folder."""

    def __init__(self, line: Line, device: ScannerDevice, params: ScanParams, folder: Path) -> None:
        self._line, self._device, self._params, self._folder = line, device, params, folder
        self._source = device.use_source(params.source)
        device.set_up(params)
        if device.by_window():
            self._source, self._params = "window", replace(params, window=True)
        ask_button = params.next_page == "button" and self._source != "window"
        self._button = device.button_name(params.button) if ask_button else ""
        if ask_button and not self._button:
            raise ScannerFailed("scanner_no_button")
        self._presses = Button()
        self._number = 1 + max((int(found[1]) for found in map(NAME.match, _names(folder)) if found), default=0)

    def run(self, wanted: int | None) -> None:
        """Scan until enough pages have come, the feeder is empty or nobody wants more."""
        pages = 0
        while (wanted is None or pages < wanted) and self._wanted(pages):
            try:
                picture = self._page(pages)
            except ScannerFailed as error:
                if error.code != "scanner_no_paper":
                    raise
                if pages and self._source != "flatbed":
                    return
                if not self._falls_back(pages):
                    raise
                continue
            self._keep(picture)
            del picture  # it is large: not to be held while the next one comes
            pages += 1

    def _page(self, pages: int) -> Picture:
        self._line.state("waiting" if self._source == "window" else "starting")
        self._device.start()
        runs_on = pages and self._source in ("feeder", "duplex")  # else a lamp may still have to warm up
        self._line.state("reading" if runs_on else "starting")
        picture = self._device.read(self._params.mode, lambda: self._line.state("reading"))
        if self._source == "flatbed":
            self._device.cancel()  # the carriage goes home
        return picture

    def _falls_back(self, pages: int) -> bool:
        """An empty feeder with `auto`: then the page lies on the glass."""
        if self._params.source != "auto" or self._source in ("flatbed", "window") or not self._device.has_flatbed():
            return False
        self._device.cancel()
        self._source = self._device.use_source("flatbed")
        self._device.set_up(self._params)
        return True

    def _wanted(self, pages: int) -> bool:
        """Whether to scan another page: the feeder runs on, the glass waits for a word or for the button."""
        if self._line.stopped.is_set():
            return False
        if pages and self._source != "flatbed":
            return True
        if self._button:
            return self._pressed()
        if not pages:
            return True
        self._line.state("waiting")
        self._line.say(ask=True)
        while not (order := self._line.order(POLL)):
            self._device.idle()
        return order.get("do") == "next"

    def _pressed(self) -> bool:
        self._line.state("waiting")
        while not self._presses.pressed(self._device.value(self._button)):
            if self._line.order(POLL):
                return False
        return True

    def _keep(self, picture: Picture) -> None:
        self._line.state("saving")
        data, ending = encoded(picture, self._params)
        with NewFile(self._folder) as new:
            new.write(data)
            path = self._free_name(ending)
            new.keep(path)
        width, height = picture.image.size
        self._line.say(page={"path": str(path), "width": width, "height": height, "dpi": picture.dpi,
                             "number": self._number})
        self._number += 1

    def _free_name(self, ending: str) -> Path:
        while any(name.upper().startswith(f"SCAN_{self._number:04}.") for name in _names(self._folder)):
            self._number += 1  # another scanner works into the same folder
        return self._folder / f"SCAN_{self._number:04}{ending}"


def encoded(picture: Picture, params: ScanParams) -> tuple[bytes, str]:
    """The page as a file with its resolution and time, and the ending of its name. Black and white is kept without loss.

    A number of its own makes each scan another file, even where two pages look alike to the last pixel.
    """
    image, out = picture.image, io.BytesIO()
    dpi = {"dpi": (picture.dpi, picture.dpi)} if picture.dpi else {}
    bitonal = image.mode == "1" or (params.mode == "bitonal" and not params.window)  # in a window a person may choose more
    if bitonal:
        image.convert("1").save(out, "PNG", exif=_exif(), **dpi)
    elif params.format == "png":
        image.save(out, "PNG", compress_level=1, exif=_exif(), **dpi)
    else:
        whole = {key: tuple(map(round, x)) for key, x in dpi.items()}
        image.save(out, "JPEG", quality=QUALITY, subsampling=0, exif=_exif(), **whole)
    return out.getvalue(), ".png" if bitonal or params.format == "png" else ".jpg"


def _exif() -> bytes:
    """When the page was scanned, and a number that no other has."""
    from PIL import ExifTags, Image

    exif, moment = Image.Exif(), time.strftime("%Y:%m:%d %H:%M:%S")
    exif[ExifTags.Base.DateTime] = moment
    own = {ExifTags.Base.DateTimeOriginal: moment, ExifTags.Base.ImageUniqueID: uuid4().hex}
    exif.get_ifd(ExifTags.IFD.Exif).update(own)
    return exif.tobytes()


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in os.scandir(folder)] if folder.is_dir() else []
