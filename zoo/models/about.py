"""What an encoder says of itself besides its options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class About:
    """What an encoder is usually fed, and where trained weights for it come from.

    Attributes:
        size: Usual height and width of its input, for which its cost is quoted.
        input_scaling: What it was designed for, a name of ``zoo.models.scaling.SCALINGS``.
        pretrained: Returns ImageNet weights, the arrays of each layer by the layer's name;
            called with those of the encoder's options that were given. ``None`` if nobody
            published any.
    """

    size: int = 224
    input_scaling: str | None = "0..1"
    pretrained: Callable[..., Mapping[str, Sequence[Any]]] | None = None


def tell(encoder: Callable[..., Any], **facts: Any) -> Callable[..., Any]:
    """Returns the encoder with facts told of it, the fields of :class:`About`.

    Example:
        >>> resnet20 = tell(partial(_resnet_cifar, 3), size=32)
    """
    encoder.about = About(**facts)  # pyright: ignore[reportFunctionMemberAccess]
    return encoder


def about(encoder: Callable[..., Any]) -> About:
    """Returns what was told of an encoder, or the usual facts if nothing was."""
    return getattr(encoder, "about", About())
