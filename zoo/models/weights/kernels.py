"""Fitting the kernels that read the picture to another number of channels."""

from typing import Any

import keras

METHODS = ("repeat", "sum", "average")


def fitted(kernel: Any, channels: int, method: str) -> Any:
    """Returns a kernel for another number of input channels.

    Args:
        kernel: NumPy array [height, width, a, filters], a channels in.
        channels: b, the channels in of the result.
        method: ``"repeat"``: the old channels are dealt out in turn. With more channels than
            before, new channel j gets old channel j mod a, divided by the number of its
            copies; with fewer, old channel i is added to new channel i mod b.
            ``"sum"``: every new channel gets the sum over the old ones, divided by b.
            ``"average"``: every new channel gets the mean over the old ones.
            Where all channels are equal, ``"repeat"`` and ``"sum"`` answer as before, and
            ``"average"`` b / a times as much. For one channel ``"repeat"`` and ``"sum"`` are the
            same, the plain sum.

    Returns:
        NumPy array [height, width, b, filters].

    Example:
        >>> fitted(numpy.reshape([1.0, 2.0, 4.0], (1, 1, 3, 1)), 4, "repeat").ravel()
        array([0.5, 2. , 4. , 0.5])
    """
    old = kernel.shape[2]
    if method != "repeat":
        total = kernel.sum(axis=2, keepdims=True) / (channels if method == "sum" else old)
        return total.repeat(channels, axis=2)
    if channels < old:
        dealt = kernel[:, :, :channels].copy()
        for channel in range(channels, old):
            dealt[:, :, channel % channels] += kernel[:, :, channel]
        return dealt
    dealt = kernel[:, :, [channel % old for channel in range(channels)]]
    for channel in range(channels):
        copies = len(range(channel % old, channels, old))
        dealt[:, :, channel] /= copies
    return dealt


def picture_readers(model: keras.Model) -> set[str]:
    """Returns the names of the convolutions that read the picture itself.

    Several where a shortcut reads it too. Layers without weights, such as scaling, padding or
    pooling, may come in between.

    Args:
        model: A functional model; any other has none.
    """
    pictures = {id(tensor) for tensor in getattr(model, "inputs", None) or ()}
    readers: set[str] = set()
    if not pictures:
        return readers
    for layer in model.layers:
        given = keras.tree.flatten(layer.input)
        if isinstance(layer, keras.layers.InputLayer) or id(given[0]) not in pictures:
            continue
        if isinstance(layer, keras.layers.Conv2D) and layer.groups == 1:
            readers.add(layer.name)
        elif not layer.weights:
            pictures.update(id(tensor) for tensor in keras.tree.flatten(layer.output))
    return readers
