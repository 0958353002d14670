"""Packing killed, or the disk full, at system calls: never a part under a final name, and the next packing is whole."""

import random
import shutil

import pytest

from tests.crash.packing_faults import (
    BOOK,
    WRITES,
    Fault,
    calls_of,
    damage_after,
    developed_book,
    named_problems,
    say_something,
)

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
QUICK = 6  # faults of each kind; `python -m benchmarks.soak --what packing` takes all


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A store that was packed once and is to be packed anew, and how often packing makes each system call."""
    root = tmp_path_factory.mktemp("packed")
    store = developed_book(root)
    say_something(store)
    traced = shutil.copytree(store, root / "traced")
    return store, calls_of(traced, root)


def chosen(calls, names, error=""):
    every = [Fault(name, number, error) for name in names for number in range(1, calls[name] + 1)]
    return random.Random(7).sample(every, min(QUICK, len(every)))


@pytest.mark.parametrize("error", ["", "ENOSPC", "EIO"])
def test_a_fault_at_a_system_call_leaves_whole_packages_or_none(prepared, tmp_path, error):
    store, calls = prepared
    for fault in chosen(calls, WRITES if error else sorted(calls), error):
        assert damage_after(fault, store, tmp_path / "at") == [], fault


def test_every_rename_of_packing_may_be_its_last_call(prepared, tmp_path):
    store, calls = prepared
    assert calls["rename"] >= 4  # two packages, and the ones that stood there before
    for number in range(1, calls["rename"] + 1):
        assert damage_after(Fault("rename", number), store, tmp_path / "at") == []


def test_the_check_sees_what_it_is_for(prepared, tmp_path):
    store = shutil.copytree(prepared[0], tmp_path / "store")
    packages = store / "packages" / BOOK
    assert list(named_problems(packages)) == []
    next((packages / "ministry").glob("*.zip")).unlink()
    assert list(named_problems(packages))
