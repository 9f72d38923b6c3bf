"""The named sets of changes."""

from typing import Any

from zoo.errors import UserError, nearest

_STRENGTHS: dict[str, dict[str, float]] = {
    "none": {},
    "light": {
        "zoom": 0.1,
        "translate": 0.05,
        "brightness": 0.1,
        "contrast": 0.1,
        "saturation": 0.1,
    },
    "medium": {
        "rotate": 5.0,
        "zoom": 0.2,
        "translate": 0.1,
        "crop": 0.1,
        "brightness": 0.15,
        "contrast": 0.2,
        "saturation": 0.2,
    },
    "strong": {
        "rotate": 10.0,
        "zoom": 0.3,
        "translate": 0.15,
        "crop": 0.2,
        "brightness": 0.25,
        "contrast": 0.35,
        "saturation": 0.35,
        "noise": 5.0,
    },
}


def named_options(name: str, *, mirror: bool, channels: int) -> dict[str, Any]:
    """Returns the options of `Augmentation` that a name stands for.

    Args:
        name: ``none``, ``light``, ``medium`` or ``strong``.
        mirror: Whether the set flips left and right; ``none`` never does.
        channels: Of the pictures; saturation is left out unless there are three.

    Raises:
        UserError: For an unknown name.
    """
    if name not in _STRENGTHS:
        raise UserError(f"no augmentation is called {name!r}{nearest(str(name), _STRENGTHS)}")
    options: dict[str, Any] = dict(_STRENGTHS[name])
    if options:
        options["flip"] = mirror
    if channels != 3:
        options.pop("saturation", None)
    return options
