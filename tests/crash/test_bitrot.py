"""A bit flipped anywhere in either package is found, and the file named; `python -m benchmarks.bitrot` flips 1,000."""

from tests.bookpack.flips import unseen
from tests.crash.packing_faults import BOOK, developed_book, run_driver, say_something

FLIPS = 300


def test_no_flipped_bit_escapes(tmp_path):
    store = developed_book(tmp_path)
    say_something(store)
    assert run_driver(store) == (0, "PACKED 3\n")
    packages = store / "packages" / BOOK
    assert unseen([packages / "ministry", packages / BOOK], FLIPS, seed=16) == []
