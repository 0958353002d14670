"""The samples with their truth, and real images with theirs where they are; helpers that compare in degrees and mm."""

import csv
import json
from pathlib import Path

import numpy as np

from imaging.decode import read_header
from imaging.opening import first_view

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data"
SAMPLES = sorted((ROOT / "samples" / "truth").rglob("*.truth.json"))
NOT_HERE = "the real images of ../shared/data are not here"


def sample(path):
    """(first view, truth) of a committed sample."""
    image = ROOT / "samples" / "pages" / path.parent.name / path.name.replace(".truth.json", ".jpg")
    return opened(image), json.loads(path.read_text(encoding="utf-8"))


def opened(image):
    """First view of an image file."""
    data = image.read_bytes()
    return first_view(data, read_header(data))


def real_rows(name):
    """Rows of a table of truth of the real images; none where they are not here."""
    path = REAL / name
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def overlap(one, other):
    """Intersection over union of two convex outlines (n×2)."""
    import cv2

    one, other = np.float32(one), np.float32(other)
    common, _ = cv2.intersectConvexConvex(one, other)
    return common / (cv2.contourArea(one) + cv2.contourArea(other) - common)
