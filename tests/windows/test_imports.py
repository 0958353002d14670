"""Every module can be imported on every system: what a system lacks is imported where it is used, or not at all."""

import json
import pkgutil
import subprocess
import sys
from importlib.util import find_spec

from tests.conftest import ROOT

WANTED_BY = {"torch": ("training.bends", "training.export", "training.gutters", "training.inks"),
             "_sane": ("capture.sane.device",)}  # libraries that need not be there
PROGRAM = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
wrong = {}
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
    except BaseException as error:
        wrong[name] = repr(error)
print("\\n" + json.dumps(wrong))
"""


def modules():
    """Every module of the program, its benchmarks and its training, by name."""
    found = []
    for top in pkgutil.iter_modules([str(ROOT)]):
        if top.name != "tests":
            below = pkgutil.walk_packages([str(ROOT / top.name)], f"{top.name}.") if top.ispkg else ()
            found += [top.name, *(module.name for module in below)]
    return found


def test_every_module_is_imported():
    without = {name for library, names in WANTED_BY.items() if not find_spec(library) for name in names}
    wanted = [name for name in modules() if name not in without]
    assert len(wanted) > 250
    ran = subprocess.run([sys.executable, "-c", PROGRAM, str(ROOT)], input=json.dumps(wanted), capture_output=True,
                         text=True, encoding="utf-8", timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == {}
