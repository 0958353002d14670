"""Talking to a source manager: every operation goes through the state machine, every failure becomes a ScannerFailed.

`Dsm` itself needs no Windows: the entry of the source manager, its memory and the window are handed in. `loaded` makes
them of a real library. Everything happens in one thread, that which made the window, as TWAIN demands; only what a source
says by itself may come from another.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from capture.devices import ScannerFailed
from capture.twain import states, types
from capture.twain.states import State
from capture.twain.types import Cc, Dat, Group, Identity, Msg, Rc, Triplet

CODES = {  # condition code → sentence
    Cc.LOWMEMORY: "scanner_memory",
    Cc.NODS: "scanner_not_found",
    Cc.MAXCONNECTIONS: "scanner_busy",
    Cc.BADCAP: "scanner_refused",
    Cc.BADPROTOCOL: "scanner_refused",
    Cc.BADVALUE: "scanner_refused",
    Cc.SEQERROR: "scanner_refused",
    Cc.BADDEST: "scanner_refused",
    Cc.CAPUNSUPPORTED: "scanner_refused",
    Cc.CAPBADOPERATION: "scanner_refused",
    Cc.CAPSEQERROR: "scanner_refused",
    Cc.DENIED: "twain_denied",
    Cc.PAPERJAM: "scanner_jam",
    Cc.PAPERDOUBLEFEED: "scanner_double_feed",
    Cc.CHECKDEVICEONLINE: "scanner_unplugged",
    Cc.INTERLOCK: "scanner_cover_open",
    Cc.DAMAGEDCORNER: "scanner_damaged_corner",
    Cc.NOMEDIA: "scanner_no_paper",
}  # all others: scanner_failed
VAGUE = ("scanner_failed", "scanner_refused")
HELD = (Rc.BUSY, Rc.SCANNERLOCKED)  # by another program
DONE = (Rc.SUCCESS, Rc.CHECKSTATUS, Rc.CANCEL, Rc.DSEVENT, Rc.NOTDSEVENT, Rc.XFERDONE, Rc.ENDOFLIST)
TO_MANAGER = (Dat.PARENT, Dat.IDENTITY, Dat.ENTRYPOINT)
MOST_SOURCES = 200  # a list that is longer has no end
QUIET = 0x8003  # SetErrorMode: no message boxes for missing disks, crashes, missing files: a crash ends the process
CRASHED = 3  # how this process ends then
MOVABLE_ZEROED = 0x42  # GlobalAlloc
HANDLE = ctypes.c_size_t
CALLBACK = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(
    ctypes.c_uint16, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint16, ctypes.c_uint16, ctypes.c_void_p,
)


class Window(Protocol):
    """A window of this thread that nobody sees: the parent of a driver's windows, and where messages come in."""

    handle: int

    def message(self, wait: bool) -> ctypes.Structure | None:
        """The next message of the thread; without `wait`, None where there is none."""

    def dispatch(self, message: ctypes.Structure) -> None:
        """Let it take its way to the window that it is for."""

    def wake(self) -> None:
        """Make `message` return, from any thread."""

    def close(self) -> None: ...


class Memory:
    """Memory that this program and sources hand to each other by handles: functions for C, as the manager has them."""

    def __init__(
        self, allocate: Callable[[int], int], free: Callable[[int], Any], lock: Callable[[int], int],
        unlock: Callable[[int], Any], size: Callable[[int], int],
    ) -> None:
        self._allocate, self.free, self._lock, self._unlock, self._size = allocate, free, lock, unlock, size

    def made(self, data: bytes) -> int:
        """A new handle to a copy of the data. Raises ScannerFailed: scanner_memory."""
        handle = self._allocate(len(data))
        if not handle:
            raise ScannerFailed("scanner_memory")
        with self._locked(handle) as address:
            ctypes.memmove(address, data, len(data))
        return handle

    def copied(self, handle: int) -> bytes:
        """All that a handle holds."""
        with self.view(handle) as view:
            return bytes(view)

    @contextmanager
    def view(self, handle: int) -> Iterator[memoryview]:
        """What a handle holds, where it lies: as many bytes as were allocated, 0 where that is not known."""
        size = self._size(handle)
        with self._locked(handle) as address:
            yield memoryview((ctypes.c_ubyte * (size if address else 0)).from_address(address or 1)).cast("B")

    @contextmanager
    def _locked(self, handle: int) -> Iterator[int]:
        address = self._lock(handle)
        try:
            yield address
        finally:
            if address:
                self._unlock(handle)


class Dsm:
    """A source manager, and the source that is open. All methods raise ScannerFailed; out of order: IllegalStep."""

    def __init__(self, entry: Callable[..., int], memory: Memory, window: Window) -> None:
        self._entry, self.memory, self._window = entry, memory, window
        self._own = _identity()
        self._source: Identity | None = None
        self._heard: deque[int] = deque()
        self._callback = CALLBACK(self._told)
        self.state = State().loaded()

    def call(self, triplet: Triplet, data: ctypes.Structure | ctypes._SimpleCData | None = None) -> int:
        """An operation and its return code, whatever that is."""
        self.state.require(triplet)
        to = self._source if triplet.dat not in TO_MANAGER and self._source is not None else None
        code = self._entry(
            ctypes.byref(self._own), None if to is None else ctypes.byref(to), *triplet,
            None if data is None else ctypes.byref(data),
        )
        self.state = self.state.after(triplet, code, data.count if triplet == states.END_TRANSFER else 0)
        return code

    def ask(self, triplet: Triplet, data: ctypes.Structure | ctypes._SimpleCData | None = None) -> int:
        """An operation that has to succeed; its return code, which may still say much."""
        code = self.call(triplet, data)
        if code in DONE:
            return code
        if code in HELD:
            raise ScannerFailed("scanner_busy", reason=Rc(code).name)
        raise self._failure()

    def open(self) -> None:
        """Open the manager; one of version 2 brings its own functions for memory."""
        self.ask(states.OPEN_MANAGER, HANDLE(self._window.handle))
        if self._own.groups & Group.DSM2:
            points = types.EntryPoint(ctypes.sizeof(types.EntryPoint))
            if self.call(states.ENTRY_POINTS, points) == Rc.SUCCESS and points.allocate and points.lock:
                self.memory = _memory_of(points, self.memory)

    def sources(self) -> Iterator[Identity]:
        """The sources that give images."""
        source = Identity()
        try:
            code = self.ask(states.FIRST_SOURCE, source)
        except ScannerFailed as error:
            if error.code == "scanner_not_found":
                return
            raise
        for _ in range(MOST_SOURCES):
            if code != Rc.SUCCESS:
                return
            if source.groups & Group.IMAGE:
                yield Identity.from_buffer_copy(source)
            code = self.call(states.NEXT_SOURCE, source)

    def open_source(self, source: Identity) -> None:
        self.ask(states.OPEN_SOURCE, source)
        self._source = source
        self._heard.clear()
        if self._own.groups & Group.DSM2:  # what a source says may still come by a message of Windows instead
            function = ctypes.cast(self._callback, ctypes.c_void_p).value
            self.call(states.REGISTER_CALLBACK, types.Callback(function))

    def enable(self, show: bool) -> None:
        """Let the source begin, with its own window or without."""
        self.ask(states.ENABLE, types.UserInterface(show, show, self._window.handle))
        if self.state.number != 5:
            raise ScannerFailed("scanner_cancelled")

    def await_page(self) -> None:
        """Wait until a page is ready: however long that takes; who started this process watches it.

        Raises ScannerFailed scanner_cancelled where the source wants to be closed instead, or what it says is wrong.
        """
        while not self._page_is_ready():
            self._process(self._window.message(wait=True))

    def pump(self) -> None:
        """Let the windows of this thread have the messages that have come."""
        while (message := self._window.message(wait=False)) is not None:
            self._process(message)

    def lower(self, number: int) -> None:
        """Go down to a state, if this one is higher. What a source refuses on the way is passed over."""
        if self.state.number == 7 > number:
            self._leave(states.END_TRANSFER, types.PendingXfers())
        if self.state.number == 6 > number:
            self._leave(states.DROP_PAGES, types.PendingXfers())
        if self.state.number == 5 > number:
            self._leave(states.DISABLE, types.UserInterface(parent=self._window.handle))
            self._heard.clear()
        if self.state.number == 4 > number:
            self._leave(states.CLOSE_SOURCE, self._source)
            self._source = None
        if self.state.number == 3 > number:
            self._leave(states.CLOSE_MANAGER, HANDLE(self._window.handle))
        if self.state.number == 2 > number:
            self._window.close()
            self.state = self.state.unloaded()  # the library itself stays: sources leave threads behind

    def _leave(self, triplet: Triplet, data: ctypes.Structure | ctypes._SimpleCData) -> None:
        """Leave a state by an operation; where that is refused the state is left all the same, so that the next is told."""
        before = self.state.number
        self.call(triplet, data)
        if self.state.number >= before:
            self.state = State(before - 1)

    def _page_is_ready(self) -> bool:
        heard = [self._heard.popleft() for _ in range(len(self._heard))]
        if self.state.number == 5 and Msg.XFERREADY in heard:  # counts more than a wish to be closed beside it
            self.state = self.state.after(states.PAGE_READY)
        elif self.state.number == 5 and (Msg.CLOSEDSREQ in heard or Msg.CLOSEDSOK in heard):
            error = self._failure()  # a jam, say; vaguer ones may be left over from long ago
            raise ScannerFailed("scanner_cancelled") if error.code in VAGUE else error
        return self.state.number >= 6

    def _process(self, message: ctypes.Structure) -> None:
        """Show a message of Windows to the source; where it is not the source's own, it takes its way."""
        if not self.state.allows(states.PROCESS_EVENT):
            return self._window.dispatch(message)
        event = types.Event(ctypes.addressof(message), Msg.NULL)
        code = self.call(states.PROCESS_EVENT, event)
        if event.message != Msg.NULL:
            self._heard.append(event.message)
        if code != Rc.DSEVENT:
            self._window.dispatch(message)

    def _told(self, origin: Any, to: Any, group: int, dat: int, message: int, data: Any) -> int:
        """What a source says by itself, perhaps in a thread of its own, perhaps in the middle of an operation."""
        self._heard.append(message)
        self._window.wake()
        return Rc.SUCCESS

    def _failure(self) -> ScannerFailed:
        """What the source says about its failure, in its own words where it has some."""
        status = types.Status()
        self.call(states.GET_STATUS, status)
        known = next((cc.name for cc in Cc if cc == status.condition), str(status.condition))
        return ScannerFailed(CODES.get(status.condition, "scanner_failed"), reason=self._words(status) or f"TWCC_{known}")

    def _words(self, status: types.Status) -> str:
        if self._source is None or not self._source.groups & Group.DS2:
            return ""
        words = types.StatusUtf8(status)
        if self.call(states.GET_WORDS, words) != Rc.SUCCESS or not words.text:
            return ""
        try:
            return self.memory.copied(words.text)[: words.size].split(b"\0")[0].decode("utf-8", "replace").strip()
        finally:
            self.memory.free(words.text)


def _identity() -> Identity:
    version = types.Version(1, 0, types.AMERICAN, types.AMERICA, b"1.0")  # old drivers look others up beyond their tables
    return Identity(
        0, version, *types.PROTOCOL, Group.CONTROL | Group.IMAGE | Group.APP2, b"sohoa", b"sohoa", b"sohoa",
    )


def _memory_of(points: types.EntryPoint, windows: Memory) -> Memory:
    """The manager's own functions; how large something is, Windows knows."""
    kind = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
    return Memory(
        kind(HANDLE, ctypes.c_uint32)(points.allocate), kind(None, HANDLE)(points.free), kind(HANDLE, HANDLE)(points.lock),
        kind(None, HANDLE)(points.unlock), windows._size,
    )


def loaded(path: str) -> Dsm:
    """The source manager of that path (Windows only). Raises ScannerFailed: twain_unloadable, scanner_failed."""
    kernel, windows = ctypes.WinDLL("kernel32"), ctypes.WinDLL("user32", use_last_error=True)
    kernel.SetErrorMode(QUIET)
    with suppress(OSError):
        ctypes.WinDLL("ole32").OleInitialize(None)  # many drivers take for granted that the program has done it
    try:
        entry = ctypes.WinDLL(path).DSM_Entry
    except (OSError, AttributeError) as error:
        raise ScannerFailed("twain_unloadable", manager=path, reason=str(error)) from error
    identity = ctypes.POINTER(Identity)
    entry.argtypes = (identity, identity, ctypes.c_uint32, ctypes.c_uint16, ctypes.c_uint16, ctypes.c_void_p)
    entry.restype = ctypes.c_uint16
    return Dsm(_until_a_crash(entry), _memory(kernel), _HiddenWindow(windows))


def _until_a_crash(entry: Callable[..., int]) -> Callable[..., int]:
    """`entry`, but a crash in it ends this process: ctypes would go on after it, with memory that nobody can rely on."""

    def call(*arguments: Any) -> int:
        try:
            return entry(*arguments)
        except OSError as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(CRASHED)

    return call


def _memory(kernel: Any) -> Memory:
    for name in ("GlobalAlloc", "GlobalFree", "GlobalLock", "GlobalUnlock", "GlobalSize"):
        getattr(kernel, name).restype = HANDLE
        getattr(kernel, name).argtypes = (HANDLE,)
    kernel.GlobalAlloc.argtypes = (ctypes.c_uint32, HANDLE)
    return Memory(lambda size: kernel.GlobalAlloc(MOVABLE_ZEROED, size), kernel.GlobalFree, kernel.GlobalLock,
                  kernel.GlobalUnlock, kernel.GlobalSize)


class _Message(ctypes.Structure):
    """MSG of Windows."""

    _fields_ = (
        ("window", HANDLE), ("message", ctypes.c_uint32), ("word", HANDLE), ("long", HANDLE), ("time", ctypes.c_uint32),
        ("x", ctypes.c_int32), ("y", ctypes.c_int32),
    )


class _HiddenWindow:
    """A window of Windows' own class STATIC that is never shown. Not a message-only one: drivers put theirs above it."""

    def __init__(self, windows: Any) -> None:
        self._windows = windows
        windows.CreateWindowExW.restype = HANDLE
        windows.CreateWindowExW.argtypes = (
            ctypes.c_uint32, ctypes.c_wchar_p, ctypes.c_wchar_p, ctypes.c_uint32, *[ctypes.c_int] * 4, *[HANDLE] * 4,
        )
        for name, more in (("GetMessageW", ()), ("PeekMessageW", (ctypes.c_uint32,))):
            getattr(windows, name).argtypes = (ctypes.POINTER(_Message), HANDLE, ctypes.c_uint32, ctypes.c_uint32, *more)
        windows.PostMessageW.argtypes = (HANDLE, ctypes.c_uint32, HANDLE, HANDLE)
        windows.DispatchMessageW.restype = HANDLE
        windows.DestroyWindow.argtypes = (HANDLE,)
        popup, tool, topmost = 0x80000000, 0x80, 8  # topmost: a driver's window does not open behind the browser
        self.handle = windows.CreateWindowExW(tool | topmost, "STATIC", "sohoa", popup, 0, 0, 0, 0, 0, 0, 0, 0)
        if not self.handle:
            raise ScannerFailed("scanner_failed", reason=f"CreateWindowEx {ctypes.get_last_error()}")

    def message(self, wait: bool) -> _Message | None:
        message = _Message()
        if wait:
            while self._windows.GetMessageW(message, 0, 0, 0) == 0:
                pass  # WM_QUIT: some drivers post it for their own loops
            return message
        return message if self._windows.PeekMessageW(message, 0, 0, 0, 1) else None

    def dispatch(self, message: _Message) -> None:
        self._windows.TranslateMessage(ctypes.byref(message))
        self._windows.DispatchMessageW(ctypes.byref(message))

    def wake(self) -> None:
        self._windows.PostMessageW(self.handle, 0, 0, 0)

    def close(self) -> None:
        self._windows.DestroyWindow(self.handle)
