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

    Every format that models are exported to can express all three ways at any size.

    Args:
        x: The map.
        reference: The finer map, or the picture, [n, H, W, any].
        filters: Width of the result.
        factor: How much finer it is, a whole number.
        how: ``"transpose"``, see :func:`enlarge`, cut or filled up to the reference's size;
            ``"nearest"``, repetition, and ``"bilinear"``, interpolation, which stretch the map
            over the reference, behind a 1x1 convolution.
        style: Normalization and activation.
        name: What the layers' names begin with.

    Raises:
        UserError: If ``how`` is unknown.
    """
    checks.one_of("upsample", how, UPSAMPLINGS)
    if how == "transpose":
        x = enlarge(x, filters, factor, style=style, name=name)
        return FitSize(name=f"{name}_fit")([x, reference])
    # The convolution comes first, where it costs least; it and neither stretching care about
    # their order.
    x = convolution(x, filters, 1, style=style, name=f"{name}_up")
    return FitSize(how, name=f"{name}_fit")([x, reference])


def enlarge(
    x: keras.KerasTensor, filters: int, factor: int, *, style: Style, name: str
) -> keras.KerasTensor:
    """Transposed convolutions: float [n, h, w, c] -> [n, factor * h, factor * w, filters].

    Their kernels are as large as their strides, so that no two windows overlap; two times at a
    time, and an odd factor above 1 in one step. With a factor of 1 the map stays as it is.

    Args:
        x: The map.
        filters: Width of the result.
        factor: How many times larger it is, a whole number.
        style: Normalization and activation.
        name: What the layers' names begin with.
    """
    step = 0
    while factor > 1:
        scale = 2 if factor % 2 == 0 else factor
        factor //= scale
        step += 1
        tail = "" if step == 1 else str(step)
        x = keras.layers.Conv2DTranspose(
            filters,
            scale,
            strides=scale,
            use_bias=style.normalization is None,
            kernel_initializer="he_normal",
            name=f"{name}_up{tail}",
        )(x)
        x = activate(x, style, name=f"{name}_up", number=tail)
    return x
