"""Settings of `sohoa batch`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BatchParams:
    """How long a batch waits for what it cannot do without, s."""

    patience_s: float = 300.0  # for a storage far away that gives no good answer
    scheduler_patience_s: float = 600.0  # for a Dask scheduler that is gone, to come back
