"""Folding: fewer layers, the same answers."""

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from zoo.export.graph import fold as module
from zoo.export.graph.fold import fold

RANK = {"1D": 1, "2D": 2, "3D": 3}


def shaken(model, seed=0):
    """Gives every weight a value that matters; new ones make normalization an identity."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        low, high = (0.5, 2.0) if "variance" in weight.path else (-1.0, 1.0)
        weight.assign(random.uniform(low, high, weight.shape))
    return model


def normalizations(model):
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, layers.BatchNormalization)
    ]


def pictures(model, count=2):
    random = np.random.default_rng(1)
    shape = [count, *(size or 7 for size in model.inputs[0].shape[1:])]
    return random.uniform(-1, 1, shape).astype("float32")


def differences(model, folded):
    images = pictures(model)
    pairs = zip(
        keras.tree.flatten(model(images, training=False)),
        keras.tree.flatten(folded(images, training=False)),
        strict=True,
    )
    return [float(np.abs(one - other).max()) for one, other in pairs]


def layer_of(kind, use_bias):
    if kind is layers.Dense:
        return kind(4, use_bias=use_bias), (5,)
    rank = RANK[kind.__name__.removesuffix("Transpose")[-2:]]
    shape = (7,) * rank + (3,)
    if kind.__name__.startswith("Depthwise"):
        return kind(3, depth_multiplier=2, use_bias=use_bias), shape
    options = {"depth_multiplier": 2} if kind.__name__.startswith("Separable") else {}
    return kind(4, 3, use_bias=use_bias, **options), shape


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", module._LINEAR, ids=lambda kind: kind.__name__)
def test_every_linear_layer_takes_normalization_in(kind, use_bias):
    layer, shape = layer_of(kind, use_bias)
    image = keras.Input(shape)
    x = layers.BatchNormalization(epsilon=0.1)(layer(image))
    model = shaken(keras.Model(image, layers.ReLU()(x)))
    folded = fold(model)
    assert not normalizations(folded)
    assert max(differences(model, folded)) < 1e-5
    # A kernel, or a depthwise and a pointwise one, and a bias.
    assert len(folded.weights) == (3 if kind.__name__.startswith("Separable") else 2)


def test_the_numbers_by_hand():
    """Kernel 3 and bias 1; (y - 2) / sqrt(3 + 1) * 4 + 5: kernel 3 * 2, bias (1 - 2) * 2 + 5."""
    image = keras.Input((1,))
    x = layers.BatchNormalization(epsilon=1.0)(layers.Dense(1)(image))
    model = keras.Model(image, x)
    model.set_weights([np.array(value) for value in ([[3.0]], [1.0], [4.0], [5.0], [2.0], [3.0])])
    kernel, bias = fold(model).get_weights()
    assert (kernel.item(), bias.item()) == (6.0, 3.0)


def test_without_scale_and_center():
    image = keras.Input((5, 5, 2))
    x = layers.BatchNormalization(scale=False, center=False)(layers.Conv2D(3, 1)(image))
    model = shaken(keras.Model(image, x))
    assert not normalizations(fold(model))
    assert max(differences(model, fold(model))) < 1e-5


def _activated(image):
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    return layers.BatchNormalization()(x)


def _activation_before(image):
    x = layers.ReLU()(layers.Conv2D(3, 3, padding="same")(image))
    return layers.BatchNormalization()(x)


def _first(image):
    return layers.Conv2D(3, 3)(layers.ReLU()(layers.BatchNormalization()(image)))


def _after_a_sum(image):
    x = layers.Conv2D(3, 3, padding="same")(image)
    return layers.BatchNormalization()(layers.Add()([x, layers.ReLU()(x)]))


def _read_twice(image):
    x = layers.Conv2D(3, 3, padding="same")(image)
    return layers.Add()([layers.BatchNormalization()(x), x])


def _called_twice(image):
    convolution = layers.Conv2D(2, 3, padding="same")
    x = layers.BatchNormalization()(convolution(image))
    return convolution(x)


def _shared(image):
    normalization = layers.BatchNormalization()
    x = normalization(layers.Conv2D(2, 3, padding="same")(image))
    return normalization(layers.Conv2D(2, 3, padding="same")(x))


def _of_another_axis(image):
    return layers.BatchNormalization(axis=1)(layers.Conv2D(5, 3, padding="same")(image))


def _also_an_output(image):
    x = layers.Conv2D(3, 3)(image)
    return [x, layers.BatchNormalization()(x)]


@pytest.mark.parametrize(
    "graph",
    [
        _activated,
        _activation_before,
        _first,
        _after_a_sum,
        _read_twice,
        _called_twice,
        _shared,
        _of_another_axis,
        _also_an_output,
    ],
)
def test_what_cannot_be_folded_stays(graph):
    image = keras.Input((5, 5, 2))
    model = shaken(keras.Model(image, graph(image)))
    folded = fold(model)
    assert len(normalizations(folded)) == len(normalizations(model))
    assert max(differences(model, folded)) < 1e-5


def test_models_inside_a_model():
    inner_image = keras.Input((5, 5, 2))
    x = layers.BatchNormalization()(layers.Conv2D(3, 3)(inner_image))
    inner = keras.Model(inner_image, x)
    row = keras.Sequential([layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU()])
    image = keras.Input((5, 5, 2))
    model = shaken(keras.Model(image, row(inner(image))))
    folded = fold(model)
    assert not normalizations(folded)
    assert max(differences(model, folded)) < 1e-5


@pytest.mark.parametrize("kind", module._FOR_TRAINING, ids=lambda kind: kind.__name__)
def test_what_only_training_needs_is_gone(kind):
    argument = () if kind is layers.ActivityRegularization else (0.5,)
    rank = RANK.get(kind.__name__[-2:], 2)
    image = keras.Input((4,) * rank + (2,))
    model = keras.Model(image, layers.ReLU()(kind(*argument)(image)))
    folded = fold(model)
    assert not folded.variables
    assert kind not in {type(layer) for layer in folded.layers}
    assert differences(model, folded) == [0.0]


def test_groups_without_xla():
    image = keras.Input((7, 7, 4))
    x = layers.Conv2D(6, 3, strides=2, padding="same", groups=2)(image)
    model = shaken(keras.Model(image, layers.BatchNormalization()(x)))
    assert max(differences(model, fold(model))) < 1e-5


def test_names_and_precision_stay():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, dtype="mixed_bfloat16", name="stem")(image)
    x = layers.BatchNormalization(dtype="mixed_bfloat16", name="norm")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    model = keras.Model(image, {"class": layers.Dense(2, dtype="float32", name="logits")(x)})
    folded = fold(model)
    assert [layer.name for layer in folded.layers] == [layer.name for layer in model.layers]
    precisions = [layer.compute_dtype for layer in model.layers]
    assert [layer.compute_dtype for layer in folded.layers] == precisions
    assert set(folded(np.zeros((1, 8, 8, 3)))) == {"class"}
    assert [one.name for one in folded.inputs] == ["image"]


def test_the_model_itself_is_not_changed():
    model = shaken(zoo.build("classification", filters=(2,), classes=2, input_shape=(8, 8, 3)))
    before = [value.copy() for value in model.get_weights()]
    fold(model)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# One of each way to build blocks: after the activation, before it, depthwise, in groups.
@pytest.mark.parametrize(
    ("encoder", "left"),
    [("resnet20", 0), ("mobilenetv2", 0), ("resnet50v2", 17), ("resnext50", 0)],
)
def test_encoders(encoder, left):
    """ResNet-50 v2 has 49: 16 blocks and the last map begin with one, the others follow."""
    keras.utils.set_random_seed(0)
    model = shaken_a_little(
        zoo.build("classification", encoder=encoder, classes=3, input_shape=(32, 32, 3))
    )
    folded = fold(model)
    assert len(normalizations(folded)) == left
    assert max(differences(model, folded)) < 1e-5


def shaken_a_little(model):
    random = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.split("/")[-1] in ("gamma", "beta", "moving_mean", "moving_variance"):
            weight.assign(weight + random.uniform(-0.3, 0.3, weight.shape))
    return model
