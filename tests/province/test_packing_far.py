"""What packing leaves alone: what people typed, earlier versions, other packages; and what it must not leave."""

import hashlib
import shutil
from dataclasses import replace

import pytest

from originals.booklog import BookLog
from province import packer
from province.orders import PackBook
from province.where import parse
from tests.province.conftest import BOOKS, Inline, run, tree
from tests.province.servers import webdav_server  # noqa: F401
from tests.province.test_batch import facts_of, station, with_stage  # noqa: F401

KH, KS = BOOKS
MANIFEST = "manifest-sha256.txt"


class Killed(BaseException):
    """As if the process were no more."""


@pytest.fixture
def far(webdav_server, finished, request):  # noqa: F811
    """The address of a finished destination on a server, and the folder in which it lies."""
    name = request.node.name
    folder = shutil.copytree(finished, webdav_server.folder / name)
    return f"{webdav_server.url}/{name}", folder


def strong():
    return with_stage("tone", strength="strong")


def test_what_people_typed_far_away_is_kept_each_time(folder_source, far):
    dest, folder = far
    table = next((folder / "packages" / KH / "ministry").glob("*.xlsx"))
    texts = (b"typed on Monday", b"typed on Tuesday, too")
    for text in texts:
        table.write_bytes(text)
        run(folder_source, dest, where=parse("type=KH"))
    assert {path.read_bytes() for path in (folder / "packages" / KH / "typed").iterdir()} == set(texts)


def test_far_away_a_closed_book_stays_as_it_was(station, webdav_server, tmp_path):  # noqa: F811
    source, folder = shutil.copytree(station, tmp_path / "store"), webdav_server.folder / "closed"
    run(source, f"{webdav_server.url}/closed")
    before = tree(folder / "packages" / KH)
    log = BookLog(source / "books" / f"{KH}.jsonl")
    log.append({"event": "closing", "by": "Lan"})
    log.append({"event": "closed", "by": "Lan", "digest": ""})
    for settings in (None, strong()):
        run(source, f"{webdav_server.url}/closed", settings=settings)
        assert {name: data for name, data in tree(folder / "packages" / KH).items() if not name.startswith("v2/")} == before
    info = (folder / "packages" / KH / "v2" / KH / "bag-info.txt").read_text(encoding="utf-8")
    seal = hashlib.sha256(before[f"{KH}/tagmanifest-sha256.txt"]).hexdigest()
    assert f"Previous-Version: {seal}\n" in info


def test_far_away_one_package_is_written_and_the_other_stays(folder_source, far):
    dest, folder = far
    bag = tree(folder / "packages" / KH / KH)
    run(folder_source, dest, profile="ministry", where=parse("type=KH"), settings=strong())
    assert tree(folder / "packages" / KH / KH) == bag


def test_far_away_a_bag_holds_nothing_of_an_earlier_one(folder_source, far, tmp_path):
    dest, folder = far
    next((folder / "books").glob(f"{KH}.*")).unlink()  # as where the batch was killed before it was said
    source = shutil.copytree(folder_source, tmp_path / "source")
    next(source.rglob("IMG_12.jpg")).unlink()
    run(source, dest, where=parse("type=KH"))
    bag = folder / "packages" / KH / KH
    listed = {line.partition("  ")[2] for line in (bag / MANIFEST).read_text(encoding="utf-8").splitlines()}
    assert {path.relative_to(bag).as_posix() for path in (bag / "data").rglob("*") if path.is_file()} == listed


@pytest.mark.parametrize("asked", [{"stages": ("tone",)}, {"where": parse("side=left type=KH")}])
def test_killed_before_it_is_said_a_book_is_still_known_as_it_was(folder_source, dest, monkeypatch, asked):
    def kill(*_):
        raise Killed

    other = strong()
    other = replace(other, stages={**other.stages, "crop": replace(other.stages["crop"], ink_margin_mm=9.0)})
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(packer.Packer, "_say_done", kill)
        run(folder_source, dest, settings=other, **asked)
    _, tally, _ = run(folder_source, dest, settings=other, **asked)
    assert (tally.packed, tally.troubles) == (1 if "where" in asked else 2, [])
    decided = {stage for item in facts_of(dest)["changes"] for stage in item["change"]["stages"]}
    assert {item["change"]["kind"] for item in facts_of(dest)["changes"]} == {"changed"}
    assert decided == {"tone"} if "stages" in asked else decided >= {"crop", "tone"}


def test_a_worker_killed_before_it_could_tell_leaves_nothing_to_do(folder_source, dest):
    class Untold(Inline):
        def results(self, timeout=None):
            if self._waiting and isinstance(self._waiting[0][1], PackBook):
                replace(self.job, _kept={})(self._waiting[0][1])
                self.job = replace(self.job, _kept={})
            return super().results(timeout)

    _, tally, _ = run(folder_source, dest, engine=Untold, settings=strong())
    assert (tally.packed, tally.changed, tally.troubles) == (2, 6, [])
    assert len(facts_of(dest)["changes"]) == 3


def test_a_book_that_another_batch_wrote_meanwhile_is_left_to_it(folder_source, dest):
    def meanwhile(order):
        if isinstance(order, PackBook) and not others:
            others.append(order)
            for said in (dest / "books").iterdir():
                said.rename(said.with_name(said.name.replace(said.name.split(".")[4], "0123456789ab")))

    others = []
    before = tree(dest, "packages")
    _, tally, _ = run(folder_source, dest, fail=meanwhile, settings=strong())
    assert {item.code for item in tally.troubles} == {"batch_meanwhile"}
    assert tree(dest, "packages") == before
