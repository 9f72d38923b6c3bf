"""Masks of large pictures, tile by tile: a sliding window inside the graph, blended."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.inference import Predictor
from zoo.tasks.segmentation import encoded, served

TILED = "tiled"
"""The signature's name."""

_SIGMA = 1 / 8


def window(length: int) -> np.ndarray:
    """Returns the weights along one axis of a tile: a Gaussian, 1 at the middle.

    What a network says near a tile's border it says without seeing beyond it, so that it counts
    less there. An eighth of the tile as standard deviation is nnU-Net's (Isensee et al. 2021).

    Args:
        length: Of the tile, in pixels.

    Returns:
        float32 [length], symmetric, above 0 everywhere.

    Example:
        >>> window(3).round(3)
        array([0.001, 1.   , 0.001], dtype=float32)
    """
    distance = np.arange(length) - (length - 1) / 2
    return np.exp(-0.5 * (distance / (_SIGMA * length)) ** 2).astype(np.float32)


def places(size: tf.Tensor, tile: int, overlap: float) -> tf.Tensor:
    """Returns where tiles begin along one axis; the last ends with the picture.

    Args:
        size: int32 scalar, the picture's length, at least the tile's.
        tile: Length of a tile, in pixels.
        overlap: Share of a tile that the next one covers too, at least.

    Returns:
        int32 [m], strictly rising, from 0.

    Example:
        >>> places(tf.constant(10), 4, 0.25).numpy()
        array([0, 3, 6], dtype=int32)
    """
    step = max(1, int(tile * (1.0 - overlap)))
    count = (size - tile + step - 1) // step + 1
    return tf.minimum(tf.range(count) * step, size - tile)


def blended_mask(
    image: tf.Tensor,
    network: Callable[[tf.Tensor], tf.Tensor],
    tile: tuple[int, int],
    classes: int,
    overlap: float,
) -> tf.Tensor:
    """Picks the likeliest class of each pixel by probabilities of all tiles that hold it.

    Tiles are answered one at a time, and what no further tile reaches is decided at once: memory
    is needed for probabilities of a strip as high as a tile, not for the picture's.

    Args:
        image: uint8 [h, w, c], in its own resolution; what a tile has more is black.
        network: From float32 [1, H, W, c], 0 to 255, to probabilities float32 [1, H, W, k].
        tile: H and W.
        classes: k.
        overlap: As :func:`places` takes it.

    Returns:
        uint8 [h, w], class ids, the lowest of equals.
    """
    height, width = tile
    size = tf.shape(image)[:2]
    more = tf.maximum([height, width] - size, 0)
    margins: Any = [[0, more[0]], [0, more[1]], [0, 0]]
    image = tf.pad(image, margins)
    whole = size + more
    weights = tf.constant(np.multiply.outer(window(height), window(width))[..., np.newaxis])

    def columns_of(row: tf.Tensor) -> tf.Tensor:
        """Weighted sums of one row of tiles: float32 [w, H, k]."""

        def answer(column: tf.Tensor) -> tf.Tensor:
            pixels = image[row : row + height, column : column + width]
            pixels = tf.ensure_shape(pixels, [height, width, image.shape[-1]])
            said = network(tf.cast(pixels, tf.float32)[tf.newaxis])[0]
            return tf.transpose(said * weights, [1, 0, 2])

        return _joined(answer, places(whole[1], width, overlap), width, [height, classes])

    def rows_of(row: tf.Tensor) -> tf.Tensor:
        return tf.transpose(columns_of(row), [1, 0, 2])

    rest = [whole[1], classes]

    def decide(sums: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.argmax(sums, -1, tf.int32), tf.uint8)

    ids = _joined(rows_of, places(whole[0], height, overlap), height, rest, decide)
    return ids[: size[0], : size[1]]


def _joined(
    part_at: Callable[[tf.Tensor], tf.Tensor],
    begins: tf.Tensor,
    length: int,
    rest: Any,
    finish: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tf.Tensor:
    """Adds up parts that overlap along the first axis, and finishes what none will add to.

    Args:
        part_at: From where a part begins to the part, float32 [length, *rest].
        begins: int32 [m], strictly rising.
        length: Of each part.
        rest: Of a part's shape.
        finish: Keeps the first axis.

    Returns:
        What ``finish`` made of the sums, joined along the first axis.
    """
    count = tf.shape(begins)[0]
    # Each part's sums are final up to where the next begins, the last one's up to its end.
    ends = tf.concat([begins[1:], begins[-1:] + length], 0)
    blank = tf.zeros(tf.concat([[length], rest], 0), tf.float32)
    unknown = tf.TensorShape([length, *[None] * len(rest)])
    dtype = finish(blank).dtype

    def step(number: tf.Tensor, open_sums: tf.Tensor, finished: tf.TensorArray) -> Any:
        sums = open_sums + part_at(begins[number])
        done = ends[number] - begins[number]
        finished = finished.write(number, finish(sums[:done]))
        left = tf.ensure_shape(tf.concat([sums[done:], blank[:done]], 0), unknown)
        return number + 1, left, finished

    array = tf.TensorArray(dtype, count, infer_shape=False)
    _, _, finished = tf.while_loop(
        lambda number, *_: number < count,
        step,
        (tf.constant(0), blank, array),
        shape_invariants=(tf.TensorShape([]), unknown, None),
        parallel_iterations=1,
    )
    return finished.concat()


def require_tiles(predictor: Predictor, overlap: float) -> None:
    """Passes where a model can be asked tile by tile.

    Args:
        predictor: Around the model.
        overlap: As :func:`tiled` takes it.

    Raises:
        UserError: If the task is no segmentation, no encoded picture carries the model's
            channels, or the overlap is out of its range.
    """
    if predictor.task.name != "segmentation":
        raise UserError(
            f"a tile is answered with a mask, and this model's task is {predictor.task.name}; "
            "export it without --tiled"
        )
    if not predictor.reads_bytes:
        raise UserError(
            f"no encoded picture carries {predictor.preprocessing.channels} channels, so that "
            "there is nothing to cut tiles from; export it without --tiled"
        )
    if not 0.0 <= overlap <= 0.9:
        raise UserError(f"overlap={overlap!r} is no share of a tile; give 0 to 0.9, as 0.25")


def tiled(predictor: Predictor, overlap: float) -> Any:
    """Returns the signature that answers for large pictures tile by tile.

    A tile is as large as the model's input and sees the picture in its own resolution, where the
    other signatures scale the whole picture to the input: it is for pictures in which things
    are as large, in pixels, as the model saw them in training.

    Args:
        predictor: Of a segmentation.
        overlap: Share of a tile that the next one covers too, 0 to 0.9.

    Returns:
        A ``tf.function`` from ``image_bytes``, string [n], to ``mask_bytes``, ``classes``,
        ``fraction`` and ``error`` as ``serving_default`` gives them.

    Raises:
        UserError: See :func:`require_tiles`.
    """
    require_tiles(predictor, overlap)
    preprocessing = predictor.preprocessing
    classes = len(predictor.class_names)

    def network(pixels: tf.Tensor) -> tf.Tensor:
        probabilities = tf.cast(predictor.outputs(pixels)["mask"], tf.float32)
        return tf.ensure_shape(probabilities, [None, *preprocessing.size, classes])

    def one(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        image, read = _read(data, predictor)
        mask = blended_mask(image, network, preprocessing.size, classes, overlap)
        return *encoded(mask, classes), read

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")], autograph=False)
    def answer(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        kinds = (
            tf.TensorSpec([], tf.string),
            tf.TensorSpec([classes], tf.float32),
            tf.TensorSpec([], tf.bool),
        )
        # One picture at a time, whatever the memory it takes.
        pictures, fraction, read = tf.map_fn(
            one, image_bytes, fn_output_signature=kinds, parallel_iterations=1
        )
        return predictor.marked(
            served(pictures, fraction, predictor.class_names), read, image_bytes
        )

    return answer


def _read(data: tf.Tensor, predictor: Predictor) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes one picture, uint8 [h, w, c]; black of one pixel, and False, if that fails."""
    channels = predictor.preprocessing.channels
    # Only tf.data has an op that passes over what fails.
    decoded = tf.data.Dataset.from_tensors(data).map(
        lambda one: (
            tf.ensure_shape(predictor.preprocessing.decode(one), [None, None, channels]),
            tf.constant(True),
        )
    )
    blank = (tf.zeros([1, 1, channels], tf.uint8), tf.constant(False))
    either = decoded.ignore_errors().concatenate(tf.data.Dataset.from_tensors(blank))
    image, read = either.take(1).get_single_element()
    return tf.ensure_shape(image, [None, None, channels]), read
