"""The commands of both READMEs run, as they stand there, on the samples."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(sh|yaml)\n(.*?)```", re.DOTALL)
MAKE = {"make demo", "make test"}  # the first is in test_commands.py; the second is what runs here


def _script(readme):
    """The shell lines in order; a YAML block becomes the file that the next line names with --config."""
    lines, yaml = [], None
    for kind, text in BLOCK.findall((ROOT / readme).read_text(encoding="utf-8")):
        if kind == "yaml":
            yaml = text
            continue
        for line in text.strip().splitlines():
            command = line.split("#")[0].strip()
            if command not in MAKE:
                lines.append((command, yaml))
    return lines


@pytest.fixture
def shell(tmp_path):
    """Runs a line in an empty folder with small copies of the samples; a station goes on behind the others, with & or
    without.

    The person's home is that folder, too, and their browser shows nothing.
    """
    _shrink(ROOT / "samples" / "pages", tmp_path / "samples" / "pages")
    behind, environment = [], {**os.environ, "HOME": str(tmp_path), "BROWSER": "true"}

    def run(command):
        command = command.replace(".venv/bin/sohoa ", f"exec {sys.executable} {ROOT / 'sohoa.py'} ", 1)
        if " watch " not in command:
            return subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=300,
                                  env=environment)
        behind.append(subprocess.Popen(command.rstrip("&"), shell=True, cwd=tmp_path, stdout=subprocess.PIPE, text=True,
                                       env=environment))
        assert behind[-1].stdout.readline()
        return None

    yield run
    for process in behind:
        process.terminate()
        assert process.wait(20) == 0


def _shrink(pages, into):
    """The same pages with half as many pixels a millimetre: developed in a third of the time."""
    for path in pages.rglob("*.jpg"):
        with Image.open(path) as image:
            dpi, exif = image.info.get("dpi"), image.getexif()
            target = into / path.relative_to(pages)
            target.parent.mkdir(parents=True, exist_ok=True)
            said = {"dpi": tuple(value / 2 for value in dpi)} if dpi else {}
            image.reduce(2).save(target, quality=85, exif=exif, **said)


def _meant(script):
    """The lines as they are in every language: names that people choose are numbered, words in quotes are left out."""
    names = {}

    def number(found):
        return f"{found[1]} <{names.setdefault(found[2], len(names) + 1)}>"

    for line, yaml in script:
        line = re.sub(r'"[^"]*"', '"…"', line)
        yield re.sub(r"(--out|--store|verify|batch|export KH\S+|import KH\S+) ([a-z-]+)", number, line), yaml


def _run(script, folder, shell):
    for command, yaml in script:
        if named := re.search(r"--config (\S+)", command):
            (folder / named[1]).write_text(yaml, encoding="utf-8")
        assert command.startswith((".venv/bin/sohoa ", "mkdir ", "cp ")), command
        before = _developed(folder)
        ran = shell(command)
        assert ran is None or ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
        if command.startswith("cp "):
            _wait_until_developed(folder, before + len(list((ROOT / command.split()[2]).iterdir())))


def _developed(folder):
    """How many captures are developed in all stores."""
    return len(list(folder.glob("*/pages/*.json")))


def _wait_until_developed(folder, number, seconds=120):
    """A person looks up, and goes on when all that they put there has come in."""
    deadline = time.monotonic() + seconds
    while _developed(folder) < number:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_commands_of_the_readmes_run(tmp_path, shell):
    """Those of the second language that say the same as those of the first, but for names and words, run once."""
    first, second = _script("README.md"), _script("README.vi.md")
    assert min(len(first), len(second)) >= 12
    _run(first, tmp_path, shell)
    known = list(_meant(first))
    own = [line for line, meant in zip(second, _meant(second), strict=True) if meant not in known]
    assert len(own) < len(second) / 3
    _run(own, tmp_path, shell)


def test_the_pictures_and_links_of_the_readme_are_there():
    for readme in ("README.md", "README.vi.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / readme).read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{readme}: {target}"
