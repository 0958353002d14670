"""The operating system's lock on an open file: one holder at a time, and it ends with the process, however that ends.

Windows keeps others from reading what is locked, so there the lock lies on a byte far behind the end of any file.
"""

from __future__ import annotations

import errno
import os
from typing import BinaryIO

HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}

if os.name == "nt":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    EXCLUSIVE, AT_ONCE = 0x2, 0x1
    FAR = 0x7FFF0000
    LOCK_VIOLATION = 33

    class _Place(ctypes.Structure):
        """The OVERLAPPED of Windows: where the locked byte lies."""

        _fields_ = (("internal", ctypes.c_void_p), ("internal_high", ctypes.c_void_p),
                    ("offset", wintypes.DWORD), ("offset_high", wintypes.DWORD), ("event", wintypes.HANDLE))

    _lock_file = ctypes.WinDLL("kernel32", use_last_error=True).LockFileEx
    _lock_file.argtypes = (wintypes.HANDLE, wintypes.DWORD, wintypes.DWORD, wintypes.DWORD, wintypes.DWORD,
                           ctypes.POINTER(_Place))

    def hold(file: BinaryIO, wait: bool) -> bool:
        """Lock a file for as long as it is open; False where another holds it, which with `wait` is waited for.

        Threads of one program wait for each other too, if each has opened the file. Raises OSError.
        """
        how = EXCLUSIVE if wait else EXCLUSIVE | AT_ONCE
        if _lock_file(msvcrt.get_osfhandle(file.fileno()), how, 0, 1, 0, _Place(offset=FAR)):
            return True
        if ctypes.get_last_error() == LOCK_VIOLATION:
            return False
        raise ctypes.WinError(ctypes.get_last_error())

else:
    import fcntl

    def hold(file: BinaryIO, wait: bool) -> bool:
        """Lock a file for as long as it is open; False where another holds it, which with `wait` is waited for.

        Threads of one program wait for each other too, if each has opened the file. Raises OSError.
        """
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in HELD:
                raise
            return False
        return True
