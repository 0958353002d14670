"""A C run-time for programs under Wine 8, whose own lacks the complex functions of C99 that NumPy imports.

`build` makes two files for the folder of python.exe: `ucrtbase.dll` has those functions and passes every other call on to
`ucrtwine.dll`, a copy of Wine's own. Real Windows has the functions: nothing of this reaches the program.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

MARK = slice(0x40, 0x60)  # here Wine writes "Wine builtin DLL", and would load its own file in place of the copy
REAL = ("cabs", "carg", "cimag", "creal")  # of one complex number, a real one
COMPLEX = ("ccos", "ccosh", "cexp", "clog", "csin", "csinh", "csqrt", "ctan", "ctanh")  # of one, a complex one
KINDS = {"": ("Double", "double", ""), "l": ("Double", "double", ""), "f": ("Float", "float", "f")}  # long double is double
HEAD = """#include <complex.h>
/* Windows passes a complex number as a structure of two. */
typedef struct { double part[2]; } Double;
typedef struct { float part[2]; } Float;
static double complex fromDouble(Double z) { return z.part[0] + I * z.part[1]; }
static float complex fromFloat(Float z) { return z.part[0] + I * z.part[1]; }
static Double toDouble(double complex z) { return (Double){{creal(z), cimag(z)}}; }
static Float toFloat(float complex z) { return (Float){{crealf(z), cimagf(z)}}; }
"""


def build(into: Path, compiler: str, ucrtbase: Path) -> None:
    """Make the two files in `into`; `ucrtbase` is Wine's own."""
    own = {name + kind for name in (*REAL, *COMPLEX, "cpow") for kind in KINDS}
    source, definitions = into / "ucrt.c", into / "ucrt.def"
    source.write_text(HEAD + "\n".join(_functions()) + "\n")
    passed_on = [f' "{name}" = "ucrtwine.{name}"' for name in _exports(compiler, ucrtbase) if name not in own]
    definitions.write_text("\n".join(["LIBRARY ucrtbase.dll", "EXPORTS", *(f" {name} = own_{name}" for name in sorted(own)),
                                      *passed_on, ""]))
    subprocess.run([compiler, "-O1", "-shared", "-static-libgcc", "-o", into / "ucrtbase.dll", source, definitions],
                   check=True)
    copy = bytearray(ucrtbase.read_bytes())
    copy[MARK] = bytes(MARK.stop - MARK.start)
    (into / "ucrtwine.dll").write_bytes(copy)
    source.unlink()
    definitions.unlink()


def _functions() -> list[str]:
    lines = []
    for kind, (pair, number, suffix) in KINDS.items():
        z, result = f"from{pair}(z)", f"to{pair}"
        lines += [f"{number} own_{name}{kind}({pair} z) {{ return {name}{suffix}({z}); }}" for name in REAL]
        lines += [f"{pair} own_{name}{kind}({pair} z) {{ return {result}({name}{suffix}({z})); }}" for name in COMPLEX]
        lines += [f"{pair} own_cpow{kind}({pair} z, {pair} w) {{ return {result}(cpow{suffix}({z}, from{pair}(w))); }}"]
    return lines


def _exports(compiler: str, library: Path) -> list[str]:
    dump = [compiler.replace("gcc", "objdump"), "-p", library]
    told = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^\t\[ *\d+\] (\S+)$", told[told.index("Ordinal/Name") :], re.M)
