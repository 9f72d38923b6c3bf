"""Rectangles of pictures, and how much of an object they hide.

Rectangles and boxes are float32 [n, 4]: x_min, y_min, x_max, y_max as fractions of the picture.
"""

import math

import tensorflow as tf

_SLIM = math.log(3)


def sides(area: tf.Tensor, aspect: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns width and height of rectangles, float32 [n, 2], as shares of the picture's.

    Args:
        area: float32 [n]: of the rectangles, as shares of the picture's.
        aspect: float32 [n] in [0, 1): from three times as wide as high to three times as high
            as wide, uniform in its logarithm. What would be longer than the picture is not.
        size: float32 [2], width and height in pixels.
    """
    high = tf.exp((2 * aspect - 1) * _SLIM) * size[0] / size[1]
    return tf.minimum(tf.sqrt(tf.stack([area / high, area * high], -1)), 1.0)


def rectangle(share: tf.Tensor, place: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns rectangles of whole pixels.

    Args:
        share: float32 [n, 2]: width and height as shares of the picture's.
        place: float32 [n, 2]: where they lie, from 0, at the left and the top, to 1, at the
            right and the bottom.
        size: float32 [2], width and height in pixels.
    """
    low = place * (1 - share)
    return tf.round(tf.concat([low, low + share], -1) * tf.tile(size, [2])) / tf.tile(size, [2])


def inside(rectangles: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Returns which pixels lie in the rectangles, bool [n, h, w]."""
    lines = []
    for axis, length in ((1, height), (0, width)):
        place = (tf.range(tf.cast(length, tf.float32)) + 0.5) / tf.cast(length, tf.float32)
        low, high = rectangles[:, axis, tf.newaxis], rectangles[:, axis + 2, tf.newaxis]
        lines.append((place > low) & (place < high))
    return lines[0][:, :, tf.newaxis] & lines[1][:, tf.newaxis]


def common(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns the rectangles that lie in both, of no area where there are none."""
    low = tf.maximum(first[:, :2], second[:, :2])
    return tf.concat([low, tf.maximum(low, tf.minimum(first[:, 2:], second[:, 2:]))], -1)


def area(rectangles: tf.Tensor) -> tf.Tensor:
    """Returns the area, float32 [n], as a share of the picture's."""
    return tf.reduce_prod(rectangles[:, 2:] - rectangles[:, :2], -1)


def covered(boxes: tf.Tensor, rectangles: tf.Tensor) -> tf.Tensor:
    """Returns which share of each box its rectangle covers, float32 [n]."""
    return tf.math.divide_no_nan(area(common(boxes, rectangles)), area(boxes))


def rest(boxes: tf.Tensor, rectangles: tf.Tensor) -> tf.Tensor:
    """Returns the boxes around what the rectangles leave of the boxes."""
    low, high = boxes[:, :2], boxes[:, 2:]
    from_, to = rectangles[:, :2], rectangles[:, 2:]
    # An end is cut off where the rectangle covers it over the whole of the other axis.
    across = tf.reverse((from_ <= low) & (to >= high), [-1])
    return tf.concat(
        [
            tf.where(across & (from_ <= low), tf.clip_by_value(to, low, high), low),
            tf.where(across & (to >= high), tf.clip_by_value(from_, low, high), high),
        ],
        -1,
    )


def erase(
    batch: dict[str, tf.Tensor], rectangles: tf.Tensor, keep: float, ignore: int
) -> dict[str, tf.Tensor]:
    """Paints rectangles in the mean colour of their pictures.

    Args:
        batch: ``image`` float32 [n, h, w, c]; ``mask`` and ``box`` where there are any.
        rectangles: Where.
        keep: The least share of a box that must stay visible; no rectangle is painted that
            would hide more.
        ignore: What becomes of the mask there.

    Returns:
        The batch with ``image`` and ``mask`` changed. A box stays: what hides a part of an
        object makes it no smaller.
    """
    images = batch["image"]
    where = inside(rectangles, *tf.unstack(tf.shape(images)[1:3]))
    if "box" in batch:
        spared = 1 - covered(batch["box"], rectangles) < keep
        where &= tf.logical_not(spared)[:, tf.newaxis, tf.newaxis]
    mean = tf.reduce_mean(images, [1, 2], keepdims=True)
    changed = {**batch, "image": tf.where(tf.expand_dims(where, -1), mean, images)}
    if "mask" in batch:
        changed["mask"] = tf.where(where, tf.constant(ignore, tf.uint8), batch["mask"])
    return changed
