"""Review as an operator does it: pages looked through, handles dragged, corrections taken back, and all by keyboard."""

import json
import time

import pytest

from tests.stations import SCREEN, entered, until
from texts import catalogue, say

BOOK = "KH.1990.14800.01"
SECONDS = 60


@pytest.fixture(scope="module")
def book(station, small_pages, tmp_path_factory):
    """Four captures, six pages: two spreads and two single pages, all of a low resolution, developed."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("low")
    for path in small_pages.iterdir():
        image = Image.open(path)
        image.save(folder / path.name, quality=85, dpi=(110, 110), exif=image.getexif())
    station.put(BOOK, *sorted(folder.iterdir()))
    station.wait_for("developed", 4)
    return station


@pytest.fixture
def table(desk, book):
    """The light table, in the book's order; what a test said is taken back after it."""
    opened(desk, book)
    yield desk
    while desk.evaluate("sohoa.get(`/books/${sohoa.book}/review.json`)")["undo"]:
        desk.evaluate("sohoa.post(`/books/${sohoa.book}/undo`, {})")


def opened(page, station):
    page.goto(f"{station.root}/books")
    page.evaluate("localStorage.clear()")
    page.goto(f"{station.root}/books/{BOOK}/review")
    page.wait_for_selector(".tile")
    page.select_option("#sort", "book")
    until(page, "!document.querySelector('.tile.making')", SECONDS)


def word(code, **facts):
    return say("page", f"review_{code}", "vi", **facts)


def said(page, did, **facts):
    """Until the screen says what was done: the whole sentence, or with no facts its beginning."""
    wanted = word(f"did_{did}", **facts) if facts else catalogue("vi")["page"][f"review_did_{did}"].partition("{")[0]
    until(page, f"document.getElementById('told').textContent.startsWith({json.dumps(wanted)})", SECONDS)
    return page.inner_text("#told")


def until_logged(page, station, number):
    """Until the log of the book has so many lines."""
    deadline = time.monotonic() + SECONDS
    while len(station.events(BOOK)) < number:
        assert time.monotonic() < deadline, page.inner_text("#told")
        page.wait_for_timeout(30)


def tiles(page):
    return page.evaluate("[...document.querySelectorAll('.tile')].map((tile) => tile.dataset.page)")


def pages(page):
    return page.evaluate("sohoa.get(`/books/${sohoa.book}/review.json`)")["pages"]


def picture(page, name):
    return next(one["picture"] for one in pages(page) if one["id"] == name)


def made_anew(page, name, before):
    """The picture that a page has, once it is another and made."""
    until(page, "!document.querySelector('.tile.making')", SECONDS)
    after = next(one for one in pages(page) if one["id"] == name)
    assert not after["developing"] and after["picture"] != before
    return after["picture"]


def open_page(page, name):
    page.click(f"[data-page='{name}']")
    page.wait_for_selector("[data-handle=corner_0]:visible")


def drag(page, handle, right, down):
    box = page.locator(f"[data-handle={handle}]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=4)
    page.mouse.up()


def settings(station):
    """What was set last, by scope."""
    event = [event for event in station.events(BOOK) if event["event"] == "settings"][-1]
    return {scope: change["values"] for change in event["changes"] for scope in change["scopes"]}


def test_a_dragged_corner_is_in_the_log_and_the_page_is_made_anew(table, book):
    name = tiles(table)[0]
    before = picture(table, name)
    open_page(table, name)
    drag(table, "corner_0", 40, 25)
    said(table, "set")
    until(table, "document.getElementById('result-image').src.startsWith('blob:')", SECONDS)
    corners = settings(book)[name.partition("-")[0]]["outline"]["corners"]
    assert 0.05 < corners[0][0] < 0.2 and 0.03 < corners[0][1] < 0.2 and len(corners) == 4
    after = made_anew(table, name, before)
    until(table, f"document.getElementById('result-image').src.includes('{after}')", SECONDS)
    assert (book.store / "pages" / f"{after}.jpg").exists()


def test_a_correction_is_undone_and_redone_with_a_key_each(table, book):
    name = tiles(table)[0]
    before = picture(table, name)
    open_page(table, name)
    drag(table, "gutter_0", 15, 0)
    assert word("stage_split") in said(table, "set")
    assert settings(book)[name.partition("-")[0]]["split"]["gutter"]
    after = made_anew(table, name, before)
    table.keyboard.press("u")
    said(table, "undone")
    assert picture(table, name) == before
    table.keyboard.press("Control+y")
    said(table, "redone")
    assert picture(table, name) == after


def test_handles_are_moved_by_arrow_keys(table, book):
    open_page(table, tiles(table)[0])
    table.keyboard.press("Tab")
    assert table.evaluate("document.activeElement.dataset.handle") == "corner_0"
    before = table.locator("[data-handle=corner_0]").bounding_box()
    table.keyboard.press("ArrowRight")
    table.keyboard.press("Shift+ArrowDown")
    table.wait_for_timeout(100)
    after = table.locator("[data-handle=corner_0]").bounding_box()
    assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) == (1, 10)
    said(table, "set")  # once, when the keys rest
    assert len([event for event in book.events(BOOK) if event["event"] == "settings"]) >= 1


def test_a_page_that_is_corrected_and_accepted_in_one_breath_is_accepted_once_it_is_made(table, book):
    name = tiles(table)[0]
    open_page(table, name)
    table.keyboard.press("Tab")
    table.keyboard.press("Shift+ArrowRight")
    table.keyboard.press("Enter")
    deadline = time.monotonic() + SECONDS
    while book.events(BOOK)[-1]["event"] != "accepted":
        assert time.monotonic() < deadline
        table.wait_for_timeout(50)
    corrected, accepted = book.events(BOOK)[-2:]
    assert corrected["changes"][-1]["scopes"] == [name.partition("-")[0]] and set(accepted["pages"]) == {name}
    page = next(page for page in pages(table) if page["id"] == name)
    assert page["accepted"] and not page["developing"]


def test_the_crop_is_dragged_on_the_page_as_it_is_before_it_is_cropped(table, book):
    name = tiles(table)[4]
    open_page(table, name)
    table.keyboard.press("k")
    table.wait_for_selector("[data-handle=crop_bottom]:visible", timeout=1000 * SECONDS)
    drag(table, "crop_bottom", 0, -80)
    said(table, "set")
    box = settings(book)[name]["crop"]["box"]
    assert 0 <= box[0] < box[2] <= 1 and box[3] < 0.95


def test_a_correction_reaches_as_far_as_is_said(table, book):
    names = tiles(table)
    open_page(table, names[2])
    table.select_option("#reach", "following")
    table.select_option("#strength", "strong")
    said(table, "set", stages=word("stage_tone"), reach=word("reach_following"), images=3)
    scopes = settings(book)
    assert names[2].partition("-")[0] in scopes and names[0].partition("-")[0] not in scopes


def test_images_are_turned_and_are_one_page_or_two_by_keys(table, book):
    name = tiles(table)[4]
    open_page(table, name)
    lines = len(book.events(BOOK))
    for key in ("]", "]", "u", "u", "l"):  # at once, while it is being developed
        table.keyboard.press(key)
    until_logged(table, book, lines + 5)
    turned, again, _, _, split = book.events(BOOK)[-5:]
    turns = [event["changes"][-1]["values"]["orient"]["turn"] for event in (turned, again)]
    assert (turns[1] - turns[0]) % 360 == 90
    assert split["changes"][-1]["values"]["split"]["layout"] == "spread"
    until(table, f"document.querySelector('[data-page=\"{name}-L\"]')", SECONDS)
    assert f"{name}-R" in tiles(table) and name not in tiles(table)


def test_all_doubtful_pages_are_accepted_at_once_and_another_browser_sees_it(table, browser, book):
    context = browser.new_context(viewport=SCREEN, locale="vi-VN")
    other = entered(context.new_page(), book)
    opened(other, book)
    waiting = [page["id"] for page in pages(table) if page["waits"]]
    assert waiting
    table.keyboard.press("q")
    said(table, "accepted", pages=len(waiting), waiting=0)
    until(other, f"document.getElementById('waits').textContent === '{word('waits_none')}'", SECONDS)
    context.close()
    assert set(book.events(BOOK)[-1]["pages"]) == set(waiting)


def test_pages_that_others_corrected_meanwhile_are_left_by_the_old_table(table, browser, book):
    context = browser.new_context(viewport=SCREEN, locale="vi-VN")
    other = entered(context.new_page(), book)
    name, waiting = tiles(table)[0], [page["id"] for page in pages(table) if page["waits"]]
    table.route("**/review.json", lambda route: route.abort())  # it does not hear of what the other one does
    other.evaluate("([url, page]) => sohoa.post(url, { page, reach: 'capture', changes: { deskew: { degrees: 0.7 } } })",
                   [f"/books/{BOOK}/correct", name])
    table.keyboard.press("q")
    told = said(table, "accepted")
    table.unroute("**/review.json")
    context.close()
    assert word("left", left=2) in told
    capture = name.partition("-")[0]
    assert set(book.events(BOOK)[-1]["pages"]) == {page for page in waiting if page.partition("-")[0] != capture}


def test_what_another_person_said_is_taken_back_as_theirs(table, browser, book):
    table.evaluate("sohoa.post('/people/add', { name: 'Lê Mẫu', pin: '9753', role: 'operator' })")
    context = browser.new_context(viewport=SCREEN, locale="vi-VN")
    other = entered(context.new_page(), book, "Lê Mẫu", "9753")
    other.evaluate("([url, page]) => sohoa.post(url, { pages: [page], role: 'blank' })",
                   [f"/books/{BOOK}/mark", tiles(table)[0]])
    until(table, "document.querySelector('[data-does=undo]').title.includes('Lê Mẫu')", SECONDS)
    table.keyboard.press("u")
    assert "việc của Lê Mẫu" in said(table, "undone")
    assert "Lê Mẫu" in table.get_attribute("[data-does=redo]", "title")
    context.close()


def test_chosen_pages_are_marked_in_one_go(table, book):
    names = tiles(table)
    table.focus(f"[data-page='{names[0]}']")
    table.keyboard.press("Shift+ArrowRight")
    assert table.locator(".tile[aria-selected=true]").count() == 2
    table.keyboard.press("b")
    said(table, "marked", pages=2, role=word("role_blank"))
    assert book.events(BOOK)[-1]["roles"] == {names[0]: "blank", names[1]: "blank"}
    table.keyboard.press("Control+z")
    said(table, "undone")
    assert not any(page["role"] for page in pages(table))


def test_pages_are_moved_by_dragging_and_by_keys(table):
    before = tiles(table)
    table.drag_and_drop(f"[data-page='{before[4]}']", f"[data-page='{before[0]}']")
    said(table, "moved", number=5)
    assert tiles(table) == [before[4], *before[:4], before[5]]
    table.focus(f"[data-page='{before[4]}']")
    table.keyboard.press("x")
    said(table, "swapped")
    assert tiles(table)[:3] == [before[0], before[1], before[4]]
    table.keyboard.press("Alt+ArrowRight")
    said(table, "moved", number=3)
    assert tiles(table) == before[:4] + before[4:]


def test_a_newer_image_takes_the_place_of_an_older_one_and_that_can_be_turned_round(table):
    before = tiles(table)
    table.click(f"[data-page='{before[4]}']", modifiers=["Control"])
    table.click(f"[data-page='{before[5]}']", modifiers=["Control"])
    table.keyboard.press("n")
    said(table, "superseded", number=5)
    assert tiles(table) == [*before[:4], before[5]]
    open_page(table, before[5])
    table.click("#retaken")
    until(table, f"document.querySelector('[data-page=\"{before[4]}\"]')", SECONDS)
    assert [page["id"] for page in pages(table)] == before[:5]
    assert tiles(table)[-1] == before[5]  # taken out, and there to be put back


def test_an_image_that_was_taken_twice_is_taken_out_and_put_back(table):
    before = tiles(table)
    table.focus(f"[data-page='{before[1]}']")
    table.keyboard.press("d")
    said(table, "marked", pages=1, role=word("role_spare"))
    capture = before[1].partition("-")[0]
    assert tiles(table) == [*before[2:], capture]
    assert table.evaluate("document.activeElement.dataset.page") == before[3]
    table.keyboard.press("End")
    table.keyboard.press("o")
    said(table, "marked", pages=1, role=word("role_page"))
    assert tiles(table) == before


def test_a_retake_leads_to_the_capture_screen(table, book):
    name = tiles(table)[5]
    open_page(table, name)
    table.keyboard.press("r")
    table.wait_for_url("**/capture")
    assert (book.events(BOOK)[-1]["event"], book.events(BOOK)[-1]["capture"]) == ("retaking", name)
    table.evaluate("sohoa.post(`/books/${sohoa.book}/retake`, { capture: null })")
    opened(table, book)


def test_a_book_is_reviewed_by_keyboard_alone(table):
    waiting = [page["id"] for page in pages(table) if page["waits"]]
    assert len(waiting) > 2
    table.select_option("#sort", "worst")
    table.focus(".tile[tabindex='0']")
    table.keyboard.press("Home")
    table.keyboard.press("Enter")
    for left in range(len(waiting), 0, -1):
        until(table, "!document.getElementById('editor').hidden", SECONDS)
        assert len([page for page in pages(table) if page["waits"]]) == left
        table.keyboard.press("Enter")
        said(table, "accepted", pages=1, waiting=left - 1)
    until(table, "document.getElementById('editor').hidden", SECONDS)
    assert not any(page["waits"] for page in pages(table))


def test_it_opens_where_one_left_off(table, book):
    table.select_option("#sort", "book")
    open_page(table, tiles(table)[3])
    table.reload()
    until(table, f"document.getElementById('which').textContent === '{word('page_of', number=4, pages=6)}'", SECONDS)
    table.keyboard.press("Escape")
    assert table.evaluate("document.activeElement.dataset.page") == tiles(table)[3]
    assert table.input_value("#sort") == "book"


NONSENSE = [  # an empty name stands for a page that is there
    ("correct", {"page": "nothing", "changes": {"tone": {"mode": "grey"}}}),
    ("correct", {"page": "", "changes": {}}),
    ("correct", {"page": "", "changes": {"tone": {"mode": "pink"}}}),
    ("correct", {"page": "", "handles": {"sheet": [[0, 0]]}}),
    ("correct", {"page": "", "handles": {"sheet": [[0, 0], [1, 0], [0, 1], [1, 1]]}}),  # crosses itself
    ("correct", {"page": "", "handles": {"box": [0, 0, 1, "1"]}}),
    ("preview", {"page": "", "width": "wide"}),
    ("turn", {"page": "", "degrees": 45}),
    ("accept", {"pages": 7}),
    ("accept", {"pages": [""]}),
    ("accept", {"pages": "all"}),
    ("accept", {"pages": {"": None}}),
    ("mark", {"pages": [""], "role": "page"}),
    ("move", {"page": "", "before": "nothing"}),
    ("supersede", {"old": "", "new": "nothing"}),
    ("undo", {}),
]


def test_an_order_that_makes_no_sense_is_refused_in_words_and_nothing_is_said(table, book):
    first, lines = tiles(table)[0], len(book.events(BOOK))
    for name, order in NONSENSE:
        order = {key: first if value == "" else [first] if value == [""] else value for key, value in order.items()}
        status, words = table.evaluate(
            "([name, order]) => sohoa.post(`/books/${sohoa.book}/${name}`, order).then(() => [200, ''], "
            "(error) => [error.status, error.message])", [name, order])
        assert status in (404, 409, 422) and len(words) > 15, (name, order)
        assert len(book.events(BOOK)) == lines, (name, order)


def test_nothing_scrolls_away_and_every_control_has_its_name(table):
    from axe_playwright_python.sync_playwright import Axe

    def faults():
        fits = table.evaluate("(({ scrollHeight: high, scrollWidth: wide }) => high <= innerHeight && wide <= innerWidth)"
                              "(document.documentElement)")
        found = Axe().run(table, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).response
        return fits, [(item["id"], item["nodes"][0]["html"]) for item in found["violations"]]

    assert faults() == (True, [])
    open_page(table, tiles(table)[0])
    table.wait_for_timeout(500)
    assert faults() == (True, [])
    tools = table.locator("#tools")
    assert tools.evaluate("(one) => one.scrollHeight <= one.clientHeight + 1 && one.scrollWidth <= one.clientWidth")


def test_in_a_low_and_narrow_window_the_way_back_and_the_views_stay_in_reach(table):
    open_page(table, tiles(table)[0])
    table.set_viewport_size({"width": 1093, "height": 520})
    back, bar = (table.locator(f"#editor {one}").bounding_box() for one in ("[data-does=back]", "#pane-result figcaption"))
    assert back["y"] + back["height"] <= 520
    views = table.locator("#pane-result figcaption button").all()
    assert len(views) == 3 and all(button.bounding_box()["height"] <= bar["height"] for button in views)
    assert table.evaluate("document.querySelector('#pane-result figcaption').scrollWidth") <= bar["width"]
    for button in table.locator("#tools .four button").all():
        assert button.get_attribute("title") == button.get_attribute("aria-label")


def test_when_all_is_seen_the_way_leads_on_to_the_cases(table):
    assert table.get_attribute("#waits", "href") is None
    table.click("#accept-all")
    until(table, "document.getElementById('waits').classList.contains('good')")
    assert table.get_attribute("#waits", "href") == f"/books/{BOOK}/cases"
    assert table.inner_text("#waits") == word("waits_none")
