"""Photos from phones: cut and resumed, in their order, safe only when the log has them, once whatever happens."""

import random
import socket
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from capture.phone import safe_name
from errors import NothingToDo
from originals import durable
from station import words
from tests.webstation.phone_client import BOOK, Phone, digest, photo, station, until
from webstation.phone import guard

ROOT = Path(__file__).parents[2]


def test_a_photo_is_safe_when_the_log_has_it_and_not_before(tmp_path):
    image = photo(1)
    with station(tmp_path, with_daemon=False) as door:
        phone = Phone(door.url(), door.key())
        phone.send(image, "Ảnh sổ 1.jpg")
        assert phone.state(image)["photos"][digest(image)]["state"] == "waiting"
        assert phone.announce(image).json() == {"offset": len(image), "whole": True}
    with station(tmp_path) as door:
        phone = Phone(door.url(), door.key())
        told = phone.wait_until(image, states=("looked_at",))
        assert told["book"] == BOOK
        assert door.sources() == ["0001-Ảnh sổ 1.jpg"]
        begun = photo(2)
        phone.announce(begun)
        phone.patch(begun, 0, 1500, cut=True)
        until(lambda: words.status(door.workplace)["unfinished_photos"] == 1)
        assert "gửi dở" in words.in_words(words.status(door.workplace), "vi")
        assert "gửi dở" in door.phones.standing(BOOK, "vi")["words"]
        phone.send(begun)
        phone.wait_until(begun)
        assert door.workplace.store.read(digest(image), verify=True) == image
        assert words.status(door.workplace)["unfinished_photos"] == 0


def test_photos_that_are_cut_at_random_points_come_in_whole_and_in_their_order(door, phone):
    chance, images = random.Random(7), [photo(seed, (256, 192)) for seed in range(6)]
    for number, image in enumerate(images, 1):
        while True:
            answer = phone.announce(image, f"IMG_{number}.jpg", number).json()
            if answer["whole"]:
                break
            here = answer["offset"]
            upto = chance.randint(here + 1, len(image) + len(image) // 4)
            phone.patch(image, here, upto, cut=upto < len(image))
    phone.wait_until(*images)
    assert door.sources() == [f"{number:04d}-IMG_{number}.jpg" for number in range(1, 7)]


def test_the_order_is_that_of_the_phone_whatever_its_clock_says(tmp_path):
    from PIL import ExifTags, Image

    images = []
    for number in range(4):
        exif = Image.Exif()
        exif[ExifTags.Base.DateTime] = f"2026:11:25 10:00:0{9 - number}"
        images.append(photo(number, exif=exif))
    with station(tmp_path, with_daemon=False) as door:
        phone = Phone(door.url(), door.key())
        for image in images:
            phone.send(image, "image.jpg")
    with station(tmp_path) as door:
        Phone(door.url(), door.key()).wait_until(*images)
        assert door.sources() == [f"{number:04d}-image.jpg" for number in range(1, 5)]


def test_heic_comes_in_as_it_is(door, phone):
    import io

    import pillow_heif
    from PIL import Image

    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.open(io.BytesIO(photo(1, (256, 192))))).save(buffer)
    phone.send(buffer.getvalue(), "IMG_0001.HEIC")
    phone.wait_until(buffer.getvalue())
    assert door.workplace.log(BOOK).state().captures[0].media == "image/heic"


def test_a_photo_that_is_all_here_but_has_not_its_place_yet_gets_it(door, phone):
    image = photo(1)
    durable.append_bytes(door.workplace.uploads / BOOK / f"{digest(image)}.part", 0, image)  # as a kill leaves it
    assert phone.announce(image).json() == {"offset": len(image), "whole": False}
    assert phone.patch(image, len(image)).status_code == 204
    phone.wait_until(image)


def test_a_full_disk_is_told_and_the_photo_goes_on_when_there_is_room(door, phone, monkeypatch):
    image = photo(1, (256, 192))
    phone.announce(image)
    phone.patch(image, 0, 5000, cut=True)
    until(lambda: door.phones.standing(BOOK, "vi")["unfinished"])
    with monkeypatch.context() as patch:
        patch.setattr("webstation.phone.uploads.free_bytes", lambda folder: 1000)
        refused = phone.announce(image, number=1)
        assert (refused.status_code, refused.json()["code"]) == (507, "no_room")
        assert "điện thoại" in refused.json()["message"]
    phone.send(image, number=1)
    phone.wait_until(image)


def test_a_photo_is_not_begun_before_the_one_before_it_has_its_end(door, phone):
    first, second = photo(1), photo(2)
    phone.announce(first)
    phone.patch(first, 0, 1500, cut=True)
    until(lambda: door.phones.standing(BOOK, "vi")["unfinished"])
    refused = phone.announce(second)
    assert (refused.status_code, refused.json()["code"], refused.json()["photo"]) == (409, "another_first", digest(first))
    other = Phone(door.url(), door.key(), session="ffffffff0000")
    other.send(photo(3), "other.jpg", number=9)
    phone.send(first, "first.jpg", number=1)
    phone.send(second, "second.jpg", number=2)
    phone.wait_until(first, second)
    assert [name for name in door.sources() if "other" not in name] == ["0001-first.jpg", "0002-second.jpg"]


def test_a_photo_that_is_given_up_leaves_nothing_and_lets_the_next_one_in(door, phone):
    first, second = photo(1), photo(2)
    phone.announce(first)
    phone.patch(first, 0, 1500, cut=True)
    until(lambda: door.phones.standing(BOOK, "vi")["unfinished"])
    url = f"/photos/{digest(first)}"
    stranger = Phone(door.url(), door.key(), session="ffffffff0000")
    assert stranger.http.delete(url, headers={"photo-session": stranger.session}).status_code == 404
    assert phone.http.delete(url, headers={"photo-session": phone.session}).status_code == 204
    assert not list(door.workplace.uploads.rglob("*.part"))
    phone.send(second)
    phone.wait_until(second)


def test_the_same_photo_twice_is_one_original(door, phone):
    image = photo(1)
    phone.send(image, "IMG_1.jpg")
    phone.wait_until(image)
    phone.send(image, "IMG_1 (1).jpg")
    other = Phone(door.url(), door.key(), session="ffffffff0000")
    other.send(image, "again.jpg")
    assert len(door.workplace.store.list()) == 1
    assert len(door.sources()) == 1


def test_a_request_that_hangs_does_not_keep_its_photo_from_going_on(door, phone):
    image = photo(1, (256, 192))
    phone.announce(image)
    url, key = door.url(), phone.http.headers["x-sohoa-key"]
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as hanging:
        hanging.sendall((f"PATCH /photos/{digest(image)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Sohoa-Key: {key}\r\n"
                         f"Upload-Offset: 0\r\nContent-Length: {len(image)}\r\n\r\n").encode() + image[:5000])
        time.sleep(0.3)
        phone.send(image)
    phone.wait_until(image)


def test_a_photo_that_was_damaged_on_its_way_is_sent_again(door, phone):
    image = photo(1)
    phone.announce(image)
    damaged = image[:-10] + bytes(10)
    answer = phone.patch(damaged, 0, sha256=digest(image))
    assert (answer.status_code, answer.json()["code"]) == (460, "differs")
    assert phone.announce(image, number=1).json()["offset"] == 0
    phone.send(image, number=1)
    phone.wait_until(image)
    assert len(door.workplace.store.list()) == 1


def test_what_is_no_image_or_too_large_is_refused(tmp_path):
    with station(tmp_path, more="  max_mb: 0.1\n") as door:
        phone, text = Phone(door.url(), door.key()), b"no image " * 1000
        phone.announce(text)
        answer = phone.patch(text, 0)
        assert (answer.status_code, answer.json()["code"]) == (415, "no_image")
        answer = phone.announce(photo(1, (512, 384)))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        phone.send(photo(2))
        phone.wait_until(photo(2))


def test_a_piece_that_does_not_go_on_where_the_last_one_ended_is_refused(door, phone):
    image = photo(1)
    phone.announce(image)
    phone.patch(image, 0, 1500, cut=True)
    until(lambda: phone.announce(image, number=1).json()["offset"] == 1500)
    for offset in (0, 20, 1501, len(image)):
        answer = phone.patch(image, offset)
        assert (answer.status_code, answer.headers["upload-offset"]) == (409, "1500")


def test_there_are_only_so_many_unfinished_photos_and_a_person_may_discard_them(tmp_path):
    with station(tmp_path, more="  most_unfinished: 2\n") as door:
        for seed, session in ((1, "aaaaaaaa"), (2, "bbbbbbbb")):
            phone = Phone(door.url(), door.key(), session=session)
            phone.announce(photo(seed))
            phone.patch(photo(seed), 0, 1500, cut=True)
        until(lambda: len(door.phones.standing(BOOK, "vi")["unfinished"]) == 2)
        third = Phone(door.url(), door.key(), session="cccccccc")
        refused = third.announce(photo(3))
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many")
        door.phones.discard(BOOK, digest(photo(1)), "Người Thử")
        with pytest.raises(NothingToDo):
            door.phones.discard(BOOK, "../../station", "Người Thử")
        assert [item["sha256"] for item in door.phones.standing(BOOK, "vi")["unfinished"]] == [digest(photo(2))]
        third.send(photo(3), number=2)


def test_a_phone_whose_photo_was_given_up_at_the_desk_goes_on_with_the_next(door, phone):
    phone.announce(photo(1))
    phone.patch(photo(1), 0, 1500, cut=True)
    until(lambda: door.phones.standing(BOOK, "vi")["unfinished"])
    door.phones.discard(BOOK, digest(photo(1)), "Người Thử")
    assert not list(door.workplace.uploads.rglob("*.part"))
    phone.send(photo(2))
    phone.wait_until(photo(2))


def test_who_opens_the_door_for_phones_is_one_of_those_who_worked_on_the_book(door, phone):
    assert "Người Thử" in door.workplace.log(BOOK).state().workers
    assert door.workplace.log(BOOK).events()[-1]["source"] == "phone"


def test_a_defect_is_logged_without_what_it_was_about(door, phone, monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError("personal")

    monkeypatch.setattr(door.phones._fates, "of", broken)
    answer = phone.announce(photo(1))
    assert (answer.status_code, answer.json()["code"]) == (500, "trouble")
    logged = [line for line in capsys.readouterr().err.splitlines() if "page_failed" in line]
    assert len(logged) == 1 and "ZeroDivisionError" in logged[0] and "personal" not in logged[0]


@pytest.mark.parametrize("order", [
    {"sha256": "../../etc/passwd"}, {"sha256": "A" * 64}, {"session": "../up"}, {"session": ""}, {"number": 0},
    {"number": -1}, {"number": "x"}, {"length": 0}, {"length": -5}, {"name": "x" * 2000}, {"length": None},
])
def test_an_order_that_is_no_photo_is_refused(door, phone, order):
    assert phone.announce(photo(1), **order).status_code == 400
    assert not list(door.workplace.root.glob("uploads/**/*"))


@pytest.mark.parametrize(("name", "kept"), [
    ("../../../books/KS.jsonl", "KS.jsonl"), ("a\nb\x00.jpg", "a_b_.jpg"), ("\u202egpj.scan.jpg", "gpj.scan.jpg"),
    ("C:\\fakepath\\IMG.HEIC", "IMG.HEIC"), ("x" * 400 + ".jpg", "x" * 120 + ".jpg"), ("..", "photo"), ("", "photo"),
    (".part", "part"), ("IMG.part", "IMG_part"), ("~$IMG.jpg", "IMG.jpg"), ("Ảnh.jpg", "Ảnh.jpg"),
    ("<script>alert(1)</script>.jpg", "script_.jpg"),
])
def test_a_name_is_data_and_never_a_path(name, kept):
    assert safe_name(name) == kept


def test_a_photo_of_any_name_lands_in_its_book(door, phone):
    names = ["../../up.jpg", "a/b/c.jpg", "..", "CON", "IMG.part", "\u202egpj.exe", "é" * 300 + ".jpg"]
    images = [photo(seed) for seed in range(len(names))]
    for image, name in zip(images, names, strict=True):
        phone.send(image, name)
    phone.wait_until(*images)
    assert len(door.sources()) == len(names)
    outside = [path for path in door.workplace.root.parent.iterdir() if path.name not in ("store", "own.yaml")]
    assert outside == []


def test_a_retake_takes_the_place_of_the_photo_that_the_same_phone_sent(door, phone):
    images = [photo(seed) for seed in range(3)]
    for image in images:
        phone.send(image, "IMG.jpg")
    phone.wait_until(*images)
    other = Phone(door.url(), door.key(), session="ffffffff0000")
    assert other.state(retakes={digest(images[2]): digest(images[0])})["replaced"] == []
    assert len(door.sources()) == 3
    assert phone.state(retakes={digest(images[2]): digest(images[0])})["replaced"] == [digest(images[2])]
    phone.state(retakes={digest(images[2]): digest(images[0])})
    assert door.sources() == ["0003-IMG.jpg", "0002-IMG.jpg"]


def test_a_photo_that_cannot_be_read_is_told_in_words(door, phone):
    broken = photo(1, (256, 192))[:9000]
    phone.send(broken)
    told = phone.wait_until(broken, states=("set_aside",))["photos"][digest(broken)]
    assert "thiếu" in told["findings"][0]
    assert digest(broken) in door.workplace.store.list()


def test_an_unsharp_photo_is_told_at_once(door, phone):
    import io

    from PIL import Image, ImageFilter

    page = Image.open(ROOT / "samples/pages/forms-2009/IMG_20240612_141907.jpg").convert("RGB")
    buffer = io.BytesIO()
    page.filter(ImageFilter.GaussianBlur(9)).save(buffer, "JPEG", quality=80)
    phone.send(buffer.getvalue())
    told = phone.wait_until(buffer.getvalue(), states=("looked_at",), seconds=90)["photos"][digest(buffer.getvalue())]
    assert any("mờ" in words or "nhòe" in words for words in told["findings"])


def test_a_body_that_comes_in_drops_is_cut_and_what_came_is_kept(door, phone, monkeypatch):
    monkeypatch.setattr(guard, "SLOW_S", 0.5)
    image = photo(1, (256, 192))
    phone.announce(image)

    def drops():
        for at in range(0, 8000, 400):
            yield image[at : at + 400]
            time.sleep(0.1)

    with suppress(httpx.TransportError):  # the answer may be lost with the connection
        answer = phone.http.patch(f"/photos/{digest(image)}", content=drops(),
                                  headers={"upload-offset": "0", "content-length": str(len(image))})
        assert answer.status_code == 408
    here = phone.announce(image, number=1).json()["offset"]
    assert 1024 <= here < 8000
    phone.send(image, number=1)
    phone.wait_until(image)


def test_a_photographed_cover_sheet_is_told_as_one(door, phone):
    import io

    import pypdfium2

    from capture.cover import CoverCode
    from capture.coversheet import sheets_pdf

    sheet = pypdfium2.PdfDocument(sheets_pdf([CoverCode("blank")], "vi", {}, {}))[0].render(scale=1.5).to_pil()
    buffer = io.BytesIO()
    sheet.convert("RGB").save(buffer, "JPEG", quality=90)
    phone.send(buffer.getvalue())
    phone.wait_until(buffer.getvalue(), states=("sheet",))
    phone.send(photo(1))
    phone.wait_until(photo(1))
    assert set(door.workplace.log(BOOK).state().roles.values()) == {"blank"}
