"""Every module can be imported on every system: what a system lacks is imported where it is used, or not at all."""

import json
import pkgutil
import subprocess
import sys

from tests.conftest import ROOT

OF_EXTRAS = {"aiohttp", "asyncssh", "bokeh", "botocore", "dask", "distributed", "fsspec", "hypothesis", "moto", "paramiko",
             "playwright", "psutil", "pyhanko", "pytest", "s3fs", "_sane", "sane", "torch", "webdav4"}  # may lack
PROGRAM = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
wrong = {}
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
    except BaseException as error:
        wrong[name] = [repr(error), (getattr(error, "name", None) or "").partition(".")[0]]
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


def wrong(said):
    """What could not be imported, though nothing is lacking."""
    return {name: reason for name, (reason, lacks) in json.loads(said.splitlines()[-1]).items() if lacks not in OF_EXTRAS}


def test_every_module_is_imported():
    assert len(modules()) > 250
    ran = subprocess.run([sys.executable, "-c", PROGRAM, str(ROOT)], input=json.dumps(modules()), capture_output=True,
                         text=True, encoding="utf-8", timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert wrong(ran.stdout) == {}


def test_every_module_is_imported_on_windows(windows):
    ran = windows.python("-c", PROGRAM, ROOT, given=json.dumps(modules()), timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert wrong(ran.stdout) == {}
