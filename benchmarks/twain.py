"""TWAIN measured, under Wine, with the virtual scanner of the tests: seconds a page, memory of a driver's process, hangs.

    python -m benchmarks.twain

A3 in colour at 300 dpi comes by strips and by bitmap; the memory is the peak of the process in which the driver runs, read
twenty times a second, with what Wine itself takes. A source that hangs is given the usual 10 s and 60 s (`page_seconds` and
`wait_seconds` of section `scan`); the seconds are those of the whole session.
"""

from __future__ import annotations

import json
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.twain.virtual import Scene
from tests.windows import rig

DEVICE = "twain64:Virtual Scanner 1"
A3 = {"dpi": 300, "paper": "A3"}
SCENES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # what the scanner does, what is asked for
    "one small page": ({"feeder": 1}, {"dpi": 75, "paper": "A5"}),
    "A3, 1 page by strips": ({"feeder": 1, "memory_only": 1}, A3),
    "A3, 5 pages by strips": ({"feeder": 5, "memory_only": 1}, A3),
    "A3, 5 pages by bitmap": ({"feeder": 5, "native_only": 1}, A3),
    "hangs in page 2": ({"feeder": 3, "hang_in": "transfer", "hang_at": 2}, {"dpi": 75, "paper": "A5"}),
    "is never ready": ({"feeder": 3, "hang_in": "never_ready"}, {"dpi": 75, "paper": "A5"}),
}
WORKER = b"capture.twain.worker"
EVERY_S = 0.05
MB = 1024  # kB


class Peak:
    """The most memory that a process of the driver has had, kB; read while the block runs."""

    def __enter__(self) -> Peak:
        self.kilobytes = 0
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._reader.join()

    def _read(self) -> None:
        while not self._over.wait(EVERY_S):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, StopIteration):
                    if WORKER in (process / "cmdline").read_bytes():
                        status = (process / "status").read_text().splitlines()
                        line = next(line for line in status if line.startswith("VmHWM"))
                        self.kilobytes = max(self.kilobytes, int(line.split()[1]))


def main() -> None:
    """Play each scene once, by itself, and print what it came to."""
    with tempfile.TemporaryDirectory() as scratch, rig.Windows(Path(scratch)) as windows:
        print(f"{'':24}{'pages':>6}{'seconds':>9}{'peak MB':>9}  code")
        for number, (name, (keys, params)) in enumerate(SCENES.items()):
            scene = Scene(Path(scratch) / str(number), **keys)
            turn = {"device": DEVICE, "scene": scene.variables["SOHOA_TWAIN_SCENE"], "more": 0, "params": params,
                    "folder": rig.windows_path(scene.folder / "pages"), "wanted": None}
            with Peak() as peak:
                ran = windows.python(rig.ROOT / "tests" / "twain" / "player.py", given=json.dumps([turn]), timeout=300,
                                     **scene.variables)
            came = json.loads(ran.stdout)
            print(f"{name:24}{len(came['pages']):6}{came['seconds']:9.1f}{peak.kilobytes / MB:9.0f}  {came['code'] or '–'}")


if __name__ == "__main__":
    main()
