"""Gutter, layout, angle, kept line ends and kept paper, against images whose truth is known.

    python -m benchmarks.accuracy_split [--made N] [--seed 1] [--looks DIR]

Prints tables for the real images of ../shared/data; for their whole spreads mirrored, turned, faded, cut at
random on one side and cut into single pages, whose truth follows; and for N made-up images by seed. With
--looks, sheets are written into DIR: at the left the capture with sheet, gutter and angle, at the right the
pages that come of it. The decisions are those of the whole way through the stages, without tone and quality.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from imaging.decode import read_header
from imaging.opening import first_view
from imaging.stages import STAGES, Plan, decide, geometry
from imaging.view import View
from single import skew

DATA = Path(__file__).parents[2] / "shared" / "data"
PLAN = Plan({stage.name: stage.params() for stage in STAGES}, skip={"tone", "quality"})
CUTS = 4  # at each side of a spread
SPREAD_CUTS = (0.04, 0.15)  # of the width cut off a whole spread: at most a third of one page
PART_CUTS = (0.28, 0.42)  # and so much, that a page with a part of its neighbour is left
TURN = 3.0  # degrees
FADED = 0.45  # of the contrast is left
LOOK_HEIGHT = 900  # px


@dataclass(frozen=True)
class Case:
    """A capture with what is known of it, in pixels of its EXIF-upright frame.

    `gutter` holds points (n×2) on the gutter; `degrees` the angle of the writing, of each
    page or of the whole; `lines` the polylines of writing; `papers` corners of each page.
    """

    name: str
    kind: str
    view: View
    layout: str | None = None
    gutter: np.ndarray | None = None
    degrees: list[float] | None = None
    lines: list[np.ndarray] = field(default_factory=list)
    papers: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """How far what was decided of a case is from its truth; None where it has none."""

    case: Case
    pages: list
    spent: float
    layout: str
    off: float | None
    skew: list[float]
    ends: list[bool]
    kept: float | None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--made", type=int, default=24, help="made-up images")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--looks", type=Path, help="folder for sheets to look at")
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for case in all_cases(chosen, Path(folder)):
            outcomes.append(measure(case))
            if chosen.looks:
                chosen.looks.mkdir(parents=True, exist_ok=True)
                look(outcomes[-1], chosen.looks)
    print_tables(outcomes)


def all_cases(chosen: argparse.Namespace, folder: Path) -> Iterator[Case]:
    for case in real_cases():
        yield case
        if case.layout == "spread" and case.gutter is not None:
            yield from variants(case, chosen.seed)
    yield from made_cases(chosen.made, chosen.seed, folder)


def real_cases() -> Iterator[Case]:
    """The images of split/, registers/ and skew/."""
    splits = {row["file"]: row for row in rows("split/truth.csv")}
    skews = {row["file"]: row for row in rows("registers/skew_truth.csv") + rows("skew/truth.csv")}
    path = DATA / "registers" / "baselines.json"
    lines = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in sorted({*splits, *skews}):
        folder = next(DATA / part for part in ("split", "registers", "skew") if (DATA / part / name).exists())
        degrees = [float(skews[name]["degrees"])] if name in skews else None
        case = Case(name, "skew, declared" if folder.name == "skew" else "register", opened(folder / name),
                    degrees=degrees, lines=[np.array(line, float) for line in lines.get(name, [])])
        yield with_split(case, splits[name]) if name in splits else case


def with_split(case: Case, row: dict[str, str]) -> Case:
    found = [(float(row[f"gutter_x_{part}"]), float(row[f"y_{part}"]))
             for part in ("top", "mid", "bottom") if row[f"gutter_x_{part}"]]
    gutter = np.array(found) if found else None
    kind = row["kind"]
    lines = case.lines
    if kind.startswith("partial"):  # only the wanted page's writing has to be kept
        side = -1 if kind.endswith("left") else 1
        lines = [line for line in lines if side * (line[:, 0].mean() - gutter[:, 0].mean()) > 0]
    return Case(case.name, kind, case.view, "spread" if kind == "spread" else "single", gutter,
                case.degrees, lines)


def variants(case: Case, seed: int) -> Iterator[Case]:
    """A whole spread mirrored, turned, faded, cut on one side, and its pages alone; all reduced."""
    picture, gutter = case.view.picture, case.gutter / case.view.reduction
    height, width = picture.shape[:2]
    mirrored = np.column_stack([width - 1 - gutter[:, 0], gutter[:, 1]])
    yield made_of(case, "mirrored", np.ascontiguousarray(picture[:, ::-1]), mirrored)
    for degrees in (-TURN, TURN):
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
        turned = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        yield made_of(case, "turned 3°", turned, gutter @ matrix[:, :2].T + matrix[:, 2])
    paper = np.percentile(picture, 80)
    yield made_of(case, "faded", (paper + FADED * (picture - paper)).clip(0, 255).astype(np.uint8), gutter)
    random = np.random.default_rng([seed, sum(case.name.encode())])
    for limits, layout, kind in ((SPREAD_CUTS, "spread", "cut, spread"), (PART_CUTS, "single", "cut, part")):
        for part in random.uniform(*limits, CUTS):
            lost = round(part * width)
            yield made_of(case, kind, picture[:, lost:], gutter - (lost, 0), layout)
            yield made_of(case, kind, picture[:, : width - lost], gutter, layout)
    low, high = int(np.floor(gutter[:, 0].min())), int(np.ceil(gutter[:, 0].max()))
    yield made_of(case, "half", picture[:, :low], None, "single")
    yield made_of(case, "half", picture[:, high:], None, "single")


def made_of(case: Case, kind: str, picture: np.ndarray, gutter, layout: str = "spread") -> Case:
    return Case(f"{case.name} {kind}", kind, View.of(np.ascontiguousarray(picture)), layout, gutter)


def made_cases(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Made-up images with all of their truth."""
    from samples.generate import generate

    generate(folder, count=count, seed=seed)
    for path in sorted(folder.rglob("*.truth.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        photo = truth["device"] == "phone"  # its angle is that of the rectified page, which is level
        pages, view = truth["pages"], opened(path.with_name(path.name.replace(".truth.json", ".jpg")))
        lines = [view.frame.points_back(line["baseline"]) for page in pages for line in page["lines"]]  # as stored
        yield Case(path.name, f"made, {'photo' if photo else 'scan'}", view, truth["layout"],
                   np.array(truth["gutter"]) if truth["gutter"] else None,
                   None if photo else [page["skew_degrees"] for page in pages], lines,
                   [np.array(page["corners"]) for page in pages])


def opened(path: Path) -> View:
    data = path.read_bytes()
    return first_view(data, read_header(data))


def rows(name: str) -> list[dict[str, str]]:
    if not (DATA / name).exists():
        return []
    with open(DATA / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def measure(case: Case) -> Outcome:
    start = time.process_time()
    pages = decide(case.view, PLAN, case.name)
    spent = time.process_time() - start
    split = pages[0][1].decision("split").values
    off = None
    if case.gutter is not None and split["gutter"] is not None:
        off = gutter_off(case, split["gutter"], pages[0][1])
    angles = [skew(view, case.view.frame) for view, _ in pages]
    off_level = []
    if case.degrees is not None:
        if len(case.degrees) == len(angles):
            off_level = [found - true for found, true in zip(angles, case.degrees, strict=True)]
        else:  # one angle is stated for the whole image
            off_level = [float(np.mean(angles)) - float(np.mean(case.degrees))]
    ends, kept = kept_ends(case, pages), kept_paper(case, pages)
    return Outcome(case, pages, spent, split["layout"], off, off_level, ends, kept)


def gutter_off(case: Case, ends, recipe) -> float:
    """Distance of the farthest true point from the line found, across, in parts of the width."""
    seen = geometry(recipe, case.view.stored, 1, case.view.dpi, upto="split")
    (x0, y0), (x1, y1) = seen.points_back(ends)
    found = x0 + (x1 - x0) * (case.gutter[:, 1] - y0) / (y1 - y0)
    return float(np.abs(found - case.gutter[:, 0]).max()) / case.view.size[0]


def kept_ends(case: Case, pages) -> list[bool]:
    """For each end of a line of writing, whether it lies within the page that holds the line's middle."""
    kept, views = [], [view for view, _ in pages]
    for line in case.lines:
        homes = [view for view in views if within(view, [line.mean(axis=0)])[0]] or views
        kept += list(np.any([within(view, line[[0, -1]]) for view in homes], axis=0))
    return kept


def within(view: View, points) -> np.ndarray:
    x, y = view.frame.points(points).T
    width, height = view.size
    return (x >= 0) & (y >= 0) & (x <= width) & (y <= height)


def kept_paper(case: Case, pages) -> float | None:
    """Area of the pages, measured on the capture, over the true area of the paper."""
    if not case.papers:
        return None
    areas = [cv2.contourArea(np.float32(view.frame.points_back(view.frame.corners))) for view, _ in pages]
    return sum(areas) / sum(cv2.contourArea(np.float32(paper)) for paper in case.papers)


def print_tables(outcomes: list[Outcome]) -> None:
    kinds = list(dict.fromkeys(outcome.case.kind for outcome in outcomes))
    print(f"{'':20}{'n':>5}{'layout':>8}   gutter, worst point, % of width:"
          f"{'n':>5}{'median':>8}{'p95':>7}{'max':>7}{'≤1%':>6}")
    for kind in kinds:
        some = [outcome for outcome in outcomes if outcome.case.kind == kind and outcome.case.layout]
        if not some:
            continue
        right = np.mean([outcome.layout == outcome.case.layout for outcome in some])
        expected = [outcome for outcome in some if outcome.case.gutter is not None]
        off = [100 * outcome.off if outcome.off is not None else np.inf for outcome in expected]
        told = f"{len(off):38}{np.median(off):8.2f}{quantile(off, 95):7.2f}{max(off):7.2f}" \
               f"{np.mean(np.array(off) <= 1):6.2f}" if off else ""
        print(f"{kind:20}{len(some):5}{right:8.3f} {told}")
    print(f"\n{'skew, degrees':20}{'n':>5}{'mean':>8}{'≤0.3':>7}{'worst':>7}")
    for kind, names in skew_groups().items():
        off = np.abs([value for outcome in outcomes if names(outcome.case) for value in outcome.skew])
        if off.size:
            print(f"{kind:20}{off.size:5}{off.mean():8.3f}{(off <= 0.3).mean():7.2f}{off.max():7.2f}")
    print(f"\n{'line ends kept':20}{'pages':>6}{'ends':>7}{'share':>8}{'pages with all':>16}")
    for kind in kinds:
        ends = [outcome.ends for outcome in outcomes if outcome.case.kind == kind and outcome.ends]
        if ends:
            print(f"{kind:20}{len(ends):6}{sum(map(len, ends)):7}{np.mean(np.concatenate(ends)):8.4f}"
                  f"{np.mean([all(some) for some in ends]):16.3f}")
    for outcome in outcomes:
        if outcome.ends and not all(outcome.ends):
            lost = outcome.ends.count(False)
            print(f"    {outcome.case.name[-44:]}: {lost} of {len(outcome.ends)} ends lost")
    for kind in kinds:
        kept = [outcome.kept for outcome in outcomes if outcome.case.kind == kind and outcome.kept]
        if kept:
            print(f"\npaper kept, {kind}: median {np.median(kept):.3f}, "
                  f"within 3 %: {np.mean(np.abs(np.array(kept) - 1) <= 0.03):.2f}")
    print(f"\nall decisions, CPU ms: median {1000 * np.median([outcome.spent for outcome in outcomes]):.0f}, "
          f"p95 {1000 * np.percentile([outcome.spent for outcome in outcomes], 95):.0f}\n")
    print_worst(outcomes)


def quantile(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent, method="higher"))


def skew_groups():
    """The groups of real and made-up images that the project's goals speak of."""
    def hand_held(name):
        return name.startswith("timeus")

    def ruled(name):
        return name.startswith(("rep_", "bronod", "cmsd"))

    return {
        "ruled registers": lambda case: ruled(case.name) and case.degrees is not None,
        "hand-held": lambda case: hand_held(case.name) and case.degrees is not None,
        "all real": lambda case: not case.kind.startswith("made") and case.kind != "skew, declared",
        "declared, whole °": lambda case: case.kind == "skew, declared",
        "made, scan": lambda case: case.kind == "made, scan",
    }


def print_worst(outcomes: list[Outcome], number: int = 8) -> None:
    print("worst gutters (% of width):")
    found = [outcome for outcome in outcomes if outcome.off is not None]
    for outcome in sorted(found, key=lambda one: -one.off)[:number]:
        print(f"    {100 * outcome.off:6.2f}  {outcome.case.name[-60:]}")
    print("wrong layouts:")
    for outcome in outcomes:
        if outcome.case.layout and outcome.layout != outcome.case.layout:
            print(f"    {outcome.layout:8} {outcome.case.view.size}  {outcome.case.name[-60:]}")
    print("worst angles (degrees):")
    turned = [outcome for outcome in outcomes if outcome.skew]
    for outcome in sorted(turned, key=lambda one: -max(map(abs, one.skew)))[:number]:
        print(f"    {max(outcome.skew, key=abs):+6.2f}  {outcome.case.name[-60:]}")


def look(outcome: Outcome, folder: Path) -> None:
    """A picture of the capture with what was decided, and of the pages beside it."""
    view = outcome.case.view
    capture = view.picture.copy()
    recipe = outcome.pages[0][1]
    split = recipe.decision("split").values
    seen = geometry(recipe, view.stored, 1, view.dpi, upto="split")
    if split["gutter"] is not None:
        draw(capture, seen.points_back(split["gutter"]) / view.reduction, (255, 0, 0), closed=False)
    pages = []
    for page, own in outcome.pages:
        draw(capture, page.frame.points_back(page.frame.corners) / view.reduction, (0, 160, 0))
        if page.paper_corners is not None:
            draw(capture, np.array(page.paper_corners) / view.reduction, (0, 0, 255))
        pages.append(labelled(at_height(page.colour), f"{own.side} {skew(page, view.frame):+.2f}"))
    sheet = np.hstack([labelled(at_height(capture), outcome.case.name[-60:]), *pages])
    name = "".join(letter if letter.isalnum() else "_" for letter in outcome.case.name[-70:])
    number = sum(1 for _ in folder.glob(f"{name}*.jpg"))
    cv2.imwrite(str(folder / f"{name}{number or ''}.jpg"), sheet[:, :, ::-1])


def draw(picture: np.ndarray, points: np.ndarray, colour: tuple[int, int, int], closed: bool = True) -> None:
    cv2.polylines(picture, [np.round(points).astype(np.int32)], closed, colour, 3)


def at_height(picture: np.ndarray) -> np.ndarray:
    width = max(1, round(picture.shape[1] * LOOK_HEIGHT / picture.shape[0]))
    return cv2.resize(picture, (width, LOOK_HEIGHT), interpolation=cv2.INTER_AREA)


def labelled(picture: np.ndarray, text: str) -> np.ndarray:
    bar = np.full((30, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, text, (4, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    gap = np.full((LOOK_HEIGHT + 30, 8, 3), 255, np.uint8)
    return np.hstack([np.vstack([bar, picture]), gap])


if __name__ == "__main__":
    main()
