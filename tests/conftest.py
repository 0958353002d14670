"""Small copies of the samples, for tests of the whole job that are quick."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.forked import Forked

ROOT = Path(__file__).parents[1]
COMPILED = ROOT / ".pytest_cache" / "compiled"
SMALL_BOOK = "KH.1990.14800.01"
SHORT_SIDE = 900  # px: small enough to be quick, large enough for the stages to see rules and writing

if sys.dont_write_bytecode:  # the tests start hundreds of programs; otherwise each would compile all of itself anew
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(COMPILED)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(COMPILED)

# Files that take longest, first: what begins last must not go on alone when all else is done.
LONGEST = (
    "house/test_readme.py", "webstation/test_review.py", "crash/test_packing_faults.py", "webstation/test_capture.py",
    "house/test_station.py", "twain/test_virtual_scanner.py", "house/test_closing.py", "batch/test_cluster.py",
    "bookpack/test_renderers.py", "webstation/test_screens.py", "windows/test_parity.py", "webstation/test_cases.py",
    "house/test_process.py", "imaging/test_quality.py", "capture/test_sane.py", "crash/test_daemon_faults.py",
    "province/test_cluster_batch.py", "crash/test_hostile_images.py", "webstation/test_phone_browser.py",
    "webstation/test_first_book.py", "crash/test_killed_process.py", "training/test_old_pages.py",
)

settings.register_profile("whatever the load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the load")


def pytest_collection_modifyitems(items):
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def small_pages(tmp_path_factory):
    """Four captures of a made-up book: two spreads, two single pages, one of them turned by EXIF."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("small") / "in"
    folder.mkdir()
    pages = ROOT / "samples" / "pages"
    chosen = ["ledger-1990/SCN_0001.jpg", "ledger-1990/SCN_0003.jpg", "forms-2009/EPSON031.jpg",
              "forms-2009/IMG_20240612_141907.jpg"]
    for number, name in enumerate(chosen, 1):
        image = Image.open(pages / name)
        exif = image.getexif()
        image.thumbnail((SHORT_SIDE * 3 // 2, SHORT_SIDE * 3 // 2))
        image.save(folder / f"IMG_{number * 4}.jpg", quality=85, exif=exif)
    return folder


@pytest.fixture(scope="session")
def small_book(small_pages, tmp_path_factory):
    """A store with the four captures as a book of six pages, developed and packed: to be copied, never changed.

    The workers of a run share it: the first one that wants it makes it, and the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    store, made = shared / "small-book", shared / "small-book-made"
    try:
        (shared / "small-book-begun").mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 200
        while not made.exists():
            assert time.monotonic() < deadline, "another worker was to make the book"
            time.sleep(0.1)
        return store
    ran = started(["process", str(small_pages), "--book", SMALL_BOOK, "--out", str(store)], shared, os.environ)
    assert ran.returncode == 0, ran.stderr
    made.touch()
    return store


@pytest.fixture(scope="session")
def forked():
    """The program loaded once, for commands of it that need no start of their own."""
    server = Forked()
    yield server
    server.close()


@pytest.fixture
def sohoa(tmp_path, forked):
    """Run the program in an empty folder: `sohoa("process", …)` gives the finished process."""

    def run(*arguments, **environment):
        words = [str(argument) for argument in arguments]
        run_it = forked.run if hasattr(os, "fork") else started
        return run_it(words, tmp_path, {**os.environ, "PYTHONUTF8": "1", **environment})

    return run


def started(arguments, folder, environment):
    """The program as a person starts it."""
    return subprocess.run([sys.executable, str(ROOT / "sohoa.py"), *arguments], cwd=folder, capture_output=True, text=True,
                          encoding="utf-8", timeout=300, env=environment)


@pytest.fixture(scope="session")
def windows(tmp_path_factory):
    """A Windows with the program's Python, under Wine: `windows.sohoa("devices")` gives the finished process."""
    from tests.windows import rig

    if reason := rig.lacking():
        pytest.skip(reason)
    with rig.Windows(tmp_path_factory.mktemp("windows")) as under_wine:
        yield under_wine
