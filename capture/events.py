"""Hints that a watched folder has changed, from the operating system where it gives any."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from originals.reach import usual

NETWORK_TYPES = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afpfs", "ncpfs", "davfs", "fuse.sshfs", "fuse.davfs2"}
REMOTE_DRIVE = 4  # of GetDriveTypeW


class Events:
    """Calls `changed` whenever something happens below a folder. Hints only: some get lost, shares give none."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed, self._watches, self._observer = changed, {}, None

    def watch(self, folder: Path) -> bool:
        """Begin, or begin again, with a folder; False where the system will not tell."""
        self.forget(folder)
        if on_network(folder):
            return False
        from watchdog.observers import Observer

        warnings.filterwarnings("ignore", module=r"watchdog\.")  # of folders that come and go while it looks
        try:
            if self._observer is None:
                self._observer = Observer()
                self._observer.daemon = True
                self._observer.start()
            self._watches[folder] = self._observer.schedule(_handler(self._changed), str(folder), recursive=True)
        except (OSError, RuntimeError):  # gone again, or no more watches to be had
            return False
        return True

    def forget(self, folder: Path) -> None:
        """End with a folder, that may be gone."""
        watch = self._watches.pop(folder, None)
        if watch is not None and self._observer is not None:
            try:
                self._observer.unschedule(watch)
            except (OSError, KeyError):
                return

    def close(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(2)


def _handler(changed: Callable[[], None]) -> Any:
    from watchdog.events import FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: Any) -> None:
            if event.event_type not in ("opened", "closed_no_write"):  # our own reading is no news
                changed()

    return Handler()


def on_network(folder: Path) -> bool:
    """Whether a folder lies on a share of another machine, as far as the system says."""
    if os.name == "nt":
        import ctypes

        root = os.path.splitdrive(usual(os.path.abspath(folder)))[0]
        return root.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(f"{root}\\") == REMOTE_DRIVE
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    real, best, kind = os.path.realpath(folder), "", ""
    for line in mounts:
        place, found = line.split(" ")[1:3]
        place = place.replace("\\040", " ")
        if (real == place or real.startswith(place.rstrip("/") + "/")) and len(place) >= len(best):
            best, kind = place, found
    return kind in NETWORK_TYPES
