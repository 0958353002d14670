"""What the measurements of `benchmarks.province` share: made-up sources, commands that are watched, servers, comparing.

Images are made up once and copied: a comment in each copy makes its bytes, and so its identity, another's.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from province.storage import Storage, open_storage

ROOT = Path(__file__).parents[1]
SPREADS = 20  # that are made up, and as many captures in a book: no page looks like another of its book
SMALL = ("ledger-1990/SCN_0001.jpg", "ledger-1990/SCN_0003.jpg", "forms-2009/EPSON031.jpg",
         "forms-2009/IMG_20240612_141907.jpg")
SMALL_PX, SMALL_A_BOOK = 900, 4
LOOK_EVERY_S = 0.25
HERE = "127.0.0.1"
RESULTS = ("packages", "pages", "books")  # folders of a destination that must be the same, whoever did the work
MB = 2**20
SUBREAPER = 36  # prctl(2): processes whose parent is killed become children of this one


@dataclass(frozen=True)
class Figure:
    """One row of what was measured. `goal`: at most that, or with `least` at least."""

    name: str
    value: float | int | str
    unit: str = ""
    goal: float | None = None
    least: bool = False

    @property
    def missed(self) -> bool:
        return self.goal is not None and (self.value < self.goal if self.least else self.value > self.goal)

    def __str__(self) -> str:
        value = f"{self.value:,.3f}".rstrip("0").rstrip(".") if isinstance(self.value, float) else str(self.value)
        goal = "" if self.goal is None else f"  (goal {'≥' if self.least else '≤'} {self.goal:g}{', MISSED' * self.missed})"
        return f"{self.name:54}{value:>14} {self.unit}{goal}"


# --- made-up images --------------------------------------------------------------------------------------------------

def spreads(folder: Path, count: int = SPREADS) -> list[bytes]:
    """Made-up ledger spreads, A3 at 300 dpi in colour; those that lie in the folder already are taken."""
    numbers = [number for number in range(1, count + 1) if not (folder / f"{number:02}.jpg").exists()]
    if numbers:
        folder.mkdir(parents=True, exist_ok=True)
        with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
            pool.starmap(_make_spread, [(folder, number) for number in numbers])
    return [(folder / f"{number:02}.jpg").read_bytes() for number in range(1, count + 1)]


def _make_spread(folder: Path, number: int) -> None:
    from dataclasses import replace

    import cv2
    import numpy as np
    from PIL import Image

    from samples.generate import make, random_spec

    cv2.setNumThreads(1)
    spec = random_spec(np.random.default_rng(number), era="ledger", device="dark bed")
    image = Image.fromarray(make(replace(spec, grain=2.5, right="filled"), number).image)
    temp = folder / f".{number:02}.part"
    image.save(temp, "jpeg", quality=92, dpi=(300, 300))
    os.replace(temp, folder / f"{number:02}.jpg")


def small_images() -> list[bytes]:
    """Some made-up pages of `samples`, so small that developing one takes a fraction of a second."""
    from PIL import Image

    made = []
    for name in SMALL:
        with Image.open(ROOT / "samples" / "pages" / name) as image:
            exif = image.getexif()
            image.thumbnail((SMALL_PX, SMALL_PX))
            file = io.BytesIO()
            image.save(file, "jpeg", quality=85, exif=exif)
            made.append(file.getvalue())
    return made


def another(jpeg: bytes, number: int) -> bytes:
    """The same pixels in other bytes: a JPEG with a comment."""
    at = 2
    while jpeg[at + 1] & 0xF0 == 0xE0:  # after what belongs at the start: JFIF, EXIF
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    said = f"made up, number {number}".encode()
    return jpeg[:at] + b"\xff\xfe" + (len(said) + 2).to_bytes(2, "big") + said + jpeg[at:]


def fill(source: Storage, images: list[bytes], captures: int) -> list[str]:
    """Books as plain folders of as many captures as there are images; the names of all files."""
    names = []
    for number in range(captures):
        book, place = divmod(number, len(images))
        names.append(f"{identity(book)}/IMG_{place + 1:04}.jpg")
        source.write(names[-1], another(images[place], number))
    return names


def identity(book: int) -> str:
    """The identity of the made-up book of this number, from 0."""
    return f"KS.{1950 + book // 50}.14800.{book % 50 + 1:02}"


# --- the command -----------------------------------------------------------------------------------------------------

@dataclass
class Command:
    """`sohoa batch` as it runs, in a session of its own: what it tells, what it and all that it started takes."""

    process: subprocess.Popen
    started: float = field(default_factory=time.monotonic)
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)  # seconds since the start, what was told
    looks: list[tuple[float, float]] = field(default_factory=list)  # seconds since the start, CPU s until then
    most: int = 0  # bytes of all processes together, with what they share counted in each
    most_of_one: dict[str, int] = field(default_factory=dict)  # bytes of the largest process, by depth below the command
    seconds: float = 0.0
    cpu: float = 0.0
    code: int = 0

    def count(self, kind: str) -> int:
        return sum(event["event"] == kind for _, event in self.events)

    def told(self, kind: str) -> dict[str, Any]:
        """The last event of a kind; empty where there was none."""
        return next((event for _, event in reversed(self.events) if event["event"] == kind), {})

    @property
    def steady(self) -> tuple[float, float, int]:
        """From the first developed capture to the last: seconds, CPU s, captures that came to an end in them."""
        times = [moment for moment, event in self.events if event["event"] == "developed"]
        return times[-1] - times[0], self._cpu_at(times[-1]) - self._cpu_at(times[0]), len(times) - 1

    def _cpu_at(self, moment: float) -> float:
        return min(self.looks, key=lambda look: abs(look[0] - moment))[1]

    def follow(self) -> None:
        """Until it ends. CPU is what the system accounts, of those too that ended long ago."""
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,))
        watch.start()
        for line in self.process.stdout:
            self.events.append((time.monotonic() - self.started, json.loads(line)))
        over.set()
        watch.join()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = self.code = os.waitstatus_to_exitcode(status)
        self.process.stdout.close()
        self.seconds = time.monotonic() - self.started
        self.cpu = usage.ru_utime + usage.ru_stime

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(LOOK_EVERY_S):
            found = below(self.process.pid)
            self.looks.append((time.monotonic() - self.started, sum(item.cpu for item in found)))
            self.most = max(self.most, sum(item.memory for item in found))
            for item in found:
                role = f"depth {item.depth}"
                self.most_of_one[role] = max(self.most_of_one.get(role, 0), item.memory)


@dataclass(frozen=True)
class Seen:
    """A process below another: CPU s of it and of its children that have ended, bytes of memory."""

    pid: int
    depth: int
    cpu: float
    memory: int
    command: str


def below(pid: int) -> list[Seen]:
    """A process and all that it has started, and these, and so on."""
    import psutil

    def look(process: psutil.Process, depth: int) -> Iterator[Seen]:
        with contextlib.suppress(psutil.Error):
            times, command = process.cpu_times(), " ".join(process.cmdline())
            yield Seen(process.pid, depth, sum(times[:4]), process.memory_info().rss, command)
            for child in process.children():
                yield from look(child, depth + 1)

    with contextlib.suppress(psutil.NoSuchProcess):
        return list(look(psutil.Process(pid), 0))
    return []


def dask_workers(pid: int) -> list[int]:
    """The Dask workers of a command that has started them itself."""
    return [item.pid for item in below(pid) if item.depth == 1 and "spawn_main" in item.command]


def start(source: str, dest: str, *options: str, config: Path | None = None) -> Command:
    """Start `sohoa batch`; its standard output is events."""
    own = ["--config", str(config)] if config else []
    words = [sys.executable, str(ROOT / "sohoa.py"), *own, "batch", source, "--out", dest, "--json", *options]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               encoding="utf-8", start_new_session=True, env={**os.environ, "PYTHONUTF8": "1"})
    return Command(process)


def run(source: str, dest: str, *options: str, config: Path | None = None) -> Command:
    """Run `sohoa batch` to its end."""
    command = start(source, dest, *options, config=config)
    command.follow()
    return command


def kill_all(command: Command) -> None:
    """The command and whatever it started, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(command.process.pid, signal.SIGKILL)


def take_in_orphans() -> None:
    """Processes whose parent is killed count as children of this one from now on, and their CPU with them (Linux)."""
    import ctypes

    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)


def orphans_cpu(known: set[int]) -> float:
    """CPU s of children of this process that ended and that nobody waits for; `known` are those that somebody does."""
    import psutil

    spent = 0.0
    for child in psutil.Process().children():
        if child.pid not in known and child.status() == psutil.STATUS_ZOMBIE:
            usage = os.wait4(child.pid, 0)[2]
            spent += usage.ru_utime + usage.ru_stime
    return spent


# --- servers ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Server:
    """An S3 server of this machine that holds all in memory, for this process and those that it starts meanwhile."""

    url: str
    pid: int

    @property
    def cpu(self) -> float:
        import psutil

        return sum(psutil.Process(self.pid).cpu_times()[:2])

    @property
    def memory(self) -> int:
        import psutil

        return psutil.Process(self.pid).memory_info().rss


@contextlib.contextmanager
def s3() -> Iterator[Server]:
    from urllib.request import Request, urlopen

    import psutil

    from tests.province import servers

    before = {child.pid for child in psutil.Process().children()}
    with servers.running("s3") as port:
        pid, = (child.pid for child in psutil.Process().children() if "servers.py" in " ".join(child.cmdline())
                and child.pid not in before)
        endpoint = f"http://{servers.HERE}:{port}"
        urlopen(Request(f"{endpoint}/{servers.BUCKET}", method="PUT")).close()
        with servers.in_environment(servers.s3_environment(endpoint)):
            yield Server(f"s3://{servers.BUCKET}", pid)


class Kept:
    """A program that is started again whenever it ends, as a service is; by `with`."""

    def __init__(self, program: str, *arguments: str) -> None:
        self._words = [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments, "--no-dashboard"]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep)
        self.process = self._started()
        self.starts = 1

    def _started(self) -> subprocess.Popen:
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return subprocess.Popen(self._words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=ROOT,
                                env={**os.environ, "PYTHONPATH": paths})

    def _keep(self) -> None:
        while not self._over.wait(0.2):
            if self.process.poll() is not None:
                self.process = self._started()
                self.starts += 1

    def __enter__(self) -> Kept:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def dask(workers: int) -> Iterator[tuple[str, Kept, list[Kept]]]:
    """A scheduler and workers as by hand, each a service of its own; the scheduler's address."""
    with socket.socket() as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    address = f"tcp://{HERE}:{port}"
    worker = (address, "--nthreads", "1", "--no-nanny", "--memory-limit", "0", "--death-timeout", "30")
    with contextlib.ExitStack() as held:
        scheduler = held.enter_context(Kept("scheduler", "--host", HERE, "--port", str(port)))
        yield address, scheduler, [held.enter_context(Kept("worker", *worker)) for _ in range(workers)]


def wait_for(what: Callable[[], Any], seconds: float = 120) -> None:
    """Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.1)


# --- comparing -------------------------------------------------------------------------------------------------------

def digests(dest: str) -> dict[str, str]:
    """SHA-256 of every file of the results, by name."""
    storage = open_storage(dest)
    return {entry.name: hashlib.sha256(storage.read(entry.name)).hexdigest()
            for folder in RESULTS for entry in storage.list(folder)}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Names of files that are in one alone, or not the same in both."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def empty(url: str) -> None:
    """Remove all that lies there."""
    storage = open_storage(url)
    storage.remove([entry.name for entry in storage.list()])


def told_differences(command: Command, differing: list[str]) -> list[Figure]:
    """The rows that say whether a result is as it must be."""
    return [Figure("files that differ", len(differing), goal=0),
            Figure("the first of them", differing[0]) if differing else Figure("end of the command", command.code, goal=0),
            Figure("troubles told", command.told("summary").get("troubles", "no summary"))]
