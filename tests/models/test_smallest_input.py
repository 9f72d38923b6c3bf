"""The smallest input that is computed can be built, and one less cannot."""

import keras
import numpy as np
import pytest
from backends import compiled
from families import exhaustive

from zoo.models.graph import smallest_input


def rebuilt(model, size):
    """The same layers on an input of another size, and what they make of one picture."""
    image = keras.Input((*size, model.inputs[0].shape[-1]))
    copy = keras.models.clone_model(model, input_tensors=image)
    return np.asarray(compiled(copy)(np.zeros((1, *image.shape[1:]), "float32")))


@pytest.mark.parametrize("name", ["Xception", "MobileNetV2", exhaustive("InceptionV3", when=True)])
def test_of_an_application(name):
    model = getattr(keras.applications, name)(weights=None, include_top=False)
    height, width = smallest_input(model)
    assert np.isfinite(rebuilt(model, (height, width))).all()
    for size in ((height - 1, width), (height, width - 1)):
        if min(size) > 0:
            with pytest.raises(ValueError):  # noqa: PT011 - whatever Keras says of it
                rebuilt(model, size)


def test_of_one_that_needs_a_rectangle():
    image = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(1, (7, 2), strides=(2, 1))(image)
    x = keras.layers.AveragePooling2D((2, 3))(x)
    model = keras.Model(image, x)
    # 2 rows of stride 2 under 7: 7 + 2 = 9; 3 columns under 2: 4.
    assert smallest_input(model) == (9, 4)
    rebuilt(model, (9, 4))


def test_where_only_some_sizes_fit():
    image = keras.Input((None, None, 1))
    x = keras.layers.MaxPooling2D(3)(image)
    x = keras.layers.MaxPooling2D(3)(x)
    x = keras.layers.UpSampling2D(9)(x)
    model = keras.Model(image, keras.layers.Concatenate()([image, x]))
    # Only multiples of 9 come back to themselves, and no power of two is one.
    assert smallest_input(model) == (9, 9)
    rebuilt(model, (9, 9))
