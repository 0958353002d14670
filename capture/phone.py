"""Photos from phones: how they are named on their way to the desk, and the settings of the door they come through.

A photo that has come in whole lies in the spool like a scanned page, in a folder for its book and one for its phone;
the desk takes it from there. The name that the phone gave is data: what could be a path, or is no sign that every disk
can write, is left out of it. The desk need not be told that a camera took it: it states no resolution, as scanners do.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from capture.folder import UNFINISHED

SESSION = re.compile(r"[a-z0-9]{8,32}")  # a phone makes it up, at random, for each book
OTHER = re.compile(r"[^\w .()-]+")
LONGEST_NAME, LONGEST_SUFFIX = 120, 8  # bytes
NAMELESS = "photo"


@dataclass(frozen=True)
class PhoneParams:
    """Settings of the phone as a scanner."""

    port: int = 8643  # where phones are answered, while a person has opened the door for them; 0: any that is free
    tls: bool = True  # with a certificate of the station's own
    minutes: float = 30.0  # so long a key is valid after the last photo
    max_mb: float = 80.0  # largest size of one photo, MB
    most_unfinished: int = 40  # photos of one book that have begun to come in and are not whole
    hosts: tuple[str, ...] = ()  # further addresses or names that phones know the station by

    def __post_init__(self) -> None:
        if not (0 <= self.port < 65536 and self.minutes > 0 and self.max_mb > 0 and self.most_unfinished > 0):
            raise ValueError("port, minutes, max_mb, most_unfinished")


@dataclass(frozen=True)
class Photo:
    """A photo that a phone wants to send: known by the digest of its bytes, `length` of them; the `number`th of its
    phone's `session`. `name` is what the phone calls it.
    """

    book: str
    session: str
    number: int
    sha256: str
    length: int
    name: str = ""

    @property
    def spooled(self) -> PurePosixPath:
        """Its place below the spool. Names sort in the order in which the photos were taken."""
        return PurePosixPath(self.book, f"P-{self.session}", f"{self.number:04d}-{safe_name(self.name)}")


def safe_name(name: str) -> str:
    """A name that every disk can write and that leads nowhere else: letters, digits and a few signs of the last part.

    One that says nothing after that is `photo`.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = OTHER.sub("_", last).strip(" ._")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix.encode()) > LONGEST_SUFFIX or f".{suffix.casefold()}" in UNFINISHED:
        stem, dot, suffix = plain.replace(".", "_"), "", ""
    while len(stem.encode()) > LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem.rstrip()}{dot}{suffix}" if stem.strip() else f"{NAMELESS}{dot}{suffix}"


def from_session(name: str, book: str, session: str) -> bool:
    """Whether an arrival of that name is a photo of that session."""
    return name.startswith(f"{book}/P-{session}/")
