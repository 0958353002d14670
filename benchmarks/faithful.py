"""Whether toning is faithful: hues of inks, grain, blotches, halos, evenness, what shows through; before and after.

    python -m benchmarks.faithful [--strength natural|clear|strong]

On made-up pages the truth is known: the same page is made once more without wear, so that it says which ink is where,
where the paper is bare and where the other side shows through. On real registers bare paper and strokes are told by a
morphological closing of the original. Everything is measured on pixels of full size.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass, replace

import cv2
import numpy as np

INKS = ("red", "blue", "pencil", "black", "print")
CORE = 0.10  # a pixel of the unworn page so near to the colour of an ink is of that ink
SEEDS = (1, 2, 3)
WEARS = {  # fading, yellowing
    "little worn": (0.1, 0.2),
    "faded": (0.8, 0.5),
    "very faded": (1.0, 0.8),
}
FINE, BLOTCH, PAGE = 2.0, 32.0, 64.0  # px, σ: grain lies below the first, blotches between the first and the second
MIDDLE = (slice(400, 2200), slice(1700, 3200))  # of a made-up ledger: around its gutter, where its seal is
LARGEST = 1600  # px: of a real page its middle is measured, so large at most
EVERY = 3  # every third real register


@dataclass(frozen=True)
class Places:
    """Masks of a page, bool (h, w): `bare` paper, `strokes` of ink, and what shows `behind` (None: not known)."""

    bare: np.ndarray
    strokes: np.ndarray
    behind: np.ndarray | None = None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--strength", default="clear", choices=("natural", "clear", "strong"))
    strength = options.parse_args().strength
    cv2.setNumThreads(1)
    print_hues(strength)
    print_samples(strength)
    print_registers(strength)


def print_hues(strength: str) -> None:
    """How far hues of inks lie from the truth, in degrees, on paper made white; of pencil its chroma instead."""
    print(f"hue against truth: median, 95th percentile of pages and pixels\n{'':14}{'':10}" + "".join(
        f"{ink:>16}" for ink in INKS))
    for name, (fading, yellowing) in WEARS.items():
        rows: dict[str, dict[str, list]] = {"before": {}, "after": {}}
        for seed in SEEDS:
            worn, clean = twins(seed, fading, yellowing)
            masks = inks_of(clean)
            bare = near_paper(masks, clean).astype(np.float32)
            for when, image in (("before", worn[MIDDLE]), ("after", toned(worn, strength)[MIDDLE])):
                relative = image / np.maximum(smooth(image.astype(np.float32), bare, PAGE), 1)
                for ink, mask in masks.items():
                    rows[when].setdefault(ink, []).append(off_hue(relative, mask, ink))
        for when, of_ink in rows.items():
            cells = [np.concatenate(of_ink[ink]) if ink in of_ink else np.zeros(0) for ink in INKS]
            print(f"{name:14}{when:10}" + "".join(
                f"{np.median(of):9.1f},{np.percentile(of, 95):6.1f}" if of.size else f"{'-':>16}" for of in cells))


def off_hue(relative: np.ndarray, mask: np.ndarray, ink: str) -> np.ndarray:
    """Degrees between the hue of the ink's pixels, their grain smoothed, and its true hue; of neutral inks the chroma,
    in percent of the paper's luma. Colours are `relative` to the paper around, so that its tint does not count.
    """
    from samples.wear import INK_COLOURS

    weight = mask.astype(np.float32)
    own = smooth(relative.astype(np.float32), weight, FINE)
    colours = own.reshape(-1, 3)[np.flatnonzero(mask)[::17]]
    if ink in ("pencil", "black", "print"):
        return 100 * np.ptp(colours, axis=1)
    turned = np.abs(hue(colours) - hue(np.array([INK_COLOURS[ink]])))
    return np.minimum(turned, 360 - turned)


def hue(colours: np.ndarray) -> np.ndarray:
    """Hue angle in degrees of RGB colours (n, 3)."""
    red, green, blue = colours.T
    return np.degrees(np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue))


def print_samples(strength: str) -> None:
    print(f"\n{'made-up pages':22}{'ink depth':>16}{'grain %':>16}{'blotches %':>16}{'halo %':>16}{'uneven %':>16}"
          f"{'behind %':>16}")
    for name, (fading, yellowing) in WEARS.items():
        found = []
        for seed in SEEDS:
            worn, clean = twins(seed, fading, yellowing, show_through=0.9)
            places = places_of(clean)
            found.append([measure(image[MIDDLE], places) for image in (worn, toned(worn, strength))])
        print_measures(name, found)


def print_registers(strength: str) -> None:
    from benchmarks.tone import read, real_registers

    files = real_registers()
    if not files:
        print("no real registers: ../shared/data is not here")
        return
    print(f"\n{'real registers':22}{'ink depth':>16}{'grain %':>16}{'blotches %':>16}{'halo %':>16}{'uneven %':>16}")
    groups: dict[str, list] = {}
    for path in files[::EVERY]:
        pixels = cv2.cvtColor(read(path), cv2.COLOR_BGR2RGB)
        middle = tuple(slice(max(0, side - LARGEST) // 2, (side + LARGEST) // 2) for side in pixels.shape[:2])
        places = places_on(pixels[middle])
        pair = [measure(image[middle], places) for image in (pixels, toned(pixels, strength))]
        groups.setdefault(path.name.split("_")[0], []).append(pair)
    for name, found in groups.items():
        print_measures(f"{name} ({len(found)})", found)


def print_measures(name: str, found: list) -> None:
    """Medians over pages, before → after."""
    columns = zip(*[[f"{b:7.2f} →{a:7.2f}" for b, a in zip(*column, strict=True)] for column in [
        [[statistics.median(values) for values in zip(*of, strict=True)] for of in zip(*found, strict=True)]]],
        strict=True)
    print(f"{name:22}" + "".join(f"{cell[0]:>16}" for cell in columns), flush=True)


def measure(image: np.ndarray, places: Places) -> list[float]:
    """Depth of ink below paper (0 to 1); grain, blotches and halo in percent of that depth; how uneven the paper is, and
    how deep what shows through beside the ink of this side, in percent.
    """
    grey = (image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)).astype(np.float32)
    bare = places.bare.astype(np.float32)
    paper = smooth(grey, bare, PAGE)
    flat = grey / np.maximum(paper, 1)
    seen = places.bare
    depth = max(float(np.median(1 - flat[places.strokes])), 1e-3)
    grain = float((flat - smooth(flat, bare, FINE))[seen].std()) / depth
    blotches = float((smooth(flat, bare, FINE) - smooth(flat, bare, BLOTCH))[seen].std()) / depth
    near, far = ring(places.strokes, 4, 7) & seen, ring(places.strokes, 14, 24) & seen
    halo = float(flat[near].mean() - flat[far].mean()) / depth if near.any() and far.any() else 0.0
    low, high = np.percentile(paper[seen][::11], (5, 95))
    row = [depth, 100 * grain, 100 * blotches, 100 * halo, 100 * (1 - low / high)]
    if places.behind is not None:
        row.append(100 * max(0.0, float(np.median(1 - flat[places.behind]))) / depth)
    return row


def smooth(values: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian means over what has weight; worked out at reduced size where σ is large."""
    factor = max(1, int(sigma / 4))
    size = (max(1, weight.shape[1] // factor), max(1, weight.shape[0] // factor))

    def blur(of: np.ndarray) -> np.ndarray:
        small = of if factor == 1 else cv2.resize(of, size, interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(small, (0, 0), sigma / factor)

    share = np.maximum(blur(weight), 1e-4)
    means = blur(values * (weight if values.ndim == 2 else weight[..., None])) / (
        share if values.ndim == 2 else share[..., None])
    return means if factor == 1 else cv2.resize(means, weight.shape[::-1])


def ring(mask: np.ndarray, inner: int, outer: int) -> np.ndarray:
    """What lies about a mask, further than `inner` px and no further than `outer`."""
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    return (distance > inner) & (distance <= outer)


def twins(seed: int, fading: float, yellowing: float, show_through: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A made-up ledger as it is photographed, and the MIDDLE of the same without wear, blur and grain."""
    from samples.generate import Spec, make
    from samples.wear import Wear

    spec = Spec("KS", "ledger", "white bed", 1988, curl=0.1, grain=2.5, wear=Wear(
        fading=fading, yellowing=yellowing, show_through=show_through, stains=0.0, gutter_shadow=0.5, pile=0.0))
    unworn = replace(spec.wear, fading=0.0, yellowing=0.0, gutter_shadow=0.0)
    return make(spec, seed).image, make(replace(spec, wear=unworn, blur=0.0, grain=0.0), seed).image[MIDDLE]


def inks_of(clean: np.ndarray) -> dict[str, np.ndarray]:
    """Masks of the middles of strokes, by ink, from a page without wear."""
    from samples.wear import INK_COLOURS, PAPER

    relative = clean.astype(np.float32) / 255 / PAPER
    away = np.stack([np.linalg.norm(relative - np.array(colour, np.float32), axis=-1) for colour in INK_COLOURS.values()])
    nearest, near = away.argmin(0), away.min(0) < CORE
    masks = {ink: near & (nearest == at) for at, ink in enumerate(INK_COLOURS) if ink in INKS}
    return {ink: mask for ink, mask in masks.items() if mask.sum() > 500}


def near_paper(masks: dict[str, np.ndarray], clean: np.ndarray) -> np.ndarray:
    """Bare paper of a page without wear."""
    marked = (clean.min(-1) < 215) | np.any(list(masks.values()), axis=0)
    return cv2.dilate(marked.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0


def places_of(clean: np.ndarray) -> Places:
    """From a page without wear but with what shows through."""
    from samples.wear import PAPER

    depth = 1 - cv2.cvtColor(clean, cv2.COLOR_RGB2GRAY).astype(np.float32) / (255 * float(PAPER @ (0.299, 0.587, 0.114)))
    ink = cv2.dilate((depth > 0.45).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    rows = cv2.dilate((clean[..., 0].astype(int) + 12 < clean[..., 2]).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    behind = (depth > 0.2) & (depth < 0.4) & ~ink & ~rows
    return Places((cv2.dilate((depth > 0.03).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0), depth > 0.8, behind)


def places_on(pixels: np.ndarray) -> Places:
    """Bare paper and strokes of a real page, told without the code that is measured."""
    grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), 1.5)
    closed = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8)).astype(np.float32)
    depth = 1 - grey / np.maximum(closed, 1)
    sheet = cv2.erode((closed > 0.5 * np.percentile(closed, 90)).astype(np.uint8), np.ones((81, 81), np.uint8)) > 0
    strokes = (depth > max(0.12, 0.5 * float(np.percentile(depth[sheet], 97)))) & sheet
    marked = cv2.dilate((depth > 0.05).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return Places(sheet & ~marked, strokes)


def toned(image: np.ndarray, strength: str) -> np.ndarray:
    from imaging import tone
    from imaging.view import View

    return tone.tone(image, tone.decide(View.of(image, None), tone.Params(strength=strength)))


if __name__ == "__main__":
    main()
