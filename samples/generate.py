"""Generates made-up register images with their truth: the way into this package.

    python -m samples.generate --out DIR --count N --seed S [--kind K] [--era E] [--device D] [--dpi 300]
    python -m samples.generate --committed        rebuilds samples/pages and samples/truth

A Spec says what is to be made; `make` makes it; `save` writes NAME.jpg, NAME.truth.json and NAME.ink.png. The
same Spec and seed give the same pixels and truth. What the truth holds stands in README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from samples import camera, entries, forms, people, truth
from samples.camera import Bend, Mapping
from samples.ink import Hand, Sheet
from samples.wear import Outline, Wear, age, cut

MARGIN = 14.0  # mm of canvas around the sheet, for the pile of pages and the cover
INK_THRESHOLD = 100  # coverage (of 255) from which a pixel counts as ink in the mask
KINDS = ("KS", "KH", "KT")
ERAS = ("ledger", "double", "form")
DEVICES = ("dark bed", "white bed", "phone")


@dataclass(frozen=True)
class Spec:
    """One image to be made. `era` is ledger (before 1999), double (1999–2005) or form (2006 and later).

    `degrees` is how far the book lies turned clockwise; `right` says what the right page of a spread holds:
    filled, part (some rows unused) or blank. Strengths lie between 0 and 1.
    """

    kind: str
    era: str
    device: str
    year: int
    dpi: float = 300.0
    degrees: float = 0.0
    right: str = "filled"
    volume: int = 1
    first_number: int = 1
    folio: int = 1
    stamps: bool = True
    pencil: bool = True
    curl: float = 0.4
    unevenness: float = 0.4
    shadow: float = 0.0
    finger: bool = False
    tilt: float = 0.5
    blur: float = 0.6
    grain: float = 2.0
    quality: int = 85
    sideways: bool = False
    wear: Wear = field(default_factory=Wear)
    book_seed: int | None = None

    @property
    def spread(self) -> bool:
        return self.era != "form"


@dataclass(frozen=True)
class Sample:
    """An upright RGB image, its ink mask (0 ink, 255 paper), its truth, and how it is to be stored."""

    image: np.ndarray
    ink: np.ndarray
    truth: dict
    spec: Spec


def random_spec(
    rng: np.random.Generator,
    kind: str | None = None,
    era: str | None = None,
    device: str | None = None,
    dpi: float = 300.0,
) -> Spec:
    """What a commune's shelf and its cameras might bring; what is named stays as it is named.

    A phone resolves less than a scanner: its photos have 0.72 of the `dpi`.
    """
    era = era or people.pick(rng, ERAS)
    years = {"ledger": (1976, 1998), "double": (1999, 2005), "form": (2006, 2015)}[era]
    device = device or people.pick(rng, DEVICES)
    phone = device == "phone"
    oldness = (2015 - years[0]) / 40
    wear = Wear(
        fading=float(rng.beta(1.3, 1.6)),
        show_through=float(rng.beta(1.2, 2)),
        yellowing=float(np.clip(rng.normal(0.5 * oldness + 0.1, 0.15), 0, 1)),
        stains=float(rng.beta(1, 2) * oldness),
        fold=float(rng.uniform(0.3, 1) * (rng.random() < 0.3)),
        gutter_shadow=float(rng.uniform(0.15, 0.85)),
        pile=float(rng.uniform(0, 1)),
    )
    return Spec(
        kind=kind or people.pick(rng, KINDS),
        era=era,
        device=device,
        year=int(rng.integers(years[0], years[1] + 1)),
        dpi=dpi * (0.72 if phone else 1.0),
        degrees=float(np.clip(rng.normal(0, 1.2), -3, 3)),
        right=people.pick(rng, ("filled",) * 7 + ("part", "part", "blank")),
        first_number=int(rng.integers(1, 180)),
        folio=int(rng.integers(1, 98)),
        stamps=bool(rng.random() < 0.7),
        pencil=bool(rng.random() < 0.5),
        curl=float(rng.uniform(0, 1)),
        unevenness=float(rng.uniform(0.1, 0.9)),
        shadow=float(rng.uniform(0.15, 0.5) * (rng.random() < 0.5)),
        finger=bool(rng.random() < 0.35),
        tilt=float(rng.uniform(0, 1)),
        blur=float(rng.uniform(0.4, 1.1)),
        grain=float(rng.uniform(1, 6) if phone else rng.uniform(0.8, 2.5)),
        quality=int(rng.integers(72, 93)),
        sideways=bool(rng.random() < 0.5),
        wear=wear,
    )


def make(spec: Spec, seed: int) -> Sample:
    """Draw, age and photograph one spread or page."""
    rng = np.random.default_rng(seed)
    book_rng = np.random.default_rng(seed if spec.book_seed is None else spec.book_seed)
    book = entries.volume(book_rng, spec.kind, spec.year, spec.volume)
    size = (2 * forms.PAGE[0], forms.PAGE[1]) if spec.spread else forms.PAGE
    sheet = Sheet(size, spec.dpi, MARGIN)
    cases = {"ledger": _ledger, "double": _double, "form": _form}[spec.era](sheet, rng, book, spec)
    outline = cut(rng, size, spec.spread)
    mapping = _mapping(rng, spec, outline, size)
    colours, alpha = age(sheet, rng, spec.wear, outline)
    image, ink = _photograph(rng, spec, sheet, mapping, outline, colours, alpha)
    return Sample(image, ink, truth.tell(spec, seed, sheet, mapping, outline, cases), spec)


def _dates(rng: np.random.Generator, spec: Spec, count: int) -> list[datetime.date]:
    """Days of registration, one after the other through the year."""
    start = datetime.date(spec.year, 1, 3) + datetime.timedelta(days=min(330, spec.first_number * 2))
    gaps = rng.integers(0, 4, count).cumsum()
    return [min(start + datetime.timedelta(days=int(gap)), datetime.date(spec.year, 12, 31)) for gap in gaps]


def _entries(rng: np.random.Generator, book: entries.Volume, spec: Spec, count: int) -> list[entries.Entry]:
    days = _dates(rng, spec, count)
    return [entries.entry(rng, book, spec.first_number + i, day) for i, day in enumerate(days)]


def _clerks(rng: np.random.Generator, count: int, size: float) -> list[Hand]:
    """Who wrote which entry: one hand mostly, now and then another pen or another clerk."""
    hands = [Hand.of(rng, people.pick(rng, ("blue", "blue", "black")), size)]
    while len(hands) < count:
        change = rng.random() < 0.25
        hands.append(Hand.of(rng, people.pick(rng, ("blue", "black")), size) if change else hands[-1])
    return hands[:count]


def _cases(registered: list[entries.Entry], sides: list[list[str]]) -> list[dict]:
    return [
        {"number": case.number, "date": case.date.isoformat(), "sides": where}
        for case, where in zip(registered, sides, strict=True)
    ]


def _ledger(sheet: Sheet, rng: np.random.Generator, book: entries.Volume, spec: Spec) -> list[dict]:
    """A spread of ruled rows; with a blank right page it is the end of the book, closed on the left."""
    if spec.right == "blank":
        forms.closing_page(sheet, rng, book, spec.first_number, 2 * spec.folio)
        return []
    rows = int(rng.integers(5, 8))
    count = rows if spec.right == "filled" else int(rng.integers(2, rows))
    cases, hands = _entries(rng, book, spec, count), _clerks(rng, count, 6.3)
    height = 217.0 / rows
    for side in (0, 1):
        forms.ledger_page(sheet, rng, book, cases, side, hands, height, rows)
    foot = 67 + height
    for i, case in enumerate(cases):
        if case.note and rng.random() < 0.5:
            forms.note_across(sheet, rng, hands[i], case, foot + i * height)
    if count < rows:
        forms.strike(sheet, rng, 30, 67 + (count + 0.8) * height, 140)
    _marks(sheet, rng, book, spec)
    return _cases(cases, [["left", "right"]] * count)


def _double(sheet: Sheet, rng: np.random.Generator, book: entries.Volume, spec: Spec) -> list[dict]:
    """Two forms on each page of a spread."""
    count = {"filled": 4, "part": 3, "blank": 2}[spec.right]
    cases, hands = _entries(rng, book, spec, count), _clerks(rng, count, 5.4)
    for i in range(2 if spec.right == "blank" else 4):
        case, hand = (cases[i], hands[i]) if i < count else (None, None)
        page, place = divmod(i, 2)
        forms.half_form(sheet, rng, book, case, hand, 210.0 * page, 12 + 139 * place, page == 1)
    _marks(sheet, rng, book, spec)
    return _cases(cases, [["left"], ["left"], ["right"], ["right"]][:count])


def _form(sheet: Sheet, rng: np.random.Generator, book: entries.Volume, spec: Spec) -> list[dict]:
    """One A4 page with one case."""
    cases, hands = _entries(rng, book, spec, 1), _clerks(rng, 1, 6.0)
    forms.form_page(sheet, rng, book, cases[0], hands[0])
    forms.folio(sheet, rng, spec.folio, 190, 13)
    if spec.pencil:
        forms.pencil_note(sheet, rng, 120, 291, 60)
    return _cases(cases, [["whole"]])


def _marks(sheet: Sheet, rng: np.random.Generator, book: entries.Volume, spec: Spec) -> None:
    """Folio numbers at the outer corners, joining stamps over the gutter, a pencil note."""
    forms.folio(sheet, rng, 2 * spec.folio, 7, 13 if spec.era == "ledger" else 9.5)
    if spec.right != "blank":
        forms.folio(sheet, rng, 2 * spec.folio + 1, 402, 13 if spec.era == "ledger" else 9.5)
        if spec.stamps:
            forms.official_seal(sheet, rng, book.place, 210 + rng.uniform(-7, 7), rng.uniform(40, 240))
    if spec.pencil:
        forms.pencil_note(sheet, rng, rng.uniform(20, 110), 292 if spec.era == "ledger" else 294, 70)


def _mapping(rng: np.random.Generator, spec: Spec, outline: Outline, size: tuple[float, float]) -> Mapping:
    phone = spec.device == "phone"
    bend = None
    if spec.spread or phone:
        lean = rng.normal(0, 0.004, 2).clip(-0.008, 0.008) if spec.spread else (0.0, 0.0)
        bend = Bend(
            gutter=float(outline.gutter[0, 0]) if spec.spread else -4.0,
            lift=spec.curl * (9.0 if phone else 6.0),
            length=float(rng.uniform(14, 30) if phone else rng.uniform(7, 14)),
            axis=size[1] / 2,
            shrink=-0.0022 if phone else 0.0030,
            bow=float(rng.uniform(-0.35, 0.35)) if phone else 0.0,
            lean=(float(lean[0]), float(lean[1])),
        )
    if phone:
        angles = rng.uniform(-1, 1, 3) * spec.tilt * (14, 9, 3) + (0, 0, spec.degrees)
        return camera.in_a_hand(
            outline.polygon, bend, spec.dpi, tuple(angles), float(rng.uniform(0.80, 0.93))
        )
    edges = tuple(float(v) for v in rng.uniform(1, 13, 4))
    return camera.on_a_scanner(outline.polygon, bend, spec.dpi, spec.degrees, edges)


def _photograph(rng, spec: Spec, sheet: Sheet, mapping: Mapping, outline: Outline, colours, alpha):
    """The picture and its ink mask, both through the same map."""
    across, down = mapping.sampling(sheet.margin, sheet.pixels_per_mm)
    book = cv2.remap(colours, across, down, cv2.INTER_LINEAR)
    cover = cv2.remap(alpha, across, down, cv2.INTER_LINEAR)
    inside = np.zeros(sheet.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(sheet.pixel(outline.polygon)).astype(np.int32)], 255)
    written = cv2.remap(cv2.bitwise_and(sheet.coverage(), inside), across, down, cv2.INTER_LINEAR)
    ink = np.where(written >= INK_THRESHOLD, 0, 255).astype(np.uint8)
    if spec.device == "phone":
        background = camera.desk(rng, mapping.size, cloth=bool(rng.random() < 0.4))
        picture = camera.lay_down(background, book, cover, 0.55, 4 * sheet.pixels_per_mm)
        picture = camera.room_light(rng, picture, spec.unevenness, spec.shadow)
        if spec.finger:
            height = sheet.size[1] * rng.uniform(0.55, 0.85)
            edge = sheet.size[0] if rng.random() < 0.5 or not spec.spread else 0.0
            ends = mapping.forward([(edge, height), (edge, height + 20)])
            picture, hidden = camera.finger(rng, picture, ends[0], float(np.linalg.norm(ends[1] - ends[0])))
            ink[hidden] = 255
    else:
        background = camera.bed(rng, mapping.size, spec.device == "white bed")
        picture = camera.lay_down(background, book, cover, 0.25, 0.7 * sheet.pixels_per_mm)
    return camera.expose(rng, picture, spec.blur * spec.dpi / 300, spec.grain), ink


def generate(
    folder: Path,
    count: int,
    seed: int,
    kind: str | None = None,
    era: str | None = None,
    device: str | None = None,
    dpi: float = 300.0,
) -> None:
    """Write `count` images, made from `seed` on, with their truth beside them."""
    for number in range(seed, seed + count):
        spec = random_spec(np.random.default_rng([number, 1]), kind, era, device, dpi)
        save(make(spec, number), folder, f"{spec.kind}-{spec.era}-{number:06d}")


def save(sample: Sample, folder: Path, name: str, beside: Path | None = None) -> None:
    """Write the image, and its truth and ink mask beside it or into the folder `beside`.

    A phone may store its image sideways, and say so in EXIF; truth and mask are upright.
    """
    beside = beside or folder
    folder.mkdir(parents=True, exist_ok=True)
    beside.mkdir(parents=True, exist_ok=True)
    spec, image = sample.spec, Image.fromarray(sample.image)
    options: dict = {"quality": spec.quality, "subsampling": "4:2:0", "optimize": True}
    if spec.device == "phone":
        exif = Image.Exif()
        exif[0x010F], exif[0x0110] = "Sohoa", "Made-up phone"
        exif[0x0112] = 1
        if spec.sideways:
            exif[0x0112], image = 6, image.transpose(Image.Transpose.ROTATE_90)
        options["exif"] = exif
    else:
        options["dpi"] = (round(spec.dpi), round(spec.dpi))
    image.save(folder / f"{name}.jpg", **options)
    Image.fromarray(sample.ink).convert("1", dither=Image.Dither.NONE).save(
        beside / f"{name}.ink.png", optimize=True
    )
    text = json.dumps(sample.truth, ensure_ascii=False, separators=(",", ":"))
    (beside / f"{name}.truth.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m samples.generate", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder to write into")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="image i is made from seed + i")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--era", choices=ERAS)
    parser.add_argument("--device", choices=DEVICES)
    parser.add_argument("--dpi", type=float, default=300.0)
    parser.add_argument("--committed", action="store_true", help="rebuild samples/pages instead")
    options = parser.parse_args()
    if options.committed:
        from samples.books import rebuild

        rebuild()
        return
    if options.out is None:
        parser.error("--out is needed")
    generate(options.out, options.count, options.seed, options.kind, options.era, options.device, options.dpi)


if __name__ == "__main__":
    main()
