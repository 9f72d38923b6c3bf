"""How far a mask's pixels are from regions of other classes, and from cells."""

from typing import Any

import keras

# A type checker infers `KerasTensor | None` for what these return: tensors.
ops: Any = keras.ops

_FAR = 1e12


def boundary_distance(mask: Any, reach: int, ignore: int | None = 255) -> Any:
    """Measures how far each pixel is from the nearest one of another class.

    The Euclidean distance between the pixels' centres, exact up to ``reach``, by a min-plus
    convolution with a parabola along rows and then along columns (Felzenszwalb & Huttenlocher
    2012, "Distance Transforms of Sampled Functions"). What is carried along is the nearest
    pixel and the nearest of any other class than that, so that the cost is the same for any
    number of classes: some 14 operations on the whole mask for each pixel of ``reach``, in
    each direction.

    Args:
        mask: [n, h, w] of class ids, any number type.
        reach: In pixels, >= 1.
        ignore: The id of pixels that are of no class and from which nothing is measured;
            ``None`` for no such id.

    Returns:
        float32 [n, h, w], pixels, >= 1. What is farther than ``reach`` may come out farther
        than it is, never within ``reach``. Ignored pixels have the distance to the second
        nearest class, as if they were of the nearest.

    Example:
        >>> distance = boundary_distance(np.array([[[0, 0, 1, 255]]]), reach=3)
        >>> [float(value) for value in distance[0, 0]]
        [2.0, 1.0, 1.0, 2.0]
    """
    ids = ops.cast(mask, "int32")
    counted = ops.ones_like(ids, dtype="bool") if ignore is None else ops.not_equal(ids, ignore)
    return _two_nearest(ids, counted, reach)[1]


def cell_distances(
    mask: Any, background: int, reach: int, ignore: int | None = 255
) -> tuple[Any, Any]:
    """Measures how far each pixel is from the nearest cell, and from the second nearest.

    The d1 and d2 of Ronneberger et al. 2015 ("U-Net"). Cells are the
    :func:`connected_regions` of all classes but one.

    Args:
        mask: [n, h, w] of class ids, any number type.
        background: The id of the class between cells.
        reach: In pixels, >= 1.
        ignore: The id of pixels that are of no cell; ``None`` for no such id.

    Returns:
        float32 [n, h, w] each, pixels, 0 within a cell; exact up to ``reach``, as
        :func:`boundary_distance` is.

    Example:
        >>> first, second = cell_distances(np.array([[[1, 0, 0, 1]]]), background=0, reach=3)
        >>> [float(value) for value in first[0, 0]], [float(value) for value in second[0, 0]]
        ([0.0, 1.0, 1.0, 0.0], [3.0, 2.0, 2.0, 3.0])
    """
    cells = connected_regions(mask, background, ignore)
    return _two_nearest(cells, cells > 0, reach)


def connected_regions(mask: Any, background: int, ignore: int | None = 255) -> Any:
    """Numbers the connected regions of one class each, by 4-connectivity.

    Each pixel begins with a number of its own and takes the largest one of its row's run of
    pixels of one class, then of its column's, until nothing changes any more: some three times
    for what is round, once more for each bend of what is winding.

    Args:
        mask: [n, h, w] of class ids, any number type.
        background: The id of pixels of no region.
        ignore: Another such id; ``None`` for none.

    Returns:
        int32 [n, h, w]: 0 where there is no region, else a number > 0 that is the same for two
        pixels where they are of one region and else another.

    Example:
        >>> mask = np.array([[[1, 0, 2], [1, 1, 2]]])
        >>> ops.convert_to_numpy(connected_regions(mask, background=0))[0].tolist()
        [[5, 0, 6], [5, 5, 6]]
    """
    ids = ops.cast(mask, "int32")
    counted = ops.not_equal(ids, background)
    if ignore is not None:
        counted = ops.logical_and(counted, ops.not_equal(ids, ignore))
    shape = ops.shape(ids)
    pixels = shape[0] * shape[1] * shape[2]
    own = ops.reshape(ops.arange(1, pixels + 1, dtype="int32"), shape)
    numbers = ops.reshape(ops.where(counted, own, 0), (-1,))
    turned = _runs(ops.transpose(ids, (0, 2, 1)))
    runs = [ops.reshape(each, (-1,)) for each in (_runs(ids), ops.transpose(turned, (0, 2, 1)))]

    def spread(numbers: Any, before: Any) -> tuple[Any, Any]:
        after = numbers
        for run in runs:
            after = ops.take(ops.segment_max(after, run, pixels), run)
        return after, numbers

    def changing(numbers: Any, before: Any) -> Any:
        return ops.any(ops.not_equal(numbers, before))

    numbers, _ = ops.while_loop(changing, spread, (numbers, ops.full_like(numbers, -1)))
    return ops.reshape(numbers, shape)


def _runs(ids: Any) -> Any:
    """Numbers the runs of equal ids along the last axis: int32 [n, h, w], from 0 on."""
    shape = ops.shape(ids)
    begins = ops.not_equal(ids[..., 1:], ids[..., :-1])
    begins = ops.concatenate([ops.ones([*shape[:2], 1], "bool"), begins], axis=-1)
    return ops.reshape(ops.cumsum(ops.reshape(ops.cast(begins, "int32"), (-1,))) - 1, shape)


def _two_nearest(ids: Any, counted: Any, reach: int) -> tuple[Any, Any]:
    """Returns the distances to the nearest pixel that counts and to the nearest of another id."""
    first = ops.where(counted, 0.0, _FAR)
    state = (first, ids, ops.full_like(first, _FAR))
    for axis in (2, 1):
        state = _nearest(state, axis, reach)
    return ops.sqrt(state[0]), ops.sqrt(state[2])


def _nearest(state: tuple[Any, Any, Any], axis: int, reach: int) -> tuple[Any, Any, Any]:
    """Lets each pixel know what those up to ``reach`` away along an axis know.

    The state is the squared distance to the nearest pixel, its id, and the squared distance to
    the nearest of another id.
    """
    length = state[0].shape[axis]
    reach = reach if length is None else min(reach, length - 1)
    shape = ops.shape(state[0])
    # Not ops.pad: mapped over examples, as attacks ask for it, TensorFlow 2.21 pads with 0.
    margin = [reach if at == axis else size for at, size in enumerate(shape)]
    padded = []
    for side, blank in zip(state, (_FAR, -1, _FAR), strict=True):
        outside = ops.full(margin, blank, dtype=side.dtype)
        padded.append(ops.concatenate([outside, side, outside], axis=axis))

    def step(away: Any, state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        cost = ops.cast(away * away, "float32")
        for start in (reach - away, reach + away):
            corner = [start if at == axis else 0 for at in range(3)]
            other = [ops.slice(side, corner, shape) for side in padded]
            state = _merged(state, other, cost)
        return state

    # In the graph, because written out the steps would take longer to trace than to do.
    return ops.fori_loop(1, reach + 1, step, state)


def _merged(state: tuple[Any, Any, Any], other: list[Any], cost: Any) -> tuple[Any, Any, Any]:
    first, id_, second = state
    other_first, other_id, other_second = other[0] + cost, other[1], other[2] + cost
    # The farther one of two nearest pixels is the nearest of another id, if theirs differ.
    farther = ops.where(ops.equal(id_, other_id), _FAR, ops.maximum(first, other_first))
    return (
        ops.minimum(first, other_first),
        ops.where(other_first < first, other_id, id_),
        ops.minimum(ops.minimum(second, other_second), farther),
    )
