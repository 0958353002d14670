"""`sohoa batch` as a person or a program runs it: what is said, in which language, and how it ends."""

import json
import shutil

from tests.province.conftest import BOOKS, tree

KH, KS = BOOKS


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_finished_books_are_told_in_words_and_nothing_is_touched(sohoa, folder_source, dest):
    before = tree(dest)
    ran = sohoa("batch", folder_source, "--out", dest)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "cả 2 quyển đã xong từ trước" in ran.stdout
    assert tree(dest) == before


def test_a_dry_run_tells_how_much_and_writes_no_results(sohoa, folder_source, dest, tmp_path):
    (tmp_path / "own.yaml").write_text("tone:\n  strength: strong\n", encoding="utf-8")
    before = tree(dest)
    ran = sohoa("--lang", "en", "--config", "own.yaml", "batch", folder_source, "--out", dest, "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "Would develop 4 images of 2 books (4 images, 0 known already)" in ran.stdout
    assert "By 4 images developed here before" in ran.stdout
    assert tree(dest) == before


def test_programs_read_events_and_people_find_the_report(sohoa, folder_source, dest, tmp_path):
    source = shutil.copytree(folder_source, tmp_path / "source")
    (source / "Huyện Một" / KH / "IMG_5.jpg").write_bytes((source / "Huyện Một" / KH / "IMG_4.jpg").read_bytes()[:9000])
    (tmp_path / "own.yaml").write_text("tone:\n  strength: strong\n", encoding="utf-8")
    ran = sohoa("--config", "own.yaml", "batch", source, "--out", dest, "--json", "--where", "type=KH", "--jobs", "1")
    assert ran.returncode == 65, ran.stderr
    said = events(ran.stdout)
    assert [item["event"] for item in said if item["event"] not in ("progress", "developed")] == [
        "planned", "book_read", "trouble", "book_packed", "summary"]
    aside, last = next(item for item in said if item["event"] == "trouble"), said[-1]
    assert (aside["book"], aside["name"]) == (KH, "IMG_5.jpg")
    assert (last["packed"], last["packed_pages"], last["changed"], last["troubles"]) == (1, 3, 3, 1)
    report = next((dest / "reports").iterdir())
    assert last["report"] == str(report)
    assert {path.name for path in report.iterdir()} == {"changes.csv", "changes.xlsx", "changes.html", "changes.pdf",
                                                        "failed.csv"}
    assert f"{KH},IMG_5.jpg," in (report / "failed.csv").read_text(encoding="utf-8-sig")
    assert (report / "changes.csv").read_text(encoding="utf-8-sig").count(KH) == 3
    assert not [path for path in (dest / "before").rglob("*") if path.is_file()]


def test_a_wrong_word_is_told_before_anything_is_done(sohoa, folder_source, tmp_path):
    mistakes = ((("--where", "loại=KS"), "loại"), (("--stages", "deskw"), "deskew"), (("--workers", "2"), "--engine dask"))
    for wrong, word in mistakes:
        ran = sohoa("batch", folder_source, "--out", "out", *wrong)
        assert ran.returncode in (2, 78), wrong
        assert word in ran.stderr
    ran = sohoa("batch", folder_source, "--out", folder_source / "out")
    assert (ran.returncode, "nằm trong" in ran.stderr) == (66, True)
    assert not (tmp_path / "out").exists()


def test_a_station_is_no_destination(sohoa, folder_source, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    (store / "store.json").write_text('{"format":1}', encoding="utf-8")
    ran = sohoa("batch", folder_source, "--out", store)
    assert ran.returncode == 66
    assert "kho của một trạm" in ran.stderr


def test_each_of_many_troubles_can_be_found(sohoa, folder_source, dest, tmp_path):
    source = shutil.copytree(folder_source, tmp_path / "source")
    for number in range(30):
        (source / f"lạc {number}.jpg").write_bytes(b"x")
    ran = sohoa("batch", source, "--out", dest)
    assert ran.returncode == 65
    assert "lạc 0.jpg" in ran.stdout and "10 mục nữa" in ran.stdout
    said, = (dest / "reports").rglob("failed.csv")
    assert said.read_text(encoding="utf-8-sig").count("lạc ") == 30


def test_a_batch_stopped_before_its_report_is_told_of_by_the_next(sohoa, folder_source, dest):
    (dest / "before" / KH).mkdir(parents=True)
    (dest / "before" / KH / "page.jpg").write_bytes(b"x")
    ran = sohoa("batch", folder_source, "--out", dest)
    assert ran.returncode == 0, ran.stderr
    assert list((dest / "reports").rglob("changes.html"))
    assert not [path for path in (dest / "before").rglob("*") if path.is_file()]
