"""What is to be learnt of each example: classes, boxes and masks, and what is wrong with them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.data import DataSet, Finding, Split
from zoo.data.findings import Effect, Reason, found_in
from zoo.data.untuned import untuned
from zoo.preprocess import IGNORE, decode_mask

NOT_TRAINED: Effect = "left out"
"""What follows from whatever is wrong with a picture that training does not read."""

_IDS = 256
_IGNORED = "ignored"


@dataclass
class Labels:
    """The labels of a data set.

    Attributes:
        classes: For each split the examples of each class, by its name.
        class_of: The class of each example that has one, by the example's name.
        box_shares: Which share of its picture each box covers.
        mask_pixels: For each split the pixels of each class, by its name; "ignored" besides.
        mask_pictures: For each split the masks in which a class occurs, likewise.
        findings: What is wrong.
    """

    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    class_of: dict[str, str] = field(default_factory=dict)
    box_shares: list[float] = field(default_factory=list)
    mask_pixels: dict[str, dict[str, int]] = field(default_factory=dict)
    mask_pictures: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def name_of(split: Split, index: int, root: Path | None) -> str:
    """Returns what findings call an example: its picture's path below the data set."""
    files = split.files(index)
    if not files:
        return split.label(index)
    path = Path(files[0])
    return path.relative_to(root).as_posix() if root and path.is_relative_to(root) else str(path)


def parts_of(dataset: DataSet) -> list[Split]:
    """Returns the splits, and what is in none."""
    return [*dataset.splits.values(), *([dataset.unused] if dataset.unused else [])]


def effect_in(split: Split, dataset: DataSet, unreadable: Effect) -> Effect:
    """Returns what follows for training of an example that cannot be read.

    Args:
        split: It is of.
        dataset: The split is of.
        unreadable: What follows where training reads it.
    """
    return NOT_TRAINED if split is dataset.unused else unreadable


def read_labels(
    dataset: DataSet,
    targets: tuple[str, ...],
    sizes: Mapping[str, tuple[int, int]],
    unreadable: Effect,
    progress: Callable[[], None] = lambda: None,
) -> Labels:
    """Reads the labels of all examples, masks included.

    Args:
        dataset: Opened.
        targets: Which of "class", "box" and "mask" are to be learnt.
        sizes: Height and width of each upright picture that could be read, by name.
        unreadable: What follows for training of an example that cannot be read.
        progress: Called after each example.
    """
    found = Labels()
    root = dataset.root
    for split in parts_of(dataset):
        names = [name_of(split, index, root) for index in range(split.length)]
        if split is not dataset.unused:
            found.findings += _lacking(split, names, targets)
        follows = effect_in(split, dataset, unreadable)
        _read_split(split, names, dataset, targets, sizes, follows, found, progress)
    return found


def _lacking(split: Split, names: list[str], targets: tuple[str, ...]) -> Iterator[Finding]:
    """Names what has no class or box; a split of which nothing has any is named once."""
    lacks = [split.lacks(index) for index in range(split.length)]
    bare = [target for target in targets if lacks and all(target in one for one in lacks)]
    for target in bare:
        kind = Counter(one[target].kind for one in lacks).most_common(1)[0][0]
        first = f"{names[0]} {lacks[0][target]}"
        text = f"none of the {split.length:,} examples of {split.name} has a {target}: {first}"
        yield Finding(kind, "", text, "left out")
    for name, reasons in zip(names, lacks, strict=True):
        why: dict[Reason, list[str]] = {}
        for target in targets:
            if target in reasons and target not in bare:
                why.setdefault(reasons[target], []).append(target)
        for reason, without in why.items():
            text = f"left out of {split.name} where a {' or '.join(without)} is learnt: {name}"
            yield Finding(reason.kind, name, f"{text} {reason}", "left out")


@dataclass
class _Masks:
    """What the masks of a split hold.

    Attributes:
        pixels: int64 [256], how many there are of each id.
        pictures: int64 [256], in how many masks each id occurs.
        of_one: Masks of one class alone, by the example's name: which.
        of_other_size: Masks of another size than their picture, likewise: both sizes.
    """

    pixels: np.ndarray = field(default_factory=lambda: np.zeros(_IDS, np.int64))
    pictures: np.ndarray = field(default_factory=lambda: np.zeros(_IDS, np.int64))
    of_one: dict[str, str] = field(default_factory=dict)
    of_other_size: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        name: str,
        shape: tuple[int, int],
        counts: np.ndarray,
        size: tuple[int, int],
        classes: tuple[str, ...],
    ) -> None:
        """Adds a mask: its height and width, the pixels of each id, its picture's size."""
        if not counts.any():
            return
        self.pixels += counts
        self.pictures += counts > 0
        if shape != size:
            text = f"{shape[1]}x{shape[0]}, the picture {size[1]}x{size[0]}"
            self.of_other_size[name] = text
        present = np.flatnonzero(counts[:IGNORE])
        if len(present) < 2:
            self.of_one[name] = classes[present[0]] if len(present) else _IGNORED


def _read_split(
    split: Split,
    names: list[str],
    dataset: DataSet,
    targets: tuple[str, ...],
    sizes: Mapping[str, tuple[int, int]],
    unreadable: Effect,
    found: Labels,
    progress: Callable[[], None],
) -> None:
    used = split is not dataset.unused
    masks = _Masks()
    counts: Counter[str] = Counter()
    read = set()
    for index, raw in _examples(split, targets):
        name = names[index]
        read.add(int(index))
        progress()
        if "class" in raw and 0 <= raw["class"] < len(dataset.label_names):
            found.class_of[name] = dataset.label_names[raw["class"]]
            counts[found.class_of[name]] += 1
        if used and "box" in raw and np.isfinite(raw["box"]).all():
            x_min, y_min, x_max, y_max = raw["box"].tolist()
            found.box_shares.append((x_max - x_min) * (y_max - y_min))
        if "mask" in raw:
            shape = tuple(raw["shape"].tolist())
            masks.add(name, shape, raw["mask"], sizes.get(name, shape), dataset.mask_names)
    if used and "class" in targets:
        known = split.counts or [counts[name] for name in dataset.label_names]
        found.classes[split.name] = dict(zip(dataset.label_names, known, strict=True))
    if "mask" not in targets:
        return
    other_size = "with a mask of another size"
    found.findings += found_in(masks.of_other_size, "mask-size", other_size, effect=unreadable)
    found.findings += found_in(masks.of_one, "mask-one-class", "with a mask of one class alone")
    for index in sorted(set(range(split.length)) - read):
        why = split.explain(index) or Reason("unreadable-mask", "has a mask that cannot be read")
        # What is wrong with the picture itself is found where pictures are read.
        if why.kind != "unreadable-picture":
            text = f"{names[index]} {why}"
            found.findings.append(Finding(why.kind, names[index], text, unreadable))
    if used:
        named = {name: number for number, name in enumerate(dataset.mask_names)}
        named[_IGNORED] = IGNORE
        for table, counted in (
            (found.mask_pixels, masks.pixels),
            (found.mask_pictures, masks.pictures),
        ):
            table[split.name] = {name: int(counted[number]) for name, number in named.items()}


def _examples(split: Split, targets: tuple[str, ...]) -> Iterator[Any]:
    """Yields index and labels of each example that can be read; of a mask its pixels by id."""

    @tf.autograph.experimental.do_not_convert
    def of(index: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        raw = split.read(index)
        labels = {target: raw[target] for target in targets}
        if "mask" in labels:
            mask = labels["mask"]
            mask = decode_mask(mask) if mask.dtype == tf.string else mask
            ids = tf.reshape(tf.cast(mask, tf.int32), [-1])
            counted = tf.math.bincount(ids, minlength=_IDS, maxlength=_IDS, dtype=tf.int64)
            labels |= {"mask": counted, "shape": tf.shape(mask)}
        return index, labels

    data = tf.data.Dataset.range(split.length).map(of, num_parallel_calls=tf.data.AUTOTUNE)
    yield from untuned(data.ignore_errors()).as_numpy_iterator()
