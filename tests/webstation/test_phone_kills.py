"""The station is killed while phones send: each photo comes in once, in its order."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.webstation.phone_client import BOOK, QUICK, Phone, digest, photo, until
from tests.windows.only import no_wine
from workplace import Workplace

ROOT = Path(__file__).parents[2]
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


@no_wine("Wine starts a station so slowly that it is killed before it has taken in a photo")
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
