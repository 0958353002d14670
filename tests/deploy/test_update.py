"""An update of a clerk's folder: whatever breaks off, wherever, each icon starts a whole release."""

import contextlib
import errno
import http.server
import itertools
import json
import os
import shutil
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.parts import DEPLOY, parts_in, slim_package

sys.path.insert(0, str(DEPLOY))

import build
from clerk import launchers, screen, start, stop, update
from clerk.folder import Release, releases

from errors import NothingToDo, SohoaError, StorageFailed
from originals.durable import locked

CHANGES = ("open", "mkdir", "replace", "rename", "unlink", "remove", "rmdir", "fsync")  # of what `os` and Python can do


@dataclass
class Station:
    """What stands in for programs: the release whose station runs, and what shall go wrong with it."""

    runs: str = ""
    ends: bool = True
    silent: tuple = ()
    unfit: tuple = ()
    told: list = field(default_factory=list)

    def acts(self):
        return update.Acts(self.faults, self.end, self.start)

    def faults(self, release):
        assert release.problems() == []  # nothing is tried that is not whole
        return frozenset({"memory"} | ({"libraries"} if release.version in self.unfit else set()))

    def end(self):
        self.runs = "" if self.ends else self.runs
        return self.ends

    def start(self, release):
        assert release.problems() == []
        self.runs = release.version
        return release.version not in self.silent

    def update(self, top, package):
        return update.update(top, package, self.acts(), lambda code, **facts: self.told.append(code))


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Version → its zip."""
    folder = tmp_path_factory.mktemp("packages")
    return {version: build.assemble(parts_in(folder / f"parts-{version}", version, version), folder)
            for version in ("1.0", "2.0", "3.0")}


@pytest.fixture
def top(tmp_path, packages):
    """The folder of version 1.0 as the clerk has unpacked it."""
    with zipfile.ZipFile(packages["1.0"]) as packed:
        packed.extractall(tmp_path / "Thư mục sổ")
    return tmp_path / "Thư mục sổ" / "sohoa"


def versions(top):
    """The version that each icon starts; it must be there whole."""
    found = {}
    for icon in launchers.ICONS:
        release = Release(top / launchers.target(top / icon.name))
        assert release.problems() == [], icon.name
        found[icon] = release.version
    return found


def is_at(top, version):
    return set(versions(top).values()) == {version}


def test_the_icons_start_the_new_release_and_the_one_before_stays(top, packages):
    station = Station(runs="1.0")
    station.update(top, packages["2.0"])
    assert is_at(top, "2.0")
    assert "bản 2.0" in (top / launchers.README).read_text(encoding="utf-8-sig")
    assert station.runs == "2.0"
    assert station.told == ["unpacking", "trying", "ending", "starting", "updated"]
    assert [release.version for release in releases(top)] == ["1.0", "2.0"]
    station.update(top, packages["3.0"])
    assert [release.version for release in releases(top)] == ["2.0", "3.0"]
    assert is_at(top, "3.0")
    assert not list(top.glob(".tmp-*"))


def test_the_old_zip_takes_it_back_and_the_same_zip_changes_nothing(top, packages):
    station = Station()
    station.update(top, packages["2.0"])
    before = sorted(path.stat().st_mtime_ns for path in top.rglob("*") if path.is_file())
    station.update(top, packages["2.0"])
    assert sorted(path.stat().st_mtime_ns for path in top.rglob("*") if path.is_file()) == before
    station.update(top, packages["1.0"])
    assert is_at(top, "1.0")


def test_a_release_that_cannot_run_here_is_not_taken(top, packages):
    station = Station(runs="1.0", unfit=("2.0",))
    with pytest.raises(NothingToDo, match="new_unfit") as told:
        station.update(top, packages["2.0"])
    assert told.value.facts == {"faults": "libraries"}  # too little memory is no news: the old one has it, too
    assert is_at(top, "1.0")
    assert station.runs == "1.0"
    assert [release.version for release in releases(top)] == ["1.0"]


def test_a_station_that_does_not_answer_makes_it_go_back(top, packages):
    station = Station(runs="1.0", silent=("2.0",))
    with pytest.raises(NothingToDo, match="went_back"):
        station.update(top, packages["2.0"])
    assert is_at(top, "1.0")
    assert station.runs == "1.0"


def test_a_station_that_answers_too_late_turns_no_icon_back_to_its_own_release(top, packages):
    with pytest.raises(NothingToDo, match="went_back"):
        Station(silent=("2.0",)).update(top, packages["2.0"])
    late = next(release for release in releases(top) if release.version == "2.0")
    start.settle(late)
    assert is_at(top, "1.0")


def test_a_station_that_does_not_end_is_left_alone(top, packages):
    station = Station(runs="1.0", ends=False)
    with pytest.raises(NothingToDo, match="station_goes_on"):
        station.update(top, packages["2.0"])
    assert is_at(top, "1.0")


def test_two_updates_at_once_are_one(top, packages):
    with locked(top / update.LOCK), pytest.raises(SohoaError, match="busy"):
        Station().update(top, packages["2.0"])


def test_a_folder_without_its_first_icon_is_mended_by_an_update(top, packages):
    (top / launchers.OPEN.name).unlink()  # a virus scanner took it
    Station().update(top, packages["2.0"])
    assert is_at(top, "2.0")


# --- packages that are no good --------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_zip_that_was_copied_in_part_changes_nothing(top, packages, tmp_path, share):
    data = packages["2.0"].read_bytes()
    part = tmp_path / "part.zip"
    part.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(NothingToDo, match="package_damaged"):
        Station().update(top, part)
    assert is_at(top, "1.0")
    assert len(releases(top)) == 1


def test_a_zip_whose_bytes_have_changed_changes_nothing(top, packages, tmp_path):
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(packages["2.0"]) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data + b"\nimport evil" if name.endswith("core.py") else data)
    with pytest.raises(NothingToDo, match="package_damaged"):
        Station().update(top, changed)
    assert is_at(top, "1.0")
    assert not list(top.glob(".tmp-*"))


@pytest.mark.parametrize("file", ["core.py", "MANIFEST.txt"])
def test_a_zip_with_a_bad_spot_changes_nothing(top, packages, tmp_path, file):
    damaged = tmp_path / "damaged.zip"
    data = bytearray(packages["2.0"].read_bytes())
    with zipfile.ZipFile(packages["2.0"]) as packed:
        entry = next(entry for entry in packed.infolist() if entry.filename.endswith(file))
    start = entry.header_offset + 30 + len(entry.filename.encode())
    data[start : start + entry.compress_size] = b"\xff" * entry.compress_size  # no deflated data begins so
    damaged.write_bytes(data)
    with pytest.raises(NothingToDo, match="package_damaged"):
        Station().update(top, damaged)
    assert is_at(top, "1.0")


def test_files_in_a_zip_that_its_manifest_does_not_name_stay_in_it(top, packages, tmp_path):
    more = tmp_path / "more.zip"
    shutil.copy(packages["2.0"], more)
    with zipfile.ZipFile(more, "a") as packed:
        packed.writestr("sohoa/../../outside.txt", "x")
        packed.writestr("sohoa/ban-2.0-0123456789ab/python/more.py", "x")
    Station().update(top, more)
    assert is_at(top, "2.0")
    assert not list(tmp_path.rglob("outside.txt"))
    assert not list(top.rglob("more.py"))


def test_another_zip_is_told_as_such(top, tmp_path):
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("readme.txt", "x")
    with pytest.raises(NothingToDo, match="no_release"):
        Station().update(top, other)


def test_a_disk_without_room_is_told_before_anything_is_written(top, packages, monkeypatch):
    monkeypatch.setattr(update.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(NothingToDo, match="update_room"):
        Station().update(top, packages["2.0"])
    assert len(releases(top)) == 1


# --- faults at every step -------------------------------------------------------------------------------------


class Fault:
    """Lets the n-th change of the disk fail, or end the process before it; tells how many there were."""

    def __init__(self, monkeypatch, when, what):
        self.number, self.when, self.what = 0, when, what
        for name in CHANGES:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))
        real_open = open
        monkeypatch.setattr("builtins.open", lambda file, mode="r", *rest, **named: (
            self._counted(real_open) if set(mode) & set("wxa+") else real_open)(file, mode, *rest, **named))

    def _counted(self, real):
        def change(*words, **named):
            self.number += 1
            if self.number == self.when:
                self.what()
            return real(*words, **named)

        return change


def _disk_fails():
    raise OSError(errno.EIO, "made up")


@dataclass
class Trial:
    """Two slim packages, and a folder of the first that is laid out anew for each fault."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self):
        self.packages = {version: slim_package(self.folder / "packages", version) for version in ("1.0", "2.0")}
        self.monkeypatch.setattr(os, "fsync", lambda handle: None)  # that it is asked for is counted; the disk is not tried

    def lay_out(self):
        shutil.rmtree(self.folder / "here", ignore_errors=True)
        with zipfile.ZipFile(self.packages["1.0"]) as packed:
            packed.extractall(self.folder / "here")
        return self.folder / "here" / "sohoa"

    def settled(self, top):
        """After whatever happened: all is whole, the next start settles the rest, an update works. The version there was."""
        first = Release(top / launchers.target(top / launchers.OPEN.name))
        assert set(versions(top).values()) <= {"1.0", "2.0"}
        start.settle(first)
        assert is_at(top, first.version)
        Station().update(top, self.packages["2.0"])
        assert is_at(top, "2.0")
        assert not list(top.glob(".tmp-*"))
        return first.version


@pytest.fixture
def trial(tmp_path, monkeypatch):
    return Trial(tmp_path, monkeypatch)


def test_a_disk_that_fails_at_any_step_leaves_the_old_or_the_new(trial):
    ends = []
    for when in itertools.count(1):
        top, station = trial.lay_out(), Station(runs="1.0")
        with trial.monkeypatch.context() as patched:
            fault = Fault(patched, when, _disk_fails)
            with contextlib.suppress(SohoaError, OSError):
                station.update(top, trial.packages["2.0"])
        if fault.number < when:
            break
        assert station.runs == versions(top)[launchers.OPEN]
        ends.append(trial.settled(top))
    assert len(ends) > 40
    assert ends == sorted(ends)  # from one step on it is the new
    assert set(ends) == {"1.0", "2.0"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is ended in the middle, which wants a fork")
def test_a_power_cut_at_any_step_leaves_the_old_or_the_new(trial):
    ends = []
    for when in itertools.count(1):
        top, child = trial.lay_out(), os.fork()
        if not child:
            try:
                Fault(trial.monkeypatch, when, lambda: os._exit(9))
                Station().update(top, trial.packages["2.0"])
                os._exit(0)
            finally:
                os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            break
        assert code == 9
        ends.append(trial.settled(top))
    assert len(ends) > 40
    assert ends == sorted(ends)
    assert set(ends) == {"1.0", "2.0"}


def test_an_icon_that_is_in_use_stays_and_the_next_start_settles_it(top, packages, monkeypatch):
    used, real = top / "Cập nhật sohoa.exe", os.replace

    def replace(source, target):
        if Path(target) == used:
            raise PermissionError(errno.EACCES, "in use")
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", replace)
        Station().update(top, packages["2.0"])
    assert {icon.name for icon, version in versions(top).items() if version == "1.0"} == {used.name}
    start.settle(releases(top)[-1])
    assert is_at(top, "2.0")


def test_the_first_icon_in_use_leaves_the_old_release(top, packages, monkeypatch):
    station, real = Station(runs="1.0"), os.replace

    def replace(source, target):
        if Path(target).name == launchers.OPEN.name:
            raise PermissionError(errno.EACCES, "in use")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(update, "IN_USE_S", 0.0)
    with pytest.raises(StorageFailed):
        station.update(top, packages["2.0"])
    assert is_at(top, "1.0")
    assert station.runs == "1.0"


def test_the_first_icon_is_waited_for_while_its_program_ends(top, packages, monkeypatch):
    station, real, refused = Station(runs="1.0"), os.replace, []

    def replace(source, target):
        if Path(target).name == launchers.OPEN.name and len(refused) < 3:
            refused.append(target)
            raise PermissionError(errno.EACCES, "in use")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(update.time, "sleep", lambda seconds: None)
    station.update(top, packages["2.0"])
    assert (is_at(top, "2.0"), station.runs, len(refused)) == (True, "2.0", 3)


def test_the_page_of_this_computer_is_not_asked_for_at_the_offices_proxy(monkeypatch):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.handle_request, daemon=True).start()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert update._answers(f"http://127.0.0.1:{server.server_port}/")
    server.server_close()


# --- what is told ----------------------------------------------------------------------------------------------


def test_every_step_and_every_trouble_has_its_sentence_in_both_languages():
    for code in ("unpacking", "trying", "ending", "starting", "updated", "choose_package", "press_enter", "shortcut",
                 "whole", "ended", "logon_on", "logon_off", "logon_is_on", "logon_is_off", "logon_failed"):
        text = screen.sentence(code, version="2.0", folder="D:\\sohoa", reason="forbidden")
        assert "\n\n" in text, code
        assert "⟨" not in text, code
    for error in (NothingToDo("update_room", need=300.0, free=2.5), NothingToDo("no_release"),
                  StorageFailed("disk_full", file="a", reason="b"), OSError("gone")):
        vietnamese, english = screen.reason(error, "update_failed").split("\n\n")
        assert vietnamese != english
        assert "⟨" not in vietnamese


# --- the start -------------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nhà")
    return tmp_path / "nhà" / "sohoa"


NAME = "python/Lib/site-packages/numpy/core.py"


def test_a_folder_that_was_copied_in_part_is_told_at_the_start(top, at_home, capsys):
    release, = releases(top)
    assert start.is_whole(release)
    (release.path / NAME).write_bytes(b"WORD")
    assert not start.is_whole(release)
    assert NAME in capsys.readouterr().out
    (release.path / NAME).unlink()
    assert not start.is_whole(release)


def test_every_file_is_read_once_after_the_first_start(top, at_home, monkeypatch, capsys):
    monkeypatch.setattr(start, "LATER_S", 0)
    release, = releases(top)
    data = (release.path / NAME).read_bytes()
    (release.path / NAME).write_bytes(bytes(len(data)))  # the length is right
    assert start.is_whole(release)
    start.check_later(release)
    assert NAME in capsys.readouterr().out
    (release.path / NAME).write_bytes(data)
    start.check_later(release)
    assert json.loads((at_home / start.SEEN).read_text(encoding="utf-8")) == {"whole": str(release.path)}
    monkeypatch.setattr(Release, "problems", lambda self, thorough=True: pytest.fail("it is looked at again"))
    assert start.is_whole(release)
    start.check_later(release)


def test_the_log_does_not_grow_without_end(at_home, monkeypatch):
    at_home.mkdir(parents=True)
    (at_home / screen.LOG).write_bytes(b"x" * (screen.MOST_BYTES + 1))
    with screen.log_file() as log:
        log.write("Sổ\n")
    assert (at_home / screen.LOG).read_text(encoding="utf-8") == "Sổ\n"
    assert (at_home / screen.BEFORE).stat().st_size == screen.MOST_BYTES + 1


def test_the_last_words_of_a_program_are_those_to_a_person(tmp_path):
    log = tmp_path / "log"
    log.write_text('before\n{"event": "started"}\nĐĩa đầy.\n{"event": "stopped"}\n\n', encoding="utf-8")
    assert start.last_words(log, 0) == "Đĩa đầy."
    assert start.last_words(log, log.stat().st_size) == "?"


def test_the_persons_settings_are_used_where_there_are_any(at_home, monkeypatch):
    monkeypatch.delenv("SOHOA_CONFIG", raising=False)
    screen.own_settings()
    assert "SOHOA_CONFIG" not in os.environ
    at_home.mkdir(parents=True)
    (at_home / screen.SETTINGS).write_text("general:\n  language: en\n", encoding="utf-8")
    monkeypatch.setenv("SOHOA_CONFIG", "x")
    monkeypatch.delenv("SOHOA_CONFIG")
    screen.own_settings()
    assert os.environ["SOHOA_CONFIG"] == str(at_home / screen.SETTINGS)


@pytest.fixture
def started(top, at_home, monkeypatch):
    """Starts the icon's program in this very process; gives its exit code and what stands in the log then."""
    monkeypatch.setattr(start, "this_release", lambda: releases(top)[0])
    monkeypatch.setattr(start, "check_later", lambda release: None)
    monkeypatch.setenv("SOHOA_CONFIG", "")  # so that it is put back
    monkeypatch.delenv("SOHOA_CONFIG")

    def run(*words):
        for stream in ("stdout", "stderr"):
            monkeypatch.setattr(sys, stream, getattr(sys, stream))
        code = start.main(words)
        sys.stdout.close()
        monkeypatch.undo()
        return code, (at_home / screen.LOG).read_text(encoding="utf-8")

    return run


def test_what_a_station_says_before_it_fails_is_told(started, monkeypatch):
    monkeypatch.setattr(start, "station", lambda quiet: print("Đĩa đầy.") or 73)
    code, log = started()
    assert code == 73
    assert "sohoa chưa mở được: Đĩa đầy." in log


@pytest.mark.parametrize("code", [0, 75, 130])
def test_an_end_in_good_order_needs_no_box(started, monkeypatch, code):
    monkeypatch.setattr(start, "station", lambda quiet: code)
    ended, log = started("--quiet")
    assert ended == code
    assert "chưa mở được" not in log
    assert "màn hình nền" not in log  # nobody sits there at log-on


def test_a_mistake_in_the_settings_is_told_in_words(started, at_home):
    at_home.mkdir(parents=True)
    (at_home / screen.SETTINGS).write_text("general:\n  languge: vi\n", encoding="utf-8")
    code, log = started()
    assert code == 70
    assert f"{screen.SETTINGS}" in log
    assert "languge" in log.split("Traceback")[-1].rpartition("BadConfig")[2]


def test_what_nobody_expects_of_an_update_is_told_before_its_console_closes(top, at_home, monkeypatch, capsys):
    def update_that_fails(*_):
        raise RuntimeError("odd")

    monkeypatch.setattr(update, "update", update_that_fails)
    monkeypatch.setattr(update, "this_release", lambda: releases(top)[0])
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    assert update.main(["new.zip"]) == 1
    assert "RuntimeError: odd" in capsys.readouterr().out


def test_a_mistake_in_the_settings_is_told_by_the_icon_that_ends_it_too(at_home, monkeypatch):
    at_home.mkdir(parents=True)
    (at_home / screen.SETTINGS).write_text("general:\n  languge: vi\n", encoding="utf-8")
    monkeypatch.setenv("SOHOA_CONFIG", str(at_home / screen.SETTINGS))
    said = []
    monkeypatch.setattr(screen, "to_log", lambda: None)
    monkeypatch.setattr(screen, "shown", lambda text, bad=False: said.append((text, bad)))
    assert stop.main(()) != 0
    ((text, bad),) = said
    assert ("languge" in text, bad) == (True, True)


def test_a_desktop_that_takes_no_shortcut_keeps_nothing_from_starting(started, monkeypatch):
    asked = []
    monkeypatch.setattr(screen, "agreed", lambda code: asked.append(code) or True)
    monkeypatch.setattr(start.shortcut, "desktop", lambda: (_ for _ in ()).throw(PermissionError("controlled folder")))
    monkeypatch.setattr(start, "station", lambda quiet: 0)
    code, log = started()
    assert (code, asked) == (0, ["shortcut"])
    assert "controlled folder" in log
