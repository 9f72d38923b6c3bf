"""Reading a batch of strangers' pictures, where a bad one must fail nobody else."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from zoo.preprocess.decode import picture_error


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

    # One row more, past the end, keeps the batch from being empty when all fail.
    sentinel = tf.data.Dataset.from_tensors((count, blank))
    numbers = tf.data.Dataset.range(count)
    pictures = tf.data.Dataset.from_tensor_slices(image_bytes)
    rows_read = _mapped(tf.data.Dataset.zip(numbers, pictures), one, sentinel.element_spec)
    survivors = rows_read.ignore_errors()
    indices, rows = survivors.concatenate(sentinel).batch(count + 1).get_single_element()
    # The row that stands past the end is the last of those read, and is for all that were not.
    blanks = tf.fill([count + 1], tf.size(indices, tf.int64) - 1)
    sources = tf.tensor_scatter_nd_update(
        blanks, indices[:, tf.newaxis], tf.range(tf.size(indices, tf.int64))
    )[:-1]
    was_read = sources < blanks[:-1]
    return {name: tf.gather(row, sources) for name, row in rows.items()}, was_read


def picture_errors(image_bytes: tf.Tensor, was_read: tf.Tensor) -> tf.Tensor:
    """Says what is wrong with those pictures of a batch that could not be read.

    Args:
        image_bytes: string [n], n >= 0.
        was_read: bool [n], as :func:`read_batch` says it.

    Returns:
        string [n]: what :func:`picture_error` says of it, or empty where a picture was read.

    Example:
        >>> picture_errors(tf.constant([b"", b"GIF"]), tf.constant([False, True])).numpy()
        array([b'is empty', b''], dtype=object)
    """
    none = tf.fill(tf.shape(image_bytes), "")
    return tf.cond(
        tf.reduce_all(was_read),
        lambda: none,
        lambda: tf.where(was_read, none, _reasons(image_bytes)),
    )


# Not taken apart into the graph that calls it, which would pass over each of its ops where
# nothing is wrong.
@tf.function(
    input_signature=[tf.TensorSpec([None], tf.string)],
    autograph=False,
    experimental_attributes={"_noinline": True},
)
def _reasons(image_bytes: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(picture_error, image_bytes)


def _mapped(data: tf.data.Dataset, function: Callable[..., Any], spec: Any) -> tf.data.Dataset:
    """Returns ``data.map(function)``, in parallel and in order, quicker to begin with.

    Whenever a data set begins, ``map`` looks for a kernel of each op that its function can reach,
    to see whether all are of one device: for the reading of any picture that takes as long as
    reading one. It does so for no function that has this attribute, which otherwise says where
    integers lie on a GPU; but ``map`` takes no attributes.

    Args:
        data: Any data set, eagerly or in a graph.
        function: From an element, unpacked, to one of the result.
        spec: The structure of the result's elements, of ``tf.TensorSpec``.
    """
    traced = tf.function(
        function,
        input_signature=data.element_spec,
        autograph=False,
        experimental_attributes={"experimental_ints_on_device": True},
    ).get_concrete_function()
    if not tf.executing_eagerly():
        traced.add_to_graph()
    tensors = tf.nest.flatten(spec)
    mapped = tf.raw_ops.ParallelMapDatasetV2(
        input_dataset=tf.data.experimental.to_variant(data),
        other_arguments=traced.captured_inputs,
        num_parallel_calls=tf.constant(tf.data.AUTOTUNE, tf.int64),
        f=traced,
        output_types=[tensor.dtype for tensor in tensors],
        output_shapes=[tensor.shape for tensor in tensors],
        deterministic="true",
    )
    return tf.data.experimental.from_variant(mapped, spec)
