"""The packing of one book in one process, for faults to be injected into: `python pack_driver.py ROOT BOOK`.

The pages of BOOK in the store ROOT are developed already. Packs once a line comes on the standard input (so that a tracer
can attach before), a part for each page, and says what came of it. Run again, it goes on.
"""

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from openpyxl.worksheet import datavalidation  # noqa: E402, F401  everything is loaded before the faults begin

from book import Identity  # noqa: E402
from errors import StorageFailed  # noqa: E402
from packing import pack  # noqa: E402
from pipeline import develop_book  # noqa: E402
from settings import load  # noqa: E402
from workplace import Workplace  # noqa: E402

PART_MB = 0.001  # less than any page has


def packed(root, book, ready=lambda: None):
    """Pack; how many parts there are. `ready` is called before."""
    settings = load()
    settings = replace(settings, ministry=replace(settings.ministry, part_mb=PART_MB))
    workplace, identity = Workplace(root), Identity.parse(book)
    state = workplace.log(book).state()
    pages = develop_book(workplace, identity, load(), state, 1, lambda *_: None).pages
    ready()
    return len(pack(workplace, identity, settings, state, pages).ministry_zips)


def told_to_begin():
    print("READY", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    try:
        print("PACKED", packed(Path(sys.argv[1]), sys.argv[2], told_to_begin), flush=True)
    except StorageFailed as error:
        print("FAILED", error.code, flush=True)
        sys.exit(74)
