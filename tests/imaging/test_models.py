"""The small models are part of what a stage decides with: another model is another version of the stage."""

import hashlib
import shutil

from imaging import learned
from imaging.learned import MODELS
from imaging.stages import STAGES

# each model by the start of its SHA-256, and the stages that ask it, with the versions that they had then
KNOWN = {
    "bends.onnx": ("8ed3976df85810c9", "flatten", 2),
    "gutters.onnx": ("802dc858ec89e78b", "split", 4),
    "ink-pixels.onnx": ("c04af3628b5b8bc3", "tone", 2),
    "ink-thresholds.onnx": ("b8086d02ab5442fe", "tone", 2),
}


def test_another_model_comes_with_another_version_of_its_stage():
    versions = {stage.name: stage.version for stage in STAGES}
    now = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in MODELS.glob("*.onnx")}
    assert now.keys() == KNOWN.keys()
    for name, (known, stage, version) in KNOWN.items():
        same = now[name] == known
        assert same or versions[stage] > version, f"another {name}: raise the version of {stage}, then write both here"
        assert same, f"{name} and the version of {stage} are to be written here"


def test_a_model_is_found_whatever_the_folder_is_called_that_the_program_lies_in(tmp_path, monkeypatch):
    monkeypatch.setattr(learned, "MODELS", tmp_path / "Nguyễn Văn Đạt")
    shutil.copytree(MODELS, learned.MODELS)
    assert all(learned.net.__wrapped__(name) is not None for name in KNOWN)
    assert learned.net.__wrapped__("none.onnx") is None
