"""What holds for every encoder that the code lists."""

import keras
import numpy as np
import pytest
from backends import compiled
from families import LONG, MEMBERS, OWN, exhaustive, facts_of, family, small
from perturbation import field_and_stride

from zoo.errors import UserError
from zoo.models import describe
from zoo.models.encoders import ENCODERS
from zoo.models.facts import known, measure
from zoo.models.groups import bind
from zoo.models.menu import summary
from zoo.models.strides import output_strides

SHORT = [exhaustive(name, when=name in LONG) for name in MEMBERS]


@pytest.mark.parametrize(
    "name", [exhaustive(name, when=name not in MEMBERS or name in LONG) for name in ENCODERS]
)
def test_it_builds_and_is_what_the_table_says(name):
    assert measure(name) == known()[name], "python -m zoo.models.facts writes the table anew"


def test_the_table_holds_every_encoder_and_no_other():
    assert known().keys() == ENCODERS.keys(), "python -m zoo.models.facts writes it anew"


@pytest.mark.parametrize("name", ENCODERS)
def test_it_says_what_it_is(name):
    assert summary(ENCODERS[name]).endswith(".")
    assert len(summary(ENCODERS[name])) <= 95


@pytest.mark.parametrize("name", OWN)
def test_every_layer_says_which_stage_it_is_of(name):
    image = keras.Input((None, None, 3), name="image")
    features = bind(ENCODERS[name], small(name))(image)
    model = keras.Model(image, features)
    names = [layer.name for layer in model.layers if layer.name != "image"]
    assert len(set(names)) == len(names)
    for one in names:
        # An operation that is no layer has neither weights nor a name to choose.
        if isinstance(model.get_layer(one), keras.layers.Layer):
            assert one.startswith(("stem", "stage")), one
    strides = output_strides(image, features)
    assert strides == facts_of(name)["strides"]


@pytest.mark.parametrize("name", SHORT)
def test_the_smallest_input_works_and_a_smaller_one_does_not(name):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, bind(ENCODERS[name], small(name))(image)[-1])
    height, width = facts_of(name)["smallest_input"]
    assert min(compiled(model)(np.zeros((1, height, width, 3), "float32")).shape) >= 1
    if height > 1:
        # A layer refuses a map that vanishes, or returns an empty one.
        with pytest.raises(UserError, match="cannot take an input"):
            describe(model, size=(height - 1, width - 1))


# Squeeze-and-excitation sees everything; it is an option, and off.
PERTURBED = [name for name in OWN if facts_of(name)["receptive_field"] != "all"]


@pytest.mark.parametrize(
    ("name", "across"),
    # Siblings have more of the same layers: one axis tells.
    [(name, across) for name in PERTURBED for across in (True, False) if across or name in MEMBERS],
)
def test_field_and_stride_are_those_found_pixel_by_pixel(name, across):
    narrow = {**small(name), "filters": (1,) * len(small(name)["filters"])}

    def coarsest(shape):
        image = keras.Input(shape)
        return keras.Model(image, bind(ENCODERS[name], narrow)(image)[-1])

    field = facts_of(name)["receptive_field"][int(across)]
    stride = facts_of(name)["strides"][-1]
    # Room for some positions that see neither border; a multiple of the stride.
    length = -(-(field + 6 * stride) // stride) * stride
    assert field_and_stride(coarsest, length, across=across) == (field, stride)


@pytest.mark.parametrize("name", SHORT)
@pytest.mark.parametrize("channels", [1, 5])
def test_it_takes_any_number_of_channels(name, channels):
    size = max(facts_of(name)["smallest_input"][0], 33)
    image = keras.Input((size, size, channels))
    features = bind(ENCODERS[name], small(name))(image)
    found = compiled(keras.Model(image, features))(np.ones((1, size, size, channels), "float32"))
    assert all(np.isfinite(np.asarray(one)).all() for one in found)


def test_families_have_one_small_member_each():
    assert len(MEMBERS) == len({family(name) for name in ENCODERS})
