"""How surely printed cover sheets are read, photographed and scanned, and that nothing else is taken for one.

    python -m benchmarks.covers [--count 60] [--seed 1] [--looks DIR]

Each printed sheet is rendered and photographed by an 8 MP phone that is made up: from an angle, turned, in shade, small
in the picture, blurred, partly hidden. Prints the share read for each condition, then the CPU ms that a picture
without a code of ours costs, over all images of the samples and of ../shared/data.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from capture.cover import Cover, CoverCode, Unreadable, read_cover
from capture.coversheet import sheets_pdf
from imaging.decode import read_header
from imaging.opening import first_view
from imaging.view import as_rgb, reduced, reduction

ROOT = Path(__file__).parents[1]
NOT_OURS = ("split", "registers", "corners", "dewarp", "binarise", "barcodes")
IMAGES = (".jpg", ".png", ".webp")
PHONE = (3264, 2448)  # px: 8 MP
CODES = (CoverCode("book", "KH.1994.14800.03"), CoverCode("book", "KS.2005.31477.02"), CoverCode("end"), CoverCode("retake"),
         CoverCode("blank"), CoverCode("slip"))


@dataclass(frozen=True)
class Photo:
    """How a sheet is photographed. `angle`: between camera and the sheet's normal; `fills`: of the picture's height."""

    angle: float = 0.0
    turn: float = 0.0  # degrees in the plane
    fills: float = 0.85
    shade: float = 0.0  # 0 even light … 1 a dark hand's shadow over half of the sheet and light falling off to a quarter
    blur: float = 0.8  # px
    noise: float = 4.0
    cut: float = 0.0  # part of the sheet's height that lies outside of the picture
    stroke: bool = False  # a thick pen over the large code, and a fold


CONDITIONS = {
    "straight": Photo(),
    "25°": Photo(angle=25),
    "35°": Photo(angle=35),
    "35°, shade": Photo(angle=35, shade=1),
    "shade": Photo(shade=1),
    "half the picture": Photo(angle=20, fills=0.45),
    "a third, shade": Photo(angle=15, fills=0.33, shade=0.7),
    "blurred": Photo(blur=4),
    "dark, noisy": Photo(shade=0.8, noise=18),
    "askew, shade": Photo(angle=20, turn=45, shade=1, fills=0.7),
    "two fifths cut off": Photo(cut=0.4),
    "half cut off, 20°": Photo(angle=20, cut=0.5),
    "stroke and fold": Photo(angle=15, stroke=True),
    "45°": Photo(angle=45),
}


def printed() -> list[np.ndarray]:
    """The sheets of CODES as printed: grey (h, w) at 200 dpi."""
    import pypdfium2

    with pypdfium2.PdfDocument(sheets_pdf(CODES, "vi", {"KH": "kết hôn", "KS": "khai sinh"})) as document:
        return [cv2.cvtColor(page.render(scale=200 / 72).to_numpy(), cv2.COLOR_BGR2GRAY) for page in document]


def photograph(sheet: np.ndarray, photo: Photo, random: np.random.Generator) -> np.ndarray:
    """The picture (h, w, 3) that a phone takes of a sheet on a desk, decoded from its JPEG."""
    width, height = PHONE
    sheet = _marked(sheet, random) if photo.stroke else sheet
    matrix = _camera(sheet.shape, photo, random)
    desk = cv2.resize(random.normal(110, 14, (60, 80)).astype(np.float32), PHONE, interpolation=cv2.INTER_CUBIC)
    paper = np.clip(60 + 0.72 * sheet.astype(np.float32), 0, 255)
    seen = cv2.warpPerspective(paper, matrix, PHONE, flags=cv2.INTER_AREA, borderValue=-1)
    on_paper = cv2.warpPerspective(np.ones_like(paper), matrix, PHONE) > 0.5
    picture = np.where(on_paper, seen, desk) * _light(photo, random)
    picture = cv2.GaussianBlur(picture, (0, 0), photo.blur) + random.normal(0, photo.noise, (height, width))
    grey = np.clip(picture, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", cv2.merge([grey, grey, grey]), [cv2.IMWRITE_JPEG_QUALITY, 75])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def _camera(shape: tuple[int, int], photo: Photo, random: np.random.Generator) -> np.ndarray:
    """3×3 matrix from the sheet to the picture of a camera that looks at it from an angle, from any side."""
    high, wide = shape
    corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]], float) / 2 / high
    turn = np.radians(photo.turn + random.choice([0, 90, 180, 270]) + random.uniform(-12, 12))
    side = random.uniform(0, 2 * np.pi)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    flat = np.column_stack([corners @ spin.T, np.zeros(4)])
    axis, tilt = np.array([np.cos(side), np.sin(side), 0.0]), np.radians(photo.angle)
    tipped, _ = cv2.Rodrigues(axis * tilt)
    space = flat @ tipped.T + [0, 0, 1.6]
    seen = space[:, :2] / space[:, 2:]
    seen = (seen - (seen.min(0) + seen.max(0)) / 2) / np.ptp(seen[:, 1])
    seen *= photo.fills * PHONE[1] / max(1.0, np.ptp(seen[:, 0]) * PHONE[1] / PHONE[0] * photo.fills)
    seen += np.array(PHONE) / 2 + np.array([random.uniform(-30, 30), photo.cut * photo.fills * PHONE[1]])
    own = np.float32([[0, 0], [wide, 0], [wide, high], [0, high]])
    return cv2.getPerspectiveTransform(own, np.float32(seen))


def _light(photo: Photo, random: np.random.Generator) -> np.ndarray:
    width, height = PHONE
    across = np.linspace(1, 1 - 0.75 * photo.shade, width)[:: random.choice([-1, 1])]
    light = np.repeat(across[None].astype(np.float32), height, axis=0)
    hand = np.zeros((height // 16, width // 16), np.float32)
    middle = (int(random.uniform(0.3, 0.7) * width / 16), int(random.uniform(0.3, 0.7) * height / 16))
    cv2.ellipse(hand, middle, (width // 60, height // 24), float(random.uniform(0, 180)), 0, 360, 1, -1)
    soft = cv2.resize(cv2.GaussianBlur(hand, (0, 0), 3), PHONE)
    return light * (1 - 0.5 * photo.shade * soft)


def _marked(sheet: np.ndarray, random: np.random.Generator) -> np.ndarray:
    marked, (high, wide) = sheet.copy(), sheet.shape
    row = int(high * random.uniform(0.4, 0.6))
    cv2.line(marked, (0, row), (wide, row + int(random.uniform(-60, 60))), 120, 6)
    ends = random.uniform(0.25, 0.75, (2, 2)) * [wide, high]
    cv2.line(marked, *(tuple(map(int, end)) for end in ends), 60, 22)
    return marked


def as_seen(picture: np.ndarray) -> np.ndarray:
    """A picture as the station looks at it: reduced as its first view is."""
    return as_rgb(reduced(picture, reduction(picture.shape[1::-1])))


def without_codes() -> list[Path]:
    """Pages, photos of papers, and photos of other people's codes."""
    data = ROOT.parent / "shared" / "data"
    folders = [ROOT / "samples" / "pages", *(data / part for part in NOT_OURS)]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in IMAGES)


def seen_at(path: Path) -> np.ndarray:
    """An image as the station looks at it; one that the station does not take in is read all the same."""
    if path.suffix.lower() == ".webp":
        return as_seen(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))
    content = path.read_bytes()
    return first_view(content, read_header(content)).picture


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=60, help="photos of each condition")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--looks", type=Path, help="folder for one picture of each condition")
    chosen = options.parse_args()
    sheets = printed()
    print(f"{'condition':22}{'read':>8}{'told unreadable':>18}{'unseen':>8}{'wrong':>7}{'ms':>8}")
    for name, photo in CONDITIONS.items():
        print_condition(name, photo, sheets, chosen)
    print_without_codes()


def print_condition(name: str, photo: Photo, sheets: list[np.ndarray], chosen: argparse.Namespace) -> None:
    read = unreadable = wrong = 0
    spent = 0.0
    for number in range(chosen.count):
        random, which = np.random.default_rng([chosen.seed, number]), number % len(sheets)
        picture = as_seen(photograph(sheets[which], photo, random))
        if chosen.looks and number == 0:
            chosen.looks.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(chosen.looks / f"{name.replace(' ', '-')}.jpg"), picture)
        start = time.process_time()
        found = read_cover(picture)
        spent += time.process_time() - start
        read += isinstance(found, Cover) and found.code == CODES[which]
        wrong += isinstance(found, Cover) and found.code != CODES[which]
        unreadable += isinstance(found, Unreadable)
    count = chosen.count
    print(f"{name:22}{read / count:8.3f}{unreadable / count:18.3f}{(count - read - unreadable - wrong) / count:8.3f}"
          f"{wrong:7}{1000 * spent / count:8.1f}", flush=True)


def print_without_codes() -> None:
    taken, spent, files = [], [], without_codes()
    for path in files:
        picture = seen_at(path)
        start = time.process_time()
        found = read_cover(picture)
        spent.append(time.process_time() - start)
        if found is not None:
            taken.append(path.name)
    others = sum(path.parent.name == "barcodes" for path in files)
    print(f"{len(files)} images without our codes, {others} with others: {len(taken)} taken for a sheet {taken[:3]}; "
          f"ms: median {1000 * np.median(spent):.1f}, worst {1000 * max(spent):.1f}")


if __name__ == "__main__":
    main()
