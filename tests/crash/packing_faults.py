"""Packing killed or failed at a chosen system call: what lies under final names is whole afterwards, or it is not there."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bookpack.verify import verify
from errors import StorageFailed

HERE = Path(__file__).parent
BOOK = "KH.1990.14800.01"
CAPTURES, SIDE = 3, 120  # pages, px: quick to pack, and to check
CALLS = ("openat", "open", "write", "pwrite64", "fsync", "fdatasync", "close", "rename", "renameat2", "mkdir", "unlink",
         "unlinkat", "rmdir", "ftruncate", "flock", "fcntl", "chmod", "lseek", "copy_file_range", "sendfile")
WRITES = ("openat", "write", "pwrite64", "fsync", "rename", "mkdir", "ftruncate", "close")


@dataclass(frozen=True)
class Fault:
    """What happens at the `number`-th call named: the process is killed, or the call fails with an error."""

    call: str
    number: int
    error: str = ""

    @property
    def injection(self):
        how = f"error={self.error}" if self.error else "signal=KILL"
        return f"inject={self.call}:{how}:when={self.number}" + ("+" if self.error else "")


def developed_book(root):
    """A store with a book of tiny pages, developed and packed once; then something is said of it, so it is packed anew."""
    import numpy as np
    from PIL import Image

    inbox = root / "in"
    inbox.mkdir(parents=True)
    for number in range(CAPTURES):
        pixels = np.full((SIDE, SIDE), 230, np.uint8)
        pixels[20 + 9 * number : 24 + 9 * number, 15:-15] = 40
        Image.fromarray(pixels).save(inbox / f"{number}.png")
    store = root / "store"
    run = subprocess.run([sys.executable, str(HERE.parents[1] / "sohoa.py"), "process", str(inbox), "--book", BOOK, "--out",
                          str(store), "--jobs", "1"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return store


def say_something(store):
    """An event that changes what is packed, and no page."""
    from originals.booklog import BookLog

    log = BookLog(store / "books" / f"{BOOK}.jsonl")
    log.append({"event": "opened", "facts": {"title": f"Sổ {len(log.events())}"}})


def run_driver(store, *strace):
    """The exit status of one packing, with what it said; under a tracer that attaches before it begins."""
    process = subprocess.Popen([sys.executable, str(HERE / "pack_driver.py"), str(store), BOOK], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "READY\n", process.stderr.read()
    tracer = None
    if strace:
        tracer = subprocess.Popen(["strace", "-f", "-p", str(process.pid), *strace], stderr=subprocess.PIPE, text=True)
        while "attached" not in (line := tracer.stderr.readline()):
            assert line, "strace could not attach"
    said, _ = process.communicate("\n", timeout=60)
    if tracer:
        tracer.communicate(timeout=10)
    return process.returncode, said


def calls_of(store, folder):
    """How often packing makes each of the calls."""
    trace = folder / "trace"
    status, said = run_driver(store, "-o", str(trace), "-e", f"trace={','.join(CALLS)}")
    assert (status, said) == (0, f"PACKED {CAPTURES}\n")
    names = (line.split("(")[0].split()[-1] for line in trace.read_text(errors="replace").splitlines() if "(" in line)
    return Counter(name for name in names if name in CALLS)


def damage_after(fault, prepared, folder):
    """What is wrong after packing a copy of a store with a fault: at once, and when it is packed once more, here."""
    from tests.crash.pack_driver import packed

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepared, folder)
    run_driver(folder, "-o", os.devnull, "-e", f"trace={fault.call}", "-e", fault.injection)
    packages = folder / "packages" / BOOK
    found = [("after the fault", problem) for problem in named_problems(packages)]
    try:
        packed(folder, BOOK)
    except StorageFailed as error:
        found.append(("packing again", error.code))
    found += [("packed again", problem) for problem in named_problems(packages)]
    kinds = sorted(path.name for path in packages.iterdir() if not path.name.startswith(".tmp-"))
    return found + ([("packed again", kinds)] if kinds != [BOOK, "ministry"] else [])


def named_problems(packages):
    """Faults of what lies under final names; a package that is not there is none."""
    for folder in sorted(packages.iterdir()) if packages.is_dir() else []:
        if not folder.name.startswith(".tmp-"):
            yield from verify(folder)
