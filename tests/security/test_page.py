"""Promise 12: the station's page lets nobody in, and what comes from outside stays inert."""

import http.client
import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.stations import SCREEN

ROOT = Path(__file__).parents[2]
BOOK = "KS.2009.14800.01"


class Client:
    """Plain requests, with nothing but what a test says."""

    def __init__(self, station):
        self.port = int(station.root.rpartition(":")[2])
        self.host = f"127.0.0.1:{self.port}"
        self.cookie = self.token = ""

    def ask(self, method, path, body=None, **headers):
        plain = {"Host": self.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie:
            plain.setdefault("Cookie", self.cookie)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        data = json.dumps(body).encode() if body is not None else b""
        if body is not None:
            plain = {"Content-Type": "application/json", "Content-Length": str(len(data)), **plain}
        for name, value in plain.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(data)
        response = connection.getresponse()
        response.data = response.read()
        connection.close()
        return response

    def order(self, path, body, **headers):
        """As the page itself sends it."""
        return self.ask("POST", path, body, **{"Origin": f"http://{self.host}", "X_Sohoa": self.token, **headers})

    def enter(self, name, pin):
        answer = self.order("/enter", {"name": name, "pin": pin})
        if answer.status == 200:
            self.cookie = answer.getheader("Set-Cookie").partition(";")[0]
            page = self.ask("GET", "/books").data.decode()
            self.token = page.partition('data-token="')[2].partition('"')[0]
        return answer


@pytest.fixture(scope="module")
def known(station):
    """The station with its first person, and a session of theirs."""
    client = Client(station)
    key = station.address.partition("key=")[2]
    first = client.order("/first", {"key": key, "name": "Lê Văn Mẫu", "pin": "1357"})
    assert first.status == 200
    assert client.enter("Lê Văn Mẫu", "1357").status == 200 and client.token
    assert client.order("/books/add", {"kind": "KS", "year": 2009, "place": "14800", "volume": 1}).status == 200
    return client


@pytest.fixture
def stranger(station, known):
    return Client(station)


READS = ["/books", "/books.json", f"/books/{BOOK}/capture", f"/books/{BOOK}/capture.json", f"/books/{BOOK}/review",
         f"/books/{BOOK}/review.json", f"/books/{BOOK}/cases", f"/books/{BOOK}/pack.json", f"/books/{BOOK}/cover.pdf",
         "/people", "/devices.json", "/events", f"/books/{BOOK}/pictures/original/abcd1234", f"/pictures/page/{'0' * 32}"]
ORDERS = ["/books/add", f"/books/{BOOK}/pack", f"/books/{BOOK}/scan", f"/books/{BOOK}/retake", f"/books/{BOOK}/phone",
          "/people/add", "/leave", f"/books/{BOOK}/correct", f"/books/{BOOK}/accept"]
HOW = ["no token", "old token", "no origin", "other origin", "null origin", "other scheme", "cross-site", "form"]


@pytest.mark.parametrize("host", [
    "evil.example", "127.0.0.1", "127.0.0.1:80", "localhost", "127.0.0.1:{port}.evil.example",
    "localhost:{port}.evil.example", "127.0.0.1.evil.example:{port}", "evil.example:{port}", "user@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil.example", "2130706433:{port}", "127.1:{port}", "0.0.0.0:{port}", "", "127.0.0.1:{port} ", None])
def test_another_name_for_this_computer_is_refused_whatever_it_begins_with(known, host):
    wanted = host.format(port=known.port) if host is not None else None
    if wanted is not None and wanted.strip() == known.host:
        pytest.skip("HTTP takes the space away: it is our own name")
    for path in ("/", "/books", "/static/base.js", "/events"):
        answer = known.ask("GET", path, Host=wanted)
        assert answer.status in (400, 421)
        assert b"sohoa" not in answer.data


def test_two_hosts_are_refused(known):
    with socket.create_connection(("127.0.0.1", known.port)) as line:
        hosts = f"Host: {known.host}\r\nHost: evil.example\r\n"
        line.sendall(f"GET /books HTTP/1.1\r\n{hosts}Cookie: {known.cookie}\r\n\r\n".encode())
        assert line.recv(200).split()[1] in (b"400", b"421")


@pytest.mark.parametrize("path", READS)
def test_nothing_is_shown_without_a_session(stranger, path):
    answer = stranger.ask("GET", path, Cookie=f"sohoa-{stranger.port}=abcdef")
    assert answer.status in (303, 401)
    assert BOOK.encode() not in answer.data


@pytest.mark.parametrize("path", ORDERS)
def test_no_order_is_taken_without_a_session(stranger, path, station):
    before = station.events(BOOK)
    assert stranger.order(path, {}).status == 401
    assert station.events(BOOK) == before


@pytest.mark.parametrize("path", ORDERS)
@pytest.mark.parametrize("how", HOW)
def test_an_order_of_another_page_is_refused(known, path, how, station):
    headers = {"no token": {"X_Sohoa": None}, "old token": {"X_Sohoa": "A" * 22}, "no origin": {"Origin": None},
               "other origin": {"Origin": f"http://evil.example:{known.port}"}, "null origin": {"Origin": "null"},
               "other scheme": {"Origin": f"https://{known.host}"}, "cross-site": {"Sec_Fetch_Site": "cross-site"},
               "form": {"Content_Type": "text/plain"}}[how]
    before = station.events(BOOK)
    assert known.order(path, {}, **headers).status in (403, 409)
    assert station.events(BOOK) == before
    assert known.ask("GET", "/books").status == 200  # the session lives


def test_pictures_and_data_are_not_given_to_other_sites(known):
    for path in (f"/books/{BOOK}/capture.json", f"/books/{BOOK}/pictures/original/abcd1234", "/events", "/words.js"):
        for site in ("cross-site", "same-site"):
            assert known.ask("GET", path, Sec_Fetch_Site=site).status == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_do_nothing(known, method):
    answer = known.ask(method, "/books", Origin=f"http://{known.host}", X_Sohoa=known.token)
    assert answer.status in (400, 403, 405)
    assert not answer.getheader("Access-Control-Allow-Origin")


def test_the_page_cannot_be_framed_sniffed_or_kept(known):
    for path in ("/", "/books", f"/books/{BOOK}/capture", "/books.json", "/nowhere", "/static/base.js"):
        answer = known.ask("GET", path)
        policy = answer.getheader("Content-Security-Policy")
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.getheader("X-Frame-Options") == "DENY"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("Cache-Control") in ("no-store", "no-cache")
        assert answer.getheader("Server") is None


def test_the_session_is_out_of_reach_of_scripts_and_other_sites(station, known):
    cookie = Client(station).order("/enter", {"name": "Lê Văn Mẫu", "pin": "1357"}).getheader("Set-Cookie").lower()
    assert "httponly" in cookie and "samesite=strict" in cookie


@pytest.mark.parametrize("path", [
    "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/%2e%2e%2f%2e%2e%2fconfig.yaml",
    "/static//etc/passwd", "/static/....//app.py", "/static/base.js%00.html", "/books/../../etc/passwd",
    "/books/..%2f..%2fetc%2fpasswd/capture",
    "/pictures/page/..%2f..%2fstation", f"/pictures/page/{'../' * 8}etc/passwd", "/pictures/page/" + "a" * 31,
    f"/books/{BOOK}%2f..%2funsorted/capture", "/books/KS.2009.14800.1/capture", "/books/KS.2009.14800.01%0a/capture"])
def test_no_path_leads_out(known, path):
    answer = known.ask("GET", path)
    assert answer.status in (303, 400, 404, 405), answer.data[:200]
    assert b"root:" not in answer.data and b"import" not in answer.data


def test_a_pin_cannot_be_tried_without_end(station, known):
    client = Client(station)
    client.order("/people/add", {})
    assert known.order("/people/add", {"name": "Bị Thử", "pin": "9753", "role": "operator"}).status == 200
    tries = [client.order("/enter", {"name": "Bị Thử", "pin": f"{number:04}"}) for number in range(6)]
    codes = [json.loads(answer.data)["error"]["code"] for answer in tries]
    assert codes[:3] == ["person_wrong_pin"] * 3 and "person_wait" in codes
    right = client.order("/enter", {"name": "Bị Thử", "pin": "9753"})  # not even the right one is heard meanwhile
    assert right.status == 409 and not right.getheader("Set-Cookie")


def test_an_old_start_link_and_a_second_first_person_are_refused(station, known):
    client = Client(station)
    assert b'data-order="/first"' not in client.ask("GET", station.address.partition(client.host)[2]).data
    assert client.ask("GET", "/start?key=AAAAAAAAAAAAAAAAAAAAAA").status == 409
    key = station.address.partition("key=")[2]
    assert client.order("/first", {"key": key, "name": "Kẻ Lạ", "pin": "1111"}).status == 409


def test_an_operator_cannot_make_themselves_a_checker(station, known):
    assert known.order("/people/add", {"name": "Trần Mẫu", "pin": "4444", "role": "operator"}).status == 200
    client = Client(station)
    assert client.enter("Trần Mẫu", "4444").status == 200
    own = {"name": "Trần Mẫu", "pin": "5555", "role": "checker"}
    assert client.order("/people/add", own).status == 200  # a new PIN of one's own, and no new role
    page = client.ask("GET", "/people").data.decode()
    assert page.count("/people/remove") == 0
    assert client.order("/people/remove", {"name": "Lê Văn Mẫu"}).status == 409
    assert client.order("/people/add", {"name": "Lê Văn Mẫu", "pin": "5555"}).status == 409


def test_a_station_keeps_a_checker(known):
    assert known.order("/people/add", {"name": "Vũ Mẫu", "pin": "7777", "role": "operator"}).status == 200
    answer = known.order("/people/remove", {"name": "Lê Văn Mẫu"})
    assert (answer.status, json.loads(answer.data)["error"]["code"]) == (409, "person_last")
    own = {"name": "Lê Văn Mẫu", "pin": "1357", "role": "operator"}
    assert known.order("/people/add", own).status == 200  # a new PIN takes nobody's role away
    assert "/people/remove" in known.ask("GET", "/people").data.decode()
    assert known.order("/people/remove", {"name": "Vũ Mẫu"}).status == 200


def test_a_body_without_end_is_cut_off(known):
    connection = http.client.HTTPConnection("127.0.0.1", known.port, timeout=20)
    connection.putrequest("POST", "/books/add", skip_host=True)
    own = {"Host": known.host, "Origin": f"http://{known.host}", "X-Sohoa": known.token, "Cookie": known.cookie}
    for name, value in {**own, "Content-Type": "application/json", "Content-Length": str(2 << 30)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for _ in range(64):
            connection.send(b" " * (1 << 20))
    except OSError:
        pass
    else:
        assert connection.getresponse().status in (409, 413)
    assert known.ask("GET", "/books").status == 200


def test_what_is_planted_in_names_is_shown_as_it_is(browser_page, station, known):
    """A person's, a file's and an EXIF text with script in it: shown as words, run by nobody."""
    from PIL import Image

    trap = "<img src=x onerror=document.title='caught'>"
    folder = station.inbox / BOOK
    folder.mkdir(parents=True, exist_ok=True)
    name = trap.replace("/", "") + ".jpg"
    with Image.open(ROOT / "samples" / "pages" / "forms-2009" / "EPSON031.jpg") as image:
        image.thumbnail((1200, 1200))
        exif = image.getexif()
        exif[0x010F] = exif[0x0110] = trap  # maker and model
        image.save(folder / name, exif=exif)
    shutil.copy(ROOT / "README.md", folder / (trap.replace("/", "") + ".png"))
    assert known.order("/people/add", {"name": trap.replace("/", ""), "pin": "4321", "role": "operator"}).status == 200
    station.wait_for("developed")
    page = browser_page
    screens = [f"/books/{BOOK}/{name}" for name in ("capture", "review", "cases", "pack")]
    for path in ("/people", *screens, "/books"):
        page.goto(station.root + path)
        page.wait_for_timeout(700)
        assert page.title() != "caught"
        assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    page.goto(station.root + f"/books/{BOOK}/capture")
    page.wait_for_selector("#past button")
    assert "onerror=document.title" in page.inner_text("#which")


@pytest.fixture
def browser_page(browser, station, known):
    page = browser.new_context(viewport=SCREEN).new_page()
    page.goto(station.root)
    page.check("input[value='Lê Văn Mẫu']")
    page.fill("#pin", "1357")
    page.keyboard.press("Enter")
    page.wait_for_url("**/books")
    yield page
    page.context.close()


def test_only_who_could_start_the_program_renews_the_pin_of_a_checker(station, known):
    client = Client(station)
    key = station.address.partition("key=")[2]
    assert known.order("/people/add", {"name": "Phạm Mẫu", "pin": "1212", "role": "checker"}).status == 200
    assert client.enter("Phạm Mẫu", "1212").status == 200
    stranger = Client(station)
    assert stranger.order("/renew", {"key": "A" * 22, "name": "Phạm Mẫu", "pin": "3434"}).status == 409
    assert stranger.order("/renew", {"key": key, "name": "Trần Mẫu", "pin": "3434"}).status == 409  # no checker
    assert client.ask("GET", "/books").status == 200
    assert stranger.order("/renew", {"key": key, "name": "Phạm Mẫu", "pin": "3434"}).status == 200
    assert client.ask("GET", "/books").status in (303, 401)  # whoever was in with the old one is out
    assert stranger.enter("Phạm Mẫu", "3434").status == 200
