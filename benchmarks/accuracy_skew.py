"""The angle of the writing, against images whose truth is known.

    python -m benchmarks.accuracy_skew [--made N] [--seed 900] [--each]

Two errors are printed for every group of images: `said`, the angle decided against the angle stated for the image;
and `left`, the length-weighted median angle of the true lines of writing once the page is levelled, which also
holds where the outline has put perspective right before. Then how well the answer follows pages turned by known
angles, and the CPU time of the stage alone. `--each` prints every page.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from benchmarks.accuracy_split import DATA, PLAN, Case, made_cases, opened, real_cases, rows, within
from imaging import deskew
from imaging.stages import decide
from imaging.view import View
from single import skew

TURNS = (-7.0, -3.0, -1.0, 1.0, 3.0, 7.0)  # degrees
LEAST_LINES = 5  # of a page, for their median to be a truth


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--made", type=int, default=24, help="made-up images")
    options.add_argument("--seed", type=int, default=900)
    options.add_argument("--each", action="store_true", help="print every page")
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    said, left = defaultdict(list), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for case in (*real_cases(), *made_cases(chosen.made, chosen.seed, Path(folder))):
            one_said, one_left = errors_of(case)
            for group in groups_of(case):
                said[group] += one_said
                left[group] += one_left
            if chosen.each and (one_said or one_left):
                print(f"{case.name[:52]:54}", *(f"said {error:+.2f}" for error in one_said),
                      *(f"left {error:+.2f}" for error in one_left))
    header = f"{'mean':>7}{'≤0.3°':>7}{'worst':>7}"
    print(f"\n{'degrees':20}   n  said:{header}    n  left:{header}")
    for group in said:
        print(f"{group:20}{told(said[group])} {told(left[group])}")
    print_turned()


def errors_of(case: Case) -> tuple[list[float], list[float]]:
    """Errors of what was said, and angles of the writing left in the pages, degrees."""
    pages = decide(case.view, PLAN, case.name)
    upright = case.view.frame
    angles = [skew(view, upright) for view, _ in pages]
    said = []
    if case.degrees and len(case.degrees) == len(angles):
        said = [found - true for found, true in zip(angles, case.degrees, strict=True)]
    elif case.degrees:
        said = [float(np.mean(angles) - np.mean(case.degrees))]
    return said, [angle for view, _ in pages if (angle := angle_left(view, case.lines)) is not None]


def angle_left(view: View, lines: list[np.ndarray]) -> float | None:
    """The median angle of the lines that lie within a page, weighted by their length; None for too few."""
    own = [view.frame.points(line) for line in lines if within(view, line).all()]
    if len(own) < LEAST_LINES:
        return None
    ends = np.array([line[-1] - line[0] for line in own])
    return deskew.weighted_median(np.degrees(np.arctan2(ends[:, 1], ends[:, 0])), np.hypot(*ends.T))


def groups_of(case: Case) -> list[str]:
    if case.kind.startswith(("made", "skew")):
        return [case.kind]
    kind = {"timeus": "hand-held", "hrom": "manuscripts"}.get(case.name.split("_")[0], "ruled registers")
    return [kind, "all real"]


def told(errors: list[float]) -> str:
    off = np.abs(errors)
    return f"{off.size:4}      {off.mean():7.3f}{(off <= 0.3).mean():7.2f}{off.max():7.2f}" if off.size else " " * 31


def print_turned() -> None:
    """How the answer follows the middles of real pages that are turned, and what it costs."""
    off, spent = [], []
    for row in rows("registers/skew_truth.csv"):
        path = next(DATA / part / row["file"] for part in ("registers", "split") if (DATA / part / row["file"]).exists())
        picture = opened(path).picture
        upright = deskew.measure(View.of(turned(picture, 0.0)), 12.0)[0]
        for degrees in TURNS:
            view = View.of(turned(picture, degrees))
            start = time.process_time()
            off.append(deskew.measure(view, 12.0)[0] - upright - degrees)
            spent.append(time.process_time() - start)
    off = np.abs(off)
    print(f"\nturned by ±1, ±3, ±7°: off by median {np.median(off):.3f}, p90 {np.percentile(off, 90):.2f}, "
          f"worst {off.max():.2f}; CPU ms, with ink: median {1000 * np.median(spent):.0f}")


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    """The middle of a picture that was turned clockwise about it."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    whole = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    top, side = height // 8, width // 8
    return np.ascontiguousarray(whole[top : height - top, side : width - side])


if __name__ == "__main__":
    main()
