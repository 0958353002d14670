"""Facts of made-up pages, for tests of what changed."""

from book import Side
from province.changes import PageFacts

DPI = 254.0  # ten pixels a millimetre
SIZE = (2100, 2970)


def moved(points, x, y):
    return tuple((a + x, b + y) for a, b in points)


def box(left=0, top=0, right=2100, bottom=2970):
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def page(capture="abcd1234", side="left", **changes):
    """The facts of an A4 page at ten pixels a millimetre, with some of them changed."""
    side = Side(side)
    suffix = {"whole": "", "left": "-L", "right": "-R"}[side]
    plain = {
        "id": capture + suffix, "capture": capture, "side": side, "recipe": "0" * 64, "corners": box(), "angle": 0.0,
        "gutter": ((2100.0, 0.0), (2110.0, 2970.0)), "upright": (4200, 2970), "original_dpi": DPI, "size": SIZE, "dpi": DPI,
        "paper": "A4", "warnings": (), "notes": (), "confidence": 0.9, "doubt": 0.1, "jpeg": f"{capture}{suffix}.jpg",
        "jpeg_bytes": 400_000, "drawing_bytes": 50_000, "stages": {"deskew": "a", "crop": "b", "tone": "c"},
        "tone": {"way": "7-colour-clear-None", "paper": 200, "white": 240, "ink": 0.4},
    }
    return PageFacts(**{**plain, **changes})
