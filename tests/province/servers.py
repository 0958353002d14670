"""Real servers for tests of storages, each in a process of its own on this machine, and a proxy that makes faults.

A test that wants one imports its fixture: `from tests.province.servers import s3_server  # noqa: F401`. Run as a program
this is such a server: it tells its port on a line and ends when its standard input does, so that none is left over.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import pytest

HERE = "127.0.0.1"
USER, PASSWORD = "sổ-hóa", "mật/khẩu@1"
BUCKET = "province"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Server:
    """`url`: a folder on it, with user and password. `environment`: what programs need to find and trust it.

    `endpoint`: its address (S3); `folder`: where its files lie on this machine (not S3).
    """

    url: str
    environment: dict[str, str] = field(default_factory=dict)
    endpoint: str = ""
    folder: Path | None = None


def s3_environment(endpoint: str, secret: str = "secret") -> dict[str, str]:
    """What a program needs to ask the S3 server at `endpoint`."""
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "clerk", "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def running(kind: str, *arguments: str) -> Iterator[str]:
    """A server in a process of its own; gives what it says of itself, its port first."""
    process = subprocess.Popen([sys.executable, __file__, kind, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1"})
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


@contextmanager
def in_environment(values: dict[str, str]) -> Iterator[None]:
    """For this process and those that it starts meanwhile; what was connected before is to another server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("province.stores._OPENED", {})
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def s3_server():
    """moto's S3 with an empty bucket, for this process and its children."""
    with running("s3") as port:
        endpoint = f"http://{HERE}:{port}"
        urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
        environment = s3_environment(endpoint)
        with in_environment(environment):
            yield Server(f"s3://{BUCKET}", environment, endpoint)


@pytest.fixture(scope="module")
def webdav_server(tmp_path_factory):
    """WsgiDAV with a user and a password."""
    folder = tmp_path_factory.mktemp("webdav")
    with running("webdav", str(folder)) as port:
        yield Server(f"webdav://{quote(USER)}:{quote(PASSWORD, '')}@{HERE}:{port}/kho", folder=folder / "kho")


@pytest.fixture(scope="module")
def sftp_server(tmp_path_factory):
    """asyncssh's SFTP with a user and a password, known to the SSH of this process and its children."""
    folder, home = tmp_path_factory.mktemp("sftp"), tmp_path_factory.mktemp("home")
    with running("sftp", str(folder)) as told:
        port, key = told.split(" ", 1)
        (home / ".ssh").mkdir()
        (home / ".ssh" / "known_hosts").write_text(f"[{HERE}]:{port} {key}\n", encoding="utf-8")
        environment = {"HOME": str(home), "USERPROFILE": str(home)}
        with in_environment(environment):
            yield Server(f"sftp://{quote(USER)}:{quote(PASSWORD, '')}@{HERE}:{port}/kho", environment, folder=folder / "kho")


class FaultProxy:
    """Between a program and an HTTP server. `fault(number of the request, its method)` says what goes wrong with it:

    "" nothing; "503" the server is busy; "cut" no answer; "half" half an answer; "lost" the server does it but no answer
    comes; "stall" nothing for a while, then no answer. Used by `with`, from threads of its own.
    """

    def __init__(self, target: str, fault: Callable[[int, str], str], stall_s: float = 1.0) -> None:
        self.target, self.fault, self.stall_s = urlsplit(target).netloc, fault, stall_s
        self.requests: list[tuple[str, str, str]] = []  # method, path, fault
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((HERE, 0), _handler(self))
        self._server.daemon_threads = True
        self.endpoint = f"http://{HERE}:{self._server.server_port}"

    def __enter__(self) -> FaultProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next_fault(self, method: str, path: str) -> str:
        with self._lock:
            fault = self.fault(len(self.requests), method)
            self.requests.append((method, path, fault))
        return fault


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = proxy.next_fault(self.command, self.path)
            if fault in ("cut", "stall"):
                time.sleep(proxy.stall_s if fault == "stall" else 0)
                self.close_connection = True
            elif fault == "503":
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.pass_on(body, fault)

        def pass_on(self, body: bytes, fault: str) -> None:
            server = http.client.HTTPConnection(proxy.target)
            server.request(self.command, self.path, body, dict(self.headers))
            answer = server.getresponse()
            data = answer.read()
            server.close()
            if fault == "lost":
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if fault == "half" else data)
            self.close_connection = self.close_connection or fault == "half"

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _serve_s3() -> None:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address=HERE, port=0, verbose=False)
    server.start()
    _told(str(server.get_host_and_port()[1]))


def _serve_webdav(folder: str) -> None:
    from cheroot.wsgi import Server as WsgiServer
    from wsgidav.wsgidav_app import WsgiDAVApp

    app = WsgiDAVApp({"provider_mapping": {"/": folder}, "logging": {"enable": False}, "verbose": 0,
                      "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
                      "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False}})
    server = WsgiServer((HERE, 0), app)
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    _told(str(server.bind_addr[1]))


def _serve_sftp(folder: str) -> None:
    import asyncio

    import asyncssh

    class Clerk(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    async def serve() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server = await asyncssh.create_server(
            Clerk, HERE, 0, server_host_keys=[key], sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder),
        )
        print(server.get_port(), key.export_public_key().decode().strip(), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    asyncio.run(serve())


def _told(line: str) -> None:
    print(line, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        {"s3": _serve_s3, "webdav": _serve_webdav, "sftp": _serve_sftp}[sys.argv[1]](*sys.argv[2:])
    os._exit(0)
