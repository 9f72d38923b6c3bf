"""The C++ loader and kernels that TensorFlow Serving uses, without Python TensorFlow."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.export import c_library
from zoo.export.c_api import Session, SessionError

ASK = """
import json, sys
from pathlib import Path
from zoo.export.c_api import Session
with Session(sys.argv[1]) as session:
    pictures = [Path(name).read_bytes() for name in sys.argv[2:]]
    answer = session.run("serving_default", {"image_bytes": pictures})
print(json.dumps({
    "box": answer["box"].tolist(),
    "score": answer["score"].tolist(),
    "imported": "tensorflow" in sys.modules,
}))
"""


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


@pytest.fixture(scope="module")
def session(version):
    with Session(version[0]) as opened:
        yield opened


def picture(width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def test_answers_equal_and_bad_rows_are_marked(version, tmp_path):
    path, predictor = version
    # The last is so large that it is decoded at an eighth.
    pictures = [picture(20, 30), b"no picture", picture(31, 9), picture(601, 403)]
    files = []
    for number, data in enumerate(pictures):
        files.append(tmp_path / str(number))
        files[-1].write_bytes(data)
    result = subprocess.run(
        [sys.executable, "-c", ASK, str(path), *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    said = json.loads(result.stdout.splitlines()[-1])
    assert said["imported"] is False
    expected = predictor.from_bytes(tf.constant(pictures))
    np.testing.assert_allclose(said["box"], expected["box"].numpy(), atol=1e-2)
    np.testing.assert_allclose(said["score"], expected["score"].numpy(), atol=1e-5)
    assert np.isnan(said["score"][1])


def test_signatures_are_read(session):
    assert set(session.signatures) == {"serving_default", "pixels"}
    image_bytes = session.signatures["serving_default"].inputs["image_bytes"]
    assert (image_bytes.dtype, image_bytes.shape) == (np.dtype(object), (None,))
    image = session.signatures["pixels"].inputs["image"]
    assert (image.dtype, image.shape) == (np.dtype(np.float32), (None, None, None, 3))
    box = session.signatures["pixels"].outputs["box"]
    assert (box.dtype, box.shape) == (np.dtype(np.float32), (None, 4))


def test_strings_and_numbers_come_back(version, session):
    image = np.random.default_rng(1).integers(0, 256, (2, 9, 7, 3)).astype(np.float32)
    answer = session.run("pixels", {"image": image})
    expected = {name: value.numpy() for name, value in version[1].from_pixels(image).items()}
    assert answer.keys() == expected.keys()
    assert answer["label"].tolist() == expected["label"].tolist()
    assert answer["classes"].tolist() == expected["classes"].tolist()
    assert answer["error"].tolist() == [b"", b""]
    np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], atol=1e-6)
    assert answer["probabilities"].dtype == np.float32


def test_only_the_outputs_asked_for_are_answered(session):
    image = np.zeros((1, 4, 4, 3), np.float32)
    assert session.run("pixels", {"image": image}, ["box"]).keys() == {"box"}


def test_an_empty_request_has_empty_answers(session):
    answer = session.run("serving_default", {"image_bytes": []})
    assert {name: len(value) for name, value in answer.items()} == dict.fromkeys(answer, 0)
    assert answer["box"].shape == (0, 4)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((1, 4, 4, 3), np.int32), "int32"),
        (np.zeros((4, 4, 3), np.float32), "rank|dim|shape"),
    ],
)
def test_a_request_that_fails_has_its_code(session, image, message):
    with pytest.raises(SessionError, match=message) as caught:
        session.run("pixels", {"image": image})
    assert (caught.value.code, caught.value.status) == (3, "INVALID_ARGUMENT")


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(SessionError) as caught:
        Session(tmp_path)
    assert caught.value.status == "NOT_FOUND"


def test_names_are_checked(session):
    with pytest.raises(KeyError, match="predict"):
        session.run("predict", {"image_bytes": []})
    with pytest.raises(ValueError, match=r"takes \['image'\], given \['pixels'\]"):
        session.run("pixels", {"pixels": np.zeros((1, 4, 4, 3), np.float32)})
    with pytest.raises(ValueError, match=r"a tensor of .*U1 is none"):
        session.run("pixels", {"image": np.full((1, 4, 4, 3), "a")})


def test_a_closed_session_answers_no_more(version):
    opened = Session(version[0])
    opened.close()
    with pytest.raises(ValueError, match="closed"):
        opened.run("serving_default", {"image_bytes": []})
    opened.close()


def test_the_library_is_the_installed_one():
    assert c_library.version() == tf.__version__
    ops = c_library.registered_ops()
    assert {"Conv2D", "DecodeJpeg", "ScaleAndTranslate"} <= ops
    assert "NoSuchOp" not in ops
