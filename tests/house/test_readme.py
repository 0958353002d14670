"""The commands of both READMEs run, as they stand there, on the samples."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
    """Runs a line in an empty folder with the samples; a station goes on behind the others, with & or without.

    The person's home is that folder, too, and their browser shows nothing.
    """
    os.symlink(ROOT / "samples", tmp_path / "samples")
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


@pytest.mark.parametrize("readme", ["README.md", "README.vi.md"])
def test_the_commands_of_the_readme_run(readme, tmp_path, shell):
    script = _script(readme)
    assert len(script) >= 12
    for command, yaml in script:
        if named := re.search(r"--config (\S+)", command):
            (tmp_path / named[1]).write_text(yaml, encoding="utf-8")
        assert command.startswith((".venv/bin/sohoa ", "mkdir ", "cp ")), command
        ran = shell(command)
        assert ran is None or ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
        if command.startswith("cp "):
            time.sleep(6)  # a person looks up


def test_the_pictures_and_links_of_the_readme_are_there():
    for readme in ("README.md", "README.vi.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / readme).read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{readme}: {target}"
