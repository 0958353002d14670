"""Phones measured: many send photos of 12 MP to one station at once, strangers try wrong keys; how its pages answer.

    python -m benchmarks.phones [--phones 20] [--photos 3] [--tries 10000]

The station is `sohoa watch` with all that it does: TLS, the store, the first look, developing behind. Phones are threads of
another process, each at an address of its own, and send as fast as they can; they take their share of the same cores.
Answers are timed from a third process, ten a second: the station's page (`/books.json`) and the door (`/state`).
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import io
import json
import multiprocessing
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOOK = "KS.2009.14800.01"
PAGE = ROOT / "samples/pages/forms-2009/IMG_20240612_141907.jpg"
SIZE, GRAIN = (4000, 3000), 5.0
EVERY_S = 0.1
PERSON, PIN = "Lê Văn Mẫu", "1357"


class Line:
    """One connection that is kept: JSON in, JSON out."""

    def __init__(self, port: int, tls: bool, address: str = "127.0.0.1", **headers: str) -> None:
        self._headers = {"Content-Type": "application/json", **headers}
        options = {"timeout": 120, "source_address": (address, 0)}
        self._http = (http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context(), **options)
                      if tls else http.client.HTTPConnection("127.0.0.1", port, **options))

    def ask(self, method: str, path: str, body: bytes | dict | None = None, **headers: str) -> tuple[int, bytes, dict]:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self._http.request(method, path, data, {**self._headers, **names})
        answer = self._http.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())


class Station:
    """`sohoa watch` on a fresh store, with a person at its page."""

    def __init__(self, folder: Path, phone_port: int, page_port: int) -> None:
        own = folder / "own.yaml"
        own.write_text(f"watch:\n  min_free_mb: 0\npage:\n  port: {page_port}\n  open: false\n"
                       f"phone:\n  port: {phone_port}\n")
        self.store = folder / "store"
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "sohoa.py"), "--config", str(own), "watch", "--store", str(self.store)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONUTF8": "1"})
        shown = next(line for line in self._process.stdout if "/start?key=" in line)
        start = shown.partition("/start?key=")[2].split()[0]
        origin = f"http://127.0.0.1:{page_port}"
        self.page = Line(page_port, False, Origin=origin)
        self.page.ask("POST", "/first", {"key": start, "name": PERSON, "pin": PIN})
        entered = self.page.ask("POST", "/enter", {"name": PERSON, "pin": PIN})[2]
        cookie = entered["set-cookie"].partition(";")[0]
        page = self.page.ask("GET", "/books", Cookie=cookie)[1].decode()
        token = page.partition('data-token="')[2].partition('"')[0]
        self.page = Line(page_port, False, Origin=origin, Cookie=cookie, **{"X-Sohoa": token})
        self.page.ask("POST", "/books/add", {"kind": "KS", "year": 2009, "place": "14800", "volume": 1})
        invited = json.loads(self.page.ask("POST", f"/books/{BOOK}/phone", {})[1])
        self.key = invited["address"].partition("#")[2]

    def logged(self) -> int:
        """How many photos the book's log has."""
        return (self.store / "books" / f"{BOOK}.jsonl").read_text(encoding="utf-8").count('"event":"received"')

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


def photo() -> bytes:
    """A page of a form as a phone of 12 MP takes it, with the grain of its sensor: 4 to 5 MB."""
    import numpy as np
    from PIL import Image

    image = Image.open(PAGE).convert("RGB")
    page = np.asarray((image if image.width > image.height else image.rotate(90, expand=True)).resize(SIZE))
    grain = np.random.default_rng(1).normal(0, GRAIN, (SIZE[1], SIZE[0], 1))
    drawn = io.BytesIO()
    Image.fromarray(np.clip(page + grain, 0, 255).astype(np.uint8)).save(drawn, "JPEG", quality=92)
    return drawn.getvalue()


def other_bytes(image: bytes, number: int) -> bytes:
    """The same picture as another file: with a comment."""
    words = f"photo {number}".encode()
    return image[:2] + b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words + image[2:]


def send_all(port: int, key: str, phones: int, photos: int, told: multiprocessing.Queue) -> None:
    """All phones at once. Tells (`sent`, seconds) of each photo, then (`safe`, seconds) of each phone."""
    image = photo()
    threads = [threading.Thread(target=one_phone, args=(port, key, number, photos, image, told)) for number in range(phones)]
    told.put(("start", len(image)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(("end", 0.0))


def one_phone(port: int, key: str, number: int, photos: int, image: bytes, told: multiprocessing.Queue) -> None:
    line, digests, began = Line(port, True, f"127.0.3.{number + 1}", **{"X-Sohoa-Key": key}), [], time.monotonic()
    for at in range(photos):
        started, data = time.monotonic(), other_bytes(image, number * photos + at)
        digests.append(hashlib.sha256(data).hexdigest())
        order = {"session": f"phone{number:07d}", "number": at + 1, "sha256": digests[-1], "length": len(data),
                 "name": f"IMG_{at}.jpg"}
        offset = json.loads(line.ask("POST", "/photos", order)[1])["offset"]
        status, _, _ = line.ask("PATCH", f"/photos/{digests[-1]}", data[offset:], Upload_Offset=str(offset))
        if status != 204:
            told.put(("refused", float(status)))
        told.put(("sent", time.monotonic() - started))
    waiting = set(digests)
    while waiting:
        states = json.loads(line.ask("POST", "/state", {"photos": sorted(waiting)})[1])["photos"]
        waiting = {sha256 for sha256 in waiting if states[sha256]["state"] not in ("safe", "looked_at")}
        time.sleep(0.5)
    told.put(("safe", time.monotonic() - began))


def try_keys(port: int, tries: int, told: multiprocessing.Queue) -> None:
    """Wrong keys, from twenty addresses at once."""
    def knock(number: int) -> None:
        line = Line(port, True, f"127.0.4.{number + 1}")
        for at in range(tries // 20):
            try:
                told.put(("tried", line.ask("POST", "/state", {}, X_Sohoa_Key=f"{number}-{at:020d}")[0]))
            except (OSError, http.client.HTTPException):
                told.put(("tried", "hung up on"))
                line = Line(port, True, f"127.0.4.{number + 1}")

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(20)]
    told.put(("start", 0.0))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(("end", 0.0))


def answers_while(work: Callable[..., None], arguments: tuple, asks: dict[str, Callable[[], None]]) -> tuple[dict, list]:
    """Seconds of each answer while another process is at `work`, by what was asked; and what that told."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=work, args=(*arguments, told))
    process.start()
    heard, times = [told.get()], {name: [] for name in asks}
    while heard[-1][0] != "end":
        for name, ask in asks.items():
            started = time.monotonic()
            ask()
            times[name].append(time.monotonic() - started)
        time.sleep(EVERY_S)
        while not told.empty():
            heard.append(told.get())
    process.join()
    return times, heard


def row(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    worst, most = ordered[-1], ordered[int(0.95 * (len(ordered) - 1))]
    return f"| {name} | {len(seconds)} | {1000 * statistics.median(seconds):.0f} | {1000 * most:.0f} | {1000 * worst:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--phones", type=int, default=20)
    parser.add_argument("--photos", type=int, default=3)
    parser.add_argument("--tries", type=int, default=10_000)
    asked = parser.parse_args()
    phone_port, page_port = 18643, 18321
    with tempfile.TemporaryDirectory() as folder:
        station = Station(Path(folder), phone_port, page_port)
        try:
            own = Line(phone_port, True, "127.0.5.1", **{"X-Sohoa-Key": station.key})
            asks = {"the station's page": lambda: station.page.ask("GET", "/books.json"),
                    "the door for phones": lambda: own.ask("POST", "/state", {"photos": []})}
            print("| answers, ms, while | asked | median | 95 % | worst |\n| --- | --- | --- | --- | --- |")
            times, heard = answers_while(send_all, (phone_port, station.key, asked.phones, asked.photos), asks)
            for name, seconds in times.items():
                print(row(f"{asked.phones} phones send: {name}", seconds))
            tried, knocks = answers_while(try_keys, (phone_port, asked.tries), asks)
            for name, seconds in tried.items():
                print(row(f"{asked.tries} wrong keys: {name}", seconds))
            report(asked, heard, knocks, station.logged())
        finally:
            station.stop()


def report(asked: argparse.Namespace, heard: list, knocks: list, logged: int) -> None:
    sent = [seconds for what, seconds in heard if what == "sent"]
    safe = [seconds for what, seconds in heard if what == "safe"]
    whole, megabytes = asked.phones * asked.photos, heard[0][1] / 1e6
    refused = sum(what == "refused" for what, _ in heard)
    print(f"\n{whole} photos of {megabytes:.1f} MB: {logged} in the log, {whole - logged} lost, {refused} refused; all safe "
          f"after {max(safe):.1f} s ({whole * megabytes / max(safe):.1f} MB/s); one photo sent in "
          f"{statistics.median(sent):.1f} s (median)")
    print("wrong keys, by status:", dict(Counter(status for what, status in knocks if what == "tried")))


if __name__ == "__main__":
    main()
