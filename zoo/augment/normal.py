"""Gaussian noise of which any part can be drawn by itself."""

from typing import Any

import tensorflow as tf

# Of float32 numbers, by one turn of the generator's counter.
_AT_ONCE = 4


def rows(shape: tf.Tensor, seed: tf.Tensor, first: tf.Tensor | int = 0) -> tf.Tensor:
    """Draws rows of what ``tf.random.stateless_normal`` would draw for a whole batch.

    Philox is a counter-based generator (Salmon et al. 2011): to begin later is to count from
    there, and costs nothing.

    Args:
        shape: int32 [k], of the rows wanted: how many, and the shape of each.
        seed: int32 [2].
        first: The first row wanted, an int64 scalar.

    Returns:
        float32 of that shape, of mean 0 and standard deviation 1.

    Example:
        >>> whole = tf.random.stateless_normal([5, 3], [0, 1])
        >>> bool(tf.reduce_all(rows([2, 3], [0, 1], first=3) == whole[3:]))
        True
    """
    shape = tf.cast(shape, tf.int64)
    begin: Any = tf.cast(first, tf.int64) * tf.reduce_prod(shape[1:])
    over = begin % _AT_ONCE
    count = tf.reduce_prod(shape)
    random: Any = tf.raw_ops
    algorithm = tf.constant(tf.random.Algorithm.PHILOX.value, tf.int32)
    key, counter = random.StatelessRandomGetKeyCounter(seed=tf.convert_to_tensor(seed))
    low = counter[0] + tf.cast(begin // _AT_ONCE, tf.uint64)
    carried = tf.cast(low < counter[0], tf.uint64)
    drawn = random.StatelessRandomNormalV2(
        shape=[over + count],
        key=key,
        counter=tf.stack([low, counter[1] + carried]),
        alg=algorithm,
        dtype=tf.float32,
    )
    return tf.reshape(drawn[over:], shape)
