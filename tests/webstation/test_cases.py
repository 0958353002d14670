"""Cases typed at the page by keyboard alone: a whole book, what is refused, two persons, rows of a ledger, a check."""

import zipfile

import pytest
from openpyxl import load_workbook

from tests.stations import PERSON, SCREEN, entered, until

FORMS, LEDGER, SHARED = "KS.1997.14800.01", "KH.1990.14800.01", "KT.2002.14800.01"
SECOND, SECOND_PIN = "Lê Văn Mẫu", "1357"
PAGES = 8
READY = "document.getElementById('number') === document.activeElement && document.querySelector('#strip img')"


def drawn(folder, pages, seed):
    """Made-up forms, small, each with its number on it."""
    from PIL import Image, ImageDraw

    for number in range(pages):
        image = Image.new("RGB", (500, 707), (238, 236, 230))
        pen = ImageDraw.Draw(image)
        pen.text((60, 60), f"GIAY KHAI SINH  So: {seed + number}", fill=(30, 30, 90))
        for line in range(10 + number % 3):
            pen.line((50, 120 + line * 40, 450, 120 + line * 40), fill=(120, 120, 120))
            pen.text((60, 105 + line * 40), f"Nguyen Van Mau {seed} {number} {line * 7 + number}", fill=(30, 30, 90))
        image.save(folder / f"IMG_{number:03d}.jpg", quality=85)
    return sorted(folder.glob("*.jpg"))


@pytest.fixture(scope="module")
def books(station, browser, small_pages, tmp_path_factory):
    """Two books of forms and one spread of a ledger, developed; a second person works here, too."""
    context = browser.new_context()
    page = entered(context.new_page(), station)
    page.goto(f"{station.root}/people")
    page.fill("#name", SECOND)
    page.fill("#pin", SECOND_PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"td:text-is('{SECOND}')")
    context.close()
    station.put(FORMS, *drawn(tmp_path_factory.mktemp("forms"), PAGES, 1))
    station.put(SHARED, *drawn(tmp_path_factory.mktemp("shared"), 4, 100))
    station.put(LEDGER, small_pages / "IMG_4.jpg")
    station.wait_for("developed", PAGES + 4 + 1, seconds=240)
    return station


@pytest.fixture
def typed(desk, books):
    """The book of forms with all its cases, as the first test leaves it; typed here if that one has not run."""
    address = f"/books/{FORMS}/cases"
    for number, row in enumerate(desk.evaluate(f"sohoa.get('{address}.json')")["cases"], 1):
        if not row["number"]:
            order = {"case": row["id"], "number": str(number), "date": "1997-02-03", "seen": row["version"], "window": ""}
            desk.evaluate("([address, order]) => sohoa.post(address, order)", [f"{address}/save", order])
    return books


@pytest.fixture
def second(browser, books):
    """Another person, at a browser of their own."""
    context = browser.new_context(viewport=SCREEN, locale="vi-VN")
    yield entered(context.new_page(), books, SECOND, SECOND_PIN)
    context.close()


def opened(page, station, book):
    page.goto(f"{station.root}/books/{book}/cases")
    until(page, READY)
    return page


def value(page, field):
    return page.input_value(f"#{field}")


def cases(station, book):
    """Case events of a book's log."""
    return [event for event in station.events(book) if event["event"] == "cases"]


def logged(page, station, book, number):
    """Waits until the log has so many case events."""
    for _ in range(200):
        if len(cases(station, book)) >= number:
            break
        page.wait_for_timeout(30)
    return cases(station, book)


def again(station, page, number):
    """What was typed a second time, as soon as the log has so much of it."""
    for _ in range(200):
        checked = [event for event in station.events(FORMS) if event["event"] == "cases_checked"]
        if len(checked) >= number:
            break
        page.wait_for_timeout(30)
    return checked


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_a_book_is_typed_with_two_keys_a_case_and_packed_under_its_final_names(desk, books):
    opened(desk, books, FORMS)
    assert (value(desk, "number"), value(desk, "date")) == ("1", "")
    press(desk, "Enter")
    desk.keyboard.type("3/2")
    press(desk, "Enter")
    for number in range(2, PAGES + 1):
        assert (value(desk, "number"), value(desk, "date")) == (str(number), "03.02.1997")
        press(desk, "Enter", "Enter")
    events = logged(desk, books, FORMS, PAGES)
    assert [(change["number"], change["date"]) for event in events for change in event["changes"]] == [
        (str(number), "1997-02-03") for number in range(1, PAGES + 1)]
    assert {(event["by"], event["source"]["name"]) for event in events} == {(PERSON, "page")}
    assert not [event for event in books.events(FORMS) if event["event"] == "packed"]
    until(desk, f"document.getElementById('progress').value === {PAGES}")

    desk.goto(f"{books.root}/books/{FORMS}/pack")
    desk.click("#pack")
    until(desk, "!document.getElementById('where').hidden", 120_000)
    folder = books.store / "packages" / FORMS / "ministry"
    sheet = load_workbook(folder / "KS.1997.01.xlsx").active
    columns = {cell.value: cell.column for cell in sheet[1]}
    rows = [(str(sheet.cell(row, columns["so"]).value), sheet.cell(row, columns["ngayDangKy"]).value)
            for row in range(2, PAGES + 2)]
    assert rows == [(str(number), "03.02.1997") for number in range(1, PAGES + 1)]
    names = [name for name in zipfile.ZipFile(folder / "KS.1997.01.zip").namelist() if name.endswith(".pdf")]
    assert names == [f"KS.1997.01.1997-02-03.{number:02d}.pdf" for number in range(1, PAGES + 1)]


SHORT_DATES = [  # what is typed, the date before, what it means in a book of 1997
    ("3", "1997-02-01", "1997-02-03"), ("3/2", "", "1997-02-03"), ("0302", "", "1997-02-03"), ("302", "", "1997-02-03"),
    ("3.2.98", "", "1998-02-03"), ("030298", "", "1998-02-03"), ("03021998", "", "1998-02-03"),
    ("1998-02-03", "", "1998-02-03"),
    ("3-2-1998", "", "1998-02-03"), ("3 2", "1999-01-01", "1999-02-03"), ("3/1", "1997-12-30", "1998-01-03"),
    ("28/12", "1997-12-30", "1997-12-28"), ("3", "", ""), ("31/2", "", ""), ("0/2", "", ""), ("x", "", ""), ("3/2/", "", ""),
    ("29/2", "1996-01-01", "1996-02-29"), ("29/2", "1997-01-01", ""), ("3/2/199", "", ""), ("", "1997-02-01", ""),
]


def test_short_dates_are_completed_with_the_date_before(desk, books):
    opened(desk, books, FORMS)
    completed = "typed => typed.map(([text, last]) => [text, last, dates.complete(text, last, 1997)])"
    assert desk.evaluate(completed, [typed[:2] for typed in SHORT_DATES]) == [list(typed) for typed in SHORT_DATES]


def test_the_next_day_takes_one_key_and_what_was_typed_is_put_back_by_one(desk, typed):
    opened(desk, typed, FORMS)
    until(desk, "document.getElementById('date').value === '03.02.1997'")
    press(desk, "ArrowDown", "Enter", "+", "+")
    assert value(desk, "date") == "05.02.1997"
    press(desk, "-")
    assert value(desk, "date") == "04.02.1997"
    press(desk, "Escape")
    assert value(desk, "date") == "03.02.1997"


def test_what_cannot_be_is_told_at_once_and_comes_back_in_red(desk, books):
    opened(desk, books, SHARED)
    said = len(cases(books, SHARED))
    desk.keyboard.type("5x")
    press(desk, "Enter")
    assert "chữ số" in desk.inner_text("#said") and desk.get_attribute("#number", "aria-invalid") == "true"
    press(desk, "Escape")
    desk.keyboard.type("5")
    press(desk, "Enter")
    desk.keyboard.type("31/2")
    press(desk, "Enter")
    assert "không phải là một ngày có thật" in desk.inner_text("#said")
    press(desk, "Control+a")
    desk.keyboard.type("3/2/1999")  # before the book's year: the station knows
    press(desk, "Enter")
    until(desk, "document.getElementById('date').classList.contains('wrong')")
    assert (value(desk, "number"), value(desk, "date")) == ("5", "03.02.1999")
    assert "2002" in desk.inner_text("#said")
    assert len(cases(books, SHARED)) == said
    desk.reload()
    until(desk, READY)
    assert value(desk, "number") == "5" and "2002" in desk.inner_text("#said")  # nothing typed is lost
    press(desk, "Escape")


def test_nothing_is_lost_while_the_station_does_not_answer(desk, books):
    opened(desk, books, SHARED)
    said = len(cases(books, SHARED))
    desk.route("**/cases/save", lambda route: route.abort())
    desk.keyboard.type("1")
    press(desk, "Enter")
    desk.keyboard.type("3/2")
    press(desk, "Enter")
    assert value(desk, "number") == "2"  # typing goes on
    press(desk, "Enter", "Enter")
    until(desk, "!document.getElementById('waits').hidden")
    assert "2 trường hợp" in desk.inner_text("#waits")
    desk.on("dialog", lambda dialog: dialog.accept())
    desk.reload()  # as after a crash of the browser
    desk.unroute("**/cases/save")
    events = logged(desk, books, SHARED, said + 2)
    assert [change["number"] for event in events[said:] for change in event["changes"]] == ["1", "2"]


def test_two_persons_at_one_case_overwrite_nothing_unseen(desk, second, books):
    opened(desk, books, SHARED)
    opened(second, books, SHARED)
    for page in (desk, second):
        page.click("#around li >> nth=2")
    desk.keyboard.type("30")
    press(desk, "Enter")
    desk.keyboard.type("4/2/2002")
    second.route("**/cases.json", lambda route: route.abort())  # a slow network: the second page has not heard of it
    press(desk, "Enter")
    count = len(logged(desk, books, SHARED, 3))
    second.unroute("**/cases.json")
    second.keyboard.type("31")
    press(second, "Enter")
    second.keyboard.type("5/2/2002")
    press(second, "Enter")
    until(second, "document.getElementById('said').textContent.includes('Nguyễn Thị Mẫu')")
    assert (value(second, "number"), len(cases(books, SHARED))) == ("31", count)
    press(second, "Escape")
    assert value(second, "number") == "30"
    press(desk, "Control+z")
    until(desk, "document.getElementById('number').value !== '30'")


def test_a_row_over_both_pages_of_a_ledger_is_one_case_and_the_image_shows_it(desk, books):
    opened(desk, books, LEDGER)
    press(desk, "F4")
    until(desk, "document.querySelectorAll('#strip img').length === 2")
    press(desk, "F3")
    until(desk, "document.getElementById('which').textContent.includes('trong 5')")
    until(desk, "document.querySelectorAll('#strip .row-of-page').length === 2")
    desk.keyboard.type("41")
    press(desk, "Enter")
    desk.keyboard.type("26/3")
    press(desk, "Enter")
    assert (value(desk, "number"), value(desk, "date")) == ("42", "26.03.1990")
    change, = logged(desk, books, LEDGER, 3)[-1]["changes"]
    assert (change["number"], change["date"]) == ("41", "1990-03-26")
    box, frame = desk.locator("#strip .row-of-page >> nth=0").bounding_box(), desk.locator("#look").bounding_box()
    assert frame["y"] < box["y"] and box["y"] + box["height"] < frame["y"] + frame["height"]
    assert box["width"] > 0.9 * frame["width"]
    press(desk, "F8")
    assert desk.locator("#strip .row-of-page >> nth=0").bounding_box()["width"] > 1.2 * box["width"]
    press(desk, "Enter", "Enter")
    kept = desk.locator("#strip .row-of-page >> nth=0").bounding_box()["width"]
    assert kept > 1.2 * box["width"]  # as the person looked at the row before
    press(desk, "Control+z", "Control+z", "Control+z", "Control+z")
    until(desk, "document.getElementById('which').textContent.includes('trong 2')")


def test_numbers_that_begin_anew_are_of_the_next_year(desk, books):
    opened(desk, books, LEDGER)
    said = len(cases(books, LEDGER))
    desk.keyboard.type("58")
    press(desk, "Enter")
    desk.keyboard.type("20/6")
    press(desk, "Enter")
    assert (value(desk, "number"), value(desk, "date")) == ("59", "20.06.1990")
    desk.keyboard.type("1")
    press(desk, "Enter")
    assert value(desk, "date") == "" and "1991" in desk.get_attribute("#date", "placeholder")
    desk.keyboard.type("3/1")
    press(desk, "Enter")
    changes = [event["changes"][0] for event in logged(desk, books, LEDGER, said + 2)[said:]]
    assert [(change["number"], change["date"]) for change in changes] == [("58", "1990-06-20"), ("1", "1991-01-03")]


def test_a_second_person_checks_blind_and_only_what_differs_is_decided(desk, second, books, typed):
    opened(second, books, FORMS)
    sent = []
    second.on("response", lambda answer: sent.append(answer.text()) if answer.url.endswith("check.json") else None)
    second.click("[data-mode=check]")
    until(second, "document.getElementById('progress-words').textContent.includes('gõ lại')")
    assert (value(second, "number"), value(second, "date")) == ("", "")
    assert sent and "1997-02-03" not in sent[0]
    for number in range(1, PAGES + 1):
        if number == 4:  # what is typed again by now is no more sent, and is counted still
            assert len(again(books, second, 3)) == 3  # else the page would rightly send it once more
            second.reload()
            until(second, READY)
            second.click("[data-mode=check]")
            until(second, f"document.getElementById('progress-words').textContent.includes('3 trong {PAGES}')")
            assert f"4 trong {PAGES}," in second.inner_text("#which")
        second.keyboard.type("66" if number == 6 else str(number))
        press(second, "Enter")
        second.keyboard.type("3/2" if number in (1, 4) else "3")
        press(second, "Enter")
    checked = again(books, second, PAGES)
    assert {event["by"] for event in checked} == {SECOND} and len(checked) == PAGES

    opened(desk, books, FORMS)
    desk.click("[data-mode=check]")
    until(desk, "!document.getElementById('none').hidden")  # nobody checks what they typed themselves
    desk.click("[data-mode=differ]")
    until(desk, "!document.getElementById('choices').hidden")
    assert "66" in desk.inner_text("#second-right") and "số 6," in desk.inner_text("#first-right")
    press(desk, "1")
    until(desk, "!document.getElementById('none').hidden")
    assert books.events(FORMS)[-1]["decided"] is True


def test_the_keys_stand_on_a_card_and_the_screen_needs_no_scrolling(desk, books):
    opened(desk, books, FORMS)
    for beyond in ("document.documentElement", "document.querySelector('.panel')"):
        assert desk.evaluate(f"{beyond}.scrollHeight <= {beyond}.clientHeight + 1")
    assert "/giờ" not in desk.inner_text("#progress-words")  # of eight cases a pace says nothing
    desk.keyboard.type("?")
    assert desk.is_visible("#card")
    press(desk, "Escape")
    assert not desk.is_visible("#card") and value(desk, "number") == "1"


def test_the_end_of_the_book_is_told_when_its_last_page_is_taken_out(desk, books):
    opened(desk, books, SHARED)
    said = len(cases(books, SHARED))
    for _ in range(3):
        press(desk, "ArrowDown")
    press(desk, "Control+Delete")
    until(desk, "document.getElementById('messages').textContent.includes('Đã đến cuối sổ')")
    assert logged(desk, books, SHARED, said + 1)[-1]["changes"][0]["removed"] is True
