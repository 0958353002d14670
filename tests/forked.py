"""The program without its start: a process that has loaded all of it forks for each command.

A command still has a process of its own, with its own folder, environment, streams and exit status; how the program is
started is for `house/test_process.py` and the READMEs. `python -m tests.forked` is the process that forks.
"""

import gc
import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOADED = ("sohoa", "acceptance", "bookpack.verify", "bookpack.workbook", "capture.devices", "casework", "closing",
          "imaging.stages", "lighttable", "openpyxl", "packing", "pipeline", "reporting.facts", "reprocess", "review",
          "secondcheck", "settings", "single", "station.shelf", "summary", "yaml")


class Forked:
    """Runs commands one after the other; started by the first one."""

    def __init__(self):
        self._server = None

    def run(self, arguments, folder, environment):
        """As `subprocess.run` gives it: the finished process with its text."""
        if self._server is None:
            self._server = subprocess.Popen([sys.executable, "-m", "tests.forked"], cwd=ROOT, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUTF8": "1"})
        out, error = (folder / f".{name}-{time.monotonic_ns()}" for name in ("out", "error"))
        order = {"arguments": arguments, "folder": str(folder), "environment": environment,
                 "streams": [str(out), str(error)]}
        print(json.dumps(order), file=self._server.stdin, flush=True)
        status = int(self._server.stdout.readline())
        said = [path.read_text(encoding="utf-8") for path in (out, error)]
        out.unlink()
        error.unlink()
        return subprocess.CompletedProcess(arguments, status, *said)

    def close(self):
        if self._server is not None:
            self._server.stdin.close()
            self._server.wait(20)


def serve():
    """Forks for each order that comes in; gives the order to the child, and None at the end."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return json.loads(line)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def become(order):
    """The state in which a program finds itself when it starts."""
    for number, path in enumerate([os.devnull, *order["streams"]]):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv = [str(ROOT / "sohoa.py"), *order["arguments"]]
    sys.modules["__main__"].__package__ = None  # else the program's name is thought to be this module's


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for name in LOADED:
        import_module(name)
    gc.freeze()  # what is loaded is not looked through, and so not copied, in each child
    if (order := serve()) is not None:
        become(order)
        import_module("sohoa").main()
