"""The icons: small programs that start the Python of one release.

Each is the launcher that pip has used for years (distlib's), followed by a line that names the Python to start, relative to
the launcher's own place, and by a zip with what that Python runs. So they can be written anywhere, without a compiler.
"""

from __future__ import annotations

import io
import re
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clerk.folder import Release

README = "ĐỌC TÔI TRƯỚC.txt"
BASES = "launchers"  # in a release: window.exe, console.exe
TARGET = re.compile(rb"#!<launcher_dir>\\(ban-[\w.-]+)\\python\\pythonw?\.exe\r\n")
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can state
BROKEN = ("Thư mục chương trình chưa được chép đủ, nên chưa mở được. Sổ và ảnh của bạn không nằm trong thư mục này và vẫn "
          "an toàn. Hãy giải nén lại tệp zip.\\n\\nThe folder of the program is not whole and cannot be started. Your books "
          "and images do not lie in it and are safe. Please unpack the zip file again.")
START = f'''import sys
try:
    from clerk.{{module}} import main
except Exception:
    import ctypes
    ctypes.windll.user32.MessageBoxW(None, "{BROKEN}", "sohoa", 0x10)
    sys.exit(70)
sys.exit(main(sys.argv[1:]))
'''


@dataclass(frozen=True)
class Icon:
    """An icon in the clerk's folder: its name, what of `clerk` it runs, and whether it shows a console."""

    name: str
    module: str
    console: bool = False


OPEN = Icon("Mở sohoa.exe", "start")
ICONS = (OPEN, Icon("sohoa.exe", "command", console=True), Icon("Dừng sohoa.exe", "stop"),
         Icon("Tự mở khi bật máy.exe", "logon"), Icon("Kiểm tra.exe", "check", console=True),
         Icon("Cập nhật sohoa.exe", "update", console=True))


def launcher(base: bytes, icon: Icon, release: str) -> bytes:
    """The program behind an icon; `base` is distlib's, of the right kind."""
    python = "python.exe" if icon.console else "pythonw.exe"
    line = f"#!<launcher_dir>\\{release}\\python\\{python}\r\n".encode()
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as packed:
        inside = zipfile.ZipInfo("__main__.py", LONG_AGO)
        inside.create_system = 0  # the same bytes wherever it is written
        packed.writestr(inside, START.format(module=icon.module))
    return base + line + package.getvalue()


def wanted(release: Release, icon: Icon) -> bytes:
    """What an icon has to be, to start `release`. Raises OSError."""
    kind = "console" if icon.console else "window"
    return launcher((release.path / BASES / f"{kind}.exe").read_bytes(), icon, release.name)


def target(path: Path) -> str:
    """Name of the release that an icon starts; empty where it is none of ours."""
    try:
        found = TARGET.findall(path.read_bytes())
    except OSError:
        return ""
    return found[-1].decode() if found else ""


def point(release: Release) -> None:
    """Let all icons start `release`, the one that opens the program first; each is replaced in one step, whole. The text
    beside them is that of the release, too.

    An icon whose program runs at this moment can stay as it was: the next start settles it. Raises StorageFailed where the
    first one cannot be replaced.
    """
    from errors import StorageFailed
    from originals.durable import write_file

    for icon in ICONS:
        path = release.top / icon.name
        if target(path) == release.name:
            continue
        try:
            write_file(path, [wanted(release, icon)])
        except StorageFailed:
            if icon is OPEN:
                raise
    text, shown = (release.path / README).read_bytes(), release.top / README
    if not shown.exists() or shown.read_bytes() != text:
        with suppress(StorageFailed):
            write_file(shown, [text])
