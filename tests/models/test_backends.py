"""The model room under Keras' other backends, and what it imports."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import zoo.models

ROOM = Path(zoo.models.__file__).parent

# Builds, answers, trains and saves one model of each task, with tensorflow out of reach.
SCRIPT = """
import sys
from importlib.machinery import ModuleSpec

class Blocked:
    # Found but not to be imported: torch looks for tensorflow without meaning to import it.
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.split(".")[0] == "tensorflow" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        raise ModuleNotFoundError(module.__name__, name=module.__name__)

sys.meta_path.insert(0, Blocked())

import keras, numpy
from zoo.models import build, describe

x = numpy.random.default_rng(0).uniform(0, 255, (2, 17, 15, 3)).astype("float32")
targets = {"class": numpy.array([0, 1]), "box": numpy.full((2, 4), 0.5),
           "mask": numpy.zeros((2, 17, 15), "int32")}
loss = {"class": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "box": "mae"}
loss["mask"] = loss["class"]
for task, keys, options in (
    ("classification", ["class"], {"encoder": "resnet20", "filters": (2, 3, 4)}),
    ("localization", ["class", "box"], {"filters": (2, 3)}),
    ("localization", ["class", "box"], {"filters": (2, 3), "head": "flatten"}),
    ("segmentation", ["mask"], {"filters": (2, 3), "residual": True, "stem_stride": 2}),
    ("segmentation", ["mask"], {"filters": (2, 3), "padding": "valid", "normalization": "group"}),
):
    shape = (17, 15, 3) if options.get("head") == "flatten" else (None, None, 3)
    model = build(task, classes=3, input_shape=shape, activation=None, **options)
    model.compile("sgd", loss={key: loss[key] for key in keys})
    model.fit(x, {key: targets[key] for key in keys}, verbose=0)
    answers = build(task, classes=3, input_shape=shape, **options)
    answers.set_weights(model.get_weights())
    answers.save(sys.argv[1])
    again = keras.models.load_model(sys.argv[1])(x)
    for key, value in answers(x).items():
        value = keras.ops.convert_to_numpy(value)
        assert value.dtype == "float32", value.dtype
        assert numpy.isfinite(value).all()
        assert value.min() >= 0 and value.max() <= 1
        assert (value == keras.ops.convert_to_numpy(again[key])).all()
    assert answers(x)["mask"].shape[1:3] == (17, 15) if "mask" in keys else True
    assert describe(model).smallest_input
print(keras.backend.backend())
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_task_under_other_backends(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "model.keras")],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[-1] == backend


def test_the_room_imports_keras_alone():
    allowed = {*sys.stdlib_module_names, "keras"}
    # These import nothing but the standard library.
    common = ("zoo.amounts", "zoo.errors", "zoo.versions")
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                own = name in common or name.startswith("zoo.models")
                # Keras' own file format, read by the names of its layers.
                h5 = name == "h5py" and path.match("weights/reading.py")
                assert own or h5 or name.split(".")[0] in allowed, f"{path.name} imports {name}"
