"""A station with its door for phones open, and a phone that sends photos to it as the page's script does."""

import hashlib
import io
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from settings import load
from station import shelf
from station.scanning import Receiver
from webstation.phone.doorkeeper import Phones
from workplace import Workplace

QUICK = ("general:\n  jobs: 1\nwatch:\n  quiet_s: 0.3\n  longest_s: 1\n  patience_s: 2\n  scan_s: 2\n  poll_s: 0.5\n"
         "  min_free_mb: 0\nphone:\n  port: {port}\n  tls: {tls}\n{more}")
BOOK, OTHER_BOOK = "KS.2009.14800.01", "KH.1990.14800.02"


def photo(seed, size=(64, 48), **save):
    """A JPEG that no other seed gives."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(buffer, "JPEG", **save)
    return buffer.getvalue()


def digest(data):
    return hashlib.sha256(data).hexdigest()


@dataclass
class Door:
    """What tests work with. `told` are the events of the daemon, `came` those of the door."""

    workplace: Workplace
    phones: Phones
    told: list = field(default_factory=list)
    came: list = field(default_factory=list)

    def url(self, host="127.0.0.1"):
        return f"{'https' if self.phones._params.tls else 'http'}://{host}:{self.phones.port}"

    def key(self, book=BOOK):
        """A key as the code on the screen has it."""
        return self.phones.invite(book, "Người Thử", "vi")["address"].partition("#")[2]

    def sources(self, book=BOOK):
        """The names under which photos stand in a book's log, in the order of its pages."""
        return [Path(capture.source).name for capture in self.workplace.log(book).state().current]


@contextmanager
def station(folder, tls=False, more="", with_daemon=True, key=OTHER_BOOK):
    """A station of two books in `folder`, whose door for phones is open with a key for one of them."""
    folder.mkdir(exist_ok=True)
    (folder / "own.yaml").write_text(QUICK.format(port=0, tls=str(tls).lower(), more=more))
    workplace, settings = Workplace(folder / "store"), load(folder / "own.yaml")
    for book in (BOOK, OTHER_BOOK):
        from book import Identity

        shelf.add(workplace, Identity.parse(book), {})
    told, came = [], []
    phones = Phones(workplace, settings, lambda event, **facts: came.append((event, facts)))
    phones.invite(key, "Người Thử", "vi")
    door = Door(workplace, phones, told, came)
    try:
        if with_daemon:
            with Receiver(workplace, settings, lambda event, **facts: told.append((event, facts))):
                yield door
        else:
            yield door
    finally:
        phones.close()


class Phone:
    """A phone with a key. It may be told to lose its connection after so many bytes of a photo."""

    def __init__(self, url, key, session="a1b2c3d4e5f6", address=None):
        self.session, self.number = session, 0
        transport = httpx.HTTPTransport(verify=False, local_address=address)
        self.http = httpx.Client(base_url=url, headers={"x-sohoa-key": key}, transport=transport, timeout=30)

    def announce(self, data, name="IMG_1.jpg", number=None, **changes):
        self.number += 1
        order = {"session": self.session, "number": self.number if number is None else number, "sha256": digest(data),
                 "length": len(data), "name": name, **changes}
        return self.http.post("/photos", json=order)

    def patch(self, data, offset, upto=None, sha256=None, cut=False):
        """Send from `offset` on; with `cut` the connection is lost at `upto`."""
        rest = data[offset:upto]
        headers = {"upload-offset": str(offset)}
        if not cut:
            return self.http.patch(f"/photos/{sha256 or digest(data)}", content=rest, headers=headers)

        def lost():
            yield rest
            time.sleep(0.2)  # what is on its way when a connection ends may be lost with it
            raise ConnectionError("the Wi-Fi is gone")

        headers["content-length"] = str(len(data) - offset)
        try:
            return self.http.patch(f"/photos/{sha256 or digest(data)}", content=lost(), headers=headers)
        except ConnectionError:
            return None

    def send(self, data, name="IMG_1.jpg", number=None):
        """A whole photo, as it should go."""
        answer = self.announce(data, name, number).raise_for_status().json()
        if not answer["whole"]:
            self.patch(data, answer["offset"]).raise_for_status()

    def state(self, *photos, retakes=None):
        asked = {"photos": [digest(data) for data in photos], "session": self.session, "retakes": retakes or {}}
        return self.http.post("/state", json=asked).raise_for_status().json()

    def wait_until(self, *photos, states=("safe", "looked_at"), seconds=30):
        """Ask until all photos have come to one of the states; the last answer."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.state(*photos)
            if all(told["state"] in states for told in answer["photos"].values()):
                return answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)

    def close(self):
        self.http.close()


@pytest.fixture
def door(tmp_path):
    """A station's door, open for phones."""
    with station(tmp_path) as opened:
        yield opened


@pytest.fixture
def phone(door):
    """A phone with a key."""
    sender = Phone(door.url(), door.key())
    yield sender
    sender.close()


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
