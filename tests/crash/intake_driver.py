"""One intake as the daemon does it, in one process, for faults to be injected into: `python intake_driver.py ROOT`.

Takes in all of ROOT/inbox into ROOT/store once a line comes on the standard input (so that a tracer can attach before),
says `ACK <sha256>` for each file that is safe, and removes its source only then. Run again, it recovers.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402, F401  everything is loaded before the faults begin
import PIL.PngImagePlugin  # noqa: E402, F401
import zxingcpp  # noqa: E402, F401

from capture.desk import Desk, orphans  # noqa: E402
from capture.inbox import Inbox  # noqa: E402
from capture.look import LookTask, look  # noqa: E402
from errors import StorageFailed  # noqa: E402
from originals.booklog import BookLog  # noqa: E402
from originals.journal import Journal  # noqa: E402
from originals.recover import recover  # noqa: E402
from originals.stationlog import StationLog  # noqa: E402
from originals.store import Store  # noqa: E402


def main(root):
    store, station, logs = Store(root / "store"), StationLog(root / "store"), {}

    def log(book):
        return logs.setdefault(book, BookLog(root / "store" / "books" / f"{book}.jsonl"))

    def books():
        return [path.stem for path in sorted((root / "store" / "books").glob("*.jsonl"))]

    with store.lock():
        recover(store, lambda path: look(LookTask(path)).whole)
        with Journal(root / "store", {book: log(book).state() for book in books()}) as journal:
            desk = Desk(store, station, log, look)
            inbox = Inbox(root / "inbox", "inbox", 0.0, "remove", lambda *_: False)
            for candidate in inbox.scan(0.0).ready:
                taken = desk.receive(candidate.arrival, candidate.stream, candidate.book)
                journal.add(taken.captures)
                print("ACK", taken.sha256, flush=True)
                inbox.finish(candidate)
            for sha256 in orphans(store, [station, *map(log, books())]):
                journal.add(desk.adopt(sha256).captures)


if __name__ == "__main__":
    print("READY", flush=True)
    sys.stdin.readline()
    try:
        main(Path(sys.argv[1]))
    except StorageFailed as error:
        print("FAILED", error.code, flush=True)
        sys.exit(74)
