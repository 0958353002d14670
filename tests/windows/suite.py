"""The whole suite under the Windows Python: `python -m tests.windows.suite [FOLDER…]`, what `make test-windows` runs.

Each folder of tests is a process of its own, two side by side: one that ends before its time takes no other with it. What
a test cannot do on Windows, or Wine does wrong, stands as its own mark (see `only`); at the end the numbers are told, and
why tests were skipped.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.windows import rig

TESTS = rig.ROOT / "tests"
EXTRAS = ("development", "signing", "cluster", "storages")
SIDE_BY_SIDE = 2
TEST_S, FOLDER_S = 180, 3600  # longest time of a test and of a folder
SUMMARY = re.compile(r"(\d+) (passed|failed|skipped|error|xfailed)s?\b")
SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] (?:\S+: )?(.*)$", re.M)
WRONG = re.compile(r"^(?:FAILED|ERROR) .*$", re.M)


@dataclass(frozen=True)
class Ran:
    """What came of the tests of a folder. `wrong` names those that failed; `skipped` counts by reason."""

    folder: str
    counts: Counter[str]
    wrong: tuple[str, ...]
    skipped: Counter[str]

    @classmethod
    def of(cls, folder: str, code: int, out: str) -> Ran:
        """Of a pytest that ended with `code` after saying `out`."""
        last = out.rstrip().rpartition("\n")[2]
        counts = Counter({kind: int(number) for number, kind in SUMMARY.findall(last)})
        wrong = WRONG.findall(out)
        if not counts and code != 5:  # 5: there was nothing to run
            wrong.append(f"{folder}: ended with {code}: {last}")
            counts["error"] += 1
        skipped: Counter[str] = Counter()
        for number, reason in SKIPPED.findall(out):
            skipped[reason] += int(number)
        return cls(folder, counts, tuple(wrong), skipped)


def run(windows: rig.Windows, folder: Path, temporary: Path) -> Ran:
    words = ["-m", "pytest", "-p", "no:cacheprovider", "-rsfE", "--tb", "short", "--timeout", str(TEST_S),
             "--continue-on-collection-errors", "--basetemp", temporary / folder.name, folder]
    with windows.started(*words, cwd=rig.ROOT, all_at_once=False) as running:
        try:
            out, err = running.communicate(timeout=FOLDER_S)
        except subprocess.TimeoutExpired:
            return Ran.of(folder.name, -1, f"longer than {FOLDER_S} s")
    ran = Ran.of(folder.name, running.returncode, out)
    print(f"{folder.name}: {_told(ran.counts)}", flush=True)
    if ran.wrong:
        print(out, err, sep="\n", flush=True)
    return ran


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items())) or "nothing to run"


def main(names: list[str]) -> int:
    if reason := rig.lacking():
        print(reason)
        return 1
    folders = [TESTS / name for name in names] or sorted({path.parent for path in TESTS.glob("*/test_*.py")})
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        with rig.Windows(place, *EXTRAS) as windows, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            done = list(pool.map(lambda folder: run(windows, folder, place), folders))
    counts, skipped = (sum((getattr(ran, part) for ran in done), Counter()) for part in ("counts", "skipped"))
    wrong = [line for ran in done for line in ran.wrong]
    print("\nSkipped:", *(f"{number:4} {reason}" for reason, number in skipped.most_common()), sep="\n  ")
    print("\nWrong:", *wrong, sep="\n  ") if wrong else None
    tests = sum(counts.values())
    print(f"\nUnder the Windows Python: {tests - counts['skipped']} tests run, {_told(counts)}.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
