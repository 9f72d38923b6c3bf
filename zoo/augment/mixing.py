"""MixUp and CutMix: two pictures of a batch in one, and whose answer counts how much.

A mixed batch has two answers an example: its own targets, and those of a partner under the
same names after ``other_``, with ``share``, the weight of its own. The loss is the sum of both
losses by their weights, which for cross-entropy is that of the mixed label; no label is ever
spelled out as one number a class.
"""

from typing import NamedTuple

import tensorflow as tf

from zoo.augment import regions
from zoo.keys import OTHER, SHARE

_TARGETS = ("class", "box", "mask")


class _Mix(NamedTuple):
    """What is mixed: the share of its own picture, and where it is the partner's alone."""

    share: tf.Tensor  # float32 [n]
    pasted: tf.Tensor  # float32 [n, 4], of no area where there is nothing pasted


def mix(
    batch: dict[str, tf.Tensor], seed: tf.Tensor, mixup: float, cutmix: float, keep: float
) -> dict[str, tf.Tensor]:
    """Mixes each example with another of the batch.

    MixUp (Zhang et al. 2018) blends the pictures, CutMix (Yun et al. 2019) pastes a rectangle
    of one into the other; with both, each example gets one or the other by a coin. Their share is
    drawn from the Beta distribution and the larger part is the example's own, so that an epoch
    shows each picture once. The weights of the two answers are

    - for classes those of the pictures;
    - for masks those of the pictures in MixUp; CutMix pastes masks as it does pictures, and
      each pixel has one answer;
    - for boxes those of the pictures in MixUp; CutMix has the box of what is visible of either
      object, and weighs them by the share of each that is. An object of which less than ``keep``
      is visible counts for nothing, class and box; where that is both, nothing is pasted.

    Args:
        batch: ``image`` float32 [n, h, w, c], and targets.
        seed: int32 [2]: what is drawn, partners included, follows from it.
        mixup: Both parameters of the Beta distribution for MixUp; 0 for no MixUp.
        cutmix: Both parameters of the Beta distribution for CutMix; 0 for no CutMix.
        keep: The least share of an object that counts.

    Returns:
        The batch, with ``share`` float32 [n] and the partner's targets besides; without those
        where masks are pasted only.
    """
    images = batch["image"]
    count, height, width = tf.unstack(tf.shape(images)[:3])
    size = tf.cast(tf.stack([width, height]), tf.float32)
    seeds = tf.unstack(tf.random.split(seed, 4))
    # A batch is in random order: turned by a step, each example meets another, never itself.
    step = tf.random.stateless_uniform([], seeds[0], 1, tf.maximum(count, 2), dtype=tf.int32)
    other = {key: tf.roll(batch[key], step, axis=0) for key in ("image", *_TARGETS) if key in batch}
    drawn = _draw(count, seeds[1:], mixup, cutmix, size)
    if "box" in batch:
        drawn, batch, other = _visible(drawn, batch, other, keep)
    where = regions.inside(drawn.pasted, height, width)
    pasting = regions.area(drawn.pasted) > 0
    blend = tf.where(pasting, 1.0, drawn.share)[:, tf.newaxis, tf.newaxis]
    own = tf.expand_dims(tf.where(where, 0.0, blend), -1)
    changed = {**batch, "image": other["image"] + own * (images - other["image"])}
    share = drawn.share
    if "mask" in batch:
        changed["mask"] = tf.where(where, other["mask"], batch["mask"])
        share = tf.where(pasting, 1.0, share)
        if not mixup:
            return changed
    changed[SHARE] = share
    for key in _TARGETS:
        if key in other:
            changed[OTHER + key] = other[key]
    return changed


def _draw(
    count: tf.Tensor, seeds: list[tf.Tensor], mixup: float, cutmix: float, size: tf.Tensor
) -> _Mix:
    def share(alpha, seed):
        # Two gamma draws make a beta draw; small ones underflow float32.
        both = tf.constant(alpha or 1.0, tf.float64)
        pair = tf.random.stateless_gamma(tf.stack([2, count]), seed, both, dtype=tf.float64)
        own = tf.math.divide_no_nan(pair[0], pair[0] + pair[1])
        return tf.cast(tf.maximum(own, 1 - own), tf.float32)

    coin, x, y = tf.unstack(tf.random.stateless_uniform(tf.stack([3, count]), seeds[2]))
    pastes = coin < (0.5 if mixup else 1.0) if cutmix else tf.zeros([count], tf.bool)
    side = tf.sqrt(1 - share(cutmix, seeds[1]))[:, tf.newaxis]
    pasted = regions.rectangle(tf.tile(side, [1, 2]), tf.stack([x, y], -1), size)
    pasted = tf.where(pastes[:, tf.newaxis], pasted, 0.0)
    return _Mix(tf.where(pastes, 1 - regions.area(pasted), share(mixup, seeds[0])), pasted)


def _visible(
    drawn: _Mix, batch: dict[str, tf.Tensor], other: dict[str, tf.Tensor], keep: float
) -> tuple[_Mix, dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """Weighs two objects by what is visible of them, the more visible one as the own."""
    pasted = drawn.pasted
    hidden, shown = (regions.covered(side["box"], pasted) for side in (batch, other))
    parts = tf.stack([1 - hidden, shown])
    parts = tf.where(parts >= keep, parts, 0.0)
    total = tf.reduce_sum(parts, 0)
    pasted = tf.where((total > 0)[:, tf.newaxis], pasted, 0.0)
    cut = regions.area(pasted) > 0
    share = tf.where(cut, tf.math.divide_no_nan(parts[0], total), drawn.share)
    # Where nothing may be pasted there is nothing to weigh either.
    share = tf.where((regions.area(drawn.pasted) > 0) & tf.logical_not(cut), 1.0, share)
    each = cut[:, tf.newaxis]
    own_box = tf.where(each, regions.rest(batch["box"], pasted), batch["box"])
    other_box = tf.where(each, regions.common(other["box"], pasted), other["box"])
    swapped = share < 0.5
    first, second = {**batch, "box": own_box}, {**other, "box": other_box}
    for key in ("box", "class"):
        if key in batch:
            which = tf.reshape(swapped, [-1] + [1] * (batch[key].shape.rank - 1))
            pair = first[key], second[key]
            first[key] = tf.where(which, pair[1], pair[0])
            second[key] = tf.where(which, pair[0], pair[1])
    return _Mix(tf.where(swapped, 1 - share, share), pasted), first, second
