"""Who sits at the station: names with a PIN, and the sessions of their browsers.

A PIN of a few digits keeps colleagues on a shared PC apart; what keeps strangers out is that the page answers this
computer alone. So tries are slowed down, and the digest is a slow one (scrypt, RFC 7914).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from errors import Refused
from originals.peoplelog import CHECKER, ROLES, Known, PeopleLog
from webstation.pauses import pause

LEAST_DIGITS, MOST_DIGITS = 4, 12
LONGEST_NAME = 60  # letters
FREE_TRIES = 3
SESSION_S = 12 * 3600.0  # a working day, from the last sign of life on
MOST_SESSIONS = 200


@dataclass(frozen=True)
class Session:
    """A browser in which somebody has said who they are. `token` goes with every order that it gives."""

    person: str
    role: str
    token: str
    language: str


class People:
    """The people of a station and their sessions; safe for several threads. Sessions end with the program."""

    def __init__(self, log: PeopleLog, language: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._language, self._clock = log, language, clock
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[Session, float]] = {}
        self._tries: dict[str, tuple[int, float]] = {}  # name → wrong tries, when the next one is heard
        self.start_key = secrets.token_urlsafe(16)

    def names(self) -> list[Known]:
        """The people of the station, by name."""
        return sorted(self._log.state().values(), key=lambda known: known.name.casefold())

    def add(self, name: str, pin: str, role: str, by: str) -> None:
        """A new person, or a new PIN for one who is there. Raises Refused for what cannot be a name or PIN."""
        name = unicodedata.normalize("NFC", " ".join(name.split()))
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise Refused("person_name", most=LONGEST_NAME)
        if not (pin.isascii() and pin.isdecimal() and LEAST_DIGITS <= len(pin) <= MOST_DIGITS):
            raise Refused("person_pin", least=LEAST_DIGITS, most=MOST_DIGITS)
        if role not in ROLES:
            raise Refused("order_incomplete", name="role")
        same = next((known.name for known in self.names() if known.name.casefold() == name.casefold()), name)
        salt = secrets.token_hex(16)
        if role != CHECKER:
            self._check_checkers(same)
        self._log.append({"event": "person", "name": same, "role": role, "salt": salt, "digest": _digest(pin, salt),
                          "by": by or name})
        if by != same:
            self._end_sessions(same)

    def renew(self, name: str, pin: str) -> None:
        """A new PIN for a checker who forgot theirs, by whoever has the link of the start. Raises Refused for others."""
        known = self._log.state().get(name)
        if known is None or known.role != CHECKER:
            raise Refused("person_no_checker")
        self.add(name, pin, CHECKER, "start link")

    def remove(self, name: str, by: str) -> None:
        """A person who works here no longer; what they did keeps their name. Raises Refused for the last checker."""
        if name not in self._log.state():
            raise Refused("person_unknown", name=name)
        self._check_checkers(name)
        self._log.append({"event": "person_left", "name": name, "by": by})
        self._end_sessions(name)

    def _end_sessions(self, name: str) -> None:
        with self._lock:
            self._sessions = {key: held for key, held in self._sessions.items() if held[0].person != name}

    def _check_checkers(self, name: str) -> None:
        """Raises Refused where nobody but this person may add people, who is then to be a checker no longer."""
        if [known.name for known in self.names() if known.role == CHECKER] == [name]:
            raise Refused("person_last", name=name)

    def enter(self, name: str, pin: str, language: str = "") -> str:
        """The key of a new session. Raises Refused for a wrong name or PIN, or one that is tried too often."""
        with self._lock:
            tries, until = self._tries.get(name, (0, 0.0))
            if self._clock() < until:
                raise Refused("person_wait", seconds=round(until - self._clock()) + 1)
            self._tries[name] = tries + 1, self._clock() + pause(tries + 1, FREE_TRIES)
        known = self._log.state().get(name)
        if known is None:
            self._tries.pop(name, None)  # names are made up without end; they must not fill the memory
            raise Refused("person_unknown", name=name)
        if not hmac.compare_digest(_digest(pin, known.salt), known.digest):
            raise Refused("person_wrong_pin", name=name)
        self._tries.pop(name, None)
        return self._open(Session(known.name, known.role, secrets.token_urlsafe(16), language or self._language))

    def is_start_key(self, key: str) -> bool:
        """Whether it is the key that the program showed when it was started."""
        return hmac.compare_digest(key.encode(), self.start_key.encode())

    def session(self, key: str) -> Session | None:
        """The session of a key, if it lives; asking keeps it alive."""
        with self._lock:
            held = self._sessions.get(key)
            if held is None or self._clock() > held[1]:
                self._sessions.pop(key, None)
                return None
            self._sessions[key] = held[0], self._clock() + SESSION_S
            return held[0]

    def lives(self, key: str) -> bool:
        """Whether a session lives; this asks for no person, and keeps nothing alive."""
        with self._lock:
            held = self._sessions.get(key)
            return held is not None and self._clock() <= held[1]

    def speak(self, key: str, language: str) -> None:
        """From now on the session speaks another language."""
        with self._lock:
            held = self._sessions.get(key)
            if held is not None:
                session = held[0]
                self._sessions[key] = Session(session.person, session.role, session.token, language), held[1]

    def leave(self, key: str) -> None:
        """The person goes; the browser knows nobody any more."""
        with self._lock:
            self._sessions.pop(key, None)

    def _open(self, session: Session) -> str:
        key = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._sessions) >= MOST_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[key] = session, self._clock() + SESSION_S
        return key


def _digest(pin: str, salt: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()
