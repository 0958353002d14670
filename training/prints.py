"""Made-up prints, a few hundred pixels high: forms, letters, bills, tables, ledgers. To train on, not to be read."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

HEIGHT = 640  # px
WORDS = ("Cộng hòa", "Invoice", "No.", "Total", "họ tên", "ngày", "Date", "Amount", "1,250", "2017", "36.50", "Thank you")


def page(rng: np.random.Generator, aspect: float) -> np.ndarray:
    """A print of `aspect` (width over height): RGB uint8 (HEIGHT, w, 3)."""
    width = round(HEIGHT * aspect)
    paper = np.clip(rng.normal(238, 12) + rng.normal(0, [3, 3, 8]), 150, 255)
    sheet = np.full((HEIGHT, width, 3), paper, np.uint8)
    ink = tuple(int(value) for value in np.clip(rng.normal(45, 30) + rng.normal(0, 15, 3), 0, 150))
    margin = float(rng.uniform(0.04, 0.14))
    draw = _Pen(rng, sheet, ink, margin)
    y = margin * HEIGHT * float(rng.uniform(0.5, 1.5))
    parts = (draw.text, draw.table, draw.columns, draw.rules, draw.heading, draw.box, draw.nothing)
    while y < HEIGHT * (1 - margin):
        y = parts[int(rng.choice(len(parts), p=(0.3, 0.2, 0.12, 0.1, 0.12, 0.08, 0.08)))](y)
    if rng.random() < 0.2:
        draw.seal()
    if rng.random() < 0.25:
        draw.frame()
    return sheet


class _Pen:
    """Draws one part of a page after the other; each gives the height (px) at which the next begins."""

    def __init__(self, rng: np.random.Generator, sheet: np.ndarray, ink: tuple[int, int, int], margin: float) -> None:
        self.rng, self.sheet, self.ink = rng, sheet, ink
        self.high, self.wide = sheet.shape[:2]
        self.left, self.right = margin * self.wide, (1 - margin) * self.wide
        self.end = self.high * (1 - margin / 2)
        self.size = float(rng.uniform(3.5, 8))  # of letters, px

    def nothing(self, y: float) -> float:
        return y + float(self.rng.uniform(5, 80))

    def text(self, y: float) -> float:
        pitch = self.size * self.rng.uniform(1.4, 2.4)
        for _ in range(self.rng.integers(1, 12)):
            if y + pitch > self.end:
                break
            self._line(self.left, self.left + (self.right - self.left) * self.rng.uniform(0.3, 1), y + pitch, self.size)
            y += pitch
        return y + pitch

    def heading(self, y: float) -> float:
        size = self.size * self.rng.uniform(1.3, 2.6)
        middle, half = (self.left + self.right) / 2, (self.right - self.left) * self.rng.uniform(0.1, 0.4)
        start = self.left if self.rng.random() < 0.4 else middle - half
        self._line(start, start + 2 * half, y + size * 1.3, size)
        return y + size * 2.2

    def columns(self, y: float) -> float:
        pitch, middle = self.size * 1.8, self.left + (self.right - self.left) * self.rng.uniform(0.4, 0.6)
        for _ in range(self.rng.integers(2, 7)):
            if y + pitch > self.end:
                break
            self._line(self.left, self.left + (middle - self.left) * self.rng.uniform(0.3, 0.9), y + pitch, self.size)
            self._line(middle, middle + (self.right - middle) * self.rng.uniform(0.3, 1), y + pitch, self.size)
            y += pitch
        return y + pitch

    def rules(self, y: float) -> float:
        pitch = self.size * self.rng.uniform(1.6, 3)
        for _ in range(self.rng.integers(2, 14)):
            if y + pitch > self.end:
                break
            y += pitch
            self._stroke((self.left, y), (self.right, y))
            if self.rng.random() < 0.6:
                self._line(self.left, self.left + (self.right - self.left) * self.rng.uniform(0.2, 1), y - 1, self.size)
        return y + pitch

    def table(self, y: float) -> float:
        rows, pitch = int(self.rng.integers(3, 16)), self.size * self.rng.uniform(1.5, 4)
        rows = min(rows, int((self.end - y) / pitch))
        if rows < 2:
            return y + pitch
        count = int(self.rng.integers(2, 9))
        at = np.concatenate([[0], np.sort(self.rng.uniform(0, 1, count - 1)), [1]]) * (self.right - self.left) + self.left
        if self.rng.random() < 0.5:
            head = self.ink if self.rng.random() < 0.5 else (200, 200, 205)
            cv2.rectangle(self.sheet, (int(self.left), int(y)), (int(self.right), int(y + pitch)), head, -1)
        across, down = self.rng.random() < 0.8, self.rng.random() < 0.7
        for row in range(rows + 1):
            if across:
                self._stroke((self.left, y + row * pitch), (self.right, y + row * pitch))
            for start, stop in pairwise(at):
                if row < rows and self.rng.random() < 0.75 and stop - start > 12:
                    end = start + 3 + (stop - start - 6) * self.rng.uniform(0.2, 1)
                    self._line(start + 3, end, y + row * pitch + pitch * 0.8, min(self.size, pitch * 0.6))
        for x in at:
            if down:
                self._stroke((x, y), (x, y + rows * pitch))
        return y + (rows + 1) * pitch

    def box(self, y: float) -> float:
        high, wide = self.rng.uniform(15, 90), (self.right - self.left) * self.rng.uniform(0.1, 0.5)
        left = self.left + (self.right - self.left - wide) * self.rng.choice([0, 1, self.rng.random()])
        corners = (int(left), int(y)), (int(left + wide), int(min(y + high, self.end)))
        filled = self.rng.random() < 0.4
        colour = tuple(int(value) for value in self.rng.integers(20, 220, 3)) if filled else self.ink
        cv2.rectangle(self.sheet, *corners, colour, -1 if filled else 1)
        return y + high + 5 if self.rng.random() < 0.7 else y + 5

    def seal(self) -> None:
        at = (int(self.rng.uniform(0.2, 0.9) * self.wide), int(self.rng.uniform(0.3, 0.95) * self.high))
        cv2.circle(self.sheet, at, int(self.rng.uniform(15, 34)), (205, 50, 55), 2, cv2.LINE_AA)

    def frame(self) -> None:
        inset = int(self.rng.uniform(6, 24))
        corner, thick = (self.wide - inset, self.high - inset), int(self.rng.integers(1, 3))
        cv2.rectangle(self.sheet, (inset, inset), corner, self.ink, thick)

    def _stroke(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        ends = (tuple(round(value * 8) for value in end) for end in (start, stop))
        cv2.line(self.sheet, *ends, self.ink, 1, cv2.LINE_AA, 3)

    def _line(self, left: float, right: float, base: float, size: float) -> None:
        """Words: a few of real letters, most of strokes that look like letters from afar."""
        right = min(right, self.wide - 4)
        if self.rng.random() < 0.12:
            word = WORDS[int(self.rng.integers(len(WORDS)))].encode("ascii", "ignore").decode()
            at = (int(left), int(base))
            cv2.putText(self.sheet, word, at, cv2.FONT_HERSHEY_SIMPLEX, size / 22, self.ink, 1, cv2.LINE_AA)
            return
        x = left
        while x < right:
            length = float(self.rng.uniform(1, 7)) * size * 0.6
            stop = min(x + length, right)
            across = np.arange(x, stop, size * 0.42)
            tops = base - size * np.where(self.rng.random(len(across)) < 0.3, 1.0, 0.62)
            for at, top in zip(across, tops, strict=True):
                self._stroke((at, base), (at + self.rng.uniform(-0.2, 0.2) * size, top))
                if self.rng.random() < 0.5:
                    self._stroke((at, self.rng.choice([base, top])), (at + size * 0.35, self.rng.choice([base, top])))
            x = stop + size * 0.6
