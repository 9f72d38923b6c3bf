"""What is exported answers as the Keras model does: every task, encoder family and decoder."""

import keras
import numpy as np
import pytest
from backends import needs_tensorflow, tf
from families import MEMBERS, exhaustive, facts_of, is_own, small, small_decoder

import zoo
from zoo.export.tolerance import TOLERANCES
from zoo.models import list_decoders

pytestmark = needs_tensorflow

NAMES = ("cat", "dog", "fox")
# Stand for keras.applications where not all are built.
CHOSEN = ("mobilenetv3small", "vgg16")


def tolerance(encoder):
    """How far probabilities may lie apart.

    Of the deepest networks Keras' own answers in float32 lie 2.5e-5 from those in float64, and as
    far, to another side, lie those of what is exported; they get what publishing allows.
    """
    return 1e-5 if is_own(encoder) or encoder in CHOSEN else TOLERANCES["float32"].score


def least(encoder):
    """A small height and width that an encoder takes, of which not one is the other."""
    height, width = facts_of(encoder)["smallest_input"]
    return max(height, 24), max(width, 32)


def noise(count, height, width):
    """Blotches, of which deep maps still show more than an average."""
    random = np.random.default_rng(count)
    coarse = random.integers(0, 256, (count, -(-height // 8), -(-width // 8), 3), np.uint8)
    pixels = coarse.repeat(8, 1).repeat(8, 2)[:, :height, :width]
    return np.clip(pixels + random.normal(0, 20, pixels.shape), 0, 255).astype(np.float32).round()


def enliven(model, pictures):
    """Gives a network such numbers as training would; those of a new one hide what gets lost.

    Normalization gets the statistics of its maps and factors of its own, biases are not 0, and
    the last layer is scaled so that probabilities lie apart, and none is 0 or 1.
    """
    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if weight.name in ("bias", "beta"):
            weight.assign(random.uniform(-0.2, 0.2, weight.shape))
        elif weight.name == "gamma":
            weight.assign(weight * random.uniform(0.8, 1.2, weight.shape))
    normalizations = [
        layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
    model(pictures, training=True)
    for layer, momentum in zip(normalizations, momenta, strict=True):
        layer.momentum = momentum
        # A channel that hardly varies would be blown up, and its rounding with it.
        variance = layer.moving_variance.numpy()
        layer.moving_variance.assign(np.maximum(variance, variance.mean()))
    [last] = [layer for layer in model.layers if layer.name in ("class_logits", "mask_logits")]
    logits = keras.Model(model.inputs[0], last.output)(pictures, training=False).numpy()
    logits = logits.reshape(-1, logits.shape[-1])
    scale = 1 / logits.std(axis=0).mean()
    last.kernel.assign(last.kernel * scale)
    last.bias.assign((last.bias - logits.mean(axis=0)) * scale)


def written(task, encoder, folder, **options):
    """Returns a predictor, the signatures of its SavedModel, and pictures of its input's size."""
    from zoo import tasks
    from zoo.export.graph.write import write_graph
    from zoo.inference import Predictor
    from zoo.preprocess import Preprocessing

    height, width = least(encoder)
    options = {**small(encoder), **options}
    model = zoo.build(task, encoder=encoder, classes=3, input_shape=(height, width, 3), **options)
    pictures = noise(8, height, width)
    enliven(model, pictures)
    predictor = Predictor(model, tasks.get(task), Preprocessing((height, width), 3), NAMES)
    write_graph(predictor, folder / "1")
    return predictor, tf.saved_model.load(str(folder / "1")).signatures, pictures


def ways(pictures):
    """The signatures, with the same pictures for each."""
    files = [tf.io.encode_png(picture.astype(np.uint8)).numpy() for picture in pictures]
    yield "serving_default", {"image_bytes": tf.constant(files)}
    yield "pixels", {"image": tf.constant(pictures)}


def assert_answers(task, encoder, folder):
    """Of a task that answers for whole pictures."""
    predictor, signatures, pictures = written(task, encoder, folder)
    probabilities = predictor.model(pictures, training=False)["class"].numpy()
    allowed = tolerance(encoder)
    assert np.ptp(probabilities, axis=0).min() > 0.05
    for key, given in ways(pictures):
        found, expected = signatures[key](**given), predictor.signatures[key](**given)
        assert found.keys() == expected.keys()
        np.testing.assert_allclose(found["probabilities"], probabilities, atol=allowed)
        for name, value in expected.items():
            if value.dtype == tf.string:
                np.testing.assert_array_equal(found[name], value)
            else:
                # A box in pixels of the sizes here.
                limit = 100 * allowed if name == "box" else allowed
                np.testing.assert_allclose(found[name], value, rtol=0, atol=limit)


@pytest.mark.parametrize(
    "encoder", [exhaustive(name, when=name != "mobilenetv3small") for name in MEMBERS]
)
def test_classification(encoder, tmp_path):
    assert_answers("classification", encoder, tmp_path)


@pytest.mark.parametrize("encoder", [exhaustive(name, when=name != "vgg16") for name in MEMBERS])
def test_localization(encoder, tmp_path):
    assert_answers("localization", encoder, tmp_path)


# Decoders see an encoder's maps alone: all of them under one own network and one of
# keras.applications, and one of them under all networks, stand for the rest.
@pytest.mark.parametrize(
    ("encoder", "decoder", "options"),
    [
        exhaustive(encoder, decoder, {}, when=(encoder, decoder) != ("resnet18", "deeplabv3plus"))
        for encoder in MEMBERS
        for decoder in list_decoders()
        if decoder == "unet" or encoder in ("resnet18", "mobilenetv3small")
    ]
    + [("plain", "unet", {"attention": True})],
)
def test_segmentation(encoder, decoder, options, tmp_path):
    options = {**small_decoder(decoder, encoder), **options}
    predictor, signatures, pictures = written(
        "segmentation", encoder, tmp_path, decoder=decoder, **options
    )
    probabilities = predictor.model(pictures, training=False)["mask"].numpy()
    likeliest = np.sort(probabilities, axis=-1)
    clear = likeliest[..., -1] - likeliest[..., -2] > 2 * tolerance(encoder)
    assert clear.mean() > 0.99
    shares = [(probabilities.argmax(-1) == number).mean() for number in range(len(NAMES))]
    assert max(shares) < 0.9
    for key, given in ways(pictures):
        found = signatures[key](**given)
        assert found.keys() == predictor.signatures[key](**given).keys()
        masks = [tf.io.decode_png(data, 1)[..., 0] for data in found["mask_bytes"]]
        masks = np.stack(masks)
        np.testing.assert_array_equal(masks[clear], probabilities.argmax(-1)[clear])
        counted = [(masks == number).mean(axis=(1, 2)) for number in range(len(NAMES))]
        np.testing.assert_allclose(found["fraction"], np.transpose(counted), atol=1e-6)
        if key == "pixels":
            np.testing.assert_array_equal(found["mask"], masks)
        assert set(found["error"].numpy()) == {b""}
