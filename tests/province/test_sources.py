"""What of a source is a book, and that nothing in it is left out in silence."""

import shutil
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest

import settings
from capture.intake import take_in
from errors import NothingToDo
from originals.booklog import BookLog
from province.batch import check_apart, plan
from province.job import Job
from province.remote import RemoteStorage
from province.sources import Kind, books_of
from province.storage import open_storage
from province.stores import Login
from tests.province.conftest import BOOKS, run, tree
from tests.province.test_batch import station  # noqa: F401

KH, KS = BOOKS


def found_in(source):
    """The books, and what else: name and code."""
    books, odd = books_of(open_storage(str(source)), settings.load().kinds)
    return books, {(item.name, item.code) for item in odd}


def test_packages_of_which_only_a_later_version_is_there_are_its_bag(station, tmp_path):  # noqa: F811
    source = shutil.copytree(station, tmp_path / "store")
    log = BookLog(source / "books" / f"{KH}.jsonl")
    log.append({"event": "closing", "by": "Lan"})
    log.append({"event": "closed", "by": "Lan", "digest": ""})
    run(source, tmp_path / "dest")
    (book,), odd = found_in(tmp_path / "dest" / "packages")
    assert (book.kind, book.at, odd) == (Kind.BAG, f"{KH}/v2/{KH}", set())


def test_an_image_beside_the_folder_of_its_book_is_told(tmp_path):
    inner = tmp_path / KH / KH
    inner.mkdir(parents=True)
    (inner / "1.jpg").write_bytes(b"x")
    (inner.parent / "2.jpg").write_bytes(b"x")
    (book,), odd = found_in(tmp_path)
    assert (book.at, odd) == (f"{KH}/{KH}", {(f"{KH}/2.jpg", "batch_no_book")})


def test_links_are_told_wherever_they_lie(tmp_path):
    source, elsewhere = tmp_path / "source", tmp_path / "disk"
    (source / KH / "một").mkdir(parents=True)
    elsewhere.mkdir()
    for name in ("1.jpg", "một/2.jpg"):
        (source / KH / name).write_bytes(b"x")
    try:
        for name in ("Huyện Hai", f"{KH}/3.jpg", f"{KH}/một/4.jpg"):
            (source / name).symlink_to(elsewhere)
    except OSError:
        pytest.skip("no links here")
    (book,), odd = found_in(source)
    assert book.images == 2
    assert odd == {(name, "batch_passed_over") for name in ("Huyện Hai", f"{KH}/3.jpg", f"{KH}/một/4.jpg")}


def test_a_station_with_a_type_of_book_that_is_not_known_here_is_told(tmp_path):
    for name in (KH, "QT.1990.14800.01", "unsorted", f"{KH} (copy)"):
        (tmp_path / "books").mkdir(exist_ok=True)
        (tmp_path / "books" / f"{name}.jsonl").write_bytes(b"")
    (tmp_path / "originals").mkdir()
    (book,), odd = found_in(tmp_path)
    assert (book.identity, odd) == (KH, {("books/QT.1990.14800.01.jsonl", "book_id_kind")})


@pytest.mark.parametrize(("source", "dest"), [("a", "a"), ("a", "a/b"), ("a/packages", "a"), ("", "a")])
def test_far_away_too_results_are_never_written_into_the_source(source, dest):
    server = Login("s3", "province")
    with pytest.raises(NothingToDo) as refused:
        check_apart(RemoteStorage(server, source), RemoteStorage(server, dest))
    assert refused.value.code == "batch_in_source"


def test_a_file_that_could_not_be_read_is_told_each_time_and_tried_again(folder_source, finished, tmp_path, monkeypatch):
    source, dest = shutil.copytree(folder_source, tmp_path / "source"), tmp_path / "dest"
    shutil.rmtree(source / "Huyện Một" / KS)
    with monkeypatch.context() as patch:
        patch.setattr("province.folderlog.take_in", partial(broken, "IMG_4.jpg"))
        for _ in range(2):
            found, tally, _ = run(source, dest)
            assert found.finished == set()
            assert [(item.book, item.name, item.code) for item in tally.troubles] == [(KH, "IMG_4.jpg", "file_unreadable")]
    _, tally, _ = run(source, dest)
    assert (tally.packed, tally.troubles) == (1, [])
    assert tree(dest / "packages" / KH) == tree(finished / "packages" / KH)
    assert plan(Job(open_storage(str(source)), open_storage(str(dest)), settings.load())).finished == {KH}


def broken(name, arrival, *rest):
    """As where the disk does not give one file."""
    def read(_):
        raise OSError("disk")

    spoilt = replace(arrival, open=lambda: nullcontext(SimpleNamespace(read=read)))
    return take_in(spoilt if arrival.name == name else arrival, *rest)


def test_what_images_may_be_counts(folder_source, tmp_path):
    loaded, dest = settings.load(), tmp_path / "dest"
    small = replace(loaded, limits=replace(loaded.limits, max_bytes=1000))
    _, tally, _ = run(folder_source, dest, settings=small)
    assert {item.code for item in tally.troubles} == {"too_many_bytes"}
    _, tally, _ = run(folder_source, dest)
    assert (tally.packed, tally.troubles) == (2, [])


def test_a_folder_that_holds_no_image_is_told(tmp_path):
    (tmp_path / "source" / KH).mkdir(parents=True)
    (tmp_path / "source" / KH / "ghi chú.txt").write_bytes(b"x")
    _, tally, _ = run(tmp_path / "source", tmp_path / "dest")
    assert [(item.book, item.code) for item in tally.troubles] == [(KH, "book_empty")]
