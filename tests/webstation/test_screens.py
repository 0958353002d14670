"""Every screen for everybody: accessible by axe's rules, no text cut off, no sideways scrolling, all of it by keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.stations import PERSON, PIN, entered, until

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
def book(station, browser, small_pages):
    """A book of two spreads that is developed."""
    context = browser.new_context()
    entered(context.new_page(), station)
    context.close()
    station.put(BOOK, small_pages / "IMG_4.jpg", small_pages / "IMG_8.jpg")
    station.wait_for("developed", 2)
    return BOOK


def faults(page):
    found = Axe().run(page, options=RULES).response["violations"]
    return [(item["id"], [node["html"][:120] for node in item["nodes"]][:3]) for item in found]


@pytest.mark.parametrize("path", SCREENS)
def test_a_screen_is_for_everybody(desk, station, book, path):
    """One after the other, since a screen takes longer to come than to look at."""
    desk.goto(station.root + path)
    desk.wait_for_timeout(900)
    assert faults(desk) == []
    for size in SIZES:
        desk.set_viewport_size(size)
        desk.wait_for_timeout(200)
        assert not_to_be_seen(desk) == []
    assert_reached_by_tab(desk)
    desk.click("[data-order='/language']")
    desk.wait_for_selector("text=Tiếng Việt")
    desk.wait_for_timeout(900)
    assert desk.url == station.root + path
    assert faults(desk) == []
    assert not_to_be_seen(desk) == []
    desk.click("[data-order='/language']")


def not_to_be_seen(page):
    """What is cut off, beyond the right edge, or makes the page scroll sideways."""
    sideways = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*page.evaluate(CUT_OFF), *page.evaluate(BEYOND), *(["scrolls sideways"] if sideways else [])]


def assert_reached_by_tab(page):
    """Every control is reached by the tab key, and shows that one is there."""
    wanted, seen = page.evaluate(STOPS), set()
    for _ in range(wanted + 15):
        page.keyboard.press("Tab")
        place = page.evaluate(HERE)
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
