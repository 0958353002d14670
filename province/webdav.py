"""Files of a WebDAV server (Nextcloud, a NAS, Apache), by fsspec and webdav4.

Who asks is told by the address, or by `auth` in fsspec's settings for `webdav` (FSSPEC_WEBDAV_AUTH=user:password). A file is
sent under a temp name and moved. Plain HTTP (`webdav://`) is for a network that nobody else listens in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import quote

import fsspec
import httpx
from webdav4 import client as dav

from province.storage import Entry, temp_name
from province.stores import CONNECT_S, PIECE, READ_S, Page, Store, Stream, Taken, Verdict

SCHEMES = {"webdav": "http", "webdavs": "https"}
AGAIN = {408, 423, 425, 429}  # besides 5xx
NOT_THERE = {404, 410}
NO_PARENT = {404, 409}
ALREADY = {405, 301, 302}  # the answer to making a folder that is there
CHANGED = {412, 416}
FULL = 507


class Webdav(Store):
    """A server. Its connection is webdav4's client, which wants paths quoted; keys are paths without their first slash."""

    errors = (dav.ClientError, httpx.HTTPError, httpx.StreamError, EOFError)

    def _connect(self) -> Any:
        login, known = self.login, fsspec.config.conf.get("webdav", {}).get("auth")
        if isinstance(known, str):
            known = known.split(":", 1)
        auth = (login.user, login.password) if login.user else tuple(known) if known else None
        host = f"[{login.host}]" if ":" in login.host else login.host
        base = f"{SCHEMES[login.kind]}://{host}{f':{login.port}' if login.port else ''}/"
        files = fsspec.filesystem("webdav", base_url=base, auth=auth, retry=False, skip_instance_cache=True,
                                  timeout=httpx.Timeout(READ_S, connect=CONNECT_S))
        return files.client

    def _close(self, connection: Any) -> None:
        connection.http.close()

    def _judge(self, error: BaseException) -> Verdict | None:
        if isinstance(error, dav.InsufficientStorage):
            return Verdict.FULL
        if isinstance(error, dav.ResourceNotFound):
            return Verdict.MISSING
        if isinstance(error, dav.ForbiddenOperation):
            return Verdict.REFUSED
        if isinstance(error, (dav.BadGatewayError, dav.ResourceLocked, httpx.TransportError)):
            return Verdict.AGAIN
        response = getattr(error, "response", None)
        return _of_status(response.status_code) if response is not None else None

    def _page(self, folder: str, deep: bool, start: str) -> Page:
        page = Page()
        try:
            found = self.connection.ls(quote(folder), detail=True, allow_listing_resource=False)
        except (dav.ResourceNotFound, dav.IsAResourceError):
            return page
        for item in sorted(found, key=lambda item: item["name"]):
            key = item["name"].strip("/")
            if item["type"] == "directory":
                page.folders += [key] * (key != folder)  # some servers name it in a way that webdav4 does not know again
            else:
                modified = item["modified"].timestamp() if item["modified"] else 0.0
                size = item["content_length"] or 0
                page.files.append(Entry(key, size, (item["etag"] or f"{modified}-{size}").strip('"'), modified))
        return page

    @contextmanager
    def _stream(self, key: str, at: int, stamp: str) -> Iterator[Stream]:
        url, plain = self.connection.join_url(quote(key)), {"Accept-Encoding": "identity"}
        rest = {"Range": f"bytes={at}-", "If-Match": stamp} if at and stamp else {}
        with self.connection.http.stream("GET", url, headers=plain | rest) as answer:
            if answer.status_code not in CHANGED:
                yield self._stream_of(answer, key, at)
                return
        with self.connection.http.stream("GET", url, headers=plain) as answer:  # another file has come in its place
            yield self._stream_of(answer, key, 0)

    def _stream_of(self, answer: httpx.Response, key: str, at: int) -> Stream:
        if answer.is_redirect:
            raise dav.ResourceNotFound(key)  # to the listing of a folder
        answer.raise_for_status()
        start = at if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0
        return Stream(start, answer.headers.get("etag", ""), answer.iter_raw(PIECE))

    def _exists(self, key: str) -> bool:
        with suppress(dav.ResourceNotFound):
            answer = self.connection.propfind(quote(key), headers={"Depth": "0"})
            return not any(item.properties.collection for item in answer.responses.values())
        return False

    def _put(self, key: str, file: BinaryIO, size: int) -> None:
        with self._sent(key, file, size) as temp:
            self.connection.move(temp, quote(key), overwrite=True)

    def _create(self, key: str, data: bytes) -> None:
        with self._sent(key, BytesIO(data), len(data)) as temp:
            try:
                self.connection.move(temp, quote(key), overwrite=False)
            except dav.ResourceAlreadyExists as error:
                raise Taken from error

    @contextmanager
    def _sent(self, key: str, file: BinaryIO, size: int) -> Iterator[str]:
        """The bytes under a temp name (quoted) beside `key`, which is gone afterwards if it was not moved."""
        temp = quote(temp_name(key))
        try:
            try:
                self.connection.upload_fileobj(file, temp, overwrite=True, size=size, chunk_size=PIECE)
            except dav.ClientError as error:
                if not isinstance(error, dav.ResourceNotFound) and _status(error) not in NO_PARENT:
                    raise
                self._make_folder(key.rpartition("/")[0])
                file.seek(0)
                self.connection.upload_fileobj(file, temp, overwrite=True, size=size, chunk_size=PIECE)
            yield temp
        except BaseException:
            with suppress(Exception):
                self.connection.http.delete(self.connection.join_url(temp))
            raise

    def _make_folder(self, folder: str) -> None:
        if not folder:
            return
        answer = self._mkcol(folder)
        if answer.status_code in NO_PARENT:
            self._make_folder(folder.rpartition("/")[0])
            answer = self._mkcol(folder)
        if answer.status_code not in ALREADY:
            answer.raise_for_status()

    def _mkcol(self, folder: str) -> httpx.Response:
        return self.connection.http.request("MKCOL", self.connection.join_url(quote(folder), add_trailing_slash=True))

    def _remove(self, key: str) -> None:
        if self._exists(key):  # a folder would go with all that is in it
            with suppress(dav.ResourceNotFound):
                self.connection.remove(quote(key))


def _status(error: BaseException) -> int:
    response = getattr(error, "response", None)
    return response.status_code if response is not None else 0


def _of_status(status: int) -> Verdict | None:
    if status == FULL:
        return Verdict.FULL
    if status in AGAIN or status >= 500:
        return Verdict.AGAIN
    if status in (401, 403):
        return Verdict.REFUSED
    return Verdict.MISSING if status in NOT_THERE else None
