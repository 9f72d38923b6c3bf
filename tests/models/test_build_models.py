import keras
import numpy as np
import pytest
from backends import BACKEND, compiled, learning
from families import LONG, MEMBERS, exhaustive, facts_of, is_own, small_decoder
from families import small as narrow
from gradients import gradients

from zoo.models import FitSize, build, list_decoders, list_heads
from zoo.models.options import DEFAULT_PARTS

OWN_MEMBERS = [name for name in MEMBERS if is_own(name)]
PARTS = [
    *(("classification", {"head": head}) for head in list_heads("classification")),
    *(("localization", {"head": head}) for head in list_heads("localization")),
    *(
        ("segmentation", {"decoder": decoder, **small_decoder(decoder)})
        for decoder in list_decoders()
    ),
]
KEYS = {"classification": {"class"}, "localization": {"class", "box"}, "segmentation": {"mask"}}


def small(task, encoder="plain", **options):
    size = side(encoder)
    arguments = {"classes": 3, "input_shape": (size, size, 3), **narrow(encoder), **options}
    return build(task, encoder=encoder, **arguments)


def side(encoder):
    """Height and width of the pictures that an encoder is tested on."""
    return max(facts_of(encoder)["smallest_input"][0], 16)


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def check_ranges(outputs):
    for key in {"class", "mask"} & outputs.keys():
        values = np.asarray(outputs[key])
        assert values.min() >= 0
        np.testing.assert_allclose(values.sum(-1), 1, atol=1e-5)
    if "box" in outputs:
        box = np.asarray(outputs["box"])
        assert box.min() >= 0
        assert box.max() <= 1
        assert (box[:, :2] <= box[:, 2:]).all()


# Every decoder under every family has a test of its own.
COMBINATIONS = [
    (task, part, encoder)
    for task, part in PARTS
    for encoder in OWN_MEMBERS
    if encoder == "plain" or task != "segmentation"
]

DEEP = pytest.mark.parametrize(
    ("task", "part", "encoder"),
    [one for one in COMBINATIONS if one[-1] in ("plain", "resnet20", "resnet18")],
)


@pytest.mark.parametrize(("task", "part", "encoder"), COMBINATIONS)
def test_every_combination_answers_as_the_contract_says(task, part, encoder):
    check_contract(task, part, encoder)


# Heads and decoders see an encoder's maps alone: one task stands for the others.
@pytest.mark.parametrize(
    "encoder", [exhaustive(name, when=name in LONG) for name in MEMBERS if not is_own(name)]
)
@pytest.mark.parametrize(
    "task", [exhaustive(task, when=task != "classification") for task in DEFAULT_PARTS]
)
def test_other_encoders_answer_as_the_contract_says(task, encoder):
    check_contract(task, {}, encoder)


def check_contract(task, part, encoder):
    model = small(task, encoder, **part)
    size = side(encoder)
    outputs = compiled(model)(pictures(2, size, size, 3))
    assert outputs.keys() == KEYS[task]
    shapes = {"class": (2, 3), "box": (2, 4), "mask": (2, size, size, 3)}
    for key, value in outputs.items():
        assert tuple(value.shape) == shapes[key]
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
    check_ranges(outputs)
    assert model.layers[0].name == "image"
    assert model.inputs[0].dtype == "float32"
    assert not model.compiled
    for layer in model.layers:
        assert type(layer) is FitSize or type(layer).__module__.startswith("keras.src.")


@DEEP
def test_a_saved_model_is_the_same_model(task, part, encoder, tmp_path):
    model = small(task, encoder, residual=True, **part)
    x = pictures(2, 16, 16, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for key, value in compiled(model)(x).items():
        np.testing.assert_array_equal(value, compiled(loaded)(x)[key])


@DEEP
def test_every_trainable_variable_gets_a_gradient(task, part, encoder):
    # elu has a slope everywhere, so that no unit can be dead by chance; and of a single position,
    # which is what resnet18 leaves of 32x32, there is no argmax to learn.
    options = {"activation": None, "block_activation": "elu", "input_shape": (64, 64, 3)}
    model = small(task, encoder, residual=True, **options, **part)
    x = pictures(4, 64, 64, 3)
    weights = {key: pictures(*value.shape, seed=1) for key, value in compiled(model)(x).items()}
    for path, gradient in gradients(model, x, weights).items():
        assert gradient is not None, path
        assert np.abs(gradient).max() > 0, path


@pytest.mark.parametrize(("task", "part"), PARTS)
def test_it_fits_numpy_arrays(task, part):
    model = small(task, **part)
    targets = {
        "class": np.array([0, 2], "int32"),
        "box": np.array([[0, 0, 1, 1], [0.2, 0.3, 0.4, 0.5]], "float32"),
        "mask": np.zeros((2, 16, 16), "int32"),
    }
    losses = {"class": "sparse_categorical_crossentropy", "box": "mae"}
    losses["mask"] = losses["class"]
    if BACKEND == "torch":
        # Of a class for each pixel this loss has no gradient there (docs/keras-notes.md).
        losses["mask"] = "categorical_crossentropy"
        targets["mask"] = np.eye(3, dtype="float32")[targets["mask"]]
    keys = KEYS[task]
    before = model.get_weights()
    model.compile("sgd", loss={key: losses[key] for key in keys})
    with learning():
        model.fit(pictures(2, 16, 16, 3), {key: targets[key] for key in keys}, verbose=0)
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(("task", "part"), PARTS)
def test_logits_have_the_same_weights_and_give_the_same_probabilities(task, part):
    probable = small(task, residual=True, **part)
    logits = small(task, residual=True, activation=None, **part)
    names = [variable.path for variable in probable.weights]
    assert [variable.path for variable in logits.weights] == names
    logits.set_weights(probable.get_weights())
    x = pictures(2, 16, 16, 3)
    for key, value in logits(x).items():
        expected = np.asarray(probable(x)[key])
        found = np.asarray(value)
        if key != "box":
            found = np.exp(found) / np.exp(found).sum(-1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("task", "part"), PARTS)
@pytest.mark.parametrize("activation", ["softmax", None])
def test_low_precision_answers_in_float32(task, part, activation):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small(task, residual=True, activation=activation, **part)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage1_block1_conv1").compute_dtype == "bfloat16"
    outputs = compiled(model)(pictures(2, 16, 16, 3))
    assert {keras.backend.standardize_dtype(value.dtype) for value in outputs.values()} == {
        "float32"
    }
    if activation:
        check_ranges(outputs)


@pytest.mark.parametrize(("task", "part"), PARTS)
def test_a_clone_with_another_batch_normalization_takes_the_weights(task, part):
    class Other(keras.layers.BatchNormalization):
        pass

    def swapped(layer):
        kind = type(layer)
        return (Other if kind is keras.layers.BatchNormalization else kind).from_config(
            layer.get_config()
        )

    model = small(task, residual=True, **part)
    clone = keras.models.clone_model(model, clone_function=swapped)
    clone.set_weights(model.get_weights())
    x = pictures(2, 16, 16, 3)
    for key, value in compiled(model)(x).items():
        np.testing.assert_array_equal(value, compiled(clone)(x)[key])
    assert any(isinstance(layer, Other) for layer in clone.layers)


@pytest.mark.parametrize("head", list_heads("localization"))
@pytest.mark.parametrize(("activation", "expected"), [("softmax", 1.0), (None, 0.0)])
def test_with_one_class_the_score_is_one(head, activation, expected):
    model = small("localization", classes=1, head=head, activation=activation)
    outputs = compiled(model)(pictures(3, 16, 16, 3))
    np.testing.assert_array_equal(outputs["class"], np.full((3, 1), expected))
    assert not any("class" in variable.path for variable in model.weights)


@pytest.mark.parametrize("task", DEFAULT_PARTS)
@pytest.mark.parametrize("channels", [1, 4, 5])
def test_any_number_of_channels(task, channels):
    model = small(task, input_shape=(16, 16, channels))
    check_ranges(compiled(model)(pictures(2, 16, 16, channels)))


def test_input_scaling_is_the_first_layer():
    x = pictures(2, 8, 8, 3)

    def scaled(input_scaling):
        model = small("classification", input_scaling=input_scaling, input_shape=(8, 8, 3))
        layer = model.layers[1]
        return np.asarray(layer(x)) if layer.name == "input_scaling" else x

    np.testing.assert_allclose(scaled("0..1"), x / 255, rtol=1e-6)
    np.testing.assert_allclose(scaled("-1..1"), x / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(scaled(None), x)
    standard = scaled("standardize")
    mean, std = x.mean((1, 2, 3), keepdims=True), x.std((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(standard, (x - mean) / std, atol=1e-4)


def test_weights_are_learnt_from_pixels_alone():
    # 0..1 and raw pixels divided by hand are one model.
    given = small("classification")
    bare = small("classification", input_scaling=None)
    bare.set_weights(given.get_weights())
    x = pictures(2, 16, 16, 3)
    np.testing.assert_allclose(given(x)["class"], bare(x / 255)["class"], atol=1e-6)
