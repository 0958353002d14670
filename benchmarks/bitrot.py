"""Promise 16: a bit flipped anywhere in a package is found, and the file named.

    python -m benchmarks.bitrot [--count N] [--seed N]

Packs a small made-up book in parts, flips one bit after another in the files of both packages, and counts what `verify`
does not find or does not name.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.bookpack.flips import unseen
from tests.crash.packing_faults import BOOK, developed_book, run_driver, say_something

SHOWN = 10


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = developed_book(Path(folder))
        say_something(store)
        run_driver(store)  # in parts
        packages = store / "packages" / BOOK
        start = time.monotonic()
        lost = unseen([packages / "ministry", packages / BOOK], chosen.count, chosen.seed)
    seconds, found = time.monotonic() - start, chosen.count - len(lost)
    print(f"{chosen.count} bits flipped: {found} found, their file named; {seconds:.0f} s")
    for name, place, bit in lost[:SHOWN]:
        print(f"not found: {name}, byte {place}, bit {bit}")
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
