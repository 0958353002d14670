"""A small network scanner (eSCL, the driverless protocol) on loopback, with a glass, a duplex feeder and faults.

It speaks as much of Mopria's eSCL 2.6 as a driver needs: ScannerCapabilities, ScannerStatus, ScanJobs with
NextDocument and DELETE. Each sheet is JPEG bytes, delivered as they are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMESPACES = ('xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03" '
              'xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm"')
INPUT = """
<scan:MinWidth>16</scan:MinWidth><scan:MaxWidth>{width}</scan:MaxWidth>
<scan:MinHeight>16</scan:MinHeight><scan:MaxHeight>{height}</scan:MaxHeight><scan:MaxScanRegions>1</scan:MaxScanRegions>
<scan:SettingProfiles><scan:SettingProfile>
<scan:ColorModes><scan:ColorMode>Grayscale8</scan:ColorMode><scan:ColorMode>RGB24</scan:ColorMode></scan:ColorModes>
<scan:DocumentFormats><pwg:DocumentFormat>image/jpeg</pwg:DocumentFormat>
<scan:DocumentFormatExt>image/jpeg</scan:DocumentFormatExt></scan:DocumentFormats>
<scan:SupportedResolutions><scan:DiscreteResolutions>
<scan:DiscreteResolution><scan:XResolution>75</scan:XResolution><scan:YResolution>75</scan:YResolution></scan:DiscreteResolution>
<scan:DiscreteResolution><scan:XResolution>300</scan:XResolution><scan:YResolution>300</scan:YResolution></scan:DiscreteResolution>
</scan:DiscreteResolutions></scan:SupportedResolutions>
</scan:SettingProfile></scan:SettingProfiles>"""
WIDTH, HEIGHT = 4961, 3508  # 420 × 297 mm in 1/300 inch, as eSCL counts


@dataclass
class Faults:
    """What goes wrong. `at` is the number of the sheet, from 1, at which it does; 0: never."""

    jam_at: int = 0
    cover_open_at: int = 0
    die_at: int = 0  # in the middle of that sheet the scanner is gone for good
    silent_at: int = 0  # that sheet never comes
    slow: float = 0.1  # s for each sheet: no paper is faster, and a driver that reads ahead loses sheets that come at once
    busy: bool = False  # no new job is taken


@dataclass
class EsclScanner:
    """A network scanner; use it as a context. `sheets` lie in the feeder, `glass` on the glass."""

    sheets: Sequence[bytes] = ()
    glass: bytes = b""
    faults: Faults = field(default_factory=Faults)
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> EsclScanner:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._over = threading.Event()
        self._delivered, self._left, self._state = 0, [], ""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/eSCL/"

    def capabilities(self) -> str:
        room = INPUT.format(width=WIDTH, height=HEIGHT)
        return (f'<scan:ScannerCapabilities {NAMESPACES}><pwg:Version>2.6</pwg:Version>'
                f"<pwg:MakeAndModel>Sohoa Paper Scanner</pwg:MakeAndModel>"
                f"<scan:Platen><scan:PlatenInputCaps>{room}</scan:PlatenInputCaps></scan:Platen>"
                f"<scan:Adf><scan:AdfSimplexInputCaps>{room}</scan:AdfSimplexInputCaps>"
                f"<scan:AdfDuplexInputCaps>{room}</scan:AdfDuplexInputCaps>"
                "<scan:FeederCapacity>50</scan:FeederCapacity>"
                "<scan:AdfOptions><scan:AdfOption>DetectPaperLoaded</scan:AdfOption>"
                "<scan:AdfOption>Duplex</scan:AdfOption></scan:AdfOptions></scan:Adf></scan:ScannerCapabilities>")

    def status(self) -> str:
        adf = self._state or ("ScannerAdfLoaded" if self.sheets else "ScannerAdfEmpty")
        state = "Processing" if self.faults.busy else "Stopped" if self._state else "Idle"
        return (f"<scan:ScannerStatus {NAMESPACES}><pwg:Version>2.6</pwg:Version><pwg:State>{state}</pwg:State>"
                f"<scan:AdfState>{adf}</scan:AdfState></scan:ScannerStatus>")

    def new_job(self, wanted: str) -> bool:
        """Take a job as its XML asks; False where there is nothing to scan or the scanner is busy."""
        self._state = ""
        if self.faults.busy:
            return False
        self._left = list(self.sheets) if "Feeder" in wanted else [self.glass]
        return bool(self._left)

    def next_sheet(self) -> bytes | None:
        """The next sheet; None where there is no more, or a fault keeps it."""
        number = self._delivered + 1
        if number == self.faults.silent_at:
            self._over.wait()
        time.sleep(self.faults.slow)
        if number == self.faults.jam_at:
            self._state = "ScannerAdfJam"
        if number == self.faults.cover_open_at:
            self._state = "ScannerAdfDoorOpen"
        if self._state or not self._left:
            return None
        self._delivered = number
        return self._left.pop(0)

    def dies_now(self) -> bool:
        return self._delivered == self.faults.die_at

    def die(self) -> None:
        """Take no connection any more, at once."""
        self._server.socket.close()


def _handler(scanner: EsclScanner) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            scanner.requests.append(f"GET {self.path}")
            if self.path.endswith("/ScannerCapabilities"):
                self._answer(200, scanner.capabilities().encode(), "text/xml")
            elif self.path.endswith("/ScannerStatus"):
                self._answer(200, scanner.status().encode(), "text/xml")
            elif self.path.endswith("/NextDocument"):
                self._deliver()
            else:
                self._answer(404)

        def do_POST(self) -> None:
            wanted = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            scanner.requests.append(f"POST {self.path} {wanted}")
            if not scanner.new_job(wanted):
                self._answer(503)
                return
            self._answer(201, location=f"{scanner.url}ScanJobs/1")

        def do_DELETE(self) -> None:
            scanner.requests.append(f"DELETE {self.path}")
            self._answer(200)

        def _deliver(self) -> None:
            sheet = scanner.next_sheet()
            if sheet is None:
                self._answer(409 if scanner._state else 404)
            elif scanner.dies_now():
                scanner.die()
                self._answer(200, sheet, "image/jpeg", cut=len(sheet) // 2)
            else:
                self._answer(200, sheet, "image/jpeg")

        def _answer(self, code: int, body: bytes = b"", kind: str = "text/plain", location: str = "", cut: int = 0) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            with suppress(ConnectionError):  # a client that has been killed
                self.wfile.write(body[:cut] if cut else body)
            self.close_connection = self.close_connection or bool(cut)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
