"""Input scalings: the first layer of every model, from raw pixels to what its encoder takes."""

from typing import Any

import keras

# Mean and standard deviation of ImageNet's pixels in 0..1, red, green, blue, as torchvision and
# keras.applications ("torch" mode) have them.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
# Mean colour in 0..255 of Simonyan and Zisserman 2015 ("caffe" mode).
_MEAN_COLOUR = (123.68, 116.779, 103.939)

# The factor and the offset of each scaling, a number or one a colour.
_LINEAR: dict[str, tuple[Any, Any]] = {
    "0..1": (1 / 255, 0.0),
    "-1..1": (1 / 127.5, -1.0),
    "-1..<1": (1 / 128, -1.0),
    "imagenet": (
        [1 / 255 / deviation for deviation in _DEVIATION],
        [-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)],
    ),
    "mean_colour": (1.0, [-mean for mean in _MEAN_COLOUR]),
}
SCALINGS = (*_LINEAR, "standardize", None)


def scaled(image: keras.KerasTensor, input_scaling: str | None) -> keras.KerasTensor:
    """Scales raw pixels float32 [n, h, w, c] in 0..255; the shape stays.

    Args:
        image: The picture, in red, green, blue where it has three channels.
        input_scaling: ``"0..1"``; ``"-1..1"``; ``"-1..<1"``, x / 128 - 1; ``"imagenet"``, by
            ImageNet's mean and standard deviation; ``"mean_colour"``, less ImageNet's mean
            colour, still in 0..255; ``"standardize"``, each picture to mean 0 and variance 1 over
            all its values; ``None``, as it is. With channels other than three the colours' numbers
            are taken in turn, and for one channel averaged.
    """
    # In float32: a low compute precision must not coarsen the pixels before they are scaled.
    settings: dict[str, Any] = {"dtype": "float32", "name": "input_scaling"}
    if input_scaling is None:
        return image
    if input_scaling == "standardize":
        # One group of all channels, without weights: mean and variance of the whole picture.
        return keras.layers.GroupNormalization(1, center=False, scale=False, **settings)(image)
    scale, offset = (_for_channels(one, image.shape[-1]) for one in _LINEAR[input_scaling])
    return keras.layers.Rescaling(scale, offset=offset, **settings)(image)


def _for_channels(numbers: Any, channels: int) -> Any:
    if not isinstance(numbers, list):
        return numbers
    if channels == 1:
        return sum(numbers) / len(numbers)
    return [numbers[channel % len(numbers)] for channel in range(channels)]
