"""What a source can do and is told to do: containers of capabilities read and written, each value set, read back, compared.

Sources differ most here: many lack what the specification demands, some take a value and keep another. A capability that
is not there, that cannot be asked for, or whose container is longer than its memory, counts as not there.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from capture.devices import ScannerFailed
from capture.twain import states, types
from capture.twain.dsm import VAGUE, Dsm
from capture.twain.types import Cap, Fix32, Holds, Kind, Triplet

TEXT = "mbcs" if os.name == "nt" else "latin-1"  # the code page of this Windows
NUMBERS: Mapping[int, str] = MappingProxyType({
    Kind.INT8: "<b", Kind.INT16: "<h", Kind.INT32: "<i", Kind.UINT8: "<B", Kind.UINT16: "<H", Kind.UINT32: "<I",
    Kind.BOOL: "<H",
})
LENGTHS: Mapping[int, int] = MappingProxyType({Kind.STR32: 34, Kind.STR64: 66, Kind.STR128: 130, Kind.STR255: 256})
ROUNDING = 2**-15  # fixed-point numbers have 16 bits after the point


@dataclass(frozen=True)
class Container:
    """What a capability holds. `values`: the one value, all values of an enumeration or array, or least, most and step.

    Values are int, bool, float (FIX32), str, and for a frame left, top, right, bottom. Of an array nothing is current.
    """

    holds: Holds
    kind: Kind
    values: tuple[Any, ...]
    current: Any = None
    default: Any = None

    @classmethod
    def of(cls, kind: Kind, value: Any) -> Container:
        """One value."""
        return cls(Holds.ONEVALUE, kind, (value,), value, value)

    @classmethod
    def unpacked(cls, holds: int, data: bytes) -> Container:
        """A container as it lies in memory; `data` may be longer. Raises ValueError where it is not whole."""
        try:
            kind, form = Kind(struct.unpack_from("<H", data)[0]), Holds(holds)
            if form == Holds.ONEVALUE:
                return cls.of(kind, _value(kind, data, 2))
            if form == Holds.RANGE:
                least, most, step, default, current = (_value(kind, data, 2 + 4 * place) for place in range(5))
                return cls(form, kind, (least, most, step), current, default)
            count, *places = struct.unpack_from("<I" if form == Holds.ARRAY else "<III", data, 2)
            start, size = 6 + 4 * len(places), size_of(kind)
            if start + count * size > len(data):
                raise ValueError(f"{count} items in {len(data)} bytes")
            values = tuple(_value(kind, data, start + place * size) for place in range(count))
        except struct.error as error:
            raise ValueError(str(error)) from error
        current, default = (values[place] if place < count else None for place in places or (count, count))
        return cls(form, kind, values, current, default)

    def packed(self) -> bytes:
        """As it lies in memory. Raises ValueError for what is not of its kind."""
        try:
            return struct.pack("<H", self.kind) + self._packed_values()
        except (struct.error, TypeError, AttributeError, UnicodeEncodeError) as error:
            raise ValueError(str(error)) from error

    def _packed_values(self) -> bytes:
        if self.holds == Holds.ONEVALUE:
            return _packed(self.kind, self.values[0]).ljust(4, b"\0")
        if self.holds == Holds.RANGE:
            numbers = (*self.values, self.default, self.current)
            return b"".join(_packed(self.kind, number).ljust(4, b"\0") for number in numbers)
        head = [len(self.values)]
        if self.holds == Holds.ENUMERATION:
            head += [self.values.index(self.current), self.values.index(self.default)]
        return struct.pack(f"<{len(head)}I", *head) + b"".join(_packed(self.kind, value) for value in self.values)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values there are to choose from; none of a range."""
        return () if self.holds == Holds.RANGE else self.values

    def __str__(self) -> str:
        if self.holds == Holds.RANGE:
            return f"{_told(self.values[0])} – {_told(self.values[1])}"
        return ", ".join(map(_told, self.values))


def size_of(kind: int) -> int:
    """Bytes of one item in an array or enumeration. Raises ValueError for a kind that is not known."""
    if kind in NUMBERS:
        return struct.calcsize(NUMBERS[kind])
    return {Kind.FIX32: 4, Kind.FRAME: 16, **LENGTHS}[Kind(kind)]


def _value(kind: int, data: bytes, place: int) -> Any:
    if kind in NUMBERS:
        number = struct.unpack_from(NUMBERS[kind], data, place)[0]
        return bool(number) if kind == Kind.BOOL else number
    if kind == Kind.FIX32:
        whole, frac = struct.unpack_from("<hH", data, place)
        return whole + frac / 65536
    if kind == Kind.FRAME:
        return tuple(_value(Kind.FIX32, data, place + 4 * side) for side in range(4))
    return data[place : place + LENGTHS[kind]].split(b"\0")[0].decode(TEXT, "replace")


def _packed(kind: int, value: Any) -> bytes:
    if kind in NUMBERS:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return struct.pack(NUMBERS[kind], bool(value) if kind == Kind.BOOL else value)
    if kind == Kind.FIX32:
        return bytes(Fix32.of(value))
    if kind == Kind.FRAME:
        return b"".join(bytes(Fix32.of(side)) for side in value)
    text = value.encode(TEXT)
    if len(text) >= LENGTHS[kind]:
        raise ValueError(f"{value!r} is too long")
    return text.ljust(LENGTHS[kind], b"\0")


def _told(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


class Capabilities:
    """The capabilities of the source that is open. All methods raise ScannerFailed where the scanner itself fails."""

    def __init__(self, dsm: Dsm) -> None:
        self._dsm = dsm

    def get(self, cap: int) -> Container | None:
        """All that a capability can be; None where the source does not have it."""
        return self._asked(states.GET_CAPABILITY, cap)

    def current(self, cap: int) -> Any:
        """What a capability is now; None where the source does not have it or it is an array."""
        held = self._asked(states.GET_CURRENT, cap) or self.get(cap)
        return held.current if held else None

    def set(self, cap: int, value: Any, slack: float = 0.0, name: str = "") -> None:
        """Set a capability and read it back; a number may differ by `slack`.

        Raises ScannerFailed `scanner_option` (option, asked, got), the option called by `name` or as TWAIN does.
        """
        held = self.get(cap)
        if held:
            self._tell(cap, Container.of(held.kind, value))
        got = self.current(cap)
        if not _same(got, value, slack):
            raise _refused(cap, value, held if got is None else got, name)

    def offer(self, cap: int, value: Any) -> bool:
        """Set what only helps; whether the capability has that value now."""
        held = self.get(cap)
        if held is None:
            return False
        if held.current != value:
            self._tell(cap, Container.of(held.kind, value))
        return _same(self.current(cap), value, 0.0)

    def offer_all(self, cap: int, values: tuple[Any, ...]) -> bool:
        """As `offer`, for a capability that is an array."""
        held = self.get(cap)
        if held is None:
            return False
        self._tell(cap, Container(Holds.ARRAY, held.kind, values))
        now = self._asked(states.GET_CURRENT, cap)
        return now is not None and now.values == values

    def parsed(self, cap: int, text: str) -> Any:
        """A value that a person wrote, as the kind of the capability; the text itself where it does not fit."""
        held = self.get(cap)
        if held is None or held.kind in LENGTHS:
            return text
        if held.kind == Kind.BOOL:
            return text.lower() in ("yes", "true", "1", "on")
        try:
            return float(text) if held.kind == Kind.FIX32 else int(text, 0)
        except ValueError:
            return text

    def _tell(self, cap: int, wanted: Container) -> None:
        """Tell the source a value; what it makes of that is to be read back."""
        try:
            data = wanted.packed()
        except ValueError:
            return  # no such value can be
        handle = self._dsm.memory.made(data)
        try:
            self._dsm.ask(states.SET_CAPABILITY, types.Capability(cap, wanted.holds, handle))
        except ScannerFailed as error:
            if error.code not in VAGUE:  # how sources say that they lack a value
                raise
        finally:
            self._dsm.memory.free(handle)

    def _asked(self, how: Triplet, cap: int) -> Container | None:
        asked = types.Capability(cap, 0xFFFF, 0)
        try:
            self._dsm.ask(how, asked)
        except ScannerFailed as error:
            if error.code in VAGUE:  # or a capability
                return None
            raise
        if not asked.container:
            return None
        try:
            return Container.unpacked(asked.holds, self._dsm.memory.copied(asked.container))
        except ValueError:
            return None
        finally:
            self._dsm.memory.free(asked.container)


def cap_named(name: str) -> int | None:
    """The number of a capability: by its name in the specification, or the number itself, such as 0x8001."""
    name = name.strip().upper()
    if name in Cap.__members__:
        return Cap[name]
    try:
        return int(name, 0)
    except ValueError:
        return None


def _same(got: Any, wanted: Any, slack: float) -> bool:
    if isinstance(wanted, str) or isinstance(got, str) or got is None:
        return got == wanted
    if isinstance(wanted, tuple):
        return isinstance(got, tuple) and all(map(lambda one, other: _same(one, other, slack), got, wanted))
    return not isinstance(got, tuple) and abs(got - wanted) <= slack + ROUNDING


def _refused(cap: int, asked: Any, got: Any, name: str) -> ScannerFailed:
    known = next((one.name for one in Cap if one == cap), f"0x{cap:04X}")
    return ScannerFailed("scanner_option", option=name or known, asked=_told(asked), got="—" if got is None else _told(got))
