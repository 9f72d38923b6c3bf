"""What decoders are made of, by hand, and what they cannot be made of."""

import pytest
from families import decoder_parameters, small_decoder

from zoo.errors import UserError
from zoo.models import build


def segmenter(decoder, **options):
    return build(
        "segmentation",
        encoder="plain",
        decoder=decoder,
        classes=3,
        input_shape=(None, None, 3),
        **{"filters": (2, 3, 4), **small_decoder(decoder), **options},
    )


def conv(size, inputs, outputs):
    return size * size * inputs * outputs + outputs


# Behind maps of 2, 3 and 4 channels, by hand.
@pytest.mark.parametrize(
    ("decoder", "options", "layers"),
    [
        (
            "linknet",
            {"decoder_filters": 5},
            [
                *(conv(1, 4, 1), conv(2, 1, 1), conv(1, 1, 3)),
                *(conv(1, 3, 1), conv(2, 1, 1), conv(1, 1, 2)),
                conv(3, 2, 5),
            ],
        ),
        (
            "fpn",
            {"decoder_filters": 6, "decoder_stride": 1},
            [
                *(conv(1, 2, 6), conv(1, 3, 6), conv(1, 4, 6), 3 * conv(3, 6, 6)),
                *(3 * conv(3, 6, 3), conv(3, 3, 3)),
            ],
        ),
        # One of the three has the stride asked for, and at least two are taken.
        (
            "fpn",
            {"decoder_filters": 6},
            [conv(1, 3, 6), conv(1, 4, 6), 2 * conv(3, 6, 6), 2 * conv(3, 6, 3)],
        ),
        (
            "pspnet",
            {"decoder_filters": 5, "bins": (1, 2)},
            [2 * conv(1, 4, 2), conv(3, 4 + 2 + 2, 5)],
        ),
        (
            "deeplabv3plus",
            {"decoder_filters": 16, "rates": (1, 2), "separable": False},
            [
                *(2 * conv(1, 4, 16), 2 * conv(3, 4, 16), conv(1, 4 * 16, 16)),
                *(conv(1, 3, 3), conv(3, 3 + 16, 16), conv(3, 16, 16)),
            ],
        ),
        # A depthwise convolution has 9 weights and a bias a channel.
        (
            "deeplabv3plus",
            {"decoder_filters": 16, "rates": (1, 2)},
            [
                *(2 * conv(1, 4, 16), 2 * (10 * 4 + conv(1, 4, 16)), conv(1, 4 * 16, 16)),
                *(conv(1, 3, 3), 10 * 19 + conv(1, 19, 16), 10 * 16 + conv(1, 16, 16)),
            ],
        ),
    ],
)
def test_parameters_by_hand(decoder, options, layers):
    model = segmenter(decoder, normalization=None, **options)
    assert decoder_parameters(model) == sum(layers)


@pytest.mark.parametrize(
    ("stride", "expected"),
    [(4, [24, 48, 72]), (8, [12, 24, 36]), (16, [6, 12, 18]), (32, [3, 6, 9])],
)
def test_dilations_follow_the_coarsest_stride(stride, expected):
    filters = (2,) * stride.bit_length()
    model = segmenter("deeplabv3plus", filters=filters, rates=None)
    rates = [model.get_layer(f"aspp{number}_depthwise").dilation_rate for number in (2, 3, 4)]
    assert rates == [(rate, rate) for rate in expected]


@pytest.mark.parametrize(
    ("decoder", "options", "message"),
    [
        ("linknet", {"decoder_filters": (2, 3)}, "decoder_filters=(2, 3)"),
        ("fpn", {"decoder_stride": 0}, "decoder_stride=0"),
        ("pspnet", {"bins": ()}, "bins=()"),
        ("deeplabv3plus", {"rates": 6}, "rates=6"),
        ("deeplabv3plus", {"separable": 1}, "separable=1"),
    ],
)
def test_values_that_no_decoder_can_be_built_from(decoder, options, message):
    with pytest.raises(UserError) as error:
        segmenter(decoder, **options)
    assert message in str(error.value)
