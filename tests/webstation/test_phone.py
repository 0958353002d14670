"""Photos from phones: cut and resumed, in their order, safe only when the log has them, once whatever happens."""

import json
import os
import random
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from capture.phone import safe_name
from originals import durable
from station import words
from tests.webstation.phone_client import BOOK, OTHER_BOOK, QUICK, Phone, digest, photo, station
from webstation.phone import guard
from webstation.phone.addresses import in_order
from webstation.phone.certificate import station_certificate
from webstation.phone.keys import Keys, Tries, Wait
from workplace import Workplace

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file modes")


@pytest.fixture
def door(tmp_path):
    with station(tmp_path) as opened:
        yield opened


@pytest.fixture
def phone(door):
    sender = Phone(door.url(), door.key())
    yield sender
    sender.close()


def test_a_photo_is_safe_when_the_log_has_it_and_not_before(tmp_path):
    image = photo(1)
    with station(tmp_path, with_daemon=False) as door:
        phone = Phone(door.url(), door.key())
        phone.send(image, "Ảnh sổ 1.jpg")
        assert phone.state(image)["photos"][digest(image)]["state"] == "waiting"
        assert phone.announce(image).json() == {"offset": len(image), "whole": True}
    with station(tmp_path) as door:
        phone = Phone(door.url(), door.key())
        told = phone.wait_until(image, states=("looked_at",))
        assert told["book"] == BOOK
        assert door.sources() == ["0001-Ảnh sổ 1.jpg"]
        begun = photo(2)
        phone.announce(begun)
        phone.patch(begun, 0, 1500, cut=True)
        until(lambda: words.status(door.workplace)["unfinished_photos"] == 1)
        assert "gửi dở" in words.in_words(words.status(door.workplace), "vi")
        assert "gửi dở" in door.phones.standing(BOOK, "vi")["words"]
        phone.send(begun)
        phone.wait_until(begun)
        assert door.workplace.store.read(digest(image), verify=True) == image
        assert words.status(door.workplace)["unfinished_photos"] == 0


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_photos_that_are_cut_at_random_points_come_in_whole_and_in_their_order(door, phone):
    chance, images = random.Random(7), [photo(seed, (256, 192)) for seed in range(6)]
    for number, image in enumerate(images, 1):
        while True:
            answer = phone.announce(image, f"IMG_{number}.jpg", number).json()
            if answer["whole"]:
                break
            here = answer["offset"]
            upto = chance.randint(here + 1, len(image) + len(image) // 4)
            phone.patch(image, here, upto, cut=upto < len(image))
    phone.wait_until(*images)
    assert door.sources() == [f"{number:04d}-IMG_{number}.jpg" for number in range(1, 7)]


def test_the_order_is_that_of_the_phone_whatever_its_clock_says(tmp_path):
    from PIL import ExifTags, Image

    images = []
    for number in range(4):
        exif = Image.Exif()
        exif[ExifTags.Base.DateTime] = f"2026:11:25 10:00:0{9 - number}"
        images.append(photo(number, exif=exif))
    with station(tmp_path, with_daemon=False) as door:
        phone = Phone(door.url(), door.key())
        for image in images:
            phone.send(image, "image.jpg")
    with station(tmp_path) as door:
        Phone(door.url(), door.key()).wait_until(*images)
        assert door.sources() == [f"{number:04d}-image.jpg" for number in range(1, 5)]


def test_heic_comes_in_as_it_is(door, phone):
    import io

    import pillow_heif
    from PIL import Image

    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.open(io.BytesIO(photo(1, (256, 192))))).save(buffer)
    phone.send(buffer.getvalue(), "IMG_0001.HEIC")
    phone.wait_until(buffer.getvalue())
    assert door.workplace.log(BOOK).state().captures[0].media == "image/heic"


def test_a_photo_that_is_all_here_but_has_not_its_place_yet_gets_it(door, phone):
    image = photo(1)
    durable.append_bytes(door.workplace.uploads / BOOK / f"{digest(image)}.part", 0, image)  # as a kill leaves it
    assert phone.announce(image).json() == {"offset": len(image), "whole": False}
    assert phone.patch(image, len(image)).status_code == 204
    phone.wait_until(image)


def test_a_full_disk_is_told_and_the_photo_goes_on_when_there_is_room(door, phone, monkeypatch):
    image = photo(1, (256, 192))
    phone.announce(image)
    phone.patch(image, 0, 5000, cut=True)
    until(lambda: door.phones.standing(BOOK, "vi")["unfinished"])
    with monkeypatch.context() as patch:
        patch.setattr("webstation.phone.uploads.free_bytes", lambda folder: 1000)
        refused = phone.announce(image, number=1)
        assert (refused.status_code, refused.json()["code"]) == (507, "no_room")
        assert "điện thoại" in refused.json()["message"]
    phone.send(image, number=1)
    phone.wait_until(image)


def test_a_photo_is_not_begun_before_the_one_before_it_has_its_end(door, phone):
    first, second = photo(1), photo(2)
    phone.announce(first)
    phone.patch(first, 0, 1500, cut=True)
    until(lambda: door.phones.standing(BOOK, "vi")["unfinished"])
    refused = phone.announce(second)
    assert (refused.status_code, refused.json()["code"], refused.json()["photo"]) == (409, "another_first", digest(first))
    other = Phone(door.url(), door.key(), session="ffffffff0000")
    other.send(photo(3), "other.jpg", number=9)
    phone.send(first, "first.jpg", number=1)
    phone.send(second, "second.jpg", number=2)
    phone.wait_until(first, second)
    assert [name for name in door.sources() if "other" not in name] == ["0001-first.jpg", "0002-second.jpg"]


def test_a_photo_that_is_given_up_leaves_nothing_and_lets_the_next_one_in(door, phone):
    first, second = photo(1), photo(2)
    phone.announce(first)
    phone.patch(first, 0, 1500, cut=True)
    until(lambda: door.phones.standing(BOOK, "vi")["unfinished"])
    url = f"/photos/{digest(first)}"
    stranger = Phone(door.url(), door.key(), session="ffffffff0000")
    assert stranger.http.delete(url, headers={"photo-session": stranger.session}).status_code == 404
    assert phone.http.delete(url, headers={"photo-session": phone.session}).status_code == 204
    assert not list(door.workplace.uploads.rglob("*.part"))
    phone.send(second)
    phone.wait_until(second)


def test_the_same_photo_twice_is_one_original(door, phone):
    image = photo(1)
    phone.send(image, "IMG_1.jpg")
    phone.wait_until(image)
    phone.send(image, "IMG_1 (1).jpg")
    other = Phone(door.url(), door.key(), session="ffffffff0000")
    other.send(image, "again.jpg")
    assert len(door.workplace.store.list()) == 1
    assert len(door.sources()) == 1


def test_a_request_that_hangs_does_not_keep_its_photo_from_going_on(door, phone):
    image = photo(1, (256, 192))
    phone.announce(image)
    url, key = door.url(), phone.http.headers["x-sohoa-key"]
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as hanging:
        hanging.sendall((f"PATCH /photos/{digest(image)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Sohoa-Key: {key}\r\n"
                         f"Upload-Offset: 0\r\nContent-Length: {len(image)}\r\n\r\n").encode() + image[:5000])
        time.sleep(0.3)
        phone.send(image)
    phone.wait_until(image)


def test_a_photo_that_was_damaged_on_its_way_is_sent_again(door, phone):
    image = photo(1)
    phone.announce(image)
    damaged = image[:-10] + bytes(10)
    answer = phone.patch(damaged, 0, sha256=digest(image))
    assert (answer.status_code, answer.json()["code"]) == (460, "differs")
    assert phone.announce(image, number=1).json()["offset"] == 0
    phone.send(image, number=1)
    phone.wait_until(image)
    assert len(door.workplace.store.list()) == 1


def test_what_is_no_image_or_too_large_is_refused(tmp_path):
    with station(tmp_path, more="  max_mb: 0.1\n") as door:
        phone, text = Phone(door.url(), door.key()), b"no image " * 1000
        phone.announce(text)
        answer = phone.patch(text, 0)
        assert (answer.status_code, answer.json()["code"]) == (415, "no_image")
        answer = phone.announce(photo(1, (512, 384)))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        phone.send(photo(2))
        phone.wait_until(photo(2))


def test_a_piece_that_does_not_go_on_where_the_last_one_ended_is_refused(door, phone):
    image = photo(1)
    phone.announce(image)
    phone.patch(image, 0, 1500, cut=True)
    until(lambda: phone.announce(image, number=1).json()["offset"] == 1500)
    for offset in (0, 20, 1501, len(image)):
        answer = phone.patch(image, offset)
        assert (answer.status_code, answer.headers["upload-offset"]) == (409, "1500")


def test_there_are_only_so_many_unfinished_photos_and_a_person_may_discard_them(tmp_path):
    with station(tmp_path, more="  most_unfinished: 2\n") as door:
        for seed, session in ((1, "aaaaaaaa"), (2, "bbbbbbbb")):
            phone = Phone(door.url(), door.key(), session=session)
            phone.announce(photo(seed))
            phone.patch(photo(seed), 0, 1500, cut=True)
        until(lambda: len(door.phones.standing(BOOK, "vi")["unfinished"]) == 2)
        third = Phone(door.url(), door.key(), session="cccccccc")
        refused = third.announce(photo(3))
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many")
        door.phones.discard(BOOK, digest(photo(1)))
        door.phones.discard(BOOK, "../../station")
        assert [item["sha256"] for item in door.phones.standing(BOOK, "vi")["unfinished"]] == [digest(photo(2))]
        third.send(photo(3), number=2)


@pytest.mark.parametrize("order", [
    {"sha256": "../../etc/passwd"}, {"sha256": "A" * 64}, {"session": "../up"}, {"session": ""}, {"number": 0},
    {"number": -1}, {"number": "x"}, {"length": 0}, {"length": -5}, {"name": "x" * 2000}, {"length": None},
])
def test_an_order_that_is_no_photo_is_refused(door, phone, order):
    assert phone.announce(photo(1), **order).status_code == 400
    assert not list(door.workplace.root.glob("uploads/**/*"))


@pytest.mark.parametrize(("name", "kept"), [
    ("../../../books/KS.jsonl", "KS.jsonl"), ("a\nb\x00.jpg", "a_b_.jpg"), ("\u202egpj.scan.jpg", "gpj.scan.jpg"),
    ("C:\\fakepath\\IMG.HEIC", "IMG.HEIC"), ("x" * 400 + ".jpg", "x" * 120 + ".jpg"), ("..", "photo"), ("", "photo"),
    (".part", "part"), ("IMG.part", "IMG_part"), ("~$IMG.jpg", "IMG.jpg"), ("Ảnh.jpg", "Ảnh.jpg"),
    ("<script>alert(1)</script>.jpg", "script_.jpg"),
])
def test_a_name_is_data_and_never_a_path(name, kept):
    assert safe_name(name) == kept


def test_a_photo_of_any_name_lands_in_its_book(door, phone):
    names = ["../../up.jpg", "a/b/c.jpg", "..", "CON", "IMG.part", "\u202egpj.exe", "é" * 300 + ".jpg"]
    images = [photo(seed) for seed in range(len(names))]
    for image, name in zip(images, names, strict=True):
        phone.send(image, name)
    phone.wait_until(*images)
    assert len(door.sources()) == len(names)
    outside = [path for path in door.workplace.root.parent.iterdir() if path.name not in ("store", "own.yaml")]
    assert outside == []


def test_a_retake_takes_the_place_of_the_photo_that_the_same_phone_sent(door, phone):
    images = [photo(seed) for seed in range(3)]
    for image in images:
        phone.send(image, "IMG.jpg")
    phone.wait_until(*images)
    other = Phone(door.url(), door.key(), session="ffffffff0000")
    assert other.state(retakes={digest(images[2]): digest(images[0])})["replaced"] == []
    assert len(door.sources()) == 3
    assert phone.state(retakes={digest(images[2]): digest(images[0])})["replaced"] == [digest(images[2])]
    phone.state(retakes={digest(images[2]): digest(images[0])})
    assert door.sources() == ["0003-IMG.jpg", "0002-IMG.jpg"]


def test_a_photo_that_cannot_be_read_is_told_in_words(door, phone):
    broken = photo(1, (256, 192))[:9000]
    phone.send(broken)
    told = phone.wait_until(broken, states=("set_aside",))["photos"][digest(broken)]
    assert "thiếu" in told["findings"][0]
    assert digest(broken) in door.workplace.store.list()


def test_an_unsharp_photo_is_told_at_once(door, phone):
    import io

    from PIL import Image, ImageFilter

    page = Image.open(ROOT / "samples/pages/forms-2009/IMG_20240612_141907.jpg").convert("RGB")
    buffer = io.BytesIO()
    page.filter(ImageFilter.GaussianBlur(9)).save(buffer, "JPEG", quality=80)
    phone.send(buffer.getvalue())
    told = phone.wait_until(buffer.getvalue(), states=("looked_at",), seconds=90)["photos"][digest(buffer.getvalue())]
    assert any("mờ" in words or "nhòe" in words for words in told["findings"])


SCRIPT = """
import sys, time
from pathlib import Path
from settings import load
from station.scanning import Receiver
from webstation.phone.doorkeeper import Phones
from workplace import Workplace

def run():
    place, settings = Workplace(Path(sys.argv[1]) / "store"), load(Path(sys.argv[1]) / "own.yaml")
    with Receiver(place, settings, lambda event, **facts: None):
        phones = Phones(place, settings)
        phones.open_again()
        print("" if phones.port else phones.invite("KS.2009.14800.01", "T", "vi")["address"], flush=True)
        time.sleep(600)

if __name__ == "__main__":
    run()
"""


class Killable:
    """A station in a process of its own, that is killed and started again."""

    def __init__(self, folder, port):
        self._folder, self._link = folder, ""
        (folder / "own.yaml").write_text(QUICK.format(port=port, tls="false", more=""))
        (folder / "run.py").write_text(SCRIPT)
        self.start()
        self.phone = Phone(f"http://127.0.0.1:{port}", self._link.partition("#")[2])

    def start(self):
        self._process = subprocess.Popen([sys.executable, str(self._folder / "run.py"), str(self._folder)], text=True,
                                         stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
        self._link = self._process.stdout.readline().strip() or self._link

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.phone.close()
        self.kill()


def send_whatever_happens(phone, image, number):
    """As the page's script does: ask what is there, go on from it, until it is whole."""
    while True:
        try:
            answer = phone.announce(image, f"IMG_{number}.jpg", number)
            if answer.status_code == 200:
                known = answer.json()
                if known["whole"] or phone.patch(image, known["offset"]).status_code == 204:
                    return
        except httpx.TransportError:
            time.sleep(0.05)


def test_an_upload_goes_on_after_the_station_was_killed(tmp_path):
    image = photo(1, (256, 192))
    with Killable(tmp_path, 18643) as station:
        phone, part = station.phone, tmp_path / "store" / "uploads" / BOOK / f"{digest(image)}.part"
        phone.announce(image)
        phone.patch(image, 0, 20_000, cut=True)
        until(part.exists)
        station.kill()
        station.start()
        assert phone.announce(image, number=1).json() == {"offset": 20_000, "whole": False}
        assert phone.patch(image, 20_000).status_code == 204
        phone.wait_until(image)


def test_photos_come_in_once_and_in_order_however_often_the_station_is_killed(tmp_path):
    chance, images = random.Random(3), [photo(seed, (700, 500)) for seed in range(int(os.environ.get("SOHOA_PHOTOS", 12)))]
    with Killable(tmp_path, 18644) as station:
        def send_all():
            for number, image in enumerate(images, 1):
                send_whatever_happens(station.phone, image, number)

        sender = threading.Thread(target=send_all)
        sender.start()
        kills = 0
        while sender.is_alive() or kills < 3:
            time.sleep(chance.uniform(0.05, 0.6))
            station.kill()
            station.start()
            kills += 1
            if kills >= 3:
                sender.join(chance.uniform(0.3, 1.5))
        station.phone.wait_until(*images, seconds=60)
        captures = Workplace(tmp_path / "store").log(BOOK).state().captures
        assert [Path(capture.source).name for capture in captures] == [f"{number:04d}-IMG_{number}.jpg"
                                                                       for number in range(1, len(images) + 1)]
        assert sorted(Workplace(tmp_path / "store").store.list()) == sorted(map(digest, images))


def test_a_body_that_comes_in_drops_is_cut_and_what_came_is_kept(door, phone, monkeypatch):
    monkeypatch.setattr(guard, "SLOW_S", 0.5)
    image = photo(1, (256, 192))
    phone.announce(image)

    def drops():
        for at in range(0, 8000, 400):
            yield image[at : at + 400]
            time.sleep(0.1)

    with suppress(httpx.TransportError):  # the answer may be lost with the connection
        answer = phone.http.patch(f"/photos/{digest(image)}", content=drops(),
                                  headers={"upload-offset": "0", "content-length": str(len(image))})
        assert answer.status_code == 408
    here = phone.announce(image, number=1).json()["offset"]
    assert 1024 <= here < 8000
    phone.send(image, number=1)
    phone.wait_until(image)


# --- keys, certificate, addresses ------------------------------------------------------------------------------


def test_a_key_is_valid_for_its_time_and_longer_while_it_is_used(tmp_path):
    now = [1000.0]
    keys = Keys(tmp_path / "keys.json", 30, lambda: now[0])
    key = keys.issue(BOOK)
    now[0] += 29 * 60
    assert keys.book(key, "10.0.0.1") == BOOK
    keys.prolong(key)
    now[0] += 29 * 60
    assert keys.book(key, "10.0.0.1") == BOOK
    now[0] += 2 * 60
    assert keys.book(key, "10.0.0.1") is None
    keys.prolong(key)
    assert keys.book(key, "10.0.0.1") is None
    assert keys.minutes_left() == {}


def test_keys_are_known_by_their_digests_alone_and_after_a_restart(tmp_path):
    keys = Keys(tmp_path / "keys.json", 30)
    key, revoked = keys.issue(BOOK), keys.issue(OTHER_BOOK)
    keys.revoke(OTHER_BOOK)
    text = (tmp_path / "keys.json").read_text()
    assert key not in text and key not in repr(vars(keys)) and revoked not in text
    again = Keys(tmp_path / "keys.json", 30)
    assert (again.book(key, "a"), again.book(revoked, "a")) == (BOOK, None)
    (tmp_path / "keys.json").write_text(json.dumps([{"digest": "x", "book": BOOK, "until": time.time() + 10**9}]))
    assert Keys(tmp_path / "keys.json", 30).minutes_left()[BOOK] <= 30


def test_wrong_keys_are_heard_ever_more_seldom_and_take_no_memory():
    now = [0.0]
    tries, pauses = Tries(lambda: now[0]), []
    for _ in range(12):
        tries.note("10.0.0.1", False)
        try:
            tries.check("10.0.0.1")
            pauses.append(0)
        except Wait as wait:
            pauses.append(wait.seconds)
            now[0] += wait.seconds
    assert pauses[:4] == [0] * 4 and pauses == sorted(pauses) and pauses[-1] >= 60
    tries.check("10.0.0.2")
    for number in range(10_000):
        tries.note(f"10.1.{number // 250}.{number % 250}", False)
    assert len(tries._wrong) <= 1000


@posix
def test_the_private_key_and_the_keys_are_for_the_program_alone(tmp_path):
    with station(tmp_path, tls=True, with_daemon=False) as door:
        door.key()
        for name in ("key.pem", "certificate.pem", "keys.json"):
            assert stat.S_IMODE((door.workplace.root / "phone" / name).stat().st_mode) == 0o600


def test_a_certificate_is_kept_while_it_fits_and_made_anew_when_it_does_not(tmp_path):
    now = datetime(2027, 1, 1, tzinfo=UTC)
    first = station_certificate(tmp_path, ["192.168.1.5", "trạm".encode("idna").decode(), "may.local"], now)
    assert station_certificate(tmp_path, ["192.168.1.5"], now + timedelta(days=300)).fingerprint == first.fingerprint
    moved = station_certificate(tmp_path, ["10.42.0.1"], now)
    assert moved.fingerprint != first.fingerprint
    assert station_certificate(tmp_path, ["192.168.1.5"], now).fingerprint == moved.fingerprint  # both places are known
    assert station_certificate(tmp_path, ["10.42.0.1"], now + timedelta(days=710)).fingerprint != moved.fingerprint
    (tmp_path / "key.pem").write_bytes(b"torn")
    assert station_certificate(tmp_path, ["10.42.0.1"], now).fingerprint


def test_phones_are_answered_under_the_certificate(tmp_path):
    with station(tmp_path, tls=True) as door:
        port = door.phones.port
        invited = door.phones.invite(BOOK, "T", "vi")
        shown = ssl.get_server_certificate(("127.0.0.1", port))
        import hashlib

        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest().upper()
        assert any(fingerprint[:16] in line.replace(" ", "") for line in invited["lines"])
        phone, image = Phone(door.url(), invited["address"].partition("#")[2]), photo(1)
        phone.send(image)
        phone.wait_until(image)
        assert invited["address"].startswith("https://") and invited["code"].startswith("<svg")


def test_addresses_of_a_hotspot_come_first_and_made_up_ones_last():
    found = ["172.17.0.1", "10.0.0.8", "127.0.0.1", "169.254.3.4", "10.42.0.1", "8.8.8.8", "10.0.0.8", "nonsense"]
    assert in_order(found) == ["10.42.0.1", "10.0.0.8", "172.17.0.1"]
