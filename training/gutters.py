"""Trains the model that sees where a book's gutter is.

    python -m training.gutters --minutes 30 [--out imaging/models/gutters.onnx] [--resume gutters.pt]

Input: a capture at SIZE, grey over its own white (see `white`). Output: for each third of the height and each COLUMNS of
the width how likely the gutter is there (logits), and one more logit: there is none. Convolutions that shrink the height
faster than the width, then convolutions along the width with growing gaps (Yu & Koltun, 2016), so that each column knows
the whole width. Captures are made by `training.open_books` without end, by a process beside this one.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import queue
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training import open_books
from training.export import export

WIDTH, HEIGHT = open_books.SIZE
COLUMNS = WIDTH // 2
BANDS = 8  # of the height, that the columns look at
KEPT, FIRST, BATCH = 6000, 400, 32
HELD_OUT = 300
PATIENCE = 0.01  # s
SPREAD = 0.7  # columns: σ of where the gutter may be said to be


def white(image: np.ndarray) -> np.ndarray:
    """Grey (h, w) uint8 over its own white: float32, mostly 0 to 1."""
    return image.astype(np.float32) / max(40.0, float(np.percentile(image, 95)))


def layer(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
    """Convolution, normalisation, rectifier."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


class Gutters(nn.Module):
    """(n, 1, HEIGHT, WIDTH) to (n, 3, COLUMNS + 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(layer(1, 12, (2, 2)), layer(12, 24, (2, 1)), layer(24, 24, (2, 1)), layer(24, 32, (2, 1)),
                                  layer(32, 32, (2, 1)))
        self.columns = nn.Sequential(nn.Conv1d(32 * BANDS, 64, 1), nn.ReLU())
        self.along = nn.ModuleList(
            nn.Sequential(nn.Conv1d(64, 64, 3, 1, gap, gap, bias=False), nn.BatchNorm1d(64), nn.ReLU())
            for gap in (1, 2, 4, 8, 16, 32, 1))
        self.place, self.nowhere = nn.Conv1d(64, 3, 1), nn.Linear(128, 1)

    def forward(self, capture: Tensor) -> Tensor:
        seen = self.seen(capture)
        told = self.columns(seen.flatten(1, 2))
        for step in self.along:
            told = told + step(told)
        nowhere = self.nowhere(torch.cat([told.mean(2), told.amax(2)], 1))[:, None].expand(-1, 3, 1)
        return torch.cat([self.place(told), nowhere], 2)


def targets(gutters: np.ndarray) -> Tensor:
    """Gutters (n, 3), nan where there is none, as distributions (n, 3, COLUMNS + 1)."""
    at = torch.from_numpy(gutters)[..., None] * COLUMNS - 0.5
    near = torch.exp(-0.5 * ((torch.arange(COLUMNS) - at) / SPREAD) ** 2)
    some = ~torch.isnan(at)
    near = torch.where(some, near / near.sum(-1, keepdim=True).clamp_min(1e-6), 0.0)
    return torch.cat([near, (~some).float()], -1)


def _make(out: multiprocessing.Queue, seed: int) -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    while True:
        out.put(_pair(open_books.capture(rng)))


def _pair(book: open_books.OpenBook) -> tuple[np.ndarray, np.ndarray]:
    return book.image, book.gutter if book.gutter is not None else np.full(3, np.nan, np.float32)


def as_batch(pairs: list, rng: np.random.Generator | None) -> tuple[Tensor, Tensor]:
    """Captures and targets; with `rng` half of them mirrored, all in other tones."""
    images, gutters = [], []
    for at, (image, gutter) in enumerate(pairs):
        if rng is not None and at % 2:
            image, gutter = image[:, ::-1], 1 - gutter
        value = white(image)
        images.append(value if rng is None else np.clip(value, 0, 2) ** rng.uniform(0.6, 1.6))
        gutters.append(gutter)
    return torch.from_numpy(np.stack(images)[:, None].astype(np.float32)), targets(np.stack(gutters))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--rate", type=float, default=2e-3)
    options.add_argument("--threads", type=int, default=1, help="of the trainer; the maker of captures wants one, too")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "imaging" / "models" / "gutters.onnx")
    options.add_argument("--resume", type=Path)
    options.add_argument("--state", type=Path, default=Path("gutters.pt"))
    chosen = options.parse_args()
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(chosen.threads)
    model = Gutters()
    if chosen.resume:
        model.load_state_dict(torch.load(chosen.resume, weights_only=True))
    made: multiprocessing.Queue = multiprocessing.Queue(256)
    maker = multiprocessing.Process(target=_make, args=(made, 1000 * chosen.seed), daemon=True)
    maker.start()
    try:
        train(model, made, chosen)
    finally:
        maker.kill()
    export(model, torch.zeros(1, 1, HEIGHT, WIDTH), chosen.out)


def train(model: Gutters, made: multiprocessing.Queue, chosen: argparse.Namespace) -> None:
    """Adam (Kingma & Ba, 2015), slower along a cosine until the time is over."""
    rng = np.random.default_rng(chosen.seed)
    held_out = [_pair(open_books.capture(np.random.default_rng(at))) for at in range(HELD_OUT)]
    optimiser = torch.optim.AdamW(model.parameters(), chosen.rate, weight_decay=1e-4)
    kept = [made.get() for _ in range(FIRST)]
    start, step, count, mean = time.monotonic(), 0, FIRST, 0.0
    while (done := (time.monotonic() - start) / (60 * chosen.minutes)) < 1:
        count = _fetch(made, kept, count)
        for group in optimiser.param_groups:
            group["lr"] = chosen.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done) + 0.005)
        captures, wanted = as_batch([kept[at] for at in rng.integers(0, len(kept), BATCH)], rng)
        loss = functional.cross_entropy(model(captures).flatten(0, 1), wanted.flatten(0, 1))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step, mean = step + 1, loss.item() if step == 0 else 0.98 * mean + 0.02 * loss.item()
        if step % 200 == 0:
            right, off = _judged(model, held_out)
            print(f"{60 * chosen.minutes * done:6.0f} s, step {step}, {count} made, loss {mean:.3f}, "
                  f"held out: there or not {right:.3f}, within 1 % {off:.3f}", flush=True)
            torch.save(model.state_dict(), chosen.state)
    torch.save(model.state_dict(), chosen.state)


def _fetch(made: multiprocessing.Queue, kept: list, count: int) -> int:
    """Take what has been made, at most a batch; the oldest go. Gives how many have been made in all."""
    for _ in range(BATCH):
        try:
            pair = made.get(timeout=PATIENCE)  # a capture is larger than a pipe: the next one takes a moment
        except queue.Empty:
            break
        if len(kept) < KEPT:
            kept.append(pair)
        else:
            kept[count % KEPT] = pair
        count += 1
    return count


@torch.no_grad()
def _judged(model: Gutters, held_out: list) -> tuple[float, float]:
    """Share of captures of which it is rightly said whether there is a gutter; share of gutters found within 1 %."""
    model.eval()
    captures, _ = as_batch(held_out, None)
    told = torch.cat([model(captures[at : at + BATCH]) for at in range(0, len(captures), BATCH)])
    model.train()
    gutters = np.stack([gutter for _, gutter in held_out])
    there = ~np.isnan(gutters[:, 0])
    found = (told[..., :-1].amax(-1) > told[..., -1]).numpy().mean(1) > 0.5
    places = (told[..., :-1].argmax(-1).numpy() + 0.5) / COLUMNS
    near = np.abs(places - gutters)[there].max(1) < 0.01
    return float((found == there).mean()), float((near & found[there]).mean())


if __name__ == "__main__":
    main()
