"""Random work on a store, half of it going wrong: sources that fail, crashes in mid-write, damage that is repaired."""

import hashlib
import io
import random
from contextlib import suppress

from errors import SohoaError
from originals.durable import TEMP
from originals.recover import recover
from originals.store import Store

END = b"the end"  # of a file that is whole
HEADS = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0", b"%PDF-1.4", b"nothing known")


class Failing(io.BytesIO):
    """A source whose device goes away after some bytes."""

    def read(self, size=-1):
        data = super().read(min(size, 64))
        if not data or self.tell() > 200:
            raise OSError(5, "gone")
        return data


class RandomWork:
    """A store and all that it ever accepted: bytes and facts by hash."""

    def __init__(self, root, seed):
        self.store, self.chance = Store(root), random.Random(seed)
        self.accepted, self.facts = {}, {}
        self.works = [self.accept, self.accept, self.accept_again, self.refuse, self.fail, self.note, self.read, self.list,
                      self.crash, self.recover, self.lock]

    def go(self, operations):
        for _ in range(operations):
            self.chance.choice(self.works)()

    def wrong(self):
        """What is not as it was accepted."""
        for sha256, data in self.accepted.items():
            try:
                path = self.store.path(sha256)
                if path.read_bytes() != data:
                    yield f"altered: {sha256}"
                if path.stat().st_mode & 0o222:
                    yield f"can be written to: {sha256}"
            except SohoaError:
                yield f"lost: {sha256}"
            if self.store.facts(sha256).get("name") != self.facts.get(sha256):
                yield f"other facts: {sha256}"
        yield from (f"never accepted: {sha256}" for sha256 in set(self.store.list()) - set(self.accepted))

    # --- one operation each ---

    def bytes(self):
        return self.chance.choice(HEADS) + self.chance.randbytes(self.chance.randrange(400)) + END

    def any_accepted(self):
        return self.chance.choice(list(self.accepted)) if self.accepted else None

    def accept(self):
        data = self.bytes()
        original = self.store.accept(io.BytesIO(data))
        assert original.sha256 == hashlib.sha256(data).hexdigest()
        self.accepted[original.sha256] = data

    def accept_again(self):
        sha256 = self.any_accepted()
        if sha256:
            assert self.store.accept(io.BytesIO(self.accepted[sha256])).sha256 == sha256

    def refuse(self):
        def no(path):
            raise ValueError

        with suppress(ValueError):
            self.store.accept(io.BytesIO(self.bytes()), check=no)
        with suppress(SohoaError):
            self.store.accept(io.BytesIO(self.bytes()), max_bytes=3)

    def fail(self):
        with suppress(OSError):
            self.store.accept(Failing(self.bytes()))

    def note(self):
        sha256 = self.any_accepted()
        if sha256:
            name = f"{self.chance.random()}.jpg"
            original = self.store.accept(io.BytesIO(self.accepted[sha256]))
            self.facts.setdefault(sha256, name)  # those of the first arrival stay
            with suppress(SohoaError):  # and others are refused or left
                self.store.note(original, {"name": name})

    def read(self):
        sha256 = self.any_accepted()
        if sha256:
            assert self.store.read(sha256, verify=True) == self.accepted[sha256]

    def list(self):
        assert set(self.store.list()) == set(self.accepted)

    def crash(self):
        """The program ended while it wrote: half a file, or a whole one that has no name yet."""
        data = self.bytes()
        folder = self.store.root / "originals"
        folder.mkdir(parents=True, exist_ok=True)
        whole = self.chance.random() < 0.5
        (folder / f"{TEMP}{self.chance.randrange(10**9)}").write_bytes(data if whole else data[: -len(END)])

    def recover(self):
        waiting = [path.read_bytes() for path in self.store.unnamed()]
        recover(self.store, lambda path: path.read_bytes().endswith(END))
        for data in waiting:
            if data.endswith(END):
                self.accepted[hashlib.sha256(data).hexdigest()] = data
        assert self.store.unnamed() == []

    def lock(self):
        with self.store.lock():
            self.accept()
