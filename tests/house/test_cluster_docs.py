"""What the documents about batches and clusters tell to type, and what `deploy/cluster` tells machines, is right as far as
it can be known without machines: every command line is one that the program or Dask takes, every name is one that is there.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "cluster"
PAGES = ("docs/batch.md", "docs/cluster.md", "docs/scale.md")
SHELL = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
OTHERS = {"python3.11", "/opt/sohoa/.venv/bin/pip", "pip", "useradd", "apt-get", "sh", "chown", "chmod", "docker", "kubectl"}


def _lines(page):
    """The command lines of a document, each as a list of words."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [shlex.split(line) for block in SHELL.findall(text) for line in block.splitlines()]


def _check(words):
    """Read a command line as the program that it names does; raises what that program would."""
    program = words[0].rpartition("/")[2]
    if program == "sohoa":
        _check_sohoa(words[1:])
    elif program == "dask":
        _check_dask(words[1:])
    elif program == "python":
        _check_queue(words)
    else:
        assert words[0] in OTHERS, words
        for word in words:
            assert not word.startswith("deploy/") or (ROOT / word).exists(), word


def _check_sohoa(words):
    from province.storage import open_storage
    from province.where import parse
    from sohoa import cli
    from talk import Talk

    at = words.index("batch")
    cli.make_context("sohoa", [*words[: at + 1]], obj=Talk())
    asked = cli.commands["batch"].make_context("batch", words[at + 1 :], obj=Talk()).params
    assert asked["engine"] == "dask" or not (asked["scheduler"] or asked["workers"])
    parse(asked["where"])
    for url in (asked["source"], asked["dest"]):
        open_storage(url)


def _check_dask(words):
    pytest.importorskip("distributed")
    from distributed.cli import dask_scheduler, dask_worker

    {"scheduler": dask_scheduler, "worker": dask_worker}[words[0]].main.make_context(words[0], words[1:])


def _check_queue(words):
    path = ROOT / words[1]
    spec = spec_from_file_location("jobqueue", path)
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    chosen = script.read(words[2:])
    assert chosen.jobs
    _check_sohoa([*chosen.command[1:], "--engine", "dask", "--scheduler", "tls://10.77.0.1:8786"])


@pytest.mark.parametrize("page", PAGES)
def test_the_command_lines_of_the_documents_are_taken(page):
    lines = _lines(page)
    assert sum("sohoa" in words for words in lines) >= 3
    for words in lines:
        _check(words)


@pytest.mark.parametrize("page", [*PAGES, "docs/decisions/batch.md"])
def test_what_the_documents_point_at_is_there(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        assert ((ROOT / page).parent / target).exists(), target


def _unit(name, tmp_path):
    """A unit, and the words of its command with the settings of cluster.env."""
    settings = dict(line.split("=", 1) for line in (DEPLOY / "cluster.env").read_text(encoding="utf-8").splitlines()
                    if line and not line.startswith("#"))
    text = (DEPLOY / name).read_text(encoding="utf-8").replace("\\\n", " ")
    command = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1]
    return text, shlex.split(re.sub(r"\$\{(\w+)\}", lambda found: settings[found[1]], command))


@pytest.mark.parametrize("name", ["sohoa-scheduler.service", "sohoa-worker.service"])
def test_the_services_are_whole(name, tmp_path):
    text, words = _unit(name, tmp_path)
    _check(words)
    assert "Restart=always" in text
    verify = shutil.which("systemd-analyze")
    if verify:
        unit = tmp_path / name
        unit.write_text(text.replace("/opt/sohoa/.venv/bin/dask", sys.executable), encoding="utf-8")
        ran = subprocess.run([verify, "verify", unit], capture_output=True, text=True)
        assert ran.returncode == 0 and name not in ran.stderr, ran.stderr


def test_dasks_settings_are_ones_that_dask_knows():
    pytest.importorskip("distributed")
    import dask
    import distributed  # noqa: F401

    def leaves(some, at=""):
        for name, value in some.items():
            yield from leaves(value, f"{at}{name}.") if isinstance(value, dict) else [(f"{at}{name}", value)]

    _, config, *_ = _kubernetes()
    of_pods = yaml.safe_load(config["data"]["sohoa.yaml"])
    of_machines = yaml.safe_load((DEPLOY / "dask.yaml").read_text(encoding="utf-8"))
    for name, _ in leaves(of_machines):
        dask.config.get(name)  # KeyError where Dask has no such setting
    assert dict(leaves(of_pods)).items() <= dict(leaves(of_machines)).items()


def _kubernetes():
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))


def test_what_runs_in_pods_is_this_program():
    policy, config, cluster, job = _kubernetes()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    pods = [cluster["spec"]["scheduler"], cluster["spec"]["worker"], job["spec"]["template"]]
    secret = re.search(r"secret generic (\S+)", (ROOT / "docs/cluster.md").read_text(encoding="utf-8"))[1]
    for pod in pods:
        (container,) = pod["spec"]["containers"]
        assert container["image"] == f"sohoa:{version}"
        _check(container["args"])
        assert {"name": "dask", "configMap": {"name": config["metadata"]["name"]}} in pod["spec"]["volumes"]
        assert all(source["secretRef"]["name"] == secret for source in container.get("envFrom", ()))
        assert {mount["name"] for mount in container["volumeMounts"]} == {it["name"] for it in pod["spec"]["volumes"]}
    labels = policy["spec"]["podSelector"]["matchLabels"].items()
    assert all(labels <= one["metadata"]["labels"].items() for one in (*pods[:2], cluster))


def test_the_image_has_what_the_program_wants():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(re.search(r'"\.\[(.*?)\]"', text)[1].split(",")) == {"cluster", "storages"} <= extras.keys()
    for package in ("libgl1", "libglib2.0-0"):
        assert package in text
        assert package in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.skipif(not (shutil.which("openssl") and shutil.which("sh")), reason="wants openssl and sh")
def test_the_certificates_fit_and_are_for_their_owner_alone(tmp_path):
    subprocess.run(["sh", DEPLOY / "certificates.sh", tmp_path / "c"], check=True, capture_output=True)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["ca.pem", "cert.pem", "key.pem"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "c").iterdir())
    verify = ["openssl", "verify", "-CAfile", tmp_path / "c/ca.pem", tmp_path / "c/cert.pem"]
    subprocess.run(verify, check=True, capture_output=True)


def test_nothing_of_this_machine_stands_in_what_machines_are_told():
    for path in DEPLOY.iterdir():
        assert not re.search(r"/root/|/tmp/\w", path.read_text(encoding="utf-8")), path.name
