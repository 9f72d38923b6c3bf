"""The whole way on pictures that no encoded file carries: five channels of 16 bits."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image

RECIPE = '''"""Which of five channels is bright."""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="{task}",
    data=DataOptions(
        source="{source}", validation=0.25, test=0.25, values=[0, 4095], unreadable="skip"
    ),
    input=InputOptions(size=(8, 8), channels=5),
    model={{"encoder": "plain", "filters": [2, 4]}},
    augment={{"flip": True, "brightness": 0.1}},
    epochs=2,
    batch_size=4,
    learning_rate=0.05,
)
'''


def scene(channel, seed):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 1000, (12, 9, 5), dtype=np.uint16)
    pixels[..., channel] += 3000
    return pixels


@pytest.fixture
def microscope(tmp_path, monkeypatch):
    """Two classes of eight pictures, half NumPy and half TIFF files, one of them damaged."""
    monkeypatch.chdir(tmp_path)
    Path("recipes").mkdir()
    for channel, name in ((1, "left"), (4, "right")):
        folder = Path("pictures", name)
        folder.mkdir(parents=True)
        for number in range(8):
            pixels = scene(channel, 10 * channel + number)
            if number % 2:
                np.save(folder / f"{number}.npy", pixels)
            else:
                stored = {"photometric": "minisblack", "compression": "lzw"}
                tifffile.imwrite(folder / f"{number}.tif", pixels, planarconfig="contig", **stored)
    Path("pictures/left/8.npy").write_bytes(b"\x93NUMPY\x01\0 cut")
    Image.new("RGB", (9, 12)).save("photo.jpg")
    return tmp_path


def test_the_whole_way_with_five_channels(microscope, zoo):
    Path("recipes/five.py").write_text(RECIPE.format(task="classification", source="class_folders"))
    said = zoo("run", "five", "--data", "pictures")
    run = Path("runs/five")
    for name in ("report.html", "sample.npy", "sample_answer.png", "request.json"):
        assert (run / name).stat().st_size > 0, name
    assert json.loads((run / "evaluation.json").read_text())["scores"]["accuracy"] >= 0.5
    notes = "\n".join(json.loads((run / "data.json").read_text())["notes"])
    assert "scaled from 16 bits to 8, so that 0 is 0 and 4095 is 255" in notes
    assert "8.npy is damaged or cut short" in notes + said.stderr
    assert "in memory" in said.stderr

    # Converted once: whatever opened the data, there is one store.
    (store,) = [path for path in Path("runs/cache").iterdir() if path.is_dir()]
    assert {path.name for path in store.iterdir()} == {"pictures.array_record", "manifest.json"}

    # A file, the pixels and the request's body get the same answer.
    files = ["pictures/right/1.npy", "pictures/right/2.tif", "photo.jpg"]
    lines = zoo("predict", "savedmodels/five", *files, "-o", "answers", code="any").stdout
    first, second, photo = map(json.loads, lines.splitlines())
    assert photo["error"] == "has 1, 3 or 4 channels; this model takes 5"
    assert Path(first["drawn"]).is_file()
    assert Path(second["drawn"]).is_file()
    loaded = tf.saved_model.load("savedmodels/five/1")
    for name, answer in zip(files, (first, second), strict=False):
        raw = np.load(name) if name.endswith("npy") else tifffile.imread(name)
        image = np.floor(raw[None].astype(float) * 255 / 4095 + 0.5).clip(0, 255).astype(np.float32)
        served = loaded.signatures["serving_default"](image=tf.constant(image))
        assert served["label"].numpy()[0].decode() == answer["label"]
        assert served["score"].numpy()[0] == pytest.approx(answer["score"], abs=1e-4)
    body = json.loads((run / "request.json").read_text())
    served = loaded.signatures["serving_default"](image=tf.constant(body["instances"], tf.float32))
    sample = json.loads(zoo("predict", "savedmodels/five", run / "sample.npy").stdout)
    assert served["score"].numpy()[0] == pytest.approx(sample["score"], abs=1e-4)

    # Resumed from its first epoch, it ends where it ended.
    again = zoo("train", "five", "--data", "pictures", "--run", "runs/other", "--set", "epochs=2")
    assert "Traceback" not in again.output
    with (
        np.load(run / "checkpoints/last.npz") as one,
        np.load("runs/other/checkpoints/last.npz") as other,
    ):
        for name in one.files:
            if name != "state":
                np.testing.assert_array_equal(one[name], other[name])


def test_a_range_of_values_that_is_none_is_refused(microscope, refused):
    text = RECIPE.format(task="classification", source="class_folders").replace("4095", "-1")
    Path("recipes/five.py").write_text(text)
    assert "values=(0.0, -1.0) is no range" in refused("train", "five", "--data", "pictures")
