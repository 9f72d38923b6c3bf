import functools
import math

import keras
import numpy as np
import pytest
from backends import compiled, needs_tensorflow, tf
from families import small_decoder
from gradients import gradients

from zoo.models import build, list_decoders
from zoo.models.decoders import DECODERS
from zoo.models.groups import bind
from zoo.models.strides import output_strides

SAME = [(1, 1), (7, 2), (33, 18), (40, 57)]
THREE = {"filters": (2, 3, 4)}
# Encoders by what is particular about their maps, and sizes that they can take.
ENCODERS = {
    "three maps": ("plain", THREE, SAME),
    "stride 2 first": ("plain", {**THREE, "stem_stride": 2}, SAME),
    "one map": ("plain", {"filters": (3,)}, SAME),
    "five maps": ("resnet18", {"filters": (2, 3, 4, 5)}, SAME),
    "borders": ("plain", {**THREE, "padding": "valid"}, [(44, 61), (64, 64), (47, 46), (97, 44)]),
    "stride 4 first": ("alexnet", {"filters": (2, 3, 4, 4, 4)}, [(63, 97), (64, 64), (90, 71)]),
}
# Besides each decoder as it comes, what else it can be made of.
VARIANTS = [
    *((name, {}) for name in list_decoders()),
    ("unet", {"upsample": "nearest"}),
    ("unet", {"upsample": "bilinear"}),
    ("unet", {"attention": True, "residual": True}),
    ("deeplabv3plus", {"separable": False, "rates": (1, 2)}),
]
SHAPES = pytest.mark.parametrize("encoder", ENCODERS)
# Of the others test_every_decoder saves and differentiates the families.
FEW = pytest.mark.parametrize("encoder", ["one map", "stride 2 first", "borders"])
EACH = pytest.mark.parametrize("decoder", list_decoders())


def segmenter(decoder, encoder="three maps", shape=(None, None, 3), **options):
    name, own, _ = ENCODERS[encoder]
    keras.utils.set_random_seed(1)
    return build(
        "segmentation",
        encoder=name,
        decoder=decoder,
        classes=3,
        input_shape=shape,
        **{**own, **small_decoder(decoder), **options},
    )


@functools.cache
def open_model(decoder, encoder):
    return segmenter(decoder, encoder)


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")


@SHAPES
@EACH
def test_the_mask_is_as_large_as_the_picture(decoder, encoder):
    model = open_model(decoder, encoder)
    assert model.output["mask"].shape == (None, None, None, 3)
    for size in ENCODERS[encoder][2]:
        mask = np.asarray(compiled(model)(pictures(1, *size, 3))["mask"])
        assert mask.shape == (1, *size, 3)
        assert np.isfinite(mask).all()


@SHAPES
@EACH
def test_fixed_and_open_sizes_are_one_network(decoder, encoder):
    size = ENCODERS[encoder][2][-1]
    free = open_model(decoder, encoder)
    fixed = segmenter(decoder, encoder, (*size, 3))
    assert fixed.output["mask"].shape == (None, *size, 3)
    assert [one.path for one in fixed.weights] == [one.path for one in free.weights]
    fixed.set_weights(free.get_weights())
    x = pictures(2, *size, 3)
    np.testing.assert_allclose(compiled(fixed)(x)["mask"], compiled(free)(x)["mask"], atol=1e-5)


@FEW
@EACH
def test_a_saved_model_is_the_same_model(decoder, encoder, tmp_path):
    model = open_model(decoder, encoder)
    x = pictures(2, *ENCODERS[encoder][2][-1], 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(compiled(model)(x)["mask"], compiled(loaded)(x)["mask"])


def check_gradients(model, x):
    weights = {
        "mask": np.random.default_rng(1)
        .normal(size=compiled(model)(x)["mask"].shape)
        .astype("float32")
    }
    for path, gradient in gradients(model, x, weights).items():
        assert gradient is not None, path
        assert np.abs(gradient).max() > 1e-9, path


@FEW
@EACH
def test_every_trainable_variable_gets_a_gradient_from_one_picture(decoder, encoder):
    # elu has a slope everywhere, so that no unit can be dead by chance.
    model = segmenter(decoder, encoder, activation=None, block_activation="elu")
    # So large that normalization over the positions of the coarsest map leaves something.
    check_gradients(model, pictures(1, 161, 150, 3))


@pytest.mark.parametrize(("decoder", "options"), VARIANTS)
def test_variants_learn_and_answer_at_any_size(decoder, options):
    model = segmenter(decoder, "stride 2 first", activation=None, block_activation="elu", **options)
    check_gradients(model, pictures(2, 33, 46, 3))
    for size in SAME:
        assert compiled(model)(pictures(1, *size, 3))["mask"].shape == (1, *size, 3)


@needs_tensorflow
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize(("decoder", "options"), [*VARIANTS, ("unet2015", {"padding": "valid"})])
def test_exported_models_take_any_size(decoder, options, tmp_path):
    encoder = "borders" if "padding" in options else "stride 2 first"
    model = segmenter(decoder, encoder, **options)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    lite = tf.lite.Interpreter(model_content=converter.convert())
    for size in ((97, 131), (53, 64)):
        x = pictures(1, *size, 3)
        expected = compiled(model)(x)["mask"]
        np.testing.assert_allclose(loaded.serve(x)["mask"], expected, atol=1e-5)
        place = lite.get_input_details()[0]["index"]
        lite.resize_tensor_input(place, x.shape)
        lite.allocate_tensors()
        lite.set_tensor(place, x)
        lite.invoke()
        found = lite.get_tensor(lite.get_output_details()[0]["index"])
        np.testing.assert_allclose(found, expected, atol=1e-5)


@EACH
@pytest.mark.parametrize("factors", [(1, 4), (2, 6), (3, 12), (4, 16, 32)])
def test_it_takes_maps_of_any_strides(decoder, factors):
    image = keras.Input((None, None, 3))
    features = [
        keras.layers.Conv2D(2 + number, factor, factor, padding="same")(image)
        for number, factor in enumerate(factors)
    ]
    x = bind(DECODERS[decoder], small_decoder(decoder))(features, image)
    assert x.shape[:3] == (None, None, None)
    (stride,) = output_strides(image, [x])
    assert stride in (1, *factors)
    model = keras.Model(image, x)
    for height, width in ((1, 1), (50, 31)):
        size = (math.ceil(height / stride), math.ceil(width / stride))
        assert compiled(model)(pictures(1, height, width, 3)).shape == (1, *size, x.shape[-1])


@EACH
def test_a_shift_by_the_stride_shifts_the_mask(decoder):
    # Averages over the whole picture do not move; those over parts of it would.
    options = {"pspnet": {"bins": (1,)}, "deeplabv3plus": {"rates": (1, 2)}}.get(decoder, {})
    style = {"normalization": None, "block_activation": "elu", "activation": None}
    model = segmenter(decoder, **style, **options)
    x = np.zeros((1, 96, 96, 3), "float32")
    x[0, 44:48, 44:48] = 255
    mask = np.asarray(compiled(model)(x)["mask"])
    moved = np.asarray(compiled(model)(np.roll(x, 4, (1, 2)))["mask"])
    inside = slice(24, 72)
    np.testing.assert_allclose(
        np.roll(mask, 4, (1, 2))[:, inside, inside], moved[:, inside, inside], atol=1e-4
    )
    assert np.ptp(moved[:, inside, inside]) > 1e-2


@EACH
def test_style_reaches_every_layer(decoder):
    style = {"normalization": "layer", "block_activation": "elu", "dropout": 0.5, "noise": 0.1}
    layers = [
        layer for layer in segmenter(decoder, **style).layers if not layer.name.startswith("stage")
    ]
    kinds = {type(layer).__name__ for layer in layers}
    assert "LayerNormalization" in kinds
    assert {"SpatialDropout2D", "GaussianNoise"} <= kinds
    assert "BatchNormalization" not in kinds
    assert {
        layer.activation.__name__ for layer in layers if type(layer) is keras.layers.Activation
    } == {"elu"}


@EACH
def test_its_layers_do_not_take_the_encoders_names(decoder):
    def encoders(model):
        return [layer.name for layer in model.layers if layer.name.startswith(("stem", "stage"))]

    options = {"encoder": "resnet18", "classes": 3, "input_shape": (None, None, 3)}
    small = {"filters": (2, 3, 4, 5)}
    alone = build("classification", **options, **small)
    assert encoders(segmenter(decoder, "five maps")) == encoders(alone)


@EACH
def test_it_says_in_one_line_what_it_is(decoder):
    summary, blank = DECODERS[decoder].__doc__.split("\n")[:2]
    assert (summary[-1], blank) == (".", "")
