"""The icon that puts a newer release in the place of this one, from the zip that was handed over.

The order is such that the clerk has a whole program at every moment, whatever happens: the new release is unpacked beside
the old one under a temp name, checked, tried, and only then named by the icons, each in one step. If its station does not
answer, the icons name the old one again. The store is touched by nobody but the station. The release before stays; older
ones go.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clerk import launchers, screen
from clerk.folder import CHUNK, MANIFEST, NAME, Entry, Release, read_manifest, releases, this_release
from errors import NothingToDo, SohoaError, StorageFailed
from originals.durable import locked, make_folder, move_aside, remove, whole_folder

LOCK = ".dang-cap-nhat"
LEFT_OVER = ".tmp-*"
ROOM = 1.2  # a new release may take so much of its size on the disk
IN_USE_S = 20.0  # an icon may be in use for so long
ANSWER_S = 90.0  # a new station has so long to answer
LONGEST_TRIAL_S = 300
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError)  # says zipfile


@dataclass(frozen=True)
class Acts:
    """What an update does with programs, so that tests can do otherwise: what `release` finds wrong with this computer
    (codes of `sohoa doctor`); the station ended, True when it has; a release's station started, True when its page answers.
    """

    faults: Callable[[Release], frozenset[str]]
    end: Callable[[], bool]
    start: Callable[[Release], bool]


def main(words: Sequence[str]) -> int:
    """Update from the zip that was dropped on the icon, or that is chosen in a window."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    screen.own_settings()
    code, package = 0, Path(words[0]) if words else choose()
    if package is None:
        return 0
    try:
        update(this_release().top, package, real_acts(), say)
    except Exception as error:  # the console closes with its program: what is not said here is said to nobody
        print("\n" + screen.reason(error, "update_failed"))
        code = 1
    screen.wait_for_enter()
    return code


def update(top: Path, package: Path, acts: Acts, tell: Callable[..., None]) -> Release:
    """Put the release in `package` in the place of the one that the icons of `top` start.

    Raises NothingToDo with what is wrong with the package, StorageFailed, StoreBusy for a second update at once; the old
    release goes on then.
    """
    with locked(top / LOCK):
        _clear(top)
        old = _current(top)
        with _opened(package) as packed:
            name, entries = contents(packed)
            new = Release(top / name)
            tell("unpacking", version=new.version)
            if not new.path.is_dir() or new.problems():
                _unpack(packed, entries, new)
        tell("trying")
        worse = acts.faults(new) - (acts.faults(old) if old else frozenset())
        if worse:
            _tidy(top, keep={old})
            raise NothingToDo("new_unfit", faults=", ".join(sorted(worse)))
        tell("ending")
        if not acts.end():
            raise NothingToDo("station_goes_on")
        try:
            _point(new)
        except SohoaError:
            if here := _current(top):  # the icon may have been turned before the disk failed
                acts.start(here)
            raise
        tell("starting")
        if not acts.start(new):
            _go_back(old, acts)
        if new != old:
            _tidy(top, keep={new, old})
        tell("updated", version=new.version)
        return new


def contents(packed: zipfile.ZipFile) -> tuple[str, list[Entry]]:
    """Name and files of the release in a package. Raises NothingToDo where there is none, or its manifest is damaged."""
    for inside in packed.namelist():
        _, _, rest = inside.partition("/")
        name, _, file = rest.partition("/")
        if file == MANIFEST and NAME.fullmatch(name):
            try:
                return name, read_manifest(packed.read(inside), name)
            except DAMAGED as error:
                raise NothingToDo("package_damaged", file=inside) from error
    raise NothingToDo("no_release")


def _opened(package: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(package)
    except DAMAGED as error:
        raise NothingToDo("package_damaged", file=package.name) from error


def _unpack(packed: zipfile.ZipFile, entries: Sequence[Entry], new: Release) -> None:
    """Every file that the manifest names, and no other, durably, or nothing. Raises NothingToDo, StorageFailed."""
    need, free = sum(entry.bytes for entry in entries) * ROOM, shutil.disk_usage(new.top).free
    if need > free:
        raise NothingToDo("update_room", need=need / 1e6, free=free / 1e6)
    root = next(name for name in packed.namelist() if name.endswith(f"/{new.name}/{MANIFEST}")).removesuffix(MANIFEST)
    with whole_folder(new.path) as temp:
        (temp / MANIFEST).write_bytes(packed.read(root + MANIFEST))
        for entry in entries:
            make_folder((temp / entry.path).parent)
            try:
                with packed.open(root + entry.path) as source, open(temp / entry.path, "xb") as file:
                    whole = _copied(source, file) == entry.sha256
            except DAMAGED as error:
                raise NothingToDo("package_damaged", file=entry.path) from error
            if not whole:
                raise NothingToDo("package_damaged", file=entry.path)


def _copied(source: IO[bytes], target: IO[bytes]) -> str:
    """SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while piece := source.read(CHUNK):
        digest.update(piece)
        target.write(piece)
    return digest.hexdigest()


def _current(top: Path) -> Release | None:
    """The release that the icons start, the icon of the program before all others; nothing in a folder without icons."""
    names = [launchers.target(top / icon.name) for icon in launchers.ICONS]
    return next((Release(top / name) for name in names if name and (top / name).is_dir()), None)


def _point(new: Release) -> None:
    """Let the icons name a release. The program behind an icon ends some seconds after its station does, for pages that are
    open hold it up; until then Windows lets nobody replace it. Raises StorageFailed.
    """
    deadline = time.monotonic() + IN_USE_S
    while True:
        try:
            return launchers.point(new)
        except StorageFailed as error:
            if error.code != "cannot_write" or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _go_back(old: Release | None, acts: Acts) -> None:
    """The old release again. Raises NothingToDo, always."""
    if old is None:
        raise NothingToDo("new_silent")
    acts.end()
    _point(old)
    acts.start(old)
    raise NothingToDo("went_back", version=old.version)


def _tidy(top: Path, keep: set[Release | None]) -> None:
    """Remove releases that nobody needs any more; one that still runs cannot be moved, and goes the next time."""
    for release in releases(top):
        if release not in keep and release != this_release():
            with contextlib.suppress(SohoaError, OSError):
                remove(move_aside(release.path, top / f".tmp-{release.name}"))


def _clear(top: Path) -> None:
    """What an update that was cut short has left; no other runs now."""
    for path in top.glob(LEFT_OVER):
        with contextlib.suppress(SohoaError, OSError):
            remove(path)


# --- what really runs -----------------------------------------------------------------------------------------


def real_acts() -> Acts:
    """With Python, the person's station, and its page."""
    from clerk.stop import end_station

    return Acts(faults, end_station, start)


def faults(release: Release) -> frozenset[str]:
    """What the program of a release finds wrong with this computer; `start` where it cannot even run."""
    try:
        ran = subprocess.run([release.python, "-m", "sohoa", "doctor", "--json"], capture_output=True, check=False,
                             timeout=LONGEST_TRIAL_S, stdin=subprocess.DEVNULL)
        return frozenset(check["code"] for check in json.loads(ran.stdout) if not check["good"])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return frozenset({"start"})


def start(release: Release) -> bool:
    """Click the icon, in place of the clerk, and wait for the page."""
    from settings import load
    from station import running
    from station.shelf import workplace_of

    nothing = subprocess.DEVNULL  # it outlives this console
    subprocess.Popen([release.top / launchers.OPEN.name], stdin=nothing, stdout=nothing, stderr=nothing)
    workplace, deadline = workplace_of(None, load(os.environ.get("SOHOA_CONFIG")), new=True), time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        here = running.running(workplace)
        if here and here.address and _answers(here.address):
            return True
        time.sleep(0.5)
    return False


def _answers(address: str) -> bool:
    """Whether the page is there; an office's proxy, which browsers do not ask for this computer either, is passed by."""
    directly = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with directly.open(address, timeout=5) as answer:
            return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False


def choose() -> Path | None:
    """Let the person choose the zip in a window."""
    import ctypes
    from ctypes import wintypes

    class Choice(ctypes.Structure):  # OPENFILENAMEW
        _fields_ = [
            ("size", wintypes.DWORD), ("owner", wintypes.HWND), ("instance", wintypes.HINSTANCE),
            ("filter", wintypes.LPCWSTR), ("own_filter", wintypes.LPWSTR), ("most_own", wintypes.DWORD),
            ("which", wintypes.DWORD), ("file", wintypes.LPWSTR), ("most", wintypes.DWORD), ("title_only", wintypes.LPWSTR),
            ("most_title", wintypes.DWORD), ("folder", wintypes.LPCWSTR), ("title", wintypes.LPCWSTR),
            ("flags", wintypes.DWORD), ("name_at", wintypes.WORD), ("kind_at", wintypes.WORD),
            ("kind", wintypes.LPCWSTR), ("data", wintypes.LPARAM), ("hook", ctypes.c_void_p),
            ("template", wintypes.LPCWSTR), ("reserved", ctypes.c_void_p), ("zero", wintypes.DWORD),
            ("more", wintypes.DWORD),
        ]

    must_exist, keep_folder = 0x1000, 0x8
    name = ctypes.create_unicode_buffer(4096)
    choice = Choice(size=ctypes.sizeof(Choice), filter="sohoa\0*.zip\0\0", file=ctypes.cast(name, wintypes.LPWSTR),
                    most=len(name), title=screen.sentence("choose_package").partition("\n")[0],
                    flags=must_exist | keep_folder)
    return Path(name.value) if ctypes.windll.comdlg32.GetOpenFileNameW(ctypes.byref(choice)) else None


def say(code: str, **facts: object) -> None:
    """One step, on the console."""
    print(screen.sentence(code, **facts).replace("\n\n", " / "), flush=True)

