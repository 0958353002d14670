"""Scanning by TWAIN for real: the program under a Windows Python, a source manager, a scanner that has every fault.

Most scenes are played in one go by `player`; the commands are run where what a person reads and keeps is at stake.
"""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from tests.twain.virtual import Scene, pixels, size
from tests.windows.rig import ROOT, windows_path

pytestmark = pytest.mark.timeout(600)  # the first test may have to wait for the tests' Windows to be made

BOOK = "KS.1990.14800.02"
DEVICE = "twain64:Virtual Scanner 1"
SMALL = {"dpi": 75, "paper": "A5", "format": "png"}
A5 = size(148, 210, 75)
A3 = size(297, 420, 300)
IMAGES = {"colour": "RGB", "grey": "L", "bitonal": "1"}

# name: what the scene holds, what is asked for, whether there is another page on the glass, how often
WHOLE = {
    "strips": ({"feeder": 3, "memory_only": 1}, {}, 0, 3),
    "bitmaps": ({"feeder": 3, "native_only": 1}, {}, 0, 3),
    "grey bitmaps, 0 is white": ({"feeder": 1, "native_only": 1, "vanilla": 1}, {"mode": "grey"}, 0, 1),
    "black and white": ({"feeder": 1, "vanilla": 1}, {"mode": "bitonal"}, 0, 1),
    "black and white bitmaps": ({"feeder": 1, "native_only": 1}, {"mode": "bitonal"}, 0, 1),
    "both sides": ({"feeder": 2, "duplex": 1}, {"source": "duplex"}, 0, 4),
    "a manager of version 1": ({"feeder": 2, "callback": 0}, {}, 0, 2),
    "ready later, told by another thread": ({"feeder": 2, "ready_ms": 200}, {}, 0, 2),
    "nobody knows how many": ({"feeder": 2, "count": "unknown", "paper_detectable": 0}, {}, 0, 2),
    "the glass": ({}, {}, 2, 3),
    "an empty feeder means the glass": ({"feeder": 0}, {}, 1, 2),
    "the driver's window": ({"feeder": 2}, {"window": True}, 0, 2),
    "two on the glass by the driver's window": ({"window_pages": 2}, {"window": True}, 0, 2),
    "a height that is known at the end": ({"feeder": 2, "wrong": "height_unknown"}, {}, 0, 2),
    "any resolution in a range": ({"feeder": 1, "resolution": "range"}, {"dpi": 123}, 0, 1),
}
# name: the scene, what is asked for, the code, how many pages have come before
BROKEN = {
    "jam": ({"feeder": 3, "jam_at": 2}, {}, "scanner_jam", 1),
    "jam in a bitmap": ({"feeder": 3, "jam_at": 2, "native_only": 1}, {}, "scanner_jam", 1),
    "double feed": ({"feeder": 3, "double_feed_at": 3}, {}, "scanner_double_feed", 2),
    "cover open": ({"feeder": 3, "cover_open_at": 2}, {}, "scanner_cover_open", 1),
    "unplugged": ({"feeder": 3, "offline_at": 2}, {}, "scanner_unplugged", 1),
    "low memory": ({"feeder": 3, "low_memory_at": 1}, {}, "scanner_memory", 0),
    "its own words": ({"feeder": 3, "operation_error_at": 2}, {}, "scanner_failed", 1),
    "cancelled": ({"feeder": 3, "cancel_at": 2}, {}, "scanner_cancelled", 1),
    "window closed": ({"feeder": 3, "close_request": 1}, {"window": True}, "scanner_cancelled", 0),
    "busy": ({"feeder": 3, "busy": 1}, {}, "scanner_busy", 0),
    "off": ({"feeder": 3, "offline": 1}, {}, "scanner_unplugged", 0),
    "no paper": ({"feeder": 0}, {"source": "feeder"}, "scanner_no_paper", 0),
    "no such resolution": ({"feeder": 1}, {"dpi": 240}, "scanner_option", 0),
    "no such paper": ({"feeder": 1, "width_mm": 216, "height_mm": 297}, {"paper": "A3"}, "scanner_option", 0),
    "another resolution than it says": ({"feeder": 1, "lies": "resolution"}, {"dpi": 150}, "scanner_option", 0),
    "half a page": ({"feeder": 3, "wrong": "short_strips", "wrong_at": 2}, {}, "scanner_truncated", 1),
    "half a bitmap": ({"feeder": 3, "wrong": "short_strips", "wrong_at": 2, "native_only": 1}, {}, "scanner_truncated", 1),
    "a strip beyond its memory": ({"feeder": 3, "wrong": "huge_strip", "wrong_at": 2}, {}, "scanner_format", 1),
    "a negative width": ({"feeder": 3, "wrong": "bad_size", "wrong_at": 2}, {}, "scanner_format", 1),
    "a page without end": ({"feeder": 3, "wrong": "no_end", "wrong_at": 2}, {}, "scanner_format", 1),
    "strips of nothing": ({"feeder": 3, "wrong": "zero", "wrong_at": 2}, {}, "scanner_truncated", 1),
    "a bitmap that cannot be": ({"feeder": 3, "wrong": "bad_dib", "wrong_at": 2, "native_only": 1}, {},
                                "scanner_too_large", 1),
    "a driver that crashes": ({"feeder": 3, "crash_in": "transfer", "crash_at": 2}, {}, "scanner_crashed", 1),
    "a crash in its own thread": ({"feeder": 3, "crash_in": "enable", "crash_thread": 1}, {}, "scanner_crashed", 0),
    "hangs when opened": ({"feeder": 3, "hang_in": "open"}, {"wait_seconds": 2.0}, "scanner_hangs", 0),
    "never ready": ({"feeder": 3, "hang_in": "never_ready"}, {"wait_seconds": 2.0}, "scanner_hangs", 0),
}
A3_PAGES = {"A3 by strips": {"feeder": 1, "memory_only": 1}, "A3 by bitmap": {"feeder": 1, "native_only": 1}}
CRASHES = ("crash", "hang", "never")  # what a client that was ended left open is no fault of its own


@pytest.fixture(scope="module")
def played(windows, tmp_path_factory):
    """All scenes, played by one start of the Windows Python: name → scene and what came of it."""
    turns = {
        **{name: (keys, {**SMALL, **asked}, more) for name, (keys, asked, more, _) in WHOLE.items()},
        **{name: (keys, {**SMALL, **asked}, 0) for name, (keys, asked, _, _) in BROKEN.items()},
        **{name: (keys, {"dpi": 300, "paper": "A3", "format": "png"}, 0) for name, keys in A3_PAGES.items()},
    }
    scenes = {name: Scene(tmp_path_factory.mktemp("scene"), **keys) for name, (keys, _, _) in turns.items()}
    orders = [{"device": DEVICE, "scene": scenes[name].variables["SOHOA_TWAIN_SCENE"], "more": more, "params": params,
               "folder": windows_path(scenes[name].folder / "pages"), "wanted": None}
              for name, (_, params, more) in turns.items()]
    ran = windows.python(ROOT / "tests" / "twain" / "player.py", given=json.dumps(orders), timeout=280,
                         **next(iter(scenes.values())).variables)
    assert ran.returncode == 0, ran.stderr
    results = map(json.loads, ran.stdout.splitlines())
    return {name: (scenes[name], came) for name, came in zip(turns, results, strict=True)}


def page(scene, came, mode="colour"):
    """The pixels of a page as it was kept."""
    with Image.open(scene.folder / "pages" / came["path"]) as image:
        assert image.mode == IMAGES[mode]
        return np.asarray(image.convert("L") if mode == "bitonal" else image)


@pytest.mark.parametrize("name", WHOLE)
def test_pages_arrive_pixel_for_pixel(played, name):
    _, asked, _, count = WHOLE[name]
    scene, came = played[name]
    mode, dpi = asked.get("mode", "colour"), asked.get("dpi", 75)
    assert (came["code"], came["facts"]) == (None, {})
    assert [one["number"] for one in came["pages"]] == list(range(1, count + 1))
    for one in came["pages"]:
        assert (one["width"], one["height"]) == size(148, 210, dpi)
        assert one["dpi"] == dpi
        assert np.array_equal(page(scene, one, mode), pixels(one["number"], *size(148, 210, dpi), mode))
    assert scene.faults == ""


@pytest.mark.parametrize("name", A3_PAGES)
def test_a3_in_colour_at_300_dpi(played, name):
    scene, came = played[name]
    assert [(one["width"], one["height"]) for one in came["pages"]] == [A3]
    assert np.array_equal(page(scene, came["pages"][0]), pixels(1, *A3))
    assert scene.faults == ""


@pytest.mark.parametrize("name", BROKEN)
def test_what_goes_wrong_is_told_and_pages_before_it_are_kept(played, name):
    _, _, code, before = BROKEN[name]
    scene, came = played[name]
    assert (came["code"], len(came["pages"])) == (code, before), came
    assert came["facts"]["pages"] == str(before)
    for one in came["pages"]:
        assert np.array_equal(page(scene, one), pixels(one["number"], *A5))
    assert len(list((scene.folder / "pages").glob("*"))) == before  # and nothing that is not whole
    if not any(word in name for word in CRASHES):
        assert scene.faults == ""


def test_a_source_says_in_its_own_words_what_is_wrong(played):
    assert played["its own words"][1]["facts"]["reason"] == "Đèn quét đã cháy"


def test_a_source_with_the_least_capabilities_gives_what_it_can(windows, tmp_path):
    scene = Scene(tmp_path, feeder=1, no_caps=1)
    order = {"device": DEVICE, "scene": scene.variables["SOHOA_TWAIN_SCENE"], "more": 0, "params": {**SMALL, "mode": "grey"},
             "folder": windows_path(tmp_path / "pages"), "wanted": None}
    ran = windows.python(ROOT / "tests" / "twain" / "player.py", given=json.dumps([order]), **scene.variables)
    came = json.loads(ran.stdout)
    (one,) = came["pages"]
    assert one["dpi"] == 100
    assert np.array_equal(page(scene, one, "grey"), pixels(1, *size(304, 432, 100), "grey"))
    assert (came["code"], scene.faults) == (None, "")


# --- The commands ---------------------------------------------------------------------------------------------------


def test_scanners_are_listed_one_that_is_off_by_its_name_alone(windows, tmp_path):
    scene = Scene(tmp_path, sources=2, feeder=1, duplex=1, only2_offline=1)
    told = windows.sohoa("devices", "--json", **scene.variables)
    first, second = json.loads(told.stdout)
    assert (first["name"], second["name"]) == (DEVICE, "twain64:Virtual Scanner 2")
    assert first["sources"] == ["flatbed", "feeder", "duplex"]
    assert (first["width_mm"], first["height_mm"], 300.0 in first["resolutions"]) == (304, 432, True)
    assert (second["sources"], second["resolutions"]) == ([], [])
    assert "Virtual Scanner 1" in windows.sohoa("devices", **scene.variables).stdout
    assert scene.faults == ""


@pytest.fixture(scope="module")
def station(windows, tmp_path_factory):
    """`station(scene)` scans into the book of one store, as a clerk does; what the command said and its exit code."""
    folder = tmp_path_factory.mktemp("station")
    (folder / "own.yaml").write_text("scan: {format: png, page_seconds: 6.0}\n")

    def scan(scene):
        return windows.sohoa("--config", folder / "own.yaml", "scan", "--device", DEVICE, "--book", BOOK, "--store",
                             folder / "store", "--paper", "A5", "--dpi", "75", timeout=200, cwd=folder, **scene.variables)

    scan.store = folder / "store"
    return scan


def originals(store):
    """The images of the book in the order in which they came in."""
    log = [json.loads(line) for line in (store / "books" / f"{BOOK}.jsonl").read_text(encoding="utf-8").splitlines()]
    found = []
    for event in log:
        if event["event"] == "received":
            path = store / "originals" / event["sha256"][:2] / f"{event['sha256']}.png"
            assert hashlib.sha256(path.read_bytes()).hexdigest() == event["sha256"]
            with Image.open(path) as image:
                found.append((event["arrival"], np.asarray(image)))
    return found


def test_after_a_jam_and_a_hang_scanning_goes_on_and_the_book_has_each_page_once(station, tmp_path):
    scene = Scene(tmp_path, feeder=4, glass=0, jam_at=2)
    jammed = station(scene)
    assert jammed.returncode == 74
    assert "bị kẹt giấy. 1 trang đã quét vẫn an toàn. Hãy gỡ giấy ra, đặt lại những tờ chưa quét rồi quét tiếp." in (
        jammed.stdout)
    scene.play(feeder=4, glass=0, hang_in="transfer", hang_at=3)
    hung = station(scene)
    assert hung.returncode == 74
    assert "không trả lời trong 6" in hung.stdout and "1 trang đã quét vẫn an toàn" in hung.stdout
    scene.play(feeder=4, glass=0)
    last = station(scene)
    assert (last.returncode, last.stdout.count("lưu an toàn")) == (0, 2), last.stderr
    kept = originals(station.store)
    assert [arrival for arrival, _ in kept] == sorted({arrival for arrival, _ in kept})
    assert len(kept) == 4
    for number, (_, image) in enumerate(kept, 1):
        assert np.array_equal(image, pixels(number, *A5))
    assert scene.faults == ""
