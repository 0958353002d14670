"""Outline of the sheet, and which way up, against images whose truth is known.

    python -m benchmarks.accuracy_outline [--made N] [--seed 1] [--looks DIR]

Prints the overlap (IoU) of the sheet found with the true one for the real images of ../shared/data/corners and for N
made-up images by seed; then how real and made-up images are turned that come upright or turned by quarters. With
--looks, contact sheets of all images are written into DIR: the sheet found is drawn green, red where it is put
right, blue where it is; its upper left corner is dotted.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from imaging import orient, outline
from imaging.decode import read_header
from imaging.opening import first_view
from imaging.view import View

DATA = Path(__file__).parents[2] / "shared" / "data"
FOLDERS = ("corners", "split", "registers", "dewarp", "binarise")
ON_THEIR_SIDE = ("MSI2015_H09", "MSI2015_H19")  # delivered so
CELL, COLUMNS, ROWS = 380, 7, 5  # px; of a contact sheet


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--made", type=int, default=24, help="made-up images")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--looks", type=Path, help="folder for contact sheets to look at")
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    truths = real_truths()
    images = [(path.parent.name, path.name, opened(path), truths.get(path.resolve())) for path in real_images()]
    with tempfile.TemporaryDirectory() as folder:
        images += made_images(chosen.made, chosen.seed, Path(folder))
        print_overlaps(images)
        print_turns(images)
    if chosen.looks:
        chosen.looks.mkdir(parents=True, exist_ok=True)
        draw_looks(images, chosen.looks)


def real_images() -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((DATA / folder).glob("*.*"))
             if path.suffix.lower() in (".jpg", ".jpeg", ".png") and not (path.stem.endswith("_gt") or "flat" in path.stem)]
    return list(dict.fromkeys(path.resolve() for path in found))


def real_truths() -> dict[Path, np.ndarray]:
    table = DATA / "corners" / "truth.csv"
    if not table.exists():
        return {}
    with open(table, newline="", encoding="utf-8") as file:
        return {(table.parent / row["file"]).resolve():
                np.array([[float(row[f"x{number}"]), float(row[f"y{number}"])] for number in (1, 2, 3, 4)])
                for row in csv.DictReader(file)}


def made_images(count: int, seed: int, folder: Path) -> list[tuple[str, str, View, np.ndarray]]:
    from samples.generate import generate

    generate(folder, count=count, seed=seed)
    found = []
    for path in sorted(folder.rglob("*.truth.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        corners = [page["corners"] for page in truth["pages"]]
        first, last = corners[0], corners[-1]
        kind = "made, photo" if truth["device"] == "phone" else "made, scan"
        view = opened(path.with_name(path.name.replace(".truth.json", ".jpg")))
        found.append((kind, path.name, view, np.array([first[0], last[1], last[2], first[3]])))
    return found


def opened(path: Path) -> View:
    data = path.read_bytes()
    return first_view(data, read_header(data))


def overlap(one, other) -> float:
    """Intersection over union of two convex outlines (n×2)."""
    one, other = np.float32(one), np.float32(other)
    common, _ = cv2.intersectConvexConvex(one, other)
    return common / (cv2.contourArea(one) + cv2.contourArea(other) - common)


def print_overlaps(images) -> None:
    found, spent = {}, []
    for kind, name, view, true in images:
        start = time.process_time()
        values = outline.decide(view, outline.Params()).values
        spent.append(time.process_time() - start)
        if true is not None:
            group = kind if kind.startswith("made") else "real"
            found.setdefault(group, []).append((overlap(values["corners"], true), name))
    print(f"{'IoU of the sheet':20}{'n':>5}{'mean':>8}{'worst':>8}")
    for kind, values in found.items():
        print(f"{kind:20}{len(values):5}{np.mean([value for value, _ in values]):8.4f}{min(values)[0]:8.4f}")
        for value, name in sorted(values)[:3]:
            print(f"    {value:.4f}  {name[-60:]}")
    print(f"outline, CPU ms: median {1000 * np.median(spent):.0f}, p95 {1000 * np.percentile(spent, 95):.0f}\n")


def print_turns(images) -> None:
    found, spent = {}, []
    for kind, name, view, _ in images:
        if name.startswith(ON_THEIR_SIDE):
            continue
        for degrees in (0, 90, 180, 270):
            turned = View.of(np.ascontiguousarray(np.rot90(view.colour, -degrees // 90)))
            start = time.process_time()
            turn = orient.decide(turned, orient.Params()).values["turn"]
            spent.append(time.process_time() - start)
            outcome = "upright" if (turn + degrees) % 360 == 0 else "left" if turn == 0 else "wrong"
            found.setdefault((kind, degrees), Counter())[outcome] += 1
            if outcome == "wrong":
                print(f"    wrong: turned by {degrees}, then by {turn}: {name[-60:]}")
    print(f"{'turned by':20}{'degrees':>8}{'upright':>9}{'left':>6}{'wrong':>7}")
    for (kind, degrees), counts in found.items():
        print(f"{kind:20}{degrees:8}{counts['upright']:9}{counts['left']:6}{counts['wrong']:7}")
    print(f"orient, CPU ms: median {1000 * np.median(spent):.0f}, p95 {1000 * np.percentile(spent, 95):.0f}")


def draw_looks(images, folder: Path) -> None:
    cells = [cell(*image) for image in images]
    for start in range(0, len(cells), COLUMNS * ROWS):
        some = cells[start : start + COLUMNS * ROWS]
        some += [np.zeros_like(cells[0])] * (-len(some) % COLUMNS)
        sheet = np.vstack([np.hstack(some[row : row + COLUMNS]) for row in range(0, len(some), COLUMNS)])
        cv2.imwrite(str(folder / f"outlines-{start // (COLUMNS * ROWS) + 1}.jpg"), sheet[:, :, ::-1])


def cell(kind: str, name: str, view: View, true: np.ndarray | None) -> np.ndarray:
    decision = outline.decide(view, outline.Params())
    factor = CELL / max(view.size)
    picture = cv2.resize(view.colour, [max(1, round(side * factor)) for side in view.size], interpolation=cv2.INTER_AREA)
    corners = np.round(np.array(decision.values["corners"]) * factor).astype(np.int32)
    if true is not None:
        cv2.polylines(picture, [np.round(true * factor).astype(np.int32)], True, (0, 0, 255), 1)
    cv2.polylines(picture, [corners], True, (255, 0, 0) if decision.values["rectify"] else (0, 160, 0), 2)
    cv2.circle(picture, corners[0].tolist(), 6, (255, 160, 0), -1)
    framed = np.full((CELL + 24, CELL + 4, 3), 70, np.uint8)
    framed[: picture.shape[0], : picture.shape[1]] = picture[:CELL, :CELL]
    text = f"{kind} {name[-34:]} {decision.confidence:.2f}"
    cv2.putText(framed, text, (3, CELL + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return framed


if __name__ == "__main__":
    main()
