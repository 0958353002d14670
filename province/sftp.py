"""Files of a server over SFTP, by fsspec and paramiko.

Who asks is told by the address, by the keys and the agent of SSH, or by fsspec's settings for `sftp`. The server must be one
that ~/.ssh/known_hosts knows: a stranger in between would get the books. A file is sent under a temp name and renamed. SFTP
tells times in whole seconds: a file that is replaced within one second by another of its size looks unchanged.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, BinaryIO

import fsspec
import paramiko

from province.storage import Entry, joined, temp_name
from province.stores import CONNECT_S, PIECE, READ_S, Page, Store, Stream, Taken, Verdict

KNOWN_HOSTS = os.path.join("~", ".ssh", "known_hosts")
AHEAD = 64  # requests of 32 KiB that are on their way while a file is fetched
ALIVE_S = 30  # a word to the server so often, or a firewall forgets the connection, s

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # StorageFailed tells what it would print


class Sftp(Store):
    """A server. Its connection is fsspec's file system; keys are paths without their first slash."""

    errors = (paramiko.SSHException, EOFError)

    def _connect(self) -> Any:
        login = self.login
        options: dict[str, Any] = {"port": login.port or 22, "host_key_policy": KnownHosts(), "timeout": CONNECT_S,
                                   "banner_timeout": CONNECT_S, "auth_timeout": READ_S, "channel_timeout": READ_S}
        if login.user:
            options["username"] = login.user
        if login.password:
            options |= {"password": login.password, "look_for_keys": False, "allow_agent": False}
        files = fsspec.filesystem("sftp", host=login.host, skip_instance_cache=True, **options)
        files.ftp.get_channel().settimeout(READ_S)
        files.client.get_transport().set_keepalive(ALIVE_S)
        return files

    def _close(self, connection: Any) -> None:
        connection.client.close()

    @property
    def _ftp(self) -> paramiko.SFTPClient:
        return self.connection.ftp

    def _judge(self, error: BaseException) -> Verdict | None:
        if isinstance(error, (UnknownHost, paramiko.BadHostKeyException, paramiko.AuthenticationException,
                              paramiko.PasswordRequiredException)):
            return Verdict.REFUSED
        if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError):
            return Verdict.AGAIN
        if isinstance(error, paramiko.SSHException):
            return Verdict.REFUSED if "No authentication methods" in str(error) else Verdict.AGAIN
        if isinstance(error, OSError) and error.errno is None and self._is_lost():
            return Verdict.AGAIN  # "Socket is closed"
        return None

    def _is_lost(self) -> bool:
        transport = self._connection.client.get_transport() if self._connection is not None else None
        return transport is None or not transport.is_active() or self._ftp.get_channel().closed

    def _page(self, folder: str, deep: bool, start: str) -> Page:
        page = Page()
        try:
            found = sorted(self._ftp.listdir_iter(f"/{folder}"), key=lambda item: item.filename)
        except FileNotFoundError:
            return page
        for item in found:
            key, mode = joined(folder, item.filename), item.st_mode or 0
            if stat.S_ISDIR(mode):
                page.folders.append(key)
            elif stat.S_ISREG(mode):
                page.files.append(Entry(key, item.st_size or 0, _stamp(item), float(item.st_mtime or 0)))
            else:
                page.others.append(key)  # links are not followed
        return page

    @contextmanager
    def _stream(self, key: str, at: int, stamp: str) -> Iterator[Stream]:
        with self._ftp.open(f"/{key}", "rb") as file:
            facts = file.stat()
            if not stat.S_ISREG(facts.st_mode or 0):
                raise FileNotFoundError(key)
            at = at if _stamp(facts) == stamp else 0
            file.seek(at)
            yield Stream(at, _stamp(facts), _pieces(file, at, facts.st_size or 0))

    def _exists(self, key: str) -> bool:
        try:
            return stat.S_ISREG(self._ftp.stat(f"/{key}").st_mode or 0)
        except FileNotFoundError:
            return False

    def _put(self, key: str, file: BinaryIO, size: int) -> None:
        with self._sent(key, file, size) as temp:
            self._replace(temp, f"/{key}")

    def _create(self, key: str, data: bytes) -> None:
        if self._there(key):
            raise Taken
        with self._sent(key, BytesIO(data), len(data)) as temp:
            try:
                self._ftp.rename(temp, f"/{key}")  # which replaces nothing
            except OSError as error:
                if self._there(key):
                    raise Taken from error
                raise

    def _there(self, key: str) -> bool:
        try:
            self._ftp.lstat(f"/{key}")
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _sent(self, key: str, file: BinaryIO, size: int) -> Iterator[str]:
        """The bytes under a temp name beside `key`, which is gone afterwards if it was not renamed."""
        temp = f"/{temp_name(key)}"
        try:
            try:
                self._ftp.putfo(file, temp, size)
            except FileNotFoundError:  # its folder
                self._make_folder(key.rpartition("/")[0])
                file.seek(0)
                self._ftp.putfo(file, temp, size)
            yield temp
        except BaseException:
            with suppress(Exception):
                self._ftp.remove(temp)
            raise

    def _make_folder(self, folder: str) -> None:
        if not folder or self._there(folder):
            return
        self._make_folder(folder.rpartition("/")[0])
        try:
            self._ftp.mkdir(f"/{folder}")
        except OSError:
            if not self._there(folder):  # another worker may have made it
                raise

    def _replace(self, temp: str, path: str) -> None:
        try:
            self._ftp.posix_rename(temp, path)
        except OSError as error:
            if "unsupported" not in str(error).lower():
                raise
            with suppress(FileNotFoundError):  # a server without OpenSSH's extension: for a moment there is no such file
                self._ftp.remove(path)
            self._ftp.rename(temp, path)

    def _remove(self, key: str) -> None:
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR(self._ftp.lstat(f"/{key}").st_mode or 0):
                self._ftp.remove(f"/{key}")


class UnknownHost(paramiko.SSHException):
    """The server is not in ~/.ssh/known_hosts."""


class KnownHosts(paramiko.MissingHostKeyPolicy):
    """Servers are trusted that SSH knows already, as `ssh` itself does."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        known = paramiko.HostKeys()
        with suppress(OSError):
            known.load(os.path.expanduser(KNOWN_HOSTS))
        if not known.check(hostname, key):
            raise UnknownHost(f"{hostname} {key.get_name()} {key.get_base64()}: not in {KNOWN_HOSTS}")


def _stamp(facts: paramiko.SFTPAttributes) -> str:
    return f"{facts.st_mtime}-{facts.st_size}"


def _pieces(file: paramiko.SFTPFile, at: int, size: int) -> Iterator[bytes]:
    file.prefetch(size, AHEAD)
    while at < size:
        data = file.read(min(PIECE, size - at))
        if not data:
            raise EOFError("the file is shorter than the server said")
        at += len(data)
        yield data
