"""How well print is read before and after toning: what Tesseract makes of made-up Vietnamese forms and ledgers.

    python -m benchmarks.reading [--count N] [--strength natural|clear|strong …]

Pages are made by seed: good ones, and ones faded, yellowed, stained and shadowed. Tesseract (Debian's `tesseract-ocr`
and `tesseract-ocr-vie`) gets the sheet out of the original and out of the toned picture, both whole, in colour and with
the same options; no other geometry is applied. Words whose middle lies on a printed line count as read there, and are
compared with its text. Prints the share of characters read wrong (edit distance over length, Levenshtein 1966), before
and after.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

STRENGTHS = ("natural", "clear", "strong")
OPTIONS = ("--oem", "1", "--psm", "11", "-l", "vie")  # sparse text: a form is no column of prose
EM_PER_LETTER = 0.5  # of the print's size, so broad is a letter on average
ABOVE, BELOW = 1.0, 0.35  # of the print's size, what belongs to a line, from its baseline
SURELY = 0.0  # words Tesseract is less sure of than this do not count; 0: all count


@dataclass(frozen=True)
class Case:
    """A kind of page: how worn it is, and what took its picture.

    The fading of samples ends at 1, where print keeps 0.64 of its depth; at 1.6 it keeps 0.42, at 2.1 0.24.
    """

    name: str
    faded: bool
    spec: dict
    wear: dict


CASES = (
    Case("good scan", False, {"device": "white bed"}, {"fading": 0.1, "yellowing": 0.1, "stains": 0.0}),
    Case("good photo", False, {"device": "phone", "tilt": 0.0, "unevenness": 0.2},
         {"fading": 0.2, "yellowing": 0.2, "stains": 0.0}),
    Case("faded", True, {"device": "dark bed", "grain": 2.5}, {"fading": 1.0, "yellowing": 0.5, "stains": 0.5}),
    Case("more faded", True, {"device": "dark bed", "grain": 2.5}, {"fading": 1.6, "yellowing": 0.6, "stains": 0.5}),
    Case("most faded", True, {"device": "dark bed", "grain": 2.5}, {"fading": 2.1, "yellowing": 0.8, "stains": 0.5}),
    Case("faded, other side", True, {"device": "dark bed", "grain": 2.5},
         {"fading": 1.8, "yellowing": 0.7, "stains": 0.4, "show_through": 0.8}),
    Case("faded, in shadow", True, {"device": "phone", "tilt": 0.0, "unevenness": 0.9, "shadow": 0.5, "grain": 4.0},
         {"fading": 1.6, "yellowing": 0.7, "stains": 0.4}),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=2, help="pages of each kind and era")
    options.add_argument("--strength", nargs="*", choices=STRENGTHS, default=STRENGTHS)
    chosen = options.parse_args()
    if missing := not_installed():
        print(missing)
        return
    cv2.setNumThreads(1)
    ways = ("before", *chosen.strength)
    print(f"{'characters read wrong, %':26}{'letters':>8}" + "".join(f"{way:>10}" for way in ways))
    sums: dict[bool, np.ndarray] = {}
    for case in CASES:
        wrong = sum((errors(case, era, seed, ways) for era in ("form", "ledger") for seed in range(1, chosen.count + 1)),
                    np.zeros(len(ways) + 1, int))
        sums[case.faded] = sums.get(case.faded, 0) + wrong
        print_row(case.name, wrong)
    for faded, wrong in sums.items():
        print_row("all faded" if faded else "all good", wrong)


def print_row(name: str, wrong: np.ndarray) -> None:
    print(f"{name:26}{wrong[0]:8}" + "".join(f"{100 * many / wrong[0]:10.1f}" for many in wrong[1:]), flush=True)


def not_installed() -> str:
    """Why Tesseract cannot be asked; empty if it can."""
    if shutil.which("tesseract") is None:
        return "skipped: tesseract is not installed (Debian: tesseract-ocr tesseract-ocr-vie)"
    known = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False).stdout
    return "" if "vie" in known.split() else "skipped: tesseract does not know Vietnamese (Debian: tesseract-ocr-vie)"


def errors(case: Case, era: str, seed: int, ways) -> np.ndarray:
    """Printed letters of one page, and how many are read wrong before and after each way of toning."""
    made = page(case, era, seed)
    lines = [line for side in made.truth["pages"] for line in side["lines"] if line["kind"] == "print"]
    places = [(place_of(line), plain(line["text"])) for line in lines if plain(line["text"])]
    read = [words(made.image if way == "before" else toned(made, way), sheet_of(made)) for way in ways]
    return np.array([sum(len(text) for _, text in places), *(wrong_letters(places, found) for found in read)])


def page(case: Case, era: str, seed: int):
    """A made-up page that lies straight."""
    from samples.generate import Spec, make
    from samples.wear import Wear

    year = {"form": 2008, "ledger": 1988}[era]
    wear = replace(Wear(pile=0.2, fold=0.0, gutter_shadow=0.7, show_through=0.2), **case.wear)
    return make(Spec(kind="KS", era=era, year=year, degrees=0.0, curl=0.1, wear=wear, **case.spec), seed)


def toned(made, strength: str) -> np.ndarray:
    from imaging import tone
    from imaging.view import View

    return tone.tone(made.image, tone.decide(View.of(made.image, made.truth["dpi"]), tone.Params(strength=strength)))


def plain(text: str) -> str:
    """Letters and signs alone: dotted lines to write on and spaces are no print to be read."""
    return "".join(letter for letter in unicodedata.normalize("NFC", text) if letter.isalnum() or letter in "/()-,:;")


def place_of(line: dict) -> tuple[np.ndarray, float]:
    """The baseline (n×2 px) and the size of the print, px."""
    baseline = np.array(line["baseline"])
    length = float(np.hypot(*(baseline[-1] - baseline[0])))
    return baseline, length / max(len(line["text"]), 1) / EM_PER_LETTER


def sheet_of(made) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the sheet: the black bed around it would mislead a threshold of the whole page."""
    corners = np.array([page["corners"] for page in made.truth["pages"]]).reshape(-1, 2)
    return (*np.floor(corners.min(0)).clip(0).astype(int), *np.ceil(corners.max(0)).astype(int))


def words(image: np.ndarray, sheet: tuple[int, int, int, int]) -> list[tuple[float, float, str]]:
    """What Tesseract reads on a sheet: middle x, middle y (px of the image) and text of each word."""
    left, top, right, bottom = sheet
    image = image[top:bottom, left:right]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tofile(path)
        done = subprocess.run(["tesseract", str(path), "-", *OPTIONS, "--dpi", "300", "tsv"], capture_output=True,
                              text=True, check=True, env={**os.environ, "OMP_THREAD_LIMIT": "1"})
    rows = csv.DictReader(done.stdout.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(left + int(row["left"]) + int(row["width"]) / 2, top + int(row["top"]) + int(row["height"]) / 2, row["text"])
            for row in rows if float(row["conf"]) > SURELY and row["text"].strip()]


def wrong_letters(places, found) -> int:
    """Edit distances of all lines together; a line costs at most all its letters."""
    total = 0
    for (baseline, size), text in places:
        read = "".join(plain(word) for x, _, word in sorted(
            (x, y, word) for x, y, word in found if lies_on(baseline, size, x, y)))
        total += min(distance(read, text), len(text))
    return total


def lies_on(baseline: np.ndarray, size: float, x: float, y: float) -> bool:
    if not baseline[0, 0] - size / 2 <= x <= baseline[-1, 0] + size / 2:
        return False
    rise = float(np.interp(x, baseline[:, 0], baseline[:, 1])) - y
    return -BELOW * size <= rise <= ABOVE * size


def distance(first: str, second: str) -> int:
    """The least number of letters to put in, take out or change."""
    row = list(range(len(second) + 1))
    for at, letter in enumerate(first, 1):
        before, row[0] = row[0], at
        for column, other in enumerate(second, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (letter != other))
    return row[-1]


if __name__ == "__main__":
    sys.exit(main())
