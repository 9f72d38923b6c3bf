"""The encoders that there are, by family, and options that make each as small as it gets."""

from functools import cache

import pytest

from zoo.errors import keyword_options
from zoo.models.decoders import DECODERS
from zoo.models.encoders import ENCODERS, applications
from zoo.models.facts import known, measure
from zoo.models.groups import option_names


def family(name):
    """What siblings share: the function that they are partials of."""
    return getattr(ENCODERS[name], "func", ENCODERS[name])


def is_own(name):
    return family(name).__module__ != applications.__name__


@cache
def facts_of(name):
    """The table's row; what is measured where an encoder is newer than the table."""
    return known().get(name) or measure(name)


def _smallest_of_each():
    found = {}
    for name in sorted(ENCODERS):
        least = found.setdefault(family(name), name)
        if facts_of(name)["parameters"] < facts_of(least)["parameters"]:
            found[family(name)] = name
    return sorted(found.values())


# One small member of each family; its siblings are the same function with other numbers.
MEMBERS = _smallest_of_each()
# Of the small members these are still networks of many hundreds of layers.
LONG = {"inceptionresnetv2", "nasnetmobile"}
# Keras 3.15 builds none of these under torch ("an outstanding bug").
NOT_UNDER_TORCH = {"nasnetmobile", "nasnetlarge"}
OWN = [name for name in ENCODERS if is_own(name)]


def small(name):
    """Options that make an encoder as narrow as it gets."""
    names = option_names(ENCODERS[name])
    if "filters" in names:
        width = keyword_options(ENCODERS[name])["filters"].default
        options = {"filters": tuple(range(2, 2 + len(width)))}
        return {**options, "groups": 2} if "groups" in names else options
    return {"alpha": 0.25} if "alpha" in names else {}


def small_decoder(name, encoder=None):
    """Options that make a decoder narrow; under an encoder, also one that is as wide as that."""
    options = keyword_options(DECODERS[name])
    narrow = {}
    if "decoder_filters" in options:
        if isinstance(options["decoder_filters"].default, int):
            narrow["decoder_filters"] = 4
        elif encoder is not None:
            # One for each map but the coarsest.
            narrow["decoder_filters"] = (4,) * (len(facts_of(encoder)["strides"]) - 1)
    if "rates" in options:
        # Taps farther apart than a small map is large see nothing, and batch normalization takes
        # the scale of the one that is left away again.
        narrow["rates"] = (1,)
    return narrow


def decoder_parameters(model):
    """How many parameters a segmenter has between its encoder and its answer."""
    return sum(
        layer.count_params()
        for layer in model.layers
        if not layer.name.startswith("stage") and layer.name != "mask_logits"
    )


def exhaustive(name, *others, when):
    """Parameters of a test that is exhaustive for some names."""
    return pytest.param(name, *others, marks=[pytest.mark.exhaustive] if when else [])
