"""Drivers of 32 bits, as most are: the program is of 64 bits, and its disposable process of 32.

Takes minutes to prepare: SOHOA_TEST_WINDOWS=1, which `make test-windows` sets.
"""

import json
import os

import numpy as np
import pytest
from PIL import Image

from tests.twain.virtual import Scene, pixels, size
from tests.windows import bits32
from tests.windows.rig import ROOT, windows_path

pytestmark = [
    pytest.mark.skipif(not os.environ.get("SOHOA_TEST_WINDOWS"), reason="SOHOA_TEST_WINDOWS=1 asks for it"),
    pytest.mark.skipif(bool(bits32.lacking()), reason=bits32.lacking()),
    pytest.mark.timeout(600),
]
DEVICE = "twain32:Virtual Scanner 1"
A4 = size(210, 297, 100)
SCENES = {  # name: the scene, the code, how many pages come
    "strips": ({"feeder": 3, "memory_only": 1}, None, 3),
    "bitmaps": ({"feeder": 3, "native_only": 1}, None, 3),
    "a manager of version 1": ({"feeder": 2, "callback": 0}, None, 2),
    "ready later": ({"feeder": 2, "ready_ms": 200}, None, 2),
    "jam": ({"feeder": 3, "jam_at": 2}, "scanner_jam", 1),
    "crash": ({"feeder": 3, "crash_in": "transfer", "crash_at": 2}, "scanner_crashed", 1),
    "hang": ({"feeder": 3, "hang_in": "transfer", "hang_at": 2}, "scanner_hangs", 1),
}


@pytest.fixture(scope="module")
def windows32(tmp_path_factory):
    with bits32.windows(tmp_path_factory.mktemp("windows32")) as both:
        yield both


def test_a_scanner_of_32_bits_is_listed(windows32, tmp_path):
    told = windows32.sohoa("devices", "--json", **Scene(tmp_path, 32, feeder=1).variables)
    (device,) = json.loads(told.stdout)
    assert (device["name"], device["sources"]) == (DEVICE, ["flatbed", "feeder"])


def test_pages_of_32_bit_drivers_arrive_and_faults_are_told(windows32, tmp_path):
    scenes = {name: Scene(tmp_path / name, 32, **keys) for name, (keys, _, _) in SCENES.items()}
    params = {"dpi": 100, "paper": "A4", "format": "png", "page_seconds": 6.0}
    orders = [{"device": DEVICE, "scene": scene.variables["SOHOA_TWAIN_SCENE"], "more": 0, "params": params,
               "folder": windows_path(scene.folder / "pages"), "wanted": None} for scene in scenes.values()]
    ran = windows32.python(ROOT / "tests" / "twain" / "player.py", given=json.dumps(orders), timeout=280,
                           **scenes["jam"].variables)
    came = dict(zip(SCENES, map(json.loads, ran.stdout.splitlines()), strict=True))
    assert {name: (one["code"], len(one["pages"])) for name, one in came.items()} == {
        name: (code, count) for name, (_, code, count) in SCENES.items()}
    for name, one in came.items():
        for page in one["pages"]:
            with Image.open(scenes[name].folder / "pages" / page["path"]) as image:
                assert np.array_equal(np.asarray(image), pixels(page["number"], *A4))
        assert scenes[name].faults == ""
