"""How large a GIF's frames claim to be, found without decoding any, in TensorFlow ops.

TensorFlow's decoder takes memory for every frame, and for a picture as high and as wide as any of
them, whatever the header says: 270 KB can be a frame of 20,000 x 20,000 behind a header of 10 x 10.
"""

import tensorflow as tf

from zoo.values import MAX_PIXELS

ENDLESS = 2**31 - 1
"""The height and width of frames that are too many to count or together larger than is decoded."""

_FRAME, _EXTENSION = 0x2C, 0x21
_HEADER = 13
_FULL = 255
# A frame takes three steps where encoders fill their blocks, as all known ones do.
_STEPS = 10_000


@tf.function(
    input_signature=[tf.TensorSpec([], tf.string)],
    autograph=False,
    experimental_attributes={"_noinline": True},
)
def largest_frame(data: tf.Tensor) -> tf.Tensor:
    """Finds the largest height and the largest width of a GIF's frames.

    Goes from block to block as the format's appendix A lays them out (Graphics Interchange
    Format 89a, 1990); what is cut short ends there. Never raises.

    Args:
        data: string scalar, any bytes that begin as a GIF does.

    Returns:
        int64 [2], each at most 65535; both ``ENDLESS`` if all frames together have more than
        ``MAX_PIXELS`` pixels, or have more blocks than any encoder writes.
    """
    # Zeros behind the end spare every look a check.
    content = tf.io.decode_raw(tf.strings.join([data, b"\0" * 16]), tf.uint8)
    length = tf.strings.length(data)

    def number(place: tf.Tensor, count: int = 1) -> tf.Tensor:
        digits = tf.cast(content[place : place + count], tf.int64)
        return tf.reduce_sum(digits * [256**power for power in range(count)])

    def table(flags: tf.Tensor) -> tf.Tensor:
        """Bytes of the colour table that flags announce."""
        colours = tf.bitwise.left_shift(tf.constant(2, tf.int64), tf.math.floormod(flags, 8))
        return tf.cast(tf.where(flags >= 128, 3 * colours, 0), tf.int32)

    def block(place: tf.Tensor, largest: tf.Tensor, pixels: tf.Tensor):
        is_frame = number(place) == _FRAME
        size = tf.stack([number(place + 7, 2), number(place + 5, 2)])
        size = tf.where(is_frame, size, 0)
        data_of_frame = place + 11 + table(number(place + 9))
        place = tf.where(is_frame, data_of_frame, place + 2)
        return place, tf.maximum(largest, size), pixels + tf.reduce_prod(size)

    def sub_blocks(place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Passes over full ones at once, and over the one behind them; says whether one follows."""
        others = content[place :: _FULL + 1] != _FULL
        place += (_FULL + 1) * tf.argmax(others, output_type=tf.int32)
        size = tf.cast(number(place), tf.int32)
        return place + size + 1, size > 0

    def unfinished(place, inside, largest, pixels):
        begins = number(place)
        return (place < length) & (inside | (begins == _FRAME) | (begins == _EXTENSION))

    def step(place, inside, largest, pixels):
        def within():
            return (*sub_blocks(place), largest, pixels)

        def at_block():
            found = block(place, largest, pixels)
            return found[0], tf.constant(True), *found[1:]

        return tf.cond(inside, within, at_block)

    start = _HEADER + table(number(tf.constant(10)))
    zero = tf.constant(0, tf.int64)
    state = (start, tf.constant(False), tf.stack([zero, zero]), zero)
    state = tf.while_loop(unfinished, step, state, maximum_iterations=_STEPS)
    endless = unfinished(*state) | (state[3] > MAX_PIXELS)
    return tf.where(endless, tf.constant(ENDLESS, tf.int64), state[2])
