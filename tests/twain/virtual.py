"""The virtual scanner of the tests: its libraries compiled, what a scene says, what its pages look like.

A scene is a folder with `scene.txt`, a line for each key (see `Scene`), read anew whenever a source is listed or opened.
What the client does against the specification comes into `scene.log`; `scene.left` remembers the feeder between sessions.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np

from originals.durable import locked
from tests.windows.rig import HOME, windows_path

HERE = Path(__file__).parent
SOURCES = sorted([*HERE.glob("*.c"), *HERE.glob("*.h")])
COMPILERS = {64: "x86_64-w64-mingw32-gcc", 32: "i686-w64-mingw32-gcc"}
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-s", "-static-libgcc", "-Wl,--kill-at")
MM_PER_INCH = 25.4


def manager(bits: int = 64) -> Path:
    """The source manager, with two sources beside it; compiled if its C is newer. Raises CalledProcessError."""
    folder = HOME / f"twain{bits}"
    with locked(HOME / f"twain{bits}.lock", wait=True):
        digest, stamp = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest(), folder / "made-of"
        if not stamp.exists() or stamp.read_text() != digest:
            folder.mkdir(exist_ok=True)
            for name, source in (("twaindsm.dll", "sourcemanager.c"), ("source1.ds", "source.c")):
                subprocess.run([COMPILERS[bits], *FLAGS, "-o", folder / name, HERE / source, HERE / "scene.c", "-luser32"],
                               check=True)
            shutil.copy(folder / "source1.ds", folder / "source2.ds")
            stamp.write_text(digest)
    return folder / "twaindsm.dll"


class Scene:
    """What the scanner has and what goes wrong, in a folder of its own.

    `sources` how many; `feeder` sheets in the feeder (left out: it has none), `glass` 0 or 1, `duplex`, `width_mm`,
    `height_mm`, `resolution=range`, `native_only`, `memory_only`, `vanilla` (0 is white), `no_caps` (only what is required),
    `paper_detectable`, `pages_differ` (each 10 mm shorter), `count=unknown`, `callback=0` (a manager of version 1),
    `ready_ms` (the page is said to be ready later, by another thread), `window_pages` (a person's, in the driver's window).
    What goes wrong with page N, once: `jam_at`, `double_feed_at`, `cover_open_at`, `offline_at`, `low_memory_at`,
    `operation_error_at`, `cancel_at`. Always: `busy`, `offline`, `close_request`, `lies=resolution`, `hang_in`, `crash_in`
    (`open`, `enable`, `transfer` with `hang_at`, `crash_at`; `hang_in=never_ready`; `hang_busy` burns the processor;
    `crash_thread`, in a thread of the driver's own),
    `wrong` from page `wrong_at` on (`short_strips`, `huge_strip`, `bad_size`, `bad_bits`, `no_end`, `zero`,
    `height_unknown`, `bad_dib`). A key such as `only2_offline` counts for the second source alone.
    """

    def __init__(self, folder: Path, bits: int = 64, **keys: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._manager = folder, manager(bits)
        self.play(**keys)

    def play(self, **keys: object) -> None:
        """From now on the scene is this one; the feeder is as it was left."""
        lines = [f"{key.replace('only2_', '2.')}={value}\n" for key, value in keys.items()]
        (self.folder / "scene.txt").write_text("".join(lines))

    @property
    def variables(self) -> dict[str, str]:
        """For the environment of the program."""
        return {"SOHOA_TWAIN_DSM": windows_path(self._manager),
                "SOHOA_TWAIN_SCENE": windows_path(self.folder / "scene.txt")}

    @property
    def faults(self) -> str:
        """What the client did that the specification does not allow."""
        log = self.folder / "scene.log"
        return log.read_text() if log.exists() else ""


def pixels(number: int, width: int, height: int, mode: str = "colour") -> np.ndarray:
    """Page `number`, counted from 1: height × width (× 3) uint8; bitonal pages are 0 and 255."""
    x, y = np.arange(width), np.arange(height)[:, None]
    grey = x * 3 + y * 5 + number * 40
    if mode == "colour":
        return (grey[..., None] + np.arange(3) * 60).astype(np.uint8)
    grey = grey.astype(np.uint8)
    return np.where(grey >= 128, np.uint8(255), np.uint8(0)) if mode == "bitonal" else grey


def size(width_mm: float, height_mm: float, dpi: float) -> tuple[int, int]:
    """Width and height in pixels of an area, as the source reckons."""
    return int(width_mm / MM_PER_INCH * dpi + 0.5), int(height_mm / MM_PER_INCH * dpi + 0.5)
