"""Scanners without hardware, but with real drivers: SANE's test, pnm, net and airscan, each in a site of its own."""

import ast
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
import sane_sites
from escl_server import EsclScanner, Faults

from capture import devices as words
from capture.devices import Button, Scanned, ScannerFailed, ScanParams, Trouble
from capture.driver import Driver, DriverGone, _Watch
from capture.scanners import Family, devices, scan
from texts import catalogue

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SANE has no Windows version")

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "samples" / "pages"
SMALL = {"dpi": 75, "paper": "A5"}
SLOW = ("read-delay=yes", "read-delay-duration=200000")  # of the test driver: 0.2 s for each 64 KiB
CODES = {
    "UNSUPPORTED": "scanner_refused", "CANCELLED": "scanner_cancelled", "DEVICE_BUSY": "scanner_busy",
    "INVAL": "scanner_refused", "EOF": "scanner_truncated", "JAMMED": "scanner_jam", "NO_DOCS": "scanner_no_paper",
    "COVER_OPEN": "scanner_cover_open", "IO_ERROR": "scanner_io", "NO_MEM": "scanner_memory",
    "ACCESS_DENIED": "scanner_denied",
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    monkeypatch.setenv("SANE_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture
def tester(site):
    return sane_sites.test_site(site)


@pytest.fixture
def run(tmp_path):
    """Scan into `out`: the pages, and the trouble or None; each page is whole the moment it is told."""

    def run(device, wanted=None, more=lambda: True, tell=None, **params):
        pages, trouble = [], None
        for item in scan(device, ScanParams(**params), tmp_path / "out", wanted, more, tell):
            assert trouble is None, "trouble comes last"
            if isinstance(item, Scanned):
                with Image.open(item.path) as image:
                    image.load()
                    assert image.size == (item.width, item.height)
                pages.append(item)
            else:
                trouble = item
        if trouble:
            assert trouble.code in catalogue("vi")["error"]
            assert trouble.facts["pages"] == len(pages)
        return pages, trouble

    return run


@pytest.fixture(scope="module")
def sheets():
    """Three register pages as a network scanner would send them at 75 dpi, A3 across."""
    found = []
    for path in sorted((PAGES / "ledger-1990").glob("*.jpg"))[:3]:
        file = io.BytesIO()
        Image.open(path).convert("RGB").resize((1240, 877)).save(file, "JPEG", quality=95)
        found.append(file.getvalue())
    return found


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


# --- What there is -------------------------------------------------------------------------------------------------


def test_a_scanner_is_listed_with_what_it_can_do(tester):
    (device,) = devices()
    assert (device.name, device.model) == ("test:0", "frontend-tester")
    assert device.sources == ("flatbed", "feeder")
    assert device.modes == ("colour", "grey", "bitonal")
    assert {75, 300, 600} <= set(device.resolutions)
    assert (device.width_mm, device.height_mm) == (450, 450)
    assert not device.network and not device.duplex and not device.button


def test_a_worker_runs_in_another_python_as_well(tester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")  # of this program, and none of the other's business
    with Family("SANE", "", "capture.sane.worker", Path(sys.executable)).driver(do="list") as driver:
        found = [message["found"] for message in driver.messages(20, {}) if "found" in message]
    assert [[device["name"] for device in devices] for devices in found] == [["test:0"]]


def test_no_scanner_is_no_error(site):
    sane_sites.site(site, "net")
    assert devices() == []


def test_without_the_library_it_is_said_what_is_missing(monkeypatch, tmp_path, run):
    (tmp_path / "sane.py").write_text("raise ImportError('libsane.so.1')")
    monkeypatch.setattr("capture.driver.ROOT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with pytest.raises(ScannerFailed) as caught:
        devices()
    assert caught.value.code == "scanner_missing_library"
    assert run("test:0")[1].code == "scanner_missing_library"


def test_the_program_itself_never_loads_the_driver():
    for name in ("scanners", "driver", "devices", "line", "session", "twain/managers"):
        tree = ast.parse((ROOT / "capture" / f"{name}.py").read_text(encoding="utf-8"))
        loaded = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not loaded & {"sane", "_sane"}


# --- Pages ---------------------------------------------------------------------------------------------------------


def test_a_feeder_of_ten_sheets(tester, run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scan_0007.png").write_bytes(b"mine")
    pages, trouble = run(tester, source="feeder", mode="grey", **SMALL)
    assert trouble is None
    assert [page.path.name for page in pages] == [f"SCAN_{number:04}.jpg" for number in range(8, 18)]
    assert [page.number for page in pages] == list(range(8, 18))
    assert (tmp_path / "out" / "scan_0007.png").read_bytes() == b"mine"
    assert len(list((tmp_path / "out").iterdir())) == 11


def test_a_page_is_announced_while_the_feeder_still_runs(tester, tmp_path):
    params = ScanParams(source="feeder", mode="grey", options=SLOW, **SMALL)
    run = scan(tester, params, tmp_path, None, lambda: True)
    assert next(run).path == tmp_path / "SCAN_0001.jpg"
    assert len(list(tmp_path.glob("SCAN_*"))) < 10
    run.close()
    kept = sorted(tmp_path.glob("SCAN_*"))
    assert 1 <= len(kept) < 10
    assert {pixels(path).shape for path in kept} == {(620, 437)}


def test_a3_at_300_dpi_is_a_plain_jpeg_with_its_resolution(tester, run):
    (page,), trouble = run(tester, 1, source="flatbed", dpi=300, paper="A3")
    assert trouble is None
    assert abs(page.width - 297 / 25.4 * 300) < 3 and abs(page.height - 420 / 25.4 * 300) < 3
    with Image.open(page.path) as image:
        assert (image.format, image.mode, image.info["dpi"]) == ("JPEG", "RGB", (300, 300))
        assert [component[1:3] for component in image.layer] == [(1, 1)] * 3  # 4:4:4
        assert max(image.quantization[0]) <= 12  # quality 95


def test_black_and_white_is_one_bit(tester, run):
    (page,), _ = run(tester, 1, source="flatbed", mode="bitonal", options=("test-picture=Grid",), **SMALL)
    with Image.open(page.path) as image:
        assert (image.format, image.mode) == ("PNG", "1")
        assert round(image.info["dpi"][0]) == 75
        assert image.getextrema() == (0, 255)


@pytest.mark.parametrize("wanted", [1, 3])
def test_no_more_pages_than_wanted(tester, run, wanted):
    assert len(run(tester, wanted, source="feeder", **SMALL)[0]) == wanted


def test_on_the_glass_each_page_waits_for_a_word(tester, run):
    answers = iter([True, True, False])
    pages, trouble = run(tester, None, lambda: next(answers), source="flatbed", **SMALL)
    assert (len(pages), trouble) == (3, None)


def test_on_the_glass_with_time(tester, run):
    assert len(run(tester, 2, source="flatbed", next_page="time", pause_s=0.1, **SMALL)[0]) == 2


def test_a_register_page_arrives_pixel_for_pixel(site, run, tmp_path):
    picture = Image.open(PAGES / "ledger-1990" / "SCN_0001.jpg").convert("RGB")
    picture.save(tmp_path / "page.ppm")
    (page,), trouble = run(sane_sites.picture_site(site), 1, format="png", options=(f"filename={tmp_path / 'page.ppm'}",))
    assert trouble is None
    assert np.array_equal(pixels(page.path), np.asarray(picture))


# --- Buttons -------------------------------------------------------------------------------------------------------


def test_the_button_starts_a_page(tester, run):
    pressed = "bool-soft-select-soft-detect"
    pages, trouble = run(tester, 1, source="flatbed", next_page="button", button=pressed,
                         options=(f"{pressed}=yes",), **SMALL)
    assert (len(pages), trouble) == (1, None)


def test_until_the_button_is_pressed_nothing_is_scanned(tester, tmp_path):
    params = ScanParams(next_page="button", button="bool-soft-detect", page_seconds=2, wait_seconds=2, **SMALL)
    doing = []

    def tell(what, asleep):
        doing.append(what)
        if doing.count("waiting") == 6:  # more than the limits: a long wait for a person is no trouble
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(scan(tester, params, tmp_path, 1, lambda: True, tell))
    assert list(tmp_path.glob("SCAN_*")) == []


def test_a_scanner_without_a_button_says_so(tester, run):
    assert run(tester, next_page="button")[1].code == "scanner_no_button"


def test_a_button_held_down_counts_once():
    button = Button()
    assert [button.pressed(reading) for reading in (0, 1, 1, 0, 1, 0)] == [False, True, False, False, True, False]


# --- Troubles, and the defects of python-sane behind them ----------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), CODES.items())
def test_each_status_of_the_driver_has_its_code(tester, run, status, code):
    source = "feeder" if status == "NO_DOCS" else "flatbed"
    pages, trouble = run(tester, 1, source=source, options=(f"read-return-value=SANE_STATUS_{status}",), **SMALL)
    assert (pages, trouble.code) == ([], code)


def test_after_a_trouble_the_next_run_works(tester, run):
    for _ in range(2):
        assert run(tester, 1, source="feeder", options=("read-return-value=SANE_STATUS_JAMMED",), **SMALL)[1]
        pages, trouble = run(tester, 1, source="feeder", **SMALL)
        assert (len(pages), trouble) == (1, None)


@pytest.mark.parametrize(("option", "asked"), [
    ("resolution", "99999"), ("resolution", "1e30"), ("resolution", "nan"), ("resolutoin", "75"), ("depth", "7"),
    ("int", "1e12"), ("mode", "Colour"), ("string", "chữ"), ("string", "x" * 5000), ("bool-soft-detect", "yes"),
    ("int-inexact", "5"), ("three-pass-order", "RGB"),
])
def test_an_option_that_is_not_taken_as_asked_is_told(tester, run, option, asked):
    pages, trouble = run(tester, 1, source="flatbed", options=(f"{option}={asked}",), **SMALL)
    assert pages == []
    assert (trouble.code, trouble.facts["option"]) == ("scanner_option", option)
    assert "got" in trouble.facts and "asked" in trouble.facts


@pytest.mark.parametrize("params", [{"source": "duplex"}, {"dpi": 2000}])
def test_what_the_scanner_does_not_have_is_told(tester, run, params):
    assert run(tester, 1, **params)[1].code == "scanner_option"


def test_a_paper_larger_than_the_glass_is_told(site, run):
    trouble = run(sane_sites.test_site(site, geometry_max=220), 1, source="flatbed", paper="A3")[1]
    assert (trouble.code, trouble.facts["option"], trouble.facts["got"]) == ("scanner_option", "paper", "220 × 220 mm")


def test_another_mode_than_asked_is_told(tester, run):
    trouble = run(tester, 1, source="flatbed", mode="grey", options=("mode=Color",), **SMALL)[1]
    assert (trouble.code, trouble.facts["option"]) == ("scanner_option", "mode")


def test_padded_lines_do_not_shear_the_page(tester, run):
    plain, padded = (run(tester, 1, source="flatbed", format="png", **SMALL,
                         options=("test-picture=Grid", f"ppl-loss={loss}")) for loss in (0, 7))
    (plain,), (padded,) = plain[0], padded[0]
    lines = padded.height
    assert padded.width == plain.width - 7
    assert plain.height - lines <= 1
    assert np.array_equal(pixels(padded.path), pixels(plain.path)[:lines, :-7])


def test_sixteen_bits_are_read_as_such(tester, run):
    eight, sixteen = (run(tester, 1, source="flatbed", format="png", **SMALL,
                          options=(f"depth={depth}", "test-picture=Grid"))[0][0] for depth in (8, 16))
    assert pixels(eight.path).std() > 40
    assert np.array_equal(pixels(eight.path), pixels(sixteen.path))


def test_a_page_of_unknown_length(tester, run):
    (page,), trouble = run(tester, 1, source="flatbed", mode="grey", dpi=75, options=("hand-scanner=yes",))
    assert trouble is None
    assert page.height > 100


def test_three_passes_are_refused_rather_than_mixed_up(tester, run):
    assert run(tester, 1, source="flatbed", options=("three-pass=yes",), **SMALL)[1].code == "scanner_format"


def test_half_a_page_is_not_taken_for_a_page(site, run, tmp_path):
    picture = Image.open(PAGES / "ledger-1990" / "SCN_0002.jpg").convert("RGB").resize((900, 700))
    picture.save(tmp_path / "page.ppm")
    whole = (tmp_path / "page.ppm").read_bytes()
    (tmp_path / "page.ppm").write_bytes(whole[: len(whole) // 2])
    pages, trouble = run(sane_sites.picture_site(site), 1, options=(f"filename={tmp_path / 'page.ppm'}",))
    assert pages == [] and list((tmp_path / "out").glob("*")) == []
    assert trouble.code == "scanner_truncated"
    assert trouble.facts["got"] < trouble.facts["wanted"] == 700


def test_no_callback_is_given_and_only_one_thread_touches_the_device():
    tree = ast.parse((ROOT / "capture" / "sane" / "device.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "snap"]
    assert [ast.unparse(call.args[2]) for call in calls] == ["None"]
    assert "threading" not in {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    child = {name: ast.parse((ROOT / "capture" / f"{name}.py").read_text(encoding="utf-8"))
             for name in ("sane/worker", "session", "line")}
    threads = {name: [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "Thread"]
               for name, tree in child.items()}
    assert {name: len(found) for name, found in threads.items()} == {"sane/worker": 0, "session": 0, "line": 1}
    line = next(node for node in child["line"].body if isinstance(node, ast.ClassDef) and node.name == "Line")
    assert "device" not in ast.unparse(line).lower()  # a Line knows no device


def test_a_folder_that_cannot_be_written_is_told(tester, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (trouble,) = scan(tester, ScanParams(source="flatbed", **SMALL), tmp_path / "file" / "out", 1, lambda: True)
    assert trouble.code in catalogue("vi")["error"] and "file" in trouble.facts


# --- Hanging and crashing ------------------------------------------------------------------------------------------


def test_a_driver_that_sleeps_is_given_up_and_the_next_run_works(site, run, tmp_path):
    device = sane_sites.picture_site(site)
    os.mkfifo(tmp_path / "never")  # the driver sleeps until somebody writes into it
    told = []
    pages, trouble = run(device, 1, tell=lambda what, asleep: told.append((what, asleep)), wait_seconds=2,
                         options=(f"filename={tmp_path / 'never'}",))
    assert (pages, trouble.code, trouble.facts["doing"]) == ([], "scanner_hangs", "starting")
    assert max(asleep for what, asleep in told if what == "starting") > 0.4
    Image.new("RGB", (90, 70)).save(tmp_path / "page.ppm")
    assert len(run(device, 1, options=(f"filename={tmp_path / 'page.ppm'}",))[0]) == 1


def test_a_slow_driver_is_not_taken_for_one_that_sleeps(tester, run):
    pages, trouble = run(tester, 1, source="flatbed", page_seconds=2, wait_seconds=2, options=SLOW, **SMALL)
    assert (len(pages), trouble) == (1, None)


def test_when_a_driver_is_given_up():
    limits = {"starting": 60.0, "reading": 10.0}
    assert ScanParams().page_seconds <= 10
    watch = _Watch(10.0, limits)
    start = watch.heard
    watch.hear(start + 1, {"beat": "starting", "used": 0.1})
    for second in range(2, 50):
        watch.hear(start + second, {"beat": "starting", "used": 0.1})
        watch.check(start + second)
    watch.hear(start + 50, {"beat": "reading"})
    for second in range(51, 60):
        watch.hear(start + second, {"beat": "reading", "used": 0.1})
        watch.check(start + second)
    watch.hear(start + 60.5, {"beat": "reading", "used": 0.1})
    with pytest.raises(DriverGone) as caught:
        watch.check(start + 60.5)
    assert caught.value.facts == {"seconds": 10.5, "doing": "reading"}
    watch = _Watch(10.0, {})
    with pytest.raises(DriverGone):  # not a word, whatever it does
        watch.check(watch.heard + 10.1)
    watch = _Watch(10.0, limits)
    with pytest.raises(DriverGone):  # always busy, never done
        for second in range(1, 700):
            watch.hear(start + second, {"beat": "reading", "used": float(second)})
            watch.check(start + second)


@pytest.fixture
def drivers(monkeypatch):
    """The processes of the sessions, for a test to harm."""
    started = []

    class Seen(Driver):
        def __enter__(self):
            started.append(self)
            return self

    monkeypatch.setattr("capture.scanners.Driver", Seen)
    return started


@pytest.mark.parametrize("harm", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_crash_is_told_and_its_pages_are_kept(tester, run, drivers, harm):
    def more():
        if len(drivers) == 1:
            os.kill(drivers[0].pid, signal.Signals[harm])
        return True

    pages, trouble = run(tester, 3, more, source="flatbed", **SMALL)
    assert (len(pages), trouble.code) == (1, "scanner_crashed")
    again, trouble = run(tester, 2, source="flatbed", **SMALL)
    assert trouble is None
    assert [page.number for page in pages + again] == [1, 2, 3]


def test_a_process_that_stands_still_is_killed(tester, run, drivers):
    def more():
        os.kill(drivers[0].pid, signal.SIGSTOP)
        return True

    pages, trouble = run(tester, 2, more, source="flatbed", page_seconds=2, **SMALL)
    assert (len(pages), trouble.code) == (1, "scanner_hangs")
    with pytest.raises(ProcessLookupError):
        os.kill(drivers[0].pid, 0)


def test_a_consumer_that_has_enough_leaves_no_process(tester, drivers, tmp_path):
    run = scan(tester, ScanParams(source="flatbed", **SMALL), tmp_path, None, lambda: True)
    next(run)
    run.close()
    with pytest.raises(ProcessLookupError):
        os.kill(drivers[0].pid, 0)
    assert (tmp_path / "SCAN_0001.jpg").exists()


def test_when_the_program_is_killed_the_page_at_hand_is_kept_and_no_process_is_left(tester, tmp_path):
    code = ("import sys; from pathlib import Path; from capture.scanners import ScanParams, scan\n"
            f"params = ScanParams(source='feeder', mode='grey', options={SLOW!r}, dpi=75, paper='A5')\n"
            f"for page in scan('{tester}', params, Path({str(tmp_path / 'out')!r}), None, lambda: True):\n"
            "    print(page, flush=True)")
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        time.sleep(0.4)  # the first page is kept; now the next one is at hand, which takes twice as long
        children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
        program.kill()
    assert len(children) == 1
    for _ in range(600):
        if not _runs(children[0]):
            break
        time.sleep(0.05)
    assert not _runs(children[0])
    kept = sorted((tmp_path / "out").iterdir())
    assert 2 <= len(kept) < 10
    assert [path.name for path in kept] == [f"SCAN_{number:04}.jpg" for number in range(1, len(kept) + 1)]
    assert {pixels(path).shape for path in kept} == {(620, 437)}


def _runs(process):
    """Whether a process has not ended; one that nobody has waited for yet, as an orphan of some containers, has."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# --- Over the network ----------------------------------------------------------------------------------------------


def test_a_shared_scanner_is_scanned_and_a_read_error_ends_nothing(site, run):
    with sane_sites.shared_site(site) as (device, _):
        assert [(found.name, found.network) for found in devices()] == [(device, True)]
        trouble = run(device, 1, source="flatbed", options=("read-return-value=SANE_STATUS_IO_ERROR",), **SMALL)[1]
        assert trouble.code == "scanner_io"
        pages, trouble = run(device, None, source="feeder", **SMALL)
        assert (len(pages), trouble) == (10, None)


def test_a_shared_scanner_that_goes_away_crashes_its_driver_and_nothing_else(site, run):
    with sane_sites.shared_site(site) as (device, saned):
        pages, trouble = run(device, 3, lambda: sane_sites.end(saned) is None, source="flatbed", **SMALL)
    assert (len(pages), trouble.code) == (1, "scanner_unplugged")


@pytest.fixture
def network(site, sheets):
    """A network scanner with faults, switched on: its device name and itself."""
    running = []

    def switch_on(faults=None, fed=sheets):
        scanner = EsclScanner(fed, sheets[0], faults or Faults())
        running.append(scanner.__enter__())
        return sane_sites.network_site(site, scanner.url), scanner

    yield switch_on
    for scanner in running:
        scanner.__exit__()


def test_a_driverless_network_scanner(network, run, sheets):
    device, scanner = network()
    (found,) = devices()
    assert (found.name, found.network, found.duplex) == (device, True, True)
    assert found.sources == ("flatbed", "feeder", "duplex")
    assert (round(found.width_mm), round(found.height_mm)) == (420, 297)
    pages, trouble = run(device, dpi=75, paper="A3", format="png")
    assert trouble is None
    assert len(pages) == len(sheets)
    for page, sheet in zip(pages, sheets, strict=True):
        wanted = np.asarray(Image.open(io.BytesIO(sheet)), int)
        assert np.abs(pixels(page.path)[:870] - wanted[:870]).mean() < 1
    assert any("Feeder" in request and "<scan:Duplex>false" in request for request in scanner.requests)


def test_both_sides_where_there_is_duplex(network, run):
    device, scanner = network()
    assert len(run(device, source="duplex", dpi=75)[0]) == 3
    assert any("<scan:Duplex>true" in request for request in scanner.requests)


def test_enough_pages_end_the_job_of_a_network_scanner(network, run):
    device, scanner = network()
    assert len(run(device, 1, source="feeder", dpi=75)[0]) == 1
    assert any(request.startswith("DELETE") for request in scanner.requests)


def test_an_empty_feeder_means_the_glass(network, run):
    device, _ = network(fed=[])
    pages, trouble = run(device, 1, dpi=75)
    assert (len(pages), trouble) == (1, None)
    assert run(device, 1, source="feeder", dpi=75)[1].code == "scanner_no_paper"


@pytest.mark.parametrize(("faults", "code"), [
    (Faults(jam_at=3), "scanner_jam"),
    (Faults(cover_open_at=3, slow=0.3), "scanner_cover_open"),  # no faster than sheets of paper: the driver reads ahead
    (Faults(die_at=3), "scanner_unplugged"), (Faults(silent_at=3), "scanner_hangs"),
])
def test_pages_before_a_fault_are_kept(network, run, faults, code):
    device, _ = network(faults)
    pages, trouble = run(device, source="feeder", dpi=75, wait_seconds=2)
    assert (len(pages), trouble.code) == (2, code)


def test_after_a_fault_a_network_scanner_goes_on_without_a_restart(network, run):
    device, scanner = network(Faults(jam_at=2))
    assert run(device, source="feeder", dpi=75)[1].code == "scanner_jam"
    scanner.faults.jam_at = 0
    pages, trouble = run(device, source="feeder", dpi=75)
    assert ([page.number for page in pages], trouble) == ([2, 3, 4], None)


def test_a_scanner_that_is_not_there(site, run):
    sane_sites.network_site(site, "http://127.0.0.1:9/eSCL/")
    assert run("airscan:e0:Other")[1].code == "scanner_not_found"


# --- Words of drivers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("names", "kinds"), [
    (["Flatbed", "Automatic Document Feeder"], {"flatbed": "Flatbed", "feeder": "Automatic Document Feeder"}),
    (["ADF Back", "ADF Front", "ADF Duplex"], {"feeder": "ADF Front", "duplex": "ADF Duplex"}),
    (["FlatBed", "Automatic Document Feeder(left aligned)", "Automatic Document Feeder(left aligned,Duplex)"],
     {"flatbed": "FlatBed", "feeder": "Automatic Document Feeder(left aligned)",
      "duplex": "Automatic Document Feeder(left aligned,Duplex)"}),
    (["Document Table", "Transparency Unit", "Negative Slide"], {"flatbed": "Document Table"}),
    (["Platen", "Feeder"], {"flatbed": "Platen", "feeder": "Feeder"}),
])
def test_names_of_sources(names, kinds):
    assert words.sources_by_kind(names) == kinds


@pytest.mark.parametrize(("asked", "name"), [
    ("colour", "24bit Color"), ("grey", "True Gray"), ("bitonal", "Black & White"),
])
def test_names_of_modes(asked, name):
    names = ["Black & White", "Gray[Error Diffusion]", "True Gray", "24bit Color", "24bit Color[Fast]"]
    assert words.mode_named(asked, names) == name


def test_paper_lies_as_it_fits():
    assert words.area_for("A4", (215.9, 297.2)) == (210, 297)
    assert words.area_for("A3", (432, 300)) == (420, 297)
    assert words.area_for("A4", (216, 295)) == (210, 295)
    assert words.area_for("A3", (216, 297)) is None
    assert words.area_for("", (216, 356)) == (216, 356)


def test_names_of_network_scanners():
    assert all(map(words.is_network, ["net:host:test:0", "airscan:e0:Paper", "epson2:net:10.0.0.7",
                                      "hpaio:/net/x?ip=10.0.0.7", "pixma:bjnp://10.0.0.7", "xerox_mfp:tcp 10.0.0.7"]))
    assert not any(map(words.is_network, ["genesys:libusb:001:005", "pixma:04A91912_2A", "test:0", "fujitsu:fi-7160:12"]))


def test_a_scanner_that_was_plugged_in_again_is_found_by_its_new_name():
    name = "genesys:libusb:001:005"
    assert words.same_device(name, ["genesys:libusb:001:009", "plustek:libusb:001:003"]) == "genesys:libusb:001:009"
    assert words.same_device(name, ["genesys:libusb:001:009", "genesys:libusb:001:010"]) == ""
    assert words.same_device(name, [name, "genesys:libusb:001:010"]) == name


@pytest.mark.parametrize("wrong", [{"dpi": 10}, {"dpi": 9999}, {"page_seconds": 0}, {"pause_s": -1}, {"options": ("x",)}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ValueError, match=r"to|and more|name=value"):
        ScanParams(**wrong)


def test_every_code_has_its_sentence():
    source = "".join((ROOT / "capture" / f"{name}.py").read_text(encoding="utf-8")
                     for name in ("scanners", "sane/device", "sane/worker", "session", "driver", "devices"))
    strings = {node.value for node in ast.walk(ast.parse(source.replace("from __future__ import annotations", "")))
               if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    codes = {text for text in strings if text.startswith("scanner_") and text != "scanner_"}
    codes |= {"scanner_hangs", "scanner_crashed"}
    assert len(codes) > 15
    assert codes <= catalogue("vi")["error"].keys()
    assert Trouble("scanner_jam").facts == {}
