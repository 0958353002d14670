"""Capture as an operator does it: a book is added, the scanner works by keys, a page is taken again, the book is packed."""

import importlib.util
import json
from pathlib import Path

import pytest

from tests.stations import ROOT, StationRun, entered, until

BOOK = "KS.2009.14800.01"
SAMPLES = ROOT / "samples" / "pages" / "forms-2009"


def _sites():
    spec = importlib.util.spec_from_file_location("sane_sites", ROOT / "tests" / "capture" / "sane_sites.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    folder = tmp_path_factory.mktemp("station")
    _sites().test_site(folder / "sane")
    run = StationRun(folder, environment={"SANE_CONFIG_DIR": str(folder / "sane")}).start()
    yield run
    run.stop()


@pytest.fixture
def capture(desk, station):
    """The screen of a book that is there."""
    if not station.events(BOOK):
        desk.click("text=Thêm quyển sổ")
        desk.select_option("#kind", "KS")
        desk.fill("#year", "2009")
        desk.fill("#place", "14800")
        desk.fill("#pages", "3")
        desk.keyboard.press("Enter")
    else:
        desk.goto(f"{station.root}/books/{BOOK}/capture")
    desk.wait_for_url(f"**/{BOOK}/capture")
    desk.wait_for_selector("#device option", state="attached", timeout=30_000)
    return desk


def count(page):
    return int(page.inner_text("#safe-count"))


def wait_for_count(page, number, seconds=60):
    until(page, f"document.getElementById('safe-count').textContent === '{number}'", seconds)


def test_the_glass_is_worked_by_the_space_key_and_each_page_is_shown(capture, station):
    capture.select_option("#source", "flatbed")
    capture.select_option("#dpi", "200")
    capture.select_option("#paper", "A5")
    assert count(capture) == 0
    capture.locator("body").press(" ")
    wait_for_count(capture, 1)
    until(capture, "document.getElementById('scanner-says').textContent.includes('Lật trang')", 30)
    received = [event for event in station.events(BOOK) if event["event"] == "received"]
    assert len(received) == 1  # the counter tells what the log holds
    picture = capture.wait_for_selector("#last img")
    until(capture, "document.querySelector('#last img').naturalWidth > 100")
    assert received[0]["sha256"].startswith(picture.get_attribute("data-id"))
    capture.locator("body").press("x")
    until(capture, "document.getElementById('done').hidden", 30)
    said = [event for event in station.events(BOOK) if event["event"] in ("opened", "capturing")]
    assert {event.get("by") for event in said} == {"Nguyễn Thị Mẫu"}


def test_the_space_key_scans_whatever_the_mouse_has_clicked(capture, station):
    capture.select_option("#source", "flatbed")
    capture.select_option("#dpi", "200")
    capture.select_option("#paper", "A5")
    capture.focus("#paper")
    before = count(capture)
    capture.keyboard.press(" ")
    wait_for_count(capture, before + 1)
    until(capture, "!document.getElementById('scan').disabled", 30)
    capture.click("#retake")
    capture.wait_for_selector("#retaking:not([hidden])")
    capture.keyboard.press(" ")
    capture.wait_for_selector("#retaking", state="hidden", timeout=60_000)
    until(capture, "!document.getElementById('scan').disabled", 30)
    capture.keyboard.press("x")
    until(capture, "document.getElementById('done').hidden", 30)


def test_what_stops_the_scanner_is_told_in_words_and_scanning_goes_on_after_it(capture, station):
    before = count(capture)
    capture.select_option("#source", "feeder")
    capture.locator("body").press(" ")  # ten sheets that all look alike: one original, and one more for its other name
    until(capture, "document.getElementById('done').hidden && !document.getElementById('scan').disabled", 120)
    assert count(capture) >= before
    assert "traceback" not in capture.inner_text("body").lower()


def test_a_page_is_taken_again_and_the_new_one_stands_in_its_place(capture, station):
    station.put(BOOK, SAMPLES / "EPSON031.jpg")
    before = count(capture)
    wait_for_count(capture, before + 1)
    retaken = capture.get_attribute("#past button >> nth=0", "data-id")
    capture.locator("body").press("r")
    capture.wait_for_selector("#retaking:not([hidden])")
    station.put(BOOK, (SAMPLES / "IMG_20240612_141907.jpg", "lai.jpg"))
    capture.wait_for_selector("#retaking", state="hidden", timeout=60_000)
    event = [event for event in station.events(BOOK) if event["event"] == "received"][-1]
    assert event["supersedes"] == retaken
    assert count(capture) == before + 1  # the old one is kept, and is no page any more
    retaking = [event for event in station.events(BOOK) if event["event"] == "retaking"]
    assert retaking[-1] | {"time": ""} == {"event": "retaking", "capture": retaken, "by": "Nguyễn Thị Mẫu", "time": ""}


def test_what_is_no_image_is_told_and_counts_for_nothing(capture, station):
    before = count(capture)
    bad = station.folder / "hỏng.jpg"
    bad.write_bytes((SAMPLES / "EPSON031.jpg").read_bytes()[:20_000])
    station.put(BOOK, bad)
    capture.wait_for_selector("#aside p", timeout=100_000)
    assert "hỏng.jpg" in capture.inner_text("#aside")
    assert count(capture) == before


def test_the_book_is_packed_and_its_packages_are_checked(desk, station):
    desk.goto(f"{station.root}/books/{BOOK}/pack")
    desk.click("#pack")
    until(desk, "document.getElementById('stands').textContent === 'Đã đóng gói xong'", 120)
    packages = station.store / "packages" / BOOK
    assert list(packages.glob("ministry/*.zip")) and (packages / BOOK / "bagit.txt").exists()
    desk.click("#check")
    until(desk, "document.getElementById('stands').textContent.includes('nguyên vẹn')", 120)
    next((packages / BOOK / "data").rglob("*.pdf")).write_bytes(b"not what it was")
    desk.click("#check")
    until(desk, "document.getElementById('stands').textContent.includes('sai')", 120)


def test_the_page_speaks_english_on_demand_and_remembers_it(browser, station):
    context = browser.new_context()
    page = entered(context.new_page(), station)
    page.click("text=English")
    page.wait_for_selector("h1:has-text('The books')")
    page.click("text=Change person")
    page.wait_for_selector("h1:has-text('Who is working?')")
    context.close()


def test_a_station_that_ends_is_told_of_and_found_again(browser, tmp_path):
    run = StationRun(tmp_path / "own").start()
    context = browser.new_context()
    page = entered(context.new_page(), run)
    port = int(run.root.rpartition(":")[2])
    page.wait_for_selector("#link", state="hidden")
    run.stop()
    page.wait_for_selector("#link:not([hidden])", timeout=30_000)
    assert "vẫn an toàn" in page.inner_text("#link")
    run.config = run.config.replace("port: 0", f"port: {port}")
    run.start()
    page.goto(run.root)
    assert "Nguyễn Thị Mẫu" in page.inner_text("main")  # known to the new run; the PIN is asked again
    page.fill("#pin", "2468")
    page.keyboard.press("Enter")
    page.wait_for_url("**/books")
    context.close()
    run.stop()


def test_pages_without_a_book_find_theirs(desk, station):
    (station.inbox / "IMG_0001.jpg").write_bytes((SAMPLES / "EPSON032.jpg").read_bytes())
    desk.goto(f"{station.root}/books")
    desk.wait_for_selector("#unsorted", timeout=60_000)
    desk.click("#unsorted button")
    desk.wait_for_selector("#unsorted", state="detached")
    moved = json.loads((station.store / "books" / "unsorted.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (moved["event"], moved["book"], moved["by"]) == ("moved", BOOK, "Nguyễn Thị Mẫu")


def test_the_cover_sheet_is_a_pdf_that_opens_the_book(desk, station):
    data = desk.request.get(f"{station.root}/books/{BOOK}/cover.pdf").body()
    sheet = station.folder / "cover.pdf"
    sheet.write_bytes(data)
    from capture.look import LookTask, look

    seen = look(LookTask(Path(sheet)))
    assert any(BOOK in found.text for found in seen.sheets.values())


def test_a_key_that_is_pressed_twice_scans_no_page_twice(capture):
    before, standing = count(capture), f"sohoa.get('/books/{BOOK}/capture.json').then(({{ scanner }}) => %s)"
    capture.select_option("#source", "flatbed")
    capture.select_option("#paper", "A5")
    capture.keyboard.press(" ")
    until(capture, standing % "scanner.state === 'asking'")
    pressed = f"sohoa.post('/books/{BOOK}/scan/next', {{ more: true }})"
    capture.evaluate(f"Promise.all([{pressed}, {pressed}, {pressed}])")
    until(capture, standing % "scanner.state === 'asking' && scanner.pages === 2")
    capture.wait_for_timeout(1500)  # long enough for a page that nobody asked for
    assert capture.evaluate(standing % "scanner.pages") == 2
    capture.keyboard.press("x")
    until(capture, standing % "scanner.state === 'idle'")
    wait_for_count(capture, before + 2)
