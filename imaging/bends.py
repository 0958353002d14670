"""What the small model of `imaging/models` sees in a photo: where on its sheet each spot lies. See `training/bends.py`."""

from __future__ import annotations

import cv2
import numpy as np

from imaging import learned

MODEL = "bends.onnx"
SIZE = (240, 320)  # px: width and height of what the model looks at
SCALE = 4  # its answer is so much smaller


def places(colour: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Where spots of a picture (RGB uint8 (h, w, 3)) lie on the one sheet that it shows.

    Gives `place` float32 (80, 60, 2), 0 to 1 across and down on the sheet, and `seen` float32 (80, 60), how surely a spot
    is on the sheet at all. Spots are the centres of equal parts of the picture. None where the model is not there or
    OpenCV cannot run it.
    """
    net = learned.net(MODEL)
    if net is None:
        return None
    width, height = SIZE
    photo = cv2.resize(colour, SIZE, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    x, y = np.meshgrid(np.linspace(0, 1, width, dtype=np.float32), np.linspace(0, 1, height, dtype=np.float32))
    net.setInput(np.ascontiguousarray(np.dstack([photo, x, y]).transpose(2, 0, 1)[None]))
    across, down, sheet = net.forward()[0]
    own = [cv2.resize(part, (width // SCALE, height // SCALE), interpolation=cv2.INTER_AREA) for part in (x, y)]
    return np.dstack([across + own[0], down + own[1]]), 1 / (1 + np.exp(-sheet))
