"""What the options of an augmentation may be."""

from collections.abc import Mapping
from typing import Any

from zoo.augment.boxes import SHAPES
from zoo.augment.elastic import LIMIT
from zoo.errors import UserError, nearest

# The largest value that makes sense, and whether it may be reached.
_LIMITS = {
    "rotate": (180.0, True),
    "zoom": (1.0, False),
    "translate": (1.0, True),
    "crop": (1.0, False),
    "brightness": (1.0, True),
    "contrast": (1.0, True),
    "saturation": (1.0, True),
    "noise": (255.0, True),
    "keep": (1.0, True),
    "shear": (60.0, True),
    "perspective": (1.0, False),
    "elastic": (LIMIT, False),
    "hue": (0.5, True),
    "blur": (32.0, True),
    "sharpen": (10.0, True),
    "jpeg": (99.0, True),
    "erase": (1.0, False),
    "mixup": (100.0, True),
    "cutmix": (100.0, True),
}


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options, each as its type wants it.

    Raises:
        UserError: For the first that is out of range or of the wrong type.
    """
    return {name: _checked(name, value) for name, value in options.items()}


def _checked(name: str, value: Any) -> Any:
    if name == "patch":
        return _checked_patch(value)
    if name == "box_shape":
        if value not in SHAPES:
            raise UserError(
                f"augmentation: box_shape={value!r} is no shape{nearest(str(value), SHAPES)}"
            )
    elif name not in _LIMITS:
        if not isinstance(value, bool):
            raise UserError(f"augmentation: {name}={value!r} must be True or False")
    else:
        most, reached = _LIMITS[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= most or (value == most and not reached):
            bound = f"{most:.3g}" if reached else f"below {most:.3g}"
            raise UserError(f"augmentation: {name}={value!r} must be a number from 0 to {bound}")
    return value


def _checked_patch(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if isinstance(value, tuple | list) and len(value) == 2 and all(type(v) is int for v in value):
        height, width = value
        if min(height, width) >= 1:
            return height, width
    raise UserError(
        f"augmentation: patch={value!r} must be a height and a width in whole pixels, or None"
    )
