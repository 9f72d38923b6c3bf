"""The written graph: constants once, ops that servers have, signatures as ever."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import tasks
from zoo.errors import CheckError, UserError
from zoo.export.c_api import Session, SessionError
from zoo.export.graph import freeze
from zoo.export.graph.ops import served_ops
from zoo.export.graph.write import write_graph
from zoo.export.savedmodel import export
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing

NAMES = ("cat", "dog", "fox")
SIZE = (16, 24)


def model_of(task, **options):
    return zoo.build(
        task, encoder="plain", filters=(2, 4), classes=3, input_shape=(*SIZE, 3), **options
    )


def predictor_of(task, model=None, on_error="row"):
    model = model or model_of(task)
    return Predictor(model, tasks.get(task), Preprocessing(SIZE, 3), NAMES, on_error)


def shaken(model):
    """Gives every weight a value as training would; a bias of zeros is optimized away."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        low, high = (0.5, 1.5) if "variance" in weight.path else (-1.0, 1.0)
        weight.assign(random.uniform(low, high, weight.shape))
    return model


def png(height=9, width=13, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return tf.io.encode_png(pixels).numpy()


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_weights_are_stored_once(tmp_path):
    """A dense layer of 4000 x 300 is 4.8 MB; two signatures share it, and nothing else has it."""
    sizes = {}
    for units in (1, 300):
        image = keras.Input((*SIZE, 3), name="image")
        x = keras.layers.Resizing(40, 34)(image)
        x = keras.layers.Flatten()(x[:, :, :, :1])
        x = keras.layers.Dense(units)(keras.ops.pad(x, [[0, 0], [0, 2640]]))
        probabilities = keras.layers.Dense(3, activation="softmax", name="class")(x)
        model = keras.Model(image, {"class": probabilities})
        graph = write_graph(predictor_of("classification", model), tmp_path / str(units))
        assert graph.weights == "constants"
        sizes[units] = size_of(tmp_path / str(units))
    # (4000 + 1 + 3) * 299 * 4 bytes more.
    assert sizes[300] - sizes[1] == pytest.approx(4_788_784, abs=20_000)


def test_too_large_weights_stay_variables(tmp_path, monkeypatch):
    predictor = predictor_of("classification")
    monkeypatch.setattr(freeze, "LARGEST", 100)
    graph = write_graph(predictor, tmp_path / "1")
    assert graph.weights == "variables"
    image = np.full((1, 5, 5, 3), 7, np.float32)
    with Session(tmp_path / "1") as session:
        answer = session.run("pixels", {"image": image})
    expected = predictor.from_pixels(image)["probabilities"]
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-6)


def test_a_folder_of_variables_is_there_all_the_same(tmp_path):
    write_graph(predictor_of("classification"), tmp_path / "1")
    assert (tmp_path / "1" / "variables" / "variables.index").is_file()


@pytest.mark.parametrize("task", tasks.TASKS)
def test_names_shapes_and_types_are_those_of_the_predictor(task, tmp_path):
    predictor = predictor_of(task)
    write_graph(predictor, tmp_path / "1")
    with Session(tmp_path / "1") as session:
        for name, function in predictor.signatures.items():
            concrete = function.get_concrete_function()
            found = session.signatures[name]
            (given,) = concrete.structured_input_signature[0] or concrete.inputs[:1]
            assert set(found.inputs) == {given.name.partition(":")[0]}
            for key, value in concrete.structured_outputs.items():
                strings = value.dtype == tf.string
                dtype = np.dtype(object) if strings else value.dtype.as_numpy_dtype
                assert found.outputs[key].dtype == dtype
                assert found.outputs[key].shape == tuple(value.shape)


def test_convolutions_fuse(tmp_path):
    """In the graph that is run each convolution takes bias and activation along."""
    model = shaken(model_of("classification"))
    write_graph(predictor_of("classification", model), tmp_path / "1")
    v1 = tf.compat.v1
    loader, tags = v1.saved_model.loader, ["serve"]
    metadata = v1.RunMetadata()
    with v1.Session(graph=tf.Graph()) as session:
        signature = loader.load(session, tags, str(tmp_path / "1")).signature_def["pixels"]
        session.run(
            signature.outputs["probabilities"].name,
            {signature.inputs["image"].name: np.zeros((2, *SIZE, 3), np.float32)},
            options=v1.RunOptions(output_partition_graphs=True),
            run_metadata=metadata,
        )
    nodes = [node for graph in metadata.partition_graphs for node in graph.node]
    fused = [list(node.attr["fused_ops"].list.s) for node in nodes if "Conv2D" in node.op]
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert convolutions
    assert fused == [[b"BiasAdd", b"Relu"]] * len(convolutions)
    assert not [node.op for node in nodes if "Rsqrt" in node.op or "Variable" in node.op]


def test_jpegs_are_decoded_at_a_reduced_scale(tmp_path):
    write_graph(predictor_of("classification"), tmp_path / "1")
    from tensorflow.core.protobuf import saved_model_pb2

    data = (tmp_path / "1" / "saved_model.pb").read_bytes()
    library = saved_model_pb2.SavedModel.FromString(data).meta_graphs[0].graph_def.library
    nodes = [node for function in library.function for node in function.node_def]
    # 1, being the default, is not written.
    ratios = {node.attr["ratio"].i or 1 for node in nodes if node.op == "DecodeJpeg"}
    assert ratios == {1, 2, 4, 8}


def saved(function, folder):
    module = tf.Module()
    module.function = function
    tf.saved_model.save(module, str(folder), signatures=function.get_concrete_function())
    return folder


FLOATS = [tf.TensorSpec([None], tf.float32, "x")]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: {"y": tf.numpy_function(np.abs, [x], tf.float32)}, "PyFunc calls Python"),
        (lambda x: {"y": tf.py_function(tf.abs, [x], tf.float32)}, "EagerPyFunc calls Python"),
        (lambda x: {"y": tf.function(tf.abs, jit_compile=True)(x)}, "jit_compile=True needs XLA"),
    ],
)
def test_what_no_server_runs_is_refused(function, reason, tmp_path):
    folder = saved(tf.function(function, input_signature=FLOATS), tmp_path / "1")
    with pytest.raises(CheckError, match=reason):
        served_ops(folder)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        ("_FusedConv2D", "_FusedConv2D is a product of graph optimization"),
        ("XlaCallModule", "XlaCallModule needs XLA"),
        ("TokenizeWithMyLibrary", "TokenizeWithMyLibrary is no op of TensorFlow's own"),
    ],
)
def test_ops_that_are_not_the_servers_are_refused(op, reason, tmp_path):
    function = tf.function(lambda x: {"y": tf.abs(x)}, input_signature=FLOATS)
    path = saved(function, tmp_path / "1") / "saved_model.pb"
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    assert "Abs" in served_ops(path.parent)
    model.meta_graphs[0].graph_def.library.function[0].node_def.add(name="x1", op=op)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(CheckError, match=reason):
        served_ops(path.parent)


def low_precision(task, model):
    """The same network computing in bfloat16, as a recipe builds it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        low = model_of(task)
    finally:
        keras.config.set_dtype_policy(before)
    low.set_weights(model.get_weights())
    return low


@pytest.mark.parametrize("task", tasks.TASKS)
def test_bfloat16_inside_float32_outside(task, tmp_path):
    predictor = predictor_of(task, shaken(model_of(task)))
    network = low_precision(task, predictor.model)
    assert write_graph(predictor, tmp_path / "1", network).precision == "bfloat16"
    scores = "fraction" if task == "segmentation" else "probabilities"
    expected = predictor.from_bytes([png()])[scores]
    with Session(tmp_path / "1") as session:
        outputs = session.signatures["serving_default"].outputs.values()
        found = session.run("serving_default", {"image_bytes": [png()]})[scores]
    assert {info.dtype for info in outputs} <= {np.dtype(object), np.dtype(np.float32)}
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_the_card_says_bfloat16(tmp_path, same_process):
    predictor = predictor_of("classification", shaken(model_of("classification")))
    network = low_precision("classification", predictor.model)
    published = export(predictor, tmp_path, [png()], network=network)
    card = json.loads((published.path / "model_card.json").read_text())
    assert card["precision"] == "bfloat16"
    assert 1e-4 < published.verification.score < 0.03


def test_float32_is_not_given_the_tolerance_of_bfloat16(tmp_path, monkeypatch, same_process):
    predictor = predictor_of("classification", shaken(model_of("classification")))
    low = low_precision("classification", predictor.model)
    from zoo.export.graph import write

    monkeypatch.setattr(write, "precision_of", lambda model: "float32")
    with pytest.raises(CheckError, match=r"score differs by .* allowed is 0\.0001"):
        export(predictor, tmp_path, [png(seed=seed) for seed in range(4)], network=low)


def test_a_bad_picture_fails_the_request_where_that_was_asked_for(tmp_path, same_process):
    predictor = predictor_of("classification", on_error="fail")
    # A file of the data that cannot be read is none to verify with: six are made beside.
    published = export(predictor, tmp_path, [b"broken", png()])
    assert published.verification.pictures == 7
    card = json.loads((published.path / "model_card.json").read_text())
    assert card["on_error"] == "fail"
    with Session(published.path) as session:
        answer = session.run("serving_default", {"image_bytes": [png(), png()]})
        assert answer["error"].tolist() == [b"", b""]
        with pytest.raises(SessionError, match="is not a JPEG") as caught:
            session.run("serving_default", {"image_bytes": [png(), b"none"]})
    assert caught.value.status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("task", ["classification", "localization"])
def test_tiles_are_of_masks(task, tmp_path):
    with pytest.raises(UserError, match=f"task is {task}; export it without --tiled"):
        export(predictor_of(task), tmp_path / "model", [], overlap=0.25)
    assert not (tmp_path / "model").exists()
