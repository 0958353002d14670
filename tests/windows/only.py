"""Marks for tests that part of a system cannot run: Windows has no such thing, or it is Wine that is wrong."""

import os
import sys

import pytest

KEEPS_NO_MEMORY_LIMIT = "Wine takes a limit of a process's memory and does not keep it"


def is_wine() -> bool:
    """Whether the Windows that this Python runs on is Wine."""
    if os.name != "nt":
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def posix(reason: str) -> pytest.MarkDecorator:
    """Skipped on Windows, because of what POSIX alone has or does."""
    return pytest.mark.skipif(os.name == "nt", reason=reason)


def linux(reason: str) -> pytest.MarkDecorator:
    """Skipped elsewhere, because of what Linux alone has."""
    return pytest.mark.skipif(sys.platform != "linux", reason=reason)


def no_wine(reason: str) -> pytest.MarkDecorator:
    """Skipped under Wine and run on a real Windows. The reason says what Wine does otherwise: "Wine …"."""
    return pytest.mark.skipif(is_wine(), reason=reason)
