"""The daemon measured from outside: how soon a capture is acknowledged and developed, and its memory over many captures.

    python -m benchmarks.station [--count 8] [--captures 5000]

Acknowledged: from the moment that a file has settled (whole under its name, and quiet for `watch.quiet_s`) to the line
`received` of the log. Developed: from there to the line `developed`, while nothing else waits. A3 spreads at 300 dpi.
Memory: resident MB of the daemon itself, of its looking and its developing workers, while small captures stream in.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.cost import in_process, make_spreads

ROOT = Path(__file__).parents[1]
QUIET_S = 1.0
BOOK = "KH.1990.14800.01"


class Daemon:
    """`sohoa watch` on a fresh store, its log lines with the time at which each came."""

    def __init__(self, folder: Path, quiet: float) -> None:
        self.inbox = folder / "inbox" / BOOK
        self.inbox.mkdir(parents=True)
        own = folder / "own.yaml"
        own.write_text(f"watch:\n  quiet_s: {quiet}\n  min_free_mb: 0\n  after: remove\n", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "sohoa.py"), "--config", str(own), "watch", "--store", str(folder / "store"),
             "--inbox", str(folder / "inbox")], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self._lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for("started")

    def _read(self) -> None:
        for line in self._process.stderr:
            self._lines.put((time.monotonic(), json.loads(line)))

    def wait_for(self, event: str, seconds: float = 120.0) -> float:
        """When the next line of that event came, by the monotonic clock."""
        deadline = time.monotonic() + seconds
        while True:
            moment, line = self._lines.get(timeout=deadline - time.monotonic())
            if line["event"] == event:
                return moment

    def put(self, name: str, data: bytes) -> float:
        """A file comes in whole, by renaming; when it did."""
        part = self.inbox / f".{name}.part"
        part.write_bytes(data)
        part.rename(self.inbox / name)
        return time.monotonic()

    def memory(self) -> tuple[float, float]:
        """Resident MB of the daemon, and of the largest of its workers."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return resident(self._process.pid), max((resident(int(child)) for child in children), default=0.0)

    def stop(self) -> float:
        """Ask it to end; the seconds that this took."""
        start = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        return time.monotonic() - start


def resident(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=8, help="A3 spreads")
    options.add_argument("--captures", type=int, default=5000, help="small captures")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure_times(Path(folder), in_process(make_spreads, Path(folder), chosen.count, 1))
    with tempfile.TemporaryDirectory() as folder:
        measure_memory(Path(folder), chosen.captures)


def measure_times(folder: Path, files: list[Path]) -> None:
    daemon, acknowledged, developed = Daemon(folder, QUIET_S), [], []
    for number, path in enumerate(files):
        settled = daemon.put(f"SCN_{number:04d}.jpg", path.read_bytes()) + QUIET_S
        received = daemon.wait_for("received")
        acknowledged.append(1000 * (received - settled))
        developed.append(daemon.wait_for("developed") - received)
    print(f"{len(files)} A3 spreads at 300 dpi, one by one")
    print(f"acknowledged after, ms: median {statistics.median(acknowledged):.0f}, worst {max(acknowledged):.0f}, "
          f"first (workers start) {acknowledged[0]:.0f}")
    print(f"developed after, s: median {statistics.median(developed):.2f}, worst {max(developed):.2f}")
    print(f"stopped within {daemon.stop():.1f} s")


def measure_memory(folder: Path, captures: int) -> None:
    import io

    import numpy as np
    from PIL import Image

    daemon, steps = Daemon(folder, 0.1), max(1, captures // 10)
    print(f"{captures} small captures: number, MB of the daemon, MB of its largest worker, captures a second")
    start = time.monotonic()
    for number in range(captures):
        pixels = np.random.default_rng(number).integers(180, 256, (300, 220), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=60)
        daemon.put(f"S_{number:05d}.jpg", buffer.getvalue())
        if (number + 1) % 50 == 0:
            for _ in range(50):
                daemon.wait_for("received")
        if (number + 1) % steps == 0:
            own, worker = daemon.memory()
            print(f"{number + 1:7} {own:8.1f} {worker:8.1f} {(number + 1) / (time.monotonic() - start):8.1f}", flush=True)
    daemon.stop()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUTF8", "1")
    main()
