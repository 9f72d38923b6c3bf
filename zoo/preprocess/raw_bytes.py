"""Numbers in encoded bytes, read by TensorFlow ops that never raise."""

import functools

import tensorflow as tf


def peek(data: tf.Tensor, position: tf.Tensor | int, count: int) -> tf.Tensor:
    """Returns ``count`` bytes from ``position`` on as int64 [count], zeros past the end.

    Args:
        data: string scalar.
        position: int scalar, any value.
        count: How many bytes, at least 1.
    """
    end = tf.cast(tf.strings.length(data), tf.int64)
    return window(data, tf.clip_by_value(tf.cast(position, tf.int64), 0, end), count)


def window(data: tf.Tensor, position: tf.Tensor, count: int) -> tf.Tensor:
    """Does what ``peek`` does for a position known to lie within the bytes."""
    piece = tf.strings.substr(data, position, tf.constant(count, tf.int64))
    return tf.cast(tf.io.decode_raw(piece, tf.uint8, fixed_length=count), tf.int64)


def big_endian(values: tf.Tensor) -> tf.Tensor:
    """Returns the unsigned number that bytes int64 [..., b] spell, most significant first."""
    first, *others = tf.unstack(values, axis=-1)
    return functools.reduce(lambda number, byte: number * 256 + byte, others, first)


def little_endian(values: tf.Tensor) -> tf.Tensor:
    """Returns the unsigned number that bytes int64 [..., b] spell, least significant first."""
    return big_endian(tf.reverse(values, [-1]))


def spells(values: tf.Tensor, text: bytes) -> tf.Tensor:
    """Returns whether bytes int64 [b] begin with a text no longer than they are: bool scalar."""
    return tf.reduce_all(values[: len(text)] == tf.constant(list(text), tf.int64))


def signed(number: tf.Tensor) -> tf.Tensor:
    """Reads an unsigned 32-bit number, held as int64, as a signed one."""
    return tf.where(number >= 2**31, number - 2**32, number)
