"""A phone is paired at the station's capture screen: its code is scanned, a photo is taken, the screen shows it."""

import io
import json
import os
import time

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Error

from tests.stations import PERSON, QUICK, ROOT, SCREEN, StationRun, entered, until
from tests.webstation.phone_client import BOOK
from tests.webstation.test_phone_browser import PHONE, SAFE, shown

SECOND, THIRD = "KS.2009.14800.02", "KS.2009.14800.03"
PHOTO = ROOT / "samples/pages/forms-2009/IMG_20240612_141907.jpg"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    started = StationRun(tmp_path_factory.mktemp("pairing"), config=QUICK + "phone:\n  port: 0\n").start()
    yield started
    started.stop()


def at_rest(context, run):
    """A person at a screen that stays as it is: the shelf loads itself anew when a book is added."""
    page = entered(context.new_page(), run)
    page.goto(f"{run.root}/people")
    return page


def test_the_same_photo_from_a_folder_and_a_phone_at_once_is_one_original(browser, run):
    screen, pocket = browser.new_context(locale="vi-VN"), browser.new_context(**PHONE)
    desk, phone = at_rest(screen, run), pocket.new_page()
    desk.evaluate("sohoa.order('/books/add', {kind: 'KS', year: 2009, place: '14800', volume: 2})")
    invited = desk.evaluate(f"sohoa.order('/books/{SECOND}/phone', {{}})")
    phone.goto(invited["address"])
    phone.wait_for_selector("#deeds:not([hidden])")
    run.put(SECOND, PHOTO)
    phone.set_input_files("#take", PHOTO)
    until(phone, SAFE)
    deadline = time.monotonic() + 30
    while len(received := [event for event in run.events(SECOND) if event["event"] == "received"]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len({event["sha256"] for event in received}) == len({event["arrival"] for event in received}) == 1
    assert sorted(event["name"].partition("/")[2][:2] for event in received) == ["IM", "P-"]
    desk.evaluate(f"sohoa.order('/books/{SECOND}/phone/close', {{}})")
    screen.close()
    pocket.close()


def test_a_phone_scans_the_code_on_the_screen_and_its_photo_is_seen_there(browser, run):
    screen = browser.new_context(viewport={"width": 1366, "height": 650}, locale="vi-VN")
    desk = at_rest(screen, run)
    desk.evaluate("sohoa.order('/books/add', {kind: 'KS', year: 2009, place: '14800', volume: 1})")
    desk.goto(f"{run.root}/books/{BOOK}/capture")
    desk.click("#phone")
    desk.wait_for_selector("#phone-invitation img")
    until(desk, "document.querySelector('#phone-invitation img').naturalWidth > 100")
    shown(desk, "pairing-screen")
    seen = zxingcpp.read_barcode(Image.open(io.BytesIO(desk.screenshot())))
    assert seen is not None and seen.text.startswith("https://") and len(seen.text.partition("#")[2]) == 22
    said = desk.inner_text("#phone-invitation")
    assert "iPhone" in said and "Android" in said and "SHA-256" in said
    assert desk.evaluate("document.getElementById('phone-stop').getBoundingClientRect().bottom <= innerHeight")

    pocket = browser.new_context(**PHONE)
    phone = pocket.new_page()
    phone.goto(seen.text)
    phone.wait_for_selector("#deeds:not([hidden])")
    phone.set_input_files("#take", PHOTO)
    until(phone, SAFE)
    desk.click("#phone-door [data-closes]")
    assert "phút" in desk.inner_text("#phones-say")
    assert [event["event"] for event in run.events(BOOK)].count("received") == 1
    desk.click("#phone")
    desk.click("#phone-stop")
    until(desk, "document.getElementById('phone-door').hidden")
    with pytest.raises(Error, match="CONNECTION"):  # that was the last key: nobody is answered any more
        phone.reload()
    pocket.close()
    screen.close()


def test_a_photo_that_no_phone_goes_on_with_is_given_up_by_a_persons_word_alone(browser, run):
    screen = browser.new_context(viewport=SCREEN, locale="vi-VN")
    desk = at_rest(screen, run)
    desk.evaluate("sohoa.order('/books/add', {kind: 'KS', year: 2009, place: '14800', volume: 3})")
    resting, coming = (run.store / "uploads" / THIRD / f"{sign * 64}.part" for sign in "ab")
    for part in (resting, coming):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"\xff\xd8" + bytes(2_500_000))
    os.utime(resting, (time.time() - 600,) * 2)
    desk.goto(f"{run.root}/books/{THIRD}/capture")
    desk.click("#phone")
    desk.wait_for_selector("#phone-unfinished button")
    shown(desk, "unfinished-photo")
    assert desk.locator("#phone-unfinished p").count() == 1 and "2,5 MB" in desk.inner_text("#phone-unfinished")
    assert desk.evaluate("document.getElementById('phone-stop').getBoundingClientRect().bottom <= innerHeight")
    desk.once("dialog", lambda dialog: dialog.dismiss())
    desk.click("#phone-unfinished button")
    assert resting.exists()
    desk.once("dialog", lambda dialog: dialog.accept())
    desk.click("#phone-unfinished button")
    until(desk, "!document.querySelector('#phone-unfinished button')")
    assert coming.exists() and not resting.exists()
    said = [json.loads(line) for line in (run.store / "station.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(event["sha256"], event["by"]) for event in said if event["event"] == "photo_discarded"] == [("a" * 64, PERSON)]
    desk.evaluate(f"sohoa.order('/books/{THIRD}/phone/close', {{}})")
    screen.close()


def test_a_computer_in_two_networks_has_a_code_for_each(browser, tmp_path):
    hosts = ["192.168.7.7", "192.168.8.8"]
    twofold = StationRun(tmp_path, config=QUICK + f"phone:\n  port: 0\n  hosts: {json.dumps(hosts)}\n").start()
    screen = browser.new_context(viewport=SCREEN, locale="vi-VN")
    desk = at_rest(screen, twofold)
    desk.evaluate("sohoa.order('/books/add', {kind: 'KS', year: 2009, place: '14800', volume: 1})")
    desk.goto(f"{twofold.root}/books/{BOOK}/capture")
    desk.click("#phone")
    desk.wait_for_selector("#phone-other:visible")
    for host in hosts:
        until(desk, f"document.querySelector('#phone-invitation .path').textContent.includes('{host}')")
        until(desk, "document.querySelector('#phone-invitation img').naturalWidth > 100")
        seen = zxingcpp.read_barcode(Image.open(io.BytesIO(desk.screenshot())))
        assert host in seen.text
        desk.click("#phone-other")
    screen.close()
    twofold.stop()
