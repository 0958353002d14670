"""TWAIN's source managers on this computer, the drivers that each can load, and the Python that can load it.

A library fits only a program of the same word size, and most scanners' drivers are 32-bit: beside this program's own
64-bit Python a 32-bit one is looked for. Only the standard library is needed, and nothing is loaded here.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OWN_BITS = struct.calcsize("P") * 8
DSM = "SOHOA_TWAIN_DSM"  # environment: further source managers, looked at first; paths as in PATH
PYTHON = "SOHOA_PYTHON32"  # environment: the 32-bit Python
PLACES = (  # below Windows' own folder; a 64-bit program sees the 32-bit System32 as SysWOW64
    "System32/twaindsm.dll", "SysWOW64/twaindsm.dll", "twaindsm.dll", "twain_32.dll",
)
WINDOWS_OWN = "wiatwain"  # Windows' bridge to WIA, which is there without any scanner
MACHINES = {0x8664: 64, 0x14C: 32}  # of a Windows library's header; nothing is known of scanner drivers for ARM
LEAST = (3, 11)  # of Python


@dataclass(frozen=True)
class Manager:
    """A source manager: its library, its word size, the Python that can load it (None: this program's own).

    usable: whether there is such a Python. drivers: the names of the drivers that are installed for that word size.
    """

    path: Path
    bits: int
    python: Path | None
    usable: bool
    drivers: tuple[str, ...]


def managers() -> tuple[Manager, ...]:
    """The source manager of each word size, 64 before 32; none where Windows and drivers have brought none."""
    best: dict[int, Path] = {}
    for path in _candidates():
        best.setdefault(word_size(path), path)
    return tuple(_manager(best[bits], bits) for bits in (64, 32) if bits in best)


def word_size(library: Path) -> int:
    """64 or 32 as the header of a Windows library or program says; 0 where it is none, or for another processor."""
    try:
        with open(library, "rb") as file:
            if file.read(2) != b"MZ":
                return 0
            file.seek(0x3C)
            file.seek(int.from_bytes(file.read(4), "little"))
            header = file.read(6)
    except OSError:
        return 0
    return MACHINES.get(int.from_bytes(header[4:], "little"), 0) if header[:4] == b"PE\0\0" else 0


def installed(bits: int) -> tuple[str, ...]:
    """Names of the drivers (`*.ds`) that are installed for a word size, besides what Windows brings."""
    folder = _windows() / f"twain_{bits}"
    with suppress(OSError):
        names = {path.stem for path in folder.rglob("*") if path.suffix.lower() == ".ds"}
        return tuple(sorted(name for name in names if name.lower() != WINDOWS_OWN))
    return ()


def python32() -> Path | None:
    """A 32-bit Python: the one that is named, that lies beside this program's own, or that is installed here."""
    for path in _pythons():
        if word_size(path) == 32:
            return path
    return None


def _manager(path: Path, bits: int) -> Manager:
    python = None if bits == OWN_BITS else python32() if bits == 32 else None
    return Manager(path, bits, python, bits == OWN_BITS or python is not None, installed(bits))


def _candidates() -> Iterator[Path]:
    yield from (Path(path) for path in os.environ.get(DSM, "").split(os.pathsep) if path)
    yield from (_windows() / place for place in PLACES)


def _windows() -> Path:
    return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"))


def _pythons() -> Iterator[Path]:
    named = os.environ.get(PYTHON)
    if named:
        yield Path(named)
    yield Path(sys.base_prefix).parent / "python32" / "python.exe"
    if sys.platform == "win32":
        yield from _registered()


def _registered() -> Iterator[Path]:
    """The 32-bit Pythons whose installer has written itself into the registry, the newest first."""
    import winreg

    found: list[tuple[tuple[int, ...], Path]] = []
    for root in (winreg.HKEY_CURRENT_USER, winreg.HKEY_LOCAL_MACHINE):
        with suppress(OSError), winreg.OpenKey(root, r"Software\Python\PythonCore", 0,
                                               winreg.KEY_READ | winreg.KEY_WOW64_32KEY) as core:
            for place in range(winreg.QueryInfoKey(core)[0]):
                name = winreg.EnumKey(core, place)
                version = tuple(int(part) for part in name.removesuffix("-32").split(".") if part.isdigit())
                if name.endswith("-32") and version >= LEAST:
                    with suppress(OSError):
                        found.append((version, Path(winreg.QueryValue(core, rf"{name}\InstallPath")) / "python.exe"))
    yield from (path for _, path in sorted(found, reverse=True))
