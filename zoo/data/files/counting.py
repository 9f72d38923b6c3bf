"""Which named objects count: what their classes are, and which are neither learnt nor scored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zoo.data.request import Request
from zoo.errors import UserError, nearest

BACKGROUND = "background"

_MOST_CLASSES = 254


@dataclass(frozen=True)
class Counting:
    """Which objects count.

    Attributes:
        classes: From the names of categories to those of the classes that they belong to.
        ignored: Names of categories whose pixels are neither trained on nor scored.
    """

    classes: Mapping[str, str]
    ignored: frozenset[str] = frozenset()

    @property
    def mask_classes(self) -> dict[str, str]:
        """The classes of masks by their ids as text, the background's 0 first."""
        names = dict.fromkeys([BACKGROUND, *self.classes.values()])
        return {str(number): name for number, name in enumerate(names)}

    @property
    def numbers(self) -> dict[str, int]:
        """The ids of masks by the names of categories."""
        ids = {name: int(id_) for id_, name in self.mask_classes.items()}
        return {category: ids[name] for category, name in self.classes.items()}


def counting_of(
    used: Sequence[str],
    unused: Iterable[str],
    classes: Sequence[str] | Mapping[str, str] | None,
    ignore: Sequence[str],
    what: str,
) -> Counting:
    """Returns which objects count, as the options say.

    Args:
        used: Names of the categories that an object has, in the order of their classes.
        unused: Names of those that none has.
        classes: Names of the categories that count, or from these to the names of the classes
            that they are to be; all used ones that are not ignored if None.
        ignore: Names of categories that are neither learnt nor scored.
        what: A category as the format's messages call it.

    Raises:
        UserError: If there is no such category, or one is both a class and ignored.
    """
    known = {*used, *unused}
    for option, names in (("classes", classes or ()), ("ignore", ignore)):
        for name in names:
            if name not in known:
                raise UserError(f"{option}: no {what} is named {name!r}{nearest(name, used)}")
    if classes is None:
        classes = [name for name in used if name not in ignore]
    mapping = dict(classes) if isinstance(classes, Mapping) else {name: name for name in classes}
    for name in ignore:
        if name in mapping:
            raise UserError(f"{name!r} is a class and ignored; choose one")
    return Counting(mapping, frozenset(ignore))


def carried(counting: Counting, outlined: bool, request: Request) -> frozenset[str]:
    """Returns which of "class", "box" and "mask" objects give: without one outline, no masks.

    Args:
        counting: Which of them count.
        outlined: Whether one has an outline.
        request: What is asked for.

    Raises:
        UserError: If masks are asked for that would have more classes than they can hold.
    """
    many = len(counting.mask_classes) - 1
    if outlined and many <= _MOST_CLASSES:
        return frozenset(("class", "box", "mask"))
    if outlined and "mask" in (request.targets or ()):
        raise UserError(
            f"masks hold at most {_MOST_CLASSES} classes beside the background, not {many}; "
            "name in data.options.classes those that count"
        )
    return frozenset(("class", "box"))
