"""Trains the model that sees how a sheet is bent: for each spot of a photo, where on the page it lies.

    python -m training.bends --minutes 60 [--out imaging/models/bends.onnx] [--resume bends.pt] [--makers 1]

Input: a photo at SIZE, RGB, 0 to 1, and with it each spot's own place in the photo (across, down, 0 to 1). Output at a
quarter of that: the place on the page (0 to 1) less the own place, and the logit of being on the sheet at all. A U-Net
(Ronneberger et al., 2015) with dilated layers in the middle (Yu & Koltun, 2016).
Photos are made by `training.bent_sheets` without end, by processes beside this one; each is learned from several times,
mirrored and in other colours.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import time
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training import bent_sheets
from training.export import export

WIDTH, HEIGHT = bent_sheets.SIZE
SCALE = 4  # the output is so much smaller than the input
KEPT = 8000  # photos that are learned from at a time
REPEATED = 4  # so often, on average, each is learned from
FIRST = 600  # photos that are made before learning begins
BATCH = 32
RATE = 2e-3
PRINTS = 400  # of one maker at a time
HELD_OUT = 96  # photos that are never learned from
WEIGHT_SLOPES, WEIGHT_SEEN, WEIGHT_BESIDE = 6.0, 0.05, 0.15
BETA = 0.01  # of the page: smaller errors count by their square


class Layer(nn.Sequential):
    """Convolution, normalisation, rectifier."""

    def __init__(self, before: int, after: int, stride: int = 1, dilation: int = 1, size: int = 3) -> None:
        conv = nn.Conv2d(before, after, size, stride, dilation * (size // 2), dilation, bias=False)
        super().__init__(conv, nn.BatchNorm2d(after), nn.ReLU())


class Bends(nn.Module):
    """Photo and spots (n, 5, h, w) to (n, 3, h / 4, w / 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.at_half = Layer(5, 16, 2)
        self.to_quarter = nn.Sequential(Layer(16, 32, 2), Layer(32, 32))
        self.to_eighth = nn.Sequential(Layer(32, 64, 2), Layer(64, 64))
        self.to_least = nn.Sequential(Layer(64, 96, 2), Layer(96, 96))
        self.middle = nn.ModuleList(Layer(96, 96, dilation=dilation) for dilation in (1, 2, 4, 2, 1))
        self.whole = nn.Sequential(nn.Conv2d(96, 96, 1), nn.ReLU(), nn.Conv2d(96, 96, 1))
        self.up_eighth, self.at_eighth = nn.Conv2d(96, 64, 1), Layer(64, 64)
        self.up_quarter, self.at_quarter = nn.Conv2d(64, 32, 1), nn.Sequential(Layer(32, 32), nn.Conv2d(32, 3, 1))

    def forward(self, photo: Tensor) -> Tensor:
        quarter = self.to_quarter(self.at_half(photo))
        eighth = self.to_eighth(quarter)
        least = self.to_least(eighth)
        for layer in self.middle:
            least = least + layer(least)
        least = least + self.whole(least.mean((2, 3), keepdim=True)).expand_as(least)
        eighth = self.at_eighth(eighth + functional.interpolate(self.up_eighth(least), scale_factor=2, mode="bilinear"))
        return self.at_quarter(quarter + functional.interpolate(self.up_quarter(eighth), scale_factor=2, mode="bilinear"))


def loss_of(told: Tensor, place: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """What is to become small, and the mean error on the sheet (of the page's sides)."""
    on_sheet = seen[:, None]
    beside = functional.max_pool2d(on_sheet, 5, 1, 2)  # a little beyond its edges, so that they are found exactly
    weight = on_sheet + WEIGHT_BESIDE * (beside - on_sheet)
    wrong = told[:, :2] - place
    near = (functional.smooth_l1_loss(told[:, :2], place, beta=BETA, reduction="none") * weight).sum() / weight.sum()
    slopes = sum(_slope(wrong, on_sheet, axis) for axis in (2, 3))
    known = functional.binary_cross_entropy_with_logits(told[:, 2], seen)
    error = (wrong.abs() * on_sheet).sum() / (2 * on_sheet.sum())
    return near + WEIGHT_SLOPES * slopes + WEIGHT_SEEN * known, error


def _slope(wrong: Tensor, on_sheet: Tensor, axis: int) -> Tensor:
    """How much errors differ from those of the next spot: lines are to stay lines."""
    both = on_sheet.narrow(axis, 1, on_sheet.shape[axis] - 1) * on_sheet.narrow(axis, 0, on_sheet.shape[axis] - 1)
    return (wrong.diff(dim=axis).abs() * both).sum() / (2 * both.sum())


class Photos:
    """A ring of made-up photos in memory that makers fill and the trainer draws from."""

    def __init__(self, makers: int, seed: int) -> None:
        h, w = HEIGHT // SCALE, WIDTH // SCALE
        self._shapes = ((KEPT, HEIGHT, WIDTH, 3), np.uint8), ((KEPT, h, w, 2), np.float32), ((KEPT, h, w), np.float32)
        self._memory = [SharedMemory(create=True, size=int(np.prod(shape)) * np.dtype(kind).itemsize)
                        for shape, kind in self._shapes]
        self._parts = [np.ndarray(shape, kind, part.buf)
                       for (shape, kind), part in zip(self._shapes, self._memory, strict=True)]
        self.made, self._drawn = multiprocessing.Value("q", 0), multiprocessing.Value("q", 0)
        names = [part.name for part in self._memory]
        self._makers = [multiprocessing.Process(target=_make, daemon=True,
                                                args=(names, self._shapes, self.made, self._drawn, seed + at))
                        for at in range(makers)]
        for maker in self._makers:
            maker.start()

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """A batch: photo, place on the page, seen."""
        self._drawn.value += BATCH
        chosen = rng.integers(0, min(self.made.value, KEPT), BATCH)
        return as_batch(*(part[chosen] for part in self._parts), rng)

    def close(self) -> None:
        for maker in self._makers:
            maker.kill()
        for part in self._memory:
            part.close()
            part.unlink()


def _make(names, shapes, made, drawn, seed) -> None:
    cv2.setNumThreads(1)
    memory = [SharedMemory(name) for name in names]
    parts = [np.ndarray(shape, kind, part.buf) for (shape, kind), part in zip(shapes, memory, strict=True)]
    rng = np.random.default_rng(seed)
    pages = [bent_sheets.random_print(rng) for _ in range(PRINTS)]
    while True:
        while made.value > max(KEPT, drawn.value // REPEATED):
            time.sleep(0.05)
        if rng.random() < 0.05:
            pages[int(rng.integers(PRINTS))] = bent_sheets.random_print(rng)
        made_now = reduced(bent_sheets.photo(rng, pages[int(rng.integers(PRINTS))]))
        with made.get_lock():
            at = made.value % KEPT
            made.value += 1
        for part, value in zip(parts, made_now, strict=True):
            part[at] = value


def reduced(sheet: bent_sheets.BentSheet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photo, and truth at the size of the output."""
    h, w = HEIGHT // SCALE, WIDTH // SCALE
    place = sheet.place.reshape(h, SCALE, w, SCALE, 2).mean(axis=(1, 3))
    return sheet.image, place, sheet.seen.reshape(h, SCALE, w, SCALE).mean(axis=(1, 3)).round()


def as_batch(image, place, seen, rng: np.random.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
    """Tensors; with `rng` half of them mirrored, all in other colours."""
    count = len(image)
    photo = np.empty((count, HEIGHT, WIDTH, 5), np.float32)  # channels last, as convolutions like it
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    photo[..., 3], photo[..., 4] = x, y
    own = photo[:1, ..., 3:].reshape(1, HEIGHT // SCALE, SCALE, WIDTH // SCALE, SCALE, 2).mean(axis=(2, 4))
    away = place - own
    for at in range(count):
        mirrored = rng is not None and at < count // 2
        photo[at, ..., :3] = cv2.LUT(image[at, :, ::-1] if mirrored else image[at], _colours(rng))
        if mirrored:
            away[at], seen[at] = away[at, :, ::-1] * np.float32([-1, 1]), seen[at, :, ::-1]
    return (torch.from_numpy(photo).permute(0, 3, 1, 2), torch.from_numpy(away).permute(0, 3, 1, 2).contiguous(),
            torch.from_numpy(seen))


def _colours(rng: np.random.Generator | None) -> np.ndarray:
    """What becomes of each of 256 values in each channel: float32 (256, 1, 3), 0 to 1."""
    values = np.linspace(0, 1, 256, dtype=np.float32)[:, None, None].repeat(3, axis=2)
    if rng is None:
        return values
    gain = rng.uniform(0.75, 1.25, 3) * rng.uniform(0.7, 1.3)
    return (np.clip(values * gain, 0, 1) ** rng.uniform(0.7, 1.4)).astype(np.float32)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--makers", type=int, default=1)
    options.add_argument("--rate", type=float, default=RATE)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "imaging" / "models" / "bends.onnx")
    options.add_argument("--resume", type=Path)
    options.add_argument("--state", type=Path, default=Path("bends.pt"))
    chosen = options.parse_args()
    torch.manual_seed(chosen.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Bends().to(device, memory_format=torch.channels_last)
    if chosen.resume:
        model.load_state_dict(torch.load(chosen.resume, weights_only=True))
    photos = Photos(chosen.makers, 1000 * chosen.seed)
    try:
        train(model, photos, chosen.minutes, chosen.state, device, chosen.seed, chosen.rate)
    finally:
        photos.close()
    export(model.cpu(), torch.zeros(1, 5, HEIGHT, WIDTH), chosen.out)


def train(model: Bends, photos: Photos, minutes: float, state: Path, device: str, seed: int,
          rate: float) -> None:
    """Adam (Kingma & Ba, 2015), warmed up, then slower along a cosine until the time is over."""
    cv2.setNumThreads(1)
    rng, held_out = np.random.default_rng(seed), _held_out()
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=1e-4)
    while photos.made.value < FIRST:
        time.sleep(0.2)
    start, step, mean = time.monotonic(), 0, 0.0
    while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * done) + 0.005)
        photo, place, seen = (part.to(device, non_blocking=True) for part in photos.draw(rng))
        with torch.autocast(device, torch.bfloat16):
            told = model(photo)
        loss, error = loss_of(told.float(), place, seen)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step, mean = step + 1, error.item() if step == 0 else 0.98 * mean + 0.02 * error.item()
        if step % 250 == 0:
            print(f"{60 * minutes * done:6.0f} s, step {step}, {photos.made.value} made, error {mean:.4f}, "
                  f"held out {_error(model, held_out, device):.4f}", flush=True)
            torch.save(model.state_dict(), state)
    torch.save(model.state_dict(), state)


def _held_out() -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(0)
    made = [reduced(bent_sheets.photo(rng, bent_sheets.random_print(rng))) for _ in range(HELD_OUT)]
    return as_batch(*(np.stack(part) for part in zip(*made, strict=True)), None)


@torch.no_grad()
def _error(model: Bends, held_out: tuple[Tensor, Tensor, Tensor], device: str) -> float:
    model.eval()
    errors = []
    for at in range(0, HELD_OUT, BATCH):
        photo, place, seen = (part[at : at + BATCH].to(device) for part in held_out)
        errors.append(loss_of(model(photo), place, seen)[1].item())
    model.train()
    return float(np.mean(errors))


if __name__ == "__main__":
    main()
