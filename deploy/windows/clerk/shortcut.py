"""A shortcut on the desktop, made by the shell itself (IShellLinkW, IPersistFile) through ctypes."""

from __future__ import annotations

import uuid
from pathlib import Path

CLSCTX_INPROC_SERVER = 1
CSIDL_DESKTOPDIRECTORY = 0x10
SHELL_LINK = "{00021401-0000-0000-C000-000000000046}"
ISHELLLINKW = "{000214F9-0000-0000-C000-000000000046}"
IPERSISTFILE = "{0000010B-0000-0000-C000-000000000046}"
QUERY_INTERFACE, RELEASE = 0, 2  # places in the table of every COM interface
SET_DESCRIPTION, SET_WORKING_DIRECTORY, SET_PATH = 7, 9, 20  # in IShellLinkW's
SAVE = 6  # in IPersistFile's
DESCRIPTION = "Số hóa sổ hộ tịch"


def desktop() -> Path:
    """The person's desktop, wherever it has been moved to (OneDrive). Raises OSError."""
    import ctypes

    buffer = ctypes.create_unicode_buffer(1024)
    if ctypes.windll.shell32.SHGetFolderPathW(None, CSIDL_DESKTOPDIRECTORY, None, 0, buffer):
        raise OSError("no desktop")
    return Path(buffer.value)


def make(path: Path, target: Path) -> None:
    """Write the shortcut `path`, which starts `target` and has its icon. Raises OSError."""
    import ctypes
    from ctypes import c_int, c_void_p, c_wchar_p

    ole32 = ctypes.oledll.ole32  # raises OSError for every failure
    ole32.CoInitialize(None)
    try:
        link = c_void_p()
        ole32.CoCreateInstance(_guid(SHELL_LINK), None, CLSCTX_INPROC_SERVER, _guid(ISHELLLINKW), ctypes.byref(link))
        for place, text in ((SET_PATH, target), (SET_WORKING_DIRECTORY, target.parent), (SET_DESCRIPTION, DESCRIPTION)):
            _method(link, place, c_wchar_p)(link, str(text))
        file = c_void_p()
        _method(link, QUERY_INTERFACE, c_void_p, c_void_p)(link, _guid(IPERSISTFILE), ctypes.byref(file))
        _method(file, SAVE, c_wchar_p, c_int)(file, str(path), True)
        for interface in (file, link):
            _method(interface, RELEASE, result=ctypes.c_ulong)(interface)
    finally:
        ctypes.windll.ole32.CoUninitialize()


def _method(interface, place: int, *kinds, result=None):
    """The method at a place of a COM interface's table; it raises OSError where it fails."""
    import ctypes

    table = ctypes.cast(interface, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    kind = ctypes.WINFUNCTYPE(result or ctypes.HRESULT, ctypes.c_void_p, *kinds)
    return kind(table[place])


def _guid(text: str):
    import ctypes

    return ctypes.create_string_buffer(uuid.UUID(text).bytes_le, 16)
