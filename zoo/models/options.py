"""Which encoders, heads, decoders and options there are, before anything is built."""

from collections.abc import Callable, Mapping
from typing import Any

from zoo.errors import UserError, check_options, nearest
from zoo.models.decoders import DECODERS
from zoo.models.encoders import ENCODERS
from zoo.models.groups import bind, option_names
from zoo.models.heads import HEADS
from zoo.models.menu import matching

DEFAULT_PARTS = {"classification": "average", "localization": "spatial", "segmentation": "unet"}


def list_encoders(pattern: str = "*") -> list[str]:
    """Returns the names of the encoders that match a pattern as of a shell, sorted.

    Example:
        >>> list_encoders("resnet1*")
        ['resnet110', 'resnet18']
    """
    return matching(ENCODERS, pattern)


def list_decoders(pattern: str = "*") -> list[str]:
    """Returns the names of the decoders that match a pattern as of a shell, sorted."""
    return matching(DECODERS, pattern)


def list_heads(task: str, pattern: str = "*") -> list[str]:
    """Returns the names of a task's heads that match a pattern as of a shell, sorted.

    Args:
        task: ``"classification"`` or ``"localization"``; anything else has none.
        pattern: As ``"a*"``.
    """
    return matching(HEADS.get(task, {}), pattern)


def check_model_options(
    task: str,
    *,
    encoder: str = "plain",
    head: str | None = None,
    decoder: str | None = None,
    options: Mapping[str, Any],
) -> None:
    """Refuses, before any work, the names and options that :func:`zoo.build` would refuse.

    The values of options are left to the building.

    Args:
        task: ``"classification"``, ``"localization"`` or ``"segmentation"``.
        encoder: The encoder's name.
        head: The head's name, or ``None`` for the task's own.
        decoder: The decoder's name, or ``None`` for the task's own.
        options: What would be passed on to encoder, head and decoder.

    Raises:
        UserError: For the first one that is unknown or out of place.
    """
    if task not in DEFAULT_PARTS:
        raise UserError(f"task {task!r} is unknown{nearest(str(task), DEFAULT_PARTS)}")
    given = {"head": head, "decoder": decoder}
    part = given.pop(_kind(task)) or DEFAULT_PARTS[task]
    misplaced = {name: value for name, value in given.items() if value is not None}
    split(task, encoder, part, {**options, **misplaced})


def split(
    task: str, encoder: str, part: str, options: Mapping[str, Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Returns the encoder and the head or decoder, each with those of the options that it has.

    Args:
        task: A task that there is.
        encoder: The encoder's name.
        part: The name of the head or decoder.
        options: Options of either or both.

    Raises:
        UserError: For the first name or option that is unknown or out of place.
    """
    kind = _kind(task)
    parts = DECODERS if kind == "decoder" else HEADS[task]
    for other in {"head", "decoder"} - {kind}:
        if other in options:
            raise UserError(
                f"{task} takes no {other}=; leave it out, or give {kind}= ({', '.join(parts)})"
            )
    for what, name, known in (("encoder", encoder, ENCODERS), (kind, part, parts)):
        if not isinstance(name, str) or name not in known:
            raise UserError(f"{what} {name!r} is unknown{nearest(str(name), known)}")
    functions = ENCODERS[encoder], parts[part]
    # What build() itself passes to a head is no option.
    names = [option_names(function) - {"classes"} for function in functions]
    check_options(
        options, set().union(*names), f"{task} with encoder {encoder!r} and {kind} {part!r}"
    )
    encode, finish = (
        bind(function, {name: options[name] for name in options if name in own})
        for function, own in zip(functions, names, strict=True)
    )
    return encode, finish


def _kind(task: str) -> str:
    return "decoder" if task == "segmentation" else "head"
