"""How long whoever tries wrongly is not heard: guessing PINs and keys is to take for ever, a slip of the hand a moment."""

from __future__ import annotations

LONGEST_S = 300.0


def pause(wrong: int, free: int) -> float:
    """Seconds until the next try is heard after so many wrong ones: none for fewer than `free`, then ever more."""
    return 0.0 if wrong < free else min(LONGEST_S, 2.0 ** min(wrong - free, 20))
