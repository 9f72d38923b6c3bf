"""Rules for the network: encoder, width, depth, head or decoder, dropout."""

import math
import os
from pathlib import Path

from zoo.amounts import by, plural
from zoo.plan.choice import Choice
from zoo.plan.fingerprint import Fingerprint

PRETRAINED = "mobilenetv2"
"""The encoder that is taken where its ImageNet weights lie on this machine: small and fast."""

_WEIGHTS = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
_NARROW = 16
# Training pictures from which on the next width is begun with.
_WIDTHS = {3_000: 32, 30_000: 64}
_FEW = 1_000
_DROPOUT = {500: 0.2, 2_000: 0.1}
_COARSEST = 7
_STRIDED_STEM = 64
# Above this, learning from the pictures alone catches up with other people's.
_OWN_IS_ENOUGH = 20_000
_SMALLEST_PHOTOGRAPH = 96


def widths(fingerprint: Fingerprint) -> list[int]:
    """Returns the widths of the first stage to try, the first of which fits the data best.

    All are multiples of 16, as all wider stages then are: others are slow on processors.
    """
    best = _NARROW
    for pictures, width in _WIDTHS.items():
        if fingerprint.train >= pictures:
            best = width
    return [width for width in (64, 32, _NARROW) if width <= best]


def choose_network(
    fingerprint: Fingerprint,
    task: str,
    seen: tuple[int, int],
    *,
    width: int,
    patches: bool = False,
    weights: bool = False,
) -> dict[str, Choice]:
    """Chooses the options of the model.

    Args:
        fingerprint: Of the data.
        task: ``"classification"``, ``"localization"`` or ``"segmentation"``.
        seen: Height and width of what training shows the network.
        width: Filters of its first stage.
        patches: Whether that is a part of the picture.
        weights: Whether there are ImageNet weights at hand.
    """
    if weights and suits_pretraining(fingerprint):
        chosen = {
            "encoder": Choice(
                PRETRAINED,
                "its ImageNet weights lie on this machine and know edges, textures and shapes: "
                f"{plural(fingerprint.train, 'picture')} would be too few to teach them",
            ),
            "weights": Choice("imagenet"),
        }
    else:
        chosen = _plain(fingerprint, seen, width)
    chosen |= _dropout(fingerprint, patches)
    match task:
        case "classification":
            chosen["head"] = Choice("average", "the average over the map has few weights to learn")
        case "localization":
            chosen["head"] = Choice(
                "spatial", "keeps positions, which an average loses: a box is a place"
            )
        case _:
            chosen["decoder"] = Choice(
                "unet", "brings the fine maps back in on the way up: sharp borders from few masks"
            )
    return chosen


def weights_at_hand() -> bool:
    """Whether the pretrained encoder's ImageNet weights lie in Keras' cache."""
    home = os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser()
    return (Path(home) / "models" / _WEIGHTS).is_file()


def suits_pretraining(fingerprint: Fingerprint) -> bool:
    """Whether weights learnt on photographs would help: few pictures, in colour, not tiny."""
    return (
        fingerprint.channels == 3
        and fingerprint.longer >= _SMALLEST_PHOTOGRAPH
        and fingerprint.train < _OWN_IS_ENOUGH
    )


def _plain(fingerprint: Fingerprint, seen: tuple[int, int], width: int) -> dict[str, Choice]:
    stride = 2 if min(seen) >= _STRIDED_STEM else 1
    few = fingerprint.train < _FEW
    stages = _stages(min(seen), stride, 4 if few else 5)
    filters = [width * 2**stage for stage in range(stages)]
    coarsest = stride * 2 ** (stages - 1)
    left = [math.ceil(side / coarsest) for side in seen]
    size = f"{plural(fingerprint.train, 'picture')} to train on: "
    size += "few, hence a small network" if few else f"{width} filters to begin with"
    return {
        "encoder": Choice("plain", size),
        "filters": Choice(
            filters,
            f"multiples of 16 are fast; {stages} stages leave {by(left)} of {by(seen)} positions",
        ),
        "residual": Choice(True, "shortcuts around the blocks train faster and cost nothing"),
        "stem_stride": Choice(
            stride,
            "half the size from the first convolution on: a quarter of the cost"
            if stride == 2
            else "small pictures have no pixel to lose",
        ),
    }


def _stages(side: int, stride: int, most: int) -> int:
    """Returns as many stages as leave a map of 7 positions, at least 2."""
    return min(most, max(2, 1 + int(math.log2(max(1.0, side / (stride * _COARSEST))))))


def _dropout(fingerprint: Fingerprint, patches: bool) -> dict[str, Choice]:
    if patches:
        return {}
    for pictures, rate in _DROPOUT.items():
        if fingerprint.train < pictures:
            reason = "keeps so few pictures from being learnt by heart"
            return {"dropout": Choice(rate, reason)}
    return {}
