"""From a trained model to a file that OpenCV's `dnn` runs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn


def export(model: nn.Module, example: Tensor, path: Path) -> None:
    """Write `model` as ONNX for input of the shape of `example`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model.eval()
    torch.onnx.export(model, (example,), str(path), opset_version=17, input_names=["seen"], output_names=["told"],
                      dynamo=False)
