"""Each fault of an image found on copies that have it, and on no good one: share found, share falsely reported.

    python -m benchmarks.quality [--seed 1] [--count N] [--made 12] [--only FAULT …] [--looks DIR]

Good images are the real registers of ../shared/data (where they are here; --count takes so many, evenly chosen) and
made-up pages of `samples.generate`. Of each, copies are made that have one fault each (`faults.py`), encoded as JPEG
and decided as `sohoa inspect` does. Prints for each fault the share found, the share found by its own name, and the
share of good images falsely reported; then the good images with a finding, so that a person can look whether they are
as good as was thought. With --looks, a picture of each miss and of each false report is written.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks import faults

DATA = Path(__file__).parents[2] / "shared" / "data"
FOLDERS = ("registers", "split")
QUALITY = 92
SHOWN = 900  # px: longer side of a picture that is written to be looked at
LOW_PPI = (110, 185)
TOLD = {"low_resolution", "turned"}  # by what the file states; and not a fault of a page that is upright now
FAINT, LOST = (0.075, 0.13), (0.02, 0.045)  # depths that ink is brought to

EXPECTED = {  # fault: (its own code, other codes that send the operator to the same thing)
    "defocus": ("blurred", {"motion_blur"}),
    "motion": ("motion_blur", {"blurred"}),
    "glare": ("glare", set()),
    "shadow": ("uneven_light", set()),
    "cut": ("content_at_edge", set()),
    "finger": ("object_on_page", set()),
    "hand": ("object_on_page", set()),
    "low_light": ("too_dark", set()),
    "low_resolution": ("low_resolution", set()),
    "upside_down": ("turned", {"upside_down"}),
    "blank": ("blank_page", set()),
    "faint": ("faint_ink", {"lost_ink"}),
    "lost": ("lost_ink", {"faint_ink"}),
}

PH = "timeus_cph_paris_tissage_1858_PH_1858-"
CUT = "lines of writing run out of the picture"
# Real images that were thought good and are not: looked at by eye, each with what is the matter.
TRULY: dict[str, dict[str, str]] = {
    f"{PH}16": {"object_on_page": "a telephone lies on the left edge of the page"},
    f"{PH}45": {"object_on_page": "a thumb holds the page down", "content_at_edge": CUT},
    f"{PH}97": {"object_on_page": "a hand reaches onto the page", "content_at_edge": CUT},
    **{f"{PH}{number}": {"content_at_edge": CUT} for number in ("71", "28", "30", "521_a", "54", "545_b", "59")},
    f"{PH}36": {"object_on_page": "a finger at the lower left", "content_at_edge": CUT},
    f"{PH}567": {"blurred": "the upper half is out of focus: its strokes are twice as soft as those at the foot"},
    "timeus_cph_paris_tissage_1878_IMG_20190620_123932": {"object_on_page": "a finger tip at the lower left corner"},
    **{f"bronod_{number}": {"faint_ink": "pale grey ink, an eighth darker than its paper"}
       for number in ("0005", "0027", "0028", "0064", "0075", "0100")},
}


@dataclass(frozen=True)
class Good:
    """A good image: RGB pixels, the resolution its file states, and what was found on it."""

    name: str
    pixels: np.ndarray
    dpi: float | None
    made: bool
    codes: frozenset[str]
    corners: np.ndarray  # of its first page, px of the image
    depth: float  # of its ink
    ppi: float  # of its page: as stated, or as if it were A4 or A3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--count", type=int, help="real images at most")
    options.add_argument("--made", type=int, default=12, help="made-up images")
    options.add_argument("--only", nargs="*", choices=(*EXPECTED, "doubled", "good"), help="these faults alone")
    options.add_argument("--looks", type=Path, help="folder for pictures of misses and false reports")
    chosen = options.parse_args()
    cv2.setNumThreads(1)
    names = chosen.only or (*EXPECTED, "doubled", "good")
    found: dict[str, list[tuple[bool, bool, bool]]] = {name: [] for name in EXPECTED}
    codes: list[tuple[str, bool, frozenset[str]]] = []
    pages = []
    for good in good_images(chosen.count, chosen.made, chosen.seed):
        codes.append((good.name, good.made, good.codes))
        look(chosen.looks, good.name, good.pixels, unexpected(good.name, good.codes))
        for fault in EXPECTED:
            if fault in names and (made := faulty(good, fault, generator(chosen.seed, good.name, fault))) is not None:
                told = {finding.code for _, recipe in decided(*made) for finding in recipe.findings}
                own, others = EXPECTED[fault]
                found[fault].append((good.made, own in told, bool(told & {own, *others})))
                if not told & {own, *others}:
                    look(chosen.looks, good.name, made[0], {f"missed {fault}"})
                    print(f"missed {fault:16}{good.name}  {sorted(told)}", flush=True)
        if "doubled" in names:
            pages += twice(good, generator(chosen.seed, good.name, "doubled"))
    report(found, codes, pages)


def generator(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def good_images(count: int | None, made: int, seed: int) -> Iterator[Good]:
    files = [path for folder in FOLDERS for path in sorted((DATA / folder).glob("*"))]
    files = [path for path in files if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    if count is not None and count < len(files):
        files = [files[at] for at in np.linspace(0, len(files) - 1, count).astype(int)] if count else []
    for path in files:
        yield good_file(path)
    for number in range(seed, seed + made):
        yield good_made(number)


def good_file(path: Path) -> Good:
    from imaging.decode import decode, read_header
    from imaging.view import as_rgb

    data = path.read_bytes()
    frame = read_header(data).frames[0]
    return judged(path.stem, as_rgb(decode(data)), frame.dpi, False)


def good_made(number: int) -> Good:
    """A made-up page in fair light, with nothing on it, that is not worn beyond reading."""
    from dataclasses import replace

    from samples.generate import make, random_spec

    spec = random_spec(np.random.default_rng([number, 1]))
    wear = replace(spec.wear, fading=0.6 * spec.wear.fading)
    spec = replace(spec, finger=False, shadow=0.0, unevenness=0.6 * spec.unevenness, wear=wear,
                   right="filled" if spec.right == "blank" else spec.right)
    return judged(f"made-{spec.era}-{spec.device.replace(' ', '-')}-{number}", make(spec, number).image, spec.dpi, True)


def judged(name: str, pixels: np.ndarray, dpi: float | None, made: bool) -> Good:
    pages = decided(pixels, dpi)
    view, recipe = pages[0]
    codes = frozenset(finding.code for _, each in pages for finding in each.findings)
    corners = view.frame.points_back(np.clip(view.sheet, 0, np.array(view.size) - 1))
    corners = np.clip(corners, 0, np.array(pixels.shape[1::-1]) - 1)
    return Good(name, pixels, dpi, made, codes, corners, recipe.decision("tone").values["ink_depth"] or 0.0,
                dpi or view.px_per_mm * 25.4)


def decided(pixels: np.ndarray, dpi: float | None):
    """All pages of a picture, as `inspect` decides them of its JPEG: (view, recipe) each."""
    from imaging.opening import first_view
    from imaging.stages import STAGES, Plan, decide

    data, header = encoded(pixels, dpi)
    return decide(first_view(data, header), Plan({stage.name: stage.params() for stage in STAGES}), "0" * 64)


def encoded(pixels: np.ndarray, dpi: float | None):
    from dataclasses import replace

    import simplejpeg

    from imaging.decode import read_header

    data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), QUALITY, colorsubsampling="420")
    header = read_header(data)
    return data, replace(header, frames=(replace(header.frames[0], dpi=dpi),))


def faulty(good: Good, fault: str, rng) -> tuple[np.ndarray, float | None] | None:
    """A copy with the fault, and its stated resolution; None where the good image has the fault itself."""
    if EXPECTED[fault][0] in TRULY.get(good.name, {}) and fault != "upside_down":
        return None
    if fault == "low_resolution":
        ppi = float(rng.uniform(*LOW_PPI))
        scale = ppi / good.ppi
        return cv2.resize(good.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), ppi
    if fault in ("faint", "lost"):
        depth = float(rng.uniform(*(FAINT if fault == "faint" else LOST)))
        return (faults.fainter(good.pixels, depth / good.depth), good.dpi) if good.depth > depth else None
    return getattr(faults, fault)(good.pixels, good.corners, rng), good.dpi


def twice(good: Good, rng) -> list[tuple[str, np.ndarray]]:
    """The strokes of the image's first page, and of the same page captured again."""
    from imaging.likeness import strokes
    from imaging.stages import develop_page

    found = []
    for pixels in (good.pixels, faults.again(good.pixels, good.corners, rng)):
        _, recipe = decided(pixels, good.dpi)[0]
        found.append((good.name, strokes(develop_page(pixels, recipe, 1, good.dpi)[0])))
    return found


def unexpected(name: str, codes: frozenset[str]) -> set[str]:
    """What is reported of a good image, without what it truly has."""
    faulty_codes = {code for own, others in EXPECTED.values() for code in {own, *others}} | {"skew_left", "clipped"}
    return (codes & faulty_codes) - TRULY.get(name, {}).keys() - TOLD


def report(found, codes, pages) -> None:
    print(f"\n{'fault':18}{'copies':>8}{'found':>8}{'by name':>9}{'  falsely reported on good images: real, made-up'}")
    for fault, rows in found.items():
        own = EXPECTED[fault][0]
        good = [[own in unexpected(name, told) for name, made, told in codes if made is kind] for kind in (False, True)]
        false = "".join(f"{np.mean(some):10.3f}" if some else f"{'-':>10}" for some in good)
        if rows:
            print(f"{fault:18}{len(rows):8}{np.mean([row[2] for row in rows]):8.3f}"
                  f"{np.mean([row[1] for row in rows]):9.3f}{false}")
    if pages:
        from imaging.likeness import doubles

        pairs = set(doubles([strokes for _, strokes in pages]))
        right = {pair for pair in pairs if pages[pair[0]][0] == pages[pair[1]][0]}
        print(f"{'doubled':18}{len(pages) // 2:8}{len(right) / (len(pages) / 2):8.3f}{'':9}"
              f"{len(pairs - right):10} pairs that are not")
    real = [unexpected(name, told) for name, made, told in codes if not made]
    if real:
        print(f"good real images with any false report: {np.mean([bool(some) for some in real]):.3f} of {len(real)}")
    for name, _, told in codes:
        known = TRULY.get(name, {})
        if unexpected(name, told) or known:
            truly = "; ".join(f"truly {code}: {why}" for code, why in known.items())
            missed = sorted(known.keys() - told)
            print(f"  {name}: {sorted(unexpected(name, told))} {truly}{f'  NOT FOUND: {missed}' if missed else ''}")


def look(folder: Path | None, name: str, pixels: np.ndarray, what: set[str]) -> None:
    if folder is None or not what:
        return
    folder.mkdir(parents=True, exist_ok=True)
    scale = min(1.0, SHOWN / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = cv2.imencode(".png", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
    picture.tofile(folder / f"{name[-40:]} {' '.join(sorted(what))}.png")


if __name__ == "__main__":
    main()
