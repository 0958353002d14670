"""The real folder under Wine, as a clerk uses it: made, started, updated, ended. Takes minutes: SOHOA_TEST_WINDOWS=1."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from tests.deploy.parts import DEPLOY
from tests.windows import rig

sys.path.insert(0, str(DEPLOY))

import build
from clerk import launchers
from clerk.folder import MANIFEST, Release, manifest_of, release_name, releases

pytestmark = [
    pytest.mark.skipif(not os.environ.get("SOHOA_TEST_WINDOWS"), reason="the folder is made and run, minutes long, where "
                       "SOHOA_TEST_WINDOWS=1 asks for it"),
    pytest.mark.skipif(bool(rig.lacking()), reason=rig.lacking()),
    pytest.mark.timeout(1500),
]
STARTS_S = 120


class Clerk:
    """A person at their computer: what they click, and what they see."""

    def __init__(self, windows, top):
        self.windows, self.top = windows, top

    def clicks(self, icon, *words):
        """An icon, to its end: its exit code and what it said. Under Wine a program that it starts keeps its streams."""
        said, running = [], self.runs(icon, *words)
        running.stdin.close()
        threading.Thread(target=lambda: said.extend(running.stdout), daemon=True).start()
        code = running.wait(600)
        time.sleep(0.5)  # for the last of what it said
        return code, "".join(said)

    def runs(self, icon, *words):
        environment = rig.environment(self.windows.prefix, SOHOA_SILENT="1")
        return subprocess.Popen([rig.wine(), rig.windows_path(self.top / icon), *words], env=environment, text=True,
                                encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @property
    def home(self):
        return next(iter(self.windows.prefix.glob("drive_c/users/*/sohoa")), None)

    def page(self):
        """The first answer of the page, once there is one."""
        deadline = time.monotonic() + STARTS_S
        while time.monotonic() < deadline:
            try:
                address = json.loads((self.home / "kho" / ".sohoa-running").read_text(encoding="utf-8"))["address"]
                with urllib.request.urlopen(address, timeout=5) as answer:
                    return answer.read().decode("utf-8")
            except (OSError, TypeError, ValueError):
                time.sleep(0.2)
        log = self.home / "nhat-ky.txt" if self.home else None
        pytest.fail(log.read_text(encoding="utf-8") if log and log.exists() else "it has not even begun")


@pytest.fixture(scope="module")
def clerk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clerk")
    with rig.Windows(folder) as windows:
        assert build.main(["--python", str(rig.PYTHON), "--out", str(folder)]) == 0
        top = folder / "Thư mục sổ" / "sohoa"
        top.parent.mkdir()
        next(path for path in folder.glob("sohoa-*-windows") if path.is_dir()).rename(top)
        yield Clerk(windows, top)


def test_the_page_opens_and_the_station_ends_by_its_icons(clerk):
    with clerk.runs(launchers.OPEN.name, "--quiet") as first:
        assert '<html lang="vi">' in clerk.page()
        assert clerk.clicks(launchers.OPEN.name, "--quiet")[0] == 0  # a second one sees the first, and ends
        assert first.poll() is None
        assert clerk.clicks("Dừng sohoa.exe")[0] == 0
        assert first.wait(60) == 0
    assert (clerk.home / "anh-vao").is_dir()
    assert '"event": "started"' in (clerk.home / "nhat-ky.txt").read_text(encoding="utf-8")


def test_the_command_line_and_the_check_say_that_all_is_well(clerk):
    code, said = clerk.clicks("sohoa.exe", "doctor", "--json")
    assert [check["code"] for check in json.loads(said) if not check["good"]] == []
    assert code == 0
    code, said = clerk.clicks("Kiểm tra.exe")
    assert code == 0
    assert "không hỏng" in said


def test_the_start_at_log_on_is_switched_on_and_off(clerk):
    def entry():
        asked = clerk.windows.python("-c", "import winreg as w; k = w.OpenKey(w.HKEY_CURRENT_USER, r'Software\\Microsoft\\"
                                     "Windows\\CurrentVersion\\Run'); print(ascii(w.QueryValueEx(k, 'sohoa')[0]))")
        return asked.stdout.strip() if asked.returncode == 0 else None

    assert clerk.clicks("Tự mở khi bật máy.exe", "bat")[0] == 0
    assert entry() == ascii(f'"{rig.windows_path(clerk.top / launchers.OPEN.name)}" --quiet')
    assert clerk.clicks("Tự mở khi bật máy.exe", "tat")[0] == 0
    assert entry() is None


def test_a_newer_release_takes_the_place_of_the_one_that_runs(clerk, tmp_path):
    old, = releases(clerk.top)
    newer = tmp_path / "newer" / "release"
    shutil.copytree(old.path, newer)
    (newer / "python" / build.LIBRARIES / "clerk" / "__init__.py").write_text('"""A newer one."""\n', encoding="utf-8")
    manifest = manifest_of(newer)
    (newer / MANIFEST).write_bytes(manifest)
    release = Release(newer.rename(newer.with_name(release_name("9.0", manifest))))
    launchers.point(release)
    package = build.pack(newer.parent, tmp_path / "sohoa-9.0-windows.zip")
    with clerk.runs(launchers.OPEN.name, "--quiet") as first:
        clerk.page()
        code, said = clerk.clicks("Cập nhật sohoa.exe", rig.windows_path(package))
        assert (code, "9.0" in said) == (0, True), said
        assert first.wait(60) == 0
    assert launchers.target(clerk.top / launchers.OPEN.name) == release.name
    assert clerk.page()
    assert clerk.clicks("Dừng sohoa.exe")[0] == 0
