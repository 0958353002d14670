"""A Windows that has a 32-bit Python as well, for drivers of 32 bits; only `make test-windows` takes the time for it.

Wine of 64 bits runs 32-bit programs by itself where it finds its 32-bit Windows libraries: Debian's package for i386 is
unpacked, not installed. The Python is one that a wheel brings along, with the standard library of the 64-bit one, and a
launcher of a few lines.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from originals.durable import locked
from tests.windows import rig

LIBRARIES = rig.HOME / "wine32"
PYTHON = rig.HOME / "python32"  # beside the 64-bit one: there the program looks for it
PREFIX = rig.HOME / "prefix32"
COMPILER = "i686-w64-mingw32-gcc"
RECIPE = (*rig.RECIPE, rig.HERE / "python32.txt", Path(__file__))
LAUNCHER = """#include <wchar.h>
__declspec(dllimport) int Py_Main(int count, wchar_t **words);
int wmain(int count, wchar_t **words) { return Py_Main(count, words); }
"""


def lacking() -> str:
    """Why there can be none here; empty if there can."""
    if reason := rig.lacking():
        return reason
    missing = [name for name in (COMPILER, "apt-get", "dpkg") if not shutil.which(name)]
    return f"Not installed: {', '.join(missing)}" if missing else ""


def windows(folder: Path) -> rig.Windows:
    """Such a Windows, with a prefix in `folder`; made if it is not there yet."""
    rig.made()
    with locked(rig.HOME / "lock32", wait=True):
        if not rig.is_made("windows32", RECIPE):
            for part in (LIBRARIES, PYTHON, PREFIX):
                shutil.rmtree(part, ignore_errors=True)
            _fetch_libraries()
            _make_python()
            rig.make_prefix(PREFIX, rig.libraries(), LIBRARIES / "i386-windows", WINEDLLPATH=str(LIBRARIES))
            rig.mark("windows32", RECIPE)
    return rig.Windows(folder, template=PREFIX, WINEDLLPATH=str(LIBRARIES))


def _fetch_libraries() -> None:
    """Of the same version as the Wine that is installed, by apt, whose own lists stay as they are."""
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libwine"], capture_output=True, text=True,
                             check=True).stdout
    apt = LIBRARIES / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True)
    options = [f"Dir::State::lists={apt}/lists", f"Dir::Cache={apt}/cache", "APT::Architectures::=amd64",
               "APT::Architectures::=i386"]
    command = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    subprocess.run([*command, "update"], stderr=subprocess.DEVNULL, check=False)  # one list of many may be amiss
    subprocess.run([*command, "download", f"libwine:i386={version}"], cwd=apt, stderr=subprocess.DEVNULL, check=True)
    (package,) = apt.glob("*.deb")
    subprocess.run(["dpkg", "-x", package, apt / "unpacked"], check=True)
    (found,) = apt.glob("unpacked/usr/lib/*/wine/i386-windows")
    found.rename(LIBRARIES / found.name)
    shutil.rmtree(apt)
    (LIBRARIES / "x86_64-unix").symlink_to(rig.libraries().with_name("x86_64-unix"))  # what the libraries stand on


def _make_python() -> None:
    for_32 = ("--python-platform", "i686-pc-windows-msvc", "--python-version", "3.13", "--no-deps")
    wheel = PYTHON / "wheel"
    rig.install(wheel, *for_32, "--require-hashes", "-r", "python32.txt")
    for part in (wheel / "deploy_libs").iterdir():
        if not part.name.startswith(("api-ms", "_wmi", "_test")) and "313t" not in part.name:
            part.rename(PYTHON / part.name)
    shutil.rmtree(wheel)
    shutil.copy(rig.PYTHON / "python313.zip", PYTHON)
    rig.install(PYTHON / "Lib" / "site-packages", *for_32, "-c", rig.LOCK[1], "pillow")
    (PYTHON / "launcher.c").write_text(LAUNCHER)
    (PYTHON / "python.def").write_text("LIBRARY python313.dll\nEXPORTS\nPy_Main\n")
    subprocess.run([COMPILER.replace("gcc", "dlltool"), "-d", "python.def", "-l", "libpython.a"], cwd=PYTHON, check=True)
    subprocess.run([COMPILER, "-municode", "-static-libgcc", "launcher.c", "libpython.a", "-o", "python.exe"], cwd=PYTHON,
                   check=True)
