"""The store keeps each original once, unaltered, under its hash."""

import hashlib
import io
import json
import multiprocessing
import os
import random

import pytest

from errors import NewerStore, StorageFailed, StoreBusy, UnreadableImage
from originals.recover import Recovered, recover
from originals.store import LOCK, Store

JPEG = b"\xff\xd8\xff\xe0 not to be decoded here"


def accept(store, data, **options):
    return store.accept(io.BytesIO(data), **options)


def test_an_original_lies_under_its_hash_by_what_it_is(tmp_path):
    store = Store(tmp_path)
    original = accept(store, JPEG)
    sha256 = hashlib.sha256(JPEG).hexdigest()
    assert (original.sha256, original.media, original.bytes) == (sha256, "image/jpeg", len(JPEG))
    assert store.path(sha256) == tmp_path / "originals" / sha256[:2] / f"{sha256}.jpg"
    assert store.read(sha256, verify=True) == JPEG
    assert sha256 in store
    assert store.list() == [sha256]
    assert accept(store, b"what is this").media is None


def test_a_large_original_is_copied_piece_by_piece(tmp_path):
    class Endless(io.RawIOBase):
        left, largest = 5_000_000, 0

        def read(self, size=-1):
            self.largest = max(self.largest, size)
            assert size > 0
            size = min(size, self.left)
            self.left -= size
            return bytes(size)

    source = Endless()
    original = Store(tmp_path).accept(source)
    assert original.sha256 == hashlib.sha256(bytes(5_000_000)).hexdigest()
    assert source.largest <= 1 << 20


def test_the_same_bytes_are_one_original_and_keep_their_first_facts(tmp_path):
    store = Store(tmp_path)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        store.note(accept(store, JPEG), {"name": name})
    assert len(store.list()) == 1
    facts = store.facts(store.list()[0])
    assert facts == {"sha256": store.list()[0], "media": "image/jpeg", "bytes": len(JPEG), "name": "a.jpg"}
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_nothing_is_kept_of_what_is_empty_or_too_large(tmp_path):
    store = Store(tmp_path)
    for data, code in ((b"", "empty_file"), (b"x" * 11, "too_many_bytes")):
        with pytest.raises(UnreadableImage) as caught:
            accept(store, data, max_bytes=10)
        assert caught.value.code == code
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_flipped_bit_is_noticed(tmp_path):
    store = Store(tmp_path)
    sha256 = accept(store, JPEG).sha256
    path = store.path(sha256)
    os.chmod(path, 0o644)
    path.write_bytes(JPEG[:-1] + bytes([JPEG[-1] ^ 1]))
    with pytest.raises(StorageFailed) as caught:
        store.read(sha256, verify=True)
    assert caught.value.code == "original_differs"
    with pytest.raises(StorageFailed):
        accept(store, JPEG)  # never overwritten, not even by what it should be


def test_what_is_not_there_is_said_and_names_are_no_paths(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(StorageFailed) as caught:
        store.path("0" * 64)
    assert caught.value.code == "original_missing"
    for name in ("../../etc/passwd", "", "AB" * 32):
        with pytest.raises(ValueError, match="SHA-256"):
            store.path(name)


def test_random_work_changes_no_accepted_original(tmp_path):
    chance, store, accepted = random.Random(5), Store(tmp_path), {}
    for _ in range(300):
        if accepted and chance.random() < 0.4:
            data = accepted[chance.choice(sorted(accepted))]
        else:
            data = JPEG + chance.randbytes(chance.randrange(1, 2000))
        original = accept(Store(tmp_path), data)
        accepted[original.sha256] = data
        if chance.random() < 0.5:
            store.note(original, {"name": str(chance.random())})
        if chance.random() < 0.1:
            with store.lock():
                pass
    assert store.list() == sorted(accepted)
    assert all(store.read(sha256, verify=True) == data for sha256, data in accepted.items())


def _try_to_lock(root, results, together, done):
    together.wait()
    try:
        with Store(root).lock():
            results.put("runs")
            done.wait(30)
    except StoreBusy:
        results.put("busy")


def test_one_of_many_programs_works_on_a_store(tmp_path):
    context = multiprocessing.get_context("spawn" if os.name == "nt" else "fork")
    results, together, done = context.Queue(), context.Barrier(6), context.Event()
    shared = (tmp_path, results, together, done)
    programs = [context.Process(target=_try_to_lock, args=shared) for _ in range(6)]
    for program in programs:
        program.start()
    said = sorted(results.get(timeout=30) for _ in programs)
    done.set()
    for program in programs:
        program.join(30)
    assert said == ["busy"] * 5 + ["runs"]
    assert (tmp_path / LOCK).exists()


def test_a_lock_clears_away_what_a_crash_left_but_for_originals(tmp_path):
    rests = [tmp_path / folder / ".tmp-0123456789abcdef" for folder in ("originals", "originals/ab", "pages", "packages")]
    for rest in rests:
        rest.parent.mkdir(exist_ok=True)
        rest.write_bytes(b"half")
    with Store(tmp_path).lock():
        assert [rest.exists() for rest in rests] == [True, False, False, False]


def test_after_a_crash_whole_originals_get_their_name_and_the_rest_is_dropped(tmp_path):
    store = Store(tmp_path)
    whole, half = (tmp_path / "originals" / f".tmp-{digit * 16}" for digit in "01")
    whole.parent.mkdir()
    whole.write_bytes(JPEG)
    half.write_bytes(JPEG[:9])
    recovered = recover(store, lambda path: path.read_bytes() == JPEG)
    assert recovered.adopted == (hashlib.sha256(JPEG).hexdigest(),)
    assert recovered.unfinished == 1
    assert store.read(recovered.adopted[0], verify=True) == JPEG
    assert not store.path(recovered.adopted[0]).stat().st_mode & 0o222
    assert not (whole.exists() or half.exists())
    assert recover(store, lambda path: True) == Recovered((), 0)


def test_a_store_of_a_newer_program_is_left_alone(tmp_path):
    store = Store(tmp_path)
    with store.lock():
        pass
    before = (tmp_path / "store.json").read_bytes()
    assert json.loads(before)["format"] == 1
    (tmp_path / "store.json").write_bytes(before.replace(b"1", b"2"))
    with pytest.raises(NewerStore), store.lock():
        pass
    (tmp_path / "store.json").write_bytes(b"{")
    with pytest.raises(StorageFailed), store.lock():
        pass


def test_a_store_from_before_formats_were_numbered_is_format_one(tmp_path):
    (tmp_path / "originals").mkdir()
    (tmp_path / ".sohoa-store").touch()
    with Store(tmp_path).lock():
        assert json.loads((tmp_path / "store.json").read_text())["format"] == 1


def test_facts_are_canonical_json(tmp_path):
    store = Store(tmp_path)
    original = accept(store, JPEG)
    store.note(original, {"name": "Sổ khai sinh.jpg", "frames": [{"width": 1}]})
    text = store.path(original.sha256).with_suffix(".json").read_text(encoding="utf-8")
    assert text.startswith('{"bytes":')
    assert "Sổ khai sinh" in text
    assert json.loads(text)["frames"] == [{"width": 1}]
