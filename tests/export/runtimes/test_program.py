"""predict.py's own arithmetic, against the one place where the zoo computes it."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from runtime_cases import NAMES, encoded, real_files, scene

from zoo.export.runtimes import FORMATS
from zoo.export.runtimes.program import refuses, write_program
from zoo.export.runtimes.replay import program
from zoo.preprocess import Preprocessing
from zoo.preprocess.geometry import FITS

SIZE = (16, 24)
FORMAT = FORMATS["onnx"]


@pytest.fixture(scope="module")
def program_of(tmp_path_factory):
    """Writes predict.py for a preprocessing and a model's outputs; returns it as a module."""

    def written(preprocessing, *outputs):
        folder = tmp_path_factory.mktemp("program")
        card = {"class_names": NAMES, "preprocessing": preprocessing.to_json()}
        (folder / "model_card.json").write_text(json.dumps(card))
        write_program(folder, FORMAT, preprocessing, outputs)
        return program(folder / "predict.py")

    return written


@pytest.mark.parametrize("fit", FITS)
def test_a_picture_lies_where_the_zoo_lays_it(fit, program_of):
    preprocessing = Preprocessing(SIZE, 3, fit)
    module = program_of(preprocessing, "class")

    @settings(deadline=None, derandomize=True, max_examples=200)
    @given(st.integers(1, 5000), st.integers(1, 5000))
    def check(height, width):
        place = preprocessing.geometry(tf.constant([height, width]))
        wanted = [*place.scaled.numpy(), *place.offset.numpy()]
        assert list(module.place(height, width)) == wanted

    check()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_are_read_and_fitted_as_the_zoo_does(fit, channels, program_of):
    preprocessing = Preprocessing(SIZE, channels, fit)
    module = program_of(preprocessing, "class")
    for name, data in real_files().items():
        pixels = module.read(io.BytesIO(data))
        np.testing.assert_array_equal(pixels, preprocessing.decode(data), err_msg=name)
        wanted = preprocessing.fit_image(tf.constant(pixels)).numpy()
        found = module.fit(pixels)
        assert found.dtype == np.float32
        # The sums are taken in another order, and then rounded.
        assert np.abs(found - wanted).max() <= 1, name
        assert np.mean(found != wanted) <= 0.02, name


@pytest.mark.parametrize("values", [None, (100, 4095)])
def test_sixteen_bits_become_eight_as_the_zoo_makes_them(values, program_of):
    samples = np.random.default_rng(0).integers(0, 5000, (20, 30), np.uint16)
    data = tf.io.encode_png(samples[..., None]).numpy()
    preprocessing = Preprocessing(SIZE, 1, values=values)
    found = program_of(preprocessing, "class").read(io.BytesIO(data))
    np.testing.assert_array_equal(found, preprocessing.decode(data))


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_of_sixteen_bits_is_refused_where_pillow_would_read_it_wrong(channels, program_of):
    samples = np.random.default_rng(0).integers(0, 4096, (20, 30, 3), np.uint16)
    files = [tf.io.encode_png(samples).numpy()]
    files.append(tf.io.encode_png(samples[..., :2]).numpy())
    module = program_of(Preprocessing(SIZE, channels, values=(0, 4095)), "class")
    for data in files:
        with pytest.raises(ValueError, match="not as 0 to 4095; convert it to 8 bits"):
            module.read(io.BytesIO(data))
    # 8 bits mean what they say, and the full range is what Pillow takes for granted.
    colour = encoded(scene(30, 20, 0))
    np.testing.assert_array_equal(
        module.read(io.BytesIO(colour)), Preprocessing(SIZE, channels).decode(colour)
    )
    for values in (None, (0, 65535)):
        preprocessing = Preprocessing(SIZE, channels, values=values)
        found = program_of(preprocessing, "class").read(io.BytesIO(files[0]))
        wanted = preprocessing.decode(files[0]).numpy().astype(int)
        assert np.abs(found - wanted).max() <= 1


@pytest.mark.parametrize("values", [None, (0, 65535), (0, 4095)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_it_is_known_what_the_program_refuses(channels, kind, values, program_of):
    preprocessing = Preprocessing(SIZE, 3, values=values)
    data = tf.io.encode_png(np.ones((2, 3, channels), kind)).numpy()
    preprocessing.decode(data)
    refused = refuses(data, preprocessing.values)
    assert refused == (kind is np.uint16 and channels > 1 and values == (0, 4095))
    try:
        program_of(preprocessing, "class").read(io.BytesIO(data))
    except ValueError:
        assert refused
    else:
        assert not refused


@pytest.mark.parametrize("fit", ["pad", "stretch"])
def test_boxes_come_back_as_the_zoo_brings_them(fit, program_of):
    preprocessing = Preprocessing(SIZE, 3, fit)
    module = program_of(preprocessing, "class", "box")

    @settings(deadline=None, derandomize=True, max_examples=100)
    @given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 10**6))
    def check(height, width, seed):
        box = np.sort(np.random.default_rng(seed).uniform(0, 1, (2, 2)), axis=0)
        box = box.reshape(4).astype(np.float32)
        wanted = preprocessing.restore_box(box[None], tf.constant([[height, width]]))[0]
        found = module.to_picture(box, height, width)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-3)

    check()


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("size", [(16, 24), (7, 9), (50, 17), (20, 61), (400, 300), (1, 1)])
def test_masks_come_back_as_the_zoo_brings_them(fit, size, program_of):
    preprocessing = Preprocessing(SIZE, 3, fit)
    module = program_of(preprocessing, "mask")
    logits = scene(SIZE[1], SIZE[0], 5, 3).astype(np.float32)
    probabilities = tf.nn.softmax(logits + np.float32([0, 4, 9])).numpy()
    wanted = preprocessing.restore_mask(probabilities, tf.constant(size)).numpy()
    found = module.to_picture(probabilities, *size)
    assert found.dtype == np.uint8
    assert found.shape == wanted.shape
    assert np.mean(found != wanted) <= 0.002


def test_a_box_by_hand(program_of):
    # 48 x 16 into 24 x 16: the width is filled, scale 1/2, 8 rows of picture from row 4 on.
    module = program_of(Preprocessing(SIZE, 3), "class", "box")
    assert module.place(16, 48) == (8, 24, 4, 0)
    # x: 0.25 * 24 = 6 -> 12, 0.75 * 24 = 18 -> 36; y: 0.5 * 16 - 4 = 4 -> 8; 1 ends below: 16.
    np.testing.assert_allclose(module.to_picture([0.25, 0.5, 0.75, 1], 16, 48), [12, 8, 36, 16])


def test_what_a_network_says_is_told_by_name(program_of):
    module = program_of(Preprocessing(SIZE, 3), "class", "box")

    def network(image):
        assert image.shape == (1, *SIZE, 3)
        assert image.dtype == np.float32
        return {"class": np.float32([[0.1, 0.7, 0.2]]), "box": np.float32([[0, 0, 1, 1]])}

    said = module.answer(network, io.BytesIO(encoded(scene(48, 16, 0))))
    assert said["label"] == "dog"
    assert said["score"] == pytest.approx(0.7)
    assert said["probabilities"] == pytest.approx(dict(zip(NAMES, (0.1, 0.7, 0.2), strict=True)))
    assert said["box"] == [0, 0, 48, 16]
    json.dumps(said)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [1, 5])
def test_the_program_is_written_as_people_write(fit, channels, tmp_path):
    import ast

    for outputs in (("class",), ("class", "box"), ("mask",)):
        if fit == "crop" and outputs != ("class",):
            continue
        preprocessing = Preprocessing(SIZE, channels, fit)
        for one in FORMATS.values():
            write_program(tmp_path, one, preprocessing, outputs)
            text = (tmp_path / "predict.py").read_text()
            assert all(len(line) <= 100 and line == line.rstrip() for line in text.split("\n"))
            assert "\n\n\n\n" not in text
            assert one.runtime in text
            imported = {
                name.name.partition(".")[0]
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Import)
                for name in node.names
            }
            assert imported <= {"argparse", "io", "json", "sys", "os", "numpy", *one.modules}


def test_files_that_cannot_be_read_fail_nobody_else(program_of, tmp_path, monkeypatch, capsys):
    module = program_of(Preprocessing(SIZE, 3), "class")
    monkeypatch.setattr(module, "load", lambda path: lambda image: {"class": np.eye(3)[:1]})
    # Larger than Pillow takes.
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 40)
    contents = {"bomb": scene(10, 10, 0), "whole": scene(6, 6, 0)}
    for name, pixels in contents.items():
        (tmp_path / f"{name}.png").write_bytes(encoded(pixels))
    (tmp_path / "empty.png").touch()
    files = [str(tmp_path / f"{name}.png") for name in ("bomb", "empty", "gone", "whole")]
    monkeypatch.setattr("sys.argv", ["predict.py", *files])
    assert module.main() == 2
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["image"] for row in said] == files
    assert ["error" in row for row in said] == [True, True, True, False]
    assert "decompression bomb" in said[0]["error"]


def test_empty_arrays_fail_nobody_else(program_of, tmp_path, monkeypatch, capsys):
    module = program_of(Preprocessing(SIZE, 5), "class")
    monkeypatch.setattr(module, "load", lambda path: lambda image: {"class": np.eye(3)[:1]})
    (tmp_path / "empty.npy").touch()
    np.save(tmp_path / "whole.npy", np.zeros((4, 4, 5), np.uint8))
    monkeypatch.setattr("sys.argv", ["predict.py", *map(str, sorted(tmp_path.iterdir()))])
    assert module.main() == 2
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in row for row in said] == [True, False]


@pytest.fixture
def masks_of(program_of, tmp_path, monkeypatch):
    """Runs predict.py's main, of a model of masks, in a folder of its own."""
    module = program_of(Preprocessing(SIZE, 3), "mask")
    monkeypatch.chdir(tmp_path)

    def network(image):
        # The class whose number a picture is filled with.
        ids = image[..., 0].round().astype(int)
        return {"mask": np.eye(3, dtype=np.float32)[ids]}

    monkeypatch.setattr(module, "load", lambda path: network)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["predict.py", *arguments])
        return module.main()

    return run


def fill(**classes):
    """Writes pictures filled with the number of a class; returns their paths."""
    files = []
    for name, number in classes.items():
        files.append(f"{name}/1.png")
        Path(name).mkdir()
        Path(files[-1]).write_bytes(encoded(np.full((*SIZE, 3), number, np.uint8)))
    return files


def test_pictures_of_one_name_get_a_mask_each(masks_of, capsys):
    files = fill(a=1, b=2)
    assert masks_of(*files, "-o", "masks") == 0
    said = [json.loads(line)["mask"] for line in capsys.readouterr().out.splitlines()]
    assert said == ["masks/1_mask.png", "masks/1_2_mask.png"]
    assert [Image.open(mask).getpixel((0, 0)) for mask in said] == [1, 2]


def test_a_mask_replaces_no_file(masks_of, capsys):
    files = fill(a=1, b=2)
    Path("1_2_mask.png").write_bytes(b"drawn by hand")
    with pytest.raises(SystemExit) as ended:
        masks_of(*files)
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(
        ": error: 1_2_mask.png is there already and is not replaced; name another folder by -o\n"
    )
    assert Path("1_2_mask.png").read_bytes() == b"drawn by hand"
    # Known before anything is asked: no half of the masks lies there.
    assert not Path("1_mask.png").exists()


def test_a_mask_replaces_no_file_that_comes_meanwhile(masks_of, monkeypatch, capsys):
    files = fill(a=1, b=2)
    made = Image.fromarray

    def meanwhile(*arguments):
        Path("1_mask.png").write_bytes(b"drawn by hand")
        return made(*arguments)

    monkeypatch.setattr("PIL.Image.fromarray", meanwhile)
    assert masks_of(*files) == 2
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "1_mask.png is there already" in said[0]["error"]
    assert said[1]["mask"] == "1_2_mask.png"
    assert Path("1_mask.png").read_bytes() == b"drawn by hand"
