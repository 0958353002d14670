"""Signatures of delivered PDFs (PAdES), seen at the top right of the first page, and what a reader finds of them.

pyHanko does the cryptography (the extra `signing`); what is drawn, and that the document stays PDF/A-1b, is told here.
When a book is signed is told in `closing`. No network: no time server is asked, no revocation list fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

from book import digest
from bookpack.keys import SignatureParams, can_sign, opened_key, token_errors
from bookpack.manifest import CHUNK
from bookpack.sealmark import MARGIN_PT, mark
from errors import CannotSign
from originals.eventlog import VIETNAM, now

FIELD = "Signature"
BYTE_RANGE = b"/ByteRange"  # every signed PDF has it
NOTES = frozenset({"signature_untrusted", "signature_unchecked"})  # not faults of the package


class Signing:
    """A key that is open: it signs one PDF after another. Made by `opened`."""

    def __init__(self, params: SignatureParams, signer: Any) -> None:
        self._params, self._signer = params, signer
        self.name = params.name or _name(signer.signing_cert)
        self.certificate = signer.signing_cert.sha256.hex()

    @property
    def basis(self) -> str:
        """Digest of all that a signature depends on, but for the time."""
        return digest([self.certificate, self.name, self._params.reason, self._params.what])

    def of(self, what: Literal["book", "cases"]) -> Callable[[BinaryIO], None] | None:
        """What signs PDFs of that kind; None where they are not to be signed."""
        return self.sign if self._params.what in (what, "both") else None

    def sign(self, pdf: BinaryIO) -> None:
        """Sign a PDF that is open for reading and writing, in place. Raises CannotSign, OSError."""
        from pyhanko.pdf_utils.misc import PdfError
        from pyhanko.sign.general import SigningError

        try:
            self._sign(pdf, datetime.fromisoformat(now()).astimezone(VIETNAM))
        except (SigningError, PdfError, *token_errors()) as error:
            raise CannotSign("signing_failed", reason=str(error)) from error

    def _sign(self, pdf: BinaryIO, moment: datetime) -> None:
        from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
        from pyhanko.sign.signers import PdfSignatureMetadata

        writer = _addition_to(pdf)
        width, height = _first_page(writer)
        time = f"{moment:%d.%m.%Y %H:%M:%S} {moment.isoformat()[-6:]}"
        style, (across, high) = mark(writer, self.name, time, self._params.reason)
        right, top = width - MARGIN_PT, height - MARGIN_PT
        facts = PdfSignatureMetadata(FIELD, "sha256", name=self.name, reason=self._params.reason or None,
                                     subfilter=SigSeedSubFilter.PADES)
        field = SigFieldSpec(FIELD, on_page=0, box=(right - across, top - high, right, top))
        _signer_at(moment)(facts, self._signer, stamp_style=style, new_field_spec=field).sign_pdf(writer, in_place=True)


@contextmanager
def opened(params: SignatureParams, password: Callable[[], str]) -> Iterator[Signing | None]:
    """The key of the settings, open for signing; None where nothing is to be signed.

    `password` is asked for that of the file or the token. Raises CannotSign, before anything is signed.
    """
    if params.what == "none":
        yield None
        return
    with opened_key(params, password) as signer:
        yield Signing(params, signer)


def _addition_to(pdf: BinaryIO) -> Any:
    """A writer that adds to a PDF and leaves what the document says of itself as it is.

    pyHanko would name itself as producer and write the metadata anew, in a form that is not PDF/A-1.
    """
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Addition(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            pass

    return Addition(pdf)


def _signer_at(moment: datetime) -> Any:
    """pyHanko's signer, by the clock that is seen on the page."""
    from pyhanko.sign.signers import PdfSigner

    class SignerAt(PdfSigner):
        def init_signing_session(self, *arguments: Any, **options: Any) -> Any:
            session = super().init_signing_session(*arguments, **options)
            session.system_time = moment
            return session

    return SignerAt


def _first_page(writer: Any) -> tuple[float, float]:
    """Width and height of the first page, points."""
    page, _ = writer.find_page_for_modification(0)
    box = [float(side) for side in page.get_object()["/MediaBox"]]
    return box[2] - box[0], box[3] - box[1]


@dataclass(frozen=True)
class Signed:
    """One signature of a PDF: who, by their certificate, when, by their own clock (ISO 8601), and whether it holds.

    `intact`: what was signed is as it was signed. `whole`: nothing was added since. `trusted`: by one of those trusted.
    """

    name: str
    time: str
    intact: bool
    whole: bool
    trusted: bool


def signatures(document: Path | bytes, trust: Sequence[str] = ()) -> list[Signed]:
    """All signatures of a PDF in order; none where it has none. Raises CannotSign `signing_missing` where pyHanko,
    which reads them, is not installed, or `signing_file` for a certificate that cannot be read; ValueError for a PDF
    whose signature cannot be read.
    """
    with _open(document) as file:
        if not _may_be_signed(file):
            return []
        if not can_sign():
            raise CannotSign("signing_missing")
        return list(_read(file, _certificates(trust)))


def _open(document: Path | bytes) -> BinaryIO:
    return open(document, "rb") if isinstance(document, Path) else BytesIO(document)


def _may_be_signed(file: BinaryIO) -> bool:
    end = b""
    while piece := file.read(CHUNK):
        if BYTE_RANGE in end + piece:
            return True
        end = piece[-len(BYTE_RANGE):]
    return False


def _certificates(trust: Sequence[str]) -> list[Any]:
    from pyhanko.keys import load_cert_from_pemder

    try:
        return [load_cert_from_pemder(path) for path in trust]
    except (OSError, ValueError) as error:
        raise CannotSign("signing_file", file=", ".join(trust), reason=str(error)) from error


def _read(file: BinaryIO, roots: list[Any]) -> Iterator[Signed]:
    from pyhanko.pdf_utils.reader import PdfFileReader

    with _quiet():
        try:
            found = PdfFileReader(file).embedded_regular_signatures
        except Exception as error:  # pyHanko raises many things over a damaged file
            raise ValueError(str(error)) from error
        for number, embedded in enumerate(found, 1):
            try:
                yield _validated(embedded, roots, last=number == len(found))
            except Exception:  # a signature that cannot be read has been changed
                yield Signed("", "", intact=False, whole=False, trusted=False)


def _validated(embedded: Any, roots: list[Any], last: bool) -> Signed:
    """By the signer's own clock: a certificate that has run out since was good when it was used."""
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    moment = embedded.self_reported_timestamp
    context = ValidationContext(trust_roots=roots, moment=moment, allow_fetching=False, revocation_mode="soft-fail")
    status = validate_pdf_signature(embedded, context)
    least = SignatureCoverageLevel.ENTIRE_FILE if last else SignatureCoverageLevel.ENTIRE_REVISION
    whole = status.coverage >= least and status.docmdp_ok is not False
    time = moment.astimezone(VIETNAM).isoformat(timespec="seconds") if moment else ""
    return Signed(_name(embedded.signer_cert), time, status.intact and status.valid, whole, status.trusted)


def _name(certificate: Any) -> str:
    return str(certificate.subject.native.get("common_name", ""))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without pyHanko's own messages: what it finds is told in words of ours."""
    import logging

    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def check(document: Path | bytes, file: str, trust: Sequence[str] = ()) -> list[tuple[str, dict[str, Any]]]:
    """What is to be said of the signatures of a PDF called `file`: (code, facts) of each, those of `NOTES` no faults.

    Nothing where there are none, or all are intact, whole and trusted.
    """
    try:
        found = signatures(document, trust)
    except ValueError:
        return [("signature_broken", {"file": file})]
    except CannotSign as error:
        return [("signature_unchecked", {"file": file, "reason": error.code})]
    return [(code, {"file": file, "name": item.name, "time": item.time}) for item in found for code in _codes(item)]


def _codes(item: Signed) -> list[str]:
    if not item.intact:
        return ["signature_broken"]
    return [code for code, good in (("signature_added_to", item.whole), ("signature_untrusted", item.trusted)) if not good]
