"""The README's way from an empty store to a package that is checked, by somebody who has never seen the page."""

import zipfile

import pytest

from tests.stations import ROOT, SCREEN, StationRun, until

BOOK = "KS.2009.14800.01"
FORMS = ROOT / "samples" / "pages" / "forms-2009"


@pytest.fixture
def newcomer(browser, tmp_path):
    """A station without people, and somebody who opens the link that it shows."""
    station = StationRun(tmp_path).start()
    context = browser.new_context(viewport=SCREEN, locale="vi-VN")
    page, failures = context.new_page(), []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(station.address)
    yield page, station
    context.close()
    station.stop()
    assert failures == []


def small(folder):
    """Two forms, small enough to be quick."""
    from PIL import Image

    for name in ("EPSON031.jpg", "EPSON032.jpg"):
        image = Image.open(FORMS / name)
        image.thumbnail((1100, 1100))
        image.save(folder / name, quality=85, dpi=(96, 96))
        yield folder / name


def introduced(page):
    """The first person says who they are."""
    page.fill("#name", "Trần Thị Mẫu")
    page.fill("#pin", "1990")
    page.keyboard.press("Enter")
    page.wait_for_url("**/books")


def says(page, place, words, seconds=60):
    until(page, f"document.getElementById('{place}').textContent.includes('{words}')", seconds)


def test_the_first_book_from_an_empty_store_to_a_checked_package(newcomer, tmp_path):
    page, station = newcomer

    introduced(page)

    page.click("text=Thêm quyển sổ")
    page.fill("#year", "2009")
    page.fill("#place", "14800")
    page.fill("#pages", "2")
    page.click("text=Mở sổ và chụp")
    page.wait_for_url(f"**/{BOOK}/capture")

    folder = station.inbox / BOOK
    assert page.inner_text(".path").endswith(str(folder))
    station.put(BOOK, *small(tmp_path))
    says(page, "safe-count", "2")
    until(page, "document.querySelectorAll('#past .chip').length === 2 && !document.getElementById('behind').textContent")

    page.click("text=Kiểm tra các trang")
    page.wait_for_url(f"**/{BOOK}/review")
    says(page, "counts", "2 trang")
    if not page.is_disabled("#accept-all"):
        page.click("#accept-all")
    says(page, "waits", "Xem xong")

    page.click("text=3. Số và ngày")
    page.wait_for_url(f"**/{BOOK}/cases")
    page.wait_for_selector("#number:focus")
    for keys in ("7", "Enter", "3/2", "Enter", "Enter", "Enter"):  # the second case follows the rule
        page.keyboard.type(keys) if keys[0].isdigit() else page.keyboard.press(keys)
        page.wait_for_timeout(60)
    until(page, "document.body.innerText.includes('Đã nhập 2 trong 2')")

    page.click("text=4. Đóng gói")
    page.wait_for_url(f"**/{BOOK}/pack")
    until(page, "document.querySelectorAll('#checks li').length === 4 && !document.querySelector('#checks li.open')")
    page.click("#pack")
    says(page, "stands", "Đã đóng gói xong")
    assert page.is_hidden("#outdated")
    packages = station.store / "packages" / BOOK
    assert page.inner_text("#folder") == str(packages)
    page.click("#check")
    says(page, "stands", "Gói nguyên vẹn")

    with zipfile.ZipFile(next((packages / "ministry").glob("*.zip"))) as handed_in:
        names = [name.rpartition("/")[2] for name in handed_in.namelist()]
    assert sorted(names) == ["KS.2009.01.2009-02-03.07.pdf", "KS.2009.01.2009-02-03.08.pdf", "manifest.json"]
    assert {event["by"] for event in station.events(BOOK) if "by" in event} == {"Trần Thị Mẫu"}
    assert [event["event"] for event in station.events(BOOK)].count("cases") == 2


def test_a_book_that_was_added_by_mistake_leaves_the_shelf_and_one_that_is_there_is_not_added_twice(newcomer, tmp_path):
    page, station = newcomer
    introduced(page)

    def add(year):
        page.goto(f"{station.root}/books")
        page.click("text=Thêm quyển sổ")
        page.fill("#year", year)
        page.fill("#place", "14800")
        page.keyboard.press("Enter")

    add("2090")
    assert "1860" in page.evaluate("document.getElementById('year').validationMessage")
    add("2008")
    page.wait_for_url("**/capture")
    page.goto(f"{station.root}/books")
    page.click("text=Bỏ khỏi danh sách")
    page.wait_for_selector(".empty")
    station.put(BOOK, next(small(tmp_path)))
    page.wait_for_selector(f"[data-row='{BOOK}']")
    add("2009")
    until(page, "document.querySelector('#add .refusal').textContent.includes('đã có ở trạm, với 1 ảnh')")
    assert not [event for event in station.events(BOOK) if event["event"] == "opened"]


def test_a_second_person_comes_and_goes_and_the_first_keeps_their_role_with_a_new_pin(newcomer):
    page, station = newcomer
    introduced(page)

    def give(name, pin):
        page.goto(f"{station.root}/people")
        page.fill("#name", name)
        page.fill("#pin", pin)
        with page.expect_navigation():
            page.click("text=Lưu")
        assert name in page.inner_text("tbody")

    give("Lê Văn Mẫu", "2000")
    give("Trần Thị Mẫu", "1991")  # the field of the role says another one
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.click("td button")
    assert page.is_visible("td:has-text('Lê Văn Mẫu')")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("td button")
    page.wait_for_selector("td:has-text('Lê Văn Mẫu')", state="detached")
    page.click("text=Đổi người")
    page.wait_for_selector("text=Ai đang làm việc?")
    page.fill("#pin", "1990")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.refusal').textContent.includes('không đúng')")
    assert page.input_value("#pin") == ""
    page.keyboard.type("1991")
    page.keyboard.press("Enter")
    page.wait_for_url("**/books")
    page.goto(f"{station.root}/people")
    assert "quản lý người làm" in page.inner_text("tbody")
