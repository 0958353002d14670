"""A Windows on this machine for the tests: a Windows Python with the program's packages, under Wine.

`made` builds it once for each checkout, in `.wine/`: a Python, its packages (those of requirements.lock, hashes checked),
a C run-time (see `ucrt`) and a prefix, Wine's word for a drive C: with a registry. `Windows` starts programs there, in a
prefix of its own, and ends all of them. Which tests run there is left to the tests.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from originals.durable import locked
from tests.windows import gaps, ucrt

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".wine"
PYTHON = HOME / "python"
PACKAGES = PYTHON / "Lib" / "site-packages"
PREFIX = HOME / "prefix"
COMPILER = "x86_64-w64-mingw32-gcc"
LIBRARIES = ("/usr/lib/x86_64-linux-gnu/wine", "/usr/lib64/wine", "/usr/lib/wine", "/opt/wine-stable/lib64/wine")
HERE = Path(__file__).parent
RECIPE = (HERE / "python.txt", HERE / "unpacker.txt", Path(ucrt.__file__), Path(gaps.__file__))
LOCK = (ROOT / "pyproject.toml", ROOT / "requirements.lock")
VIETNAM = "ICT-7"  # POSIX's way to say UTC+7: the only one that Wine and Windows' C library both understand
KEEPER = "import ctypes; ctypes.windll.user32.GetDesktopWindow(); print('ready', flush=True); input()"
SETTINGS = r"""REGEDIT4

[HKEY_CURRENT_USER\Software\Wine]
"Version"="win10"

[HKEY_CURRENT_USER\Software\Wine\Drivers]
"Graphics"="null"

[HKEY_CURRENT_USER\Software\Wine\WineDbg]
"ShowCrashDialog"=dword:00000000
"""  # null: windows without a screen


def wine() -> str | None:
    """Wine's loader for 64-bit programs."""
    return shutil.which("wine64") or shutil.which("wine64", path="/usr/lib/wine") or shutil.which("wine")


def libraries() -> Path | None:
    """Where Wine keeps its 64-bit Windows libraries."""
    return next((folder for path in LIBRARIES if (folder := Path(path) / "x86_64-windows").is_dir()), None)


def lacking() -> str:
    """Why there can be no Windows here; empty if there can."""
    if sys.platform != "linux":
        return "Wine is started from Linux only"
    needed = {"wine64": wine(), "wineserver": shutil.which("wineserver"), "Wine's libraries": libraries(),
              COMPILER: shutil.which(COMPILER)}
    missing = [name for name, found in needed.items() if not found]
    return f"Not installed: {', '.join(missing)} (make debian-test installs Wine and mingw)" if missing else ""


def made(*extras: str) -> Path:
    """The Windows Python with the program's packages and those of the extras named; made if it is not there yet.

    Several processes may ask at once. Raises CalledProcessError where something cannot be fetched or built.
    """
    with locked(HOME / "lock", wait=True):
        if not is_made("windows", RECIPE):
            for part in (PYTHON, PREFIX):
                shutil.rmtree(part, ignore_errors=True)
            for stamp in HOME.glob("packages*"):
                stamp.unlink()
            install(PYTHON, "--no-deps", "--require-hashes", "--build-constraints", "unpacker.txt", "-r", "python.txt")
            (PYTHON / "_wmi.pyd").unlink()  # asks services that Wine does not have
            next(PYTHON.glob("*._pth")).unlink()  # it would shut out the variables of the environment
            ucrt.build(PYTHON, COMPILER, libraries() / "ucrtbase.dll")
            gaps.build(PYTHON, COMPILER)
            make_prefix(PREFIX, libraries())
            mark("windows", RECIPE)
        for extra in ("", *extras):
            if not is_made(f"packages{extra}", LOCK):
                chosen = ["--extra", extra] if extra else []
                install(PACKAGES, "--python-platform", "x86_64-pc-windows-msvc", "--python-version", "3.13",
                         "--require-hashes", "-c", LOCK[1], "-r", LOCK[0], *chosen)
                mark(f"packages{extra}", LOCK)
    return PYTHON / "python.exe"


def is_made(part: str, sources: Sequence[Path]) -> bool:
    """Whether a part was made of these sources as they are now."""
    stamp = HOME / part
    return stamp.exists() and stamp.read_text() == _digest(sources)


def mark(part: str, sources: Sequence[Path]) -> None:
    (HOME / part).write_text(_digest(sources))


def _digest(sources: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()


def install(into: Path, *words: str | Path) -> None:
    """Packages, by uv; files named in `words` are beside this one."""
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "pip", "install", "--quiet", "--target", into, *words], cwd=HERE, check=True)


def make_prefix(prefix: Path, *own: Path, **variables: str) -> None:
    """A prefix of 19 MB: links to Wine's libraries, in the folders `own`, where wineboot leaves 700 MB of copies."""
    settings = HOME / "settings.reg"
    settings.write_text(SETTINGS)
    for words in (["wineboot", "--init"], ["regedit", "/S", windows_path(settings)]):
        subprocess.run([wine(), *words], env=environment(prefix, **variables), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=240, check=True)
    subprocess.run(["wineserver", "-w"], env=environment(prefix), timeout=60, check=True)
    for copy in (prefix / "drive_c" / "windows").rglob("*.*"):
        originals = (folder / copy.name for folder in own)
        if copy.is_file() and not copy.is_symlink():
            content = copy.read_bytes()
            if same := next((one for one in originals if one.is_file() and one.read_bytes() == content), None):
                copy.unlink()
                copy.symlink_to(same)


def environment(prefix: Path, **more: str) -> dict[str, str]:
    """What a program in the prefix is started with, and nothing of this session's own environment."""
    overrides = "ucrtbase=n,b;mscoree,mshtml,winemenubuilder.exe,winedbg.exe="  # no C#, no browser, no menu, no debugger
    return {"PATH": os.environ["PATH"], "HOME": str(HOME), "LANG": "C.UTF-8", "TZ": VIETNAM, "WINEPREFIX": str(prefix),
            "WINEDEBUG": "-all", "WINEDLLOVERRIDES": overrides, "PYTHONUTF8": "1", "PYTHONPATH": windows_path(ROOT),
            "PYTHONPYCACHEPREFIX": windows_path(HOME / "compiled"), **more}


def windows_path(path: Path) -> str:
    r"""How Windows programs name a file of this machine: drive Z: is its root."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


class Windows:
    """A prefix of its own, in `folder`, with programs running in it. To be used with `with`; the end ends all of them.

    A program that only waits keeps Wine's services running, which makes the others start in half a second. It ends when
    this process does, however that happens, and Wine with it when the others have ended.
    """

    def __init__(self, folder: Path, *extras: str, template: Path = PREFIX, **variables: str) -> None:
        """With the packages of `extras` too; `template` is copied, `variables` are for every program."""
        self.exe = made(*extras)
        self.prefix, self._variables = folder / "prefix", variables
        shutil.copytree(template, self.prefix, symlinks=True)
        self._keeper: subprocess.Popen | None = None

    def __enter__(self) -> Windows:
        self._keep()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_all()
        shutil.rmtree(self.prefix, ignore_errors=True)

    def _environment(self, **more: str) -> dict[str, str]:
        return environment(self.prefix, **{**self._variables, **more})

    def _keep(self) -> None:
        """Start Wine's services and its desktop before any program: a program that starts them leaves them its pipes."""
        if self._keeper is None:
            self._keeper = subprocess.Popen([wine(), str(self.exe), "-c", KEEPER], env=self._environment(),
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self._keeper.stdout.readline()

    def end_all(self) -> None:
        """End every program in the prefix, at once."""
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(["wineserver", "-k"], env=environment(self.prefix), timeout=20, check=False)
        if self._keeper:
            _ended(self._keeper)
            self._keeper = None

    @contextmanager
    def started(
        self, *arguments: object, cwd: Path | None = None, all_at_once: bool = True, **variables: str
    ) -> Iterator[subprocess.Popen]:
        """The Windows Python with these arguments, running: a Popen with pipes for text.

        It is killed at the end, and after an exception, such as one for time, `all_at_once` with all that runs here.
        """
        self._keep()
        words = [windows_path(word) if isinstance(word, Path) else str(word) for word in arguments]
        running = subprocess.Popen([wine(), str(self.exe), *words], cwd=cwd or self.prefix.parent, text=True,
                                   encoding="utf-8", env=self._environment(**variables), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield running
        except BaseException:
            if all_at_once:
                self.end_all()
            raise
        finally:
            _ended(running)

    def python(self, *arguments: object, cwd: Path | None = None, timeout: float = 60, given: str = "",
               **variables: str) -> subprocess.CompletedProcess:
        """Run it to its end, `given` on its stdin. Paths are told in Windows' way. Past `timeout`, s, all are ended."""
        with self.started(*arguments, cwd=cwd, **variables) as running:
            out, err = running.communicate(given, timeout)
        return subprocess.CompletedProcess(arguments, running.returncode, out, err)

    def sohoa(self, *arguments: object, **more: Any) -> subprocess.CompletedProcess:
        """Run the program, as `python` does."""
        return self.python(ROOT / "sohoa.py", *arguments, **more)


def _ended(program: subprocess.Popen) -> None:
    program.kill()
    program.wait()
    for pipe in (program.stdin, program.stdout, program.stderr):
        if pipe:
            with suppress(OSError):  # what was written for a program that has ended
                pipe.close()
