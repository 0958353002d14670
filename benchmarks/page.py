"""The page of the station measured in a real browser, as the person before it feels it.

    python -m benchmarks.page [--spreads 6] [--pages 400]

Thumbnail: from the moment that the station tells of a capture (an A3 spread at 300 dpi, come as from a scanner) to its
picture on the screen. Review: from the click to all pages on the table with the first pictures drawn; from a key to the
screen that it asks for; from the letting go of a dragged handle to the new page beside it. Cases: from the second Enter to
the next case with its image; a save from its request to its answer. Memory: resident MB of the station's own process,
without its workers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.cost import in_process, make_spreads
from benchmarks.review import BOOK, SPREAD, in_own_process, make_book
from benchmarks.station import resident

WATCH_LAST = """() => { window.times = [];
    sohoa.on("received", facts => { const start = performance.now(), wanted = facts.captures[0];
        const look = () => { const image = document.querySelector("#last img");
            const there = image && image.dataset.id === wanted && image.complete && image.naturalWidth;
            if (there) window.times.push(performance.now() - start);
            else requestAnimationFrame(look); };
        look(); }); }"""
PRESS = """key => new Promise(done => { const shown = () => document.getElementById("which").textContent, before = shown();
    const image = document.getElementById("result-image"), start = performance.now();
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const end = () => done(performance.now() - start);
    const look = () => requestAnimationFrame(shown() !== before && image.complete && image.naturalWidth ? end : look);
    look(); })"""
DRAWN = "[...document.querySelectorAll('#tiles img')].filter(one => one.complete && one.naturalWidth).length >= 8"
WATCH_CASES = """() => { window.times = []; let pressed = 0;
    document.addEventListener("keydown", event => { pressed = event.target.id === "date" ? performance.now() : 0; }, true);
    const drawn = () => [...document.querySelectorAll("#strip img")].every(image => image.complete && image.naturalWidth);
    const shown = () => { if (!pressed) return; const start = pressed; pressed = 0;
        const look = () => requestAnimationFrame(drawn() ? () => window.times.push(performance.now() - start) : look);
        look(); };
    new MutationObserver(shown).observe(document.getElementById("which"), { childList: true, subtree: true }); }"""
WATCH_RESULT = """() => { const image = document.getElementById("result-image"); window.shown = 0;
    image.addEventListener("load", () => { window.shown = performance.now(); });
    document.addEventListener("pointerup", () => { window.dropped = performance.now(); window.shown = 0; }, true); }"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--spreads", type=int, default=6)
    options.add_argument("--pages", type=int, default=400)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spreads = in_process(make_spreads, Path(folder), chosen.spreads, 1)
        measure(Path(folder), spreads, chosen.pages)


def measure(folder: Path, spreads: list[Path], pages: int) -> None:
    from playwright.sync_api import sync_playwright

    from tests.stations import CHROMIUM, SCREEN, StationRun, entered

    in_own_process(make_book, folder / "store", SPREAD, pages // 2)
    run = StationRun(folder).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = entered(browser.new_context(viewport=SCREEN).new_page(), run)
        time.sleep(2)
        print(f"memory of the station, idle: {resident(run.process.pid):.0f} MB")
        opened(page, run, pages)
        keys(page)
        handles(page, 6)
        typing(page, run, 40)
        thumbnails(page, run, spreads)
        print(f"memory of the station after that: {resident(run.process.pid):.0f} MB")
        browser.close()
    run.stop()


def told(name: str, times: list[float]) -> None:
    print(f"{name}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms (of {len(times)})")


def opened(page: Any, run: Any, pages: int) -> None:
    """The table of a long book, by a process that has not seen it yet, and again."""
    for name in ("first", "again"):
        start = time.monotonic()
        page.goto(f"{run.root}/books/{BOOK}/review", wait_until="commit")
        until(page, f"document.querySelectorAll('#tiles [role=option]').length >= {pages}")
        until(page, DRAWN)
        print(f"{pages} pages opened in review, {name}: {1000 * (time.monotonic() - start):.0f} ms")


def keys(page: Any) -> None:
    """From page to page in the editor."""
    page.keyboard.press("Enter")
    until(page, "document.getElementById('result-image').naturalWidth > 0")
    page.wait_for_timeout(1500)
    times = []
    for _ in range(12):
        times.append(page.evaluate(PRESS, "ArrowRight"))
        page.wait_for_timeout(300)
    told("key to the next page in review", times)


def handles(page: Any, count: int) -> None:
    """A corner dragged, and let go."""
    page.evaluate(WATCH_RESULT)
    times = []
    for turn in range(count + 1):
        box = page.locator("[data-handle=corner_0]").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + (6 if turn % 2 else -6), y + 4, steps=3)
        page.mouse.up()
        until(page, "window.shown")
        times.append(page.evaluate("window.shown - window.dropped"))
        page.wait_for_timeout(2500)
    print(f"the first one, whose image is not decoded yet: {times[0]:.0f} ms")
    told("dragged handle to the new page", times[1:])


def typing(page: Any, run: Any, count: int) -> None:
    """Cases whose number and date follow the rule: twice Enter each."""
    page.goto(f"{run.root}/books/{BOOK}/cases")
    page.wait_for_selector("#number:focus")
    page.keyboard.press("Enter")
    page.keyboard.type("5/1")
    page.evaluate(WATCH_CASES)
    saved: list[float] = []
    page.on("requestfinished", lambda asked: asked.url.endswith("/cases/save") and saved.append(asked.timing["responseEnd"]))
    for number in range(count):
        page.keyboard.press("Enter")
        until(page, f"window.times.length > {number}")
        page.keyboard.press("Enter")
        page.wait_for_timeout(250)
    told("key to the next case with its image", page.evaluate("window.times"))
    told("a case saved", saved)


def thumbnails(page: Any, run: Any, spreads: list[Path]) -> None:
    """Captures as they come from a scanner: whole, by renaming, into the spool."""
    page.goto(f"{run.root}/books/{BOOK}/capture")
    until(page, "document.getElementById('safe-count').textContent !== '–'")
    page.evaluate(WATCH_LAST)
    folder = run.store / "spool" / BOOK / "S1"
    folder.mkdir(parents=True)
    for number, spread in enumerate(spreads, 1):
        shutil.copy(spread, folder / f".{number}.part")
        os.rename(folder / f".{number}.part", folder / f"{number:04d}.jpg")
        until(page, f"window.times.length >= {number}")
        page.wait_for_timeout(2500)
    told("capture acknowledged to its picture on the screen", page.evaluate("window.times"))


def until(page: Any, expression: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > deadline:
            raise TimeoutError(expression)
        page.wait_for_timeout(5)


if __name__ == "__main__":
    main()
