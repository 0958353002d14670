"""Single files without a book: what would be decided (`inspect`), and developed pages as images (`clean`)."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from book import Recipe, Side, doubt
from errors import StorageFailed, UnreadableImage
from imaging.decode import Header, read_header
from imaging.geometry import Geometry
from imaging.opening import first_view
from imaging.stages import GEOMETRIC, Plan, decide, develop_page
from imaging.view import View
from settings import Settings
from texts import say

MEASURES = ("sharpness", "glare", "clipped", "edge_px", "motion", "shadow", "object_mm2", "faintness", "paper_luma", "ppi",
            "skew_left")  # of the quality stage, that inspect tells
SUFFIX = {Side.WHOLE: "", Side.LEFT: "-L", Side.RIGHT: "-R"}


@dataclass(frozen=True)
class Decided:
    """All decisions of one frame of a file."""

    header: Header
    frame: int
    pages: tuple[tuple[View, Recipe], ...]


def decide_file(
    path: Path, settings: Settings, skip: frozenset[str] = frozenset()
) -> Iterator[Decided | UnreadableImage]:
    """Decide each frame of a file; a frame that cannot be read gives its error. Raises UnreadableImage for a file."""
    data = read_bytes(path)
    header = read_header(data, settings.limits)
    hints = settings.book("").hints
    original = hashlib.sha256(data).hexdigest()
    for frame, part in enumerate(header.frames):
        if part.refused:
            yield UnreadableImage(part.refused, page=frame + 1)
            continue
        try:
            view = first_view(data, header, frame, hints, settings.limits)
            pages = decide(view, Plan(settings.stages, skip), original, frame)
        except UnreadableImage as error:
            yield error
        except Exception as error:  # a defect of ours must cost one image, as it does in a worker
            yield UnreadableImage("worker_defect", reason=f"{type(error).__name__}: {error}")
        else:
            yield Decided(header, frame, tuple(pages))


def skew(view: View, upright: Geometry) -> float:
    """Degrees by which the lines of a page fall to the right in the upright image, at the middle of the page.

    All that levelled them counts, also the corners by which a photographed sheet was set straight; quarter turns do not.
    """
    width, height = view.size
    ends = [[width * 0.25, (height - 1) / 2], [width * 0.75, (height - 1) / 2]]
    across, down = np.diff(upright.points(view.frame.points_back(ends)), axis=0)[0]
    return (float(np.degrees(np.arctan2(down, across))) + 45) % 90 - 45


def read_bytes(path: Path) -> bytes:
    """The bytes of a regular file. Raises UnreadableImage where there is none or it cannot be read."""
    if not path.exists():
        raise UnreadableImage("file_missing", file=str(path))
    if not path.is_file():
        raise UnreadableImage("not_a_file", file=str(path))
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage("file_unreadable", file=str(path), reason=error.strerror or "") from error


def describe_file(path: Path, settings: Settings, language: str) -> Iterator[dict[str, Any]]:
    """The JSON of `sohoa inspect`, an object for each frame of a file, or for what is wrong with it."""
    try:
        for decided in decide_file(path, settings):
            failed = isinstance(decided, UnreadableImage)
            yield describe_error(path, decided, language) if failed else describe(str(path), decided)
    except UnreadableImage as error:
        yield describe_error(path, error, language)


def describe_error(path: Path, error: UnreadableImage, language: str) -> dict[str, Any]:
    """What is wrong with a file, in JSON."""
    message = say("error", error.code, language, **{"file": str(path), **error.facts})
    return {"file": str(path), "error": {"code": error.code, "message": message}}


def describe(name: str, decided: Decided) -> dict[str, Any]:
    """The JSON of `sohoa inspect`: pixel coordinates of the image after its EXIF orientation has been applied."""
    part = decided.header.frames[decided.frame]
    upright = Geometry.exif(part.orientation, (part.width, part.height), part.dpi)
    decisions = decided.pages[0][0].decided
    split, orient = decisions.get("split"), decisions.get("orient")
    plain = {
        "file": name,
        "width": upright.size[0],
        "height": upright.size[1],
        "dpi": part.dpi,
        "turn": orient.values["turn"] if orient else 0,
        "layout": split.values["layout"] if split else "single",
        "gutter": _gutter(decided, upright),
        "pages": [_page(view, recipe, upright) for view, recipe in decided.pages],
    }
    return plain if len(decided.header.frames) == 1 else {**plain, "frame": decided.frame}


def _gutter(decided: Decided, upright: Geometry) -> list[list[float]] | None:
    from imaging.stages import geometry

    recipe = decided.pages[0][1]
    split = recipe.decision("split")
    if split is None or split.values["gutter"] is None:
        return None
    part = decided.header.frames[decided.frame]
    seen = geometry(recipe, (part.width, part.height), part.orientation, part.dpi, upto="split")
    return _rounded(upright.points(seen.points_back(split.values["gutter"])))


def _page(view: View, recipe: Recipe, upright: Geometry) -> dict[str, Any]:
    corners = upright.corners if view.paper_corners is None else upright.points(view.paper_corners)
    deskew, quality = recipe.decision("deskew"), recipe.decision("quality")
    measured = quality.values if quality else {}
    confidence = min((decision.confidence for decision in recipe.decisions), default=1.0)
    return {
        "side": str(recipe.side),
        "corners": _rounded(corners),
        "skew_degrees": round(skew(view, upright), 3),
        "ppi": round(view.dpi, 1) if view.dpi else None,
        "flatness": round(deskew.values["flatness"], 3) if deskew else None,
        "blank": bool(measured.get("blank", False)),
        "quality": {name: _plain(measured[name]) for name in MEASURES if name in measured},
        "confidence": round(confidence, 3),
        "doubt": doubt(recipe.findings, confidence),
        "findings": [finding.to_json() for finding in recipe.findings],
    }


def _plain(measure: Any) -> Any:
    return round(measure, 3) if isinstance(measure, float) else measure


def _rounded(points: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 1), round(float(y), 1)] for x, y in points]


def clean_file(
    path: Path, out: Path, settings: Settings, kind: str = "png", geometry: bool = True
) -> Iterator[Path]:
    """Write the developed pages of one file into the folder `out`; gives each path when it is written.

    `kind` is png or jpeg. Without `geometry` the image is neither split, turned nor cropped, only its tone changes.
    Raises StorageFailed; UnreadableImage when the other frames of the file are done.
    """
    skip = frozenset() if geometry else GEOMETRIC
    unreadable = None
    for decided in decide_file(path, settings, skip):
        if isinstance(decided, UnreadableImage):
            unreadable = decided
            continue
        part = decided.header.frames[decided.frame]
        pixels = decided.pages[0][0].full()
        number = f"-{decided.frame + 1}" if len(decided.header.frames) > 1 else ""
        for _, recipe in decided.pages:
            page, composed = develop_page(pixels, recipe, part.orientation, part.dpi)
            target = out / f"{path.stem}{number}{SUFFIX[recipe.side]}.{'jpg' if kind == 'jpeg' else 'png'}"
            _write(target, _encoded(page, kind, composed.dpi, settings))
            yield target
    if unreadable is not None:
        raise unreadable


def _encoded(page: np.ndarray, kind: str, dpi: float | None, settings: Settings) -> bytes:
    if kind == "jpeg":
        from bookpack.jpeg import archive_jpeg

        return archive_jpeg(page, settings.archive)
    from io import BytesIO

    from PIL import Image

    image, buffer = Image.fromarray(page), BytesIO()
    if page.ndim == 2 and not np.any((page != 0) & (page != 255)):
        image = image.convert("1")
    image.save(buffer, "PNG", compress_level=3, **({"dpi": (dpi, dpi)} if dpi else {}))
    return buffer.getvalue()


def _write(target: Path, data: bytes) -> None:
    """Whole or not at all, also when the disk fills up."""
    temp = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temp.write_bytes(data)
        os.replace(temp, target)
    except OSError as error:
        temp.unlink(missing_ok=True)
        raise StorageFailed("cannot_write", file=str(target), reason=error.strerror or "") from error


def with_tone(settings: Settings, **said: str | None) -> Settings:
    """The settings with what `clean` was told of the tone (`mode`, `strength`, `bitonal`); None leaves a setting."""
    changed = {name: value for name, value in said.items() if value is not None}
    return replace(settings, stages={**settings.stages, "tone": replace(settings.stages["tone"], **changed)})
