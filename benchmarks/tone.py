"""Tone measured: its cost beside decode and encode, and pages to look at.

    python -m benchmarks.tone [--looks DIR] [FILE …]

Prints CPU ms and peak MB over the image for each mode on an A3 spread at 300 dpi. With --looks, contact sheets of FILEs
(default: real registers, photos and the faintest writing) are written into DIR: the original at the left, the developed
page at the right, whole and at full size. How well toned print is read is in `reading`, whether hues, grain and paper
are kept in `faithful`, black and white in `bitonal`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

import cv2
import numpy as np

DATA = Path(__file__).parents[2] / "shared" / "data"
A3_AT_300 = (4960, 3508)
MODES = ("colour", "grey", "bitonal")
FAINTEST = ("MSI2015", "DIBCO2010", "Bickely")
CROP = (900, 700)  # px at full size


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--looks", type=Path, help="folder for contact sheets")
    options.add_argument("files", nargs="*", type=Path)
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    print_cost()
    if chosen.looks:
        chosen.looks.mkdir(parents=True, exist_ok=True)
        for path in chosen.files or real_registers() + hard_ones():
            look(path, chosen.looks)


def print_cost() -> None:
    import simplejpeg

    data = simplejpeg.encode_jpeg(made_up_spread(), 85)
    context = multiprocessing.get_context("spawn")
    print(f"{'A3 spread at 300 dpi':24}{'CPU ms':>8}{'MB over the image':>20}")
    for name in ("decode + encode", "warp", *MODES):
        with context.Pool(1) as pool:
            spent, memory = pool.apply(cost_of, (name, data))
        print(f"{name:24}{1000 * spent:8.0f}{memory:20.0f}")


def cost_of(name: str, data: bytes) -> tuple[float, float]:
    """The least CPU seconds of five runs, and how much the process grew beyond the image in its first."""
    import simplejpeg

    from imaging import tone
    from imaging.geometry import Geometry
    from imaging.render import render
    from imaging.view import View

    cv2.setNumThreads(1)
    pixels = simplejpeg.decode_jpeg(data)
    geometry = Geometry.levelling(1.7, A3_AT_300, 300)
    if name in MODES:
        decision = tone.decide(View.of(pixels, 300), tone.Params(mode=name))
    work = {
        "decode + encode": lambda: simplejpeg.encode_jpeg(simplejpeg.decode_jpeg(data), 85),
        "warp": lambda: render(pixels, geometry),
    }.get(name) or (lambda: tone.tone(pixels, decision))
    before, spent = peak_mb(), []
    for _ in range(5):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent), peak_mb() - before


def made_up_spread() -> np.ndarray:
    """A ledger spread, RGB uint8, of exactly the size that costs are stated for."""
    from samples.generate import Spec, make

    made = make(Spec("KH", "ledger", "dark bed", 1990), 1)
    return cv2.resize(made.image, A3_AT_300, interpolation=cv2.INTER_AREA)


def peak_mb() -> float:
    """Peak memory of this process, MB; 0 where the system does not tell.

    From Linux's own count: getrusage would hand on the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)








def real_registers() -> list[Path]:
    files = [path for folder in ("registers", "split") for path in sorted((DATA / folder).glob("*"))]
    return [path for path in files if path.suffix.lower() in (".jpg", ".jpeg", ".png")]


def hard_ones() -> list[Path]:
    """Photos of sheets on desks, and clippings of the faintest writing."""
    faint = [path for name in FAINTEST for path in sorted((DATA / "binarise").glob(f"{name}*.png"))]
    photos = [path for path in sorted((DATA / "corners").glob("*")) if path.suffix.lower() in (".jpg", ".jpeg")]
    return photos + [path for path in faint if not path.stem.endswith("_gt")]


def look(path: Path, folder: Path) -> None:
    """Write NAME.jpg: the whole page before and after, and below the busiest part of it at full size."""
    from imaging import tone
    from imaging.view import View

    pixels = cv2.cvtColor(read(path), cv2.COLOR_BGR2RGB)
    after = tone.tone(pixels, tone.decide(View.of(pixels), tone.Params()))
    left, top = busiest(pixels)
    pair = [image[top : top + CROP[1], left : left + CROP[0]] for image in (pixels, after)]
    wide = pair[0].shape[1]
    size = (wide, max(1, wide * pixels.shape[0] // pixels.shape[1]))
    whole = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (pixels, after)]
    sheet = np.vstack([np.hstack(whole), np.hstack(pair)])
    cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))[1].tofile(folder / f"{path.stem}.jpg")


def busiest(pixels: np.ndarray) -> tuple[int, int]:
    """Left and top of the crop with most edges."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    edges = np.minimum(cv2.morphologyEx(small, cv2.MORPH_GRADIENT, None), 40).astype(np.float32)
    amount = cv2.blur(edges, (CROP[0] // 8, CROP[1] // 8), borderType=cv2.BORDER_CONSTANT)
    middle = np.unravel_index(int(amount.argmax()), amount.shape)[::-1]
    left, top = (max(0, min(8 * int(at) - crop // 2, side - crop))
                 for at, crop, side in zip(middle, CROP, grey.shape[::-1], strict=True))
    return left, top


def read(path: Path) -> np.ndarray:
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)


if __name__ == "__main__":
    main()
