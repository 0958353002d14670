"""The folder for a clerk's Windows computer: from made-up parts always the same bytes, whole or told as not whole.

The real folder is made and run under Wine where SOHOA_TEST_WINDOWS=1 asks for it (test_clerk.py).
"""

import hashlib
import shutil
import struct
import sys
import zipfile
from pathlib import Path

import pytest

from tests.deploy.parts import DEPLOY, LAUNCHERS, dll, parts_in

sys.path.insert(0, str(DEPLOY))

import build
import icon
import locked
import programs
from clerk import launchers, logon
from clerk.folder import MANIFEST, Release, read_manifest, release_name, releases

ROOT = Path(__file__).parents[2]


@pytest.fixture
def made(tmp_path):
    return build.assemble(parts_in(tmp_path / "parts"), tmp_path / "out").with_suffix("")


def test_the_same_parts_make_the_same_bytes(tmp_path):
    zips = [build.assemble(parts_in(tmp_path / name), tmp_path / f"{name}-out") for name in ("one", "other")]
    assert hashlib.sha256(zips[0].read_bytes()).digest() == hashlib.sha256(zips[1].read_bytes()).digest()


def test_the_folder_has_its_icons_and_a_release_that_is_whole(made):
    release, = releases(made)
    assert release.problems() == []
    assert release.version == "1.2.3"
    shown = {path.name for path in made.iterdir()}
    assert shown == {release.name, launchers.README, *(icon.name for icon in launchers.ICONS)}
    for shown in launchers.ICONS:
        assert launchers.target(made / shown.name) == release.name


def test_an_icon_starts_the_right_python_with_the_right_part(made):
    release, = releases(made)
    for shown in launchers.ICONS:
        data = (made / shown.name).read_bytes()
        python = "python.exe" if shown.console else "pythonw.exe"
        assert f"#!<launcher_dir>\\{release.name}\\python\\{python}\r\n".encode() in data
        with zipfile.ZipFile(made / shown.name) as inside:
            code = inside.read("__main__.py").decode("utf-8")
        assert f"from clerk.{shown.module} import main" in code
        compile(code, "__main__.py", "exec")
        assert (DEPLOY / "clerk" / f"{shown.module}.py").exists()


def test_python_finds_what_is_in_the_folder_and_nothing_else(made):
    release, = releases(made)
    assert (release.path / "python" / "python313._pth").read_bytes() == b"python313.zip\r\n.\r\nLib\\site-packages\r\n"
    assert not list(release.path.rglob("*._pth.old"))
    assert (release.path / "python32" / "python313._pth").exists()
    assert (release.path / "python" / build.LIBRARIES / "clerk" / "start.py").exists()


def test_what_no_station_uses_is_left_out(made):
    libraries = releases(made)[0].path / "python" / build.LIBRARIES
    assert (libraries / "numpy" / "core.py").exists()
    assert not (libraries / "numpy" / "tests").exists()
    assert not list(libraries.rglob("*.pyi"))
    assert not (libraries / "numpy-2.0.dist-info" / "RECORD").exists()


def test_the_zip_holds_the_folder_under_a_plain_name(made, tmp_path):
    with zipfile.ZipFile(made.parent / f"{made.name}.zip") as packed:
        assert {name.split("/")[0] for name in packed.namelist()} == {"sohoa"}
        packed.extractall(tmp_path / "Thư mục của chị Lan")
    top = tmp_path / "Thư mục của chị Lan" / "sohoa"
    assert releases(top)[0].problems() == []
    assert (top / "Mở sohoa.exe").read_bytes() == (made / "Mở sohoa.exe").read_bytes()


def test_texts_are_read_by_the_oldest_editor(made):
    for path in (made / launchers.README, releases(made)[0].path / build.LICENCES):
        data = path.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        assert data.count(b"\n") == data.count(b"\r\n") > 5
    text = (made / launchers.README).read_text(encoding="utf-8-sig")
    assert "bản 1.2.3" in text
    for shown in launchers.ICONS:
        assert shown.name.removesuffix(".exe") in text


def test_the_licence_of_every_part_is_named(made):
    text = (releases(made)[0].path / build.LICENCES).read_text(encoding="utf-8-sig")
    for part in ("numpy 2.0, BSD-3-Clause", "zxing-cpp 2.2, Apache License 2.0", "Python, PSF-2.0", "Redistributable"):
        assert part in text


def test_the_runtime_of_c_comes_with_the_folder_or_the_script_stops(tmp_path):
    parts = parts_in(tmp_path / "parts")
    made = build.assemble(parts, tmp_path / "out").with_suffix("")
    assert (releases(made)[0].path / "python" / "msvcp140.dll").exists()
    shutil.rmtree(parts.libraries / "numpy.libs")
    with pytest.raises(ValueError, match=r"msvcp140\.dll \(zxingcpp\.pyd\)"):
        build.assemble(parts, tmp_path / "out")


# --- half-copied folders ---------------------------------------------------------------------------------------


def _broken(made, change):
    release, = releases(made)
    change(release.path)
    return release.problems()


def test_a_file_that_is_missing_cut_or_changed_is_named(made):
    name = "python/Lib/site-packages/numpy/core.py"

    def cut(folder):
        (folder / name).write_bytes((folder / name).read_bytes()[:-1])

    def flipped(folder):
        data = bytearray((folder / name).read_bytes())
        data[3] ^= 1
        (folder / name).write_bytes(data)

    for change in (cut, flipped, lambda folder: (folder / name).unlink()):
        assert _broken(made, change) == [name]


def test_a_manifest_that_was_cut_short_hides_nothing(made):
    def cut(folder):
        lines = (folder / MANIFEST).read_bytes().splitlines(keepends=True)
        (folder / MANIFEST).write_bytes(b"".join(lines[:-1]))

    assert _broken(made, cut) == [MANIFEST]


def test_files_that_nobody_speaks_of_are_no_problem(made):
    assert _broken(made, lambda folder: (folder / "Thumbs.db").write_bytes(b"1")) == []


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", "C:/outside.py", "a\\..\\..\\outside.py", "a/../../b"])
def test_a_manifest_leads_nowhere_else(path):
    manifest = f"{'0' * 64} 1 {path}\n".encode()
    with pytest.raises(ValueError, match="no line of a manifest"):
        read_manifest(manifest, release_name("1.0", manifest))


# --- the parts -------------------------------------------------------------------------------------------------

LOCK = """# comment
alpha==1.0 \\
    --hash=sha256:aa
    # via
    #   sohoa (pyproject.toml)
    #   other
beta==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:bb
    # via alpha
beta==3.0 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
    # via alpha
gamma-ray==1.0 \\
    --hash=sha256:dd
    # via pytest
delta==1.0 \\
    --hash=sha256:ee
    # via sohoa (pyproject.toml)
"""


def test_only_what_the_program_wants_is_taken_from_the_lock_with_its_hashes():
    project = '[project]\ndependencies = ["Alpha[x]>=1"]\n[project.optional-dependencies]\nmore = ["delta>=1"]\n'
    assert locked.wanted(LOCK, project, ()).count("--hash") == 3
    text = locked.wanted(LOCK, project, ("more",))
    assert "delta==1.0" in text
    assert "gamma" not in text
    with pytest.raises(KeyError, match="epsilon"):
        locked.wanted(LOCK, '[project]\ndependencies = ["epsilon"]\n', ())


def test_the_projects_own_lock_has_all_that_the_project_names():
    text = locked.wanted((ROOT / "requirements.lock").read_text(encoding="utf-8"),
                         (ROOT / "pyproject.toml").read_text(encoding="utf-8"), build.EXTRAS)
    for name in ("numpy==", "opencv-python==", "pyhanko==", "h11==", "click=="):
        assert f"\n{name}" in "\n" + text
    for name in ("pytest==", "dask==", "playwright==", "uv=="):
        assert f"\n{name}" not in "\n" + text


def test_a_program_tells_which_libraries_it_needs(tmp_path):
    path = tmp_path / "one.dll"
    path.write_bytes(dll("KERNEL32.dll", "Msvcp140.dll"))
    assert programs.imports(path) == ["kernel32.dll", "msvcp140.dll"]
    path.write_bytes(dll("KERNEL32.dll")[:300])
    with pytest.raises(ValueError, match="damaged"):
        programs.imports(path)
    path.write_bytes(b"text")
    assert programs.imports(path) == []


def test_the_launcher_gets_our_pictures_and_only_these():
    changed = icon.with_icon(LAUNCHERS)
    assert len(changed) == len(LAUNCHERS)
    at = changed.find(struct.pack("<HHH", 0, 1, 3))
    sizes = [struct.unpack_from("<B5xH", changed, at + 6 + 14 * number) for number in range(3)]
    assert sorted(sizes) == [(16, 32), (32, 32), (48, 32)]
    for size in icon.SIZES:
        assert icon.picture(size) in changed
    with pytest.raises(ValueError, match="icons"):
        icon.with_icon(changed)


def test_the_picture_is_the_book_and_stands_the_right_way_up():
    book = icon.draw(48)
    assert book.getpixel((0, 0))[3] == 0
    assert book.getpixel((6, 9))[:3] == (255, 253, 244)  # paper at the top
    row, column = 48 - 1 - 9, 6  # in a program, rows come from below
    begin = 40 + (row * 48 + column) * 4
    assert icon.picture(48)[begin : begin + 4] == bytes((244, 253, 255, 255))


def test_nothing_in_the_folders_code_is_newer_than_its_python():
    names = sorted(path.stem for path in (DEPLOY / "clerk").glob("*.py"))
    assert {"start", "stop", "update", "logon", "check", "command"} <= set(names)
    assert Release(Path("/x/ban-1.0-0123456789ab")).version == "1.0"
    assert Release(Path("/x/other")).version == ""


def test_windows_starts_the_icon_at_log_on_from_a_path_with_spaces():
    assert logon.line(Path("D:/Thư mục sổ")) == f'"{Path("D:/Thư mục sổ") / "Mở sohoa.exe"}" --quiet'


def test_an_office_that_forbids_the_start_at_log_on_is_told_as_such(monkeypatch):
    def forbidden(command):
        raise PermissionError(13, "by group policy")

    told = []
    monkeypatch.setattr(logon.screen, "to_log", lambda: None)
    monkeypatch.setattr(logon.screen, "told", lambda code, bad=False, **facts: told.append((code, bad, facts)))
    monkeypatch.setattr(logon, "entry", lambda: "")
    monkeypatch.setattr(logon, "switch", forbidden)
    assert logon.main(("bat",)) == 1
    assert told == [("logon_failed", True, {"reason": "by group policy"})]
