"""A TWAIN source that is open: what it can do, how it is set up, its pages. Only `worker` makes these.

Sources differ in what they have; whatever is demanded is set, read back and compared, and whatever only helps is offered.
Settings that would change the page (deskew, crop, blank pages thrown away) are offered off: that is work for later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any

from capture.devices import Device, ScannerFailed, ScanParams, area_for, resolutions_of
from capture.session import Picture
from capture.twain import states, types
from capture.twain.capabilities import TEXT, Capabilities, cap_named
from capture.twain.dsm import Dsm
from capture.twain.transfer import Pixels, bitmap, strips
from capture.twain.types import Cap, Fix32, Frame, Holds, ImageLayout, PendingXfers

PIXEL_TYPES = {"colour": types.RGB, "grey": types.GRAY, "bitonal": types.BW}
DEPTHS = {"colour": 24, "grey": 8, "bitonal": 1}
IMAGE_MODES = {"colour": "RGB", "grey": "L", "bitonal": "1"}
MM_PER_INCH = 25.4
DPI_SLACK = 0.5
PAPER_SLACK = 1.0  # mm between what is asked and what a driver can set
PLAIN = (  # pages as they are
    (Cap.CAP_AUTOMATICSENSEMEDIUM, False),
    (Cap.ICAP_AUTOMATICBORDERDETECTION, False),
    (Cap.ICAP_AUTOMATICDESKEW, False),
    (Cap.ICAP_AUTOMATICROTATE, False),
    (Cap.ICAP_AUTOMATICCOLORENABLED, False),
    (Cap.ICAP_AUTOMATICLENGTHDETECTION, False),
    (Cap.ICAP_AUTODISCARDBLANKPAGES, types.KEEP_BLANK_PAGES),
    (Cap.ICAP_IMAGEMERGE, types.NO_MERGE),
    (Cap.ICAP_UNDEFINEDIMAGESIZE, False),
)
LAID = (  # pixels as `transfer` likes them best
    (Cap.ICAP_COMPRESSION, types.COMPRESSION_NONE),
    (Cap.ICAP_PLANARCHUNKY, types.CHUNKY),
    (Cap.ICAP_PIXELFLAVOR, types.CHOCOLATE),
    (Cap.ICAP_BITORDER, types.MSB_FIRST),
    (Cap.ICAP_TILES, False),
)
DOUBLE_FEEDS = (
    (Cap.CAP_DOUBLEFEEDDETECTION, types.ULTRASONIC),
    (Cap.CAP_DOUBLEFEEDDETECTIONRESPONSE, types.STOP),
)


class TwainDevice:
    """A source in state 4. All methods but the last three raise ScannerFailed."""

    def __init__(self, dsm: Dsm) -> None:
        self._dsm, self._caps = dsm, Capabilities(dsm)
        self._source, self._window, self._by_strips = "flatbed", False, False
        self._pixels, self._pages = Pixels(), 0
        self._trouble: ScannerFailed | None = None  # of the next page, heard at the end of one

    # --- What it can do ---

    def described(self, device: Device) -> Device:
        """`device` with all that the capabilities say."""
        sources = self._sources
        self._choose(sources[0])
        self._caps.offer(Cap.ICAP_UNITS, types.INCHES)
        room = self._room() or (0.0, 0.0)
        return Device(
            device.name, device.vendor, device.model, device.kind, sources, self._resolutions(), tuple(self._modes()),
            round(room[0], 1), round(room[1], 1), duplex="duplex" in sources, network=device.network,
        )

    def by_window(self) -> bool:
        """Whether a person begins each page in the driver's own window, until they close it."""
        return self._window

    def button_name(self, asked: str) -> str:
        """Empty: no source lets a button be looked at."""
        return ""

    def value(self, name: str) -> Any:
        """What a capability is now; None where there is none of that name."""
        cap = cap_named(name)
        return None if cap is None else self._caps.current(cap)

    def has_flatbed(self) -> bool:
        return "flatbed" in self._sources

    @cached_property
    def _sources(self) -> tuple[str, ...]:
        """Our words for where it takes paper from; a source that tells of no feeder has a glass."""
        feeder = self._can_be(Cap.CAP_FEEDERENABLED, True)
        flatbed = not feeder or self._can_be(Cap.CAP_FEEDERENABLED, False)
        duplex = feeder and (self._caps.current(Cap.CAP_DUPLEX) or types.NO_DUPLEX) != types.NO_DUPLEX
        there = {"flatbed": flatbed, "feeder": feeder, "duplex": duplex}
        return tuple(kind for kind, is_there in there.items() if is_there)

    def _can_be(self, cap: Cap, value: bool) -> bool:
        """Whether a switch can be in that place; one that names no choice is tried."""
        held = self._caps.get(cap)
        if held is None:
            return False
        if held.holds == Holds.ENUMERATION or held.current == value:
            return value in held.values
        can = self._caps.offer(cap, value)
        self._caps.offer(cap, held.current)
        return can

    def _modes(self) -> Iterator[str]:
        held = self._caps.get(Cap.ICAP_PIXELTYPE)
        return (mode for mode, number in PIXEL_TYPES.items() if held is not None and number in held.choices)

    def _resolutions(self) -> tuple[float, ...]:
        held = self._caps.get(Cap.ICAP_XRESOLUTION)
        if held is None:
            return ()
        return resolutions_of(held.values if held.holds == Holds.RANGE else list(held.values))

    def _room(self) -> tuple[float, float] | None:
        """Largest area, mm; None where the source does not say."""
        sides = [self._caps.current(cap) for cap in (Cap.ICAP_PHYSICALWIDTH, Cap.ICAP_PHYSICALHEIGHT)]
        if not all(sides):
            return None
        return sides[0] * MM_PER_INCH, sides[1] * MM_PER_INCH

    # --- What it is told ---

    def use_source(self, asked: str) -> str:
        """Choose the source; the kind in use. `auto` is the feeder, unless it says that there is no paper in it."""
        if asked == "auto":
            asked = "feeder" if "feeder" in self._sources else self._sources[0]
            self._choose(asked)
            if asked == "feeder" and self._has_paper() is False and self.has_flatbed():
                asked = "flatbed"
        if asked not in self._sources:
            raise ScannerFailed("scanner_option", option="source", asked=asked, got=", ".join(self._sources))
        self._choose(asked)
        return asked

    def _choose(self, source: str) -> None:
        self._source = source
        if "feeder" not in self._sources:
            return
        self._caps.offer(Cap.CAP_AUTOMATICSENSEMEDIUM, False)
        self._caps.set(Cap.CAP_FEEDERENABLED, source != "flatbed", name="source")
        if source != "flatbed":
            self._caps.offer(Cap.CAP_AUTOFEED, True)
        if "duplex" in self._sources and source != "flatbed":
            self._caps.set(Cap.CAP_DUPLEXENABLED, source == "duplex", name="duplex")

    def _has_paper(self) -> bool | None:
        """Whether paper lies in the feeder; None where the source cannot tell."""
        if self._caps.current(Cap.CAP_PAPERDETECTABLE) is False:
            return None
        loaded = self._caps.current(Cap.CAP_FEEDERLOADED)
        return None if loaded is None else bool(loaded)

    def set_up(self, params: ScanParams) -> None:
        """Everything but the source, each value read back. With the driver's window a person has the last word there."""
        self._window = params.window or self._caps.current(Cap.CAP_UICONTROLLABLE) is False  # it opens in any case
        self._caps.offer(Cap.CAP_XFERCOUNT, 1 if self._source == "flatbed" and not self._window else -1)
        self._caps.offer(Cap.CAP_INDICATORS, self._window)
        for cap, value in PLAIN:
            self._caps.offer(cap, value)
        with suppress(*(ScannerFailed,) if self._window else ()):
            self._set_mode(params.mode)
            self._set_resolution(params.dpi)
            self._set_area(params.paper)
        self._set_transfer()
        self._watch_for_double_feeds()
        for option in params.options:
            name, _, value = option.partition("=")
            self._set_option(name.strip(), value.strip())

    def _set_mode(self, mode: str) -> None:
        if not self._caps.offer(Cap.ICAP_PIXELTYPE, PIXEL_TYPES[mode]):
            raise ScannerFailed("scanner_option", option="mode", asked=mode, got=", ".join(self._modes()) or "—")
        self._caps.offer(Cap.ICAP_BITDEPTH, DEPTHS[mode])

    def _set_resolution(self, dpi: int) -> None:
        self._caps.offer(Cap.ICAP_UNITS, types.INCHES)
        for cap in (Cap.ICAP_XRESOLUTION, Cap.ICAP_YRESOLUTION):
            if self._caps.get(cap) is not None:
                self._caps.set(cap, float(dpi), DPI_SLACK, "resolution")

    def _set_transfer(self) -> None:
        for cap, value in LAID:
            self._caps.offer(cap, value)
        self._by_strips = self._caps.offer(Cap.ICAP_XFERMECH, types.MEMORY)
        if not self._by_strips:
            self._caps.offer(Cap.ICAP_XFERMECH, types.NATIVE)
        self._pixels = Pixels(
            vanilla=self._caps.current(Cap.ICAP_PIXELFLAVOR) == types.VANILLA,
            lsb_first=self._caps.current(Cap.ICAP_BITORDER) == types.LSB_FIRST,
        )

    def _watch_for_double_feeds(self) -> None:
        if self._source == "flatbed":
            return
        for cap, value in DOUBLE_FEEDS:
            if not self._caps.offer(cap, value):
                self._caps.offer_all(cap, (value,))

    def _set_option(self, name: str, text: str) -> None:
        cap = cap_named(name)
        if cap is None:
            raise ScannerFailed("scanner_option", option=name, asked=text, got="—")
        self._caps.set(cap, self._caps.parsed(cap, text), name=name)

    # --- Its area ---

    def _set_area(self, paper: str) -> None:
        """By the name of the paper, for feeders that centre it, else by its sides; a source that has neither gives all."""
        room = self._room()
        if room is None:
            self._caps.offer(Cap.ICAP_SUPPORTEDSIZES, types.SIZES.get(paper, 0))
            return
        area = area_for(paper, room)
        if area is None:
            raise ScannerFailed("scanner_option", option="paper", asked=paper, got=_told(room))
        upright = area[0] <= area[1]
        self._caps.offer(Cap.ICAP_SUPPORTEDSIZES, types.SIZES.get(paper, 0) if upright else 0)
        if not _alike(self._layout(), area):
            self._set_layout(area, room)
            got = self._layout()
            if paper and got is not None and not _alike(got, area):
                raise ScannerFailed("scanner_option", option="paper", asked=f"{paper} ({_told(area)})", got=_told(got))

    def _layout(self) -> tuple[float, float] | None:
        """The area that will be scanned, mm; None where the source does not say."""
        layout = ImageLayout()
        try:
            self._dsm.ask(states.GET_LAYOUT, layout)
        except ScannerFailed:
            return None
        left, top, right, bottom = (float(getattr(layout.frame, side)) for side in ("left", "top", "right", "bottom"))
        return (right - left) * MM_PER_INCH, (bottom - top) * MM_PER_INCH

    def _set_layout(self, area: tuple[float, float], room: tuple[float, float]) -> None:
        centred = self._source != "flatbed" and self._caps.current(Cap.CAP_FEEDERALIGNMENT) == types.CENTRED
        left = (room[0] - area[0]) / 2 if centred else 0.0
        sides = (left, 0.0, left + area[0], area[1])
        layout = ImageLayout(Frame(*(Fix32.of(side / MM_PER_INCH) for side in sides)), 1, 1, 1)
        with suppress(ScannerFailed):  # it is read back
            self._dsm.ask(states.SET_LAYOUT, layout)

    # --- Its pages ---

    def start(self) -> None:
        """Wait until a page is ready. A source that said that more are to come has one: `read` pulls the sheet in."""
        if self._trouble:
            trouble, self._trouble = self._trouble, None
            raise trouble
        if self._dsm.state.number == 6:
            return self._dsm.pump()
        if self._window:
            return self._await_person()
        begun = self._dsm.state.number == 5
        has_paper = None if self._source == "flatbed" else self._has_paper()
        if has_paper is False or (begun and has_paper is None and self._source != "flatbed"):
            raise ScannerFailed("scanner_no_paper")
        self._dsm.lower(4)  # some sources give one sheet each time
        self._dsm.enable(show=False)
        self._await_page()

    def _await_person(self) -> None:
        """The driver's window stays open until it is closed, which after a page is the end as an empty feeder is."""
        if self._dsm.state.number == 4:
            self._dsm.enable(show=True)
        self._await_page()

    def _await_page(self) -> None:
        """A source that wants to be closed after pages have come, and has no complaint, has no more of them."""
        try:
            self._dsm.await_page()
        except ScannerFailed as error:
            if error.code == "scanner_cancelled" and self._pages:
                raise ScannerFailed("scanner_no_paper") from error
            raise

    def read(self, mode: str, begun: Callable[[], None] = lambda: None) -> Picture:
        """The page that is ready, whole. Many drivers say that it is and warm their lamp then: not begun before it comes."""
        picture = strips(self._dsm, self._pixels, begun) if self._by_strips else bitmap(self._dsm)
        self._pages += 1
        try:
            self._dsm.ask(states.END_TRANSFER, PendingXfers())
        except ScannerFailed as error:
            self._trouble = error  # the sheet behind this page; the page is whole
        if not self._window and picture.image.mode != IMAGE_MODES[mode]:
            raise ScannerFailed("scanner_option", option="mode", asked=mode, got=picture.image.mode)
        return picture

    def idle(self) -> None:
        """Messages of Windows are answered: a window that does not answer holds up other programs."""
        with suppress(Exception):
            self._dsm.pump()

    def cancel(self) -> None:
        """End what was begun; pages that the source still has are dropped."""
        with suppress(Exception):
            self._dsm.lower(4)

    def close(self) -> None:
        with suppress(Exception):
            self._dsm.lower(1)


def listed(dsm: Dsm, prefix: str) -> list[Device]:
    """The sources of a manager that is open, by name alone; of two with one name the first."""
    found: dict[str, Device] = {}
    for source in dsm.sources():
        vendor, model = (text.decode(TEXT, "replace").strip() for text in (source.manufacturer, source.product))
        found.setdefault(model, Device(prefix + model, vendor, model, "scanner"))
    return list(found.values())


def opened(dsm: Dsm, model: str) -> TwainDevice:
    """The source of that name of a manager that is open. Raises ScannerFailed: scanner_not_found, what the source says."""
    for source in dsm.sources():
        if source.product.decode(TEXT, "replace").strip() == model:
            dsm.open_source(source)
            return TwainDevice(dsm)
    raise ScannerFailed("scanner_not_found")


def _alike(got: tuple[float, float] | None, area: tuple[float, float]) -> bool:
    return got is not None and all(abs(one - other) <= PAPER_SLACK for one, other in zip(got, area, strict=True))


def _told(area: tuple[float, float]) -> str:
    return f"{area[0]:.0f} × {area[1]:.0f} mm"
