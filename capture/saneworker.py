"""The disposable process in which SANE's drivers run: `python -m capture.saneworker`, told what to do by `driver`.

Lines of JSON come in on the standard input: one order (list, describe, scan), later `next` or `stop`. Lines of JSON go
out: found, described, page, ask, trouble, end, and twice a second a beat. What drivers print goes to the error stream.
"""

from __future__ import annotations

import faulthandler
import io
import json
import os
import queue
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from capture.devices import Button, Device, ScannerFailed, ScanParams
from errors import SohoaError
from originals.durable import NewFile

if TYPE_CHECKING:
    from capture.sanedevice import Picture, SaneDevice

BEAT = 0.5  # s
ORPHAN = 30.0  # s that a page may still take when nobody listens any more
POLL = 0.15  # s between looks at the scanner's button
QUALITY = 95
NAME = re.compile(r"SCAN_(\d+)\.", re.I)


class Line:
    """The line to the program that started this one."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)  # some drivers print
        self._lock = threading.Lock()
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self.stopped = threading.Event()
        self._state = "opening"
        for work in (self._listen, self._beat):
            threading.Thread(target=work, daemon=True).start()

    def state(self, state: str) -> None:
        """What the driver is about to do; it is told at once."""
        self._state = state
        self.say(beat=state)

    def say(self, **message: Any) -> None:
        """Send a message. Where nobody listens any more, the page at hand is still finished and kept."""
        with self._lock:
            try:
                self._out.write(json.dumps(message).encode() + b"\n")
            except OSError:
                self.stopped.set()

    def end(self, error: SohoaError | None = None) -> None:
        """The last word; what comes after it has only little time."""
        if error:
            self.say(trouble=error.code, facts=error.facts)
        self.say(end=True)

    def order(self, timeout: float | None = None) -> dict[str, Any]:
        """The next order; nothing when none has come within the time."""
        try:
            return self._orders.get(timeout=timeout)
        except queue.Empty:
            return {}

    def _listen(self) -> None:
        with os.fdopen(os.dup(0), "rb") as lines:
            for line in lines:
                self._orders.put(json.loads(line))
        self.stopped.set()
        self._orders.put({"do": "stop"})
        time.sleep(ORPHAN)
        os._exit(1)

    def _beat(self) -> None:
        while not self.stopped.wait(BEAT):
            own = time.thread_time()  # no sign of the driver
            self.say(beat=self._state, used=time.process_time() - own)


def main() -> None:
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
        _load()
        work(line, order)
    except SohoaError as error:
        line.end(error)
    line.end()
    os._exit(0)  # no library's own end: some drivers crash or hang there


def _load() -> None:
    try:
        import sane
    except ImportError as error:
        raise ScannerFailed("scanner_missing_library", reason=str(error)) from error
    sane.init()


def find(line: Line, order: Mapping[str, Any]) -> None:
    """Say which devices there are."""
    from capture.sanedevice import listed

    line.state("listing")
    line.say(found=[asdict(device) for device in listed()])


def describe(line: Line, order: Mapping[str, Any]) -> None:
    """Say, one by one, what the devices can do, or why one cannot be opened."""
    from capture.sanedevice import SaneDevice

    for facts in order["devices"]:
        line.state("opening")
        try:
            device = SaneDevice(facts["name"])
            line.say(described=asdict(device.described(Device(**facts))))
            device.close()
        except ScannerFailed as error:
            line.say(described=None, code=error.code)


def scan(line: Line, order: Mapping[str, Any]) -> None:
    """Scan pages into the folder."""
    from capture.sanedevice import SaneDevice

    params = ScanParams(**{**order["params"], "options": tuple(order["params"]["options"])})
    line.state("opening")
    device = SaneDevice(order["device"])
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

    def __init__(self, line: Line, device: SaneDevice, params: ScanParams, folder: Path) -> None:
        self._line, self._device, self._params, self._folder = line, device, params, folder
        self._source = device.use_source(params.source)
        device.set_up(params)
        self._button = device.button_name(params.button) if params.next_page == "button" else ""
        if params.next_page == "button" and not self._button:
            raise ScannerFailed("scanner_no_button")
        self._presses = Button()
        self._number = 1 + max((int(found[1]) for found in map(NAME.match, _names(folder)) if found), default=0)

    def run(self, wanted: int | None) -> None:
        """Scan until enough pages have come, the feeder is empty or nobody wants more."""
        pages = 0
        while (wanted is None or pages < wanted) and self._wanted(pages):
            try:
                picture = self._page()
            except ScannerFailed as error:
                if error.code != "scanner_no_paper":
                    raise
                if pages and self._source != "flatbed":
                    return
                if not self._falls_back(pages):
                    raise
                continue
            self._keep(picture)
            pages += 1

    def _page(self) -> Picture:
        self._line.state("starting")
        self._device.start()
        self._line.state("reading")
        picture = self._device.read(self._params.mode)
        if self._source == "flatbed":
            self._device.cancel()  # the carriage goes home
        return picture

    def _falls_back(self, pages: int) -> bool:
        """An empty feeder with `auto`: then the page lies on the glass."""
        if self._params.source != "auto" or self._source == "flatbed" or not self._device.has_flatbed():
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
        return self._line.order().get("do") == "next"

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
        height, width = picture.pixels.shape[:2]
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
    from PIL import Image

    image, out = Image.fromarray(picture.pixels), io.BytesIO()
    dpi = {"dpi": (picture.dpi, picture.dpi)} if picture.dpi else {}
    if params.mode == "bitonal":
        image.convert("1").save(out, "PNG", exif=_exif(), **dpi)
    elif params.format == "png":
        image.save(out, "PNG", compress_level=1, exif=_exif(), **dpi)
    else:
        whole = {key: tuple(map(round, x)) for key, x in dpi.items()}
        image.save(out, "JPEG", quality=QUALITY, subsampling=0, exif=_exif(), **whole)
    return out.getvalue(), ".png" if params.mode == "bitonal" or params.format == "png" else ".jpg"


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


if __name__ == "__main__":
    sys.exit(main())
