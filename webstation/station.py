"""The page beside a running daemon: what it works with is put together here, and its listeners are begun and ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from errors import StorageFailed
from originals.peoplelog import PeopleLog
from settings import Settings
from webstation.app import desk_app
from webstation.hub import Hub
from webstation.packing import Packing
from webstation.people import People
from webstation.phone.doorkeeper import Phones
from webstation.pictures import Pictures
from webstation.preview_task import preview
from webstation.scanner import Scanner
from webstation.server import Listener
from webstation.services import HERE, Services
from workplace import Workplace

HOST = "127.0.0.1"


class StationPage:
    """The page of one station. `address` opens it, with the key that makes the first person."""

    def __init__(
        self, workplace: Workplace, settings: Settings, hub: Hub, poke: Callable[..., None], inboxes: Sequence[Path] = ()
    ) -> None:
        self._people = People(PeopleLog(workplace.root), settings.general.language)
        self._pictures, self._previews = Pictures(), Pictures(preview, jobs=1)
        self._scanner = Scanner(workplace, settings, hub)
        self._phones = Phones(workplace, settings, hub.tell)
        self._parts = {
            "workplace": workplace, "settings": settings, "hub": hub, "people": self._people, "pictures": self._pictures,
            "previews": self._previews, "scanner": self._scanner, "packing": Packing(workplace, settings, hub),
            "phones": self._phones, "poke": poke, "version": _version(), "inboxes": tuple(map(Path, inboxes)),
        }
        self._listener: Listener | None = None

    def start(self) -> None:
        """Returns when the page answers."""
        wanted = self._parts["settings"].page.port
        try:
            self._listener = self._listening(wanted)
        except StorageFailed:
            self._listener = self._listening(0)
        self._phones.open_again()

    def _listening(self, port: int) -> Listener:
        """Browsers send cookies to all ports of a host: with the port in its name each station has its own."""
        bound = Listener(HOST, port)
        services = Services(**self._parts, cookie=f"sohoa-{bound.port}")
        bound.serve(desk_app(services, bound.port))
        return bound

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._listener.port}/start?key={self._people.start_key}"

    def stop(self) -> None:
        """Ends sessions of the scanner and the listeners, all at once, for each may take seconds; what came in is safe."""
        ends = [self._scanner.close, self._parts["packing"].close, self._phones.close]
        if self._listener is not None:
            ends.append(self._listener.stop)
        ending = [threading.Thread(target=end) for end in ends]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        self._pictures.close()
        self._previews.close()


def _version() -> str:
    """Changes when a file of the page does, so that no browser shows an old one."""
    newest = max(path.stat().st_mtime_ns for folder in ("static", "templates") for path in (HERE / folder).iterdir())
    return f"{newest // 1_000_000:x}"
