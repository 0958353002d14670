"""Every screen for everybody: accessible by axe's rules, no text cut off, no sideways scrolling, all of it by keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.stations import PERSON, PIN, ROOT, entered, until

BOOK = "KH.1990.14800.01"
SCREENS = ["/books", "/people", *(f"/books/{BOOK}/{name}" for name in ("capture", "review", "cases", "pack"))]
SIZES = [{"width": 1366, "height": 650}, {"width": 1024, "height": 600}]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
CUT_OFF = """() => [...document.querySelectorAll('button, a, label, h1, h2, p, th, td, dt, dd, legend, .chip, option')]
    .filter(item => item.offsetParent && !item.closest('.skip, .clip') && !item.classList.contains('skip'))
    .filter(item => item.scrollWidth > item.clientWidth + 1 && getComputedStyle(item).display !== 'inline'
        && getComputedStyle(item).overflowX !== 'visible')
    .map(item => item.outerHTML.slice(0, 120))"""
BEYOND = """() => { const width = document.documentElement.clientWidth;
    return [...document.querySelectorAll('button, a, input, select, img')]
    .filter(item => item.offsetParent && !item.closest('.skip') && !item.classList.contains('skip'))
    .filter(item => item.getBoundingClientRect().right > width + 1).map(item => item.outerHTML.slice(0, 120)) }"""
STOPS = """() => [...document.querySelectorAll('button, a[href], input, select')].filter(item => item.offsetParent
    && !item.disabled && item.tabIndex >= 0 && item.type !== 'radio' && item.type !== 'hidden').length"""
HERE = """() => { const item = document.activeElement; if (item === document.body) return '';
    item.dataset.seen = item.dataset.seen || String(Math.random()); const style = getComputedStyle(item);
    return [item.dataset.seen, style.outlineStyle !== 'none' || style.boxShadow !== 'none', item.outerHTML.slice(0, 90)] }"""


@pytest.fixture(scope="module")
def book(station, browser):
    """A book of two spreads that is developed."""
    context = browser.new_context()
    entered(context.new_page(), station)
    context.close()
    station.put(BOOK, *sorted((ROOT / "samples" / "pages" / "ledger-1990").glob("SCN_000[13].jpg")))
    station.wait_for("developed", 2)
    return BOOK


def faults(page):
    found = Axe().run(page, options=RULES).response["violations"]
    return [(item["id"], [node["html"][:120] for node in item["nodes"]][:3]) for item in found]


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("path", SCREENS)
def test_a_screen_has_labels_contrast_and_order(desk, station, book, path, language):
    if language == "en":
        desk.click("text=English")
        desk.wait_for_selector("text=Tiếng Việt")
    desk.goto(station.root + path)
    desk.wait_for_timeout(900)
    assert faults(desk) == []


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size['width']}")
@pytest.mark.parametrize("path", SCREENS)
def test_nothing_is_cut_off_on_an_old_screen(desk, station, book, path, size):
    desk.set_viewport_size(size)
    desk.goto(station.root + path)
    desk.wait_for_timeout(900)
    assert desk.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert desk.evaluate(CUT_OFF) == []
    assert desk.evaluate(BEYOND) == []


@pytest.mark.parametrize("path", SCREENS)
def test_everything_is_reached_by_the_tab_key_and_shows_where_one_is(desk, station, book, path):
    desk.goto(station.root + path)
    desk.wait_for_timeout(900)
    wanted = desk.evaluate(STOPS)
    seen = set()
    for _ in range(wanted + 15):
        desk.keyboard.press("Tab")
        place = desk.evaluate(HERE)
        if place:
            assert place[1], place[2]
            seen.add(place[0])
    assert len(seen) >= wanted


def test_dialogs_hold_the_focus_and_give_it_back(desk, station, book):
    desk.goto(f"{station.root}/books/{BOOK}/capture")
    desk.locator("body").press("?")
    assert desk.is_visible("#card")
    assert faults(desk) == []
    for _ in range(5):
        desk.keyboard.press("Tab")
        assert desk.evaluate("document.getElementById('card').contains(document.activeElement)")
    desk.keyboard.press("Escape")
    assert not desk.is_visible("#card")
    desk.goto(f"{station.root}/books")
    desk.click("text=Thêm quyển sổ")
    assert faults(desk) == []


def test_the_first_book_takes_no_mouse(browser, station, book):
    context = browser.new_context(viewport=SIZES[0])
    page = context.new_page()
    page.goto(station.root)
    assert faults(page) == []
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_url("**/books")
    assert PERSON in page.inner_text("header")
    while "Thêm quyển sổ" not in page.evaluate("document.activeElement.textContent")[:30]:
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("1994")
    page.keyboard.press("Enter")  # kind, volume and place are there already
    page.wait_for_url("**/KS.1994.14800.01/capture")
    until(page, "document.getElementById('safe-count').textContent === '0'")
    context.close()
