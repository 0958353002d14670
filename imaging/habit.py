"""What the captures of a book have in common: same scanner, same place on the glass, same sheets. One that departs from
that is looked at again with the habit in mind, and shown to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from book import By, Finding, Recipe, Severity, Side
from imaging.geometry import Size

LEAST = 6  # captures that make a habit
NEARLY_ALL = 0.8  # of the captures share a layout that is a habit
STEADY_GUTTER, OTHER_GUTTER = 0.012, 0.03  # of the sheet's width: usual deviation from a habit; what departs from it
STEADY_SIZE, OTHER_SIZE = 0.025, 0.08  # of a page's width and height, likewise
HUNDREDTHS = 2  # decimals of the gutter's place: a page more must not change what all others were decided with


@dataclass(frozen=True)
class Developed:
    """What one capture came to: a recipe and a size (width, height px) for each of its pages."""

    recipes: tuple[Recipe, ...]
    sizes: tuple[Size, ...]

    @property
    def layout(self) -> str:
        """`spread`, `single`, or `part` for a page with a part of its neighbour; empty where nobody decided."""
        split = self._split
        if split is None:
            return ""
        return "part" if split.values.get("cut") else str(split.values["layout"])

    @cached_property
    def gutter(self) -> float | None:
        """The gutter's place in the sheet's width, 0 to 1, of a spread."""
        split = self._split
        if split is None or split.values["layout"] != "spread":
            return None
        corners = np.array([split.values["corners"][str(side)] for side in (Side.LEFT, Side.RIGHT)])
        across = np.array(split.values["gutter"])[:, 0].mean()
        return float((across - corners[..., 0].min()) / np.ptp(corners[..., 0]))

    @property
    def by_operator(self) -> bool:
        """Whether a person decided of the layout: then there is nothing to doubt."""
        return self._split is not None and self._split.by is By.OPERATOR

    @property
    def _split(self):
        return self.recipes[0].decision("split") if self.recipes else None


@dataclass(frozen=True)
class Habit:
    """Layout of nearly all captures (empty: none), the gutter's place (0: none), and the usual size of each side (px)."""

    layout: str = ""
    gutter: float = 0.0
    sizes: Mapping[Side, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, captures: Sequence[Developed]) -> Habit:
        """The habit of a book's captures; an empty one where there are too few, or no two alike."""
        (layout, count), *_ = Counter(item.layout for item in captures).most_common(1) or [("", 0)]
        if count < LEAST or count < NEARLY_ALL * len(captures):
            return cls()
        gutters = np.array([item.gutter for item in captures if item.gutter is not None])
        sizes = {}
        for side in Side:
            own = np.array([size for item in captures for recipe, size in zip(item.recipes, item.sizes, strict=True)
                            if recipe.side is side], float)
            if len(own) >= LEAST and _spread(own / np.median(own, axis=0)).max() <= STEADY_SIZE:
                sizes[side] = tuple(np.median(own, axis=0).tolist())
        steady = len(gutters) >= LEAST and _spread(gutters) <= STEADY_GUTTER
        return cls(layout, round(float(np.median(gutters)), HUNDREDTHS) if steady else 0.0, sizes)

    def unlike(self, item: Developed) -> bool:
        """Whether a second look with the habit in mind may find something else."""
        return bool(self.layout) and not item.by_operator and (item.layout != self.layout or self._other_gutter(item))

    def findings(self, item: Developed) -> tuple[Finding, ...]:
        """In what a capture departs from the habit."""
        return tuple(self._departures(item))

    def _departures(self, item: Developed) -> Iterable[Finding]:
        if self.layout and item.layout != self.layout and not item.by_operator:
            yield Finding("other_layout", Severity.WARNING, {"layout": item.layout, "usual": self.layout})
        elif self._other_gutter(item) and not item.by_operator:
            yield Finding("other_gutter", Severity.WARNING, {"percent": round(100 * abs(item.gutter - self.gutter), 1)})
        for recipe, size in zip(item.recipes, item.sizes, strict=True):
            usual = None if _cut_by_operator(recipe) else self.sizes.get(recipe.side)
            if usual and (off := np.abs(np.array(size) / usual - 1)).max() > OTHER_SIZE:
                values = {"percent": round(100 * float(off.max())), "side": str(recipe.side)}
                yield Finding("other_size", Severity.WARNING, values)

    def _other_gutter(self, item: Developed) -> bool:
        return bool(self.gutter) and item.gutter is not None and abs(item.gutter - self.gutter) > OTHER_GUTTER


def _cut_by_operator(recipe: Recipe) -> bool:
    """Whether a person decided how large this page is."""
    return any(decision.by is By.OPERATOR for decision in recipe.decisions if decision.stage in ("outline", "split", "crop"))


def _spread(values: np.ndarray) -> np.ndarray:
    """The usual deviation from the median, along the first axis."""
    return np.median(np.abs(values - np.median(values, axis=0)), axis=0)
