"""Black and white measured: against truth set by set, on made-up spreads of growing faintness, and its cost.

    python -m benchmarks.bitonal [--sets] [--faint] [--cost] [--looks DIR]     (without a choice: all three)

`--sets`: F-measure of each way (fast, careful, and auto, which chooses by itself) on the images with truth in
../shared/data/binarise, beside doxapy's ISauvola and Wolf where doxapy is installed. `--faint`: recall and precision of
ink on spreads of samples.generate. `--cost`: CPU ms and peak MB over the image, A3 spread at 300 dpi, one thread.
With --looks, the images with truth are written into DIR, each with what every way makes of it and its truth.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from benchmarks.tone import DATA, peak_mb, read

WAYS = ("fast", "careful", "auto")
FADINGS = (0.2, 0.4, 0.6, 0.8, 0.95)  # strengths of samples.wear
A3_AT_300 = (4960, 3508)
RUNS = 5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("sets", "faint", "cost"):
        options.add_argument(f"--{name}", action="store_true")
    options.add_argument("--looks", type=Path, help="folder for pictures to look at")
    chosen = options.parse_args()
    every = not (chosen.sets or chosen.faint or chosen.cost)
    cv2.setNumThreads(1)
    if chosen.sets or every:
        print_f_measures(chosen.looks)
    if chosen.faint or every:
        print_faint_ink()
    if chosen.cost or every:
        print_cost()


def print_f_measures(looks: Path | None) -> None:
    truths = sorted((DATA / "binarise").glob("*_gt.png"))
    if not truths:
        print("no images with truth: ../shared/data/binarise is not here")
        return
    methods = {way: ours(way) for way in WAYS} | peers()
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    print("F-measure           " + "".join(f"{name:>10}" for name in methods))
    for truth in truths:
        name = truth.stem.removesuffix("_gt")
        image = cv2.cvtColor(read(truth.with_name(f"{name}.png")), cv2.COLOR_BGR2RGB)
        ink = cv2.cvtColor(read(truth), cv2.COLOR_BGR2GRAY) < 128
        made = {method: run(image) for method, run in methods.items()}
        row = {method: f_measure(black == 0, ink) for method, black in made.items()}
        found[name.split("_")[0]].append(row)
        print(f"  {name:18}" + "".join(f"{value:10.1f}" for value in row.values()), flush=True)
        if looks:
            shown = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), *made.values(), np.where(ink, 0, 255).astype(np.uint8)]
            save(looks / f"{name}.png", shown)
    means = {key: {name: statistics.mean(row[name] for row in rows) for name in methods} for key, rows in found.items()}
    for key, row in means.items():
        print(f"{key:20}" + "".join(f"{value:10.1f}" for value in row.values()))
    of_sets = (statistics.mean(row[name] for row in means.values()) for name in methods)
    print(f"{'mean of the sets':20}" + "".join(f"{value:10.1f}" for value in of_sets))


def save(path: Path, pictures: list[np.ndarray]) -> None:
    """Pictures below or beside each other, whatever makes the squarer whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wide = pictures[0].shape[1] > pictures[0].shape[0]
    cv2.imencode(".png", (np.vstack if wide else np.hstack)(pictures))[1].tofile(path)


def print_faint_ink() -> None:
    from samples.generate import Spec, make
    from samples.wear import Wear

    methods = {way: ours(way) for way in WAYS} | peers()
    print("\nmade-up A3 spreads, recall and precision of ink")
    print(f"{'fading':20}" + "".join(f"{name:>14}" for name in methods))
    for fading in FADINGS:
        made = make(Spec("KH", "ledger", "dark bed", 1990, wear=Wear(fading=fading)), 1)
        ink, sheet = made.ink < 128, sheet_of(made)
        row = []
        for method in methods.values():
            found = (method(made.image) == 0) & sheet
            row.append(f"{100 * found[ink].mean():.1f}, {100 * near(ink)[found].mean():.1f}")
        print(f"{fading:<20}" + "".join(f"{pair:>14}" for pair in row), flush=True)


def near(ink: np.ndarray) -> np.ndarray:
    """Ink and the pixels beside it: half a pixel more or less of a stroke is no error."""
    return cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def sheet_of(made) -> np.ndarray:
    """Where the made-up picture shows its sheet; bool (h, w)."""
    sheet = np.zeros(made.ink.shape, np.uint8)
    for page in made.truth["pages"]:
        cv2.fillPoly(sheet, [np.rint(np.array(page["corners"])).astype(np.int32)], 1)
    return sheet > 0


def print_cost() -> None:
    print(f"\n{'A3 spread at 300 dpi':24}{'CPU ms':>8}{'MB over the image':>20}")
    for way in ("fast", "careful"):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            spent, memory = pool.apply(cost_of, (way,))
        print(f"{way:24}{1000 * spent:8.0f}{memory:20.0f}")


def cost_of(way: str) -> tuple[float, float]:
    """CPU seconds, the least of some runs, and how much the process grew beyond the image in its first."""
    import time

    from benchmarks.tone import made_up_spread
    from imaging import tone
    from imaging.view import View

    cv2.setNumThreads(1)
    pixels = made_up_spread()
    decision = tone.decide(View.of(pixels, 300), tone.Params(mode="bitonal", bitonal=way))
    with open("/proc/self/clear_refs", "w") as peak:  # what making the spread took does not count
        peak.write("5")
    before, spent = peak_mb(), []
    for _ in range(RUNS):
        start = time.process_time()
        tone.tone(pixels, decision)
        spent.append(time.process_time() - start)
    return min(spent), peak_mb() - before


def ours(way: str):
    """A function from an RGB picture to black and white, as `sohoa clean --no-geometry --tone bitonal` has it."""
    from imaging import tone
    from imaging.view import View

    return lambda image: tone.tone(image, tone.decide(View.of(image), tone.Params(mode="bitonal", bitonal=way)))


def peers() -> dict:
    """Functions of the same form by doxapy, as many as there are."""
    try:
        from doxapy import Binarization
    except ImportError:
        return {}

    def method(algorithm):
        def run(image: np.ndarray) -> np.ndarray:
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            result = np.empty_like(grey)
            binarization = Binarization(algorithm)
            binarization.initialize(grey)
            binarization.to_binary(result)
            return result

        return run

    known = Binarization.Algorithms
    return {"ISauvola": method(known.ISAUVOLA), "Wolf": method(known.WOLF)}


def f_measure(found: np.ndarray, truth: np.ndarray) -> float:
    both = np.count_nonzero(found & truth)
    return 200 * both / max(np.count_nonzero(found) + np.count_nonzero(truth), 1)


if __name__ == "__main__":
    main()
