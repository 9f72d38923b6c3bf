"""What every data format gives: splits with random access to raw examples.

Nothing in `zoo.data` but the pipeline imports TensorFlow at the top: `zoo list datasets`
goes through here and has to answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.data.findings import Finding, Reason
from zoo.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

    from zoo.data.mask_classes import MaskClasses

SPLITS = ("train", "validation", "test")
TARGETS = ("class", "box", "mask")

NO_OBJECT = Reason("no-object", "has no object or label")
"""Why an example whose class is -1, or whose box is NaN, is left out."""


@dataclass(frozen=True)
class Stored:
    """Files that hold a picture and its mask as they are, to be decoded and fitted.

    Attributes:
        picture: Path of the encoded picture.
        mask: Path of its mask, a PNG of ids as large as the upright picture; None where no file
            holds it as it is.
        ids: The classes of the mask's ids; None where no masks are learnt from.
    """

    picture: str
    mask: str | None = None
    ids: MaskClasses | None = None


@dataclass(frozen=True)
class Split:
    """One part of a data set, read example by example in any order.

    Attributes:
        name: "train", "validation" or "test".
        length: Number of examples.
        read: From an int64 scalar index in [0, length) to the raw example, a dict of tensors:
            "image" (string scalar, an encoded picture, or uint8 [h, w, c]) and, where the set
            has them, "class" (int32 scalar), "box" (float32 [4]: x_min, y_min, x_max, y_max as
            fractions 0..1 of the upright picture; NaN where the picture has no object) and
            "mask" (string scalar, an encoded PNG of class ids, or uint8 [h, w]; 255 is
            ignored). Always gives the same answer and may be traced into a graph.
        label: From an index to a name for messages: a file's path, or "digit_scenes test 17".
        counts: Examples of each class, in the order of the label names, where that is known
            without reading the pictures.
        explain: From the index of an example that could not be used to the reason; None where
            only the picture's own bytes can be at fault.
        lacks: From an index to what the example has not, "class", "box" or "mask", and why:
            known without reading the picture, where it was kept all the same.
        files: From an index to the paths of the files that are the example's alone, its
            picture's first; empty where examples are no files of their own.
        stored: From an index to the files that `read` hands on as they are; None where it does
            more, as cutting a picture or drawing a mask.
    """

    name: str
    length: int
    read: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    label: Callable[[int], str]
    counts: tuple[int, ...] | None = None
    explain: Callable[[int], Reason | None] = lambda index: None
    lacks: Callable[[int], Mapping[str, Reason]] = lambda index: {}
    files: Callable[[int], tuple[str, ...]] = lambda index: ()
    stored: Callable[[int], Stored | None] = lambda index: None


@dataclass(frozen=True)
class DataSet:
    """A set of pictures with what is to be learnt from them.

    Attributes:
        name: Its name, as messages and reports show it.
        targets: Which of "class", "box" and "mask" its examples carry.
        label_names: Name of each class id; empty without "class".
        mask_names: Name of each mask id; empty without "mask".
        splits: By name; "train", "validation" and "test" as far as there are any.
        findings: What was decided and found while opening it that the user should know.
        mirrored: Whether a picture mirrored left to right is as good an example: True of
            photographs of animals, False of digits, None where only the user knows.
        root: Folder of its files; None where its examples are no files of their own.
        unused: The examples that could be used and are in no split, None where there are none.
    """

    name: str
    targets: frozenset[str]
    label_names: tuple[str, ...]
    mask_names: tuple[str, ...]
    splits: Mapping[str, Split]
    findings: tuple[Finding, ...] = ()
    mirrored: bool | None = None
    root: Path | None = None
    unused: Split | None = None

    def class_names(self, targets: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the names of the classes that a task with these targets tells apart.

        Args:
            targets: What the task learns from: ("class",), ("class", "box") or ("mask",).

        Returns:
            The names of the mask ids if "mask" is among the targets, else those of the labels.

        Raises:
            UserError: If the set lacks one of the targets.
        """
        missing = [target for target in targets if target not in self.targets]
        if missing:
            has = " and ".join(repr(target) for target in sorted(self.targets)) or "none"
            raise UserError(
                f"data set {self.name!r} has no {missing[0]!r}, which this task learns from: "
                f"it has {has}; choose another task or another data set"
            )
        return self.mask_names if "mask" in targets else self.label_names

    def split(self, name: str) -> Split:
        """Returns the split of this name.

        Raises:
            UserError: If the set has no such split; names those it has.
        """
        if name not in self.splits:
            raise UserError(
                f"data set {self.name!r} has no split {name!r}; it has {', '.join(self.splits)}"
            )
        return self.splits[name]
