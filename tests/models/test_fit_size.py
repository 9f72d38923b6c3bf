import keras
import numpy as np
import pytest
from backends import BACKEND, needs_tensorflow, tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from zoo.errors import UserError
from zoo.models import FitSize
from zoo.models.layers import METHODS

SIZES = [st.integers(1, 12)] * 4


def maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def fitted(method, x, height, width):
    return np.asarray(FitSize(method)([x, np.full((1, height, width, 3), np.nan, "float32")]))


def traced(method, x, height, width):
    """The same where no size is known while the graph is made, as in a served model."""
    inputs = [keras.Input((None, None, x.shape[-1])), keras.Input((None, None, 3))]
    model = keras.Model(inputs, FitSize(method)(inputs))
    assert model.output.shape == (None, None, None, x.shape[-1])
    signature = [tf.TensorSpec(tensor.shape) for tensor in inputs]
    graph = tf.function(lambda *given: model(list(given)), input_signature=signature)
    return graph(x, np.full((1, height, width, 3), np.nan, "float32")).numpy()


# Rows numbered from 1. Of what is cropped, the surplus goes from the end; what is missing is
# missing on both sides, the odd row at the end.
@pytest.mark.parametrize(
    ("method", "have", "expected"),
    [
        ("crop", 4, [1, 2, 3, 4]),
        ("crop", 4, [1, 2, 3]),
        ("crop", 2, [0, 1, 2, 0, 0]),
        ("crop", 1, [0, 1, 0]),
        ("crop", 1, [1, 0]),
        ("center_crop", 5, [2, 3, 4]),
        ("center_crop", 4, [1, 2, 3]),
        ("center_crop", 6, [2, 3, 4]),
        ("center_crop", 2, [0, 1, 2, 0, 0]),
        ("extend", 4, [1, 2, 3]),
        ("extend", 2, [1, 1, 2, 2, 2]),
        ("extend", 1, [1, 1, 1]),
        ("nearest", 2, [1, 1, 2, 2]),
        ("nearest", 3, [1, 1, 2, 3, 3]),
        ("nearest", 6, [2, 4, 6]),
        ("nearest", 5, [3]),
        ("bilinear", 2, [1, 1.25, 1.75, 2]),
        ("bilinear", 4, [1.5, 3.5]),
        ("average", 4, [1.5, 3.5]),
        ("average", 5, [2, 4]),
        ("average", 2, [1, 1.5, 2]),
    ],
)
@pytest.mark.parametrize("fit", [fitted, pytest.param(traced, marks=needs_tensorflow)])
def test_rows_by_hand(method, have, expected, fit):
    rows = np.arange(1, have + 1, dtype="float32").reshape(1, have, 1, 1)
    want = len(expected)
    down = fit(method, np.repeat(rows, 2, 2), want, 2)
    assert down.shape == (1, want, 2, 1)
    np.testing.assert_allclose(down[0, :, 0, 0], expected, atol=1e-6)
    across = fit(method, np.repeat(rows, 2, 2).swapaxes(1, 2), 2, want)
    np.testing.assert_array_equal(across, down.swapaxes(1, 2))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.sampled_from(METHODS), *SIZES)
def test_it_gives_the_references_size(method, height, width, wanted_height, wanted_width):
    x = np.ones((2, height, width, 3), "float32")
    found = fitted(method, x, wanted_height, wanted_width)
    assert found.shape == (2, wanted_height, wanted_width, 3)
    if method in ("crop", "center_crop"):
        # Nothing but the surplus is lost, and what is added is nothing.
        assert np.sum(found) == 6 * min(height, wanted_height) * min(width, wanted_width)
    else:
        np.testing.assert_allclose(found, 1, atol=1e-6)


@needs_tensorflow
@settings(deadline=None, derandomize=True, max_examples=40)
@given(*SIZES)
def test_bilinear_is_that_of_keras_and_tensorflow(height, width, wanted_height, wanted_width):
    x = maps(2, height, width, 3)
    found = fitted("bilinear", x, wanted_height, wanted_width)
    size = (wanted_height, wanted_width)
    np.testing.assert_allclose(found, keras.ops.image.resize(x, size), atol=1e-5)
    np.testing.assert_allclose(found, tf.image.resize(x, size), atol=1e-5)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(*SIZES)
def test_nearest_takes_what_lies_under_the_centre(height, width, wanted_height, wanted_width):
    x = maps(2, height, width, 3)
    rows = [(2 * row + 1) * height // (2 * wanted_height) for row in range(wanted_height)]
    columns = [(2 * row + 1) * width // (2 * wanted_width) for row in range(wanted_width)]
    np.testing.assert_array_equal(
        fitted("nearest", x, wanted_height, wanted_width), x[:, rows][:, :, columns]
    )


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4))
def test_nearest_repeats_by_whole_factors(height, width, down, across):
    x = maps(1, height, width, 2)
    repeated = keras.layers.UpSampling2D((down, across))(x)
    np.testing.assert_array_equal(fitted("nearest", x, down * height, across * width), repeated)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(*SIZES)
def test_average_is_adaptive_average_pooling(height, width, wanted_height, wanted_width):
    x = maps(2, height, width, 3)
    size = (wanted_height, wanted_width)
    pooled = keras.layers.AdaptiveAveragePooling2D(size)(x)
    # Of some sizes Keras' layer makes NaN under jax (docs/keras-notes.md).
    assume(BACKEND != "jax" or np.isfinite(np.asarray(pooled)).all())
    np.testing.assert_allclose(fitted("average", x, *size), pooled, atol=1e-5)
    np.testing.assert_allclose(FitSize("average", size=size)(x), pooled, atol=1e-5)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(*SIZES)
def test_extending_repeats_the_border(height, width, more_height, more_width):
    x = maps(2, height, width, 3)
    sides = [(more // 2, more - more // 2) for more in (more_height, more_width)]
    np.testing.assert_array_equal(
        fitted("extend", x, height + more_height, width + more_width),
        np.pad(x, ((0, 0), *sides, (0, 0)), mode="edge"),
    )


@needs_tensorflow
@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.sampled_from(METHODS), *SIZES)
def test_open_sizes_change_nothing(method, height, width, wanted_height, wanted_width):
    x = maps(2, height, width, 3)
    np.testing.assert_allclose(
        traced(method, x, wanted_height, wanted_width),
        fitted(method, x, wanted_height, wanted_width),
        atol=1e-6,
    )


@needs_tensorflow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_kept_and_misplaces_nothing(method, dtype):
    # Half precision has no odd numbers above 2048 and no quarters above 1024.
    ramp = np.linspace(-1, 1, 4101, dtype="float32").reshape(1, 4101, 1, 1)
    x = tf.cast(ramp, dtype)
    keras.config.set_dtype_policy(f"mixed_{dtype}")
    try:
        found = FitSize(method)([x, np.zeros((1, 6007, 1, 3), "float32")])
    finally:
        keras.config.set_dtype_policy("float32")
    assert found.dtype == dtype
    expected = fitted(method, ramp, 6007, 1)
    np.testing.assert_allclose(tf.cast(found, "float32"), expected, atol=2**-7)


@needs_tensorflow
@pytest.mark.parametrize("method", METHODS)
def test_every_position_that_counts_gets_a_gradient(method):
    x = tf.constant(maps(1, 5, 4, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(FitSize(method)([x, np.zeros((1, 9, 7, 1), "float32")]) ** 2)
    assert np.abs(tape.gradient(total, x)).min() > 0


def test_files_from_before_it_had_methods():
    layer = keras.saving.deserialize_keras_object(
        {
            "module": None,
            "class_name": "FitSize",
            "registered_name": "zoo>FitSize",
            "config": {"name": "up1_fit", "trainable": True, "dtype": "float32"},
        }
    )
    assert isinstance(layer, FitSize)
    assert (layer.method, layer.size, layer.name) == ("crop", None, "up1_fit")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [None, (3, 5)])
def test_it_is_rebuilt_from_its_config(method, size):
    layer = FitSize(method, size=size)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (again.method, again.size) == (method, size)
    if size is not None:
        x = maps(1, 4, 4, 2)
        np.testing.assert_array_equal(again(x), layer(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "centre_crop"}, "did you mean 'center_crop'"),
        ({"size": (0, 1)}, "size[0]=0"),
        ({"size": (1, 2, 3)}, "size"),
    ],
)
def test_it_refuses_what_it_cannot_do(arguments, message):
    with pytest.raises(UserError) as error:
        FitSize(**arguments)
    assert message in str(error.value)
