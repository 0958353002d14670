"""The icon that checks the folder and the computer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from clerk import screen
from clerk.folder import this_release


def main(words: Sequence[str]) -> int:
    """Check every file of the release, then let the program look at the computer. 0: all is well."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    release = this_release()
    damaged = release.problems()
    if damaged:
        print(*damaged[:20], sep="\n")
        print(screen.sentence("not_whole", number=len(damaged), file=damaged[0], folder=release.top))
        code = 1
    else:
        print(screen.sentence("whole", version=release.version, folder=release.top) + "\n", flush=True)
        code = subprocess.run([release.python, "-m", "sohoa", "doctor"], check=False).returncode
    screen.wait_for_enter()
    return code
