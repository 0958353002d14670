"""The main job as a person runs it: whole, twice, with bad files, and every refusal in words with its exit code."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

BOOK = "KH.1990.14800.01"


def tree(folder):
    """Hash and time of every file below, but for the lock."""
    return {path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".sohoa-store"}


@pytest.fixture(scope="module")
def done(small_pages, tmp_path_factory):
    """A finished book: its folder, and what the program said."""
    out = tmp_path_factory.mktemp("done") / "out"
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, str(root / "sohoa.py"), "process", str(small_pages), "--book", BOOK, "--out",
                          str(out), "--json"], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return out, json.loads(ran.stdout)


def test_images_become_pages_and_both_packages(done, sohoa):
    out, said = done
    assert said["received"] == {"new": 4, "again": 0}
    assert [page["file"] for page in said["pages"]] == ["IMG_4.jpg"] * 2 + ["IMG_8.jpg"] * 2 + ["IMG_12.jpg", "IMG_16.jpg"]
    assert [page["side"] for page in said["pages"]] == ["left", "right", "left", "right", "whole", "whole"]
    for package in (said["packages"]["ministry"], said["packages"]["archive"], out / "packages" / BOOK):
        checked = sohoa("verify", package)
        assert checked.returncode == 0, checked.stdout
        assert "nguyên vẹn" in checked.stdout


def test_run_again_it_does_nothing(done, small_pages, sohoa):
    out, _ = done
    before = tree(out)
    ran = sohoa("process", small_pages, "--book", BOOK, "--out", out)
    assert ran.returncode == 0
    assert "Không có gì thay đổi" in ran.stdout
    assert tree(out) == before


def test_originals_are_kept_byte_for_byte_and_read_only(done, small_pages):
    out, _ = done
    for image in small_pages.iterdir():
        sha256 = hashlib.sha256(image.read_bytes()).hexdigest()
        kept = out / "originals" / sha256[:2] / f"{sha256}.jpg"
        assert kept.read_bytes() == image.read_bytes()
        assert not kept.stat().st_mode & 0o222


def test_images_added_later_come_after(done, small_pages, sohoa, tmp_path):
    out = shutil.copytree(done[0], tmp_path / "out")
    page = Image.open(small_pages / "IMG_12.jpg")
    page.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "IMG_1.jpg")
    ran = sohoa("process", tmp_path / "IMG_1.jpg", "--book", BOOK, "--out", out, "--json")
    said = json.loads(ran.stdout)
    assert said["pages"][-1]["file"] == "IMG_1.jpg"
    assert len(said["pages"]) == len(done[1]["pages"]) + 1


WHOLE = [[0.0, 0.0, 1.0, 1.0]]


def test_a_page_captured_twice_is_told_and_both_are_kept(small_pages, sohoa, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    for name in ("IMG_4.jpg", "IMG_12.jpg", "IMG_16.jpg"):
        shutil.copy(small_pages / name, inbox)
    Image.open(small_pages / "IMG_12.jpg").rotate(0.6, fillcolor="white").save(inbox / "IMG_20.jpg", quality=70)
    ran = sohoa("process", inbox, "--book", BOOK, "--out", tmp_path / "out", "--json")
    pages = {page["file"]: page for page in json.loads(ran.stdout)["pages"]}
    doubles = {name: finding["facts"] for name, page in pages.items() for finding in page["findings"]
               if finding["code"] == "double_page"}
    assert doubles == {"IMG_12.jpg": {"number": 5, "page": pages["IMG_20.jpg"]["id"], "where": WHOLE},
                       "IMG_20.jpg": {"number": 3, "page": pages["IMG_12.jpg"]["id"], "where": WHOLE}}
    assert all(page["doubt"] >= 1 for name, page in pages.items() if name in doubles)
    said = sohoa("process", inbox, "--book", BOOK, "--out", tmp_path / "out").stdout
    assert "giống hệt trang thứ 5" in said


def test_an_image_unlike_the_others_of_its_book_is_told(small_pages, sohoa, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    spread = Image.open(small_pages / "IMG_4.jpg").resize((700, 495))
    for number in range(6):
        spread.save(inbox / f"{number}.jpg", quality=90 + number)
    Image.open(small_pages / "IMG_12.jpg").resize((495, 700)).save(inbox / "9.jpg")
    ran = sohoa("process", inbox, "--book", BOOK, "--out", tmp_path / "out", "--json")
    pages = json.loads(ran.stdout)["pages"]
    assert [page["file"] for page in pages for item in page["findings"] if item["code"] == "other_layout"] == ["9.jpg"]
    assert len(pages) == 13
    assert sohoa("process", inbox, "--book", BOOK, "--out", tmp_path / "out", "--json").returncode == 0
    assert "Không có gì thay đổi" in sohoa("process", inbox, "--book", BOOK, "--out", tmp_path / "out").stdout


def test_a_bad_file_is_put_aside_and_the_rest_done(small_pages, sohoa, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    shutil.copy(small_pages / "IMG_12.jpg", inbox / "good.jpg")
    (inbox / "cut.jpg").write_bytes((small_pages / "IMG_12.jpg").read_bytes()[:20000])
    (inbox / "notes.txt").write_text("ghi chú")
    (inbox / "empty.jpg").write_bytes(b"")
    ran = sohoa("process", inbox, "--book", BOOK, "--out", tmp_path / "out")
    assert ran.returncode == 65
    assert "Để riêng: cut.jpg" in ran.stdout
    assert "1 trang" in ran.stdout
    assert "notes.txt" in ran.stdout
    assert "empty.jpg" in ran.stdout
    assert "⟨" not in ran.stdout


def test_every_page_of_a_tiff_and_a_pdf_is_a_page(small_pages, sohoa, tmp_path):
    pages = [Image.open(small_pages / "IMG_12.jpg").convert("RGB"), Image.open(small_pages / "IMG_16.jpg").convert("RGB")]
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:], compression="jpeg")
    pages[0].save(tmp_path / "two.pdf", save_all=True, append_images=pages[1:])
    ran = sohoa("process", tmp_path / "two.tif", tmp_path / "two.pdf", "--book", BOOK, "--out", tmp_path / "out", "--json")
    assert ran.returncode == 0, ran.stdout
    assert len(json.loads(ran.stdout)["pages"]) == 4


REFUSALS = [
    (["--book", "KH-1990"], 2, "LOẠI.NĂM"),
    (["--book", "XX.1990.14800.01"], 2, "kinds"),
    (["--book", "KH.1066.14800.01"], 2, "1066"),
    (["--book", BOOK, "--skip", "deskw"], 2, "deskew"),
]


@pytest.mark.parametrize(("options", "code", "word"), REFUSALS)
def test_what_cannot_be_is_refused_in_words_and_nothing_is_written(small_pages, sohoa, tmp_path, options, code, word):
    ran = sohoa("process", small_pages, "--out", tmp_path / "out", *options)
    assert (ran.returncode, word in ran.stderr) == (code, True), ran.stderr
    assert "⟨" not in ran.stderr
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_and_a_missing_one_are_said_to_be_so(sohoa, tmp_path):
    (tmp_path / "in").mkdir()
    empty = sohoa("process", tmp_path / "in", "--book", BOOK, "--out", tmp_path / "out")
    missing = sohoa("process", tmp_path / "nowhere", "--book", BOOK, "--out", tmp_path / "out")
    assert (empty.returncode, missing.returncode) == (66, 66)
    assert "Không tìm thấy ảnh nào" in empty.stderr
    assert "nowhere" in missing.stderr
    assert "⟨" not in empty.stderr + missing.stderr


def test_english_on_demand(sohoa, tmp_path):
    (tmp_path / "in").mkdir()
    ran = sohoa("--lang", "en", "process", tmp_path / "in", "--book", BOOK, "--out", tmp_path / "out")
    assert "No image was found" in ran.stderr


def test_a_wrong_setting_is_named_with_its_line(sohoa, tmp_path):
    (tmp_path / "own.yaml").write_text("general:\n  langage: en\n")
    ran = sohoa("--config", "own.yaml", "config", "check")
    assert ran.returncode == 78
    assert "own.yaml" in ran.stderr
    assert "dòng 2" in ran.stderr
    assert "general.language" in ran.stderr
    assert sohoa("config", "check").returncode == 0


def test_a_second_program_on_the_same_store_is_told_to_wait(done, small_pages, sohoa, tmp_path):
    from originals.store import Store

    out = shutil.copytree(done[0], tmp_path / "out")
    with Store(out).lock():
        ran = sohoa("process", small_pages, "--book", BOOK, "--out", out)
    assert ran.returncode == 75
    assert "đang làm việc" in ran.stderr


@pytest.mark.skipif(os.name == "nt", reason="a folder cannot be closed to its owner on Windows in this way")
def test_a_disk_that_cannot_be_written_is_said_to_be_so(small_pages, sohoa, tmp_path):
    (tmp_path / "file").write_text("here stands a file where a folder should be")
    ran = sohoa("process", small_pages, "--book", BOOK, "--out", tmp_path / "file" / "out")
    assert ran.returncode in (73, 74)
    assert "an toàn" in ran.stderr or "không bị xóa" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_redo_tells_first_and_changes_only_what_was_named(done, small_pages, sohoa, tmp_path):
    out = shutil.copytree(done[0], tmp_path / "out")
    page = done[1]["pages"][4]["id"]
    before = tree(out)
    words = ("redo", "--book", BOOK, "--out", out, "--page", page, "--set", "deskew.degrees=0.75", "--json")
    told = json.loads(sohoa(*words, "--dry-run").stdout)
    assert tree(out) == before
    assert {change["page"] for change in told["changes"]} == {page}
    ran = sohoa(*words)
    assert ran.returncode == 0, ran.stderr
    again = json.loads(sohoa("process", small_pages, "--book", BOOK, "--out", out, "--json").stdout)
    recipes = out / "packages" / BOOK / BOOK / "data" / "metadata" / "other" / "recipes"
    for item in again["pages"]:
        decisions = json.loads((recipes / f"{item['id']}.json").read_text(encoding="utf-8"))["decisions"]
        deskew = next(decision for decision in decisions if decision["stage"] == "deskew")
        assert (deskew["by"] == "operator") == (item["id"] == page)
        assert (deskew["values"]["degrees"] == 0.75) == (item["id"] == page)


def test_redo_refuses_what_is_not_in_the_book(done, sohoa):
    out, _ = done
    assert sohoa("redo", "--book", BOOK, "--out", out, "--page", "feedbeef").returncode == 2
    assert sohoa("redo", "--book", BOOK, "--out", out, "--set", "deskew.degree=1").returncode == 78
    assert sohoa("redo", "--book", "KH.1991.14800.01", "--out", out).returncode == 66


def test_a_damaged_package_is_found(done, sohoa, tmp_path):
    packages = shutil.copytree(done[0] / "packages" / BOOK, tmp_path / "packages")
    pdf = next(packages.rglob("rep1/data/*.pdf"))
    data = bytearray(pdf.read_bytes())
    data[len(data) // 2] ^= 1
    pdf.write_bytes(data)
    ran = sohoa("verify", packages / BOOK)
    assert ran.returncode == 1
    assert pdf.name in ran.stdout


def test_inspect_prints_the_agreed_json(small_pages, sohoa, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of an image")
    ran = sohoa("inspect", tmp_path / "broken.jpg", small_pages / "IMG_4.jpg", small_pages / "IMG_16.jpg", "--json")
    broken, spread, photo = (json.loads(line) for line in ran.stdout.splitlines())
    assert ran.returncode == 65
    assert set(broken) == {"file", "error"}
    assert set(broken["error"]) == {"code", "message"}
    assert list(spread) == ["file", "width", "height", "dpi", "turn", "layout", "gutter", "pages"]
    assert list(spread["pages"][0]) == ["side", "corners", "skew_degrees", "ppi", "flatness", "blank", "quality",
                                        "confidence", "doubt", "findings"]
    assert {"sharpness", "glare", "clipped"} <= set(spread["pages"][0]["quality"])
    assert (spread["layout"], photo["layout"]) == ("spread", "single")
    assert spread["gutter"][0][1] < spread["gutter"][1][1]
    assert photo["width"] < photo["height"], "as EXIF turns it"
    for page in spread["pages"] + photo["pages"]:
        (left, top), _, (right, bottom), _ = page["corners"]
        assert left < right
        assert top < bottom


def test_clean_writes_a_file_for_each_page(small_pages, sohoa, tmp_path):
    ran = sohoa("clean", small_pages / "IMG_4.jpg", small_pages / "IMG_12.jpg", "--out", "out", "--tone", "bitonal")
    assert ran.returncode == 0, ran.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["IMG_12.png", "IMG_4-L.png", "IMG_4-R.png"]
    assert Image.open(tmp_path / "out" / "IMG_12.png").mode == "1"


def test_clean_without_geometry_keeps_the_image_as_large_as_it_was(small_pages, sohoa, tmp_path):
    ran = sohoa("clean", small_pages / "IMG_4.jpg", "--out", "out", "--no-geometry", "--format", "jpeg", "--tone", "grey")
    assert ran.returncode == 0, ran.stderr
    cleaned = Image.open(tmp_path / "out" / "IMG_4.jpg")
    assert cleaned.size == Image.open(small_pages / "IMG_4.jpg").size
    assert cleaned.mode == "L"


def test_doctor_finds_this_computer_fit(sohoa):
    ran = sohoa("doctor", "--json")
    checks = {item["code"]: item["good"] for item in json.loads(ran.stdout)}
    assert checks["libraries"]
    assert checks["own_modules"]
    assert "⟨" not in sohoa("doctor").stdout


@pytest.mark.parametrize("command", ["process", "redo", "inspect", "clean", "verify", "doctor", "config", "demo"])
def test_every_command_has_help(sohoa, command):
    ran = sohoa(command, "--help")
    assert ran.returncode == 0
    assert len(ran.stdout) > 60


def test_help_is_quick_because_it_loads_no_heavy_library():
    root = Path(__file__).parents[2]
    code = "import sys, sohoa; print([name for name in ('cv2', 'numpy', 'PIL', 'pikepdf', 'yaml') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "[]"
