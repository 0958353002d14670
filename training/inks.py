"""Trains the two models that see ink, side by side on the same made-up pages.

    python -m training.inks --minutes 60 [--out imaging/models] [--resume inks.pt] [--earlier earlier.pt --shares 0.2 0.5]

`Pixels` sees `imaging.inknets.normalised` and tells for each pixel how likely it is ink (logits; the four pixels of each
2×2 block as four channels). `Thresholds` sees `imaging.inknets.sketch` and tells for each of its cells from which grey on,
as a share of paper's white, a pixel is ink; it is trained through that comparison, made soft. Both are U-nets
(Ronneberger et al., 2015), narrow where pixels are many. The loss is cross entropy and one minus the F-measure (Dice).
With `--earlier` the weights that are written are a mean with those of an earlier state (Wortsman et al., 2022): what was
learned last does not push out what was known before. Pages come without end from `training.old_pages` and
`samples.generate`, made by a process beside this one.
"""

from __future__ import annotations

import argparse
import copy
import math
import multiprocessing
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imaging.inknets import FACTOR, OFTEN, normalised, sketch, strong_ink
from training.export import export

SIDE, PAGE, LARGE = 256, 512, 800  # px of a patch, of the piece of a page around it, and of what that is made from
PIECES, FIRST, KEPT, BATCH = 32, 400, 16000, 16
OF_SAMPLES = 0.2  # share of patches cut from whole made-up registers
SEES = {"pixels": "seen", "thresholds": "sketched"}
CALM = 0.999  # the model that is kept is a running mean of the one that learns


def layer(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, rectifier."""
    seen = nn.Conv2d(before, after, size, stride, (size - 1) // 2, bias=False)
    return nn.Sequential(seen, nn.BatchNorm2d(after), nn.ReLU())


class Net(nn.Module):
    """(n, `seen`, h, w) to (n, 4, h/2, w/2): a U-net of `widths` channels at 1/2, 1/4 … of the size."""

    def __init__(self, seen: int, widths: tuple[int, ...], deep: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.first = layer(seen, widths[0], 4, 2)
        self.down = nn.ModuleList(nn.Sequential(layer(high, low, 3, 2), *(layer(low, low) for _ in range(more)))
                                  for (high, low), more in zip(pairs, deep, strict=True))
        self.narrow = nn.ModuleList(layer(low, high, 1) for high, low in pairs)
        self.up = nn.ModuleList(layer(2 * high, high) for high, _ in pairs)
        self.last = nn.Conv2d(widths[0], 4, 1)

    def forward(self, seen: Tensor) -> Tensor:
        levels = [self.first(seen)]
        for step in self.down:
            levels.append(step(levels[-1]))
        told = levels.pop()
        for narrow, up in zip(reversed(self.narrow), reversed(self.up), strict=True):
            told = functional.interpolate(narrow(told), scale_factor=2, mode="nearest")
            told = up(torch.cat([told, levels.pop()], 1))
        return self.last(told)


def pixels() -> Net:
    return Net(3, (8, 24, 40, 72, 112), (1, 1, 2, 2))


def thresholds() -> Net:
    return Net(4, (8, 24, 40, 64), (1, 1, 1))


Piece = tuple[np.ndarray, np.ndarray, float]  # image and ink, uint8 (SIDE, SIDE) each; its page's `strong_ink`


class Library:
    """Pieces of writing and of paper that patches are put together from; each new one replaces the oldest."""

    def __init__(self, rng: np.random.Generator, samples: bool) -> None:
        from training import old_pages, pens

        self.rng, self.pens, self.old_pages = rng, pens, old_pages
        self.written = [pens.writing(rng, LARGE) for _ in range(PIECES)]
        self.papers = [old_pages.paper(rng, LARGE) for _ in range(PIECES)]
        self.registers = [_register(rng) for _ in range(3)] if samples else []
        self.count = 0

    def patches(self) -> list[Piece]:
        """Patches of one page."""
        rng, self.count = self.rng, self.count + 1
        if self.count % 3 == 0:
            self.written[self.count // 3 % PIECES] = self.pens.writing(rng, LARGE)
            self.papers[self.count // 3 % PIECES] = self.old_pages.paper(rng, LARGE)
        if self.registers and self.count % 400 == 0:
            self.registers[self.count // 400 % len(self.registers)] = _register(rng)
        if self.registers and rng.random() < OF_SAMPLES:
            image, ink = self._one(self.registers)
        else:
            written, behind = (self._cut(self._one(self.written), scaled=True) for _ in range(2))
            if rng.random() < 0.4:
                written = self._in_places(written)
            pale = self._in_places(self._cut(self._one(self.written), scaled=True)) if rng.random() < 0.4 else None
            made = self.old_pages.patch(rng, written, behind, self._cut(self._one(self.papers)), pale)
            image, ink = made.image, made.ink
        strong = strong_ink(image)
        return [(*self._patch(image, ink), strong) for _ in range(4)]

    def _one(self, some: list[np.ndarray]) -> np.ndarray:
        return some[int(self.rng.integers(len(some)))]

    def _cut(self, piece: np.ndarray, scaled: bool = False) -> np.ndarray:
        rng = self.rng
        side = PAGE if not scaled else int(np.exp(rng.uniform(np.log(370), np.log(LARGE))))
        y, x = rng.integers(0, LARGE - side + 1, 2)
        part = piece[y : y + side, x : x + side]
        if side == PAGE:
            return part
        return cv2.resize(part, (PAGE, PAGE), interpolation=cv2.INTER_AREA if side > PAGE else cv2.INTER_CUBIC)

    def _in_places(self, written: np.ndarray) -> np.ndarray:
        """Much of the page is left empty, or all of it."""
        where = self.old_pages.noise(self.rng, PAGE, float(self.rng.uniform(100, 400))) > self.rng.uniform(-0.5, 1.5)
        return np.where(where, written, 0).astype(np.uint8)

    def _patch(self, image: np.ndarray, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        for _ in range(3):  # rather where something is written
            y, x = (int(self.rng.integers(0, side - SIDE + 1)) for side in image.shape)
            place = np.s_[y : y + SIDE, x : x + SIDE]
            if ink[place].any():
                break
        return image[place].copy(), ink[place].copy()


def _register(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A whole made-up register page: grey, and its ink as 255."""
    from dataclasses import replace

    from samples.generate import make, random_spec

    spec = random_spec(rng, dpi=float(rng.choice([150, 200, 300, 300])))
    faint = replace(spec.wear, fading=float(rng.uniform(0, 1)), show_through=float(rng.uniform(0, 1)))
    made = make(replace(spec, wear=faint), int(rng.integers(1 << 30)))
    return cv2.cvtColor(made.image, cv2.COLOR_RGB2GRAY), 255 - made.ink


def _make(out: multiprocessing.Queue, seed: int) -> None:
    cv2.setNumThreads(1)
    library = Library(np.random.default_rng(seed), samples=True)
    while True:
        out.put([patch for _ in range(8) for patch in library.patches()])


def as_batch(pieces: list[Piece]) -> dict[str, Tensor]:
    """Patches as both models see them, with their grey over white and their ink. Never mirrored: what shines through is."""
    seen = np.stack([normalised(image, strong) for image, _, strong in pieces])
    sketched = np.stack([sketch(image, strong, FACTOR) for image, _, strong in pieces])
    ink = np.stack([ink > 0 for _, ink, _ in pieces]).astype(np.float32)
    return {"seen": torch.from_numpy(seen), "sketched": torch.from_numpy(sketched), "ink": torch.from_numpy(ink),
            "white": torch.from_numpy(seen[:, 0] * 0.5 + 0.5)}


def whole(told: Tensor) -> Tensor:
    """(n, 4, h, w) to (n, 2h, 2w)."""
    return functional.pixel_shuffle(told, 2)[:, 0]


def compared(told: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Logits of ink (n, h, w) from thresholds told for cells: how far pixels lie below, in shares of the contrast."""
    limits = functional.interpolate(OFTEN + whole(told)[:, None], scale_factor=FACTOR, mode="bilinear")[:, 0]
    white, ink = batch["white"], batch["ink"]
    count = ink.sum((1, 2)).clamp_min(1)
    contrast = (white * (1 - ink)).sum((1, 2)) / (1 - ink).sum((1, 2)).clamp_min(1) - (white * ink).sum((1, 2)) / count
    soft = torch.where(ink.sum((1, 2)) > 0, 0.12 * contrast, 0.03).clamp(0.015, 0.1)
    return (limits - white) / soft[:, None, None]


def loss(logits: Tensor, ink: Tensor) -> Tensor:
    """Cross entropy, and where there is ink one minus the soft F-measure of each patch."""
    entropy = functional.binary_cross_entropy_with_logits(logits, ink)
    likely, some = torch.sigmoid(logits), ink.sum((1, 2)) > 50
    dice = 2 * (likely * ink).sum((1, 2)) / (likely.sum((1, 2)) + ink.sum((1, 2)) + 1)
    return entropy + 0.5 * ((1 - dice) * some).mean()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--rate", type=float, default=3e-3)
    options.add_argument("--threads", type=int, default=1, help="of the trainer; the maker of pages wants one, too")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "imaging" / "models")
    options.add_argument("--resume", type=Path)
    options.add_argument("--earlier", type=Path, help="state to take a mean with")
    options.add_argument("--shares", type=float, nargs=2, default=(0.5, 0.5), help="of it in pixels and in thresholds")
    options.add_argument("--state", type=Path, default=Path("inks.pt"))
    chosen = options.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(chosen.threads)
    nets = nn.ModuleDict({"pixels": pixels(), "thresholds": thresholds()}).to(memory_format=torch.channels_last)
    if chosen.resume:
        nets.load_state_dict(torch.load(chosen.resume, weights_only=True))
    made: multiprocessing.Queue = multiprocessing.Queue(8)
    maker = multiprocessing.Process(target=_make, args=(made, 1000 * chosen.seed), daemon=True)
    maker.start()
    try:
        kept = train(nets, made, chosen)
    finally:
        maker.kill()
    if chosen.earlier:
        blend(kept, torch.load(chosen.earlier, weights_only=True), dict(zip(kept, chosen.shares, strict=True)))
    save(kept, chosen.out)


@torch.no_grad()
def blend(nets: nn.ModuleDict, earlier: dict[str, Tensor], shares: dict[str, float]) -> None:
    """Move the weights of each net towards those of an earlier state, by its share."""
    for name, mine in nets.state_dict().items():
        if mine.dtype.is_floating_point:
            mine.lerp_(earlier[name], shares[name.split(".")[0]])


def save(nets: nn.ModuleDict, out: Path) -> None:
    """Write both models for OpenCV."""
    export(nets["pixels"], torch.zeros(1, 3, SIDE, SIDE), out / "ink-pixels.onnx")
    export(nets["thresholds"], torch.zeros(1, 4, SIDE, SIDE), out / "ink-thresholds.onnx")


def train(nets: nn.ModuleDict, made: multiprocessing.Queue, chosen: argparse.Namespace) -> nn.ModuleDict:
    """AdamW (Loshchilov & Hutter, 2019), slower along a cosine until the time is over; gives the running mean."""
    rng, calm = np.random.default_rng(chosen.seed), copy.deepcopy(nets).eval()
    optimiser = torch.optim.AdamW(nets.parameters(), chosen.rate, weight_decay=1e-3)
    pool: list[Piece] = []
    while len(pool) < FIRST:
        pool += made.get()
    start, step, count, mean = time.monotonic(), 0, len(pool), np.zeros(2)
    while chosen.minutes and (done := (time.monotonic() - start) / (60 * chosen.minutes)) < 1:
        count = _fetch(made, pool, count)
        for group in optimiser.param_groups:
            group["lr"] = chosen.rate * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * done) + 0.002)
        batch = as_batch([pool[at] for at in rng.integers(0, len(pool), BATCH)])
        with torch.autocast("cpu", torch.bfloat16):  # half the time where the processor knows such numbers
            told = [nets[name](batch[key].to(memory_format=torch.channels_last)).float() for name, key in SEES.items()]
        losses = loss(whole(told[0]), batch["ink"]), loss(compared(told[1], batch), batch["ink"])
        optimiser.zero_grad()
        sum(losses).backward()
        nn.utils.clip_grad_norm_(nets["pixels"].parameters(), 1.0)
        nn.utils.clip_grad_norm_(nets["thresholds"].parameters(), 1.0)
        optimiser.step()
        _follow(calm, nets, min(CALM, (step + 1) / (step + 10)))
        step, mean = step + 1, 0.99 * mean + 0.01 * np.array([item.item() for item in losses])
        if step % 250 == 0:
            of_both = ", ".join(f"{value:.4f}" for value in mean / (1 - 0.99**step))
            print(f"{60 * chosen.minutes * done:6.0f} s, step {step}, {count} made, loss {of_both}", flush=True)
            torch.save(calm.state_dict(), chosen.state)
    torch.save(calm.state_dict(), chosen.state)
    return calm


@torch.no_grad()
def _follow(calm: nn.Module, nets: nn.Module, keep: float) -> None:
    for mine, theirs in zip(calm.state_dict().values(), nets.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - keep)
        else:
            mine.copy_(theirs)


def _fetch(made: multiprocessing.Queue, pool: list, count: int) -> int:
    """Take what has been made, if it has; the oldest go. Gives how many have been made in all."""
    if not made.empty():
        for pair in made.get():
            if len(pool) < KEPT:
                pool.append(pair)
            else:
                pool[count % KEPT] = pair
            count += 1
    return count


if __name__ == "__main__":
    main()
