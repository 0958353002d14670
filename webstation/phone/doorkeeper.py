"""The door for phones as the station works it: opened for a book, with a code to scan, and shut again."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import segno

from capture.phone import Photo
from errors import NothingToDo, StorageFailed
from originals.stationlog import StationLog
from settings import Settings
from texts import LANGUAGES, say
from webstation.phone.addresses import addresses, host_names
from webstation.phone.app import Door, phone_app
from webstation.phone.certificate import Certificate, station_certificate
from webstation.phone.fates import Fates
from webstation.phone.guard import NarrowSocket
from webstation.phone.keys import Keys
from webstation.phone.uploads import Uploads
from webstation.server import Listener
from workplace import Workplace

ALL = "0.0.0.0"
FOLDER, KEYS = "phone", "keys.json"
LOOKED_S = 20.0  # so often it is seen whether any key is still valid


class Phones:
    """Phones at one station; safe for several threads. `tell` is told of every photo: `phone`, with its book."""

    def __init__(
        self, workplace: Workplace, settings: Settings, tell: Callable[..., None] = lambda event, **facts: None
    ) -> None:
        self._params, self._tell = settings.phone, tell
        self._place, self._folder = workplace, workplace.root / FOLDER
        self._keys = Keys(self._folder / KEYS, self._params.minutes)
        self._uploads = Uploads(workplace, self._params, settings.watch.min_free_mb, self._sending)
        self._fates = Fates(workplace, settings)
        self._lock = threading.Lock()
        self._listener: PhoneListener | None = None
        self._certificate: Certificate | None = None
        self._shut = threading.Event()

    @property
    def wanted(self) -> bool:
        """Whether a key is still valid: after a restart, the door may be opened again."""
        return bool(self._keys.minutes_left())

    @property
    def port(self) -> int:
        """Where phones are answered; 0 while the door is shut."""
        return self._listener.port if self._listener else 0

    def open(self) -> None:
        """Answer phones, at all addresses, for as long as a key is valid.

        Raises StorageFailed: `port_taken`, or where no certificate can be kept.
        """
        with self._lock:
            if self._listener is not None:
                return
            found = self._addresses()
            if self._params.tls:
                self._certificate = station_certificate(self._folder, [*found, *host_names()])
            listener = PhoneListener(ALL, self._params.port, self._keys.tries.pause)
            door = Door(self._keys, self._uploads, self._fates, self._params, self._came)
            listener.serve(phone_app(door, [*self._params.hosts, *host_names()]), self._certificate)
            self._listener, self._shut = listener, threading.Event()
            threading.Thread(target=self._shut_after_the_last_key, args=(self._shut,), daemon=True).start()

    def open_again(self) -> None:
        """After a restart, for the phones that still have a valid key; where that fails, a person will be told."""
        if self.wanted:
            with suppress(StorageFailed):
                self.open()

    def close(self) -> None:
        """Answer no phone any more. What has come in stays, and keys stay valid for their time."""
        with self._lock:
            self._shut.set()
            if self._listener is not None:
                self._listener.stop()
            self._listener = None

    def _shut_after_the_last_key(self, shut: threading.Event) -> None:
        while not shut.wait(LOOKED_S):
            if not self.wanted:
                self.close()

    def invite(self, book: str, by: str, language: str) -> dict[str, Any]:
        """Open the door and make a key for a book: the `address` that a phone opens, its `code` to be scanned (SVG), `lines`
        that say how, and the same of `others`, for a computer in several networks. Raises StorageFailed.
        """
        self.open()
        self._place.log(book).append({"event": "capturing", "by": by, "source": "phone"})
        key = self._keys.issue(book)
        scheme = "https" if self._params.tls else "http"
        path = "" if language == LANGUAGES[0] else language
        links = [f"{scheme}://{host}:{self.port}/{path}#{key}" for host in self._addresses()]
        if not links:
            return {"address": "", "code": "", "lines": [say("phone", "no_network", language)], "others": []}
        others = [{"address": link, "code": code(link)} for link in links[1:]]
        return {"address": links[0], "code": code(links[0]), "lines": list(self._how(language, links[1:])), "others": others}

    def revoke(self, book: str) -> None:
        """The keys of a book open nothing any more; with the last key the door is shut. Raises StorageFailed."""
        self._keys.revoke(book)
        if not self.wanted:
            self.close()

    def standing(self, book: str, language: str) -> dict[str, Any]:
        """Whether phones may send for a book and for how long, in words too; its photos that are not whole."""
        now = time.time()
        parts = [{"sha256": item.sha256, "bytes": item.bytes, "minutes": max(0, round((now - item.changed) / 60))}
                 for item in self._uploads.unfinished() if item.book == book]
        minutes = self._keys.minutes_left().get(book)
        opened = self.port != 0 and minutes is not None
        words = say("phone", "door_open" if opened else "door_shut", language, minutes=round(minutes or 0))
        if parts:
            words += " " + say("phone", "unfinished", language, number=len(parts))
        return {"open": opened, "minutes": round(minutes or 0), "unfinished": parts, "words": words}

    def discard(self, book: str, sha256: str, by: str) -> None:
        """A person gives up a photo that is not whole. Raises NothingToDo where it is gone, StorageFailed."""
        if not self._uploads.discard(book, sha256):
            raise NothingToDo("photo_gone")
        StationLog(self._place.root).append({"event": "photo_discarded", "book": book, "sha256": sha256, "by": by})

    def _how(self, language: str, other_links: list[str]) -> Iterator[str]:
        yield say("phone", "how", language, minutes=round(self._params.minutes))
        if self._certificate:
            yield say("phone", "how_certificate", language, fingerprint=self._certificate.short)
        if other_links:
            yield say("phone", "how_others", language, links="  ".join(other_links))

    def _addresses(self) -> list[str]:
        return list(dict.fromkeys([*self._params.hosts, *addresses()]))

    def _sending(self, photo: Photo) -> None:
        self._tell("phone", book=photo.book, state="sending")

    def _came(self, book: str) -> None:
        self._tell("phone", book=book, state="came")


class PhoneListener(Listener):
    """A listener that strangers can reach."""

    def __init__(self, host: str, port: int, unwelcome: Callable[[str], object]) -> None:
        super().__init__(host, port)
        self._socket = NarrowSocket.of(self._socket, unwelcome)


def code(link: str) -> str:
    """A QR code of a link, as SVG."""
    drawn = io.BytesIO()
    segno.make_qr(link, error="m").save(drawn, kind="svg", scale=6, border=4, light="#fff", xmldecl=False, nl=False)
    return drawn.getvalue().decode()
