"""The page on a phone, in Chromium with a phone's profile: photos taken, cut, resumed, reloaded, taken again."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.stations import until
from tests.webstation.phone_client import BOOK, OTHER_BOOK, digest, photo
from tests.webstation.phone_client import station as door_of

ROOT = Path(__file__).parents[2]
PHONE = {"viewport": {"width": 360, "height": 640}, "device_scale_factor": 3, "is_mobile": True, "has_touch": True,
         "ignore_https_errors": True, "locale": "vi-VN"}
SAFE = "document.getElementById('count').className === 'all'"
BLURRED = "samples/pages/forms-2009/IMG_20240612_141907.jpg"


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with door_of(tmp_path_factory.mktemp("phones"), tls=True) as opened:
        yield opened


@pytest.fixture
def context(browser):
    made = browser.new_context(**PHONE)
    yield made
    made.close()


def opened(context, door, book=BOOK, language=""):
    """The page of a phone that has scanned the code of a book; a script that fails fails the test."""
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(f"{door.url()}/{language}#{door.key(book)}")
    page.wait_for_selector("#deeds:not([hidden])")
    return page


def files(*images, name="IMG_{}.jpg", start=1):
    return [{"name": name.format(number), "mimeType": "image/jpeg", "buffer": image}
            for number, image in enumerate(images, start)]


def names(door, *images, book=BOOK):
    wanted = {digest(image) for image in images}
    return [Path(capture.source).name for capture in door.workplace.log(book).state().current if capture.sha256 in wanted]


def shown(page, name):
    """Kept to be looked at, where a person asks for it."""
    if os.environ.get("SOHOA_SHOTS"):
        page.screenshot(path=Path(os.environ["SOHOA_SHOTS"]) / f"{name}.png", full_page=True)


def test_a_photo_is_taken_and_told_safe(context, door):
    page, image = opened(context, door), photo(100, (400, 300))
    assert BOOK in page.inner_text("#book")
    shown(page, "phone-empty")
    page.set_input_files("#take", files(image))
    until(page, SAFE)
    assert "1\u00a0/\u00a01" in page.inner_text("#count")
    assert names(door, image) == ["0001-IMG_1.jpg"]
    assert door.workplace.store.read(digest(image), verify=True) == image
    until(page, "document.querySelector('#photos img').naturalWidth > 0")
    assert page.inner_text("#photos .number") == "1"


def test_many_photos_come_in_the_order_of_their_names(context, door):
    images = [photo(200 + number, (200, 150)) for number in range(12)]
    page = opened(context, door)
    chosen = files(*images)
    page.set_input_files("#choose", [chosen[at] for at in (11, 0, 9, 1, 10, 2, 3, 8, 4, 7, 5, 6)])
    until(page, SAFE)
    assert [name.partition("-")[2] for name in names(door, *images)] == [f"IMG_{number}.jpg" for number in range(1, 13)]
    shown(page, "phone-many")


def test_an_upload_that_the_wifi_cut_goes_on_by_itself(context, door):
    images, cut = [photo(300 + number, (900, 700)) for number in range(3)], []
    page = opened(context, door)

    def flaky(route):
        cut.append(route.request.headers["upload-offset"])
        if len(cut) in (1, 2, 4):
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/photos/*", flaky)
    page.set_input_files("#choose", files(*images))
    until(page, SAFE)
    assert len(cut) >= 6
    assert [name.partition("-")[2] for name in names(door, *images)] == ["IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg"]


def test_photos_taken_without_a_network_are_sent_when_there_is_one(context, door):
    images = [photo(400 + number, (300, 200)) for number in range(2)]
    page = opened(context, door)
    context.set_offline(True)
    page.set_input_files("#choose", files(*images))
    until(page, "document.getElementById('news').className === 'bad'")
    assert "0\u00a0/\u00a02" in page.inner_text("#count")
    shown(page, "phone-offline")
    context.set_offline(False)
    until(page, SAFE, 20)
    assert len(names(door, *images)) == 2


def test_photos_outlive_a_reload_and_wait_for_their_own_book(context, door):
    images = [photo(500 + number, (300, 200)) for number in range(2)]
    page = opened(context, door)
    page.route("**/photos", lambda route: route.abort())
    page.set_input_files("#choose", files(*images))
    until(page, "document.querySelectorAll('#photos li').length === 2")
    until(page, "document.getElementById('news').className === 'bad'")
    page.close(run_before_unload=False)
    other = opened(context, door, OTHER_BOOK)
    until(other, "!document.getElementById('others').hidden")
    assert BOOK in other.inner_text("#others") and "2" in other.inner_text("#others")
    other.wait_for_timeout(500)
    assert names(door, *images, book=OTHER_BOOK) == []
    again = opened(context, door)
    until(again, SAFE)
    assert len(names(door, *images)) == 2


def test_an_unsharp_photo_is_told_and_taken_again(context, door, tmp_path):
    import io

    from PIL import Image, ImageFilter

    sharp = (ROOT / BLURRED).read_bytes()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(sharp)).convert("RGB").filter(ImageFilter.GaussianBlur(9)).save(buffer, "JPEG", quality=80)
    page = opened(context, door)
    page.set_input_files("#take", files(buffer.getvalue()))
    until(page, "document.querySelector('#photos li.look') !== null", 90)
    said = page.inner_text("#photos .finding")
    assert "mờ" in said or "nhòe" in said
    shown(page, "phone-blurred")
    page.set_input_files("#photos li.look label input", files(sharp))
    until(page, "document.querySelector('#photos li.look') === null && " + SAFE, 90)
    until(page, "document.querySelectorAll('#photos li')[1].innerText.includes('chụp lại thay')")
    shown(page, "phone-retaken")
    state = door.workplace.log(BOOK).state()
    assert state.superseded[digest(buffer.getvalue())[:8]] == digest(sharp)[:8]


def test_what_the_station_refuses_is_told_and_the_next_photo_goes_on(context, door):
    image = photo(600, (300, 200))
    page = opened(context, door)
    text = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no image at all " * 500}
    page.set_input_files("#choose", [text, *files(image, start=2)])
    until(page, SAFE)
    refused = page.locator("#photos li", has_text="không phải là ảnh")
    shown(page, "phone-refused")
    assert len(names(door, image)) == 1
    refused.locator("button").click()
    until(page, "document.querySelectorAll('#photos li').length === 1")


def test_a_name_from_a_phone_is_shown_by_nobody_as_a_script(context, door):
    image = photo(700)
    page = opened(context, door)
    page.set_input_files("#take", files(image, name="<img src=x onerror=document.title='x'>.jpg"))
    until(page, SAFE)
    assert "sohoa" in page.title()


def test_an_old_key_is_told_in_words_and_another_language_keeps_the_key(context, door):
    page = context.new_page()
    page.goto(f"{door.url()}/#wrong")
    until(page, "document.getElementById('news').className === 'bad'")
    assert "quét mã QR mới" in page.inner_text("#news")
    shown(page, "phone-old-key")
    page = opened(context, door)
    page.click("#other")
    page.wait_for_selector("#deeds:not([hidden])")
    assert "Take a photo" in page.inner_text("#deeds") and len(page.url.partition("#")[2]) == 22
    shown(page, "phone-english")


def test_nothing_is_cut_off_on_a_narrow_phone_and_all_has_its_label(context, door):
    from axe_playwright_python.sync_playwright import Axe

    for language in ("vi", "en"):
        page = opened(context, door, language=language)
        page.set_input_files("#take", files(photo(800)))
        until(page, SAFE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        too_wide = ("Array.from(document.querySelectorAll('body *')).filter((one) => one.clientWidth &&"
                    " one.scrollWidth > one.clientWidth + 1 && !['INPUT', 'PROGRESS'].includes(one.tagName))"
                    ".map((one) => one.outerHTML)")
        assert page.evaluate(too_wide) == []
        small = ("Array.from(document.querySelectorAll('label.deed, button')).filter((one) => one.offsetHeight &&"
                 " one.offsetHeight < 44).length")
        assert page.evaluate(small) == 0
        found = Axe().run(page).response["violations"]
        assert [(item["id"], item["nodes"][0]["html"]) for item in found] == []


def test_the_digest_by_hand_is_sha256(context, door):
    page = opened(context, door)
    for length in (0, 1, 55, 56, 63, 64, 65, 1000, 100_003):
        made = page.evaluate(f"sohoaDigest.byHand(new Uint8Array({length}).map((_, at) => at * 7 + 3).buffer)")
        assert made == hashlib.sha256(bytes((at * 7 + 3) % 256 for at in range(length))).hexdigest()


def test_a_photo_is_given_up_only_when_a_person_says_so_twice(context, door):
    images = [photo(900 + number) for number in range(2)]
    page = opened(context, door)
    page.route("**/photos/*", lambda route: route.abort())  # announced, and no further
    page.set_input_files("#choose", files(*images))
    until(page, "document.getElementById('news').className === 'bad'")
    context.set_offline(True)
    until(page, "document.querySelectorAll('#photos li button:not([hidden])').length === 2")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.locator("#photos li button").last.click()
    assert page.locator("#photos li").count() == 2
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#photos li button").last.click()
    until(page, "document.querySelectorAll('#photos li').length === 1")
    page.unroute("**/photos/*")
    context.set_offline(False)
    until(page, SAFE, 30)
    assert [name.partition("-")[2] for name in names(door, *images)] == ["IMG_2.jpg"]


def test_without_tls_the_digest_is_made_by_hand_and_all_goes_on(context, tmp_path):
    from webstation.phone.addresses import addresses

    if not addresses():
        pytest.skip("this computer is in no network")
    with door_of(tmp_path, tls=False) as plain:
        page, image = context.new_page(), photo(1000, (900, 700))
        page.goto(f"{plain.url(addresses()[0])}/#{plain.key()}")
        page.wait_for_selector("#deeds:not([hidden])")
        assert page.evaluate("[window.isSecureContext, Boolean(window.crypto.subtle)]") == [False, False]
        page.set_input_files("#take", files(image))
        until(page, SAFE)
        assert names(plain, image) == ["0001-IMG_1.jpg"]
