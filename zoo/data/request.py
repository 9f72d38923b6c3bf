"""What is asked of a data set, whatever its format."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from zoo.data.dataset import SPLITS, TARGETS
from zoo.errors import UserError, nearest

Wanted = str | Sequence[str]
"""What a split is asked for as; see `zoo.data.files.splits.divide`."""

Divide = Literal["content", "name"]
"""What decides which files go where, if files have to be divided; see `Request.divide`."""


@dataclass(frozen=True)
class Request:
    """What every format's `open()` is asked for.

    Attributes:
        targets: Which of "class", "box" and "mask" are to be learnt: an example that lacks one
            of these is left out. None to keep examples without class or box, marked as the
            contract says.
        splits: What each split is in the set; None to divide it by the usual names.
        seed: Decides which files go where, if files have to be divided.
        validation: Share of train to validate with, if the set has no split for it.
        test: Share of train to test with, if the set has no split for it.
        divide: What a hash is taken of to divide files: "content", so that a file goes to the same
            split wherever it lies and whatever it is called, and identical files to one; or
            "name", its path below the set.
        group: A regular expression that is searched for in each file's path below the set; what
            its first group in brackets matches names the film, patient or place that the file
            belongs to. Files of one group go to one split, if files have to be divided.
        cache: Folder in which a format may keep files that it converted; None to keep none.
        values: What becomes 0 and what 255, of pictures of more than 8 bits; None for all that
            their type can hold.
        progress: Called with the number of steps done and their total while files are converted.

    Raises:
        UserError: If there is no such target or split, a share is out of range, or `group` is
            no regular expression with a group.

    Example:
        >>> Request(targets=frozenset({"class"}), test=0.25).test
        0.25
    """

    targets: frozenset[str] | None = None
    splits: Mapping[str, Wanted] | None = None
    seed: int = 0
    validation: float = 0.1
    test: float = 0.2
    divide: Divide = "content"
    group: str | None = None
    cache: Path | None = None
    values: tuple[float, float] | None = None
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self):
        for what, names, known in (
            ("target", self.targets, TARGETS),
            ("split", self.splits, SPLITS),
        ):
            for name in sorted(set(names or ()) - set(known)):
                raise UserError(f"there is no {what} {name!r}{nearest(name, known)}")
        for name in ("validation", "test"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise UserError(f"{name} is the share of train to cut off: {value} is not in 0..1")
        if self.divide not in get_args(Divide):
            raise UserError(
                f"there is no way to divide by {self.divide!r}"
                f"{nearest(str(self.divide), get_args(Divide))}"
            )
        self._check_group()
        if self.validation + self.test >= 1:
            raise UserError(
                f"validation={self.validation} and test={self.test} leave nothing to train on; "
                "lower one of them"
            )

    def _check_group(self) -> None:
        if self.group is None:
            return
        try:
            groups = re.compile(self.group).groups
        except re.error as error:
            raise UserError(f"group={self.group!r} is no regular expression ({error})") from None
        if not groups:
            raise UserError(
                f"group={self.group!r} has no brackets around what names the group; write it as "
                'in "(film_[0-9]+)_"'
            )

    def wanted(self, carries: frozenset[str]) -> frozenset[str]:
        """Returns which of the targets that a format carries are to be learnt.

        Args:
            carries: Which of "class", "box" and "mask" the format has.
        """
        return carries if self.targets is None else carries & self.targets
