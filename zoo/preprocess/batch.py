"""Reading a batch of strangers' pictures, where a bad one must fail nobody else."""

from collections.abc import Callable, Mapping

import tensorflow as tf


def read_batch(
    image_bytes: tf.Tensor,
    read: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    fallback: Mapping[str, tf.Tensor],
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Reads pictures one by one in parallel; rows that fail get the fallback.

    Works eagerly, in a ``tf.function`` and in a reloaded SavedModel: the ops that skip a
    failing element exist only in tf.data, so one data set is built inside the graph.

    Args:
        image_bytes: string [n], n >= 0.
        read: Takes a string scalar and returns tensors of fixed shapes, by name; raises
            (in graph) on bytes that it cannot read.
        fallback: The row of a picture that could not be read: the same names, shapes and
            dtypes.

    Returns:
        The rows, each [n, ...], and bool [n]: which pictures were read.

    Example:
        >>> rows, read = read_batch(
        ...     tf.constant([b"no picture"]),
        ...     lambda data: {"image": tf.image.resize(decode_image(data), [2, 2])},
        ...     {"image": tf.zeros([2, 2, 3])},
        ... )
        >>> read.numpy()
        array([False])
    """
    count = tf.shape(image_bytes, out_type=tf.int64)[0]
    blank = {name: tf.convert_to_tensor(value) for name, value in fallback.items()}

    def one(index, data):
        rows = {name: tf.ensure_shape(row, blank[name].shape) for name, row in read(data).items()}
        return index, rows

    numbers = tf.data.Dataset.range(count)
    pictures = tf.data.Dataset.from_tensor_slices(image_bytes)
    survivors = (
        tf.data.Dataset.zip(numbers, pictures)
        .map(one, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .ignore_errors()
    )
    # One row more, past the end, keeps the batch from being empty when all fail.
    sentinel = tf.data.Dataset.from_tensors((count, blank))
    indices, rows = survivors.concatenate(sentinel).batch(count + 1).get_single_element()
    places = indices[:, tf.newaxis]

    def scattered(name):
        empty = tf.repeat(blank[name][tf.newaxis], count + 1, axis=0)
        return tf.tensor_scatter_nd_update(empty, places, rows[name])[:-1]

    was_read = tf.scatter_nd(places, tf.ones_like(indices, tf.int32), [count + 1])[:-1] > 0
    return {name: scattered(name) for name in blank}, was_read
