"""Keys for phones, the station's certificate and its addresses."""

import hashlib
import json
import os
import socket
import ssl
import stat
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.webstation.phone_client import BOOK, OTHER_BOOK, Phone, photo, station, until
from webstation.phone import doorkeeper
from webstation.phone.addresses import in_order
from webstation.phone.certificate import station_certificate
from webstation.phone.keys import Keys, Tries, Wait

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file modes")


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
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest().upper()
        assert any(fingerprint[:16] in line.replace(" ", "") for line in invited["lines"])
        phone, image = Phone(door.url(), invited["address"].partition("#")[2]), photo(1)
        phone.send(image)
        phone.wait_until(image)
        assert invited["address"].startswith("https://") and invited["code"].startswith("<svg")


def test_with_the_last_key_the_door_is_shut(tmp_path, monkeypatch):
    monkeypatch.setattr(doorkeeper, "LOOKED_S", 0.05)
    with station(tmp_path, more="  minutes: 0.02\n", with_daemon=False, key=BOOK) as door:
        assert door.phones.standing(BOOK, "vi")["open"]
        port = door.phones.port
        until(lambda: door.phones.port == 0)
        assert not door.phones.standing(BOOK, "vi")["open"]
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 1)
        door.key()
        assert door.phones.port


def test_addresses_of_a_hotspot_come_first_and_made_up_ones_last():
    found = ["172.17.0.1", "10.0.0.8", "127.0.0.1", "169.254.3.4", "10.42.0.1", "8.8.8.8", "10.0.0.8", "nonsense"]
    assert in_order(found) == ["10.42.0.1", "10.0.0.8", "172.17.0.1"]
