"""Frozen layers stay as they are, statistics included, and thaw again."""

import keras
import numpy as np
import pytest
from backends import learning, needs_tensorflow

import zoo
from zoo.errors import UserError
from zoo.models import list_decoders, list_heads
from zoo.models.weights.freezing import stage_of

PARTS = [
    *(("classification", {"head": head}) for head in list_heads("classification")),
    *(("localization", {"head": head}) for head in list_heads("localization")),
    *(("segmentation", {"decoder": decoder}) for decoder in list_decoders()),
]


def model(task="classification", **options):
    return zoo.build(
        task,
        **{
            "classes": 3,
            "input_shape": (8, 8, 3),
            "filters": (2, 3),
            "activation": None,
            **options,
        },
    )


def train(network):
    """Moves everything that is free to move; returns what was there before."""
    before = {weight.path: np.array(weight) for weight in network.weights}
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (4, 8, 8, 3)).astype("float32")
    targets = {
        key: rng.normal(size=value.shape).astype("float32") for key, value in network(x).items()
    }
    network.compile(keras.optimizers.SGD(0.1), loss=dict.fromkeys(targets, "mse"))
    with learning():
        network.train_on_batch(x, targets)
    return before


def changed(network, before):
    return {w.path for w in network.weights if not np.array_equal(before[w.path], np.array(w))}


def frozen_paths(network, stages):
    return {
        weight.path
        for weight in network.weights
        if (stage := stage_of(weight.path)) is not None and stage <= stages
    }


@pytest.mark.parametrize(
    "fused", [False, pytest.param(True, marks=needs_tensorflow)], ids=["stock", "fused"]
)
@pytest.mark.parametrize(("freeze", "stages"), [("encoder", 2), (2, 2), (1, 1), (None, 0)])
@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_training_leaves_frozen_weights_and_statistics_alone(task, freeze, stages, fused):
    network = model(task, freeze=freeze, block_activation="elu")
    if fused:
        from zoo.training.network import FusedBatchNormalization, training_copy

        network = training_copy(network)
        kinds = {type(layer) for layer in network.layers}
        assert FusedBatchNormalization in kinds
    frozen = frozen_paths(network, stages)
    assert bool(frozen) == bool(stages)
    before = train(network)
    everything = {weight.path for weight in network.weights}
    assert changed(network, before) == everything - frozen
    zoo.thaw(network)
    assert changed(network, train(network)) == everything


def test_the_stem_goes_with_the_first_stage():
    network = zoo.build(
        "classification",
        encoder="resnet18",
        filters=(2, 2, 2, 2),
        classes=3,
        input_shape=(64, 64, 3),
        freeze=1,
    )
    trainable = {layer.name for layer in network.layers if layer.weights and layer.trainable}
    assert {name.split("_")[0] for name in trainable} == {"stage2", "stage3", "stage4", "class"}


@pytest.mark.parametrize(("task", "part"), PARTS)
def test_heads_and_decoders_are_never_frozen(task, part):
    free, frozen = model(task, **part), model(task, freeze="encoder", **part)
    whole = {weight.path for weight in free.trainable_weights}
    assert {weight.path for weight in frozen.trainable_weights} == {
        path for path in whole if not path.startswith("stage")
    }
    assert frozen.trainable_weights


def test_a_frozen_and_a_free_twin_exchange_weights():
    free, frozen = model(), model(freeze="encoder")
    assert [weight.path for weight in free.weights] == [weight.path for weight in frozen.weights]
    free.set_weights(frozen.get_weights())
    x = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(free(x)["class"], frozen(x)["class"])


def test_a_frozen_model_normalises_by_its_statistics_in_training():
    network = model(freeze="encoder")
    x = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(network(x, training=True)["class"], network(x)["class"])


def test_a_saved_model_stays_frozen(tmp_path):
    model(freeze=1).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert changed(loaded, train(loaded)).isdisjoint(frozen_paths(loaded, 1))
    zoo.thaw(loaded)
    assert all(layer.trainable for layer in loaded.layers)


def test_freezing_adds_to_what_is_frozen():
    network = model(freeze="encoder")
    zoo.freeze(network, 1)
    assert all(not weight.trainable for weight in network.get_layer("stage2_block1_conv1").weights)


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        (0, "freeze=0 is unknown; give 'encoder', or the number of stages"),
        (True, "freeze=True is unknown"),
        ("stem", "freeze='stem' is unknown"),
        (1.5, "freeze=1.5 is unknown"),
        (3, "freeze=3 asks for more stages than the encoder's 2; give a number up to 2"),
    ],
)
def test_what_cannot_be_frozen_is_refused(freeze, message):
    with pytest.raises(UserError, match=message):
        model(freeze=freeze)


def test_a_model_of_another_house_has_no_stages():
    inputs = keras.Input((4,))
    other = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(UserError, match="has no layers to freeze"):
        zoo.freeze(other, "encoder")
