"""The station's certificate: made here, signed by itself, for browsers that let no page near a camera without TLS.

Nobody vouches for it, so a phone warns once; a person may compare the fingerprint with the one on the station's screen.
It is kept for as long as it fits, or that warning would come again every day.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from originals.durable import write_private

if TYPE_CHECKING:
    from cryptography import x509

BEFORE, VALID, RENEWED = timedelta(days=30), timedelta(days=730), timedelta(days=30)  # a phone's clock may be behind
MOST_NAMES = 24  # so many addresses and names are remembered, those of today first
SHOWN = 8  # bytes of the fingerprint that people compare


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate and its private key, and the SHA-256 fingerprint of the certificate."""

    certificate: Path
    key: Path
    fingerprint: str

    @property
    def short(self) -> str:
        """The beginning of the fingerprint, as phones show it."""
        return " ".join(self.fingerprint[at : at + 2] for at in range(0, 2 * SHOWN, 2)).upper()


def station_certificate(folder: Path, names: Iterable[str], now: datetime | None = None) -> Certificate:
    """The certificate in `folder` for all `names` (addresses among them); a new one where there is none that fits.

    Raises StorageFailed.
    """
    wanted, moment = list(dict.fromkeys(names)), now or datetime.now(UTC)
    files = folder / "certificate.pem", folder / "key.pem"
    held = _read(*files)
    known = _names(held) if held is not None else []
    if held is None or not set(wanted) <= set(known) or not _in_force(held, moment):
        every = list(dict.fromkeys([*wanted, *known]))[: max(MOST_NAMES, len(wanted))]
        held = _make(files, every, moment)
    return Certificate(*files, _fingerprint(held))


def _in_force(held: x509.Certificate, moment: datetime) -> bool:
    return held.not_valid_before_utc <= moment <= held.not_valid_after_utc - RENEWED


def _read(certificate: Path, key: Path) -> x509.Certificate | None:
    """The certificate, if it can be read and belongs to the key beside it."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    with suppress(OSError, ValueError, TypeError):
        held = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
        open_to_others = os.name != "nt" and key.stat().st_mode & 0o077
        if private.public_key() == held.public_key() and not open_to_others:
            return held
    return None


def _make(files: tuple[Path, Path], names: list[str], moment: datetime) -> x509.Certificate:
    """Write a new key and its certificate. A crash between the two leaves a pair that does not match, and is made anew."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sohoa")])
    usage = x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                          key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(moment - BEFORE).not_valid_after(moment + VALID)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(files[1], pem)
    write_private(files[0], made.public_bytes(serialization.Encoding.PEM))
    return made


def _general_name(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(held: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        found = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in found]


def _fingerprint(held: x509.Certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return held.fingerprint(hashes.SHA256()).hex()
