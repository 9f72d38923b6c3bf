"""Every format: the same answers as the Keras model's, in its own runtime and by predict.py."""

import functools
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from runtime_cases import NAMES, SIZE, TASKS, make_predictor, of_format, real_files, scene

from zoo.export.runtimes import FORMATS
from zoo.export.runtimes.contract import Calibration
from zoo.export.runtimes.convert import Converter
from zoo.export.runtimes.verify import Requests
from zoo.export.told import Told
from zoo.export.tolerance import TOLERANCES

FILES = real_files()
# Of predict.py: Pillow's and TensorFlow's scaling are the same to rounding.
SCORE, BOX, MASK = 2e-3, 0.1, 5e-3


def int8_weights(path):
    """How many numbers a file holds as 8-bit integers."""
    if path.suffix == ".onnx":
        import onnx

        kinds = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
        held = [one for one in onnx.load(path).graph.initializer if one.data_type in kinds]
        return sum(int(np.prod(one.dims)) for one in held)
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path))
        interpreter.allocate_tensors()
        return sum(
            int(np.prod(one["shape"]))
            for one in interpreter.get_tensor_details()
            if one["dtype"] == np.int8
        )
    import openvino

    nodes = openvino.Core().read_model(path).get_ordered_ops()
    kinds = (openvino.Type.i8, openvino.Type.u8)
    constants = [one.output(0) for one in nodes if one.get_type_name() == "Constant"]
    return sum(int(np.prod(one.shape)) for one in constants if one.get_element_type() in kinds)


@functools.cache
def predictor_of(task):
    return make_predictor(task, **({"head": "spatial"} if task == "localization" else {}))


@functools.cache
def calm_predictor_of(task):
    return make_predictor(task, gain=3, **({"head": "spatial"} if task == "localization" else {}))


@functools.cache
def answers_of(task):
    return predictor_of(task).predict(list(FILES.values()))


def converter_of(predictor, folder, **options):
    pictures = options.pop("pictures", list(FILES.values()))
    return Converter(predictor, folder, "pets", pictures, Told(scores={"x": 0.5}), **options)


@pytest.mark.parametrize(("name", "task"), of_format(*TASKS))
def test_predict_py_answers_as_the_predictor_does(name, task, tmp_path):
    predictor = predictor_of(task)
    made = converter_of(predictor, tmp_path / "exported").convert(FORMATS[name], "float32")
    assert made.failed == ""
    assert made.path == tmp_path / "exported" / name
    present = {path.name for path in made.path.iterdir()}
    assert present == {*FORMATS[name].files, "model_card.json", "predict.py"}
    for distance, limit in vars(TOLERANCES["float32"]).items():
        seen = getattr(made.agreement, distance)
        assert seen is None or seen <= limit

    for file, data in FILES.items():
        (tmp_path / file).write_bytes(data)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    program = [sys.executable, str(made.path / "predict.py"), *FILES, "broken.png"]
    # In a folder without the zoo, and with no way to find it.
    done = subprocess.run(
        [*program, *(["-o", "masks"] if task == "segmentation" else [])],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    *said, bad = map(json.loads, done.stdout.splitlines())
    assert "error" in bad
    answers = answers_of(task)
    assert [one["image"] for one in said] == list(FILES)
    for one, answer in zip(said, answers, strict=True):
        assert answer.error == ""
        if task == "segmentation":
            mask = np.asarray(Image.open(tmp_path / one["mask"]))
            assert mask.shape == answer.values["mask"].shape
            assert np.mean(mask != answer.values["mask"]) <= MASK
            shares = list(one["fraction"].values())
            np.testing.assert_allclose(shares, answer.values["fraction"], atol=MASK)
            continue
        assert list(one["probabilities"]) == list(NAMES)
        found = list(one["probabilities"].values())
        np.testing.assert_allclose(found, answer.values["probabilities"], atol=SCORE)
        assert one["label"] == max(one["probabilities"], key=one["probabilities"].get)
        if task == "localization":
            np.testing.assert_allclose(one["box"], answer.values["box"], atol=BOX)
    # What is compared differs from picture to picture, or anything would pass.
    key = {"segmentation": "fraction", "localization": "box"}.get(task, "probabilities")
    assert np.ptp([answer.values[key] for answer in answers], axis=0).max() > 0.1


@pytest.mark.parametrize(("name", "task"), of_format(*TASKS, int8=True))
def test_int8_is_int8_and_near(name, task, tmp_path):
    predictor = calm_predictor_of(task)
    pictures = np.stack([scene(SIZE[1], SIZE[0], seed) for seed in range(30)])
    # Pictures of another kind have ranges of their own.
    options = {"calibration": Calibration(pictures), "pictures": list(pictures[:8])}
    converter = converter_of(predictor, tmp_path, **options)
    made = converter.convert(FORMATS[name], "int8")
    assert made.failed == ""
    assert made.path == tmp_path / f"{name}-int8"
    card = json.loads((made.path / "model_card.json").read_text())
    assert card["precision"] == "int8"
    assert card["calibration"] == {"split": "train", "pictures": 30}
    # Kernels of the four convolutions: 3 x 3 of 3 to 4, 4 to 4, 4 to 8 and 8 to 8.
    assert int8_weights(made.path / FORMATS[name].files[0]) >= 9 * (12 + 16 + 32 + 64)

    image = tf.constant(pictures[:5], tf.float32)
    wanted = predictor.outputs(image)
    said = FORMATS[name].load(made.path / FORMATS[name].files[0])(image.numpy())
    for key, value in said.items():
        distance = np.abs(value - wanted[key].numpy()).max()
        # Near, and not the float32 network under another name.
        assert 1e-5 < distance < 0.03, key


@pytest.mark.parametrize("name", of_format())
def test_five_channels_come_as_arrays(name, tmp_path):
    predictor = make_predictor("classification", channels=5)
    arrays = [scene(width, 20, width, 5) for width in (30, 41)]
    converter = converter_of(predictor, tmp_path, pictures=arrays)
    made = converter.convert(FORMATS[name], "float32")
    assert made.failed == ""
    np.save(tmp_path / "a.npy", arrays[1])
    np.save(tmp_path / "b.npy", arrays[1][..., :3])
    done = subprocess.run(
        [sys.executable, str(made.path / "predict.py"), "a.npy", "b.npy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    good, bad = map(json.loads, done.stdout.splitlines())
    assert bad["error"] == "has the shape (20, 41, 3), not [h, w, 5]"
    (answer,) = predictor.predict([arrays[1]])
    found = list(good["probabilities"].values())
    np.testing.assert_allclose(found, answer.values["probabilities"], atol=SCORE)


@pytest.mark.parametrize("name", of_format())
def test_colour_of_twelve_bits_keeps_no_model_from_appearing(name, tmp_path):
    """In PNGs of 16, which predict.py refuses: the network is asked about them all the same."""
    predictor = make_predictor("classification", values=(0, 4095))
    deep = [scene(30, 20, seed).astype(np.uint16) * 16 for seed in range(2)]
    pictures = [tf.io.encode_png(samples).numpy() for samples in deep] + [FILES["wide.png"]]
    made = converter_of(predictor, tmp_path, pictures=pictures).convert(FORMATS[name], "float32")
    assert made.failed == ""
    assert made.agreement.pictures == 3
    # The one of 8 bits, and six made of the first.
    assert made.agreement.files == 7
    files = dict(Requests(predictor, pictures).files).values()
    # In 12 bits the darkest of the first is 20; in 16 the brightest would be 16.
    assert all(predictor.preprocessing.decode(data).numpy().mean() > 20 for data in files)


@pytest.mark.parametrize("name", of_format())
def test_the_card_says_what_the_model_is(name, tmp_path):
    predictor = predictor_of("localization")
    made = converter_of(predictor, tmp_path, license="CC0-1.0").convert(FORMATS[name], "float32")
    card = json.loads((made.path / "model_card.json").read_text())
    assert (card["name"], card["task"], card["format"]) == ("pets", "localization", name)
    assert card["files"] == list(FORMATS[name].files)
    assert card["class_names"] == list(NAMES)
    assert card["license"] == "CC0-1.0"
    assert card["input"] == {
        "name": "image",
        "dtype": "float32",
        "shape": [None, *SIZE, 3],
        "range": [0, 255],
    }
    assert card["outputs"]["class"] == {"dtype": "float32", "shape": [None, 3]}
    assert card["outputs"]["box"] == {"dtype": "float32", "shape": [None, 4]}
    assert card["preprocessing"]["fit"] == "pad"
    assert card["calibration"] is None
    assert card["scores"] == {"x": 0.5}
    assert FORMATS[name].runtime in card["versions"]
    assert card["verification"]["pictures"] == len(FILES)
    assert card["verification"]["batches"] == [1, 3]
    assert card["verification"]["tolerance"]["box"] == TOLERANCES["float32"].box
    sizes = [(made.path / file).stat().st_size for file in FORMATS[name].files]
    assert made.size_bytes == sum(sizes)
