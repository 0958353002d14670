"""Pictures for the page: thumbnails, and images at the size of a screen, drawn in worker processes.

Originals are other people's bytes, so no image is decoded in the process that answers. Thumbnails of pages are kept in
the cache of pages, that may be deleted at any time.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch import local
from errors import UnreadableImage
from imaging.decode import Limits

QUALITY = 80
LIMITS = local.Limits(seconds=60, memory_mb=1400)
STEP_S = 0.01  # so soon a new task is seen while another is being done
IDLE_S = 300.0  # workers that have had nothing to do for so long end


@dataclass(frozen=True)
class OriginalPicture:
    """An original, upright as its EXIF says, no wider or higher than `side` px."""

    path: Path
    frame: int
    side: int
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class PagePicture:
    """A developed page, no wider or higher than `side` px."""

    path: Path
    side: int


def draw(task: OriginalPicture | PagePicture) -> bytes:
    """The picture as a JPEG. Raises UnreadableImage."""
    import cv2
    import simplejpeg

    pixels = _page(task) if isinstance(task, PagePicture) else _original(task)
    height, width = pixels.shape[:2]
    scale = task.side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if pixels.ndim == 2:
        return simplejpeg.encode_jpeg(pixels[:, :, None].copy(), QUALITY, "GRAY")
    return simplejpeg.encode_jpeg(pixels.copy(), QUALITY, "RGB", "420")


def _page(task: PagePicture) -> Any:
    """Our own JPEG: decoded no larger than is needed."""
    import simplejpeg

    data = task.path.read_bytes()
    height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    gray = colours == "Gray"
    pixels = simplejpeg.decode_jpeg(data, "GRAY" if gray else "RGB", fastdct=True,
                                    min_height=min(height, _part(height, width, task.side)),
                                    min_width=min(width, _part(width, height, task.side)), min_factor=1)
    return pixels[:, :, 0] if gray else pixels


def _part(side: int, other: int, wanted: int) -> int:
    return max(1, round(side * wanted / max(side, other)))


def _original(task: OriginalPicture) -> Any:
    from imaging.decode import read_header
    from imaging.opening import first_view

    data = task.path.read_bytes()
    header = read_header(data, task.limits)
    view = first_view(data, header, task.frame, limits=task.limits)
    small = view.colour
    return small if max(small.shape[:2]) >= task.side else _upright(view.full(), header.frames[task.frame])


def _upright(pixels: Any, frame: Any) -> Any:
    from imaging.geometry import Geometry
    from imaging.render import render

    height, width = pixels.shape[:2]
    return render(pixels, Geometry.exif(frame.orientation, (width, height), frame.dpi))


class Pictures:
    """Draws for any number of threads; the workers end when nobody asks for a while."""

    def __init__(self, function: Callable[[Any], Any] = draw, jobs: int = 2, limits: local.Limits = LIMITS) -> None:
        self._pool = local.Pool(function, jobs, limits, threads=0)  # a person waits for a picture: it may have all cores
        self._asked: queue.SimpleQueue[tuple[Any, Future] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)
        self._thread.start()

    def ask(self, task: Any) -> Any:
        """What the function gives for a task. Raises UnreadableImage where it cannot."""
        done: Future = Future()
        self._asked.put((task, done))
        result = done.result()
        if isinstance(result, local.Failure):
            raise UnreadableImage(result.code, **result.facts)
        return result

    def close(self) -> None:
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: dict[int, Future] = {}
        goes_on = True
        while goes_on:
            try:
                goes_on = self._turn(waiting)
            except OSError:  # no worker can be begun now, for want of memory most likely
                self._give_up(waiting, "worker_died")
        self._give_up(waiting, "stopped")

    def _turn(self, waiting: dict[int, Future]) -> bool:
        """Hand out what was asked, or take what is done; False when all is to end."""
        try:
            asked = self._asked.get(timeout=STEP_S / 10 if waiting else IDLE_S)
        except queue.Empty:
            if not waiting:
                self._pool.close()
            for number, result in self._pool.results(STEP_S) if waiting else ():
                waiting.pop(number).set_result(result)
            return True
        if asked is not None:
            self._hand_out(*asked, waiting)
        return asked is not None

    def _hand_out(self, task: Any, done: Future, waiting: dict[int, Future]) -> None:
        try:
            waiting[self._pool.give(task)] = done
        except OSError:
            done.set_result(local.Failure("worker_died", {}))
            raise

    def _give_up(self, waiting: dict[int, Future], code: str) -> None:
        self._pool.close()
        while waiting:
            waiting.popitem()[1].set_result(local.Failure(code, {}))
