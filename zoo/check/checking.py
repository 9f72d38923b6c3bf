"""Checking a data set: everything is read once, and nothing stops at the first fault."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.check.duplicates import find_duplicates
from zoo.check.labels import NOT_TRAINED, Labels, effect_in, name_of, parts_of, read_labels
from zoo.check.opening import Opened
from zoo.check.pictures import Picture, Seen, look_through
from zoo.check.strays import find_strays
from zoo.data import DataSet, Finding, Split
from zoo.data.conversion import UnreadableError, picture_in
from zoo.data.findings import Effect, found_in, sentences
from zoo.errors import UserError
from zoo.training.watch import Watch


@dataclass(frozen=True)
class Check:
    """What checking a data set found.

    Attributes:
        opened: What was checked.
        seen: What reading each picture showed, those in no split included.
        labels: What is to be learnt.
        findings: What was found, in the order of `KINDS`; without what was decided.
        decisions: What was decided where the files leave a choice, a sentence each.
    """

    opened: Opened
    seen: tuple[Seen, ...]
    labels: Labels
    findings: tuple[Finding, ...]
    decisions: tuple[str, ...]

    @property
    def affects_training(self) -> bool:
        """Whether something is left out of training, stops it or misleads it."""
        return any(finding.affects_training for finding in self.findings)

    @property
    def splits(self) -> dict[str, int]:
        """How many examples each split has."""
        dataset = self.opened.dataset
        return {name: split.length for name, split in dataset.splits.items()} if dataset else {}

    def counts(self, of: Callable[[Seen], str]) -> dict[str, int]:
        """Counts the pictures that could be read by something about them, most first."""
        counted = Counter(of(one) for one in self.seen if one.thumbnail is not None)
        return dict(counted.most_common())

    def sizes(self) -> list[tuple[int, int]]:
        """Returns height and width of every picture that could be read."""
        return [one.size for one in self.seen if one.thumbnail is not None]

    def to_json(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        labels, sizes = self.labels, np.array(self.sizes() or [(0, 0)])
        return {
            "data": self.opened.name,
            "task": self.opened.task.name if self.opened.task else None,
            "targets": list(self.opened.targets),
            "affects_training": self.affects_training,
            "pictures": len(self.seen),
            "splits": self.splits,
            "findings": [
                {key: value for key, value in asdict(one).items() if key != "together"}
                for one in self.findings
            ],
            "decisions": list(self.decisions),
            "classes": labels.classes,
            "masks": {"pixels": labels.mask_pixels, "pictures": labels.mask_pictures},
            "box_shares": quantiles(labels.box_shares),
            "heights": quantiles(sizes[:, 0]),
            "widths": quantiles(sizes[:, 1]),
            "formats": self.counts(lambda one: one.format),
            "channels": self.counts(lambda one: one.samples),
        }


def quantiles(values: Any) -> dict[str, float]:
    """Returns the least, the median and the largest of some numbers; nothing of none."""
    values = np.asarray(values, np.float64)
    if not values.size:
        return {}
    names = ("smallest", "median", "largest")
    return dict(zip(names, np.quantile(values, [0, 0.5, 1]).tolist(), strict=True))


def check_data(opened: Opened, watch: Watch) -> Check:
    """Reads everything of a data set and says what is wrong with it.

    Args:
        opened: As `open_for_check` gives it.
        watch: Told what goes on.

    Raises:
        UserError: If there is no picture.
    """
    dataset = opened.dataset
    unreadable: Effect = "left out" if opened.unreadable == "skip" else "stops"
    pictures, strays = _pictures(opened, unreadable)
    if not pictures:
        unread = sentences(one for one in strays if one.kind == "unreadable-folder")
        which = f" that can be seen ({unread[0]})" if unread else ""
        raise UserError(f"{opened.name} holds no picture{which}; give the folder that does")
    with watch.bar("reading pictures", len(pictures)) as bar:
        seen = tuple(look_through(pictures, bar.to))
    labels = Labels()
    if dataset is not None:
        sizes = {one.name: one.size for one in seen if one.thumbnail is not None}
        total = sum(part.length for part in parts_of(dataset))
        with watch.bar("reading labels", total) as bar:
            labels = read_labels(dataset, opened.targets, sizes, unreadable, bar.advance)
    splits = _splits(dataset) if dataset else {}
    with watch.bar("comparing pictures"):
        duplicates = find_duplicates(seen, splits, labels.class_of)
    found = [
        *opened.findings,
        *(dataset.findings if dataset else ()),
        *(finding for one in seen for finding in one.findings),
        *_odd_ones(seen),
        *labels.findings,
        *duplicates,
        *strays,
    ]
    return Check(
        opened=opened,
        seen=seen,
        labels=labels,
        findings=_once(found),
        decisions=tuple(one.text for one in found if one.kind == "decision"),
    )


def _once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Drops decisions, and what opening and reading both found."""
    by_said = {(one.kind, one.file, one.text): one for one in findings if one.kind != "decision"}
    return tuple(by_said.values())


def _splits(dataset: DataSet) -> dict[str, str]:
    return {
        name_of(split, index, dataset.root): name
        for name, split in dataset.splits.items()
        for index in range(split.length)
    }


def _pictures(opened: Opened, unreadable: Effect) -> tuple[list[Picture], list[Finding]]:
    """Returns all pictures to be read, those that are no example's included."""
    dataset, root = opened.dataset, opened.root
    if root is not None and root.is_file() and dataset is None:
        return [_of_file(root, root.name, opened, unreadable)], []
    found: dict[str, Picture] = {}
    known: set[str] = set()
    folders: set[Path] | None = None
    beside = unreadable
    if dataset is not None:
        folders, beside = set(), NOT_TRAINED
        for split in parts_of(dataset):
            follows = effect_in(split, dataset, unreadable)
            read = _reader(split)
            for index in range(split.length):
                name = name_of(split, index, dataset.root)
                found.setdefault(name, _of_example(split, index, name, read, follows))
                known.update(split.files(index))
                # Elsewhere there may be masks, which are no pictures to learn from.
                folders.update(Path(os.path.dirname(path)) for path in split.files(index)[:1])
        # What is of no class is a picture all the same, wherever it lies.
        nowhere = [one.file for one in dataset.findings if one.kind == "missing-label"]
        folders.update((root / file).parent for file in nowhere if root)
    if root is None or not root.is_dir():
        return list(found.values()), []
    others, strays = find_strays(root, known, folders, beside)
    for path in others:
        name = path.relative_to(root).as_posix()
        found.setdefault(name, _of_file(path, name, opened, beside))
    return list(found.values()), strays


@dataclass(frozen=True)
class _Reader:
    """Reads pictures of a split's examples as training does.

    Attributes:
        image: Gives the picture of an example by its index.
        arrays: Whether it gives arrays, so that no file's bytes are learnt from as they are.
    """

    image: Callable[[int], bytes | np.ndarray]
    arrays: bool


def _reader(split: Split) -> _Reader:
    def read(index: tf.Tensor) -> tf.Tensor:
        return split.read(index)["image"]

    # Traced, and once: op by op it takes longer than decoding. Pruned, as a fault of the mask's
    # is none of the picture's.
    traced = tf.compat.v1.wrap_function(read, [tf.TensorSpec([], tf.int64)])
    image_of = traced.prune(traced.inputs, traced.outputs[0])

    def image(index: int) -> bytes | np.ndarray:
        try:
            return image_of(tf.constant(index, tf.int64)).numpy()
        except tf.errors.OpError as error:
            raise UnreadableError(str(split.explain(index) or "is gone")) from error

    return _Reader(image, arrays=traced.outputs[0].dtype != tf.string)


def _of_example(
    split: Split, index: int, name: str, reader: _Reader, unreadable: Effect
) -> Picture:
    def read() -> bytes | np.ndarray:
        return reader.image(index)

    files = split.files(index)
    if not files:
        return Picture(name, read, unreadable=unreadable)
    path = Path(files[0])
    if reader.arrays:
        # Among arrays an encoded picture is refused, whole as it may be.
        return Picture(name, read, path, unreadable=unreadable)
    return Picture(name, path.read_bytes, path, convert=read, unreadable=unreadable)


def _of_file(path: Path, name: str, opened: Opened, unreadable: Effect) -> Picture:
    """Returns the picture in a file that is no example's."""

    def convert() -> bytes | np.ndarray:
        return picture_in(path, opened.values)

    return Picture(name, path.read_bytes, path, convert, unreadable)


def _odd_ones(seen: Sequence[Seen]) -> list[Finding]:
    readable = [one for one in seen if one.thumbnail is not None]
    if not readable:
        return []
    usual = Counter(one.samples for one in readable).most_common(1)[0][0]
    others = {one.name: one.samples for one in readable if one.samples not in (usual, "")}
    blank = {one.name: "" for one in readable if one.blank}
    return [
        *found_in(others, "other-channels", f"of other channels than most, which are {usual}"),
        *found_in(blank, "blank-picture", "of one colour"),
    ]
