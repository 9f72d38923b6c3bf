import re

import keras
import pytest

from zoo.errors import UserError
from zoo.models import build, check_model_options

GOOD = {"classes": 3, "input_shape": (16, 16, 3)}


def refused(message, task="classification", **options):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        build(task, **{**GOOD, **options})
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "clasification"}, "did you mean 'classification'?"),
        ({"encoder": "resnet19"}, "encoder 'resnet19' is unknown; did you mean 'resnet18'?"),
        ({"head": "averge"}, "head 'averge' is unknown; did you mean 'average'?"),
        (
            {"head": "spatial"},
            "head 'spatial' is unknown; there is: average, average_max, flatten, max",
        ),
        ({"task": "segmentation", "decoder": "unnet"}, "decoder 'unnet' is unknown"),
        ({"task": "segmentation", "head": "average"}, "segmentation takes no head="),
        ({"decoder": "unet"}, "classification takes no decoder="),
        ({"filtres": (2,)}, "has no option 'filtres'; did you mean 'filters'?"),
        ({"strides": 3}, "has no option 'strides'"),
        ({"image": 3}, "has no option 'image'"),
        ({"classes": 1}, "classes=1 has nothing to tell apart; give 2 or more"),
        ({"task": "segmentation", "classes": 1}, "give 2 or more"),
        ({"task": "localization", "classes": 0}, "classes=0"),
        ({"classes": 2.5}, "classes=2.5"),
        ({"classes": True}, "classes=True"),
        ({"input_shape": (16, 16)}, "it has 2 numbers; give three"),
        ({"input_shape": (1, 16, 16, 3)}, "it has 4 numbers; give three"),
        ({"input_shape": 16}, "give three numbers"),
        ({"input_shape": (0, 16, 3)}, "input_shape[0]=0"),
        ({"input_shape": (16, 16, None)}, "input_shape[2] (channels)=None"),
        ({"activation": "relu"}, "block_activation="),
        ({"input_scaling": "0-1"}, "input_scaling='0-1' is unknown; give 'encoder' or '0..1'"),
        ({"weights": "imagenet"}, "encoder 'plain' has no published ImageNet weights"),
        ({"weights": "nowhere.keras"}, "is no file"),
        ({"filters": ()}, "filters=() is no list"),
        ({"filters": 16}, "filters=16 is no list"),
        ({"filters": (4, 0)}, "filters[1]=0"),
        ({"filters": (4, 2.5)}, "filters[1]=2.5"),
        ({"kernel_size": 0}, "kernel_size=0"),
        ({"kernel_size": (3, 3)}, "has 2 numbers for 3 stages; give 3, or one number for all"),
        ({"blocks": 0}, "blocks=0"),
        ({"dilation": "2"}, "dilation='2'"),
        ({"padding": "sane"}, "padding='sane' is unknown; did you mean 'same'?"),
        ({"downsample": "avg"}, "downsample='avg' is unknown"),
        ({"residual": 1}, "residual=1 is unknown; give True or False"),
        ({"normalization": "bach"}, "normalization='bach' is unknown"),
        ({"block_activation": "rely"}, "did you mean 'relu'?"),
        ({"block_activation": "glu"}, "is no Keras activation"),
        ({"dropout": 1}, "dropout=1"),
        ({"stem_stride": 3}, "stem_stride=3 is unknown; give 1 or 2"),
        ({"head": "flatten", "hidden": -1}, "hidden=-1"),
        ({"task": "segmentation", "decoder_filters": (2,)}, "has 1 numbers and the decoder 2"),
        ({"task": "segmentation", "upsample": "linear"}, "upsample='linear' is unknown"),
        ({"encoder": "resnet18", "filters": (4, 4)}, "has 2 numbers for 4 stages"),
    ],
)
def test_mistakes_are_refused_in_one_sentence(options, message):
    refused(message, **options)


@pytest.mark.parametrize("task", ["classification", "localization"])
def test_flatten_needs_a_size_and_says_what_to_do(task):
    text = refused(
        "head 'flatten' has a weight for every position",
        task=task,
        head="flatten",
        input_shape=(16, None, 3),
    )
    assert "head='average'" in text


# Each 3x3 convolution takes 2, each pooling halves, rounded down. Of three stages of two
# convolutions: 1 position of the last map needs 5 before it, 10 or 11 before the pool, 14 before
# its two convolutions, 28 before the pool and 32 at the input.
@pytest.mark.parametrize("task", ["classification", "localization", "segmentation"])
def test_a_map_that_would_vanish_is_refused_with_the_smallest_size(task):
    assert build(task, **{**GOOD, "input_shape": (32, 32, 3)}, padding="valid")
    text = refused(
        "the smallest input that works is 32x32", task, padding="valid", input_shape=(32, 31, 3)
    )
    # 31 - 4 = 27, 13, 13 - 4 = 9, 4, 4 - 2 = 2 and the next 3x3 does not fit; the height gets 3.
    assert "stage 3" in text
    assert "stage3_block1_conv2 gets 3x2" in text


def test_an_open_size_is_not_refused_for_what_it_might_be():
    model = build("segmentation", classes=2, input_shape=(None, 32, 3), padding="valid")
    assert model.input_shape == (None, None, 32, 3)
    refused("gets anyx2", input_shape=(None, 31, 3), padding="valid")


def test_channels_first_is_refused():
    keras.config.set_image_data_format("channels_first")
    try:
        refused("channels_last")
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "detection"}, "task 'detection' is unknown"),
        ({"encoder": "plan"}, "did you mean 'plain'?"),
        ({"head": "flat"}, "did you mean 'flatten'?"),
        ({"decoder": "unet"}, "classification takes no decoder="),
        ({"task": "segmentation", "head": "flatten"}, "segmentation takes no head="),
        ({"options": {"filter": (2,)}}, "did you mean 'filters'?"),
        ({"options": {"strides": 2}}, "has no option 'strides'"),
        ({"options": {"classes": 2}}, "has no option 'classes'"),
    ],
)
def test_options_are_refused_before_anything_is_built(arguments, message):
    with pytest.raises(UserError, match=re.escape(message)):
        check_model_options(**{"task": "classification", "options": {}, **arguments})


def test_good_options_pass():
    check_model_options("classification", head="flatten", options={"hidden": 2, "filters": (2,)})
    check_model_options("localization", options={"dropout": 0.1})
    check_model_options("segmentation", encoder="resnet18", options={"upsample": "nearest"})
