"""Whatever is done with a store, in whatever order: what it accepted is there, unaltered. The soak goes much farther."""

import os

import pytest

from tests.originals.random_work import RandomWork


@pytest.mark.parametrize("seed", range(4))
def test_accepted_originals_stay_as_they_are(tmp_path, seed):
    work = RandomWork(tmp_path, seed)
    work.go(250)
    assert list(work.wrong()) == []
    assert len(work.accepted) > 20


@pytest.mark.skipif(os.name == "nt", reason="a read-only file is altered in another way on Windows")
def test_the_check_sees_what_it_is_for(tmp_path):
    work = RandomWork(tmp_path, 9)
    work.go(60)
    one, two, *_ = sorted(work.accepted)
    altered, lost = work.store.path(one), work.store.path(two)
    altered.chmod(0o644)
    altered.write_bytes(b"other")
    lost.unlink()
    assert len(list(work.wrong())) == 3  # altered, to be written to, lost
