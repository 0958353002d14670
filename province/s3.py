"""Files in a bucket of S3 or what speaks like it, by s3fs.

Address, region and keys come from where all of Amazon's tools take them (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …,
~/.aws), or from the settings of fsspec. A put is one call and whole or nothing; a large file goes in parts that become a
file when the last is there. What a killed process left of parts is no file; a rule of the bucket should clear it away.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from typing import Any, BinaryIO

import aiohttp
import fsspec
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, PartialCredentialsError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp
from fsspec.asyn import sync

from province.storage import Entry
from province.stores import CONNECT_S, PIECE, READ_S, Page, Store, Stream, Taken, Verdict

PART = 16 << 20  # bytes of one part of a large file, and of the largest that is put by one call
REMOVED_AT_ONCE = 1000
CONFIG = {
    "connect_timeout": CONNECT_S, "read_timeout": READ_S, "retries": {"total_max_attempts": 1},  # the patience is our own
    "request_checksum_calculation": "when_required", "response_checksum_validation": "when_required",  # others lack the rest
}
AGAIN = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException",
         "RequestLimitExceeded", "BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "OperationAborted",
         "ConditionalRequestConflict"}
REFUSED = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "AuthorizationHeaderMalformed", "InvalidAccessKeyId",
           "SignatureDoesNotMatch", "AccessDenied"}


class S3(Store):
    """A bucket. Its connection is s3fs's file system; each call is one try."""

    deep = keeps = True
    at_once = 8
    errors = (BotoCoreError, ClientError, ResponseParserError, aiohttp.ClientError, EOFError)

    def _connect(self) -> Any:
        keys = {"key": self.login.user, "secret": self.login.password} if self.login.user else {}
        session = AioSession()
        session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
        files = fsspec.filesystem("s3", session=session, use_listings_cache=False, skip_instance_cache=True,
                                  config_kwargs=CONFIG, **keys)
        files.retries = 1
        return files

    def _close(self, connection: Any) -> None:
        connection.close_session(connection.loop, connection._s3creator)

    def _call(self, method: str, **words: Any) -> Any:
        return self.connection.call_s3(method, Bucket=self.login.host, **words)

    def _judge(self, error: BaseException) -> Verdict | None:
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in AGAIN or status in (408, 429) or status >= 500:
                return Verdict.AGAIN if status != 507 else Verdict.FULL
            if code in REFUSED or status in (401, 403):
                return Verdict.REFUSED
            return Verdict.MISSING if status == 404 else Verdict.FAILED
        if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
            return Verdict.REFUSED
        again = (HTTPClientError, NoConnection, ResponseParserError, aiohttp.ClientError)
        return Verdict.AGAIN if isinstance(error, again) else None

    def _page(self, folder: str, deep: bool, start: str) -> Page:
        more = {"ContinuationToken": start} if start else {}
        parted = {} if deep else {"Delimiter": "/"}
        found = self._call("list_objects_v2", Prefix=f"{folder}/" if folder else "", **parted, **more)
        page = Page([item["Prefix"].removesuffix("/") for item in found.get("CommonPrefixes", ())],
                    next=found.get("NextContinuationToken", "") if found.get("IsTruncated") else "")
        for item in found.get("Contents", ()):
            if not item["Key"].endswith("/"):  # what some tools make for a folder
                stamp = item.get("ETag", "").strip('"') or f"{item['LastModified'].timestamp()}-{item['Size']}"
                page.files.append(Entry(item["Key"], item["Size"], stamp, item["LastModified"].timestamp()))
        return page

    @contextmanager
    def _stream(self, key: str, at: int, stamp: str) -> Iterator[Stream]:
        rest = {"Range": f"bytes={at}-", "IfMatch": stamp} if at else {}
        try:
            answer = self._call("get_object", Key=key, **rest)
        except OSError as error:
            if not at or _code(error) not in ("PreconditionFailed", "InvalidRange", "412", "416"):
                raise
            at, answer = 0, self._call("get_object", Key=key)  # another file has come in its place
        if "ContentRange" not in answer:
            at = 0
        body = answer["Body"]
        try:
            yield Stream(at, answer.get("ETag", ""), self._pieces(body, answer["ContentLength"]))
        finally:
            self.connection.loop.call_soon_threadsafe(body.close)

    def _pieces(self, body: Any, length: int) -> Iterator[bytes]:
        async def piece() -> bytes:
            data = bytearray()
            while len(data) < PIECE and (more := await body.read(PIECE - len(data))):
                data += more
            return bytes(data)

        while length and (data := sync(self.connection.loop, piece)):
            length -= len(data)
            yield data
        if length:
            raise EOFError("the answer is too short")

    def _exists(self, key: str) -> bool:
        try:
            self._call("head_object", Key=key)
        except FileNotFoundError:
            return False
        return True

    def put(self, key: str, file: BinaryIO, size: int) -> None:
        if size <= PART:
            super().put(key, file, size)
        else:
            self._put_parts(key, file, size)

    def _put(self, key: str, file: BinaryIO, size: int) -> None:
        data = file.read(size)
        self._call("put_object", Key=key, Body=data, ContentMD5=_md5(data))

    def _put_parts(self, key: str, file: BinaryIO, size: int) -> None:
        upload = self.patiently(key, lambda _: self._call("create_multipart_upload", Key=key))["UploadId"]
        try:
            parts = list(self._parts(key, file, upload))
            self._complete(key, upload, parts, size)
        except BaseException:
            with suppress(Exception):  # the reason why it failed is what is told
                self._call("abort_multipart_upload", Key=key, UploadId=upload)
            raise

    def _parts(self, key: str, file: BinaryIO, upload: str) -> Iterator[dict[str, Any]]:
        file.seek(0)
        for number in count(1):
            data = file.read(PART)
            if not data:
                return
            words = {"Key": key, "UploadId": upload, "PartNumber": number, "Body": data, "ContentMD5": _md5(data)}
            answer = self.patiently(key, lambda _, words=words: self._call("upload_part", **words))
            yield {"PartNumber": number, "ETag": answer["ETag"]}

    def _complete(self, key: str, upload: str, parts: list[dict[str, Any]], size: int) -> None:
        def complete(patience: Any) -> None:
            try:
                self._call("complete_multipart_upload", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
            except FileNotFoundError:  # an earlier try may have done it and its answer been lost
                if patience.tries == 1 or self._call("head_object", Key=key)["ContentLength"] != size:
                    raise

        self.patiently(key, complete)

    def _create(self, key: str, data: bytes) -> None:
        try:
            self._call("put_object", Key=key, Body=data, ContentMD5=_md5(data), IfNoneMatch="*")
        except OSError as error:
            if _code(error) in ("PreconditionFailed", "412"):
                raise Taken from error
            raise

    def _remove(self, key: str) -> None:
        self._call("delete_object", Key=key)

    def remove(self, keys: list[str]) -> None:
        for at in range(0, len(keys), REMOVED_AT_ONCE):
            self._remove_some(keys[at : at + REMOVED_AT_ONCE])

    def _remove_some(self, keys: list[str]) -> None:
        names = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = self.patiently(keys[0], lambda _: self._call("delete_objects", Delete=names))
        for failed in answer.get("Errors", ()):  # one by one: then each has its patience and its reason
            super().remove([failed["Key"]])


def _time(text: str) -> datetime:
    """As botocore's own, which takes two thirds of the time of a listing."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):  # a number, or a time as in the head of a letter
        return parse_timestamp(text)


def _md5(data: bytes) -> str:
    """For the store to see that nothing was lost on the way."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _code(error: BaseException) -> str:
    cause = error.__cause__
    return cause.response["Error"].get("Code", "") if isinstance(cause, ClientError) else ""
