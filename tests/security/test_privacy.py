"""Promise 14: what a photo knows of its phone stays in the station: no place, no names in logs or in what is delivered."""

import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pikepdf
import pytest
from PIL import ExifTags, Image

from tests.security.test_page import Client
from tests.stations import QUICK, StationRun
from tests.webstation.phone_client import BOOK, Phone, digest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "samples/pages/forms-2009/IMG_20240612_141907.jpg"
PLANTED = "TrongPhongTest"
NAME = f"Nguyen Van {PLANTED} khai sinh.jpg"
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>{PLANTED}</note></x:xmpmeta>'.encode()
DOOR = "phone:\n  port: 0\n  tls: false\n"


def planted():
    """A photo that knows where and by whom it was taken."""
    image = Image.open(PAGE)
    exif = image.getexif()
    exif[ExifTags.Base.Artist] = exif[ExifTags.Base.ImageDescription] = exif[ExifTags.Base.Copyright] = PLANTED
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps.update({1: "N", 2: (19.0, 48.0, 27.123), 3: "E", 4: (105.0, 46.0, 35.456), 29: "2026:11:25"})
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = PLANTED.encode()
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, exif=exif, xmp=XMP, comment=PLANTED)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A station that got such a photo from a phone, and packed its book. Gives the run and the photo."""
    run = StationRun(tmp_path_factory.mktemp("privacy"), config=QUICK + DOOR).start()
    client = Client(run)
    client.order("/first", {"key": run.address.partition("key=")[2], "name": "Lê Văn Mẫu", "pin": "1357"})
    client.enter("Lê Văn Mẫu", "1357")
    assert client.order("/books/add", {"kind": "KS", "year": 2009, "place": "14800", "volume": 1}).status == 200
    link = json.loads(client.order(f"/books/{BOOK}/phone", {}).data)["address"]
    phone, image = Phone(link.partition("/#")[0], link.partition("#")[2]), planted()
    phone.send(image, NAME)
    phone.wait_until(image, states=("looked_at",), seconds=90)
    ran = subprocess.run([sys.executable, str(ROOT / "sohoa.py"), "pack", BOOK, "--store", str(run.store)],
                         capture_output=True, text=True, env={**os.environ, "PYTHONUTF8": "1"})
    assert ran.returncode == 0, ran.stderr
    yield run, image
    run.stop()


def pieces(path):
    """All that a file holds: of a zip its members, of a PDF its streams, as they are and unpacked."""
    data = path.read_bytes() if isinstance(path, Path) else path
    yield data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from pieces(archive.read(name))
    elif data[:5] == b"%PDF-":
        with pikepdf.open(io.BytesIO(data)) as pdf:
            for item in pdf.objects:
                if isinstance(item, pikepdf.Stream):
                    yield item.read_raw_bytes()
                    try:
                        yield item.read_bytes()
                    except pikepdf.PdfError:
                        continue


def leaks(data):
    """What of the photo's own is in some bytes."""
    return [word for word in (PLANTED.encode(), b"Exif\x00\x00", b"GPSInfo", b"2026:11:25") if word in data]


def delivered(run):
    root = run.store / "packages" / BOOK
    return [path for path in root.rglob("*") if path.is_file()]


def test_the_photo_itself_is_kept_as_it_came(packed):
    run, image = packed
    kept = next((run.store / "originals").rglob(f"{digest(image)}.jpg"))
    assert kept.read_bytes() == image and leaks(image)


def test_pages_know_nothing_of_the_phone(packed):
    run, _ = packed
    pages = [path for path in (run.store / "pages").rglob("*") if path.is_file()]
    assert any(path.suffix == ".jpg" for path in pages)
    assert [(path.name, leaks(data)) for path in pages for data in pieces(path) if leaks(data)] == []
    for path in pages:
        if path.suffix == ".jpg":
            assert not Image.open(path).getexif() and set(Image.open(path).info) <= {"jfif", "jfif_version", "jfif_unit",
                                                                                     "jfif_density", "dpi"}


def test_what_is_delivered_to_the_ministry_knows_nothing_of_the_phone(packed):
    run, _ = packed
    files = [path for path in delivered(run) if "ministry" in path.parts]
    assert {path.suffix for path in files} >= {".zip", ".xlsx"}
    found = [(path.name, leaks(data)) for path in files for data in pieces(path) if leaks(data)]
    assert found == []


def test_in_the_archive_only_the_original_knows_of_the_phone_and_only_lists_and_log_say_its_name(packed):
    """Originals stay as they came, by law; names of arrivals belong to what the archive records."""
    run, _ = packed
    rest = [path for path in delivered(run) if not {"ministry", "originals"} & set(path.parts)]
    named = {path.name for path in rest if PLANTED.encode() in path.read_bytes()}
    assert named <= {"PREMIS.xml", "originals.csv", "log.jsonl", "pages.csv"}
    name = Path(NAME).stem.encode()
    assert [(path.name, leaks(data)) for path in rest for data in pieces(path) if leaks(data.replace(name, b""))] == []


def test_the_logs_of_the_program_name_nobody(packed):
    run, _ = packed
    text = "\n".join(run.lines)
    assert '"received"' in text and '"developed"' in text
    assert PLANTED not in text and "Nguyen" not in text and "khai sinh" not in text and "Mẫu" not in text


@pytest.mark.skipif(os.name == "nt", reason="POSIX file modes")
def test_keys_are_for_the_program_alone_and_nothing_is_left_half_way(packed):
    run, _ = packed
    for path in [*(run.store / "phone").iterdir(), run.store / "people.jsonl"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(run.store.rglob(".tmp-*")) == []
    assert not list((run.store / "uploads").rglob("*.part")) and not list((run.store / "spool").rglob("*.jpg"))
