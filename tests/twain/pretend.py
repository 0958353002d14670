"""A source manager with one source, in Python: it fills in TWAIN's structures as told, so that no Windows is needed."""

import ctypes
from dataclasses import dataclass, field, replace

from capture.twain import dsm, states
from capture.twain.capabilities import Container
from capture.twain.types import (
    Cc,
    Dat,
    Fix32,
    Group,
    Holds,
    Identity,
    ImageInfo,
    Kind,
    Msg,
    Rc,
)


class Heap:
    """Memory behind handles, with what is still held."""

    def __init__(self):
        self.held = {}
        self.memory = dsm.Memory(self.allocate, self.free, self.lock, lambda handle: None, self.size)

    def allocate(self, size):
        handle = 1000 + len(self.held) * 8
        while handle in self.held:
            handle += 8
        self.held[handle] = ctypes.create_string_buffer(size)
        return handle

    def free(self, handle):
        del self.held[handle]

    def lock(self, handle):
        return ctypes.addressof(self.held[handle])

    def size(self, handle):
        return len(self.held[handle])


class Window:
    """A window whose messages are those that the source has posted."""

    handle = 77

    def __init__(self):
        self.posted, self.dispatched, self.closed = [], [], False

    def message(self, wait):
        if self.posted:
            return self.posted.pop(0)
        assert not wait, "would wait for ever"
        return None

    def dispatch(self, message):
        self.dispatched.append(message)

    def wake(self):
        self.posted.append(ctypes.c_int(0))

    def close(self):
        self.closed = True


@dataclass
class Strip:
    """What the source does at one call for a strip; what is None is told as it should be."""

    data: bytes
    rows: int
    code: int = Rc.SUCCESS
    columns: int | None = None
    bytes_per_row: int | None = None
    y_offset: int | None = None
    written: int | None = None
    compression: int = 0


@dataclass
class Source:
    """The pretended source and what it does. `fails`: (dat, msg) → condition code, or a return code below 0."""

    caps: dict = field(default_factory=dict)
    keeps: dict = field(default_factory=dict)  # capability → the value it keeps, whatever is set
    info: ImageInfo | None = None
    later: ImageInfo | None = None  # after the transfer
    strips: list = field(default_factory=list)
    sizes: tuple = (1024, 0xFFFFFFFF, 65536)
    bitmap: bytes = b""
    native_code: int = Rc.XFERDONE
    pending: list = field(default_factory=list)  # counts at each ENDXFER
    says: list = field(default_factory=lambda: [Msg.XFERREADY])  # once it is enabled
    by_message: bool = False
    fails: dict = field(default_factory=dict)
    words: str = ""
    overrun: int = 0  # bytes written behind the buffer
    groups: int = Group.CONTROL | Group.IMAGE | Group.DS2
    calls: list = field(default_factory=list)
    condition: int = 0
    frame: tuple | None = (0.0, 0.0, 8.0, 10.0)

    def __post_init__(self):
        self.heap, self.window = Heap(), Window()
        self.dsm = dsm.Dsm(self.entry, self.heap.memory, self.window)

    def opened(self):
        """The manager with the source open: state 4."""
        self.dsm.open()
        self.dsm.open_source(next(iter(self.dsm.sources())))
        return self.dsm

    def ready(self):
        """With a page ready: state 6."""
        self.opened().enable(False)
        self.dsm.await_page()
        return self.dsm

    def entry(self, own, to, group, dat, msg, data):
        self.calls.append((dat, msg))
        code = self.fails.get((dat, msg))
        if code is not None:
            self.condition = max(code, 0)
            return -code if code < 0 else Rc.FAILURE
        return getattr(self, f"on_{Dat(dat).name.lower()}")(Msg(msg), data and data._obj)

    def fail(self, condition):
        self.condition = condition
        return Rc.FAILURE

    def on_parent(self, msg, data):
        assert data.value == self.window.handle
        return Rc.SUCCESS

    def on_identity(self, msg, data):
        if msg == Msg.GETNEXT:
            return Rc.ENDOFLIST
        if msg == Msg.GETFIRST:
            data.id, data.groups, data.manufacturer, data.product = 5, self.groups, b"Maker", b"Model X"
        return Rc.SUCCESS

    def on_status(self, msg, data):
        data.condition, self.condition = self.condition, 0
        return Rc.SUCCESS

    def on_statusutf8(self, msg, data):
        if not self.words:
            return self.fail(Cc.BADPROTOCOL)
        text = self.words.encode() + b"\0"
        data.size, data.text = len(text), self.heap.memory.made(text)
        return Rc.SUCCESS

    def on_capability(self, msg, data):
        held = self.caps.get(data.cap)
        if held is None:
            return self.fail(Cc.CAPUNSUPPORTED)
        if msg == Msg.SET:
            return self.told(data, held)
        if msg == Msg.GETCURRENT and held.holds != Holds.ARRAY:
            held = Container.of(held.kind, held.current)
        data.holds, data.container = held.holds, self.heap.memory.made(held.packed())
        return Rc.SUCCESS

    def told(self, data, held):
        wanted = Container.unpacked(data.holds, self.heap.memory.copied(data.container))
        assert wanted.kind == held.kind
        if held.holds == Holds.ENUMERATION and wanted.current not in held.values:
            return self.fail(Cc.BADVALUE)
        if held.holds == Holds.ARRAY:
            self.caps[data.cap] = replace(held, values=wanted.values)
        else:
            self.caps[data.cap] = replace(held, current=self.keeps.get(data.cap, wanted.current))
            if held.holds == Holds.ONEVALUE:
                self.caps[data.cap] = Container.of(held.kind, self.keeps.get(data.cap, wanted.current))
        return Rc.SUCCESS

    def on_imagelayout(self, msg, data):
        if self.frame is None:
            return self.fail(Cc.BADPROTOCOL)
        sides = ("left", "top", "right", "bottom")
        if msg == Msg.GET:
            for side, value in zip(sides, self.frame, strict=True):
                setattr(data.frame, side, Fix32.of(value))
        else:
            self.frame = tuple(float(getattr(data.frame, side)) for side in sides)
        return Rc.SUCCESS

    def on_userinterface(self, msg, data):
        if msg == Msg.ENABLEDS:
            self.shown = bool(data.show)
            for said in self.says:
                if self.by_message:
                    self.window.posted.append(said)
                else:
                    self.dsm._told(None, None, Group.CONTROL, Dat.NULL, said, None)
            if self.by_message:
                self.window.posted = [ctypes.c_int(said) for said in self.window.posted]
        return Rc.SUCCESS

    def on_event(self, msg, data):
        said = ctypes.c_int.from_address(data.event).value
        data.message = said
        return Rc.DSEVENT if said else Rc.NOTDSEVENT

    def on_imageinfo(self, msg, data):
        info = self.later if self.dsm.state.number == 7 and self.later is not None else self.info
        if info is None:
            return self.fail(Cc.SEQERROR)
        ctypes.memmove(ctypes.addressof(data), ctypes.addressof(info), ctypes.sizeof(info))
        return Rc.SUCCESS

    def on_setupmemxfer(self, msg, data):
        data.least, data.most, data.preferred = self.sizes
        return Rc.SUCCESS

    def on_imagememxfer(self, msg, data):
        strip = self.strips.pop(0)
        assert data.memory.flags == 9
        if strip.code in (Rc.SUCCESS, Rc.XFERDONE):
            ctypes.memmove(data.memory.address, strip.data, min(len(strip.data), data.memory.length))
            ctypes.memset(data.memory.address + data.memory.length, 0xEE, self.overrun)
            rows = max(strip.rows, 1)
            given = {"rows": strip.rows, "columns": strip.columns, "bytes_per_row": strip.bytes_per_row,
                     "written": strip.written, "y_offset": strip.y_offset, "compression": strip.compression}
            usual = {"columns": self.info.width, "bytes_per_row": len(strip.data) // rows, "written": len(strip.data),
                     "y_offset": 0}
            data.x_offset = 0
            for name, value in given.items():
                setattr(data, name, usual[name] if value is None else value)
        return strip.code if strip.code >= 0 else self.fail(-strip.code)

    def on_imagenativexfer(self, msg, data):
        data.value = self.heap.memory.made(self.bitmap) if self.bitmap else 0
        return self.native_code

    def on_pendingxfers(self, msg, data):
        data.count = self.pending.pop(0) if msg == Msg.ENDXFER and self.pending else 0
        return Rc.SUCCESS


def info(width, height, pixel_type, bits, dpi=300.0, **more):
    """What a source says of a page."""
    return ImageInfo(Fix32.of(dpi), Fix32.of(dpi), width, height, bits_per_pixel=bits, pixel_type=pixel_type, **more)


def choice(kind, *values, current=None):
    """A capability that is one of some values, the first unless told."""
    now = values[0] if current is None else current
    return Container(Holds.ENUMERATION, kind, values, now, values[0])


def switch(current=False, both=True):
    return choice(Kind.BOOL, False, True, current=current) if both else Container.of(Kind.BOOL, current)


__all__ = ["Identity", "Source", "Strip", "choice", "info", "states", "switch"]
