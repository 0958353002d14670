"""Made-up parts of a clerk's folder: small, and as real ones in what the script looks at."""

import struct
import sys
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy" / "windows"
sys.path.insert(0, str(DEPLOY))

import build  # noqa: E402
from clerk import launchers  # noqa: E402
from clerk.folder import MANIFEST, Release, manifest_of, release_name  # noqa: E402


def dll(*names):
    """The least of a 64-bit library that imports these, in one section."""
    start, at, header = 0x1000, 0x200, 0x80
    body = bytearray(20 * (len(names) + 1))
    for number, name in enumerate(names):
        struct.pack_into("<12xI", body, 20 * number, start + len(body))
        body += name.encode("ascii") + b"\0"
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<II", optional, 120, start if names else 0, 20 * len(names))
    section = struct.pack("<8s4I16x", b".idata", len(body), start, len(body), at)
    data = bytearray(at)
    data[:2] = b"MZ"
    struct.pack_into("<I", data, 0x3C, header)
    data[header : header + 24] = struct.pack("<4sHH12xHH", b"PE", 0x8664, 1, len(optional), 0)
    data[header + 24 : header + 24 + len(optional) + len(section)] = bytes(optional) + section
    return bytes(data) + bytes(body)


def _launcher():
    """What of the real launcher the icons replace: seven pictures and their list."""
    kinds = [(32, 4), (16, 4), (32, 8), (16, 8), (48, 32), (32, 32), (16, 32)]
    pictures = b"".join(struct.pack("<IiiHH", 40, size, 2 * size, 1, bits) + bytes(24 + size * size * 4 + 8 * size)
                        for size, bits in kinds)
    entries = b"".join(struct.pack("<BBBBHHIH", size, size, 0, 0, 1, bits, 100, number)
                       for number, (size, bits) in enumerate(kinds, 1))
    return dll("kernel32.dll") + b"\xff" + pictures + b"\xff" + struct.pack("<HHH", 0, 1, len(kinds)) + entries + b"\xff" * 9


LAUNCHERS = _launcher()


def parts_in(folder, version="1.2.3", word="one"):
    """Parts of a release; `word` makes one release another."""
    python, libraries, bases = folder / "python", folder / "libraries", folder / "bases"
    files = {
        python / "python.exe": dll("vcruntime140.dll", "api-ms-win-crt-heap-l1-1-0.dll"), python / "pythonw.exe": dll(),
        python / "vcruntime140.dll": dll("kernel32.dll"), python / "python313.zip": b"PK", python / "LICENSE.txt": b"PSF",
        python / "python313._pth": b"python313.zip\n.\n",
        libraries / "zxingcpp.pyd": dll("MSVCP140.dll", "KERNEL32.dll"),
        libraries / "numpy" / "core.py": f"WORD = {word!r}\n".encode(), libraries / "numpy" / "core.pyi": b"WORD: str\n",
        libraries / "numpy" / "tests" / "test_core.py": b"", libraries / "bin" / "f2py": b"#!/builder's/python",
        libraries / "numpy.libs" / "msvcp140-0123.dll": dll("vcruntime140.dll"),
        libraries / "numpy-2.0.dist-info" / "METADATA": b"Name: numpy\nVersion: 2.0\nLicense-Expression: BSD-3-Clause\n",
        libraries / "numpy-2.0.dist-info" / "RECORD": b"",
        libraries / "zxing_cpp-2.2.dist-info" / "METADATA": b"Name: zxing-cpp\nVersion: 2.2\nLicense: Apache License 2.0\n",
        bases / "w64.exe": LAUNCHERS, bases / "t64.exe": LAUNCHERS + b"console",
    }
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return build.Parts(version, python, libraries, bases, python, libraries)


def slim_package(folder, version):
    """The zip of a release of the fewest files that an update takes: what is done to each is done to all."""
    release = folder / version / "release"
    for name in ("python/python.exe", launchers.README, f"{launchers.BASES}/window.exe", f"{launchers.BASES}/console.exe"):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_bytes(f"MZ {version} {name}".encode())
    manifest = manifest_of(release)
    (release / MANIFEST).write_bytes(manifest)
    whole = Release(release.rename(folder / version / release_name(version, manifest)))
    launchers.point(whole)
    return build.pack(folder / version, folder / f"sohoa-{version}-windows.zip")
