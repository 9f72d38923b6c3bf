"""Ways to a finer map."""

import keras

from zoo.models import checks
from zoo.models.blocks.convolution import activate, convolution
from zoo.models.layers import FitSize
from zoo.models.style import Style

UPSAMPLINGS = ("transpose", "nearest", "bilinear")


def upsample(
    x: keras.KerasTensor,
    reference: keras.KerasTensor,
    filters: int,
    factor: int,
    how: str = "transpose",
    *,
    style: Style,
    name: str,
) -> keras.KerasTensor:
    """Enlarges float [n, h, w, c] to the size of a finer map: [n, H, W, filters].

    Args:
        x: The map.
        reference: The finer map, or the picture, [n, H, W, any].
        filters: Width of the result.
        factor: How much finer it is, a whole number; odd factors above 1 are done in one step.
        how: ``"transpose"``, transposed convolutions whose kernels are as large as their stride,
            so that no two windows overlap, two times at a time; ``"nearest"``, repetition, and
            ``"bilinear"``, interpolation, both with a 1x1 convolution. The first and the last
            can be expressed at any size by every format that models are exported to.
        style: Normalization and activation.
        name: What the layers' names begin with.

    Raises:
        UserError: If ``how`` is unknown.
    """
    checks.one_of("upsample", how, UPSAMPLINGS)
    if how == "bilinear":
        # The convolution comes first, where it costs least.
        x = convolution(x, filters, 1, style=style, name=f"{name}_up")
        return FitSize("bilinear", name=f"{name}_fit")([x, reference])
    step = 0
    while factor > 1:
        scale = 2 if factor % 2 == 0 else factor
        factor //= scale
        step += 1
        tail = "" if step == 1 else str(step)
        if how == "transpose":
            x = keras.layers.Conv2DTranspose(
                filters,
                scale,
                strides=scale,
                use_bias=style.normalization is None,
                kernel_initializer="he_normal",
                name=f"{name}_up{tail}",
            )(x)
            x = activate(x, style, name=f"{name}_up", number=tail)
        else:
            x = keras.layers.UpSampling2D(scale, name=f"{name}_up{tail}")(x)
            x = convolution(x, filters, 1, style=style, name=f"{name}_up{tail}")
    return FitSize(name=f"{name}_fit")([x, reference])
