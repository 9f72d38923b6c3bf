"""The C++ loader and kernels that TensorFlow Serving uses, without Python TensorFlow.

``TF_LoadSessionFromSavedModel`` is driven through ctypes in a process that never imports
tensorflow: what loads and answers here loads and answers in a server.
"""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DRIVER = Path(__file__).with_name("c_api_driver.py")


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    import zoo
    from zoo import tasks
    from zoo.export.savedmodel import export
    from zoo.inference import Predictor
    from zoo.preprocess import Preprocessing

    model = zoo.build(
        "localization", encoder="plain", filters=(2, 4), classes=3, input_shape=(16, 24, 3)
    )
    names = ("cat", "dog", "fox")
    predictor = Predictor(model, tasks.get("localization"), Preprocessing((16, 24), 3), names)
    path = export(predictor, tmp_path_factory.mktemp("served"), [picture(20, 30)]).path
    return path, predictor


def picture(width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def ask(path, *files):
    result = subprocess.run(
        [sys.executable, str(DRIVER), str(path), *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout.splitlines()[-1])


def test_answers_equal_and_bad_rows_are_marked(version, tmp_path):
    import tensorflow as tf

    path, predictor = version
    # The last is so large that it is decoded at an eighth.
    pictures = [picture(20, 30), b"no picture", picture(31, 9), picture(601, 403)]
    files = []
    for number, data in enumerate(pictures):
        files.append(tmp_path / str(number))
        files[-1].write_bytes(data)
    said = ask(path, *files)
    assert said["tensorflow_imported"] is False
    expected = predictor.from_bytes(tf.constant(pictures))
    np.testing.assert_allclose(
        np.array(said["box"], float).reshape(4, 4), expected["box"].numpy(), atol=1e-2
    )
    np.testing.assert_allclose(np.array(said["score"], float), expected["score"].numpy(), atol=1e-5)
    assert np.isnan(said["score"][1])
