"""What the tasks of these tests do; workers find it by this name, whatever the test is called."""

import os
import signal
import time

from errors import UnreadableImage


def work(task):
    kind, value = task
    if kind == "die":
        os.kill(os.getpid(), signal.SIGSEGV if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    if kind == "hang":
        time.sleep(600)
    if kind == "eat":
        return len(bytearray(8 * 2**30))
    if kind == "defect":
        raise ZeroDivisionError(value)
    if kind == "refuse":
        raise UnreadableImage("truncated", name=value)
    if kind == "environment":
        return os.environ.get(value, "unset")
    if kind == "started":
        time.sleep(value)
        return time.monotonic()
    if kind == "mark":
        if os.path.exists(value):
            return "done by another"
        with open(value, "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    return value * 2


def program():
    """A version that a test can make another one, on one machine."""
    return os.environ.get("SOHOA_TEST_VERSION", "1")
