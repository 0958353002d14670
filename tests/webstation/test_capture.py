"""Capture as an operator does it: a book is added, the scanner works by keys, a page is taken again, the book is packed."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.capture import sane_sites
from tests.capture.escl_server import EsclScanner, Faults
from tests.stations import ROOT, StationRun, entered, until

BOOK = "KS.2009.14800.01"
SAMPLES = ROOT / "samples" / "pages" / "forms-2009"


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    folder = tmp_path_factory.mktemp("station")
    sane_sites.test_site(folder / "sane")
    run = StationRun(folder, environment={"SANE_CONFIG_DIR": str(folder / "sane")}).start()
    yield run
    run.stop()


@pytest.fixture
def capture(desk, station):
    """The screen of a book that is there."""
    if station.events(BOOK):
        desk.goto(f"{station.root}/books/{BOOK}/capture")
    else:
        add_book(desk)
    desk.wait_for_selector("#device option", state="attached", timeout=30_000)
    return desk


def add_book(page):
    """From the shelf to the capture screen of a new book."""
    page.click("text=Thêm quyển sổ")
    page.select_option("#kind", "KS")
    page.fill("#year", "2009")
    page.fill("#place", "14800")
    page.fill("#pages", "3")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{BOOK}/capture")


def count(page):
    """How many are safe, as soon as the page has asked: until then it shows a dash."""
    return int(until(page, "document.getElementById('safe-count').textContent.match(/^[0-9]+$/)")[0])


def arrivals(station):
    return sum(event["event"] == "received" for event in station.events(BOOK))


def as_scanned(path):
    """A page as a network scanner would send it."""
    file = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").resize((870, 1230)).save(file, "JPEG", quality=90)
    return file.getvalue()


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


def test_a_feeder_empties_itself_and_each_sheet_is_a_page_even_if_they_are_alike(capture, station):
    before, came = count(capture), arrivals(station)
    capture.select_option("#source", "feeder")
    capture.select_option("#dpi", "200")
    capture.select_option("#paper", "A5")
    capture.locator("body").press(" ")
    wait_for_count(capture, before + 10)  # the driver's ten sheets are all black: no reason to drop a page of a book
    until(capture, "document.getElementById('done').hidden && !document.getElementById('scan').disabled")
    assert (arrivals(station) - came, count(capture) - before) == (10, 10)
    assert capture.inner_text("#scanner-trouble") == ""


def test_a_jam_is_told_in_words_and_scanning_goes_on_after_it(browser, tmp_path):
    sheets = [as_scanned(path) for path in sorted(SAMPLES.glob("*.jpg"))]
    with EsclScanner(sheets, sheets[0], Faults(jam_at=2, slow=0.3)) as scanner:
        sane_sites.network_site(tmp_path / "sane", scanner.url)
        run = StationRun(tmp_path / "own", environment={"SANE_CONFIG_DIR": str(tmp_path / "sane")}).start()
        page = entered(browser.new_context().new_page(), run)
        add_book(page)
        page.wait_for_selector("#device option", state="attached", timeout=30_000)
        page.select_option("#source", "feeder")
        page.locator("body").press(" ")
        until(page, "document.getElementById('scanner-trouble').textContent.includes('kẹt giấy')")
        wait_for_count(page, 1)
        assert "vẫn an toàn" in page.inner_text("#scanner-trouble")
        scanner.faults.jam_at, scanner.sheets = 0, sheets[1:]  # what is still in the feeder
        page.locator("body").press(" ")
        wait_for_count(page, len(sheets))
        until(page, "document.getElementById('done').hidden")
        assert count(page) == len(sheets)
        assert page.inner_text("#scanner-trouble") == ""
        page.context.close()
        run.stop()


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


def test_the_window_of_a_twain_driver_is_offered_and_asked_for(capture):
    assert not capture.is_visible("#window")  # SANE's drivers have none
    twain = {"name": "twain32:Canon DR-C230", "vendor": "Canon", "model": "DR-C230"}
    capture.route("**/devices.json?again", lambda route: route.fulfill(json={"devices": [twain], "trouble": "", "none": ""}))
    asked = []
    capture.route("**/scan", lambda route: (asked.append(route.request.post_data_json), route.fulfill(json={"ok": True})))
    try:
        capture.click("#look-again")
        capture.focus("#window")
        capture.keyboard.press("Space")  # ticks it
        for _ in range(2):
            capture.click("#window")
        capture.keyboard.press("Space")  # what the mouse has ticked does not keep the keys
        until(capture, "document.getElementById('scan').disabled")
        assert [(one["device"], one["window"]) for one in asked] == [(twain["name"], True)]
    finally:
        capture.unroute("**/devices.json?again")
        capture.unroute("**/scan")


def test_a_computer_that_has_no_scanner_is_told_so_without_alarm(capture):
    words = "Máy này chưa có TWAIN."
    capture.route("**/devices.json?again", lambda route: route.fulfill(json={"devices": [], "trouble": "", "none": words}))
    try:
        capture.click("#look-again")
        until(capture, f"document.getElementById('scanner-says').textContent === '{words}'")
        assert capture.text_content("#scanner-trouble") == ""
    finally:
        capture.unroute("**/devices.json?again")
