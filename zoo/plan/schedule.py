"""Rules for training: batch, learning rate, augmentation, sampling, and what is published."""

import math

from zoo.amounts import plural
from zoo.plan.choice import Choice
from zoo.plan.fingerprint import Fingerprint
from zoo.plan.picture import is_texture

VIEWS = 300
"""How often each picture is shown at most; small networks hardly learn from more."""

STEPS = 20
"""Least number of steps that an epoch is made to have."""

# Preferred numbers of the series E12 (IEC 60063): each is a fifth more than the one before, so
# that noise in the measured time seldom changes the plan.
_E12 = (10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82)

# Training pictures from which on the batch is so large.
_BATCHES = {0: 16, 500: 32, 20_000: 64, 200_000: 128}
_PIXELS = 16 * 128 * 128
_FEWEST = 2
_OWN_RATE, _WIDE_RATE = 4e-3, 2e-3
PRETRAINED_RATE = 1e-3
"""Of an encoder that has learnt already."""
_WIDE = 32
_FEW_BOXES = 500
_STRENGTHS = {5_000: "medium", 50_000: "light"}
_IMBALANCED = 3.0
_RARE = 0.05
_CHANCE = 100


def choose_batch(
    fingerprint: Fingerprint,
    task: str,
    seen: tuple[int, int],
    picture_bytes: int,
    weight_bytes: int,
    memory: int,
) -> Choice:
    """Chooses the batch size.

    Args:
        fingerprint: Of the data.
        task: Name of the task.
        seen: Height and width of what training shows the network.
        picture_bytes: What a training step keeps of one picture.
        weight_bytes: Of the network's weights.
        memory: Of the machine or its GPU, in bytes.
    """
    batch = max(size for least, size in _BATCHES.items() if fingerprint.train >= least)
    reason = "small batches make more steps of few pictures" if batch == 16 else ""
    reason = reason or f"usual for {plural(fingerprint.train, 'picture')}"
    if task == "segmentation":
        pixels = _PIXELS // math.prod(seen)
        if pixels < 16 or batch > 16:
            reason = f"every pixel has a label: {_PIXELS:,} of them are enough for a step"
        batch = min(16, max(_FEWEST, 2 ** int(math.log2(max(1, pixels)))))
    # Weights, their gradients, and two moments of the optimizer.
    left = memory / 2 - 4 * weight_bytes
    fits = max(1, int(left // max(1, picture_bytes)))
    if fits < batch:
        batch = 2 ** int(math.log2(fits))
        reason = (
            f"a step keeps {picture_bytes / 2**20:,.0f} MiB of each picture: more would take over "
            f"half of the {memory / 2**30:,.0f} GiB there are"
        )
    return Choice(batch, reason)


def choose_rate(width: int | None) -> Choice:
    """Chooses the learning rate.

    Args:
        width: Filters of the first stage; ``None`` for a pretrained encoder.
    """
    if width is None:
        return Choice(PRETRAINED_RATE, "gentle: the encoder has learnt already")
    if width >= _WIDE:
        return Choice(_WIDE_RATE, "AdamW under a cosine; half of what narrower networks take")
    return Choice(_OWN_RATE, "AdamW under a cosine; what small networks learn fastest with here")


def choose_augmentation(fingerprint: Fingerprint, task: str) -> Choice:
    """Chooses how strongly training pictures are changed.

    Args:
        fingerprint: Of the data.
        task: Name of the task.
    """
    number = plural(fingerprint.train, "picture")
    if is_texture(fingerprint) and fingerprint.mirrored is not False:
        turned = {
            "flip": True,
            "vertical_flip": True,
            "rotate": 180,
            "zoom": 0.15,
            "brightness": 0.1,
            "contrast": 0.2,
        }
        return Choice(
            turned,
            f"{number} without large regions, taken to have neither up nor left, as micrographs "
            "and aerial photographs: mirrored and turned at will. Is a mirrored or turned "
            "picture not as good an example? Then take out flip, vertical_flip and rotate",
        )
    strength = next((one for most, one in _STRENGTHS.items() if fingerprint.train < most), "none")
    reason = {
        "medium": f"{number} are few: each is shown moved, zoomed and recoloured",
        "light": f"{number}: a little variety",
        "none": f"{number} are variety enough for the time there is",
    }[strength]
    if task == "localization" and fingerprint.train < _FEW_BOXES:
        strength = "strong"
        reason = f"{number} are few, and moving them makes boxes at new places"
    if fingerprint.mirrored and strength != "none":
        reason += "; mirrored, too, as the data set says it may be"
    return Choice(strength, reason)


def choose_sampling(fingerprint: Fingerprint, patches: bool) -> dict[str, Choice]:
    """Chooses which pictures and patches come more often than others; often nothing.

    Args:
        fingerprint: Of the data.
        patches: Whether training sees parts of pictures.
    """
    if fingerprint.counts is not None and fingerprint.imbalance >= _IMBALANCED:
        return {
            "balanced": Choice(
                True,
                f"the commonest class has {fingerprint.imbalance:.1f} times the pictures of the "
                "rarest: drawn equally often, none is forgotten",
            )
        }
    if patches and fingerprint.masks is not None:
        rarest = min(fingerprint.masks.regions, key=lambda one: one.share)
        if rarest.share < _RARE:
            return {
                "foreground": Choice(
                    0.33,
                    f"{rarest.name!r} has {rarest.share:.1%} of the pixels: a third of the "
                    "patches is laid around foreground, as nnU-Net does",
                )
            }
        return {
            "foreground": Choice(
                0.0, f"the rarest class has {rarest.share:.0%} of the pixels: any patch shows it"
            )
        }
    return {}


def choose_publish(validation: int) -> Choice:
    """Chooses which epoch's weights are published.

    Args:
        validation: Number of pictures to validate with.
    """
    if validation < _CHANCE:
        return Choice(
            "last",
            f"{plural(validation, 'picture')} to validate with: which epoch is best on them is "
            "chance",
        )
    return Choice("best", f"of the epoch that is best on {plural(validation, 'picture')}")


def choose_repeat(pictures: int, batch: int) -> Choice:
    """Chooses how often an epoch shows each picture: the least power of 2 for 20 steps.

    Args:
        pictures: To train on.
        batch: Pictures a step.
    """
    repeat = 1
    while pictures * repeat < STEPS * batch:
        repeat *= 2
    if repeat == 1:
        return Choice(1, "")
    return Choice(
        repeat,
        f"an epoch shows each picture {repeat} times, each time changed anew: "
        f"{plural(pictures * repeat // batch, 'step')} instead of {max(1, pictures // batch)}",
    )


def preferred(number: float) -> int:
    """Returns the largest preferred number of epochs that is not above a number, at least 1.

    Example:
        >>> [preferred(number) for number in (0.5, 9.9, 11, 36, 100)]
        [1, 9, 10, 33, 100]
    """
    if number < 10:
        return max(1, int(number))
    scale = 10 ** (int(math.log10(number)) - 1)
    return max(one for one in _E12 if one * scale <= number) * scale
