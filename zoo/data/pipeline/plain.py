"""Reading plain picture files several at once, outside of TensorFlow's graph.

To read any picture of any kind takes hundreds of ops, and tf.data has to look at each for every
example. A split has been read that way once; from then on files that turned out plain are read by
one call of a function for several, and the others as before.
"""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from zoo.data.dataset import Split
from zoo.data.pipeline.kept import Batch
from zoo.preprocess import Preprocessing, plain

AT_ONCE = 32
"""Of so many what tf.data takes for each call no longer counts, and no core waits for long."""


def plain_reader(
    split: Split,
    preprocessing: Preprocessing,
    targets: tuple[str, ...],
    indices: np.ndarray,
    rows: Mapping[str, np.ndarray],
    read: Callable[[tf.Tensor], Batch],
) -> Callable[[tf.Tensor], Batch]:
    """Returns a function from positions, int64 [n], to a batch of prepared examples.

    Args:
        split: What to read from.
        preprocessing: Fits pictures and masks.
        targets: Which of "class", "box" and "mask" to read.
        indices: int64 [m]: the index in the split of each position.
        rows: What is known of each: "class" and "box" as prepared, as far as they are targets, and
            its picture's `zoo.preprocess.Origin`, "size" and "ratio".
        read: From one position to its prepared example, whatever it is.
    """
    with tf.device("CPU"):
        held = {name: tf.constant(row) for name, row in {**rows, "index": indices}.items()}
    masked = "mask" in targets
    shapes: dict[str, tuple[int, ...]] = {"image": (*preprocessing.size, preprocessing.channels)}
    if masked:
        shapes["mask"] = preprocessing.size

    def prepare(
        index: int,
        ratio: int,
        size: tuple[int, int],
        scaling: tuple[np.ndarray, np.ndarray],
        sources: tuple[np.ndarray, np.ndarray],
    ) -> list[np.ndarray] | None:
        """Returns the picture, and its mask if there is one; None if they are not plain."""
        stored = split.stored(index) if ratio else None
        if stored is None or (masked and (stored.mask is None or stored.ids is None)):
            return None
        with open(stored.picture, "rb") as file:
            picture = plain.decode_picture(file.read(), preprocessing.channels, size, ratio)
        if picture is None:
            return None
        found = [plain.fit_picture(picture, preprocessing.size, *scaling)]
        if stored.mask is not None and stored.ids is not None and masked:
            with open(stored.mask, "rb") as file:
                ids = plain.decode_mask(file.read(), size)
            if ids is None or not stored.ids.knows(ids):
                return None
            found.append(plain.fit_mask(ids, *sources, stored.ids.look_up))
        return found

    def fetch(
        indices: np.ndarray, ratios: np.ndarray, sizes: np.ndarray, *laid: np.ndarray
    ) -> list[np.ndarray]:
        results = [np.empty([len(indices), *shape], np.uint8) for shape in shapes.values()]
        done = np.zeros(len(indices), bool)
        each = zip(indices.tolist(), ratios.tolist(), sizes.tolist(), *laid, strict=True)
        for slot, (index, ratio, (height, width), scale, shift, down, across) in enumerate(each):
            try:
                found = prepare(index, ratio, (height, width), (scale, shift), (down, across))
            except OSError:
                # Read the other way, it fails as it would have there.
                continue
            if found is not None:
                done[slot] = True
                for result, value in zip(results, found, strict=True):
                    result[slot] = value
        return [done, *results]

    @tf.function(autograph=False, experimental_attributes={"_noinline": True})
    def completed(positions: tf.Tensor, done: tf.Tensor, *results: tf.Tensor) -> list[tf.Tensor]:
        missing = tf.where(tf.logical_not(done))

        def one(position: tf.Tensor) -> list[tf.Tensor]:
            example = read(position)
            return [example[name] for name in shapes]

        others = tf.map_fn(
            one,
            tf.gather_nd(positions, missing),
            fn_output_signature=[tf.TensorSpec(shape, tf.uint8) for shape in shapes.values()],
        )
        return [
            tf.tensor_scatter_nd_update(result, missing, other)
            for result, other in zip(results, others, strict=True)
        ]

    def read_batch(positions: tf.Tensor) -> Batch:
        batch = {name: tf.gather(row, positions) for name, row in held.items()}
        index, ratio, size = (batch.pop(name) for name in ("index", "ratio", "size"))
        place = preprocessing.geometry(size)
        laid = (*place.scaling(ratio), *place.sources(preprocessing.size))
        done, *results = tf.numpy_function(
            fetch, [index, ratio, size, *laid], [tf.bool, *[tf.uint8 for _ in shapes]], False
        )
        done = tf.ensure_shape(done, positions.shape)
        results = [
            tf.ensure_shape(result, positions.shape + shape)
            for result, shape in zip(results, shapes.values(), strict=True)
        ]
        results = tf.cond(
            tf.reduce_all(done), lambda: results, lambda: completed(positions, done, *results)
        )
        return {**dict(zip(shapes, results, strict=True)), **batch}

    return read_batch
