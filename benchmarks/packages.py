"""Small pages measured: how small, how like the developed page, at what cost; beside JPEG and other programs.

    python -m benchmarks.packages [--count N] [--peers] [--job] [--book N] [--looks DIR] [FILE …]

Pages are developed by the program itself, from real registers (../shared/data) and `samples/pages`, or from FILEs. KB are
those of the whole PDF of one page, for each A4 area; pages whose size nobody knows count as A4. Each is rendered by
pdfium in the developed page's own pixels. `SSIM`: Wang's (gaussian of 11 × 11, σ 1.5), on grey, mean within 2 px of the
developed page's ink. `F`: of the strokes when both are binarised, by the program's own way and by a local threshold.
CPU and memory are of an A3 spread (two pages) at 300 dpi, in a fresh process. With --peers, recode_pdf of
archive-pdf-tools and DjVu's c44 where they are installed (`pip install archive-pdf-tools`, Debian djvulibre-bin); with
--job, the whole job against decode + warp + encode in the same run; with --book, the memory of packing so many spreads.
With --looks, crops to look at: the developed page, and what each encoder leaves of it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks import cost
from benchmarks.bitonal import f_measure, save
from benchmarks.encoders import OURS, PEERS, encoders, installed
from benchmarks.tone import busiest, made_up_spread, peak_mb, real_registers

SAMPLES = Path(__file__).parents[1] / "samples" / "pages"
A4_INCHES = 210 * 297 / 25.4**2  # square inches
NEAR_PX = 2  # of ink
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
WINDOW, SIGMA = (11, 11), 1.5
RUNS = 3
BUDGET_KB = 100


@dataclass(frozen=True)
class Page:
    """A developed page, RGB or grey, at a resolution that is known or assumed."""

    name: str
    pixels: np.ndarray
    dpi: float

    @property
    def areas(self) -> float:
        """Its size in A4 pages."""
        return self.pixels.shape[0] * self.pixels.shape[1] / self.dpi**2 / A4_INCHES

    @property
    def grey(self) -> np.ndarray:
        return as_grey(self.pixels)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=12, help="files, taken evenly; 0: all")
    options.add_argument("--peers", action="store_true", help="other programs, too")
    options.add_argument("--job", action="store_true", help="the whole job against its floor")
    options.add_argument("--book", type=int, help="memory of packing a book of so many A3 spreads")
    options.add_argument("--looks", type=Path, help="folder for crops to look at")
    options.add_argument("files", nargs="*", type=Path)
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    names = [*OURS, *(name for name in PEERS if chosen.peers and installed(name))]
    files = chosen.files or evenly([*sorted(SAMPLES.rglob("*.jpg")), *real_registers()], chosen.count)
    print_pages(files, names, chosen.looks)
    print_cost(names)
    if chosen.job:
        print_job()
    if chosen.book:
        print_book(chosen.book)


def evenly(files: list[Path], count: int) -> list[Path]:
    return files if not 0 < count < len(files) else [files[at * len(files) // count] for at in range(count)]


def print_pages(files: list[Path], names: list[str], looks: Path | None) -> None:
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for page in pages_of(files):
        ink, shown = ink_of(page.grey, page.dpi), [page.grey]
        for name in names:
            encoded = encoders()[name](page.pixels, page.dpi)
            drawn = as_grey(encoded.render(page.pixels.shape[:2]))
            found[name].append((len(encoded.data) / 1000 / page.areas, ssim_on_ink(page.grey, drawn, ink),
                                f_measure(ink_of(drawn, page.dpi), ink) / 100,
                                f_measure(thresholded(drawn, page.dpi), thresholded(page.grey, page.dpi)) / 100))
            shown.append(drawn)
        kb, like, strokes, _ = found[names[0]][-1]
        print(f"  {page.name:44}{kb:8.1f} KB{like:8.3f}{strokes:8.3f}", file=sys.stderr, flush=True)
        if looks:
            left, top = busiest(cv2.cvtColor(page.grey, cv2.COLOR_GRAY2RGB))
            save(looks / f"{page.name}.png", [picture[top : top + 350, left : left + 700] for picture in shown])
    count = len(found[names[0]])
    heads = "".join(f"{head:>18}" for head in ("SSIM on ink", "F, ours", "F, threshold"))
    print(f"{count} pages; median (worst)\n{'':22}{'KB an A4 page':>20}{f'≤ {BUDGET_KB}':>8}{heads}")
    for name in names:
        kb, *alike = zip(*found[name], strict=True)
        within = sum(value <= BUDGET_KB for value in kb) / count
        told = "".join(f"{statistics.median(values):10.3f} ({min(values):.3f})"[:18].rjust(18) for values in alike)
        print(f"{name:22}{statistics.median(kb):11.0f} ({max(kb):6.0f}){within:8.0%}{told}")


def pages_of(files: list[Path]) -> Iterator[Page]:
    """Every page that the program makes of the files."""
    from developing import assumed_dpi
    from imaging.stages import develop_page
    from settings import load
    from single import Decided, decide_file

    settings = load()
    for path in files:
        for decided in decide_file(path, settings):
            if not isinstance(decided, Decided):
                continue
            frame = decided.header.frames[decided.frame]
            for view, recipe in decided.pages:
                pixels, geometry = develop_page(view.full(), recipe, frame.orientation, frame.dpi)
                dpi = geometry.dpi or assumed_dpi(geometry.size)
                yield Page(f"{path.stem[:36]} {recipe.side}", pixels, dpi)


def as_grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def ink_of(grey: np.ndarray, dpi: float) -> np.ndarray:
    from imaging.bitonal import bitonal

    return bitonal(grey, "fast", dpi / 25.4) == 0


def thresholded(grey: np.ndarray, dpi: float) -> np.ndarray:
    from imaging.ink import ink_on
    from imaging.local_threshold import by_local_threshold
    from imaging.paper import paper_of

    px_per_mm = dpi / 25.4
    paper = paper_of(grey, px_per_mm)
    return by_local_threshold(grey, paper, ink_on(grey, paper, px_per_mm), px_per_mm) == 0


def ssim_on_ink(one: np.ndarray, other: np.ndarray, ink: np.ndarray) -> float:
    """Structural similarity (Wang et al., 2004) of two grey pages (h, w) uint8, the mean near the ink; 1 where none is."""
    near = cv2.dilate(ink.astype(np.uint8), np.ones((2 * NEAR_PX + 1,) * 2, np.uint8)) > 0
    if not near.any():
        return 1.0
    blur = partial(cv2.GaussianBlur, ksize=WINDOW, sigmaX=SIGMA)
    one, other = one.astype(np.float32), other.astype(np.float32)
    mean, mean_other = blur(one), blur(other)
    variances = blur(one * one) - mean**2 + blur(other * other) - mean_other**2
    together = blur(one * other) - mean * mean_other
    alike = (2 * mean * mean_other + C1) * (2 * together + C2) / ((mean**2 + mean_other**2 + C1) * (variances + C2))
    return float(alike[near].mean())


def print_cost(names: list[str]) -> None:
    """CPU and memory of encoding both pages of a made-up spread, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spread.jpg")
        cv2.imwrite(str(path), cv2.cvtColor(made_up_spread(), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
        pages = []
        for number, page in enumerate(pages_of([path])):
            pages.append((Path(folder, f"{number}.npy"), page.dpi))
            np.save(pages[-1][0], page.pixels)
        print(f"\n{'A3 spread, 300 dpi':22}{'CPU ms':>12}{'MB over the pages':>20}{'KB':>8}")
        for name in names:
            spent, memory, size = in_process(cost_of, name, pages)
            told = f"{memory:.0f}" if name in OURS else "not measured"  # another program's is its own
            print(f"{name:22}{1000 * spent:12.0f}{told:>20}{size / 1000:8.0f}")


def cost_of(name: str, files: list[tuple[Path, float]]) -> tuple[float, float, int]:
    """The least CPU seconds of some runs, children included; growth beyond the pages in the first; bytes."""
    cv2.setNumThreads(1)
    encode = encoders()[name]
    encode(np.full((200, 200, 3), 255, np.uint8), 300.0)  # what is imported at the first use is no part of it
    pages = [(np.load(path), dpi) for path, dpi in files]
    before, spent, grown = peak_mb(), [], None
    for _ in range(RUNS):
        start = cpu_seconds()
        size = sum(len(encode(pixels, dpi).data) for pixels, dpi in pages)
        spent.append(cpu_seconds() - start)
        grown = peak_mb() - before if grown is None else grown
    return min(spent), grown, size


def cpu_seconds() -> float:
    """CPU time of this process and of children that have ended."""
    with suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + used.ru_utime + used.ru_stime
    return time.process_time()


def in_process(function: Callable, *arguments):
    """Run in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def print_job() -> None:
    """From a spread's bytes to both encodings of its pages, against decode + one warp + encode (see `cost`)."""
    with tempfile.TemporaryDirectory() as folder:
        files = in_process(cost.make_spreads, Path(folder), 6, 1)
        floor = in_process(cost.floor_of, files)
        work = in_process(cost.work_of, files, Path(folder) / "out")
    print(f"\n{'made-up A3 spreads':34}{'CPU s a spread':>16}{'× floor':>10}{'peak MB':>10}")
    cost.row("decode + one warp + encode (floor)", floor, floor)
    cost.row("developing, both encodings", work, floor)


def print_book(spreads: int) -> None:
    """The spread is developed in a process of its own, as it is in a station."""
    with tempfile.TemporaryDirectory() as folder:
        files = in_process(cost.make_spreads, Path(folder), 1, 1)
        in_process(cost.work_of, files, Path(folder, "out"))
        spent, peak, size = in_process(pack_book, Path(folder, "out"), spreads)
    print(f"\nbook of {spreads} A3 spreads: both packages, {size / 1e6:.0f} MB, in {spent:.0f} s CPU, peak {peak:.0f} MB")


def pack_book(folder: Path, spreads: int) -> tuple[float, float, int]:
    """CPU seconds, peak MB of the whole process and bytes of packing one developed spread many times over."""
    from book import Identity
    from developing import plan, read_developed
    from packing import pack
    from settings import load
    from workplace import Workplace

    settings, identity, workplace = load(), Identity("KH", 1994, "14800", 3), Workplace(folder)
    state = workplace.log(str(identity)).state()
    pages = repeated(read_developed(plan(workplace, identity, settings, state)[0]), spreads)
    start = cpu_seconds()
    pack(workplace, identity, settings, state, pages)
    size = sum(path.stat().st_size for path in workplace.packages(str(identity)).rglob("*") if path.is_file())
    return cpu_seconds() - start, peak_mb(), size


def repeated(pages: tuple, spreads: int) -> tuple:
    """The pages of one spread as those of many."""
    from dataclasses import replace

    return tuple(replace(page, id=f"{number:08x}-{page.recipe.side[0].upper()}")
                 for number in range(spreads) for page in pages)


if __name__ == "__main__":
    main()
