"""Promise 12: whatever is sent as an order, the page refuses it in words, and no log has a line more."""

import http.client
import json
import time
from types import SimpleNamespace

import pytest

from tests.security.test_page import BOOK, Client
from webstation.app import desk_app

NAME, PIN = "Lê Văn Mẫu", "1357"
WITHOUT_FIELDS = {"/leave", *(f"/books/{{book}}/{order}" for order in (
    "take-off", "phone", "phone/close", "undo", "redo", "cases/undo", "pack", "verify"))}
MAY_BE_EMPTY = {"/first", "/books/{book}/facts"}  # a station that has people hears no more of it; a book may state nothing
ORDERS = sorted(route.path for route in desk_app(SimpleNamespace(people=None, cookie="none"), 1).routes
                if "POST" in (getattr(route, "methods", None) or ()) and route.path not in WITHOUT_FIELDS)
NO_OBJECTS = [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"name": NaN}', b'{"name": "\\ud800"}', b"9" * 5000,
              b"[" * 100_000, b'{"a":' * 100_000]
ODD = [None, True, -1, 2.5, 10**30, "", "x" * 5000, "9" * 5000, [], [[]], [None], {}, {"a": {}}, {"deskew": 1},
       {"deskew": {"degrees": "x"}}, {"crop": {"box": [1]}}]


@pytest.fixture(scope="module")
def known(station, small_pages):
    """A session of the station's first person, and a book with a developed image."""
    client = Client(station)
    key = station.address.partition("key=")[2]
    assert client.order("/first", {"key": key, "name": NAME, "pin": PIN}).status == 200
    assert client.enter(NAME, PIN).status == 200
    assert client.order("/books/add", {"kind": "KS", "year": 2009, "place": "14800", "volume": 1}).status == 200
    station.put(BOOK, small_pages / "IMG_12.jpg")
    station.wait_for("developed")
    return client


@pytest.fixture(scope="module")
def good(known):
    """For each order that has fields, one that would be taken."""
    page = json.loads(known.ask("GET", f"/books/{BOOK}/review.json").data)["pages"][0]
    case = json.loads(known.ask("GET", f"/books/{BOOK}/cases.json").data)["cases"][0]
    typed = {"case": case["id"], "number": "1", "date": "01.02.2009", "seen": case["version"]}
    book = {"layout": "single", "paper": "A4", "pages": 9, "cases": 9}
    drawn = {"page": page["id"], "changes": {"deskew": {"degrees": 0.5}}, "handles": {}}
    return {
        "/enter": {"name": NAME, "pin": PIN},
        "/first": {"key": "k" * 22, "name": NAME, "pin": PIN},
        "/renew": {"key": "k" * 22, "name": NAME, "pin": PIN},
        "/language": {"language": "en"},
        "/people/add": {"name": "Trần Mẫu", "pin": "2468", "role": "operator"},
        "/people/remove": {"name": "Trần Mẫu"},
        "/books/add": {"kind": "KS", "year": 2009, "place": "14800", "volume": 2, **book},
        "/books/{book}/facts": book,
        "/books/{book}/assign": {"captures": [page["capture"]]},
        "/books/{book}/scan": {"device": "none", "source": "flatbed", "dpi": 300, "mode": "colour", "paper": "A4"},
        "/books/{book}/scan/next": {"more": True},
        "/books/{book}/retake": {"capture": page["capture"]},
        "/books/{book}/phone/discard": {"sha256": "0" * 64},
        "/books/{book}/preview": {**drawn, "width": 300},
        "/books/{book}/correct": {**drawn, "reach": "page"},
        "/books/{book}/turn": {"page": page["id"], "degrees": 90, "reach": "page"},
        "/books/{book}/accept": {"pages": {page["id"]: page["seen"]}},
        "/books/{book}/mark": {"pages": [page["id"]], "role": "blank"},
        "/books/{book}/move": {"page": page["id"], "before": page["capture"]},
        "/books/{book}/swap": {"page": page["id"]},
        "/books/{book}/supersede": {"old": page["capture"], "new": page["capture"]},
        "/books/{book}/cases/save": typed,
        "/books/{book}/cases/shape": {"case": case["id"], "shape": "slip", "seen": case["version"]},
        "/books/{book}/cases/split": {"case": case["id"], "parts": 2, "seen": case["version"]},
        "/books/{book}/cases/check": typed,
        "/books/{book}/cases/decide": typed,
    }


def lines(station):
    """How long each log of the station is."""
    logs = [*station.store.glob("*.jsonl"), *station.store.glob("books/*")]
    return {path.name: path.read_bytes().count(b"\n") for path in logs}


def failures(station):
    return [line for line in station.lines if "page_failed" in line]


def raw(client, path, data):
    """The status of an order whose body is any bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    own = {"Host": client.host, "Origin": f"http://{client.host}", "X-Sohoa": client.token, "Cookie": client.cookie}
    connection.request("POST", path, data, {**own, "Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("path", ORDERS)
def test_what_is_no_object_is_refused(known, station, path):
    before = lines(station)
    assert {raw(known, path.replace("{book}", BOOK), data) for data in NO_OBJECTS} == {409}
    assert lines(station) == before
    assert failures(station) == []


@pytest.mark.parametrize("path", [path for path in ORDERS if path not in MAY_BE_EMPTY])
def test_a_field_that_is_missing_is_named(known, station, path):
    before = lines(station)
    answer = known.order(path.replace("{book}", BOOK), {})
    assert (answer.status, json.loads(answer.data)["error"]["code"]) == (409, "order_incomplete")
    assert lines(station) == before
    assert failures(station) == []


@pytest.mark.parametrize("path", ORDERS)
def test_a_field_of_another_kind_fails_nothing(known, station, good, path):
    """None is also for what a person takes back, or leaves out; and a word of any length may be somebody's name."""
    for field in good[path]:
        for odd in ODD:
            before = lines(station)
            status = known.order(path.replace("{book}", BOOK), {**good[path], field: odd}).status
            if status == 200:
                assert odd in (None, "", [], {}, True) or field == "width", (field, odd)
            else:
                assert 400 <= status < 500, (field, odd)
                assert lines(station) == before, (field, odd)
    assert failures(station) == []


def test_an_order_whose_browser_goes_away_fails_nothing(known, station):
    for sent in (b"", b"{", b'{"kind": "KS"'):
        connection = http.client.HTTPConnection("127.0.0.1", known.port, timeout=20)
        own = {"Host": known.host, "Origin": f"http://{known.host}", "X-Sohoa": known.token, "Cookie": known.cookie}
        connection.putrequest("POST", "/books/add", skip_host=True)
        for name, value in {**own, "Content-Type": "application/json", "Content-Length": "100"}.items():
            connection.putheader(name, value)
        connection.endheaders(sent)
        connection.close()
    time.sleep(0.5)
    assert known.ask("GET", "/books").status == 200
    assert failures(station) == []


@pytest.mark.parametrize("path", [
    "/static/%00", "/static/base.js%00", f"/books/{BOOK}/pages/%00.json", "/books/%00", "/books/" + "a" * 3000,
    f"/pictures/page/{'a' * 32}?w={'9' * 5000}", "/start?key=%ED%A0%80", "/words.js?language=../../x", "/?%ff=%ff"])
def test_an_address_that_is_none_fails_nothing(known, station, path):
    assert known.ask("GET", path).status < 500
    assert failures(station) == []


def test_cookies_and_headers_that_are_none_fail_nothing(known, station):
    assert known.ask("GET", "/books", Cookie=f"{known.cookie}; sohoa_language=../../etc/passwd").status == 200
    assert known.order("/people/add", {"name": "Phạm Mẫu", "pin": "8642", "role": "operator"}).status == 200
    stranger = Client(station)
    entered = stranger.order("/enter", {"name": "Phạm Mẫu", "pin": "8642"}, Cookie="sohoa_language=../x")
    session = entered.getheader("Set-Cookie").partition(";")[0]
    assert stranger.ask("GET", "/books", Cookie=session).status == 200
    connection = http.client.HTTPConnection("127.0.0.1", known.port, timeout=20)
    own = {"Host": known.host, "Cookie": known.cookie, "Last-Event-ID": "9" * 5000}
    connection.request("GET", "/events", headers=own)
    assert connection.getresponse().status == 200
    connection.close()
    assert failures(station) == []
