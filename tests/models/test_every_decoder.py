"""Every decoder under a small member of every encoder family."""

import keras
import numpy as np
import pytest
from backends import compiled
from families import MEMBERS, exhaustive, facts_of, small, small_decoder
from gradients import gradients

from zoo.models import build, list_decoders
from zoo.models.encoders import ENCODERS


def segmenter(encoder, decoder, **options):
    keras.utils.set_random_seed(1)
    narrow = {**small(encoder), **small_decoder(decoder, encoder)}
    arguments = {"classes": 3, "input_shape": (None, None, 3), **narrow, **options}
    return build("segmentation", encoder=encoder, decoder=decoder, **arguments)


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


def stands_for(encoder, decoder):
    return decoder == "unet" or encoder in ("plain", "resnet18", "mobilenetv3small")


def cancelled(model):
    """Paths of the biases that batch normalization subtracts again at once."""
    return {
        layer.bias.path
        for layer in model.layers
        if getattr(layer, "bias", None) is not None
        and [type(node.operation) for node in layer._outbound_nodes]
        == [keras.layers.BatchNormalization]
    }


# Decoders see an encoder's maps alone: all encoders under one of them, and three, one of
# keras.applications, under all, stand for the rest.
@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        exhaustive(encoder, decoder, when=not stands_for(encoder, decoder))
        for encoder in MEMBERS
        for decoder in list_decoders()
    ],
)
def test_it_builds_learns_saves_and_takes_any_size(encoder, decoder, tmp_path):
    # elu has a slope everywhere, so that no unit of so few can be dead by chance.
    model = segmenter(encoder, decoder, activation=None, block_activation="elu")
    least = max(facts_of(encoder)["smallest_input"][0], 32)
    # Even and odd, square and not.
    for height, width in (
        (least, least),
        (least + 1, least + 6),
        (least + 9, least + 2),
        (least + 3, least + 5),
    ):
        found = compiled(model)(pictures(1, height, width, 3))["mask"]
        assert found.shape == (1, height, width, 3)
        assert np.isfinite(keras.ops.convert_to_numpy(found)).all()

    # Of the coarsest map more than one position; and so many pictures that stochastic depth does
    # not leave the same block out of all.
    shape = (4, least + 32, least + 32, 3)
    exempt = cancelled(model)
    weights = {"mask": pictures(*shape, seed=1)}
    for path, gradient in gradients(model, pictures(*shape), weights).items():
        assert gradient is not None, path
        assert np.isfinite(gradient).all(), path
        assert path in exempt or np.abs(gradient).max() > 0, path

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = pictures(1, least + 1, least + 6, 3)
    expected, again = (
        keras.ops.convert_to_numpy(compiled(one)(x)["mask"]) for one in (model, loaded)
    )
    np.testing.assert_array_equal(again, expected)


@pytest.mark.exhaustive
@pytest.mark.parametrize("decoder", list_decoders())
@pytest.mark.parametrize("encoder", [name for name in ENCODERS if name not in MEMBERS])
def test_the_other_members_build_and_answer(encoder, decoder):
    keras.backend.clear_session()
    least = max(facts_of(encoder)["smallest_input"][0], 33)
    model = segmenter(encoder, decoder)
    found = compiled(model)(pictures(1, least, least + 3, 3))["mask"]
    assert found.shape == (1, least, least + 3, 3)
