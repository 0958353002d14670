"""The small models of `imaging/models`, run by OpenCV. How each was made is told in `training/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2

MODELS = Path(__file__).parent / "models"


@cache
def net(name: str) -> cv2.dnn.Net | None:
    """The model in the file `name`; None where it is not there or OpenCV cannot run it: then it is done without."""
    try:
        return cv2.dnn.readNetFromONNX(str(MODELS / name))
    except cv2.error:
        return None
