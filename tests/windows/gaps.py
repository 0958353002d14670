"""What Wine 8 lacks besides its C run-time: two calls that Python's libraries make of every Windows of today."""

from __future__ import annotations

import subprocess
from pathlib import Path

RANDOM = """#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG count);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
    for (ULONG now; count; bytes += now, count -= now) {
        now = count < 0x1000000 ? (ULONG)count : 0x1000000;
        if (!SystemFunction036(bytes, now)) return FALSE;
    }
    return TRUE;
}
"""  # cryptography asks for random bytes so
AT_START = """import _winapi

if hasattr(_winapi, "CopyFile2"):  # shutil does without it; Wine ends a program that calls it
    del _winapi.CopyFile2
"""


def build(into: Path, compiler: str) -> None:
    """Make up for it in the folder of python.exe."""
    source = into / "random.c"
    source.write_text(RANDOM)
    subprocess.run([compiler, "-O1", "-shared", "-static-libgcc", "-o", into / "bcryptprimitives.dll", source, "-ladvapi32"],
                   check=True)
    source.unlink()
    (into / "sitecustomize.py").write_text(AT_START)
