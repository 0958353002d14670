"""Promise 13: a phone may add, and nothing else. The door is that of a real station, whoever knocks a stranger."""

import json
import socket
import threading
import time

import httpx
import pytest

from tests.webstation.phone_client import BOOK, OTHER_BOOK, Phone, digest, photo

MB = 1 << 20
REFUSED = {"malformed", "key", "wait"}


def originals(door):
    return door.workplace.store.list()


def orders(phone, image):
    """Everything that can be asked of a door, as a phone with a key would."""
    yield lambda: phone.announce(image)
    yield lambda: phone.patch(image, 0)
    yield lambda: phone.http.post("/state", json={"photos": [digest(image)]})
    yield lambda: phone.http.delete(f"/photos/{digest(image)}", headers={"photo-session": phone.session})


@pytest.mark.parametrize("key", ["", "x", "A" * 22, "A" * 100_00, "../..", "\xe9" * 22])
def test_nothing_is_taken_or_told_without_the_key(door, key):
    image = photo(1)
    stranger = Phone(door.url(), "")
    stranger.http.headers = httpx.Headers([(b"x-sohoa-key", key.encode("latin-1"))])
    for order in orders(stranger, image):
        answer = order()
        assert (answer.status_code, answer.json()["code"]) == (403, "key")
        assert BOOK not in answer.text
    assert originals(door) == [] and not list(door.workplace.root.glob("uploads/**/*"))


def test_an_old_key_and_one_that_was_revoked_open_nothing(door):
    image, key = photo(1), door.key()
    phone = Phone(door.url(), key)
    assert phone.announce(image).status_code == 200
    other = door.key(OTHER_BOOK)  # or the door would be shut with its last key
    door.phones.revoke(BOOK)
    answers = {(answer.status_code, answer.content) for answer in (order() for order in orders(phone, image))}
    never = Phone(door.url(), "never-a-key", address="127.0.0.9").announce(image)
    assert answers == {(403, never.content)}
    assert Phone(door.url(), other).announce(image).status_code == 200
    held = door.phones._keys._held
    for name in list(held):
        held[name] = type(held[name])(held[name].book, time.monotonic() - 1)
    assert Phone(door.url(), other, address="127.0.0.10").announce(image).status_code == 403


def test_the_key_of_another_book_shows_and_changes_nothing_of_this_one(door, phone):
    image, begun = photo(1), photo(2)
    phone.send(image)
    phone.wait_until(image)
    phone.announce(begun)
    phone.patch(begun, 0, 1500, cut=True)
    other = Phone(door.url(), door.key(OTHER_BOOK), session=phone.session)
    assert other.state(image)["photos"][digest(image)]["state"] == "absent"
    assert other.state(image)["book"] == OTHER_BOOK
    assert other.http.delete(f"/photos/{digest(begun)}", headers={"photo-session": phone.session}).status_code == 404
    assert other.patch(begun, 1500).status_code == 404
    assert other.announce(begun).json() == {"offset": 0, "whole": False}
    before = door.workplace.log(BOOK).events()
    other.state(retakes={digest(image): digest(begun)})
    assert door.workplace.log(BOOK).events() == before


PATHS = ["/books", "/books.json", f"/books/{BOOK}/review.json", "/events", "/words.js", "/static/base.js",
         "/static/../app.py", "/..%2f..%2fstore.json", "/phone.js/..%2f..%2fapp.py", "//etc/passwd",
         "/%2e%2e/%2e%2e/etc/passwd", "/photos", "/photos/", f"/photos/{'0' * 64}", "/state", "/p/key", "/favicon.ico",
         "/openapi.json", "/docs", "/people", "/enter", f"/books/{BOOK}/pictures/original/abcd1234", "/pictures/page/abc",
         "/start", "/phone.html", "/vi/", "/photos/../state"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "TRACE"])
def test_there_is_nothing_else_behind_the_door(phone, method):
    for path in PATHS:
        answer = phone.http.request(method, path)
        assert (answer.status_code, answer.content) == (404, b""), path
    assert phone.http.get("/").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:1",
                                  "127.0.0.1", "", "127.0.0.1:{port}@evil.example"])
def test_another_name_for_this_computer_is_refused(door, phone, host):
    for path in ("/", "/phone.js"):
        answer = phone.http.get(path, headers={"host": host.format(port=door.phones.port)})
        assert answer.status_code in (400, 404) and b"sohoa" not in answer.content


def test_answers_are_strict_and_the_page_says_nothing_of_the_station(phone):
    for path in ("/", "/en", "/phone.js", "/state"):
        answer = phone.http.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers and "server" not in answer.headers
        assert BOOK not in answer.text and str(phone.http.headers["x-sohoa-key"]) not in answer.text


def test_two_gigabytes_are_refused_before_they_come(door, phone):
    image = photo(1)
    answer = phone.announce(image, length=2 << 30)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    phone.announce(image, number=1)
    port, key = door.phones.port, phone.http.headers["x-sohoa-key"]
    sent, started = 0, time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(f"PATCH /photos/{digest(image)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Sohoa-Key: {key}\r\n"
                     f"Upload-Offset: 0\r\nContent-Length: {2 << 30}\r\n\r\n".encode())
        try:
            while sent < 64 * MB:
                sent += line.send(bytes(64 * 1024))
        except OSError:
            pass
    assert sent < 16 * MB and time.monotonic() - started < 10
    assert not list(door.workplace.uploads.rglob("*.part"))


def test_a_body_without_a_length_is_cut_where_the_photo_ends(door, phone):
    image = photo(1)
    phone.announce(image)

    def endless():
        yield image
        while True:
            yield bytes(64 * 1024)

    with pytest.raises(httpx.HTTPError):
        phone.http.patch(f"/photos/{digest(image)}", content=endless(), headers={"upload-offset": "0"}).raise_for_status()
    parts = [path.stat().st_size for path in door.workplace.uploads.rglob("*.part")]
    assert sum(parts) <= len(image)


def test_orders_without_end_are_cut(phone):
    def endless():
        yield b'{"photos": ["'
        while True:
            yield b"0" * 10_000

    for path in ("/state", "/photos"):
        with pytest.raises(httpx.HTTPError):
            phone.http.post(path, content=endless()).raise_for_status()


def test_thousands_of_wrong_keys_are_refused_and_others_go_on(door):
    """How quickly a phone with a key is answered meanwhile is told by `benchmarks/phones.py`."""
    refused, running = [], threading.Event()

    def knock(address, tries):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address), base_url=door.url(), timeout=30) as client:
            for number in range(tries):
                try:
                    answer = client.post("/state", headers={"x-sohoa-key": f"{number:022d}"}, content=b"{}")
                    refused.append(answer.status_code)
                except httpx.TransportError:
                    refused.append(0)
                running.set()

    knockers = [threading.Thread(target=knock, args=(f"127.0.1.{number}", 500)) for number in range(1, 5)]
    for knocker in knockers:
        knocker.start()
    running.wait(10)
    phone, images = Phone(door.url(), door.key(), address="127.0.0.7"), [photo(seed) for seed in range(5)]
    for image in images:
        phone.send(image)
    for knocker in knockers:
        knocker.join()
    phone.wait_until(*images)
    assert set(refused) <= {0, 403, 429} and 20 <= refused.count(403) < 100 and refused.count(0) > 1000
    assert len(originals(door)) == 5


def test_many_silent_connections_keep_nobody_out(door):
    port, image = door.phones.port, photo(1)
    silent = []
    try:
        for number in range(400):
            line = socket.socket()
            line.bind((f"127.0.2.{1 + number % 3}", 0))
            line.connect(("127.0.0.1", port))
            line.send(b"POST /state HTTP/1.1\r\n")
            silent.append(line)
        phone = Phone(door.url(), door.key(), address="127.0.0.7")
        phone.send(image)
        phone.wait_until(image)
    finally:
        for line in silent:
            line.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"photos": 5}', b'{"photos": [[1]], "retakes": []}', b"\xff\xfe",
                                  b'{"photos": ["' + b"0" * 64 + b'"' + b', "x"' * 200 + b"]}", b"{" * 5000, b"[" * 9000,
                                  b'{"photos": {}, "length": Infinity, "number": 1, "session": "a1b2c3d4", "sha256": "'
                                  + b"0" * 64 + b'"}'])
def test_an_order_that_is_none_breaks_nothing(phone, body):
    for path in ("/state", "/photos"):
        answer = phone.http.post(path, content=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] in REFUSED
    assert phone.state()["book"] == BOOK


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "9" * 30, "x", "٣", "9" * 5000])
def test_a_piece_that_belongs_nowhere_is_refused(phone, offset):
    image = photo(1)
    phone.announce(image)
    answer = phone.http.patch(f"/photos/{digest(image)}", content=image, headers={"upload-offset": offset.encode()})
    assert answer.status_code in (400, 409)


def test_what_a_phone_adds_is_all_that_changes(door, phone):
    before = {path: path.read_bytes() for path in (door.workplace.root / "books").iterdir()}
    image = photo(1)
    phone.send(image)
    phone.wait_until(image, states=("looked_at",))
    for path, content in before.items():
        now = path.read_bytes()
        assert now.startswith(content)
        added = [json.loads(line)["event"] for line in now[len(content):].decode().splitlines()]
        assert added == (["received"] if path.stem == BOOK else [])
