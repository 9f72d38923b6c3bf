"""Measuring a data set's fingerprint."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import ndimage

from zoo.data import DataSet, Split
from zoo.data.untuned import untuned
from zoo.errors import UserError
from zoo.plan.fingerprint import Boxes, Fingerprint, Masks, Region
from zoo.preprocess import IGNORE, decode_image, decode_mask, read_header
from zoo.tasks import Task
from zoo.training.watch import Bar, Watch

# Reading a header reads the whole file: enough that their sizes are known to a few per cent.
_SIZED = 2_000
# Pixels are looked at in fewer: a share is known to a few per cent from these, too.
_DECODED = 200
_MASK_PIXELS = 100_000_000
_FEWEST = 8
# JPEG blurs colours: gray, scanned in colour, comes back a few values apart.
_APART = 10
_COLOURED = 0.01

_Raw = dict[str, tf.Tensor]


def measure(dataset: DataSet, task: Task, watch: Watch) -> Fingerprint:
    """Measures what a plan rests on.

    Args:
        dataset: Opened with the task's targets.
        task: What is to be learnt.
        watch: Told what goes on.

    Raises:
        UserError: If the set lacks what the task learns, or no picture of it can be read.
    """
    class_names = dataset.class_names(task.targets)
    train = dataset.split("train")
    counts = None
    if "class" in task.targets:
        counts = {
            name: split.counts or _count_classes(split, len(class_names), watch)
            for name, split in dataset.splits.items()
        }
    sized = spread(train.length, _SIZED)
    with watch.bar("measuring sizes", len(sized)) as bar:
        rows = _read(train, sized, _size_and_box, bar)
    known = {index: row for index, row in rows.items() if row["size"].all()}
    if not known:
        raise UserError(
            f"none of the {len(sized):,} pictures of {dataset.name} that were looked at can be "
            "read; `zoo train` names what is wrong with each"
        )
    sizes = np.array([row["size"] for row in known.values()])
    pixels = sizes.prod(axis=1)
    most = _DECODED
    if "mask" in task.targets:
        most = min(most, max(_FEWEST, int(_MASK_PIXELS / np.median(pixels))))
    decoded = spread(train.length, most)
    regions = _Regions(len(class_names))
    with watch.bar("measuring pixels", len(decoded)) as bar:
        pictures = _read(
            train, decoded, _look_of(task), bar, lambda row: regions.add(row.pop("mask", None))
        )
    if not pictures:
        raise UserError(
            f"none of the {len(decoded):,} pictures of {dataset.name} that were looked at can be "
            "used; `zoo train` names what is wrong with each"
        )
    if "mask" in task.targets and not regions.labelled:
        raise UserError(
            f"no pixel of the {len(pictures):,} masks of {dataset.name} that were looked at has a "
            "class; name the ids with --set data.options.classes=..."
        )
    unusable = {int(i) for i in sized} - known.keys() | {int(i) for i in decoded} - pictures.keys()
    coloured = float(np.mean([row["coloured"] for row in pictures.values()]))
    channels = max(int(row["channels"]) for row in pictures.values())
    aspects = sizes[:, 1] / sizes[:, 0]
    low, middle, high = (float(np.percentile(aspects, share)) for share in (5, 50, 95))
    height, width = np.median(sizes, axis=0)
    return Fingerprint(
        name=dataset.name,
        class_names=class_names,
        pictures={name: split.length for name, split in dataset.splits.items()},
        counts=counts,
        sized=len(sized),
        decoded=len(decoded),
        unusable=len(unusable),
        size=(round(height), round(width)),
        smallest=_pair(sizes[np.argmin(pixels)]),
        largest=_pair(sizes[np.argmax(pixels)]),
        aspect=(low, middle, high),
        channels=(3 if coloured else 1) if channels == 3 else channels,
        coloured=coloured if channels == 3 else 0.0,
        mirrored=dataset.mirrored,
        boxes=_boxes(known.values()) if "box" in task.targets else None,
        masks=regions.result(class_names) if "mask" in task.targets else None,
    )


def spread(length: int, most: int) -> np.ndarray:
    """Returns at most so many indices of a split, evenly spread from the first to the last.

    Example:
        >>> spread(9, 3).tolist()
        [0, 4, 8]
    """
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(np.int64))


def _pair(size: np.ndarray) -> tuple[int, int]:
    return int(size[0]), int(size[1])


def _read(
    split: Split,
    indices: np.ndarray,
    look: Callable[[_Raw], _Raw],
    bar: Bar,
    take: Callable[[dict[str, Any]], Any] = lambda row: None,
) -> dict[int, dict[str, Any]]:
    """Looks at examples in parallel; those that cannot be read are missing in what it returns."""

    # AutoGraph would wrap a user's mistake, found while tracing, in an error of its own.
    @tf.autograph.experimental.do_not_convert
    def row_of(index: tf.Tensor) -> tuple[tf.Tensor, _Raw]:
        return index, look(split.read(index))

    data = tf.data.Dataset.from_tensor_slices(indices)
    data = data.map(row_of, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    found = {}
    for index, row in untuned(data.ignore_errors()).as_numpy_iterator():
        take(row)
        found[int(index)] = row
        bar.advance()
    return found


def _count_classes(split: Split, classes: int, watch: Watch) -> tuple[int, ...]:
    with watch.bar(f"counting classes of {split.name}", split.length) as bar:
        rows = _read(split, np.arange(split.length), lambda raw: {"class": raw["class"]}, bar)
    labels = np.array([row["class"] for row in rows.values()], np.int64)
    return tuple(np.bincount(labels[labels >= 0], minlength=classes).tolist())


def _size_and_box(raw: _Raw) -> _Raw:
    image = raw["image"]
    size = _upright_size()(image) if image.dtype == tf.string else tf.shape(image)[:2]
    return {"size": tf.cast(size, tf.int64)} | ({"box": raw["box"]} if "box" in raw else {})


def _look_of(task: Task) -> Callable[[_Raw], _Raw]:
    def look(raw: _Raw) -> _Raw:
        image = raw["image"]
        if image.dtype == tf.string:
            found = {"channels": tf.constant(3), "coloured": _decoded_colour()(image)}
        else:
            found = {"channels": tf.shape(image)[-1], "coloured": _has_colour(image)}
        if "mask" in task.targets:
            mask = raw["mask"]
            if mask.dtype == tf.string:
                mask = decode_mask(mask)
            found["mask"] = tf.reshape(mask, tf.shape(mask)[:2])
        return found

    return look


# Traced once: tracing takes longer than looking at a small set's pictures.
@functools.cache
def _upright_size() -> Callable[[Any], Any]:
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def upright_size(data):
        _, size, orientation = read_header(data)
        return tf.where(orientation >= 5, size[::-1], size)

    return upright_size


@functools.cache
def _decoded_colour() -> Callable[[Any], Any]:
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    def decoded_colour(data):
        return _has_colour(decode_image(data, 3))

    return decoded_colour


def _has_colour(image: tf.Tensor) -> tf.Tensor:
    values = tf.cast(image[:, :, :3], tf.float32)
    apart = tf.reduce_max(values, axis=-1) - tf.reduce_min(values, axis=-1) > _APART
    return tf.reduce_mean(tf.cast(apart, tf.float32)) > _COLOURED


def _boxes(rows: Any) -> Boxes | None:
    shares, sides = [], []
    for row in rows:
        x_min, y_min, x_max, y_max = (float(edge) for edge in row["box"])
        height, width = row["size"]
        across, down = (x_max - x_min) * width, (y_max - y_min) * height
        if np.isfinite(across * down):
            shares.append(across * down / (height * width))
            sides.append(min(across, down) / max(height, width))
    if not shares:
        return None
    return Boxes(share=float(np.median(shares)), small=float(np.percentile(sides, 10)))


class _Regions:
    """Adds up what masks hold."""

    def __init__(self, classes: int):
        self._pixels = np.zeros(IGNORE + 1, np.int64)
        self._masks = 0
        self._thickness: list[list[float]] = [[] for _ in range(classes)]
        self._components: list[list[float]] = [[] for _ in range(classes)]

    def add(self, mask: np.ndarray | None) -> None:
        if mask is None:
            return
        self._masks += 1
        self._pixels += np.bincount(mask.ravel(), minlength=IGNORE + 1)
        for number, (thickness, components) in enumerate(
            zip(self._thickness, self._components, strict=True)
        ):
            inside = mask == number
            if inside.any():
                thickness.append(thickness_of(inside))
                components += component_shares(inside)

    @property
    def labelled(self) -> int:
        """Number of pixels that have a class."""
        return int(self._pixels[: len(self._thickness)].sum())

    def result(self, names: tuple[str, ...]) -> Masks:
        labelled = self.labelled
        return Masks(
            regions=tuple(
                Region(
                    name=name,
                    share=float(self._pixels[number] / labelled),
                    pictures=len(self._thickness[number]) / max(1, self._masks),
                    thickness=float(np.median(self._thickness[number] or [0.0])),
                    component=float(np.median(self._components[number] or [0.0])),
                )
                for number, name in enumerate(names)
            ),
            ignored=float(1 - labelled / self._pixels.sum()),
        )


def thickness_of(inside: np.ndarray) -> float:
    """Returns how thick a class is: 4 times the mean distance of its pixels to its edge.

    The edge runs half a pixel before the middle of the nearest pixel outside; the border of the
    picture is none. The middle of a strip of width w lies w / 2 from its edges and its pixels
    w / 4 on average. A picture that it fills is as thick as its shorter side.

    Args:
        inside: bool [h, w], with a True.

    Example:
        >>> float(thickness_of(np.array([[False, True, True, True, True, False]])))
        4.0
    """
    if inside.all():
        return float(min(inside.shape))
    distances: Any = ndimage.distance_transform_edt(inside)
    return float(4 * (distances[inside] - 0.5).mean())


def component_shares(inside: np.ndarray) -> list[float]:
    """Returns the share of the picture that each connected region covers.

    Args:
        inside: bool [h, w].
    """
    found: Any = ndimage.label(inside, structure=np.ones((3, 3)))
    return (np.bincount(found[0].ravel())[1:] / inside.size).tolist()
