"""Says why an encoder cannot be built: the input is so small that its maps vanish."""

from collections.abc import Callable

import keras

from zoo.errors import UserError
from zoo.models.graph import VanishedError, shapes_at, smallest_input
from zoo.models.groups import option_names


def explain(
    encode: Callable[..., list[keras.KerasTensor]],
    encoder: str,
    shape: tuple[int | None, int | None, int],
) -> None:
    """Raises UserError if the input is too small for the encoder, and says where it ends.

    Args:
        encode: Image to feature maps.
        encoder: Its name.
        shape: Height, width and channels of the input.
    """
    image = keras.Input((None, None, shape[2]), dtype="float32")
    model = keras.Model(image, encode(image))
    try:
        shapes_at(model, shape[:2])
    except VanishedError as vanished:
        height, width = smallest_input(model) or (None, None)
        stage = vanished.layer.split("_")[0].replace("stage", "stage ")
        same = ", and padding='same' takes any" if "padding" in option_names(encode) else ""
        raise UserError(
            f"the maps of encoder {encoder!r} vanish in {stage}, whose {vanished.layer} gets "
            f"{_times(*vanished.size)} from an input of {_times(*shape[:2])}; the smallest input "
            f"that works is {_times(height, width)}{same}"
        ) from None


def _times(height: int | None, width: int | None) -> str:
    return f"{height or 'any'}x{width or 'any'}"
