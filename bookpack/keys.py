"""The key that a book is signed with: from a PKCS#12 file or from a token (PKCS#11), opened with a password or PIN.

What is signed with it is left to `sign`. The password is asked for when it is needed, and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from errors import CannotSign
from originals.eventlog import VIETNAM


@dataclass(frozen=True)
class SignatureParams:
    """Settings of the signature that a book gets when it is closed."""

    what: Literal["none", "book", "cases", "both"] = "none"  # the archive's whole book, the ministry's cases
    file: str = ""  # PKCS#12 file (.p12, .pfx) with key and certificate
    module: str = ""  # or the library of a token (PKCS#11)
    token: str = ""  # label of the token, where there are several
    certificate: str = ""  # label of certificate and key on the token
    name: str = ""  # who signs, in the words that are seen; empty: the name of the certificate
    reason: str = ""
    trust: tuple[str, ...] = ()  # certificate files (PEM or DER) of those whose word for a signer is taken


def can_sign() -> bool:
    """Whether pyHanko (the extra `signing`) is installed."""
    return find_spec("pyhanko") is not None


@contextmanager
def opened_key(params: SignatureParams, password: Callable[[], str]) -> Iterator[Any]:
    """pyHanko's signer with the key of the settings. Raises CannotSign, before anything is signed."""
    if not can_sign():
        raise CannotSign("signing_missing")
    if not (params.file or params.module):
        raise CannotSign("signing_no_key")
    with _from_file(params, password) if params.file else _from_token(params, password) as signer:
        certificate = signer.signing_cert
        if not certificate.not_valid_before <= datetime.now(VIETNAM) <= certificate.not_valid_after:
            raise CannotSign("signing_expired", until=f"{certificate.not_valid_after.astimezone(VIETNAM):%d.%m.%Y}")
        yield signer


@contextmanager
def _from_file(params: SignatureParams, password: Callable[[], str]) -> Iterator[Any]:
    from pyhanko.sign.signers import SimpleSigner

    try:
        data = Path(params.file).read_bytes()
    except OSError as error:
        raise CannotSign("signing_file", file=params.file, reason=error.strerror or "") from error
    try:
        signer = SimpleSigner.load_pkcs12_data(data, other_certs=(), passphrase=password().encode("utf-8"))
    except (ValueError, TypeError, AttributeError) as error:  # what the library makes of a wrong password, or no key
        raise CannotSign("signing_password", file=params.file) from error
    yield signer


@contextmanager
def _from_token(params: SignatureParams, password: Callable[[], str]) -> Iterator[Any]:
    try:
        from pyhanko.config.pkcs11 import TokenCriteria
        from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session
    except ImportError as error:
        raise CannotSign("signing_missing") from error
    criteria, label = TokenCriteria(label=params.token) if params.token else None, params.certificate or None
    with _told(params):
        session = open_pkcs11_session(params.module, token_criteria=criteria, user_pin=password())
    with session:
        with _told(params):
            signer = PKCS11Signer(session, cert_label=label, key_label=label)
            signer.signing_cert  # noqa: B018  loads it: what is not on the token is told before anything is done
        yield signer


@contextmanager
def _told(params: SignatureParams) -> Iterator[None]:
    try:
        yield
    except token_errors() as error:
        reason = str(error) or type(error).__name__
        raise CannotSign("signing_token", token=params.token or params.module, reason=reason) from error


def token_errors() -> tuple[type[Exception], ...]:
    """What can come of a token; nothing where the part for tokens is not installed."""
    with suppress(ImportError):
        from pkcs11 import PKCS11Error
        from pyhanko.sign.general import SigningError

        return PKCS11Error, SigningError, RuntimeError
    return ()
