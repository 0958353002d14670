"""What a worker asks of Windows, where POSIX has `setrlimit` and `nice`: a limit of memory, and its turn after others."""

from __future__ import annotations

import ctypes
from ctypes import wintypes

BELOW_NORMAL = 0x4000
LIMITS, MOST_MEMORY = 9, 0x100  # JobObjectExtendedLimitInformation; JOB_OBJECT_LIMIT_PROCESS_MEMORY


class _Basic(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (("process_time", ctypes.c_int64), ("job_time", ctypes.c_int64), ("flags", wintypes.DWORD),
                ("least_working", ctypes.c_size_t), ("most_working", ctypes.c_size_t), ("processes", wintypes.DWORD),
                ("affinity", ctypes.c_size_t), ("priority", wintypes.DWORD), ("scheduling", wintypes.DWORD))


class _Limits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (("basic", _Basic), ("read_and_written", ctypes.c_uint64 * 6), ("process_memory", ctypes.c_size_t),
                ("job_memory", ctypes.c_size_t), ("most_of_process", ctypes.c_size_t), ("most_of_job", ctypes.c_size_t))


def limit_memory(mb: int) -> bool:
    """Let this process have so much memory at most, MB, by a job of its own; whether Windows took the limit.

    An allocation beyond it fails, as with `setrlimit`. The job lives as long as the process.
    """
    kernel = _kernel()
    job = kernel.CreateJobObjectW(None, None)
    wanted = _Limits(basic=_Basic(flags=MOST_MEMORY), process_memory=mb * 2**20)
    return bool(job and kernel.SetInformationJobObject(job, LIMITS, ctypes.byref(wanted), ctypes.sizeof(wanted))
                and kernel.AssignProcessToJobObject(job, kernel.GetCurrentProcess()))


def let_others_go_first() -> None:
    """Have this process run when no other wants to."""
    kernel = _kernel()
    kernel.SetPriorityClass(kernel.GetCurrentProcess(), BELOW_NORMAL)


def _kernel() -> ctypes.WinDLL:
    kernel = ctypes.WinDLL("kernel32")
    kernel.CreateJobObjectW.argtypes, kernel.CreateJobObjectW.restype = (ctypes.c_void_p, wintypes.LPCWSTR), wintypes.HANDLE
    kernel.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD)
    kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    kernel.SetPriorityClass.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    return kernel
