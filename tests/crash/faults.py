"""Faults for the tests and for the soak: an intake killed, stopped or failed at a chosen system call; power cuts; checks."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
BOOK = "KH.1990.14800.01"
WRITES = ("fsync", "rename", "pwrite64", "write", "unlink", "mkdir", "chmod", "ftruncate", "fdatasync", "flock", "fcntl",
          "openat", "close")
DISK_MB = 24
STOPPED_FOR = 8  # looks, 10 ms apart: a process that is only being traced stops for less


def image(seed, size=(60, 40)):
    """A small PNG, different for each seed."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def fill(root, count, size=(60, 40)):
    """An inbox with `count` images for BOOK; their hashes by name."""
    folder = root / "inbox" / BOOK
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(image(number, size))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@dataclass
class Intake:
    """A run of the driver that waits for its word to begin."""

    process: subprocess.Popen
    tracer: subprocess.Popen | None = None

    @classmethod
    def start(cls, root, *strace):
        """Start the driver; with `strace` (options) a tracer is attached before it begins."""
        process = subprocess.Popen([sys.executable, str(HERE / "intake_driver.py"), str(root)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "READY\n", process.stderr.read()
        if not strace:
            return cls(process)
        tracer = subprocess.Popen(["strace", "-f", "-p", str(process.pid), *strace], stderr=subprocess.PIPE, text=True)
        while "attached" not in (line := tracer.stderr.readline()):
            assert line, "strace could not attach"
        return cls(process, tracer)

    def finish(self):
        """Let it begin and end: (exit status, hashes acknowledged, error output)."""
        said, errors = self.process.communicate("\n", timeout=60)
        if self.tracer:
            self.tracer.communicate(timeout=10)
        return self.process.returncode, acknowledged(said), errors

    def run_until_stopped(self):
        """Let it begin; True when it stands still at the call that was chosen, False when it has ended."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        while self.process.poll() is None:
            if all(_stands(self.process.pid) for _ in range(STOPPED_FOR)):
                return True
        return False

    def kill(self):
        """End it where it stands; the hashes it has acknowledged."""
        self.process.kill()
        self.tracer.kill()
        self.tracer.communicate()
        return acknowledged(self.process.communicate()[0])


def acknowledged(said):
    """Hashes of the lines that were said to their end."""
    return [line.split()[1] for line in said.split("\n")[:-1] if line.startswith("ACK ")]


def _stands(pid):
    time.sleep(0.01)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "Tt"
    except (FileNotFoundError, ProcessLookupError):
        return False


def recovered(root, hashes):
    """Run the driver once more without faults; what is not as it must be then (empty: all is well)."""
    status, _, errors = Intake.start(root).finish()
    log = root / "store" / "books" / f"{BOOK}.jsonl"
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    received = sorted(event["sha256"] for event in events if event["event"] == "received")
    stored = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in (root / "store").rglob("*.png")}
    wanted = set(hashes.values())
    problems = {
        "status": (status, errors[-500:]) if status else None,
        "lost or doubled in the log": received if received != sorted(wanted) else None,
        "store": stored if stored != {name: name for name in wanted} else None,
        "sources left": list((root / "inbox" / BOOK).iterdir()),
        "temp files": list(root.rglob(".tmp-*")),
        "without a book": (root / "store" / "books" / "unsorted.jsonl").exists(),
    }
    return {name: found for name, found in problems.items() if found}


def kill_at(folder, call, number, files=1):
    """Kill an intake at the `number`-th system call named; None when there are fewer, else what is wrong afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hashes = fill(folder, files)
    status, _, _ = Intake.start(folder, "-o", os.devnull, "-e", f"trace={call}", "-e",
                                f"inject={call}:signal=KILL:when={number}").finish()
    return recovered(folder, hashes) if status else None


class Disk:
    """An ext4 file system in a file, whose power can be cut: what was not synced is not in the file then."""

    def __init__(self, folder, files=3):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._fresh, self._image, self._cut = (folder / name for name in ("fresh.img", "disk.img", "cut.img"))
        with open(self._fresh, "wb") as file:
            file.truncate(DISK_MB << 20)
        _run("mkfs.ext4", "-q", "-F", self._fresh)
        with mounted(self._fresh, folder / "mnt") as root:
            self.hashes = fill(root, files, (300, 200))
        os.sync()

    def cut_at(self, call, number):
        """Cut the power right after the `number`-th call named; None when there are fewer, else what is wrong afterwards."""
        shutil.copy(self._fresh, self._image)
        with mounted(self._image, self._folder / "mnt") as root:
            intake = Intake.start(root, "-o", os.devnull, "-e", f"trace={call}", "-e",
                                  f"inject={call}:signal=STOP:when={number}")
            stopped = intake.run_until_stopped()
            if stopped:
                _run("cp", "--sparse=always", self._image, self._cut)
            told = intake.kill()
        if not stopped:
            return None
        with mounted(self._cut, self._folder / "after") as root:
            problems = recovered(root, self.hashes)
            stored = {path.stem for path in (root / "store").rglob("*.png")}
        lost = set(told) - stored
        return {**problems, **({"acknowledged and lost": lost} if lost else {})}


@contextmanager
def mounted(image, place):
    """A file system image, mounted through a loop device."""
    place.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", image, place)
    try:
        yield place
    finally:
        for _ in range(50):
            if subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)


def can_mount(folder):
    """Whether this machine lets us mount a file system of our own."""
    try:
        Disk(folder, 0)
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False
    return True


def _run(*command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
