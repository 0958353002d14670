"""Signed PDFs: still PDF/A-1b, seen on the first page, and every later change is found. Keys and people are made up."""

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest

pytest.importorskip("pyhanko", reason="signing (the extra signing) is not installed")

from bookpack.archive import write_book
from bookpack.keys import SignatureParams
from bookpack.sign import NOTES, check, opened, signatures
from errors import CannotSign
from tests.bookpack.test_pdf import VALID, _preflight, needs_preflight

AGENCY, PASSWORD = "Ủy ban nhân dân xã Mẫu Thượng, huyện Ví Dụ", "mật khẩu"
DAY = timedelta(days=1)
SOFTHSM = next((path for path in map(Path, ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"))
                if path.exists()), None)


def certificate(name, issuer=None, days=300):
    """A key and its certificate, by a CA or as one."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa

    key, ca = rsa.generate_private_key(65537, 2048), issuer is None
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False)
    made = x509.CertificateBuilder(
        who if ca else issuer[1].subject, who, key.public_key(), x509.random_serial_number(),
        datetime.now(UTC) - 30 * DAY, datetime.now(UTC) + days * DAY)
    made = made.add_extension(x509.BasicConstraints(ca, None), True).add_extension(usage, True)
    return key, made.sign(key if ca else issuer[0], hashes.SHA256())


def write_key(path, owned, authority, password=PASSWORD):
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    path.write_bytes(pkcs12.serialize_key_and_certificates(
        b"key", owned[0], owned[1], [authority[1]], BestAvailableEncryption(password.encode())))
    return path


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Folder with `key.p12`, `old.p12` (run out) and the certificate of their authority, `ca.pem`."""
    from cryptography.hazmat.primitives.serialization import Encoding

    folder, authority = tmp_path_factory.mktemp("keys"), certificate("Cơ quan chứng thực Mẫu")
    write_key(folder / "key.p12", certificate(AGENCY, authority), authority)
    write_key(folder / "old.p12", certificate(AGENCY, authority, days=-1), authority)
    (folder / "ca.pem").write_bytes(authority[1].public_bytes(Encoding.PEM))
    return folder


@pytest.fixture
def params(keys):
    return SignatureParams(what="book", file=str(keys / "key.p12"), reason="Đóng sổ")


@pytest.fixture
def signed(contents, params, tmp_path):
    """A signed book of three pages."""
    write_book(tmp_path / "book.pdf", contents)
    sign(tmp_path / "book.pdf", params)
    return tmp_path / "book.pdf"


def sign(path, params, password=PASSWORD):
    with opened(params, lambda: password) as signing, open(path, "r+b") as pdf:
        signing.sign(pdf)


def faults(document, trust=()):
    return [code for code, _ in check(document, "book.pdf", trust)]


@needs_preflight
def test_a_signed_book_is_valid_pdfa_1b(signed):
    assert VALID in _preflight(signed)


def test_who_and_when_are_known_and_what_the_document_says_of_itself_is_as_it_was(signed, contents, keys):
    (found,) = signatures(signed, [str(keys / "ca.pem")])
    assert found == replace(found, name=AGENCY, intact=True, whole=True, trusted=True)
    assert found.time.endswith("+07:00")
    assert abs(datetime.fromisoformat(found.time) - datetime.now(UTC)) < timedelta(minutes=5)
    with pikepdf.open(signed) as pdf:
        assert str(pdf.docinfo["/Producer"]) == contents.program
        assert pdf.open_metadata()["dc:title"] == contents.title
        assert len(pdf.pages) == 3


def test_the_bytes_before_the_signature_are_those_of_the_unsigned_book(signed, contents, tmp_path):
    write_book(tmp_path / "plain.pdf", contents)
    assert signed.read_bytes().startswith((tmp_path / "plain.pdf").read_bytes())


def test_it_is_seen_at_the_top_right_of_the_first_page_alone(signed, contents, tmp_path):
    write_book(tmp_path / "plain.pdf", contents)
    for page, seen in ((0, True), (1, False)):
        shown = []
        for path in (signed, tmp_path / "plain.pdf"):
            with pypdfium2.PdfDocument(path) as pdf:
                pdf.init_forms()
                shown.append(np.asarray(pdf[page].render(scale=2).to_pil().convert("L"), np.int16))
        rows, columns = np.nonzero(abs(shown[0] - shown[1]) > 60)
        assert bool(len(rows)) == seen
        if seen:
            assert rows.max() < shown[0].shape[0] / 8 and columns.min() > shown[0].shape[1] / 2


def test_signatures_differ_from_one_another_in_time_and_signature_alone(contents, params, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(datetime.now(UTC).timestamp())))
    texts = []
    for name in ("one.pdf", "two.pdf"):
        write_book(tmp_path / name, contents)
        before = (tmp_path / name).stat().st_size
        sign(tmp_path / name, params)
        added = (tmp_path / name).read_bytes()[before:]
        start, end = added.index(b"/Contents <"), added.index(b"/ByteRange")
        texts.append(added[:start] + added[end:].partition(b"/ID")[0])
    assert texts[0] == texts[1]


def test_a_byte_changed_after_signing_is_found(signed):
    data = bytearray(signed.read_bytes())
    at = data.index(b"/ByteRange")
    for place in (100, len(data) // 3, data.index(b"/Info") + 40, at - 20_000, len(data) - 200):
        changed = bytearray(data)
        changed[place] ^= 1
        assert faults(bytes(changed)) == ["signature_broken"], place
    assert faults(bytes(data)) == ["signature_untrusted"]


def test_a_page_added_after_signing_is_found(signed, tmp_path):
    from pyhanko.pdf_utils.generic import StreamObject
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.pdf_utils.writer import PageObject

    with open(signed, "r+b") as file:
        writer = IncrementalPdfFileWriter(file)
        nothing = writer.add_object(StreamObject(stream_data=b""))
        writer.insert_page(PageObject(contents=nothing, media_box=(0, 0, 100, 100)))
        writer.write_in_place()
    assert len(pikepdf.open(signed).pages) == 4
    assert "signature_added_to" in faults(signed)


def test_bytes_put_behind_the_end_are_found(signed):
    assert "signature_added_to" in faults(signed.read_bytes() + b"\n% and more\n")


def test_an_intact_signature_of_somebody_unknown_is_a_note_and_one_of_a_trusted_one_nothing(signed, keys):
    assert faults(signed) == ["signature_untrusted"]
    assert set(faults(signed)) <= NOTES
    assert faults(signed, [str(keys / "ca.pem")]) == []


def test_a_second_signature_leaves_the_first_one_good(signed, params, keys):
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers

    with open(signed, "r+b") as file:
        key = signers.SimpleSigner.load_pkcs12(keys / "key.p12", passphrase=PASSWORD.encode())
        signers.sign_pdf(IncrementalPdfFileWriter(file), signers.PdfSignatureMetadata("Second"), key, in_place=True)
    found = signatures(signed, [str(keys / "ca.pem")])
    assert [(item.intact, item.whole, item.trusted) for item in found] == [(True, True, True)] * 2


def test_what_is_not_signed_has_no_faults(contents, tmp_path):
    write_book(tmp_path / "book.pdf", contents)
    assert faults(tmp_path / "book.pdf") == faults((tmp_path / "book.pdf").read_bytes()) == []
    (tmp_path / "empty.pdf").write_bytes(b"")
    assert faults(tmp_path / "empty.pdf") == []


@pytest.mark.parametrize(("changes", "password", "code"), [
    ({}, "another", "signing_password"),
    ({"file": "missing.p12"}, PASSWORD, "signing_file"),
    ({"file": ""}, PASSWORD, "signing_no_key"),
    ({"file": "", "module": "/nowhere.so"}, PASSWORD, "signing_token"),
])
def test_a_key_that_cannot_be_had_is_told_before_anything_is_signed(params, changes, password, code):
    with pytest.raises(CannotSign) as error, opened(replace(params, **changes), lambda: password):
        pass
    assert error.value.code == code
    assert password not in str(error.value)


def test_a_certificate_that_has_run_out_signs_nothing(params, keys):
    with pytest.raises(CannotSign, match="signing_expired"), opened(replace(params, file=str(keys / "old.p12")),
                                                                    lambda: PASSWORD):
        pass


def test_nothing_is_asked_for_where_nothing_is_to_be_signed():
    with opened(SignatureParams(), lambda: pytest.fail("asked for a password")) as signing:
        assert signing is None


@pytest.mark.parametrize(("what", "book", "cases"), [("book", True, False), ("cases", False, True), ("both", True, True)])
def test_the_settings_say_what_is_signed(params, what, book, cases):
    with opened(replace(params, what=what), lambda: PASSWORD) as signing:
        assert (signing.of("book") is not None, signing.of("cases") is not None) == (book, cases)


@pytest.fixture
def token(tmp_path, monkeypatch):
    """A token in software, with a key of ours on it."""
    pkcs11 = pytest.importorskip("pkcs11", reason="the part of pyHanko for tokens is not installed")
    if SOFTHSM is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm.conf"))
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "sohoa", "--pin", "1234", "--so-pin", "1234"],
                   check=True, capture_output=True, env=os.environ)
    return pkcs11


def test_a_token_signs_as_a_file_does(token, contents, tmp_path):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from pkcs11 import Attribute, KeyType, ObjectClass
    from pkcs11.util.rsa import decode_rsa_private_key

    key, made = certificate(AGENCY, certificate("CA Mẫu"))
    library = token.lib(str(SOFTHSM))
    library.reinitialize()
    with library.get_token(token_label="sohoa").open(rw=True, user_pin="1234") as session:
        private = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        for facts in (decode_rsa_private_key(private) | {Attribute.KEY_TYPE: KeyType.RSA}, {
            Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.VALUE: made.public_bytes(Encoding.DER),
            Attribute.CERTIFICATE_TYPE: token.CertificateType.X_509, Attribute.SUBJECT: made.subject.public_bytes(),
        }):
            session.create_object(facts | {Attribute.TOKEN: True, Attribute.LABEL: "ký", Attribute.ID: b"1"})
    params = SignatureParams(what="book", module=str(SOFTHSM), token="sohoa", certificate="ký")
    write_book(tmp_path / "book.pdf", contents)
    with pytest.raises(CannotSign, match="signing_token"):
        sign(tmp_path / "book.pdf", params, "0000")
    sign(tmp_path / "book.pdf", params, "1234")
    assert faults(tmp_path / "book.pdf") == ["signature_untrusted"]
    assert signatures(tmp_path / "book.pdf")[0].name == AGENCY


def test_signing_in_memory_is_the_same(contents, params, tmp_path):
    write_book(tmp_path / "book.pdf", contents)
    pdf = BytesIO((tmp_path / "book.pdf").read_bytes())
    with opened(params, lambda: PASSWORD) as signing:
        signing.sign(pdf)
    assert faults(pdf.getvalue()) == ["signature_untrusted"]
