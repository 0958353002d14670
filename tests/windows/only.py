"""The mark of tests that a real Windows would run and Wine cannot; what no Windows has is said by `os.name`."""

import os

import pytest

KEEPS_NO_MEMORY_LIMIT = "Wine takes a limit of a process's memory and does not keep it"


def is_wine() -> bool:
    """Whether the Windows that this Python runs on is Wine."""
    if os.name != "nt":
        return False
    import ctypes

    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def no_wine(reason: str) -> pytest.MarkDecorator:
    """Skipped under Wine and run on a real Windows. The reason says what Wine does otherwise: "Wine …"."""
    return pytest.mark.skipif(is_wine(), reason=reason)
