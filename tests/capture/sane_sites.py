"""Scanners for tests: folders for SANE_CONFIG_DIR with one driver each, so that nothing outside is found or changed.

Each function writes a site and gives the name of its device; the caller sets SANE_CONFIG_DIR to the folder.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GLASS_MM = 450  # A3 lies on it
SANED = shutil.which("saned") or "/usr/sbin/saned"


def site(folder: Path, driver: str, *lines: str) -> Path:
    """A folder in which one driver is configured."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dll.conf").write_text(f"{driver}\n")
    (folder / f"{driver}.conf").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_site(folder: Path, **settings: object) -> str:
    """SANE's own test driver: a glass, and a feeder with ten sheets."""
    lines = {"number_of_devices": 1, "geometry_max": GLASS_MM, "enable-test-options": "true", **settings}
    site(folder, "test", *(f"{name} {value}" for name, value in lines.items()))
    return "test:0"


test_site.__test__ = False  # a helper, though its name begins as a test's


def picture_site(folder: Path) -> str:
    """The driver that delivers a PNM file, named by its option `filename`, byte for byte."""
    site(folder, "pnm")
    return "pnm:0"


def network_site(folder: Path, url: str) -> str:
    """A driverless network scanner at `url`, and nothing else that may be in the network."""
    site(folder, "airscan", "[devices]", f'"Paper" = {url}, eSCL', "[options]", "discovery = disable")
    return "airscan:e0:Paper"


@contextmanager
def shared_site(folder: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """A test scanner that `saned` shares; its device name in `folder`, and saned itself.

    The port is fixed by the protocol, so each gets an address of its own in 127.0.0.0/8.
    """
    picks = random.Random(f"{os.getpid()} {folder}")
    address = f"127.{picks.randint(1, 250)}.{picks.randint(0, 250)}.{picks.randint(2, 250)}"
    behind = folder.with_name(folder.name + "-behind")
    name = test_site(behind)
    (behind / "saned.conf").write_text("127.0.0.0/8\n")
    site(folder, "net", "connect_timeout = 5", address)
    saned = subprocess.Popen([SANED, "-l", "-e", "-b", address], stderr=subprocess.DEVNULL, start_new_session=True,
                             env={**os.environ, "SANE_CONFIG_DIR": str(behind)})
    try:
        _wait_for(address, saned)
        yield f"net:{address}:{name}", saned
    finally:
        end(saned)


def end(saned: subprocess.Popen) -> None:
    """As when the cable is pulled: saned and the processes that serve its clients are gone."""
    with suppress(ProcessLookupError):
        os.killpg(saned.pid, signal.SIGKILL)
    saned.wait()


def _wait_for(address: str, saned: subprocess.Popen) -> None:
    for _ in range(200):
        assert saned.poll() is None, "saned does not run"
        with socket.socket() as line:
            if line.connect_ex((address, 6566)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("saned does not answer")
