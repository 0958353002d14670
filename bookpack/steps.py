"""Progress told step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def steps(progress: Callable[[str, int, int], None], name: str, of: int) -> Callable[[], None]:
    """A function that tells `progress` of one step more each time it is called; of none when there are none to come."""
    if of == 0:
        return lambda: None
    counted: Iterator[int] = iter(range(1, of + 1))
    progress(name, 0, of)
    return lambda: progress(name, next(counted, of), of)
