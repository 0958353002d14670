"""How flat photographed sheets become: each page against the print that it is of, after the best scale and shift.

    python -m benchmarks.accuracy_flat [--looks DIR]

Reads ../shared/data/dewarp. The measure is MS-SSIM (Wang, Simoncelli & Bovik, 2003) of grey pictures of AREA pixels,
after the scale and the shift in both directions that make the page lie best on the print; bends are not undone. The
photo as it is stands beside it. With --looks, every page is drawn beside its photo, worst first.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from imaging.decode import read_header
from imaging.opening import first_view
from imaging.stages import STAGES, Plan, decide, develop_page

DATA = Path(__file__).parents[2] / "shared" / "data" / "dewarp"
AREA = 598_400  # px, as Ma et al. (DocUNet, 2018) compare
WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
LEVELS = (16, 8, 4, 2)  # of the search for scale and shift: coarse to fine
STEPS = 12
COARSE = 8  # the reduction of the search before
STARTS = 4  # of its results that are followed
SCALES = tuple(np.linspace(0.86, 1.14, 15))


@dataclass(frozen=True)
class Compared:
    """A photo, the page made of it, and the MS-SSIM of both with the print."""

    name: str
    photo: np.ndarray
    page: np.ndarray
    before: float
    after: float
    meshed: bool

    @property
    def kind(self) -> str:
        return self.name.split("_")[2]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--looks", type=Path)
    options.add_argument("--only", default="")
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    compared = [compare(path) for path in sorted(DATA.glob("inv3d_*.jpg")) if chosen.only in path.name]
    kinds = sorted({item.kind for item in compared})
    print(f"{'':14}{'images':>7}{'photo':>8}{'page':>8}{'worst':>8}{'bent':>6}")
    for kind in (*kinds, ""):
        of_kind = [item for item in compared if kind in ("", item.kind)]
        print(f"{kind or 'all':14}{len(of_kind):7}{np.mean([item.before for item in of_kind]):8.3f}"
              f"{np.mean([item.after for item in of_kind]):8.3f}{min(item.after for item in of_kind):8.3f}"
              f"{sum(item.meshed for item in of_kind):6}")
    for item in sorted(compared, key=lambda item: item.after)[:6]:
        print(f"worst: {item.name} {item.after:.3f}")
    if chosen.looks:
        draw(compared, chosen.looks)


def compare(path: Path) -> Compared:
    """The page of a photo against its print."""
    data = path.read_bytes()
    header = read_header(data)
    view = first_view(data, header)
    plan = Plan({stage.name: stage.params() for stage in STAGES})
    frame = header.frames[0]
    (_, recipe), *_ = decide(view, plan, hashlib.sha256(data).hexdigest())
    page, _ = develop_page(view.full(), recipe, frame.orientation, frame.dpi)
    photo = cv2.cvtColor(view.full(), cv2.COLOR_RGB2GRAY)
    printed = cv2.imread(str(path.with_name("_".join(path.name.split("_")[:2]) + "_flat_gt.png")), cv2.IMREAD_GRAYSCALE)
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY) if page.ndim == 3 else page
    flatten = recipe.decision("flatten")
    return Compared(path.stem, photo, grey, alike(photo, printed), alike(grey, printed),
                    bool(flatten and flatten.values.get("mesh")))


def alike(page: np.ndarray, printed: np.ndarray) -> float:
    """MS-SSIM of a page (grey uint8) laid on the print (grey uint8)."""
    height, width = printed.shape
    factor = (AREA / (height * width)) ** 0.5
    size = (round(width * factor), round(height * factor))
    printed, page = (cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (printed, page))
    return ms_ssim(laid_on(page, printed), printed)


def laid_on(page: np.ndarray, printed: np.ndarray) -> np.ndarray:
    """The page, scaled and shifted in both directions as it fits best: from the best few of a coarse search on."""
    height, width = printed.shape
    x, y = (grid.astype(np.float32) for grid in np.meshgrid(np.arange(width), np.arange(height)))
    laid = [page]
    for fit in _coarse_fits(page, printed):
        for level in LEVELS:
            fit = _finer(page, printed, fit, level)
        at = (x * fit[0] + fit[1]).astype(np.float32), (y * fit[2] + fit[3]).astype(np.float32)
        laid.append(cv2.remap(page, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return max(laid, key=lambda one: ms_ssim(one, printed))


def _finer(page: np.ndarray, printed: np.ndarray, fit: np.ndarray, level: int) -> np.ndarray:
    """Gauss–Newton on the four numbers, in pictures made smaller and smoother by `level`."""
    target, source = _even(printed, level), _even(page, level)
    height, width = target.shape
    x, y = (grid.astype(np.float32) for grid in np.meshgrid(np.arange(width), np.arange(height)))
    now = fit * [1, 1 / level, 1, 1 / level]
    for _ in range(STEPS):
        at = (x * now[0] + now[1]).astype(np.float32), (y * now[2] + now[3]).astype(np.float32)
        moved = cv2.remap(source, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        across, down = (cv2.Sobel(moved, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
        columns = np.stack([across * x, across, down * y, down], -1).reshape(-1, 4).astype(np.float64)
        step = np.linalg.lstsq(columns.T @ columns, columns.T @ (target - moved).reshape(-1), rcond=None)[0]
        now = now + step
        if np.abs(step * [width, 1, height, 1]).max() < 0.02:
            break
    return now * [1, level, 1, level]


def _coarse_fits(page: np.ndarray, printed: np.ndarray) -> list[np.ndarray]:
    """Scale and shift across, then down: the best of all SCALES with the shift of each by correlation."""
    target, source = _even(printed, COARSE), _even(page, COARSE)
    height, width = target.shape
    room = cv2.copyMakeBorder(target, height // 6, height // 6, width // 6, width // 6, cv2.BORDER_CONSTANT)
    found = []
    for across in SCALES:
        for down in SCALES:
            scaled = cv2.resize(source, None, fx=1 / across, fy=1 / down, interpolation=cv2.INTER_AREA)
            if scaled.shape[0] > room.shape[0] or scaled.shape[1] > room.shape[1]:
                continue
            _, value, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(room, scaled, cv2.TM_CCOEFF_NORMED))
            shift = -across * (x - width // 6) * COARSE, -down * (y - height // 6) * COARSE
            found.append((value, np.array([across, shift[0], down, shift[1]])))
    chosen: list[np.ndarray] = []
    for _, fit in sorted(found, key=lambda item: -item[0]):
        if all(np.abs((fit - other) / [0.03, 25, 0.03, 25]).max() > 1 for other in chosen):
            chosen.append(fit)
    return chosen[:STARTS]


def _even(picture: np.ndarray, level: int) -> np.ndarray:
    """Smaller by `level`, smooth, without its slow changes of light: float32."""
    soft = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0 * level)
    small = cv2.resize(soft, None, fx=1 / level, fy=1 / level, interpolation=cv2.INTER_AREA)
    return small - cv2.GaussianBlur(small, (0, 0), 12.0)


def ms_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Multi-scale structural similarity of two grey pictures (uint8, same size)."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    parts = []
    for _ in WEIGHTS:
        parts.append(_ssim(one, other))
        one, other = (cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for picture in (one, other))
    structure = np.array([max(part[1], 0.0) for part in parts])
    structure[-1] = max(parts[-1][0], 0.0)
    return float(np.prod(structure**WEIGHTS))


def _ssim(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Means of the whole index and of its part for contrast and structure."""
    def soft(picture: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(picture, (11, 11), 1.5)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean1, mean2 = soft(one), soft(other)
    var1, var2, both = soft(one * one) - mean1**2, soft(other * other) - mean2**2, soft(one * other) - mean1 * mean2
    structure = (2 * both + c2) / (var1 + var2 + c2)
    light = (2 * mean1 * mean2 + c1) / (mean1**2 + mean2**2 + c1)
    return float((light * structure).mean()), float(structure.mean())


def draw(compared: list[Compared], folder: Path) -> None:
    """Photo and page side by side, worst first, twelve a sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(compared, key=lambda item: item.after)
    for start in range(0, len(ordered), 12):
        cells = [_cell(item) for item in ordered[start : start + 12]]
        cells += [np.full_like(cells[0], 255)] * (-len(cells) % 4)
        rows = [np.hstack(cells[at : at + 4]) for at in range(0, len(cells), 4)]
        cv2.imwrite(str(folder / f"flat-{start // 12 + 1}.jpg"), np.vstack(rows))


def _cell(item: Compared) -> np.ndarray:
    pair = [cv2.resize(picture, (230, 310), interpolation=cv2.INTER_AREA) for picture in (item.photo, item.page)]
    cell = cv2.copyMakeBorder(np.hstack(pair), 18, 2, 2, 2, cv2.BORDER_CONSTANT, value=255)
    label = f"{item.name[6:]} {item.after:.3f}"
    return cv2.putText(cell, label, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
