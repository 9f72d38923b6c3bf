"""What CONTRIBUTING.md shows works as it says."""

import re
from pathlib import Path

import numpy as np

from zoo.models import build, encoders
from zoo.models.menu import functions_of_package

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_example_is_an_encoder_by_lying_there(tmp_path, monkeypatch):
    (source,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert "Put this into `zoo/models/encoders/tiny_vgg.py`" in TEXT
    (tmp_path / "tiny_vgg.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(encoders, "__path__", [*encoders.__path__, str(tmp_path)])
    found = functions_of_package(encoders.__name__, [str(tmp_path)])
    assert found.keys() == {"tiny_vgg3", "tiny_vgg6"}

    for name, function in found.items():
        monkeypatch.setitem(encoders.ENCODERS, name, function)
    options = {"filters": (2, 3, 4), "kernel_size": 5, "normalization": "group"}
    model = build(
        "segmentation", encoder="tiny_vgg6", classes=2, input_shape=(None, None, 3), **options
    )
    assert model(np.zeros((1, 9, 7, 3), "float32"))["mask"].shape == (1, 9, 7, 2)
    assert model.get_layer("stage3_block2_conv").kernel_size == (5, 5)
