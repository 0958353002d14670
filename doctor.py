"""Whether this computer can run the program: versions, libraries that break each other, room, memory."""

from __future__ import annotations

import importlib.metadata as metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEEDED = ("click", "numpy", "cv2", "PIL", "pillow_heif", "simplejpeg", "pikepdf", "pypdfium2", "openpyxl", "yaml",
          "img2pdf", "segno", "watchdog", "zxingcpp")
OWN = ("capture", "imaging", "originals", "bookpack", "batch", "province", "settings", "texts", "book", "errors", "pipeline")
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
PYTHONS = ((3, 11), (3, 14))  # from the first, before the second
ROOM_GB, MEMORY_GB = 5, 3


@dataclass(frozen=True)
class Check:
    """One thing looked at. `code` names its sentence; the sentence of a bad one has `_bad` after it."""

    code: str
    good: bool
    facts: dict[str, Any] = field(default_factory=dict)


def examine(folder: Path = Path()) -> list[Check]:
    """Look at everything; `folder` is where packages would be written."""
    checks: tuple[Callable[[], Check], ...] = (
        python, libraries, one_opencv, own_modules, lambda: room(folder), memory, temporary_folder, scanners,
    )
    return [check() for check in checks]


def python() -> Check:
    """The version of Python."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1], {"version": version})


def libraries() -> Check:
    """Each library can be loaded, with what it needs of the system (OpenCV: libGL on Linux)."""
    failed = []
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            failed.append(f"{name} ({error})")
    return Check("libraries", not failed, {"failed": "; ".join(failed), "number": len(NEEDED)})


def one_opencv() -> Check:
    """Two builds of OpenCV write into the same folder and break each other."""
    found = [name for name in OPENCV if _version(name)]
    return Check("opencv", len(found) == 1, {"found": ", ".join(f"{name} {_version(name)}" for name in found)})


def own_modules() -> Check:
    """Another distribution may have put a module of the same name into this environment."""
    home = Path(__file__).resolve().parent
    strangers = []
    for name in OWN:
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or home not in origin.parents:
            strangers.append(f"{name} ({origin})")
    return Check("own_modules", not strangers, {"strangers": "; ".join(strangers)})


def room(folder: Path) -> Check:
    """Free space where packages would be written; a book of 200 A3 pages takes 1 to 2 GB."""
    free = shutil.disk_usage(folder).free / 2**30
    return Check("room", free >= ROOM_GB, {"gb": free, "wanted": ROOM_GB, "folder": str(folder.resolve())})


def memory() -> Check:
    """Memory of the computer, where the system tells it."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        total = _windows_memory()
    cores = os.cpu_count() or 1
    return Check("memory", total is None or total >= MEMORY_GB, {"gb": total or 0.0, "cores": cores})


def temporary_folder() -> Check:
    """The system's folder for temporary files can be written to."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"sohoa")
    except OSError as error:
        return Check("temporary", False, {"folder": tempfile.gettempdir(), "reason": error.strerror or ""})
    return Check("temporary", True, {"folder": tempfile.gettempdir()})


def scanners() -> Check:
    """Whether scanners can be reached; without them, files, folders and phones still work."""
    if os.name == "nt":
        return twain()
    there = importlib.util.find_spec("sane") is not None
    return Check("scanners" if there else "no_scanners", True)


def twain() -> Check:
    """Source managers and drivers of TWAIN, each with a Python of its word size: most drivers are 32-bit."""
    from capture.twain import managers

    found = managers.managers()
    within_reach = {driver for manager in found if manager.usable for driver in manager.drivers}
    for manager in found:
        beyond = sorted(set(manager.drivers) - within_reach)
        if beyond and not manager.usable:
            return Check("twain", False, {"bits": manager.bits, "drivers": ", ".join(beyond)})
    if not any(manager.usable or manager.drivers for manager in found):
        return Check("no_twain", True)
    sizes = ", ".join(str(manager.bits) for manager in found if manager.usable)
    return Check("twain", True, {"sizes": sizes or "–", "drivers": ", ".join(sorted(within_reach)) or "–"})


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _windows_memory() -> float | None:
    if sys.platform != "win32":
        return None
    import ctypes

    kilobytes = ctypes.c_ulonglong(0)
    known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return kilobytes.value / 2**20 if known else None
