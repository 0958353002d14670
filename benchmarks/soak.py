"""What the program promises, at full length: faults injected for minutes or hours, and the figure of each promise.

    python -m benchmarks.soak [--what kills syscalls power journal many store writers packing] [--count N]

kills     the real daemon, killed at random moments while files are copied in (1,000)
syscalls  one intake, killed at every system call that matters (all)
power     one intake on ext4, its power cut after system calls (500)
journal   the index deleted or damaged at random (200)
many      twenty programs on one store at once
store     random work on a store, half of it going wrong (100,000 operations)
writers   files that are written in every bad way there is, while the daemon watches (1,000)
packing   one book packed in parts, killed, the disk full or failing at every system call that matters (all)
Hostile images have a program of their own, benchmarks.hostile. Wants strace; `power` wants to mount (root).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.crash.faults import BOOK, WRITES, Disk, image, kill_at
from tests.crash.packing_faults import CALLS, Fault, calls_of, damage_after, developed_book, say_something
from tests.crash.packing_faults import WRITES as PACKING_WRITES
from tests.originals.random_work import RandomWork

ROOT = Path(__file__).parents[1]
QUICK = "watch:\n  quiet_s: 0.1\n  longest_s: 1\n  patience_s: 2\n  scan_s: 1\n  poll_s: 0.5\n  min_free_mb: 0\n"
COUNTS = {"kills": 1000, "syscalls": 10**9, "power": 500, "journal": 200, "many": 20,
          "store": 100_000, "writers": 1000, "packing": 10**9}
SETTLE_S = 120
ONE_STORE = 5000  # operations, then another one: a full store is slow to list
WRITERS = 8


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--what", nargs="+", choices=COUNTS, default=list(COUNTS))
    options.add_argument("--count", type=int, help="instead of the full number")
    chosen = options.parse_args()
    failed = 0
    for what in chosen.what:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            told, problems = SOAKS[what](Path(folder), min(chosen.count or COUNTS[what], COUNTS[what]))
        print(f"{what:9} {told}; {len(problems)} wrong; {time.monotonic() - start:.0f} s", flush=True)
        for problem in problems[:5]:
            print(f"          {problem}")
        failed += len(problems)
    sys.exit(1 if failed else 0)


def daemon(root: Path, **channels: object) -> subprocess.Popen:
    (root / "own.yaml").write_text(QUICK, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(ROOT / "sohoa.py"), "--config", str(root / "own.yaml"), "watch", "--store", str(root / "store"),
         "--inbox", str(root / "inbox"), "--jobs", "1"], cwd=root, start_new_session=True,
        **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **channels})


def soak_kills(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 2, from outside: processes of the daemon die together, at any moment."""
    (root / "inbox" / BOOK).mkdir(parents=True)
    steps, sent = random.Random(count), {}
    for _ in range(count):
        running, until = daemon(root), time.monotonic() + steps.uniform(0.2, 1.6)
        for _ in range(steps.randrange(5)):
            send(root, steps, sent)
        time.sleep(max(0.0, until - time.monotonic()))
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    run_until_empty(root)
    return f"{count} kills, {len(sent)} files", list(wrong(root, sent))


def send(root: Path, steps: random.Random, sent: dict) -> None:
    """A file is copied in, in two pieces; now and then with the bytes of an earlier one."""
    number = len(sent)
    data = image(number if steps.random() < 0.9 else steps.randrange(number + 1))
    folder = steps.choice(["", BOOK])
    name = f"{number}.png"
    with open(root / "inbox" / folder / name, "wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        time.sleep(steps.choice([0, 0, 0.15]))
        file.write(data[len(data) // 2 :])
    sent[folder or "unsorted", f"{folder}/{name}" if folder else name] = hashlib.sha256(data).hexdigest()


def run_until_empty(root: Path) -> None:
    running, deadline = daemon(root), time.monotonic() + SETTLE_S
    while sources_left(root) and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3)
    running.send_signal(signal.SIGTERM)
    running.wait(30)


def sources_left(root: Path) -> list[Path]:
    return [path for path in (root / "inbox").rglob("*.png") if "_da_nhan" not in path.parts]


def wrong(root: Path, sent: dict[tuple[str, str], str]) -> Iterator[str]:
    """What was lost, doubled, altered, put aside or left."""
    received: Counter = Counter()
    for log in (root / "store" / "books").glob("*.jsonl"):
        for event in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
            if event["event"] == "received":
                received[log.stem, event["name"], event["sha256"]] += 1
            elif event["event"] == "set_aside":
                yield f"put aside: {event['name']}"
    for (book, name), sha256 in sent.items():
        times = received.pop((book, name, sha256), 0)
        if times != 1:
            yield f"{name} is {times} times in {book}"
    yield from (f"never sent: {key}" for key in received)
    originals = (root / "store" / "originals").rglob("*.png")
    kept = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in originals}
    yield from (f"altered: {name}" for name, real in kept.items() if name != real)
    yield from (f"not kept: {name}" for name in set(sent.values()) - set(kept))
    yield from (f"left: {path}" for path in [*sources_left(root), *root.rglob(".tmp-*")])


def soak_syscalls(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 2, from inside: every number of every call that matters."""
    kills, problems = 0, []
    for call in WRITES:
        number = 1
        while kills < count and (found := kill_at(root / "one", call, number)) is not None:
            kills, number = kills + 1, number + 1
            problems += [f"{call} {number - 1}: {found}"] if found else []
    return f"{kills} kills at system calls", problems


def soak_power(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 3."""
    disks, cuts, problems = iter(range(2, 99)), 0, []
    while cuts < count:
        disk = Disk(root / "disk", next(disks))
        for call in WRITES:
            number = 1
            while cuts < count and (found := disk.cut_at(call, number)) is not None:
                cuts, number = cuts + 1, number + 1
                problems += [f"{call} {number - 1}: {found}"] if found else []
    return f"{cuts} power cuts", problems


def soak_packing(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 15: what lies under final names is whole, whatever call of packing was its last, or failed from then on."""
    store = developed_book(root)
    say_something(store)
    calls = calls_of(shutil.copytree(store, root / "traced"), root)
    faults = [Fault(call, number) for call in CALLS for number in range(1, calls[call] + 1)]
    faults += [Fault(call, number, error) for error in ("ENOSPC", "EIO") for call in PACKING_WRITES
               for number in range(1, calls[call] + 1)]
    chosen = random.Random(count).sample(faults, min(count, len(faults)))
    problems = [f"{fault}: {found}" for fault in chosen if (found := damage_after(fault, store, root / "at"))]
    return f"{len(chosen)} of {len(faults)} faults while packing", problems


def soak_journal(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 17: the same books, captures and order after each loss."""
    from originals.booklog import BookLog
    from originals.journal import Journal

    store, steps, problems = root / "store", random.Random(count), []
    for seed in range(6):
        (root / "inbox" / BOOK).mkdir(parents=True, exist_ok=True)
        (root / "inbox" / BOOK / f"{seed}.png").write_bytes(image(seed))
    run_until_empty(root)
    books = {path.stem: BookLog(path).state() for path in sorted((store / "books").glob("*.jsonl"))}
    with Journal(store, books) as journal:
        before = journal.counts()
    wanted = sorted((book, capture.id) for book, state in books.items() for capture in state.current)
    for _ in range(count):
        damage(store / "journal.sqlite", steps)
        with Journal(store, books) as journal:
            found = sorted(journal.waiting(99))
            if journal.rebuilt and found != wanted:
                problems.append(f"rebuilt to {found}")
            if not journal.rebuilt and journal.counts().keys() != before.keys():
                problems.append(f"taken as sound: {journal.counts()}")
    return f"{count} losses of the journal", problems


def damage(path: Path, steps: random.Random) -> None:
    """Delete, cut or spoil a file and what belongs to it."""
    data = bytearray(path.read_bytes()) if path.exists() else bytearray(9)
    how = steps.choice(["gone", "cut", "noise", "flips", "empty"])
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    if how == "gone":
        path.unlink(missing_ok=True)
        return
    if how == "cut":
        data = data[: steps.randrange(len(data))]
    elif how == "noise":
        data = bytearray(steps.randbytes(len(data)))
    elif how == "empty":
        data = bytearray()
    else:
        for _ in range(40):
            data[steps.randrange(len(data))] ^= 1 << steps.randrange(8)
    path.write_bytes(data)


def soak_many(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 19: one works, the others say so and end."""
    (root / "inbox").mkdir()
    all_of_them = [daemon(root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(count)]
    time.sleep(count * 0.4 + 3)
    working = [one for one in all_of_them if one.poll() is None]
    refused = [one for one in all_of_them if one.poll() == 75 and "sohoa" in one.communicate()[1]]
    for one in working:
        one.send_signal(signal.SIGTERM)
        one.communicate(timeout=30)
    fine = len(working) == 1 and len(refused) == count - 1
    return f"{len(working)} of {count} works, {len(refused)} say so", [] if fine else ["not one alone"]


def soak_store(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 1."""
    problems, accepted = [], 0
    for seed, start in enumerate(range(0, count, ONE_STORE)):
        work = RandomWork(root / str(seed), seed)
        work.go(min(ONE_STORE, count - start))
        problems += work.wrong()
        accepted += len(work.accepted)
    return f"{count} operations, {accepted} originals", problems


def soak_writers(root: Path, count: int) -> tuple[str, list[str]]:
    """Promise 7: every version that was whole for a while is there, and nothing else is."""
    folder = root / "inbox" / BOOK
    folder.mkdir(parents=True)
    running, sent = daemon(root), {}
    writers = [threading.Thread(target=_write_some, args=(folder, range(first, count, WRITERS), sent))
               for first in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    running.send_signal(signal.SIGTERM)
    running.wait(30)
    run_until_empty(root)
    return f"{count} files, {len(sent)} versions", list(wrong(root, sent))


def _write_some(folder: Path, numbers: range, sent: dict[tuple[str, str], str]) -> None:
    for number in numbers:
        steps = random.Random(number)
        path, data = folder / f"{number}.png", image(number, (steps.randrange(30, 90), 60))
        steps.choice([_at_once, _slowly, _preallocated, _from_both_ends, _under_another_name])(path, data, steps)
        sent[BOOK, f"{BOOK}/{path.name}"] = hashlib.sha256(data).hexdigest()


def _pause(steps: random.Random) -> None:
    time.sleep(steps.choice([0, 0.02, 0.09, 0.3, 1.2]))  # a file counts as quiet after 0.1 s


def _at_once(path: Path, data: bytes, steps: random.Random) -> None:
    path.write_bytes(data)


def _slowly(path: Path, data: bytes, steps: random.Random) -> None:
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(data), len(data) // 4 + 1):
            file.write(data[start : start + len(data) // 4 + 1])
            _pause(steps)


def _preallocated(path: Path, data: bytes, steps: random.Random) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(bytes(len(data)))
        for start in range(0, len(data), len(data) // 3 + 1):
            _pause(steps)
            file.seek(start)
            file.write(data[start : start + len(data) // 3 + 1])


def _from_both_ends(path: Path, data: bytes, steps: random.Random) -> None:
    half = len(data) // 2
    with open(path, "wb", buffering=0) as file:
        file.seek(half)
        file.write(data[half:])
        _pause(steps)
        file.seek(0)
        file.write(data[:half])


def _under_another_name(path: Path, data: bytes, steps: random.Random) -> None:
    other = path.with_name(path.name + steps.choice([".part", ".crdownload", ".tmp"]))
    _slowly(other, data, steps)
    other.rename(path)


SOAKS = {"kills": soak_kills, "syscalls": soak_syscalls, "power": soak_power, "journal": soak_journal, "many": soak_many,
         "store": soak_store, "writers": soak_writers, "packing": soak_packing}

if __name__ == "__main__":
    if shutil.which("strace") is None:
        sys.exit("strace is not installed")
    main()
