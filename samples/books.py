"""The small set in the repository, for the demo and the tests: three books as a commune brings them.

Each image in `pages` is named as its scanner or phone would name it. The truth lies apart, in `truth`, so
that a book's folder holds nothing but its images. `rebuild` makes everything anew from the seeds.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from samples.generate import Spec, make, save
from samples.wear import Wear

PAGES = Path(__file__).resolve().parent / "pages"
TRUTH = Path(__file__).resolve().parent / "truth"
# what the demo calls the books, and their folders in `pages`
DEMO_BOOKS = {
    "KH.1990.14800.01": "ledger-1990",
    "KT.2002.14800.01": "forms-2002",
    "KS.2009.14800.02": "forms-2009",
}
# The three books; Spec.book_seed keeps place and officers the same throughout a book.
_LEDGER = {"kind": "KH", "era": "ledger", "year": 1990, "dpi": 150, "quality": 76, "book_seed": 1990}
_DOUBLE = {"kind": "KT", "era": "double", "year": 2002, "dpi": 150, "quality": 76, "book_seed": 2002}
_FORM = {"kind": "KS", "era": "form", "year": 2009, "dpi": 200, "quality": 76, "book_seed": 2009, "volume": 2}

# path without ending: (seed, specification)
COMMITTED: dict[str, tuple[int, Spec]] = {
    "ledger-1990/SCN_0001": (
        11,
        Spec(
            **_LEDGER, device="dark bed", degrees=1.3, first_number=41, folio=7, curl=0.7,
            wear=Wear(fading=0.25, show_through=0.35, yellowing=0.45, stains=0.3,
                      gutter_shadow=0.7, pile=0.8),
        ),
    ),
    "ledger-1990/SCN_0002": (
        12,
        Spec(
            **_LEDGER, device="dark bed", degrees=-0.8, first_number=48, folio=8, curl=0.5,
            wear=Wear(fading=0.86, show_through=0.5, yellowing=0.5, stains=0.3, gutter_shadow=0.6, pile=0.7),
        ),
    ),
    "ledger-1990/SCN_0003": (
        13,
        Spec(
            **_LEDGER, device="dark bed", degrees=2.4, right="part", first_number=54, folio=9, curl=0.9,
            wear=Wear(fading=0.45, show_through=0.75, yellowing=0.65, stains=0.8, fold=0.9,
                      gutter_shadow=0.8, pile=0.7),
        ),
    ),
    "ledger-1990/SCN_0004": (
        14,
        Spec(
            **_LEDGER, device="dark bed", degrees=-1.7, right="blank", first_number=59, folio=10, curl=0.6,
            wear=Wear(fading=0.3, show_through=0.3, yellowing=0.5, stains=0.3, gutter_shadow=0.6, pile=0.5),
        ),
    ),
    "forms-2002/Brother_0012": (
        21,
        Spec(
            **_DOUBLE, device="white bed", degrees=-0.5, first_number=17, folio=5, curl=0.5,
            wear=Wear(fading=0.4, show_through=0.5, yellowing=0.2, stains=0.1, gutter_shadow=0.5, pile=0.4),
        ),
    ),
    "forms-2002/IMG_20240611_093412": (
        22,
        Spec(
            **_DOUBLE, device="phone", degrees=1.0, right="part", first_number=21, folio=6, curl=0.5,
            tilt=0.8, unevenness=0.7, shadow=0.35, finger=True, blur=0.9, grain=2.5,
            wear=Wear(fading=0.3, show_through=0.3, yellowing=0.25, stains=0.15,
                      gutter_shadow=0.45, pile=0.6),
        ),
    ),
    "forms-2009/EPSON031": (
        31,
        Spec(
            **_FORM, device="white bed", degrees=-1.1, first_number=62, folio=31,
            wear=Wear(fading=0.15, show_through=0.25, yellowing=0.1, stains=0.0, pile=0.3),
        ),
    ),
    "forms-2009/EPSON032": (
        32,
        Spec(
            **_FORM, device="dark bed", degrees=0.6, first_number=63, folio=32,
            wear=Wear(fading=1.0, show_through=0.45, yellowing=0.25, stains=0.3, fold=0.5, pile=0.0),
        ),
    ),
    "forms-2009/IMG_20240612_141907": (
        33,
        Spec(
            **(_FORM | {"dpi": 170}), device="phone", degrees=-2.0, first_number=64, folio=33, curl=0.6,
            tilt=0.9, unevenness=0.8, shadow=0.3, blur=0.9, grain=2.5, sideways=True,
            wear=Wear(fading=0.35, show_through=0.3, yellowing=0.15, stains=0.3, pile=0.7),
        ),
    ),
}  # fmt: skip


def rebuild(pages: Path = PAGES, truth: Path = TRUTH) -> None:
    """Empty both folders and write the whole set into them."""
    for folder in (pages, truth):
        shutil.rmtree(folder, ignore_errors=True)
    for path, (seed, spec) in COMMITTED.items():
        book, name = path.split("/")
        save(make(spec, seed), pages / book, name, truth / book)
