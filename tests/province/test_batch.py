"""A batch on this machine: found, made, made again only where something changed, and never less than a station makes."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import pipeline
import reprocess
import settings
from batch.local import Failure
from book import Identity
from errors import BadConfig, NothingToDo, StorageFailed, UnreadableImage
from originals.booklog import BookLog
from province.batch import carry_out, check_apart, plan
from province.job import Job
from province.orders import DevelopCapture, PackBook, ReadBook
from province.storage import open_storage
from province.where import parse
from tests.province.conftest import BOOKS, Inline, run, tree

KH, KS = BOOKS


def with_stage(stage, **values):
    """The settings with a stage's values changed."""
    loaded = settings.load()
    return replace(loaded, stages={**loaded.stages, stage: replace(loaded.stages[stage], **values)})


def orders(engine, kind):
    return [order for order in engine.done if isinstance(order, kind)]


def facts_of(dest, book=KH):
    """What was written down of a finished book."""
    path, = (dest / "books").glob(f"{book}.*.json")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def station(folder_source, tmp_path_factory):
    """A station's store with one of the books, packed there."""
    root = tmp_path_factory.mktemp("station") / "store"
    outcome = pipeline.process([folder_source / "Huyện Một" / KH], Identity.parse(KH), root, settings.load(), 1,
                               lambda *_: None)
    assert outcome.complete
    return root


def test_books_are_found_in_folders_and_made_whole(folder_source, finished):
    found = plan(Job(open_storage(str(folder_source)), open_storage(str(finished)), settings.load()))
    assert [book.identity for book in found.books] == [KH, KS]
    assert found.finished == {KH, KS}
    assert not found.references
    for book in BOOKS:
        assert (finished / "packages" / book / book / "tagmanifest-sha256.txt").exists()
        assert len(list((finished / "packages" / book / "ministry").glob("*.zip"))) == 1


def test_the_packages_are_those_that_a_station_makes(station, tmp_path):
    _, tally, _ = run(station, tmp_path / "dest")
    assert (tally.packed, tally.developed, tally.troubles) == (1, 2, [])
    assert tree(tmp_path / "dest" / "packages" / KH) == tree(station / "packages" / KH)


def test_an_archive_bag_alone_is_enough(station, tmp_path):
    source = tmp_path / "bags"
    shutil.copytree(station / "packages" / KH / KH, source / KH)
    _, tally, _ = run(source, tmp_path / "dest")
    assert (tally.packed, tally.troubles) == (1, [])
    assert tree(tmp_path / "dest" / "packages" / KH) == tree(station / "packages" / KH)


def test_run_again_nothing_is_read_but_listings(folder_source, dest, monkeypatch):
    def read(*_):
        raise AssertionError("read")

    for name in ("read", "reading", "exists", "write", "filling"):
        monkeypatch.setattr("province.storage.LocalStorage." + name, read)
    before = tree(dest)
    found, tally, engine = run(folder_source, dest)
    assert found.finished == {KH, KS}
    assert not engine.done and not tally.packed
    assert tree(dest) == before


@pytest.mark.parametrize("spoil", [
    lambda dest: next((dest / "packages" / KH / KH).rglob("*.pdf")).unlink(),
    lambda dest: next((dest / "pages" / KH).glob("*.jpg")).unlink(),
    lambda dest: (dest / "packages" / KH / KH / "bagit.txt").write_bytes(b""),
    lambda dest: next((dest / "books").glob(f"{KH}.*")).unlink(),
])
def test_what_is_gone_from_the_destination_is_made_again(folder_source, finished, dest, spoil):
    spoil(dest)
    found, tally, _ = run(folder_source, dest)
    assert found.finished == {KS}
    assert tally.packed == 1
    assert tree(dest, "packages", "pages", "books") == tree(finished, "packages", "pages", "books")


def test_a_new_image_makes_its_book_anew_and_nothing_else(folder_source, finished, dest, tmp_path, small_pages):
    source = shutil.copytree(folder_source, tmp_path / "source")
    shutil.copy(small_pages / "IMG_8.jpg", source / "Huyện Một" / KH / "IMG_99.jpg")
    found, tally, engine = run(source, dest)
    assert found.finished == {KS}
    assert [order.reference.book.identity for order in orders(engine, DevelopCapture)] == [KH]
    assert (tally.developed, tally.known) == (1, 2)
    changes = facts_of(dest)["changes"]
    assert {item["change"]["kind"] for item in changes} == {"new"}
    assert [item["change"]["number"] for item in changes] == [4, 5]


def test_other_settings_develop_again_and_what_changed_is_written_down(folder_source, finished, dest):
    _, tally, engine = run(folder_source, dest, settings=with_stage("tone", strength="strong"))
    assert len(orders(engine, DevelopCapture)) == 4
    assert tally.changed == tally.packed_pages == 6
    said = facts_of(dest)["changes"]
    assert {tuple(item["change"]["stages"]) for item in said} == {("tone",)}
    for item in said:  # the page as it was is there to be looked at, the cache holds only what counts
        name = Path(item["before"]).name
        assert (dest / "before" / KH / name).read_bytes() == (finished / item["before"]).read_bytes()
        assert not (dest / item["before"]).exists()
    assert len(list((dest / "pages" / KH).glob("*.jpg"))) == 3
    assert len(list((dest / "books").iterdir())) == 2


def test_only_the_stages_named_are_decided_again(folder_source, finished, dest):
    other = with_stage("tone", strength="strong")
    other = replace(other, stages={**other.stages, "crop": replace(other.stages["crop"], ink_margin_mm=9.0)})
    _, tally, _ = run(folder_source, dest, settings=other, stages=("tone",))
    assert {stage for item in facts_of(dest)["changes"] for stage in item["change"]["stages"]} == {"tone"}
    assert tally.changed == 6
    _, _, engine = run(folder_source, dest, settings=other, stages=("tone",))
    assert not engine.done, "the same again is finished"


def test_of_an_archive_bag_too_only_the_stages_named_are_decided_again(station, tmp_path):
    source, other = tmp_path / "bags", with_stage("tone", strength="strong")
    other = replace(other, stages={**other.stages, "crop": replace(other.stages["crop"], ink_margin_mm=9.0)})
    shutil.copytree(station / "packages" / KH / KH, source / KH)
    run(source, tmp_path / "dest", settings=other, stages=("tone",))
    before, after = decisions(source, "crop"), decisions(tmp_path / "dest" / "packages", "crop")
    assert before == after
    assert decisions(source, "tone") != decisions(tmp_path / "dest" / "packages", "tone")


def decisions(folder, stage):
    """What a stage decided, by page."""
    recipes = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("recipes/*.json")}
    return {name: [item["values"] for item in recipe["decisions"] if item["stage"] == stage]
            for name, recipe in recipes.items()}


def test_tried_again_it_still_tells_what_it_had_changed(folder_source, dest):
    def fail(order):
        if isinstance(order, DevelopCapture) and order.capture == spread:
            raise UnreadableImage("damaged")

    strong, spread = with_stage("tone", strength="strong"), min(facts_of(dest)["facts"])
    for fails in (fail, fail, None):
        run(folder_source, dest, fail=fails, settings=strong)
        said = {item["change"]["page"]: item for item in facts_of(dest)["changes"]}
        assert len(said) == (1 if fails else 3)
        assert all((dest / "before" / KH / Path(item["before"]).name).exists() for item in said.values())
        assert all((dest / "pages" / KH / item["after"]).exists() for item in said.values())


def test_what_an_operator_set_is_kept(station, tmp_path):
    source = shutil.copytree(station, tmp_path / "store")
    state = BookLog(source / "books" / f"{KH}.jsonl").state()
    page = f"{state.current[1].id}"
    reprocess.redo(Identity.parse(KH), source, settings.load(), [page], ["deskew.degrees=1.5"], False, 1, lambda *_: None)
    run(source, tmp_path / "dest", settings=with_stage("tone", strength="strong"))
    recipe = json.loads((tmp_path / "dest" / "packages" / KH / KH / "data" / "metadata" / "other" / "recipes" /
                         f"{page}.json").read_text(encoding="utf-8"))
    deskew, = (item for item in recipe["decisions"] if item["stage"] == "deskew")
    assert (deskew["by"], deskew["values"]["degrees"]) == ("operator", 1.5)


def test_a_closed_book_is_made_as_another_version_and_stays_as_it_was(station, tmp_path):
    source = shutil.copytree(station, tmp_path / "store")
    log = BookLog(source / "books" / f"{KH}.jsonl")
    log.append({"event": "closing", "by": "Lan"})
    log.append({"event": "closed", "by": "Lan", "digest": ""})
    _, tally, _ = run(source, tmp_path / "dest")
    assert tally.troubles == []
    info = (tmp_path / "dest" / "packages" / KH / "v2" / KH / "bag-info.txt").read_text(encoding="utf-8")
    assert "Version: 2\n" in info and "Closed" not in info
    assert tree(source, "packages") == tree(station, "packages")


def test_a_book_that_lies_in_two_places_is_left_out_and_told(folder_source, station, tmp_path):
    source = shutil.copytree(folder_source, tmp_path / "source")
    shutil.copytree(station, source / "trạm")
    (source / "lạc.jpg").write_bytes(b"x")
    found = plan(Job(open_storage(str(source)), open_storage(str(tmp_path / "dest")), settings.load()))
    assert [book.identity for book in found.books] == [KS]
    assert {(item.name, item.code) for item in found.odd} == {(KH, "batch_book_twice"), ("lạc.jpg", "batch_no_book")}
    assert "trạm" in found.odd[0].facts["places"]


def test_an_image_that_fails_costs_itself_and_is_tried_again(folder_source, finished, tmp_path):
    def fail(order):
        if isinstance(order, DevelopCapture) and order.reference.book.identity == KH and not failed:
            failed.append(order.capture)
            raise UnreadableImage("damaged")

    failed, dest = [], tmp_path / "dest"
    _, tally, _ = run(folder_source, dest, fail=fail)
    trouble, = tally.troubles
    assert (trouble.book, trouble.code) == (KH, "damaged")
    assert trouble.name in ("IMG_4.jpg", "IMG_12.jpg")
    assert tally.packed == 2
    assert facts_of(dest)["failed"] == {failed[0]: "damaged"}
    found, tally, engine = run(folder_source, dest)
    assert found.finished == {KS}
    assert [order.capture for order in orders(engine, DevelopCapture)] == failed
    assert tree(dest, "packages", "pages") == tree(finished, "packages", "pages")


def test_an_image_that_fails_now_keeps_the_pages_of_before(folder_source, finished, dest):
    def fail(order):
        if isinstance(order, DevelopCapture) and order.reference.book.identity == KH:
            raise UnreadableImage("damaged")

    _, tally, _ = run(folder_source, dest, fail=fail, settings=with_stage("tone", strength="strong"))
    assert len(tally.troubles) == 2
    recipes = "data/metadata/other/recipes"
    assert tree(dest / "packages" / KH / KH, recipes) == tree(finished / "packages" / KH / KH, recipes)
    assert tree(dest / "packages" / KS / KS, recipes) != tree(finished / "packages" / KS / KS, recipes)


def test_pages_are_asked_for_by_what_was_found(folder_source, dest, tmp_path):
    strong, spread = with_stage("tone", strength="strong"), min(facts_of(dest)["facts"])
    _, tally, engine = run(folder_source, dest, settings=strong, where=parse("type=KS"))
    assert {order.reference.book.identity for order in orders(engine, ReadBook)} == {KS}
    assert tally.books == 1
    _, tally, engine = run(folder_source, dest, settings=with_stage("tone", strength="natural"),
                           where=parse("side=left type=KH"))
    assert [order.capture for order in orders(engine, DevelopCapture)] == [spread]
    assert (tally.packed, tally.changed, tally.troubles) == (1, 2, [])
    _, tally, _ = run(folder_source, tmp_path / "new", where=parse("side=left"))
    assert (tally.packed, tally.developed) == (0, 0), "nothing is known of pages that nobody has developed"
    assert {(item.book, item.code) for item in tally.troubles} == {(KH, "batch_unknown"), (KS, "batch_unknown")}


def test_books_that_nothing_came_to_since_are_left_alone(folder_source, tmp_path):
    source = shutil.copytree(folder_source, tmp_path / "source")
    for path in (source / "Huyện Một" / KS).iterdir():
        os.utime(path, (1e9, 1e9))
    found, tally, engine = run(source, tmp_path / "dest", since=1.1e9, develop=False)
    assert [book.identity for book in found.books] == [KH]
    assert tally.due == 2
    assert not orders(engine, DevelopCapture) and not orders(engine, PackBook)


@pytest.mark.parametrize("at", range(0, 8))
def test_stopped_anywhere_it_goes_on_to_the_same_end(folder_source, finished, tmp_path, at):
    class Stopped(BaseException):
        pass

    def stop(order):
        if counted.append(order) or len(counted) > at:
            raise Stopped

    counted, dest = [], tmp_path / "dest"
    with pytest.raises(Stopped):
        run(folder_source, dest, fail=stop)
    _, tally, _ = run(folder_source, dest)
    assert tally.troubles == []
    assert tree(dest, "packages", "pages", "books") == tree(finished, "packages", "pages", "books")


def test_what_a_storage_refuses_fails_the_book_and_no_other(folder_source, dest):
    def fail(order):
        if isinstance(order, PackBook) and order.reference.book.identity == KH:
            raise StorageFailed("storage_unreachable", storage="s3://kho", seconds=300, reason="503")

    _, tally, _ = run(folder_source, dest, fail=fail, settings=with_stage("tone", strength="strong"))
    assert [(item.book, item.code) for item in tally.troubles] == [(KH, "storage_unreachable")]
    assert tally.packed == 1


@pytest.mark.parametrize(("source", "dest"), [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_results_are_never_written_into_the_source(tmp_path, source, dest):
    with pytest.raises(NothingToDo) as refused:
        check_apart(open_storage(str(tmp_path / source)), open_storage(str(tmp_path / dest)))
    assert refused.value.code == "batch_in_source"


def test_a_source_without_books_says_so(tmp_path):
    with pytest.raises(NothingToDo) as refused:
        run(tmp_path, tmp_path / "dest", engine=Inline)
    assert refused.value.code == "batch_no_books"


def test_workers_with_another_program_end_the_batch_at_once(folder_source, tmp_path):
    class Strangers(Inline):
        def results(self, timeout=None):
            number, _ = self._waiting.popleft()
            return [(number, Failure("worker_other_version", {"theirs": "1", "ours": "2"}))]

    with pytest.raises(BadConfig) as refused:
        run(folder_source, tmp_path / "dest", engine=Strangers)
    assert refused.value.code == "worker_other_version"


def test_a_storage_that_fails_costs_no_page(folder_source, finished, tmp_path):
    """What an image does to itself is one thing; without pages that the network kept back a book is not packed."""
    def fail(order):
        if isinstance(order, DevelopCapture) and order.reference.book.identity == KH and not away:
            away.append(order)
            raise StorageFailed("storage_unreachable", storage="s3://kho", seconds=300, reason="503")

    away, dest = [], tmp_path / "dest"
    _, tally, engine = run(folder_source, dest, fail=fail)
    assert [(item.book, item.code) for item in tally.troubles] == [(KH, "storage_unreachable")]
    assert {order.reference.book.identity for order in orders(engine, PackBook)} == {KS}
    _, tally, engine = run(folder_source, dest)
    assert len(orders(engine, DevelopCapture)) == 1
    assert tree(dest, "packages", "pages", "books") == tree(finished, "packages", "pages", "books")


def test_a_machine_that_lacks_the_mount_writes_nothing(folder_source, tmp_path):
    def unmount(order):
        if isinstance(order, ReadBook):
            shutil.rmtree(tmp_path / "dest", ignore_errors=True)

    _, tally, _ = run(folder_source, tmp_path / "dest", fail=unmount)
    assert {item.code for item in tally.troubles} == {"batch_not_mounted"}
    assert tally.packed == tally.developed == 0
    assert not (tmp_path / "dest" / "pages").exists()


def test_an_image_that_was_exchanged_meanwhile_is_not_taken_for_the_one_before(folder_source, tmp_path):
    def exchange(order):
        if isinstance(order, DevelopCapture):
            (folder / "IMG_4.jpg").write_bytes(other)

    source, dest = shutil.copytree(folder_source, tmp_path / "source"), tmp_path / "dest"
    folder, other = source / "Huyện Một" / KH, (folder_source / "Huyện Một" / KS / "IMG_8.jpg").read_bytes()
    _, tally, _ = run(source, dest, fail=exchange, profile="ministry", where=parse("type=KH"))
    assert [(item.name, item.code) for item in tally.troubles] == [("IMG_4.jpg", "original_differs")]
    _, tally, _ = run(source, dest, profile="ministry", where=parse("type=KH"))
    assert (tally.packed, tally.troubles) == (1, [])


def test_a_storage_that_stays_away_ends_the_batch(folder_source, tmp_path, monkeypatch):
    def fail(order):
        if isinstance(order, DevelopCapture):
            raise StorageFailed("storage_unreachable", storage="s3://kho", seconds=300, reason="503")

    monkeypatch.setattr("province.run.IN_A_ROW", 3)
    with pytest.raises(StorageFailed) as lost:
        run(folder_source, tmp_path / "dest", fail=fail)
    assert lost.value.code == "storage_unreachable"


def test_a_book_that_somebody_changes_meanwhile_is_left_for_the_next_run(folder_source, finished, tmp_path):
    def change(order):
        if isinstance(order, DevelopCapture) and order.reference.book.identity == KH and not changed:
            changed.append(order.capture)
            one = made.job.book(order.reference)
            one.__dict__["tasks"] = {name: task for name, task in one.tasks.items() if name != order.capture}

    changed, dest = [], tmp_path / "dest"
    job = Job(open_storage(str(folder_source)), open_storage(str(dest)), settings.load())
    made = Inline(job, change)
    tally = carry_out(job, plan(job), lambda: made, lambda _: None)
    assert [(item.book, item.code) for item in tally.troubles] == [(KH, "batch_book_changed")]
    assert tally.packed == 1
    run(folder_source, dest)
    assert tree(dest, "packages", "pages", "books") == tree(finished, "packages", "pages", "books")
