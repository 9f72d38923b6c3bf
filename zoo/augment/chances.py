"""The uniform numbers that decide what happens to an example, one column a purpose.

The columns are the same whatever is switched on: switching one option on or off leaves the
draws of all others as they were, so that two runs differ in that option alone. For the same
reason a new column goes to the end.
"""

import tensorflow as tf

from zoo.augment import elastic

_COLUMNS: tuple[str, ...] = (
    "flip",
    "vertical_flip",
    "rotate",
    "zoom",
    "translate_y",
    "translate_x",
    "brightness",
    "contrast",
    "saturation",
    "crop_height",
    "crop_width",
    "crop_y",
    "crop_x",
    "patch_y",
    "patch_x",
    "shear_x",
    "shear_y",
    "perspective_x",
    "perspective_y",
    "hue",
    "blur",
    "sharpen",
    "jpeg",
    "erase_area",
    "erase_aspect",
    "erase_y",
    "erase_x",
)

Chances = dict[str, tf.Tensor]


def count(elastically: bool) -> int:
    """Returns how many numbers an example needs.

    Args:
        elastically: Whether it is bent, which alone takes three times as many as all else; they
            are the last, so that they need not be drawn for the others' sake.
    """
    return len(_COLUMNS) + (elastic.NUMBERS if elastically else 0)


def named(uniforms: tf.Tensor) -> Chances:
    """Returns the columns by purpose.

    Args:
        uniforms: float32 [n, count] in [0, 1).

    Returns:
        float32 [n] each, but for ``elastic``: all that is left, [n, m].
    """
    columns = tf.unstack(uniforms[:, : len(_COLUMNS)], num=len(_COLUMNS), axis=1)
    return {
        **dict(zip(_COLUMNS, columns, strict=True)),
        "elastic": uniforms[:, len(_COLUMNS) :],
    }


def between(uniform: tf.Tensor, most: float) -> tf.Tensor:
    """Takes [0, 1) to [-most, most)."""
    return (2 * uniform - 1) * most
