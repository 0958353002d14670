"""A running station, and a person at its page in a real browser."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
QUICK = ("watch:\n  quiet_s: 0.2\n  longest_s: 1\n  patience_s: 2\n  scan_s: 2\n  poll_s: 0.5\n  min_free_mb: 0\n"
         "page:\n  port: 0\n  open: false\n")
PERSON, PIN = "Nguyễn Thị Mẫu", "2468"
SCREEN = {"width": 1366, "height": 650}  # what a browser leaves of 1366 × 768


@dataclass
class StationRun:
    """A `sohoa watch` of its own. `address` is the link that it shows when it starts."""

    folder: Path
    config: str = QUICK
    environment: dict = field(default_factory=dict)
    lines: list = field(default_factory=list)

    @property
    def store(self):
        return self.folder / "store"

    @property
    def inbox(self):
        return self.folder / "inbox"

    def start(self):
        self.inbox.mkdir(parents=True, exist_ok=True)
        (self.folder / "own.yaml").write_text(self.config, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "sohoa.py"), "--config", str(self.folder / "own.yaml"), "watch", "--store",
             str(self.store), "--inbox", str(self.inbox)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1", **self.environment})
        threading.Thread(target=self._read, daemon=True).start()
        self.address = ""
        while not self.address:
            line = self.process.stdout.readline()
            assert line, "\n".join(self.lines)
            found = re.search(r"http://\S+", line)
            self.address = found[0] if found else ""
        return self

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.strip())

    @property
    def root(self):
        """The page without its key."""
        return self.address.partition("/start")[0]

    def put(self, book, *files):
        """Copy images into the watched folder of a book; a pair gives a file and its new name."""
        folder = self.inbox / book
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            source, name = file if isinstance(file, tuple) else (file, Path(file).name)
            shutil.copy(source, folder / name)

    def events(self, book):
        """What the log of a book says."""
        path = self.store / "books" / f"{book}.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def wait_for(self, event, times=1, seconds=90):
        """Until the daemon has told of an event so many times, from the start on."""
        wanted = f'"event": "{event}"'
        deadline = time.monotonic() + seconds
        while sum(wanted in line for line in self.lines) < times:
            assert time.monotonic() < deadline, self.lines[-5:]
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """One station for the tests of a module."""
    run = StationRun(tmp_path_factory.mktemp("station")).start()
    yield run
    run.stop()


@pytest.fixture(scope="module")
def browser():
    """Chromium; the tests that want it are skipped where there is none."""
    if not CHROMIUM:
        pytest.skip("chromium is not installed (make debian-test)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


def entered(page, station, name=PERSON, pin=PIN):
    """The page with a person who has said who they are; the first one makes themselves known."""
    page.goto(station.address)
    if page.locator("#name").count():
        page.fill("#name", name)
    else:
        page.check(f"input[value='{name}']")
    page.fill("#pin", pin)
    page.keyboard.press("Enter")
    page.wait_for_url("**/books")
    return page


@pytest.fixture(scope="module")
def cookies(browser, station):
    """Of a person who has said who they are, once for the tests of a module."""
    context = browser.new_context(viewport=SCREEN, locale="vi-VN")
    entered(context.new_page(), station)
    yield context.cookies()
    context.close()


@pytest.fixture
def desk(browser, station, cookies):
    """A person at the station's page, in a browser that holds nothing of the tests before; a script that fails fails the
    test."""
    context = browser.new_context(viewport=SCREEN, locale="vi-VN")
    context.add_cookies(cookies)
    page, failures = context.new_page(), []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{station.root}/books")
    yield page if page.url.endswith("/books") else entered(page, station)  # where a test before has sent them away
    context.close()
    assert failures == []


def until(page, expression, seconds=60):
    """Wait until JavaScript gives something true. (`wait_for_function` needs eval, which the page rightly forbids.)"""
    deadline = time.monotonic() + seconds
    while not (found := page.evaluate(expression)):
        assert time.monotonic() < deadline, f"{expression}\n{page.inner_text('body')[:2000]}"
        page.wait_for_timeout(30)
    return found
