"""All tables of the geometry, one after the other, with contact sheets to look at, and peers where they are installed.

    python -m benchmarks.accuracy [--made N] [--looks DIR]

Outline and turns, gutter and layout and kept writing, angles, flatness: each is a program of its own and can be run
alone. Peers (`pip install jdeskew`) are asked for the angle of the same pages.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from benchmarks import accuracy_flat, accuracy_outline, accuracy_skew, accuracy_split

PROGRAMS = (accuracy_outline, accuracy_split, accuracy_skew, accuracy_flat)
PEER_SIDE = 3000  # px: of a picture that a peer is given; larger ones take it minutes


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--made", type=int, default=24, help="made-up images for each table")
    options.add_argument("--looks", type=Path, help="folder for contact sheets to look at")
    chosen = options.parse_args()
    for program in PROGRAMS:
        name = program.__name__.split(".")[-1]
        print(f"\n=== {name.removeprefix('accuracy_')} ===\n", flush=True)
        takes = program.__doc__.split("\n\n")[1]
        sys.argv = [name, *(["--made", str(chosen.made)] if "--made" in takes else []),
                    *(["--looks", str(chosen.looks / name)] if chosen.looks and "--looks" in takes else [])]
        program.main()
    print_peers()


def print_peers() -> None:
    """The angles that jdeskew finds in the real pages of `accuracy_skew`."""
    try:
        from jdeskew.estimator import get_angle
    except ImportError:
        print("\njdeskew is not installed: no peer beside")
        return
    off = defaultdict(list)
    for case in accuracy_split.real_cases():
        if not case.degrees:
            continue
        picture = case.view.full()
        factor = min(1.0, PEER_SIDE / max(picture.shape[:2]))
        found = get_angle(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
        for group in accuracy_skew.groups_of(case):
            off[group].append(abs(found - np.mean(case.degrees)))
    print("\njdeskew, degrees        n   mean  ≤0.3°  worst")
    for group, values in off.items():
        print(f"{group:20}{len(values):5}{np.mean(values):7.3f}{np.mean(np.array(values) <= 0.3):7.2f}{max(values):7.2f}")


if __name__ == "__main__":
    main()
