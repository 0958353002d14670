"""Nothing but `durable` may write, rename or remove where originals lie: the syntax trees are read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BATCH = ("batch", "folderlog", "job", "onebook", "orders", "packer", "report", "run", "sources", "written")
GUARDED = [*ROOT.glob("originals/*.py"), *ROOT.glob("capture/*.py"), *ROOT.glob("station/*.py"),
           *(ROOT / "province" / f"{name}.py" for name in BATCH),  # the others write to scratch, and to other computers
           *ROOT.glob("reporting/*.py"), *ROOT.glob("commands/*.py"), *ROOT.glob("webstation/**/*.py"),
           *(ROOT / f"{name}.py" for name in ("acceptance", "bookwork", "casework", "closing", "developing", "indexing",
                                              "packing", "pipeline", "reprocess", "secondcheck"))]
WRITER = ROOT / "originals" / "durable.py"
INDEX = ROOT / "originals" / "journal.py"  # a database writes its own file, which holds nothing that could be lost
CHANGING_METHODS = {"write_text", "write_bytes", "unlink", "rename", "touch", "mkdir", "rmdir", "chmod",
                    "symlink_to", "hardlink_to", "removedirs", "makedirs", "truncate", "link", "symlink",
                    "renames"}
CHANGING_MODULES = {"shutil", "tempfile", "fileinput", "mmap", "sqlite3"}
CHANGING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"}
NO_FILE = {"sane.open"}  # a device
READING_MODES = {"r", "rb", "rt"}


def writes(source):
    """Line and kind of everything in `source` that could change a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            found += [(node.lineno, name) for name in modules & CHANGING_MODULES]
        elif isinstance(node, ast.Attribute) and node.attr in CHANGING_METHODS | CHANGING_FLAGS:
            found.append((node.lineno, node.attr))
        elif isinstance(node, ast.Call) and _changes(node):
            found.append((node.lineno, ast.unparse(node.func)))
    return found


def _changes(call):
    name = ast.unparse(call.func)
    if name in ("os.replace", "os.remove"):
        return True
    if name.endswith(".replace"):  # of a path: one argument; of a text: two
        return len(call.args) == 1 and not call.keywords
    if name in NO_FILE:
        return False
    if name == "os.open":  # its flags are looked for by name
        return False
    if name == "open" or name.endswith(".open"):
        place = 1 if name in ("open", "io.open") else 0
        modes = [*call.args[place : place + 1], *(word.value for word in call.keywords if word.arg == "mode")]
        return any(not isinstance(mode, ast.Constant) or mode.value not in READING_MODES for mode in modes)
    return False


@pytest.mark.parametrize("path", [path for path in GUARDED if path != WRITER], ids=lambda path: path.stem)
def test_only_the_writer_writes(path):
    found = {name for _, name in writes(path.read_text(encoding="utf-8"))}
    assert found == ({"sqlite3"} if path == INDEX else set())


@pytest.mark.parametrize("line", [
    "open(p, 'wb')", "open(p, mode)", "open(p, mode='a')", "p.open('x')", "p.write_text('')", "p.unlink()",
    "a.replace(b)", "os.replace(a, b)", "os.remove(a)", "os.open(p, os.O_RDWR)", "import shutil",
    "from tempfile import mkstemp",
])
def test_the_reader_of_syntax_trees_sees_writing(line):
    assert writes(line)


@pytest.mark.parametrize("line", [
    "open(p)", "open(p, 'rb')", "arrival.open()", "'a'.replace('b', 'c')", "replace(a, b=1)",
])
def test_the_reader_of_syntax_trees_sees_reading(line):
    assert not writes(line)


def test_the_writer_is_seen_to_write():
    assert writes(WRITER.read_text(encoding="utf-8"))
