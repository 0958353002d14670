"""The small models of `imaging/models`, run by OpenCV. How each was made is told in `training/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np

MODELS = Path(__file__).parent / "models"


@cache
def net(name: str) -> cv2.dnn.Net | None:
    """The model in the file `name`; None where it is not there or OpenCV cannot run it: then it is done without."""
    try:  # from its bytes: OpenCV opens no file on Windows whose path has Vietnamese letters
        return cv2.dnn.readNetFromONNX(np.frombuffer((MODELS / name).read_bytes(), np.uint8))
    except (OSError, cv2.error):
        return None
