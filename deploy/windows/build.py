"""The folder for a clerk's Windows computer, and a zip of it: Python, libraries, the program and its icons.

    python deploy/windows/build.py --python python-3.13.2-embed-amd64.zip [--python32 python-3.13.2-embed-win32.zip]

Runs on Linux and Windows. From the same input it makes the same bytes. docs/windows.md tells where the input comes from.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(ROOT))

import locked  # noqa: E402
import programs  # noqa: E402
from clerk import launchers  # noqa: E402
from clerk.folder import MANIFEST, Release, manifest_of, release_name  # noqa: E402
from icon import with_icon  # noqa: E402

TOP = "sohoa"  # the folder in the zip
LIBRARIES = Path("Lib", "site-packages")  # under a Python's own folder
EXTRAS = ("signing",)  # what a station may need and cannot fetch later
CHILD_LIBRARIES = ("pillow",)  # all that the 32-bit Python of a scanner's driver needs
PLATFORM, PLATFORM_32 = "x86_64-pc-windows-msvc", "i686-pc-windows-msvc"
LICENCES = "GIẤY PHÉP.txt"
LEFT_OUT = (  # what no station uses; nothing of it is imported by what stays
    "bin", "*/tests", "*.pyi", "*.h", "*.hpp", "*.lib", "*.pxd", "*.pyx", "*.c", "*.a", "*/py.typed",
    "*.dist-info/RECORD", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED", "*.dist-info/direct_url.json",
    "*.dist-info/uv_cache.json", "*.dist-info/sboms",
    "cv2/opencv_videoio_ffmpeg*.dll", "cv2/data/*.xml", "PIL/_avif*.pyd", "PIL/_imagingtk*.pyd", "include", "share",
)
RUNTIME = "msvcp140.dll"  # Microsoft's C++ library: some wheels bring it under a name of their own, some rely on the system
RUNTIME_IN = "msvcp140-*.dll"
WINDOWS_OWN = re.compile(  # what every Windows 10 has (its N editions: with the Media Feature Pack for mf*)
    r"(api-ms-win-.*|advapi32|bcrypt|bcryptprimitives|cfgmgr32|combase|comdlg32|crypt32|d3d11|dbghelp|dxgi|gdi32|iphlpapi|"
    r"kernel32|mf|mfplat|mfreadwrite|msvcrt|ntdll|ole32|oleaut32|pdh|powrprof|psapi|rpcrt4|secur32|shell32|shlwapi|"
    r"ucrtbase|user32|userenv|version|winmm|ws2_32)(\.dll)?")
COMPILE = ("import compileall, py_compile, sys; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1, "
           "stripdir=sys.argv[1], invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))")
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # a zip states times, and they must not tell one build from another


@dataclass(frozen=True)
class Parts:
    """What a folder is made of, each a folder here: the 64-bit Python, its libraries with the program among them, the
    launchers (`w64.exe`, `t64.exe`), and the 32-bit Python with its libraries, or nothing.
    """

    version: str
    python: Path
    libraries: Path
    launchers: Path
    python32: Path | None = None
    libraries32: Path | None = None


def assemble(parts: Parts, out: Path, compiled: Callable[[Path], None] = lambda folder: None) -> Path:
    """Make `out/sohoa-VERSION-windows` and its zip, and return the zip. `compiled` adds the .pyc files to libraries.

    Raises ValueError where something that it needs at run time would not be in the folder.
    """
    made = out / f"sohoa-{parts.version}-windows"
    release = made / "release"
    shutil.rmtree(made, ignore_errors=True)
    _python(parts.python, parts.libraries, release / "python", compiled)
    if parts.python32:
        _python(parts.python32, parts.libraries32, release / "python32", compiled)
    shutil.copytree(HERE / "clerk", release / "python" / LIBRARIES / "clerk", ignore=shutil.ignore_patterns("__pycache__"))
    compiled(release / "python" / LIBRARIES / "clerk")
    missing = list(missing_dlls(release))
    if missing:
        raise ValueError(f"neither the folder nor every Windows has: {'; '.join(missing)}")
    (release / launchers.BASES).mkdir()
    for base, name in (("w64.exe", "window.exe"), ("t64.exe", "console.exe")):
        (release / launchers.BASES / name).write_bytes(with_icon((parts.launchers / base).read_bytes()))
    write_text(release / LICENCES, licences(release))
    write_text(release / launchers.README, (HERE / "read-me.txt").read_text(encoding="utf-8").format(version=parts.version))
    manifest = manifest_of(release)
    (release / MANIFEST).write_bytes(manifest)
    whole = Release(release.rename(made / release_name(parts.version, manifest)))
    launchers.point(whole)
    return pack(made, out / f"{made.name}.zip")


def _python(python: Path, libraries: Path, target: Path, compiled: Callable[[Path], None]) -> None:
    """A Python with its libraries; its ._pth file lets it find them, and nothing else on the computer."""
    shutil.copytree(python, target, ignore=shutil.ignore_patterns("*._pth", "__pycache__", "Lib"))
    archive = next(target.glob("python3*.zip")).name
    lines = (archive, ".", str(LIBRARIES).replace("/", "\\"))
    (target / f"{Path(archive).stem}._pth").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    shutil.copytree(libraries, target / LIBRARIES, ignore=shutil.ignore_patterns("__pycache__"))
    for pattern in LEFT_OUT:
        for path in [*(target / LIBRARIES).glob(pattern), *(target / LIBRARIES).glob(f"**/{pattern}")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    compiled(target / LIBRARIES)
    _runtime(target)


def _runtime(python: Path) -> None:
    """Microsoft's C++ library, where a library needs it by its plain name and another has brought it."""
    brought = sorted(python.rglob(RUNTIME_IN))
    if brought and not (python / RUNTIME).exists():
        shutil.copyfile(brought[0], python / RUNTIME)


def missing_dlls(release: Path) -> Iterator[str]:
    """What programs and libraries of the folder import that neither it nor every Windows has."""
    for folder in sorted(path for path in release.iterdir() if path.is_dir()):
        files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".pyd", ".dll", ".exe")]
        here = {path.name.lower() for path in files}
        for path in files:
            for name in programs.imports(path):
                if name not in here and not WINDOWS_OWN.fullmatch(name):
                    yield f"{name} ({path.name})"


def licences(release: Path) -> str:
    """Every part of the folder, its version and licence, and where the licence's text lies in the folder."""
    lines = ["Các thành phần trong thư mục này và giấy phép của chúng.", "The parts of this folder and their licences.", ""]
    for python in sorted(release.glob("python*")):
        lines.append(f"{python.name}: Python, PSF-2.0; {python.name}/LICENSE.txt")
        for found in sorted(metadata.distributions(path=[str(python / LIBRARIES)]), key=lambda found: found.name.lower()):
            said = found.metadata
            licence = said.get("License-Expression") or _one_line(said.get("License", "")) or _classified(said)
            texts = Path(str(found._path)).relative_to(release).as_posix()
            lines.append(f"{python.name}: {found.name} {found.version}, {licence}; {texts}")
    lines += ["launchers: simple_launcher of distlib, PSF-2.0",
              "msvcp140.dll, vcruntime140.dll, vcruntime140_1.dll: Microsoft Visual C++ Redistributable", ""]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return text.strip().splitlines()[0][:80] if text.strip() else ""


def _classified(said) -> str:
    names = [line.rsplit(" :: ", 1)[-1] for line in said.get_all("Classifier") or () if line.startswith("License")]
    return ", ".join(names) or "?"


def write_text(path: Path, text: str) -> None:
    """A text as the oldest editor of Windows reads it: UTF-8 with its mark, and CRLF."""
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("utf-8"))


def pack(made: Path, target: Path) -> Path:
    """A zip of a folder; from the same files the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(made.rglob("*"), key=lambda path: path.relative_to(made).as_posix()):
            if path.is_file():
                info = zipfile.ZipInfo(f"{TOP}/{path.relative_to(made).as_posix()}", LONG_AGO)
                info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
                packed.writestr(info, path.read_bytes(), compresslevel=9)
    return target


# --- where the parts come from --------------------------------------------------------------------------------


def unpacked(source: Path, work: Path) -> Path:
    """A folder, or a zip unpacked under `work`, with the python.exe in it. Raises ValueError where there is none."""
    if source.is_file():
        with zipfile.ZipFile(source) as packed:
            packed.extractall(work / source.stem)
        source = work / source.stem
    if not (source / "python.exe").is_file() or not list(source.glob("python3*.zip")):
        raise ValueError(f"{source}: no embeddable Python for Windows (python.exe and python3….zip)")
    return source


def python_version(python: Path) -> str:
    """3.13 of a Python with a python313.zip."""
    digits = next(python.glob("python3*.zip")).stem.removeprefix("python")
    return f"{digits[0]}.{digits[1:]}"


def install(requirements: str, target: Path, version: str, platform: str, work: Path) -> Path:
    """The wheels of locked requirements, unpacked for a Windows Python; uv leaves out what other systems need."""
    file = work / f"{target.name}.txt"
    file.write_text(requirements, encoding="utf-8")
    command = ["uv", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--link-mode",
               "copy", "--python-platform", platform, "--python-version", version, "--target", str(target), "-r", str(file)]
    subprocess.run([_uv(), *command[1:]], check=True)
    return target


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.exists() else "uv"


def add_program(libraries: Path, work: Path) -> None:
    """The project's own wheel, made now and unpacked among the libraries."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(work)], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    with zipfile.ZipFile(next(work.glob("sohoa-*.whl"))) as wheel:
        wheel.extractall(libraries)


def compiler(version: str, python: Path, named: str | None) -> Callable[[Path], None]:
    """What compiles libraries with a Python of the same version: the embeddable one itself on Windows, another elsewhere;
    where there is none they stay as they are, and start more slowly.

    The compiled files hold no times, so neither copying nor unpacking makes them stale.
    """
    command = str(python / "python.exe") if os.name == "nt" else named or _found_python(version)
    if not command:
        say(f"No Python {version} here to compile with: every start will be slower. --compile-with names one.")

    def compiled(folder: Path) -> None:
        if command:
            subprocess.run([command, "-c", COMPILE, str(folder)], check=True)

    return compiled


def _found_python(version: str) -> str:
    asked = subprocess.run([_uv(), "python", "find", version], capture_output=True, text=True, check=False)
    return "" if asked.returncode else asked.stdout.strip()


def say(text: str) -> None:
    print(text, flush=True)


def size_mb(paths: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def main(words: list[str] | None = None) -> int:
    """Make the folder from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, required=True, help="embeddable Python for Windows, 64 bit: zip or folder")
    parser.add_argument("--python32", type=Path, help="the same for 32 bit, for scanners whose drivers are of 32 bit")
    parser.add_argument("--compile-with", help="a Python of the same version on this computer (Linux)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    asked = parser.parse_args(words)
    asked.out.mkdir(parents=True, exist_ok=True)
    lock, project = ((ROOT / name).read_text(encoding="utf-8") for name in ("requirements.lock", "pyproject.toml"))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        python = unpacked(asked.python, work)
        version = python_version(python)
        libraries = install(locked.wanted(lock, project, EXTRAS), work / "libraries", version, PLATFORM, work)
        add_program(libraries, work)
        python32 = libraries32 = None
        if asked.python32:
            python32 = unpacked(asked.python32, work)
            child = "".join(item.lines for item in locked.libraries(lock) if item.name in CHILD_LIBRARIES)
            libraries32 = install(child, work / "libraries32", python_version(python32), PLATFORM_32, work)
        bases = install((HERE / "launchers.lock").read_text(encoding="utf-8"), work / "bases", version, PLATFORM, work)
        parts = Parts(tomllib.loads(project)["project"]["version"], python, libraries, bases / "distlib", python32,
                      libraries32)
        made = assemble(parts, asked.out, compiler(version, python, asked.compile_with))
    folder = made.with_suffix("")
    files = list(folder.rglob("*"))
    say(f"{folder}: {len(files)} files, {size_mb(files):.0f} MB; {made.name}: {size_mb([made]):.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
