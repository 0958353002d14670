"""Which source managers and Pythons are found, and what is said where they do not fit together."""

import os
import struct
import sys
from pathlib import Path

import pytest

import doctor
from capture import scanners
from capture.devices import ScannerFailed, ScanParams, Trouble
from capture.driver import ROOT
from capture.twain import managers
from texts import catalogue


def library(path: Path, bits: int = 64, machine: int = 0) -> Path:
    """A file with the header of a Windows library of that word size, and nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    machine = machine or {64: 0x8664, 32: 0x14C}[bits]
    path.write_bytes(start.ljust(0x80, b"\0") + b"PE\0\0" + struct.pack("<H", machine) + bytes(18))
    return path


@pytest.fixture
def windows(tmp_path, monkeypatch):
    """A computer's Windows folder, empty, seen by a 64-bit Python with nothing beside it."""
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path / "Windows"))
    monkeypatch.delenv(managers.DSM, raising=False)
    monkeypatch.delenv(managers.PYTHON, raising=False)
    monkeypatch.setattr(managers, "OWN_BITS", 64)
    monkeypatch.setattr(managers, "_registered", lambda: iter(()))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "sohoa" / "python"))
    return tmp_path / "Windows"


def test_word_sizes(tmp_path):
    assert managers.word_size(library(tmp_path / "a.dll", 64)) == 64
    assert managers.word_size(library(tmp_path / "b.dll", 32)) == 32
    assert managers.word_size(library(tmp_path / "arm.dll", machine=0xAA64)) == 0
    (tmp_path / "text.dll").write_text("MZ, but no library")
    (tmp_path / "empty.dll").write_bytes(b"")
    assert managers.word_size(tmp_path / "text.dll") == managers.word_size(tmp_path / "empty.dll") == 0
    assert managers.word_size(tmp_path / "nowhere.dll") == managers.word_size(tmp_path) == 0


def test_a_computer_without_any(windows):
    assert managers.managers() == ()
    assert doctor.twain() == doctor.Check("no_twain", True)


def test_one_of_each_word_size_and_the_newer_one_of_two(windows):
    new, old = library(windows / "SysWOW64" / "twaindsm.dll", 32), library(windows / "twain_32.dll", 32)
    wide = library(windows / "System32" / "twaindsm.dll", 64)
    assert [(found.path, found.bits) for found in managers.managers()] == [(wide, 64), (new, 32)]
    new.unlink()
    assert [found.path for found in managers.managers()] == [wide, old]


def test_one_that_is_named_goes_first(windows, tmp_path, monkeypatch):
    library(windows / "System32" / "twaindsm.dll", 64)
    own = library(tmp_path / "office" / "twaindsm.dll", 64)
    monkeypatch.setenv(managers.DSM, str(own))
    assert [found.path for found in managers.managers()] == [own]


def test_32_bit_drivers_need_a_32_bit_python(windows, tmp_path, monkeypatch):
    library(windows / "twain_32.dll", 32)
    library(windows / "twain_32" / "Brother" / "BrTwds.DS", 32)
    (found,) = managers.managers()
    assert (found.usable, found.python, found.drivers) == (False, None, ("BrTwds",))
    assert doctor.twain() == doctor.Check("twain", False, {"bits": 32, "drivers": "BrTwds"})
    beside = library(tmp_path / "sohoa" / "python32" / "python.exe", 32)
    (found,) = managers.managers()
    assert (found.usable, found.python) == (True, beside)
    assert doctor.twain() == doctor.Check("twain", True, {"sizes": "32", "drivers": "BrTwds"})
    named = library(tmp_path / "elsewhere" / "python.exe", 32)
    monkeypatch.setenv(managers.PYTHON, str(named))
    assert managers.python32() == named


def test_a_64_bit_python_does_not_pass_for_a_32_bit_one(windows, tmp_path):
    library(tmp_path / "sohoa" / "python32" / "python.exe", 64)
    assert managers.python32() is None


def test_a_driver_of_both_word_sizes_is_no_trouble(windows):
    library(windows / "twain_32.dll", 32)
    library(windows / "System32" / "twaindsm.dll", 64)
    for bits in (32, 64):
        library(windows / f"twain_{bits}" / "Canon.ds", bits)
    assert doctor.twain() == doctor.Check("twain", True, {"sizes": "64", "drivers": "Canon"})


# --- What the program makes of it ----------------------------------------------------------------------------------


@pytest.fixture
def on_windows(windows, monkeypatch):
    monkeypatch.setattr(scanners, "ON_WINDOWS", True)
    return windows


def test_windows_own_bridge_to_wia_is_no_driver(on_windows):
    """It and an old source manager are on every computer with Windows, with a scanner or without."""
    library(on_windows / "twain_32.dll", 32)
    library(on_windows / "twain_32" / "wiatwain.ds", 32)
    assert doctor.twain() == doctor.Check("no_twain", True)
    with pytest.raises(ScannerFailed) as failure:
        scanners.families()
    assert failure.value.code == "twain_missing"


HANGS = """
import time
from capture.line import Line

Line().state("listing")
time.sleep(600)
"""
LISTS = """
import os
from capture.line import Line

line = Line()
if line.order()["do"] == "list":
    line.say(found=[{"name": "twain32:Canon", "vendor": "Canon", "model": "Canon", "kind": "scanner"}])
line.end()
os._exit(0)
"""


def test_a_family_that_hangs_leaves_the_other_its_time(tmp_path, monkeypatch):
    for name, lines in (("hangs", HANGS), ("lists", LISTS)):
        (tmp_path / f"{name}.py").write_text(lines, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    both = tuple(scanners.Family(f"TWAIN ({name})", f"twain{bits}:", name) for bits, name in ((64, "hangs"), (32, "lists")))
    monkeypatch.setattr(scanners, "families", lambda: both)
    assert [device.name for device in scanners.devices(6.0)] == ["twain32:Canon"]


def test_families(on_windows, tmp_path):
    with pytest.raises(ScannerFailed) as failure:
        scanners.devices()
    assert failure.value.code == "twain_missing"
    narrow = library(on_windows / "twain_32.dll", 32)
    library(on_windows / "twain_32" / "Canon.ds", 32)
    with pytest.raises(ScannerFailed) as failure:
        scanners.devices()
    assert (failure.value.code, failure.value.facts["drivers"]) == ("twain_no_python", "Canon")
    python = library(tmp_path / "sohoa" / "python32" / "python.exe", 32)
    (family,) = scanners.families()
    assert (family.prefix, family.worker, family.python) == ("twain32:", "capture.twain.worker", python)
    assert family.facts == {"manager": str(narrow), "prefix": "twain32:"}


def test_a_name_tells_its_family(on_windows):
    wide = library(on_windows / "System32" / "twaindsm.dll", 64)
    assert scanners.family_of("twain64:Canon").facts["manager"] == str(wide)
    with pytest.raises(ScannerFailed) as failure:
        scanners.family_of("twain32:Canon")
    assert failure.value.code == "scanner_not_found"


def test_a_python_that_cannot_be_started_is_told_and_nothing_raises(on_windows, tmp_path):
    library(on_windows / "twain_32.dll", 32)
    library(tmp_path / "sohoa" / "python32" / "python.exe", 32)  # a header, no program
    (trouble,) = scanners.scan("twain32:Canon", ScanParams(), tmp_path / "out", 1, lambda: True)
    assert isinstance(trouble, Trouble)
    assert (trouble.code, trouble.facts["device"], trouble.facts["pages"]) == ("scanner_python", "twain32:Canon", 0)


def test_a_python_without_pillow_is_told_and_is_no_crash(tmp_path, monkeypatch):
    (tmp_path / "PIL.py").write_text("raise ImportError('No module named PIL')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(tmp_path))))
    family = scanners.Family("TWAIN (32 bit)", "twain32:", "capture.twain.worker", facts={"manager": "", "prefix": ""})
    monkeypatch.setattr(scanners, "families", lambda: (family,))
    with pytest.raises(ScannerFailed) as failure:
        scanners.devices()
    assert (failure.value.code, failure.value.facts["reason"]) == ("scanner_python", "No module named PIL")


def test_every_code_has_its_sentence():
    assert {"twain_missing", "twain_no_python", "scanner_python"} <= catalogue("vi")["error"].keys()
    assert {"twain", "twain_bad", "no_twain"} <= catalogue("vi")["doctor"].keys()
